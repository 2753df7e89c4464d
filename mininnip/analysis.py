"""Analysis: what a simulation or a potential says, in quantities that can be measured (layer 7).

Structure of a liquid or a crystal: how far neighbors are (`radial_distribution`) and under which angles they stand
(`angle_distribution`). Vibrations of a structure at rest: second derivatives of the energy (`hessian`), modes and
frequencies as a spectroscopist writes them (`normal_modes`). Imports ASE and `graph`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import ase.units
import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from torch import Tensor, nn

from mininnip.graph import Graph, triplets

WAVENUMBER = ase.units._hbar * ase.units.m / (ase.units._e * ase.units._amu) ** 0.5 / ase.units.invcm
"""The frequency √(eV / Å² / amu) as a wavenumber: ω / (2π c) = 521.47 cm⁻¹, from ASE's constants."""


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


class NormalModes(NamedTuple):
    """Normal modes, from the most unstable to the stiffest."""

    frequencies: np.ndarray  # (3N,) in cm⁻¹; an imaginary frequency is written as a negative number
    modes: np.ndarray  # (3N, N, 3) displacements u in Å with Σ m u² = 1 amu Å²


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


def hessian(potential: nn.Module, graph: Graph) -> Tensor:
    """Second derivatives of the energy, exact, by differentiating the forces.

        H_(ia)(jb) = ∂²E / ∂r_ia ∂r_jb = −∂F_ia / ∂r_jb

    One backward pass per row: 3N times the cost of the forces.

    Args:
        potential: `Potential` or `Ensemble`.
        graph: one structure, in float64 for full accuracy. In a crystal all images of an atom move together (Γ point).

    Returns:
        Symmetric matrix (3N, 3N) in eV/Å²; rows and columns atom by atom, x, y, z.

    Raises:
        ValueError: if the graph holds several structures.
    """
    if graph.n_structures != 1:
        raise ValueError(f"the Hessian is that of one structure, but the graph holds {graph.n_structures}")
    positions = graph.positions.detach().requires_grad_()
    forces = potential(replace(graph, positions=positions), differentiable=True)["forces"].flatten()  # (3N,)
    if not forces.requires_grad:  # nothing interacts
        return positions.new_zeros(len(forces), len(forces))
    rows = [
        torch.autograd.grad(force, positions, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
        for force in forces
    ]
    return -torch.stack(rows).reshape(len(forces), len(forces)).detach()


def normal_modes(potential: nn.Module, atoms: Atoms) -> NormalModes:
    """Harmonic vibrations around a structure at rest.

        H_(ia)(jb) / √(m_i m_j) = Σ_n ω_n² e_n e_nᵀ,   u_n = e_n / √m

    Wilson, Decius & Cross, Molecular Vibrations (1955). At a stationary point of a free molecule six frequencies are
    zero, five if it is linear (translation and rotation); of a crystal three. A minimum has no imaginary frequency, a
    saddle has one. Away from stationary points rotation mixes in: relax first.

    Args:
        potential: `Potential` or `Ensemble`.
        atoms: ASE Atoms; its masses are used.

    Returns:
        Frequencies (3N,) in cm⁻¹, ascending, and modes (3N, N, 3).
    """
    masses = np.repeat(atoms.get_masses(), 3)
    matrix = hessian(potential, Graph.from_atoms(atoms, potential.cutoff)).cpu().numpy()  # type: ignore[arg-type]
    squares, vectors = np.linalg.eigh((matrix + matrix.T) / 2 / np.sqrt(np.outer(masses, masses)))
    frequencies = np.sign(squares) * np.sqrt(np.abs(squares)) * WAVENUMBER
    return NormalModes(frequencies, (vectors / np.sqrt(masses)[:, None]).T.reshape(-1, len(atoms), 3))


def find_bonds(atoms: Atoms, tolerance: float = 1.25) -> Tensor:
    """Guess the bonds from the distances: bonded if nearer than the sum of the covalent radii, times a tolerance.

    Radii of Cordero et al., Dalton Trans. 2832 (2008), as tabulated in ASE; periodic images are ignored.

    Args:
        atoms: ASE Atoms of a molecule.
        tolerance: stretch up to which a bond counts as one.

    Returns:
        Pairs of atom indices (B, 2), first index smaller.
    """
    radii = covalent_radii[atoms.numbers]
    near = atoms.get_all_distances() < tolerance * (radii[:, None] + radii)
    return torch.tensor(np.argwhere(np.triu(near, k=1)))


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
