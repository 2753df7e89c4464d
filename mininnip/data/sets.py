"""Data: the reference sets that ship with the course, with their origin, their splits and their units.

`load_data` reads a set by name from the folder `data/` after comparing its checksum with the catalog `data/index.json`.
There are two kinds: `Curves` (energies along a bond) and `Dataset` (structures with energies and forces). Both print
themselves as a short table.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mininnip.graph import Graph, batch

if TYPE_CHECKING:
    from ase import Atoms

SPLITS = ("train", "valid", "test")
VOIGT = [0, 4, 8, 5, 2, 1]  # xx, yy, zz, yz, xz, xy among the nine numbers of a stress
PER_ATOM_AXES = 2  # labels of frames have one axis, labels of their atoms at least two: (frames, atoms, ...)


@dataclass(frozen=True)
class Curves:
    """Energies of diatomic molecules along their bond, by several methods.

    Attributes:
        name: of the set.
        arrays: "<molecule>_distance" in Å and "<molecule>_<method>" in eV; NaN where a method failed or was not run.
        provenance: the entry of the catalog: level of theory, engine, units, caveats, license.
    """

    name: str
    arrays: Mapping[str, np.ndarray]
    provenance: Mapping = field(repr=False)

    @property
    def molecules(self) -> list[str]:
        """Names of the molecules."""
        return [key.removesuffix("_distance") for key in self.arrays if key.endswith("_distance")]

    def methods(self, molecule: str) -> list[str]:
        """Methods whose curve of a molecule is here.

        Raises:
            KeyError: if the molecule is not.
        """
        if molecule not in self.molecules:
            raise KeyError(f"{self.name} has no molecule {molecule!r}; it has {', '.join(self.molecules)}")
        keys = [key.removeprefix(f"{molecule}_") for key in self.arrays if key.startswith(f"{molecule}_")]
        return [key for key in keys if key != "distance"]

    def curve(self, molecule: str, method: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances (P,) in Å and energies (P,) in eV of the points where the method gave a number.

        Raises:
            KeyError: unknown molecule or method.
        """
        if method not in self.methods(molecule):
            raise KeyError(f"{molecule} has no curve {method!r}; there are {', '.join(self.methods(molecule))}")
        distance, energy = self.arrays[f"{molecule}_distance"], self.arrays[f"{molecule}_{method}"]
        known = np.isfinite(energy)
        return torch.tensor(distance[known]), torch.tensor(energy[known])

    def __repr__(self) -> str:
        rows = [f"{self.name}: {self.provenance['description']}"]
        for molecule in self.molecules:
            r = self.arrays[f"{molecule}_distance"]
            reach = f"{len(r)} distances, {r.min():.2f} to {r.max():.2f} Å"
            rows.append(f"  {molecule:4} {reach}: {', '.join(self.methods(molecule))}")
        if not self.molecules:  # distributions, not bonds
            rows.append(f"  arrays: {', '.join(self.arrays)}")
        return "\n".join(rows)


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
        labels: further arrays: of frames (F,), as "split", "group", "trajectory", "temperature", "energy_<method>"; of
            atoms (N, ...), as "forces_<method>".
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

    def __len__(self) -> int:
        return len(self.n_atoms)

    def __getitem__(self, which) -> Dataset:
        """The frames picked by a number, slice, list of numbers, or mask (F,)."""
        frames = np.atleast_1d(np.arange(len(self))[which])
        atoms = np.isin(self._frame_of_atom(), frames) if _is_increasing(frames) else self._atoms_of(frames)
        per_atom = {key for key, values in self.labels.items() if len(values) == len(self.numbers) != len(self)}
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

    def __add__(self, other: Dataset) -> Dataset:
        """The frames of both, one after the other, with the labels that both have; name and provenance of the first."""
        joined = {
            field: np.concatenate([getattr(self, field), getattr(other, field)])
            for field in ("n_atoms", "numbers", "positions", "cell", "pbc", "energy", "forces")
        }
        shared = {key: [self.labels[key], other.labels[key]] for key in self.labels if key in other.labels}
        labels = {key: np.concatenate(both) for key, both in shared.items()}
        return Dataset(self.name, **joined, labels=labels, provenance=self.provenance)

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
            ValueError: if there are fewer frames than asked for.
        """
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

    def graph(self, cutoff: float | None, dtype: torch.dtype = torch.float64) -> Graph:
        """All frames side by side in one graph; without a cutoff it has no edges."""
        ends = np.cumsum(self.n_atoms)
        graphs = [
            Graph.from_arrays(
                torch.tensor(self.numbers[end - n : end], dtype=torch.int64),
                torch.tensor(self.positions[end - n : end], dtype=torch.float64),
                cutoff,
                self.cell[k],
                self.pbc[k],
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


def data_folder() -> Path:
    """Where the shipped sets lie: the folder that the variable MININNIP_DATA names, else data/ of the project.

    Raises:
        FileNotFoundError: if the folder has no catalog.
    """
    folder = Path(os.environ.get("MININNIP_DATA") or Path(__file__).resolve().parents[2] / "data")
    if not (folder / "index.json").exists():
        raise FileNotFoundError(f"no index.json in {folder}: set MININNIP_DATA to the data folder of the course")
    return folder


def load_data(name: str) -> Curves | Dataset:
    """Read a shipped set by name.

    Args:
        name: e.g. "dimers"; a wrong name lists what there is.

    Raises:
        KeyError: unknown name.
        FileNotFoundError: a file of the set is missing.
        ValueError: a file is damaged: its checksum differs from the catalog.
    """
    folder = data_folder()
    catalog = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    if name not in catalog:
        raise KeyError(f"no data set is called {name!r}; there are {', '.join(catalog)}")
    files = catalog[name]["files"]
    contents = {file: _read_checked(folder / file, entry["sha256"]) for file, entry in files.items()}
    tables = [_arrays(folder / file, content) for file, content in contents.items() if file.endswith(".npz")]
    if any(entry.get("kind") == "curves" for entry in files.values()):
        return Curves(name, tables[0], catalog[name])
    return _joined(name, [_frames(table) for table in tables], catalog[name])


def _read_checked(path: Path, sha256: str) -> bytes:
    if not path.exists():
        raise FileNotFoundError(
            f"{path.name} is missing from {path.parent}; get it again: git checkout data/{path.name}"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path.name} is damaged or was edited: its checksum differs from data/index.json; "
            f"get it again: git checkout data/{path.name}"
        )
    return content


def _arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive if key != "metadata"}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} cannot be read as an npz archive: {error}") from None


def _frames(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Flatten an archive of equally large frames (F, N, ...) into the layout of `Dataset`."""
    n_frames, n_atoms = arrays["positions"].shape[:2]
    whole = {
        "numbers": np.broadcast_to(arrays["numbers"], (n_frames, n_atoms)),
        "cell": np.broadcast_to(arrays["cell"], (n_frames, 3, 3)),
        "pbc": np.broadcast_to(arrays["pbc"], (n_frames, 3)),
    }
    out = {"n_atoms": np.full(n_frames, n_atoms)}
    for key, values in (arrays | whole).items():
        of_atoms = key not in ("cell", "pbc") and values.ndim >= PER_ATOM_AXES
        out[key] = values.reshape(n_frames * n_atoms, *values.shape[2:]) if of_atoms else values
    return out


def _joined(name: str, parts: Sequence[dict[str, np.ndarray]], provenance: Mapping) -> Dataset:
    """One set of all frames of several files; a file that lacks a number has NaN there, other labels are left out."""
    columns = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        like = next(part[key] for part in parts if key in part)
        of_atoms = next(len(part[key]) == len(part["numbers"]) for part in parts if key in part)
        blocks = [
            part.get(key, np.full((len(part["numbers" if of_atoms else "n_atoms"]), *like.shape[1:]), np.nan))
            for part in parts
        ]
        if like.dtype.kind == "f" or all(key in part for part in parts):
            columns[key] = np.concatenate(blocks)
    fixed = ("n_atoms", "numbers", "positions", "cell", "pbc", "energy", "forces")
    labels = {key: values for key, values in columns.items() if key not in fixed}
    return Dataset(name, **{key: columns[key] for key in fixed}, labels=labels, provenance=provenance)


def _is_increasing(frames: np.ndarray) -> bool:
    return bool((np.diff(frames) > 0).all())
