"""Distributions against lattices whose shells can be counted; vibrations against formulas, differences and ASE."""

import itertools

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, make_supercell, molecule
from ase.geometry.rdf import get_rdf
from ase.optimize import BFGS
from ase.vibrations import Vibrations

from mininnip import Ensemble, Graph, Potential, analysis, batch, classical
from mininnip.analysis import vibrations
from mininnip.analysis.liquids import closest_pair, rms_displacement
from mininnip.calculator import Calculator


def morse(depth=0.35):
    return Potential(classical.PairPotential(classical.morse, 12.0, "plain", depth=depth, steepness=1.4, r_eq=2.9))


def relaxed(atoms, potential):
    atoms = atoms.copy()
    atoms.calc = Calculator(potential)
    BFGS(atoms, logfile=None).run(fmax=1e-9, steps=500)
    atoms.calc = None
    return atoms


def scattered(n, cell, seed=0):
    """Atoms at random places: an ideal gas."""
    return Atoms(["Ar"] * n, np.random.default_rng(seed).random((n, 3)) @ np.asarray(cell), cell=cell, pbc=True)


TRICLINIC = np.array([[14.0, 0, 0], [4.0, 13.0, 0], [-3.0, 5.0, 15.0]])
LEFT_HANDED = TRICLINIC[[1, 0, 2]]


@pytest.mark.parametrize("n", [1, 2, 30])
@pytest.mark.parametrize("cell", [TRICLINIC, LEFT_HANDED])
def test_the_closest_pair_is_that_of_all_images(n, cell):
    atoms = scattered(n, cell, seed=n)
    i, j, distance = closest_pair(atoms)
    images = (np.indices((3, 3, 3)).reshape(3, -1).T - 1) @ cell  # (27, 3)
    vectors = atoms.positions[None, :, None] + images - atoms.positions[:, None, None]  # (n, n, 27, 3)
    lengths = np.linalg.norm(vectors, axis=-1)
    lengths[lengths < 1e-9] = np.inf  # an atom is no neighbor of its own
    assert distance == pytest.approx(lengths.min()) == pytest.approx(lengths[i, j].min()) and i <= j


def test_the_densest_packing_still_has_a_closest_pair():
    assert closest_pair(bulk("Ar", "fcc", a=5.0))[2] == pytest.approx(5.0 / 2**0.5)
    with pytest.raises(ValueError, match="in a periodic structure"):
        closest_pair(molecule("H2O"))


def test_displacement_knows_no_drift():
    start, later = Atoms("Ar4"), Atoms("Ar4", [[3, 4, 0], [-3, -4, 0], [0, 0, 5], [0, 0, -5]])
    assert rms_displacement(later, start) == pytest.approx(5.0)
    later.translate([7, -2, 1])
    assert rms_displacement(later, start) == pytest.approx(5.0)


@pytest.mark.parametrize("cell", [TRICLINIC, LEFT_HANDED, np.eye(3) * 14.0])
def test_an_ideal_gas_has_no_structure_even_beyond_half_the_box(cell):
    frames = [scattered(150, cell, seed) for seed in range(40)]
    rdf = analysis.radial_distribution(frames, cutoff=12.0, n_bins=12)
    np.testing.assert_allclose(rdf.g[1:], 1, atol=0.02)
    assert rdf.neighbors[-1] == pytest.approx(150 / abs(np.linalg.det(cell)) * 4 / 3 * np.pi * 12**3, rel=0.01)


def test_shells_of_an_fcc_crystal():
    atoms = bulk("Ar", a=5.26)  # one atom: every neighbor is an image
    rdf = analysis.radial_distribution(atoms, cutoff=5.26 * 1.5, n_bins=300)
    shells = 5.26 * np.sqrt([0.5, 1.0, 1.5, 2.0])
    occupied = rdf.r[rdf.g > 0]
    np.testing.assert_allclose(occupied, shells, atol=rdf.r[1] - rdf.r[0])
    between = [np.searchsorted(rdf.r, (a + b) / 2) for a, b in itertools.pairwise(shells)]
    np.testing.assert_allclose(rdf.neighbors[between], [12, 18, 42], atol=1e-12)
    assert np.isnan(rdf.spread).all()


def test_the_distribution_does_not_depend_on_the_choice_of_the_cell():
    primitive = bulk("Si", a=5.431)
    cells = [primitive, bulk("Si", a=5.431, cubic=True), make_supercell(primitive, [[3, 0, 0], [2, 1, 0], [-4, 1, 2]])]
    cells[2].positions += 20 * cells[2].cell.array[0]  # far outside the cell
    distributions = [analysis.radial_distribution(atoms, 8.0, n_bins=97).g for atoms in cells]
    np.testing.assert_allclose(distributions[1], distributions[0], atol=1e-9)
    np.testing.assert_allclose(distributions[2], distributions[0], atol=1e-9)


def test_same_as_ase_within_half_the_box():
    atoms = scattered(100, np.eye(3) * 15.0)
    atoms.numbers[:40] = 2
    ours = analysis.radial_distribution(atoms, 7.0, n_bins=35)
    theirs, r = get_rdf(atoms, 7.0, 35)
    np.testing.assert_allclose(ours.r, r)
    np.testing.assert_allclose(ours.g, theirs, rtol=1e-10)
    partial = analysis.radial_distribution(atoms, 7.0, n_bins=35, elements=("He", "Ar"))
    theirs, _ = get_rdf(atoms, 7.0, 35, elements=(2, 18))
    np.testing.assert_allclose(partial.g, theirs, rtol=1e-10)


def test_pairs_of_elements_in_rock_salt():
    atoms = bulk("NaCl", "rocksalt", a=5.64).repeat((2, 1, 1))

    def nearest(elements):
        rdf = analysis.radial_distribution(atoms, 4.2, n_bins=84, elements=elements)
        return round(float(rdf.r[rdf.g > 0][0]), 1), round(float(rdf.neighbors[-1]), 9)

    assert nearest(("Na", "Cl")) == nearest(("Cl", "Na")) == (2.8, 6)
    assert nearest(("Na", "Na")) == (4.0, 12)


def test_spread_is_that_between_blocks():
    solid, sparse = bulk("Ar", a=5.0, cubic=True), bulk("Ar", a=5.2, cubic=True)
    together = analysis.radial_distribution([solid, solid, sparse, sparse], 6.0, 60, n_blocks=2)
    apart = [analysis.radial_distribution(atoms, 6.0, 60).g for atoms in (solid, sparse)]
    np.testing.assert_allclose(together.g, np.mean(apart, axis=0))
    np.testing.assert_allclose(together.spread, np.std(apart, axis=0, ddof=1))
    same = analysis.radial_distribution([solid] * 6, 6.0, 60)
    np.testing.assert_allclose(same.spread, 0)


def test_angles_of_crystals_and_molecules():
    def only_angle(atoms, cutoff):
        angles = analysis.angle_distribution(atoms, cutoff, n_bins=1800)
        return float(angles.angle[angles.density.argmax()]), int((angles.density > 0).sum())

    assert only_angle(bulk("Si", a=5.431), 2.6) == (pytest.approx(109.471, abs=0.06), 1)
    water = molecule("H2O")
    assert only_angle(water, 1.2) == (pytest.approx(water.get_angle(1, 0, 2), abs=0.06), 1)


def test_an_ideal_gas_has_angles_like_a_sine():
    frames = [scattered(100, TRICLINIC, seed) for seed in range(10)]
    angles = analysis.angle_distribution(frames, cutoff=5.0, n_bins=18)
    np.testing.assert_allclose(angles.density, 0.5 * np.sin(np.radians(angles.angle)) * np.pi / 180, atol=1.5e-4)
    assert (angles.density * 10).sum() == pytest.approx(1)
    assert (angles.spread < 3e-4).all()


def test_the_hessian_is_that_of_finite_differences():
    potential = Potential(classical.StillingerWeber())
    for atoms in (bulk("Si", a=5.5, cubic=True), bulk("Si", a=5.3, cubic=True)[:5]):
        atoms.rattle(0.1, seed=1)
        graph = Graph.from_atoms(atoms, potential.cutoff)
        matrix = analysis.hessian(potential, graph)
        torch.testing.assert_close(matrix, matrix.T, rtol=0, atol=1e-11)
        for atom, axis in ((0, 2), (3, 0)):
            forces = []
            for step in (-2e-4, 2e-4):
                moved = atoms.copy()
                moved.positions[atom, axis] += step
                forces.append(potential(Graph.from_atoms(moved, potential.cutoff))["forces"].flatten())
            numeric = -(forces[1] - forces[0]) / 4e-4
            torch.testing.assert_close(matrix[3 * atom + axis], numeric, rtol=0, atol=1e-6 * matrix.abs().max().item())


def test_the_hessian_leaves_its_input_alone_and_knows_lonely_atoms():
    graph = Graph.from_atoms(Atoms("Ar2", [[0, 0, 0], [20, 0, 0]]), 12.0)
    assert torch.equal(analysis.hessian(morse(), graph), torch.zeros(6, 6, dtype=torch.float64))
    assert not graph.positions.requires_grad


def test_a_diatomic_vibrates_with_the_frequency_of_the_textbook():
    """Morse: k = 2 D a²; ω = √(k / μ)."""
    atoms = Atoms("CO", [[0, 0, 0], [0.6, 0.8, 0]])
    atoms.positions *= 2.9
    modes = analysis.normal_modes(morse(), atoms)
    m1, m2 = atoms.get_masses()
    omega = np.sqrt(2 * 0.35 * 1.4**2 * (m1 + m2) / (m1 * m2)) * np.sqrt(units._e / units._amu) * 1e10  # rad/s
    assert modes.frequencies[-1] == pytest.approx(omega / (2 * np.pi * units._c * 100), rel=1e-9)
    np.testing.assert_allclose(modes.frequencies[:5], 0, atol=1e-3)
    stretch = modes.modes[-1]
    np.testing.assert_allclose(np.abs(stretch[0] - stretch[1]) / np.linalg.norm(stretch[0] - stretch[1]), [0.6, 0.8, 0])
    np.testing.assert_allclose(m1 * stretch[0] + m2 * stretch[1], 0, atol=1e-9)


def test_modes_carry_one_unit_of_mass_each_and_are_orthogonal():
    atoms = Atoms("CO2", [[0, 0, 0], [2.9, 0, 0.3], [0, 2.8, 0]])
    modes = analysis.normal_modes(morse(), atoms).modes
    overlap = np.einsum("nai,mai,a->nm", modes, modes, atoms.get_masses())
    np.testing.assert_allclose(overlap, np.eye(9), atol=1e-12)


def test_a_minimum_has_six_zero_modes_and_a_line_five():
    potential = morse()
    tetrahedron = Atoms("Cu4", 2.05 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(2))
    frequencies = analysis.normal_modes(potential, relaxed(tetrahedron, potential)).frequencies
    np.testing.assert_allclose(frequencies[:6], 0, atol=1e-2)
    assert (frequencies[6:] > 10).all()
    line = relaxed(Atoms("Cu3", [[-2.8, 0, 0], [0, 0, 0], [2.8, 0, 0]]), potential)
    frequencies = analysis.normal_modes(potential, line).frequencies
    assert (frequencies[:2] < -1).all()  # bending, in two directions: this is no minimum
    np.testing.assert_allclose(frequencies[2:7], 0, atol=1e-2)
    assert (frequencies[7:] > 10).all()


@pytest.mark.parametrize("name", ["cluster", "crystal"])
def test_frequencies_are_those_of_ase(name, tmp_path):
    potential = Potential(classical.StillingerWeber())
    if name == "cluster":
        atoms = relaxed(Atoms("Si4", [[0, 0, 0], [2.4, 0, 0], [0, 2.4, 0], [2.3, 2.3, 0.5]]), potential)
    else:
        atoms = bulk("Si", a=5.431)
    ours = analysis.normal_modes(potential, atoms)
    atoms.calc = Calculator(potential)
    vibrations = Vibrations(atoms, name=str(tmp_path / "vibrations"), delta=1e-3, nfree=4)
    vibrations.run()
    theirs = vibrations.get_frequencies()
    theirs = np.sort(theirs.real - theirs.imag)
    n_zero = 6 if name == "cluster" else 3
    assert (np.abs(ours.frequencies) < 0.05).sum() == n_zero
    vibrating = np.abs(ours.frequencies) > 1
    np.testing.assert_allclose(ours.frequencies[vibrating], theirs[vibrating], rtol=1e-5)


def test_the_bending_of_a_linear_molecule_is_seen():
    topology = classical.Topology.from_bonds([8, 6, 8], [(0, 1), (1, 2)])
    parameters = {"bond_k": 60.0, "bond_r0": 1.16, "angle_k": 3.0, "angle_theta0": np.pi}
    parameters |= {"epsilon": 0.0, "sigma": 1.0, "charges": 0.0}
    potential = Potential(classical.ForceField(topology, parameters))
    atoms = Atoms("OCO", [[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]])
    frequencies = analysis.normal_modes(potential, atoms).frequencies
    np.testing.assert_allclose(frequencies[:5], 0, atol=0.1)
    m_c, m_o = atoms.get_masses()[1], atoms.get_masses()[0]
    bend = np.sqrt(8 * 3.0 / 1.16**2 * (1 / m_c + 1 / (2 * m_o))) * vibrations.WAVENUMBER  # both ends move together
    np.testing.assert_allclose(frequencies[5:7], bend, rtol=1e-6)


def test_an_ensemble_has_the_mean_frequencies_of_its_mean_hessian():
    atoms = Atoms("CO", [[0, 0, 0], [2.9, 0, 0]])
    stiff = morse(depth=0.7)
    ensemble = Ensemble([morse(), stiff])
    graph = Graph.from_atoms(atoms, ensemble.cutoff)
    mean = (analysis.hessian(morse(), graph) + analysis.hessian(stiff, graph)) / 2
    torch.testing.assert_close(analysis.hessian(ensemble, graph), mean)
    assert analysis.normal_modes(ensemble, atoms).frequencies[-1] > 1


def two_oscillators(n_frames=4000, step=1.0):
    """Two atoms that swing at 500 and at 3000 cm⁻¹, with energies 1 : 3, seen every `step` fs."""
    frames = []
    for k in range(n_frames):
        time = k * step
        phases = 2 * np.pi * np.array([500, 3000]) * units._c * 100 * time * 1e-15
        atoms = Atoms("CH", [[0, 0, 0], [9, 0, 0]], info={"time": time / 1000})
        atoms.set_velocities([[np.cos(phases[0]) / 12.011**0.5, 0, 0], [0, 3**0.5 * np.cos(phases[1]) / 1.008**0.5, 0]])
        frames.append(atoms)
    return frames


def test_the_spectrum_of_a_motion_has_lines_at_its_frequencies_with_their_energies():
    wavenumbers, density = analysis.velocity_spectrum(two_oscillators(), resolution=20)
    assert wavenumbers[1] == pytest.approx(20, rel=0.01) and wavenumbers[-1] == pytest.approx(16678, rel=0.01)
    low = wavenumbers < 1500
    assert wavenumbers[low][density[low].argmax()] == pytest.approx(500, abs=20)
    assert wavenumbers[~low][density[~low].argmax()] == pytest.approx(3000, abs=20)
    assert density.sum() * wavenumbers[1] == pytest.approx(1)
    assert density[low].sum() * wavenumbers[1] == pytest.approx(0.25, abs=0.01)  # the energies are 1 : 3


def test_a_spectrum_refuses_what_it_cannot_resolve():
    frames = two_oscillators(100)
    with pytest.raises(ValueError, match=r"0\.1 ps of frames resolve 334 cm⁻¹ at best, not 20"):
        analysis.velocity_spectrum(frames, 20)
    with pytest.raises(ValueError, match="three or more frames"):
        analysis.velocity_spectrum([*frames[:10], *frames[20:]], 500)
    with pytest.raises(ValueError, match="three or more frames"):
        analysis.velocity_spectrum([Atoms("H")] * 5, 500)


def test_the_wavenumber_of_the_docstring():
    assert round(vibrations.WAVENUMBER, 2) == 521.47


@pytest.mark.parametrize(
    ("name", "n_bonds"), [("CH3CH2OH", 8), ("C6H6", 12), ("H2O", 2), ("CO2", 2), ("NH3", 3), ("C2H2", 3), ("SiH4", 4)]
)
def test_bonds_of_molecules(name, n_bonds):
    bonds = analysis.find_bonds(molecule(name))
    assert bonds.shape == (n_bonds, 2)
    assert (bonds[:, 0] < bonds[:, 1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.radial_distribution([], 5.0), "there is no frame to analyze"),
        (lambda: analysis.radial_distribution(molecule("H2O"), 5.0), "frame 0 is not periodic in all directions"),
        (lambda: analysis.radial_distribution(bulk("Cu"), 5.0, n_bins=0), "n_bins must be at least 1, got 0"),
        (lambda: analysis.radial_distribution(bulk("Cu"), -1.0), "cutoff must be a positive number"),
        (
            lambda: analysis.radial_distribution(bulk("Cu"), 5.0, elements=("Cu", "O")),
            "frame 0 has no atom of the element 'O', it holds Cu",
        ),
        (lambda: analysis.angle_distribution(molecule("H2"), 2.0), "no atom of frame 0 has two neighbors within 2.0 Å"),
        (
            lambda: analysis.hessian(morse(), batch([Graph.from_atoms(molecule("H2"), 12.0)] * 2)),
            "the Hessian is that of one structure, but the graph holds 2",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
