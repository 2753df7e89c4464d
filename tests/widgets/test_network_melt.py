"""NetworkMelt: train, stop, melt, stop, train on; red atoms are those outside; nothing is lost, nothing runs away."""

import time
from collections import deque
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.figures.plotting import ATTACK
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.widgets import network_melt as module
from mininnip.widgets.network_melt import EPOCHS, NetworkMelt
from mininnip.widgets.stage import FLAT


@pytest.fixture(scope="module")
def silicon():
    data = mn.load_data("silicon")
    assert isinstance(data, Dataset)
    return data.where(trajectory=1)


FUNCTIONS: dict[str, Any] = dict(
    cutoff=4.0, g2=[(4.0, 2.2), (4.0, 2.8), (4.0, 3.4)], g5=[(0.05, 2, 1)], angular_cutoff=3.2
)
R = np.arange(0.05, 5.2, 0.1)


def make(silicon, **options):
    functions = mn.descriptors.SymmetryFunctions((14,), **FUNCTIONS)
    arguments: dict[str, Any] = dict(start=silicon[100].atoms()[0], functions=functions, reference=(R, np.ones_like(R)))
    return NetworkMelt(silicon[::20], silicon[5:9], **(arguments | options))


@pytest.fixture
def panel(silicon):
    panel = make(silicon)
    yield panel
    panel.work.stop()


def _wait(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_learns_and_can_be_stopped_and_continued(panel):
    panel.learn.click()
    assert panel.learn.disabled and panel.melt.disabled
    _wait(lambda: len(panel.memory["errors"]) > 4)
    panel.work.button.click()
    assert not panel.work.running and not panel.learn.disabled
    errors = list(panel.memory["errors"])
    assert errors[-1] < errors[0]
    panel.learn.click()
    _wait(lambda: len(panel.memory["errors"]) > len(errors))
    panel.work.button.click()
    assert panel.memory["errors"][: len(errors)] == errors
    assert "epochs, force error" in panel.status.value


def test_more_epochs_than_the_axis_holds_widen_it(panel):
    panel.memory["errors"] = [100.0] * (EPOCHS + 2)
    panel._draw()
    assert panel._above.get_xlim()[1] == 2 * EPOCHS


def test_the_melt_runs_g_builds_up_and_red_atoms_are_those_outside(panel):
    for _ in panel._training():
        if len(panel.memory["errors"]) > 3:
            break
    panel.look.value = FLAT
    panel.melt.click()
    _wait(lambda: len(panel.memory["g"]) > 2)
    panel.work.button.click()
    frame = panel.memory["frame"]
    red = [tuple(color) == to_rgba(ATTACK) for color in panel.stage._dots.get_facecolor()]
    order = np.argsort(frame.get_positions(wrap=True)[:, 2])
    assert red == list(frame.calc.results["extrapolation"][order] > 0)
    np.testing.assert_allclose(panel._g.get_ydata(), np.mean(panel.memory["g"], axis=0))
    assert "atoms outside" in panel.status.value
    before = frame.positions.copy()
    panel.melt.click()
    _wait(lambda: panel.memory["frame"] is not frame)
    panel.work.stop()
    assert np.abs(panel.memory["frame"].positions - before).max() < 2  # it went on from where it was


def test_a_new_temperature_starts_a_new_average(panel):
    run = panel._melting()
    for _ in range(3):
        next(run)
    assert len(panel.memory["g"]) == 3
    panel.temperature.value = 600
    next(run)
    assert len(panel.memory["g"]) == 1


def test_an_untrained_network_says_so(panel):
    run = panel._melting()
    next(run)
    assert "knows no training data" in panel.status.value
    run.close()


def test_two_atoms_that_fuse_are_red_are_said_and_stay_until_the_next_melt(panel, monkeypatch):
    def falling_together(atoms, *arguments, **keywords):
        frame = next(molecular_dynamics(atoms, *arguments, **keywords))
        first = frame.positions[7].copy()
        for distance in (1.5, 1.0):
            frame = frame.copy()
            frame.positions[20] = first + [distance, 0, 0]
            yield frame
        raise RunEnded("after 0.010 ps atoms 7 and 20 are 0.40 Å apart", [])

    monkeypatch.setattr(module, "molecular_dynamics", falling_together)
    panel.look.value = FLAT
    panel.melt.click()
    _wait(lambda: not panel.work.running)
    assert "collapsed" in panel.status.value and "atoms 7 and 20, drawn red, have fused (1.00 Å)" in panel.status.value
    nearest = min(module.closest_pair(atoms)[1] for atoms in panel._train.atoms())
    assert f"nearer than {nearest:.2f} Å" in panel.status.value and 1.9 < nearest < 2.4
    red = [tuple(color) == to_rgba(ATTACK) for color in panel.stage._dots.get_facecolor()]
    order = np.argsort(panel.memory["frame"].get_positions(wrap=True)[:, 2])
    assert set(order[red]) == {7, 20} and not panel.melt.disabled
    panel.temperature.value = 2000  # draws
    assert "did not work" not in panel.status.value
    monkeypatch.setattr(module, "molecular_dynamics", molecular_dynamics)
    next(panel._melting())
    assert module.closest_pair(panel.memory["frame"])[1] > module.NEAR  # anew


def test_another_end_is_said_in_its_own_words(panel, monkeypatch):
    def fast(*arguments, **keywords):
        yield next(molecular_dynamics(*arguments, **keywords))
        raise RunEnded("after 0.020 ps atom 3 moves by 2 Å in one time step", [])

    monkeypatch.setattr(module, "molecular_dynamics", fast)
    panel.melt.click()
    _wait(lambda: not panel.work.running)
    assert "The melt has ended: after 0.020 ps atom 3 moves" in panel.status.value


def test_reset_makes_another_network(panel):
    old, weights = (
        panel.memory["potential"],
        panel.memory["potential"].model.readout.networks[0].layers[0].weight.clone(),
    )
    panel.memory["errors"] = [300.0, 200.0]
    panel.reset.click()
    assert panel.memory["potential"] is not old
    assert not np.allclose(
        panel.memory["potential"].model.readout.networks[0].layers[0].weight.detach(), weights.detach()
    )
    assert panel.memory["errors"] == [] and panel.memory["g"] == deque()


@pytest.mark.parametrize(
    ("change", "words"), [(dict(reference=(R,)), "at least one"), (dict(start=None), "periodic structure")]
)
def test_what_makes_no_melt_is_refused(silicon, change, words):
    if "start" in change:
        change = dict(start=silicon[0].atoms()[0])
        change["start"].pbc = False
    with pytest.raises(ValueError, match=words):
        make(silicon, **change)
