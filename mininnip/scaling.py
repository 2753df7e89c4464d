"""Scaling: networks like numbers of order one; data have units.

Features are shifted to mean 0 and stretched to deviation 1, as training data spread them (`Scaling`); what a network
says is stretched and shifted to the energies of each element (`EnergyScaling`).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mininnip.graph import Graph

ROUNDING = 1e-5  # relative; a value this little beyond a limit is no other value


class Scaling(nn.Module):
    """Mean, standard deviation and range of features, one row for each kind of thing that has features.

    Before the first data it changes nothing, and knows no range.

    Args:
        n_kinds: rows K, e.g. one for each element.
        n_features: B.
    """

    mean: Tensor
    std: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, n_kinds: int, n_features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_kinds, n_features))
        self.register_buffer("std", torch.ones(n_kinds, n_features))
        self.register_buffer("lowest", torch.full((n_kinds, n_features), torch.nan))
        self.register_buffer("highest", torch.full((n_kinds, n_features), torch.nan))

    @property
    def knows_data(self) -> bool:
        """Whether every kind has seen data."""
        return not bool(self.lowest.isnan().any())

    def forward(self, features: Tensor, kind: int = 0) -> Tensor:
        """Scaled features (..., B) of one kind."""
        return (features - self.mean[kind]) / self.std[kind]

    def fit(self, features: Tensor, kind: int = 0) -> None:
        """Take everything from data (n, B) of one kind. A feature that does not vary there is only shifted."""
        std = features.std(dim=0, correction=0)
        constant = std <= 1e-6 * features.abs().amax(dim=0).clamp(min=1e-12)
        self.mean[kind] = features.mean(dim=0)
        self.std[kind] = torch.where(constant, torch.ones_like(std), std)
        self.lowest[kind], self.highest[kind] = features.amin(dim=0), features.amax(dim=0)

    def widen(self, features: Tensor, kind: int = 0) -> None:
        """Extend the range by further data (n, B), and change nothing else."""
        if len(features):
            self.lowest[kind] = torch.minimum(self.lowest[kind], features.amin(dim=0))
            self.highest[kind] = torch.maximum(self.highest[kind], features.amax(dim=0))

    def outside(self, features: Tensor, kind: int = 0) -> Tensor:
        """Distance of the worst feature to the range (n,), in standard deviations; 0 inside."""
        low, high = self.lowest[kind], self.highest[kind]
        slack = ROUNDING * torch.maximum(low.abs(), high.abs())
        beyond = torch.maximum(low - slack - features, features - high - slack).clamp(min=0)
        return (beyond / self.std[kind]).amax(dim=1)


class EnergyScaling(nn.Module):
    """From the output y of a network, of order one, to the energy of an atom.

        E_i = σ_{Z_i} (y_i + μ_{Z_i})

    σ and μ start from training data and are then trained like all weights. The reference energies may therefore be
    those of isolated atoms: at the start, μ takes up what binding adds to them on average.
    """

    scale: Tensor
    shift: Tensor
    known: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(119)), nn.Parameter(torch.zeros(119))
        self.register_buffer("known", torch.zeros(119, dtype=torch.bool))

    @property
    def elements(self) -> tuple[int, ...] | None:
        """Atomic numbers in the data that it was fitted to; None before."""
        return tuple(self.known.nonzero()[:, 0].tolist()) or None

    def forward(self, outputs: Tensor, numbers: Tensor) -> Tensor:
        """Energies (N,) in eV of outputs (N,) for atomic numbers (N,)."""
        return self.scale[numbers] * (outputs + self.shift[numbers])

    @torch.no_grad()
    def fit(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Start from training data.

        σ is the root mean square of the force components times 1 Å; without forces, the deviation of the energies per
        square root of the number of atoms. σ μ is what each element adds to the energies by least squares, the smallest
        solution where several are equally good. An element that has been fitted before keeps what it learned.

        Args:
            graph: all structures side by side.
            labels: "energy" (S,) in eV, without the reference energies, and "forces" (N, 3) in eV/Å, as far as known.
        """
        elements, kind = torch.unique(graph.numbers, return_inverse=True)
        counts = torch.zeros(graph.n_structures, len(elements), dtype=torch.float64, device=kind.device)
        counts.index_put_((graph.structure, kind), counts.new_ones(()), accumulate=True)  # (S, elements)
        shifts, scale = counts.new_zeros(len(elements)), counts.new_ones(())
        if "energy" in labels:
            energies = labels["energy"].double()
            shifts = (torch.linalg.pinv(counts) @ energies).to(counts)
            scale = ((energies - counts @ shifts).square() / counts.sum(dim=1)).mean().sqrt()
        if "forces" in labels:
            scale = labels["forces"].double().square().mean().sqrt()
        scale = scale if scale > 1e-6 else torch.ones_like(scale)
        new = ~self.known[elements]
        self.scale[elements[new]] = scale.to(self.scale)
        self.shift[elements[new]] = (shifts / scale)[new].to(self.shift)
        self.known[elements] = True
