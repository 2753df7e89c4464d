"""Motion on any energy surface at a temperature: Langevin's equation, or Newton's."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mininnip.surfaces.derivatives import Surface, check_positive, forces


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
    steps = langevin_steps(surface, start, lambda: kT, time_step, friction, seed)
    positions, velocities = zip(*itertools.islice(steps, n_steps + 1), strict=True)
    return torch.stack(positions), torch.stack(velocities)


def langevin_steps(
    surface: Surface,
    start: Tensor,
    temperature: Callable[[], float],
    time_step: float = 0.01,
    friction: float = 1.0,
    seed: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The same motion without an end, step by step, in a bath whose temperature may change on the way.

    Args:
        temperature: asked for kT at every step.
        surface, start, time_step, friction, seed: as of `langevin`.

    Yields:
        Positions and velocities (..., d), those of the start first.

    Raises:
        ValueError, RuntimeError: as `langevin`.
    """
    check_positive(time_step=time_step)
    if temperature() < 0 or friction < 0:
        raise ValueError(
            f"temperature and friction must not be negative, got kT = {temperature()} and friction = {friction}"
        )
    generator = torch.Generator(start.device).manual_seed(seed)

    def noise() -> Tensor:
        return torch.randn(start.shape, dtype=start.dtype, device=start.device, generator=generator)

    damping = torch.exp(torch.tensor(-friction * time_step, dtype=torch.float64)).item()
    r, v = start.detach(), temperature() ** 0.5 * noise()
    f = forces(surface, r)
    for step in itertools.count(1):
        yield r, v
        v = v + 0.5 * time_step * f
        r = r + 0.5 * time_step * v
        if friction > 0:
            v = damping * v + ((1 - damping**2) * temperature()) ** 0.5 * noise()
        r = r + 0.5 * time_step * v
        if not bool(torch.isfinite(r).all()):
            raise RuntimeError(f"a walker left the surface at step {step}; shorten the time step ({time_step})")
        f = forces(surface, r)
        v = v + 0.5 * time_step * f
