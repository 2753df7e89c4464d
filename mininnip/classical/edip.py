"""EDIP silicon: pairs and triplets whose form follows the number of neighbors (environment-dependent potential).

Justo, Bazant, Kaxiras, Bulatov & Yip, Phys. Rev. B 58, 2539 (1998), doi:10.1103/PhysRevB.58.2539. A crowded atom binds
each neighbor less and insists less on its angles; the best angle itself goes from 120° at three neighbors over the
tetrahedral one at four to 90° at six. All of it vanishes smoothly at the cutoff a.

Symbols: A, B, ρ `rho`, β `beta`, σ `sigma`, a, c, α `alpha`, λ `strength`, γ `gamma`, Q₀ `Q0`, μ `mu`, η `eta`, u₁ … u₄
as in the paper.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.elements import atomic_numbers
from mininnip.graph import Graph, as_number, segment_sum, triplets
from mininnip.model import Model


def counts(r: Tensor, c: Tensor, a: Tensor, alpha: Tensor) -> Tensor:
    """How far a neighbor counts: f(r) = 1 before c, exp[α / (1 − x⁻³)] with x = (r − c) / (a − c) up to a, 0 beyond.

    Args:
        r: distances (...) in Å.
        c: up to where a neighbor counts fully, in Å.
        a: from where on it does not count, in Å.
        alpha: α, how the one goes over into the other.

    Returns:
        Weights (...) in [0, 1].
    """
    x = (r - c) / (a - c)
    between = (x > 1e-3) & (x < 1)  # below, the exponential is one to all digits
    inner = torch.exp(alpha / (1 - torch.where(between, x, 0.5) ** -3))
    return torch.where(between, inner, (x < 0.5).to(r.dtype))


def best_angle(Z: Tensor, u1: Tensor, u2: Tensor, u3: Tensor, u4: Tensor) -> Tensor:
    """Minus the cosine of the angle that Z neighbors prefer: τ(Z) = u₁ + u₂ [u₃ exp(−u₄ Z) − exp(−2 u₄ Z)].

    Args:
        Z: numbers of neighbors (...).
        u1, u2, u3, u4: parameters.

    Returns:
        τ (...): ½ at three neighbors, ⅓ at four, 0 at six.
    """
    return u1 + u2 * (u3 * torch.exp(-u4 * Z) - torch.exp(-2 * u4 * Z))


@remembers_arguments
class EDIP(Model):
    """Pairs and triplets of one element that know the number of neighbors Z.

        E_i = Σ_j V₂(r_ij, Z_i) + Σ_{j<k} exp[γ / (r_ij − a) + γ / (r_ik − a)] h(cos θ_jik + τ(Z_i), Z_i)
        Z_i = Σ_j f(r_ij),   V₂(r, Z) = A [(B/r)^ρ − exp(−β Z²)] exp[σ / (r − a)]
        h(l, Z) = λ [1 − exp(−Q l²) + η Q l²],   Q(Z) = Q₀ exp(−μ Z)

    with f of `counts` and τ of `best_angle`. The default is the paper's silicon: diamond is bound by 4.65 eV per atom
    at the lattice constant 5.430 Å.

    Args:
        elements: atomic numbers the parameters are for; all are treated alike.
        A: strength of pairs in eV.
        B: length of their repulsion in Å.
        rho: exponent of that.
        beta: how fast neighbors weaken the attraction.
        sigma: how early pairs fade, in Å.
        a: the cutoff in Å.
        c: up to where a neighbor counts fully, in Å.
        alpha: how it fades from there.
        strength: λ of the triplets in eV.
        gamma: how early they fade, in Å.
        Q0: stiffness of angles without neighbors.
        mu: how fast it falls with them.
        eta: share of the harmonic part.
        u1, u2, u3, u4: best angle.

    Raises:
        ValueError: unknown element, parameter that is not finite, length that is not positive, a cutoff not beyond c.
    """

    reach = "own edges"
    any_precision = True
    a: nn.Parameter

    def __init__(
        self,
        elements: Sequence[int] = (14,),
        A: float = 7.9821730,
        B: float = 1.5075463,
        rho: float = 1.2085196,
        beta: float = 0.0070975,
        sigma: float = 0.5774108,
        a: float = 3.1213820,
        c: float = 2.5609104,
        alpha: float = 3.1083847,
        strength: float = 1.4533108,
        gamma: float = 1.1247945,
        Q0: float = 312.1341346,
        mu: float = 0.6966326,
        eta: float = 0.2523244,
        u1: float = -0.165799,
        u2: float = 32.557,
        u3: float = 0.286198,
        u4: float = 0.66,
    ):
        super().__init__()
        self.elements = atomic_numbers(elements)
        parameters = {"A": A, "B": B, "rho": rho, "beta": beta, "sigma": sigma, "a": a, "c": c, "alpha": alpha}
        parameters |= {"strength": strength, "gamma": gamma, "Q0": Q0, "mu": mu, "eta": eta}
        parameters |= {"u1": u1, "u2": u2, "u3": u3, "u4": u4}
        for name, value in parameters.items():
            as_number(value, name)
            if name in ("B", "a", "c") and value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))
        if a <= c:
            raise ValueError(f"the cutoff a must lie beyond c, where neighbors begin to fade; got a = {a}, c = {c} Å")

    @property
    def cutoff(self) -> float:
        """Reach of the potential a in Å."""
        return self.a.item()

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Pairs as the atom sees them, and the angles whose vertex it is: {"energies": (N,)} in eV."""
        p = {name: value.to(graph.positions.dtype) for name, value in self.named_parameters()}
        r_ij = graph.edge_vectors()
        d_ij = torch.linalg.vector_norm(r_ij, dim=1)
        near = (d_ij < p["a"]).nonzero()[:, 0]  # the exponentials have a pole at the cutoff
        i, r_ij, d_ij = (values.index_select(0, near) for values in (graph.edges[0], r_ij, d_ij))  # (E,), (E, 3), (E,)

        Z = segment_sum(counts(d_ij, p["c"], p["a"], p["alpha"]), i, graph.n_atoms)  # (N,)
        attraction = torch.exp(-p["beta"] * Z**2).index_select(0, i)
        pairs = p["A"] * ((p["B"] / d_ij) ** p["rho"] - attraction) * torch.exp(p["sigma"] / (d_ij - p["a"]))  # (E,)

        fade, u_ij = torch.exp(p["gamma"] / (d_ij - p["a"])), r_ij / d_ij[:, None]
        j, k = triplets(i)  # (T,)
        vertex = i[j]
        cosine = (u_ij.index_select(0, j) * u_ij.index_select(0, k)).sum(1)
        bent = cosine + best_angle(Z, *(p[f"u{n}"] for n in range(1, 5))).index_select(0, vertex)
        stiff = (p["Q0"] * torch.exp(-p["mu"] * Z)).index_select(0, vertex) * bent**2
        angles = p["strength"] * (1 - torch.exp(-stiff) + p["eta"] * stiff)
        angles = angles * fade.index_select(0, j) * fade.index_select(0, k)
        return {"energies": segment_sum(pairs, i, graph.n_atoms) + segment_sum(angles, vertex, graph.n_atoms)}
