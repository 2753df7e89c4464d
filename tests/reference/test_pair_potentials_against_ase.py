"""Lennard-Jones and Morse against ASE's calculators, on cells that break careless code."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.stress import voigt_6_to_full_3x3_stress

from mininnip.classical import PairPotential, lennard_jones, morse
from mininnip.graph import Graph
from mininnip.potential import Potential

EPSILON, SIGMA, CUTOFF = 0.0103, 3.405, 8.5  # argon; eV, Å, Å
TOLERANCE = 1e-12  # of the largest number compared


def rattled(atoms, amplitude=0.15, seed=0):
    atoms = atoms.copy()
    atoms.positions += np.random.default_rng(seed).normal(scale=amplitude, size=atoms.positions.shape)
    return atoms


def unwrapped(atoms, seed=1):
    """Every atom moved by up to three lattice vectors each way: the same crystal."""
    atoms = atoms.copy()
    hops = np.random.default_rng(seed).integers(-3, 4, size=(len(atoms), 3)) * atoms.pbc
    atoms.positions += hops @ atoms.cell.array
    return atoms


def with_pbc(atoms, pbc):
    atoms = atoms.copy()
    atoms.pbc = pbc
    return atoms


def deformed(atoms, strain):
    """The crystal in another cell, at the same fractional coordinates."""
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + np.array(strain)), scale_atoms=True)
    return atoms


def left_handed(atoms):
    """The same crystal, described by lattice vectors in the other order."""
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array[[1, 0, 2]])
    return atoms


CRYSTAL = rattled(bulk("Ar", cubic=True, a=5.27).repeat(2))  # 10.5 Å wide
TRICLINIC = deformed(CRYSTAL, [[0.03, 0.08, -0.05], [-0.1, 0.01, 0.09], [0.06, -0.12, -0.02]])
CASES = {
    "dimer": Atoms("Ar2", [[0, 0, 0], [1.1, 2.3, 2.7]]),
    "cluster": Atoms("Ar32", CRYSTAL.positions),
    "cluster wider than the cutoff": Atoms("Ar108", rattled(bulk("Ar", cubic=True, a=5.27).repeat(3)).positions),
    "beyond the cutoff": Atoms("Ar3", [[0, 0, 0], [3.9, 0, 0], [0, 9, 9]]),
    "fcc": CRYSTAL,
    "cutoff larger than the cell": rattled(bulk("Ar", cubic=True, a=5.27)),
    "primitive cell": bulk("Ar", a=5.27),
    "triclinic": TRICLINIC,
    "left-handed": left_handed(TRICLINIC),
    "unwrapped": unwrapped(TRICLINIC),
    "slab": with_pbc(CRYSTAL, (True, True, False)),
    "slab, open first, triclinic, unwrapped": unwrapped(with_pbc(TRICLINIC, (False, True, True))),
    "wire, left-handed": with_pbc(left_handed(TRICLINIC), (False, True, False)),
    "cell without periodicity": with_pbc(TRICLINIC, False),
}


def ase_smooth_lennard_jones(r, epsilon, sigma):
    """The switch of ASE's `smooth=True` (a cubic in r²) as part of a law: any function of r is one."""
    onset, end, square = (0.66 * CUTOFF) ** 2, CUTOFF**2, r**2
    switch = (end - square) ** 2 * (end + 2 * square - 3 * onset) / (end - onset) ** 3
    return lennard_jones(r, epsilon, sigma) * torch.where(square < onset, 1.0, switch)


DEPTH, R_EQ, RHO = 0.35, 2.9, 4.2  # Morse: ASE's rho0 is steepness times r_eq; its radii are in units of r_eq
MODELS = {
    "Lennard-Jones, shifted": (
        PairPotential(lennard_jones, CUTOFF, "shifted", epsilon=EPSILON, sigma=SIGMA),
        LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF),
    ),
    "Lennard-Jones, ASE's smooth": (
        PairPotential(ase_smooth_lennard_jones, CUTOFF, "plain", epsilon=EPSILON, sigma=SIGMA),
        LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=CUTOFF, smooth=True),
    ),
    "Morse, switched": (
        PairPotential(morse, 2.5 * R_EQ, "switched", 1.7 * R_EQ, depth=DEPTH, steepness=RHO / R_EQ, r_eq=R_EQ),
        MorsePotential(epsilon=DEPTH, r0=R_EQ, rho0=RHO, rcut1=1.7, rcut2=2.5),
    ),
}


def assert_close(ours, expected, scale):
    error = np.abs(ours - expected).max() / scale
    assert error < TOLERANCE, f"relative error {error:.1e}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("case", CASES)
def test_same_as_ase(case, model):
    atoms = CASES[case].copy()
    potential, atoms.calc = Potential(MODELS[model][0]), MODELS[model][1]
    ours = potential(Graph.from_atoms(atoms, cutoff=potential.cutoff), forces=True, stress=bool(all(atoms.pbc)))
    energies = atoms.get_potential_energies()
    assert np.abs(energies).max() > 1e-6
    assert_close(ours["energies"].numpy(), energies, np.abs(energies).max())
    assert_close(ours["energy"].item(), atoms.get_potential_energy(), np.abs(atoms.get_potential_energy()))
    largest_force = np.abs(atoms.get_forces()).max()
    assert_close(ours["forces"].numpy(), atoms.get_forces(), max(largest_force, 1e-3))  # 0 in the primitive cell
    if all(atoms.pbc):
        stress = voigt_6_to_full_3x3_stress(atoms.get_stress())
        assert_close(ours["stress"][0].numpy(), stress, np.abs(stress).max())


def test_structures_side_by_side_give_the_same():
    """All cases in one graph: what a structure gives does not depend on its neighbors in the batch."""
    model, calculator = MODELS["Lennard-Jones, shifted"]
    structures = [atoms.copy() for atoms in CASES.values()]
    ours = Potential(model)(Graph.from_atoms(structures, cutoff=CUTOFF), forces=True)
    forces = []
    for atoms, energy in zip(structures, ours["energy"].tolist(), strict=True):
        atoms.calc = calculator
        assert_close(energy, atoms.get_potential_energy(), abs(atoms.get_potential_energy()))
        forces.append(atoms.get_forces())
    assert_close(ours["forces"].numpy(), np.concatenate(forces), np.abs(np.concatenate(forces)).max())


def test_cases_hold_what_their_names_promise():
    assert np.linalg.det(CASES["left-handed"].cell) < 0
    assert CASES["cutoff larger than the cell"].cell.lengths().max() < CUTOFF
    assert np.abs(CASES["unwrapped"].get_scaled_positions(wrap=False)).max() > 2
    assert CASES["cluster wider than the cutoff"].get_all_distances().max() > CUTOFF
