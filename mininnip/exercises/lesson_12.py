"""Exercises of lesson 12: convolution on a graph, messages, how far they reach, what they confuse, what a map says."""

import numpy as np
import torch

from mininnip.exercises.engine import Question
from mininnip.exercises.graphs import judge_confused
from mininnip.exercises.makers import choice_question, function_question, number_question
from mininnip.exercises.prediction import predict

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

q1 = number_question(
    "(6 + 1 + 8 + 8) + (1 + 6) + (8 + 6) + (8 + 6 + 1)",
    answer="carbon",
    what="number",
    title="Two steps",
    slips={
        "6 + 1 + 8 + 8": "that is after one step; the second adds what the neighbors hold by then",
        "7 + 14 + 15": "the atom's own 23 is missing: neighbors are added to what it holds",
        "23 + 1 + 8 + 8": "in the second step the neighbors no longer hold 1, 8, 8; they have made a step, too",
        "23 + 7 + 14 + 15 + 9": "the hydrogen of the other end is no neighbor of carbon: it arrives through its oxygen",
        "2 * (6 + 1 + 8 + 8)": "each atom holds something else after the first step; add these numbers",
        "23 + (1 + 23) + (8 + 23) + (8 + 23 + 1)": "carbon was updated first and its neighbors saw the new value; "
        "all atoms step at once",
    },
    because="After one step the atoms hold 7, 23, 14, 15, 9; carbon adds its neighbors' 7, 14 and 15 to its 23: 59.",
    hints=["First write down what all five atoms hold after one step.", "Carbon's neighbors then hold 7, 14 and 15."],
)


def _message(own, other):  # any form in; two neighbors of one atom do not add up linearly, and own ≠ other
    if isinstance(own, list):
        own, other = np.asarray(own), np.asarray(other)
    return own * other - 0.3 * other**2 + 0.1 * own


_GENERATOR = torch.Generator().manual_seed(12)
_PATH = torch.tensor([[0, 1, 1, 1, 2, 3, 3, 4], [1, 0, 2, 3, 1, 1, 4, 3]])  # formic acid
_STAR = torch.tensor([[2, 2, 0, 1, 3, 2], [0, 1, 2, 2, 2, 3]])
_NODES = [torch.randn(n, f, generator=_GENERATOR, dtype=torch.float64) for n, f in ((5, 3), (4, 2), (6, 3))]

q2 = function_question(
    "def gather(nodes, i, j, M):\n"
    "    total = 0 * nodes\n"
    "    for k in range(len(i)):\n"
    "        total[i[k]] += M(nodes[i[k]], nodes[j[k]])\n"
    "    return total",
    points=[(nodes, *edges, _message) for nodes, edges in zip(_NODES, (_PATH, _STAR, _PATH), strict=True)],
    what="sum of messages",
    title="Gather the messages",
    expects="takes nodes (N, F), centers i (E,), neighbors j (E,) and a function M, and returns m (N, F)",
    slips={
        "+= M → = M": "an atom keeps only the last message of its list; add them up",
        "M(nodes[i[k]], nodes[j[k]]) → M(nodes[j[k]], nodes[i[k]])": "M takes the center first, then the neighbor: "
        "yours are exchanged, or the sum ends at j",
        "M(nodes[i[k]], nodes[j[k]]) → nodes[j[k]]": "you add what the neighbors hold, not what M makes of it",
        "    return total → \n    count = torch.zeros(len(nodes)).index_add(0, i, torch.ones(len(i)))\n    return "
        "total / count.clamp(min=1)[:, None]": "that is the mean of the messages, the slide has their sum",
        "0 * nodes → nodes.clone()": "you start from what the atoms hold; m is the messages alone, U comes later",
        "    return total → \n    return total + M(nodes, nodes)": "an atom sends a message to itself; N(i) holds its "
        "neighbors only",
        "    return total → \n    return 2 * total": "every pair stands twice in the list already: both centers",
        "return torch.stack([M(nodes[n], nodes[j[i == n]].sum(0)) for n in range(len(nodes))])": "you send the sum of "
        "the neighbors through M; each neighbor has a message of its own",
    },
    wrong=[
        ("return M(nodes[i], nodes[j])", "shape"),
        ("0 * nodes → torch.zeros(len(i), nodes.shape[1], dtype=nodes.dtype)", "shape"),
    ],
    because="One message for each edge, added up at its center i; an atom without edges gets zero.",
    hints=[
        "One message for each edge k: from neighbor j[k] to center i[k].",
        "`segment_sum(messages, i, len(nodes))` adds the rows that share a center; so does a loop with +=.",
    ],
)

q3 = number_question(
    "np.ceil(16 / 5)",
    answer="earliest",
    what="number of steps",
    title="Within earshot",
    slips={
        "np.floor(16 / 5)": "three steps of at most 5 Å lead 15 Å far: not there yet",
        "16 / 5": "steps are whole",
        "5": "that is one more than needed: four steps lead up to 20 Å far",
        "1": "one step leads at most 5 Å far",
        "16": "a step leads up to 5 Å far, not 1 Å",
        "2": "news travels one edge a step, from an atom to you; nobody meets it halfway",
    },
    because="Every step leads at most 5 Å far, so ⌈16/5⌉ = 4 at the earliest: with no atom in the right place between, "
    "later, or never.",
    hints=["How far can news have come after one step? After two?", "16/5 = 3.2, and steps are whole."],
)

q4 = choice_question(
    "edges up to 5 Å",
    answer="repair",
    verb="Predict",
    title="What would see the torsion?",
    options={
        "more steps": "More steps send the same news farther: all frames have the same bonds, hence the same news.",
        "wider networks": "Equal inputs give equal outputs, whatever the network: M and U are not the bottleneck.",
        "bond lengths": "The torsion turns about a bond: no bond changes its length, nor do two bonds their angle.",
        "edges up to 5 Å": "Atoms at the two ends of a torsion are three bonds apart, and only their distance changes: "
        "they need an edge that knows its length.",
    },
    hints=["Which distances change when a bond is turned about itself?", "The atoms that move apart are not bonded."],
)

q5 = Question(
    verb="Break",
    title="Confuse the messages",
    answer="twins",
    expects="a pair of lists of edges, as ([(0, 1), …], [(0, 1), …]), of two different graphs of equal atoms",
    judge=judge_confused,
    stub="twins = (..., ...)  # two lists of edges between atoms 0, 1, 2, …",
    right="ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]\n"
    "triangles = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]\n"
    "twins = (ring, triangles)",
    because="Where every atom has two neighbors that have two neighbors, no message says more, in one ring of six or "
    "in two of three.",
    hints=[
        "Let every atom have the same number of neighbors.",
        "Six atoms with two neighbors each: one ring, or how else?",
    ],
    wrong=[
        ("twins = ([(0, 1), (1, 2)], [(0, 1), (1, 2), (2, 3)])", "a sum over nodes"),
        ("twins = ([(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3)])", "after 1 step"),
        ("twins = ([(0, 1), (1, 2), (2, 0)], [(0, 2), (2, 1), (1, 0)])", "relabelled"),
        ("twins = ([(0, 0)], [(0, 0)])", "to itself"),
        ("twins = ([(0, 1)],)", "not a pair"),
    ],
)

q6 = choice_question(
    "learned energy",
    answer="meaning",
    title="What does the map show?",
    options={
        "potential": "No charge and no electron enters: the probe is an atom of the network's table, and "
        "its number is a share of a learned energy.",
        "binding energy": "The molecule does not answer: its atoms neither hear the probe nor move, and their "
        "energies, which a real tenth atom would change, are left out.",
        "electron density": "The network has seen energies and forces only, and positions of nuclei.",
        "learned energy": "It is the energy that the network gives to one more atom at this place: it "
        "tells what the network has learned, and where it guesses.",
    },
    hints=["What has the network been trained on?", "Whose energy is drawn, and who hears whom?"],
)
