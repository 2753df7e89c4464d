"""A ball on a landscape: click where it starts, see where it goes, what holds it there and what the way out costs.

Left the surface from above, right the energy along the ball's way. The physics is in `mininnip.surfaces`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from ipywidgets import HBox
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from mininnip import surfaces
from mininnip.figures.plotting import ATTACK, MODEL, SECOND, landscape
from mininnip.surfaces import muller_brown
from mininnip.surfaces.motion import langevin_steps
from mininnip.surfaces.paths import length_along
from mininnip.surfaces.stationary_points import newton_steps
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

BOUNDS = ((-1.5, 1.2), (-0.2, 2.0))  # where the Müller–Brown surface is usually drawn
LEVELS = np.arange(-150, 121, 15.0)
N_STEPS, TIME_STEP, FRICTION = 6000, 0.004, 2.0  # of motion; a twentieth of the fastest period in the deepest well
STEPS_PER_FRAME, TRAIL = 10, 400  # steps of motion from picture to picture, and how many stay visible
N_JUMPS = 60
HOPPING = (
    f"After {N_JUMPS} jumps the ball still <strong>hops to and fro</strong>: a curvature changes its sign here, each "
    "jump points back to the other side. Newton's method finds places without force only from nearby; start elsewhere."
)
MODE_ENERGY = 15.0  # a mode's line is as long as an excursion that costs or gains this energy
ROLL, NEWTON, MOVE = "roll downhill", "jump to zero force", "move at a temperature"
KINDS = (  # by the number of negative curvatures
    "both positive: every step costs energy, a <strong>minimum</strong>",
    "one negative: downhill along the dashed red line, uphill along the other, a <strong>saddle</strong>",
    "both negative: downhill in every direction, a <strong>maximum</strong>",
)
ALT = (
    "Left: contour map of the Müller–Brown surface with three valleys A, B and C. A ball and its way are drawn on it; "
    "where it rests, two lines show the directions of the Hessian's modes. Right: the energy along the way."
)


class Landscape(Panel):
    """The Müller–Brown surface with a ball.

    Click on the map, or use the arrow keys and Enter. The ball rolls down to a minimum, jumps by Newton's method to a
    point without force or off the map, or moves in a heat bath. Where it rests, the Hessian says what kind of place
    that is. "Path between" draws the way of least energy between two minima and its barrier.

    Args:
        start: first position of the ball (x, y).
    """

    def __init__(self, start: tuple[float, float] = (-0.9, 1.1)):
        super().__init__("landscape")
        found = surfaces.stationary_points(muller_brown, BOUNDS)  # minima first
        self.minima = dict(zip("ABC", (point.position for point in found), strict=False))
        self.position = torch.tensor(self.memory.get("position", start), dtype=torch.float64)
        self._draw_figure()
        self.action = self.choice("action", [ROLL, NEWTON, MOVE], self._action_changed)
        self.temperature = self.slider("temperature", "kT", 15, (1, 60), 1, digits=".0f")
        pairs = [("–", ""), ("A and B", "AB"), ("A and C", "AC"), ("B and C", "BC")]
        self.path = self.choice("path", pairs, self._path_chosen, description="path")
        self.again = self.run_button("again", "Go again", self._go, icon="play")
        self.show_all([self.live.view, self.action, HBox([self.temperature, self.path]), HBox([self.again, self.work])])
        self._path_chosen() if self.path.value else self._rest(self.position[None])

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.4), layout="constrained")
        above, profile = figure.subplots(1, 2, width_ratios=(1.25, 1))
        filled = landscape(above, muller_brown, BOUNDS, LEVELS)
        figure.colorbar(filled, ax=above, ticks=LEVELS[::4]).ax.set_title("E")
        for name, point in self.minima.items():
            above.annotate(name, point.tolist(), (10, 10), textcoords="offset points", color="white", weight="bold")
            above.plot(*point, ".", color="white", markersize=5)
        above.set_title("click, or arrow keys and Enter")
        profile.set(xlim=(-0.04, 1.04), ylim=(-160, 60), xlabel="along the way", ylabel="energy E", xticks=[])
        live = self.live = LiveFigure(figure, alt=ALT, on_click=self.guard(self.click), clickable_axes=above)
        ball = dict(color=SECOND, markeredgecolor="black", markersize=13)
        self.trail = live.line(above, color="white", linewidth=2.5)
        rim = [withStroke(linewidth=6, foreground="white")]
        self.modes = [live.line(above, linewidth=3.5, path_effects=rim) for _ in range(2)]
        self.ball = live.line(above, "o", **ball)
        self.energy = live.line(profile, color="black", linewidth=1.5)
        self.marker = live.line(profile, "o", **ball)
        self.reading = live.add(profile.text(0.04, 0.96, "", transform=profile.transAxes, va="top"))

    def _draw(self, way: Tensor, progress: Tensor, ball_at: int = -1) -> None:
        """The ball on its way (K, 2), on the map and, against progress from 0 to 1 (K,), in energy."""
        energies = muller_brown(way)
        with self.live.lock:
            for line in self.modes:
                line.set_data([], [])
            self.trail.set_data(*way.T)
            self.ball.set_data(*way[ball_at][:, None])
            self.energy.set_data(progress, energies)
            self.marker.set_data(progress[ball_at][None], energies[ball_at][None])
            self.reading.set_text(f"E = {energies[ball_at]:.1f}".replace("-", "−"))
            self.live.refresh()

    def click(self, x: float, y: float) -> None:
        """Put the ball at (x, y) and let it go."""
        self.work.stop()
        self.position = torch.tensor([x, y], dtype=torch.float64)
        self.start_work(self._go())

    def _action_changed(self) -> None:
        self.work.stop()
        if self.action.value == MOVE:
            self.say("Click to let it move. It loses and gains energy in collisions with a bath of temperature kT.")

    def _go(self) -> Iterator[tuple[float, str]]:
        self.path.value = ""
        if self.action.value == MOVE:
            return self._wander()
        if self.action.value == ROLL:
            return self._follow(surfaces.relax(muller_brown, self.position, max_step=0.03))
        way = [self.position]
        for position in newton_steps(muller_brown, self.position, max_step=0.1, max_steps=N_JUMPS):
            way.append(position)
            if _outside(position):
                break
        return self._follow(torch.stack(way))

    def _follow(self, way: Tensor) -> Iterator[tuple[float, str]]:
        """The ball along a given way, at most 50 pictures, and what is to be said at its end."""
        progress = _progress(way)
        for k in np.unique(np.linspace(0, len(way) - 1, 50).astype(int)):
            self._draw(way[: k + 1], progress[: k + 1])
            yield (k + 1) / len(way), f"E = {muller_brown(way[k]):.1f}"
        self._end(way, way[0])

    def _wander(self) -> Iterator[tuple[float, str]]:
        """Langevin motion in a bath that follows the slider."""
        first, trail, seed = self.position, self.position[None], int(torch.randint(2**31, ()))
        motion = langevin_steps(muller_brown, first, lambda: self.temperature.value, TIME_STEP, FRICTION, seed)
        try:
            for k, (position, _) in enumerate(islice(motion, 1, N_STEPS)):
                trail = torch.cat([trail, position[None]])[-TRAIL:]
                if _outside(position):
                    break
                if k % STEPS_PER_FRAME == 0:
                    self._draw(trail, torch.linspace(0, 1, TRAIL)[: len(trail)])
                    yield k / N_STEPS, f"step {k}: E = {muller_brown(position):.1f}"
        finally:  # stopped or at the end
            self._end(trail, first)

    def _end(self, way: Tensor, start: Tensor) -> None:
        """Say where the ball rests; or that it has left the map, and put it back where it was let go."""
        if not _outside(way[-1]):
            self._rest(way)
            return
        self.position = start
        if self.action.value == MOVE:
            why = f"kT = {self.temperature.value:.0f} carries it over the rim; choose a lower temperature"
        else:
            why = "the curvature where it stood points to a place without force far away; start nearer to one"
        place = f"at ({way[-1, 0]:.2f}, {way[-1, 1]:.2f})"
        self.say(
            f"The ball has <strong>left the map</strong> {place}: {why}. <b>Go again</b> starts at the same place."
        )

    def _rest(self, way: Tensor) -> None:
        """Draw the Hessian's modes where the ball is, and say what kind of place that is."""
        self.position = way[-1]
        self.memory["position"] = self.position.tolist()
        curvatures, vectors = torch.linalg.eigh(surfaces.hessian(muller_brown, self.position))
        force = float(surfaces.forces(muller_brown, self.position).norm())
        with self.live.lock:
            self._draw(way, _progress(way))
            for line, curvature, vector in zip(self.modes, curvatures.tolist(), vectors.T, strict=True):
                reach = vector * min((2 * MODE_ENERGY / max(abs(curvature), 1e-12)) ** 0.5, 0.4)
                line.set_data(*torch.stack([self.position - reach, self.position + reach]).T)
                line.set(color=MODEL if curvature > 0 else ATTACK, linestyle="-" if curvature > 0 else "--")
            self.live.refresh()
        if self.action.value == NEWTON and len(way) > N_JUMPS:
            self.say(HOPPING)
            return
        kind = KINDS[int((curvatures < 0).sum())]
        place, values = "({:.3f}, {:.3f})".format(*way[-1].tolist()), "{:.0f} and {:.0f}".format(*curvatures.tolist())
        found = f"no force is left. Curvatures {values}, {kind}."
        if force > 1e-3:
            found = (
                f"the force is {force:.1f}, not zero: <strong>neither minimum nor saddle</strong>, the ball is only "
            )
            found += f"held here. Curvatures {values}."
        self.say(f"At {place} {found}")

    def _path_chosen(self) -> None:
        if not self.path.value:
            return
        self.work.stop()
        a, b = self.path.value
        way = surfaces.minimum_energy_path(muller_brown, self.minima[a], self.minima[b], n_images=61)
        energies = muller_brown(way)
        top = int(energies.argmax())
        saddle = surfaces.stationary_point(muller_brown, way[top])
        self.position = saddle.position
        climbs = [saddle.energy - float(energies[end]) for end in (0, -1)]
        with self.live.lock:
            self._draw(way, _progress(way), ball_at=top)
            self.ball.set_data(*saddle.position[:, None])
            self.marker.set_data([_progress(way)[top]], [saddle.energy])
            self.reading.set_text(f"from {a} to {b}: {climbs[0]:.1f}\nfrom {b} to {a}: {climbs[1]:.1f}")
            self.live.refresh()
        self.say(
            f"The path of least energy from {a} (E = {energies[0]:.1f}) to {b} (E = {energies[-1]:.1f}). Its highest "
            f"point is a saddle at E = {saddle.energy:.1f}: the barrier is the climb from either end to there."
        )


def _outside(position: Tensor) -> bool:
    return any(not low <= at <= high for at, (low, high) in zip(position.tolist(), BOUNDS, strict=True))


def _progress(way: Tensor) -> Tensor:
    """For each point of a way, which share of it lies behind."""
    behind = length_along(way)
    return behind / behind[-1].clamp(min=1e-12)
