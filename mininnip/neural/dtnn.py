"""DTNN, the deep tensor neural network: atoms learn from each other, pass after pass, what surrounds them.

An atom starts as a vector that only knows its element. In every pass it adds what its neighbors tell it; what they tell
depends on their own vector and on the distance, through a product of the two. Schütt, Arbabzadah, Chmiela, Müller &
Tkatchenko, Nat. Commun. 8, 13890 (2017), doi:10.1038/ncomms13890.

Paper → name: c_i → scalars, v_ij → messages, W^cf and b^f1 → `atom_network`, W^df and b^f2 → `distance_network`,
W^fc → `out_network`, E_σ and E_μ → `EnergyScaling`. Deviations: a cosine fades messages out at the cutoff, where the
paper sums over all atoms of a molecule; scale and shift of the energy are learned for each element.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model
from mininnip.radial import check_sizes, cosine_cutoff, gaussian_basis
from mininnip.scaling import EnergyScaling
from mininnip.segments import Wiring, add_up, hand_out


class DTNNInteraction(nn.Module):
    """What an atom hears from all its neighbors in one pass.

        v_ij = f_c(d_ij) tanh[ W^fc ( (W^cf c_j + b^f1) ∘ (W^df ê(d_ij) + b^f2) ) ]

    with Gaussians ê(d). W^fc starts at zero: before training, atoms do not hear each other.

    Args:
        cutoff: in Å.
        n_features, n_factors, n_basis: sizes of c, of the product, and number of Gaussians.
    """

    def __init__(self, cutoff: float, n_features: int, n_factors: int, n_basis: int):
        super().__init__()
        self.cutoff, self.n_basis = cutoff, n_basis
        self.atom_network = nn.Linear(n_features, n_factors)
        self.distance_network = nn.Linear(n_basis, n_factors)
        self.out_network = nn.Linear(n_factors, n_features, bias=False)
        nn.init.zeros_(self.out_network.weight)

    def forward(self, scalars: Tensor, wiring: Wiring, d_ij: Tensor) -> Tensor:
        """Sum of the messages to every atom (N, F), from features (N, F) and the length (P,) in Å of every pair."""
        from_atom = hand_out(self.atom_network(scalars), wiring.neighbors)  # (E, n_factors)
        from_distance = hand_out(self.filters(d_ij), wiring.pairs)
        fading = hand_out(cosine_cutoff(d_ij, self.cutoff)[:, None], wiring.pairs)  # (E, 1)
        messages = torch.tanh(self.out_network(from_atom * from_distance)) * fading  # (E, F)
        return add_up(messages, wiring.centers)

    def filters(self, r: Tensor) -> Tensor:
        """What the distance (P,) in Å contributes to the product (P, n_factors)."""
        return self.distance_network(gaussian_basis(r, self.cutoff, self.n_basis))


@remembers_arguments
class DTNN(Model):
    """Passes that share their weights, then an energy for every atom.

        c_i ← c_i + Σ_j v_ij,   n_layers times
        E = Σ_i E_i,   E_i = σ_{Z_i} [ W₂ tanh(W₁ c_i + b₁) + b₂ + μ_{Z_i} ]

    It sees distances only. Energy and forces are continuous at the cutoff.

    Args:
        cutoff: in Å.
        n_features: of every atom.
        n_layers: passes T; an atom feels others up to T · cutoff away.
        n_basis: Gaussians that a distance is read by; 51 up to 10 Å are the paper's, 0.2 Å apart.
        n_factors: of the product of atom and distance.
        n_hidden: neurons of the output network.

    Raises:
        ValueError: a cutoff or a number that is not positive.
    """

    cutoff: float

    def __init__(
        self,
        cutoff: float = 10.0,
        n_features: int = 30,
        n_layers: int = 3,
        n_basis: int = 51,
        n_factors: int = 60,
        n_hidden: int = 15,
    ):
        super().__init__()
        sizes = {"n_features": n_features, "n_layers": n_layers, "n_basis": n_basis}
        check_sizes(cutoff, **sizes, n_factors=n_factors, n_hidden=n_hidden)
        self.cutoff, self.n_layers = cutoff, n_layers
        self.embedding = nn.Embedding(119, n_features)
        self.interaction = DTNNInteraction(cutoff, n_features, n_factors, n_basis)
        self.readout = nn.Sequential(nn.Linear(n_features, n_hidden), nn.Tanh(), nn.Linear(n_hidden, 1))
        self.scaling = EnergyScaling()

    @property
    def elements(self) -> tuple[int, ...] | None:  # type: ignore[override]
        """Those of the training data; None before training: any."""
        return self.scaling.elements

    def fit_scaling(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take scale and shift of each element's energy from training data (`EnergyScaling.fit`)."""
        self.scaling.fit(graph, labels)

    def features(self, graph: Graph) -> list[Tensor]:
        """What every atom knows (N, F): of itself, then after each pass."""
        wiring = Wiring.of(graph)
        d_ij = torch.linalg.vector_norm(graph.edge_vectors().index_select(0, wiring.example), dim=1)  # (P,)
        scalars = [self.embedding(graph.numbers)]
        for _ in range(self.n_layers):
            scalars.append(scalars[-1] + self.interaction(scalars[-1], wiring, d_ij))
        return scalars

    def filters(self, r: Tensor) -> Tensor:
        """What a distance contributes to the product (P, n_factors), at distances (P,) in Å: to be looked at."""
        return self.interaction.filters(r)

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of each atom, {"energies": (N,)} in eV."""
        return {"energies": self.scaling(self.readout(self.features(graph)[-1])[:, 0], graph.numbers)}
