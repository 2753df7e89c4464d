"""Graphs that neighbors' colors confuse: are two of them one graph, and do all rounds of coloring really agree?

The coloring is that of Weisfeiler and Leman: a node's new color is its own and those of its neighbors, sorted.
"""

from collections import Counter
from typing import Any

import numpy as np

from mininnip.exercises.reading import Slip, array

__all__ = ["judge_confused", "same_graph"]

MOST = 16  # nodes
Neighbors = list[set[int]]


def judge_confused(answer: Any) -> str | None:
    """Whether an answer is a pair of different graphs, lists of edges, that coloring cannot tell apart."""
    try:
        one, other = answer
    except (TypeError, ValueError):
        raise Slip("Your answer is not a pair; two lists of edges are expected.") from None
    one, other = _neighbors(one, "first"), _neighbors(other, "second")
    if len(one) != len(other):
        return f"The first graph has {len(one)} nodes, the second {len(other)}: a sum over nodes tells them apart."
    colors = [0] * len(one + other)
    for step in range(len(one) + 1):
        counts = Counter(colors[: len(one)]), Counter(colors[len(one) :])
        if counts[0] != counts[1]:
            return f"Coloring tells them apart after {step} step{'s' * (step > 1)}: {_difference(step, one, other)}."
        colors = _recolored(colors, [*one, *({len(one) + k for k in around} for around in other)])
    if same_graph(one, other):
        return f"These are one and the same graph of {len(one)} nodes, relabelled; two different ones are asked."
    return None


def same_graph(one: Neighbors, other: Neighbors) -> bool:
    """Whether relabelling makes one graph the other; found node by node, going back whenever an edge does not fit."""
    walk: list[int] = []  # the nodes of one, each next to an earlier one where possible: so few places fit
    while len(walk) < len(one):
        left = [k for k in range(len(one)) if k not in walk]
        walk.append(max(left, key=lambda k: len(one[k].intersection(walk))))

    def fits(order: list[int], new: int) -> bool:
        mine = one[walk[len(order)]]
        return new not in order and all((order[n] in other[new]) == (walk[n] in mine) for n in range(len(order)))

    def place(order: list[int]) -> bool:
        return len(order) == len(one) or any(fits(order, new) and place([*order, new]) for new in range(len(one)))

    return len(one) == len(other) and place([])


def _neighbors(edges: Any, which: str) -> Neighbors:
    """The neighbors of every node; a pair may stand in the list once or in both directions."""
    pairs = array(edges, what=f"{which} list of edges")
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise Slip(f"Your {which} list of edges has shape {pairs.shape}; pairs of nodes are expected, (n, 2).")
    if (pairs != np.round(pairs)).any() or pairs.min() < 0 or pairs.max() >= MOST:
        raise Slip(f"Your {which} list of edges has other numbers than nodes 0, 1, … up to {MOST - 1}.")
    around: Neighbors = [set() for _ in range(int(pairs.max()) + 1)]
    for i, j in pairs.astype(int).tolist():
        if i == j:
            raise Slip(f"Your {which} graph joins node {i} to itself; an edge joins two nodes.")
        around[i].add(j)
        around[j].add(i)
    return around


def _recolored(colors: list[int], around: Neighbors) -> list[int]:
    seen = [(color, *sorted(colors[k] for k in near)) for color, near in zip(colors, around, strict=True)]
    names = {what: name for name, what in enumerate(sorted(set(seen)))}
    return [names[what] for what in seen]


def _difference(step: int, one: Neighbors, other: Neighbors) -> str:
    if step == 1:
        counts = (sorted(len(near) for near in around) for around in (one, other))
        return "the numbers of neighbors are {} and {}".format(*counts)
    return "the numbers of neighbors agree, those of neighbors' neighbors do not"
