"""Vibrations: second derivatives of the energy, the harmonic motion that they mean, and the lines of a real motion."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

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


class Spectrum(NamedTuple):
    """How the kinetic energy is spread over wavenumbers."""

    wavenumbers: np.ndarray  # (W,) in cm⁻¹, evenly spaced from 0
    density: np.ndarray  # (W,) share of the kinetic energy per cm⁻¹; its integral is 1


def velocity_spectrum(frames: Sequence[Atoms], resolution: float = 20.0) -> Spectrum:
    """The vibrations of a trajectory: power spectrum of its mass-weighted velocities.

        S(ν) ∝ Σ_i m_i |v_i(ν)|²,   ∫ S dν = 1

    the Fourier transform of the velocity autocorrelation (Wiener and Khinchin), estimated by Welch's method (IEEE
    Trans. Audio Electroacoust. 15, 70 (1967)) with Hann windows, as SciPy has it. In equilibrium every mode holds the
    same kinetic energy, and so the same area. Masses do not move the lines, they only weigh them.

    Args:
        frames: at equal distances in time, with velocities and `info["time"]` in ps, as `molecular_dynamics` yields.
        resolution: distance of the points in cm⁻¹; lines are about twice as wide. It needs trajectories longer than
            33.4 ps / resolution.

    Returns:
        The spectrum up to the highest wavenumber that the frames resolve, 16.7 cm⁻¹ / (time between frames in ps).

    Raises:
        ValueError: frames too few for this resolution, without a time, or at uneven times.
    """
    from scipy.signal import welch

    times = np.array([atoms.info.get("time", np.nan) for atoms in frames], dtype=float)
    steps = np.diff(times)
    if len(steps) < 2 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0) or not steps[0] > 0:
        raise ValueError('the spectrum needs three or more frames with info["time"] in ps at equal distances')
    per_ps = ase.units._c * 1e-10  # a wavenumber of 1 cm⁻¹ as a frequency in 1/ps
    length = round(1 / (resolution * per_ps * steps[0])) if resolution > 0 else 0
    if not 2 < length <= len(times):
        longest = steps.sum() + steps[0]
        raise ValueError(
            f"{longest:.3g} ps of frames resolve {1 / (longest * per_ps):.3g} cm⁻¹ at best, not {resolution} cm⁻¹"
        )
    momenta = np.stack([atoms.get_momenta() / np.sqrt(atoms.get_masses())[:, None] for atoms in frames])  # (T, N, 3)
    no_detrend: Any = False  # SciPy's stubs know names only
    frequencies, powers = welch(momenta, fs=1 / steps[0], nperseg=length, detrend=no_detrend, axis=0)
    density = powers.sum((1, 2))
    wavenumbers = frequencies / per_ps
    return Spectrum(wavenumbers, density / (density.sum() * wavenumbers[1]))
