"""Dataset: structures with their energies, forces and further labels, to be picked, split, joined and made graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mininnip.graph import Graph, batch, shown

if TYPE_CHECKING:
    from ase import Atoms

SPLITS = ("train", "valid", "test")
VOIGT = [0, 4, 8, 5, 2, 1]  # xx, yy, zz, yz, xz, xy among the nine numbers of a stress


@dataclass(frozen=True)
class Dataset:
    """Structures with their energies and forces, F frames one after the other.

    Attributes:
        name: of the set.
        n_atoms: atoms of every frame (F,).
        numbers, positions, forces: of the atoms of all frames, in order (N,), (N, 3) in Å, (N, 3) in eV/Å; forces are
            NaN in frames that have none.
        cell, pbc: (F, 3, 3) in Å, (F, 3).
        energy: (F,) in eV, float64; NaN in frames that have none.
        labels: further arrays: of frames (F, ...), as "split", "group", "trajectory", "temperature", "energy_<method>",
            "dipole" (F, 3), "stress" (F, 3, 3), "total_charge" (F,); of atoms (N, ...), as "forces_<method>" or
            "charges".
        provenance: the entry of the catalog.
    """

    name: str
    n_atoms: np.ndarray
    numbers: np.ndarray
    positions: np.ndarray
    cell: np.ndarray
    pbc: np.ndarray
    energy: np.ndarray
    forces: np.ndarray
    labels: Mapping[str, np.ndarray]
    provenance: Mapping = field(repr=False)

    @classmethod
    def from_graph(cls, graph: Graph, labels: Mapping[str, torch.Tensor], name: str) -> Dataset:
        """The structures of a graph with labels that were computed for them.

        Args:
            graph: one structure or many.
            labels: "energy" (S,) in eV and "forces" (N, 3) in eV/Å, as a potential gives them.
            name: of the set.

        Raises:
            ValueError: labels that are missing or have another shape.
        """
        shapes = {"energy": (graph.n_structures,), "forces": (graph.n_atoms, 3)}
        for key, shape in shapes.items():
            if key not in labels or tuple(labels[key].shape) != shape:
                given = tuple(labels[key].shape) if key in labels else "none"
                raise ValueError(f"labels of these structures need {key} of the shape {shape}, got {given}")

        def numbers(tensor: torch.Tensor) -> np.ndarray:
            tensor = tensor.detach().cpu()
            return (tensor.double() if tensor.is_floating_point() else tensor).numpy().copy()

        return cls(
            name,
            np.bincount(numbers(graph.structure), minlength=graph.n_structures),
            *(numbers(part) for part in (graph.numbers, graph.positions)),
            *(numbers(part) for part in (graph.cell, graph.pbc, labels["energy"], labels["forces"])),
            labels={"total_charge": numbers(graph.total_charge)} if bool(graph.total_charge.any()) else {},
            provenance={"description": f"{graph.n_structures} structures", "level_of_theory": "as labeled"},
        )

    def __len__(self) -> int:
        return len(self.n_atoms)

    def __getitem__(self, which) -> Dataset:
        """The frames picked by a number, slice, list of numbers, or mask (F,).

        Raises:
            IndexError: a frame that is not there, or no such choice.
        """
        try:
            frames = np.atleast_1d(np.arange(len(self))[which])
        except (IndexError, TypeError, ValueError):
            frames = np.empty((0, 0), np.int64)
        if frames.ndim != 1:
            raise IndexError(
                f"{self.name} has {len(self)} frames, picked by a number, a slice, a list of numbers or a mask; "
                f"got {shown(which)}"
            )
        atoms = np.isin(self._frame_of_atom(), frames) if _is_increasing(frames) else self._atoms_of(frames)
        per_atom = {key for key in self.labels if self.is_per_atom(key)}
        return Dataset(
            self.name,
            self.n_atoms[frames],
            self.numbers[atoms],
            self.positions[atoms],
            self.cell[frames],
            self.pbc[frames],
            self.energy[frames],
            self.forces[atoms],
            {key: values[atoms if key in per_atom else frames] for key, values in self.labels.items()},
            self.provenance,
        )

    def is_per_atom(self, label: str) -> bool:
        """Whether a label has one row for each atom, not for each frame."""
        return len(self.labels[label]) == len(self.numbers) != len(self)

    def __add__(self, other: Dataset) -> Dataset:
        """The frames of both, one after the other, with the labels that both have; name and provenance of the first."""
        joined = {
            field: np.concatenate([getattr(self, field), getattr(other, field)])
            for field in ("n_atoms", "numbers", "positions", "cell", "pbc", "energy", "forces")
        }
        shared = {key: [self.labels[key], other.labels[key]] for key in self.labels if self._shares(other, key)}
        labels = {key: np.concatenate(both) for key, both in shared.items()}
        return Dataset(self.name, **joined, labels=labels, provenance=self.provenance)

    def _shares(self, other: Dataset, key: str) -> bool:
        if key not in other.labels or self.labels[key].shape[1:] != other.labels[key].shape[1:]:
            return False
        return self.is_per_atom(key) == other.is_per_atom(key) or len(self) == len(self.numbers)

    def part(self, split: str) -> Dataset:
        """The frames of one official split, "train", "valid" or "test"; no trajectory is shared between splits."""
        return self.where(split=split)

    def where(self, **labels) -> Dataset:
        """The frames that carry all given labels, e.g. `where(group="md", temperature=300)`.

        Raises:
            KeyError: a label this set does not have, or no frame with that value.
        """
        chosen = np.ones(len(self), bool)
        for key, value in labels.items():
            if key not in self.labels:
                raise KeyError(f"{self.name} has no label {key!r}; it has {', '.join(self.labels)}")
            if np.ndim(value) or self.labels[key].ndim > 1:
                raise KeyError(f"{key} = {shown(value)} cannot be compared: give one value")
            chosen &= self.labels[key] == value
            if not chosen.any():
                values = ", ".join(map(str, np.unique(self.labels[key])))
                raise KeyError(f"no frame of {self.name} has {key} = {value!r} here; values are {values}")
        return self[chosen]

    def split(self, n_train: int, n_valid: int, n_test: int, seed: int = 0) -> tuple[Dataset, Dataset, Dataset]:
        """Draw frames for training, validation and test at random, without repetition.

        Where the set has official splits, each part is drawn from its own, so that no trajectory is shared; a set
        without an official part for validation takes it from the one for training.

        Raises:
            ValueError: numbers of frames that are not whole, or fewer frames than asked for.
        """
        self._refuse_fractions(n_train, n_valid, n_test)
        rng, counts, parts = np.random.default_rng(seed), (n_train, n_valid, n_test), []
        everything = rng.permutation(len(self))
        for k, (split, count) in enumerate(zip(SPLITS, counts, strict=True)):
            pool = everything[sum(counts[:k]) :]
            if "split" in self.labels:
                pool = everything[self.labels["split"][everything] == split]
                if split == "valid" and len(pool) == 0:
                    pool = everything[self.labels["split"][everything] == "train"][n_train:]
            if len(pool) < count:
                raise ValueError(f"{self.name} has {len(pool)} frames left for {split!r}, {count} were asked for")
            parts.append(self[np.sort(pool[:count])])
        return parts[0], parts[1], parts[2]

    def _refuse_fractions(self, *counts: Any) -> None:
        if all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0 for n in counts):
            return
        words = f"split takes numbers of frames, got {', '.join(map(shown, counts))}"
        if all(isinstance(n, int | float) and 0 <= n <= 1 for n in counts) and sum(counts) <= 1 + 1e-9:
            words += f"; of these {len(self)} frames they are {', '.join(str(int(n * len(self))) for n in counts)}"
        raise ValueError(words)

    def graph(self, cutoff: float | None, dtype: torch.dtype = torch.float64) -> Graph:
        """All frames side by side in one graph; without a cutoff it has no edges. A label "total_charge" is theirs."""
        ends, charges = np.cumsum(self.n_atoms), self.labels.get("total_charge", np.zeros(len(self)))
        if len(self) == 0:
            raise ValueError(f"{self.name} has no frames to make a graph of")
        graphs = [
            Graph.from_arrays(
                torch.tensor(self.numbers[end - n : end], dtype=torch.int64),
                torch.tensor(self.positions[end - n : end], dtype=torch.float64),
                cutoff,
                self.cell[k],
                self.pbc[k],
                charges[k],
            )
            for k, (n, end) in enumerate(zip(self.n_atoms, ends, strict=True))
        ]
        return batch(graphs).to(dtype)

    def atoms(self) -> list[Atoms]:
        """The frames as ASE Atoms: energy, forces and stress as results where known, further labels beside them."""
        from ase import Atoms
        from ase.calculators.singlepoint import SinglePointCalculator

        frames = []
        for k, (n, end) in enumerate(zip(self.n_atoms, np.cumsum(self.n_atoms), strict=True)):
            mine = slice(end - n, end)
            atoms = Atoms(self.numbers[mine], self.positions[mine].astype(float), cell=self.cell[k], pbc=self.pbc[k])
            results = {"energy": self.energy[k : k + 1], "forces": self.forces[mine].astype(float)}
            for key, values in self.labels.items():
                if key == "stress":
                    results["stress"] = values[k].ravel()[VOIGT]
                elif len(values) == len(self):
                    atoms.info[key] = values[k].item() if values.ndim == 1 else values[k]
                else:
                    atoms.set_array(key, values[mine])
            known = {key: values for key, values in results.items() if not np.isnan(values).any()}
            if "energy" in known:
                known["energy"] = known["energy"].item()
            atoms.calc = SinglePointCalculator(atoms, **known)
            frames.append(atoms)
        return frames

    def __repr__(self) -> str:
        if len(self) == 0:
            return f"{self.name}: no frames"
        atoms = f"{self.n_atoms.min()}" if len(set(self.n_atoms)) == 1 else f"{self.n_atoms.min()}–{self.n_atoms.max()}"
        rows = [
            f"{self.name}: {self.provenance['description']}",
            f"  {len(self)} frames of {atoms} atoms; {self.provenance['level_of_theory']}",
            "  " + "; ".join(self._labels_in_words()),
        ]
        for key in ("split", "group"):
            if key in self.labels:
                values, counts = np.unique(self.labels[key], return_counts=True)
                rows.append(f"  {key}: " + ", ".join(f"{v} {n}" for v, n in zip(values, counts, strict=True)))
        return "\n".join(rows)

    def _labels_in_words(self) -> list[str]:
        energy, force = self.energy[np.isfinite(self.energy)], self.forces[np.isfinite(self.forces).all(axis=1)]
        words = [f"energy {np.ptp(energy):.3f} eV wide (std {energy.std():.3f})"] if len(energy) else ["no energies"]
        if 0 < len(energy) < len(self):
            words.append(f"missing in {len(self) - len(energy)} frames")
        words.append(f"forces rms {np.sqrt(np.mean(force**2)):.3f} eV/Å" if len(force) else "no forces")
        if 0 < len(force) < len(self.forces):
            words.append(f"missing for {len(self.forces) - len(force)} atoms")
        return words

    def _frame_of_atom(self) -> np.ndarray:
        return np.repeat(np.arange(len(self)), self.n_atoms)

    def _atoms_of(self, frames: np.ndarray) -> np.ndarray:
        starts = np.cumsum(self.n_atoms) - self.n_atoms
        return np.concatenate([np.arange(starts[k], starts[k] + self.n_atoms[k]) for k in frames])


def _is_increasing(frames: np.ndarray) -> bool:
    return bool((np.diff(frames) > 0).all())
