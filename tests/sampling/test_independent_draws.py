"""Normal modes and rattling: the energies of both recipes, the harmonic distribution, what is refused and how."""

import itertools

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule

from mininnip import Calculator, Graph, Potential, analysis, sampling
from mininnip.classical import StillingerWeber
from mininnip.data.sets import NamedArrays, load_data
from mininnip.sampling.normal_modes import MDYN_PER_ANGSTROM, SOFTEST, amplitudes


def springs(atoms, k=20.0):
    """Hessian of springs between all pairs: a minimum at these positions, 3N − 6 stiff modes."""
    n = len(atoms)
    matrix = np.zeros((n, 3, n, 3))
    for i, j in itertools.combinations(range(n), 2):
        u = atoms.positions[j] - atoms.positions[i]
        block = k * np.outer(u, u) / (u @ u)
        for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            matrix[a, :, b, :] += sign * block
    return matrix.reshape(3 * n, 3 * n)


@pytest.mark.parametrize(("name", "ani"), [("H2O", 2.25), ("CH3CH2OH", 6.75)])
def test_mean_energies_are_those_of_the_formulas(name, ani):
    """¾ N_a for ANI's recipe, whose largest is twice that, and N_f / 2 for the canonical one."""
    atoms = molecule(name)
    matrix, kT, n = springs(atoms), 0.01, 4000
    temperature, origin = kT / units.kB, atoms.positions
    for recipe, mean in (("ANI", ani), ("canonical", (3 * len(atoms) - 6) / 2)):
        frames = list(sampling.normal_mode_sampling(atoms, matrix, temperature, n, recipe, closest=0))
        moved = np.array([frame.positions - origin for frame in frames]).reshape(n, -1)
        energies = np.einsum("ni,ij,nj->n", moved, matrix, moved) / 2 / kT  # of the potential, not of the recipe
        assert energies.mean() == pytest.approx(mean, abs=4 * energies.std() / n**0.5)
        assert energies == pytest.approx([frame.info["harmonic_energy"] / kT for frame in frames], rel=1e-6)
        if recipe == "ANI":
            assert 0.95 < energies.max() / (2 * ani) <= 1 + 1e-9


def test_canonical_draws_have_the_covariance_of_the_harmonic_crystal_and_atoms_rest_in_the_mean():
    atoms = molecule("H2O")
    matrix, kT, n = springs(atoms), 0.001, 20000
    frames = sampling.normal_mode_sampling(atoms, matrix, kT / units.kB, n, closest=0)
    moved = np.array([frame.positions - atoms.positions for frame in frames]).reshape(n, -1)
    assert np.abs(moved.mean(axis=0)).max() < 5 * moved.std() / n**0.5
    pairs = atoms.get_all_distances()[np.triu_indices(3, 1)]
    stretched = np.linalg.norm(
        (moved.reshape(n, 3, 3) + atoms.positions)[:, [0, 0, 1]]
        - (moved.reshape(n, 3, 3) + atoms.positions)[:, [1, 2, 2]],
        axis=2,
    )
    # springs between all pairs: each holds kT / 2, whatever the masses are
    assert (stretched - pairs).var(axis=0) == pytest.approx(np.full(3, kT / 20.0), rel=0.06)


def test_modes_are_of_length_one_and_diagonalize_the_hessian():
    atoms = molecule("CH3OH")
    matrix = springs(atoms)
    modes = sampling.harmonic_modes(atoms, matrix)
    q = modes.directions.reshape(12, 18)
    assert np.linalg.norm(q, axis=1) == pytest.approx(np.ones(12))
    assert q @ matrix @ q.T == pytest.approx(np.diag(modes.force_constants), abs=1e-9)
    assert np.abs(np.einsum("i,fik->fk", atoms.get_masses(), modes.directions)).max() < 1e-9  # no drift


def test_linear_molecules_have_one_mode_more_and_crystals_keep_their_turns():
    assert len(sampling.harmonic_modes(molecule("N2"), springs(molecule("N2"))).force_constants) == 1
    crystal = bulk("Si", cubic=True)
    crystal.calc = Calculator(Potential(StillingerWeber()))
    matrix = analysis.hessian(crystal.calc.potential, Graph.from_atoms(crystal, crystal.calc.potential.cutoff))
    modes = sampling.harmonic_modes(crystal, matrix.numpy())
    assert len(modes.force_constants) == 3 * 8 - 3


def test_force_constants_are_those_of_quantum_chemistry_in_its_unit():
    assert pytest.approx(6.2415, abs=1e-4) == MDYN_PER_ANGSTROM
    ethanol = load_data("ethanol_hessian")
    assert isinstance(ethanol, NamedArrays)
    arrays = ethanol.arrays
    modes = sampling.harmonic_modes(Atoms(arrays["numbers"], arrays["positions"]), arrays["hessian"])
    stretch = modes.force_constants[-1] / MDYN_PER_ANGSTROM  # O-H, near 8 mdyn/Å
    assert 7 < stretch < 9


def test_a_soft_mode_is_displaced_as_if_it_were_stiffer():
    rng = np.random.default_rng(0)
    soft = [amplitudes(np.array([1e-9]), 0.01, 3, "canonical", rng)[0] for _ in range(2000)]
    assert np.std(soft) == pytest.approx((0.01 / SOFTEST) ** 0.5, rel=0.06)


def test_the_seed_decides_and_every_draw_says_whence_it_comes():
    atoms = molecule("H2O")
    runs = [list(sampling.normal_mode_sampling(atoms, springs(atoms), 300, 3, "ANI", seed=s)) for s in (1, 1, 2)]
    for first, again, other in zip(*runs, strict=True):
        assert (first.positions == again.positions).all()
        assert not np.allclose(first.positions, other.positions)
    assert runs[2][2].info.items() >= {"sampler": "normal modes, ANI", "temperature": 300, "step": 2, "seed": 2}.items()
    assert (atoms.positions == molecule("H2O").positions).all()


def test_rattling_has_its_amplitude_and_the_energy_of_the_trace():
    atoms = molecule("H2O")
    frames = list(sampling.rattling(atoms, 0.02, 5000, closest=0, seed=3))
    moved = np.array([frame.positions - atoms.positions for frame in frames]).reshape(5000, -1)
    assert moved.std() == pytest.approx(0.02, rel=0.02)
    matrix = springs(atoms)
    energies = np.einsum("ni,ij,nj->n", moved, matrix, moved) / 2
    assert energies.mean() == pytest.approx(0.02**2 * np.trace(matrix) / 2, rel=0.03)
    assert frames[7].info == {"sampler": "rattling", "amplitude": 0.02, "step": 7, "seed": 3, "refused": 0}


def test_draws_with_atoms_too_close_are_thrown_away_and_counted():
    atoms = molecule("H2O")
    loose, strict = (list(sampling.rattling(atoms, 0.25, 300, closest=c)) for c in (0, None))
    allowed = sampling.closest_approach(atoms.numbers)
    assert allowed[0, 1] == pytest.approx(0.71) and allowed[1, 2] == pytest.approx(0.6575)
    assert any(sampling.overlap(frame) for frame in loose)
    assert not any(sampling.overlap(frame) for frame in strict)
    assert sum(frame.info["refused"] for frame in strict) > 0


def test_hopeless_draws_end_in_a_sentence():
    with pytest.raises(ValueError, match=r"1000 draws in a row .* atoms \d and \d are .* Å apart.*lower the amplitude"):
        list(sampling.rattling(molecule("H2O"), 0.01, 1, closest=3.0))
    with pytest.raises(ValueError, match=r"lower the temperature"):
        list(sampling.normal_mode_sampling(molecule("H2O"), springs(molecule("H2O")), 1, 1, closest=3.0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(temperature=0), "temperature must be positive"),
        (dict(temperature=-300), "temperature must be positive"),
        (dict(temperature=np.nan), "temperature must be a finite number"),
        (dict(recipe="ani-1"), 'the recipe is "canonical" or "ANI"'),
        (dict(n_frames=-1), "n_frames must be a whole number"),
        (dict(n_frames=2.5), "n_frames must be a whole number"),
        (dict(hessian=np.eye(3)), r"of shape \(9, 9\)"),
        (dict(hessian=np.full((9, 9), np.nan)), "must be finite"),
        (dict(hessian=-np.eye(9)), "not a minimum: the softest mode"),
    ],
)
def test_modes_without_sense_are_refused_at_once(arguments, words):
    atoms = molecule("H2O")
    with pytest.raises(ValueError, match=words):
        sampling.normal_mode_sampling(
            **(dict(atoms=atoms, hessian=springs(atoms), temperature=300.0, n_frames=1) | arguments)
        )


def test_a_structure_with_forces_is_no_minimum():
    crystal = bulk("Si", cubic=True)
    crystal.rattle(0.1, seed=1)
    crystal.calc = Calculator(Potential(StillingerWeber()))
    with pytest.raises(ValueError, match=r"not a minimum: a force of \d\.\d\d eV/Å is left; relax"):
        sampling.normal_mode_sampling(crystal, np.eye(24), 300, 1)


@pytest.mark.parametrize("amplitude", [0, -0.1, np.nan, "large"])
def test_an_amplitude_without_sense_is_refused_at_once(amplitude):
    with pytest.raises(ValueError, match="amplitude must be"):
        sampling.rattling(molecule("H2O"), amplitude, 1)


def test_a_molecule_in_pieces_is_told_and_a_whole_one_is_not():
    ethanol = molecule("CH3CH2OH")
    assert sampling.flown_apart(ethanol, 1.7) is None
    assert sampling.flown_apart(Atoms("H"), 1.0) is None
    ethanol.positions[-2:] += [0, 0, 9.0]
    assert "in pieces: 2 of 9 atoms" in str(sampling.flown_apart(ethanol, 2.5))


def test_periodic_images_count_for_overlap():
    row = Atoms("He2", [[0, 0, 0.1], [0, 0, 4.9]], cell=[5, 5, 5], pbc=True)
    assert "atoms 0 and 1 are 0.20 Å apart, nearer than 0.68 Å" in str(sampling.overlap(row))
    row.pbc = False
    assert sampling.overlap(row) is None
