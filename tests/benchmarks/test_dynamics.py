"""Molecular dynamics through ASE: when the neighbor list is built anew, and what a step costs."""

import time

import numpy as np
import pytest
import workloads
from ase.calculators.lj import LennardJones

from mininnip.calculator import Calculator


@pytest.mark.parametrize("skin", [0.5, 1.0])
def test_list_is_built_anew_only_when_the_skin_is_used_up(skin):
    """An observer keeps its own account of how far atoms have moved, and predicts every rebuild."""
    calculator = Calculator(workloads.argon_model(), skin=skin)
    dynamics = workloads.argon_dynamics(calculator)
    built_at, predicted = dynamics.atoms.positions.copy(), [1]

    def observe():
        nonlocal built_at
        moved = np.linalg.norm(dynamics.atoms.positions - built_at, axis=1).max()
        if moved > skin / 2:
            built_at = dynamics.atoms.positions.copy()
            predicted.append(predicted[-1] + 1)
        assert calculator.neighbors.n_builds == predicted[-1]

    dynamics.attach(observe)
    dynamics.run(60)
    assert 2 <= predicted[-1] <= 30  # it did move, and far fewer lists than steps were built
    kept = dynamics.atoms.get_forces()
    dynamics.atoms.calc = Calculator(workloads.argon_model(), skin=0.0)
    np.testing.assert_allclose(dynamics.atoms.get_forces(), kept, rtol=0, atol=1e-14)


CALCULATORS = {
    "mininnip, default skin": lambda: Calculator(workloads.argon_model()),
    "mininnip, no skin": lambda: Calculator(workloads.argon_model(), skin=0.0),
    "ASE": lambda: LennardJones(
        epsilon=workloads.ARGON["epsilon"], sigma=workloads.ARGON["sigma"], rc=workloads.ARGON["cutoff"]
    ),
}


@pytest.mark.benchmark(group="ten steps of molecular dynamics, 864 argon atoms", timer=time.process_time)
@pytest.mark.parametrize("name", CALCULATORS)
def test_ten_steps(benchmark, name):
    dynamics = workloads.argon_dynamics(CALCULATORS[name](), repeats=6 if benchmark.enabled else 3)
    dynamics.run(1)
    energy = dynamics.atoms.get_total_energy()
    benchmark.pedantic(dynamics.run, (10,), rounds=3 if name == "ASE" else 20)
    assert dynamics.atoms.get_total_energy() == pytest.approx(energy, abs=1e-3 * len(dynamics.atoms))
