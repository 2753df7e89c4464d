"""Shallow ensemble: one network with many last layers, trained to know how far they should part.

All members share every layer but the last, so that an ensemble costs hardly more than one network. Independent members
trained on squared errors would all end in the same linear fit; so mean and spread are trained together, on the
likelihood of the labels. Kellner & Ceriotti, Mach. Learn. Sci. Technol. 5, 035006 (2024),
arXiv:2402.16621. Deviations: forces have a likelihood of their own; squared errors come first; a smallest variance.
"""

from typing import cast

import torch
from torch import Tensor

from mininnip.adam import Adam
from mininnip.data.dataset import Dataset
from mininnip.ensemble import Ensemble, stacked_state
from mininnip.ensemble_training import predict_together, prepared
from mininnip.memory import give_back
from mininnip.model import DescribedModel
from mininnip.potential import Potential
from mininnip.training import cosine_schedule
from mininnip.uncertainty.latent import last_layers

LEAST = 0.01  # σ₀ in units of the standard deviation of the labels


def train_shallow_ensemble(
    ensemble: Ensemble,
    data: Dataset,
    steps: int = 400,
    learning_rate: float = 0.02,
    energy_weight: float = 1.0,
    force_weight: float = 1.0,
) -> Tensor:
    """Fit one body and M last layers.

        L = λ_E ⟨ℓ(E / N)⟩ + λ_F ⟨ℓ(F)⟩,     ℓ(y) = ½ [ (ȳ − ŷ)² / (σ² + σ₀²) + ln(σ² + σ₀²) ]

    with mean ȳ and variance σ² of the members (divided by M − 1), over structures and over components of forces. σ₀ is
    1 % of the standard deviation of the labels: without it, the few structures that are fitted best rule the loss. In
    the first half of the steps ℓ is the squared error of every member, in units of the variance of the labels; from
    random weights the likelihood alone ends in wide spreads and large errors. Adam, all data in every step, learning
    rate on a cosine to 1 % in either half, from a quarter in the second.

    Args:
        ensemble: as of `train_ensemble`. All members get the body of the first; their last layers must differ.
        data: structures with energies and forces.
        steps: gradient steps.
        learning_rate: of the first step.
        energy_weight, force_weight: λ_E and λ_F, without unit.

    Returns:
        Loss before each step (steps,).

    Raises:
        TypeError, ValueError: as of `train_ensemble`; last layers that are all the same.
    """
    known, energies, forces = prepared(ensemble, data, steps, learning_rate, energy_weight, force_weight)
    readouts = [cast(DescribedModel, cast(Potential, potential).model).readout for potential in ensemble.potentials]
    names = {id(weight): name for name, weight in readouts[0].named_parameters()}
    heads = [names[id(weight)] for layer in last_layers(readouts[0]) for weight in layer.parameters()]
    for readout in readouts[1:]:
        for name, weight in readout.named_parameters():
            if name not in heads:
                weight.data = dict(readouts[0].named_parameters())[name].detach().clone()
    weights, stacked = {}, stacked_state(readouts)
    for name in names.values():
        weights[name] = (stacked[name] if name in heads else stacked[name][0]).detach().clone().requires_grad_()
    if all(bool((weights[name] == weights[name][:1]).all()) for name in heads):
        raise ValueError("the last layers of all members are the same: give each its own first weights")
    n_atoms = torch.bincount(known.structure)
    least = [(LEAST * label.std()).square() for label in (energies[0] / n_atoms, forces)]
    optimizer, losses = Adam(list(weights.values())), []
    for step in range(steps):
        first = step < steps // 2
        stacked |= {name: w if name in heads else w.expand(len(readouts), *w.shape) for name, w in weights.items()}
        predicted, pulled = predict_together(readouts[0], stacked, known)
        energy_loss = surprise(predicted / n_atoms, energies[0] / n_atoms, least[0], first)
        loss = energy_weight * energy_loss + force_weight * surprise(pulled, forces, least[1], first)
        losses.append(loss.detach())
        for weight, slope in zip(weights.values(), torch.autograd.grad(loss, list(weights.values())), strict=True):
            weight.grad = slope
        rate = cosine_schedule(2 * step / steps) if first else cosine_schedule(2 * step / steps - 1) / 4
        optimizer.step(learning_rate * rate)
    if not bool(losses[-1].isfinite()):
        raise ValueError(f"training ended in a loss that is no number: lower the learning rate ({learning_rate})")
    with torch.no_grad():
        for m, readout in enumerate(readouts):
            for name, weight in readout.named_parameters():
                weight.copy_(weights[name][m] if name in heads else weights[name])
    del known, stacked, weights, optimizer, predicted, pulled, loss
    give_back()
    return torch.stack(losses)


def surprise(members: Tensor, labels: Tensor, least: Tensor, squared: bool) -> Tensor:
    """ℓ of M members (M, ...) and labels (...), or its first form, the squared error of every member.

    Args:
        least: σ₀².
        squared: which of the two.
    """
    if squared:
        return 0.5 * (members - labels).square().mean() / labels.var()
    variance = members.var(dim=0) + least
    return 0.5 * ((members.mean(dim=0) - labels).square() / variance + variance.log()).mean()
