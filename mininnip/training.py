"""Training: fit a potential to energies and forces, and say how well it does on data it has not seen.

The loop is written out because it is course content: predict, compare, differentiate, step; keep a running average of
the weights, watch the error on validation data, keep the best, stop when told to. Whatever does not depend on weights
(edges, and for models with `precompute` the symmetry functions and their derivatives) is computed once, before the
first epoch.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm.auto import tqdm

from mininnip.arguments import described
from mininnip.data.sets import Dataset
from mininnip.graph import Graph, batch
from mininnip.potential import Potential, look_up

FINAL_LEARNING_RATE = 0.01  # of the first one, reached on a cosine
DIVERGED = 100.0  # times the validation loss before training


class Sample(NamedTuple):
    """One or several structures, ready to be predicted, with their labels.

    Attributes:
        structures: a `Graph`, or what the model's `precompute` made of it.
        n_atoms: (S,).
        energy: (S,) in eV, without the reference energies.
        forces: (N, 3) in eV/Å.
    """

    structures: Any
    n_atoms: Tensor
    energy: Tensor
    forces: Tensor


@dataclass
class History:
    """What happened in every epoch, and why training ended.

    Attributes:
        epochs: one row per epoch: "epoch", "learning_rate", "train_loss", "valid_loss", and on the validation data
            "energy_rmse" in meV per atom and "force_rmse" in meV/Å.
        ended: "finished", "stopped", "no improvement" or "diverged", in words.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    ended: str = "not started"

    @property
    def best(self) -> dict[str, float]:
        """The epoch whose weights are kept: the lowest validation loss.

        Raises:
            ValueError: no epoch was finished.
        """
        if not self.epochs:
            raise ValueError(f"no epoch was finished ({self.ended}), so none is the best")
        return min(self.epochs, key=lambda row: row["valid_loss"])

    def __getitem__(self, name: str) -> list[float]:
        """One column, e.g. `history["force_rmse"]`."""
        return [row[name] for row in self.epochs]

    def __repr__(self) -> str:
        if not self.epochs:
            return f"no epoch ({self.ended})"
        best = self.best
        errors = f"energy {best['energy_rmse']:.2f} meV/atom, forces {best['force_rmse']:.1f} meV/Å"
        return f"{len(self.epochs)} epochs ({self.ended}); best {best['epoch']:.0f}: {errors} (validation RMSE)"


def fit_reference_energies(data: Dataset) -> dict[int, float]:
    """Energy per atom of each element that explains most of the total energies, by least squares.

    For data of a single composition only the sum is determined; the smallest solution is taken.

    Args:
        data: training data.

    Returns:
        eV by atomic number.
    """
    elements = np.unique(data.numbers)
    frame = np.repeat(np.arange(len(data)), data.n_atoms)
    counts = np.stack([np.bincount(frame, data.numbers == z, len(data)) for z in elements], axis=1)  # (F, elements)
    energies = np.linalg.lstsq(counts, data.energy, rcond=None)[0]
    return dict(zip(elements.tolist(), energies.tolist(), strict=True))


def train(
    potential: Potential,
    train: Dataset,
    valid: Dataset,
    epochs: int = 100,
    batch_size: int = 10,
    learning_rate: float = 1e-3,
    energy_weight: float = 1.0,
    force_weight: float = 1.0,
    ema_decay: float = 0.99,
    patience: int | None = None,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    stop: threading.Event | None = None,
    progress: bool = True,
) -> History:
    """Fit the weights of a potential to energies and forces; at the end it holds the best ones.

        L = λ_E ⟨[(E − Ê) / N]²⟩ + λ_F ⟨(F − F̂)²⟩

    averaged over structures and over force components. Adam, learning rate on a cosine to 1 %; validation and result
    use an exponential moving average of the weights. A potential without reference energies gets them from the training
    data (`fit_reference_energies`); a model with `fit_scaling` takes its feature scaling from there, and only there.
    A potential that was trained before goes on from its weights, with the scaling and reference energies they know.

    Args:
        potential: the one to train; float32 weights are usual.
        train, valid: data to learn from, and to choose the best epoch by.
        epochs: passes through the training data.
        batch_size: structures per step.
        learning_rate: of the first epoch.
        energy_weight: λ_E, for energies per atom in eV.
        force_weight: λ_F, for forces in eV/Å; 0 trains on energies alone.
        ema_decay: memory of the moving average.
        patience: stop after this many epochs without a better validation loss; None: never.
        seed: order of the batches.
        device: "auto" takes CUDA if there is one.
        checkpoint: file (safetensors) written after every epoch; if it exists, training continues from it, bit for bit
            as if it had never been interrupted.
        stop: set it, from another thread, to end after the current step.
        progress: show a bar.

    Returns:
        The history; `history.ended` says why training ended.

    Raises:
        ValueError: no data, labels that are not finite, an element that only the validation data have, weights that
            are both zero, a batch size or learning rate that is not positive, a checkpoint of another model.
    """
    loop = training_epochs(
        potential,
        train,
        valid,
        epochs,
        batch_size,
        learning_rate,
        energy_weight,
        force_weight,
        ema_decay,
        patience,
        seed,
        device,
        checkpoint,
        stop,
        progress,
    )
    while True:
        try:
            next(loop)
        except StopIteration as end:
            return end.value


def training_epochs(
    potential: Potential,
    train: Dataset,
    valid: Dataset,
    epochs: int = 100,
    batch_size: int = 10,
    learning_rate: float = 1e-3,
    energy_weight: float = 1.0,
    force_weight: float = 1.0,
    ema_decay: float = 0.99,
    patience: int | None = None,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    stop: threading.Event | None = None,
    progress: bool = False,
) -> Generator[History, None, History]:
    """The loop of `train`, one epoch at a time, to watch a training from outside or to leave it with `break`.

    Arguments, result and errors as `train`; errors come with the first epoch. When the loop ends or is left, the
    potential holds the best weights; in between it holds those of the last step.

    Yields:
        The history so far, after every epoch; always the same object.
    """
    if batch_size < 1 or not learning_rate > 0:
        raise ValueError(f"batch_size and learning_rate must be positive, got {batch_size} and {learning_rate}")
    if energy_weight < 0 or force_weight < 0 or energy_weight + force_weight == 0:
        raise ValueError("energy_weight and force_weight must not be negative, and one of them must be positive")
    for part, data in (("training", train), ("validation", valid)):
        _check_labels(data, part, with_forces=force_weight > 0)
    if potential.reference_energies is None:
        if strangers := set(valid.numbers.tolist()) - set(train.numbers.tolist()):
            raise ValueError(f"atomic number {min(strangers)} is in the validation data but not in the training data")
        potential.set_reference_energies(fit_reference_energies(train))
    potential.to(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    fresh = checkpoint is None or not Path(checkpoint).exists()
    samples = _prepare(potential, train)
    model: Any = potential.model
    if fresh and hasattr(model, "fit_scaling"):
        features = torch.cat([sample.structures.features for sample in samples])
        model.fit_scaling(features, torch.cat([sample.structures.numbers for sample in samples]))
    state, weights = _State(potential, learning_rate, ema_decay), (energy_weight, force_weight)
    valid_batches = [_collate(part) for part in _chunks(_prepare(potential, valid), 50)]
    if fresh:
        state.start_loss = _errors(potential, valid_batches, weights)["valid_loss"]
    else:
        state.load(Path(str(checkpoint)))
    stop = stop or threading.Event()
    bar = tqdm(total=epochs, initial=state.epoch, disable=not progress, unit="epoch")
    try:
        while state.epoch < epochs and not state.ended(patience) and not stop.is_set():
            rate = learning_rate * _cosine_schedule(state.epoch / epochs)
            train_loss = _one_epoch(potential, state, samples, batch_size, weights, rate, seed, stop)
            if stop.is_set():
                break
            with state.averaged():
                errors = _errors(potential, valid_batches, weights)
            state.finish_epoch({"learning_rate": rate, "train_loss": train_loss, **errors})
            if checkpoint is not None:
                state.save(Path(checkpoint))
            bar.update()
            bar.set_postfix_str(f"forces {errors['force_rmse']:.0f} meV/Å, energy {errors['energy_rmse']:.1f} meV/atom")
            yield state.history
    except (KeyboardInterrupt, GeneratorExit):
        stop.set()
    finally:
        bar.close()
        state.restore_best()
        state.history.ended = "stopped" if stop.is_set() else state.ended(patience) or "finished"
    return state.history


class _State:
    """What must survive an interruption: weights, their average, the best ones, the optimizer, the history."""

    def __init__(self, potential: Potential, learning_rate: float, ema_decay: float):
        self.potential, self.ema_decay = potential, ema_decay
        self.weights = {name: p for name, p in potential.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.Adam(list(self.weights.values()), lr=learning_rate)
        self.average = {name: p.detach().clone() for name, p in self.weights.items()}
        self.best = {name: p.detach().clone() for name, p in self.weights.items()}
        self.history, self.epoch, self.steps = History(), 0, 0
        self.start_loss = math.inf  # on the validation data, before training

    def step(self, loss: Tensor, rate: float) -> None:
        """One step of the optimizer, and of the moving average (with a short memory at first)."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        decay = min(self.ema_decay, (1 + self.steps) / (10 + self.steps))
        for name, p in self.weights.items():
            self.average[name].mul_(decay).add_(p.detach(), alpha=1 - decay)

    def averaged(self) -> _Swapped:
        """Context in which the potential has the averaged weights."""
        return _Swapped(self.weights, self.average)

    def finish_epoch(self, row: dict[str, float]) -> None:
        """Note the errors, and keep the averaged weights if they are the best so far."""
        self.epoch += 1
        previous = min([self.start_loss, *self.history["valid_loss"]])
        self.history.epochs.append({"epoch": self.epoch, **row})
        if row["valid_loss"] < previous:
            self.best = {name: p.clone() for name, p in self.average.items()}

    def ended(self, patience: int | None) -> str:
        """Why no further epoch makes sense; empty if it does."""
        if not self.history.epochs:
            return ""
        last = self.history.epochs[-1]
        if not math.isfinite(last["train_loss"]) or not last["valid_loss"] < DIVERGED * self.start_loss:
            return "diverged: lower the learning rate; the best weights so far are kept"
        waited = last["epoch"] - self.history.best["epoch"]
        return "no improvement" if patience is not None and waited >= patience else ""

    def restore_best(self) -> None:
        """Give the potential the best weights."""
        with torch.no_grad():
            for name, p in self.weights.items():
                p.copy_(self.best[name])

    def save(self, path: Path) -> None:
        """Write everything in one atomic step."""
        tensors = {f"model.{name}": t for name, t in self.potential.state_dict().items()}
        tensors |= {f"average.{name}": t for name, t in self.average.items()}
        tensors |= {f"best.{name}": t for name, t in self.best.items()}
        for name, p in self.weights.items():
            tensors |= {f"optimizer.{name}.{key}": t for key, t in self.optimizer.state[p].items()}
        facts = {
            "epoch": self.epoch,
            "steps": self.steps,
            "start_loss": self.start_loss,
            "history": self.history.epochs,
            "model": _in_words(self.potential.model),
        }
        temporary = path.with_name(path.name + ".part")
        contiguous = {name: t.detach().contiguous().clone() for name, t in tensors.items()}
        save_file(contiguous, temporary, metadata={"training": json.dumps(facts)})
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            ValueError: the file is damaged, or holds another model.
        """
        try:
            tensors, facts = load_file(path), _metadata(path)
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is no checkpoint that can be read ({error}); delete it to start anew") from None
        model = self.potential.state_dict()
        found = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        same_shapes = {n: t.shape for n, t in found.items()} == {n: t.shape for n, t in model.items()}
        if not same_shapes or facts.get("model") != _in_words(self.potential.model):
            raise ValueError(f"{path} holds another model than the one to train; choose another file or delete it")
        self.potential.load_state_dict(found)
        for name, p in self.weights.items():
            self.average[name].copy_(tensors[f"average.{name}"])
            self.best[name].copy_(tensors[f"best.{name}"])
            start = f"optimizer.{name}."
            self.optimizer.state[p] = {
                key.removeprefix(start): t.clone() for key, t in tensors.items() if key.startswith(start)
            }
        self.epoch, self.steps, self.start_loss = facts["epoch"], facts["steps"], facts["start_loss"]
        self.history = History(facts["history"])


class _Swapped:
    """Exchange weights for others inside a `with` block."""

    def __init__(self, weights: dict[str, Any], others: dict[str, Tensor]):
        self.weights, self.others = weights, others

    def __enter__(self) -> None:
        self.kept = {name: p.detach().clone() for name, p in self.weights.items()}
        self._write(self.others)

    def __exit__(self, *_: object) -> None:
        self._write(self.kept)

    def _write(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, p in self.weights.items():
                p.copy_(values[name])


def _one_epoch(
    potential: Potential,
    state: _State,
    samples: Sequence[Sample],
    batch_size: int,
    weights: tuple[float, float],
    rate: float,
    seed: int,
    stop: threading.Event,
) -> float:
    """Steps over all samples in an order that depends on seed and epoch only; returns the mean loss."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(1_000_003 * seed + state.epoch))
    losses = []
    for part in _chunks([samples[k] for k in order.tolist()], batch_size):
        if stop.is_set():
            break
        loss = _loss(potential, _collate(part), weights)[0]
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            return math.inf
        state.step(loss, rate)
    return float(np.mean(losses)) if losses else math.nan


def _loss(potential: Potential, sample: Sample, weights: tuple[float, float]) -> tuple[Tensor, Tensor, Tensor]:
    """The loss, and the squared errors it is made of: per structure (S,), and per force component (N, 3)."""
    energy, forces = _predict(potential, sample.structures, with_forces=weights[1] > 0)
    energy_errors = ((energy - sample.energy) / sample.n_atoms) ** 2
    force_errors = (forces - sample.forces) ** 2
    loss = weights[0] * energy_errors.mean()
    return loss + (weights[1] * force_errors.mean() if weights[1] > 0 else 0), energy_errors, force_errors


def _errors(potential: Potential, batches: Sequence[Sample], weights: tuple[float, float]) -> dict[str, float]:
    """Loss and root-mean-square errors over all batches."""
    energy, forces = [], []
    for sample in batches:
        _, energy_errors, force_errors = _loss(potential, sample, weights)
        energy.append(energy_errors.detach().double())
        forces.append(force_errors.detach().double().flatten())
    mse_energy, mse_forces = float(torch.cat(energy).mean()), float(torch.cat(forces).mean())
    loss = weights[0] * mse_energy + (weights[1] * mse_forces if weights[1] > 0 else 0)
    return {"valid_loss": loss, "energy_rmse": 1e3 * mse_energy**0.5, "force_rmse": 1e3 * mse_forces**0.5}


def _predict(potential: Potential, structures: Any, with_forces: bool) -> tuple[Tensor, Tensor]:
    """Energy (S,) without reference energies, and forces (N, 3); both differentiable in the weights."""
    model: Any = potential.model
    if not isinstance(structures, Graph):
        return model.energy_and_forces(structures)
    out = Potential(model)(structures, forces=True, differentiable=True)
    return out["energy"], out["forces"] if with_forces else out["forces"].detach()


def _prepare(potential: Potential, data: Dataset) -> list[Sample]:
    """One sample per frame, in the precision and on the device of the potential's weights."""
    weight = next(potential.parameters())
    references = potential.reference_energies
    assert references is not None
    samples = []
    for k in range(len(data)):
        frame = data[k]
        graph = frame.graph(potential.cutoff).to(weight.device)
        energy = torch.tensor(frame.energy, device=weight.device) - look_up(references, graph.numbers).sum()
        graph, model = graph.to(weight.dtype), cast(Any, potential.model)
        structures = model.precompute(graph) if hasattr(model, "precompute") else graph
        forces = torch.tensor(frame.forces, device=weight.device, dtype=weight.dtype)
        n_atoms = torch.tensor([graph.n_atoms], device=weight.device)
        samples.append(Sample(structures, n_atoms, energy.to(weight.dtype), forces))
    return samples


def _collate(samples: Sequence[Sample]) -> Sample:
    """Put samples side by side in one."""
    first = samples[0].structures
    structures = [sample.structures for sample in samples]
    together = batch(structures) if isinstance(first, Graph) else type(first).side_by_side(structures)
    labels = (torch.cat([getattr(s, name) for s in samples]) for name in ("n_atoms", "energy", "forces"))
    return Sample(together, *labels)


def _chunks(samples: Sequence[Sample], size: int) -> Iterator[Sequence[Sample]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _cosine_schedule(progress: float) -> float:
    return FINAL_LEARNING_RATE + (1 - FINAL_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * progress))


def _check_labels(data: Dataset, part: str, with_forces: bool) -> None:
    if len(data) == 0:
        raise ValueError(f"the {part} data has no frames")
    if not np.isfinite(data.energy).all():
        frame = int((~np.isfinite(data.energy)).argmax())
        raise ValueError(f"the energy of frame {frame} of the {part} data is not finite; remove the frame")
    if with_forces and not np.isfinite(data.forces).all():
        atom = int((~np.isfinite(data.forces)).any(axis=1).argmax())
        frame = int(np.searchsorted(np.cumsum(data.n_atoms), atom, side="right"))
        raise ValueError(
            f"frame {frame} of the {part} data has forces that are missing or not finite; "
            "remove the frame, or train on energies alone with force_weight=0"
        )


def _in_words(model: Any) -> Any:
    """The model's class and arguments as JSON holds them; None where they have no name."""
    try:
        return json.loads(json.dumps(described(model)))
    except ValueError:
        return None


def _metadata(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["training"])


@dataclass(frozen=True)
class Errors:
    """Errors of a potential on a data set.

    Attributes:
        n_frames, n_atoms: how much was compared.
        energy_mae, energy_rmse: per structure, in meV.
        energy_mae_per_atom, energy_rmse_per_atom: in meV per atom.
        forces_mae, forces_rmse: per component, in meV/Å.
    """

    n_frames: int
    n_atoms: int
    energy_mae: float
    energy_rmse: float
    energy_mae_per_atom: float
    energy_rmse_per_atom: float
    forces_mae: float
    forces_rmse: float

    def __repr__(self) -> str:
        return (
            f"{self.n_frames} frames, {self.n_atoms} atoms      MAE      RMSE\n"
            f"energy  (meV)       {self.energy_mae:10.2f}{self.energy_rmse:10.2f}\n"
            f"energy  (meV/atom)  {self.energy_mae_per_atom:10.3f}{self.energy_rmse_per_atom:10.3f}\n"
            f"forces  (meV/Å)     {self.forces_mae:10.1f}{self.forces_rmse:10.1f}"
        )


def evaluate(potential: Any, data: Dataset, batch_size: int = 50) -> Errors:
    """Compare a potential, or an ensemble, with labels.

    Args:
        potential: called as `Potential`.
        data: labeled structures.
        batch_size: structures evaluated side by side.

    Returns:
        Mean absolute and root-mean-square errors.

    Raises:
        ValueError: no frames, or labels that are not finite.
    """
    _check_labels(data, "test", with_forces=True)
    weight = next(potential.parameters())
    energies, forces = [], []
    for start in range(0, len(data), batch_size):
        graph = data[start : start + batch_size].graph(potential.cutoff, weight.dtype).to(weight.device)
        out = potential(graph)
        energies.append(out["energy"].detach().double().cpu())
        forces.append(out["forces"].detach().double().cpu())
    energy = 1e3 * (torch.cat(energies).numpy() - data.energy)
    force = 1e3 * (torch.cat(forces).numpy() - data.forces)

    def mae_rmse(x: np.ndarray) -> tuple[float, float]:
        return float(np.abs(x).mean()), float(np.sqrt((x**2).mean()))

    return Errors(len(data), len(data.numbers), *mae_rmse(energy), *mae_rmse(energy / data.n_atoms), *mae_rmse(force))
