"""Graphs of exercise 5 of lesson 12: one graph however labelled, and pairs that coloring confuses."""

import numpy as np
import pytest

from mininnip.exercises.graphs import _neighbors, judge_confused, same_graph
from mininnip.exercises.reading import Slip

RING = [(k, (k + 1) % 6) for k in range(6)]
TRIANGLES = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]


def graph(edges):
    return _neighbors(edges, "first")


def test_a_relabelled_graph_is_the_same_and_a_confused_one_is_not():
    rng = np.random.default_rng(0)
    cube = [(k, k ^ (1 << bit)) for k in range(8) for bit in range(3)]
    for edges, n in ((RING, 6), (TRIANGLES, 6), (cube, 8)):
        assert same_graph(graph(edges), graph(rng.permutation(n)[np.array(edges)]))
    assert not same_graph(graph(RING), graph(TRIANGLES))
    assert not same_graph(graph(RING), graph(RING[:-1]))


def test_coloring_confuses_rings_and_a_judge_is_quick_with_large_ones():
    rng = np.random.default_rng(1)
    ring = rng.permutation(16)[np.array([(k, (k + 1) % 16) for k in range(16)])]
    two = rng.permutation(16)[np.array([(8 * s + k, 8 * s + (k + 1) % 8) for s in range(2) for k in range(8)])]
    assert judge_confused((RING, TRIANGLES)) is None and judge_confused((ring, two)) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((RING, RING[:-1]), "[2, 2, 2, 2, 2, 2] and [1, 1, 2, 2, 2, 2]"),
        ((RING, [(0, 1)]), "6 nodes, the second 2"),
        (([(0, 1), (1, 2), (2, 3), (3, 4), (1, 5)], [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5)]), "after 2 steps"),
    ],
)
def test_what_tells_two_graphs_apart_is_said(answer, words):
    sentence = judge_confused(answer)
    assert sentence is not None and words in sentence


@pytest.mark.parametrize(
    ("answer", "words"), [(7, "not a pair"), (([(0, 0)], RING), "to itself"), (([(0, 99)], RING), "up to 15")]
)
def test_what_is_no_graph_is_refused(answer, words):
    with pytest.raises(Slip, match=words):
        judge_confused(answer)
