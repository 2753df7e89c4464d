"""Scaling: features shifted to mean 0 and stretched to deviation 1, as training data spread them; and their range."""

import torch
from torch import Tensor, nn

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
