"""Normal-mode sampling: independent structures around a minimum, drawn from its harmonic vibrations.

Two recipes for the displacement R_i along the normal mode q_i with the force constant K_i, x = x₀ + Σ_i R_i q_i:

    ANI-1:      R_i = ± √(3 c_i N k_B T / K_i),   c_i ≥ 0,  Σ_i c_i = u,  u uniform in [0, 1]
    canonical:  R_i normal, ⟨R_i²⟩ = k_B T / K_i

Smith, Isayev & Roitberg, Chem. Sci. 8, 3192 (2017), doi:10.1039/C6SC05720A. The mean energy of the first is ¾ N k_B T,
that of the second N_f k_B T / 2, with N_f = 3N − 6 modes: the recipe of ANI is hotter than its temperature for a
molecule of three atoms, colder from five on. Neither knows of a second minimum.
"""

from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import numpy as np
from ase import Atoms, units

from mininnip.graph import as_number
from mininnip.sampling.limits import draw_without_overlap

MDYN_PER_ANGSTROM = 100 / units._e * 1e-20
"""The force constant 1 mdyn/Å = 100 N/m, in which quantum chemistry prints them, in eV/Å²: 6.2415."""
SOFTEST = 1e-3 * MDYN_PER_ANGSTROM  # eV/Å²; a softer mode is displaced as if it had this force constant
AT_REST = 0.1  # eV/Å; largest force at a minimum


class HarmonicModes(NamedTuple):
    """Internal vibrations of a structure at rest."""

    force_constants: np.ndarray  # (N_f,) in eV/Å², ascending by frequency
    directions: np.ndarray  # (N_f, N, 3), each of length 1


def harmonic_modes(atoms: Atoms, hessian: np.ndarray) -> HarmonicModes:
    """Normal modes as displacements of length 1, with the force constants that belong to them.

        M^(−1/2) H M^(−1/2) e_i = ω_i² e_i,   q_i = M^(−1/2) e_i / |M^(−1/2) e_i|,   K_i = q_iᵀ H q_i

    Translations and rotations (of a crystal: translations) are projected out first.

    Args:
        atoms: ASE Atoms in the minimum; its masses are used.
        hessian: second derivatives (3N, 3N) in eV/Å², as of `mininnip.analysis.hessian`.

    Raises:
        ValueError: a matrix of another shape or with NaN, forces larger than 0.1 eV/Å (if there is a calculator), a
            direction without a positive force constant: not a minimum.
    """
    n = len(atoms)
    matrix = np.asarray(hessian, dtype=float)
    if matrix.shape != (3 * n, 3 * n) or not np.isfinite(matrix).all():
        raise ValueError(f"the Hessian must be finite and of shape {(3 * n, 3 * n)}, got {matrix.shape}")
    if atoms.calc is not None and (force := np.abs(atoms.get_forces()).max()) > AT_REST:
        raise ValueError(f"not a minimum: a force of {force:.2f} eV/Å is left; relax the structure first")
    roots = np.sqrt(np.repeat(atoms.get_masses(), 3))
    internal = _internal(atoms, roots)  # (3N, N_f), orthonormal
    weighted = internal.T @ ((matrix + matrix.T) / 2 / np.outer(roots, roots)) @ internal
    squares, vectors = np.linalg.eigh(weighted)
    displacements = (internal @ vectors).T / roots  # (N_f, 3N)
    lengths = np.linalg.norm(displacements, axis=1)
    constants = squares / lengths**2
    if len(constants) and constants.min() <= 0:
        raise ValueError(
            f"not a minimum: the softest mode has a force constant of {constants.min():.2g} eV/Å²; relax the structure "
            "away from the saddle first"
        )
    return HarmonicModes(constants, (displacements / lengths[:, None]).reshape(-1, n, 3))


def normal_mode_sampling(
    atoms: Atoms,
    hessian: np.ndarray,
    temperature: float,
    n_frames: int,
    recipe: str = "canonical",
    closest: float | None = None,
    seed: int = 0,
) -> Iterator[Atoms]:
    """Draw structures around a minimum; each is independent of the others.

    Args:
        atoms: ASE Atoms in the minimum; not changed.
        hessian: (3N, 3N) in eV/Å².
        temperature: in K.
        n_frames: structures to draw.
        recipe: "canonical" or "ANI".
        closest: in Å; a draw with two atoms nearer than this is thrown away and drawn anew. None: ANI's rule,
            `closest_approach`; 0: none is.
        seed: of the draws.

    Yields:
        Atoms without a calculator. `info` holds sampler, temperature (K), step, seed, `harmonic_energy`, ½ Σ K R² of
        this draw in eV, and `refused`, the number of draws thrown away before it.

    Raises:
        ValueError: settings without sense, not a minimum (`harmonic_modes`), 1000 draws in a row thrown away.
    """
    temperature = as_number(temperature, "temperature")
    if temperature <= 0:
        raise ValueError(f"the temperature must be positive, got {temperature} K")
    if recipe not in ("canonical", "ANI"):
        raise ValueError(f'the recipe is "canonical" or "ANI", got {recipe!r}')
    check_frames(n_frames)
    modes = harmonic_modes(atoms, hessian)
    return _draws(atoms, modes, temperature, n_frames, recipe, closest, seed)


def check_frames(n_frames: int) -> None:
    """Refuse a number of frames that is none."""
    if isinstance(n_frames, bool) or not isinstance(n_frames, Integral) or n_frames < 0:
        raise ValueError(f"n_frames must be a whole number, not negative, got {n_frames!r}")


def amplitudes(
    force_constants: np.ndarray, kT: float, n_atoms: int, recipe: str, rng: np.random.Generator
) -> np.ndarray:
    """One draw of R (N_f,) in Å, by either recipe.

    Args:
        force_constants: K (N_f,) in eV/Å²; softer ones count as 0.001 mdyn/Å, as in ANI-1.
        kT: in eV.
        n_atoms: N.
        recipe: "canonical" or "ANI".
        rng: source of random numbers.
    """
    constants = np.maximum(force_constants, SOFTEST)
    if recipe == "canonical":
        return rng.normal(size=len(constants)) * np.sqrt(kT / constants)
    total = rng.uniform()
    cuts = np.sort(rng.uniform(0, total, len(constants) - 1))
    shares = np.diff(cuts, prepend=0, append=total)  # c_i (N_f,)
    return rng.choice([-1, 1], len(constants)) * np.sqrt(3 * shares * n_atoms * kT / constants)


def _draws(atoms, modes, temperature, n_frames, recipe, closest, seed) -> Iterator[Atoms]:
    rng, kT = np.random.default_rng(seed), units.kB * temperature
    source = {"sampler": f"normal modes, {recipe}", "temperature": temperature, "seed": seed}

    def draw() -> Atoms:
        moved = amplitudes(modes.force_constants, kT, len(atoms), recipe, rng)
        frame = atoms.copy()
        frame.positions += np.tensordot(moved, modes.directions, axes=1)
        frame.info |= source | {"harmonic_energy": float(modes.force_constants @ moved**2 / 2)}
        return frame

    for step in range(n_frames):
        frame, refused = draw_without_overlap(draw, closest, "lower the temperature")
        frame.info |= {"step": step, "refused": refused}
        yield frame


def _internal(atoms: Atoms, roots: np.ndarray) -> np.ndarray:
    """Orthonormal basis (3N, N_f) of mass-weighted displacements without translation and rotation."""
    n = len(atoms)
    rigid = [np.tile(axis, (n, 1)) for axis in np.eye(3)]
    if not atoms.pbc.any():
        about = atoms.positions - atoms.get_center_of_mass()
        rigid += [np.cross(axis, about) for axis in np.eye(3)]
    weighted = np.array(rigid).reshape(len(rigid), 3 * n) * roots
    left, sizes, _ = np.linalg.svd(weighted.T, full_matrices=True)
    return left[:, (sizes > 1e-6 * sizes.max()).sum() :]
