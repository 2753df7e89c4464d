"""Checkpoint: what of a training must survive an interruption, and the file that holds it.

Weights, their average, the best ones, the optimizer, the history: with them a training goes on bit for bit as if it had
never been interrupted. A file belongs to one training: the same model, data and settings, or it is refused.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mininnip.adam import Adam
from mininnip.arguments import described
from mininnip.data.sets import Dataset
from mininnip.model import Model
from mininnip.potential import Potential
from mininnip.saving import read_tensors, write_tensors

KEY = "training"
DIVERGED = 100.0  # times the validation loss before training


@dataclass
class History:
    """What happened in every epoch, and why training ended.

    Attributes:
        epochs: one row per epoch: "epoch", "learning_rate", "train_loss", "valid_loss", and on the validation data
            "energy_rmse" in meV per atom, "force_rmse" in meV/Å, and "<label>_rmse" of every other label.
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
        return f"{len(self.epochs)} epochs ({self.ended}); best {self.best['epoch']:.0f}: {in_words(self.best)}"


def in_words(row: Mapping[str, float]) -> str:
    """Validation errors of one epoch: "energy 1.23 meV/atom, forces 45.6 meV/Å (validation RMSE)"."""
    words = {"energy_rmse": "energy {:.2f} meV/atom", "force_rmse": "forces {:.1f} meV/Å"}
    words |= {
        name: name.removesuffix("_rmse") + " {:.3g}" for name in row if name.endswith("_rmse") and name not in words
    }
    told = [word.format(row[name]) for name, word in words.items() if math.isfinite(row.get(name, math.nan))]
    return f"{', '.join(told)} (validation RMSE)"


class TrainingState:
    """Everything that changes in a training.

    Args:
        potential: that is trained.
        ema_decay: memory of the moving average.
    """

    def __init__(self, potential: Potential, ema_decay: float):
        self.potential, self.ema_decay = potential, ema_decay
        self.weights = {name: p for name, p in potential.named_parameters() if p.requires_grad}
        self.optimizer = Adam(self.weights.values())
        self.average = {name: p.detach().clone() for name, p in self.weights.items()}
        self.best = {name: p.detach().clone() for name, p in self.weights.items()}
        self.history, self.epoch, self.steps = History(), 0, 0
        self.start_loss = math.inf  # on the validation data, before training

    def step(self, loss: Tensor, rate: float) -> None:
        """One step of the optimizer, and of the moving average (with a short memory at first)."""
        self.potential.zero_grad()
        loss.backward()
        self.optimizer.step(rate)
        self.steps += 1
        decay = min(self.ema_decay, (1 + self.steps) / (10 + self.steps))
        for name, p in self.weights.items():
            self.average[name].mul_(decay).add_(p.detach(), alpha=1 - decay)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the potential has the averaged weights."""
        kept = {name: p.detach().clone() for name, p in self.weights.items()}
        self._write(self.average)
        try:
            yield
        finally:
            self._write(kept)

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
        finite = math.isfinite(last["train_loss"]) and math.isfinite(last["valid_loss"])
        if not finite or last["valid_loss"] > DIVERGED * self.start_loss:
            return "diverged: lower the learning rate; the best weights so far are kept"
        waited = last["epoch"] - self.history.best["epoch"]
        return "no improvement" if patience is not None and waited >= patience else ""

    def restore_best(self) -> None:
        """Give the potential the best weights."""
        self._write(self.best)

    def save(self, path: str | Path, belongs_to: Mapping[str, Any]) -> None:
        """Write everything in one atomic step; `belongs_to` says to which training (`fingerprint`)."""
        tensors = {f"model.{name}": t for name, t in self.potential.state_dict().items()}
        tensors |= {f"average.{name}": t for name, t in self.average.items()}
        tensors |= {f"best.{name}": t for name, t in self.best.items()}
        for name, p in self.weights.items():
            tensors |= {f"optimizer.{name}.{key}": t for key, t in self.optimizer.state[p].items()}
        facts = {name: getattr(self, name) for name in ("epoch", "steps", "start_loss")}
        write_tensors(path, tensors, {**facts, "history": self.history.epochs, "belongs_to": belongs_to}, KEY)

    def load(self, path: str | Path, belongs_to: Mapping[str, Any]) -> None:
        """Continue from a checkpoint.

        Raises:
            ValueError: the file is damaged, or belongs to another training: the first difference is named.
        """
        try:
            tensors, facts = read_tensors(path, KEY, "checkpoint")
        except ValueError as error:
            raise ValueError(f"no checkpoint that can be read: {error}; delete it to start anew") from None
        _refuse_another_training(path, facts.get("belongs_to", {}), belongs_to)
        found = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        self.potential.load_state_dict(found)
        for name, p in self.weights.items():
            self.average[name].copy_(tensors[f"average.{name}"])
            self.best[name].copy_(tensors[f"best.{name}"])
            start = f"optimizer.{name}."
            kept = {key.removeprefix(start): t for key, t in tensors.items() if key.startswith(start)}
            self.optimizer.state[p] = {key: t.to(p.device) if t.dim() else t for key, t in kept.items()}
        self.epoch, self.steps, self.start_loss = facts["epoch"], facts["steps"], facts["start_loss"]
        self.history = History(facts["history"])

    def _write(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, p in self.weights.items():
                p.copy_(values[name])


def fingerprint(potential: Potential, settings: Mapping[str, Any], train: Dataset, valid: Dataset) -> dict[str, Any]:
    """What a checkpoint belongs to: model, settings and the content of the data, in words that JSON knows."""
    state = {name: [str(t.dtype), *t.shape] for name, t in potential.state_dict().items()}
    labels = settings["label_weights"]
    return {
        "model": _description(potential.model),
        "weights": state,
        **settings,
        "training data": _digest(train, labels),
        "validation data": _digest(valid, labels),
    }


def _description(model: Model) -> Any:
    """The model's class and arguments; its class alone where they have no name."""
    try:
        return json.loads(json.dumps(described(model)))
    except ValueError:
        return type(model).__name__


def _digest(data: Dataset, labels: Mapping[str, float]) -> str:
    arrays = [data.n_atoms, data.numbers, data.positions, data.cell, data.pbc, data.energy, data.forces]
    digest = hashlib.sha256()
    for values in (*arrays, *(data.labels[name] for name in sorted(labels))):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _refuse_another_training(path: str | Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    for name, value in json.loads(json.dumps(ours)).items():
        if theirs.get(name) == value:
            continue
        if name in ("model", "weights"):
            raise ValueError(f"{path} holds another model than the one to train; choose another file or delete it")
        was = "" if name.endswith("data") else f" ({name} was {theirs.get(name)}, now {value})"
        raise ValueError(
            f"{path} belongs to a training with other {name}{was}; choose another file, or delete it to start anew"
        )
