"""NequIP: messages are tensor products, so that atoms may carry numbers, arrows and shapes that all turn correctly.

Features come in kinds, named by degree and parity: "0e" does not change when the structure is turned, "1o" turns as a
vector, "1e" as an axis (a vector that a mirror turns the other way), "2e" as the shape of a d orbital. A message
multiplies the features of a neighbor with spherical harmonics of its direction. Batzner et al., Nat. Commun. 13, 2453
(2022), doi:10.1038/s41467-022-29939-5; names and normalization follow the authors' code.

Paper → name: V → features, one tensor (N, 2l + 1, F) per kind; R(r) → `RadialNetwork`; S = R Y, and L, the convolution
→ `Convolution`; self-interaction → `Linear` and, where it depends on the element, `ElementLinear`; gated
non-linearity → `gate`. Deviations: degrees up to 2; an element is told by a learned embedding, as in the authors' newer
code, not by a weight matrix of its own; each element has an energy scale and shift that start from training data.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model
from mininnip.radial import bessel_basis, polynomial_cutoff
from mininnip.scaling import EnergyScaling
from mininnip.segments import Wiring, add_up, hand_out
from mininnip.so3 import nonzero_couplings, spherical_harmonics

Features = dict[str, Tensor]
EVEN, ODD = 1.6765, 1.5925  # 1 / √⟨f(x)²⟩ over a normal distribution of x, for SiLU and for tanh


def degree(kind: str) -> int:
    """l of a kind of features, e.g. 1 of "1o"."""
    return int(kind[0])


def products(kind: str, l_max: int) -> list[tuple[int, str]]:
    """What features of a kind become when multiplied with harmonics: (degree of the harmonics, kind of the product)."""
    l1, parity = degree(kind), 1 if kind[1] == "e" else -1
    return [
        (l2, f"{l3}{'e' if parity * (-1) ** l2 > 0 else 'o'}")
        for l2 in range(l_max + 1)
        for l3 in range(abs(l1 - l2), min(l1 + l2, l_max) + 1)
    ]


def kinds_of_layers(n_layers: int, l_max: int) -> list[list[str]]:
    """Kinds of features before and after each layer: all that can come about, and from which the energy hears.

    It begins and ends with "0e", the element and what the energy is read from.
    """
    kinds = [["0e"]]
    for _ in range(n_layers):
        kinds.append(sorted({b for a in kinds[-1] for _, b in products(a, l_max)}))
    kinds[-1] = ["0e"]
    for n in reversed(range(n_layers)):
        kinds[n] = [a for a in kinds[n] if any(b in kinds[n + 1] for _, b in products(a, l_max))]
    return kinds


class RadialNetwork(nn.Module):
    """The learned function of distance: one weight for every channel of every product.

        R(d) = W₃ σ(W₂ σ(W₁ b(d))),   b_n(d) = u(d) √(2 / r_c) sin(n π d / r_c) / d

    without biases, so that it is zero at the cutoff, as its input is; σ is SiLU.

    Args:
        sizes: numbers of inputs, hidden neurons and outputs.
    """

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.weights = nn.ParameterList([torch.randn(a, b) / a**0.5 for a, b in pairwise(sizes)])
        for weight in self.weights[1:]:
            weight.data *= EVEN

    def forward(self, basis: Tensor) -> Tensor:
        """Weights (P, sizes[-1]) of pairs with basis (P, sizes[0])."""
        for weight in self.weights[:-1]:
            basis = nn.functional.silu(basis @ weight)
        return basis @ self.weights[-1]


class Linear(nn.Module):
    """Self-interaction: mix the channels of a kind, all 2l + 1 components alike.

    Args:
        sizes: numbers of channels in and out by kind.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, int]]):
        super().__init__()
        self.weights = nn.ParameterDict({kind: torch.randn(a, b) / a**0.5 for kind, (a, b) in sizes.items()})

    def forward(self, features: Features) -> Features:
        """Features (N, 2l + 1, F') by kind, of features (N, 2l + 1, F)."""
        return {kind: features[kind] @ weight for kind, weight in self.weights.items()}


class ElementLinear(nn.Module):
    """Self-interaction with a matrix that depends on the element: W_Z = Σ_v a_v(Z) W_v.

    Args:
        sizes: numbers of channels in and out by kind.
        n_embedding: numbers a(Z) that tell an element.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, int]], n_embedding: int):
        super().__init__()
        self.weights = nn.ParameterDict(
            {kind: torch.randn(n_embedding, a, b) / (n_embedding * a) ** 0.5 for kind, (a, b) in sizes.items()}
        )

    def forward(self, features: Features, elements: Tensor, atoms: Sequence[Tensor]) -> Features:
        """As `Linear`, given embeddings (K, V) of the K elements, and the atoms of each."""
        back = torch.argsort(torch.cat(list(atoms)))
        out = {}
        for kind, weight in self.weights.items():
            matrices = torch.einsum("kv,vab->kab", elements, weight)
            parts = [features[kind].index_select(0, mine) @ matrices[k] for k, mine in enumerate(atoms)]
            out[kind] = torch.cat(parts).index_select(0, back)
        return out


class Convolution(nn.Module):
    """What an atom hears from its neighbors.

        L_i^{l3} = Σ_j Σ_{l1 l2} R(d_ij) √(2 l3 + 1) C^{l1 l2 l3} V_j^{l1} Y^{l2}(u_ij)

    For one edge, the product with its harmonics is a matrix that takes the 2l + 1 components of all kinds of features
    to those of all products. Products of one kind then stand side by side.

    Args:
        inputs, outputs: kinds of the features of neighbors, and kinds that somebody reads.
        n_features, l_max: F, and the highest degree of the harmonics.
        radial_sizes: inputs and hidden neurons of the radial network.
    """

    def __init__(
        self, inputs: Sequence[str], outputs: Sequence[str], n_features: int, l_max: int, radial_sizes: Sequence[int]
    ):
        super().__init__()
        self.paths = [(a, l2, b) for a in inputs for l2, b in products(a, l_max) if b in outputs]
        self.radial_network = RadialNetwork([*radial_sizes, n_features * len(self.paths)])
        self.sizes = [2 * degree(target) + 1 for *_, target in self.paths]
        *places, n_components = accumulate((2 * degree(kind) + 1 for kind in inputs), initial=0)
        starts = dict(zip(inputs, places, strict=True))
        self.couplings = torch.zeros((l_max + 1) ** 2, sum(self.sizes), n_components, dtype=torch.float64)
        for row, (source, l2, target) in zip(accumulate(self.sizes, initial=0), self.paths, strict=False):
            l1, l3 = degree(source), degree(target)
            for i, j, k, c in nonzero_couplings(l1, l2, l3):
                self.couplings[l2**2 + j, row + k, starts[source] + i] = math.sqrt(2 * l3 + 1) * c

    def forward(self, features: Features, wiring: Wiring, harmonics: Tensor, basis: Tensor) -> Features:
        """Sums over neighbors (N, 2l + 1, F × products) by kind."""
        together = torch.cat(list(features.values()), dim=1)  # (N, C, F)
        matrices = torch.tensordot(harmonics, self.couplings.to(harmonics), dims=1)  # (E, R, C)
        messages = product(matrices, hand_out(together, wiring.neighbors))  # (E, R, F)
        weights = hand_out(self.radial_network(basis), wiring.pairs).split(together.shape[2], dim=1)  # each (E, F)
        parts: dict[str, list[Tensor]] = {}
        for (*_, target), values, weight in zip(self.paths, messages.split(self.sizes, dim=1), weights, strict=True):
            parts.setdefault(target, []).append(add_up(values * weight[:, None], wiring.centers))
        return {kind: torch.cat(values, dim=-1) for kind, values in parts.items()}


def product(matrices: Tensor, columns: Tensor) -> Tensor:
    """Matrices (E, R, C) times columns (E, C, F). PyTorch is slow at batches of very small products: those in steps."""
    if matrices.shape[1] * matrices.shape[2] * columns.shape[2] >= 400:
        return torch.bmm(matrices, columns)
    return (matrices[..., None] * columns[:, None]).sum(dim=2)


def gate(features: Features, n_features: int) -> Features:
    """Gated non-linearity: scalars are bent, everything else is scaled by a scalar of its own.

        V^{0e} ← SiLU(V^{0e}),   V^{0o} ← tanh(V^{0o}),   V^l ← SiLU(g) V^l

    Args:
        features: "0e" holds F scalars, then F gates g for every kind with l > 0.
        n_features: F.

    Returns:
        Features (N, 2l + 1, F) by kind.
    """
    scalars, *gates = features["0e"].split(n_features, dim=-1)
    out = {"0e": EVEN * nn.functional.silu(scalars)}
    if "0o" in features:
        out["0o"] = ODD * torch.tanh(features["0o"])
    gated = sorted(kind for kind in features if degree(kind) > 0)
    return out | {kind: EVEN * nn.functional.silu(g) * features[kind] for kind, g in zip(gated, gates, strict=True)}


class Interaction(nn.Module):
    """One interaction block: mix, hear the neighbors, mix, add what the element makes of itself, and bend.

        V ← gate( W₂ L(W₁ V / √n) + W_Z V )

    In the first block the last term is left out: an atom without neighbors has no features, and no energy but a shift.

    Args:
        inputs, outputs: kinds of features before and after.
        is_first: whether V is only the embedding.
        n_features, l_max, radial_sizes: as those of `Convolution`.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        is_first: bool,
        n_features: int,
        l_max: int,
        radial_sizes: Sequence[int],
    ):
        super().__init__()
        self.n_features = f = n_features
        self.linear_1 = Linear(dict.fromkeys(inputs, (f, f)))
        self.convolution = Convolution(inputs, outputs, f, l_max, radial_sizes)
        targets = [target for *_, target in self.convolution.paths]
        sizes = dict.fromkeys(outputs, f)
        sizes["0e"] += f * sum(degree(kind) > 0 for kind in outputs)
        self.linear_2 = Linear({kind: (f * targets.count(kind), size) for kind, size in sizes.items()})
        own = {} if is_first else {kind: (f, sizes[kind]) for kind in inputs if kind in sizes}
        self.self_connection = ElementLinear(own, n_features)

    def forward(
        self,
        features: Features,
        wiring: Wiring,
        harmonics: Tensor,
        basis: Tensor,
        n_neighbors: Tensor,
        elements: Tensor,
        atoms: Sequence[Tensor],
    ) -> Features:
        """New features by kind."""
        heard = {kind: values / n_neighbors.sqrt() for kind, values in self.linear_1(features).items()}
        new = self.linear_2(self.convolution(heard, wiring, harmonics, basis))
        for kind, own in self.self_connection(features, elements, atoms).items():
            new[kind] = new[kind] + own
        return gate(new, self.n_features)


@remembers_arguments
class NequIP(Model):
    """Tensor-product convolutions, then an energy for every atom.

        E = Σ_i E_i,   E_i = σ_{Z_i} (w · V_i^{0e} + μ_{Z_i})

    Energy, forces and their slopes are continuous at the cutoff.

    Args:
        cutoff: in Å.
        n_features: F, channels of every kind of features.
        n_layers: interactions; an atom feels others up to n_layers · cutoff away.
        l_max: highest degree of features and harmonics, 0 to 2.
        n_basis: Bessel functions that a distance is read by.
        radial_hidden: neurons in the hidden layers of the radial networks.

    Raises:
        ValueError: another l_max, or a number that is not positive.
    """

    cutoff: float
    n_neighbors: Tensor

    def __init__(
        self,
        cutoff: float = 5.0,
        n_features: int = 32,
        n_layers: int = 4,
        l_max: int = 1,
        n_basis: int = 8,
        radial_hidden: Sequence[int] = (64, 64),
    ):
        super().__init__()
        if l_max not in (0, 1, 2):
            raise ValueError(f"NequIP is made for l_max = 0, 1 or 2, got {l_max!r}")
        if not (cutoff > 0 and min(n_features, n_layers, n_basis, *radial_hidden) >= 1):
            raise ValueError(
                "NequIP needs a positive cutoff and at least one feature, layer, basis function and neuron"
            )
        self.cutoff, self.l_max, self.n_basis = cutoff, l_max, n_basis
        self.embedding = nn.Embedding(119, n_features)
        radial_sizes, kinds = (n_basis, *radial_hidden), kinds_of_layers(n_layers, l_max)
        self.interactions = nn.ModuleList(
            [Interaction(a, b, n == 0, n_features, l_max, radial_sizes) for n, (a, b) in enumerate(pairwise(kinds))]
        )
        self.readout = nn.Linear(n_features, 1, bias=False)
        self.scaling = EnergyScaling()
        self.register_buffer("n_neighbors", torch.tensor(10.0))

    @property
    def elements(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """Those of the training data; None before training: any."""
        return self.scaling.elements

    def fit_scaling(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take the number of neighbors, and scale and shift of each element's energy, from training data."""
        if self.elements is None:
            near = torch.linalg.vector_norm(graph.edge_vectors(), dim=1) < self.cutoff
            self.n_neighbors.fill_(max(float(near.sum()) / graph.n_atoms, 1.0))
        self.scaling.fit(graph, labels)

    def features(self, graph: Graph) -> list[Features]:
        """Features (N, 2l + 1, F) of every atom by kind: of itself, then after each interaction."""
        wiring, r_ij = Wiring.of(graph), graph.edge_vectors()  # (E, 3)
        d_ij = torch.linalg.vector_norm(r_ij.index_select(0, wiring.example), dim=1)  # one for a pair (P,)
        harmonics = spherical_harmonics(r_ij, self.l_max)  # (E, (l_max + 1)²)
        basis = bessel_basis(d_ij, self.cutoff, self.n_basis) * polynomial_cutoff(d_ij, self.cutoff)[:, None]
        present, kind = torch.unique(graph.numbers, return_inverse=True)
        atoms = [(kind == k).nonzero()[:, 0] for k in range(len(present))]
        elements = self.embedding(present)
        features = [{"0e": elements.index_select(0, kind)[:, None]}]
        for interaction in self.interactions:
            args = (wiring, harmonics, basis, self.n_neighbors, elements, atoms)
            features.append(interaction(features[-1], *args))
        return features

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of each atom, {"energies": (N,)} in eV."""
        scalars = self.features(graph)[-1]["0e"][:, 0]  # (N, F)
        return {"energies": self.scaling(self.readout(scalars)[:, 0], graph.numbers)}
