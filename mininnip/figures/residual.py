"""A fit as a figure: above the points and the model, below the residual, model minus reference.

What the best fit leaves is drawn in pale red below the residual, and rings mark the points it misses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor

from mininnip.classical.forms import Curve
from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE

UNREPAIRED = 0.02  # a point counts as missed if the best fit is off by more than this share of the well depth
MISSED = f"the best fit is off by more than {UNREPAIRED:.0%} of the depth"
N_CURVE = 400
Law = Callable[[Tensor], Tensor]  # r (...) in Å -> energy (...) in eV


class ResidualFigure:
    """The figure and its artists; shallow wells are drawn in meV, deep ones in eV.

    Attributes:
        figure: made without pyplot.
        moving: what `show_best` and `show_model` change; the rest stays until `show_points`.
        missed: which points the best fit misses (P,) bool.
        limit: end of the residual's axis.
    """

    curve: Curve

    def __init__(self) -> None:
        figure = self.figure = Figure(figsize=(7.6, 4.6), layout="none")  # type: ignore[arg-type] (nothing jumps)
        self.top, self.bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        figure.subplots_adjust(left=0.13, right=0.985, top=0.935, bottom=0.13, hspace=0.12)
        for axes in (self.top, self.bottom):
            axes.axhline(0, color="0.6", linewidth=1, linestyle=":")
        corner: Any = {"transform": self.bottom.transAxes, "ha": "right", "va": "bottom", "fontsize": 11}
        self.bottom.text(0.98, 0.04, "pale red: what the best fit leaves", color=ATTACK, **corner)
        self.bottom.set_xlabel("distance r (Å)")
        (self._points,) = self.top.plot([], [], "o", color=REFERENCE, markersize=5, zorder=3, label="ab initio")
        (self.rings,) = self.top.plot([], [], "o", color=ATTACK, markersize=11, fillstyle="none", label=MISSED)
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

    def take(self, curve: Curve) -> None:
        """Begin with another curve, or the same for another law: the residual's axis is chosen anew."""
        self.curve, self.limit, self._scale = curve, 0.0, 1000 if curve.depth < 0.5 else 1
        self._fine = torch.linspace(0.85 * curve.r[0].item(), 1.02 * curve.r[-1].item(), N_CURVE, dtype=torch.float64)

    def show_points(self, title: str) -> None:
        """What stays while the parameters and the window move: points, axes, legend."""
        unit, depth = "meV" if self._scale == 1000 else "eV", self._scale * self.curve.depth
        self._points.set_data(self.curve.r.numpy(), self._scale * self.curve.energy.numpy())
        self.top.set(xlim=self._fine[[0, -1]].tolist(), ylim=(-1.3 * depth, 1.1 * depth))
        self.top.set(ylabel=f"energy ({unit})", title=title)
        self.top.legend(handles=[self._points, self.rings, self._model], loc="lower right")
        self.bottom.set(ylim=(-self.limit, self.limit), ylabel=f"model − reference\n({unit})")

    def show_best(self, best: Law, inside: np.ndarray, window: tuple[float, float]) -> None:
        """Gray what lies outside the window, show the residual of the best fit inside (P,), ring what it misses."""
        r, residual, depth = self.curve.r.numpy(), self._residual(best), self._scale * self.curve.depth
        needed = max(1.35 * np.abs(residual[inside]).max(), 0.05 * depth)
        if not needed <= self.limit <= 3 * needed:  # an axis that changes is drawn anew: let it change seldom
            self.limit = 1.2 * needed
        for k, span in enumerate(self.outside):
            left, right = ((self._fine[0].item(), window[0]), (window[1], self._fine[-1].item()))[k % 2]
            span.set_x(left)
            span.set_width(right - left)
        x, height = r[inside], residual[inside]
        self.left_over.set_verts([np.stack([np.append(x, x[::-1]), np.append(height, 0 * height)], axis=1)])
        self.missed = inside & (np.abs(residual) > UNREPAIRED * depth)
        self.rings.set_data(r[self.missed], self._scale * self.curve.energy.numpy()[self.missed])

    def show_model(self, law: Law, words: str) -> None:
        """Move the model and its residual at the points; words stand in the corner."""
        r, shown = self.curve.r.numpy(), np.clip(self._residual(law), -self.limit, self.limit)
        self._model.set_data(self._fine.numpy(), np.clip(self._scale * law(self._fine).numpy(), -1e6, 1e6))
        self._dots.set_data(r, shown)
        gap = np.full_like(shown, np.nan)
        self._stems.set_data(np.repeat(r, 3), np.stack([0 * shown, shown, gap], axis=1).ravel())
        self._words.set_text(words)

    def _residual(self, law: Law) -> np.ndarray:
        return self._scale * (law(self.curve.r) - self.curve.energy).numpy()
