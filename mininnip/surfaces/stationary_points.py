"""Stationary points of any energy surface: minima, saddles, maxima, found by Newton's method."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mininnip.surfaces.derivatives import Surface, check_positive, hessian, slope_and_curvature


class StationaryPoint(NamedTuple):
    """A point without force: place, energy, curvatures (ascending) and their directions, the columns of `modes`."""

    position: Tensor  # (d,)
    energy: float
    curvatures: Tensor  # (d,)
    modes: Tensor  # (d, d)

    @property
    def index(self) -> int:
        """Number of directions that lead downhill: 0 for a minimum, 1 for a saddle."""
        return int((self.curvatures < -1e-6 * self.curvatures.abs().max()).sum())

    @property
    def kind(self) -> str:
        """Its name: minimum, saddle, or maximum (order n saddles appear above two dimensions)."""
        if self.index == 0:
            return "minimum"
        return "maximum" if self.index == len(self.position) else "saddle"


def stationary_point(surface: Surface, start: Tensor, max_step: float = 0.1, max_steps: int = 500) -> StationaryPoint:
    """Newton's method: the point without force that is nearest in the sense of the local quadratic surface.

        r ← r − H⁻¹ ∂E/∂r,   no step longer than max_step

    It is drawn to minima, saddles and maxima alike: only the curvatures of the result tell which one was found.

    Args:
        surface: function of points (..., d).
        start: where to begin (d,).
        max_step: longest step, in units of length.
        max_steps: give up after this many steps.

    Returns:
        The stationary point.

    Raises:
        RuntimeError: if no point without force is reached.
    """
    (point,), (converged,) = _newton(surface, start.detach()[None], max_step, max_steps)
    if not converged:
        raise RuntimeError(
            f"Newton's method found no stationary point within {max_steps} steps from {start.tolist()}; "
            "start elsewhere or allow more steps"
        )
    return _describe(surface, point)


def newton_steps(surface: Surface, start: Tensor, max_step: float = 0.1, max_steps: int = 100) -> Iterator[Tensor]:
    """The points (d,) that `stationary_point` visits after the start, one by one, until no force is left."""
    position = start.detach()
    for _ in range(max_steps):
        (position,), (rests,) = _newton(surface, position[None], max_step, max_steps=1)
        yield position
        if rests:
            return


def stationary_points(
    surface: Surface, bounds: Sequence[tuple[float, float]], n_grid: int = 21, dtype: torch.dtype = torch.float64
) -> list[StationaryPoint]:
    """All minima, saddles and maxima that Newton's method finds from a regular grid of starting points.

    A grid can miss a point with a narrow basin: refine it until the list no longer grows.

    Args:
        surface: function of points (..., d).
        bounds: lowest and highest value of each coordinate; points found outside are dropped.
        n_grid: starting points along each coordinate.
        dtype: of the points; a network in single precision needs torch.float32.

    Returns:
        Stationary points by index (minima first), then by energy.

    Raises:
        ValueError: if a lower bound is not below the upper one.
    """
    low, high = torch.tensor(bounds, dtype=dtype).T
    if not bool((low < high).all()):
        raise ValueError(f"each coordinate needs bounds (low, high) with low < high, got {list(bounds)}")
    axes = [torch.linspace(a, b, n_grid, dtype=dtype) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    starts = torch.cartesian_prod(*axes).reshape(-1, len(axes))  # (n_grid^d, d)
    extent = float((high - low).max())
    ends, converged = _newton(surface, starts, max_step=0.1 * extent, max_steps=150)
    found: list[Tensor] = []
    for point in ends[converged & ((ends >= low) & (ends <= high)).all(-1)]:
        if all(torch.linalg.vector_norm(point - other) > 1e-4 * extent for other in found):
            found.append(point)
    return sorted((_describe(surface, point) for point in found), key=lambda point: (point.index, point.energy))


def _newton(surface: Surface, starts: Tensor, max_step: float, max_steps: int) -> tuple[Tensor, Tensor]:
    """Newton's method for many points at once: where they end (K, d), and which of them came to rest (K,)."""
    check_positive(max_step=max_step)
    points, moving = starts.clone(), torch.arange(len(starts), device=starts.device)
    precision = torch.finfo(starts.dtype).eps
    for _ in range(max_steps):
        slope, curvature = slope_and_curvature(surface, points[moving])
        values, vectors = torch.linalg.eigh(curvature)
        # A curvature of zero (4 y⁴ on its axis) must not divide: the step along it is limited like any other.
        floor = precision * values.abs().amax(-1, keepdim=True)
        values = torch.where(values < 0, -1.0, 1.0) * values.abs().maximum(floor)
        step = -(vectors @ ((vectors.mT @ slope[..., None]) / values[..., None]))[..., 0]
        length = torch.linalg.vector_norm(step, dim=-1, keepdim=True)
        new = points[moving] + step * (max_step / length.clamp(min=max_step))
        stays_finite = torch.isfinite(surface(new).detach())  # a walker on its way to infinity is left where it was
        points[moving[stays_finite]] = new[stays_finite]
        moving = moving[length[:, 0] > 10 * precision**0.75 * max_step]
        if len(moving) == 0:
            break
    converged = torch.ones(len(starts), dtype=torch.bool, device=starts.device)
    converged[moving] = False
    return points, converged


def _describe(surface: Surface, point: Tensor) -> StationaryPoint:
    curvatures, modes = torch.linalg.eigh(hessian(surface, point))
    return StationaryPoint(point, surface(point).item(), curvatures, modes)
