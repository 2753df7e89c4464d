"""Hero of lesson 17: a molecule moves while its cloud grows on the map of two torsions, by a sampler of your choice.

Each sampler leaves dots of its own color; below, the energy of every frame and the mean that harmonic vibrations have
at the temperature of the slider. The samplers are those of `mininnip.sampling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets
import numpy as np
import torch
from ase import Atoms, units

from mininnip.figures.torsion_map import COLORS, TorsionMap
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.sampling.metadynamics import Hills, metadynamics, torsions
from mininnip.sampling.normal_modes import harmonic_modes, normal_mode_sampling
from mininnip.sampling.rattling import rattling
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

FRAMES_PER_RUN, BOX = 300, 8.0  # Å, side of the box that is shown
BATH: Any = dict(steps_per_frame=10, time_step=1.0, friction=0.01, farthest=3.0)
HILL: Any = dict(height=0.03, width=0.35, bias_factor=10, period=2 * np.pi)  # eV, rad
ALT = (
    "Above: a map of two torsion angles, a dot for every frame, colored by sampler, the last one ringed. Below: energy "
    "of the frames in their order, and a line at the mean of harmonic vibrations at the temperature of the slider."
)


class TorsionCloud(Panel):
    """Dynamics, metadynamics, normal modes and rattling of one molecule, started and stopped, on one map.

    Args:
        atoms: a molecule in its minimum, with a calculator.
        hessian: there (3N, 3N) in eV/Å².
        quartets: two torsions by their four atoms (2, 4).
        names: of the two.

    Attributes:
        frames: what each sampler made so far; `info` holds `torsions` (2,) in degrees.

    Raises:
        ValueError: atoms without calculator, not two torsions.
    """

    def __init__(self, atoms: Atoms, hessian: np.ndarray, quartets: Sequence[Sequence[int]], names=("φ₁", "φ₂")):
        if atoms.calc is None or len(quartets) != 2:
            raise ValueError("the map needs atoms with a calculator, and two torsions")
        super().__init__("torsion-cloud")
        self._rest, self._hessian, self._calculator = atoms.copy(), np.asarray(hessian), atoms.calc
        self._variables, self._bottom = torsions(quartets), atoms.get_potential_energy()
        self._modes = harmonic_modes(self._rest, self._hessian)
        if self.memory.get("atoms") is not atoms:
            self.memory |= {"atoms": atoms, "frames": {name: [] for name in COLORS}, "hills": Hills(**HILL)}
        self._map = TorsionMap(names, FRAMES_PER_RUN)
        self.live = LiveFigure(self._map.figure, self._map.moving, ALT)
        self.sampler = self.choice("sampler", list(COLORS), self._stopped_for_another)
        self.temperature = self.slider("temperature", "T (K)", 300, (100, 1200), 50, self._move_line, ".0f")
        self.start = self.run_button("run", "Start", self._run, icon="play", button_style="primary")
        self.clear = self.button("clear", "Clear", self._start_over, icon="undo")
        boxed = Atoms(atoms.numbers, atoms.positions - atoms.positions.mean(axis=0), cell=[BOX] * 3)
        self.stage = Stage(self, boxed, 300, "The atoms seen along z; color is their height.")
        self.stage.flat.figure.axes[0].set(xlim=(-BOX / 2, BOX / 2), ylim=(-BOX / 2, BOX / 2))
        self.stage.flat.redraw()
        self.look, self.viewer, self.flat = self.stage.look, self.stage.viewer, self.stage.flat
        views = ipywidgets.HBox([ipywidgets.VBox([self.look, self.stage]), self.live.view], layout=WRAP)
        self.show_all([views, self.sampler, self.temperature, ipywidgets.HBox([self.start, self.work, self.clear])])
        self._show()

    @property
    def frames(self) -> dict[str, list[Atoms]]:
        return self.memory["frames"]

    def source(self) -> Iterator[Atoms]:
        """The chosen sampler at the temperature of the slider; dynamics goes on where it was."""
        name, temperature, seed = self.sampler.value, self.temperature.value, len(self.frames[self.sampler.value])
        if name == "normal modes":
            return normal_mode_sampling(self._rest, self._hessian, temperature, FRAMES_PER_RUN, seed=seed)
        if name == "rattling":  # with the mean energy of the modes
            amplitude = float(np.sqrt(2 * self._mean() / np.trace(self._hessian)))
            return rattling(self._rest, amplitude, FRAMES_PER_RUN, seed=seed)
        moving = (self.frames[name] or [self._rest])[-1].copy()
        moving.calc = self._calculator
        if name == "dynamics":
            return molecular_dynamics(moving, temperature, FRAMES_PER_RUN, seed=seed, **BATH)
        hills = self.memory["hills"]
        return metadynamics(moving, self._variables, temperature, FRAMES_PER_RUN, hills, seed=seed, **BATH)

    def _mean(self) -> float:  # energy of harmonic vibrations
        return len(self._modes.force_constants) * units.kB * self.temperature.value / 2

    def _run(self) -> Iterator[tuple[float, str]]:
        source, temperature = self.source(), self.temperature.value
        for k in range(FRAMES_PER_RUN):
            if temperature != self.temperature.value:
                source, temperature = self.source(), self.temperature.value
            try:
                self._keep(next(source))
            except (RunEnded, StopIteration) as end:
                self.say(f"The run is over: {end}.")
                return
            self._show()
            yield (k + 1) / FRAMES_PER_RUN, f"frame {k + 1}"

    def _keep(self, frame: Atoms) -> None:
        if frame.calc is None:
            frame.calc = self._calculator
        frame.info["energy"] = frame.get_potential_energy() - self._bottom
        frame.calc = None
        frame.info["torsions"] = self._angles(frame)
        self.frames[self.sampler.value].append(frame)

    def _show(self) -> None:
        mine = self.frames[self.sampler.value]
        last = mine[-1] if mine else self._rest
        self._map.place(self.frames, self._angles(last))
        self.stage.place(last.positions - last.positions.mean(axis=0))
        if len(mine) > self._map.below.get_xlim()[1]:
            self._map.below.set_xlim(0, 2 * len(mine))
            self.live.redraw()
        self._move_line()

    def _angles(self, frame: Atoms) -> np.ndarray:
        return np.rad2deg(self._variables(torch.tensor(frame.positions)).numpy())

    def _move_line(self) -> None:
        self._map.level(self._mean())
        self.live.refresh()
        told = f"Harmonic vibrations at {self.temperature.value:.0f} K hold {self._mean():.2f} eV in the mean"
        if mine := self.frames[self.sampler.value]:
            visited = np.floor(np.array([f.info["torsions"] for f in mine]) / 30)
            share = len(np.unique(visited, axis=0)) / 144
            told += f"; {self.sampler.value}: {len(mine)} frames on {share:.0%} of the map (fields of 30°)"
        self.say(f"{told}.")

    def _stopped_for_another(self) -> None:
        self.work.stop()
        self._show()

    def _start_over(self) -> None:
        self.work.stop()
        self.memory |= {"frames": {name: [] for name in COLORS}, "hills": Hills(**HILL)}
        self._map.below.set_xlim(0, FRAMES_PER_RUN)
        self.live.redraw()
        self._show()
