"""Energy, forces and neighbor list of one structure: mininnip and its peers, and how the cost grows.

The columns of pytest-benchmark's table give the ratios; time is processor time, which a busy machine leaves comparable.
No time is asserted. What is asserted is that every engine computed the same thing.
"""

import time

import numpy as np
import pytest
import workloads

from mininnip.graph import Graph


def start(engine, atoms):
    """The engine's evaluation of the structure, or a skipped test with the reason."""
    try:
        return engine(atoms)
    except (ImportError, OSError) as error:
        pytest.skip(f"not installed: {error}")


def assert_same_numbers(ours, theirs, name):
    assert theirs[0] == pytest.approx(ours[0], rel=1e-11)
    factor = 2.0 if name == "torch-sim" else 1.0  # the forces of torch-sim 0.3.0 are −2 dE/dr; its energy is right
    np.testing.assert_allclose(theirs[1], factor * ours[1], rtol=0, atol=1e-10)


@pytest.mark.benchmark(group="Lennard-Jones argon: list + energy + forces", timer=time.process_time)
@pytest.mark.parametrize("name", workloads.LENNARD_JONES)
def test_lennard_jones(benchmark, name):
    atoms = workloads.argon(14 if benchmark.enabled else 6)  # 10 976 atoms
    evaluate = start(workloads.LENNARD_JONES[name], atoms)
    results = benchmark.pedantic(evaluate, rounds=3 if name == "ASE" else 15, warmup_rounds=1)
    assert_same_numbers(workloads.lennard_jones_mininnip(atoms)(), results, name)


@pytest.mark.benchmark(group="Stillinger-Weber silicon: list + energy + forces", timer=time.process_time)
@pytest.mark.parametrize("name", workloads.STILLINGER_WEBER)
def test_stillinger_weber(benchmark, name):
    atoms = workloads.silicon(8 if benchmark.enabled else 3)  # 4096 atoms
    evaluate = start(workloads.STILLINGER_WEBER[name], atoms)
    results = benchmark.pedantic(evaluate, rounds=3 if name == "matscipy" else 15, warmup_rounds=1)
    assert_same_numbers(workloads.stillinger_weber_mininnip(atoms)(), results, name)


@pytest.mark.benchmark(group="cost per atom, Lennard-Jones argon", timer=time.process_time)
@pytest.mark.parametrize("repeats", [6, 8, 14, 20, 29])  # 864 to 97 556 atoms
def test_cost_per_atom(benchmark, repeats):
    """The table shows times; divide by the atoms in the test's name for the cost per atom, or run report.py."""
    atoms = workloads.argon(repeats if benchmark.enabled else min(repeats, 8))
    energy, forces = benchmark.pedantic(workloads.lennard_jones_mininnip(atoms), rounds=5, warmup_rounds=1)
    benchmark.extra_info["atoms"] = len(atoms)
    assert -0.09 < energy / len(atoms) < -0.06  # eV; a rattled crystal that is bound
    assert np.abs(forces.sum(axis=0)).max() < 1e-9 * np.abs(forces).sum()


@pytest.mark.benchmark(group="neighbor list alone, argon, 8.5 Å", timer=time.process_time)
@pytest.mark.parametrize("repeats", [6, 14])
def test_neighbor_list(benchmark, repeats):
    atoms = workloads.argon(repeats if benchmark.enabled else 6)
    graph = benchmark.pedantic(Graph.from_atoms, (atoms, 8.5), rounds=10, warmup_rounds=1)
    assert 70 < graph.edges.shape[1] / len(atoms) < 80
