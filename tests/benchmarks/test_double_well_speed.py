"""Lesson 22: what the loop of attacks costs in processor time, and a redraw of its live figure.

No time is asserted; the table of pytest-benchmark tells it. Asserted is that the right thing was done.
"""

import time

import double_well as well
import numpy as np
import pytest

from mininnip.surfaces import plane
from mininnip.widgets.attack_map import AttackMap


@pytest.mark.benchmark(group="double well: five members, five trainings, four rounds", timer=time.process_time)
def test_the_loop_of_attacks(benchmark):
    seeds = iter(range(10))

    def whole():
        seed = next(seeds)
        data = well.left_well(seed)
        return well.run(seed, well.attacked(False), data, well.committee(data, seed))

    if not benchmark.enabled:
        pytest.skip("seconds long; run by `make benchmark`")
    errors, _ = benchmark.pedantic(whole, rounds=3)
    assert len(errors) == 5 and errors[-1] < errors[0]


@pytest.mark.benchmark(group="double well: a moved start, climbed and drawn", timer=time.process_time)
@pytest.mark.parametrize("what", ["drawn", "climbed and drawn"])
def test_a_moved_start(benchmark, what):
    data = well.left_well(0)
    panel = AttackMap(well.committee(data, 0), plane.as_points(data.graph(None)))
    places = iter(np.linspace(-1, 1, 200))

    def move():
        panel.seed = (float(next(places)), 0.1)
        if what == "drawn":
            with panel.live.lock:
                panel.end.set_data([panel.seed[0]], [panel.seed[1]])
                panel.live.refresh()
        else:
            for _ in panel._climb():
                pass

    try:
        benchmark.pedantic(move, rounds=20 if benchmark.enabled and what == "drawn" else 2, warmup_rounds=1)
        if what == "drawn":
            assert panel.end.get_xydata()[0] == pytest.approx(panel.seed)  # pyright: ignore
    finally:
        panel.retire()
