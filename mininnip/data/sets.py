"""Sets: the reference data that ship with the course, with their origin, their splits and their units.

`load_data` reads a set by name from the folder `data/` after comparing its checksum with the catalog `data/index.json`.
A set is a `Dataset` (structures with energies and forces), `EnergyCurves` (of dimers, along the bond) or `NamedArrays`
(distributions, a Hessian). Each prints itself as a short table.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mininnip.data.curves import EnergyCurves, NamedArrays
from mininnip.data.dataset import Dataset

PER_ATOM_AXES = 2  # labels of frames have one axis, labels of their atoms at least two: (frames, atoms, ...)
DIPOLE = ("dipole_x", "dipole_y", "dipole_z")  # so the files keep it; it becomes one label (F, 3)


def data_folder() -> Path:
    """Where the shipped sets lie: the folder that the variable MININNIP_DATA names, else data/ of the project.

    Raises:
        FileNotFoundError: if the folder has no catalog.
    """
    folder = Path(os.environ.get("MININNIP_DATA") or Path(__file__).resolve().parents[2] / "data")
    if not (folder / "index.json").exists():
        raise FileNotFoundError(f"no index.json in {folder}: set MININNIP_DATA to the data folder of the course")
    return folder


def load_data(name: str) -> EnergyCurves | NamedArrays | Dataset:
    """Read a shipped set by name.

    Args:
        name: e.g. "dimers"; a wrong name lists what there is.

    Raises:
        KeyError: unknown name.
        FileNotFoundError: a file of the set is missing.
        ValueError: the catalog or a file is damaged: its checksum differs from the catalog.
    """
    folder = data_folder()
    catalog = _catalog(folder / "index.json")
    if not isinstance(name, str) or name not in catalog:
        raise KeyError(f"no data set is called {name!r}; there are {', '.join(catalog)}")
    files = catalog[name]["files"]
    contents = {file: _read_checked(folder / file, entry["sha256"]) for file, entry in files.items()}
    tables = [_arrays(folder / file, content) for file, content in contents.items() if file.endswith(".npz")]
    if "energy" not in tables[0]:
        dimers = any(key.endswith("_distance") for key in tables[0])
        return (EnergyCurves if dimers else NamedArrays)(name, tables[0], catalog[name])
    return _joined(name, [_frames(table) for table in tables], catalog[name])


def _catalog(path: Path) -> dict[str, dict]:
    try:
        catalog = json.loads(path.read_text(encoding="utf-8"))
        if all(entry["description"] and entry["files"] for entry in catalog.values()):
            return catalog
    except (ValueError, AttributeError, TypeError, KeyError):  # no JSON, or JSON of something else
        pass
    raise ValueError(f"{path.name} in {path.parent} is damaged; get it again: git checkout data/{path.name}")


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
        of_atoms = key not in ("cell", "pbc", "stress") and values.ndim >= PER_ATOM_AXES
        out[key] = values.reshape(n_frames * n_atoms, *values.shape[2:]) if of_atoms else values
    if all(component in out for component in DIPOLE):
        out["dipole"] = np.stack([out.pop(component) for component in DIPOLE], axis=1)
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
