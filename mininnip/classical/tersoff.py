"""Tersoff silicon: pairs whose attraction is weakened by every further neighbor.

Tersoff, Phys. Rev. B 38, 9902 (1988), doi:10.1103/PhysRevB.38.9902. There is no energy of triplets beside the energy of
pairs: the other neighbors k of an atom make the bond i–j weaker, the more of them and the less favorable their angles.
So an atom chooses between few strong bonds and many weak ones, and one form holds crystals of very different
coordination. All energies, their slopes included, vanish at the cutoff S.

Symbols: A, B, c, d, h, n, R, S as in the paper; λ `lambda_1`, μ `lambda_2`, β `beta`. λ₃ `lambda_3`, zero in the paper,
is that of its forerunner, Phys. Rev. B 37, 6991 (1988), whose silicon is `SILICON_OF_PRB_37_6991`.
Tersoff, Phys. Rev. B 39, 5566 (1989) keeps the silicon of 1988 to the digits printed there.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.elements import atomic_numbers
from mininnip.graph import Graph, as_number, segment_sum, triplets
from mininnip.model import Model

SILICON_OF_PRB_37_6991 = {
    "A": 3264.7,
    "B": 95.373,
    "lambda_1": 3.2394,
    "lambda_2": 1.3258,
    "lambda_3": 1.3258,
    "beta": 0.33675,
    "n": 22.956,
    "c": 4.8381,
    "d": 2.0417,
    "h": 0.0,
    "R": 2.8,
    "S": 3.2,
}
POSITIVE = ("beta", "n", "d", "R", "S")


def fade(r: Tensor, R: Tensor, S: Tensor) -> Tensor:
    """The paper's cutoff function: f_C(r) = ½ + ½ cos[π (r − R) / (S − R)] between R and S, 1 before, 0 beyond.

    Args:
        r: distances (...) in Å.
        R: start of the fading in Å.
        S: its end in Å.

    Returns:
        Weights (...) in [0, 1].
    """
    x = ((r - R) / (S - R)).clamp(0, 1)
    return 0.5 + 0.5 * torch.cos(torch.pi * x)


@remembers_arguments
class Tersoff(Model):
    """Bond orders of one element.

        E_i = ½ Σ_j f_C(r_ij) [A exp(−λ r_ij) − b_ij B exp(−μ r_ij)],   b_ij = (1 + βⁿ ζ_ijⁿ)^(−1/2n)
        ζ_ij = Σ_{k≠j} f_C(r_ik) g(θ_ijk) exp[λ₃³ (r_ij − r_ik)³],   g(θ) = 1 + c²/d² − c² / [d² + (h − cos θ)²]

    The default is the paper's silicon: diamond is bound by 4.63 eV per atom at the lattice constant 5.432 Å.

    Args:
        elements: atomic numbers the parameters are for; all are treated alike.
        A: strength of the repulsion in eV.
        B: strength of the attraction in eV.
        lambda_1: λ, decay of the repulsion in 1/Å.
        lambda_2: μ, decay of the attraction in 1/Å.
        lambda_3: λ₃, how much a nearer neighbor k weakens the bond more, in 1/Å.
        beta: β, how much further neighbors weaken a bond.
        n: exponent of that.
        c: strength of the angular term.
        d: its sharpness.
        h: cosine of the best angle.
        R: start of the fading in Å.
        S: the cutoff in Å.

    Raises:
        ValueError: unknown element, parameter that is not finite, one that must be positive and is not, S not beyond R.
    """

    reach = "own edges"
    any_precision = True
    S: nn.Parameter

    def __init__(
        self,
        elements: Sequence[int] = (14,),
        A: float = 1830.8,
        B: float = 471.18,
        lambda_1: float = 2.4799,
        lambda_2: float = 1.7322,
        lambda_3: float = 0.0,
        beta: float = 1.1000e-6,
        n: float = 0.78734,
        c: float = 1.0039e5,
        d: float = 16.217,
        h: float = -0.59825,
        R: float = 2.7,
        S: float = 3.0,
    ):
        super().__init__()
        self.elements = atomic_numbers(elements)
        lengths = {"lambda_1": lambda_1, "lambda_2": lambda_2, "lambda_3": lambda_3, "R": R, "S": S}
        parameters = {"A": A, "B": B, "beta": beta, "n": n, "c": c, "d": d, "h": h, **lengths}
        for name, value in parameters.items():
            _check_parameter(name, value)
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))
        if S <= R:
            raise ValueError(f"the cutoff S must lie beyond the start of the fading R, got R = {R} and S = {S} Å")

    @property
    def cutoff(self) -> float:
        """Reach of the potential S in Å."""
        return self.S.item()

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Half of every bond energy, as the atom sees the bond: {"energies": (N,)} in eV."""
        p = {name: value.to(graph.positions.dtype) for name, value in self.named_parameters()}
        r_ij = graph.edge_vectors()
        d_ij = torch.linalg.vector_norm(r_ij, dim=1)
        near = (d_ij < p["S"]).nonzero()[:, 0]  # triplets grow as edges squared: a longer list is cut
        i, r_ij, d_ij = (values.index_select(0, near) for values in (graph.edges[0], r_ij, d_ij))  # (E,), (E, 3), (E,)

        zeta = _crowding(i, r_ij, d_ij, p)
        repulsion = p["A"] * torch.exp(-p["lambda_1"] * d_ij)
        attraction = p["B"] * torch.exp(-p["lambda_2"] * d_ij)
        bonds = fade(d_ij, p["R"], p["S"]) * (repulsion - bond_order(zeta, p["beta"], p["n"]) * attraction)  # (E,)
        return {"energies": 0.5 * segment_sum(bonds, i, graph.n_atoms)}


def bond_order(zeta: Tensor, beta: Tensor, n: Tensor) -> Tensor:
    """What other neighbors leave of a bond: b = (1 + βⁿ ζⁿ)^(−1/2n), 1 without them.

    Args:
        zeta: ζ (...), not negative.
        beta: β.
        n: exponent.

    Returns:
        Factors (...) in (0, 1].
    """
    alone = zeta <= 0  # there a root of zero would have no derivative
    crowded = (beta * torch.where(alone, 1.0, zeta)) ** n
    return torch.where(alone, 1.0, (1 + crowded) ** (-0.5 / n))


def _crowding(i: Tensor, r_ij: Tensor, d_ij: Tensor, p: dict[str, Tensor]) -> Tensor:
    """ζ of every edge (E,), from the other edges of its center."""
    one, other = triplets(i)
    j, k = torch.cat([one, other]), torch.cat([other, one])  # each neighbor weakens the bond of the other  (T,)
    u_ij = r_ij / d_ij[:, None]
    cosine = (u_ij.index_select(0, j) * u_ij.index_select(0, k)).sum(1)
    c_squared, d_squared = p["c"] ** 2, p["d"] ** 2
    angular = 1 + c_squared / d_squared - c_squared / (d_squared + (p["h"] - cosine) ** 2)
    nearer = torch.exp((p["lambda_3"] * (d_ij.index_select(0, j) - d_ij.index_select(0, k))) ** 3)
    weights = fade(d_ij.index_select(0, k), p["R"], p["S"]) * angular * nearer
    return segment_sum(weights, j, len(d_ij))


def _check_parameter(name: str, value: float) -> None:
    as_number(value, name)
    if name in POSITIVE and value <= 0:
        raise ValueError(f"{name} must be positive, got {value}")
