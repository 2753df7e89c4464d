"""Our neighbor lists, vesin's own and ASE's agree pair by pair, image by image, on cells that break careless code."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list as ase_neighbor_list
from vesin import NeighborList

from mininnip.neighbors import brute_force_neighbors, neighbor_list


def rattled(atoms, amplitude=0.1, seed=0):
    atoms = atoms.copy()
    atoms.positions += np.random.default_rng(seed).normal(scale=amplitude, size=atoms.positions.shape)
    return atoms


def random_atoms(cell, pbc, n=12, seed=0):
    """Scattered atoms, wherever they fall, in any cell."""
    random = np.random.default_rng(seed)
    return Atoms(numbers=[18] * n, positions=random.random((n, 3)) @ np.asarray(cell), cell=cell, pbc=pbc)


def unwrapped(atoms, seed=0, n_cells=2):
    """The same crystal with every atom moved by up to n_cells lattice vectors."""
    atoms = atoms.copy()
    hops = np.random.default_rng(seed).integers(-n_cells, n_cells + 1, size=(len(atoms), 3)) * atoms.pbc
    atoms.positions += hops @ atoms.cell.array
    return atoms


TRICLINIC = np.array([[4.0, 0.0, 0.0], [1.7, 3.9, 0.0], [-1.2, 0.8, 4.4]])
TILTED = np.array([[5.0, 0.3, -0.2], [9.0, 4.0, 0.5], [-7.0, 6.0, 4.5]])  # tilts longer than the vectors themselves
LEFT_HANDED = TRICLINIC[[1, 0, 2]]
SLAB = rattled(fcc111("Al", (2, 2, 3), vacuum=None))
SLAB.pbc = (True, True, False)

CASES = {
    "crystal": (rattled(bulk("Cu", cubic=True, a=3.61).repeat(3)), 5.0),
    "cutoff larger than the cell": (rattled(bulk("Ar", cubic=True, a=5.26)), 12.3),
    "one atom": (bulk("Cu", a=3.61), 7.3),
    "one atom, long cutoff": (Atoms("Ar", cell=[2.5, 2.7, 3.1], pbc=True), 11.1),
    "triclinic": (random_atoms(TRICLINIC, True, seed=1), 5.1),
    "strongly tilted": (random_atoms(TILTED, True, seed=2), 6.3),
    "left-handed": (random_atoms(LEFT_HANDED, True, seed=3), 5.1),
    "unwrapped": (unwrapped(random_atoms(TRICLINIC, True, seed=4)), 5.1),
    "unwrapped crystal": (unwrapped(rattled(bulk("Si", cubic=True, a=5.43))), 4.7),
    "slab": (SLAB, 5.2),
    "slab, unwrapped": (unwrapped(SLAB), 5.2),
    "slab, triclinic": (random_atoms(TRICLINIC, (True, True, False), seed=5), 5.1),
    "slab, open first": (random_atoms(TRICLINIC, (False, True, True), seed=6), 5.1),
    "slab, open in the middle, left-handed": (random_atoms(LEFT_HANDED, (True, False, True), seed=7), 5.1),
    "slab, third vector zero": (Atoms("Al2", [[0, 0, 0], [1, 1, 2]], cell=[2.8, 3.0, 0], pbc=(True, True, False)), 6.1),
    "wire": (random_atoms(TRICLINIC, (False, False, True), seed=8), 5.1),
    "wire, open vectors zero": (Atoms("C2", [[0, 0, 0], [1, 0, 0.7]], cell=[0, 0, 2.5], pbc=(False, False, True)), 8.1),
    "molecule": (molecule("CH3CH2OH"), 3.0),
    "molecule, open cell smaller than itself": (random_atoms(TRICLINIC, False, seed=9), 5.1),
    "huge vacuum": (Atoms("Ar3", [[0, 0, 0], [3.8, 0, 0], [0, 0, 190]], cell=[200] * 3, pbc=True), 5.0),
    "two clusters far apart": (Atoms("Ar3", [[0, 0, 0], [3.8, 0, 0], [5e3, -5e3, 5e3]]), 5.0),
    "across the boundary": (Atoms("Ar2", [[0.1, 5, 5], [9.9, 5, 5]], cell=[10] * 3, pbc=True), 3.0),
    "no pair": (Atoms("Ar2", [[0, 0, 0], [9, 0, 0]]), 5.0),
    "no pair, periodic": (Atoms("Ar", cell=[20] * 3, pbc=True), 5.0),
    "lone atom": (Atoms("Ar", [[3, 4, 5]]), 5.0),
}


def in_order(centers, neighbors, shifts):
    """Rows (i, j, S) in one order, whatever the order of the list."""
    rows = np.column_stack([centers, neighbors, shifts]).astype(int).reshape(-1, 5)
    return rows[np.lexsort(rows.T)]


def compare_with_ase(list_of, atoms, cutoff):
    edges, shifts = list_of(
        torch.tensor(atoms.positions), torch.tensor(atoms.cell.array), torch.tensor(atoms.pbc), cutoff
    )
    i, j, ase_shifts, distances = ase_neighbor_list("ijSd", atoms, cutoff)
    assert np.abs(distances - cutoff).min(initial=1) > 1e-6, "a pair sits at the cutoff: choose another one"
    assert edges.shape == (2, len(i))
    assert shifts.shape == (len(i), 3)
    np.testing.assert_array_equal(
        in_order(edges[0].numpy(), edges[1].numpy(), shifts.numpy()), in_order(i, j, ase_shifts)
    )


def vesin_full_list(positions, cell, pbc, cutoff):
    """vesin as it comes. Ours is built from its half list, both directions of a pair from one."""
    search = NeighborList(cutoff=cutoff, full_list=True)
    pairs, shifts = search.compute(positions.numpy(), cell.numpy(), pbc.numpy(), quantities="PS")
    return torch.tensor(pairs.astype(np.int64).T), torch.tensor(shifts)


@pytest.mark.parametrize("list_of", [neighbor_list, brute_force_neighbors, vesin_full_list])
@pytest.mark.parametrize("case", CASES)
def test_same_pairs_as_ase(case, list_of):
    compare_with_ase(list_of, *CASES[case])


def test_atoms_that_left_their_cell_long_ago():
    """Diffusion in a long run: 500 cells away. Brute force would try 10⁹ images, so only the fast list is asked."""
    compare_with_ase(neighbor_list, unwrapped(rattled(bulk("Si", cubic=True, a=5.43)), n_cells=500), 4.7)


@pytest.mark.parametrize("list_of", [neighbor_list, brute_force_neighbors])
def test_number_of_pairs_in_a_perfect_crystal(list_of):
    """fcc: shells of 12, 6, 24, 12, 24 neighbors; a count no list is needed to know."""
    atoms = bulk("Cu", a=3.6)  # one atom; shells at a sqrt(n/2)
    arrays = torch.tensor(atoms.positions), torch.tensor(atoms.cell.array), torch.tensor(atoms.pbc)
    for shells, expected in ((1, 12), (2, 18), (3, 42), (4, 54), (5, 78)):
        cutoff = 3.6 * np.sqrt((shells + 0.5) / 2)
        edges, _ = list_of(*arrays, cutoff)
        assert edges.shape == (2, expected)


def test_cases_hold_what_their_names_promise():
    assert np.linalg.det(LEFT_HANDED) < 0 < np.linalg.det(TRICLINIC)
    outside = CASES["unwrapped"][0].get_scaled_positions(wrap=False)
    assert np.abs(outside).max() > 2
    for case in ("no pair", "no pair, periodic", "lone atom"):
        assert len(ase_neighbor_list("i", *CASES[case])) == 0
