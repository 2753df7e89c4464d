"""Shapes that lists of distances confuse: are two of them one shape, and do they really have the same list?"""

from typing import Any

import numpy as np

from mininnip.exercises.reading import Slip, array

__all__ = ["judge_environments", "judge_twin", "same_shape"]

SAME = 1e-3  # lengths that differ by less are the same: answers may be rounded


def same_shape(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a rotation or mirror about the origin takes one set of points into the other, in any order.

    Two sets agree in this way exactly if an order makes all their scalar products equal. The order is found point by
    point, going back whenever a new point does not fit to those placed before.

    Args:
        one: points (n, 3) or (n, 2).
        other: points (m, 3) or (m, 2).

    Returns:
        True if they are the same shape.
    """
    if len(one) != len(other):
        return False
    allowed = SAME * max(1.0, np.linalg.norm(one, axis=1).max())
    mine, theirs = one @ one.T, other @ other.T

    def fits(order: list[int], new: int) -> bool:
        k, both = len(order), [*order, new]
        return new not in order and bool(np.allclose(mine[k, : k + 1], theirs[new, both], rtol=0.0, atol=allowed))

    def place(order: list[int]) -> bool:
        return len(order) == len(one) or any(fits(order, new) and place([*order, new]) for new in range(len(one)))

    return place([])


def judge_twin(answer: Any, shape: np.ndarray) -> str | None:
    """Whether an answer has the sorted distances of a flat shape (n, 2) and is another one."""
    twin, upper = array(answer, what="shape"), np.triu_indices(len(shape), 1)
    if twin.shape not in ((len(shape), 2), (len(shape), 3)):
        raise Slip(f"Your shape is {twin.shape}; four atoms in the plane are expected, an array (4, 2).")
    one, other = (np.linalg.norm(s[:, None] - s, axis=2)[upper] for s in (twin, shape))
    if one.min() < 0.1:
        return "Two of your atoms lie at the same place."
    if same_shape(twin - twin.mean(0), shape - shape.mean(0)):
        return "That is the kite itself, moved, turned, mirrored or relabelled: find another shape."
    one, other = np.sort(one), np.sort(other)
    right = np.abs(one - other) < SAME
    if right.all():
        return None
    if np.ptp(one / other) < SAME:
        return f"The right proportions, but every distance is {one[0] / other[0]:.3g} times what it is in the kite."
    worst = np.abs(one - other).max()
    return f"{right.sum()} of the {len(one)} sorted distances agree; the largest difference is {worst:.3g}."


_TEXT = (  # the pair that lesson 07 shows
    np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3),
    np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]),
)


def judge_environments(answer: Any, cutoff: float) -> str | None:
    """Whether two environments of an atom at 0 have the same distances from it and are not the same."""
    if not isinstance(answer, list | tuple):
        answer = list(array(answer, what="pair"))
    if len(answer) != 2:
        raise Slip("Hand over a pair: the neighbors of the first and of the second environment.")
    one, other = both = [_neighbors(part, k, cutoff) for k, part in enumerate(answer, start=1)]
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} neighbors: G¹, the sum of the cutoffs, tells them apart at once."
    distances = [np.sort(np.linalg.norm(neighbors, axis=1)) for neighbors in both]
    if (off := np.abs(distances[0] - distances[1]).max()) > SAME:
        return f"A distance from the middle differs by {off:.2g} Å: radial functions need the same list in both."
    if same_shape(one, other):
        return "Both are the same environment, turned, mirrored or relabelled: change an angle between two neighbors."
    scale = distances[0].mean()
    if any(same_shape(one / scale, a) and same_shape(other / scale, b) for a, b in (_TEXT, _TEXT[::-1])):
        return f"That is the pair of the text, tetrahedron and square, at {scale:.3g} Å: find another one."
    return None


def _neighbors(part: Any, k: int, cutoff: float) -> np.ndarray:
    neighbors = array(part, what=f"environment {k}")
    if neighbors.ndim != 2 or neighbors.shape[1] not in (2, 3) or not 2 <= len(neighbors) <= 12:
        raise Slip(f"Environment {k} has shape {neighbors.shape}; positions (n, 3) of 2 to 12 neighbors are expected.")
    neighbors = np.pad(neighbors, ((0, 0), (0, 3 - neighbors.shape[1])))  # flat ones lie in the plane z = 0
    far = np.linalg.norm(neighbors, axis=1)
    apart = np.linalg.norm(neighbors[:, None] - neighbors, axis=2)[np.triu_indices(len(neighbors), 1)]
    if min(far.min(), apart.min()) < 0.5:
        raise Slip(f"In environment {k} two atoms are closer than 0.5 Å (the atom in the middle, at 0, counts too).")
    if far.max() >= cutoff:
        raise Slip(f"A neighbor of environment {k} is {far.max():.3g} Å away, beyond the cutoff: no function sees it.")
    return neighbors
