"""Ensembles: mean and spread over members."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk

from mininnip import Ensemble, Graph, Potential
from mininnip.classical import PairPotential, lennard_jones
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello


def members(epsilons=(0.009, 0.010, 0.012)):
    return [Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=3.4)) for e in epsilons]


@pytest.fixture
def graph():
    atoms = bulk("Ar", cubic=True, a=5.3)
    atoms.rattle(0.2, seed=1)
    return Graph.from_atoms(atoms, 6.0)


def test_mean_and_spread(graph):
    potentials = members()
    out, alone = Ensemble(potentials)(graph, stress=True), [p(graph, stress=True) for p in potentials]
    for name in ("energy", "forces"):
        values = np.stack([result[name].numpy() for result in alone])
        assert np.allclose(out[name], values.mean(0), atol=1e-14)
        assert np.allclose(out[f"{name}_std"], values.std(0, ddof=1), atol=1e-14)
        assert np.allclose(out[f"{name}_members"], values, atol=1e-14)
    assert out["forces_std"].max() > 1e-3
    assert torch.allclose(out["stress"], torch.stack([result["stress"] for result in alone]).mean(0))


def test_spread_can_be_differentiated(graph):
    ensemble = Ensemble(members())
    spread = ensemble(graph, differentiable=True)["forces_std"].sum()
    gradients = torch.autograd.grad(spread, list(ensemble.parameters()))
    assert all(g.abs() > 0 for g in gradients)


def test_reach_is_the_longest():
    potentials = [*members(), Potential(PairPotential(lennard_jones, 7.5, epsilon=0.01, sigma=3.4))]
    assert Ensemble(potentials).cutoff == 7.5


def test_one_member_has_no_spread():
    with pytest.raises(ValueError, match="at least two potentials"):
        Ensemble(members()[:1])


def networks(references=(True, True, True), hidden=(7, 5), activation=torch.tanh, dtypes=(torch.float64,) * 3):
    """Behler-Parrinello potentials of one architecture, with weights, scalings and reference energies of their own."""
    functions, potentials = SymmetryFunctions((8, 14), 5.0, [(0.1, 0.0), (2.0, 2.5)], g5=[(0.02, 4, -1)]), []
    for k, (known, dtype) in enumerate(zip(references, dtypes, strict=True)):
        torch.manual_seed(k)
        model = BehlerParrinello(functions, hidden, activation).double()
        features = torch.rand(40, functions.n_features, dtype=torch.float64) * (1 + k)
        model.readout.fit_scaling(features, torch.tensor([8, 14]).repeat(20))
        for network in model.readout.networks:
            torch.nn.init.normal_(network.layers[-1].weight)  # type: ignore[union-attr]; training starts from zero
        potentials.append(Potential(model, {8: -400.0 - k, 14: -100.0 + k} if known else None).to(dtype))
    return potentials


@pytest.fixture
def quartz():
    """Three structures of two elements, one of them a single atom in a box of its own."""
    frames = [bulk("SiO", "zincblende", a=4.8, cubic=True), bulk("SiO", "rocksalt", a=5.0), bulk("Si", a=20.0)[:1]]
    for k, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=k)
    return Graph.from_atoms(frames, 5.0)


def called_together(ensemble, monkeypatch, graph, **options):
    """Results, and whether the batched evaluation made them."""
    calls = []
    original = Ensemble._together
    monkeypatch.setattr(Ensemble, "_together", lambda *args: calls.append(1) or original(*args))
    return ensemble(graph, **options), bool(calls)


@pytest.mark.parametrize("options", [{"stress": True}, {"forces": False}, {"differentiable": True, "stress": True}])
def test_equal_networks_are_evaluated_together_and_give_what_the_loop_gives(quartz, monkeypatch, options):
    ensemble = Ensemble(networks())
    together, batched = called_together(ensemble, monkeypatch, quartz, **options)
    assert batched
    monkeypatch.setattr(Ensemble, "_same_kind", lambda self: False)
    loop, batched = called_together(ensemble, monkeypatch, quartz, **options)
    assert not batched
    assert together.keys() == loop.keys() >= {"energy", "energies", "extrapolation", "energy_std"}
    for name, values in loop.items():
        assert torch.allclose(together[name], values, rtol=0, atol=1e-12 * (values.detach().abs().max().item() + 1)), (
            name
        )
        assert together[name].requires_grad == values.requires_grad
    assert loop["energy_std"].min() > 1e-3


def test_gradient_of_the_spread_is_that_of_the_loop(quartz, monkeypatch):
    """What an attack on the ensemble and a training of it need: derivatives of forces."""
    ensemble, gradients = Ensemble(networks()), []
    for _ in range(2):
        positions = quartz.positions.clone().requires_grad_()
        spread = ensemble(replace(quartz, positions=positions), differentiable=True)["forces_std"].square().sum()
        wanted = [positions, *ensemble.parameters()]
        gradients.append(torch.autograd.grad(spread, wanted, allow_unused=True, materialize_grads=True))
        monkeypatch.setattr(Ensemble, "_same_kind", lambda self: False)  # second time: the loop
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-12 * (b.abs().max().item() + 1))
    assert gradients[0][0].abs().max() > 1e-6


@pytest.mark.parametrize(
    "potentials",
    [
        lambda: [*networks()[:2], *networks(hidden=(6, 5))[2:]],
        lambda: networks(activation=torch.nn.CELU(0.1)),  # an activation whose settings cannot be compared by name
        lambda: networks(references=(True, True, False)),
        lambda: members(),
    ],
)
def test_unequal_members_are_evaluated_one_by_one(quartz, graph, monkeypatch, potentials):
    ensemble = Ensemble(potentials())
    structure = quartz if ensemble.cutoff == 5.0 else graph
    out, batched = called_together(ensemble, monkeypatch, structure)
    assert not batched
    expected = torch.stack([p(structure)["energy"] for p in ensemble.potentials]).mean(0)
    assert torch.equal(out["energy"], expected)


def test_members_of_different_precision_are_not_stacked():
    ensemble = Ensemble(networks(dtypes=(torch.float64, torch.float64, torch.float32)))
    assert not ensemble._same_kind()


def test_short_edges_are_refused(quartz):
    with pytest.raises(ValueError, match="rebuild it"):
        Ensemble(networks())(replace(quartz, cutoff=4.0))
