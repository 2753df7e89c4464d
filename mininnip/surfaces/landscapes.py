"""Energy surfaces of one and two variables: a landscape small enough to be seen whole.

A surface is a function of points (..., d) that returns energies (...), in its own units of energy and length. What is
asked of a real potential energy surface can be asked here and then be looked at.

Müller & Brown, Theor. Chim. Acta 53, 75 (1979), doi:10.1007/BF00547608 (`muller_brown`); Schwalbe-Koda, Tan &
Gómez-Bombarelli, Nat. Commun. 12, 5104 (2021), doi:10.1038/s41467-021-25342-8 (the double wells).
"""

import torch
from torch import Tensor


def muller_brown(positions: Tensor) -> Tensor:
    """Müller–Brown surface: three minima and two saddles along a bent valley.

        V(x, y) = Σ_k A_k exp[a_k (x − X_k)² + b_k (x − X_k)(y − Y_k) + c_k (y − Y_k)²],   k = 1 … 4

    Müller & Brown, Theor. Chim. Acta 53, 75 (1979). Minima −146.70 at (−0.558, 1.442), −108.17 at (0.623, 0.028) and
    −80.77 at (−0.050, 0.467); saddles −40.66 at (−0.822, 0.624) and −72.25 at (0.212, 0.293). Usually drawn on
    −1.5 ≤ x ≤ 1.2, −0.2 ≤ y ≤ 2; far outside, the fourth term grows without limit.

    Args:
        positions: points (..., 2), dimensionless.

    Returns:
        Energies (...), dimensionless, in the dtype of positions.

    Raises:
        ValueError: if the last axis does not hold x and y, or a coordinate is not finite.
    """
    _check_points(positions, 2, "muller_brown")
    A, a, b, c, X, Y = torch.tensor(
        [
            [-200.0, -100.0, -170.0, 15.0],
            [-1.0, -1.0, -6.5, 0.7],
            [0.0, 0.0, 11.0, 0.6],
            [-10.0, -10.0, -6.5, 0.7],
            [1.0, 0.0, -0.5, -1.0],
            [0.0, 0.5, 1.5, 1.0],
        ],
        dtype=positions.dtype,
        device=positions.device,
    )
    dx = positions[..., 0, None] - X  # (..., 4)
    dy = positions[..., 1, None] - Y  # (..., 4)
    return (A * torch.exp(a * dx**2 + b * dx * dy + c * dy**2)).sum(-1)


def double_well_1d(positions: Tensor) -> Tensor:
    """Double well of one variable, deeper on the left.

        E(x) = 5 x⁴ − 10 x² + 1.5 x

    Supporting information of Schwalbe-Koda et al., Nat. Commun. 12, 5104 (2021). Minima −6.5271 at −1.03558 and −3.5293
    at 0.96015; the barrier between them tops out at 0.0564, at 0.07543.

    Args:
        positions: points (..., 1), dimensionless.

    Returns:
        Energies (...), dimensionless, in the dtype of positions.

    Raises:
        ValueError: if the last axis does not hold x alone, or a coordinate is not finite.
    """
    _check_points(positions, 1, "double_well_1d")
    x = positions[..., 0]
    return 5 * x**4 - 10 * x**2 + 1.5 * x


def double_well_2d(positions: Tensor) -> Tensor:
    """Double well in x, parabola in y: the surface as it is printed.

        E(x, y) = 10 x⁴ − 10 x² + 2 x + 4 y²

    Schwalbe-Koda et al., Nat. Commun. 12, 5104 (2021), equation of the text. The code released with the paper evaluates
    4 y⁴ instead, see `double_well_2d_quartic`; along y = 0 the two are equal. Minima −3.9611 at x = −0.75262 and
    −1.1399 at x = 0.65049, saddle 0.1010 at x = 0.10213, all at y = 0.

    Args:
        positions: points (..., 2), dimensionless; drawn on −1.2 ≤ x, y ≤ 1.2.

    Returns:
        Energies (...), dimensionless, in the dtype of positions.

    Raises:
        ValueError: if the last axis does not hold x and y, or a coordinate is not finite.
    """
    _check_points(positions, 2, "double_well_2d")
    x, y = positions.unbind(-1)
    return 10 * x**4 - 10 * x**2 + 2 * x + 4 * y**2


def double_well_2d_quartic(positions: Tensor) -> Tensor:
    """Double well in x, quartic in y: the surface as the released code evaluates it.

        E(x, y) = 10 x⁴ − 10 x² + 2 x + 4 y⁴

    The published text has 4 y² (`double_well_2d`). Stationary points and barrier are the same; the curvature along y
    vanishes on the line y = 0, so the harmonic frequency across the valley is zero.

    Args:
        positions: points (..., 2), dimensionless; drawn on −1.2 ≤ x, y ≤ 1.2.

    Returns:
        Energies (...), dimensionless, in the dtype of positions.

    Raises:
        ValueError: if the last axis does not hold x and y, or a coordinate is not finite.
    """
    _check_points(positions, 2, "double_well_2d_quartic")
    x, y = positions.unbind(-1)
    return 10 * x**4 - 10 * x**2 + 2 * x + 4 * y**4


def _check_points(positions: Tensor, dimension: int, name: str) -> None:
    if positions.ndim == 0 or positions.shape[-1] != dimension:
        raise ValueError(
            f"{name} takes points with {dimension} coordinate{'s' * (dimension > 1)} on the last axis, got the shape "
            f"{tuple(positions.shape)}"
        )
    if not bool(torch.isfinite(positions).all()):
        raise ValueError(f"{name} got a coordinate that is NaN or infinite; check the positions")
