"""Liquids: how the atoms of a structure or a trajectory lie to each other, distances and angles."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from torch import Tensor

from mininnip.graph import Graph, triplets


class RadialDistribution(NamedTuple):
    """Radial distribution function; every array (B,), one entry per bin."""

    r: np.ndarray  # middle of the bin in Å
    g: np.ndarray  # density at this distance over the mean density
    spread: np.ndarray  # standard deviation of g between blocks of frames
    neighbors: np.ndarray  # mean number of neighbors up to the outer edge of the bin


class AngleDistribution(NamedTuple):
    """Distribution of angles between neighbors; every array (B,), one entry per bin."""

    angle: np.ndarray  # middle of the bin in degrees
    density: np.ndarray  # probability per degree
    spread: np.ndarray  # standard deviation of the density between blocks of frames


def radial_distribution(
    frames: Atoms | Iterable[Atoms],
    cutoff: float,
    n_bins: int = 200,
    elements: tuple[str, str] | None = None,
    n_blocks: int = 5,
) -> RadialDistribution:
    """How many neighbors stand at each distance, against an even distribution of the same density.

        g(r) = V / (N_a N_b) · n_ab(r) / (4π/3 [r₊³ − r₋³])

    with n_ab(r) the number of pairs (a, b) in the bin from r₋ to r₊, averaged over frames. Every periodic image is
    counted, so the cell may have any shape and r may go beyond half of it; in a liquid g tends to 1 at large r.
    Allen & Tildesley, Computer Simulation of Liquids (1987), §2.6.

    Args:
        frames: one ASE Atoms or a trajectory of them, periodic in all directions.
        cutoff: largest distance in Å.
        n_bins: number of bins B from 0 to the cutoff.
        elements: count only pairs from the first to the second of these symbols; None: all pairs.
        n_blocks: consecutive blocks of frames between which the spread is taken.

    Returns:
        r, g, spread (not a number if there are fewer than two frames) and neighbors, each (B,).

    Raises:
        ValueError: no frame, a frame that is not periodic, an element that is absent, a count that is not positive.
    """
    frames = _checked_frames(frames, n_bins=n_bins, n_blocks=n_blocks)
    edges = np.linspace(0, cutoff, n_bins + 1)
    shells = 4 * np.pi / 3 * np.diff(edges**3)  # (B,) Å³
    g, per_atom = np.empty((2, len(frames), n_bins))
    for frame, atoms in enumerate(frames):
        if not all(atoms.pbc):
            raise ValueError(
                f"frame {frame} is not periodic in all directions, so it has no density to compare with; a radial "
                "distribution needs atoms.pbc = True and a cell"
            )
        graph = Graph.from_atoms(atoms, cutoff)
        from_a, to_b = _members(atoms, elements, frame)
        i, j = graph.edges
        counted = torch.linalg.vector_norm(graph.edge_vectors()[from_a[i] & to_b[j]], dim=1)
        counts = np.histogram(counted.numpy(), bins=edges)[0]
        per_atom[frame] = counts / int(from_a.sum())
        g[frame] = per_atom[frame] / shells * atoms.cell.volume / int(to_b.sum())
    middle = (edges[:-1] + edges[1:]) / 2
    return RadialDistribution(middle, g.mean(0), _spread(g, n_blocks), per_atom.mean(0).cumsum())


def angle_distribution(
    frames: Atoms | Iterable[Atoms], cutoff: float, n_bins: int = 90, n_blocks: int = 5
) -> AngleDistribution:
    """Under which angles the neighbors of an atom stand: the angle j–i–k of every pair of neighbors of every atom i.

    The density integrates to 1 over 0 to 180 degrees. Neighbors at random directions give ½ sin θ (per radian), not a
    constant: there is little room near 0 and 180 degrees.

    Args:
        frames: one ASE Atoms or a trajectory of them; periodic or not.
        cutoff: atoms closer than this are neighbors, in Å.
        n_bins: number of bins B from 0 to 180 degrees.
        n_blocks: consecutive blocks of frames between which the spread is taken.

    Returns:
        angle, density and spread (not a number if there are fewer than two frames), each (B,).

    Raises:
        ValueError: no frame, a count that is not positive, or no atom with two neighbors in some frame.
    """
    frames = _checked_frames(frames, n_bins=n_bins, n_blocks=n_blocks)
    edges = np.linspace(0, 180, n_bins + 1)
    density = np.empty((len(frames), n_bins))
    for frame, atoms in enumerate(frames):
        graph = Graph.from_atoms(atoms, cutoff)
        first, second = triplets(graph.edges[0])  # (T,)
        if len(first) == 0:
            raise ValueError(f"no atom of frame {frame} has two neighbors within {cutoff} Å; raise the cutoff")
        r_ij = graph.edge_vectors()
        a, b = r_ij[first], r_ij[second]
        angle = torch.atan2(torch.linalg.vector_norm(torch.linalg.cross(a, b), dim=1), (a * b).sum(1))  # (T,)
        density[frame] = np.histogram(torch.rad2deg(angle).numpy(), bins=edges, density=True)[0]
    return AngleDistribution((edges[:-1] + edges[1:]) / 2, density.mean(0), _spread(density, n_blocks))


def closest_pair(atoms: Atoms) -> tuple[int, int, float]:
    """Which two atoms are nearest to each other, periodic images included.

    The densest packing of spheres bounds the distance: d³ ≤ √2 V/N, so no neighbor farther away is looked at.

    Args:
        atoms: periodic in all directions.

    Returns:
        Their indices i ≤ j (equal: an atom and its own image), and their distance in Å.

    Raises:
        ValueError: atoms that are not periodic.
    """
    if not all(atoms.pbc):
        raise ValueError("the closest pair is looked for in a periodic structure: set atoms.pbc = True and a cell")
    graph = Graph.from_atoms(atoms, 1.001 * (2**0.5 * atoms.cell.volume / len(atoms)) ** (1 / 3))
    distances = torch.linalg.vector_norm(graph.edge_vectors(), dim=1)
    k = int(distances.argmin())
    i, j = sorted(graph.edges[:, k].tolist())
    return i, j, float(distances[k])


def rms_displacement(atoms: Atoms, start: Atoms) -> float:
    """How far atoms have moved, without the drift of the whole: it saturates in a crystal and grows in a liquid.

        √(1/N Σ_i |u_i − ū|²),   u_i = r_i − r_i(start)

    Args:
        atoms, start: the same atoms later and at first, positions not wrapped into the cell.

    Returns:
        Å.
    """
    moved = atoms.positions - start.positions
    return float(np.sqrt(((moved - moved.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _checked_frames(frames: Atoms | Iterable[Atoms], **counts: int) -> list[Atoms]:
    frames = [frames] if isinstance(frames, Atoms) else list(frames)
    if len(frames) == 0:
        raise ValueError("there is no frame to analyze; give at least one structure")
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    return frames


def _members(atoms: Atoms, elements: tuple[str, str] | None, frame: int) -> tuple[Tensor, Tensor]:
    """Which atoms are of the first and of the second element, each (N,) bool."""
    if elements is None:
        everyone = torch.ones(len(atoms), dtype=torch.bool)
        return everyone, everyone
    for symbol in elements:
        if atomic_numbers.get(symbol) not in atoms.numbers:
            present = ", ".join(chemical_symbols[number] for number in sorted(set(atoms.numbers)))
            raise ValueError(f"frame {frame} has no atom of the element {symbol!r}, it holds {present}")
    a, b = (torch.tensor(atoms.numbers == atomic_numbers[symbol]) for symbol in elements)
    return a, b


def _spread(values: np.ndarray, n_blocks: int) -> np.ndarray:
    """Standard deviation between the means of consecutive blocks of frames: (F, B) -> (B,)."""
    if min(n_blocks, len(values)) < 2:
        return np.full(values.shape[1], np.nan)
    blocks = np.array_split(values, min(n_blocks, len(values)))
    return np.std([block.mean(0) for block in blocks], axis=0, ddof=1)
