"""Paths on any energy surface: downhill from one point, or from one minimum to the next.

E, Ren & Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007), doi:10.1063/1.2720838 (the string method); Page & McIver,
J. Chem. Phys. 88, 922 (1988) (steps along the descent).
"""

import torch
from torch import Tensor

from mininnip.surfaces.derivatives import Surface, check_positive, slope_and_curvature


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
    check_positive(max_step=max_step)
    path = [start.detach()]
    for _ in range(max_steps):
        slope, curvature = slope_and_curvature(surface, path[-1])
        if torch.linalg.vector_norm(slope) < tolerance:
            break
        path.append(path[-1] + _descent_step(slope, curvature, max_step))
    return torch.stack(path)


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
        slope, curvature = slope_and_curvature(surface, path)
        move = -0.5 * slope / torch.linalg.matrix_norm(curvature, 2).amax()  # stable for the stiffest image
        move *= spacing / torch.linalg.vector_norm(move, dim=-1, keepdim=True).clamp(min=spacing)
        move[[0, -1]] = 0
        previous, path = path, _spread_evenly(path + move)
        if torch.linalg.vector_norm(path - previous, dim=-1).max() < tolerance * spacing:
            return path
    raise RuntimeError(f"the string has not come to rest after {max_steps} steps; begin from two minima")


def length_along(path: Tensor) -> Tensor:
    """How long a path of straight pieces (K, d) is up to each of its points (K,)."""
    lengths = torch.linalg.vector_norm(path.diff(dim=0), dim=-1)
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def share_along(path: Tensor) -> Tensor:
    """Which share of a path (K, d) lies behind each of its points (K,), from 0 to 1; 0 where it has no length."""
    behind = length_along(path)
    return behind / behind[-1].clamp(min=1e-12)


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
    position = length_along(path)  # (n_images,)
    wanted = torch.linspace(0, 1, len(path), dtype=path.dtype, device=path.device) * position[-1]
    left = torch.searchsorted(position, wanted.contiguous(), right=True).sub(1).clamp(0, len(path) - 2)
    fraction = ((wanted - position[left]) / position.diff()[left]).clamp(0, 1)[:, None]
    return path[left] + fraction * (path[left + 1] - path[left])
