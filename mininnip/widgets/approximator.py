"""Hero of lesson 05: a network of one hidden layer learns a curve while you watch.

The training, step by step, is `mininnip.neural.curve_training`; it is drawn by `mininnip.figures.curve_learning`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from ipywidgets import FloatLogSlider, HBox, IntSlider

from mininnip.figures.curve_learning import CurveLearning
from mininnip.neural.curve_training import ACTIVATIONS, OPTIMIZERS, CurveTraining
from mininnip.surfaces.curves import CURVES, noisy_points
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP

SHOWN, HEIGHT, DATA = (-5.0, 5.0), (-3.6, 3.6), (-3.0, 3.0)  # of x, of y, and where data are given
GRID = torch.linspace(*DATA, 80, dtype=torch.float64)  # of training and validation points, in turn
X = torch.linspace(*SHOWN, 201, dtype=torch.float64)  # of the curve
WORK = 0.06  # s of training between two pictures
RUN = 10_000  # steps per press of Start
NEAR = 0.012  # a click so near to a point of its own, as a share of the axes, takes the point away


class Approximator(Panel):
    """Choose target, noise, neurons and activation; press Start and watch the network learn.

    A click into the curve adds a training point there, a click on such a point takes it away; both also with arrow
    keys and Enter. Data can change while the network trains. Pause keeps everything, Reset draws new first weights.

    Args:
        target: a key of `CURVES`: "wave", "bond", "double well" or "step".
        neurons: of the hidden layer, 1 to 64.

    Raises:
        ValueError: an unknown target, or a number of neurons out of range.
    """

    pace = 0.1  # s from picture to picture

    def __init__(self, target: str = "wave", neurons: int = 8):
        if target not in CURVES or not 1 <= neurons <= 64:
            raise ValueError(f"target is one of {', '.join(CURVES)} and neurons 1 to 64; got {target!r} and {neurons}")
        super().__init__("approximator")
        self.added: list[tuple[float, float]] = self.memory.setdefault("added", [])
        drawn = self.drawn = CurveLearning(SHOWN, HEIGHT, DATA, steps=(10, 10 * RUN))
        drawn.curve.set_title("click to add a point (gray: no data)")
        self.live = LiveFigure(drawn.figure, drawn.moving, drawn.alt, self.guard(self.click), drawn.curve)
        changes = self._new_data, self._new_network, self._new_rule
        data, network, rule = (partial(self._while_paused, change) for change in changes)
        self.target = self.choice("target", list(CURVES), data, target, "target")
        self.activation = self.choice("activation", list(ACTIVATIONS), network, None, "activation")
        self.optimizer = self.choice("optimizer", list(OPTIMIZERS), rule, None, "optimizer")
        self.neurons = self.slider("neurons", "neurons", neurons, (1, 64), 1, network, "d", kind=IntSlider)
        self.noise = self.slider("noise", "noise", 0.0, (0, 0.6), 0.05, data)
        self.rate = self.slider("rate", "learning rate", 0.01, (-4, 0), 0.25, None, ".4f", kind=FloatLogSlider)
        self.start = self.run_button("start", "Start", self._train_on, icon="play", button_style="primary")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="new first weights")
        self.work.button.description, self.work.button.icon = "Pause", "pause"
        choices, sliders = [self.target, self.activation, self.optimizer], [self.neurons, self.noise, self.rate]
        rows = [HBox(row, layout=WRAP) for row in (choices, sliders, [self.start, self.reset, self.work])]
        self.show_all([rows[0], self.live.view, *rows[1:]])
        self.training: CurveTraining = self.memory.get("training") or self._make(seed=0)
        self._new_data()

    def _draw(self) -> None:
        """The points, and the network as it is now: its curve, its neurons and its losses."""
        training, own = self.training, len(self.points) - len(self.added)
        with torch.no_grad():
            y, shares = training.network(X[:, None])[:, 0].numpy(), training.network.shares(X[:, None])[:, 0].numpy()
        with self.live.lock:
            self.drawn.place_points(self.points[:own].numpy(), self.points[own:].numpy(), self.fresh.numpy())
            self.drawn.place_network(X.numpy(), y, shares)
            if self.drawn.place_losses(training.steps, training.history):
                self.live.redraw()
            self.live.refresh()

    def ended(self) -> None:
        """Say how good the network is, and where it was better on validation points if that has turned up."""
        training, (train, valid) = self.training, self.training.errors(self.points, self.fresh)
        step, _, loss = min(training.history or [(0, 0, valid**2)], key=lambda entry: entry[2])
        turned = f", lowest at step {step} (<b>{loss**0.5:.3g}</b>)" if valid > 1.02 * loss**0.5 else ""
        own = f", {len(self.added)} of them yours" if self.added else ""
        self.say(
            f"{self.neurons.value} neurons, {training.n_weights} weights, {len(self.points)} training points{own}. "
            f"After {training.steps} steps of {self.optimizer.value} the RMSE is <b>{train:.3g}</b> on training and "
            f"<b>{valid:.3g}</b> on validation points{turned}."
        )

    def click(self, x: float, y: float) -> None:
        """Add a training point, or take one's own point away."""
        size = SHOWN[1] - SHOWN[0], HEIGHT[1] - HEIGHT[0]
        hit = [own for own in self.added if np.hypot(*(np.subtract(own, (x, y)) / size)) < NEAR]
        self.added[:] = [own for own in self.added if own not in hit] if hit else [*self.added, (x, y)]
        self._while_paused(self._new_data)

    def _new_data(self) -> None:
        """Training points on an even grid with noise, then one's own; validation points between, with other noise."""
        noisy = noisy_points(self.target.value, GRID, self.noise.value)
        self.points = torch.cat([noisy[0::2], torch.tensor(self.added, dtype=GRID.dtype).reshape(-1, 2)])
        self.fresh = noisy[1::2]
        self._draw()
        self.ended()

    def _make(self, seed: int) -> CurveTraining:
        choices = self.neurons.value, self.activation.value, self.optimizer.value
        self.training = self.memory["training"] = CurveTraining(*choices, seed)
        return self.training

    def _new_network(self) -> None:
        self._make(self.training.seed)
        self._new_data()

    def _reset(self) -> None:
        self.work.stop()
        self.work.bar.value, self.work.text.value = 0, ""
        self.added.clear()
        self._make(self.training.seed + 1)
        self._new_data()

    def _new_rule(self) -> None:
        self.training.use(self.optimizer.value)
        self.ended()

    def _train_on(self) -> Iterator[tuple[float, str]]:
        """Train from where the network stands; one picture per turn."""
        self.say("Training. Click into the figure to add a point; <b>Pause</b> to read the errors.")
        training, first = self.training, self.training.steps
        while training.steps < first + RUN:
            due = time.monotonic() + WORK
            while time.monotonic() < due and training.steps < first + RUN:
                training.step(self.points, self.rate.value)
            training.record(self.points, self.fresh)
            self._draw()
            yield (training.steps - first) / RUN, f"RMSE {training.history[-1][1] ** 0.5:.3g}"

    def _while_paused(self, change: Callable[[], None]) -> None:
        """Change something between two steps, and train on if it was training."""
        was_running = self.work.running
        self.work.stop()
        change()
        if was_running:
            self.start_work(self._train_on())
