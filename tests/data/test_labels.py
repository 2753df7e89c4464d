"""Labels: found under their aliases, converted once, and refused or reported where they are not what they should be."""

import numpy as np
import pytest
from ase import Atoms, units

from mininnip.data.files import from_atoms
from mininnip.data.labels import ALIASES, assemble, factor

PROVENANCE = {"description": "made by a test", "level_of_theory": "none"}
WATER = Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
FORCES = np.array([[0.1, 0.2, 0.3], [-0.4, 0.5, -0.6], [0.3, -0.7, 0.3]])


def frame(info=None, arrays=None, shift=0.0, cell=None) -> Atoms:
    """Water, its first atom moved so that no two frames are the same."""
    atoms = WATER.copy()
    atoms.positions[0, 2] += shift
    if cell is not None:
        atoms.set_cell(cell)
        atoms.pbc = True
    atoms.info = dict(info or {})
    for key, values in (arrays or {}).items():
        atoms.set_array(key, np.asarray(values))
    return atoms


def read(*frames):
    return from_atoms(frames, "water.xyz", PROVENANCE)


@pytest.mark.parametrize("key", ALIASES["energy"])
def test_energy_has_many_names(key):
    data = read(frame({key: -14.2}, {"forces": FORCES}))
    assert data.energy.tolist() == [-14.2]
    assert key not in data.labels


@pytest.mark.parametrize(("key", "sign"), ALIASES["forces"].items())
def test_forces_have_many_names_and_gradients_the_other_sign(key, sign):
    data = read(frame({"energy": -14.2}, {key: FORCES}))
    assert np.array_equal(data.forces, sign * FORCES)
    assert (sign < 0) == ("grad" in key)


@pytest.mark.parametrize(("key", "sign"), ALIASES["stress"].items())
@pytest.mark.parametrize("shape", ["3x3", "9", "voigt"])
def test_stress_has_many_names_and_virials_the_other_sign(key, sign, shape):
    stress = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    given = {"3x3": stress, "9": stress.ravel(), "voigt": np.arange(1.0, 7.0)}[shape]
    data = read(frame({"energy": -14.2, key: given}, {"forces": FORCES}, cell=[2, 3, 4]))
    expected = stress if sign > 0 else -stress / 24
    assert np.allclose(data.labels["stress"], [expected], atol=1e-14)
    assert (sign < 0) == ("virial" in key)


def test_a_virial_needs_a_volume():
    with pytest.raises(ValueError, match="has a virial in a cell without volume"):
        read(frame({"energy": -14.2, "virial": np.eye(3)}, {"forces": FORCES}))


def test_units():
    assert factor("energy", "kcal/mol") == pytest.approx(0.0433641, abs=1e-7)
    assert factor("energy", "Hartree") == units.Hartree
    assert factor("length", "Bohr") == units.Bohr
    assert factor("length", "Å") == factor("length", "Ang") == 1.0
    with pytest.raises(ValueError, match="unknown unit of energy 'erg'; known are ev, mev, kcal/mol"):
        factor("energy", "erg")


def test_frames_may_state_their_units():
    stated = {"energy_unit": "Hartree", "length_unit": "Bohr"}
    one = read(frame({"energy": -0.5, **stated}, {"forces": FORCES}))
    assert one.energy[0] == pytest.approx(-0.5 * units.Hartree)
    assert np.allclose(one.positions, WATER.positions * units.Bohr)
    assert np.allclose(one.forces, FORCES * units.Hartree / units.Bohr)
    assert "energy_unit" not in one.labels


def test_frames_that_state_different_units_are_refused():
    with pytest.raises(ValueError, match=r"water.xyz mixes units: its frames state eV and kcal/mol"):
        read(frame({"energy": -14.2, "energy_unit": "eV"}), frame({"energy": -9.0, "energy_unit": "kcal/mol"}, shift=1))


@pytest.mark.parametrize("unit", ["kcal/mol", "kJ/mol", "Hartree"])
def test_energies_in_two_units_are_noticed(unit):
    energies = [-2079.1, -2079.3, -2078.8, -2079.0 / factor("energy", unit)]
    frames = [frame({"energy": e}, {"forces": FORCES}, shift=k / 9) for k, e in enumerate(energies)]
    with pytest.raises(ValueError, match=rf"mixes units: energies of the same atoms.*the factor between .*{unit}"):
        read(*frames)
    assert len(read(*frames[:3])) == 3


def test_energies_of_different_molecules_or_far_apart_are_no_mixed_units():
    helium, argon = Atoms("He"), Atoms("Ar")
    helium.info, argon.info = {"energy": -1.0}, {"energy": -1.0 * units.Hartree}
    energies = [-0.05, -0.1, -0.15, -2.0, -2.72114, -3.5]  # the medians differ by 27.2114, but these are not two groups
    frames = [frame({"energy": e}, shift=k / 9) for k, e in enumerate(energies)]
    with pytest.warns(UserWarning, match="no frame has forces"):
        assert len(read(helium, argon, *frames)) == 8


def test_neither_energy_nor_forces():
    with pytest.raises(ValueError, match=r"neither energies nor forces under a known name, only dipole, homo; if one"):
        read(frame({"homo": -9.0, "dipole": 1.8}))


def test_missing_labels_are_counted_and_not_invented():
    frames = [
        frame({"energy": -14.2}, {"forces": FORCES}),
        frame({"energy": -14.1}, shift=0.1),
        frame({}, {"forces": FORCES}, shift=0.2),
    ]
    with pytest.warns(UserWarning, match=r"1 of 3 frames") as warned:
        data = read(*frames)
    texts = [str(w.message) for w in warned]
    assert texts == [
        "water.xyz: 1 of 3 frames have no energies (frame 2 is the first); they are NaN there",
        "water.xyz: 1 of 3 frames have no forces (frame 1 is the first); they are NaN there",
    ]
    assert np.isnan(data.energy).tolist() == [False, False, True]
    assert np.isnan(data.forces).all(axis=1).tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert len(data.provenance["caveats"]) == 2
    assert "missing in 1 frames" in repr(data)
    assert "missing for 3 atoms" in repr(data)
    energies = [atoms.calc.results.get("energy") for atoms in data.atoms() if atoms.calc]
    assert energies == [-14.2, -14.1, None]


def test_forces_alone_are_a_set_too():
    with pytest.warns(UserWarning, match="no frame has energies; they are NaN"):
        data = read(frame({}, {"forces": FORCES}))
    assert "no energies; forces rms" in repr(data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_labels_and_positions_that_are_not_finite_are_refused(value):
    wrong = FORCES.copy()
    wrong[1, 2] = value
    good = frame({"energy": -14.2}, {"forces": FORCES})
    with pytest.raises(ValueError, match=r"water.xyz, frame 1: energy not finite, in 1 frames in all; repair or drop"):
        read(good, frame({"energy": value}, {"forces": FORCES}, shift=1))
    with pytest.raises(ValueError, match="frame 1: forces not finite, in 1 frames"):
        read(good, frame({"energy": -14.1}, {"forces": wrong}, shift=1))
    with pytest.raises(ValueError, match="frame 0: positions not finite, in 2 frames"):
        read(*[frame({"energy": -14.1}, {"forces": FORCES}, shift=value) for _ in range(2)])


def test_duplicates_are_counted_with_their_disagreement():
    frames = [
        frame({"energy": e}, {"forces": FORCES}, shift=s) for e, s in ((-14.2, 0), (-14.1, 1), (-14.0, 0), (-14.1, 1))
    ]
    with pytest.warns(
        UserWarning, match=r"2 frames repeat an earlier structure \(frame 2 is frame 0\).*differ by up to 0.2 eV"
    ):
        data = read(*frames)
    assert len(data) == 4


def test_the_same_positions_in_another_cell_are_no_duplicate():
    frames = [frame({"energy": -14.2}, {"forces": FORCES}, cell=[3, 3, side]) for side in (3, 4)]
    assert len(read(*frames)) == 2  # a warning would be an error here


def test_two_names_with_different_values_need_a_choice():
    with pytest.raises(
        ValueError, match=r"has energy under several names with different values, energy and REF_energy: say"
    ):
        read(frame({"energy": -14.2, "REF_energy": -14.3}, {"forces": FORCES}))
    with pytest.raises(ValueError, match="has forces under several names with different values, forces and gradient"):
        read(frame({"energy": -14.2}, {"forces": FORCES, "gradient": FORCES}))
    with pytest.raises(ValueError, match=r"has stress under several names .* leave one of them in the file"):
        read(frame({"energy": -14.2, "stress": np.eye(3), "dft_stress": 2 * np.eye(3)}, {"forces": FORCES}))
    data = read(frame({"energy": -14.2, "REF_energy": -14.2}, {"forces": FORCES, "gradient": -FORCES}))
    assert np.array_equal(data.forces, FORCES)


def test_further_quantities_become_labels():
    info = {"energy": -14.2, "group": "md", "temperature": 300, "dipole": np.array([0.0, 0.0, 1.8]), "note": None}
    data = read(frame(info, {"forces": FORCES, "charges": [-0.8, 0.4, 0.4], "axes": FORCES}))
    assert set(data.labels) == {"group", "temperature", "dipole", "charges", "axes"}
    assert data.labels["dipole"].shape == (1, 3)
    assert data.labels["charges"].shape == (3,)
    partly = read(frame(info, {"forces": FORCES}), frame({"energy": -14.0, "group": "md"}, {"forces": FORCES}, shift=1))
    assert set(partly.labels) == {"group"}


def test_empty_input():
    with pytest.raises(ValueError, match=r"water.xyz has no frames"):
        read()
    with pytest.raises(ValueError, match="frame 1: there are no atoms"):
        read(frame({"energy": 1.0}), Atoms())


def test_arrays_that_do_not_fit():
    structure = {"n_atoms": np.array([2, 1]), "numbers": np.array([1, 1, 8]), "positions": np.zeros((3, 3))}
    with pytest.raises(ValueError, match=r"set: energy must have shape \(2,\), got \(3,\)"):
        assemble("set", structure, np.zeros(3), np.zeros((3, 3)), {}, PROVENANCE)
    with pytest.raises(ValueError, match=r"set: forces must have shape \(3, 3\), got \(2, 3\)"):
        assemble("set", structure, np.zeros(2), np.zeros((2, 3)), {}, PROVENANCE)
    with pytest.raises(ValueError, match="set, frame 1: an atom has atomic number 119; elements are 1 to 118"):
        assemble("set", structure | {"numbers": np.array([1, 1, 119])}, np.zeros(2), np.zeros((3, 3)), {}, PROVENANCE)
