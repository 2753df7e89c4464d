"""Public data: the public benchmarks of the field, from their official addresses, in eV and Å.

First where each file is and where that was read, then `download`, then one reader for each benchmark.
"""

from __future__ import annotations

import inspect
import io
import json
import lzma
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from mininnip.data.dataset import Dataset
from mininnip.data.download import fetch
from mininnip.data.files import from_atoms, xyz_frames
from mininnip.data.labels import assemble, factor

# --- addresses: what a file is called in the cache, where it is, and its published checksum ---------------------------

# rMD17: figshare article 12672038 keeps one file per molecule and split, with its MD5. The numbers and sums below agree
# among the public repositories that use them, and sizes agree with the members of the article's archive of 1 GB, which
# SchNetPack (src/schnetpack/datasets/rmd17.py) and load-atoms (database/importers/rmd17.py) fetch.
FIGSHARE = "https://ndownloader.figshare.com/files/"
RMD17 = {
    "aspirin": (62265757, "17fd6fb69066888613f7e16b358a7553"),
    "azobenzene": (62265754, "be79df918468eb3579aa73a0becf7390"),
    "benzene": (62265739, "18c9242bc90fbf28215f6dd81e650f16"),
    "ethanol": (62265733, "eb837fb8deb27d4e0d52f71a03aff776"),
    "malonaldehyde": (62265736, "cdc1d70c0c34062ddde6e5071eb6fe21"),
    "naphthalene": (62265751, "0efba19c9907e3852318b1e6008b3b9e"),
    "paracetamol": (62265760, "ba10784f7b67635427085f6d7ec2dd97"),
    "salicylic": (62265748, "900fedf242da438400fa4293348d7dd1"),
    "toluene": (62265742, "0f2913d51f8149c90ab28d697a076f64"),
    "uracil": (62265745, "992a4479c28a07e0cce6da964805be31"),
}
RMD17_SPLITS = {
    "train_01": (62265793, "22264dcf2e42d6133362411abbbe4ce8"),
    "train_02": (62265772, "28dbc9a3d5e7c47e653b1cc01809df35"),
    "train_03": (62265775, "8de68b1b288c790e633c9d05ff5f04dd"),
    "train_04": (62265766, "3764257abf8121a0905f364468ba83da"),
    "train_05": (62265778, "4670362bd554c9c22581c936432236b3"),
    "test_01": (62265781, "124c8a0849e84e244d6ce8424e1c05cf"),
    "test_02": (62265769, "9dc098724c1680daca038b785ee4f602"),
    "test_03": (62265787, "fd96f4623291dc23dd80b24dd634ca0b"),
    "test_04": (62265790, "f0acce759fa4fe46b3a0b2a450e7e260"),
    "test_05": (62265784, "4892da12e88a3c30c9a15f1f95e6eaac"),
}

# MD17: file names in PyTorch Geometric, torch_geometric/datasets/md17.py; folder there, in the authors' own sGDML
# (sgdml/get.py) and in NequIP (nequip/data/datamodule/sgdml_datamodule.py). The page has moved to sgdml.org, whose
# form of the address is in andersx/kernelforge, benchmark/qmlbench.py.
MD17_PLACES = ("https://sgdml.org/secure_proxy.php?file=data/npz/", "http://www.quantum-machine.org/gdml/data/npz/")
MD17 = {
    "aspirin": "md17_aspirin.npz",
    "azobenzene": "azobenzene_dft.npz",
    "benzene": "md17_benzene2017.npz",
    "ethanol": "md17_ethanol.npz",
    "malonaldehyde": "md17_malonaldehyde.npz",
    "naphthalene": "md17_naphthalene.npz",
    "paracetamol": "paracetamol_dft.npz",
    "salicylic": "md17_salicylic.npz",
    "toluene": "md17_toluene.npz",
    "uracil": "md17_uracil.npz",
}
MD17_CCSD = {
    "aspirin": "aspirin_ccsd.zip",
    "benzene": "benzene_ccsd_t.zip",
    "ethanol": "ethanol_ccsd_t.zip",
    "malonaldehyde": "malonaldehyde_ccsd_t.zip",
    "toluene": "toluene_ccsd_t.zip",
}

# 3BPA: NequIP, nequip/data/datamodule/_3bpa_datamodule.py; the same repository keeps dataset_acac.tar.gz beside it.
BOTNET = "https://github.com/davkovacs/BOTNet-datasets/raw/refs/heads/main/"
# mlearn: the authors' repository materialsvirtuallab/mlearn, folder data; addresses as in MaterSim/PyXtal_FF, examples.
MLEARN = "https://raw.githubusercontent.com/materialsvirtuallab/mlearn/master/data/"
MLEARN_ELEMENTS = ("Cu", "Ge", "Li", "Mo", "Ni", "Si")
# QM7: the archive of quantum-machine.org/datasets; kcal/mol and Bohr as in its users' scripts, e.g. EMLE's training.
QM7 = "http://quantum-machine.org/data/qm7.mat"
# ISO17: SchNetPack, src/schnetpack/datasets/iso17.py; parts as in aimat-lab/gcnn_keras, kgcnn/data/datasets.
ISO17 = "http://www.quantum-machine.org/datasets/iso17.tar.gz"
ISO17_PARTS = ("reference", "reference_eq", "test_within", "test_other", "test_eq")
# ANI-Al: the authors' repository atomistic-ml/ani-al; the address as in tummfm/chemtrain, units as in lanl/hippynn.
ANI_AL = "https://github.com/atomistic-ml/ani-al/raw/refs/heads/master/data/Al-data.tgz"
# OC20: addresses and MD5 in FAIR-Chem/fairchem, docs/core/datasets/oc20.md.
OC20 = "https://dl.fbaipublicfiles.com/opencatalystproject/data/"
OC20_PARTS = {
    "train_200K": "f8d0909c2623a393148435dede7d3a46",
    "val_id": "f57f7f5c1302637940f2cc858e789410",
    "val_ood_ads": "431ab0d7557a4639605ba8b67793f053",
    "val_ood_cat": "532d6cd1fe541a0ddb0aa0f99962b7db",
    "val_ood_both": "5731862978d80502bbf7017d68c2c729",
}

FILES: dict[str, tuple[tuple[str, ...], str | None]] = {
    **{f"rmd17_{key}.npz": ((f"{FIGSHARE}{number}",), f"md5:{md5}") for key, (number, md5) in RMD17.items()},
    **{f"rmd17_index_{key}.csv": ((f"{FIGSHARE}{n}",), f"md5:{md5}") for key, (n, md5) in RMD17_SPLITS.items()},
    **{file: (tuple(f"{p}{file}" for p in MD17_PLACES), None) for file in [*MD17.values(), *MD17_CCSD.values()]},
    **{file: ((f"{BOTNET}{file}",), None) for file in ("dataset_3BPA.tar.gz", "dataset_acac.tar.gz")},
    **{
        f"mlearn_{e}_{p}.json": ((f"{MLEARN}{e}/{p}.json",), None)
        for e in MLEARN_ELEMENTS
        for p in ("training", "test")
    },
    "qm7.mat": ((QM7,), None),
    "iso17.tar.gz": ((ISO17,), None),
    "Al-data.tgz": ((ANI_AL,), None),
    **{f"s2ef_{part}.tar": ((f"{OC20}s2ef_{part}.tar",), f"md5:{md5}") for part, md5 in OC20_PARTS.items()},
}


# --- the public function ----------------------------------------------------------------------------------------------


def download(name: str, **which: Any) -> Dataset:
    """Fetch a public benchmark, unless it is in the cache, and return it in eV and Å.

        download("rmd17", molecule="ethanol", fold=1)           100 000 frames; 1000 in each official part of the fold
        download("md17", molecule="ethanol")                    the original, noisy labels
        download("md17_ccsd", molecule="ethanol")               CCSD(T), of aspirin CCSD; official train and test
        download("3bpa", train="300K")                          or "mixedT"; tests at three temperatures, dihedrals
        download("acetylacetone", train="300K")                 or "600K"
        download("mlearn", element="Si")                        Cu, Ge, Li, Mo, Ni, Si
        download("qm7")                                         atomization energies, five official folds, no forces
        download("iso17", part="reference_eq", frames=None)     reference, test_within, test_other, test_eq; thinned
        download("ani_al")                                      aluminum in crystal and melt; needs h5py
        download("oc20", part="train_200K", frames=1000)        or val_id, val_ood_ads, val_ood_cat, val_ood_both

    Files are kept in the folder that the variable MININNIP_CACHE names, else in the user's cache. Where a checksum is
    published it is checked; where none is, the first download writes it beside the file and later ones must agree.

    Args:
        name: of the benchmark.
        which: what of it, as above.

    Raises:
        KeyError: unknown benchmark, molecule, element or part.
        TypeError: an argument this benchmark does not take, or one that is missing.
        ConnectionError: no connection, or the server does not have the file; says how to get it by hand.
        ValueError: a file is damaged, was changed, or has not the published layout.
    """
    if name not in _READERS:
        raise KeyError(f"no benchmark is called {name!r}; there are {', '.join(_READERS)}")
    reader = _READERS[name]
    takes = ", ".join(inspect.signature(reader).parameters) or "no further arguments"
    try:
        inspect.signature(reader).bind(**which)
    except TypeError as error:
        raise TypeError(f"download({name!r}) takes {takes}: {error}") from None
    return reader(**which)


# --- readers, one for each benchmark ----------------------------------------------------------------------------------


def _rmd17(molecule: str, fold: int = 1) -> Dataset:
    _require("rmd17", "molecule", molecule, RMD17)
    _require("rmd17", "fold", fold, range(1, 6))
    file, keys = f"rmd17_{molecule}.npz", ("nuclear_charges", "coords", "energies", "forces", "old_indices")
    arrays = _npz(file, _file(file), keys)
    split = np.full(len(arrays["energies"]), "rest", dtype="<U5")
    for part in ("train", "test"):
        table = f"rmd17_index_{part}_{fold:02d}.csv"
        members = _indices(table, _file(table), len(split))
        if (split[members] == "train").any():
            raise ValueError(f"{table} holds frames of the training part too; choose another fold")
        split[members] = part
    provenance = _provenance(
        f"revised MD17, {molecule}, fold {fold} of the official splits",
        "PBE/def2-SVP, tight convergence, dense grid",
        "Christensen & von Lilienfeld, Mach. Learn.: Sci. Technol. 1, 045018 (2020)",
        "CC0",
        ["Frames follow each other in time: the authors advise against training on more than 1000 of them."],
    )
    labels = {"split": split, "old_index": arrays["old_indices"]}
    numbers, positions, energy, forces = (arrays[key] for key in keys[:4])
    return _molecule(file, numbers, positions, energy, forces, labels, provenance)


def _md17(molecule: str) -> Dataset:
    _require("md17", "molecule", molecule, MD17)
    file = MD17[molecule]
    (numbers, positions, energy, forces), theory = _sgdml(file, _file(file))
    provenance = _provenance(
        f"MD17, {molecule}",
        f"DFT ({theory})",
        "Chmiela et al., Sci. Adv. 3, e1603015 (2017)",
        caveats=["Energies carry numerical noise; rmd17 has cleaner labels.", "Frames follow each other in time."],
    )
    return _molecule(file, numbers, positions, energy, forces, {}, provenance)


def _md17_ccsd(molecule: str) -> Dataset:
    _require("md17_ccsd", "molecule", molecule, MD17_CCSD)
    file, parts, theory = MD17_CCSD[molecule], [], ""
    members = [f"{Path(file).stem}-{part}.npz" for part in ("train", "test")]
    with _unpacked(file, members.__contains__) as paths:
        for member in members:
            arrays, theory = _sgdml(member, _member(file, paths, member))
            parts.append(arrays)
    positions, energy, forces = (np.concatenate(column) for column in list(zip(*parts, strict=True))[1:])
    provenance = _provenance(
        f"coupled-cluster MD17, {molecule}, official train and test parts",
        f"{'CCSD' if molecule == 'aspirin' else 'CCSD(T)'} ({theory})",
        "Chmiela et al., Nat. Commun. 9, 3887 (2018)",
    )
    split = np.repeat(["train", "test"], [len(part[1]) for part in parts])
    return _molecule(file, parts[0][0], positions, energy, forces, {"split": split}, provenance)


def _3bpa(train: str = "300K") -> Dataset:
    _require("3bpa", "train", train, ("300K", "mixedT"))
    provenance = _provenance(
        f"3BPA, a flexible drug-like molecule, training frames {train}",
        "ωB97X/6-31G(d)",
        "Kovács et al., J. Chem. Theory Comput. 17, 7696 (2021)",
        "MIT",
    )
    return _xyz_archive("dataset_3BPA.tar.gz", train, provenance)


def _acetylacetone(train: str = "300K") -> Dataset:
    _require("acetylacetone", "train", train, ("300K", "600K"))
    provenance = _provenance(
        f"acetylacetone, training frames {train}; proton transfer and torsion to test outside their range",
        "UHF PBE+D3/def2-SVP",
        "davkovacs/BOTNet-datasets (2022)",
        "MIT",
    )
    return _xyz_archive("dataset_acac.tar.gz", train, provenance)


def _xyz_archive(file: str, train: str, provenance: dict) -> Dataset:
    """One training file and all test files of an archive of extended XYZ files in eV and Å."""
    frames = []
    training = f"train_{train}.xyz"
    with _unpacked(file, lambda name: name == training or re.fullmatch(r"test_.+\.xyz", name) is not None) as paths:
        _member(file, paths, training)
        for name, path in sorted(paths.items(), key=lambda item: (item[0] != training, item[0])):
            for atoms in xyz_frames(path, f"{name} in {file}"):
                atoms.info |= {"split": name.partition("_")[0], "group": Path(name).stem}
                frames.append(atoms)
    return from_atoms(frames, file, provenance)


def _mlearn(element: str) -> Dataset:
    from ase import Atoms, units
    from ase.calculators.singlepoint import SinglePointCalculator

    _require("mlearn", "element", element, MLEARN_ELEMENTS)
    frames = []
    for part, split in (("training", "train"), ("test", "test")):
        file = f"mlearn_{element}_{part}.json"
        try:
            for record in json.loads(_file(file).read_text(encoding="utf-8")):
                structure, outputs = record["structure"], record["outputs"]
                atoms = Atoms(
                    [site["species"][0]["element"] for site in structure["sites"]],
                    [site["xyz"] for site in structure["sites"]],
                    cell=structure["lattice"]["matrix"],
                    pbc=True,
                    info={"split": split, "group": record["group"], "description": record["description"]},
                )
                xx, yy, zz, xy, yz, zx = outputs["virial_stress"]  # VASP: kbar, positive when compressed
                stress = -0.1 * units.GPa * np.array([xx, yy, zz, yz, zx, xy])
                energy, forces = outputs["energy"], np.array(outputs["forces"])
                atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
                frames.append(atoms)
        except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
            raise ValueError(f"{file} has not the published layout: {error!r}; delete it and download again") from None
    provenance = _provenance(
        f"mlearn, {element}: ground state, strained, vacancies, surfaces, molecular dynamics",
        "PBE (VASP)",
        "Zuo et al., J. Phys. Chem. A 124, 731 (2020)",
        "BSD-3-Clause",
    )
    return from_atoms(frames, f"mlearn_{element}", provenance)


def _qm7() -> Dataset:
    from scipy.io import loadmat

    path = _file("qm7.mat")
    try:
        table = loadmat(path)
        numbers, positions, energy, folds = (table[key] for key in "ZRTP")
    except Exception as error:  # SciPy raises errors of many kinds, KeyError where one array is not there
        raise ValueError(f"qm7.mat has not the published layout: {error!r}; delete it and download again") from None
    atoms = numbers > 0  # rows are padded with zeros
    structure = {"n_atoms": atoms.sum(axis=1), "numbers": numbers[atoms].round().astype(int)}
    structure["positions"] = positions[atoms] * factor("length", "Bohr")
    fold = np.empty(len(numbers), int)
    for k, members in enumerate(folds):
        fold[members.astype(int)] = k
    provenance = _provenance(
        "QM7: relaxed organic molecules of up to 7 heavy atoms, with atomization energies in five folds",
        "PBE0, energy minus that of free atoms",
        "Rupp et al., Phys. Rev. Lett. 108, 058301 (2012)",
    )
    energy = energy.ravel().astype(float) * factor("energy", "kcal/mol")
    return assemble("qm7", structure, energy, None, {"fold": fold}, provenance)


def _iso17(part: str = "reference_eq", frames: int | None = None) -> Dataset:
    from ase.db import connect

    _require("iso17", "part", part, ISO17_PARTS)
    database, validation = f"{part}.db", "validation_ids.txt"
    chosen, ids = [], []
    with _unpacked("iso17.tar.gz", {database, validation}.__contains__) as paths:
        path = _member("iso17.tar.gz", paths, database)
        try:
            with connect(path) as rows:  # pyright: ignore[reportGeneralTypeIssues]
                total = rows.count()
                ids = np.unique(np.linspace(1, total, min(frames or total, total)).astype(int)).tolist()
                for row in (rows.get(id=k) for k in ids):
                    atoms = row.toatoms()
                    atoms.info = {"total_energy": row["total_energy"]}
                    atoms.set_array("atomic_forces", np.asarray(row.data["atomic_forces"], float))
                    chosen.append(atoms)
        except Exception as error:  # sqlite, JSON and ASE raise errors of many kinds
            raise ValueError(f"{database} in iso17.tar.gz cannot be read: {error!r}") from None
        held_out = set()
        if part == "reference":
            held_out = set(_indices(validation, _member("iso17.tar.gz", paths, validation), total + 1).tolist())
    for k, atoms in zip(ids, chosen, strict=True):
        atoms.info["split"] = "test" if part.startswith("test") else "valid" if k in held_out else "train"
    provenance = _provenance(
        f"ISO17: isomers of C7O2H10, {part}, {len(ids)} of {total} frames, evenly spread",
        "PBE with Tkatchenko-Scheffler dispersion (FHI-aims)",
        "Schütt et al., Adv. Neural Inf. Process. Syst. 30 (2017)",
    )
    return from_atoms(chosen, f"iso17_{part}", provenance)


def _ani_al() -> Dataset:
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError("ani_al is kept in HDF5 files: install h5py first, pip install h5py") from None
    from ase import Atoms

    frames = []
    with _unpacked("Al-data.tgz", lambda name: name.endswith(".h5") and not name.startswith("._")) as paths:
        if not paths:
            raise ValueError("Al-data.tgz has not the published layout: it has no HDF5 file")
        for name, path in sorted(paths.items()):
            try:
                with h5py.File(path, "r") as file:
                    keys: list[str] = []
                    file.visit(keys.append)
                    groups: list[Any] = [file[key].parent for key in keys if key.endswith("/energy")]
                    for group in groups:
                        symbols = [symbol.decode() for symbol in group["species"][()]]
                        for k, energy in enumerate(group["energy"][()].ravel()):
                            atoms = Atoms(symbols, group["coordinates"][k], cell=group["cell"][k], pbc=True)
                            atoms.info = {"energy": energy, "energy_unit": "Hartree", "file": name}
                            atoms.set_array("forces", group["force"][k])
                            frames.append(atoms)
            except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise ValueError(f"{name} in Al-data.tgz has not the published layout: {error}") from None
    provenance = _provenance(
        "ANI-Al: aluminum in crystal and melt, gathered by active learning",
        "PBE (Quantum ESPRESSO)",
        "Smith et al., Nat. Commun. 12, 1257 (2021)",
    )
    return from_atoms(frames, "ani_al", provenance)


def _oc20(part: str = "train_200K", frames: int = 1000) -> Dataset:
    _require("oc20", "part", part, OC20_PARTS)
    file, chosen, shard = f"s2ef_{part}.tar", [], 0
    while len(chosen) < frames:
        names = [f"{shard}.extxyz.xz", f"{shard}.txt.xz"]
        with _unpacked(file, names.__contains__) as paths:
            if not paths:
                break
            try:
                texts = [lzma.decompress(_member(file, paths, name).read_bytes()).decode() for name in names]
            except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
                raise ValueError(f"{names[0]} in {file} cannot be unpacked: {error}") from None
        several = xyz_frames(io.StringIO(texts[0]), f"{names[0]} in {file}", f":{frames - len(chosen)}")
        for atoms, line in zip(several, texts[1].splitlines(), strict=False):
            fields = re.fullmatch(r"(random\d+),frame(\d+),([-+.\deE]+)", line)
            if fields is None:
                raise ValueError(f"{names[1]} in {file} has not the published layout: {line!r}")
            atoms.info |= {"split": "train" if part.startswith("train") else "valid", "system": fields[1]}
            atoms.info |= {"frame": int(fields[2]), "reference_energy": float(fields[3])}
            atoms.set_array("fixed", _is_fixed(atoms))
            atoms.set_constraint()
            chosen.append(atoms)
        shard += 1
    if not chosen:
        raise ValueError(f"{file} has not the published layout: it has no 0.extxyz.xz")
    provenance = _provenance(
        f"OC20, structures to energy and forces, the first {len(chosen)} frames of {part}",
        "RPBE (VASP)",
        "Chanussot et al., ACS Catal. 11, 6059 (2021)",
        "CC-BY-4.0",
        [
            "The adsorption energy is the energy minus the label reference_energy.",
            "Forces on fixed atoms are given too.",
        ],
    )
    return from_atoms(chosen, file, provenance)


_READERS: dict[str, Callable[..., Dataset]] = {
    "rmd17": _rmd17,
    "md17": _md17,
    "md17_ccsd": _md17_ccsd,
    "3bpa": _3bpa,
    "acetylacetone": _acetylacetone,
    "mlearn": _mlearn,
    "qm7": _qm7,
    "iso17": _iso17,
    "ani_al": _ani_al,
    "oc20": _oc20,
}


# --- parts the readers share ------------------------------------------------------------------------------------------


def _file(name: str) -> Path:
    return fetch(name, *FILES[name])


def _require(name: str, what: str, given: Any, choices: Iterable) -> None:
    if given not in choices:
        raise KeyError(f"{name} has no {what} {given!r}; there are {', '.join(map(str, choices))}")


def _provenance(description: str, level: str, source: str, license: str = "not stated", caveats: Sequence[str] = ()):
    units = {"positions": "Å", "cell": "Å", "energy": "eV", "forces": "eV/Å"}
    return {
        "description": description,
        "level_of_theory": level,
        "source": source,
        "license": license,
        "units": units,
        "caveats": list(caveats),
    }


def _npz(name: str, path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of an npz archive, with those of the given keys at least."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as archive:
            found = {key: archive[key] for key in archive.files if archive[key].dtype != object}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} cannot be read: {error}; delete it and download it again") from None
    missing = [key for key in keys if key not in found]
    if missing:
        raise ValueError(f"{name} has not the published layout: no {', '.join(missing)} among {', '.join(found)}")
    return found


def _sgdml(name: str, path: Path) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], str]:
    """Numbers, positions, energies and forces of an npz archive of sGDML, and the level of theory it states."""
    arrays = _npz(name, path, ("z", "R", "E", "F"))
    words = {key: arrays[key].item() for key in ("theory", "e_unit", "r_unit") if key in arrays}
    words = {key: word.decode() if isinstance(word, bytes) else str(word) for key, word in words.items()}
    for key, expected in (("e_unit", "kcal/mol"), ("r_unit", "Ang")):
        if words.get(key, expected) != expected:
            raise ValueError(f"{name} states {key} = {words[key]!r}, where MD17 is published in {expected}")
    return (arrays["z"], arrays["R"], arrays["E"], arrays["F"]), words.get("theory", "level not stated in the file")


def _molecule(name, numbers, positions, energy, forces, labels, provenance) -> Dataset:
    """Frames of one molecule, positions (F, n, 3) in Å, energies in kcal/mol."""
    in_ev, (n_frames, n_atoms) = factor("energy", "kcal/mol"), positions.shape[:2]
    structure = {
        "n_atoms": np.full(n_frames, n_atoms),
        "numbers": np.tile(numbers, n_frames),
        "positions": positions.reshape(-1, 3),
    }
    return assemble(name, structure, in_ev * energy.ravel(), in_ev * forces.reshape(-1, 3), labels, provenance)


def _indices(name: str, path: Path, size: int) -> np.ndarray:
    """Whole numbers below size, one in a line."""
    try:
        indices = np.array([int(float(word)) for word in path.read_text(encoding="utf-8").split()])
    except ValueError as error:
        raise ValueError(f"{name} is no list of whole numbers: {error}") from None
    if len(indices) and (indices.min() < 0 or indices.max() >= size):
        raise ValueError(f"{name} points at frame {indices.max()} of {size}")
    return indices


@contextmanager
def _unpacked(file: str, wanted: Callable[[str], bool]) -> Iterator[dict[str, Path]]:
    """Members of an archive of the table, those whose bare name is wanted, in a folder that exists meanwhile."""
    path = _file(file)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        try:
            for name, content in _members(path):
                if wanted(name):
                    paths[name] = Path(folder) / name
                    with paths[name].open("wb") as copy:
                        shutil.copyfileobj(content, copy)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise ValueError(f"{file} cannot be unpacked: {error}; delete it and download it again") from None
        yield paths


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Bare names and contents of the files in a zip or tar archive, one after the other."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as content:
                    yield PurePosixPath(member.filename).name, content
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:  # a folder has none
                    yield PurePosixPath(member.name).name, content


def _member(file: str, paths: Mapping[str, Path], name: str) -> Path:
    if name not in paths:
        raise ValueError(f"{file} has not the published layout: it has no {name}")
    return paths[name]


def _is_fixed(atoms) -> np.ndarray:
    """Which atoms a frame holds fixed."""
    fixed = np.zeros(len(atoms), bool)
    for constraint in atoms.constraints:
        fixed[constraint.get_indices()] = True
    return fixed
