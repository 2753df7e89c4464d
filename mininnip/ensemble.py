"""Ensemble: several potentials for one system; their mean predicts, their spread tells how far to trust it (layer 5).

Members trained from different random starts agree where data held them together and part where nothing did. Imports
`graph` only: whatever answers like a `Potential` can be a member.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mininnip.graph import Graph


class Ensemble(nn.Module):
    """Mean and spread over potentials, with the call of a single one.

    Args:
        potentials: at least two, each called as `Potential`.

    Raises:
        ValueError: if there are fewer than two, so that no spread exists.
    """

    def __init__(self, potentials: Sequence[nn.Module]):
        super().__init__()
        if len(potentials) < 2:
            raise ValueError(f"an ensemble needs at least two potentials to have a spread, got {len(potentials)}")
        self.potentials = nn.ModuleList(potentials)

    @property
    def cutoff(self) -> float:
        """The longest reach among the members, in Å."""
        return max(potential.cutoff for potential in self.potentials)  # type: ignore[type-var]

    def forward(
        self, graph: Graph, forces: bool = True, stress: bool = False, differentiable: bool = False
    ) -> dict[str, Tensor]:
        """Evaluate every member.

        Returns:
            the mean of each result under the names of `Potential`; "energy_std" (S,) and "forces_std" (N, 3), standard
            deviations over the M members (divided by M − 1); "energy_members" (M, S), "forces_members" (M, N, 3).
        """
        results = [potential(graph, forces, stress, differentiable) for potential in self.potentials]
        members = {name: torch.stack([result[name] for result in results]) for name in results[0]}
        out = {name: values.mean(dim=0) for name, values in members.items()}
        for name in ("energy", "forces"):
            if name in members:
                out[f"{name}_std"] = members[name].std(dim=0)
                out[f"{name}_members"] = members[name]
        return out
