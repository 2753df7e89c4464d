"""Sparse Gaussian process: the exact one where nothing is left out, uncertainty, choice, more data, bad input."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms

import mininnip as mn
from mininnip.descriptors import SymmetryFunctions
from mininnip.kernel import GaussianProcess, SparseGaussianProcess
from mininnip.neural import Cartesian, Coordinates
from mininnip.surfaces.plane import as_data, as_graph

PLANE = Coordinates(Cartesian([0], axes=(0, 1)), [1])
ARGON = SymmetryFunctions((18,), 6.0, g2=[(0.1, 0.0), (0.5, 3.5), (1.0, 4.5)], g4=[(0.02, 1, 1)])


def argon(n_structures, seed=0, n_atoms=4):
    """Clusters with Lennard-Jones energies and forces, and their graph."""
    rng, corners = np.random.default_rng(seed), 3.8 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.9, 0], [0.5, 0.3, 0.85]])
    corners = np.concatenate([corners, corners + [7.5, 0.5, 0.2]])[:n_atoms]
    frames = [Atoms([18] * n_atoms, corners + rng.normal(0, 0.15, (n_atoms, 3))) for _ in range(n_structures)]
    graph = mn.Graph.from_atoms(frames, 6.0)
    law = mn.Potential(mn.classical.PairPotential(mn.classical.lennard_jones, 6.0, "switched", epsilon=0.5, sigma=3.4))
    return graph, {name: law(graph)[name] for name in ("energy", "forces")}


def fitted(graph, labels, descriptor=ARGON, **settings):
    model = SparseGaussianProcess(descriptor, **settings)
    model.fit(graph, labels)
    return mn.Potential(model), model


def close(a, b, tolerance=1e-10):
    assert torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=tolerance), (a, b)


def test_with_all_environments_inducing_it_is_the_exact_one():
    """From energies alone, whose covariance the inducing environments hold completely: mean, forces and likelihood."""
    graph, labels = argon(6)
    energies: dict = {"energy": labels["energy"]}
    hyper: Any = {"length_scale": 0.7, "signal": 0.5, "energy_noise": 0.02}
    sparse, model = fitted(graph, energies, novelty=1e-9, **hyper)
    exact = GaussianProcess(ARGON, **hyper)
    exact.fit(graph, energies)
    assert len(model.inducing) == graph.n_atoms
    new = argon(3, seed=5)[0]
    mine, theirs = sparse(new), mn.Potential(exact)(new)
    close(mine["energy"], theirs["energy"], 1e-6)
    close(mine["forces"], theirs["forces"], 1e-6)
    close(model.log_marginal_likelihood().detach(), exact.log_marginal_likelihood().detach(), 1e-5)
    assert theirs["energy"].abs().min() > 1e-3


def test_mean_and_likelihood_are_those_of_the_paper_s_equations():
    """α = (K_SF Λ⁻¹ K_FS + K_SS)⁻¹ K_SF Λ⁻¹ y and N(y | 0, K_FS K_SS⁻¹ K_SF + Λ) by plain matrices, with forces."""
    graph, labels = argon(4)
    potential, model = fitted(graph, labels, length_scale=2.0, novelty=0.3)
    with torch.no_grad():
        k_fs, factor = model._covariances(model.environments, model.inducing, model.inducing_kinds)
        k_ss, noise = factor @ factor.T, model._noise(4, len(model.labels)) ** 2
        alpha = torch.linalg.solve(k_fs.T / noise @ k_fs + k_ss, k_fs.T / noise @ model.labels)
        covariance = k_fs @ torch.linalg.solve(k_ss, k_fs.T) + noise.diag()
        normal = torch.distributions.MultivariateNormal(torch.zeros_like(model.labels), covariance)
        close(model.log_marginal_likelihood(), normal.log_prob(model.labels), 1e-6)
    close(model.weights, alpha, 1e-6)
    assert 2 <= len(model.inducing) < graph.n_atoms
    assert (potential(graph)["forces"] - labels["forces"]).square().mean() < 0.5 * labels["forces"].square().mean()


def test_uncertainty_is_v_of_flare():
    """Zero at inducing environments, σ far away, k − k K⁻¹ k between; labels do not change it."""
    graph, labels = argon(4)
    potential, model = fitted(graph, labels, length_scale=1.5, signal=0.8, novelty=0.3)
    new = argon(2, seed=3)[0]
    with torch.no_grad():
        k = model._with_inducing(ARGON(new), new.numbers)
        k_ss = model._with_inducing(model.inducing, model.inducing_kinds)
        v = 0.8**2 - (k @ torch.linalg.solve(k_ss, k.T)).diagonal()
    close(potential(new)["energies_std"], v.sqrt(), 1e-6)
    assert potential(new)["energies_std"].max() > 0.1 > 1e-4
    other, _ = fitted(
        graph, {name: -2 * values for name, values in labels.items()}, length_scale=1.5, signal=0.8, novelty=0.3
    )
    close(other(new)["energies_std"], potential(new)["energies_std"])
    alone = mn.Graph.from_arrays([18], [[0.0, 0, 0]], 6.0)
    assert float(potential(alone)["energies_std"]) == pytest.approx(0.8, rel=1e-3)


def test_gradient_of_the_uncertainty_is_a_finite_difference():
    potential, _ = fitted(*argon(3), length_scale=1.5)
    graph, h = argon(1, seed=7)[0], 1e-4
    positions = graph.positions.clone().requires_grad_()
    spread = potential(replace(graph, positions=positions), differentiable=True)["energies_std"].sum()
    slope = torch.autograd.grad(spread, positions)[0]
    step = torch.zeros_like(positions)
    step[2, 1] = h
    up, down = (potential(replace(graph, positions=graph.positions + s * step))["energies_std"].sum() for s in (1, -1))
    assert float(slope[2, 1]) == pytest.approx(float(up - down) / (2 * h), rel=1e-5)


def test_chosen_environments_leave_none_that_is_new():
    """Every environment of the data is explained up to the share that was asked for; the most uncertain come first."""
    graph, labels = argon(8)
    counts = []
    for novelty in (0.5, 0.1, 0.02):
        potential, model = fitted(graph, labels, length_scale=1.0, novelty=novelty)
        assert float(potential(graph)["energies_std"].max()) <= novelty * (1 + 1e-6)
        counts.append(len(model.inducing))
    assert 1 <= counts[0] < counts[1] < counts[2] <= graph.n_atoms
    _, capped = fitted(graph, labels, length_scale=1.0, novelty=0.02, most=5)
    close(capped.inducing, model.inducing[:5])


def test_more_data_one_by_one_are_all_data_at_once():
    """Frames of different sizes; the same inducing environments, the same α."""
    parts = [argon(2), argon(1, seed=1, n_atoms=6), argon(2, seed=2)]
    together = mn.batch([graph for graph, _ in parts])
    labels = {name: torch.cat([given[name] for _, given in parts]) for name in ("energy", "forces")}
    once, whole = fitted(together, labels, length_scale=0.2, novelty=1e-5, scaled=False)
    grown, model = fitted(*parts[0], length_scale=0.2, novelty=1e-5, scaled=False)
    assert [model.add(*part) for part in parts[1:]] == [6, 8]
    new = argon(2, seed=9)[0]
    close(grown(new)["energy"], once(new)["energy"], 1e-6)
    close(grown(new)["forces"], once(new)["forces"], 1e-6)
    close(model.log_marginal_likelihood().detach(), whole.log_marginal_likelihood().detach(), 1e-5)
    assert model.add(*parts[0]) == 0  # nothing new in it


def test_points_of_a_plane():
    points = torch.rand(60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    data = as_data(points, mn.surfaces.double_well_2d)
    model = SparseGaussianProcess(PLANE, 0.5, signal=5.0, novelty=0.05, scaled=False)
    potential = mn.Potential(model)
    mn.fit(potential, data)
    out = potential(as_graph(points))
    assert out.keys() == {"energy", "energy_std", "forces"} and len(model.inducing) < 60
    assert mn.evaluate(potential, data).energy_rmse < 300


def test_fit_likelihood_save_load_calculator(tmp_path):
    data = mn.load_data("ethanol").split(6, 0, 4, seed=0)  # type: ignore[union-attr]
    descriptor = SymmetryFunctions((1, 6, 8), 4.0, g2=[(1.0, 1.0), (4.0, 1.5)], g5=[(0.05, 1, 1)])
    model = SparseGaussianProcess(descriptor, 3.0, energy_noise=0.01, force_noise=0.1)
    potential = mn.Potential(model)
    mn.fit(potential, data[0])
    before = model.log_marginal_likelihood().item()
    model.maximize_likelihood(steps=5, structures=4)
    assert model.log_marginal_likelihood().item() > before
    mn.save(potential, tmp_path / "gp.safetensors")
    again, graph = mn.load(tmp_path / "gp.safetensors"), data[2].graph(4.0)
    for name, values in potential(graph).items():
        assert torch.equal(again(graph)[name], values), name
    frame = data[2][0].graph(4.0)
    more = {"energy": torch.tensor([0.0], dtype=torch.float64), "forces": torch.tensor(data[2][0].forces)}
    for learner in (model, again.model):
        learner.add(frame, more)  # type: ignore[operator]
    close(again(graph)["energy"], potential(graph)["energy"])
    atoms = data[2].atoms()[0]
    atoms.calc = mn.Calculator(potential)
    atoms.get_potential_energy()
    assert atoms.calc.results["energies_std"].shape == (9,)


def test_bad_input_gets_one_sentence():
    graph, labels = argon(3)
    _, model = fitted(graph, labels)
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for bad, words in (
        ({}, "the labels hold nothing"),
        (labels | {"energy": labels["energy"] * torch.nan}, "a label of energy is not finite"),
        ({"energy": labels["energy"], "forces": labels["forces"][1:]}, r"forces .* has the shape \(12, 3\)"),
    ):
        for learn in (model.fit, model.add):
            with pytest.raises(ValueError, match=words):
                learn(graph, bad)
    with pytest.raises(ValueError, match="have forces, or none; these are not like the first"):
        model.add(graph, {"energy": labels["energy"]})
    with pytest.raises(ValueError, match="atomic number 6 is unknown"):
        model.add(replace(graph, numbers=graph.numbers - 12), labels)
    for name, tensor in model.state_dict().items():
        assert torch.allclose(tensor, kept[name], rtol=0, atol=0, equal_nan=True), name
    with pytest.raises(ValueError, match="two labels or more, there are 0"):
        SparseGaussianProcess(ARGON).maximize_likelihood()
    for bad in ({"novelty": 0.0}, {"most": 0}):
        with pytest.raises(ValueError, match="novelty must be positive and most at least 1"):
            SparseGaussianProcess(ARGON, **bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="signal must be positive"):
        SparseGaussianProcess(ARGON, signal=0.0)


def test_twins_and_one_structure_are_no_harm():
    graph, labels = argon(1)
    twice = mn.batch([graph, graph])
    potential, model = fitted(twice, {name: torch.cat([values] * 2) for name, values in labels.items()}, novelty=1e-6)
    assert len(model.inducing) <= graph.n_atoms
    once, _ = fitted(graph, labels, novelty=1e-6)
    assert (potential(graph)["forces"] - labels["forces"]).abs().max() < 0.2
    assert (once(graph)["forces"] - labels["forces"]).abs().max() < 0.2
