"""Hero of lesson 08: a Behler–Parrinello network is trained while you watch, then a melt runs with it.

Left the atoms in 3-D, red where an environment lies outside the training data; right the error on validation data and
the radial distribution as it builds up against the reference. A box puts the repulsion of nuclei under the network.
"""

from __future__ import annotations

import functools
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
from mininnip.figures.melt import MeltFigure
from mininnip.model import Descriptor
from mininnip.neural import BehlerParrinello
from mininnip.potential import Potential
from mininnip.sampling.dynamics import molecular_dynamics
from mininnip.sum import Sum
from mininnip.training import training_epochs
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

EPOCHS = 40  # per press of Train
TRAINING: Any = dict(epochs=EPOCHS, learning_rate=0.01, energy_weight=30.0, progress=False, device="cpu")
HIDDEN = (20, 20)
BATH: Any = dict(steps_per_frame=5, time_step=2.0, friction=0.01, closest=1.0)  # fs, 1/fs, Å
FRAMES_PER_RUN, AVERAGED = 2000, 300  # of a melt; frames over which g(r) is averaged: 3 ps
NEAR, SLOW = 1.6, 0.25  # Å: atoms so near may fuse; s from frame to frame while they do
REPULSION: Any = dict(cutoff=1.75, truncation="switched", onset=1.0)  # Å: below what the data hold
COLLAPSED = (
    "<strong>The melt has collapsed</strong> after {time:.2f} ps: atoms {i} and {j}, drawn red, fuse; {distance:.2f} Å "
    "apart, they were still falling. In the training data no two atoms are nearer than {known:.2f} Å: closer the "
    "network only guesses. Melt starts anew."
)
ALT = (
    "Above: force error on validation data against epochs. Below: radial distribution function of the running melt and "
    "a gray band, the reference."
)


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
        if len(reference) < 2:
            raise ValueError("the reference is r and at least one g(r): reference=(r, g)")
        super().__init__("network-melt")
        self._train, self._valid, self._first, self._functions = train, valid, start, functions
        self._r = np.asarray(reference[0])
        self._cutoff = float(self._r[-1] + (self._r[1] - self._r[0]) / 2)
        z = int(start.numbers[0])
        self._nuclei = PairPotential(zbl_repulsion, charge_product=z * z, screening=zbl_screening(z, z), **REPULSION)
        if "potential" not in self.memory:
            self._forget(seed=0)
        self._no_force = 1e3 * float(np.sqrt(np.mean(valid.forces**2)))
        self.drawn = MeltFigure(self._no_force, EPOCHS, self._r, [np.asarray(g) for g in reference[1:]])
        self.live = LiveFigure(self.drawn.figure, self.drawn.moving, ALT)
        self.temperature = self.slider(
            "temperature", "heat bath (K)", temperature, (300, 8000), 100, self._draw, "d", kind=ipywidgets.IntSlider
        )
        box = ipywidgets.Checkbox(False, description="repulsion of nuclei (ZBL)", indent=False)
        self.repulsion = self.control("repulsion", box, self._draw)
        self.learn = self.run_button("train", "Train", self._training, button_style="primary")
        self.melt = self.run_button("melt", "Melt", self._melting, icon="fire")
        self.reset = self.button("reset", "Reset", self._reset, icon="undo", tooltip="a new, untrained network")
        self.stage = Stage(self, start, 300, "The atoms seen along z; red: outside the training data.")
        self.look, self.viewer, self.flat = self.stage.look, self.stage.viewer, self.stage.flat
        buttons = ipywidgets.HBox([self.learn, self.melt, self.reset, self.work], layout=WRAP)
        views = ipywidgets.HBox([ipywidgets.VBox([self.look, self.stage]), self.live.view], layout=WRAP)
        self.show_all([views, ipywidgets.HBox([self.temperature, self.repulsion], layout=WRAP), buttons])
        self._draw()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Atoms, error and g(r) as they are now, and what they say."""
        memory, frame = self.memory, self.memory["frame"]
        errors, red = memory["errors"], np.zeros(len(frame), bool)
        state = f"{len(errors) - 1} epochs, force error {errors[-1]:.0f} meV/Å" if errors else "an untrained network"
        if memory["g"]:
            i, j, distance = closest_pair(frame)
            red = frame.calc.results.get("extrapolation", np.zeros(len(frame))) > 0
            what = f"{red.sum()} of {len(frame)} atoms outside" if errors else "it knows no training data yet"
            state += f". Melt at {frame.info['temperature']:.0f} K{' with ZBL' * self.repulsion.value}: {what}"
            if distance < self._known:
                red[[i, j]] = True
                state += f". <b>Atoms {i} and {j} are {distance:.2f} Å apart</b>, in training none nearer than "
                state += f"{self._known:.2f} Å"
        self.say(f"{state}.")
        self.stage.place(frame.get_positions(wrap=True), red)
        since = f", {frame.info['time']:.2f} ps" if memory["g"] else ""
        with self.live.lock:
            grown = self.drawn.show(errors, memory["g"], f"{self.temperature.value} K{since}")
            (self.live.redraw if grown else self.live.refresh)()

    @functools.cached_property
    def _known(self) -> float:
        """The smallest distance in the training data in Å."""
        return min(closest_pair(atoms)[2] for atoms in self._train.atoms())

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
        self._draw()

    def _training(self) -> Iterator[tuple[float, str]]:
        yield 0.0, "computing symmetry functions …"
        errors = self.memory["errors"]
        for history in training_epochs(self.memory["potential"], self._train, self._valid, **TRAINING):
            if not errors:
                errors.append(self._no_force)  # it starts from there
            errors.append(history["force_rmse"][-1])
            self._draw()
            yield len(history.epochs) / EPOCHS, f"epoch {len(history.epochs)}"

    def _forces(self) -> Potential:
        """What moves the atoms: the network, or its sum with the repulsion of nuclei."""
        network = self.memory["potential"]
        if not self.repulsion.value:
            return network
        both = Potential(Sum([network.model, self._nuclei]))
        both.reference_energies = network.reference_energies
        return both

    def _melting(self) -> Iterator[tuple[float, str]]:
        """Run in a bath of the slider's temperature; g(r) is averaged anew when it moves, or the box is ticked."""
        memory, setting = self.memory, None
        atoms = (self._first if memory.pop("over", False) else memory["frame"]).copy()
        calculator = atoms.calc = Calculator(self._forces(), skin=0.5)
        run = molecular_dynamics(atoms, lambda _: self.temperature.value, FRAMES_PER_RUN, **BATH)
        try:
            for shown, frame in enumerate(run, start=1):
                if setting != (setting := (self.temperature.value, self.repulsion.value)):
                    memory["g"].clear()
                    calculator.potential = self._forces()
                memory["frame"] = frame
                memory["g"].append(radial_distribution(frame, self._cutoff, n_bins=len(self._r)).g)
                self._draw()
                if closest_pair(frame)[2] < NEAR and not self.repulsion.value:
                    time.sleep(SLOW)  # what comes next is over in a few frames
                yield shown / FRAMES_PER_RUN, f"frame {shown}"
        except ValueError as error:
            memory["over"], (i, j, distance) = True, closest_pair(memory["frame"])
            words = COLLAPSED if distance < NEAR and not self.repulsion.value else "The melt has ended: {error}."
            time_reached = memory["frame"].info.get("time", 0.0)
            self.say(words.format(time=time_reached, i=i, j=j, distance=distance, known=self._known, error=error))
