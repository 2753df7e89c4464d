"""NetworkMelt: train, stop, melt, stop, train on; red is outside; a melt that collapses says so and starts anew."""

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import mininnip as mn
from mininnip.figures.plotting import ATTACK
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.widgets import network_melt as module
from mininnip.widgets.stage import FLAT


@pytest.fixture
def panel():
    silicon: Any = mn.load_data("silicon")
    data, functions = silicon.where(trajectory=1), mn.descriptors.SymmetryFunctions((14,), 4.0, [(4.0, 2.2), (4.0, 3)])
    reference = np.arange(0.05, 5.2, 0.1), np.ones(52)
    panel = mn.widgets.NetworkMelt(data[::20], data[5:9], data[100].atoms()[0], functions, reference)
    panel.stage.look.value = FLAT
    yield panel
    panel.retire()


def test_training_stops_and_goes_on_and_a_melt_takes_what_was_learned(panel):
    melting, training = panel._melting(), panel._training()
    assert len([next(work) for work in (melting, training, training, training)]) == 4
    training.close()
    errors = list(panel.memory["errors"])
    assert len(errors) == 3 and errors[-1] < errors[0] and "2 epochs, force error" in panel.status.value
    assert len([next(work) for work in (melting, melting, *[panel._training()] * 2)]) == 4
    assert panel.memory["errors"][:3] == errors and len(panel.memory["errors"]) == 4
    assert f"{(panel.memory['frame'].calc.results['extrapolation'] > 0).sum()} of 64 atoms" in panel.status.value
    for setting, value in ((panel.temperature, 600), (panel.repulsion, True)):
        setting.value = value
        assert [len(panel.memory["g"]) for _ in (next(melting), next(melting))] == [2, 2]  # averaged anew
    before = panel.memory["frame"].positions
    next(panel._melting())  # goes on from there
    assert np.abs(panel.memory["frame"].positions - before).max() < 1
    panel.reset.click()
    assert "untrained" in panel.status.value and not panel.memory["errors"] and not panel.memory["g"]


def test_a_collapse_is_said_its_atoms_are_red_and_the_next_melt_starts_anew(panel, monkeypatch):
    def falling_together(atoms, *arguments, **keywords):
        frame = next(molecular_dynamics(atoms, *arguments, **keywords))
        frame.positions[20] = frame.positions[7] + [1.1, 0, 0]
        yield frame
        raise RunEnded("lost", [])

    with monkeypatch.context() as patch:
        patch.setattr(module, "molecular_dynamics", falling_together)
        list(panel._melting())
    red = [tuple(color) == to_rgba(ATTACK) for color in panel.stage._dots.get_facecolor()]
    below = np.argsort(panel.memory["frame"].get_positions(wrap=True)[:, 2])
    assert set(below[red]) == {7, 20} and "collapsed" in panel.status.value
    next(panel._melting())
    assert module.closest_pair(panel.memory["frame"])[2] > module.FUSING
