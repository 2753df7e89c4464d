"""A ball on a landscape: click where it starts, see where it goes, what holds it there and what the way out costs.

Left the surface from above, right the energy along the ball's way. The physics is in `mininnip.surfaces`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from ipywidgets import HBox
from torch import Tensor

from mininnip import surfaces
from mininnip.figures.ball_on_map import HOPPING, BallOnMap, left_in_words, path_in_words, rest_in_words
from mininnip.surfaces import muller_brown
from mininnip.surfaces.motion import langevin_steps
from mininnip.surfaces.paths import share_along
from mininnip.surfaces.stationary_points import newton_steps
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

BOUNDS = ((-1.5, 1.2), (-0.2, 2.0))  # where the Müller–Brown surface is usually drawn
LEVELS = np.arange(-150, 121, 15.0)
N_STEPS, TIME_STEP, FRICTION = 6000, 0.004, 2.0  # of motion; a twentieth of the fastest period in the deepest well
STEPS_PER_FRAME, TRAIL = 10, 400  # steps of motion from picture to picture, and how many stay visible
N_JUMPS = 60
ROLL, NEWTON, MOVE = "roll downhill", "jump to zero force", "move at a temperature"


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
        found = [point.position for point in surfaces.stationary_points(muller_brown, BOUNDS)]
        self.minima = dict(zip("ABC", found, strict=False))  # they come first
        self.position = torch.tensor(self.memory.get("position", start), dtype=torch.float64)
        self.drawn = drawn = BallOnMap(muller_brown, BOUNDS, LEVELS, self.minima, (-160, 60))
        self.live = LiveFigure(drawn.figure, drawn.moving, drawn.alt, self.guard(self.click), drawn.above)
        self.action = self.choice("action", [ROLL, NEWTON, MOVE], self._action_changed)
        self.temperature = self.slider("temperature", "kT", 15, (1, 60), 1, digits=".0f")
        pairs = [("–", ""), ("A and B", "AB"), ("A and C", "AC"), ("B and C", "BC")]
        self.path = self.choice("path", pairs, self._path_chosen, description="path")
        self.again = self.run_button("again", "Go again", self._go, icon="play")
        self.show_all([self.live.view, self.action, HBox([self.temperature, self.path]), HBox([self.again, self.work])])
        self._path_chosen() if self.path.value else self._rest(self.position[None])

    def _draw(self, way: Tensor, progress: Tensor) -> None:
        """The ball at the end of its way (K, 2); progress (K,) from 0 to 1."""
        with self.live.lock:
            self.drawn.place(way, progress)
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
        progress = share_along(way)
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
        self.say(left_in_words(way[-1], self.temperature.value if self.action.value == MOVE else None))

    def _rest(self, way: Tensor) -> None:
        """Draw the Hessian's modes where the ball is, and say what kind of place that is."""
        self.position = way[-1]
        self.memory["position"] = self.position.tolist()
        with self.live.lock:
            self.drawn.place(way, share_along(way))
            curvatures = self.drawn.place_modes(self.position)
            self.live.refresh()
        said = rest_in_words(muller_brown, self.position, curvatures)
        self.say(HOPPING.format(N_JUMPS) if self.action.value == NEWTON and len(way) > N_JUMPS else said)

    def _path_chosen(self) -> None:
        if not self.path.value:
            return
        self.work.stop()
        a, b = self.path.value
        way = surfaces.minimum_energy_path(muller_brown, self.minima[a], self.minima[b], n_images=61)
        energies = muller_brown(way).tolist()
        top, ends = int(np.argmax(energies)), (energies[0], energies[-1])
        saddle = surfaces.stationary_point(muller_brown, way[top])
        self.position = saddle.position
        climbs = f"from {a} to {b}: {saddle.energy - ends[0]:.1f}\nfrom {b} to {a}: {saddle.energy - ends[1]:.1f}"
        with self.live.lock:
            self.drawn.place(way, share := share_along(way))
            self.drawn.place_ball(saddle.position, float(share[top]), climbs)
            self.live.refresh()
        self.say(path_in_words(a, b, ends, saddle.energy))


def _outside(position: Tensor) -> bool:
    return any(not low <= at <= high for at, (low, high) in zip(position.tolist(), BOUNDS, strict=True))
