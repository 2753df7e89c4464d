"""Angular terms of symmetry functions: what one pair of neighbors adds to them, and how that changes.

Every term is a product: one factor knows distances, one the angle, and a third fades both out at the cutoff. There are
few different factors among many functions, so each is computed once and combined with all others; and the slope of a
term is put together from the slopes of its factors. Formulas and papers: see `symmetry_functions`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mininnip.radial import cosine_cutoff

SMALLEST = 60.0  # e⁻⁶⁰ < 10⁻²⁶: nothing to a sum, while still smaller numbers (subnormal ones) slow processors down


def decay(x: Tensor) -> Tensor:
    """e^{−x}, but never less than e⁻⁶⁰."""
    return torch.exp(-x.clamp(max=SMALLEST))


def angular_term(cosine: Tensor, zeta: Tensor, sign: Tensor) -> Tensor:
    """Angular factor of G⁴ and G⁵: 2^(1−ζ) (1 + λ cos θ)^ζ; 2 at θ = 0 for λ = 1 and any ζ.

    Args:
        cosine: cos θ (...).
        zeta: ζ (...).
        sign: λ (...), +1 or −1.

    Returns:
        (...), whatever the three shapes broadcast to.
    """
    return 2 * _power((1 + sign * cosine) / 2, zeta)


class AngularProducts(nn.Module):
    """Angular terms of a family: every S combined with every A.

        term_ab = S_a(q) A_b(cos θ_jik) f        with q and f from r_ij, r_ik, r_jk

    Functions are rows and triangles are columns, because processors like long rows.

    Attributes:
        n_shells, n_angles: how many S and A there are; combination a, b stands in row a · n_angles + b.
        picked: the rows that are wanted, in the order of the functions.
    """

    n_shells: int
    n_angles: int
    picked: Sequence[int]

    def scalars(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> tuple[Tensor, Tensor]:
        """What the shells depend on, q, and what fades them out, f; both (T,)."""
        raise NotImplementedError

    def shells(self, q: Tensor) -> Tensor:
        """S (n_shells, T) of q (T,), or of a q for each (n_shells, T)."""
        raise NotImplementedError

    def angles(self, cosine: Tensor) -> Tensor:
        """A (n_angles, T) of cos θ (T,), or of one for each (n_angles, T)."""
        raise NotImplementedError

    def factors(self, ij: Tensor, ik: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the terms of an atom and pairs of neighbors at ij, ik (3, T) are made of.

        Returns:
            S f (n_shells, T), how much each pair counts; A (n_angles, T), what its angle is worth; cos θ (T,).
        """
        sides = _sides(ij, ik)
        cosine, (q, fade) = _cosine(*sides), self.scalars(*sides)
        return self.shells(q) * fade, self.angles(cosine), cosine

    def forward(self, ij: Tensor, ik: Tensor) -> Tensor:
        """All terms (n_shells · n_angles, T) of an atom and pairs of neighbors at ij, ik (3, T)."""
        weights, angles, _ = self.factors(ij, ik)
        return (weights[:, None] * angles).flatten(0, 1)

    def with_pulls(self, ij: Tensor, ik: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All terms, and how they change when one of the two neighbors moves.

        Args:
            ij, ik: vectors to the two neighbors (3, T).

        Returns:
            terms (n_shells · n_angles, T); derivatives by ij (n_shells, 3, n_angles, T); by ik, the same.
        """
        sides = [r.requires_grad_() for r in _sides(ij, ik)]
        with torch.enable_grad():
            cosine, (q, fade) = _cosine(*sides), self.scalars(*sides)
            moves = [_by_vectors(slopes(y, sides), ij, ik, sides) for y in (cosine, q, fade)]
        shells, shell_slopes = values_and_slopes(self.shells, q, self.n_shells)
        angles, angle_slopes = values_and_slopes(self.angles, cosine, self.n_angles)
        fade = fade.detach()
        faded, pulls = angles * fade, []
        for of_cosine, of_q, of_fade in zip(*moves, strict=True):  # by ij, then by ik; each (3, 1, T)
            of_angle = (angle_slopes * fade * of_cosine).addcmul_(angles, of_fade)  # (3, n_angles, T)
            pull = shells[:, None, None] * of_angle  # (n_shells, 3, n_angles, T)
            pulls.append(pull.addcmul_(shell_slopes[:, None, None], faded * of_q))
        return (shells[:, None] * faded).flatten(0, 1), pulls[0], pulls[1]


class BehlerAngles(AngularProducts):
    """The angular parts of G⁴ (the third side of the triangle, r_jk, takes part) or of G⁵ (it does not).

    Args:
        parameters: triples (η in 1/Å², ζ, λ).
        cutoff: r_c in Å.
        cutoff_function: f_c(r, r_c).
        third_side: whether r_jk takes part.
    """

    eta: Tensor
    zeta: Tensor
    sign: Tensor

    def __init__(
        self,
        parameters: Sequence[Sequence[float]],
        cutoff: float,
        cutoff_function: Callable[[Tensor, float], Tensor],
        third_side: bool,
    ):
        super().__init__()
        etas = sorted({eta for eta, _, _ in parameters})
        powers = sorted({(zeta, sign) for _, zeta, sign in parameters})
        self.n_shells, self.n_angles = len(etas), len(powers)
        self.picked = [etas.index(eta) * len(powers) + powers.index((zeta, sign)) for eta, zeta, sign in parameters]
        self.cutoff, self.cutoff_function, self.third_side = cutoff, cutoff_function, third_side
        zeta, sign = torch.tensor(powers, dtype=torch.float64).reshape(-1, 2).T
        for name, values in (("eta", torch.tensor(etas, dtype=torch.float64)), ("zeta", zeta), ("sign", sign)):
            self.register_buffer(name, values[:, None], persistent=False)

    def scalars(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> tuple[Tensor, Tensor]:
        q, fade = r_ij**2 + r_ik**2, self.cutoff_function(r_ij, self.cutoff) * self.cutoff_function(r_ik, self.cutoff)
        return (q + r_jk**2, fade * self.cutoff_function(r_jk, self.cutoff)) if self.third_side else (q, fade)

    def shells(self, q: Tensor) -> Tensor:
        return decay(self.eta.to(q.dtype) * q)

    def angles(self, cosine: Tensor) -> Tensor:
        return angular_term(cosine, self.zeta.to(cosine.dtype), self.sign.to(cosine.dtype))


class ANIAngles(AngularProducts):
    """The angular part of ANI's functions: shells of the mean distance, sections of the angle.

    Args:
        cutoff: r_c in Å.
        eta: η' in 1/Å².
        zeta: ζ.
        shifts: r_s' in Å.
        sections: θ_s in radian.
    """

    shifts: Tensor
    sections: Tensor

    def __init__(self, cutoff: float, eta: float, zeta: float, shifts: Any, sections: Any):
        super().__init__()
        self.cutoff, self.eta, self.zeta = cutoff, eta, zeta
        self.n_shells, self.n_angles = len(shifts), len(sections)
        self.picked = range(self.n_shells * self.n_angles)
        for name, values in (("shifts", shifts), ("sections", sections)):
            column = torch.as_tensor(values, dtype=torch.float64)[:, None]
            self.register_buffer(name, column, persistent=False)

    def scalars(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> tuple[Tensor, Tensor]:
        return (r_ij + r_ik) / 2, 2 * cosine_cutoff(r_ij, self.cutoff) * cosine_cutoff(r_ik, self.cutoff)

    def shells(self, q: Tensor) -> Tensor:
        return decay(self.eta * (q - self.shifts.to(q.dtype)) ** 2)

    def angles(self, cosine: Tensor) -> Tensor:
        cosine, sections = 0.95 * cosine, self.sections.to(cosine.dtype)
        turned = cosine * torch.cos(sections) + torch.sqrt(1 - cosine**2) * torch.sin(sections)  # cos(θ − θ_s)
        return _power((1 + turned) / 2, torch.full_like(sections, self.zeta))


def values_and_slopes(function: Callable[[Tensor], Tensor], x: Tensor, n_rows: int) -> tuple[Tensor, Tensor]:
    """Values (n, T) and slopes (n, T) of n functions of one number x (T,).

    Every row gets an x of its own, so that one backward pass through the sum gives all slopes.
    """
    with torch.enable_grad():
        copies = x.detach().repeat(n_rows, 1).requires_grad_()
        values = function(copies)
        return values.detach(), slopes(values, [copies])[0]


def slopes(y: Tensor, variables: Sequence[Tensor]) -> Sequence[Tensor]:
    """Slope of y with respect to each variable, element by element; zero where it does not depend on one."""
    return torch.autograd.grad(y.sum(), list(variables), retain_graph=True, allow_unused=True, materialize_grads=True)


def length(vectors: Tensor) -> Tensor:
    """Lengths (T,) of vectors (3, T)."""
    return vectors.square().sum(dim=0).sqrt()  # torch.linalg.vector_norm is slow in this direction


def _sides(ij: Tensor, ik: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sides r_ij, r_ik, r_jk (T,) of the triangles between an atom and its neighbors at ij and ik (3, T)."""
    return length(ij), length(ik), length(ik - ij)


def _by_vectors(by_sides: Sequence[Tensor], ij: Tensor, ik: Tensor, sides: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Chain rule from the three sides of the triangle to the two vectors: slopes (3, 1, T) by ij and by ik."""
    r_ij, r_ik, r_jk = (r.detach() for r in sides)
    of_third = by_sides[2] / r_jk * (ik - ij)
    by_ij, by_ik = by_sides[0] / r_ij * ij - of_third, by_sides[1] / r_ik * ik + of_third
    return by_ij[:, None], by_ik[:, None]


def _cosine(r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> Tensor:
    """Cosine of the angle at i, by the law of cosines."""
    return ((r_ij**2 + r_ik**2 - r_jk**2) / (2 * r_ij * r_ik)).clamp(-1, 1)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    """base^exponent for bases in [0, 1], but never less than e⁻⁶⁰; faster than the general power."""
    smallest = torch.exp(-SMALLEST / exponent)
    return torch.exp(exponent * torch.log(torch.maximum(base, smallest)))
