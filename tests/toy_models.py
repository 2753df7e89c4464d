"""Five models that are nobody's: each uses one freedom of the contract that none of the shipped ones may use."""

import torch
from torch import nn

from mininnip.graph import segment_sum
from mininnip.model import Fitted, Model
from mininnip.radial import cosine_cutoff


def distances(graph):
    return torch.linalg.vector_norm(graph.edge_vectors(), dim=1)


class MessagePassing(Model):
    """Features that have weights: an embedding, one message, and neighbors of neighbors."""

    cutoff: float

    def __init__(self, cutoff=4.0, n_features=6):
        super().__init__()
        self.cutoff = cutoff
        self.embedding = nn.Embedding(119, n_features)
        self.filter_network = nn.Sequential(nn.Linear(1, n_features), nn.Tanh(), nn.Linear(n_features, n_features))
        self.readout_network = nn.Sequential(nn.Linear(n_features, n_features), nn.Tanh(), nn.Linear(n_features, 1))

    def forward(self, graph):
        (i, j), r = graph.edges, distances(graph)
        weights = self.filter_network(r[:, None] - 2) * cosine_cutoff(r, self.cutoff)[:, None]  # (E, F)
        features = self.embedding(graph.numbers)
        for _ in range(2):
            features = features + torch.tanh(segment_sum(features[j] * weights, i, graph.n_atoms))
        return {"energies": self.readout_network(features)[:, 0]}


class Kernel(Model, Fitted):
    """No parameters at all: Gaussian-process regression on a sum over pairs, solved."""

    cutoff: float

    def __init__(self, cutoff=4.0, noise=1e-4):
        super().__init__()
        self.cutoff, self.noise = cutoff, noise
        self.register_buffer("points", torch.zeros(1, 5, dtype=torch.float64))
        self.register_buffer("weights", torch.zeros(1, dtype=torch.float64))

    def describe(self, graph):
        i, r = graph.edges[0], distances(graph)
        shells = torch.exp(-2 * (r[:, None] - torch.linspace(0.8, 3, 5, dtype=r.dtype, device=r.device)) ** 2)
        by_atom = segment_sum(shells * cosine_cutoff(r, self.cutoff)[:, None], i, graph.n_atoms)
        return segment_sum(by_atom, graph.structure, graph.n_structures)  # (S, 5)

    def kernel(self, a, b):
        return torch.exp(-0.5 * (a[:, None] - b[None]).square().sum(-1))

    def forward(self, graph):
        return {
            "energy": self.kernel(self.describe(graph), self.points.to(graph.positions))
            @ self.weights.to(graph.positions)
        }

    def fit(self, graph, labels):
        self.points = self.describe(graph)
        noise = self.noise * torch.eye(len(self.points), dtype=self.points.dtype)
        self.weights = torch.linalg.solve(self.kernel(self.points, self.points) + noise, labels["energy"])


class Charged(Model):
    """Charges that add up to the total charge, a dipole, and an energy that depends on both."""

    cutoff: float

    def __init__(self, cutoff=4.0):
        super().__init__()
        self.cutoff = cutoff
        self.electronegativity = nn.Embedding(119, 1)
        self.strength = nn.Parameter(torch.tensor(0.3))

    def forward(self, graph):
        (i, j), r, chi = graph.edges, distances(graph), self.electronegativity(graph.numbers)[:, 0]
        raw = segment_sum(torch.tanh(chi[i] - chi[j]) * cosine_cutoff(r, self.cutoff), i, graph.n_atoms)
        n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures)
        total = segment_sum(raw, graph.structure, graph.n_structures)
        charges = raw + ((graph.total_charge - total) / n_atoms)[graph.structure]
        dipole = segment_sum(charges[:, None] * graph.positions, graph.structure, graph.n_structures)
        return {"energies": self.strength * charges**2, "charges": charges, "dipole": dipole}


class Trap(Model):
    """No edges: every atom is tied to the center of its structure by a spring of its element."""

    def __init__(self):
        super().__init__()
        self.stiffness = nn.Embedding(119, 1)

    def forward(self, graph):
        n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures)
        center = segment_sum(graph.positions, graph.structure, graph.n_structures) / n_atoms[:, None]
        squared = (graph.positions - center[graph.structure]).square().sum(1)
        return {"energies": self.stiffness(graph.numbers)[:, 0] * squared}


class Whole(Model):
    """An energy that is not split into atoms: the logarithm of a sum over pairs."""

    cutoff: float

    def __init__(self, cutoff=4.0):
        super().__init__()
        self.cutoff, self.range = cutoff, nn.Parameter(torch.tensor(1.0))

    def forward(self, graph):
        r = distances(graph)
        terms = torch.exp(-r / self.range) * cosine_cutoff(r, self.cutoff)
        total = segment_sum(terms, graph.structure[graph.edges[0]], graph.n_structures)
        return {"energy": torch.log1p(total)}
