"""Sliders whose meaning changes with a choice: a column that is made anew, not told new ends.

A browser that is told a new range and a new value together may clip the value to the old range and report it back; it
also moves a value to the nearest step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from mininnip.widgets.panel import Panel

__all__ = ["Sliders", "exchange"]

N_STEPS = 400


class Sliders(ipywidgets.VBox):
    """A column of sliders of a panel, for the parameters of whatever is chosen.

    Args:
        panel: whose they are; class names are its name, `-parameter-` and a number from 1 on.
        on_change: called without arguments when one is moved.
    """

    def __init__(self, panel: Panel, on_change: Callable[[], None]):
        super().__init__()
        self._name, self._speak = panel.name, panel.guard(on_change)

    @property
    def values(self) -> list[float]:
        """As the sliders stand."""
        return [slider.value for slider in self.children]

    def show(self, ranges: Sequence[tuple[str, float, float, float]]) -> None:
        """New sliders: label, lowest, highest and present value of each.

        A value beyond an end widens the slider, which begins whole steps below the value.
        """
        sliders = []
        for k, (label, low, high, value) in enumerate(ranges, start=1):
            value = value if abs(value) > 1e-9 * high else 0.0
            low, high = min(low, value), max(high, value)
            step = (high - low) / N_STEPS
            ends: Any = {"min": value - step * math.floor((value - low) / step), "max": high, "step": step}
            look: Any = {"layout": {"width": "26em"}, "style": {"description_width": "7em"}, "readout_format": ".4g"}
            slider = ipywidgets.FloatSlider(value=value, description=label, **ends, **look)
            slider.add_class(f"{self._name}-parameter-{k}")
            slider.observe(lambda _: self._speak(), "value")
            sliders.append(slider)
        exchange(self, sliders)


def exchange(box: ipywidgets.Box, children: Sequence[ipywidgets.Widget]) -> None:
    """Give a box other children and close those that are gone."""
    gone = [child for child in box.children if child not in children]
    box.children = children
    for child in gone:
        child.close()
