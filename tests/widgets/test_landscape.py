"""The landscape widget: where the ball ends, what is said there, and the barrier that is read off."""

import re
import time

import pytest
import torch

from mininnip import surfaces
from mininnip.widgets.landscape import MOVE, NEWTON, ROLL, Landscape


@pytest.fixture(scope="module")
def panel():
    panel = Landscape()
    yield panel
    panel.retire()


def _let_go(panel, action, x, y):
    panel.action.value = action
    panel.click(x, y)
    assert panel.work.wait(60)
    return re.sub("<[^>]*>", "", panel.status.value)


@pytest.mark.parametrize(
    ("action", "start", "end", "words"),
    [
        (ROLL, (-1.0, 1.0), (-0.558, 1.442), "both positive: every step costs energy, a minimum"),
        (ROLL, (0.8, -0.1), (0.623, 0.028), "a minimum"),
        (NEWTON, (-0.8, 0.7), (-0.822, 0.624), "one negative: downhill along the dashed red line"),
        (NEWTON, (0.22, 0.3), (0.212, 0.293), "a saddle"),
    ],
)
def test_it_says_where_the_ball_rests(panel, action, start, end, words):
    said = _let_go(panel, action, *start)
    assert words in said and f"({end[0]:.3f}, {end[1]:.3f})" in said
    torch.testing.assert_close(panel.position, torch.tensor(end, dtype=torch.float64), atol=1e-3, rtol=0)


def test_a_stopped_ball_is_said_to_be_neither(panel):
    panel.action.value = MOVE
    panel.temperature.value = 40
    panel.click(-0.5, 1.4)
    panel.work.button.click()
    said = re.sub("<[^>]*>", "", panel.status.value)
    assert "neither minimum nor saddle" in said and "stopped" in panel.work.text.value
    force = torch.linalg.vector_norm(surfaces.forces(surfaces.muller_brown, panel.position))
    assert f"the force is {force:.1f}" in said


def test_the_barrier_of_a_path_is_read_off(panel):
    panel.path.value = "AC"
    assert panel.reading.get_text() == "from A to C: 106.0\nfrom C to A: 40.1"
    assert "saddle at E = -40.7" in panel.status.value
    panel.path.value = "BC"
    assert panel.reading.get_text() == "from B to C: 35.9\nfrom C to B: 8.5"


def test_a_click_far_up_the_wall_still_ends_in_a_valley(panel):
    assert "a minimum" in _let_go(panel, ROLL, 1.15, 1.95)


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark, panel):
    """One picture of the moving ball with a full trail; at most 25 ms."""
    trail, _ = surfaces.langevin(surfaces.muller_brown, panel.minima["A"], kT=15.0, n_steps=399, time_step=0.004)
    energies = surfaces.muller_brown(trail)
    benchmark(panel._draw, trail, energies, torch.linspace(0, 1, 400))
