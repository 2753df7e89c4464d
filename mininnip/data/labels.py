"""Labels: what files call energy, forces and stress, in which units, and whether all of it is there.

Columns as a file has them go in, a checked `Dataset` in eV and Å comes out. What is missing or doubled is reported
with a warning and in the caveats of the set; what is contradictory or not finite is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mininnip.data.dataset import Dataset
from mininnip.graph import shown

# Names under which files keep the labels, with the sign that makes them ours: a gradient is minus a force, and the
# virial of QUIP and MACE files is −V times the stress (positive in tension).
ALIASES: dict[str, dict[str, float]] = {
    "energy": {
        "energy energies Energy E total_energy TotEnergy potential_energy": 1.0,
        "dft_energy DFT_energy REF_energy ref_energy": 1.0,
    },
    "forces": {
        "forces force Forces F atomic_forces dft_forces DFT_forces dft_force REF_forces ref_forces": 1.0,
        "energy_grad energy_gradient gradient gradients": -1.0,
    },
    "stress": {
        "stress dft_stress DFT_stress REF_stress ref_stress": 1.0,
        "virial virials dft_virial DFT_virial REF_virial ref_virial": -1.0,
    },
}
ALIASES = {what: {key: sign for names, sign in n.items() for key in names.split()} for what, n in ALIASES.items()}

STRUCTURE = ("n_atoms", "numbers", "positions", "cell", "pbc")
SAME_PLACE = 6  # decimals in Å: frames that agree to this are duplicates
SPREAD = 0.05  # energies of one molecule that differ by less are in one unit (total energies vary far less)
RATIO = 0.02  # two groups of energies whose ratio is a conversion factor within this are in two units


@dataclass(frozen=True)
class Column:
    """One quantity of all frames: values (F, ...), or of their atoms (N, ...), and which frames have it."""

    values: np.ndarray
    known: np.ndarray
    of_atoms: bool


def factor(quantity: str, unit: str) -> float:
    """What one unit of a quantity, "energy" or "length", is in eV or Å (the constants of ASE).

    Raises:
        ValueError: unknown unit.
    """
    from ase import units

    known = {
        "energy": {
            ("ev",): 1.0,
            ("mev",): 1e-3,
            ("kcal/mol", "kcal mol^-1"): units.kcal / units.mol,
            ("kj/mol", "kj mol^-1"): units.kJ / units.mol,
            ("hartree", "ha", "eh"): units.Hartree,
            ("ry", "rydberg"): units.Ry,
        },
        "length": {("å", "a", "ang", "angstrom"): 1.0, ("bohr", "a0"): units.Bohr, ("nm",): 10.0},
    }[quantity]
    for names, value in known.items():
        if unit.lower() in names:
            return value
    raise ValueError(f"unknown unit of {quantity} {unit!r}; known are {', '.join(names[0] for names in known)}")


def labelled(
    name: str,
    columns: Mapping[str, Column],
    provenance: Mapping[str, Any],
    chosen: Mapping[str, str | None],
    units: Mapping[str, str],
) -> Dataset:
    """Find energy, forces and stress among the columns of a file, convert them, and make a set.

    Args:
        name: of the file, for messages.
        columns: n_atoms, numbers, positions, cell, pbc, and whatever else the file has.
        provenance: description, level of theory and so on.
        chosen: names of "energy" and "forces" in the file, where the caller says them.
        units: of "energy" and "length" in the file.

    Raises:
        ValueError: neither energies nor forces, several to choose from, a virial without volume; or as `assemble`.
    """
    in_ev, in_angstrom = factor("energy", units["energy"]), factor("length", units["length"])
    structure = {key: columns[key].values for key in STRUCTURE}
    structure |= {key: in_angstrom * structure[key] for key in ("positions", "cell")}
    found = {what: _pick(name, columns, what, chosen.get(what)) for what in ALIASES}
    others = {key for key in columns if key not in STRUCTURE}
    if not (found["energy"] or found["forces"]):
        raise ValueError(
            f"{name} has neither energies nor forces under a known name, only "
            f"{', '.join(sorted(others)) or 'structures'}; if one of these is the label, say so: "
            'read(path, energy="...", forces="...")'
        )
    of_labels = {key for what in ALIASES for key in _candidates(columns, what)} | set(chosen.values())
    labels = {key: columns[key].values for key in columns if key in others - of_labels and columns[key].known.all()}
    missing = np.ma.masked_all(len(structure["n_atoms"]))
    energy = in_ev * _masked(found["energy"], structure["n_atoms"]) if found["energy"] else missing
    forces = in_ev / in_angstrom * _masked(found["forces"], structure["n_atoms"]) if found["forces"] else None
    if found["stress"]:
        labels["stress"] = in_ev * _stress(name, found["stress"], structure["cell"], in_angstrom)
    return assemble(name, structure, energy, forces, labels, provenance)


def _candidates(columns: Mapping[str, Column], what: str) -> list[str]:
    """Names among the columns that a label can have; forces belong to atoms, energy and stress to frames."""
    return [key for key in ALIASES[what] if key in columns and columns[key].of_atoms == (what == "forces")]


def _pick(name: str, columns: Mapping[str, Column], what: str, chosen: str | None) -> tuple[str, Column] | None:
    """The column of a label with its name, in the sign of the file; None if there is none."""
    if chosen is not None:
        mine = [key for key in columns if columns[key].of_atoms == (what == "forces") and key not in STRUCTURE]
        if chosen not in mine:
            raise ValueError(f"{name} has no {what} called {chosen!r}; it has {', '.join(sorted(mine)) or 'nothing'}")
        return chosen, columns[chosen]
    keys = _candidates(columns, what)
    for key in keys[1:]:
        first, other, sign = columns[keys[0]], columns[key], ALIASES[what][keys[0]] * ALIASES[what][key]
        known = np.array_equal(first.known, other.known)
        if not (known and np.allclose(first.values, sign * other.values, 1e-9, 1e-9, equal_nan=True)):
            raise ValueError(
                f"{name} has {what} under several names with different values, {' and '.join(keys)}: "
                + (
                    "leave one of them in the file"
                    if what == "stress"
                    else f'say which, read(path, {what}="{keys[0]}")'
                )
            )
    return (keys[0], columns[keys[0]]) if keys else None


def _masked(found: tuple[str, Column], n_atoms: np.ndarray) -> np.ma.MaskedArray:
    """Values of energy or forces in our sign, masked where a frame has none."""
    key, column = found
    known = np.repeat(column.known, n_atoms) if column.of_atoms else column.known
    if column.values.dtype.kind not in "biuf":
        raise ValueError(f"the label {key!r} is no number: {shown(column.values[0].item())}")
    sign = ALIASES["forces" if column.of_atoms else "energy"].get(key, 1.0)
    values = column.values[:, 0] if column.values.shape == (len(n_atoms), 1) else column.values
    return np.ma.array(sign * values, mask=np.broadcast_to(~known, values.T.shape).T)


def _stress(name: str, found: tuple[str, Column], cell: np.ndarray, in_angstrom: float) -> np.ndarray:
    """Stress (F, 3, 3) per Å³, NaN where a frame has none; a virial is −V times it."""
    key, column = found
    full = np.stack([_full(stress) for stress in column.values])
    if ALIASES["stress"][key] > 0:
        return full / in_angstrom**3
    volume = np.abs(np.linalg.det(cell))
    if (volume[column.known] == 0).any():
        raise ValueError(f"{name} has a {key} in a cell without volume; remove one or set the other")
    return -full / np.where(volume > 0, volume, 1.0)[:, None, None]


def _full(stress: np.ndarray) -> np.ndarray:
    """(3, 3) from nine numbers, or from six in Voigt order xx, yy, zz, yz, xz, xy."""
    if stress.size == 9:
        return stress.reshape(3, 3)
    xx, yy, zz, yz, xz, xy = stress.ravel()
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def assemble(
    name: str,
    structure: Mapping[str, np.ndarray],
    energy: np.ndarray,
    forces: np.ndarray | None,
    labels: Mapping[str, np.ndarray],
    provenance: Mapping[str, Any],
) -> Dataset:
    """Check arrays in eV and Å and make a set of them.

    Args:
        name: of the set or its file, for messages.
        structure: n_atoms (F,), numbers (N,), positions (N, 3); cell (F, 3, 3) and pbc (F, 3) where periodic.
        energy: (F,), masked where a frame has none.
        forces: (N, 3), masked where a frame has none; None if no frame has.
        labels: further arrays of frames or atoms.
        provenance: description, level of theory and so on.

    Raises:
        ValueError: shapes that do not fit, a position or label that is not finite, an unknown element, mixed units.
    """
    n_atoms, numbers = structure["n_atoms"].astype(np.int64), structure["numbers"].astype(np.int64)
    n_frames, frame = len(n_atoms), np.repeat(np.arange(len(n_atoms)), n_atoms)
    if forces is None:
        forces = np.ma.masked_all((len(frame), 3))
    expected = {
        "numbers": (len(frame),),
        "positions": (len(frame), 3),
        "forces": (len(frame), 3),
        "energy": (n_frames,),
    }
    given = {"numbers": numbers, "positions": structure["positions"], "forces": forces, "energy": energy}
    for what, shape in expected.items():
        if given[what].shape != shape:
            raise ValueError(f"{name}: {what} must have shape {shape}, got {given[what].shape}")
    wrong = np.flatnonzero((numbers < 1) | (numbers > 118))
    if len(wrong):
        raise ValueError(
            f"{name}, frame {frame[wrong[0]]}: an atom has atomic number {numbers[wrong[0]]}; elements are 1 to 118"
        )
    for what, owner in (("positions", frame), ("forces", frame), ("energy", np.arange(n_frames))):
        _require_finite(name, what, np.ma.filled(given[what], 0.0), owner)
    has_energy = ~np.ma.getmaskarray(energy)
    has_forces = ~np.isin(np.arange(n_frames), frame[np.ma.getmaskarray(forces).any(axis=1)])
    energy, forces = np.array(np.ma.filled(energy, np.nan), float), np.array(np.ma.filled(forces, np.nan), float)
    positions = np.asarray(structure["positions"], float)
    cell = np.asarray(structure.get("cell", np.zeros((n_frames, 3, 3))), float)
    pbc = np.asarray(structure.get("pbc", np.zeros((n_frames, 3))), bool)
    kinds, places = _fingerprints(n_atoms, numbers, positions, cell)
    _refuse_mixed_units(name, kinds, energy)
    caveats = [*_missing(has_energy, "energies"), *_missing(has_forces, "forces"), *_duplicates(places, energy)]
    for caveat in caveats:
        warnings.warn(f"{name}: {caveat}", stacklevel=4)
    provenance = {**provenance, "caveats": list(dict.fromkeys([*provenance.get("caveats", []), *caveats]))}
    return Dataset(name, n_atoms, numbers, positions, cell, pbc, energy, forces, dict(labels), provenance)


def _require_finite(name: str, what: str, values: np.ndarray, frame: np.ndarray) -> None:
    wrong = frame[~np.isfinite(values).reshape(len(values), -1).all(axis=1)]
    if len(wrong):
        raise ValueError(
            f"{name}, frame {wrong[0]}: {what} not finite, in {len(set(wrong))} frames in all; repair or drop them"
        )


def _missing(has: np.ndarray, what: str) -> list[str]:
    without = np.flatnonzero(~has)
    if len(without) == 0:
        return []
    if len(without) == len(has):
        return [f"no frame has {what}; they are NaN"]
    return [f"{len(without)} of {len(has)} frames have no {what} (frame {without[0]} is the first); they are NaN there"]


def _fingerprints(n_atoms, numbers, positions, cell) -> tuple[list[bytes], list[bytes]]:
    """Of every frame: its elements in order, and its whole structure."""
    rounded = np.round(positions, SAME_PLACE) + 0.0  # -0.0 becomes 0.0
    ends = np.cumsum(n_atoms)
    kinds, places = [], []
    for n, end, lattice in zip(n_atoms, ends, np.round(cell, SAME_PLACE) + 0.0, strict=True):
        kinds.append(numbers[end - n : end].tobytes())
        places.append(kinds[-1] + rounded[end - n : end].tobytes() + lattice.tobytes())
    return kinds, places


def _duplicates(places: Sequence[bytes], energy: np.ndarray) -> list[str]:
    first: dict[bytes, int] = {}
    doubles = [(seen, k) for k, place in enumerate(places) if (seen := first.setdefault(place, k)) != k]
    if not doubles:
        return []
    apart = np.nanmax([0.0, *(abs(energy[i] - energy[k]) for i, k in doubles)])
    i, k = doubles[0]
    return [
        f"{len(doubles)} frames repeat an earlier structure (frame {k} is frame {i}); "
        f"energies of the same structure differ by up to {apart:.3g} eV"
    ]


def _refuse_mixed_units(name: str, kinds: Sequence[bytes], energy: np.ndarray) -> None:
    """Energies of one molecule in two groups whose ratio is a conversion factor are in two units."""
    groups: dict[bytes, list[int]] = {}
    for k in np.flatnonzero(np.isfinite(energy)):
        groups.setdefault(kinds[k], []).append(k)
    names = ("eV", "kcal/mol", "kJ/mol", "Hartree", "Ry")
    factors = {(a, b): factor("energy", a) / factor("energy", b) for a in names for b in names}
    for members in groups.values():
        size = np.abs(energy[members])
        if size.min() == 0 or size.max() / size.min() < 1 + 2 * SPREAD:
            continue
        large = size > np.sqrt(size.min() * size.max())
        spreads = [np.ptp(size[group]) / size[group].min() for group in (large, ~large)]
        ratio = np.median(size[large]) / np.median(size[~large])
        for (a, b), value in factors.items():
            if value > 1 and max(spreads) < SPREAD and abs(ratio / value - 1) < RATIO:
                i, k = np.flatnonzero(~large)[0], np.flatnonzero(large)[0]
                raise ValueError(
                    f"{name} mixes units: energies of the same atoms in frames {members[i]} and {members[k]}, "
                    f"{size[i]:.6g} and {size[k]:.6g} in size, differ by about {value:.5g}, "
                    f"the factor between {a} and {b}"
                )
