"""The symmetry functions that students read are those that networks use, element by element and image by image."""

import pytest
import torch
from ase.build import bulk, molecule

from mininnip import Graph
from mininnip.descriptors import SymmetryFunctions
from mininnip.descriptors.plain import f_c, g2, g4, g5, neighbors_of
from mininnip.radial import cosine_cutoff

G2 = [(0.0, 0.0), (0.5, 0.0), (4.0, 1.9)]
ANGULAR = [(0.02, 1.0, 1), (0.05, 4.0, -1), (0.0, 2.5, 1)]


@pytest.mark.parametrize("name", ["ethanol", "crystal smaller than the cutoff"])
def test_the_plain_functions_are_the_fast_ones(name):
    atoms = molecule("CH3CH2OH") if name == "ethanol" else bulk("SiC", "zincblende", a=4.36)
    atoms.rattle(0.05, seed=0)
    elements, cutoff = sorted(set(atoms.numbers.tolist())), 4.0
    graph = Graph.from_atoms(atoms, cutoff)
    fast = SymmetryFunctions(elements, cutoff, G2, g4=ANGULAR, g5=ANGULAR)(graph)
    for atom, expected in enumerate(fast):
        around = [neighbors_of(graph, atom, element) for element in elements]
        found = [g2(near, eta, shift, cutoff) for near in around for eta, shift in G2]
        for high in range(len(elements)):
            for low in range(high + 1):
                # Pairs of two elements: those of both together less those of each alone.
                both = around[low] + around[high] if low < high else around[low]
                for function in (g4, g5):
                    for parameters in ANGULAR:
                        term = function(both, *parameters, cutoff)
                        if low < high:
                            term -= sum(function(around[k], *parameters, cutoff) for k in (low, high))
                        found.append(term)
        torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected, rtol=1e-11, atol=1e-11)


def test_all_neighbors_are_those_of_every_element():
    graph = Graph.from_atoms(molecule("CH3CH2OH"), 3.0)
    assert len(neighbors_of(graph, 0)) == sum(len(neighbors_of(graph, 0, z)) for z in (1, 6, 8)) > 0


@pytest.mark.parametrize("r", [0.5, 3.9, 4.0, 5.0])
def test_the_cutoff_function_is_the_packages(r):
    assert f_c(r, 4.0) == pytest.approx(float(cosine_cutoff(torch.tensor(r, dtype=torch.float64), 4.0)), abs=1e-15)
