"""What is asked of any energy surface: where the forces point, where the minima and saddles are, how a ball relaxes and
how it moves at a temperature, which path leads from one minimum to the next.

A surface is a function of points (..., d) that returns energies (...), in its own units of energy and length: a model
surface of `surfaces.py`, or a trained network.

E, Ren & Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007), doi:10.1063/1.2720838 (the string method); Page & McIver,
J. Chem. Phys. 88, 922 (1988) (steps along the descent). Imports nothing of the package.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Surface = Callable[[Tensor], Tensor]


def forces(surface: Surface, positions: Tensor) -> Tensor:
    """Force on each of many points, F = −∂E/∂r, by automatic differentiation.

    Args:
        surface: function of points (..., d) that treats every point on its own.
        positions: points (..., d); left untouched.

    Returns:
        Forces (..., d), no gradient attached.
    """
    points = positions.detach().requires_grad_()
    return -torch.autograd.grad(surface(points).sum(), points)[0]


def hessian(surface: Surface, positions: Tensor) -> Tensor:
    """Second derivatives at each of many points, H_ab = ∂²E/∂r_a ∂r_b, by automatic differentiation.

    Args:
        surface: function of points (..., d) that treats every point on its own.
        positions: points (..., d); left untouched.

    Returns:
        Symmetric matrices (..., d, d), no gradient attached.
    """
    return _slope_and_curvature(surface, positions)[1]


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


def relax(
    surface: Surface, start: Tensor, max_step: float = 0.05, tolerance: float = 1e-8, max_steps: int = 1000
) -> Tensor:
    """Roll downhill without inertia: the path of steepest descent, to the minimum at its end.

        dr/dt = −∂E/∂r, solved exactly on the local quadratic surface at each step (Page & McIver,
        J. Chem. Phys. 88, 922 (1988)): r(t) = r − Σ_m v_m (v_m·g) [1 − exp(−λ_m t)] / λ_m

    with t as large as a step of length max_step allows. Near the minimum that becomes a Newton step. The energy falls
    along the path, and a point that starts exactly on a saddle stays there: no force acts on it.

    Args:
        surface: function of points (..., d).
        start: where to begin (d,).
        max_step: longest step, in units of length: the resolution of the path.
        tolerance: stop when the gradient is shorter than this.
        max_steps: stop here in any case.

    Returns:
        Path (K, d): start first, the minimum last.

    Raises:
        ValueError: if max_step is not positive.
    """
    _check_positive(max_step=max_step)
    path = [start.detach()]
    for _ in range(max_steps):
        slope, curvature = _slope_and_curvature(surface, path[-1])
        if torch.linalg.vector_norm(slope) < tolerance:
            break
        path.append(path[-1] + _descent_step(slope, curvature, max_step))
    return torch.stack(path)


def langevin(
    surface: Surface,
    start: Tensor,
    kT: float,
    n_steps: int,
    time_step: float = 0.01,
    friction: float = 1.0,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Motion of points of mass 1 in a heat bath; without friction, Newton's equation by velocity Verlet.

        dv = (F − γ v) dt + √(2 γ kT) dW,   dr = v dt

    BAOAB splitting (Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34): half a kick, half a drift, the exact
    solution of friction and noise, half a drift, half a kick. Velocities start from the Maxwell distribution. The
    same seed gives the same trajectory.

    Args:
        surface: function of points (..., d).
        start: one point (d,) or many walkers at once (..., d).
        kT: temperature, in units of the surface's energy.
        n_steps: number of time steps.
        time_step: dt; a tenth of the fastest period is a safe choice.
        friction: γ, per unit of time; 0 conserves the energy up to an error of order dt².
        seed: seed of the noise and of the first velocities.

    Returns:
        Positions and velocities (n_steps + 1, ..., d).

    Raises:
        ValueError: if the time step is not positive, the temperature or the friction negative.
        RuntimeError: if a walker leaves the surface because the time step is too long.
    """
    _check_positive(time_step=time_step)
    if kT < 0 or friction < 0:
        raise ValueError(f"temperature and friction must not be negative, got kT = {kT} and friction = {friction}")
    generator = torch.Generator(start.device).manual_seed(seed)

    def noise() -> Tensor:
        return torch.randn(start.shape, dtype=start.dtype, device=start.device, generator=generator)

    damping = torch.exp(torch.tensor(-friction * time_step, dtype=torch.float64)).item()
    r, v = start.detach(), kT**0.5 * noise()
    f = forces(surface, r)
    positions, velocities = [r], [v]
    for step in range(n_steps):
        v = v + 0.5 * time_step * f
        r = r + 0.5 * time_step * v
        if friction > 0:
            v = damping * v + ((1 - damping**2) * kT) ** 0.5 * noise()
        r = r + 0.5 * time_step * v
        if not bool(torch.isfinite(r).all()):
            raise RuntimeError(f"a walker left the surface at step {step + 1}; shorten the time step ({time_step})")
        f = forces(surface, r)
        v = v + 0.5 * time_step * f
        positions.append(r)
        velocities.append(v)
    return torch.stack(positions), torch.stack(velocities)


def minimum_energy_path(
    surface: Surface, start: Tensor, end: Tensor, n_images: int = 61, tolerance: float = 1e-3, max_steps: int = 5000
) -> Tensor:
    """Path of least energy between two minima, by the string method: its highest point is the barrier.

    A string of images first lies straight between the minima. Each step moves every image downhill, then spreads them
    again at equal distance along the string, so that they cannot all slide into the minima. The string comes to rest
    where the force points along it. E, Ren & Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007), doi:10.1063/1.2720838.
    The path approaches the true one as images are added; a saddle lies between two of them, and
    `stationary_point(surface, highest image)` gives the saddle itself.

    Args:
        surface: function of points (..., d).
        start: one minimum (d,).
        end: the other minimum (d,).
        n_images: points on the string, both ends included.
        tolerance: stop when no image moves farther than this fraction of the distance between images.
        max_steps: give up after this many steps.

    Returns:
        Path (n_images, d).

    Raises:
        ValueError: if the two ends coincide or there are fewer than three images.
        RuntimeError: if the string has not come to rest.
    """
    if n_images < 3 or torch.equal(start, end):
        raise ValueError("a path needs two different ends and at least 3 images")
    weights = torch.linspace(0, 1, n_images, dtype=start.dtype, device=start.device)[:, None]
    path = start.detach() + weights * (end - start).detach()  # (n_images, d)
    spacing = torch.linalg.vector_norm(end - start) / (n_images - 1)
    for _ in range(max_steps):
        slope, curvature = _slope_and_curvature(surface, path)
        move = -0.5 * slope / torch.linalg.matrix_norm(curvature, 2).amax()  # stable for the stiffest image
        move *= spacing / torch.linalg.vector_norm(move, dim=-1, keepdim=True).clamp(min=spacing)
        move[[0, -1]] = 0
        previous, path = path, _spread_evenly(path + move)
        if torch.linalg.vector_norm(path - previous, dim=-1).max() < tolerance * spacing:
            return path
    raise RuntimeError(f"the string has not come to rest after {max_steps} steps; begin from two minima")


def _slope_and_curvature(surface: Surface, positions: Tensor) -> tuple[Tensor, Tensor]:
    points = positions.detach().requires_grad_()
    slope = torch.autograd.grad(surface(points).sum(), points, create_graph=True)[0]
    rows = [torch.autograd.grad(column.sum(), points, retain_graph=True)[0] for column in slope.unbind(-1)]
    return slope.detach(), torch.stack(rows, dim=-2)  # (..., d), (..., d, d)


def _newton(surface: Surface, starts: Tensor, max_step: float, max_steps: int) -> tuple[Tensor, Tensor]:
    """Newton's method for many points at once: where they end (K, d), and which of them came to rest (K,)."""
    _check_positive(max_step=max_step)
    points, moving = starts.clone(), torch.arange(len(starts), device=starts.device)
    precision = torch.finfo(starts.dtype).eps
    for _ in range(max_steps):
        slope, curvature = _slope_and_curvature(surface, points[moving])
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


def _descent_step(slope: Tensor, curvature: Tensor, max_step: float) -> Tensor:
    values, vectors = torch.linalg.eigh(curvature)
    # Times from far too short to far too long, on a logarithmic scale; the path lengthens with time.
    times = torch.logspace(-40, 40, 641, base=2, dtype=slope.dtype, device=slope.device)
    times = times * max_step / torch.linalg.vector_norm(slope)
    exponents = -values * times[:, None]  # (times, d)
    reach = torch.where(exponents == 0, times[:, None], torch.expm1(exponents.clamp(max=80)) / -values)
    lengths = torch.linalg.vector_norm(reach * (vectors.mT @ slope), dim=-1)
    chosen = int((lengths <= max_step).sum()) - 1
    return -vectors @ (reach[max(chosen, 0)] * (vectors.mT @ slope))


def _spread_evenly(path: Tensor) -> Tensor:
    lengths = torch.linalg.vector_norm(path.diff(dim=0), dim=-1)
    position = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])  # (n_images,)
    wanted = torch.linspace(0, 1, len(path), dtype=path.dtype, device=path.device) * position[-1]
    left = torch.searchsorted(position, wanted.contiguous(), right=True).sub(1).clamp(0, len(path) - 2)
    fraction = ((wanted - position[left]) / lengths[left]).clamp(0, 1)[:, None]
    return path[left] + fraction * (path[left + 1] - path[left])


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
