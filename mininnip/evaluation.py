"""Evaluation: how far a potential is from labels, and which labels a data set has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mininnip.data.sets import Dataset
from mininnip.memory import give_back
from mininnip.model import precision_of


@dataclass(frozen=True)
class Errors:
    """Errors of a potential on a data set; NaN where the data have no such labels.

    Attributes:
        n_frames, n_atoms: how much was compared.
        energy_mae, energy_rmse: per structure, in meV.
        energy_mae_per_atom, energy_rmse_per_atom: in meV per atom.
        forces_mae, forces_rmse: per component, in meV/Å.
        further: mean absolute and root-mean-square error of every other label that the potential predicts.
    """

    n_frames: int
    n_atoms: int
    energy_mae: float
    energy_rmse: float
    energy_mae_per_atom: float
    energy_rmse_per_atom: float
    forces_mae: float
    forces_rmse: float
    further: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __repr__(self) -> str:
        rows = [
            f"{self.n_frames} frames, {self.n_atoms} atoms      MAE      RMSE",
            f"energy  (meV)       {self.energy_mae:10.2f}{self.energy_rmse:10.2f}",
            f"energy  (meV/atom)  {self.energy_mae_per_atom:10.3f}{self.energy_rmse_per_atom:10.3f}",
            f"forces  (meV/Å)     {self.forces_mae:10.1f}{self.forces_rmse:10.1f}",
        ]
        if np.isnan(self.forces_mae):
            rows[-1] = "forces: no labels"
        if np.isnan(self.energy_mae):
            rows[1:3] = ["energy: no labels"]
        return "\n".join([*rows, *(f"{name:20}{mae:10.4g}{rmse:10.4g}" for name, (mae, rmse) in self.further.items())])


def evaluate(potential: nn.Module, data: Dataset, batch_size: int = 50) -> Errors:
    """Compare a potential, or an ensemble, with labels.

    Args:
        potential: called as `Potential`.
        data: labeled structures.
        batch_size: structures evaluated side by side.

    Returns:
        Mean absolute and root-mean-square errors.

    Raises:
        ValueError: no frames, no labels at all, or labels that only some frames have.
    """
    require_frames(data, "test")
    labels = {name: label(data, name) for name in ("energy", "forces")}
    known = {name: values for name, values in labels.items() if not np.isnan(values).all()}
    if not known:
        raise ValueError("the test data has neither energies nor forces to compare with")
    for name in known:
        require_finite(data, name, "test")
    predicted = predict(potential, data, batch_size, forces="forces" in known)
    further = {name: label(data, name) for name in data.labels if name in predicted and name not in labels}
    known |= {name: values for name, values in further.items() if values.shape == predicted[name].shape}
    errors = {name: predicted[name] - values for name, values in known.items()}
    energy, forces = (1e3 * errors.pop(name, np.full(1, np.nan)) for name in ("energy", "forces"))
    per_atom = energy / data.n_atoms
    more = {name: _mae_rmse(error) for name, error in errors.items()}
    return Errors(len(data), len(data.numbers), *_mae_rmse(energy), *_mae_rmse(per_atom), *_mae_rmse(forces), more)


def predict(potential: nn.Module, data: Dataset, batch_size: int = 50, forces: bool = True) -> dict[str, np.ndarray]:
    """All results of a potential on a data set, by name, in float64: (S, ...) or (N, ...)."""
    weights: Any = potential
    device = next((tensor.device for tensor in (*weights.parameters(), *weights.buffers())), torch.device("cpu"))
    precision = precision_of(potential) or torch.float64
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(data), batch_size):
        graph = data[start : start + batch_size].graph(weights.cutoff, precision).to(device)
        parts.append(potential(graph, forces=forces))
    give_back()
    joined = {name: [part[name].detach().double().cpu() for part in parts] for name in parts[0]}
    return {name: torch.cat(values).numpy() for name, values in joined.items() if not name.endswith("_members")}


def label(data: Dataset, name: str) -> np.ndarray:
    """Labels of a data set by name: "energy" (F,) and "forces" (N, 3), or one of `data.labels`.

    Raises:
        ValueError: the set has no such labels.
    """
    if name in ("energy", "forces"):
        return getattr(data, name)
    if name not in data.labels:
        raise ValueError(f"{data.name} has no label {name!r}; it has energy, forces, {', '.join(data.labels)}")
    return data.labels[name]


def require_frames(data: Dataset, part: str) -> None:
    """Refuse what is no data set, or an empty one.

    Raises:
        TypeError: e.g. Atoms, or a list of them.
        ValueError: no frames.
    """
    if not isinstance(data, Dataset):
        raise TypeError(
            f"the {part} data must be a Dataset, got {type(data).__name__}; make one of a list of Atoms with "
            "mininnip.data.files.from_atoms, or of a file with mn.read"
        )
    if len(data) == 0:
        raise ValueError(f"the {part} data has no frames")


def require_finite(data: Dataset, name: str, part: str) -> None:
    """Refuse labels of which some are missing.

    Raises:
        ValueError: it names the first frame.
    """
    values = label(data, name)
    missing = (~np.isfinite(values)).reshape(len(values), -1).any(axis=1)
    if not missing.any():
        return
    first = int(missing.argmax())
    if len(values) == len(data):
        raise ValueError(f"the {name} of frame {first} of the {part} data is not finite; remove the frame")
    frame = int(np.searchsorted(np.cumsum(data.n_atoms), first, side="right"))
    advice = ", or train on energies alone with force_weight=0" if name == "forces" and part != "test" else ""
    raise ValueError(
        f"frame {frame} of the {part} data has {name} that are missing or not finite; remove the frame{advice}"
    )


def _mae_rmse(x: np.ndarray) -> tuple[float, float]:
    return float(np.abs(x).mean()), float(np.sqrt((x**2).mean()))
