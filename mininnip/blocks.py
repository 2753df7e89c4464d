"""Blocks: a graph cut into pieces that are evaluated one after the other, so that working memory does not grow with it.

How it may be cut is said by the model's `reach`. A piece costs as much as its edges for sums over pairs, and as much as
its pairs of neighbors, n² / 2 for an atom with n of them, where an atom's own edges are seen together.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from mininnip.graph import Graph

EDGES_PER_BLOCK = 1_000_000  # working memory of one block: about 250 MB
PAIRS_PER_BLOCK = 500_000  # pairs of neighbors of one atom: about the same


class Block(NamedTuple):
    """A piece of a graph: `atoms` are the indices of its atoms there; the first `n_centers` have their edges."""

    graph: Graph
    atoms: Tensor
    n_centers: int


def is_large(graph: Graph, reach: str) -> bool:
    """Whether a graph is worth cutting."""
    if graph.edges.shape[1] > 2 * EDGES_PER_BLOCK:
        return True
    return reach == "own edges" and float(pairs_of_neighbors(graph).sum()) > 2 * PAIRS_PER_BLOCK


def pairs_of_neighbors(graph: Graph) -> Tensor:
    """How many unordered pairs of neighbors each atom has (N,), and itself as one more."""
    n_neighbors = torch.bincount(graph.edges[0], minlength=graph.n_atoms)
    return n_neighbors * (n_neighbors + 1) // 2 + 1


def cut_edges(graph: Graph) -> Iterator[Block]:
    """Pieces that hold all atoms and some of the edges, as they come."""
    atoms = torch.arange(graph.n_atoms, device=graph.edges.device)
    for start in range(0, graph.edges.shape[1], EDGES_PER_BLOCK):
        some = slice(start, start + EDGES_PER_BLOCK)
        yield Block(replace(graph, edges=graph.edges[:, some], shifts=graph.shifts[some]), atoms, graph.n_atoms)


def cut_centers(graph: Graph) -> Iterator[Block]:
    """Pieces that hold some centers with all their edges; their other neighbors have none."""
    block_of_atom = (pairs_of_neighbors(graph).cumsum(0) - 1) // PAIRS_PER_BLOCK  # (N,), ascending
    block_of_edge = block_of_atom[graph.edges[0]]
    order = torch.argsort(block_of_edge, stable=True)
    n_blocks = int(block_of_atom[-1]) + 1
    last_edges = torch.bincount(block_of_edge, minlength=n_blocks).cumsum(0).tolist()
    last_atoms = torch.bincount(block_of_atom, minlength=n_blocks).cumsum(0).tolist()
    new_index = torch.zeros_like(graph.numbers)
    for edges, (first, last) in zip(_between(last_edges), _between(last_atoms), strict=True):
        if first == last:
            continue
        selection = order[slice(*edges)]
        i, j = (row.index_select(0, selection) for row in graph.edges)
        centers = torch.arange(first, last, device=i.device)
        others = torch.zeros_like(graph.numbers, dtype=torch.bool)
        others[j] = True
        others[centers] = False
        atoms = torch.cat([centers, others.nonzero()[:, 0]])
        new_index[atoms] = torch.arange(len(atoms), device=i.device)
        piece = replace(
            graph,
            numbers=graph.numbers[atoms],
            positions=graph.positions[atoms],
            structure=graph.structure[atoms],
            edges=torch.stack([i - first, new_index.index_select(0, j)]),
            shifts=graph.shifts.index_select(0, selection),
        )
        yield Block(piece, atoms, len(centers))


def _between(ends: list[int]) -> list[tuple[int, int]]:
    return list(zip([0, *ends[:-1]], ends, strict=True))
