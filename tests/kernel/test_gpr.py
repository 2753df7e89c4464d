"""Gaussian process: scikit-learn's numbers, derivatives by finite differences, limits, bad input in one sentence."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms

import mininnip as mn
from mininnip.descriptors import SymmetryFunctions
from mininnip.kernel import GaussianProcess
from mininnip.kernel.covariance import Environments, SquaredExponential
from mininnip.model import Descriptor, Precomputed
from mininnip.neural import Cartesian, Coordinates, Distances
from mininnip.surfaces.plane import as_data, as_graph

EXACT = 1e-10
PLANE = Coordinates(Cartesian([0], axes=(0, 1)), [1])
ARGON = SymmetryFunctions((18,), 6.0, g2=[(0.1, 0.0), (0.5, 3.5), (1.0, 4.5)], g4=[(0.02, 1, 1)])


class Places(Descriptor):
    """The position of an atom as its features."""

    elements, n_features = (1, 8), 3

    def forward(self, graph):
        return graph.positions

    def precompute(self, graph):
        every = torch.arange(graph.n_atoms)
        slopes = torch.eye(3, dtype=graph.positions.dtype).repeat(graph.n_atoms, 1, 1)
        x = graph.positions
        return Precomputed(graph.numbers, graph.structure, graph.cell, x, slopes, every, every, every[:0], x)


@pytest.fixture(scope="module")
def peer(repository):
    with np.load(repository / "tests" / "reference" / "gaussian_process.npz") as file:
        return {name: torch.tensor(values) for name, values in file.items()}


def argon(n_structures, seed=0, n_atoms=4):
    """Clusters with Lennard-Jones energies and forces, and their graph."""
    rng, frames = np.random.default_rng(seed), []
    corners = 3.8 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.9, 0], [0.5, 0.3, 0.85], [1.5, 0.9, 0.1]])[:n_atoms]
    frames = [Atoms([18] * n_atoms, corners + rng.normal(0, 0.15, (n_atoms, 3))) for _ in range(n_structures)]
    graph = mn.Graph.from_atoms(frames, 6.0)
    law = mn.Potential(mn.classical.PairPotential(mn.classical.lennard_jones, 6.0, "switched", epsilon=0.5, sigma=3.4))
    return graph, {name: law(graph)[name] for name in ("energy", "forces")}


def fitted(graph, labels, descriptor: Descriptor = ARGON, **hyperparameters):
    model = GaussianProcess(descriptor, **hyperparameters)
    model.fit(graph, labels)
    return mn.Potential(model), model


def close(a, b, tolerance=EXACT):
    assert torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=tolerance), (a, b)


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def plane_of(peer):
    lengths, hyper = peer["lengths"].tolist(), {"signal": float(peer["signal"]), "energy_noise": float(peer["noise"])}
    model = GaussianProcess(PLANE, lengths, **hyper, scaled=False)
    model.fit(as_graph(peer["points"]), {"energy": peer["energies"]})
    return model


def test_mean_std_and_likelihood_are_scikit_learns(peer):
    model = plane_of(peer)
    out = model(as_graph(peer["new"]))
    close(out["energy"], peer["mean"])
    close(out["energy_std"], peer["std"])
    likelihood = model.log_marginal_likelihood()
    close(likelihood, peer["likelihood"])
    parameters = [model.kernel.log_signal, model.kernel.log_length]
    signal, lengths = torch.autograd.grad(likelihood, parameters)
    close(torch.cat([signal[None] / 2, lengths]), peer["gradient"], 1e-8)  # scikit-learn's is that of log σ²


def test_the_largest_likelihood_is_where_scikit_learn_finds_it(peer):
    model = plane_of(peer)
    assert model.maximize_likelihood(fixed=["energy_noise"]) == pytest.approx(float(peer["best_likelihood"]), abs=1e-6)
    found = torch.cat([2 * model.kernel.log_signal.detach()[None], model.kernel.log_length.detach()])
    close(found, peer["best_theta"], 1e-3)
    assert model.hyperparameters["energy_noise"] == pytest.approx(float(peer["noise"]))
    close(model.log_marginal_likelihood(), peer["best_likelihood"], 1e-6)


def test_sums_over_atoms_of_two_elements_are_scikit_learns(peer):
    ends = torch.cumsum(peer["n_atoms"], 0)
    graphs = [
        mn.Graph.from_arrays(peer["numbers"][end - n : end], peer["positions"][end - n : end], None)
        for n, end in zip(peer["n_atoms"].tolist(), ends.tolist(), strict=True)
    ]
    model = GaussianProcess(Places(), 1.3, signal=0.6, energy_noise=0.02, scaled=False)
    model.fit(mn.batch(graphs[:16]), {"energy": peer["totals"][:16]})
    new = mn.batch(graphs[16:])
    out = mn.Potential(model)(new)
    close(out["energy"], peer["atomic_mean"])
    close(out["energy_std"], peer["atomic_std"])
    close(model.log_marginal_likelihood(), peer["atomic_likelihood"])


# --- derivatives -----------------------------------------------------------------------------------------------------


def test_covariances_of_forces_are_derivatives_of_those_of_energies():
    """By autograd through the descriptor itself, for two clusters of different sizes."""
    kernel = SquaredExponential(ARGON.n_features, 1.2, 0.7, scaled=False)
    graphs = [argon(1, seed=1)[0], argon(1, seed=2, n_atoms=5)[0]]
    sets = [kernel.in_lengths(Environments.of(ARGON.precompute(graph), False)) for graph in graphs]
    covariance = kernel.covariance(sets[0], sets[1]).detach()
    assert covariance.shape == (13, 16)

    def energies(a, b):
        rows = []
        for graph, positions in zip(graphs, (a, b), strict=True):
            x = ARGON(replace(graph, positions=positions.reshape(-1, 3)))
            rows.append(kernel.in_lengths(Environments(x[None], graph.numbers[None], x[None, ..., None], x[:0])))
        return kernel(*rows).sum()

    a, b = (graph.positions.flatten() for graph in graphs)
    close(covariance[0, 0], energies(a, b).detach())
    close(covariance[0, 1:], -torch.autograd.functional.jacobian(energies, (a, b))[1])
    close(covariance[1:, 0], -torch.autograd.functional.jacobian(energies, (a, b))[0])
    mixed = torch.autograd.functional.hessian(energies, (a, b))[0][1]
    close(covariance[1:, 1:], mixed)  # (−1)² of two forces
    assert mixed.abs().max() > 0.01


def test_forces_and_spreads_are_derivatives_of_energies_and_spreads():
    """Also what an attack climbs: the gradient of the spread with respect to positions, against finite differences."""
    potential, _ = fitted(*argon(5))
    graph, h = argon(1, seed=7)[0], 1e-4
    positions = graph.positions.clone().requires_grad_()
    out = potential(replace(graph, positions=positions), differentiable=True)
    slope = torch.autograd.grad(out["energy_std"].sum(), positions, retain_graph=True)[0]
    for atom, axis in ((0, 0), (2, 1), (3, 2)):
        step = torch.zeros_like(graph.positions)
        step[atom, axis] = h
        up, down = (potential(replace(graph, positions=graph.positions + s * step)) for s in (1, -1))
        for name, mine in (("energy", -out["forces"][atom, axis]), ("energy_std", slope[atom, axis])):
            assert float(mine.detach()) == pytest.approx(float(up[name] - down[name]) / (2 * h), abs=1e-6)
    assert slope.abs().max() > 1e-3


def test_spread_of_forces_is_that_of_differences_of_energies():
    """Var F = −∂²/∂r∂r' cov(E, E'), from the covariance of energies at two displaced points."""
    potential, model = fitted(*argon(5))
    graph, h = argon(1, seed=7)[0], 1e-3
    step = torch.zeros_like(graph.positions)
    step[1, 2] = h
    both = mn.batch([replace(graph, positions=graph.positions + s * step) for s in (1, -1)])
    x = model.kernel.in_lengths(Environments.of(ARGON.precompute(both), False, forces=False))
    data = model.kernel.in_lengths(model.environments)
    with torch.no_grad():
        known = torch.linalg.solve_triangular(model.cholesky, model.kernel.covariance(x, data).T, upper=False)
        posterior = model.kernel.covariance(x, x) - known.T @ known
    variance = float(posterior[0, 0] + posterior[1, 1] - 2 * posterior[0, 1]) / (2 * h) ** 2
    assert float(model.forces_std(graph)[1, 2]) == pytest.approx(variance**0.5, rel=1e-4)
    assert float(posterior.diagonal().sqrt().mean()) == pytest.approx(float(potential(graph)["energy_std"]), rel=1e-3)


# --- limits ----------------------------------------------------------------------------------------------------------


def test_without_noise_it_passes_through_energies_and_forces():
    graph, labels = argon(4)
    potential, model = fitted(graph, labels, energy_noise=1e-5, force_noise=1e-5)
    out = potential(graph)
    close(out["energy"], labels["energy"], 1e-4)
    close(out["forces"], labels["forces"], 1e-4)
    assert out["energy_std"].max() < 1e-4 and model.forces_std(graph).max() < 1e-4
    energies_only, _ = fitted(graph, {"energy": labels["energy"]}, energy_noise=1e-5)
    assert (energies_only(graph)["forces"] - labels["forces"]).abs().max() > 0.01  # it is the forces that teach them


def test_features_of_whole_structures_learn_forces_on_all_atoms():
    """Distances of a cluster, one row for its four atoms."""
    graph, labels = argon(4)
    descriptor = Coordinates(Distances(list(itertools.combinations(range(4), 2))), [18] * 4)
    potential, model = fitted(graph, labels, descriptor, energy_noise=1e-4, force_noise=1e-4)
    out = potential(graph)
    assert out["energy"].shape == (4,) and "energies" not in out
    close(out["forces"], labels["forces"], 1e-3)
    assert model.forces_std(graph).max() < 1e-3 < 0.1 < model.forces_std(argon(1, seed=8)[0]).max()


def test_spread_is_below_the_noise_at_data_and_the_prior_far_away():
    points = torch.tensor([[0.0, 0.0], [0.5, 0.2], [-0.6, 0.7]], dtype=torch.float64)
    model = GaussianProcess(PLANE, 0.3, signal=2.0, energy_noise=0.1, scaled=False)
    model.fit(as_graph(points), {"energy": torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)})
    at_data, far = model(as_graph(points)), model(as_graph(points + 50))
    assert bool((at_data["energy_std"] < 0.1).all()) and bool((at_data["energy_std"] > 0.05).all())
    close(far["energy_std"], torch.full((3,), 2.0, dtype=torch.float64))
    close(far["energy"], torch.zeros(3, dtype=torch.float64))


def test_before_data_it_is_the_prior():
    graph = argon(3)[0]
    model = GaussianProcess(ARGON, signal=0.3)
    out = mn.Potential(model)(graph)
    assert bool((model.forces_std(graph) > 0).all())
    assert not out["energy"].any() and not out["forces"].any()
    assert bool((out["energy_std"] > 0.3).all()) and bool((out["energy_std"] <= 4 * 0.3 + EXACT).all())


def test_an_element_without_data_has_its_prior():
    graph = mn.Graph.from_arrays([1, 1], [[0.0, 0, 0], [0.1, 0, 0]], None)
    model = GaussianProcess(Places(), signal=0.7)
    model.fit(graph, {"energy": torch.tensor([1.0], dtype=torch.float64)})
    oxygen = mn.Graph.from_arrays([8], [[0.0, 0, 0]], None)
    assert float(model(oxygen)["energy_std"].detach()) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="atomic number 14 is unknown"):
        model(mn.Graph.from_arrays([14], [[0.0, 0, 0]], None))


def test_forces_teach_more_than_energies_alone():
    points = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    data, test = as_data(points, mn.surfaces.double_well_2d), as_data(points.flip(1), mn.surfaces.double_well_2d)
    errors = []
    for labels in ({"energy"}, {"energy", "forces"}):
        model = GaussianProcess(PLANE, 0.5, signal=5.0, scaled=False)
        graph = data.graph(None)
        model.fit(graph, {name: torch.tensor(getattr(data, name)) for name in labels})
        model.maximize_likelihood()
        energies = model(test.graph(None))["energy"].detach()
        errors.append(float((energies - torch.tensor(test.energy)).square().mean().sqrt()))
    assert errors[1] < 0.2 * errors[0], errors


def test_forces_out_of_the_plane_are_no_labels_and_true_noise_is_found():
    """Their zeros would say that forces have no noise at all."""
    generator = torch.Generator().manual_seed(0)
    data = as_data(torch.rand(60, 2, generator=generator, dtype=torch.float64) * 2 - 1, mn.surfaces.double_well_2d)
    noise = 0.3 * torch.randn(60, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 1.0, 0.0])
    model = GaussianProcess(PLANE, 0.5, signal=5.0, scaled=False)
    model.fit(data.graph(None), {"energy": torch.tensor(data.energy), "forces": torch.tensor(data.forces) + noise})
    assert len(model.labels) == 180
    model.maximize_likelihood(fixed=["energy_noise"])
    assert model.hyperparameters["force_noise"] == pytest.approx(0.3, rel=0.15)
    spread = model.forces_std(data.graph(None))
    assert not spread[:, 2].any() and bool((spread[:, :2] > 0.01).all())


# --- the calls of the course -----------------------------------------------------------------------------------------


def test_fit_likelihood_save_load_calculator(tmp_path):
    data = mn.load_data("ethanol").split(6, 0, 4, seed=0)  # type: ignore[union-attr]
    descriptor = SymmetryFunctions((1, 6, 8), 4.0, g2=[(1.0, 1.0), (4.0, 1.5)], g5=[(0.05, 1, 1)])
    model = GaussianProcess(descriptor, 3.0, energy_noise=0.01, force_noise=0.1)
    potential = mn.Potential(model)
    mn.fit(potential, data[0])
    before = model.log_marginal_likelihood().item()
    assert model.maximize_likelihood(steps=5, structures=3) > model.log_marginal_likelihood(3).item() - 1e-6
    assert model.log_marginal_likelihood().item() > before
    assert mn.evaluate(potential, data[0]).forces_rmse < 100 < mn.evaluate(potential, data[2]).forces_rmse
    mn.save(potential, tmp_path / "gp.safetensors")
    again = mn.load(tmp_path / "gp.safetensors")
    graph = data[2].graph(4.0)
    for name, values in potential(graph).items():
        assert torch.equal(again(graph)[name], values), name
    assert again.model.log_marginal_likelihood().item() == model.log_marginal_likelihood().item()  # type: ignore[operator]
    atoms = data[2].atoms()[0]
    atoms.calc = mn.Calculator(potential)
    assert atoms.get_potential_energy() == pytest.approx(float(potential(graph)["energy"][0]), abs=1e-9)
    assert atoms.calc.results["energy_std"] == pytest.approx(float(potential(graph)["energy_std"][0]), rel=1e-9)
    model.float()
    single = potential(graph.to(torch.float32))["energy"]
    close(single.double(), again(graph)["energy"], 0.05)
    mn.fit(potential, data[0])  # solved in float64 though kept in float32
    assert model.weights.dtype == torch.float32 and mn.evaluate(potential, data[0]).forces_rmse < 100


def test_small_blocks_of_covariances_change_nothing(monkeypatch):
    graph, labels = argon(5)
    _, whole = fitted(graph, labels)
    monkeypatch.setattr("mininnip.kernel.covariance.NUMBERS_AT_ONCE", 1)
    _, cut = fitted(graph, labels)
    close(cut.weights, whole.weights, 1e-8)
    one, other = (torch.autograd.grad(m.log_marginal_likelihood(), m.kernel.log_length)[0] for m in (whole, cut))
    close(one, other, 1e-8)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_bad_data_gets_one_sentence():
    graph, labels = argon(3)
    model = GaussianProcess(ARGON, energy_noise=1e-9, force_noise=1e-9)
    model.fit(argon(2, seed=4)[0], {"energy": labels["energy"][:2]})
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for bad, words in (
        ({}, "fitted to energies; the labels hold nothing"),
        ({"forces": labels["forces"]}, "fitted to energies; the labels hold forces"),
        ({"energy": labels["energy"] * torch.nan}, "a label of energy is not finite"),
        (labels | {"forces": labels["forces"] * torch.inf}, "a label of forces is not finite"),
        (labels | {"forces": labels["forces"][1:]}, r"forces of these structures has the shape \(12, 3\)"),
        ({"energy": labels["energy"][:2]}, r"energy of these structures has the shape \(3,\), got \(2,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            model.fit(graph, bad)
    twins = mn.batch([graph, graph])
    with pytest.raises(ValueError, match="too small for structures as alike as 0 and 3"):
        model.fit(twins, {"energy": labels["energy"].repeat(2)})
    with pytest.raises(ValueError, match="atomic number 6 is unknown"):
        model.fit(replace(graph, numbers=graph.numbers - 12), labels)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, kept[name], rtol=0, atol=0, equal_nan=True), name


def test_twins_are_no_harm_where_there_is_noise():
    graph, labels = argon(3)
    potential, _ = fitted(mn.batch([graph, graph]), {"energy": labels["energy"].repeat(2)}, energy_noise=0.01)
    once, _ = fitted(graph, {"energy": labels["energy"]}, energy_noise=0.01 / 2**0.5)
    close(potential(graph)["energy"], once(graph)["energy"], 1e-8)


def test_one_structure_teaches_but_no_hyperparameters():
    graph, labels = argon(1)
    potential, model = fitted(graph, {"energy": labels["energy"]}, energy_noise=1e-6)
    close(potential(graph)["energy"], labels["energy"], 1e-6)
    with pytest.raises(ValueError, match="from two labels or more, there are 1"):
        model.maximize_likelihood()
    with pytest.raises(ValueError, match="there is no hyperparameter 'noise'; there are length_scale"):
        fitted(*argon(2))[1].maximize_likelihood(fixed=["noise"])


def test_bad_hyperparameters_get_one_sentence():
    for bad in ({"length_scale": 0.0}, {"signal": -1.0}, {"energy_noise": np.nan}, {"force_noise": np.inf}):
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must be positive and finite"):
            GaussianProcess(ARGON, **bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"length_scale is one number or {ARGON.n_features}, got 2"):
        GaussianProcess(ARGON, [1.0, 2.0])
    descriptor = Places()
    descriptor.width = torch.nn.Parameter(torch.ones(()))
    with pytest.raises(ValueError, match="the descriptor has weights"):
        GaussianProcess(descriptor)
