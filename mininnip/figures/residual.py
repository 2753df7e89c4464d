"""A fit as a figure: above the points and the model, below the residual, model minus reference.

What the best fit leaves is drawn in pale red below the residual, and rings mark the points it misses. `verdict` says in
words what the picture shows.
"""

from collections.abc import Callable, Mapping
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
SAME = 1e-6  # an RMSE that exceeds the smallest by less than this share equals it
NO_SPRING = (
    " Its r_eq = {:.2f} Å is no bond length: over so wide a window the flat tail has more points than the well, and "
    "the least bad parabola only rises. Narrow the window to the well."
)
N_CURVE = 400
Law = Callable[[Tensor], Tensor]  # r (...) in Å -> energy (...) in eV


class ResidualFigure:
    """The figure and its artists; shallow wells are drawn in meV, deep ones in eV.

    Attributes:
        figure: made without pyplot.
        moving: what `show_best` and `show_model` change; the rest stays until `show_points`.
        inside, missed: which points lie in the window, and which of them the best fit misses (P,) bool.
        window: its ends in Å.
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
        self.inside, self.window = inside, window
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

    def show_model(self, law: Law, rmse: float, best: float) -> None:
        """Move the model and its residual at the points; its RMSE and the best fit's, in eV, stand in the corner."""
        r, shown = self.curve.r.numpy(), np.clip(self._residual(law), -self.limit, self.limit)
        self._model.set_data(self._fine.numpy(), np.clip(self._scale * law(self._fine).numpy(), -1e6, 1e6))
        self._dots.set_data(r, shown)
        gap = np.full_like(shown, np.nan)
        self._stems.set_data(np.repeat(r, 3), np.stack([0 * shown, shown, gap], axis=1).ravel())
        self._words.set_text(f"RMSE {energy_in_words(rmse)}\nbest possible {energy_in_words(best)}")

    def in_words(self, title: str, best_rmse: float) -> str:
        """The picture for those who do not see it."""
        return (
            f"{title}. The best fit from {self.window[0]:.2f} to {self.window[1]:.2f} Å leaves an RMSE of "
            f"{energy_in_words(best_rmse)}; {MISSED} at {self.missed.sum()} of {self.inside.sum()} points."
        )

    def _residual(self, law: Law) -> np.ndarray:
        return self._scale * (law(self.curve.r) - self.curve.energy).numpy()


def verdict(rmse: float, best: float, parameters: Mapping[str, float], shortest: float) -> str:
    """How good a model is beside the best that its form can do.

    Args:
        rmse, best: in eV, of the model and of the best fit.
        parameters: name to value; a best fit whose bond length r_eq is shorter than all data is explained.
        shortest: distance in the data, Å.
    """
    excess, spring = rmse / max(best, 1e-12) - 1, ""
    said = f"the best this form can do ({energy_in_words(best)})"
    if excess >= 1:
        said = f"{excess + 1:.3g} times {said}"
    elif excess >= SAME:
        said = f"{100 * excess:.3g} % above {said}"
    elif parameters.get("r_eq", shortest + 1) <= shortest:
        spring = NO_SPRING.format(parameters["r_eq"])
    return f"RMSE in the window: <b>{energy_in_words(rmse)}</b>, {said}.{spring}"


def energy_in_words(energy: float) -> str:
    """An energy in meV or eV."""
    return f"{energy * 1000:.3g} meV" if energy < 0.9995 else f"{energy:.3g} eV"
