"""ForceTraining: forces are learned if they weigh something; λ_F changes while it trains; Reset makes a new network."""

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.widgets import force_training
from mininnip.widgets.force_training import ForceTraining


def new_network(seed=0):
    torch.manual_seed(seed)
    return mn.neural.SchNet(4.0, n_features=16, n_layers=1)


@pytest.fixture
def hero(monkeypatch):
    monkeypatch.setattr(force_training, "RUN", 12)
    data = mn.load_data("ethanol_gfn2")
    assert isinstance(data, Dataset)
    panel = ForceTraining(new_network, data[:40], data[40:50])
    yield panel
    panel.retire()


def errors(panel):
    return np.array(panel.memory["history"])  # (epochs + 1, 2): forces in meV/Å, energy in meV/atom


def test_forces_are_learned_only_if_they_weigh(hero):
    for _ in hero._train_on():
        pass
    with_forces = errors(hero)
    assert len(with_forces) == 13 and with_forces[-1, 0] < 0.8 * with_forces[0, 0]
    assert f"forces <b>{with_forces[-1, 0]:.0f} meV/Å" in hero.status.value
    hero._reset()
    hero.weight.value = 0.0
    for _ in hero._train_on():
        pass
    assert errors(hero)[-1, 0] > 0.95 * with_forces[0, 0]


def test_what_is_drawn_is_the_network(hero):
    before = hero._filters(hero.memory["potential"])
    for _ in hero._train_on():
        pass
    found = mn.evaluate(hero.memory["potential"], hero.valid)
    assert errors(hero)[:, 0].min() == pytest.approx(found.forces_rmse, rel=0.5)
    assert np.array_equal(hero._before[0].get_ydata(), before[0])
    assert not np.allclose(hero._now[0].get_ydata(), before[0])


def test_another_weight_goes_on_from_where_it_stood(hero):
    hero.start.click()
    hero.weight.value = 0.5
    assert hero.work.wait(60)
    assert "λ_F = 0.50" in hero.status.value and len(errors(hero)) >= 13
