"""Vibrations: second derivatives of the energy, and the harmonic motion that they mean."""

from dataclasses import replace
from typing import NamedTuple

import ase.units
import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn

from mininnip.graph import Graph

WAVENUMBER = ase.units._hbar * ase.units.m / (ase.units._e * ase.units._amu) ** 0.5 / ase.units.invcm
"""The frequency √(eV / Å² / amu) as a wavenumber: ω / (2π c) = 521.47 cm⁻¹, from ASE's constants."""


class NormalModes(NamedTuple):
    """Normal modes, from the most unstable to the stiffest."""

    frequencies: np.ndarray  # (3N,) in cm⁻¹; an imaginary frequency is written as a negative number
    modes: np.ndarray  # (3N, N, 3) displacements u in Å with Σ m u² = 1 amu Å²


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
