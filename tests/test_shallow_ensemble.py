"""Shallow ensemble: one body, many last layers, a spread that is trained."""

import copy

import pytest
import torch

from mininnip import Ensemble, Potential
from mininnip.data.dataset import Dataset
from mininnip.neural import Cartesian, CoordinateNetwork
from mininnip.shallow_ensemble import surprise, train_shallow_ensemble
from mininnip.surfaces import muller_brown, plane
from mininnip.uncertainty import Spread


def members(n, hidden=(24, 24)):
    potentials = []
    for seed in range(n):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], hidden, torch.nn.functional.silu)
        potentials.append(Potential(network.double()))
    return Ensemble(potentials)


def valley(n, seed=0):
    """Points of the deepest minimum of Müller and Brown's surface, in units of fifty of theirs."""
    points = 0.25 * torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    graph = plane.as_graph(points + torch.tensor([-0.5, 1.4]))
    return Dataset.from_graph(graph, plane.labeler(lambda x: muller_brown(x) / 50)(graph), "valley")


def test_surprise_is_the_likelihood_of_a_normal_distribution():
    generator = torch.Generator().manual_seed(0)
    predicted, labels = torch.randn(5, 7, generator=generator), torch.randn(7, generator=generator)
    normal = torch.distributions.Normal(predicted.mean(0), (predicted.var(0) + 0.04).sqrt())
    expected = -normal.log_prob(labels).mean() - 0.5 * torch.log(torch.tensor(2 * torch.pi))
    assert torch.allclose(surprise(predicted, labels, torch.tensor(0.04), False), expected)
    squared = ((predicted - labels) ** 2).mean() / labels.var() / 2
    assert torch.allclose(surprise(predicted, labels, torch.tensor(0.04), True), squared)


def test_members_share_every_layer_but_the_last_and_know_where_they_were_trained():
    ensemble, data = members(8), valley(40)
    losses = train_shallow_ensemble(ensemble, data, steps=300)
    assert losses.shape == (300,)
    first, other = (dict(ensemble.potentials[m].named_parameters()) for m in (0, 5))
    same = {name: torch.equal(first[name], other[name]) for name in first}
    assert same == {name: "layers.2" not in name for name in first}  # layers 0, 1 and 2
    assert losses[:150].diff().median() < 0
    assert losses[150:].diff().median() < 0
    near = valley(40, seed=1)
    errors = ensemble(near.graph(None), forces=False)["energy"] - torch.tensor(near.energy)
    assert errors.abs().median() < 0.02 * near.energy.std()
    far = plane.as_graph(torch.tensor([[0.6, 0.0], [0.9, 1.5]], dtype=torch.float64))
    assert Spread(ensemble)(far).min() > 10 * Spread(ensemble)(near.graph(None)).median()


def test_last_layers_that_are_the_same_and_bad_arguments_are_refused():
    potential = members(2).potentials[0]
    twins = Ensemble([potential, copy.deepcopy(potential)])
    with pytest.raises(ValueError, match="the last layers of all members are the same"):
        train_shallow_ensemble(twins, valley(5), steps=2)
    with pytest.raises(ValueError, match="steps"):
        train_shallow_ensemble(members(2), valley(5), steps=0)
    with pytest.raises(ValueError, match="lower the learning rate"):
        train_shallow_ensemble(members(2), valley(5), steps=40, learning_rate=1e200)
