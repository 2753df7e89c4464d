"""Formats: extended XYZ, npz archives and ASE databases, in and out.

Files name the same thing in many ways, in many units, and often only in part; `labels` sorts that out. Here is only
what a format is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mininnip.data.dataset import Dataset
from mininnip.data.labels import ALIASES, Column, factor, labelled

if TYPE_CHECKING:
    from ase import Atoms

NUMBERS = ("numbers", "z", "Z", "nuclear_charges", "atomic_numbers", "species")  # names in npz archives
POSITIONS = ("positions", "R", "coords", "coordinates", "pos")
UNIT_KEYS = {"energy": ("energy_unit", "e_unit"), "length": ("length_unit", "r_unit")}
XYZ_SUFFIXES, DATABASE_SUFFIXES = (".xyz", ".extxyz"), (".db",)
FORTRAN = re.compile(r"(?<![\w.])([-+]?(?:\d+\.\d*|\.\d+))[dD]([-+]?\d+)(?![\w.])")  # -1.0D0: a double of Fortran
ATOMIC_RESULTS = ("forces", "energies", "stresses", "charges", "magmoms")  # per-atom results of ASE calculators


def read(
    path: str | Path,
    energy: str | None = None,
    forces: str | None = None,
    energy_unit: str | None = None,
    length_unit: str | None = None,
) -> Dataset:
    """Read a file of structures with energies and forces.

    Extended XYZ files and ASE databases are in eV and Å by convention, unless they say otherwise; an npz archive must
    say its units, or the caller does. A frame without a label has NaN in its place, with a warning that counts them.
    Quantities that all frames have become labels of the set; a stress becomes the label "stress" (F, 3, 3) in eV/Å³.

    Args:
        path: a file .xyz, .extxyz, .npz or .db.
        energy, forces: names of the labels in the file, where it has several.
        energy_unit: of the file: "eV", "meV", "kcal/mol", "kJ/mol", "Hartree" or "Ry"; forces are in this per length.
        length_unit: of the file: "Å", "Bohr" or "nm".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: unknown format, unreadable file, no labels at all, several labels to choose from, a label or
            position that is not finite, units that cannot be told or are mixed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    columns, said = _reader(path)(path)
    given = {"energy": energy_unit, "length": length_unit}
    units = {what: str(given[what] or said[what]) for what in given if given[what] or what in said}
    if unknown := given.keys() - units.keys():
        raise ValueError(
            f"{path.name} does not say its units: give {' and '.join(f'{what}_unit' for what in sorted(unknown))}, "
            'e.g. read(path, energy_unit="kcal/mol", length_unit="Å")'
        )
    provenance = {
        "description": f"read from {path.name}",
        "level_of_theory": "level of theory not stated",
        "units": {"energy": "eV", "positions": "Å", "cell": "Å", "forces": "eV/Å", "stress": "eV/Å³"},
        "units_of_the_file": units,
    }
    provenance |= said.get("provenance", {})
    return labelled(path.name, columns, provenance, {"energy": energy, "forces": forces}, units)


def from_atoms(frames: Sequence[Atoms], name: str, provenance: Mapping[str, Any]) -> Dataset:
    """Make a set of ASE Atoms that carry their labels, in eV and Å, as results, `info` or `arrays`.

    Raises:
        ValueError: as `read`.
    """
    columns, units = columns_of_atoms(name, frames)
    return labelled(name, columns, provenance, {}, units)


def write(data: Dataset, path: str | Path) -> None:
    """Write a set to an extended XYZ file, an npz archive or an ASE database, in eV and Å.

    The file appears under its name only when it is complete; one that was there is replaced. npz keeps every array as
    it is; extended XYZ keeps 8 decimals, and text that looks like a number comes back as one.

    Raises:
        ValueError: unknown format, or a set without frames.
        OSError: the disk is full, or the folder is not there or may not be written.
    """
    path = Path(path)
    _reader(path)
    if not isinstance(data, Dataset) or len(data) == 0:
        what = f"{data.name}, which has no frames" if isinstance(data, Dataset) else type(data).__name__
        raise ValueError(f"write takes a Dataset with frames, got {what}")
    half = path.with_name(f".half_{path.name}")
    try:
        _write(data, half)
        os.replace(half, path)
    except (OSError, sqlite3.Error) as error:  # a database on a full disk
        kind, reason = type(error) if isinstance(error, OSError) else OSError, getattr(error, "strerror", None) or error
        raise kind(f"{path} cannot be written ({reason}); choose another place, or make room") from None
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)


def _write(data: Dataset, half: Path) -> None:
    if half.suffix == ".npz":
        _write_npz(data, half)
    elif half.suffix in XYZ_SUFFIXES:
        from ase.io import write as write_atoms

        write_atoms(half, data.atoms(), format="extxyz")
    else:
        _write_database(data, half)


# --- readers ----------------------------------------------------------------------------------------------------------


def _reader(path: Path) -> Callable[[Path], tuple[dict[str, Column], dict]]:
    for suffixes, reader in (((".npz",), _read_npz), (XYZ_SUFFIXES, _read_xyz), (DATABASE_SUFFIXES, _read_database)):
        if path.suffix in suffixes:
            return reader
    raise ValueError(f"{path.name} has no known format: mininnip reads and writes .xyz, .extxyz, .npz and .db")


def xyz_frames(source: Path | StringIO, name: str, index: str = ":") -> list[Atoms]:
    """Frames of an extended XYZ file, or of its text.

    Raises:
        ValueError: it cannot be read.
    """
    from ase.io import read as read_atoms

    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source.getvalue()
        if FORTRAN.search(text):
            source = StringIO(FORTRAN.sub(r"\1e\2", text))
        return list(read_atoms(source, index=index, format="extxyz"))  # pyright: ignore[reportReturnType]
    except Exception as error:  # the parser raises whatever the text makes it stumble over
        raise ValueError(f"{name} cannot be read as extended XYZ: {_one_line(error)}") from None


def _read_xyz(path: Path) -> tuple[dict[str, Column], dict]:
    return columns_of_atoms(path.name, xyz_frames(path, path.name))


def _read_database(path: Path) -> tuple[dict[str, Column], dict]:
    from ase.db import connect

    try:
        with connect(path) as database:  # pyright: ignore[reportGeneralTypeIssues]
            metadata, frames = dict(database.metadata), []
            for row in database.select():
                atoms = row.toatoms()
                data = dict(row.data)
                for key, values in data.pop("labels_of_atoms", {}).items():
                    atoms.set_array(key, np.asarray(values))
                atoms.info = {**row.key_value_pairs, **data.pop("labels", {}), **data}
                frames.append(atoms)
    except Exception as error:  # sqlite and JSON raise errors of many kinds
        raise ValueError(f"{path.name} cannot be read as an ASE database: {_one_line(error)}") from None
    columns, said = columns_of_atoms(path.name, frames)
    units = metadata.get("_property_unit_dict", {})  # SchNetPack writes its units here
    stated = {unit for key, unit in units.items() if key in ALIASES["energy"]}
    if stated:
        said["energy"] = _only(path.name, stated)
    if "_distance_unit" in metadata:
        said["length"] = metadata["_distance_unit"]
    return columns, said


def columns_of_atoms(name: str, frames: Sequence[Atoms]) -> tuple[dict[str, Column], dict]:
    """Columns of a list of ASE Atoms, from what their calculator, `info` and `arrays` hold, and the units they state.

    Raises:
        ValueError: there is no frame, or the frames state different units.
    """
    if len(frames) == 0:
        raise ValueError(f"{name} has no frames")
    n_atoms = np.array([len(atoms) for atoms in frames])
    if (n_atoms == 0).any():
        raise ValueError(f"{name}, frame {np.flatnonzero(n_atoms == 0)[0]}: there are no atoms")
    everywhere = np.ones(len(frames), bool)
    columns = {
        "n_atoms": Column(n_atoms, everywhere, False),
        "numbers": Column(np.concatenate([atoms.numbers for atoms in frames]), everywhere, True),
        "positions": Column(np.concatenate([atoms.positions for atoms in frames]), everywhere, True),
        "cell": Column(np.stack([np.asarray(atoms.cell) for atoms in frames]), everywhere, False),
        "pbc": Column(np.stack([atoms.pbc for atoms in frames]), everywhere, False),
    }
    of_frames, of_atoms = zip(*(_quantities(atoms) for atoms in frames), strict=True)
    for held, belongs_to_atoms in ((of_frames, False), (of_atoms, True)):
        for key in dict.fromkeys(key for values in held for key in values):
            column = _column([values.get(key) for values in held], n_atoms, belongs_to_atoms)
            if column is not None:
                columns.setdefault(key, column)
    said = {"energy": "eV", "length": "Å"}
    for quantity, keys in UNIT_KEYS.items():
        stated = {str(values[key]) for values in of_frames for key in keys if key in values}
        if stated:
            said[quantity] = _only(name, stated)
        for key in keys:
            columns.pop(key, None)
    return columns, said


def _quantities(atoms: Atoms) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an Atoms object carries besides its structure, of the frame and of its atoms; no constraint is applied."""
    of_atoms = {key: value for key, value in atoms.arrays.items() if key not in ("numbers", "positions")}
    of_frame = dict(atoms.info)
    for key, value in (atoms.calc.results if atoms.calc is not None else {}).items():
        (of_atoms if key in ATOMIC_RESULTS else of_frame)[key] = value
    of_atoms |= {key: of_frame.pop(key) for key in ALIASES["forces"] if key in of_frame}
    return of_frame, of_atoms


def _column(values: Sequence[Any], n_atoms: np.ndarray, of_atoms: bool) -> Column | None:
    """Values of all frames in one array, blank where a frame has none; None if they do not fit together."""
    known = np.array([value is not None for value in values])
    arrays = [np.asarray(value) for value in values if value is not None]
    if not arrays:
        return None
    text = arrays[0].dtype.kind == "U"
    shapes = {array.shape[1:] if of_atoms else array.shape for array in arrays}
    kinds = {array.dtype.kind for array in arrays}
    lengths_fit = not of_atoms or all(a.shape[:1] == (n,) for a, n in zip(arrays, n_atoms[known], strict=True))
    if len(shapes) > 1 or not lengths_fit or not kinds <= (set("U") if text else set("biuf")):
        return None
    blank = np.full(shapes.pop(), "" if text else np.nan)
    whole = iter(arrays)
    pieces = [
        next(whole) if has else (np.broadcast_to(blank, (n, *blank.shape)) if of_atoms else blank)
        for has, n in zip(known, n_atoms, strict=True)
    ]
    return Column(np.concatenate(pieces) if of_atoms else np.stack(pieces), known, of_atoms)


def _read_npz(path: Path) -> tuple[dict[str, Column], dict]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, EOFError) as error:
        raise ValueError(f"{path.name} cannot be read as an npz archive: {_one_line(error)}") from None
    said = _stated_units(path.name, arrays)
    numbers = next((key for key in NUMBERS if key in arrays), None)
    positions = next((key for key in POSITIONS if key in arrays), None)
    if numbers is None or positions is None:
        wanted = "atomic numbers" if numbers is None else "positions"
        raise ValueError(f"{path.name} has no {wanted} under a known name; it has {', '.join(arrays)}")
    arrays["numbers"], arrays["positions"] = arrays.pop(numbers), arrays.pop(positions)
    return columns_of_arrays(path.name, arrays, missing_is_nan="provenance" in said), said


def _stated_units(name: str, arrays: dict[str, np.ndarray]) -> dict:
    """Take out of an archive what it says of itself: our metadata, or the unit fields of sGDML."""
    said = {}
    for quantity, keys in UNIT_KEYS.items():
        for key in keys:
            if key in arrays:
                value = arrays.pop(key).item()
                said[quantity] = value.decode() if isinstance(value, bytes) else str(value)
    if "metadata" in arrays:
        try:
            metadata = json.loads(str(arrays.pop("metadata")))
        except json.JSONDecodeError as error:
            raise ValueError(f"{name} has metadata that is no JSON: {_one_line(error)}") from None
        units = metadata.get("units", {})
        words = [w.strip() for w in units.split(",")] if isinstance(units, str) else list(units.values())
        for word in words:
            for quantity in UNIT_KEYS:
                try:
                    factor(quantity, word)
                except ValueError:
                    continue
                said.setdefault(quantity, word)
        if "provenance" in metadata:
            said["provenance"] = metadata["provenance"]
    return said


def columns_of_arrays(name: str, arrays: Mapping[str, np.ndarray], missing_is_nan: bool = False) -> dict[str, Column]:
    """Columns of arrays: of frames of one size (F, n, ...), padded with element 0, or one after the other with n_atoms.

    Raises:
        ValueError: shapes that do not fit together.
    """
    positions, numbers = arrays["positions"], arrays["numbers"]
    if "n_atoms" in arrays:
        n_atoms, keep = arrays["n_atoms"], slice(None)
        padded = None
    elif (
        positions.ndim == 3 and positions.shape[2] == 3 and numbers.shape in (positions.shape[:2], positions.shape[1:2])
    ):
        padded = positions.shape[:2]
        numbers = np.broadcast_to(numbers, padded)
        n_atoms, keep = (numbers > 0).sum(axis=1), numbers.ravel() > 0
    else:
        raise ValueError(
            f"{name}: positions {positions.shape} and numbers {numbers.shape} must be (F, n, 3) and (n,) or (F, n)"
        )
    n_frames, total = len(n_atoms), int(np.sum(n_atoms))
    everywhere = np.ones(n_frames, bool)
    wholes = {"numbers": numbers, "cell": np.zeros((3, 3)), "pbc": np.zeros(3, bool)}
    columns = {"n_atoms": Column(np.asarray(n_atoms), everywhere, False)}
    for key, values in (wholes | dict(arrays) | {"numbers": numbers}).items():
        if key in ("cell", "pbc") and values.ndim == wholes[key].ndim:
            values = np.broadcast_to(values, (n_frames, *values.shape))
        if key in columns or values.dtype.kind not in "biufU" or values.ndim == 0:
            continue
        if key in ("cell", "pbc"):
            of_atoms = False
        elif padded:  # an array (F, 3) of molecules of three atoms is taken for one vector per frame
            of_atoms = values.shape[:2] == padded and (values.ndim > 2 or padded[1] != 3 or key == "numbers")
        else:
            must = key in ("numbers", "positions", *ALIASES["forces"])
            of_atoms = len(values) == total and (total != n_frames or must)
        if of_atoms:
            columns[key] = Column(values.reshape(-1, *values.shape[2:])[keep] if padded else values, everywhere, True)
        elif len(values) == n_frames:
            columns[key] = Column(values, everywhere, False)
    if missing_is_nan:
        owner = np.repeat(np.arange(n_frames), n_atoms)
        for key in {"energy", "forces"} & set(columns):
            column, known = columns[key], np.ones(n_frames, bool)
            blank = ~np.isfinite(column.values).reshape(len(column.values), -1).all(axis=1)
            known[owner[blank] if column.of_atoms else blank] = False
            columns[key] = Column(column.values, known, column.of_atoms)
    return columns


def _only(name: str, stated: set[str]) -> str:
    if len(stated) > 1:
        raise ValueError(
            f"{name} mixes units: its frames state {' and '.join(sorted(stated))}; convert or split the file"
        )
    return stated.pop()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# --- writers ----------------------------------------------------------------------------------------------------------


def _write_npz(data: Dataset, path: Path) -> None:
    metadata = {
        "units": {"energy": "eV", "positions": "Å"},
        "provenance": {"name": data.name, **data.provenance},
    }
    arrays = {key: getattr(data, key) for key in ("n_atoms", "numbers", "positions", "cell", "pbc", "energy", "forces")}
    text = np.array(json.dumps(metadata, ensure_ascii=False, default=str))
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, metadata=text, **arrays, **data.labels)


def _write_database(data: Dataset, path: Path) -> None:
    from ase.db import connect

    with connect(path, type="db") as database:  # pyright: ignore[reportGeneralTypeIssues]
        for atoms in data.atoms():
            # all labels go into `data`: names such as "id" are reserved among ASE's key-value pairs
            arrays = {key: values for key, values in atoms.arrays.items() if key not in ("numbers", "positions")}
            database.write(atoms, data={"labels": atoms.info, "labels_of_atoms": arrays})
