"""Forms of a dimer's energy, each with the range in which its parameters lie, and the best fit of each to a curve.

A range is given in units of the curve's own well, its depth D and distance r_min: one table serves argon, whose well is
a hundredth of an electronvolt, and nitrogen, whose well is ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mininnip.classical.fitting import Fit, fit_from_several
from mininnip.classical.pair import buckingham_coulomb, harmonic, lennard_jones, mason_schamp, morse


@dataclass(frozen=True)
class Curve:
    """Energies of a dimer, zero for separated atoms, in float64 and ordered by distance.

    Attributes:
        r: distances (P,) in Å.
        energy: energies (P,) in eV.
    """

    r: Tensor
    energy: Tensor

    @classmethod
    def checked(cls, name: str, r: Tensor, energy: Tensor) -> Curve:
        """A curve that can be fitted.

        Raises:
            ValueError: fewer than four points, other shapes, NaN, or no minimum below zero.
        """
        r, energy = torch.as_tensor(r, dtype=torch.float64), torch.as_tensor(energy, dtype=torch.float64)
        if r.dim() != 1 or r.shape != energy.shape or len(r) < 4:
            raise ValueError(f"the curve {name} needs at least four distances and as many energies")
        if not bool((r.isfinite() & energy.isfinite()).all()):
            raise ValueError(f"the curve {name} holds NaN or infinity; drop those points")
        if not energy.min() < 0:
            raise ValueError(f"the curve {name} has no minimum below zero; subtract the energy of the separated atoms")
        order = torch.argsort(r)
        return cls(r[order], energy[order])

    @property
    def depth(self) -> float:
        """D, of the deepest point below zero, in eV."""
        return -self.energy.min().item()

    @property
    def r_min(self) -> float:
        """Distance of the deepest point in Å."""
        return self.r[self.energy.argmin()].item()

    @property
    def without_wall(self) -> tuple[float, float]:
        """From where the energy falls below +D to the last point, in Å."""
        return self.r[self.energy <= self.depth][0].item(), self.r[-1].item()


@dataclass(frozen=True)
class Parameter:
    """A parameter of a form.

    Attributes:
        label: symbol and unit.
        range: its lowest, highest and first value, in multiples of D^p r_min^q.
        powers: p and q.
    """

    label: str
    range: tuple[float, float, float]
    powers: tuple[int, int]

    def of(self, curve: Curve, shrink: float = 1.0) -> tuple[float, float, float]:
        """Lowest, highest and first value for a curve, its r_min taken for so many times what it is."""
        p, q = self.powers
        low, high, first = (value * curve.depth**p * (shrink * curve.r_min) ** q for value in self.range)
        return low, high, first


@dataclass(frozen=True)
class Form:
    """A law, function (r, **parameters) -> energy, and the ranges of its parameters by name."""

    law: Callable[..., Tensor]
    parameters: Mapping[str, Parameter]

    def first(self, curve: Curve, shrink: float = 1.0) -> dict[str, float]:
        """Name to first value of every parameter, the dimer's size taken for so many times what it is."""
        return {name: parameter.of(curve, shrink)[2] for name, parameter in self.parameters.items()}

    def fit(self, curve: Curve, inside: Tensor) -> Fit:
        """The best of searches from three sizes of the dimer; `inside` (P,) says which points count."""
        starts = [self.first(curve, shrink) for shrink in (1.0, 0.8, 0.6)]
        return fit_from_several(self.law, curve.r[inside], curve.energy[inside], starts)


def lowered_spring(r: Tensor, depth: Tensor | float, stiffness: Tensor | float, r_eq: Tensor | float) -> Tensor:
    """The harmonic law lowered by the well depth: energies of the curves are zero for separated atoms."""
    return harmonic(r, stiffness, r_eq) - depth


def neutral_buckingham(r: Tensor, log_A: Tensor | float, B: Tensor | float, C: Tensor | float) -> Tensor:
    """Buckingham–Coulomb between neutral atoms (q₁ q₂ = 0), with log₁₀ A: A spans many powers of ten."""
    return buckingham_coulomb(r, 10.0**log_A, B, C, 0.0)


DEPTH, LENGTH = (0.0, 2.0, 0.7), (0.7, 1.3, 1.05)
FORMS = {
    "Lennard-Jones": Form(
        lennard_jones,
        {
            "epsilon": Parameter("ε (eV)", DEPTH, (1, 0)),
            "sigma": Parameter("σ (Å)", (0.45, 1.2, 0.95), (0, 1)),
        },
    ),
    "Morse": Form(
        morse,
        {
            "depth": Parameter("D (eV)", DEPTH, (1, 0)),
            "steepness": Parameter("a (1/Å)", (0.5, 10.0, 2.5), (0, -1)),
            "r_eq": Parameter("r_eq (Å)", LENGTH, (0, 1)),
        },
    ),
    "Mason–Schamp": Form(
        mason_schamp,
        {
            "depth": Parameter("V₀ (eV)", DEPTH, (1, 0)),
            "gamma": Parameter("γ", (0.0, 1.0, 0.5), (0, 0)),
            "r_m": Parameter("r_m (Å)", (0.5, 1.3, 1.05), (0, 1)),
        },
    ),
    "Buckingham": Form(
        neutral_buckingham,
        {
            "log_A": Parameter("log₁₀(A/eV)", (2.0, 6.0, 4.0), (0, 0)),
            "B": Parameter("B (1/Å)", (4.0, 20.0, 11.0), (0, -1)),
            "C": Parameter("C (eV Å⁶)", (0.0, 8.0, 2.0), (1, 6)),
        },
    ),
    "harmonic": Form(
        lowered_spring,
        {
            "depth": Parameter("D (eV)", DEPTH, (1, 0)),
            "stiffness": Parameter("A (eV/Å²)", (0.0, 60.0, 15.0), (1, -2)),
            "r_eq": Parameter("r_eq (Å)", LENGTH, (0, 1)),
        },
    ),
}
