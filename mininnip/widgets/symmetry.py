"""One neighbor of an atom moves, and every symmetry function with it; turn, mirror or relabel all, and none moves.

Left the environment with its cutoff circle, right the terms of one radial and one angular function and, below, the
whole set as bars. The numbers come from `mininnip.descriptors.SymmetryFunctions`, at every tick.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from ipywidgets import Button, FloatSlider, HBox, SelectionSlider, ToggleButtons, VBox
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from mininnip.descriptors.angular_terms import angular_term
from mininnip.descriptors.symmetry_functions import SymmetryFunctions, gaussian_term
from mininnip.figures.plotting import GOOD, MODEL, REFERENCE, SECOND
from mininnip.graph import Graph
from mininnip.radial import cosine_cutoff
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

SILICON = 14
OTHERS = ((2.37, 101.0), (2.73, 197.0), (3.86, 289.0))  # of the neighbors that stay: distance in Å, angle in degrees
REACH = (2.5, 7.0)  # of the cutoff slider, in Å
NEAREST = 1.5  # of the neighbor that moves, in Å
SHELLS = (1.5, 2.5, 3.5, 4.5, 5.5)  # r_s of the radial functions beside the chosen one, in Å
LOBES = tuple((zeta, sign) for sign in (1, -1) for zeta in (1, 4, 16))  # ζ, λ of the angular ones beside it
ETA_ANGULAR = 0.01  # 1/Å², of all angular functions
TURN = 40.0  # degrees for every click of the button
MAGNIFIED = 2  # angular bars, for the product of three cutoffs makes them small
HIGHEST = 3.6  # a bar that is higher ends here
ALT = (
    "Left: an atom, its cutoff circle and four neighbors, one of them orange. Right: the Gaussian of the chosen radial "
    "function with a stem for each neighbor; the angular factor with a stem for each pair of neighbors, the wider the "
    "more it counts; below, a bar for each symmetry function, the chosen ones orange."
)


class SymmetryExplorer(Panel):
    """An environment of four neighbors in a plane, and its symmetry functions.

    The orange neighbor follows the two sliders, or a click (arrow keys and Enter) into the picture. The other sliders
    choose η and r_s of a radial function, ζ and λ of an angular one (G² and G⁴ in the names of 2011), and the cutoff
    of all. Three buttons do what must not matter.
    """

    def __init__(self):
        super().__init__("symmetry")
        self._turned = self.memory.setdefault("turned", {"angle": 0.0, "mirror": 1.0, "labels": [0, 1, 2, 3]})
        self._setting = False
        self._draw_figure()
        self.distance = self._slider("distance", "distance (Å)", 3.0, (NEAREST, REACH[1]), 0.05)
        self.angle = self._slider("angle", "angle (°)", 30.0, (0.0, 360.0), 1.0, ".0f")
        self.reach = self._slider("cutoff", "cutoff r_c (Å)", 6.0, REACH, 0.1, ".1f")
        self.eta = self._slider("eta", "η (1/Å²)", 4.0, (0.0, 10.0), 0.1, ".1f")
        self.shift = self._slider("shift", "r_s (Å)", 3.0, (0.0, 6.0), 0.05)
        self.zeta = self.control(
            "zeta", SelectionSlider(options=[1, 2, 4, 8, 16, 32, 64], value=2, description="ζ", **_LOOK), self._move
        )
        self.sign = self.control(
            "lambda",
            ToggleButtons(options=[("λ = +1", 1), ("λ = −1", -1)], style={"button_width": "6em"}),
            self._move,
        )
        self.turn: Button = self.button("turn", "Turn", lambda: self._change("Turned", self._turn), icon="repeat")
        self.mirror: Button = self.button(
            "mirror", "Mirror", lambda: self._change("Mirrored", self._flip), icon="exchange"
        )
        self.relabel: Button = self.button(
            "relabel", "Relabel", lambda: self._change("Relabelled", self._roll), icon="random"
        )
        left = VBox([self.distance, self.angle, self.reach, HBox([self.turn, self.mirror, self.relabel])])
        self.show_all([self.live.view, HBox([left, VBox([self.eta, self.shift, self.zeta, self.sign])])])
        self._place()
        self.live.redraw()

    # --- the environment and its functions ----------------------------------------------------------------------------

    @property
    def positions(self) -> Tensor:
        """The neighbors as they lie in the picture, in the order of their labels (4, 3) in Å; the atom is at 0."""
        polar = np.array([(self.distance.value, self.angle.value), *OTHERS])
        angles = np.radians(self._turned["mirror"] * polar[:, 1] + self._turned["angle"])
        flat = polar[:, :1] * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
        return torch.tensor(flat)[np.argsort(self._turned["labels"])]

    def features(self) -> np.ndarray:
        """Radial functions of the shells and the chosen one, angular ones of the lobes and the chosen one (B,)."""
        g2 = [(self.eta.value, r_s) for r_s in (*SHELLS, self.shift.value)]
        g4 = [(ETA_ANGULAR, zeta, sign) for zeta, sign in (*LOBES, (self.zeta.value, self.sign.value))]
        functions = SymmetryFunctions((SILICON,), self.reach.value, g2=g2, g4=g4)
        positions = torch.cat([torch.zeros(1, 3, dtype=torch.float64), self.positions])
        graph = Graph.from_arrays([SILICON] * len(positions), positions, self.reach.value)
        return functions(graph)[0].numpy()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.2, 4.4), layout=cast(Any, "none"))
        grid = figure.add_gridspec(
            2, 3, width_ratios=(1.75, 1, 1), left=0.055, right=0.975, top=0.93, bottom=0.15, wspace=0.3, hspace=0.62
        )
        self.map = figure.add_subplot(grid[:, 0])
        self.radial, self.angular = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[0, 2])
        self.all = figure.add_subplot(grid[1, 1:])
        self._draw_map()
        self._draw_curves()
        self._draw_bars()
        moving = [
            self._circle,
            self._links,
            self._center,
            self._atoms,
            *self._labels,
            self._fade,
            self._gaussian,
            self._stems,
        ]
        moving += [self._lobe, self._angular_stems, self._bars]
        self.live = LiveFigure(figure, moving, ALT, on_click=self.guard(self.click), clickable_axes=self.map)

    def _draw_map(self) -> None:
        far = 1.04 * REACH[1]
        self.map.set(
            xlim=(-far, far), ylim=(-far, far), aspect="equal", xlabel="x (Å)", title="click, or arrows and Enter"
        )
        (self._center,) = self.map.plot(0, 0, "o", color=REFERENCE, markersize=14)
        self._circle = Circle((0, 0), 1, facecolor=MODEL, alpha=0.12, edgecolor=MODEL, linewidth=2)
        self.map.add_patch(self._circle)
        self._links: Any = LineCollection([], colors="0.45")
        self.map.add_collection(self._links)
        self._atoms: Any = self.map.scatter([0] * 4, [0] * 4, s=190, linewidths=1.5, edgecolors="black", zorder=3)
        self._labels = [self.map.text(0, 0, "", ha="center", va="center", fontsize=11) for _ in self._turned["labels"]]

    def _draw_curves(self) -> None:
        self.radial.set(xlim=(0, REACH[1]), ylim=(0, 1.1), xlabel="distance r (Å)", title="terms of G²")
        self.angular.set(xlim=(0, 180), ylim=(0, 2.2), xlabel="angle θ (°)", title="terms of G⁴")
        self.angular.set_xticks([0, 60, 120, 180])
        self._r = torch.linspace(0, REACH[1], 281, dtype=torch.float64)
        self._theta = torch.linspace(0, 180, 181, dtype=torch.float64)
        (self._fade,) = self.radial.plot([], [], color="0.6", linestyle="--", linewidth=1.5)
        (self._gaussian,) = self.radial.plot([], [], color=SECOND)
        (self._stems,) = self.radial.plot([], [], color=MODEL, marker="o", markersize=5, linewidth=1.5)
        (self._lobe,) = self.angular.plot([], [], color=SECOND)
        self._angular_stems: Any = LineCollection([], colors=GOOD)
        self.angular.add_collection(self._angular_stems)

    def _draw_bars(self) -> None:
        radial, angular = np.arange(len(SHELLS) + 1), len(SHELLS) + 1.7 + np.arange(len(LOBES) + 1)
        colors = [MODEL] * len(SHELLS) + [SECOND] + [GOOD] * len(LOBES) + [SECOND]
        self._centers = np.concatenate([radial, angular])
        self._bars: Any = PolyCollection([], facecolors=colors)
        self.all.add_collection(self._bars)
        lobes = [f"{'+' if sign > 0 else '−'}{zeta}" for zeta, sign in LOBES]
        self.all.set_xticks(self._centers, [*map("{:g}".format, SHELLS), "$r_s$", *lobes, "λζ"], fontsize=10)
        self.all.set(
            xlim=(-0.7, angular[-1] + 0.7), ylim=(0, HIGHEST), title="every function of the set", ylabel="value"
        )
        for x, words in ((radial.mean(), "G², $r_s$ (Å)"), (angular.mean(), f"{MAGNIFIED} × G⁴, λζ")):
            self.all.text(x, -0.24 * HIGHEST, words, ha="center", va="top", fontsize=12)

    def _place(self) -> None:
        """Move every artist to where the sliders and buttons say."""
        shown, reach = self.positions, self.reach.value
        r_ij = shown.norm(dim=1)
        weights = cosine_cutoff(r_ij, reach)
        self._circle.set_radius(reach)
        self._links.set_segments([[(0, 0), (x, y)] for x, y, _ in shown.tolist()])
        self._links.set_linewidths((6 * weights).tolist())
        order = np.argsort(self._turned["labels"])
        colors = np.array([SECOND, MODEL, MODEL, MODEL])[order]
        self._atoms.set_offsets(shown[:, :2].numpy())
        self._atoms.set_facecolors([c if r < reach else "white" for c, r in zip(colors, r_ij.tolist(), strict=True)])
        for label, (x, y, _) in enumerate(shown.tolist()):
            self._labels[label].set_position((x, y + 0.95))
            self._labels[label].set_text(f"{label + 1}")
        self._place_terms(shown, r_ij, reach)
        self.values = self.features()
        heights = self.values * np.repeat([1, MAGNIFIED], [len(SHELLS) + 1, len(LOBES) + 1])
        left, right, top = self._centers - 0.4, self._centers + 0.4, np.minimum(heights, HIGHEST)
        corners = [(left, 0 * top), (left, top), (right, top), (right, 0 * top)]
        self._bars.set_verts(np.stack([np.stack(corner, axis=1) for corner in corners], axis=1))  # (B, 4, 2)

    def _place_terms(self, shown: Tensor, r_ij: Tensor, reach: float) -> None:
        eta, shift = torch.tensor([self.eta.value]), torch.tensor([self.shift.value])
        zeta, sign = torch.tensor([float(self.zeta.value)]), torch.tensor([float(self.sign.value)])

        def radial_term(r: Tensor) -> Tensor:
            return gaussian_term(r[:, None], eta, shift)[:, 0] * cosine_cutoff(r, reach)

        self._fade.set_data(self._r.numpy(), cosine_cutoff(self._r, reach).numpy())
        self._gaussian.set_data(self._r.numpy(), radial_term(self._r).numpy())
        self._stems.set_data(*_stems(r_ij, radial_term(r_ij)))
        lobe = angular_term(torch.cos(torch.deg2rad(self._theta))[:, None], zeta, sign)[:, 0]
        self._lobe.set_data(self._theta.numpy(), lobe.numpy())
        j, k = torch.triu_indices(len(shown), len(shown), offset=1)
        r_jk = (shown[j] - shown[k]).norm(dim=1)
        cosine = ((shown[j] * shown[k]).sum(dim=1) / (r_ij[j] * r_ij[k])).clamp(-1, 1)
        weight = torch.exp(-ETA_ANGULAR * (r_ij[j] ** 2 + r_ij[k] ** 2 + r_jk**2))
        weight = weight * cosine_cutoff(r_ij[j], reach) * cosine_cutoff(r_ij[k], reach) * cosine_cutoff(r_jk, reach)
        theta, height = torch.rad2deg(torch.arccos(cosine)), angular_term(cosine[:, None], zeta, sign)[:, 0]
        ends = torch.stack([theta, 0 * theta, theta, height], dim=1).reshape(-1, 2, 2)
        self._angular_stems.set_segments(ends.numpy())
        self._angular_stems.set_linewidths((20 * weight).tolist())

    # --- what happens -------------------------------------------------------------------------------------------------

    def click(self, x: float, y: float) -> None:
        """Put the orange neighbor at (x, y)."""
        distance = math.hypot(x, y)  # the slider keeps it within its ends
        angle = self._turned["mirror"] * (math.degrees(math.atan2(y, x)) - self._turned["angle"])
        self._setting = True
        self.distance.value, self.angle.value = distance, angle % 360
        self._setting = False
        self._move()

    def _move(self) -> None:
        if not self._setting:
            self._place()
            self.live.refresh()
            radial, angular = self.values[[len(SHELLS), -1]]
            self.say(f"The chosen functions: G² = <b>{radial:.4f}</b>, G⁴ = <b>{angular:.4f}</b>.")

    def _change(self, deed: str, act: Callable[[], None]) -> None:
        """Do something that must not matter, and say what it changed."""
        positions, values = self.positions, self.values
        act()
        self._place()
        self.live.refresh()
        moved, changed = (self.positions - positions).abs().max(), np.abs(self.values - values).max()
        verdict = f"no symmetry function by more than <b>{changed:.0e}</b>"
        self.say(f"{deed}: a coordinate changed by <b>{moved:.2f} Å</b>, {verdict}.")

    def _turn(self) -> None:
        self._turned["angle"] = (self._turned["angle"] + TURN) % 360

    def _flip(self) -> None:
        self._turned["mirror"] *= -1
        self._turned["angle"] *= -1

    def _roll(self) -> None:
        self._turned["labels"] = [(label + 1) % len(OTHERS + (0,)) for label in self._turned["labels"]]

    def _slider(
        self, name: str, label: str, value: float, ends: tuple[float, float], step: float, digits: str = ".2f"
    ) -> FloatSlider:
        slider = FloatSlider(
            value, min=ends[0], max=ends[1], step=step, description=label, readout_format=digits, **_LOOK
        )
        return self.control(name, slider, self._move)


_LOOK = {"layout": {"width": "26em"}, "style": {"description_width": "7em"}}


def _stems(x: Tensor, height: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Points of a line that stands up from zero at every x."""
    at, top = x.numpy(), height.numpy()
    gap = np.full_like(at, np.nan)
    return np.stack([at, at, gap], axis=1).ravel(), np.stack([0 * at, top, gap], axis=1).ravel()
