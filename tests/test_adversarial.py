"""The attack climbs what it says it climbs, from every start on its own, and nothing else moves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from mininnip import Ensemble, Graph, Potential
from mininnip.adam import Adam
from mininnip.adversarial import attack
from mininnip.classical import PairPotential, lennard_jones
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello, Cartesian, CoordinateNetwork
from mininnip.surfaces import plane
from mininnip.uncertainty import force_spread


def on_a_plane(n=4, hidden=(9, 9), dtype=torch.float64):
    potentials = []
    for seed in range(n):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], hidden, torch.nn.functional.silu).to(dtype)
        potentials.append(Potential(network, {1: 0.0}))
    return Ensemble(potentials).eval()


def of_molecules(n=3):
    functions, potentials = SymmetryFunctions((1, 7), 4.0, [(0.3, 0.0), (2.0, 1.0)], g5=[(0.02, 2, -1)]), []
    for seed in range(n):
        torch.manual_seed(seed)
        model = BehlerParrinello(functions, (6,)).double()
        for network in model.readout.networks:
            torch.nn.init.normal_(network.layers[-1].weight)  # type: ignore[union-attr]; training starts from zero
        potentials.append(Potential(model))
    return Ensemble(potentials).eval()


def points(n=5, seed=0):
    return plane.as_graph(torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 0.5)


def ammonia(n=2):
    frames = []
    for seed in range(n):
        atoms = molecule("NH3")
        atoms.rattle(0.1, seed=seed)
        frames.append(atoms)
    return Graph.from_atoms(frames, 4.0)


def objective(committee, graph, positions, kT):
    """What is climbed, from the definition: nothing of the attack's own code."""
    if graph.cutoff is not None:
        ends = torch.bincount(graph.structure).cumsum(0).tolist()
        frames = [
            Atoms(graph.numbers[a:b].numpy(), positions[a:b].numpy()) for a, b in zip([0, *ends], ends, strict=False)
        ]
        graph = Graph.from_atoms(frames, graph.cutoff)
    out = committee(replace(graph, positions=positions))
    members = out["forces_members"]
    squared = ((members - members.mean(0)) ** 2).sum(0).sum(1) / (len(members) - 1)
    sigma = torch.stack([squared[graph.structure == s].mean() for s in range(graph.n_structures)])
    return sigma.log() - out["energy"] / kT


@pytest.mark.parametrize(
    ("committee", "graph", "rigid"), [(on_a_plane, points, True), (of_molecules, ammonia, True)], ids=["plane", "atoms"]
)
def test_the_gradient_is_that_of_finite_differences_and_not_zero(committee, graph, rigid, monkeypatch):
    """The released code of the paper loses the gradient for molecules; a missing create_graph climbs the energy."""
    committee, graph, slopes = committee(), graph(), []
    original = Adam.step

    def step(self, *args):
        slopes.append(next(iter(self.state)).grad.clone())
        return original(self, *args)

    monkeypatch.setattr(Adam, "step", step)
    found = attack(committee, graph, kT=2.0, steps=1, first=0.0, rigid=rigid)
    assert torch.allclose(found.objective[0], objective(committee, graph, graph.positions, 2.0), atol=1e-10)
    h, expected = 1e-5, torch.zeros_like(graph.positions)
    for i in range(graph.n_atoms):
        for x in range(3):
            ends = []
            for sign in (1, -1):
                positions = graph.positions.clone()
                positions[i, x] += sign * h
                ends.append(objective(committee, graph, positions, 2.0).sum())
            expected[i, x] = (ends[0] - ends[1]) / (2 * h)
    assert expected.abs().max() > 0.1
    assert torch.allclose(slopes[0], expected, atol=1e-5 * expected.abs().max().item())
    sigma_alone = attack(committee, graph, kT=float("inf"), steps=1, first=0.0, rigid=rigid).objective[0]
    assert torch.allclose(sigma_alone, objective(committee, graph, graph.positions, float("inf")), atol=1e-10)
    assert slopes[1].abs().max() > 1e-2


@pytest.mark.parametrize(("committee", "graph", "rigid"), [(on_a_plane, points, True), (of_molecules, ammonia, False)])
def test_without_the_boltzmann_factor_uncertainty_rises_from_step_to_step(committee, graph, rigid):
    found = attack(committee(), graph(), kT=float("inf"), steps=40, learning_rate=2e-3, first=1e-3, rigid=rigid)
    assert (found.spread[-1] > 1.01 * found.spread[0]).all()
    assert (found.spread.diff(dim=0) > 0).double().mean() > 0.9


def test_the_objective_rises_and_everything_is_told_of_every_place():
    committee, graph = on_a_plane(), points()
    found = attack(committee, graph, kT=1.0, steps=30, rigid=True, energies=torch.tensor([0.0, 1.0]))
    assert (found.objective[-1] > found.objective[0]).all()
    assert found.positions.shape == (31, 5, 3)
    for k in (0, 30):  # the last place too: the released code returns that of before the last step
        there = replace(graph, positions=found.positions[k])
        assert torch.allclose(found.spread[k], force_spread(committee, there), rtol=1e-9)
        assert torch.allclose(found.energy[k], committee(there)["energy"], rtol=1e-9)
    assert torch.equal(found.graph.positions, found.positions[-1])
    q = torch.logsumexp(-torch.tensor([0.0, 1.0], dtype=torch.float64), 0)
    expected = 2 * found.spread.log() - found.energy - q
    assert torch.allclose(found.objective, expected)


def test_a_cold_attack_rolls_downhill_and_a_hot_one_forgets_the_energy():
    committee, graph = on_a_plane(), points()
    options = {"steps": 25, "first": 0.0, "rigid": True, "learning_rate": 0.005}
    cold = attack(committee, graph, kT=1e-9, **options)
    assert (cold.energy.diff(dim=0) <= 1e-12).all()
    hot = attack(committee, graph, kT=1e9, **options)
    assert torch.allclose(hot.positions, attack(committee, graph, kT=float("inf"), **options).positions, atol=1e-6)
    assert (hot.positions[-1] - cold.positions[-1]).abs().max() > 0.01


def test_q_neither_overflows_nor_vanishes_and_changes_no_way():
    committee, graph = on_a_plane(), points()
    options = {"kT": 1e-3, "steps": 5, "rigid": True}
    plain = attack(committee, graph, **options)
    for energies in (torch.tensor([-1e6, -1e6 + 1e-3]), torch.tensor([1e6, 1e6])):
        found = attack(committee, graph, energies=energies, **options)
        assert torch.equal(found.positions, plain.positions)
        assert found.objective.isfinite().all()
    exact = 1e9 + np.log(1 + np.exp(-1))
    found = attack(committee, graph, energies=torch.tensor([-1e6, -1e6 + 1e-3], dtype=torch.float64), **options)
    assert (plain.objective - found.objective)[0, 0].item() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("committee", "graph", "rigid"), [(on_a_plane, points, True), (of_molecules, ammonia, False)])
def test_many_starts_are_single_starts(committee, graph, rigid):
    committee, graph = committee(), graph()
    options = {"kT": 1.0, "steps": 15, "first": 0.0, "rigid": rigid, "longest": 0.1, "learning_rate": 0.02}
    together = attack(committee, graph, **options)
    for s in range(graph.n_structures):
        mine = graph.structure == s
        one = Graph.from_arrays(graph.numbers[mine], graph.positions[mine], graph.cutoff)
        alone = attack(committee, one, **options)
        assert torch.allclose(alone.positions, together.positions[:, mine], atol=1e-9)
        assert torch.allclose(alone.spread[:, 0], together.spread[:, s], atol=1e-9)


def test_rigid_motion_stays_zero():
    graph = ammonia()
    found = attack(of_molecules(), graph, kT=1.0, steps=30, learning_rate=0.03, first=0.05)
    for s in range(2):
        mine = graph.structure == s
        moves = found.positions[:, mine] - graph.positions[mine]
        r = graph.positions[mine] - graph.positions[mine].mean(0)
        assert moves[-1].norm(dim=1).max() > 0.1
        assert moves.sum(1).abs().max() < 1e-10
        assert torch.linalg.cross(r.expand_as(moves), moves).sum(1).abs().max() < 1e-10


def test_a_linear_molecule_and_a_crystal_keep_their_places_too():
    chain = Atoms("NHN", [(0, 0, -1.1), (0.0, 0, 0), (0, 0, 1.1)])
    found = attack(of_molecules(), Graph.from_atoms(chain, 4.0), kT=1.0, steps=5, first=0.05)
    moves = found.positions - torch.tensor(chain.positions)
    assert moves.isfinite().all()
    assert torch.linalg.cross(torch.tensor(chain.positions).expand_as(moves), moves).sum(1).abs().max() < 1e-10
    crystal = bulk("Ar", cubic=True, a=5.3)
    crystal.rattle(0.1, seed=0)
    members = [Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=3.4)) for e in (0.009, 0.011)]
    graph = Graph.from_atoms(crystal, 6.0)
    found = attack(Ensemble(members), graph, kT=0.05, steps=10, learning_rate=0.02)
    assert (found.positions - graph.positions).sum(1).abs().max() < 1e-10
    assert (found.objective[-1] > found.objective[0]).all()


def test_edges_follow_the_atoms():
    """Two atoms beyond reach at first: the attack's last energy is that of fresh edges."""
    atoms = Atoms("N2H", [(0, 0, 0), (1.1, 0, 0), (0, 3.9, 0)])
    committee, graph = of_molecules(), Graph.from_atoms(atoms, 4.0)
    found = attack(committee, graph, kT=0.5, steps=20, learning_rate=0.05, first=0.2)
    atoms.positions = found.positions[-1].numpy()
    fresh = Graph.from_atoms(atoms, 4.0)
    assert fresh.edges.shape != graph.edges.shape
    assert torch.allclose(committee(fresh)["energy"], found.energy[-1], atol=1e-12)


def test_no_atom_leaves_its_bounds():
    for graph, committee, rigid in ((points(), on_a_plane(), True), (ammonia(), of_molecules(), False)):
        found = attack(committee, graph, kT=float("inf"), steps=40, learning_rate=0.05, longest=0.3, rigid=rigid)
        far = (found.positions - graph.positions).norm(dim=2).amax()
        assert 0.29 < far <= 0.3 + 1e-12


def test_the_calibrated_attack_ends_at_the_spread_asked_for():
    committee, graph = on_a_plane(), points(20)
    reached = attack(committee, graph, kT=1.0, steps=150, learning_rate=0.02, rigid=True).spread
    target = float(reached.quantile(0.5))
    found = attack(committee, graph, kT=1.0, steps=300, learning_rate=0.02, rigid=True, target=target)
    assert ((found.spread[-1] / target).log().abs() < 0.05).double().mean() > 0.9


def test_single_precision_is_enough():
    found = attack(on_a_plane(dtype=torch.float32), points(), kT=1.0, steps=10, rigid=True, first=0.0)
    double = attack(on_a_plane(), points(), kT=1.0, steps=10, rigid=True, first=0.0)
    assert found.positions.dtype == torch.float64
    assert torch.allclose(found.positions, double.positions, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kT": 0.0}, "must be positive"),
        ({"kT": -1.0}, "must be positive"),
        ({"kT": float("nan")}, "must be positive"),
        ({"steps": 0}, "must be positive"),
        ({"first": -0.1}, "not negative"),
        ({"target": -1.0}, "must be positive"),
        ({"longest": 0.0}, "must be positive"),
        ({"rigid": False}, "one atom can only be shifted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        attack(on_a_plane(), points(), **{"kT": 1.0, "rigid": True} | options)


def test_members_that_agree_and_lone_potentials_are_refused():
    one = on_a_plane().potentials[0]
    with pytest.raises(ValueError, match="agree exactly"):
        attack(Ensemble([one, one]), points(), kT=1.0, rigid=True)
    with pytest.raises(TypeError, match="spread of an Ensemble"):
        attack(one, points(), kT=1.0)  # type: ignore[arg-type]


def test_a_place_without_an_energy_is_told():
    far = plane.as_graph(torch.full((1, 2), 1.7e308, dtype=torch.float64))
    with pytest.raises(ValueError, match="structure 0 left for a place where the energy is no number"):
        attack(on_a_plane(), far, kT=1.0, first=0.0, rigid=True)
