"""A ball on a landscape: click where it starts, see where it goes, what holds it there and what the way out costs.

Left the surface from above, right the energy along the ball's way. The physics is in `mininnip.surfaces`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from ipywidgets import Button, Dropdown, FloatSlider, HBox, ToggleButtons
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from mininnip import surfaces
from mininnip.figures.plotting import ATTACK, MODEL, SECOND, landscape
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

BOUNDS = ((-1.5, 1.2), (-0.2, 2.0))  # where the Müller–Brown surface is usually drawn
LEVELS = np.arange(-150, 121, 15.0)
TIME_STEP = 0.004  # a twentieth of the fastest period in the deepest well
STEPS_PER_FRAME, FRAMES_PER_RUN, RUNS = 10, 25, 24
TRAIL = 400  # steps of motion that stay visible
MODE_ENERGY = 15.0  # a mode's line is as long as an excursion that costs or gains this energy
ALT = (
    "Left: contour map of the Müller–Brown surface with three valleys A, B and C. A ball and its way are drawn on it; "
    "where it rests, two lines show the directions of the Hessian's modes. Right: the energy along the way."
)
ROLL, NEWTON, MOVE = "roll downhill", "jump to zero force", "move at a temperature"


class Landscape(Panel):
    """The Müller–Brown surface with a ball.

    Click on the map, or use the arrow keys and Enter. The ball rolls down to a minimum, jumps by Newton's method to any
    point without force, or moves in a heat bath. Where it rests, the Hessian says what kind of place that is. "Path
    between" draws the way of least energy between two minima and its barrier.

    Args:
        start: first position of the ball (x, y).
    """

    def __init__(self, start: tuple[float, float] = (-0.9, 1.1)):
        super().__init__("landscape")
        self.minima = _minima()
        self.position = torch.tensor(self.memory.get("position", start), dtype=torch.float64)
        self._draw_figure()
        self.action = self.control(
            "action", ToggleButtons(options=[ROLL, NEWTON, MOVE], style={"button_width": "15em"}), self._action_changed
        )
        self.temperature = self.control(
            "temperature",
            FloatSlider(15, min=1, max=60, step=1, description="kT", readout_format=".0f"),
        )
        names = list(self.minima)
        pairs = [(f"{a} and {b}", a + b) for k, a in enumerate(names) for b in names[k + 1 :]]
        self.path = self.control(
            "path",
            Dropdown(options=[("–", ""), *pairs], description="Path between", style={"description_width": "initial"}),
            self._path_chosen,
        )
        self.again: Button = self.button("again", "Go again", self._go, icon="play")
        self.work = self.background(pace=0.04)
        self.show_all([self.live.view, self.action, HBox([self.temperature, self.path, self.again]), self.work])
        self._path_chosen() if self.path.value else self._rest()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.4), layout="constrained")
        self.map, self.profile = figure.subplots(1, 2, width_ratios=(1.25, 1))
        filled = landscape(self.map, surfaces.muller_brown, BOUNDS, LEVELS)
        figure.colorbar(filled, ax=self.map, ticks=LEVELS[::4]).ax.set_title("E")
        for name, point in self.minima.items():
            self.map.annotate(name, point.tolist(), (10, 10), textcoords="offset points", color="white", weight="bold")
            self.map.plot(*point, ".", color="white", markersize=5)
        self.map.set_title("click, or arrow keys and Enter")
        self.profile.set(xlim=(-0.04, 1.04), ylim=(-160, 60), xlabel="along the way", ylabel="energy E", xticks=[])
        self.trail = self.map.plot([], [], color="white", linewidth=2.5)[0]
        rim = [withStroke(linewidth=6, foreground="white")]
        self.modes = [self.map.plot([], [], linewidth=3.5, path_effects=rim)[0] for _ in range(2)]
        self.ball = self.map.plot([], [], "o", color=SECOND, markeredgecolor="black", markersize=13)[0]
        self.energy = self.profile.plot([], [], color="black", linewidth=1.5)[0]
        self.marker = self.profile.plot([], [], "o", color=SECOND, markeredgecolor="black", markersize=13)[0]
        self.reading = self.profile.text(0.04, 0.96, "", transform=self.profile.transAxes, va="top", fontsize=12)
        moving = [self.trail, *self.modes, self.ball, self.energy, self.marker, self.reading]
        self.live = LiveFigure(figure, moving, ALT, on_click=self.guard(self.click), clickable_axes=self.map)

    def click(self, x: float, y: float) -> None:
        """Put the ball at (x, y) and let it go."""
        self.work.stop()
        self.position = torch.tensor([x, y], dtype=torch.float64)
        self._go()

    def _go(self) -> None:
        self.path.value = ""
        if self.action.value == ROLL:
            way = surfaces.relax(surfaces.muller_brown, self.position, max_step=0.03)
            self.work.start(self._follow(way))
        elif self.action.value == NEWTON:
            end = surfaces.stationary_point(surfaces.muller_brown, self.position).position
            self.work.start(self._follow(torch.stack([self.position, end])))
        else:
            self.work.start(self._wander())

    def _action_changed(self) -> None:
        self.work.stop()
        if self.action.value == MOVE:
            self.say("Click to let it move. It loses and gains energy in collisions with a bath of temperature kT.")

    def _follow(self, way: Tensor) -> Iterator[tuple[float, str]]:
        """The ball along a given way, at most 50 pictures, and the modes at its end."""
        energies = surfaces.muller_brown(way)
        for k in np.unique(np.linspace(0, len(way) - 1, 50).astype(int)):
            self._draw(way[: k + 1], energies[: k + 1], _lengths(way) / max(float(_lengths(way)[-1]), 1e-12))
            yield (k + 1) / len(way), f"E = {energies[k]:.1f}"
        self.position = way[-1]
        self._rest(way)

    def _wander(self) -> Iterator[tuple[float, str]]:
        """Langevin motion in short runs; each run draws new velocities from the bath."""
        trail = self.position[None]
        n_steps = RUNS * FRAMES_PER_RUN * STEPS_PER_FRAME
        try:
            for step in range(0, n_steps, STEPS_PER_FRAME):
                if step % (FRAMES_PER_RUN * STEPS_PER_FRAME) == 0:
                    run = self._run_of_motion()
                trail = torch.cat([trail, next(run)])[-TRAIL:]
                self.position = trail[-1]
                energies = surfaces.muller_brown(trail)
                self._draw(trail, energies, torch.linspace(0, 1, TRAIL)[: len(trail)])
                yield step / n_steps, f"step {step}: E = {energies[-1]:.1f}"
        finally:  # stopped or at the end
            self._rest(trail)

    def _run_of_motion(self) -> Iterator[Tensor]:
        """The next positions of the ball, one bundle per picture."""
        positions, _ = surfaces.langevin(
            surfaces.muller_brown,
            self.position,
            kT=self.temperature.value,
            n_steps=STEPS_PER_FRAME * FRAMES_PER_RUN,
            time_step=TIME_STEP,
            friction=2.0,
            seed=int(torch.randint(2**31, ())),
        )
        return iter(positions[1:].split(STEPS_PER_FRAME))

    def _draw(self, way: Tensor, energies: Tensor, progress: Tensor) -> None:
        with self.live.lock:
            for line in self.modes:
                line.set_data([], [])
            self.trail.set_data(*way.T)
            self.ball.set_data(*way[-1:].T)
            self.energy.set_data(progress[: len(way)], energies)
            self.marker.set_data([progress[len(way) - 1]], energies[-1:])
            self.reading.set_text(f"E = {energies[-1]:.1f}".replace("-", "−"))
            self.live.refresh()

    def _rest(self, way: Tensor | None = None) -> None:
        """Draw the Hessian's modes where the ball is, and say what kind of place that is."""
        self.memory["position"] = self.position.tolist()
        way = self.position[None] if way is None else way
        lengths = _lengths(way) / max(float(_lengths(way)[-1]), 1e-12)
        curvatures, vectors = torch.linalg.eigh(surfaces.hessian(surfaces.muller_brown, self.position))
        force = float(torch.linalg.vector_norm(surfaces.forces(surfaces.muller_brown, self.position)))
        with self.live.lock:
            self._draw(way, surfaces.muller_brown(way), lengths)
            for line, curvature, vector in zip(self.modes, curvatures.tolist(), vectors.T, strict=True):
                reach = vector * min((2 * MODE_ENERGY / max(abs(curvature), 1e-12)) ** 0.5, 0.4)
                line.set_data(*torch.stack([self.position - reach, self.position + reach]).T)
                line.set(color=MODEL if curvature > 0 else ATTACK, linestyle="-" if curvature > 0 else "--")
            self.live.refresh()
        self.say(_judge(self.position, force, curvatures.tolist()))

    def _path_chosen(self) -> None:
        if not self.path.value:
            return
        self.work.stop()
        a, b = self.path.value
        way = surfaces.minimum_energy_path(surfaces.muller_brown, self.minima[a], self.minima[b], n_images=61)
        energies = surfaces.muller_brown(way)
        top = int(energies.argmax())
        saddle = surfaces.stationary_point(surfaces.muller_brown, way[top])
        self.position = saddle.position
        with self.live.lock:
            self._draw(way, energies, _lengths(way) / _lengths(way)[-1])
            self.ball.set_data(*saddle.position[:, None])
            self.marker.set_data([_lengths(way)[top] / _lengths(way)[-1]], [saddle.energy])
            self.reading.set_text(
                f"from {a} to {b}: {saddle.energy - float(energies[0]):.1f}\n"
                f"from {b} to {a}: {saddle.energy - float(energies[-1]):.1f}"
            )
            self.live.refresh()
        self.say(
            f"The path of least energy from {a} (E = {energies[0]:.1f}) to {b} (E = {energies[-1]:.1f}). Its highest "
            f"point is a saddle at E = {saddle.energy:.1f}: the barrier is the climb from either end to there."
        )


def _judge(position: Tensor, force: float, curvatures: Sequence[float]) -> str:
    """One or two sentences on a place: force, curvatures, kind."""
    down = sum(curvature < 0 for curvature in curvatures)
    kind = (
        "both positive: every step costs energy, a <strong>minimum</strong>",
        "one negative: downhill along the dashed red line, uphill along the other, a <strong>saddle</strong>",
        "both negative: downhill in every direction, a <strong>maximum</strong>",
    )[down]
    place = f"({position[0]:.3f}, {position[1]:.3f})"
    values = " and ".join(f"{curvature:.0f}" for curvature in curvatures)
    if force > 1e-3:
        return (
            f"At {place} the force is {force:.1f}, not zero: <strong>neither minimum nor saddle</strong>, the ball is "
            f"only held here. Curvatures {values}."
        )
    return f"At {place} no force is left. Curvatures {values}, {kind}."


def _minima() -> dict[str, Tensor]:
    found = surfaces.stationary_points(surfaces.muller_brown, BOUNDS)
    return dict(zip("ABC", (point.position for point in found if point.kind == "minimum"), strict=False))


def _lengths(way: Tensor) -> Tensor:
    """Length of the way up to each of its points."""
    steps = torch.linalg.vector_norm(way.diff(dim=0), dim=-1)
    return torch.cat([steps.new_zeros(1), steps.cumsum(0)])
