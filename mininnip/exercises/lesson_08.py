"""Exercises of lesson 08: honest splits, the area between two curves, counting weights, cost, and atomic energies."""

import numpy as np
import torch

from mininnip.exercises.makers import choice_question, code_question, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.reading import array

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5"]

q1 = choice_question(
    "near copies",
    answer="reason",
    title="Every fifth frame",
    options={
        "fewer frames": "The number of validation frames changes how well the error is known, not how large it is.",
        "near copies": "Each validation frame has training frames 3 fs before and after it: the network has nearly "
        "seen it. The error measures memory, and says little about new structures.",
        "lower temperature": "Every fifth frame comes from the whole run and has its temperature on average.",
        "noise": "The labels of both choices are equally noisy: they come from the same calculation.",
    },
    hints=["How far do atoms move within 3 fs?", "Look at what stands in the training set beside a validation frame."],
)


def _curves(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances and two curves that cross, (n,) each."""
    r = np.linspace(0.5, 5.0, n)
    h = 1 + 0.8 * np.exp(-((r - 2.6) ** 2) / 0.2) - 0.2 * np.exp(-((r - 3.5) ** 2))
    return r, 1 + np.exp(-((r - 2.4) ** 2) / 0.1), h


_R, _G, _H = _curves(91)

q2 = function_question(
    "def difference(r, g, h):\n    return np.abs(g - h).sum() * (r[1] - r[0])",
    points=[(_R, _G, _H), (_R, _H, _G), _curves(361), (2 * _R, _G, _H)],
    what="area",
    note="Å",
    tolerance=0.03,
    title="One number for two curves",
    expects="takes three arrays (B,) and returns the area between g and h in Å",
    slips={
        "np.abs(g - h) → (g - h)": "where g is below h the area counts too: take the absolute value before summing",
        "np.abs(g - h).sum() → abs((g - h).sum())": "the absolute value must be taken before the sum, or positive and "
        "negative parts cancel",
        " * (r[1] - r[0]) → ": "an integral needs dr: multiply by the width of a bin",
        "(r[1] - r[0]) → 0.05": "it does not follow the bins: read the width of a bin from r",
        "sum() * (r[1] - r[0]) → mean()": "the mean is not the integral: it still has to be multiplied by the range",
        "np.abs(g - h) → ((g - h) ** 2)": "asked is the absolute difference, not its square",
        "return np.sqrt(((g - h) ** 2).mean())": "that is a root-mean-square difference; asked is the area",
        "return np.abs(g - h).max()": "that is the largest difference at one distance; asked is the area",
        "np.abs(g - h).sum() → np.maximum(g - h, 0).sum()": "where g is below h the area counts too",
    },
    because="The area is the sum of |g − h| over all bins, times the width of a bin.",
    hints=["Sum over bins, and remember dr.", "np.abs(g - h), then the width r[1] - r[0]."],
)

q3 = number_question(
    "(10 * 5 + 5) + (5 * 5 + 5) + (5 * 1 + 1)",
    answer="weights",
    what="number of weights",
    note="a number",
    title="How many weights?",
    slips={
        "64 * 91": "all 64 atoms go through the same network: it is counted once",
        "10 * 5 + 5 * 5 + 5": "those are the connections; each neuron, and the output, also has a bias",
        "10 * 5 + 5 + 5 * 5 + 5": "you stopped before the output: 5 weights and a bias more",
        "90": "the output has a bias too",
        "10 * 5 + 5 + 5 + 1": "there are two hidden layers: 5 × 5 connections and 5 biases lie between them",
        "10 + 5 + 5 + 1": "you counted neurons; trained are the connections between them, and the biases",
        "10 * 5 * 5 * 1": "layers add up; they do not multiply",
        "192 * 5 + 41": "the inputs are an atom's 10 symmetry functions, not the 192 coordinates",
    },
    because="Each layer has inputs × outputs weights and one bias per output; all silicon atoms share one network: 91.",
    hints=["A layer from n to m neurons has n·m weights and m biases.", "Does the number of atoms matter?"],
)

q4 = number_question(
    "10 * (6400 / 64)**3 / 86400",
    answer="days",
    what="time",
    unit="days",
    note="days of processor time",
    verb="Derive",
    title="A hundred times the atoms",
    slips={
        "10 * 100**3": "that is in seconds; a day has 86 400 of them",
        "10 * 100**3 / 3600": "that is in hours; asked are days",
        "10 * 100 / 86400": "that is linear scaling, the network's; here a hundred times the atoms cost 100³ times",
        "10 * 100**2 / 86400": "that is N²; the exponent is 3",
        "10 * 6400**3 / 86400": "only the ratio of the sizes counts: 6400/64 = 100",
        "100**3 / 86400": "the 10 s of the small cell are missing",
    },
    because="100 times the atoms cost 100³ = a million times 10 s, that is 116 days, for one step of 3 fs.",
    hints=["By which factor does N grow?", "Factor³ times 10 s; a day has 86 400 s."],
)


def _clusters():
    """Structures of 6, 7 and 9 atoms, none closer than 1.5 Å."""
    rng = np.random.default_rng(0)
    sites = np.stack(np.meshgrid(*3 * [np.arange(3.0)], indexing="ij"), axis=-1).reshape(-1, 3)
    return [2.4 * sites[rng.choice(27, n, replace=False)] + rng.uniform(-0.4, 0.4, (n, 3)) for n in (6, 7, 9)]


def _judge_change(rule):
    def values(positions):
        return array(rule(torch.tensor(positions)), (len(positions),), "change")

    rng, clusters = np.random.default_rng(1), _clusters()
    size = max(np.abs(values(one)).max() for one in clusters)
    if size < 1e-9:
        return "Your change is zero for every atom: it adds up to zero, but nothing is changed."
    allowed = 2e-5 * size
    for one in clusters:
        before = values(one)
        if abs(before.sum()) > allowed:
            return f"It adds up to {before.sum():.3g} for a cluster of {len(one)} atoms: the total energy would change."
        turn, order = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.permutation(len(one))
        turn = turn * np.sign(np.linalg.det(turn))
        for other, why in (
            (values(one + [1.0, -2.0, 3.0]) - before, "when all atoms are moved together: it depends on the origin"),
            (values(one @ turn) - before, "when the cluster is turned: it depends on the axes"),
            (values(one[order]) - before[order], "when atoms are relabelled: it depends on the labels"),
        ):
            if np.abs(other).max() > allowed:
                return f"It changes by up to {np.abs(other).max():.3g} {why}."
    return None


q5 = code_question(
    _judge_change,
    "def change(positions):\n"
    "    crowd = torch.exp(-torch.cdist(positions, positions)).sum(dim=1)  # how crowded an atom is\n"
    "    return crowd - crowd.mean()",
    what="change",
    note="(N,) for positions (N, 3)",
    verb="Break",
    title="Pay your neighbor",
    expects="returns one number per atom, shape (N,), for a tensor (N, 3) in Å",
    wrong=[
        ("return torch.zeros(len(positions))", "nothing is changed"),
        ("return torch.cdist(positions, positions).sum(1)", "the total energy would change"),
        ("return torch.tensor([1.0, -1.0] + [0.0] * (len(positions) - 2))", "labels"),
        ("return positions[:, 0] - positions[:, 0].mean()", "the axes"),
        ("n = positions.norm(dim=1)\nreturn n - n.mean()", "the origin"),
    ],
    because="Any invariant number per atom, minus its mean, or pairwise payments h(i) − h(j): E_i is another, every "
    "total and every force is the same.",
    hints=[
        "Start from any number per atom that is made of distances.",
        "Then take something away so that the sum is zero: the mean, or let pairs pay each other.",
    ],
)
