"""Training: fit a potential to energies, forces and whatever else the labels hold.

The loop is written out because it is course content: predict, compare, differentiate, step; keep a running average of
the weights, watch the error on validation data, keep the best, stop when told to. Whatever does not depend on weights
(edges, and the features of a `DescribedModel` with their derivatives) is computed once, before the first epoch.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from mininnip.checkpoint import History, TrainingState, fingerprint, in_words
from mininnip.data.sets import Dataset
from mininnip.evaluation import label, require_finite, require_frames
from mininnip.graph import Graph, batch, segment_sum
from mininnip.memory import give_back
from mininnip.model import DescribedModel, Fitted, Precomputed
from mininnip.potential import Potential, look_up

FINAL_LEARNING_RATE = 0.01  # of the first one, reached on a cosine
PER_ATOM = ("energy", "stress")  # labels of a structure that grow with it: errors are counted per atom


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: passes through the training data.
        batch_size: structures per step.
        learning_rate: of the first epoch; it falls on a cosine to 1 %.
        energy_weight: λ_E, for energies per atom in eV.
        force_weight: λ_F, for forces in eV/Å; 0: forces are not even computed.
        stress_weight: λ_σ, for the virial per atom V σ / N in eV.
        label_weights: weight of further labels by name, e.g. {"charges": 1.0, "dipole": 0.1}.
        ema_decay: memory of the moving average of the weights.
        patience: stop after this many epochs without a better validation loss; None: never.
        seed: order of the batches.
    """

    epochs: int = 100
    batch_size: int = 10
    learning_rate: float = 1e-3
    energy_weight: float = 1.0
    force_weight: float = 1.0
    stress_weight: float = 0.0
    label_weights: Mapping[str, float] = field(default_factory=dict)
    ema_decay: float = 0.99
    patience: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.batch_size >= 1 and 0 < self.learning_rate < math.inf):
            given = f"{self.batch_size} and {self.learning_rate}"
            raise ValueError(f"batch_size and learning_rate must be positive, got {given}")
        weights = [self.energy_weight, self.force_weight, self.stress_weight, *self.label_weights.values()]
        if not all(0 <= weight < math.inf for weight in weights) or sum(weights) == 0:
            raise ValueError("energy_weight, force_weight, … must not be negative, and one of them must be positive")

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every label that counts."""
        named = {"energy": self.energy_weight, "forces": self.force_weight, "stress": self.stress_weight}
        return {name: weight for name, weight in (named | dict(self.label_weights)).items() if weight > 0}


class Sample(NamedTuple):
    """One or several structures, ready to be predicted, with their labels.

    Attributes:
        structures: a `Graph`, or what the model's `precompute` made of it.
        n_atoms: (S,).
        volume: (S,) in Å³.
        labels: by name; energies in float64, with the reference energies.
    """

    structures: Graph | Precomputed
    n_atoms: Tensor
    volume: Tensor
    labels: dict[str, Tensor]


def train(
    potential: Potential,
    train: Dataset,
    valid: Dataset,
    *,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    stop: threading.Event | None = None,
    progress: bool = True,
    **settings: Any,
) -> History:
    """Fit the weights of a potential to its labels; at the end it holds the best ones.

        L = λ_E ⟨[(E − Ê) / N]²⟩ + λ_F ⟨(F − F̂)²⟩ + λ_σ ⟨[V (σ − σ̂) / N]²⟩ + Σ λ_x ⟨(x − x̂)²⟩

    averaged over structures and over components. Adam, learning rate on a cosine to 1 %; validation and result use an
    exponential moving average of the weights. A potential without reference energies gets them from the training data
    (`fit_reference_energies`); a model with a scaling of features takes it from there, and only there. A potential that
    was trained before goes on from its weights, with the scaling and reference energies they know.

    Args:
        potential: the one to train; float32 weights are usual.
        train, valid: data to learn from, and to choose the best epoch by.
        device: "auto" takes CUDA if there is one.
        checkpoint: file (safetensors) written before the first and after every epoch; if it exists, training continues
            from it, bit for bit as if it had never been interrupted. It belongs to one model, data and settings.
        stop: set it, from another thread, to end after the current step.
        progress: show a bar.
        **settings: see `TrainingSettings`: epochs, batch_size, learning_rate, energy_weight, force_weight, …

    Returns:
        The history; `history.ended` says why training ended.

    Raises:
        ValueError: no data, labels that are not finite, an element that only the validation data have, weights that
            are all zero, a batch size or learning rate that is not positive, a checkpoint of another training.
        KeyboardInterrupt: as it came, after the best weights have been restored.
    """
    options = {"device": device, "checkpoint": checkpoint, "stop": stop, "progress": progress}
    loop = training_epochs(potential, train, valid, **options, **settings)
    while True:
        try:
            next(loop)
        except StopIteration as end:
            return end.value


def training_epochs(
    potential: Potential,
    train: Dataset,
    valid: Dataset,
    *,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    stop: threading.Event | None = None,
    progress: bool = False,
    **settings: Any,
) -> Generator[History, None, History]:
    """The loop of `train`, one epoch at a time, to watch a training from outside or to leave it with `break`.

    Arguments, result and errors as `train`; errors come with the first epoch. When the loop ends or is left, the
    potential holds the best weights; in between it holds those of the last step.

    Yields:
        The history so far, after every epoch; always the same object.
    """
    chosen, stop = _settings(settings), stop or threading.Event()
    _check(potential, train, valid, chosen)
    if potential.reference_energies is None:
        potential.set_reference_energies(fit_reference_energies(train))
    potential.to(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    samples, valid_samples = (prepare(potential, data, chosen.weights) for data in (train, valid))
    valid_batches = [collate(part) for part in chunks(valid_samples, 50)]
    belongs_to = fingerprint(potential, _without_patience(chosen), train, valid) if checkpoint else {}
    fresh = not (checkpoint and Path(checkpoint).exists())
    if fresh:
        fit_scaling(potential, samples)
    state = TrainingState(potential, chosen.ema_decay)
    if checkpoint and not fresh:
        state.load(checkpoint, belongs_to)
    else:
        state.start_loss = validation_errors(potential, valid_batches, chosen.weights)["valid_loss"]
        if checkpoint:
            state.save(checkpoint, belongs_to)
    bar = tqdm(total=chosen.epochs, initial=state.epoch, disable=not progress, unit="epoch")
    try:
        while state.epoch < chosen.epochs and not state.ended(chosen.patience) and not stop.is_set():
            rate = chosen.learning_rate * cosine_schedule(state.epoch / chosen.epochs)
            losses = []
            for part in chunks(shuffled(samples, chosen.seed, state.epoch), chosen.batch_size):
                if stop.is_set():
                    break
                loss = weighted(squared_errors(potential, collate(part), chosen.weights), chosen.weights)
                losses.append(float(loss.detach()))
                if not math.isfinite(losses[-1]):
                    break
                state.step(loss, rate)
            if stop.is_set():
                break
            with state.averaged():
                errors = validation_errors(potential, valid_batches, chosen.weights)
            state.finish_epoch({"learning_rate": rate, "train_loss": float(np.mean(losses)), **errors})
            if checkpoint:
                state.save(checkpoint, belongs_to)
            bar.update()
            bar.set_postfix_str(in_words(errors))
            yield state.history
    except (KeyboardInterrupt, GeneratorExit):
        stop.set()
        raise
    finally:
        bar.close()
        state.restore_best()
        del samples, valid_samples, valid_batches
        give_back()
        state.history.ended = "stopped" if stop.is_set() else state.ended(chosen.patience) or "finished"
    return state.history


def squared_errors(potential: Potential, sample: Sample, weights: Mapping[str, float]) -> dict[str, Tensor]:
    """Squared errors of every label that counts; of energy and virial per atom.

    Second derivatives are kept where gradients are recorded, in a training step, and nowhere else.
    """
    options = {"forces": "forces" in weights, "stress": "stress" in weights, "differentiable": torch.is_grad_enabled()}
    out, errors = potential(sample.structures, **options), {}
    for name in weights:
        if name not in out:
            raise ValueError(f"the model gives no {name!r}, only {', '.join(out)}")
        error = out[name] - sample.labels[name]
        if name == "stress":
            error = error * sample.volume[:, None, None]
        if name in PER_ATOM:
            error = error / sample.n_atoms.reshape(-1, *[1] * (error.dim() - 1))
        errors[name] = error**2
    return errors


def weighted(errors: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The loss: weighted sum of mean squared errors."""
    return sum((weights[name] * errors[name].mean() for name in weights), start=torch.zeros(()))


def validation_errors(
    potential: Potential, batches: Sequence[Sample], weights: Mapping[str, float]
) -> dict[str, float]:
    """Loss and root-mean-square errors over all batches, in meV where energies are meant."""
    with torch.no_grad():
        parts = [squared_errors(potential, sample, weights) for sample in batches]
    mse = {name: float(torch.cat([part[name].double().flatten() for part in parts]).mean()) for name in weights}
    milli = ("energy", "forces", "stress")
    rmse = {name: (1e3 if name in milli else 1) * value**0.5 for name, value in mse.items()}
    told = {"energy_rmse": rmse.get("energy", math.nan), "force_rmse": rmse.get("forces", math.nan)}
    told |= {f"{name}_rmse": value for name, value in rmse.items() if name not in ("energy", "forces")}
    return {"valid_loss": sum(weights[name] * mse[name] for name in weights), **told}


def prepare(potential: Potential, data: Dataset, weights: Mapping[str, float]) -> list[Sample]:
    """One sample per frame, in the precision and on the device of the potential's weights."""
    weight, model, samples = next(potential.parameters()), potential.model, []
    for k in range(len(data)):
        frame = data[k]
        graph = frame.graph(potential.cutoff, weight.dtype).to(weight.device)
        values = {name: torch.as_tensor(label(frame, name), device=weight.device) for name in weights}
        labels = {name: value if name == "energy" else value.to(weight.dtype) for name, value in values.items()}
        structures = model.precompute(graph) if isinstance(model, DescribedModel) else graph
        volume = torch.linalg.det(graph.cell).abs()
        samples.append(Sample(structures, torch.tensor([graph.n_atoms], device=weight.device), volume, labels))
    return samples


def collate(samples: Sequence[Sample]) -> Sample:
    """Put samples side by side in one."""
    structures: Any = [sample.structures for sample in samples]
    together = batch(structures) if isinstance(structures[0], Graph) else Precomputed.side_by_side(structures)
    labels = {name: torch.cat([sample.labels[name] for sample in samples]) for name in samples[0].labels}
    n_atoms, volume = (torch.cat([getattr(sample, name) for sample in samples]) for name in ("n_atoms", "volume"))
    return Sample(together, n_atoms, volume, labels)


def fit_scaling(potential: Potential, samples: Sequence[Sample]) -> None:
    """Show the model the training data, the readout of a `DescribedModel` their features."""
    known: list[Any] = [sample.structures for sample in samples]
    if isinstance(potential.model, DescribedModel):
        features, numbers = torch.cat([k.features for k in known]), torch.cat([k.numbers for k in known])
        potential.model.readout.fit_scaling(features, numbers)
        return
    together = collate(samples)
    graph, labels = cast(Graph, together.structures), dict(together.labels)
    if "energy" in labels:
        references = look_up(cast(Tensor, potential.reference_energies), graph.numbers)
        labels["energy"] = labels["energy"] - segment_sum(references, graph.structure, graph.n_structures)
    potential.model.fit_scaling(graph, labels)


def fit_reference_energies(data: Dataset) -> dict[int, float]:
    """Energy per atom of each element that explains most of the total energies, by least squares.

    It is no energy of a free atom: for data of a single composition only the sum is determined, and the smallest
    solution is taken, in which the elements share the energy in proportion to their number.

    Args:
        data: training data.

    Returns:
        eV by atomic number; 0 if the data have no energies.
    """
    elements = np.unique(data.numbers)
    frame = np.repeat(np.arange(len(data)), data.n_atoms)
    counts = np.stack([np.bincount(frame, data.numbers == z, len(data)) for z in elements], axis=1)  # (F, elements)
    energies = np.linalg.lstsq(counts, np.nan_to_num(data.energy), rcond=None)[0]
    return dict(zip(elements.tolist(), energies.tolist(), strict=True))


def fit(potential: Potential, data: Dataset) -> None:
    """Solve for the weights of a `Fitted` model: least squares, a kernel.

    A potential without reference energies gets them from the data, as in `train`.

    Args:
        potential: whose model is `Fitted`.
        data: with energies; forces are used where all frames have them.

    Raises:
        TypeError: a model that is trained step by step.
        ValueError: no data, or energies that are not finite.
    """
    model = potential.model
    if not isinstance(model, Fitted):
        raise TypeError(f"{type(model).__name__} is trained step by step: mn.train(potential, train, valid)")
    require_frames(data, "training")
    require_finite(data, "energy", "training")
    if potential.reference_energies is None:
        potential.set_reference_energies(fit_reference_energies(data))
    graph = data.graph(potential.cutoff, potential.dtype or torch.float64)
    references: Any = potential.reference_energies
    free = torch.zeros(len(data), dtype=torch.float64).index_add(0, graph.structure, look_up(references, graph.numbers))
    labels = {"energy": (torch.tensor(data.energy) - free).to(graph.positions.dtype)}
    if np.isfinite(data.forces).all():
        labels["forces"] = torch.tensor(data.forces, dtype=graph.positions.dtype)
    model.fit(graph, labels)


def chunks(samples: Sequence[Sample], size: int) -> Iterator[Sequence[Sample]]:
    """The samples in portions."""
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def shuffled(samples: Sequence[Sample], seed: int, epoch: int) -> list[Sample]:
    """The samples in an order that depends on seed and epoch only."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return [samples[k] for k in order.tolist()]


def cosine_schedule(progress: float) -> float:
    """Learning rate over the first one: from 1 to 1 % on half a cosine."""
    return FINAL_LEARNING_RATE + (1 - FINAL_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * progress))


def _settings(given: Mapping[str, Any]) -> TrainingSettings:
    known = [entry.name for entry in fields(TrainingSettings)]
    for name in given:
        if name not in known:
            raise TypeError(f"there is no setting {name!r}; there are {', '.join(known)}")
    return TrainingSettings(**given)


def _without_patience(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that a checkpoint belongs to; patience changes no step."""
    return {name: value for name, value in asdict(settings).items() if name != "patience"}


def _check(potential: Potential, train: Dataset, valid: Dataset, settings: TrainingSettings) -> None:
    """Refuse what cannot be trained, in one sentence."""
    if not isinstance(potential, Potential):
        raise TypeError(f"a Potential is trained, got {type(potential).__name__}; members of an ensemble one by one")
    if isinstance(potential.model, Fitted):
        raise TypeError(
            f"{type(potential.model).__name__} is solved, not trained step by step: mn.fit(potential, data)"
        )
    if not any(weight.requires_grad for weight in potential.parameters()):
        raise ValueError(f"{type(potential.model).__name__} has no weights to train")
    for part, data in (("training", train), ("validation", valid)):
        require_frames(data, part)
        for name in settings.weights:
            require_finite(data, name, part)
        if "stress" in settings.weights and not np.asarray(data.pbc).all():
            raise ValueError(f"stress needs a volume: the {part} data must be periodic in all three directions")
    strangers = set(valid.numbers.tolist()) - set(train.numbers.tolist())
    if potential.reference_energies is None and strangers:
        raise ValueError(f"atomic number {min(strangers)} is in the validation data but not in the training data")
