"""The landscape widget: where the ball ends, what is said there, and the barrier that is read off."""

import itertools
import re
import time

import numpy as np
import pytest
import torch

from mininnip import surfaces
from mininnip.widgets.landscape import BOUNDS, MOVE, NEWTON, ROLL, Landscape


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


def test_jumps_end_without_force_or_leave_the_map_or_hop_and_each_is_said(panel):
    ends = {"no force is left": 0, "left the map": 0, "hops to and fro": 0}
    panel.action.value = NEWTON
    for x, y in itertools.product(np.linspace(-1.4, 1.1, 8), np.linspace(-0.1, 1.9, 8)):
        panel.position = torch.tensor([x, y])
        for _ in panel._go():
            pass
        (end,) = [words for words in ends if words in re.sub("<[^>]*>", "", panel.status.value)]
        ends[end] += 1
        if end == "left the map":
            torch.testing.assert_close(panel.position, torch.tensor([x, y]))
            assert not (BOUNDS[0][0] <= panel.ball.get_xdata()[0] <= BOUNDS[0][1]) or not (
                BOUNDS[1][0] <= panel.ball.get_ydata()[0] <= BOUNDS[1][1]
            )
    assert min(ends.values()) > 8


def test_a_hot_ball_that_leaves_the_map_is_said_and_put_back(panel):
    panel.action.value, panel.temperature.value = MOVE, 60
    for seed in range(20):
        torch.manual_seed(seed)
        panel.position = torch.tensor([0.6, 0.03], dtype=torch.float64)
        for _ in panel._go():
            pass
        if "left the map" in panel.status.value:
            break
    assert "kT = 60 carries it over the rim" in panel.status.value
    assert panel.position.tolist() == [0.6, 0.03]


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark, panel):
    """One picture of the moving ball with a full trail; at most 25 ms."""
    trail, _ = surfaces.langevin(surfaces.muller_brown, panel.minima["A"], kT=15.0, n_steps=399, time_step=0.004)
    benchmark(panel._draw, trail, torch.linspace(0, 1, 400))
