"""Ensembles: mean and spread over members."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from mininnip import Ensemble, Graph, Potential
from mininnip.classical import PairPotential, lennard_jones


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
