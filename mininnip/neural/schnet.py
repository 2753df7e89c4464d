"""SchNet: filters that are a function of distance, so that atoms may be anywhere, and forces are smooth.

Every atom carries features. It hears from a neighbor what the neighbor's features say through a filter, and the filter
is a small network of the distance. Schütt et al., NIPS 2017 (arXiv:1706.08566); J. Chem. Phys. 148, 241722 (2018),
doi:10.1063/1.5019779.

Paper → name: x_i → scalars, W^l(d) → filters, ssp → shifted_softplus, cfconv → the sum in `SchNetInteraction`,
atom-wise layers → nn.Linear. Deviations, the first two as in the authors' SchNetPack: a cosine brings the filters to
zero at the cutoff, and their second layer is linear; 20 Gaussians up to the cutoff instead of 300 up to 30 Å; each
element has an energy scale and shift (`EnergyScaling`).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model
from mininnip.radial import check_sizes, cosine_cutoff, gaussian_basis
from mininnip.scaling import EnergyScaling
from mininnip.segments import Wiring, add_up_filtered


class ShiftedSoftplus(nn.Module):
    """A smooth bend through the origin: ssp(x) = ln(½ eˣ + ½)."""

    def forward(self, x: Tensor) -> Tensor:
        """Values of the shape of x."""
        return nn.functional.softplus(x) - math.log(2)


class SchNetFilter(nn.Module):
    """The filter, a network of the distance.

        W(d) = f_c(d) L₂( ssp( L₁ e(d) ) )

    with Gaussians e(d) and linear layers L.

    Args:
        n_features, n_basis: F, B.
    """

    def __init__(self, n_features: int, n_basis: int):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(n_basis, n_features), ShiftedSoftplus(), nn.Linear(n_features, n_features)
        )

    def forward(self, basis: Tensor, fading: Tensor) -> Tensor:
        """Filters (P, F) of e(d) (P, B) and f_c(d) (P, 1)."""
        return self.network(basis) * fading


class SchNetInteraction(nn.Module):
    """One interaction: hear all neighbors through the filter, then think.

        x_i ← x_i + L₂( ssp( L₁ Σ_j (L x_j) ∘ W(d_ij) ) )

    Args:
        n_features, n_basis: F, B.
    """

    def __init__(self, n_features: int, n_basis: int):
        super().__init__()
        self.filter = SchNetFilter(n_features, n_basis)
        self.in_network = nn.Linear(n_features, n_features, bias=False)
        self.out_network = nn.Sequential(
            nn.Linear(n_features, n_features), ShiftedSoftplus(), nn.Linear(n_features, n_features)
        )

    def forward(self, scalars: Tensor, wiring: Wiring, basis: Tensor, fading: Tensor) -> Tensor:
        """New features (N, F) from features (N, F), and e(d) (P, B) and f_c(d) (P, 1) of every pair."""
        heard = add_up_filtered(self.in_network(scalars), self.filter(basis, fading), wiring)  # (N, F)
        return scalars + self.out_network(heard)


@remembers_arguments
class SchNet(Model):
    """Continuous-filter convolutions, then an energy for every atom.

        E = Σ_i E_i,   E_i = σ_{Z_i} [ L₂( ssp( L₁ x_i ) ) + μ_{Z_i} ]

    It sees distances only. Energy and forces are continuous at the cutoff.

    Args:
        cutoff: in Å.
        n_features: F, of every atom.
        n_layers: interactions; an atom feels others up to n_layers · cutoff away.
        n_basis: Gaussians B that a distance is read by.

    Raises:
        ValueError: a cutoff or a number that is not positive.
    """

    cutoff: float

    def __init__(self, cutoff: float = 5.0, n_features: int = 64, n_layers: int = 3, n_basis: int = 20):
        super().__init__()
        check_sizes(cutoff, n_features=n_features, n_layers=n_layers, n_basis=n_basis)
        n_hidden = max(1, n_features // 2)
        self.cutoff, self.n_basis = cutoff, n_basis
        self.embedding = nn.Embedding(119, n_features)
        self.interactions = nn.ModuleList([SchNetInteraction(n_features, n_basis) for _ in range(n_layers)])
        self.readout = nn.Sequential(nn.Linear(n_features, n_hidden), ShiftedSoftplus(), nn.Linear(n_hidden, 1))
        self.scaling = EnergyScaling()
        self.apply(_start)

    @property
    def elements(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """Those of the training data; None before training: any."""
        return self.scaling.elements

    def fit_scaling(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take scale and shift of each element's energy from training data (`EnergyScaling.fit`)."""
        self.scaling.fit(graph, labels)

    def features(self, graph: Graph) -> list[Tensor]:
        """What every atom knows (N, F): of itself, then after each interaction."""
        wiring = Wiring.of(graph)
        d_ij = torch.linalg.vector_norm(graph.edge_vectors().index_select(0, wiring.example), dim=1)  # (P,)
        basis, fading = self._read(d_ij)
        scalars = [self.embedding(graph.numbers)]
        for interaction in self.interactions:
            scalars.append(interaction(scalars[-1], wiring, basis, fading))
        return scalars

    def filters(self, r: Tensor) -> Tensor:
        """The filters of every interaction (n_layers, P, F) at distances (P,) in Å: to be looked at."""
        basis, fading = self._read(r)
        return torch.stack([interaction.filter(basis, fading) for interaction in self.interactions])  # type: ignore[operator]

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of each atom, {"energies": (N,)} in eV."""
        return {"energies": self.scaling(self.readout(self.features(graph)[-1])[:, 0], graph.numbers)}

    def _read(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """Gaussians (P, B) and cutoff function (P, 1) of distances (P,)."""
        return gaussian_basis(r, self.cutoff, self.n_basis), cosine_cutoff(r, self.cutoff)[:, None]


def _start(layer: nn.Module) -> None:
    """Glorot's weights, and no bias, as in the authors' code: activations neither grow nor fade from layer to layer."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
