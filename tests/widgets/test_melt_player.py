"""MeltPlayer: dynamics in the background, Stop, restart, replay, and what is shown is what was computed."""

import time

import numpy as np
import pytest
from ase.build import bulk

import mininnip as mn
from mininnip.widgets import panel as panel_module
from mininnip.widgets.melt_player import STEPS_PER_FRAME, MeltPlayer
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import FLAT


@pytest.fixture
def argon():
    model = mn.classical.PairPotential(
        mn.classical.lennard_jones, cutoff=6.0, truncation="switched", epsilon=0.0104, sigma=3.4
    )
    atoms = bulk("Ar", "fcc", a=5.6, cubic=True) * (2, 2, 2)
    atoms.calc = mn.Calculator(mn.Potential(model))
    return atoms


@pytest.fixture
def player(argon):
    player = MeltPlayer(argon)
    yield player
    player.work.stop()


def _wait(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_starts_with_the_crystal_and_leaves_the_atoms_alone(player, argon):
    before = argon.positions.copy()
    assert len(player.run.frames) == 1 and player.run.displacement(0) == 0
    player.run.advance(100)
    np.testing.assert_array_equal(argon.positions, before)
    assert player.run.frames[1].time == pytest.approx(STEPS_PER_FRAME * 8e-3)


def test_run_and_stop_and_run_on(player):
    player.start.click()
    assert player.start.disabled and player.work.running
    _wait(lambda: len(player.run.frames) > 3)
    player.work.button.click()
    reached = len(player.run.frames)
    assert not player.work.running and not player.start.disabled
    assert player.frame.value == player.frame.max == reached - 1
    player.start.click()
    _wait(lambda: len(player.run.frames) > reached)
    player.work.button.click()
    assert player.run.frames[-1].time > player.run.frames[reached - 1].time


def test_the_heat_bath_follows_the_slider_while_it_runs(player):
    player.temperature.value = 250
    player.start.click()
    _wait(lambda: len(player.run.frames) > 60)
    player.work.stop()
    hot = np.mean([frame.temperature for frame in player.run.frames[-15:]])
    assert 170 < hot < 340 and player.run.displacement(-1) > 0.5


def test_new_crystal_stops_and_starts_over(player):
    player.start.click()
    _wait(lambda: len(player.run.frames) > 2)
    player.over.click()
    assert not player.work.running and len(player.run.frames) == 1 and player.frame.max == 0


def test_looking_back_shows_that_frame(player):
    for _ in range(5):
        player.run.advance(150)
    player._show_last()
    player.look.value = FLAT
    last = player.live.view.moving, player.flat.view.moving
    player.frame.value = 1
    assert f"{player.run.frames[1].time:.2f} ps" in player.status.value
    assert player.live.view.moving != last[0] and player.flat.view.moving != last[1]
    shown = player.stage._dots.get_offsets()
    np.testing.assert_allclose(np.sort(shown[:, 0]), np.sort(player.run.wrapped(1)[:, 0]))


def test_the_curve_shown_is_the_mean_radial_distribution(player):
    for _ in range(3):
        player.run.advance(40)
    player._show(3)
    frames = []
    for frame in player.run.frames:
        atoms = player.run.atoms.copy()
        atoms.positions = frame.positions
        frames.append(atoms)
    expected = mn.analysis.radial_distribution(frames, player.run.cutoff, n_bins=len(player.run.r)).g
    np.testing.assert_allclose(player._g.get_ydata(), expected)


def test_running_the_cell_again_keeps_the_frames_and_stops_the_old_thread(argon, monkeypatch):
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")
    first = MeltPlayer(argon)
    first.temperature.value = 90
    first.start.click()
    _wait(lambda: len(first.run.frames) > 2)
    again = MeltPlayer(argon)
    assert not first.work.running and again.run is first.run
    assert again.temperature.value == 90 and again.frame.max == len(again.run.frames) - 1
    other = argon.copy()
    other.calc = argon.calc
    assert len(MeltPlayer(other).run.frames) == 1


def test_atoms_that_fly_apart_are_said(player):
    player.run.atoms.set_momenta(np.full((32, 3), np.nan))
    player.start.click()
    _wait(lambda: not player.work.running)
    assert "ended early" in player.work.text.value and not player.start.disabled


@pytest.mark.parametrize("spoil", ["calculator", "periodicity"])
def test_what_cannot_be_played_is_refused(argon, spoil):
    if spoil == "calculator":
        argon.calc = None
    else:
        argon.pbc = False
    with pytest.raises(ValueError, match="periodic atoms with a calculator"):
        MeltPlayer(argon)
