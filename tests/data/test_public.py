"""Benchmarks: each reader on a small file in the exact public layout, served by this computer; no test goes online."""

import io
import json
import lzma
import re
import tarfile
import zipfile
from typing import Any, Literal

import numpy as np
import pytest
from ase import Atoms, units
from ase.db import connect
from local_server import serving
from scipy.io import savemat

from mininnip.data import public as module
from mininnip.data.dataset import Dataset
from mininnip.data.download import cache_folder
from mininnip.data.files import xyz_frames
from mininnip.data.public import FILES, download

KCAL, KBAR = units.kcal / units.mol, 0.1 * units.GPa
RNG = np.random.default_rng(0)
ETHANOL = np.array([6, 6, 8, 1, 1, 1, 1, 1, 1])


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Every file of the table comes from here, without a published checksum: ours are other files."""
    monkeypatch.setenv("MININNIP_CACHE", str(tmp_path / "cache"))
    with serving() as running:
        monkeypatch.setattr(module, "FILES", {name: ((running.address(name),), None) for name in FILES})
        yield running


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def tar(members: dict[str, bytes], mode: Literal["w", "w:gz"]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def replaced(server, name, content):
    """Serve another file in place of one that was fetched, as if nothing had been fetched."""
    server.contents[name] = content
    for path in cache_folder().glob(f"{name}*"):
        path.unlink()


# --- the table of addresses -------------------------------------------------------------------------------------------


def test_every_file_has_an_address_and_a_name_of_its_own():
    assert len({address for addresses, _ in FILES.values() for address in addresses}) == sum(
        len(addresses) for addresses, _ in FILES.values()
    )
    for name, (addresses, checksum) in FILES.items():
        assert re.fullmatch(r"[\w.-]+", name)
        assert all(re.fullmatch(r"https?://[\w.-]+/[\w./?=-]+", address) for address in addresses)
        assert checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}", checksum)


def test_published_checksums_are_used(tmp_path, monkeypatch):
    monkeypatch.setenv("MININNIP_CACHE", str(tmp_path))
    (tmp_path / "rmd17_ethanol.npz").write_bytes(npz(coords=np.zeros(3)))
    with pytest.raises(ValueError, match=r"rmd17_ethanol.npz in .* its checksum is not the published one"):
        download("rmd17", molecule="ethanol")


# --- one reader after the other ---------------------------------------------------------------------------------------


def rmd17(n_frames=40, **changes):
    arrays = {
        "nuclear_charges": ETHANOL.astype(np.uint8),
        "coords": RNG.normal(size=(n_frames, 9, 3)),
        "energies": -97000 + RNG.normal(size=n_frames),
        "forces": RNG.normal(size=(n_frames, 9, 3)),
        "old_indices": RNG.permutation(n_frames),
        "old_energies": np.zeros(n_frames),
        "old_forces": np.zeros((n_frames, 9, 3)),
    } | changes
    return {key: values for key, values in arrays.items() if values is not None}


@pytest.fixture
def ethanol(server):
    arrays = rmd17()
    server.contents["rmd17_ethanol.npz"] = npz(**arrays)
    server.contents["rmd17_index_train_02.csv"] = b"".join(b"%d\n" % k for k in range(3, 23))
    server.contents["rmd17_index_test_02.csv"] = b"".join(b"%d\n" % k for k in (30, 39))
    return arrays


def test_rmd17(server, ethanol):
    data = download("rmd17", molecule="ethanol", fold=2)
    assert isinstance(data, Dataset)
    assert np.allclose(data.energy, ethanol["energies"] * KCAL, rtol=1e-14)
    assert np.allclose(data.forces, ethanol["forces"].reshape(-1, 3) * KCAL)
    assert np.array_equal(data.positions, ethanol["coords"].reshape(-1, 3))
    assert data.numbers.tolist() == ETHANOL.tolist() * 40
    assert np.flatnonzero(data.labels["split"] == "train").tolist() == list(range(3, 23))
    assert np.flatnonzero(data.labels["split"] == "test").tolist() == [30, 39]
    assert np.array_equal(data.labels["old_index"], ethanol["old_indices"])
    assert not data.pbc.any()
    assert "rest 18, test 2, train 20" in repr(data)
    assert data.graph(2.0).n_structures == 40


def test_official_parts_are_kept_apart_and_validation_comes_from_training(server, ethanol):
    train, valid, test = download("rmd17", molecule="ethanol", fold=2).split(15, 5, 2)
    old = [set(part.labels["old_index"]) for part in (train, valid, test)]
    assert old[0] | old[1] == set(ethanol["old_indices"][3:23])
    assert old[2] == set(ethanol["old_indices"][[30, 39]])


def test_rmd17_damage(server, ethanol):
    changed: list[tuple[dict[str, Any], str]] = [
        ({"forces": None}, r"rmd17_ethanol.npz has not the published layout: no forces among nuclear_charges"),
        ({"forces": np.zeros((40, 8, 3))}, r"forces must have shape \(360, 3\), got \(320, 3\)"),
        ({"energies": np.full(40, np.nan)}, r"rmd17_ethanol.npz, frame 0: energy not finite, in 40 frames"),
    ]
    for changes, sentence in changed:
        replaced(server, "rmd17_ethanol.npz", npz(**rmd17(**changes)))
        with pytest.raises(ValueError, match=sentence):
            download("rmd17", molecule="ethanol", fold=2)
    replaced(server, "rmd17_ethanol.npz", npz(**rmd17()))
    replaced(server, "rmd17_index_test_02.csv", b"40\n")
    with pytest.raises(ValueError, match=r"rmd17_index_test_02.csv points at frame 40 of 40"):
        download("rmd17", molecule="ethanol", fold=2)
    replaced(server, "rmd17_index_test_02.csv", b"5\n39\n")
    with pytest.raises(ValueError, match=r"rmd17_index_test_02.csv holds frames of the training part too"):
        download("rmd17", molecule="ethanol", fold=2)
    replaced(server, "rmd17_index_test_02.csv", b"1, 2\n")
    with pytest.raises(ValueError, match=r"rmd17_index_test_02.csv is no list of whole numbers"):
        download("rmd17", molecule="ethanol", fold=2)


def sgdml(n_frames, **more):
    """As the archives of sgdml.org: energies in a column, texts as bytes."""
    arrays = {
        "type": np.array(b"d"),
        "name": np.array(b"ethanol"),
        "theory": np.array(b"pbe+vdw-ts"),
        "z": ETHANOL.astype(np.uint8),
        "R": RNG.normal(size=(n_frames, 9, 3)),
        "E": -97000 + RNG.normal(size=(n_frames, 1)),
        "F": RNG.normal(size=(n_frames, 9, 3)),
        "md5": np.array(b"0123"),
    }
    return arrays | more


def test_md17(server):
    arrays = sgdml(12)
    server.contents["md17_ethanol.npz"] = npz(**arrays)
    data = download("md17", molecule="ethanol")
    assert np.allclose(data.energy, arrays["E"][:, 0] * KCAL, rtol=1e-14)
    assert np.allclose(data.forces, arrays["F"].reshape(-1, 3) * KCAL)
    assert "DFT (pbe+vdw-ts)" in repr(data)
    assert data.labels == {}
    replaced(server, "md17_ethanol.npz", npz(**sgdml(12, e_unit="eV")))
    with pytest.raises(ValueError, match=r"md17_ethanol.npz states e_unit = 'eV', where MD17 is published in kcal/mol"):
        download("md17", molecule="ethanol")


def test_md17_ccsd(server):
    parts = {part: sgdml(n, theory=np.array(b"ccsd(t)")) for part, n in (("train", 5), ("test", 3))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, arrays in parts.items():
            archive.writestr(f"ethanol_ccsd_t-{part}.npz", npz(**arrays))
    server.contents["ethanol_ccsd_t.zip"] = buffer.getvalue()
    data = download("md17_ccsd", molecule="ethanol")
    assert np.allclose(data.part("train").energy, parts["train"]["E"][:, 0] * KCAL)
    assert np.allclose(data.part("test").forces, parts["test"]["F"].reshape(-1, 3) * KCAL)
    assert "CCSD(T)" in repr(data)
    assert len(data) == 8
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("ethanol-train.npz", b"renamed")
    replaced(server, "ethanol_ccsd_t.zip", buffer.getvalue())
    with pytest.raises(
        ValueError, match=r"ethanol_ccsd_t.zip has not the published layout: it has no ethanol_ccsd_t-train"
    ):
        download("md17_ccsd", molecule="ethanol")


def xyz(n_frames, forces=True, extra="") -> bytes:
    """Frames as in davkovacs/BOTNet-datasets."""
    text = ""
    for _ in range(n_frames):
        text += "2\n"
        text += 'Lattice="50.0 0.0 0.0 0.0 50.0 0.0 0.0 0.0 50.0" Properties=species:S:1:pos:R:3'
        text += f'{":forces:R:3" if forces else ""} {extra} energy={-1042.0 + RNG.normal()} pbc="F F F"\n'
        for symbol in "CH":
            values = RNG.normal(size=6 if forces else 3)
            text += f"{symbol}  " + " ".join(f"{v:.8f}" for v in values) + "\n"
    return text.encode()


def test_3bpa(server):
    members = {
        "dataset_3BPA/README.md": b"# 3BPA",
        "dataset_3BPA/._test_300K.xyz": b"\x00\x05\x16\x07",  # as archives made on macOS hold them
        "dataset_3BPA/iso_atoms.xyz": xyz(1),
        "dataset_3BPA/train_300K.xyz": xyz(6, extra='dihedrals="1 2 3"'),
        "dataset_3BPA/train_mixedT.xyz": xyz(5),
        "dataset_3BPA/test_300K.xyz": xyz(3),
        "dataset_3BPA/test_1200K.xyz": xyz(2),
        "dataset_3BPA/test_dih_beta120.xyz": xyz(4),
    }
    server.contents["dataset_3BPA.tar.gz"] = tar(members, "w:gz")
    data = download("3bpa")
    assert dict(zip(*np.unique(data.labels["split"], return_counts=True), strict=True)) == {"train": 6, "test": 9}
    assert set(data.labels["group"]) == {"train_300K", "test_300K", "test_1200K", "test_dih_beta120"}
    first = xyz_frames(io.StringIO(members["dataset_3BPA/train_300K.xyz"].decode()), "train")[0]
    assert data.energy[0] == first.get_potential_energy()
    assert len(download("3bpa", train="mixedT").part("train")) == 5
    assert not data.pbc.any()
    del members["dataset_3BPA/train_300K.xyz"]
    replaced(server, "dataset_3BPA.tar.gz", tar(members, "w:gz"))
    with pytest.raises(ValueError, match=r"dataset_3BPA.tar.gz has not the published layout: it has no train_300K.xyz"):
        download("3bpa")


def test_acetylacetone_has_scans_without_forces(server):
    members = {
        "dataset_acac/train_300K.xyz": xyz(4),
        "dataset_acac/test_MD_600K.xyz": xyz(3),
        "dataset_acac/test_dihedral.xyz": xyz(2, forces=False, extra="dihedral_angle=1.0 config_type=dihedral_scan"),
    }
    server.contents["dataset_acac.tar.gz"] = tar(members, "w:gz")
    with pytest.warns(UserWarning, match=r"2 of 9 frames have no forces"):
        data = download("acetylacetone", train="300K")
    assert np.isnan(data.where(group="test_dihedral").forces).all()
    assert np.isfinite(data.where(group="test_MD_600K").forces).all()
    whole = server.contents["dataset_acac.tar.gz"]
    replaced(server, "dataset_acac.tar.gz", whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"dataset_acac.tar.gz cannot be unpacked: .*; delete it"):
        download("acetylacetone")


def mlearn(atoms: Atoms, energy, forces, virial, group) -> dict:
    """A record of materialsvirtuallab/mlearn, a serialized pymatgen Structure inside."""
    sites = [
        {"species": [{"element": s, "occu": 1}], "abc": abc.tolist(), "xyz": xyz.tolist(), "label": s, "properties": {}}
        for s, abc, xyz in zip(atoms.symbols, atoms.get_scaled_positions(), atoms.positions, strict=True)
    ]
    lattice = {"matrix": np.asarray(atoms.cell).tolist(), "volume": atoms.get_volume()}
    structure = {"@module": "pymatgen.core.structure", "@class": "Structure", "lattice": lattice, "sites": sites}
    return {
        "outputs": {"energy": energy, "forces": forces.tolist(), "virial_stress": list(virial)},
        "num_atoms": len(atoms),
        "group": group,
        "element": "Si",
        "description": "made by a test",
        "structure": structure,
    }


def test_mlearn(server):
    cell = Atoms("Si2", [[0, 0, 0], [1.3, 1.4, 1.5]], cell=[[5.0, 0, 0], [0.3, 5.1, 0], [0, 0.2, 5.2]], pbc=True)
    forces = RNG.normal(size=(2, 3))
    other = cell.copy()
    other.positions[1] += 0.1
    record = mlearn(cell, -10.5, forces, [10.0, 20.0, 30.0, 1.0, 2.0, 3.0], "Elastic")
    server.contents["mlearn_Si_training.json"] = json.dumps([record]).encode()
    server.contents["mlearn_Si_test.json"] = json.dumps([mlearn(other, -10.4, forces, [0.0] * 6, "Vacancy")]).encode()
    data = download("mlearn", element="Si")
    assert data.energy.tolist() == [-10.5, -10.4]
    assert data.labels["split"].tolist() == ["train", "test"]
    assert data.labels["group"].tolist() == ["Elastic", "Vacancy"]
    assert np.allclose(data.forces[:2], forces)
    assert np.allclose(data.cell[0], cell.cell)
    assert data.pbc.all()
    expected = [[10.0, 1.0, 3.0], [1.0, 20.0, 2.0], [3.0, 2.0, 30.0]]  # VASP's order: xx yy zz xy yz zx
    assert np.allclose(data.labels["stress"][0], -KBAR * np.array(expected))
    del record["outputs"]["forces"]
    replaced(server, "mlearn_Si_training.json", json.dumps([record]).encode())
    with pytest.raises(ValueError, match=r"mlearn_Si_training.json has not the published layout: KeyError\('forces'\)"):
        download("mlearn", element="Si")
    replaced(server, "mlearn_Si_training.json", b'[{"structure": ')
    with pytest.raises(ValueError, match=r"mlearn_Si_training.json has not the published layout: JSONDecodeError"):
        download("mlearn", element="Si")


def test_sign_unit_and_order_of_the_mlearn_stress(repository):
    """In the public silicon file the stress is the derivative of the energy, in kbar with VASP's sign and order."""
    path = repository.parent / "shared" / "public-data" / "mlearn_si" / "training.xyz"
    if not path.exists():
        pytest.skip("no public data beside the project")
    elastic = [a for a in xyz_frames(path, path.name) if a.info["group"] == "Elastic"]
    checked = 0
    for mode, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1)]):
        frames = [a for a in elastic if f"mode {mode}," in a.info["description"]]
        sides = np.array([np.asarray(a.cell)[i, j] for a in frames])
        if len(frames) < 8:
            continue
        component = {(0, 0): 0, (1, 1): 1, (2, 2): 2, (1, 0): 3, (2, 1): 4, (2, 0): 5}[i, j]
        stress = [-KBAR * a.info["virial_stress"][component] for a in frames]
        if i != j:
            assert all(np.argmax(np.abs(a.info["virial_stress"][3:])) + 3 == component for a in frames)
            continue
        energy, strain = [a.get_potential_energy() for a in frames], np.log(sides)
        slope = np.polyval(np.polyder(np.polyfit(strain, energy, 6)), strain) / [a.get_volume() for a in frames]
        inner = (sides > sides.min()) & (sides < sides.max())
        assert np.allclose(slope[inner], np.array(stress)[inner], rtol=0.02)
        checked += 1
    assert checked == 3


def qm7():
    numbers, positions = np.zeros((10, 23), np.float32), np.zeros((10, 23, 3), np.float32)
    for k in range(10):
        numbers[k, :5] = [6, 1, 1, 1, 1]
        positions[k, :5] = RNG.normal(size=(5, 3)) * 2
    energies = -400 + RNG.normal(size=(1, 10)).astype(np.float32)
    folds = RNG.permutation(10).reshape(5, 2).astype(np.uint16)
    return {"X": np.zeros((10, 23, 23), np.float32), "Z": numbers, "R": positions, "T": energies, "P": folds}


def matlab(arrays) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return buffer.getvalue()


def test_qm7(server):
    arrays = qm7()
    server.contents["qm7.mat"] = matlab(arrays)
    with pytest.warns(UserWarning, match="qm7: no frame has forces"):
        data = download("qm7")
    assert set(data.n_atoms) == {5}
    assert data.numbers[:5].tolist() == [6, 1, 1, 1, 1]
    assert np.allclose(data.energy, arrays["T"][0].astype(float) * KCAL)
    assert np.allclose(data.positions.reshape(10, 5, 3), arrays["R"][:, :5] * units.Bohr, atol=1e-6)
    for k in range(5):
        assert set(np.flatnonzero(data.labels["fold"] == k)) == set(arrays["P"][k])
    replaced(server, "qm7.mat", matlab({"X": arrays["X"]}))
    with pytest.raises(ValueError, match=r"qm7.mat has not the published layout: KeyError\('Z'\)"):
        download("qm7")
    replaced(server, "qm7.mat", matlab(arrays)[:-200])
    with pytest.raises(ValueError, match=r"qm7.mat has not the published layout"):
        download("qm7")


def iso17(tmp_path, validation: bytes | None = b"2\n5\n") -> bytes:
    members = {"iso17/README.txt": b"ISO17"}
    for part, n in (("reference", 6), ("test_other", 3)):
        path = tmp_path / f"{part}.db"
        path.unlink(missing_ok=True)
        database = connect(path)
        for k in range(n):
            atoms = Atoms("CO2", RNG.normal(size=(3, 3)))
            data = {"atomic_forces": RNG.normal(size=(3, 3)).tolist()}
            database.write(atoms, total_energy=-11000.0 - k, data=data)
        members[f"iso17/{part}.db"] = path.read_bytes()
    if validation is not None:
        members["iso17/validation_ids.txt"] = validation
    return tar(members, "w:gz")


def test_iso17(server, tmp_path):
    server.contents["iso17.tar.gz"] = iso17(tmp_path)
    data = download("iso17", part="reference")
    assert data.energy.tolist() == [-11000.0 - k for k in range(6)]
    assert data.labels["split"].tolist() == ["train", "valid", "train", "train", "valid", "train"]
    assert np.isfinite(data.forces).all()
    some = download("iso17", part="test_other", frames=2)
    assert some.energy.tolist() == [-11000.0, -11002.0]
    assert set(some.labels["split"]) == {"test"}
    replaced(server, "iso17.tar.gz", iso17(tmp_path, validation=None))
    with pytest.raises(ValueError, match=r"iso17.tar.gz has not the published layout: it has no validation_ids.txt"):
        download("iso17", part="reference")
    with pytest.raises(ValueError, match=r"it has no test_eq.db"):
        download("iso17", part="test_eq")
    replaced(server, "iso17.tar.gz", tar({"iso17/test_other.db": b"no database"}, "w:gz"))
    with pytest.raises(ValueError, match=r"test_other.db in iso17.tar.gz cannot be read"):
        download("iso17", part="test_other")


def test_ani_al(server, tmp_path):
    h5py = pytest.importorskip("h5py")
    members, energies = {}, []
    for k, n_atoms in enumerate((4, 6)):
        with h5py.File(tmp_path / f"data-{k}.h5", "w") as file:
            for j in range(2):
                group = file.create_group(f"batch{j}/Al{n_atoms}")
                group["species"] = [b"Al"] * n_atoms
                group["coordinates"] = RNG.normal(size=(1, n_atoms, 3)) * 3
                group["cell"] = np.eye(3)[None] * (6 + k)
                energies.append(-2.7 * n_atoms + 0.01 * RNG.normal())
                group["energy"] = [energies[-1]]
                group["force"] = np.full((1, n_atoms, 3), 0.01)
                group["fermi"] = [0.3]
        members[f"Al-data/data-{k}.h5"] = (tmp_path / f"data-{k}.h5").read_bytes()
    server.contents["Al-data.tgz"] = tar(members, "w:gz")
    data = download("ani_al")
    assert data.n_atoms.tolist() == [4, 4, 6, 6]
    assert np.allclose(data.energy, np.array(energies) * units.Hartree)
    assert np.allclose(data.forces, 0.01 * units.Hartree)
    assert set(data.numbers) == {13}
    assert data.pbc.all() and data.cell[3, 0, 0] == 7
    assert data.labels["file"].tolist() == ["data-0.h5"] * 2 + ["data-1.h5"] * 2
    replaced(server, "Al-data.tgz", tar({"Al-data/data-0.h5": b"no HDF5"}, "w:gz"))
    with pytest.raises(ValueError, match=r"data-0.h5 in Al-data.tgz has not the published layout"):
        download("ani_al")
    replaced(server, "Al-data.tgz", tar({"Al-data/README": b""}, "w:gz"))
    with pytest.raises(ValueError, match=r"Al-data.tgz has not the published layout: it has no HDF5 file"):
        download("ani_al")


def test_ani_al_without_h5py(server, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"ani_al is kept in HDF5 files: install h5py first, pip install h5py"):
        download("ani_al")


def oc20(sizes=(3, 2), lines=None) -> bytes:
    members = {"s2ef_train_200K/README_s2ef_train_200K.md": b"# README"}
    for shard, n in enumerate(sizes):
        text, log = "", ""
        for k in range(n):
            header = 'Lattice="5.0 0.0 0.0 0.0 5.0 0.0 0.0 0.0 20.0" '
            header += "Properties=species:S:1:pos:R:3:move_mask:L:1:tags:I:1:forces:R:3 "
            header += f'energy={-300.0 - k} free_energy={-300.1 - k} pbc="T T T"'
            text += f"3\n{header}\n"
            for symbol, mask, tag in (("Pt", "F", 0), ("Pt", "T", 1), ("O", "T", 2)):
                text += f"{symbol} {' '.join(f'{v:.8f}' for v in RNG.uniform(0, 5, 3))} {mask} {tag} 0.5 0.25 -1.5\n"
            log += f"random{1000 * shard + k},frame{k},{-295.5 - k}\n"
        folder = "s2ef_train_200K/s2ef_train_200K"
        members[f"{folder}/{shard}.extxyz.xz"] = lzma.compress(text.encode())
        members[f"{folder}/{shard}.txt.xz"] = lzma.compress((log if lines is None else lines).encode())
    return tar(members, "w")


def test_oc20(server):
    server.contents["s2ef_train_200K.tar"] = oc20()
    data = download("oc20", frames=4)
    assert data.energy.tolist() == [-300.0, -301.0, -302.0, -300.0]
    assert data.labels["system"].tolist() == ["random0", "random1", "random2", "random1000"]
    assert data.labels["frame"].tolist() == [0, 1, 2, 0]
    assert (data.energy - data.labels["reference_energy"]).tolist() == [-4.5] * 4
    assert np.array_equal(data.forces, np.tile([0.5, 0.25, -1.5], (12, 1))), "also on fixed atoms"
    assert data.labels["fixed"].tolist() == [True, False, False] * 4
    assert data.labels["tags"].tolist() == [0, 1, 2] * 4
    assert data.pbc.all()
    assert len(download("oc20")) == 5, "fewer than asked for, because there are not more"
    replaced(server, "s2ef_train_200K.tar", oc20(lines="random0,frame0\n"))
    with pytest.raises(ValueError, match=r"0.txt.xz in s2ef_train_200K.tar"):
        download("oc20", frames=2)
    replaced(server, "s2ef_train_200K.tar", oc20(sizes=()))
    with pytest.raises(ValueError, match=r"s2ef_train_200K.tar has not the published layout: it has no 0.extxyz.xz"):
        download("oc20")


# --- what all of them share -------------------------------------------------------------------------------------------


def test_wrong_names_and_arguments_are_answered_with_the_right_ones(server):
    with pytest.raises(KeyError, match="no benchmark is called 'rmd'; there are rmd17, md17, md17_ccsd, 3bpa"):
        download("rmd")
    with pytest.raises(TypeError, match=r"download\('rmd17'\) takes molecule, fold: missing a required argument: 'mol"):
        download("rmd17")
    with pytest.raises(TypeError, match=r"download\('qm7'\) takes no further arguments: got an unexpected keyword"):
        download("qm7", molecule="ethanol")
    for name, which, sentence in (
        ("rmd17", {"molecule": "water"}, "rmd17 has no molecule 'water'; there are aspirin, azobenzene"),
        ("rmd17", {"molecule": "ethanol", "fold": 0}, "rmd17 has no fold 0; there are 1, 2, 3, 4, 5"),
        ("md17", {"molecule": "water"}, "md17 has no molecule 'water'"),
        ("md17_ccsd", {"molecule": "uracil"}, "md17_ccsd has no molecule 'uracil'; there are aspirin, benzene"),
        ("3bpa", {"train": "600K"}, "3bpa has no train '600K'; there are 300K, mixedT"),
        ("acetylacetone", {"train": "mixedT"}, "acetylacetone has no train 'mixedT'; there are 300K, 600K"),
        ("mlearn", {"element": "Fe"}, "mlearn has no element 'Fe'; there are Cu, Ge, Li, Mo, Ni, Si"),
        ("iso17", {"part": "train"}, "iso17 has no part 'train'; there are reference, reference_eq"),
        ("oc20", {"part": "all"}, "oc20 has no part 'all'; there are train_200K, val_id"),
    ):
        with pytest.raises(KeyError, match=sentence):
            download(name, **which)
    assert server.log == []


def test_offline_the_message_names_the_file_to_fetch_by_hand(server, monkeypatch):
    address = "http://127.0.0.1:9/rmd17"
    monkeypatch.setitem(module.FILES, "rmd17_ethanol.npz", ((address,), None))
    with pytest.raises(ConnectionError, match=rf"fetch {address} by hand and save it as .*rmd17_ethanol.npz"):
        download("rmd17", molecule="ethanol")


def test_a_benchmark_interrupted_goes_on_and_is_then_read_without_a_server(server, ethanol):
    server.break_after = [20_000, 0]
    with pytest.raises(ConnectionError, match="the next call goes on from there"):
        download("rmd17", molecule="ethanol", fold=2)
    first = download("rmd17", molecule="ethanol", fold=2)
    server.contents.clear()
    again = download("rmd17", molecule="ethanol", fold=2)
    assert np.array_equal(first.energy, again.energy)


def test_the_package_may_be_imported_without_the_libraries_of_the_readers():
    import subprocess
    import sys

    source = (
        "import sys, mininnip.data.public; print(*{'ase', 'scipy', 'h5py', 'pooch', 'requests'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
