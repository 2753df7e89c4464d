"""Turn, shift and relabel three atoms: the true energy stays where it is, a network of coordinates goes astray.

Left the trimer, and in gray where it lay in the training data; right the true and the predicted energy along each of
three ways out of the present place. The networks are handed in; the truth is Lennard-Jones with ε = σ = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from ipywidgets import Button, FloatSlider, HBox, ToggleButtons, VBox
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from mininnip.classical.pair import lennard_jones
from mininnip.figures.plotting import MODEL, REFERENCE, SECOND
from mininnip.neural.coordinates import CoordinateNetwork, Distances
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

BOND, FAR = 1.12, 0.97  # between the first two atoms; from their middle to the third along x; in σ
WAYS = {  # name: what the axis says, ends, step of the slider, points of the curve
    "turn": ("turned by (°)", (-180.0, 180.0), 2.0, 121),
    "shift": ("shifted by (σ)", (-1.0, 1.0), 0.02, 81),
    "slide": ("third atom at y (σ)", (-0.8, 0.8), 0.02, 81),
}
ENERGIES = (-4.0, 6.0)  # of the axes, in ε
PAIRS = Distances(list(itertools.combinations(range(3), 2)))
ALT = (
    "Left: three numbered atoms, joined by lines, and their place in the training data in gray. Right: energy against "
    "the angle of the turn, against the shift and against the place of the third atom; black the true energy, flat in "
    "the first two, blue what the network says, a dot for each at the present place."
)


class Trimer(Panel):
    """A Lennard-Jones trimer and the networks that should know its energy.

    Sliders turn it about the origin, shift it along x and let its third atom slide past the other two. Relabel hands
    the numbers around. Only the third slider changes the true energy.

    Args:
        models: networks of three atoms by name; the name says what they are fed with.
    """

    def __init__(self, models: Mapping[str, CoordinateNetwork]):
        super().__init__("trimer")
        self.models = dict(models)
        self._labels = self.memory.setdefault("labels", [0, 1, 2])  # label of each atom
        self._draw_figure()
        names = list(self.models)
        self.inputs = self.control(
            "inputs", ToggleButtons(options=names, value=names[0], style={"button_width": "11em"}), self._move
        )
        self.sliders = {name: self._slider(name) for name in WAYS}
        self.relabel: Button = self.button("relabel", "Relabel", self._roll, icon="random")
        self.back: Button = self.button("back", "Back to training", self._reset, icon="undo")
        buttons = VBox([self.relabel, self.back])
        self.show_all([self.live.view, self.inputs, HBox([VBox(list(self.sliders.values())), buttons])])
        self._place()
        self.live.redraw()

    def positions(self, turn: Tensor, shift: Tensor, slide: Tensor) -> Tensor:
        """The three atoms in the order of their labels (..., 3, 3) in σ, for angles in degrees and lengths in σ."""
        zero, angle = torch.zeros_like(slide), torch.deg2rad(turn)
        x = torch.stack([zero, zero, zero + FAR], dim=-1)
        y = torch.stack([zero + BOND / 2, zero - BOND / 2, slide], dim=-1)
        cos, sin = angle.cos()[..., None], angle.sin()[..., None]
        placed = torch.stack([cos * x - sin * y + shift[..., None], sin * x + cos * y, 0 * x], dim=-1)
        return placed[..., np.argsort(self._labels), :]

    def energies(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """True and predicted energies (...) in ε of positions (..., 3, 3)."""
        with torch.no_grad():
            return lennard_jones(PAIRS(positions), 1.0, 1.0).sum(-1), self._model.energy_at(positions)

    @property
    def _model(self) -> CoordinateNetwork:
        return self.models[self.inputs.value]

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.6), layout=cast(Any, "none"))
        grid = figure.add_gridspec(
            3, 2, width_ratios=(1, 1.15), left=0.085, right=0.97, top=0.94, bottom=0.11, wspace=0.2, hspace=0.75
        )
        self.map = figure.add_subplot(grid[:, 0])
        self.map.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xlabel="x (σ)", ylabel="y (σ)")
        home = np.array([(0, BOND / 2), (0, -BOND / 2), (FAR, 0), (0, BOND / 2)])
        self.map.plot(*home.T, "o-", color="0.82", markersize=20, linewidth=3, zorder=0)
        self._bonds: Any = LineCollection([], colors="0.45")
        self.map.add_collection(self._bonds)
        self._atoms: Any = self.map.scatter([0] * 3, [0] * 3, s=330, c=SECOND, edgecolors="black", zorder=3)
        self._names = [self.map.text(0, 0, "", ha="center", va="center", fontsize=12, zorder=4) for _ in range(3)]
        self._lines, self._dots = {}, {}
        for row, (name, (words, ends, _, _)) in enumerate(WAYS.items()):
            axes = figure.add_subplot(grid[row, 1])
            axes.set(xlim=ends, ylim=ENERGIES, xlabel=words, ylabel="energy (ε)")
            looks = ((REFERENCE, 4, 10), (MODEL, 2, 6))
            self._lines[name] = [axes.plot([], [], color=color, linewidth=width)[0] for color, width, _ in looks]
            self._dots[name] = [axes.plot([], [], "o", color=color, markersize=size)[0] for color, _, size in looks]
            axes.set_xticks(np.linspace(*ends, 5))
            if row == 0:
                axes.set_title("true black, predicted blue")
        moving = [self._bonds, self._atoms, *self._names]
        moving += [artist for name in WAYS for artist in (*self._lines[name], *self._dots[name])]
        self.live = LiveFigure(figure, moving, ALT)

    def _place(self) -> None:
        """Move every artist to where the sliders and labels say."""
        here = {name: torch.tensor(slider.value, dtype=torch.float64) for name, slider in self.sliders.items()}
        shown = self.positions(**here)
        flat = shown[:, :2].numpy()
        self._bonds.set_segments([flat[[i, j]] for i, j in PAIRS.pairs])
        self._bonds.set_linewidths((3 / PAIRS(shown) ** 2).tolist())
        self._atoms.set_offsets(flat)
        for label, (x, y) in enumerate(flat):
            self._names[label].set_position((x, y))
            self._names[label].set_text(f"{label + 1}")
        for name, (_, ends, _, n_points) in WAYS.items():
            way = torch.linspace(*ends, n_points, dtype=torch.float64)
            along = {other: way if other == name else value.expand(n_points) for other, value in here.items()}
            for line, energy in zip(self._lines[name], self.energies(self.positions(**along)), strict=True):
                line.set_data(way.numpy(), energy.numpy())
        self.true, self.predicted = (float(energy) for energy in self.energies(shown))
        for name in WAYS:
            for dot, energy in zip(self._dots[name], (self.true, self.predicted), strict=True):
                dot.set_data([float(here[name])], [energy])

    def _move(self) -> None:
        self._place()
        self.live.refresh()
        both = f"True energy <b>{self.true:.3f} ε</b>, predicted <b>{self.predicted:.3f} ε</b>"
        self.say(f"{both}: off by <b>{self.predicted - self.true:+.3f} ε</b>.")

    def _roll(self) -> None:
        self._labels[:] = [(label + 1) % 3 for label in self._labels]
        self._move()

    def _reset(self) -> None:
        self._labels[:] = [0, 1, 2]
        for slider in self.sliders.values():
            slider.value = 0.0
        self._move()

    def _slider(self, name: str) -> FloatSlider:
        words, ends, step, _ = WAYS[name]
        digits = ".0f" if step >= 1 else ".2f"
        look = {"layout": {"width": "32em"}, "style": {"description_width": "10em"}}
        slider = FloatSlider(
            0.0, min=ends[0], max=ends[1], step=step, description=words, readout_format=digits, **cast(Any, look)
        )
        return self.control(name, slider, self._move)
