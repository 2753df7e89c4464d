"""A fit as a figure: above the points and the model, below the residual, model minus reference.

What the best fit leaves is drawn in pale red below the residual, and rings mark the points it misses.
"""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE


class ResidualFigure:
    """The figure and its artists; energies are given in the unit that the axes name.

    Args:
        missed: what the rings say in the legend.

    Attributes:
        figure: made without pyplot.
        moving: what `show_window` and `show_model` change; the rest stays until `show_points`.
        limit: end of the residual's axis.
    """

    def __init__(self, missed: str):
        figure = self.figure = Figure(figsize=(7.6, 4.6), layout="none")  # type: ignore[arg-type] (nothing jumps)
        self.top, self.bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        figure.subplots_adjust(left=0.13, right=0.985, top=0.935, bottom=0.13, hspace=0.12)
        for axes in (self.top, self.bottom):
            axes.axhline(0, color="0.6", linewidth=1, linestyle=":")
        corner: Any = {"transform": self.bottom.transAxes, "ha": "right", "va": "bottom", "fontsize": 11}
        self.bottom.text(0.98, 0.04, "pale red: what the best fit leaves", color=ATTACK, **corner)
        self.bottom.set_xlabel("distance r (Å)")
        (self._points,) = self.top.plot([], [], "o", color=REFERENCE, markersize=5, zorder=3, label="ab initio")
        (self.rings,) = self.top.plot([], [], "o", color=ATTACK, markersize=11, fillstyle="none", label=missed)
        gray: Any = {"color": "black", "alpha": 0.07, "linewidth": 0}
        self.outside = [axes.axvspan(0, 0, **gray) for axes in (self.top, self.bottom) for _ in ("left", "right")]
        self.left_over = self.bottom.fill_between([0], 0, [0], color=ATTACK, alpha=0.28, linewidth=0)
        (self._model,) = self.top.plot([], [], color=MODEL, label="model")
        (self._stems,) = self.bottom.plot([], [], color=MODEL, linewidth=1.2)
        (self._dots,) = self.bottom.plot([], [], "o", color=MODEL, markersize=5)
        words: Any = {"transform": self.top.transAxes, "ha": "right", "va": "top", "fontsize": 13}
        self._words = self.top.text(0.98, 0.95, "", color=MODEL, **words)
        self.moving: list[Artist] = [*self.outside, self.left_over, self.rings, self._model, self._stems, self._dots]
        self.moving.append(self._words)
        self.limit = 0.0

    def show_points(self, r: np.ndarray, energy: np.ndarray, ends: tuple[float, float], unit: str, title: str) -> None:
        """What stays while the parameters and the window move: points (P,), axes, legend."""
        depth = -energy.min()
        self._points.set_data(r, energy)
        self.top.set(xlim=ends, ylim=(-1.3 * depth, 1.1 * depth), ylabel=f"energy ({unit})", title=title)
        self.top.legend(handles=[self._points, self.rings, self._model], loc="lower right")
        self.bottom.set(ylim=(-self.limit, self.limit), ylabel=f"model − reference\n({unit})")

    def show_window(
        self, r: np.ndarray, energy: np.ndarray, best: np.ndarray, inside: np.ndarray, missed: np.ndarray, gray: Any
    ) -> None:
        """Gray two stretches of r, show the residual of the best fit inside the window (P,), ring what it misses."""
        needed = max(1.35 * np.abs(best[inside]).max(), 0.05 * -energy.min())
        if not needed <= self.limit <= 3 * needed:  # an axis that changes is drawn anew: let it change seldom
            self.limit = 1.2 * needed
        for k, span in enumerate(self.outside):
            left, right = gray[k % 2]
            span.set_x(left)
            span.set_width(right - left)
        x, height = r[inside], best[inside]
        self.left_over.set_verts([np.stack([np.append(x, x[::-1]), np.append(height, 0 * height)], axis=1)])
        self.rings.set_data(r[missed], energy[missed])

    def show_model(self, curve: tuple[np.ndarray, np.ndarray], r: np.ndarray, residual: np.ndarray, words: str) -> None:
        """Move the model (x, energy) and its residual at the points (P,)."""
        shown = np.clip(residual, -self.limit, self.limit)
        self._model.set_data(curve[0], np.clip(curve[1], -1e6, 1e6))
        self._dots.set_data(r, shown)
        gap = np.full_like(shown, np.nan)
        self._stems.set_data(np.repeat(r, 3), np.stack([0 * shown, shown, gap], axis=1).ravel())
        self._words.set_text(words)
