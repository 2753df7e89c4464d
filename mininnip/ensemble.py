"""Ensemble: several potentials for one system; their mean predicts, their spread tells how far to trust it.

Members trained from different random starts agree where data held them together and part where nothing did. Whatever
answers like a `Potential` can be a member; members whose features have no weights and that differ in nothing but their
numbers (weights, scalings, reference energies) are evaluated together.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mininnip.arguments import described
from mininnip.blocks import is_large
from mininnip.graph import Graph, segment_sum
from mininnip.model import DescribedModel, Readout
from mininnip.potential import Potential, check_volume, deformable, forces_and_stress, in_precision, look_up


class Ensemble(nn.Module):
    """Mean and spread over potentials, with the call of a single one.

    Args:
        potentials: at least two, each called as `Potential`.

    Attributes:
        alike: whether the members are one `DescribedModel` with different numbers, so that they are evaluated together.

    Raises:
        ValueError: if there are fewer than two, so that no spread exists.
    """

    def __init__(self, potentials: Sequence[nn.Module]):
        super().__init__()
        if len(potentials) < 2:
            raise ValueError(f"an ensemble needs at least two potentials to have a spread, got {len(potentials)}")
        self.potentials = nn.ModuleList(potentials)
        self.alike = _are_alike(potentials)

    @property
    def cutoff(self) -> float | None:
        """The longest reach among the members, in Å; None if none needs edges."""
        cutoffs = [cast(Potential, potential).cutoff for potential in self.potentials]
        return max((cutoff for cutoff in cutoffs if cutoff is not None), default=None)

    @property
    def dtype(self) -> torch.dtype | None:
        """Precision of the first member."""
        return cast(Potential, self.potentials[0]).dtype

    def forward(
        self, graph: Graph, forces: bool = True, stress: bool = False, differentiable: bool = False
    ) -> dict[str, Tensor]:
        """Evaluate every member.

        Returns:
            the mean of each result that all members give, under its name; "<name>_std", the standard deviation over the
            M members (divided by M − 1); "<name>_members" (M, ...), the results of each.
        """
        if self.alike and self._same_kind() and not is_large(graph, cast(Potential, self.potentials[0]).model):
            members = self._together(graph, forces, stress, differentiable)
        else:
            results = [potential(graph, forces, stress, differentiable) for potential in self.potentials]
            shared = [name for name in results[0] if all(name in result for result in results)]
            members = {name: torch.stack([result[name] for result in results]) for name in shared}
        out = {name: values.mean(dim=0) for name, values in members.items()}
        out |= {f"{name}_std": values.std(dim=0) for name, values in members.items()}
        return out | {f"{name}_members": values for name, values in members.items()}

    def _same_kind(self) -> bool:
        """Whether all members have one precision, and all or none have reference energies."""
        potentials = [cast(Potential, potential) for potential in self.potentials]
        return len({(potential.dtype, potential.reference_energies is None) for potential in potentials}) == 1

    def _together(self, graph: Graph, forces: bool, stress: bool, differentiable: bool) -> dict[str, Tensor]:
        """Results of all members (M, ...), as the loop would give them.

        Features are computed once, (N, B); the readouts of all members run side by side on M copies of them; and the M
        slopes ∂E/∂features are pulled back to positions and cell in one batched backward pass.
        """
        potentials = [cast(Potential, potential) for potential in self.potentials]
        models = [cast(DescribedModel, potential.model) for potential in potentials]
        graph = in_precision(graph, self.dtype)
        if stress:
            check_volume(graph)
        with torch.set_grad_enabled(forces or stress or differentiable):
            moved, zeros = deformable(graph, forces, stress)
            features = models[0].descriptor(moved)  # (N, B)
            copies = features.expand(len(models), *features.shape)  # (M, N, B)
            stacked = stacked_state([model.readout for model in models])
            out = read_out(models[0].readout, stacked, copies, graph.numbers)
            if "energy" not in out:
                out["energy"] = segment_sum(out["energies"].T, graph.structure, graph.n_structures).T  # (M, S)
            gradients = _gradients(out["energy"], copies, features, zeros, differentiable)
        out |= forces_and_stress(gradients, graph)
        grades = [model.extrapolation(features, graph.numbers) for model in models]
        out |= {name: torch.stack([grade[name] for grade in grades]) for name in grades[0] if all(grades)}
        out = out if differentiable else {name: value.detach() for name, value in out.items()}
        if potentials[0].reference_energies is not None:
            free = [look_up(cast(Tensor, potential.reference_energies), graph.numbers) for potential in potentials]
            free = torch.stack(free)  # (M, N)
            out["energy"] = out["energy"] + segment_sum(free.T, graph.structure, graph.n_structures).T
            if "energies" in out:
                out["energies"] = out["energies"] + free
        return out


def _are_alike(potentials: Sequence[nn.Module]) -> bool:
    """Whether all members are one model with different numbers, and one whose features can be shared."""
    models = [potential.model for potential in potentials if type(potential) is Potential]
    if len(models) < len(potentials) or not all(isinstance(m, DescribedModel) and m.arguments for m in models):
        return False
    try:
        return all(described(model) == described(models[0]) for model in models)
    except ValueError:  # an activation without a name
        return False


def stacked_state(readouts: Sequence[Readout]) -> dict[str, Tensor]:
    """Weights and scalings of equal readouts, each name with a leading axis of members (M, ...)."""
    states = [dict(readout.named_parameters()) | dict(readout.named_buffers()) for readout in readouts]
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def read_out(readout: Readout, stacked: dict[str, Tensor], copies: Tensor, numbers: Tensor) -> dict[str, Tensor]:
    """Results (M, ...) of members with the weights `stacked` from their copies of the features, in one batched call.

    Args:
        readout: any of the members', for its form.
        stacked: from `stacked_state`.
        copies: features (M, N, B) or (M, S, B).
        numbers: atomic numbers (N,).
    """

    def results(state: dict[str, Tensor], features: Tensor) -> dict[str, Tensor]:
        return torch.func.functional_call(readout, state, (features, numbers))

    return torch.vmap(results)(stacked, copies)


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
