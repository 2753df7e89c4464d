"""Answers that are vectors made of positions: do they turn with the atoms, and what does a mirror do to them?"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mininnip.exercises.reading import array

__all__ = ["POINTS", "ROTATIONS", "judge_axial"]

POINTS = np.array([[0.0, 0.1, -0.2], [1.1, 0.0, 0.3], [-0.4, 1.3, 0.2], [0.2, -0.5, 1.4]])  # without any symmetry
ROTATIONS = [Rotation.from_rotvec(axis).as_matrix() for axis in ([0.7, 1.1, -0.4], [-2.0, 0.3, 0.9])]


def judge_axial(f: Callable[..., Any]) -> str | None:
    """A vector that turns with the points and does not change sign under inversion."""
    shapes = [POINTS, 1.3 * POINTS[[2, 0, 3, 1]] ** 3 + 0.1]
    for points in shapes:

        def ask(positions: np.ndarray) -> np.ndarray:
            return array(f(positions), (3,), "vector")

        vector = ask(points)
        if np.abs(vector).max() < 1e-8:
            return "Your vector is 0 for four atoms without any symmetry: it must say something."
        scale, words = 1e-6 * np.abs(vector).max(), f"Your vector is {np.round(vector, 2)} and"
        moved = ask(points + np.array([1.0, -2.0, 0.5]))
        if np.abs(moved - vector).max() > scale:
            return (
                f"{words} {np.round(moved, 2)} when all atoms are moved together: it knows the origin; use differences."
            )
        for rotation in ROTATIONS:
            off = np.abs(ask(points @ rotation.T) - rotation @ vector).max()
            if off > scale:
                return f"Your vector does not turn with the atoms: turned first or turned last differ by {off:.3g}."
        inverted = ask(-points)
        if np.abs(inverted + vector).max() < scale:
            return f"{words} {np.round(inverted, 2)} inverted, as every force: odd parity; wanted is one that stays."
        if np.abs(inverted - vector).max() > scale:
            return f"{words} {np.round(inverted, 2)} inverted: a mixture that neither stays nor changes its sign."
    return None
