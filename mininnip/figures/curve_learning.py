"""A network of one variable as it learns: its curve among the points, what each neuron adds, and the losses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE, SECOND

__all__ = ["CurveLearning"]


class CurveLearning:
    """Top left points and curve, bottom left the neurons, right the losses against the number of steps.

    Args:
        shown, height: ends of x and of y.
        known: ends of the region where data are given; the rest is gray.
        steps: ends of the axis of steps.

    Attributes:
        alt: what it shows, for readers who do not see it.
        figure: with the axes `curve`, `neurons` and `loss`.
        moving: its artists that move, in the order in which they are drawn.
    """

    alt = (
        "Top left: training points, validation points and the network's curve, with pale areas where no data are. "
        "Bottom left: what each neuron adds. Right: loss on both sets of points against training steps."
    )

    def __init__(self, shown: Sequence, height: Sequence, known: Sequence, steps: Sequence):
        self.figure = figure = Figure(figsize=(9.4, 4.8), layout=cast(Any, "none"))
        grid = figure.add_gridspec(2, 2, width_ratios=(1.6, 1), height_ratios=(2, 1))
        self.curve, self.neurons, self.loss = (figure.add_subplot(grid[k]) for k in ((0, 0), (1, 0), np.s_[:, 1]))
        figure.subplots_adjust(left=0.07, right=0.985, top=0.93, bottom=0.12, hspace=0.18, wspace=0.2)
        for axes, ends in itertools.product((self.curve, self.neurons), ((shown[0], known[0]), (known[1], shown[1]))):
            axes.axvspan(*ends, color="0.93", zorder=0, linewidth=0)
        self.curve.set(xlim=shown, ylim=height, xticklabels=[], ylabel="y")
        self.neurons.set(xlim=shown, ylim=(-4, 4), yticks=(-4, 0, 4), xlabel="x", ylabel="each neuron")
        self.loss.set(xscale="log", yscale="log", xlim=steps, ylim=(0.1, 10), xlabel="training step", title="loss")
        fresh, points, self._curve, own = (
            self.curve.plot([], [], style, **looks)[0]
            for style, looks in (
                ("o", {"color": SECOND, "fillstyle": "none", "markersize": 5, "label": "validation"}),
                ("o", {"color": REFERENCE, "markersize": 5, "label": "training"}),
                ("-", {"color": MODEL, "linewidth": 2.5, "label": "network"}),
                ("s", {"color": ATTACK, "markersize": 8, "label": "yours"}),
            )
        )
        self._points = points, own, fresh
        self._shares: Any = self.neurons.add_collection(LineCollection([], linewidths=1.2), autolim=False)
        (train,) = self.loss.plot([], [], color=MODEL, label="training points")
        (valid,) = self.loss.plot([], [], "--", color=SECOND, label="validation points")
        self._losses = train, valid
        self._count = self.loss.text(0.03, 0.03, "", transform=self.loss.transAxes, fontsize=12)
        self.moving = [fresh, points, self._curve, own, self._shares, train, valid, self._count]
        self.curve.legend(loc="upper center", ncols=4, fontsize=10, handletextpad=0.3, columnspacing=1.0)
        self.loss.legend(loc="upper right")

    def place_points(self, given: np.ndarray, own: np.ndarray, fresh: np.ndarray) -> None:
        """Training points, those of the student's own, and validation points: x, y (P, 2)."""
        for dots, xy in zip(self._points, (given, own, fresh), strict=True):
            dots.set_data(*xy.T)

    def place_network(self, x: np.ndarray, y: np.ndarray, shares: np.ndarray) -> None:
        """The curve y (P,) at x (P,), and what each neuron adds to it (P, neurons)."""
        self._curve.set_data(x, y.clip(-99, 99))
        colors = colormaps["viridis"](np.linspace(0, 0.9, shares.shape[1]))
        self._shares.set(segments=[np.stack([x, share], axis=1) for share in shares.clip(-99, 99).T], color=colors)

    def place_losses(self, step: int, history: Sequence[tuple[int, float, float]]) -> bool:
        """Losses so far, on as many decades as they use: one that turns up must be seen.

        Args:
            step: the present one.
            history: step, loss on training points, loss on validation points; again and again.

        Returns:
            Whether the axis has changed, and with it what does not move.
        """
        steps, *losses = np.array(history or [(0, np.nan, np.nan)]).T
        for line, loss in zip(self._losses, losses, strict=True):
            line.set_data(steps, loss)
        self._count.set_text(f"step {step}")
        known = [loss for loss in np.ravel(losses) if np.isfinite(loss) and loss > 0] or [1.0]
        low, high = np.floor(np.log10(min(known))), np.ceil(np.log10(max(known)))
        before = self.loss.get_ylim()
        self.loss.set_ylim(10 ** min(low, high - 2), 10**high)
        return self.loss.get_ylim() != before
