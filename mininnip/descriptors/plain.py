"""Symmetry functions as the paper writes them, atom by atom and neighbor by neighbor: to be read, not to be fast.

Behler, J. Chem. Phys. 134, 074106 (2011); pairs of neighbors are counted once. `symmetry_functions` computes the same
for all atoms at once, and its tests compare the two.
"""

from itertools import combinations
from math import cos, exp, pi

from torch import Tensor, dot

from mininnip.graph import Graph


def neighbors_of(graph: Graph, atom: int, element: int | None = None) -> list[Tensor]:
    """Vectors (3,) in Å from an atom to its neighbors, all of them or those of one element."""
    i, j = graph.edges
    mine = i == atom if element is None else (i == atom) & (graph.numbers[j] == element)
    return list(graph.edge_vectors()[mine])


def f_c(r: float, cutoff: float) -> float:
    """½ [1 + cos(π r / r_c)] inside the cutoff, 0 beyond."""
    return 0.5 * (1 + cos(pi * r / cutoff)) if r < cutoff else 0.0


def g2(neighbors: list[Tensor], eta: float, shift: float, cutoff: float) -> float:
    """G² = Σ_j e^{−η (r_ij − r_s)²} f_c(r_ij); with η = 0 it is G¹."""
    lengths = [float(vector.norm()) for vector in neighbors]
    return sum(exp(-eta * (r - shift) ** 2) * f_c(r, cutoff) for r in lengths)


def g4(neighbors: list[Tensor], eta: float, zeta: float, sign: int, cutoff: float) -> float:
    """G⁴ = 2^{1−ζ} Σ_{j<k} (1 + λ cos θ)^ζ e^{−η (r_ij² + r_ik² + r_jk²)} f_c(r_ij) f_c(r_ik) f_c(r_jk)."""
    total = 0.0
    for a, b in combinations(neighbors, 2):
        r_ij, r_ik, r_jk = float(a.norm()), float(b.norm()), float((b - a).norm())
        angle = (1 + sign * float(dot(a, b)) / (r_ij * r_ik)) ** zeta
        near = f_c(r_ij, cutoff) * f_c(r_ik, cutoff) * f_c(r_jk, cutoff)
        total += angle * exp(-eta * (r_ij**2 + r_ik**2 + r_jk**2)) * near
    return 2 ** (1 - zeta) * total


def g5(neighbors: list[Tensor], eta: float, zeta: float, sign: int, cutoff: float) -> float:
    """G⁵: the same without the third side, so that neighbors far from each other count too."""
    total = 0.0
    for a, b in combinations(neighbors, 2):
        r_ij, r_ik = float(a.norm()), float(b.norm())
        angle = (1 + sign * float(dot(a, b)) / (r_ij * r_ik)) ** zeta
        total += angle * exp(-eta * (r_ij**2 + r_ik**2)) * f_c(r_ij, cutoff) * f_c(r_ik, cutoff)
    return 2 ** (1 - zeta) * total
