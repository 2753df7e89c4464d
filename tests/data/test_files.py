"""Formats: what is written is read back, what is damaged is named, and real public files are read as they are."""

import json

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.db import connect
from ase.io import write as ase_write

from mininnip.data.files import from_atoms, read, write
from mininnip.data.sets import load_data

EVERY_SUFFIX = (".xyz", ".extxyz", ".npz", ".db")
every_suffix = pytest.mark.parametrize("suffix", EVERY_SUFFIX)
PROVENANCE = {"description": "Lennard-Jones argon", "level_of_theory": "Lennard-Jones"}


@pytest.fixture
def argon():
    """Crystals of two sizes with energy, forces, stress and labels of each kind."""
    rng, frames = np.random.default_rng(0), []
    for k, size in enumerate([(2, 1, 1), (2, 2, 1), (2, 1, 1)]):
        atoms = bulk("Ar", "fcc", a=5.3, cubic=True) * size
        atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
        atoms.calc = LennardJones(sigma=3.4, epsilon=0.01, rc=6.0)
        results = {key: atoms.calc.get_property(key, atoms) for key in ("energy", "forces", "stress")}
        atoms.calc = None
        atoms.info = {"group": f"run_{k}", "temperature": 10 * k, "id": f"frame-{k}", **results}
        atoms.set_array("tags", rng.integers(0, 3, len(atoms)))
        atoms.set_array("velocities_of_start", rng.normal(size=(len(atoms), 3)))
        frames.append(atoms)
    return from_atoms(frames, "argon", PROVENANCE)


def assert_same(a, b, atol):
    for key in ("n_atoms", "numbers", "pbc"):
        assert np.array_equal(getattr(a, key), getattr(b, key))
    for key in ("positions", "cell", "energy", "forces"):
        assert np.allclose(getattr(a, key), getattr(b, key), rtol=0, atol=atol, equal_nan=True), key
    assert set(a.labels) == set(b.labels)
    for key, values in a.labels.items():
        assert values.shape == b.labels[key].shape, key
        same = values == b.labels[key] if values.dtype.kind == "U" else np.isclose(values, b.labels[key], 0, atol)
        assert same.all(), key


@every_suffix
def test_written_and_read_again(argon, tmp_path, suffix):
    path = tmp_path / f"argon{suffix}"
    write(argon, path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert_same(argon, read(path), atol=0 if suffix == ".npz" else 1e-8)
    write(argon[:2], path)
    assert len(read(path)) == 2, "a file that was there is replaced, not lengthened"


@every_suffix
def test_labels_to_train_on_survive_every_way(tmp_path, suffix):
    """Charges, dipoles, stress and total charges: through a file, a split, a sum of sets and a graph."""
    rng, frames = np.random.default_rng(0), []
    for n_atoms in (3, 4, 3, 5):
        atoms = Atoms("C" * n_atoms, rng.uniform(0, 6, (n_atoms, 3)), cell=[9.0] * 3, pbc=True)
        stress = rng.normal(size=(3, 3))
        atoms.info = {"energy": rng.normal(), "dipole": rng.normal(size=3), "stress": stress + stress.T}
        atoms.info["total_charge"] = float(n_atoms - 4)
        atoms.set_array("forces", rng.normal(size=(n_atoms, 3)))
        atoms.set_array("charges", rng.normal(size=n_atoms))
        frames.append(atoms)
    made, path = from_atoms(frames, "ions", PROVENANCE), tmp_path / f"ions{suffix}"
    write(made, path)
    data = read(path)
    shapes = {"charges": (15,), "dipole": (4, 3), "stress": (4, 3, 3), "total_charge": (4,)}
    assert {key: data.labels[key].shape for key in shapes} == shapes
    atol = 0 if suffix == ".npz" else 1e-8
    for key in shapes:
        assert np.allclose(made.labels[key], data.labels[key], rtol=0, atol=atol), key
    one, two, rest = data.split(1, 2, 1, seed=3)
    again = one + two + rest
    for key in shapes:
        assert np.allclose(np.sort(again.labels[key].ravel()), np.sort(data.labels[key].ravel()), rtol=0, atol=0), key
    picked = data[[3, 1]]
    charges = data.labels["charges"]
    assert (picked.labels["charges"] == np.concatenate([charges[10:], charges[3:7]])).all()
    assert picked.graph(3.0).total_charge.tolist() == [1.0, 0.0]
    assert picked.atoms()[0].arrays["charges"] == pytest.approx(charges[10:])


def test_numbers_of_fortran_are_numbers(tmp_path):
    path = tmp_path / "old.xyz"
    path.write_text(
        '2\nLattice="1.0D1 0 0 0 10 0 0 0 10" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.5D0 name=D4.0d\n'
        "Ar 0.0D0 0 0 1.0d-1 0 0\nAr 0 0 .38D+01 -0.1 0 0\n"
    )
    data = read(path)
    assert (data.energy.tolist(), data.cell[0, 0, 0], data.positions[1, 2]) == ([-1.5], 10.0, 3.8)
    assert data.forces[:, 0].tolist() == [0.1, -0.1]
    assert data.labels["name"].tolist() == ["D4.0d"], "a name is left as it is"


@every_suffix
def test_a_set_that_cannot_be_written_says_why(argon, tmp_path, suffix):
    (tmp_path / "file").touch()
    for folder in ("nowhere", "file"):
        with pytest.raises(OSError, match=r"cannot be written \(.*\); choose another place"):
            write(argon, tmp_path / folder / f"a{suffix}")
    with pytest.raises(ValueError, match="write takes a Dataset with frames, got argon, which has no frames"):
        write(argon[:0], tmp_path / f"a{suffix}")
    with pytest.raises(ValueError, match="write takes a Dataset with frames, got list"):
        write(argon.atoms(), tmp_path / f"a{suffix}")


def test_npz_keeps_the_provenance(argon, tmp_path):
    write(argon, tmp_path / "argon.npz")
    assert read(tmp_path / "argon.npz").provenance["description"] == "Lennard-Jones argon"


@every_suffix
def test_missing_labels_stay_missing(tmp_path, suffix):
    frames = [Atoms("He2", [[0, 0, 0], [0, 0, 3 + k]]) for k in range(3)]
    for k, atoms in enumerate(frames):
        atoms.info = {"energy": -1.0 - k} if k else {}
        atoms.set_array("forces", np.full((2, 3), k)) if k < 2 else None
    with pytest.warns(UserWarning, match="have no"):
        data = from_atoms(frames, "helium", PROVENANCE)
    write(data, tmp_path / f"helium{suffix}")
    with pytest.warns(UserWarning, match="1 of 3 frames have no"):
        again = read(tmp_path / f"helium{suffix}")
    assert_same(data, again, atol=1e-8)
    assert len(again.provenance["caveats"]) == 2
    assert np.isnan(again.energy[0]) and np.isnan(again.forces[4:]).all()


@every_suffix
def test_one_atom_in_every_frame(tmp_path, suffix):
    frames = [Atoms(symbol, [[0.1, 0.2, 0.3]], info={"energy": e}) for symbol, e in (("H", -13.6), ("C", -1029.0))]
    for atoms in frames:
        atoms.set_array("forces", np.zeros((1, 3)))
    data = from_atoms(frames, "atoms", PROVENANCE)
    write(data, tmp_path / f"atoms{suffix}")
    assert_same(data, read(tmp_path / f"atoms{suffix}"), atol=1e-8)


def test_shipped_sets_go_through_every_format(tmp_path):
    ammonia = load_data("ammonia_cc_pvdz")[:20]  # pyright: ignore[reportIndexIssue]
    for suffix in EVERY_SUFFIX:
        write(ammonia, tmp_path / f"ammonia{suffix}")
        assert_same(ammonia, read(tmp_path / f"ammonia{suffix}"), atol=1e-6)


def test_a_failed_write_leaves_the_old_file_and_no_half_one(argon, tmp_path, monkeypatch):
    write(argon, tmp_path / "argon.npz")
    before = (tmp_path / "argon.npz").read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write(argon[:1], tmp_path / "argon.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["argon.npz"]
    assert (tmp_path / "argon.npz").read_bytes() == before


def test_unknown_formats_and_missing_files(argon, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing.xyz"):
        read(tmp_path / "nothing.xyz")
    (tmp_path / "frames.cif").touch()
    with pytest.raises(
        ValueError, match=r"frames.cif has no known format: mininnip reads and writes .xyz, .extxyz, .npz"
    ):
        read(tmp_path / "frames.cif")
    with pytest.raises(ValueError, match=r"argon.json has no known format"):
        write(argon, tmp_path / "argon.json")


@pytest.mark.parametrize(
    ("suffix", "what"), [(".xyz", "extended XYZ"), (".npz", "an npz archive"), (".db", "an ASE database")]
)
def test_damaged_files_are_named(argon, tmp_path, suffix, what):
    path = tmp_path / f"argon{suffix}"
    write(argon, path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2 + 7], b"nonsense " * 9, b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"argon{suffix} (cannot be read as {what}|has no frames)") as error:
            read(path)
        assert "\n" not in str(error.value)


def test_a_plain_xyz_file_has_no_labels(tmp_path):
    ase_write(tmp_path / "plain.xyz", Atoms("He2", [[0, 0, 0], [0, 0, 3]]), format="xyz")
    with pytest.raises(
        ValueError, match=r"plain.xyz has neither energies nor forces under a known name, only structures"
    ):
        read(tmp_path / "plain.xyz")


def test_names_of_labels_can_be_chosen(tmp_path):
    text = (
        '1\nProperties=species:S:1:pos:R:3:forces:R:3:mp2_forces:R:3 energy=-1.0 mp2_energy=-2.0 pbc="F F F"\n'
        "He 0 0 0 1 1 1 2 2 2\n"
    )
    (tmp_path / "levels.xyz").write_text(text)
    assert read(tmp_path / "levels.xyz").energy.tolist() == [-1.0]
    mp2 = read(tmp_path / "levels.xyz", energy="mp2_energy", forces="mp2_forces")
    assert (mp2.energy.tolist(), mp2.forces.tolist()) == ([-2.0], [[2.0, 2.0, 2.0]])
    with pytest.raises(ValueError, match=r"has no energy called 'ccsd'; it has energy, mp2_energy"):
        read(tmp_path / "levels.xyz", energy="ccsd")


def test_units_of_a_file_can_be_given(tmp_path):
    (tmp_path / "he.xyz").write_text("1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-2.0\nHe 1 0 0 1 2 3\n")
    data = read(tmp_path / "he.xyz", energy_unit="Hartree", length_unit="Bohr")
    assert data.energy[0] == pytest.approx(-2 * units.Hartree)
    assert data.positions[0, 0] == pytest.approx(units.Bohr)
    assert data.forces[0].tolist() == pytest.approx((np.array([1, 2, 3]) * units.Hartree / units.Bohr).tolist())
    assert data.provenance["units_of_the_file"] == {"energy": "Hartree", "length": "Bohr"}


# --- npz archives of other programs -----------------------------------------------------------------------------------

RNG = np.random.default_rng(1)
Z, R, E, F = np.array([8, 1, 1]), RNG.normal(size=(4, 3, 3)), RNG.normal(size=4) - 10, RNG.normal(size=(4, 3, 3))
KCAL = units.kcal / units.mol


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "water.npz", **arrays)
    return tmp_path / "water.npz"


@pytest.mark.parametrize("energy", [E, E[:, None]])
def test_sgdml_archives_state_their_units(tmp_path, energy):
    data = read(
        saved(tmp_path, z=Z, R=R, E=energy, F=F, e_unit="kcal/mol", r_unit="Ang", name="water", type=np.array(b"d"))
    )
    assert np.allclose(data.energy, E * KCAL)
    assert np.allclose(data.forces, F.reshape(-1, 3) * KCAL)
    assert data.numbers.tolist() == Z.tolist() * 4


def test_an_archive_that_does_not_state_its_units_needs_them(tmp_path):
    path = saved(tmp_path, nuclear_charges=Z, coords=R, energies=E, forces=F, old_indices=np.arange(4))
    with pytest.raises(
        ValueError, match=r"water.npz does not say its units: give energy_unit and length_unit, e.g. read"
    ):
        read(path)
    with pytest.raises(ValueError, match=r"does not say its units: give length_unit, "):
        read(path, energy_unit="kcal/mol")
    data = read(path, energy_unit="kcal/mol", length_unit="Å")
    assert np.allclose(data.energy, E * KCAL)
    assert data.labels["old_indices"].tolist() == [0, 1, 2, 3]


def test_frames_padded_with_element_zero(tmp_path):
    numbers = np.array([[8, 1, 1], [8, 1, 0], [8, 0, 0], [8, 1, 1]])
    data = read(saved(tmp_path, numbers=numbers, positions=R, energy=E, forces=F, energy_unit="eV", length_unit="Å"))
    assert data.n_atoms.tolist() == [3, 2, 1, 3]
    assert np.array_equal(data.positions, R.reshape(-1, 3)[numbers.ravel() > 0])
    assert np.array_equal(data[1].forces, F[1, :2])


def test_archives_that_make_no_set(tmp_path):
    with pytest.raises(ValueError, match=r"water.npz has no positions under a known name; it has z, E"):
        read(saved(tmp_path, z=Z, E=E), energy_unit="eV", length_unit="Å")
    with pytest.raises(ValueError, match=r"positions \(4, 3, 3\) and numbers \(2,\) must be \(F, n, 3\) and \(n,\)"):
        read(saved(tmp_path, z=Z[:2], R=R, E=E), energy_unit="eV", length_unit="Å")
    with pytest.raises(ValueError, match=r"water.npz cannot be read as an npz archive: .*[Oo]bject arrays"):
        read(saved(tmp_path, z=Z, R=R, E=np.array([None, 1], object)))
    with pytest.raises(ValueError, match=r"water.npz has metadata that is no JSON"):
        read(saved(tmp_path, z=Z, R=R, E=E, metadata="{"))


def test_explicit_nan_in_an_archive_is_refused(tmp_path):
    energy = E.copy()
    energy[2] = np.nan
    with pytest.raises(ValueError, match=r"water.npz, frame 2: energy not finite"):
        read(saved(tmp_path, z=Z, R=R, E=energy, F=F), energy_unit="eV", length_unit="Å")


# --- databases of other programs --------------------------------------------------------------------------------------


def test_databases_keep_labels_as_results_pairs_or_data(tmp_path):
    database = connect(tmp_path / "rows.db")
    database.write(Atoms("He", [[0, 0, 1]]), total_energy=-2.0, data={"atomic_forces": np.array([[1.0, 2.0, 3.0]])})
    database.write(Atoms("He", [[0, 0, 2]]), total_energy=-3.0, data={"atomic_forces": [[0.0, 0.0, 1.0]]})
    data = read(tmp_path / "rows.db")
    assert data.energy.tolist() == [-2.0, -3.0]
    assert data.forces.tolist() == [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]]


def test_schnetpack_databases_state_their_units(tmp_path):
    database = connect(tmp_path / "schnet.db")
    stated = {"energy": "kcal/mol", "forces": "kcal/mol/Ang"}
    database.metadata = {"_property_unit_dict": stated, "_distance_unit": "Ang", "atomrefs": {}}  # pyright: ignore
    database.write(Atoms("He", [[0, 0, 1]]), data={"energy": np.array([-2.0]), "forces": np.ones((1, 3))})
    data = read(tmp_path / "schnet.db")
    assert data.energy.tolist() == pytest.approx([-2.0 * KCAL])
    assert data.forces[0, 0] == pytest.approx(KCAL)


# --- real public files, where they lie beside the project -------------------------------------------------------------


@pytest.fixture(scope="module")
def public(repository):
    folder = repository.parent / "shared" / "public-data"
    if not folder.is_dir():
        pytest.skip("no public data beside the project")
    return folder


def test_rmd17_ethanol(public):
    data = read(public / "rmd17_ethanol" / "train.xyz")
    assert (len(data), set(data.n_atoms)) == (1000, {9})
    assert data.energy.std() == pytest.approx(0.1869, abs=1e-4)
    assert np.abs(data.forces).mean() == pytest.approx(0.8705, abs=1e-4)
    assert not data.pbc.any()
    assert set(data.labels) == {"OH_dist", "config_type"}
    test = read(public / "rmd17_ethanol" / "test_MD.xyz")
    assert np.abs(test.energy - data.energy.mean()).mean() == pytest.approx(0.143, abs=1e-3)


def test_scans_without_forces(public):
    with pytest.warns(UserWarning, match=r"test_H_removal.xyz: no frame has forces"):
        scan = read(public / "rmd17_ethanol" / "test_H_removal.xyz")
    assert np.isnan(scan.forces).all()
    assert scan.where(config_type="H-removal").labels["OH_dist"][0] == 0.675


def test_mlearn_silicon(public):
    data = read(public / "mlearn_si" / "training.xyz")
    assert len(data) == 214
    assert data.pbc.all()
    groups, counts = np.unique(data.labels["group"], return_counts=True)
    assert dict(zip(groups, counts, strict=True)) == {"AIMD-NVT": 90, "Elastic": 55, "Surface": 12, "Vacancy": 57}
    assert data.labels["virial_stress"].shape == (214, 6)  # its unit and order are not in the file: no stress
    assert "stress" not in data.labels
    assert json.dumps(data.provenance)
