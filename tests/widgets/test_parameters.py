"""Sliders whose meaning changes: made anew, wide enough, on their steps, the old ones closed."""

import pytest

from mininnip.widgets.panel import Panel
from mininnip.widgets.parameters import Sliders


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
