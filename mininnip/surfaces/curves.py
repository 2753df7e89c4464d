"""Curves of one variable that a network can learn in a minute, each hard in its own way, and noisy points of them."""

from collections.abc import Callable

import torch
from torch import Tensor

from mininnip.classical.pair import morse

# y of x, both without units, for x from −3 to 3: many bends; one valley and a flat arm; two valleys; a jump
CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "wave": lambda x: torch.sin(2 * x) + 0.3 * x**2 * torch.cos(x),
    "bond": lambda x: morse(x, 2.0, 0.7, -1.8) + 0.5,
    "double well": lambda x: 0.12 * (x**2 - 4) ** 2 - 1.0,
    "step": lambda x: torch.where(x < 0.5, -1.0, 1.0).to(x.dtype),
}


def noisy_points(curve: str, x: Tensor, noise: float, seed: int = 0) -> Tensor:
    """Points of a curve, each off by chance.

    Args:
        curve: a key of `CURVES`.
        x: where (P,).
        noise: standard deviation of what is added to y.
        seed: of the noise; with another `noise` the same seed stretches the same deviations.

    Returns:
        x, y (P, 2).
    """
    generator = torch.Generator().manual_seed(seed)
    deviations = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return torch.stack([x, CURVES[curve](x) + noise * deviations], dim=1)
