"""Stillinger–Weber silicon: pairs that attract and triplets that insist on the tetrahedral angle.

Stillinger & Weber, Phys. Rev. B 31, 5262 (1985), doi:10.1103/PhysRevB.31.5262. Two terms hold the diamond crystal
together: a pair energy with one minimum, and a penalty on every angle whose cosine is not −1/3. All of it, with all its
derivatives, vanishes at the cutoff a σ, between the first and the second neighbors of the crystal.

Symbols: ε `epsilon`, σ `sigma`, A, B, a as in the paper; λ `strength`, γ `gamma`. The paper's exponents p = 4 and q = 0
are part of the form. Lengths and energies are in Å and eV, not in the paper's units of σ and ε.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.elements import atomic_numbers
from mininnip.graph import Graph, as_number, segment_sum, triplets
from mininnip.model import Model

TETRAHEDRAL_COSINE = -1 / 3


def pair_energy(r: Tensor, epsilon: Tensor, sigma: Tensor, A: Tensor, B: Tensor, reach: Tensor) -> Tensor:
    """Attraction and repulsion of two atoms closer than the reach a σ.

        φ₂(r) = A ε [B (σ/r)⁴ − 1] exp[σ / (r − a σ)]

    Args:
        r: distances (...) below the reach, in Å.
        epsilon: ε in eV.
        sigma: σ in Å.
        A: without unit.
        B: without unit.
        reach: a σ in Å.

    Returns:
        Energies (...) in eV.
    """
    square = (sigma / r) ** 2
    return A * epsilon * (B * square * square - 1) * torch.exp(sigma / (r - reach))


@remembers_arguments
class StillingerWeber(Model):
    """Pairs and triplets of one element.

        E_i = ½ Σ_j φ₂(r_ij) + Σ_{j<k} λ ε (cos θ_jik + ⅓)² h(r_ij) h(r_ik),   h(r) = exp[γ σ / (r − a σ)]

    The energy of an angle belongs to the atom at its vertex (LAMMPS gives a third to each of the three). The default is
    the paper's silicon with ε = 2.1683 eV and σ = 2.0951 Å: −2 ε per atom of the crystal, lattice constant 5.431 Å.

    Args:
        elements: atomic numbers the parameters are for; all are treated alike.
        epsilon: ε in eV.
        sigma: σ in Å.
        A: strength of the pair term.
        B: share of the repulsion.
        a: reach in units of σ.
        strength: λ of the triplet term.
        gamma: γ, how early the triplet term fades.

    Attributes:
        cutoff: a σ in Å.

    Raises:
        ValueError: unknown element, parameter that is not finite, length that is not positive; on a call: an atom of
            another element, or a graph whose cutoff is too short.
    """

    reach = "own edges"
    any_precision = True
    sigma: nn.Parameter
    a: nn.Parameter

    def __init__(
        self,
        elements: Sequence[int] = (14,),
        epsilon: float = 2.1683,
        sigma: float = 2.0951,
        A: float = 7.049556277,
        B: float = 0.6022245584,
        a: float = 1.8,
        strength: float = 21.0,
        gamma: float = 1.2,
    ):
        super().__init__()
        self.elements = atomic_numbers(elements)
        parameters = {"epsilon": epsilon, "sigma": sigma, "A": A, "B": B, "a": a, "strength": strength, "gamma": gamma}
        for name, value in parameters.items():
            _check_parameter(name, value)
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))

    @property
    def cutoff(self) -> float:
        """Reach of the potential a σ in Å."""
        return (self.a * self.sigma).item()

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Half of every pair energy, and the angles whose vertex the atom is: {"energies": (N,)} in eV."""
        p = {name: value.to(graph.positions.dtype) for name, value in self.named_parameters()}
        reach = p["a"] * p["sigma"]
        r_ij = graph.edge_vectors()
        d_ij = torch.linalg.vector_norm(r_ij, dim=1)
        # The exponentials have a pole at the reach, and triplets grow as edges squared: a longer list is cut.
        near = (d_ij < reach).nonzero()[:, 0]
        i, r_ij, d_ij = (values.index_select(0, near) for values in (graph.edges[0], r_ij, d_ij))  # (E,), (E, 3), (E,)
        pairs = pair_energy(d_ij, p["epsilon"], p["sigma"], p["A"], p["B"], reach)  # (E,)

        fade = torch.exp(p["gamma"] * p["sigma"] / (d_ij - reach))  # (E,)
        u_ij = r_ij / d_ij[:, None]
        first, second = triplets(i)  # (T,)
        cosine = (u_ij.index_select(0, first) * u_ij.index_select(0, second)).sum(1)
        both_fade = fade.index_select(0, first) * fade.index_select(0, second)
        angles = p["strength"] * p["epsilon"] * (cosine - TETRAHEDRAL_COSINE) ** 2 * both_fade
        by_pairs, by_angles = segment_sum(0.5 * pairs, i, graph.n_atoms), segment_sum(angles, i[first], graph.n_atoms)
        return {"energies": by_pairs + by_angles}


def _check_parameter(name: str, value: float) -> None:
    as_number(value, name)
    if name in ("sigma", "a") and value <= 0:
        raise ValueError(f"{name} must be positive, got {value}")
