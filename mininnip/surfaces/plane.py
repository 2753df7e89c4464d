"""A point on a landscape as an atom in a plane, so that all that works on atoms works on a surface that can be seen.

A point (x, y) is a structure of one hydrogen atom at (x, y, 0) without a cell. `mn.neural.CoordinateNetwork` with
`Cartesian([0], axes=(0, 1))` is a network of x and y; ensembles, training and attacks take it like any other model.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.graph import Graph
from mininnip.surfaces.derivatives import Surface, forces


def as_graph(points: Tensor) -> Graph:
    """Points (S, 2) as a graph of S structures of one atom each, without edges.

    Raises:
        ValueError: points of another shape, or one that is not finite.
    """
    if points.dim() != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points of a plane have the shape (S, 2), got {tuple(points.shape)}")
    if not bool(points.isfinite().all()):
        raise ValueError("a point has a coordinate that is NaN or infinite")
    n, options = len(points), {"dtype": torch.int64, "device": points.device}
    return Graph(
        numbers=torch.ones(n, **options),
        positions=torch.cat([points, torch.zeros_like(points[:, :1])], dim=1),
        cell=points.new_zeros(n, 3, 3),
        pbc=torch.zeros(n, 3, dtype=torch.bool, device=points.device),
        edges=torch.zeros(2, 0, **options),
        shifts=torch.zeros(0, 3, **options),
        structure=torch.arange(n, device=points.device),
        cutoff=None,
        total_charge=points.new_zeros(n),
    )


def as_points(graph: Graph) -> Tensor:
    """Points (S, 2) of a graph that `as_graph` made."""
    return graph.positions[:, :2]


def labeler(surface: Surface) -> Callable[[Graph], dict[str, Tensor]]:
    """What answers like a potential for points of a plane: energies (S,) and forces (S, 3) of a known surface."""

    def label(graph: Graph) -> dict[str, Tensor]:
        points = as_points(graph).detach()
        across = torch.zeros_like(points[:, :1])
        return {"energy": surface(points), "forces": torch.cat([forces(surface, points), across], dim=1)}

    return label


def as_data(points: Tensor, surface: Surface, name: str = "points of a plane") -> Dataset:
    """Points (S, 2) with the energies and forces of a known surface, as a data set to train on."""
    graph = as_graph(points)
    return Dataset.from_graph(graph, labeler(surface)(graph), name)
