"""A ball on the map of a surface: left where it is and has been, right the energy along its way; and both in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from mininnip.figures.plotting import ATTACK, MODEL, SECOND, landscape
from mininnip.surfaces.derivatives import Surface, forces, hessian

__all__ = ["HOPPING", "BallOnMap", "left_in_words", "path_in_words", "rest_in_words"]

MODE_ENERGY = 15.0  # a mode's line is as long as an excursion that costs or gains this energy
HELD = 1e-3  # a force above this does not let the ball rest by itself
KINDS = (  # by the number of negative curvatures
    "both positive: every step costs energy, a <strong>minimum</strong>",
    "one negative: downhill along the dashed red line, uphill along the other, a <strong>saddle</strong>",
    "both negative: downhill in every direction, a <strong>maximum</strong>",
)
HOPPING = (
    "After {} jumps the ball still <strong>hops to and fro</strong>: a curvature changes its sign here, each "
    "jump points back to the other side. Newton's method finds places without force only from nearby; start elsewhere."
)


class BallOnMap:
    """The figure and its artists.

    Args:
        surface: function of points (..., 2).
        bounds: ends of x and of y on the map.
        levels: of the contours.
        minima: name to position (2,).
        energies: ends of the axis of energy.

    Attributes:
        alt: what it shows, for readers who do not see it.
        figure: made without pyplot; `above` are the axes of the map.
        moving: its artists that move, in the order in which they are drawn.
    """

    alt = (
        "Left: contour map of the Müller–Brown surface with three valleys A, B and C. A ball and its way are drawn on "
        "it; where it rests, two lines show the directions of the Hessian's modes. Right: the energy along the way."
    )

    def __init__(self, surface: Surface, bounds: Any, levels: np.ndarray, minima: Mapping[str, Tensor], energies: Any):
        self._surface = surface
        self.figure = Figure(figsize=(9.4, 4.4), layout="constrained")
        self.above, profile = self.figure.subplots(1, 2, width_ratios=(1.25, 1))
        filled = landscape(self.above, surface, bounds, levels)
        self.figure.colorbar(filled, ax=self.above, ticks=levels[::4]).ax.set_title("E")
        for name, point in minima.items():
            place: Any = {"textcoords": "offset points", "color": "white", "weight": "bold"}
            self.above.annotate(name, point.tolist(), (10, 10), **place)
            self.above.plot(*point, ".", color="white", markersize=5)
        self.above.set_title("click, or arrow keys and Enter")
        profile.set(xlim=(-0.04, 1.04), ylim=energies, xlabel="along the way", ylabel="energy E", xticks=[])
        ball: Any = dict(color=SECOND, markeredgecolor="black", markersize=13)
        rim: Any = dict(linewidth=3.5, path_effects=[withStroke(linewidth=6, foreground="white")])
        (self.trail,) = self.above.plot([], [], color="white", linewidth=2.5)
        self.modes = [self.above.plot([], [], **rim)[0] for _ in range(2)]
        (self.ball,) = self.above.plot([], [], "o", **ball)
        (self.energy,) = profile.plot([], [], color="black", linewidth=1.5)
        (self.marker,) = profile.plot([], [], "o", **ball)
        self.reading = profile.text(0.04, 0.96, "", transform=profile.transAxes, va="top")
        self.moving: list[Artist] = [self.trail, *self.modes, self.ball, self.energy, self.marker, self.reading]

    def place(self, way: Tensor, progress: Tensor) -> None:
        """The ball at the end of its way (K, 2), on the map and, against progress from 0 to 1 (K,), in energy."""
        energies = self._surface(way)
        for line in self.modes:
            line.set_data([], [])
        self.trail.set_data(*way.T)
        self.energy.set_data(progress, energies)
        self.place_ball(way[-1], float(progress[-1]), f"E = {energies[-1]:.1f}".replace("-", "−"))

    def place_ball(self, position: Tensor, progress: float, words: str) -> None:
        """The ball somewhere (2,), its place in the profile, and words in the profile's corner."""
        self.ball.set_data(*position[:, None])
        self.marker.set_data([progress], [float(self._surface(position))])
        self.reading.set_text(words)

    def place_modes(self, position: Tensor) -> Tensor:
        """A line along each mode of the Hessian at (2,), dashed and red where it leads down; their curvatures (2,)."""
        curvatures, vectors = torch.linalg.eigh(hessian(self._surface, position))
        for line, curvature, vector in zip(self.modes, curvatures.tolist(), vectors.T, strict=True):
            reach = vector * min((2 * MODE_ENERGY / max(abs(curvature), 1e-12)) ** 0.5, 0.4)
            line.set_data(*torch.stack([position - reach, position + reach]).T)
            line.set(color=MODEL if curvature > 0 else ATTACK, linestyle="-" if curvature > 0 else "--")
        return curvatures


def rest_in_words(surface: Surface, position: Tensor, curvatures: Tensor) -> str:
    """What kind of place (2,) the ball is at: minimum, saddle or maximum, if no force is left there."""
    force = float(forces(surface, position).norm())
    place, values = "({:.3f}, {:.3f})".format(*position.tolist()), "{:.0f} and {:.0f}".format(*curvatures.tolist())
    if force <= HELD:
        return f"At {place} no force is left. Curvatures {values}, {KINDS[int((curvatures < 0).sum())]}."
    return (
        f"At {place} the force is {force:.1f}, not zero: <strong>neither minimum nor saddle</strong>, the ball is only "
        f"held here. Curvatures {values}."
    )


def left_in_words(position: Tensor, kT: float | None) -> str:
    """Why the ball is at a place (2,) beyond the map: hot, or after a jump (kT = None)."""
    why = "the curvature where it stood points to a place without force far away; start nearer to one"
    if kT is not None:
        why = f"kT = {kT:.0f} carries it over the rim; choose a lower temperature"
    place = "({:.2f}, {:.2f})".format(*position.tolist())
    return f"The ball has <strong>left the map</strong> at {place}: {why}. <b>Go again</b> starts at the same place."


def path_in_words(a: str, b: str, ends: tuple[float, float], saddle: float) -> str:
    """What the path of least energy between minima a and b, with these energies, has at its top."""
    return (
        f"The path of least energy from {a} (E = {ends[0]:.1f}) to {b} (E = {ends[1]:.1f}). Its highest point is a "
        f"saddle at E = {saddle:.1f}: the barrier is the climb from either end to there."
    )
