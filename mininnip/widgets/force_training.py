"""A SchNet that learns before your eyes: how much forces weigh is a slider, its forces and its filters move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure

from mininnip.data.dataset import Dataset
from mininnip.evaluation import predict
from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE, SECOND
from mininnip.neural.schnet import SchNet
from mininnip.potential import Potential
from mininnip.training import fit_reference_energies, training_epochs
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

RUN = 60  # epochs per press of Start
N_FILTERS = 4  # filters that are drawn
R = torch.linspace(0.5, 6.0, 111)
ALT = (
    "Left: forces of the network against reference forces, validation frames. Middle: four filters of the first layer "
    "against distance, thin lines before training. Right: error of forces and energies against epochs."
)


class ForceTraining(Panel):
    """Press Start and watch forces and filters; move λ_F, at any time, and see which error falls.

    Pause keeps the network, Reset makes a new one.

    Args:
        new_network: makes an untrained SchNet, `new_network(seed=0)`.
        train, valid: frames to learn from, and those that are shown.
    """

    def __init__(self, new_network: Callable[..., SchNet], train: Dataset, valid: Dataset):
        super().__init__("force-training")
        self._new, self.train, self.valid = new_network, train, valid
        self._draw_figure()
        self.weight = self.slider("weight", "λ_F", 1.0, (0.0, 1.0), 0.05, self._new_weight)
        self.start = self.run_button("start", "Start", self._train_on, icon="play", button_style="primary")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="a new network")
        self.work.button.description, self.work.button.icon = "Pause", "pause"
        buttons = ipywidgets.HBox([self.start, self.reset, self.work], layout={"flex_flow": "row wrap"})
        self.show_all([self.live.view, self.weight, buttons])
        if "potential" not in self.memory:
            self._make(seed=0)
        self.found = predict(self.memory["potential"], valid)
        self._draw()

    def _make(self, seed: int) -> None:
        potential = Potential(self._new(seed=seed))
        potential.set_reference_energies(fit_reference_energies(self.train))
        self.memory |= {"seed": seed, "potential": potential, "history": [], "filters": self._filters(potential)}
        self._record()

    def _record(self) -> None:
        """Compare with the validation frames: one row of the history, and all forces."""
        self.found = predict(self.memory["potential"], self.valid)
        energy = 1e3 * (self.found["energy"] - self.valid.energy) / self.valid.n_atoms
        forces = 1e3 * (self.found["forces"] - self.valid.forces)
        self.memory["history"].append([np.sqrt(np.mean(errors**2)) for errors in (forces, energy)])

    def _filters(self, potential: Potential) -> np.ndarray:
        model: Any = potential.model
        with torch.no_grad():
            return model.filters(R.to(potential.dtype))[0][:, :N_FILTERS].T.numpy()  # of the first layer

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.8, 3.7), layout=cast(Any, "none"))
        self.parity, self.filters, self.errors = figure.subplots(1, 3)
        figure.subplots_adjust(left=0.07, right=0.985, top=0.9, bottom=0.16, wspace=0.34)
        end = float(np.abs(self.valid.forces).max())
        self.parity.set(xlim=(-end, end), ylim=(-end, end), aspect="equal", title="forces, validation")
        self.parity.set(xlabel="reference (eV/Å)", ylabel="network (eV/Å)")
        self.parity.plot([-end, end], [-end, end], color="0.6", linewidth=1)
        self.filters.set(xlabel="distance r (Å)", xlim=(float(R[0]), float(R[-1])), title="four filters W(r)")
        self.errors.set(xlabel="epochs", ylabel="RMSE", xlim=(0, RUN), title="errors, validation")
        self.errors.set(yscale="log", ylim=(1, 2000))
        live = self.live = LiveFigure(figure, alt=ALT)
        self._forces = live.line(self.parity, ".", color=MODEL, markersize=3)
        colors = (REFERENCE, MODEL, SECOND, ATTACK)
        self._before = [live.line(self.filters, color=color, linewidth=0.8) for color in colors]
        self._now = [live.line(self.filters, color=color, linewidth=2.2) for color in colors]
        self._force_rmse = live.line(self.errors, color=MODEL, label="forces (meV/Å)")
        self._energy_rmse = live.line(self.errors, "--", color=SECOND, label="energy (meV/atom)")
        self.errors.legend(loc="upper right", fontsize=10)
        self._loss = live.add(self.errors.text(0.04, 0.04, "", transform=self.errors.transAxes, fontsize=12))

    def _draw(self) -> None:
        """The network as it is now: forces of the validation frames, filters, errors so far; and what they say."""
        force_rmse, energy_rmse = np.array(self.memory["history"]).T
        epochs = np.arange(len(force_rmse))
        with self.live.lock:
            self._forces.set_data(self.valid.forces.ravel(), self.found["forces"].ravel())
            now = self._filters(self.memory["potential"])
            for lines, filters in ((self._before, self.memory["filters"]), (self._now, now)):
                for line, values in zip(lines, filters, strict=True):
                    line.set_data(R.numpy(), values)
            self._force_rmse.set_data(epochs, force_rmse)
            self._energy_rmse.set_data(epochs, energy_rmse)
            self._loss.set_text(f"λ_F = {self.weight.value:.2f}")
            high, end = 1.15 * np.abs([now, self.memory["filters"]]).max(), RUN * -(-epochs[-1] // RUN)
            if self.filters.get_ylim()[1] < high or self.errors.get_xlim()[1] < end:
                self.filters.set_ylim(-1.3 * high, 1.3 * high)
                self.errors.set_xlim(0, max(end, RUN))
                self.live.redraw()
            self.live.refresh()
        self.say(
            f"λ_F = {self.weight.value:.2f}, {epochs[-1]:.0f} epochs: forces <b>{force_rmse[-1]:.0f} meV/Å</b> off, "
            f"energies <b>{energy_rmse[-1]:.1f} meV/atom</b> (validation RMSE)."
        )

    # --- what happens -------------------------------------------------------------------------------------------------

    def _train_on(self) -> Iterator[tuple[float, str]]:
        """Train from where the network stands, one picture per epoch."""
        weights = {"energy_weight": 1.0, "force_weight": self.weight.value}
        rates = {"learning_rate": 3e-3, "seed": len(self.memory["history"])}
        loop = training_epochs(self.memory["potential"], self.train, self.valid, epochs=RUN, **weights, **rates)
        for history in loop:
            self._record()
            self._draw()
            done = len(history.epochs)
            yield done / RUN, f"epoch {done} of {RUN}"

    def _new_weight(self) -> None:
        """Another loss: go on with it if it was training."""
        if self.work.running:
            self.start_work(self._train_on())
        else:
            self._draw()

    def _reset(self) -> None:
        self.work.stop()
        self.work.bar.value, self.work.text.value = 0, ""
        self._make(self.memory["seed"] + 1)
        self._draw()
