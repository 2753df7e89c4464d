"""Hero of lesson 05: a network of one hidden layer learns a curve while you watch.

Top left the curve, bottom left what every neuron adds to it, right the loss on training and on validation points. The
network is `mininnip.neural.MLP`; here stand only the data, the training step by step, and the drawing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import ipywidgets
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor, nn

from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE, SECOND
from mininnip.neural.mlp import MLP
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

DATA = (-3.0, 3.0)  # where data are given; the figure shows more
SHOWN = ((-5.0, 5.0), (-3.6, 3.6))
N_TRAIN, N_VALID, N_CURVE = 40, 40, 201
PACE, WORK = 0.1, 0.06  # s from picture to picture, and of training in between
RUN = 10_000  # steps per press of Start
LOSSES, STEPS = (1e-6, 30.0), (10, 100_000)  # ends of the right panel's axes
NEAR = 0.012  # a click so near to a point of its own, as a share of the axes, takes the point away
ALT = (
    "Top left: training points, validation points and the network's curve, with pale areas where no data are. Bottom "
    "left: what each neuron adds. Right: loss on both sets of points against training steps."
)


def _morse(x: Tensor) -> Tensor:
    """A bond's energy curve, in arbitrary units: minimum at −1.8, flat to the right."""
    return 2.0 * (1 - torch.exp(-0.7 * (x + 1.8))).square() - 1.5


TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "wave": lambda x: torch.sin(2 * x) + 0.3 * x.square() * torch.cos(x),
    "bond": _morse,
    "double well": lambda x: 0.12 * (x.square() - 4).square() - 1.0,
    "step": lambda x: torch.where(x < 0.5, -1.0, 1.0).to(x.dtype),
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "SiLU": nn.functional.silu,
    "none": nn.Identity(),
}


class Training:
    """A network, its optimizer and what has been measured; it outlives the widget when its cell runs again.

    Args:
        neurons: of the hidden layer.
        activation: a key of `ACTIVATIONS`.
        seed: of the first weights.
    """

    def __init__(self, neurons: int, activation: str, seed: int):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = MLP((1, neurons, 1), ACTIVATIONS[activation]).double()
        self.optimizer = torch.optim.Adam(self.network.parameters(), foreach=False)
        self.seed, self.steps = seed, 0
        self.history: list[tuple[int, float, float]] = []  # step, loss on training and on validation points

    def step(self, x: Tensor, y: Tensor, rate: float) -> None:
        """One step of Adam on the mean squared error of all training points."""
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad()
        loss = (self.network(x) - y).square().mean()
        loss.backward()
        if not bool(loss.isfinite()):
            raise ValueError("the loss is not finite any more; press Reset, and choose a smaller learning rate")
        self.optimizer.step()
        self.steps += 1

    def contributions(self, x: Tensor) -> Tensor:
        """What each hidden neuron adds to the output (neurons, P); with the output's bias they sum to the curve."""
        first, last = self.network.layers
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            return (self.network.activation(first(x)) * last.weight).T

    def losses(self, points: tuple[Tensor, Tensor], fresh: tuple[Tensor, Tensor]) -> tuple[float, float]:
        """Mean squared error on training points and on validation points."""
        with torch.no_grad():
            train, valid = ((self.network(x) - y).square().mean().item() for x, y in (points, fresh))
        return train, valid


class Approximator(Panel):
    """Choose target, noise, neurons and activation; press Start and watch the network learn.

    A click into the curve adds a training point there, a click on such a point takes it away; both also with arrow
    keys and Enter. Data can change while the network trains. Pause keeps everything, Reset draws new first weights.

    Args:
        target: a key of `TARGETS`: "wave", "bond", "double well" or "step".
        neurons: of the hidden layer, 1 to 64.

    Raises:
        ValueError: an unknown target, or a number of neurons out of range.
    """

    def __init__(self, target: str = "wave", neurons: int = 8):
        if target not in TARGETS or not 1 <= neurons <= 64:
            raise ValueError(f"target is one of {', '.join(TARGETS)} and neurons 1 to 64; got {target!r} and {neurons}")
        super().__init__("approximator")
        self.added: list[tuple[float, float]] = self.memory.setdefault("added", [])
        self._curve_x = torch.linspace(*SHOWN[0], N_CURVE, dtype=torch.float64)[:, None]
        self._draw_figure()
        choice = {"style": {"button_width": "auto", "description_width": "5em"}}
        slide = {"layout": {"width": "26em"}, "style": {"description_width": "7em"}}
        self.target = self.control(
            "target",
            ipywidgets.ToggleButtons(options=list(TARGETS), value=target, description="target", **choice),
            lambda: self._while_paused(self._new_data),
        )
        self.activation = self.control(
            "activation",
            ipywidgets.ToggleButtons(options=list(ACTIVATIONS), description="activation", **choice),
            lambda: self._while_paused(self._new_network),
        )
        self.neurons = self.control(
            "neurons",
            ipywidgets.IntSlider(neurons, min=1, max=64, description="neurons", **slide),
            lambda: self._while_paused(self._new_network),
        )
        self.noise = self.control(
            "noise",
            ipywidgets.FloatSlider(0.0, min=0, max=0.6, step=0.05, description="noise", readout_format=".2f", **slide),
            lambda: self._while_paused(self._new_data),
        )
        self.rate = self.control(
            "rate",
            ipywidgets.FloatLogSlider(
                0.01, min=-4, max=0, step=0.25, description="learning rate", readout_format=".4f", **slide
            ),
        )
        self.start = self.button("start", "Start", self._start, icon="play", button_style="primary")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="new first weights")
        self.work = self.background(pace=PACE, on_end=self._ended)
        self.work.button.description, self.work.button.icon = "Pause", "pause"
        left, right = (ipywidgets.VBox(both) for both in ([self.neurons, self.noise], [self.rate]))
        self.show_all(
            [
                ipywidgets.HBox([self.target, self.activation], layout={"flex_flow": "row wrap"}),
                self.live.view,
                ipywidgets.HBox([left, right], layout={"flex_flow": "row wrap"}),
                ipywidgets.HBox([self.start, self.reset, self.work], layout={"flex_flow": "row wrap"}),
            ]
        )
        self.training: Training = self.memory.get("training") or self._first_network(seed=0)
        self._new_data()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.4, 4.8), layout=cast(Any, "none"))
        grid = figure.add_gridspec(2, 2, width_ratios=(1.6, 1), height_ratios=(2, 1))
        self.curve, self.below, self.loss = (figure.add_subplot(grid[k]) for k in ((0, 0), (1, 0), np.s_[:, 1]))
        figure.subplots_adjust(left=0.07, right=0.985, top=0.93, bottom=0.12, hspace=0.18, wspace=0.2)
        for part in (self.curve, self.below):
            part.set(xlim=SHOWN[0])
            for ends in ((SHOWN[0][0], DATA[0]), (DATA[1], SHOWN[0][1])):
                part.axvspan(*ends, color="0.93", zorder=0, linewidth=0)
        self.curve.set(ylim=SHOWN[1], ylabel="y", title="click to add a point (gray: no data)")
        self.curve.set(xticklabels=[])
        self.below.set(ylim=(-4, 4), yticks=(-4, 0, 4), xlabel="x", ylabel="each neuron")
        self.loss.set(xscale="log", yscale="log", xlim=STEPS, ylim=LOSSES, xlabel="training step", title="loss")
        (self._valid,) = self.curve.plot([], [], "o", color=SECOND, fillstyle="none", markersize=5, label="validation")
        (self._train,) = self.curve.plot([], [], "o", color=REFERENCE, markersize=5, label="training")
        (self._added,) = self.curve.plot([], [], "s", color=ATTACK, markersize=8, label="yours")
        (self._fit,) = self.curve.plot([], [], color=MODEL, linewidth=2.5, label="network")
        self._parts = LineCollection([], linewidths=1.2)
        self.below.add_collection(self._parts, autolim=False)
        (self._train_loss,) = self.loss.plot([], [], color=MODEL, label="training points")
        (self._valid_loss,) = self.loss.plot([], [], color=SECOND, linestyle="--", label="validation points")
        self._count = self.loss.text(0.03, 0.03, "", transform=self.loss.transAxes, fontsize=12)
        self.curve.legend(loc="upper center", ncols=4, fontsize=10, handletextpad=0.3, columnspacing=1.0)
        self.loss.legend(loc="upper right")
        moving = [self._valid, self._train, self._fit, self._added, self._parts]
        moving += [self._train_loss, self._valid_loss, self._count]
        self.live = LiveFigure(figure, moving, ALT, on_click=self.guard(self.click), clickable_axes=self.curve)

    def _draw(self) -> None:
        """The network as it is now: its curve, its neurons and its losses."""
        training, x = self.training, self._curve_x
        parts = training.contributions(x).numpy()
        with torch.no_grad():
            curve = training.network(x)[:, 0].numpy()
        steps, train, valid = np.array(training.history or [(0, np.nan, np.nan)]).T
        with self.live.lock:
            self._fit.set_data(x[:, 0].numpy(), np.clip(curve, -99, 99))
            lines = np.stack([np.broadcast_to(x[:, 0].numpy(), parts.shape), np.clip(parts, -99, 99)], axis=2)
            self._parts.set(segments=list(lines), color=colormaps["viridis"](np.linspace(0, 0.9, len(parts))))
            self._train_loss.set_data(steps, train)
            self._valid_loss.set_data(steps, valid)
            self._count.set_text(f"step {training.steps}")
            self.live.refresh()

    def _draw_points(self) -> None:
        with self.live.lock:
            n_own = len(self.added)
            x, y = (values[:, 0].numpy() for values in self.points)
            self._train.set_data(x[: len(x) - n_own], y[: len(y) - n_own])
            self._added.set_data(x[len(x) - n_own :], y[len(y) - n_own :])
            self._valid.set_data(*(values[:, 0].numpy() for values in self.fresh))

    def _say(self) -> None:
        train, valid = (loss**0.5 for loss in self.training.losses(self.points, self.fresh))
        n_weights = sum(weight.numel() for weight in self.training.network.parameters())
        n_own = f", {len(self.added)} of them yours" if self.added else ""
        self.say(
            f"{self.neurons.value} neurons, {n_weights} weights, {len(self.points[0])} training points{n_own}. After "
            f"{self.training.steps} steps the RMSE is <b>{train:.3g}</b> on training and <b>{valid:.3g}</b> on "
            f"validation points."
        )

    # --- what happens -------------------------------------------------------------------------------------------------

    def click(self, x: float, y: float) -> None:
        """Add a training point, or take one's own point away."""
        self._while_paused(lambda: self._toggle_point(x, y))

    def _toggle_point(self, x: float, y: float) -> None:
        (left, right), (bottom, top) = SHOWN
        for own in self.added:
            if np.hypot((own[0] - x) / (right - left), (own[1] - y) / (top - bottom)) < NEAR:
                self.added.remove(own)
                break
        else:
            self.added.append((x, y))
        self._new_data()

    def _new_data(self) -> None:
        """Training points on an even grid with noise, validation points between them with other noise."""
        generator = torch.Generator().manual_seed(0)
        target, sets = TARGETS[self.target.value], []
        grid = torch.linspace(*DATA, N_TRAIN + N_VALID, dtype=torch.float64)[:, None]
        for x in (grid[0::2], grid[1::2]):
            noise = torch.randn(len(x), 1, generator=generator, dtype=torch.float64)
            sets.append((x, target(x) + self.noise.value * noise))
        (x, y), self.fresh = sets
        own = torch.tensor(self.added, dtype=torch.float64).reshape(-1, 2)
        self.points = torch.cat([x, own[:, :1]]), torch.cat([y, own[:, 1:]])
        self._draw_points()
        self._draw()
        self._say()

    def _first_network(self, seed: int) -> Training:
        self.training = self.memory["training"] = Training(self.neurons.value, self.activation.value, seed)
        return self.training

    def _new_network(self) -> None:
        self._first_network(self.training.seed)
        self._draw()
        self._say()

    def _reset(self) -> None:
        self.work.stop()
        self.work.bar.value, self.work.text.value = 0, ""
        self.added.clear()
        self._first_network(self.training.seed + 1)
        self._new_data()

    def _start(self) -> None:
        self.start.disabled = True
        self.say("Training. Click into the figure to add a point; <b>Pause</b> to read the errors.")
        self.work.start(self._train_on())

    def _ended(self) -> None:
        self.start.disabled = False
        self._say()

    def _train_on(self) -> Iterator[tuple[float, str]]:
        """Train from where the network stands; one picture per turn."""
        first = self.training.steps
        while self.training.steps < first + RUN:
            due = time.monotonic() + WORK
            while time.monotonic() < due and self.training.steps < first + RUN:
                self.training.step(*self.points, self.rate.value)
            losses = self.training.losses(self.points, self.fresh)
            self.training.history.append((self.training.steps, *losses))
            self._draw()
            yield (self.training.steps - first) / RUN, f"RMSE {losses[0] ** 0.5:.3g}"

    def _while_paused(self, change: Callable[[], None]) -> None:
        """Change something between two steps, and train on if it was training."""
        was_running = self.work.running
        self.work.stop()
        change()
        if was_running:
            self._start()
