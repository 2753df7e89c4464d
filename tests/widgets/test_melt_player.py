"""MeltPlayer: what is shown is what was computed; Stop, look back, run on, start over; a run that ends says why."""

import itertools

import numpy as np
import pytest
from ase.build import bulk

import mininnip as mn
from mininnip.widgets.melt_player import AVERAGED, N_BINS, MeltPlayer
from mininnip.widgets.stage import FLAT


@pytest.fixture
def player():
    atoms = bulk("Ar", "fcc", a=5.6, cubic=True) * (2, 2, 2)
    law = mn.classical.PairPotential(mn.classical.lennard_jones, 6.0, "switched", epsilon=0.0104, sigma=3.4)
    atoms.calc = mn.Calculator(mn.Potential(law))
    return MeltPlayer(atoms)


def test_it_starts_with_the_crystal_runs_on_where_it_stopped_and_starts_over(player):
    before = player._atoms.positions.copy()
    for n in (3, 6):
        list(itertools.islice(player._run(), 3))
        assert [frame.info["time"] for frame in player.frames] == pytest.approx(0.08 * np.arange(n + 1))
        assert player.frame.value == player.frame.max == n
    assert (player._atoms.positions == before).all() and (player.frames[0].positions == before).all()
    player.over.click()
    assert len(player.frames) == 1 and player.frame.max == 0 and "0.00 ps, 0 K" in player.status.value


def test_the_heat_bath_follows_the_slider_also_while_it_runs(player):
    for player.temperature.value, n in ((100, 20), (250, 60)):
        list(itertools.islice(player._run(), n))
    temperatures = [frame.info["temperature"] for frame in player.frames]
    assert np.mean(temperatures[10:20]) < 150 and 170 < np.mean(temperatures[-15:]) < 340


def test_what_is_shown_is_the_frame_and_the_mean_over_those_before_it(player):
    list(itertools.islice(player._run(), AVERAGED + 2))
    player.stage.look.value = FLAT
    for player.frame.value in (2, AVERAGED + 1):
        frames = player.frames[max(player.frame.value - AVERAGED + 1, 0) : player.frame.value + 1]
        g = mn.analysis.radial_distribution(frames, player._cutoff, N_BINS)
        np.testing.assert_allclose(player._g.get_data(), (g.r, g.g))
        x = frames[-1].get_positions(wrap=True)[:, 0]
        np.testing.assert_allclose(np.sort(player.stage._dots.get_offsets()[:, 0]), np.sort(x))
        assert f"{frames[-1].info['time']:.2f} ps" in player.status.value


def test_a_run_that_ends_says_why_and_atoms_that_cannot_run_are_refused(player):
    player._atoms.positions[1] = player._atoms.positions[0] + [2.0, 0, 0]
    player.over.click()
    for words in ("over: after 0.0", "over. Press New crystal"):
        assert list(player._run()) == [] and words in player.status.value
    player._atoms.pbc = False
    for atoms in (player._atoms, bulk("Ar")):
        with pytest.raises(ValueError, match="periodic atoms with a calculator"):
            MeltPlayer(atoms)
