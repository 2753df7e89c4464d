"""Hero of lesson 08: a Behler–Parrinello network is trained while you watch, then a melt runs with it.

Left the atoms in 3-D, red where an environment lies outside the training data; right the error on validation data and
the radial distribution as it builds up against the reference. Training is `mininnip.training`, dynamics is
`mininnip.sampling`; here stand only the two loops and the drawing.
"""

from __future__ import annotations

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
from mininnip.figures.plotting import ATTACK, MODEL
from mininnip.figures.viewer import view
from mininnip.model import Descriptor
from mininnip.neural import BehlerParrinello
from mininnip.potential import Potential
from mininnip.sampling.dynamics import molecular_dynamics
from mininnip.training import training_epochs
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import FLAT, SPACE, Stage

EPOCHS = 40  # per press of Train
RATE = 0.01  # learning rate of the first epoch
ENERGY_WEIGHT = 30.0
HIDDEN = (20, 20)
TIME_STEP, FRICTION, CLOSEST = 2.0, 0.01, 0.8  # fs, 1/fs, Å
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
        slide = {"layout": {"width": "28em"}, "style": {"description_width": "9em"}}
        self.temperature = self.control(
            "temperature",
            ipywidgets.IntSlider(temperature, min=300, max=8000, step=100, description="temperature (K)", **slide),
            self._draw,
        )
        self.learn = self.button("train", "Train", lambda: self._begin(self._training()), button_style="primary")
        self.melt = self.button("melt", "Melt", lambda: self._begin(self._melting()), icon="fire")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="a new, untrained network")
        self.worker = self.background(pace=0.04, on_end=self._ended)
        self.stage = Stage(self.viewer, self.flat)
        self.look = self.control(
            "look", ipywidgets.ToggleButtons(options=[SPACE, FLAT], style={"button_width": "auto"}), self._set_stage
        )
        self.show_all(
            [
                ipywidgets.HBox([ipywidgets.VBox([self.look, self.stage]), self.live.view]),
                self.temperature,
                ipywidgets.HBox([self.learn, self.melt, self.reset, self.worker], layout={"flex_flow": "row wrap"}),
            ]
        )
        self._set_stage()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figures(self) -> None:
        figure = Figure(figsize=(5.4, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[2, 3])
        scale = 1e3 * float(np.sqrt(np.mean(self._valid.forces**2)))
        above.axhline(scale, color="0.6", linewidth=1, linestyle=":")
        above.text(0.99, scale, "predict no force ", va="bottom", ha="right", transform=above.get_yaxis_transform())
        (self._error,) = above.plot([], [], color=MODEL)
        above.set(xlim=(0, EPOCHS), ylim=(0, 1.35 * scale), xlabel="epoch", ylabel="force error\n(meV/Å)")
        self._above = above
        low, high = np.min(self._band, axis=0), np.max(self._band, axis=0)
        below.fill_between(self._r, low, high, color="0.7", label="reference")
        (self._g,) = below.plot([], [], color=MODEL, label="this melt")
        self._clock = below.text(0.98, 0.93, "", transform=below.transAxes, ha="right", va="top")
        below.set(xlim=(1, self._cutoff), ylim=(0, 1.6 * high.max()), xlabel="distance r (Å)", ylabel="g(r)")
        below.legend(loc="upper left")
        self.live = LiveFigure(figure, [self._error, self._g, self._clock], ALT)
        shown = self._first.copy()
        shown.wrap()
        self.viewer, self.flat = view(shown).viewer, self._flat_figure()
        if self.viewer is not None:
            self.viewer.layout.width = self.viewer.layout.height = "300px"
            self.viewer.add_representation(  # the third, after spheres and cell: atoms outside the training data
                "spacefill", selection="none", color=ATTACK, radius_type="covalent", scale=0.83
            )

    def _flat_figure(self) -> LiveFigure:
        """The atoms seen along z."""
        figure = Figure(figsize=(3.0, 3.0), layout="constrained")
        axes = figure.subplots()
        a, b = self._first.cell.lengths()[:2]
        self._dots = axes.scatter([0], [0], s=100, edgecolors="black", linewidths=0.5)
        axes.set(xlim=(0, a), ylim=(0, b), xlabel="x (Å)", ylabel="y (Å)", aspect="equal")
        return LiveFigure(figure, [self._dots], "The atoms seen along z; red: outside the training data.")

    def _set_stage(self) -> None:
        self.stage.show(self.look.value)
        self._draw()
        if self.look.value == SPACE and self.viewer is None:
            self.say("The 3-D viewer does not start here; `python -m mininnip doctor` names the remedy.")

    def _draw(self) -> None:
        """Atoms, error and g(r) as they are now."""
        frame, memory = self.memory["frame"], self.memory
        grades = frame.calc.results.get("extrapolation") if frame.calc else None
        outside = np.zeros(len(frame), bool) if grades is None else grades > 0
        positions = frame.get_positions(wrap=True)
        if self.look.value == SPACE and self.viewer is not None:
            self.viewer.set_coordinates({0: positions})
            chosen = ",".join(map(str, np.flatnonzero(outside)))
            self.viewer._set_selection(f"@{chosen}" if chosen else "none", component=0, repr_index=2)
        else:
            order = np.argsort(positions[:, 2])
            self._dots.set_offsets(positions[order, :2])
            self._dots.set_facecolor(np.where(outside[order], ATTACK, MODEL).tolist())
            self.flat.refresh()
        with self.live.lock:
            self._error.set_data(np.arange(len(memory["errors"])), memory["errors"])
            self._g.set_data(self._r, np.mean(memory["g"], axis=0) if memory["g"] else np.full_like(self._r, np.nan))
            time = f", {frame.info['time']:.2f} ps" if memory["g"] else ""
            self._clock.set_text(f"{self.temperature.value} K{time}")
            if len(memory["errors"]) > self._above.get_xlim()[1]:
                self._above.set_xlim(0, 2 * self._above.get_xlim()[1])
                self.live.redraw()
            self.live.refresh()
        self._report(grades, outside)

    def _report(self, grades: np.ndarray | None, outside: np.ndarray) -> None:
        errors, frame = self.memory["errors"], self.memory["frame"]
        state = f"{len(errors) - 1} epochs, force error {errors[-1]:.0f} meV/Å" if errors else "an untrained network"
        if self.memory["g"]:
            what = (
                "it knows no training data yet" if grades is None else f"{outside.sum()} of {len(frame)} atoms outside"
            )
            state += f". Melt at {frame.info['temperature']:.0f} K: {what}"
        self.say(f"{state}.")

    # --- what happens -------------------------------------------------------------------------------------------------

    def _forget(self, seed: int) -> None:
        """A new network; the melt starts over."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            potential = Potential(BehlerParrinello(self._functions, HIDDEN).float())
        frame = self._first.copy()
        self.memory |= {"potential": potential, "seed": seed, "errors": [], "g": deque(maxlen=AVERAGED), "frame": frame}

    def _begin(self, work: Iterator[tuple[float, str]]) -> None:
        self.worker.stop()
        self.learn.disabled = self.melt.disabled = True
        self.worker.start(work)

    def _ended(self) -> None:
        self.learn.disabled = self.melt.disabled = False

    def _reset(self) -> None:
        self.worker.stop()
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
                    yield shown / FRAMES_PER_RUN, f"frame {shown}"
                    if self.temperature.value != temperature:
                        break
            except ValueError as error:  # atoms collided: the next melt starts from the first structure
                memory["frame"] = self._first.copy()
                memory["g"].clear()
                self.say(f"The melt has ended: {error}.")
                return
