"""A face-centered cubic crystal of atoms that attract in pairs: its energy per atom, term by term.

Pairs, the triples of Axilrod and Teller (J. Chem. Phys. 11, 299 (1943)), and the zero-point motion of Einstein's
crystal, in which one atom moves and the others stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

HBAR = 0.06465415  # √eV √amu Å: ħ of CODATA 2018
PAIRS_END, TRIPLES_END = 7.0, 4.0  # farthest neighbors that count, in lattice constants


@dataclass(frozen=True)
class FccCrystal:
    """Energy per atom of an fcc crystal.

        E(a) = ½ Σ_j V(r_j) + (1/3) ½ Σ_jk C₉ (1 + 3 cos α cos β cos γ) / (r_j r_k r_jk)³ + (3/2) ħ ω

    Pairs are summed to 7, triples (both neighbors) to 4 lattice constants. ω² = k / m with the force constant of one
    atom among neighbors that stand, k = ⅓ Σ_j [V″(r_j) + 2 V′(r_j) / r_j]. Einstein's crystal leaves out that
    neighbors move along: it is an estimate.

    Attributes:
        law: function of distances (...) in Å that returns pair energies (...) in eV.
        c9: coefficient of the triples in eV Å⁹; 0 leaves them out.
        mass: of an atom in amu; None leaves out the zero-point motion.
    """

    law: Callable[[Tensor], Tensor]
    c9: float = 0.0
    mass: float | None = None

    def pairs(self, a: float) -> float:
        """Energy of the pairs in eV per atom, at the lattice constant a in Å."""
        return 0.5 * float(self.law(a * _neighbors(PAIRS_END).norm(dim=1)).sum())

    def triples(self, a: float) -> float:
        """Energy of the triples in eV per atom, at the lattice constant a in Å."""
        return self.c9 * triangles(_neighbors(TRIPLES_END)) / a**9 if self.c9 else 0.0

    def zero_point(self, a: float) -> float:
        """Zero-point energy in eV per atom, at the lattice constant a in Å; not a number if an atom slides away."""
        if self.mass is None:
            return 0.0
        r = (a * _neighbors(PAIRS_END).norm(dim=1)).requires_grad_()
        (slope,) = torch.autograd.grad(self.law(r).sum(), r, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), r)
        k = (bend + 2 * slope.detach() / r.detach()).sum() / 3  # eV/Å²
        return 1.5 * HBAR * float((k / self.mass).sqrt())

    def energy(self, a: float) -> float:
        """All terms together in eV per atom, at the lattice constant a in Å."""
        return self.pairs(a) + self.triples(a) + self.zero_point(a)

    def relaxed(self, guess: float) -> tuple[float, float]:
        """Lattice constant in Å of the lowest energy within 15 % of a guess, and that energy in eV per atom.

        Raises:
            ValueError: if the energy has no minimum there.
        """
        from scipy.optimize import minimize_scalar

        ends = (0.85 * guess, 1.15 * guess)
        found = minimize_scalar(self.energy, bounds=ends, method="bounded", options={"xatol": 1e-7})
        a, energy = float(found.x), float(found.fun)  # pyright: ignore
        if not energy < min(map(self.energy, ends)):
            raise ValueError(f"the crystal has no lowest energy between {ends[0]:.2f} and {ends[1]:.2f} Å; guess again")
        return a, energy


def triangles(near: Tensor) -> float:
    """Σ (1 + 3 cos α cos β cos γ) / (r_12 r_13 r_23)³ over triples with one atom at the origin, a third for each atom.

    Args:
        near: the other atoms (P, 3), none at the origin.
    """
    r = near.norm(dim=1)
    dot, across = near @ near.T, torch.cdist(near, near, compute_mode="donot_use_mm_for_euclid_dist")  # (P, P)
    across.fill_diagonal_(torch.inf)
    cosine = (r[:, None] ** 2 - dot) / (r[:, None] * across)  # at the first of two neighbors
    product = r[:, None] * r
    return float(((1 + 3 * dot / product * cosine * cosine.T) / (product * across) ** 3).sum()) / 6


def _neighbors(reach: float) -> Tensor:
    """Sites (P, 3) around the one at the origin that are nearer than `reach`, all in lattice constants."""
    half = 0.5 * torch.arange(-2 * int(reach), 2 * int(reach) + 1, dtype=torch.float64)
    sites = torch.cartesian_prod(half, half, half)
    r = sites.norm(dim=1)
    return sites[(sites.sum(1) % 1 == 0) & (r > 0) & (r < reach + 1e-9)]
