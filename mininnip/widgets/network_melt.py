"""Hero of lesson 08: a Behler–Parrinello network is trained while you watch, then a melt runs with it.

Left the atoms in 3-D, red where an environment lies outside the training data; right the error on validation data and
the radial distribution as it builds up against the reference. Training is `mininnip.training`, dynamics is
`mininnip.sampling`; here stand only the two loops and the drawing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
from ase import Atoms
from matplotlib.figure import Figure

from mininnip.analysis import radial_distribution
from mininnip.calculator import Calculator
from mininnip.data.sets import Dataset
from mininnip.figures.plotting import MODEL
from mininnip.model import Descriptor
from mininnip.neural import BehlerParrinello
from mininnip.potential import Potential
from mininnip.sampling.dynamics import molecular_dynamics
from mininnip.training import training_epochs
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

EPOCHS = 40  # per press of Train
RATE = 0.01  # learning rate of the first epoch
ENERGY_WEIGHT = 30.0
HIDDEN = (20, 20)
TIME_STEP, FRICTION, CLOSEST = 2.0, 0.01, 0.5  # fs, 1/fs, Å
NEAR, SLOW = 1.6, 0.25  # Å: atoms so near fuse soon; s from frame to frame while they do
STEPS_PER_FRAME, FRAMES_PER_RUN = 5, 2000
AVERAGED = 300  # frames over which g(r) is averaged: 3 ps
ALT = (
    "Above: force error on validation data against epochs. Below: radial distribution function of the running melt and "
    "a gray band, the reference."
)


class NetworkMelt(Panel):
    """Train a network, stop, run a melt with it, stop, train on; everything is kept when the cell runs again.

    Args:
        train, valid: data sets with forces.
        start: first structure of the melt, periodic.
        functions: symmetry functions of the network.
        reference: r (B,) in Å on an even grid from 0, and one or several g(r) (B,) between which a band is drawn.
        temperature: of the melt at first, in K.

    Raises:
        ValueError: a start that is not periodic, or a reference without a distribution.
    """

    def __init__(
        self,
        train: Dataset,
        valid: Dataset,
        start: Atoms,
        functions: Descriptor,
        reference: Sequence[np.ndarray],
        temperature: float = 3000,
    ):
        if not all(start.pbc):
            raise ValueError("the melt needs a periodic structure: set start.pbc = True and a cell")
        if len(reference) < 2:
            raise ValueError("the reference is r and at least one g(r): reference=(r, g)")
        super().__init__("network-melt")
        self._train, self._valid, self._first, self._functions = train, valid, start, functions
        self._r, self._band = np.asarray(reference[0]), [np.asarray(g) for g in reference[1:]]
        self._cutoff = float(self._r[-1] + (self._r[1] - self._r[0]) / 2)
        if "potential" not in self.memory:
            self._forget(seed=0)
        self._draw_figures()
        self.temperature = self.slider(
            "temperature", "temperature (K)", temperature, (300, 8000), 100, self._draw, "d", kind=ipywidgets.IntSlider
        )
        self.learn = self.run_button("train", "Train", self._training, button_style="primary")
        self.melt = self.run_button("melt", "Melt", self._melting, icon="fire")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="a new, untrained network")
        self.stage = Stage(self, start, 300, "The atoms seen along z; red: outside the training data.")
        self.look, self.viewer, self.flat = self.stage.look, self.stage.viewer, self.stage.flat
        buttons = ipywidgets.HBox([self.learn, self.melt, self.reset, self.work], layout={"flex_flow": "row wrap"})
        views = ipywidgets.HBox([ipywidgets.VBox([self.look, self.stage]), self.live.view], layout=WRAP)
        self.show_all([views, self.temperature, buttons])
        self._draw()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figures(self) -> None:
        figure = Figure(figsize=(5.4, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[2, 3])
        scale = 1e3 * float(np.sqrt(np.mean(self._valid.forces**2)))
        above.axhline(scale, color="0.6", linewidth=1, linestyle=":")
        above.text(0.99, scale, "predict no force ", va="bottom", ha="right", transform=above.get_yaxis_transform())
        live = self.live = LiveFigure(figure, alt=ALT)
        self._error = live.line(above, color=MODEL)
        above.set(xlim=(0, EPOCHS), ylim=(0, 1.35 * scale), xlabel="epoch", ylabel="force error\n(meV/Å)")
        self._above = above
        low, high = np.min(self._band, axis=0), np.max(self._band, axis=0)
        below.fill_between(self._r, low, high, color="0.7", label="reference")
        self._g = live.line(below, color=MODEL, label="this melt")
        self._clock = live.add(below.text(0.98, 0.93, "", transform=below.transAxes, ha="right", va="top"))
        below.set(xlim=(1, self._cutoff), ylim=(0, 1.6 * high.max()), xlabel="distance r (Å)", ylabel="g(r)")
        below.legend(loc="upper left")

    def _draw(self) -> None:
        """Atoms, error and g(r) as they are now."""
        frame, memory = self.memory["frame"], self.memory
        grades = frame.calc.results.get("extrapolation") if frame.calc else None
        pair, distance = closest_pair(frame)
        red = np.zeros(len(frame), bool) if grades is None else grades > 0
        if distance < NEAR:
            red[list(pair)] = True
        self.stage.place(frame.get_positions(wrap=True), red)
        with self.live.lock:
            self._error.set_data(np.arange(len(memory["errors"])), memory["errors"])
            self._g.set_data(self._r, np.mean(memory["g"], axis=0) if memory["g"] else np.full_like(self._r, np.nan))
            since = f", {frame.info['time']:.2f} ps" if memory["g"] else ""
            self._clock.set_text(f"{self.temperature.value} K{since}")
            if len(memory["errors"]) > self._above.get_xlim()[1]:
                self._above.set_xlim(0, 2 * self._above.get_xlim()[1])
                self.live.redraw()
            self.live.refresh()
        self._report(grades)

    def _report(self, grades: np.ndarray | None) -> None:
        errors, frame = self.memory["errors"], self.memory["frame"]
        state = f"{len(errors) - 1} epochs, force error {errors[-1]:.0f} meV/Å" if errors else "an untrained network"
        if self.memory["g"]:
            outside = None if grades is None else int((grades > 0).sum())
            what = "it knows no training data yet" if grades is None else f"{outside} of {len(frame)} atoms outside"
            state += f". Melt at {frame.info['temperature']:.0f} K: {what}"
            pair, distance = closest_pair(frame)
            if distance < NEAR:
                state += f". <b>Atoms {pair[0]} and {pair[1]} are {distance:.2f} Å apart</b> and fall together"
        self.say(f"{state}.")

    # --- what happens -------------------------------------------------------------------------------------------------

    def _forget(self, seed: int) -> None:
        """A new network; the melt starts over."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            potential = Potential(BehlerParrinello(self._functions, HIDDEN).float())
        frame = self._first.copy()
        self.memory |= {"potential": potential, "seed": seed, "errors": [], "g": deque(maxlen=AVERAGED), "frame": frame}

    def _reset(self) -> None:
        self.work.stop()
        self._forget(self.memory["seed"] + 1)
        self._above.set_xlim(0, EPOCHS)
        self.live.redraw()
        self._draw()

    def _training(self) -> Iterator[tuple[float, str]]:
        yield 0.0, "computing symmetry functions …"
        errors, potential = self.memory["errors"], self.memory["potential"]
        options: dict[str, Any] = dict(learning_rate=RATE, energy_weight=ENERGY_WEIGHT, progress=False, device="cpu")
        for history in training_epochs(potential, self._train, self._valid, epochs=EPOCHS, **options):
            if not errors:
                errors.append(1e3 * float(np.sqrt(np.mean(self._valid.forces**2))))  # it starts from no force
            errors.append(history["force_rmse"][-1])
            self._draw()
            yield len(history.epochs) / EPOCHS, f"epoch {len(history.epochs)}"

    def _melting(self) -> Iterator[tuple[float, str]]:
        """Run at the slider's temperature; when it moves, go on from here with new velocities and a new average."""
        memory, shown = self.memory, 0
        if memory.pop("over", False):
            memory["frame"] = self._first.copy()
        calculator = Calculator(memory["potential"], skin=0.5)
        while shown < FRAMES_PER_RUN:
            atoms, temperature = memory["frame"].copy(), self.temperature.value
            atoms.calc = calculator
            memory["g"].clear()
            run = molecular_dynamics(
                atoms, temperature, FRAMES_PER_RUN - shown, STEPS_PER_FRAME, TIME_STEP, FRICTION, CLOSEST, seed=shown
            )
            try:
                for frame in run:
                    shown += 1
                    memory["frame"] = frame
                    memory["g"].append(radial_distribution(frame, self._cutoff, n_bins=len(self._r)).g)
                    self._draw()
                    if closest_pair(frame)[1] < NEAR:
                        time.sleep(SLOW)  # what comes next is over in a few frames
                    yield shown / FRAMES_PER_RUN, f"frame {shown}"
                    if self.temperature.value != temperature:
                        break
            except ValueError as error:
                self._collapsed(error)
                return

    def _collapsed(self, error: ValueError) -> None:
        """Leave the last frame to be looked at, and say what has happened; the next melt starts anew."""
        frame, self.memory["over"] = self.memory["frame"], True
        (i, j), distance = closest_pair(frame)
        if distance >= NEAR:
            self.say(f"The melt has ended: {error}.")
            return
        known = min(closest_pair(atoms)[1] for atoms in self._train.atoms())
        self.say(
            f"<strong>The melt has collapsed</strong> after {frame.info['time']:.2f} ps: atoms {i} and {j}, drawn red, "
            f"have fused ({distance:.2f} Å). In the training data no two atoms are nearer than {known:.2f} Å: "
            f"closer the network only guesses, and here its energy falls as they meet. Melt starts anew."
        )


def closest_pair(atoms: Atoms) -> tuple[tuple[int, int], float]:
    """Which two atoms are nearest to each other, images included, and their distance in Å."""
    distances = atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    i, j = divmod(int(distances.argmin()), len(distances))
    return (i, j), float(distances[i, j])
