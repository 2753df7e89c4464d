"""Fitting: the parameters of an energy law that come closest to given energies, by least squares.

One function for every law of `pair`, and for any other function (r, **parameters) -> energy, such as one written in a
notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

NOT_NEGATIVE = ("epsilon", "sigma", "depth", "steepness", "stiffness", "r_eq", "r_m", "A", "B", "C")
SHARES = ("gamma",)  # between 0 and 1


@dataclass(frozen=True)
class Fit:
    """A law with the parameters that were found; call it like the law, `fit(r)`.

    Attributes:
        law: function (r, **parameters) -> energy.
        parameters: name to value.
        residual: law minus given energy at every given distance (P,) in eV.
    """

    law: Callable[..., Tensor] = field(repr=False)
    parameters: Mapping[str, float]
    residual: Tensor = field(repr=False)

    def __call__(self, r: Tensor) -> Tensor:
        """Energies (...) in eV at distances (...) in Å."""
        return self.law(r, **self.parameters)

    @property
    def rmse(self) -> float:
        """Root of the mean squared residual in eV."""
        return float(self.residual.square().mean().sqrt())


def fit_law(
    law: Callable[..., Tensor], r: Tensor, energy: Tensor, start: Mapping[str, float], weight: Tensor | None = None
) -> Fit:
    """Find the parameters p of a law that minimize the sum of squared residuals.

        χ²(p) = Σ_k w_k [V(r_k; p) − E_k]²

    The minimum is a local one, downhill from the start (trust-region reflective method of SciPy). Energies and lengths,
    by their names in the laws of this package, stay positive, and the share γ between 0 and 1; other names are free.

    Args:
        law: function (r, **parameters) -> energy (P,).
        r: distances (P,) in Å.
        energy: energies (P,) in eV; at least one point per parameter.
        start: first guess of every parameter to fit; it sets the scale of the search, so none may be 0.
        weight: w (P,), the same for all points if left out.

    Returns:
        The law with its best parameters.

    Raises:
        ValueError: shapes that differ, values that are not finite, too few points, a start that is 0, out of bounds, or
            where the law is not finite.
    """
    from scipy.optimize import least_squares

    r, energy = torch.as_tensor(r, dtype=torch.float64), torch.as_tensor(energy, dtype=torch.float64)
    weight = torch.ones_like(r) if weight is None else torch.as_tensor(weight, dtype=torch.float64)
    names, guess = list(start), torch.tensor([float(value) for value in start.values()], dtype=torch.float64)
    lower, upper = _bounds(names)
    _check(law, r, energy, weight, start, lower, upper)
    root, scale = weight.sqrt(), guess.abs()

    def residual(scaled: Tensor) -> Tensor:
        return root * (law(r, **dict(zip(names, scaled * scale, strict=True))) - energy)

    found = least_squares(
        lambda x: residual(torch.from_numpy(x)).numpy(),
        (guess / scale).numpy(),
        jac="3-point",
        bounds=(lower / scale.numpy(), upper / scale.numpy()),
        x_scale="jac",
        **dict.fromkeys(("xtol", "ftol", "gtol"), 1e-12),
    )
    best = dict(zip(names, (found.x * scale.numpy()).tolist(), strict=True))
    return Fit(law, best, law(r, **best) - energy)


def fit_from_several(
    law: Callable[..., Tensor], r: Tensor, energy: Tensor, starts: Sequence[Mapping[str, float]]
) -> Fit:
    """The best of the fits from several starts: a search from one alone may end in a shallower valley.

    Args:
        law, r, energy: as of `fit_law`.
        starts: guesses of the parameters.

    Returns:
        The fit with the smallest RMSE.
    """
    return min((fit_law(law, r, energy, start) for start in starts), key=lambda fit: fit.rmse)


def _bounds(names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    lower = [0.0 if name in (*NOT_NEGATIVE, *SHARES) else -np.inf for name in names]
    upper = [1.0 if name in SHARES else np.inf for name in names]
    return np.array(lower), np.array(upper)


def _check(
    law, r: Tensor, energy: Tensor, weight: Tensor, start: Mapping, lower: np.ndarray, upper: np.ndarray
) -> None:
    """Refuse what cannot be fitted, in one sentence."""
    if r.dim() != 1 or energy.shape != r.shape or weight.shape != r.shape:
        shapes = f"{tuple(r.shape)}, {tuple(energy.shape)} and {tuple(weight.shape)}"
        raise ValueError(f"distances, energies and weights must have the same shape (P,), got {shapes}")
    if not bool((r.isfinite() & energy.isfinite() & weight.isfinite() & (weight >= 0)).all()):
        raise ValueError("distances, energies and weights must be finite, and no weight negative")
    if len(r) < len(start):
        raise ValueError(f"{len(r)} points cannot fix {len(start)} parameters; widen the window")
    for name, value, low, high in zip(start, start.values(), lower, upper, strict=True):
        if not low < value < high or value == 0:
            raise ValueError(f"the start of {name} must lie between {low:g} and {high:g}, and not be 0; got {value}")
    if not bool(law(r, **start).isfinite().all()):
        raise ValueError("the law is not finite at the start; begin with other parameters")
