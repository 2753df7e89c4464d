"""Limits: what a structure must keep to be worth a label: atoms not on top of each other, a molecule in one piece."""

from collections.abc import Callable

import numpy as np
from ase import Atoms

TRIES = 1000  # draws in a row that may be thrown away


def closest_approach(numbers: np.ndarray) -> np.ndarray:
    """How near two atoms may come, by their nuclear charges, the rule of ANI-1's normal-mode sampling.

        d_ij = 0.65 Å + 0.0075 Å Z_i Z_j

    0.66 Å for two hydrogen atoms, 0.92 Å for two of carbon: far below any bond, so it only keeps out what no
    calculation should be asked for. It is meant for light elements: for two of silicon it is 2.12 Å.

    Args:
        numbers: atomic numbers (N,).

    Returns:
        (N, N) in Å.
    """
    charges = np.asarray(numbers, dtype=float)
    return 0.65 + 0.0075 * np.outer(charges, charges)


def overlap(atoms: Atoms, closest: float | None = None) -> str | None:
    """A sentence about the worst pair of atoms that are nearer than allowed, or None.

    Args:
        atoms: distances are those of nearest images where they are periodic.
        closest: in Å, for all pairs; None: `closest_approach`.
    """
    if len(atoms) < 2 or closest == 0:
        return None
    allowed = closest_approach(atoms.numbers) if closest is None else np.full((len(atoms), len(atoms)), closest)
    distances = atoms.get_all_distances(mic=bool(atoms.pbc.any()))
    missing = np.where(np.eye(len(atoms), dtype=bool), -np.inf, allowed - distances)
    i, j = np.unravel_index(missing.argmax(), missing.shape)
    if missing[i, j] <= 0:
        return None
    return f"atoms {i} and {j} are {distances[i, j]:.2f} Å apart, nearer than {allowed[i, j]:.2f} Å"


def flown_apart(atoms: Atoms, farthest: float) -> str | None:
    """A sentence about a molecule that is in pieces, or None.

    Args:
        atoms: a molecule; periodic images do not count.
        farthest: in Å; atoms that are linked by steps shorter than this belong to one piece.
    """
    near = atoms.get_all_distances() < farthest
    piece = np.zeros(len(atoms), dtype=bool)
    piece[:1] = True
    while (grown := near[piece].any(axis=0) | piece).sum() > piece.sum():
        piece = grown
    if piece.all():
        return None
    gap = atoms.get_all_distances()[piece][:, ~piece].min()
    return f"the molecule is in pieces: {(~piece).sum()} of {len(atoms)} atoms are {gap:.2f} Å from the others"


def draw_without_overlap(draw: Callable[[], Atoms], closest: float | None, advice: str) -> tuple[Atoms, int]:
    """The first draw whose atoms keep their distance, and how many were thrown away before it.

    Raises:
        ValueError: 1000 draws in a row had two atoms too close.
    """
    wrong = None
    for refused in range(TRIES):
        atoms = draw()
        wrong = overlap(atoms, closest)
        if wrong is None:
            return atoms, refused
    raise ValueError(f"{TRIES} draws in a row were thrown away, in the last one {wrong}: {advice}")
