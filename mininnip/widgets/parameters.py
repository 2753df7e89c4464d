"""Sliders whose meaning changes with a choice: they are made anew, not told new ends.

A browser that is told a new range and a new value together may clip the value to the old range and report it back; it
also moves a value to the nearest step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from mininnip.widgets.panel import Panel

__all__ = ["Sliders", "Window", "exchange"]

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


class Window(ipywidgets.VBox):
    """A slider of a panel with two handles, for a range of whatever is chosen.

    Args:
        panel: whose it is; the class name is its name and `-window`.
        description: beside the slider.
        step: of both handles.
        on_change: called without arguments when one is moved.
    """

    def __init__(self, panel: Panel, description: str, step: float, on_change: Callable[[], None]):
        super().__init__()
        self._name, self._speak = f"{panel.name}-window", panel.guard(on_change)
        self._description, self._step = description, step

    @property
    def value(self) -> tuple[float, float]:
        """As the handles stand."""
        return self.children[0].value

    @value.setter
    def value(self, value: tuple[float, float]) -> None:
        self.children[0].value = value

    def show(self, low: float, high: float, value: tuple[float, float]) -> None:
        """A new slider from whole steps at or below `low` to whole steps at or above `high`."""
        ends: Any = {"min": math.floor(low / self._step) * self._step, "max": math.ceil(high / self._step) * self._step}
        look: Any = {"layout": {"width": "26em"}, "style": {"description_width": "5em"}, "readout_format": ".2f"}
        slider = ipywidgets.FloatRangeSlider(
            value=value, step=self._step, description=self._description, **ends, **look
        )
        slider.add_class(self._name)
        slider.observe(lambda _: self._speak(), "value")
        exchange(self, [slider])


def exchange(box: ipywidgets.Box, children: Sequence[ipywidgets.Widget]) -> None:
    """Give a box other children and close those that are gone."""
    gone = [child for child in box.children if child not in children]
    box.children = children
    for child in gone:
        child.close()
