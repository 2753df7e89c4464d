"""Potential: reference energies, and requests it cannot answer. Derivatives are in test_contract.py."""

import pytest
import torch
from ase import Atoms
from ase.build import molecule

from mininnip import Graph, Potential
from mininnip.classical import PairPotential, lennard_jones
from mininnip.graph import segment_sum
from mininnip.model import Model


def model(cutoff=5.0):
    return PairPotential(lennard_jones, cutoff, epsilon=0.01, sigma=2.0)


class Whole(Model):
    """A model that does not split its energy."""

    cutoff = 5.0

    def forward(self, graph):
        i, _ = graph.edges
        terms = torch.exp(-graph.edge_vectors().norm(dim=1))
        return {"energy": segment_sum(terms, graph.structure[i], graph.n_structures)}


def test_reference_energies_are_added():
    graph = Graph.from_atoms([molecule("H2O"), molecule("H2")], 5.0)
    bare, full = Potential(model())(graph), Potential(model(), {1: -13.6, 8: -2042.0})(graph)
    assert (full["energy"] - bare["energy"]).tolist() == pytest.approx([-2042.0 - 2 * 13.6, -2 * 13.6], abs=1e-11)
    assert (full["energies"] - bare["energies"]).sum().item() == pytest.approx(-2042.0 - 4 * 13.6, abs=1e-11)
    assert torch.equal(full["forces"], bare["forces"])


def test_reference_energies_do_not_spoil_single_precision():
    """−40 000 eV in float32 is known to 4 meV; the sum is in float64 instead."""
    graph = Graph.from_atoms(molecule("H2O"), 5.0, dtype=torch.float32)
    bare, full = Potential(model())(graph), Potential(model(), {1: -13.6, 8: -40000.0})(graph)
    assert full["energy"].dtype == torch.float64
    assert (full["energy"] + 40027.2 - bare["energy"]).abs().item() < 1e-10


def test_missing_reference_energy_is_named():
    with pytest.raises(ValueError, match="no reference energy for atomic number 8"):
        Potential(model(), {1: -13.6})(Graph.from_atoms(molecule("H2O"), 5.0))


def test_model_that_does_not_split_its_energy():
    out = Potential(Whole())(Graph.from_atoms([molecule("H2O"), molecule("H2")], 5.0))
    assert set(out) == {"energy", "forces"}
    assert out["forces"].abs().max() > 0


def test_graph_too_short_for_the_potential():
    with pytest.raises(ValueError, match=r"reaches 4.0 Å, but the model needs 5.0 Å: rebuild it"):
        Potential(model())(Graph.from_atoms(molecule("H2O"), 4.0))


def test_stress_needs_a_volume():
    slab = Atoms("Ar", cell=[4, 4, 20], pbc=[True, True, False])
    for atoms in (molecule("H2O"), slab):
        with pytest.raises(ValueError, match="stress needs a volume"):
            Potential(model())(Graph.from_atoms(atoms, 5.0), stress=True)


def test_only_what_was_asked_for():
    graph = Graph.from_atoms(Atoms("Ar", cell=[4, 4, 4], pbc=True), 5.0)
    assert set(Potential(model())(graph, forces=False)) == {"energy", "energies"}
    assert set(Potential(model())(graph, forces=False, stress=True)) == {"energy", "energies", "stress"}


def test_results_carry_no_history_unless_asked_for():
    graph = Graph.from_atoms(molecule("H2O"), 5.0)
    assert not any(value.requires_grad for value in Potential(model())(graph).values())
    assert all(value.requires_grad for value in Potential(model())(graph, differentiable=True).values())
    assert Potential(model())(graph, forces=False, differentiable=True)["energy"].requires_grad
