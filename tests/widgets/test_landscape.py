"""The landscape widget: where the ball ends, that it is put back when it leaves, and the barrier of a path."""

import time

import pytest
import torch

from mininnip import surfaces
from mininnip.widgets.landscape import BOUNDS, MOVE, NEWTON, ROLL, Landscape


@pytest.fixture(scope="module")
def panel():
    panel = Landscape()
    yield panel
    panel.retire()


@pytest.mark.parametrize(
    ("action", "start", "end", "kind"),
    [
        (ROLL, (-1.0, 1.0), (-0.558, 1.442), "minimum"),
        (ROLL, (1.15, 1.95), (-0.558, 1.442), "minimum"),  # from far up the wall
        (NEWTON, (0.22, 0.3), (0.212, 0.293), "saddle"),
    ],
)
def test_it_says_where_the_ball_rests(panel, action, start, end, kind):
    panel.action.value = action
    panel.click(*start)
    assert panel.work.wait(60) and f"<strong>{kind}</strong>" in panel.status.value
    torch.testing.assert_close(panel.position, torch.tensor(end, dtype=torch.float64), atol=1e-3, rtol=0)


def test_a_stopped_ball_is_said_to_be_neither_and_the_barrier_of_a_path_is_read_off(panel):
    panel.action.value, panel.temperature.value = MOVE, 40
    panel.click(-0.5, 1.4)
    panel.work.button.click()
    assert "neither minimum nor saddle" in panel.status.value and "stopped" in panel.work.text.value
    panel.path.value = "AC"
    assert panel.drawn.reading.get_text() == "from A to C: 106.0\nfrom C to A: 40.1"
    assert "saddle at E = -40.7" in panel.status.value


def test_a_ball_ends_without_force_or_hops_or_leaves_the_map_and_is_put_back(panel):
    ends, axes = {"no force": 0, "left the map": 0, "hops to and fro": 0}, [torch.linspace(*e, 8) for e in BOUNDS]
    for action, start in [*((NEWTON, xy) for xy in torch.cartesian_prod(*axes)), (MOVE, torch.tensor([1.2, 2.0]))]:
        torch.manual_seed(0)  # of the motion
        panel.action.value, panel.temperature.value, panel.position = action, 60, start
        list(panel._go())
        (end,) = [words for words in ends if words in panel.status.value]
        ends[end] += 1
        assert end != "left the map" or torch.equal(panel.position, start)
    assert min(ends.values()) > 8 and "kT = 60 carries it over the rim" in panel.status.value


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark, panel):
    """One picture of the moving ball with a full trail; at most 25 ms."""
    trail, _ = surfaces.langevin(surfaces.muller_brown, panel.minima["A"], kT=15.0, n_steps=399, time_step=0.004)
    benchmark(panel._draw, trail, torch.linspace(0, 1, 400))
