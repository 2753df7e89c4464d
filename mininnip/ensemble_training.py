"""Training of an ensemble: equal networks side by side, on all data in every step.

Small networks cost more in overhead than in arithmetic: five of them in one batched call take hardly longer than one.
The members differ by their first weights alone, see the same data, and never influence each other.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from mininnip.adam import Adam
from mininnip.data.sets import Dataset
from mininnip.ensemble import Ensemble, read_out, stacked_state
from mininnip.evaluation import require_finite, require_frames
from mininnip.graph import segment_sum
from mininnip.memory import give_back
from mininnip.model import DescribedModel, Precomputed
from mininnip.potential import Potential, look_up
from mininnip.training import cosine_schedule, fit_reference_energies


def train_ensemble(
    ensemble: Ensemble,
    data: Dataset,
    steps: int = 400,
    learning_rate: float = 0.02,
    energy_weight: float = 1.0,
    force_weight: float = 0.1,
) -> Tensor:
    """Fit all members of an ensemble at once.

        L = Σ_m { λ_E ⟨[(E_m − Ê) / N]²⟩ + λ_F ⟨|F_m − F̂|²⟩ }

    with ⟨…⟩ over structures, and over atoms (|F|² is the squared length of the vector). Adam, all data in every step,
    learning rate on a cosine to 1 %. A member without reference energies, which was never trained, gets those of the
    data, and the scaling of its features; one that has them goes on from the weights and the scaling that it has.

    Args:
        ensemble: whose members are one `DescribedModel` with different weights (`ensemble.alike`); they are trained in
            place, from the weights they have.
        data: structures with energies and forces.
        steps: gradient steps.
        learning_rate: of the first step.
        energy_weight, force_weight: λ_E in 1/eV², λ_F in Å²/eV².

    Returns:
        Loss of every member before each step (steps, M).

    Raises:
        TypeError: what is no ensemble.
        ValueError: members that differ in more than numbers, no data or labels that are not finite, a number of steps,
            a rate or weights that make no sense; a loss that is no number any more.
    """
    known, energies, forces = prepared(ensemble, data, steps, learning_rate, energy_weight, force_weight)
    n_atoms = torch.bincount(known.structure)
    models = [cast(DescribedModel, cast(Potential, potential).model) for potential in ensemble.potentials]
    readouts = [model.readout for model in models]
    trained = [name for name, _ in readouts[0].named_parameters()]
    stacked = {name: value.detach().requires_grad_(name in trained) for name, value in stacked_state(readouts).items()}
    weights = [stacked[name] for name in trained]
    optimizer = Adam(weights)
    losses = []
    for step in range(steps):
        predicted, pulled = predict_together(readouts[0], stacked, known)
        energy_loss = ((predicted - energies) / n_atoms).square().mean(1)
        force_loss = (pulled - forces).square().sum(2).mean(1)
        loss = energy_weight * energy_loss + force_weight * force_loss  # (M,)
        losses.append(loss.detach())
        for weight, slope in zip(weights, torch.autograd.grad(loss.sum(), weights), strict=True):
            weight.grad = slope
        optimizer.step(learning_rate * cosine_schedule(step / steps))
    if not bool(losses[-1].isfinite().all()):
        raise ValueError(f"training ended in a loss that is no number: lower the learning rate ({learning_rate})")
    with torch.no_grad():
        for m, readout in enumerate(readouts):
            for name, weight in readout.named_parameters():
                weight.copy_(stacked[name][m])
    del known, stacked, weights, optimizer, predicted, pulled, loss
    give_back()
    return torch.stack(losses)


def prepared(
    ensemble: Ensemble, data: Dataset, steps: int, learning_rate: float, energy_weight: float, force_weight: float
) -> tuple[Precomputed, Tensor, Tensor]:
    """What a training of all members needs: structures as their models see them, energies (M, S), forces (N, 3).

    Members that were never trained get their reference energies and the scaling of their features.

    Raises:
        TypeError, ValueError: as of `train_ensemble`.
    """
    if not isinstance(ensemble, Ensemble):
        raise TypeError(f"an Ensemble is trained here, got {type(ensemble).__name__}; one potential with mn.train")
    if not ensemble.alike:
        raise ValueError("the members differ in more than their weights, or learn their features: use mn.train on each")
    weights_make_sense = min(energy_weight, force_weight) >= 0 and 0 < energy_weight + force_weight < math.inf
    if not (steps >= 1 and 0 < learning_rate < math.inf and weights_make_sense):
        raise ValueError("steps and learning_rate must be positive, weights not negative and one of them positive")
    require_frames(data, "training")
    for name in ("energy", "forces"):
        require_finite(data, name, "training")
    potentials = [cast(Potential, potential) for potential in ensemble.potentials]
    models = [cast(DescribedModel, potential.model) for potential in potentials]
    known = models[0].precompute(data.graph(ensemble.cutoff, cast(Any, ensemble.dtype)))
    for potential, model in zip(potentials, models, strict=True):
        if potential.reference_energies is None:  # never trained
            potential.set_reference_energies(fit_reference_energies(data))
            model.readout.fit_scaling(known.features, known.numbers)
    energies = torch.stack([_without_references(potential, known, data) for potential in potentials])  # (M, S)
    forces = torch.tensor(data.forces).to(energies)
    return known, energies, forces


def predict_together(readout: Any, stacked: dict[str, Tensor], known: Precomputed) -> tuple[Tensor, Tensor]:
    """Energies (M, S) without reference energies, and forces (M, N, 3), by the chain rule as `DescribedModel.predict`.

    F_a = −Σ_b ∂E/∂x_b ∂x_b/∂r_a
    """
    n_members, n_structures = len(next(iter(stacked.values()))), len(known.cell)
    copies = known.features.expand(n_members, *known.features.shape).clone().requires_grad_()  # (M, F, B)
    out = read_out(readout, stacked, copies, known.numbers)
    energy = out["energy"] if "energy" in out else segment_sum(out["energies"].T, known.structure, n_structures).T
    slopes = torch.autograd.grad(energy.sum(), copies, create_graph=True)[0]  # (M, F, B)
    pulls = torch.einsum("mdb,dbx->dmx", slopes.index_select(1, known.row), known.derivatives)  # (D, M, 3)
    forces = pulls.new_zeros(len(known.numbers), n_members, 3).index_add(0, known.atom, -pulls)
    if len(known.anchor):
        forces = forces.index_add(0, known.anchor, pulls)
    return energy, forces.transpose(0, 1)


def _without_references(potential: Potential, known: Precomputed, data: Dataset) -> Tensor:
    """Energies (S,) that are left for a network to learn; subtracted in float64."""
    free = look_up(cast(Tensor, potential.reference_energies), known.numbers)
    references = segment_sum(free, known.structure, len(known.cell))
    return (torch.tensor(data.energy) - references).to(known.features.dtype)
