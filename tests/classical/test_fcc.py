"""FccCrystal: pairs as the graph sums them, triples as three loops do, the force constant of an atom that moves."""

import itertools
import math

import pytest
import torch
from ase.build import bulk

import mininnip as mn
from mininnip.classical.fcc import FccCrystal, _neighbors, triangles

A = 5.2


def law(r):
    return mn.classical.lennard_jones(r, 0.0104, 3.4)


def test_pairs_are_those_of_a_pair_potential_on_a_graph():
    model = mn.classical.PairPotential(mn.classical.lennard_jones, 7 * A, "plain", epsilon=0.0104, sigma=3.4)
    graph = mn.Graph.from_atoms(bulk("Ar", "fcc", a=A), 7 * A)
    assert FccCrystal(law).pairs(A) == pytest.approx(mn.Potential(model)(graph)["energy"].item(), rel=1e-4)


def test_triples_are_those_of_the_formula_atom_by_atom():
    near = _neighbors(1.0)
    assert len(near) == 18
    total = 0.0
    for first, second in itertools.combinations(near, 2):
        corners = [torch.zeros(3, dtype=torch.float64), first, second]
        cosines, sides = 1.0, 1.0
        for k in range(3):
            to_next, to_last = corners[k - 2] - corners[k], corners[k - 1] - corners[k]
            cosines *= float(to_next @ to_last / (to_next.norm() * to_last.norm()))
            sides *= float(to_next.norm())
        total += (1 + 3 * cosines) / sides**3 / 3
    assert triangles(near) == pytest.approx(total, rel=1e-12)
    assert FccCrystal(law, c9=45.0).triples(A) == pytest.approx(45.0 * triangles(_neighbors(4.0)) / A**9)


def test_the_zero_point_energy_is_that_of_one_atom_among_neighbors_that_stand():
    near, step = A * _neighbors(7.0), 1e-3

    def moved(x):
        return float(law((near - torch.tensor([x, 0, 0])).norm(dim=1)).sum())

    k = (moved(step) - 2 * moved(0) + moved(-step)) / step**2 * 1.602176634e-19 * 1e20  # J/m²
    omega = math.sqrt(k / (39.948 * 1.66053906660e-27))
    expected = 1.5 * 1.054571817e-34 * omega / 1.602176634e-19
    assert FccCrystal(law, mass=39.948).zero_point(A) == pytest.approx(expected, rel=1e-5)


def test_the_relaxed_crystal_is_the_lowest():
    a, energy = FccCrystal(law, c9=45.0, mass=39.948).relaxed(5.2)
    crystal = FccCrystal(law, c9=45.0, mass=39.948)
    assert energy == crystal.energy(a) < min(crystal.energy(a + 0.01), crystal.energy(a - 0.01))
    assert FccCrystal(law).relaxed(5.2)[1] == pytest.approx(-8.610 * 0.0104, rel=1e-3)  # infinite crystal: −8.610 ε


def test_a_guess_far_off_is_told_in_a_sentence():
    with pytest.raises(ValueError, match=r"no lowest energy between 6\.80 and 9\.20 Å"):
        FccCrystal(law).relaxed(8.0)


def test_an_atom_that_slides_away_has_no_zero_point_energy():
    assert math.isnan(FccCrystal(law, mass=39.948).zero_point(8.0))
