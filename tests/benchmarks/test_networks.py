"""Symmetry functions and networks: mininnip and its peers, ensembles in one call or one by one, an epoch of training.

As in test_speed.py: processor time, ratios in pytest-benchmark's table, no time asserted. What is asserted is that all
computed the same thing.
"""

import time

import numpy as np
import pytest
import workloads
from test_speed import start

from mininnip.ensemble import Ensemble
from mininnip.graph import Graph


@pytest.mark.benchmark(group="ANI's functions, network, silicon: list + energy + forces", timer=time.process_time)
@pytest.mark.parametrize("repeats", [4, 8])  # 512 and 4096 atoms
@pytest.mark.parametrize("name", workloads.ANI)
def test_ani(benchmark, name, repeats):
    atoms = workloads.silicon(repeats if benchmark.enabled else 3)
    evaluate = start(workloads.ANI[name], atoms)
    energy, forces = benchmark.pedantic(evaluate, rounds=15, warmup_rounds=1)
    ours = workloads.ani_mininnip(atoms)()
    assert energy == pytest.approx(ours[0], rel=1e-5)
    np.testing.assert_allclose(forces, ours[1], rtol=0, atol=1e-4 * np.abs(ours[1]).max())


@pytest.mark.benchmark(group="Behler's functions with derivatives, silicon cluster", timer=time.process_time)
@pytest.mark.parametrize("name", workloads.DERIVATIVES)
def test_derivatives(benchmark, name):
    atoms = workloads.cluster(2 if benchmark.enabled else 1)  # 64 atoms
    evaluate = start(workloads.DERIVATIVES[name], atoms)
    total, by_position = benchmark.pedantic(evaluate, rounds=3 if name == "DScribe" else 15, warmup_rounds=1)
    ours = workloads.derivatives_mininnip(atoms)()
    assert total == pytest.approx(ours[0], rel=1e-11)
    np.testing.assert_allclose(by_position, ours[1], rtol=0, atol=1e-5 * np.abs(ours[1]).max())


@pytest.mark.benchmark(group="five members, 64 silicon atoms: energy + forces", timer=time.process_time)
@pytest.mark.parametrize("together", [True, False], ids=["one batched call", "one by one"])
def test_ensemble(benchmark, together, monkeypatch):
    ensemble = Ensemble(workloads.silicon_networks(5))
    graph = Graph.from_atoms(workloads.silicon(2), ensemble.cutoff)
    expected = ensemble(graph)
    monkeypatch.setattr(Ensemble, "_same_kind", lambda self: together)
    out = benchmark.pedantic(ensemble, (graph,), rounds=15, warmup_rounds=1)
    np.testing.assert_allclose(out["forces_std"], expected["forces_std"], rtol=0, atol=1e-12)


@pytest.mark.benchmark(group="an epoch of training on forces, 200 frames of 64 silicon atoms", timer=time.process_time)
def test_epoch(benchmark):
    training = workloads.training_on_silicon(200 if benchmark.enabled else 10)
    next(training)  # computes the symmetry functions
    history = benchmark.pedantic(next, (training,), rounds=5)
    assert np.isfinite(history["force_rmse"]).all()
    training.close()


@pytest.mark.benchmark(group="cost per atom, ANI's functions and a network, silicon", timer=time.process_time)
@pytest.mark.parametrize("repeats", [4, 8, 16, 23])  # 512 to 97 336 atoms
def test_cost_per_atom(benchmark, repeats):
    atoms = workloads.silicon(repeats if benchmark.enabled else min(repeats, 4))
    energy, forces = benchmark.pedantic(workloads.ani_mininnip(atoms), rounds=3, warmup_rounds=1)
    benchmark.extra_info["atoms"] = len(atoms)
    assert np.isfinite(energy)
    assert np.abs(forces.sum(axis=0)).max() < 1e-3 * np.abs(forces).sum()
