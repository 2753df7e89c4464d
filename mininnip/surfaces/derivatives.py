"""Derivatives of any energy surface: where its forces point and how it curves.

A surface is a function of points (..., d) that returns energies (...), in its own units of energy and length: a model
surface of `landscapes`, or a trained network.
"""

from collections.abc import Callable

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
    return slope_and_curvature(surface, positions)[1]


def slope_and_curvature(surface: Surface, positions: Tensor) -> tuple[Tensor, Tensor]:
    """First (..., d) and second (..., d, d) derivatives at each of many points (..., d)."""
    points = positions.detach().requires_grad_()
    slope = torch.autograd.grad(surface(points).sum(), points, create_graph=True)[0]
    rows = [torch.autograd.grad(column.sum(), points, retain_graph=True)[0] for column in slope.unbind(-1)]
    return slope.detach(), torch.stack(rows, dim=-2)  # (..., d), (..., d, d)


def check_positive(**values: float) -> None:
    """Refuse settings that are not positive, by name."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
