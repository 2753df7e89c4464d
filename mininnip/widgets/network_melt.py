"""Hero of lesson 08: a Behler–Parrinello network is trained while you watch, then a melt runs with it.

Left the atoms in 3-D, red where an environment lies outside the training data; right the error on validation data and
the radial distribution as it builds up against the reference. A box puts the repulsion of nuclei under the network.
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

from mininnip.analysis.liquids import closest_pair, radial_distribution
from mininnip.calculator import Calculator
from mininnip.classical import PairPotential, zbl_repulsion, zbl_screening
from mininnip.data.sets import Dataset
from mininnip.figures.melt import ALT, FUSING, MeltFigure, end_in_words, melt_in_words, to_look_at, training_in_words
from mininnip.model import Descriptor
from mininnip.neural import BehlerParrinello
from mininnip.potential import Potential
from mininnip.sampling.dynamics import molecular_dynamics
from mininnip.training import training_epochs
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

EPOCHS = 40  # per press of Train
TRAINING: Any = dict(epochs=EPOCHS, learning_rate=0.01, energy_weight=30.0, progress=False, device="cpu")
HIDDEN = (20, 20)
BATH: Any = dict(steps_per_frame=5, time_step=2.0, friction=0.01, closest=1.0)  # fs, 1/fs, Å
FRAMES_PER_RUN, AVERAGED = 2000, 300  # of a melt; frames over which g(r) is averaged: 3 ps
REPULSION: Any = dict(cutoff=1.75, truncation="switched", onset=1.0)  # Å: below what the data hold


class NetworkMelt(Panel):
    """Train a network, stop, run a melt with it, stop, train on; everything is kept when the cell runs again.

    Args:
        train, valid: data sets with forces.
        start: first structure of the melt, periodic, of one element.
        functions: symmetry functions of the network.
        reference: r (B,) in Å on an even grid from 0, and one or several g(r) (B,) between which a band is drawn.
        temperature: of the melt at first, in K.

    Raises:
        ValueError: a start that is not periodic or of several elements, or a reference without a distribution.
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
        if not all(start.pbc) or len(set(start.numbers)) != 1:
            raise ValueError("the melt needs one element and a periodic structure: set start.pbc = True and a cell")
        super().__init__("network-melt")
        self._train, self._valid, self._first, self._functions = train, valid, start, functions
        z = int(start.numbers[0])
        self._nuclei = PairPotential(zbl_repulsion, charge_product=z * z, screening=zbl_screening(z, z), **REPULSION)
        if "potential" not in self.memory:
            self._forget(seed=0)
        self.drawn = MeltFigure(1e3 * float(np.sqrt(np.mean(valid.forces**2))), EPOCHS, reference)
        self.live = LiveFigure(self.drawn.figure, self.drawn.moving, ALT)
        ends, whole = (300, 8000), {"digits": "d", "kind": ipywidgets.IntSlider}
        self.temperature = self.slider("temperature", "heat bath (K)", temperature, ends, 100, self._draw, **whole)
        self.repulsion = self.tick_box("repulsion", "repulsion of nuclei (ZBL)", self._draw)
        self.learn = self.run_button("train", "Train", self._training, button_style="primary")
        self.melt = self.run_button("melt", "Melt", self._melting, icon="fire")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="a new, untrained network")
        self.stage = Stage(self, start, 300, "The atoms seen along z; red: outside the training data.")
        buttons = ipywidgets.HBox([self.learn, self.melt, self.reset, self.work], layout=WRAP)
        bath = ipywidgets.HBox([self.temperature, self.repulsion], layout=WRAP)
        self.show_all([self.stage.beside(self.live), bath, buttons])
        self._draw()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Atoms, error and g(r) as they are now, and what they say."""
        errors, g, frame = (self.memory[name] for name in ("errors", "g", "frame"))
        said, red, corner = training_in_words(errors), np.zeros(len(frame), bool), f"{self.temperature.value} K"
        if g:
            red = to_look_at(frame, self.memory["known"])
            said += f". {melt_in_words(frame, self.memory['known'], bool(errors), self.repulsion.value)}"
            corner += f", {frame.info['time']:.2f} ps"
        self.say(f"{said}.")
        self.stage.place(frame.get_positions(wrap=True), red)
        with self.live.lock:
            (self.live.redraw if self.drawn.show(errors, g, corner) else self.live.refresh)()

    # --- what happens -------------------------------------------------------------------------------------------------

    def _forget(self, seed: int) -> None:
        """A new network; the melt starts over."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            potential = Potential(BehlerParrinello(self._functions, HIDDEN).float())
        self.memory |= {"potential": potential, "seed": seed, "errors": [], "g": deque(maxlen=AVERAGED)}
        self.memory["frame"] = self._first.copy()

    def _reset(self) -> None:
        self.work.stop()
        self._forget(self.memory["seed"] + 1)
        self._draw()

    def _training(self) -> Iterator[tuple[float, str]]:
        yield 0.0, "computing symmetry functions …"
        errors = self.memory["errors"]
        for history in training_epochs(self.memory["potential"], self._train, self._valid, **TRAINING):
            if not errors:
                errors.append(self.drawn.no_force)  # it starts from there
            errors.append(history["force_rmse"][-1])
            self._draw()
            yield len(history.epochs) / EPOCHS, f"epoch {len(history.epochs)}"

    def _forces(self) -> Potential:
        network = self.memory["potential"]
        return network.plus(self._nuclei) if self.repulsion.value else network

    def _melting(self) -> Iterator[tuple[float, str]]:
        """Run in a bath of the slider's temperature; g(r) is averaged anew when it moves, or the box is ticked."""
        memory, setting = self.memory, None
        memory["known"] = min(closest_pair(atoms)[2] for atoms in self._train.atoms())  # Å
        atoms = (self._first if memory.pop("over", False) else memory["frame"]).copy()
        calculator = atoms.calc = Calculator(self._forces(), skin=0.5)
        run = molecular_dynamics(atoms, lambda _: self.temperature.value, FRAMES_PER_RUN, **BATH)
        try:
            for shown, frame in enumerate(run, start=1):
                if setting != (setting := (self.temperature.value, self.repulsion.value)):
                    memory["g"].clear()
                    calculator.potential = self._forces()
                memory["frame"] = frame
                memory["g"].append(radial_distribution(frame, self.drawn.end, self.drawn.n_bins).g)
                self._draw()
                if closest_pair(frame)[2] < FUSING and not self.repulsion.value:
                    time.sleep(0.25)  # s: what comes next is over in a few frames
                yield shown / FRAMES_PER_RUN, f"frame {shown}"
        except ValueError as error:
            memory["over"] = True
            self.say(end_in_words(memory["frame"], memory["known"], self.repulsion.value, error))
