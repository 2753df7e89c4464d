"""Ensemble: several potentials for one system; their mean predicts, their spread tells how far to trust it.

Members trained from different random starts agree where data held them together and part where nothing did. Whatever
answers like a `Potential` can be a member; members that differ in nothing but their numbers (weights, scalings,
reference energies) are evaluated together.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from mininnip.arguments import described
from mininnip.graph import Graph, segment_sum
from mininnip.potential import EDGES_PER_BLOCK, Potential, check_reach, deformable, forces_and_stress, look_up


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
        self._alike = _are_alike(potentials)

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
        if self._alike and self._same_kind() and graph.edges.shape[1] <= EDGES_PER_BLOCK:
            members = self._together(graph, forces, stress, differentiable)
        else:
            results = [potential(graph, forces, stress, differentiable) for potential in self.potentials]
            shared = [name for name in results[0] if all(name in result for result in results)]
            members = {name: torch.stack([result[name] for result in results]) for name in shared}
        out = {name: values.mean(dim=0) for name, values in members.items()}
        for name in ("energy", "forces"):
            if name in members:
                out[f"{name}_std"] = members[name].std(dim=0)
                out[f"{name}_members"] = members[name]
        return out

    def _same_kind(self) -> bool:
        """Whether all members have one precision, and all or none have reference energies."""
        return len({(next(p.parameters()).dtype, p.reference_energies is None) for p in self.potentials}) == 1

    def _together(self, graph: Graph, forces: bool, stress: bool, differentiable: bool) -> dict[str, Tensor]:
        """Results of all members (M, ...), as the loop would give them.

        Features are computed once, (N, B); the networks of all members run side by side on M copies of them; and the M
        slopes ∂E/∂features are pulled back to positions and cell in one batched backward pass.
        """
        check_reach(graph, self.cutoff, stress)
        models = [cast(Any, potential).model for potential in self.potentials]
        with torch.set_grad_enabled(forces or stress or differentiable):
            moved, zeros = deformable(graph, forces, stress)
            features = models[0].describe(moved)  # (N, B)
            copies = features.expand(len(models), *features.shape)  # (M, N, B)
            energies = _atomic_energies(models, copies, graph.numbers)  # (M, N)
            gradients = _gradients(energies, copies, features, zeros, differentiable)
        out = {"energies": energies} | forces_and_stress(gradients, graph)
        if all(model.knows_training_data for model in models):
            grades = [model.extrapolation(features.detach(), graph.numbers) for model in models]
            out["extrapolation"] = torch.stack(grades)
        out = out if differentiable else {name: value.detach() for name, value in out.items()}
        energy = segment_sum(out["energies"].T, graph.structure, graph.n_structures).T  # (M, S)
        references = [potential.reference_energies for potential in self.potentials]
        if references[0] is not None:
            free = torch.stack([look_up(cast(Tensor, table), graph.numbers) for table in references])  # (M, N)
            energy = energy + segment_sum(free.T, graph.structure, graph.n_structures).T
            out["energies"] = out["energies"] + free
        return {"energy": energy, **out}


def _are_alike(potentials: Sequence[nn.Module]) -> bool:
    """Whether all members are one model with different numbers, and one whose features can be shared."""
    models = [getattr(potential, "model", None) for potential in potentials]
    if not all(type(potential) is Potential for potential in potentials) or not hasattr(models[0], "describe"):
        return False
    try:
        return all(described(model) == described(models[0]) for model in models)
    except ValueError:  # an activation without a name
        return False


class _Readout(nn.Module):
    """What turns features into atomic energies, as a module of its own that can be called with other weights."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, numbers: Tensor) -> Tensor:
        return self.model.energies_of(features, numbers)


def _atomic_energies(models: Sequence[Any], copies: Tensor, numbers: Tensor) -> Tensor:
    """Energies (M, N) of each member from its copy of the features (M, N, B), in one batched call."""
    readouts = [_Readout(model) for model in models]
    states = [dict(readout.named_parameters()) | dict(readout.named_buffers()) for readout in readouts]
    states = [{name: t for name, t in s.items() if "symmetry_functions" not in name} for s in states]
    stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}

    def energies(state: dict[str, Tensor], features: Tensor) -> Tensor:
        return torch.func.functional_call(readouts[0], state, (features, numbers))

    return torch.vmap(energies)(stacked, copies)


def _gradients(
    energies: Tensor, copies: Tensor, features: Tensor, zeros: dict[str, Tensor], differentiable: bool
) -> dict[str, Tensor]:
    """Gradient of every member's total energy with respect to each of the zeros (M, ...)."""
    n_members = len(energies)
    if not zeros or not features.requires_grad:
        return {name: zero.new_zeros(n_members, *zero.shape) for name, zero in zeros.items()}
    slopes = torch.autograd.grad(energies.sum(), copies, create_graph=differentiable)[0]  # (M, N, B)
    options = {"create_graph": differentiable, "allow_unused": True, "materialize_grads": True}
    gradients = torch.autograd.grad(features, list(zeros.values()), slopes, is_grads_batched=True, **options)
    return dict(zip(zeros, gradients, strict=True))
