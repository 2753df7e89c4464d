"""Hero of lesson 05: a network of one hidden layer learns a curve while you watch.

Top left the curve, bottom left what every neuron adds to it, right the loss on training and on validation points. The
network is `mininnip.neural.MLP`; here stand only the data, the training step by step, and the drawing.
"""

from __future__ import annotations

import functools
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
STEPS = (10, 100_000)  # ends of the right panel's axis
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


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "gradient descent": torch.optim.SGD,
}


class Training:
    """A network, its optimizer and what has been measured; it outlives the widget when its cell runs again.

    Args:
        neurons: of the hidden layer.
        activation: a key of `ACTIVATIONS`.
        seed: of the first weights.
        optimizer: a key of `OPTIMIZERS`.
    """

    def __init__(self, neurons: int, activation: str, seed: int, optimizer: str):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = MLP((1, neurons, 1), ACTIVATIONS[activation]).double()
        self.use(optimizer)
        self.seed, self.steps = seed, 0
        self.history: list[tuple[int, float, float]] = []  # step, loss on training and on validation points

    def use(self, optimizer: str) -> None:
        """Go on with this optimizer from the present weights; Adam forgets its averages."""
        self.optimizer = OPTIMIZERS[optimizer](self.network.parameters(), lr=0.01, foreach=False)

    def step(self, x: Tensor, y: Tensor, rate: float) -> None:
        """One step of the optimizer on the mean squared error of all training points."""
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

    pace = PACE

    def __init__(self, target: str = "wave", neurons: int = 8):
        if target not in TARGETS or not 1 <= neurons <= 64:
            raise ValueError(f"target is one of {', '.join(TARGETS)} and neurons 1 to 64; got {target!r} and {neurons}")
        super().__init__("approximator")
        self.added: list[tuple[float, float]] = self.memory.setdefault("added", [])
        self._curve_x = torch.linspace(*SHOWN[0], N_CURVE, dtype=torch.float64)[:, None]
        self._draw_figure()
        new_data, new_network = (
            functools.partial(self._while_paused, change) for change in (self._new_data, self._new_network)
        )
        self.target = self.choice("target", list(TARGETS), new_data, target, "target")
        self.activation = self.choice("activation", list(ACTIVATIONS), new_network, None, "activation")
        self.optimizer = self.choice("optimizer", list(OPTIMIZERS), self._new_optimizer, None, "optimizer")
        self.neurons = self.slider(
            "neurons", "neurons", neurons, (1, 64), 1, new_network, "d", kind=ipywidgets.IntSlider
        )
        self.noise = self.slider("noise", "noise", 0.0, (0, 0.6), 0.05, new_data)
        self.rate = self.slider(
            "rate", "learning rate", 0.01, (-4, 0), 0.25, None, ".4f", kind=ipywidgets.FloatLogSlider
        )
        self.start = self.run_button("start", "Start", self._train_on, icon="play", button_style="primary")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="new first weights")
        self.work.button.description, self.work.button.icon = "Pause", "pause"
        row = {"flex_flow": "row wrap"}
        self.show_all(
            [
                ipywidgets.HBox([self.target, self.activation, self.optimizer], layout=row),
                self.live.view,
                ipywidgets.HBox([self.neurons, self.noise, self.rate], layout=row),
                ipywidgets.HBox([self.start, self.reset, self.work], layout=row),
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
        self.loss.set(xscale="log", yscale="log", xlim=STEPS, ylim=(0.1, 10), xlabel="training step", title="loss")
        live = self.live = LiveFigure(figure, alt=ALT, on_click=self.guard(self.click), clickable_axes=self.curve)
        self._valid = live.line(self.curve, "o", color=SECOND, fillstyle="none", markersize=5, label="validation")
        self._train = live.line(self.curve, "o", color=REFERENCE, markersize=5, label="training")
        self._fit = live.line(self.curve, color=MODEL, linewidth=2.5, label="network")
        self._added = live.line(self.curve, "s", color=ATTACK, markersize=8, label="yours")
        self._parts = live.add(self.below.add_collection(LineCollection([], linewidths=1.2), autolim=False))
        self._train_loss = live.line(self.loss, color=MODEL, label="training points")
        self._valid_loss = live.line(self.loss, "--", color=SECOND, label="validation points")
        self._count = live.add(self.loss.text(0.03, 0.03, "", transform=self.loss.transAxes, fontsize=12))
        self.curve.legend(loc="upper center", ncols=4, fontsize=10, handletextpad=0.3, columnspacing=1.0)
        self.loss.legend(loc="upper right")

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
            ends = _decades([*train, *valid])
            if ends != self.loss.get_ylim():  # as many decades as are used: a loss that turns up must be seen
                self.loss.set_ylim(ends)
                self.live.redraw()
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
            f"{self.training.steps} steps of {self.optimizer.value} the RMSE is <b>{train:.3g}</b> on training and "
            f"<b>{valid:.3g}</b> on validation points{self._turned_up(valid)}."
        )

    def _turned_up(self, valid: float) -> str:
        """Where the error on validation points was lowest, if it has risen since."""
        history = self.training.history or [(0, 0.0, valid**2)]
        step, _, loss = min(history, key=lambda entry: entry[2])
        lowest = loss**0.5
        return f", lowest at step {step} (<b>{lowest:.3g}</b>)" if valid > 1.02 * lowest else ""

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
        self.training = self.memory["training"] = Training(
            self.neurons.value, self.activation.value, seed, self.optimizer.value
        )
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

    def _new_optimizer(self) -> None:
        self._while_paused(lambda: self.training.use(self.optimizer.value))
        self._say()

    def ended(self) -> None:
        """Say how good the network is."""
        self._say()

    def _train_on(self) -> Iterator[tuple[float, str]]:
        """Train from where the network stands; one picture per turn."""
        self.say("Training. Click into the figure to add a point; <b>Pause</b> to read the errors.")
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
            self.start_work(self._train_on())


def _decades(losses: list[float]) -> tuple[float, float]:
    """Powers of ten around all losses, at least two apart."""
    known = [loss for loss in losses if np.isfinite(loss) and loss > 0] or [1.0]
    low, high = np.floor(np.log10(min(known))), np.ceil(np.log10(max(known)))
    return float(10 ** min(low, high - 2)), float(10**high)
