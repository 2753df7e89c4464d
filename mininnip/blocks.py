"""Blocks: a graph cut into pieces that are evaluated one after the other, so that working memory does not grow with it.

How it may be cut is said by the model's `reach`. A piece costs as much as its edges for sums over pairs, and as much as
its pairs of neighbors, n² / 2 for an atom with n of them, where an atom's own edges are combined.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from mininnip.graph import Graph
from mininnip.model import Model

EDGES_PER_BLOCK = 1_000_000  # working memory of one block: about 250 MB
PAIRS_PER_BLOCK = 250_000  # pairs of neighbors of one atom: about 300 MB for 20 functions of them


class Block(NamedTuple):
    """A piece of a graph: `atoms` are the indices of its atoms there; the first `n_centers` have their edges."""

    graph: Graph
    atoms: Tensor
    n_centers: int


def is_large(graph: Graph, model: Model) -> bool:
    """Whether a graph is worth cutting for a model, and the model allows it."""
    if model.reach == "everything":
        return False
    if graph.edges.shape[1] > 2 * EDGES_PER_BLOCK:
        return True
    return model.reach == "own edges" and float(_costs(graph, model.triplet_cutoff).sum()) > 2 * PAIRS_PER_BLOCK


def cut(graph: Graph, model: Model) -> Iterator[Block]:
    """Pieces as the model's reach allows them."""
    if model.reach == "pairs":
        return cut_edges(graph)
    return cut_centers(graph, model.triplet_cutoff)


def _costs(graph: Graph, triplet_cutoff: float | None) -> Tensor:
    """How many unordered pairs of neighbors each atom has (N,), with a share for its edges and itself."""
    centers = graph.edges[0]
    n_neighbors = torch.bincount(centers, minlength=graph.n_atoms)
    n_near = n_neighbors
    if triplet_cutoff is not None:
        near = graph.edge_vectors().detach().square().sum(dim=1) < triplet_cutoff**2
        n_near = torch.bincount(centers[near], minlength=graph.n_atoms)
    return n_near * (n_near - 1) // 2 + n_neighbors // 4 + 1


def cut_edges(graph: Graph) -> Iterator[Block]:
    """Pieces that hold all atoms and some of the edges, as they come."""
    atoms = torch.arange(graph.n_atoms, device=graph.edges.device)
    for start in range(0, graph.edges.shape[1], EDGES_PER_BLOCK):
        some = slice(start, start + EDGES_PER_BLOCK)
        yield Block(replace(graph, edges=graph.edges[:, some], shifts=graph.shifts[some]), atoms, graph.n_atoms)


def cut_centers(graph: Graph, triplet_cutoff: float | None) -> Iterator[Block]:
    """Pieces that hold some centers with all their edges; their other neighbors have none."""
    block_of_atom = (_costs(graph, triplet_cutoff).cumsum(0) - 1) // PAIRS_PER_BLOCK  # (N,), ascending
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
