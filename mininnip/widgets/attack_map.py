"""An attack on a surface: click a seed, watch it climb; temperature and learning rate by slider.

Left what is climbed, ln p + ln σ_F², from above with the known points; right energy and spread along the way. The
physics is in `mininnip.adversarial`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from ipywidgets import FloatLogSlider, HBox
from matplotlib.figure import Figure
from torch import Tensor

from mininnip.adversarial import attack
from mininnip.ensemble import Ensemble
from mininnip.figures.plotting import ATTACK, MODEL
from mininnip.surfaces import plane
from mininnip.uncertainty.spread import squared_spread
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

SIDE, N_GRID, STEPS = 1.2, 61, 80
COLORS = 12.0  # range of ln(p σ²) that is told apart, from the top down
ALT = (
    "Left: map of what the attack climbs, with the known points in white and the way of one attack in red. Right: "
    "predicted energy and spread of the forces along the way."
)


class AttackMap(Panel):
    """A committee on a plane and one attack.

    Click on the map, or use the arrow keys and Enter, to place a seed. The sliders change kT, and with it the map, and
    the learning rate; the attack starts again from the same seed.

    Args:
        committee: of networks of x and y (`mininnip.surfaces.plane`).
        known: training points (D, 2), drawn in white.
        start: first seed (x, y).
    """

    def __init__(self, committee: Ensemble, known: Tensor, start: tuple[float, float] = (-0.7, 0.1)):
        super().__init__("attack")
        self.committee, self.known = committee, known
        self.seed = tuple(self.memory.get("seed", start))
        self._energy, self._spread = self._maps()
        self._draw_figure()
        log, look = FloatLogSlider, ".2f"
        self.temperature = self.slider("temperature", "kT", 5.0, (-1, 3), 0.1, self._changed, look, kind=log)
        self.rate = self.slider("rate", "learning rate", 0.03, (-3, -0.5), 0.1, self._changed, ".3f", kind=log)
        self.again = self.run_button("again", "Attack", self._climb, icon="play", button_style="primary")
        self.show_all([self.live.view, HBox([self.temperature, self.rate]), HBox([self.again, self.work])])
        self._show_map()
        self.live.redraw()
        self.say("Click on the map to place a seed.")

    def click(self, x: float, y: float) -> None:
        """Place a seed and attack from there."""
        self.seed = self.memory["seed"] = (x, y)
        self.start_work(self._climb())

    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean energy and ln σ_F² on the grid, rows from low to high y."""
        axis = torch.linspace(-SIDE, SIDE, N_GRID, dtype=torch.float64)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        graph = plane.as_graph(torch.stack([x.flatten(), y.flatten()], dim=1))
        out = self.committee(graph)
        squared = squared_spread(out["forces_members"], graph)
        return out["energy"].reshape(N_GRID, N_GRID).numpy(), squared.log().reshape(N_GRID, N_GRID).numpy()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.4), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.1, 1))
        self.map = figure.add_subplot(grid[:, 0])
        self.map.set(xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE), xlabel="x", ylabel="y", aspect="equal")
        self.map.set_title("click, or arrow keys and Enter")
        upper, lower = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
        upper.set(ylabel="energy Ē", xlim=(0, STEPS), ylim=(-8, 30))
        lower.set(ylabel="spread σ$_F$", xlabel="step", xlim=(0, STEPS), ylim=(1e-2, 1e2), yscale="log")
        self.live = LiveFigure(figure, alt=ALT, on_click=self.guard(self.click), clickable_axes=self.map)
        box = (-SIDE, SIDE, -SIDE, SIDE)
        self.image = self.map.imshow(self._spread, extent=box, origin="lower", cmap="viridis", interpolation="bilinear")
        self.live.add(self.image)
        white = dict(color="white", markersize=3)
        self.points = self.live.line(self.map, "o", **white)
        self.points.set_data(*self.known.T.numpy())
        self.way = self.live.line(self.map, color=ATTACK, linewidth=2.5)
        self.end = self.live.line(self.map, "o", color=ATTACK, markeredgecolor="white", markersize=10)
        self.end.set_data([self.seed[0]], [self.seed[1]])
        self.lines = self.live.line(upper, color=MODEL), self.live.line(lower, color=ATTACK)

    def _show_map(self) -> None:
        climbed = self._spread - self._energy / self.temperature.value
        self.image.set_data(climbed)
        self.image.set_clim(climbed.max() - COLORS, climbed.max())

    def _changed(self) -> None:
        """A slider moved: the map follows at once, the way when it is climbed again."""
        self.work.stop()
        with self.live.lock:
            self._show_map()
            for line in (self.way, *self.lines):
                line.set_data([], [])
            self.end.set_data([self.seed[0]], [self.seed[1]])
            self.live.refresh()
        self.say("The map shows what is climbed now. <b>Attack</b> climbs it from the same seed.")

    def _climb(self) -> Iterator[tuple[float, str]]:
        options = {"kT": self.temperature.value, "learning_rate": self.rate.value, "steps": STEPS, "rigid": True}
        graph = plane.as_graph(torch.tensor([self.seed], dtype=torch.float64))
        found = attack(self.committee, graph, first=0.0, **options)
        way, values = found.positions[:, 0, :2].numpy(), (found.energy[:, 0].numpy(), found.spread[:, 0].numpy())
        for k in range(0, STEPS + 1, 2):
            with self.live.lock:
                self.way.set_data(*way[: k + 1].T)
                self.end.set_data(*way[k : k + 1].T)
                for line, value in zip(self.lines, values, strict=True):
                    line.set_data(np.arange(k + 1), value[: k + 1])
                self.live.refresh()
            yield k / STEPS, f"step {k}"
        factor = math.exp(float(found.objective[-1, 0] - found.objective[0, 0]))
        place = f"({way[-1, 0]:.2f}, {way[-1, 1]:.2f})"
        self.say(
            f"The seed climbed to {place}: σ<sub>F</sub> from {values[1][0]:.2g} to <b>{values[1][-1]:.2g}</b>, energy "
            f"from {values[0][0]:.1f} to <b>{values[0][-1]:.1f}</b>; p σ² has grown {factor:.3g}-fold."
        )
