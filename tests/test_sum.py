"""A sum of models: energies add up, everything else is handed through, and a file holds it."""

import pytest
import torch
from ase.build import bulk

import mininnip as mn
from mininnip.classical import PairPotential, StillingerWeber, lennard_jones
from mininnip.model import Model
from mininnip.sum import Sum


class Whole(Model):
    """No sum over atoms; it also tells charges."""

    def forward(self, graph):
        return {"energy": graph.positions.new_ones(graph.n_structures), "charges": graph.positions[:, 0]}


def lj(cutoff=5.0, elements=None):
    return PairPotential(lennard_jones, cutoff, elements=elements, epsilon=0.01, sigma=2.0)


def silicon(rattle=0.05):
    atoms = bulk("Si", cubic=True)
    atoms.rattle(rattle, seed=0)
    return mn.Graph.from_atoms(atoms, 5.0)


def test_energies_and_forces_add_up():
    graph, parts = silicon(), (lj(), StillingerWeber())
    both = mn.Potential(Sum(parts))(graph, stress=True)
    single = [mn.Potential(part)(graph, stress=True) for part in parts]
    for name in ("energy", "energies", "forces", "stress"):
        torch.testing.assert_close(both[name], single[0][name] + single[1][name], rtol=0, atol=1e-12)


def test_a_part_that_is_no_sum_over_atoms_leaves_the_total_and_its_own_results():
    graph = silicon()
    out = Sum([lj(), Whole()])(graph)
    assert set(out) == {"energy", "charges"}
    torch.testing.assert_close(out["energy"], lj().energy(graph) + 1)


def test_it_promises_no_more_than_its_parts():
    both = Sum([lj(4.0, elements=[14, 18]), StillingerWeber()])
    assert both.cutoff == 4.0
    assert both.elements == (14,)
    assert both.reach == "own edges"
    assert Sum([lj(), Whole()]).reach == "everything"
    assert Sum([Whole()]).cutoff is None


def test_a_network_keeps_its_precision_and_its_warning():
    functions = mn.descriptors.SymmetryFunctions((14,), 4.0, g2=[(1.0, 2.3)])
    network = mn.neural.BehlerParrinello(functions, (4,)).float()
    graph = silicon()
    network.readout.fit_scaling(functions(graph).float(), graph.numbers)
    both = Sum([lj(), network])
    assert both.dtype == torch.float32
    out = mn.Potential(both)(silicon(0.3))
    assert bool((out["extrapolation"] > 0).any())


def test_a_potential_plus_a_law_keeps_its_free_atoms():
    graph, free = silicon(), mn.Potential(StillingerWeber(), {14: -5.0})
    both = free.plus(lj())
    assert both.reference_energies is free.reference_energies is not None
    expected = free(graph)["energy"] + mn.Potential(lj())(graph)["energy"]
    torch.testing.assert_close(both(graph)["energy"], expected, rtol=1e-12, atol=0)


def test_a_file_holds_it(tmp_path):
    graph, both = silicon(), mn.Potential(Sum([lj(), StillingerWeber()]))
    mn.save(both, tmp_path / "sum.safetensors")
    assert torch.equal(mn.load(tmp_path / "sum.safetensors")(graph)["energy"], both(graph)["energy"])


def test_what_makes_no_sum_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Sum([])
    with pytest.raises(ValueError, match="both give charges"):
        Sum([Whole(), Whole()])(silicon())
