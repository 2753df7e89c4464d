"""Estimators of uncertainty: one call for all, each equal to its formula, all larger where nothing was learned."""

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.data.dataset import Dataset
from mininnip.descriptors import SymmetryFunctions
from mininnip.graph import Graph, segment_sum
from mininnip.neural import BehlerParrinello, Cartesian, CoordinateNetwork, NequIP, PaiNN, SchNet
from mininnip.surfaces import muller_brown, plane
from mininnip.uncertainty import Distance, LastLayer, Mixture, Spread, latent_features
from mininnip.uncertainty.latent import last_weights
from mininnip.uncertainty.mixture import GaussianMixture


def valley(n, seed=0):
    points = 0.25 * torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    graph = plane.as_graph(points + torch.tensor([-0.5, 1.4]))
    return Dataset.from_graph(graph, plane.labeler(lambda x: muller_brown(x) / 50)(graph), "valley")


@pytest.fixture(scope="module")
def committee():
    potentials = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (16, 16), torch.nn.functional.silu)
        potentials.append(mn.Potential(network.double()))
    ensemble = mn.Ensemble(potentials)
    mn.train_ensemble(ensemble, valley(40), steps=300)
    return ensemble


def every(committee):
    one, data = committee.potentials[0], valley(40)
    return {
        "spread": Spread(committee),
        "last layer": LastLayer(one, data, valley(30, seed=1)),
        "mixture": Mixture(one, data),
        "distance": Distance(one, data),
    }


NAMES = ["spread", "last layer", "mixture", "distance"]


@pytest.mark.parametrize("name", NAMES)
def test_it_grows_where_nothing_was_learned_and_orders_errors(committee, name):
    estimate = every(committee)[name]
    line = torch.stack([torch.linspace(-0.5, 0.9, 60), torch.full((60,), 1.4)], dim=1).double()
    graph = plane.as_graph(line)
    values = estimate(graph)
    assert values.shape == (60,)
    assert values.dtype == torch.float64
    assert (values >= 0).all()
    assert not values.requires_grad
    assert values[-10:].min() > 5 * values[:10].max()
    source = committee if name == "spread" else committee.potentials[0]
    errors = source(graph, forces=False)["energy"] - muller_brown(line) / 50
    assert mn.uncertainty.rank_correlation(errors, values) > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_its_slope_is_that_of_finite_differences(committee, name):
    estimate = every(committee)[name]
    points = torch.tensor([[0.1, 1.2, 0.0], [-0.9, 0.3, 0.0]], dtype=torch.float64)

    def at(positions):
        graph = plane.as_graph(positions[:, :2].detach())
        return Graph(**{**vars(graph), "positions": positions})

    moved = points.clone().requires_grad_()
    slope = torch.autograd.grad(estimate(at(moved), differentiable=True).sum(), moved)[0]
    for k, axis in np.ndindex(2, 2):
        step = torch.zeros_like(points)
        step[k, axis] = 1e-5
        difference = (estimate(at(points + step)) - estimate(at(points - step))).sum() / 2e-5
        assert slope[k, axis] == pytest.approx(float(difference), rel=1e-5)
    assert slope[:, :2].abs().min() > 0


def ethanol(first=0, last=6):
    data = mn.load_data("ethanol")
    assert isinstance(data, Dataset)
    return data[first:last]


@pytest.mark.parametrize(
    "network",
    [
        lambda: BehlerParrinello(SymmetryFunctions((1, 6, 8), 5.0, [(4.0, 0.0), (1.0, 2.0)]), (6, 5)),
        lambda: SchNet(5.0, n_features=8, n_layers=1),
        lambda: PaiNN(5.0, n_features=8, n_layers=1),
        lambda: NequIP(5.0, n_features=4, n_layers=1),
    ],
)
def test_features_are_what_the_last_layer_adds_up_in_every_network(network):
    """With other last weights, energies change by the features times the change, exactly."""
    torch.manual_seed(0)
    potential, graph = mn.Potential(network().double()), ethanol().graph(5.0)
    features = latent_features(potential, graph)
    assert features.shape[0] == graph.n_atoms
    before = potential.model(graph)["energies"].detach()
    weights = last_weights(potential.model)
    changes = [torch.randn_like(weight) for weight in weights]
    for weight, change in zip(weights, changes, strict=True):
        weight.data += change
    after = potential.model(graph)["energies"].detach()
    by_features = features @ torch.cat([change.flatten() for change in changes])
    assert torch.allclose(after - before, by_features, atol=1e-12)


@pytest.mark.parametrize("estimator", [Distance, Mixture])
def test_the_strangest_atom_speaks_and_turning_changes_nothing(estimator):
    torch.manual_seed(0)
    data = ethanol()
    potential = mn.Potential(SchNet(5.0, n_features=8, n_layers=1).double())
    estimate = estimator(potential, data)
    frames = ethanol(300, 304).atoms()
    values = estimate(Graph.from_atoms(frames, 5.0))
    alone = torch.cat([estimate(Graph.from_atoms([atoms], 5.0)) for atoms in frames])
    assert torch.allclose(values, alone)
    for atoms in frames:
        atoms.rotate(50, (1, 2, 3))
    assert torch.allclose(estimate(Graph.from_atoms(frames, 5.0)), values, atol=1e-9)
    known = estimate(data.graph(5.0))
    assert (known < 1e-6).all() if estimator is Distance else known.median() < values.max()


def test_the_last_layer_is_textbook_regression(committee):
    """Variance of a ridge regression on the features, by its matrix, and α by the errors that were held out."""
    one, data, held_out = committee.potentials[0], valley(40), valley(30, seed=1)
    estimate = LastLayer(one, data, held_out)
    known, new = (latent_features(one, some.graph(None)) for some in (data, held_out))
    inverse = torch.linalg.inv(known.T @ known + estimate.ridge * torch.eye(16))
    shape = torch.einsum("sp,pq,sq->s", new, inverse, new)
    errors = one(held_out.graph(None), forces=False)["energy"] - torch.tensor(held_out.energy)
    assert estimate.alpha**2 == pytest.approx(float((errors**2 / shape).mean()), rel=1e-6)
    assert torch.allclose(estimate(held_out.graph(None)), estimate.alpha * shape.sqrt(), rtol=1e-6)


def test_a_structure_has_the_features_of_all_its_atoms():
    torch.manual_seed(0)
    potential = mn.Potential(SchNet(5.0, n_features=8, n_layers=1).double())
    mn.train(potential, ethanol()[:4], ethanol()[4:], epochs=1, progress=False)
    estimate = LastLayer(potential, ethanol()[:4], ethanol()[4:])
    graph = ethanol().graph(5.0)
    summed = segment_sum(latent_features(potential, graph), graph.structure, 6)
    assert torch.allclose(estimate._features(graph), summed)
    assert (estimate(graph) > 0).all()


def test_one_gaussian_is_the_mahalanobis_distance_and_more_make_the_data_likelier():
    torch.manual_seed(0)
    points = torch.cat([torch.randn(200, 3), 0.3 * torch.randn(100, 3) + 4]).double()
    one = GaussianMixture(points, 1, floor=0)
    covariance = torch.cov(points.T, correction=0)
    normal = torch.distributions.MultivariateNormal(points.mean(0), covariance)
    assert torch.allclose(one.log_density(points), normal.log_prob(points))
    away = points - points.mean(0)
    squared = torch.einsum("ni,ij,nj->n", away, torch.linalg.inv(covariance), away)
    assert torch.allclose(2 * (one.highest - one.log_density(points)), squared)
    two = GaussianMixture(points, 2)
    assert torch.allclose(two.shares.sort().values, torch.tensor([1 / 3, 2 / 3], dtype=torch.float64), atol=0.01)
    assert two.log_density(points).mean() > one.log_density(points).mean() + 0.5
    assert two.highest >= two.log_density(points).max()


def test_what_cannot_be_estimated_says_why(committee):
    one, data = committee.potentials[0], valley(40)
    with pytest.raises(ValueError, match='no "energy_std"'):
        Spread(one)(data.graph(None))
    with pytest.raises(ValueError, match="no readout that ends in a weighted sum"):
        latent_features(
            mn.Potential(mn.classical.PairPotential(mn.classical.lennard_jones, 5.0, epsilon=1.0, sigma=1.0)),
            ethanol().graph(5.0),
        )
    with pytest.raises(ValueError, match="both are needed"):
        LastLayer(one, data, data[:0])
    with pytest.raises(ValueError, match="too few for 9 Gaussians"):
        Mixture(one, data[:4], n_components=9)
    with pytest.raises(ValueError, match="too few for the distance"):
        Distance(one, data[:1])
    for estimator in (Mixture, Distance):
        with pytest.raises(ValueError, match="the same features"):
            estimator(one, data[:1] + data[:1] + data[:1] + data[:1])
    broken = Dataset.from_graph(
        data.graph(None), {"energy": torch.full((40,), torch.nan), "forces": torch.zeros(40, 3)}, "x"
    )
    with pytest.raises(ValueError, match="not finite"):
        LastLayer(one, data, broken)
