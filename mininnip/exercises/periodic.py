"""Whether inputs of a network fit a rectangular cell: they repeat, vary smoothly, and tell all places apart.

Each property is tested where it can fail. Smoothness along fine lines through the whole cell, so that a kink is found
wherever it lies. Places are told apart if no two far points of a grid have equal inputs, also after one of the two has
been moved, by Gauss–Newton steps, to where its inputs come closest to those of the other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mininnip.exercises.reading import Slip, array

__all__ = ["why_not_periodic"]

Features = Callable[[np.ndarray], np.ndarray]  # points (P, 2) → inputs (P, B)
SAME = 3e-5  # inputs that differ by less, relative to their spread, are the same: they may be float32
AXES = ((0, "x"), (1, "y"))


def why_not_periodic(inputs: Callable[[np.ndarray], Any], sides: np.ndarray) -> str | None:
    """The first property that inputs lack.

    Args:
        inputs: function of points (P, 2) in Å.
        sides: lengths (2,) of the cell in Å.

    Returns:
        None when they have all, else one sentence with the place and the number.
    """

    def features(points: np.ndarray) -> np.ndarray:
        found = array(inputs(points), what="inputs")
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or len(found) != len(points):
            raise Slip(
                f"{len(points)} points give inputs of shape {found.shape}; one row for each is expected, (P, B)."
            )
        return found

    points = np.random.default_rng(0).random((60, 2)) * sides
    before = features(points)
    size = max(np.ptp(before, axis=0).max(), 1e-12)

    def change(other: np.ndarray) -> float:
        return np.abs(features(other) - before).max() / size

    for axis, name in AXES:
        other = points.copy()
        other[:, axis] = np.random.default_rng(1).random(60) * sides[axis]
        if change(other) < SAME:
            return f"No input changes with {name}: the network would believe that the energy does not depend on it."
    return (
        _repeats(change, points, sides) or _smooth(features, sides) or _mirrored(change, points, sides)
        or _told_apart(features, sides, size)
    )  # fmt: skip


def _repeats(change: Callable[[np.ndarray], float], points: np.ndarray, sides: np.ndarray) -> str | None:
    for axis, name in AXES:
        step = np.eye(2)[axis]
        by = change(points + sides[axis] * step)
        if by > SAME:
            swapped = change(points + sides[1 - axis] * step) < SAME
            why = "the two sides may have changed places" if swapped else "is 2π/side in the phase?"
            return f"One cell further along {name} an input changes by {by:.2g} of its range; it must not ({why})."
    for axis, name in AXES:
        for part, said in ((2, "half"), (3, "a third of")):
            if change(points + sides[axis] / part * np.eye(2)[axis]) < SAME:
                return f"The inputs repeat after {said} a cell along {name} already: two different places are one."
    return None


def _smooth(features: Features, sides: np.ndarray, n: int = 2000) -> str | None:
    """Jumps are slopes that grow with the number of points, kinks are jumps of the slope."""
    for axis, name in AXES:
        for across in (0.23, 0.61):
            line = np.full((n, 2), across) * sides
            line[:, axis] = (np.arange(n) + 0.37) / n * sides[axis]
            steps = np.diff(features(line), axis=0, append=features(line[:1]))
            typical = np.abs(steps).mean(axis=0).max()
            jump = np.unravel_index(np.abs(steps).argmax(), steps.shape)
            at = f"{name} = {line[jump[0], axis]:.2f} Å"
            if np.abs(steps[jump]) > 50 * typical:
                return f"At {at} an input jumps by {abs(steps[jump]):.2g}: the force there is infinite."
            bends = np.abs(np.diff(steps, axis=0, append=steps[:1]))
            kink = np.unravel_index(bends.argmax(), bends.shape)
            if bends[kink] > 0.2 * typical:
                at = f"{name} = {line[(kink[0] + 1) % n, axis]:.2f} Å"
                return f"At {at} an input has a kink, its slope jumps: so does the force, and energy is not conserved."
    return None


def _mirrored(change: Callable[[np.ndarray], float], points: np.ndarray, sides: np.ndarray) -> str | None:
    """The two most usual ways to confuse places: one cosine, or one sine, for each coordinate."""
    for axis, name in AXES:
        for total, said, wave in ((0.0, f"−{name}", "cosine"), (sides[axis] / 2, f"side/2 − {name}", "sine")):
            other = points.copy()
            other[:, axis] = total - other[:, axis]
            if change(other) < SAME:
                return f"{name} and {said} have the same inputs: a {wave} alone cannot tell them apart."
    if change(-points) < SAME:
        return "A point r and its opposite −r have the same inputs: cosines alone cannot tell them apart."
    return None


def _told_apart(features: Features, sides: np.ndarray, size: float, n: int = 24) -> str | None:
    """Look for two places, far from each other, with the same inputs."""
    grid = np.stack(np.meshgrid(*(np.arange(n) / n + 0.013,) * 2, indexing="ij"), axis=-1).reshape(-1, 2) * sides
    inputs = features(grid)
    apart = np.abs(grid[:, None] - grid) / sides
    apart = np.linalg.norm(np.minimum(apart, 1 - apart), axis=-1)  # (P, P) in cells, the short way round
    differ = ((inputs[:, None] - inputs) ** 2).sum(-1) + np.where(apart < 0.15, np.inf, 0.0)
    partners = differ.argmin(axis=1)
    order = np.argsort(differ.min(axis=1))
    first = np.concatenate([order[:40], order[40 :: len(order) // 40]])  # the most suspicious, and some of all others
    one, other = _closest(features, grid[first], grid[partners[first]], sides)
    off = np.abs(features(one) - features(other)).max(axis=1) / size
    apart = np.abs((one - other) / sides) % 1
    apart = np.linalg.norm(np.minimum(apart, 1 - apart), axis=-1)
    same = np.flatnonzero((off < SAME) & (apart > 0.1))
    if len(same) == 0:
        return None
    worst = same[apart[same].argmax()]
    here, there = (f"({x:.2f}, {y:.2f})" for x, y in (one[worst] % sides, other[worst] % sides))
    return (
        f"The different places {here} Å and {there} Å of the cell have the same inputs: has each its cosine and sine?"
    )


def _closest(
    features: Features, one: np.ndarray, other: np.ndarray, sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of places moved, both at once, to where their inputs differ least: damped Gauss–Newton steps."""
    for _ in range(15):
        slopes = np.concatenate([_slopes(features, one, sides), -_slopes(features, other, sides)], axis=2)  # (P, B, 4)
        step = -np.linalg.pinv(slopes, rcond=1e-6) @ (features(one) - features(other))[..., None]
        step = step[..., 0] / np.maximum(1.0, np.linalg.norm(step[..., 0], axis=1) / 0.05)[:, None]
        one, other = one + sides * step[:, :2], other + sides * step[:, 2:]
    return one, other


def _slopes(features: Features, points: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Derivatives (P, B, 2) with respect to the coordinates in cells."""
    h = 1e-5 * sides
    return np.stack([(features(points + h * e) - features(points - h * e)) / 2e-5 for e in np.eye(2)], axis=2)
