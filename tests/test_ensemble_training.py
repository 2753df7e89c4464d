"""Training of an ensemble at once: what every member learns is what it would learn alone."""

import copy

import pytest
import torch

from mininnip import Ensemble, Potential
from mininnip.classical import PairPotential, lennard_jones
from mininnip.data.dataset import Dataset
from mininnip.descriptors import SymmetryFunctions
from mininnip.ensemble_training import train_ensemble
from mininnip.neural import BehlerParrinello, Cartesian, CoordinateNetwork
from mininnip.surfaces import double_well_2d, plane


def members(n, scaled=False, dtype=torch.float64, hidden=(8, 8)):
    potentials = []
    for seed in range(n):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], hidden, torch.nn.functional.silu).to(dtype)
        potentials.append(Potential(network, None if scaled else {1: 0.0}))
    return potentials


def well(n, seed=0):
    points = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    graph = plane.as_graph(points)
    return Dataset.from_graph(graph, plane.labeler(double_well_2d)(graph), "well")


def loss_of(potential, data):
    """The formula of the docstring, for one member."""
    out = potential(data.graph(potential.cutoff))
    energy = (out["energy"] - torch.tensor(data.energy)) / torch.tensor(data.n_atoms)
    forces = (out["forces"] - torch.tensor(data.forces)).square().sum(1)
    return energy.square().mean() + 0.1 * forces.mean()


def test_the_loss_is_the_one_that_is_written_and_falls():
    potentials, data = members(3, hidden=(24, 24)), well(30)
    expected = torch.stack([loss_of(potential, data) for potential in potentials])
    losses = train_ensemble(Ensemble(potentials), data, steps=200)
    assert losses.shape == (200, 3)
    assert torch.allclose(losses[0], expected, rtol=1e-12)
    ended = torch.stack([loss_of(potential, data) for potential in potentials])
    assert (ended < 0.05 * expected).all()


def test_one_step_is_adams_step_on_the_loss_of_each_member():
    potentials, data = members(2), well(20)
    by_hand = copy.deepcopy(potentials[1])
    optimizer = torch.optim.Adam(by_hand.parameters(), 0.03)
    graph = data.graph(None)
    out = by_hand(graph, differentiable=True)
    loss = (out["energy"] - torch.tensor(data.energy)).square().mean()
    loss = loss + 0.1 * (out["forces"] - torch.tensor(data.forces)).square().sum(1).mean()
    loss.backward()
    optimizer.step()
    train_ensemble(Ensemble(potentials), data, steps=1, learning_rate=0.03)
    for weight, expected in zip(potentials[1].parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(weight, expected, atol=1e-10)


def test_members_do_not_influence_each_other():
    two, three, data = members(2), members(3), well(20)
    train_ensemble(Ensemble(two), data, steps=30)
    train_ensemble(Ensemble(three), data, steps=30)
    for a, b in zip(two, three, strict=False):
        for weight, other in zip(a.parameters(), b.parameters(), strict=True):
            assert torch.allclose(weight, other, atol=1e-9)
    first, second = (next(iter(potential.parameters())) for potential in two)
    assert not torch.allclose(first, second, atol=1e-3)


def test_the_first_training_takes_scaling_and_reference_energies_the_next_keeps_them():
    potentials = members(2, scaled=True)
    ensemble = Ensemble(potentials)
    train_ensemble(ensemble, well(30), steps=2)
    scaling, references = potentials[0].model.readout.scaling, potentials[0].reference_energies.clone()
    assert scaling.knows_data
    mean = scaling.mean.clone()
    train_ensemble(ensemble, well(10, seed=1), steps=2)
    assert torch.equal(scaling.mean, mean)
    assert torch.equal(potentials[0].reference_energies.nan_to_num(), references.nan_to_num())
    unscaled = members(2)
    train_ensemble(Ensemble(unscaled), well(10), steps=2)
    assert not unscaled[0].model.readout.scaling.knows_data


def test_networks_of_atoms_with_edges_are_trained_too():
    from ase.build import bulk

    from mininnip import Graph

    frames = []
    for seed in range(6):
        atoms = bulk("Si", cubic=True)
        atoms.rattle(0.1, seed=seed)
        frames.append(atoms)
    graph = Graph.from_atoms(frames, 6.0)
    truth = Potential(PairPotential(lennard_jones, 6.0, epsilon=0.3, sigma=2.1))
    data = Dataset.from_graph(graph, truth(graph), "silicon")
    functions, potentials = SymmetryFunctions((14,), 5.0, [(0.1, 0.0), (2.0, 2.5)]), []
    for seed in range(2):
        torch.manual_seed(seed)
        potentials.append(Potential(BehlerParrinello(functions, (6,)).double()))
    losses = train_ensemble(Ensemble(potentials), data, steps=60)
    assert (losses[-1] < 0.5 * losses[0]).all()
    ended = torch.stack([loss_of(potential, data) for potential in potentials])
    assert torch.allclose(ended, losses[-1], rtol=0.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: (Ensemble(members(2)[:1] + members(1, hidden=(4,))), well(5), {}), "differ in more than"),
        (lambda: (Ensemble(members(2)), well(5)[:0], {}), "no frames"),
        (lambda: (Ensemble(members(2)), well(5), {"steps": 0}), "must be positive"),
        (lambda: (Ensemble(members(2)), well(5), {"energy_weight": 0, "force_weight": 0}), "one of them positive"),
        (lambda: (Ensemble(members(2)), well(5), {"learning_rate": 1e200}), "no number"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(make, words):
    ensemble, data, options = make()
    with pytest.raises(ValueError, match=words):
        train_ensemble(ensemble, data, **options)


def test_one_potential_is_sent_to_train():
    with pytest.raises(TypeError, match=r"one potential with mn\.train"):
        train_ensemble(members(1)[0], well(5))  # type: ignore[arg-type]
