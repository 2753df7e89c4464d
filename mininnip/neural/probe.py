"""Probe: an atom that listens and is not heard, to see what a trained network makes of a place.

DTNN's authors move a probe around a molecule and draw its energy Ω(r), a "local chemical potential" as the network has
learned it: edges lead from the atoms to the probe, none leads back, so the molecule does not feel it. Schütt et al.,
Nat. Commun. 8, 13890 (2017), doi:10.1038/ncomms13890. It is no electrostatic potential; close to a nucleus, where no
training structure has an atom, it is extrapolation.
"""

import itertools
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mininnip.graph import Graph

CLOSEST = 1e-3  # Å between a probe and an atom


def with_probes(graph: Graph, number: int, positions: Any) -> Graph:
    """A structure and many probes, none of which is felt by an atom or by another probe.

    Any model that gathers messages at the center of an edge can be asked; the energies of the probes are the last:

        Ω = potential(with_probes(graph, 6, places), forces=False)["energies"][graph.n_atoms:]

    Args:
        graph: one structure with its edges.
        number: atomic number of the probes.
        positions: their places (P, 3) in Å.

    Returns:
        The graph of N + P atoms, with edges from atoms (and their images) to the probes.

    Raises:
        ValueError: several structures, no edges, places of another shape or not finite, an unknown element, a probe on
            top of an atom.
    """
    places = torch.as_tensor(positions).to(graph.positions)
    cutoff = _check(graph, number, places)
    shifts = _images(graph, places, cutoff)  # (M, 3)
    images = graph.positions + (shifts.to(places) @ graph.cell[0])[:, None]  # (M, N, 3)
    distances = torch.cdist(places, images.flatten(0, 1))  # (P, M N)
    probe, image = (distances < cutoff).nonzero().T
    if len(image) and float(distances[probe, image].detach().min()) < CLOSEST:
        near = int(distances.amin(dim=1).argmin())
        raise ValueError(f"probe {near} is on top of an atom: a probe needs a place of its own")
    return replace(
        graph,
        numbers=torch.cat([graph.numbers, graph.numbers.new_full((len(places),), number)]),
        positions=torch.cat([graph.positions, places]),
        edges=torch.cat([graph.edges, torch.stack([graph.n_atoms + probe, image % graph.n_atoms])], dim=1),
        shifts=torch.cat([graph.shifts, shifts[image // graph.n_atoms].to(graph.shifts)]),
        structure=torch.cat([graph.structure, graph.structure.new_zeros(len(places))]),
    )


def _images(graph: Graph, places: Tensor, cutoff: float) -> Tensor:
    """Lattice translations (M, 3), as integers, by which an image of an atom can be within reach of a place."""
    both, periodic = torch.cat([graph.positions, places]).detach(), graph.pbc[0]
    reach = cutoff + float((both.amax(dim=0) - both.amin(dim=0)).norm())
    most = torch.zeros(3, dtype=torch.int64)  # |n| ≤ |r| ‖rows of the inverse‖ in r = n · cell
    most[periodic.cpu()] = torch.ceil(reach * torch.linalg.pinv(graph.cell[0][periodic]).norm(dim=0)).long().cpu()
    return torch.tensor(list(itertools.product(*(range(-n, n + 1) for n in most.tolist()))), device=places.device)


def _check(graph: Graph, number: int, places: Tensor) -> float:
    """The cutoff, if probes can be put there."""
    if graph.n_structures != 1 or graph.cutoff is None:
        raise ValueError("probes are put around one structure, whose graph has edges")
    if places.dim() != 2 or places.shape[1] != 3 or not bool(places.isfinite().all()):
        raise ValueError(f"places of probes must be finite and of shape (P, 3), got {tuple(places.shape)}")
    if number not in range(1, 119):
        raise ValueError(f"a probe is an atom with an atomic number, 1 to 118; got {number!r}")
    return graph.cutoff
