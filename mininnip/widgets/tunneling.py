"""Tunneling through the umbrella of ammonia: a slider for the hill, a choice of the hydrogen, levels that split.

The curve is stretched, its mass exchanged; the Schrödinger equation is solved anew at each tick, by
`mininnip.surfaces.quantum_levels`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mininnip.figures.plotting import MODEL, REFERENCE
from mininnip.surfaces.quantum_levels import PLANCK, quantum_levels
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

HYDROGEN = {"NH₃": 1.00783, "ND₃": 2.0141, "NT₃": 3.01605}  # amu
MEASURED = {"NH₃": 23.8, "ND₃": 1.6}  # GHz
HILLS = (0.1, 0.5)  # eV, ends of the slider
WALLS = (-0.75, 0.75)  # Å

Curve = Callable[[NDArray], NDArray]


class Tunneling(Panel):
    """A double well with its lowest levels, and how often a second the molecule swings through the hill.

    Args:
        curve: energy in eV of heights (P,) in Å; even, with its hill at 0.
        mass: makes from the mass of the hydrogen in amu the mass of the path, a function of heights.

    Raises:
        ValueError: a curve without a hill at 0.
    """

    def __init__(self, curve: Curve, mass: Callable[[float], Curve]):
        self._x = np.linspace(*WALLS, 301)
        energy = np.asarray(curve(self._x))
        self._lowest = float(energy.min())
        self._hill = float(curve(np.zeros(1))[0]) - self._lowest
        if not self._hill > 0:
            raise ValueError("the curve has no hill at height 0: nothing to tunnel through")
        super().__init__("tunneling")
        self._curve, self._mass = curve, mass
        self._draw_figure(energy - self._lowest)
        self.hill = self.slider("hill", "hill (eV)", round(self._hill, 3), HILLS, 0.001, self._move, ".3f")
        self.hydrogen = self.choice("hydrogen", list(HYDROGEN), self._move)
        self.show_all([self.live.view, self.hill, self.hydrogen])
        self._move()

    def levels(self, hill: float, hydrogen: str) -> NDArray:
        """The four lowest levels in eV above the valley floor of the curve stretched to a hill in eV."""
        stretch = hill / self._hill

        def stretched(x: NDArray) -> NDArray:
            return stretch * (np.asarray(self._curve(x)) - self._lowest)

        return quantum_levels(stretched, self._mass(HYDROGEN[hydrogen]), WALLS, n_grid=401)

    def swings(self, hill: float, hydrogen: str) -> float:
        """How often the molecule goes over and back, in GHz: the gap of the lowest pair divided by h."""
        low, high = self.levels(hill, hydrogen)[:2]
        return float(high - low) / PLANCK / 1e9

    def _draw_figure(self, energy: NDArray) -> None:
        figure = Figure(figsize=(8.6, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.set(xlabel="height h (Å)", ylabel="energy (eV)", xlim=WALLS, ylim=(0, 0.7))
        hills = np.linspace(*HILLS, 17)
        for name, look in zip(HYDROGEN, ("-", "--", ":"), strict=True):
            right.semilogy(hills, [self.swings(hill, name) for hill in hills], look, color="0.5", label=name)
        places = [self._hill] * len(MEASURED)
        right.plot(places, list(MEASURED.values()), "*", color=REFERENCE, markersize=12, label="measured")
        right.set(xlabel="hill (eV)", ylabel="swings per second (GHz)", xlim=HILLS)
        right.legend(loc="lower left")
        self.live = LiveFigure(figure)
        self._well = self.live.line(left, color=REFERENCE)
        self._lines = [self.live.line(left, color=MODEL, linewidth=1.5) for _ in range(4)]
        self._now = self.live.line(right, "o", color=MODEL, markersize=9)
        self._energy = energy

    def _move(self) -> None:
        hill, name = self.hill.value, self.hydrogen.value
        levels, well = self.levels(hill, name), hill / self._hill * self._energy
        self._well.set_data(self._x, well)
        for line, level in zip(self._lines, levels, strict=True):
            inside = self._x[well < level]
            line.set_data([inside[0], inside[-1]], [level, level])
        swing = float(levels[1] - levels[0]) / PLANCK / 1e9
        self._now.set_data([hill], [swing])
        self.live.view.alt = (
            f"Left: double well with a hill of {hill:.3f} eV and its four lowest levels, in pairs. Right: swings per "
            f"second fall with the hill, faster for heavier hydrogen; now {swing:.3g} GHz for {name}."
        )
        self.live.refresh()
        self.say(f"{name} over a hill of {hill:.3f} eV: swings at <b>{swing:.3g} GHz</b>.")
