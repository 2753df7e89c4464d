"""Quantum levels of one coordinate: the Schrödinger equation of a curve, with a mass that may change along it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.linalg import eigh_tridiagonal

# ħ² in eV amu Å²: CODATA 2018 of ħ (J s), atomic mass unit (kg) and elementary charge (C)
HBAR_SQUARED = 1.054571817e-34**2 / (1.66053906660e-27 * 1.602176634e-19 * 1e-20)
PLANCK = 4.135667696e-15  # h in eV s: a gap ΔE between two levels swings ΔE / h times a second


def quantum_levels(
    energy: Callable[[NDArray], NDArray],
    mass: Callable[[NDArray], NDArray],
    ends: tuple[float, float],
    n_levels: int = 4,
    n_grid: int = 801,
) -> NDArray:
    """The lowest levels of a particle on a curve, between two walls.

        −ħ²/2 d²ψ/ds² + E ψ = ε ψ,   s = ∫ √m(x) dx

    In the length s the mass is 1 everywhere. On an even grid the second derivative couples neighbors only, which leaves
    a matrix with three diagonals; the error falls with the square of the spacing. (For a mass that changes, this is
    the usual one-dimensional model: terms with derivatives of the mass are left out.)

    Args:
        energy: E(x) in eV for positions x (P,) in Å.
        mass: m(x) in amu for positions x (P,), positive.
        ends: the walls, lowest and highest x in Å, far in what is forbidden.
        n_levels: how many levels.
        n_grid: points between the walls.

    Returns:
        Energies (n_levels,) in eV, ascending.

    Raises:
        ValueError: walls in the wrong order, a mass that is not positive, an energy that is not finite, or more levels
            than points.
    """
    if not ends[0] < ends[1]:
        raise ValueError(f"the walls must stand in ascending order, got {ends}")
    if not 0 < n_levels <= n_grid:
        raise ValueError(f"{n_grid} points cannot hold {n_levels} levels")
    x = np.linspace(*ends, n_grid)
    masses = np.broadcast_to(np.asarray(mass(x), dtype=float), x.shape)
    if not (masses > 0).all():
        raise ValueError("the mass must be positive everywhere between the walls")
    s = cumulative_trapezoid(np.sqrt(masses), x, initial=0)  # Å √amu
    even = np.linspace(0, s[-1], n_grid)
    energies = np.broadcast_to(np.asarray(energy(np.interp(even, s, x)), dtype=float), x.shape)
    if not np.isfinite(energies).all():
        raise ValueError("the energy must be finite everywhere between the walls")
    hop = HBAR_SQUARED / (2 * even[1] ** 2)
    lowest = {"select": "i", "select_range": (0, n_levels - 1), "eigvals_only": True}
    return np.asarray(eigh_tridiagonal(energies + 2 * hop, np.full(n_grid - 1, -hop), **lowest))
