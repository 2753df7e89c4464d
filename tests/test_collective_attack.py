"""Attacks along torsions and strains: the slope is that of finite differences, and nothing else moves."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from mininnip import Ensemble, Graph, Potential
from mininnip.classical import PairPotential, lennard_jones
from mininnip.classical.bonded import dihedral_angles
from mininnip.collective_attack import strain_attack, torsion_attack
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello
from mininnip.uncertainty import force_spread


def of_molecules():
    functions, potentials = SymmetryFunctions((1, 6, 8), 4.0, [(0.3, 0.0), (2.0, 1.0)], g5=[(0.02, 2, -1)]), []
    for seed in range(3):
        torch.manual_seed(seed)
        model = BehlerParrinello(functions, (6,)).double()
        for network in model.readout.networks:
            torch.nn.init.normal_(network.layers[-1].weight)  # type: ignore[union-attr]
        potentials.append(Potential(model))
    return Ensemble(potentials).eval()


def ethanol(n=2):
    frames = []
    for seed in range(n):
        atoms = molecule("CH3CH2OH")
        atoms.rattle(0.05, seed=seed)
        frames.append(atoms)
    return Graph.from_atoms(frames, 4.0)


def quartets():
    """C–C–O–H and H–C–C–O of ASE's ethanol, found by distance."""
    atoms = molecule("CH3CH2OH")
    (o,) = np.flatnonzero(atoms.numbers == 8)
    near, far = sorted(np.flatnonzero(atoms.numbers == 6), key=lambda c: atoms.get_distance(c, o))
    hydrogens = np.flatnonzero(atoms.numbers == 1)
    alcohol = min(hydrogens, key=lambda h: atoms.get_distance(h, o))
    methyl = min(hydrogens, key=lambda h: atoms.get_distance(h, far))
    return [[int(a) for a in row] for row in ((far, near, o, alcohol), (o, near, far, methyl))]


def argon(n=2):
    frames = []
    for seed in range(n):
        atoms = bulk("Ar", cubic=True, a=5.3)
        atoms.rattle(0.1, seed=seed)
        frames.append(atoms)
    return Graph.from_atoms(frames, 6.0)


def of_argon():
    members = [Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=3.4)) for e in (0.009, 0.011)]
    return Ensemble(members)


def turning(**options):
    return torsion_attack(of_molecules(), ethanol(), quartets(), **{"kT": 1.0, "steps": 12} | options)


def straining(**options):
    return strain_attack(of_argon(), argon(), **{"kT": 0.5, "steps": 12} | options)


both = pytest.mark.parametrize("run", [turning, straining])


@pytest.mark.parametrize(("run", "h"), [(turning, 1e-5), (straining, 1e-6)])
def test_the_first_step_follows_finite_differences(run, h, monkeypatch):
    slopes, firsts = [], []
    from mininnip import collective_attack

    original = collective_attack.climb

    def spy(committee, variables, *, place, objective, slope, **rest):
        def height(values):
            graph = place(values)
            return objective(committee(graph)["energy"], force_spread(committee, graph) ** 2).sum()

        expected = torch.zeros_like(variables)
        for at in np.ndindex(*variables.shape):
            step = torch.zeros_like(variables)
            step[at] = h
            expected[at] = (height(variables + step) - height(variables - step)) / (2 * h)
        firsts.append(expected)
        keep = lambda found: slopes.append(found.clone()) or slope(found)  # noqa: E731
        return original(committee, variables, place=place, objective=objective, slope=keep, **rest)

    monkeypatch.setattr(collective_attack, "climb", spy)
    run(steps=1)
    assert firsts[0].abs().max() > 1e-2
    assert torch.allclose(slopes[0], firsts[0], atol=2e-5 * firsts[0].abs().max().item())


@both
def test_uncertainty_rises_and_the_bound_holds(run):
    found = run(kT=float("inf"), first=1e-3, learning_rate=2e-3, steps=30, longest=0.02)
    assert (found.spread[-1] > found.spread[0]).all()
    assert 0.019 < found.variables.abs().max() <= 0.02


@both
def test_many_starts_are_single_starts(run):
    together = run(first=0.0)
    for s in range(2):
        source = ethanol if run is turning else argon
        one = Graph.from_atoms(_frame(source(), s), source().cutoff)
        alone = (
            torsion_attack(of_molecules(), one, quartets(), kT=1.0, steps=12, first=0.0)
            if run is turning
            else strain_attack(of_argon(), one, kT=0.5, steps=12, first=0.0)
        )
        assert torch.allclose(alone.variables[:, 0], together.variables[:, s], atol=1e-9)


def _frame(graph, s):
    mine = graph.structure == s
    return Atoms(
        graph.numbers[mine].numpy(), graph.positions[mine].numpy(), cell=graph.cell[s].numpy(), pbc=graph.pbc[s].numpy()
    )


def test_a_torsion_attack_turns_each_torsion_by_its_variable_and_keeps_bonds_and_angles():
    found, rows = turning(first=0.5, steps=20), torch.tensor(quartets())
    at_first = dihedral_angles(ethanol().positions.reshape(2, -1, 3), rows)
    at_last = dihedral_angles(found.graph.positions.reshape(2, -1, 3), rows)
    difference = at_last - at_first - found.variables[-1]
    assert (difference - 2 * torch.pi * (difference / (2 * torch.pi)).round()).abs().max() < 1e-9
    assert found.variables[-1].abs().max() > 0.3
    bonds = [torch.cdist(p, p) for p in (ethanol().positions[:9], found.graph.positions[:9])]
    assert (bonds[0] - bonds[1])[bonds[0] < 1.9].abs().max() < 1e-9
    assert (bonds[0] - bonds[1]).abs().max() > 0.05


def test_a_strain_attack_strains_cells_and_atoms_together_and_turns_nothing():
    found, graph = straining(learning_rate=0.01, steps=8), argon()
    stretch = torch.linalg.solve(graph.cell, found.graph.cell)
    assert torch.allclose(stretch, stretch.transpose(1, 2), atol=1e-12)
    assert (stretch - torch.eye(3)).abs().max() > 0.01
    before, after = (torch.linalg.solve(g.cell[0].T, g.positions[:4].T) for g in (graph, found.graph))
    assert torch.allclose(before, after, atol=1e-12)
    fresh = Graph.from_atoms([_frame(found.graph, s) for s in range(2)], 6.0)
    assert torch.allclose(of_argon()(fresh)["energy"], found.energy[-1], atol=1e-10)


@pytest.mark.parametrize(
    ("quartet", "words"),
    [([0, 1, 2], "four atoms"), ([0, 3, 8, 1], "not bonded"), ([0, 1, 2, 40], "does not exist")],
)
def test_torsions_that_are_none_are_refused(quartet, words):
    with pytest.raises(ValueError, match=words):
        torsion_attack(of_molecules(), ethanol(), [quartet], kT=1.0)


def test_rings_other_molecules_and_cells_are_refused():
    ring = Graph.from_atoms(molecule("C3H6_D3h"), 4.0)
    with pytest.raises(ValueError, match="in a ring"):
        torsion_attack(of_molecules(), ring, [[3, 0, 1, 4]], kT=1.0)
    with pytest.raises(ValueError, match="conformers of one molecule"):
        torsion_attack(of_argon(), argon(), [[0, 1, 2, 3]], kT=1.0)
    with pytest.raises(ValueError, match="periodic in all directions"):
        strain_attack(of_molecules(), ethanol(), kT=1.0)
    with pytest.raises(ValueError, match="must be positive"):
        straining(kT=0.0)
