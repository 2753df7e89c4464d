"""Shipped data: every file agrees with its catalog, splits share no trajectory, damage is named."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from mininnip.data.curves import EnergyCurves, NamedArrays
from mininnip.data.dataset import Dataset
from mininnip.data.sets import data_folder, load_data

CATALOG = json.loads((data_folder() / "index.json").read_text(encoding="utf-8"))
PROVENANCE = ("description", "files", "units", "level_of_theory", "engine", "sampling", "license", "status", "caveats")
LARGEST = 30e6  # bytes in all
every_set = pytest.mark.parametrize("name", CATALOG)
FRAME_SETS = [
    name for name, entry in CATALOG.items() if all(f.get("kind") == "frames" for f in entry["files"].values())
]
every_frame_set = pytest.mark.parametrize("name", FRAME_SETS)


@every_set
def test_catalog_says_where_a_set_comes_from(name):
    entry = CATALOG[name]
    assert all(entry.get(key) for key in PROVENANCE)
    assert entry["license"] == "CC-BY-4.0"
    for file, facts in entry["files"].items():
        content = (data_folder() / file).read_bytes()
        assert len(content) == facts["bytes"]
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]


def test_everything_together_is_small_and_in_the_catalog():
    files = {file for entry in CATALOG.values() for file in entry["files"]}
    present = {p.name for p in data_folder().iterdir() if p.suffix in (".npz", ".extxyz")}
    assert present == files
    assert sum((data_folder() / file).stat().st_size for file in files) < LARGEST


def load_frames(name):
    data = load_data(name)
    assert isinstance(data, Dataset)
    return data


@every_set
def test_load_and_print(name):
    data = load_data(name)
    assert isinstance(data, NamedArrays | Dataset)
    assert name in repr(data)
    assert data.provenance["units"]
    assert 2 <= len(repr(data).splitlines()) <= 8


@every_frame_set
def test_frames_are_complete(name):
    data = load_frames(name)
    assert data.energy.dtype == np.float64
    assert data.positions.shape == data.forces.shape == (data.n_atoms.sum(), 3)
    assert data.cell.shape == (len(data), 3, 3)
    assert np.isfinite(data.energy).all()
    assert np.isfinite(data.forces).all()
    assert np.isfinite(data.positions).all()
    assert data.numbers.min() >= 1


@every_frame_set
def test_splits_share_no_trajectory(name):
    labels = load_frames(name).labels
    if "trajectory" not in labels:
        pytest.skip("frames of this set belong to no trajectory")
    for trajectory in set(labels["trajectory"]) - {-1}:
        assert len(set(labels["split"][labels["trajectory"] == trajectory])) == 1, f"trajectory {trajectory}"


@every_frame_set
def test_no_frame_stands_in_two_splits(name):
    data = load_frames(name)
    seen = {}
    ends = np.cumsum(data.n_atoms)
    for k, (n, end) in enumerate(zip(data.n_atoms, ends, strict=True)):
        key = data.positions[end - n : end].tobytes()
        assert seen.setdefault(key, data.labels["split"][k]) == data.labels["split"][k]


@pytest.fixture
def ammonia():
    return load_frames("ammonia_cc_pvdz")


def test_selection(ammonia):
    picked = ammonia[[7, 3]]
    assert picked.energy.tolist() == ammonia.energy[[7, 3]].tolist()
    assert np.array_equal(picked.positions[:4], ammonia.positions[28:32])
    assert np.array_equal(picked.labels["forces_gfn2"][4:], ammonia.labels["forces_gfn2"][12:16])
    assert len(ammonia[5]) == 1
    assert len(ammonia[10:30:2]) == 10
    hot = ammonia.where(group="md", temperature=1000)
    assert set(hot.labels["temperature"]) == {1000}
    assert 0 < len(hot) < len(ammonia.where(group="md"))


def test_two_parts_are_joined_frame_by_frame(ammonia):
    one, two = ammonia[:3], ammonia[10:12]
    both = one + replace(two, labels={key: two.labels[key] for key in ("id", "forces_gfn2")})
    assert len(both) == 5
    assert list(both.labels["id"]) == [*one.labels["id"], *two.labels["id"]]
    assert set(both.labels) == {"id", "forces_gfn2"}
    assert (both[3].positions == two[0].positions).all() and (both[3].forces == two[0].forces).all()
    assert both.labels["forces_gfn2"].shape == (20, 3)


def test_random_split_respects_the_official_one(ammonia):
    parts = ammonia.split(50, 10, 20, seed=3)
    assert [len(part) for part in parts] == [50, 10, 20]
    for part, split in zip(parts, ("train", "valid", "test"), strict=True):
        assert set(part.labels["split"]) == {split}
    again, other = ammonia.split(50, 10, 20, seed=3)[0], ammonia.split(50, 10, 20, seed=4)[0]
    assert again.energy.tolist() == parts[0].energy.tolist() != other.energy.tolist()


def test_random_split_without_an_official_one(ammonia):
    labels = {key: values for key, values in ammonia.labels.items() if key == "id"}
    bare = Dataset(**{**vars(ammonia), "labels": labels})
    parts = bare.split(300, 50, 51, seed=0)
    ids = np.concatenate([part.labels["id"] for part in parts])
    assert len(set(ids)) == len(bare) == 401


def test_a_split_takes_numbers_of_frames(ammonia):
    with pytest.raises(ValueError, match=r"got 0\.8, 0\.1, 0\.1; of these \d+ frames they are \d+, \d+, \d+"):
        ammonia.split(0.8, 0.1, 0.1)
    for counts in ((10.5, 2, 3), (-1, 2, 3), ("all", 2, 3), (True, 2, 3), (None, 1, 1)):
        with pytest.raises(ValueError, match="split takes numbers of frames, got"):
            ammonia.split(*counts)
    assert [len(part) for part in ammonia.split(np.int64(3), 2, 1)] == [3, 2, 1]


def test_a_set_without_frames_prints_itself_and_says_so_when_asked(ammonia):
    empty = ammonia[:0]
    assert (repr(empty), len(empty), empty.atoms()) == (f"{ammonia.name}: no frames", 0, [])
    with pytest.raises(ValueError, match="has no frames to make a graph of"):
        empty.graph(3.0)
    assert len(empty + ammonia[:2]) == 2


@pytest.mark.parametrize("which", [10**6, "energy", [0, 10**6], None, 1.5, [[0], [1, 2]], {"a": 1}, np.ones(3, bool)])
def test_frames_that_are_not_there_are_named(ammonia, which):
    with pytest.raises(
        IndexError, match=r"has \d+ frames, picked by a number, a slice, a list of numbers or a mask; got"
    ):
        ammonia[which]


def test_a_label_is_compared_with_one_value(ammonia):
    for labels in (dict(split=["train", "valid"]), dict(forces_gfn2=1.0)):
        with pytest.raises(KeyError, match="give one value"):
            ammonia.where(**labels)


def test_dipoles_are_one_label():
    water = load_data("water_clusters")
    assert isinstance(water, Dataset)
    with np.load(data_folder() / "water_monomer.npz") as file:
        assert np.array_equal(water.labels["dipole"][:210, 1], file["dipole_y"])
    assert water.labels["dipole"].shape == (len(water), 3)
    assert water.labels["charges"].shape == (len(water.numbers),)


def test_too_many_frames_asked_for(ammonia):
    with pytest.raises(ValueError, match=r"frames left for 'train', 9999 were asked for"):
        ammonia.split(9999, 1, 1)


def test_graph_and_atoms_hold_the_same_structures(ammonia):
    few = ammonia[:5]
    graph, frames = few.graph(4.0), few.atoms()
    assert (graph.n_structures, graph.n_atoms) == (5, 20)
    assert graph.positions.dtype == torch.float64
    assert few.graph(4.0, torch.float32).positions.dtype == torch.float32
    for k, atoms in enumerate(frames):
        assert str(atoms.symbols) == "NH3"
        assert np.allclose(atoms.positions, graph.positions[4 * k : 4 * k + 4])
        assert atoms.get_potential_energy() == few.energy[k]
        assert np.allclose(atoms.get_forces(), few.forces[4 * k : 4 * k + 4])
        assert atoms.info["group"] == few.labels["group"][k]


def test_curves():
    dimers = load_data("dimers")
    assert isinstance(dimers, EnergyCurves)
    assert dimers.molecules == ["H2", "N2", "Ar2"]
    r, energy = dimers.curve("N2", "ccsd_t")
    assert len(r) == len(energy) < len(dimers.arrays["N2_distance"])  # points that did not converge are left out
    assert energy.isfinite().all()
    r, energy = dimers.curve("H2", "fci")
    assert 0.70 < r[energy.argmin()] < 0.80


def test_sets_of_several_files_keep_what_only_some_have():
    water = load_frames("water_clusters")
    assert set(water.n_atoms) == {3, 6, 9, 12}
    dimers = water.n_atoms == 6
    assert np.isfinite(water.labels["oxygen_distance"][dimers]).all()
    assert np.isnan(water.labels["oxygen_distance"][~dimers]).all()
    assert water.labels["charges"].shape == (len(water.numbers),)
    trimer = water[np.flatnonzero(water.n_atoms == 9)[0]]
    assert trimer.labels["charges"].shape == (9,)
    assert trimer.labels["charges"].sum() == pytest.approx(0, abs=1e-5)


def test_wrong_names_are_answered_with_the_right_ones(ammonia):
    with pytest.raises(KeyError, match="no data set is called 'dimer'; there are dimers"):
        load_data("dimer")
    dimers = load_data("dimers")
    assert isinstance(dimers, EnergyCurves)
    with pytest.raises(KeyError, match="no molecule 'O2'; it has H2, N2, Ar2"):
        dimers.curve("O2", "fci")
    with pytest.raises(KeyError, match="no curve 'dft'; there are fci"):
        dimers.curve("H2", "dft")
    with pytest.raises(KeyError, match="no label 'color'"):
        ammonia.where(color="red")
    with pytest.raises(KeyError, match="group = 'umbrella' here; values are inversion"):
        ammonia.where(group="umbrella")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    for file in ("index.json", "dimers.npz"):
        shutil.copy(data_folder() / file, tmp_path / file)
    monkeypatch.setenv("MININNIP_DATA", str(tmp_path))
    return tmp_path


def test_tampered_file_is_refused(copied):
    content = bytearray((copied / "dimers.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (copied / "dimers.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"dimers.npz is damaged or was edited"):
        load_data("dimers")


def test_truncated_file_is_refused(copied):
    content = (copied / "dimers.npz").read_bytes()
    (copied / "dimers.npz").write_bytes(content[:500])
    with pytest.raises(ValueError, match=r"dimers.npz is damaged or was edited"):
        load_data("dimers")


def test_file_that_is_no_archive_is_named(copied):
    (copied / "dimers.npz").write_bytes(b"no archive")
    catalog = json.loads((copied / "index.json").read_text(encoding="utf-8"))
    catalog["dimers"]["files"]["dimers.npz"]["sha256"] = hashlib.sha256(b"no archive").hexdigest()
    (copied / "index.json").write_text(json.dumps(catalog), encoding="utf-8")
    with pytest.raises(ValueError, match=r"dimers.npz cannot be read as an npz archive"):
        load_data("dimers")


@pytest.mark.parametrize("text", ["", "{", '{"dimers": {', "[]", "7", '{"dimers": 3}', '{"dimers": {"files": {}}}'])
def test_damaged_catalog_is_named(copied, text):
    (copied / "index.json").write_text(text)
    with pytest.raises(ValueError, match=r"index.json in .* is damaged; get it again: git checkout data/index.json"):
        load_data("dimers")


@pytest.mark.parametrize("name", ["", "DIMERS", None, 3, ["dimers"]])
def test_what_is_no_name_is_answered_with_names(name):
    with pytest.raises(KeyError, match=r"no data set is called .*; there are dimers"):
        load_data(name)


def test_missing_file_and_missing_catalog(copied):
    (copied / "dimers.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"dimers.npz is missing from .*; get it again"):
        load_data("dimers")
    (copied / "index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no index.json in .*: set MININNIP_DATA"):
        load_data("dimers")
