"""Sliders whose meaning changes: made anew, wide enough, on their steps, the old ones closed."""

import pytest

from mininnip.widgets.panel import Panel
from mininnip.widgets.parameters import Sliders, Window


def test_new_sliders_hold_their_values_on_a_step_and_old_ones_close():
    moved = []
    sliders = Sliders(Panel("wave"), lambda: moved.append(sliders.values))
    sliders.show([("a", 0.0, 2.0, 0.7), ("b", 1.0, 3.0, 4.5), ("c", -1.0, 1.0, 1e-12)])
    assert sliders.values == pytest.approx([0.7, 4.5, 0.0])
    assert [slider.description for slider in sliders.children] == ["a", "b", "c"]
    assert sliders.children[1].max == 4.5 and "wave-parameter-2" in sliders.children[1]._dom_classes
    for slider in sliders.children:
        steps = (slider.value - slider.min) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-6)  # a browser moves it nowhere
    sliders.children[0].value = 1.0
    assert moved == [[1.0, 4.5, 0.0]]
    old = sliders.children
    sliders.show([("d", 0.0, 1.0, 0.5)])
    assert all(slider.comm is None for slider in old) and sliders.values == [0.5]


def test_a_new_window_holds_its_value_and_the_old_one_closes():
    moved = []
    window = Window(Panel("wave"), "from", 0.01, lambda: moved.append(window.value))
    window.show(0.814, 2.996, (0.9, 2.0))
    (slider,) = window.children
    assert (slider.min, slider.max) == pytest.approx((0.81, 3.0)) and "wave-window" in slider._dom_classes
    window.value = (1.0, 1.5)
    assert moved == [(1.0, 1.5)]
    window.show(5.0, 6.0, (5.0, 6.0))
    assert slider.comm is None and window.value == (5.0, 6.0) and len(moved) == 1
