"""PaiNN: atoms carry arrows beside their numbers, and the arrows turn with the molecule.

Scalars do not change when the molecule is turned, vectors turn with it. Messages carry both; where a scalar is needed
from vectors, their lengths and products are taken, and vectors are only ever scaled and added. Schütt, Unke &
Gastegger, ICML 2021 (arXiv:2102.03150).

Paper → name: s_i → scalars, v_i → vectors, φ → `scalar_network`, W → filters, U and V → `mix`, a → `gate_network`.
Deviations: the Bessel functions have their norm √(2 / r_c); weights that the energy cannot feel do not exist, since the
first message finds no vectors, and nobody reads those of the last layer; each element has an energy scale and shift.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model
from mininnip.radial import bessel_basis, check_sizes, cosine_cutoff
from mininnip.scaling import EnergyScaling
from mininnip.segments import Segments, Wiring, add_up_arrows, add_up_filtered, arrow_components, hand_out

SMALLEST_SQUARE = 1e-8  # added under the root of a length, whose slope at zero would be none


class PaiNNMessage(nn.Module):
    """The message block: what an atom hears from its neighbors.

        (a, b, c)_ij = φ(s_j) ∘ W(d_ij),   W(d) = L [f_c(d) e(d), f_c(d)]
        Δs_i = Σ_j a_ij,   Δv_i = Σ_j b_ij u_ij + c_ij v_j

    with Bessel functions e(d), the bias of W as one more of them, and the direction u_ij. Where no atom has
    vectors yet, c does not exist.

    Args:
        n_features, n_basis: F, B.
        has_vectors: whether the atoms have vectors before this message.
    """

    def __init__(self, n_features: int, n_basis: int, has_vectors: bool):
        super().__init__()
        self.n_parts = n_parts = 3 if has_vectors else 2
        self.scalar_network = nn.Sequential(
            nn.Linear(n_features, n_features), nn.SiLU(), nn.Linear(n_features, n_parts * n_features)
        )
        self.filter_network = nn.Linear(n_basis + 1, n_parts * n_features, bias=False)

    def forward(
        self, scalars: Tensor, vectors: Tensor | None, wiring: Wiring, arrows: Segments, u_ij: Tensor, basis: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Changes of scalars (N, F) and vectors (N, 3, F), from directions (E, 3) and faded basis (P, B + 1)."""
        said = self.scalar_network(scalars).chunk(self.n_parts, dim=1)  # φ(s), (N, F) each
        filters = self.filter_network(basis).chunk(self.n_parts, dim=1)  # W, (P, F) each
        b = hand_out(said[1], wiring.neighbors) * hand_out(filters[1], wiring.pairs)  # (E, F)
        change = add_up_arrows(b, u_ij, wiring.centers, arrows)  # (N, 3, F)
        if vectors is not None:
            change = change + add_up_filtered(said[2][:, None] * vectors, filters[2], wiring)
        return add_up_filtered(said[0], filters[0], wiring), change


class PaiNNUpdate(nn.Module):
    """The update block: scalars and vectors of an atom speak to each other.

        (a_ss, a_sv, a_vv) = a(s, ‖V v‖)
        Δs = a_ss + a_sv ⟨U v, V v⟩,   Δv = a_vv U v

    U and V mix features and have no bias, which would not turn. In the last layer nobody reads v, and a_vv does not
    exist.

    Args:
        n_features: F.
        is_last: whether it is the last layer.
    """

    def __init__(self, n_features: int, is_last: bool):
        super().__init__()
        self.mix = nn.Linear(n_features, 2 * n_features, bias=False)
        self.gate_network = nn.Sequential(
            nn.Linear(2 * n_features, n_features), nn.SiLU(), nn.Linear(n_features, (2 if is_last else 3) * n_features)
        )

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Changes of scalars (N, F) and vectors (N, 3, F)."""
        n_features = scalars.shape[1]
        u, v = self.mix(vectors).split(n_features, dim=2)  # (N, 3, F) each
        lengths = (v.square().sum(dim=1) + SMALLEST_SQUARE).sqrt()  # (N, F)
        gates = self.gate_network(torch.cat([scalars, lengths], dim=1))  # (N, 3 F)
        a_ss, a_sv, *a_vv = gates.split(n_features, dim=1)
        change = a_vv[0][:, None] * u if a_vv else torch.zeros_like(vectors)
        return a_ss + a_sv * (u * v).sum(dim=1), change


@remembers_arguments
class PaiNN(Model):
    """Messages and updates of scalars and vectors, then an energy for every atom.

        E = Σ_i E_i,   E_i = σ_{Z_i} [ L₂( SiLU( L₁ s_i ) ) + μ_{Z_i} ]

    Scalars are invariant and vectors equivariant, also under reflections. Energy and forces are continuous at the
    cutoff.

    Args:
        cutoff: in Å.
        n_features: F scalars and F vectors of every atom.
        n_layers: pairs of message and update; an atom feels others up to n_layers · cutoff away.
        n_basis: Bessel functions B that a distance is read by.

    Raises:
        ValueError: a cutoff or a number that is not positive.
    """

    cutoff: float

    def __init__(self, cutoff: float = 5.0, n_features: int = 128, n_layers: int = 3, n_basis: int = 20):
        super().__init__()
        check_sizes(cutoff, n_features=n_features, n_layers=n_layers, n_basis=n_basis)
        n_hidden = max(1, n_features // 2)
        self.cutoff, self.n_basis = cutoff, n_basis
        self.embedding = nn.Embedding(119, n_features)
        self.messages = nn.ModuleList([PaiNNMessage(n_features, n_basis, layer > 0) for layer in range(n_layers)])
        self.updates = nn.ModuleList([PaiNNUpdate(n_features, layer == n_layers - 1) for layer in range(n_layers)])
        self.readout = nn.Sequential(nn.Linear(n_features, n_hidden), nn.SiLU(), nn.Linear(n_hidden, 1))
        self.scaling = EnergyScaling()

    @property
    def elements(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """Those of the training data; None before training: any."""
        return self.scaling.elements

    def fit_scaling(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take scale and shift of each element's energy from training data (`EnergyScaling.fit`)."""
        self.scaling.fit(graph, labels)

    def features(self, graph: Graph) -> list[tuple[Tensor, Tensor]]:
        """Scalars (N, F) and vectors (N, F, 3) of every atom: at first, then after each layer."""
        steps = self._layers(graph)
        return [(scalars, vectors.mT) for scalars, vectors in steps]

    def filters(self, r: Tensor) -> list[Tensor]:
        """The filters (P, 2 F or 3 F) of every message at distances (P,) in Å: to be looked at."""
        basis = self._read(r)
        return [message.filter_network(basis) for message in self.messages]  # type: ignore[operator]

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of each atom, {"energies": (N,)} in eV."""
        scalars, _ = self._layers(graph)[-1]
        return {"energies": self.scaling(self.readout(scalars)[:, 0], graph.numbers)}

    def _layers(self, graph: Graph) -> list[tuple[Tensor, Tensor]]:
        """Scalars (N, F) and vectors (N, 3, F) at first and after each layer."""
        wiring, r_ij = Wiring.of(graph), graph.edge_vectors()
        arrows = arrow_components(wiring.centers)
        d_ij = torch.linalg.vector_norm(r_ij.index_select(0, wiring.example), dim=1)  # (P,)
        basis, u_ij = self._read(d_ij), r_ij / hand_out(d_ij, wiring.pairs)[:, None]
        scalars = self.embedding(graph.numbers)
        vectors = scalars.new_zeros(len(scalars), 3, scalars.shape[1])
        steps = [(scalars, vectors)]
        for layer, (message, update) in enumerate(zip(self.messages, self.updates, strict=True)):
            heard = message(scalars, vectors if layer else None, wiring, arrows, u_ij, basis)
            scalars, vectors = scalars + heard[0], vectors + heard[1]
            change = update(scalars, vectors)
            scalars, vectors = scalars + change[0], vectors + change[1]
            steps.append((scalars, vectors))
        return steps

    def _read(self, r: Tensor) -> Tensor:
        """Bessel functions and 1, faded out by the cutoff function (P, B + 1), of distances (P,)."""
        basis = bessel_basis(r, self.cutoff, self.n_basis)
        return torch.cat([basis, torch.ones_like(r)[:, None]], dim=1) * cosine_cutoff(r, self.cutoff)[:, None]
