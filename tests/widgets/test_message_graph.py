"""MessageGraph: what it calls heard is what autograd finds a derivative for, and clicks and runs show it."""

import itertools

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

from mininnip.graph import Graph
from mininnip.neural import DTNN
from mininnip.widgets.message_graph import MOST_STEPS, MessageGraph, steps_until_heard

ETHANOL = molecule("CH3CH2OH")  # C C O, then H: 3 of the hydroxyl, 4 5 of CH2, 6 7 8 of CH3
CRYSTAL = bulk("Si", cubic=True) * (3, 1, 1)
CRYSTAL.rattle(0.03, seed=0)  # in a perfect one, derivatives cancel


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize(("atoms", "cutoff"), [(ETHANOL, 1.7), (CRYSTAL, 2.6)])
def test_heard_is_what_has_a_derivative(atoms, cutoff, n_layers):
    torch.manual_seed(0)
    model = DTNN(cutoff=cutoff, n_basis=10, n_layers=n_layers).double()
    torch.nn.init.normal_(model.interaction.out_network.weight)
    graph = Graph.from_atoms(atoms, cutoff)
    graph.positions.requires_grad_()
    (slope,) = torch.autograd.grad(model.features(graph)[-1][0].sum(), graph.positions)
    heard = steps_until_heard(graph, 0) <= n_layers
    heard[0] = (slope[0] != 0).any()  # of its own place it hears through its neighbors
    assert np.array_equal((slope != 0).any(dim=1).numpy(), heard)


def test_what_is_never_heard_is_infinitely_far():
    graph = Graph.from_arrays([18] * 3, 3.0 * torch.tensor([[0, 0, 0], [1, 0, 0], [9, 0, 0]]), 4.0)
    assert steps_until_heard(graph, 0).tolist() == [0, 1, np.inf]


def test_a_click_chooses_and_status_and_figure_follow():
    hero = MessageGraph(ETHANOL)
    hero.click(*hero.atoms.positions[2, :2])
    hero.steps.value = 2
    assert hero.chosen.value == 2 and np.array_equal(hero.first_heard <= 2, np.isin(range(9), [0, 1, 2, 3, 4, 5]))
    assert "O2" in hero.status.value and "6 of 9" in hero.status.value
    assert np.asarray(hero._curve.get_ydata()).tolist() == [1, 3, 6] + [9] * (MOST_STEPS - 2)
    assert np.array_equal((hero._dots.get_facecolors() == 1).all(axis=1), hero.first_heard > 2)
    hero.reach.value = 6.0
    assert "9 of 9" in hero.status.value and "not heard" not in hero.status.value


def test_a_run_ends_when_all_are_heard(monkeypatch):
    monkeypatch.setattr("mininnip.widgets.message_graph.SHOWN_FOR", 0.0)
    hero = MessageGraph(ETHANOL)
    assert len(list(hero._running())) == int(hero.first_heard.max()) + 1 == hero.steps.value + 1


@pytest.mark.benchmark(group="widget tick")
def test_tick(benchmark):
    """A slider tick must cost the kernel at most 25 ms."""
    hero, atoms = MessageGraph(bulk("Si", cubic=True) * (2, 1, 1), 2.6), itertools.cycle(range(16))
    benchmark(lambda: setattr(hero.chosen, "value", next(atoms)))
