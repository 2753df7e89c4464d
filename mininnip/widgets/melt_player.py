"""A crystal that melts while you watch: atoms in 3-D, their radial distribution and their temperature beside them.

Molecular dynamics runs in the background at the temperature of a slider; every frame is kept and can be seen again. The
physics is in the calculator of the atoms, in `mininnip.sampling` and in `mininnip.analysis`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
from ase import Atoms
from matplotlib.figure import Figure

from mininnip.analysis.liquids import radial_distribution, rms_displacement
from mininnip.figures.plotting import MODEL, REFERENCE
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import Stage

# fs: argon's fastest vibration takes about 500 fs; 1/fs: a new temperature is reached within about 1 ps
BATH: Any = dict(steps_per_frame=10, time_step=8.0, friction=0.004)
FRAMES_PER_RUN, AVERAGED = 300, 12  # per press of Run; frames over which g(r) is averaged, up to the one shown
N_BINS = 120
ALT = "Above: radial distribution function; below: temperature against time."


class MeltPlayer(Panel):
    """Molecular dynamics of a periodic crystal with a temperature slider, Run, Stop and replay.

    Args:
        atoms: ASE Atoms with a calculator, periodic in all directions.
        temperature: at the start, in K.
        highest: end of the temperature slider in K.

    Attributes:
        frames: what was computed, time, temperature and g(r) in their `info`; the first is the crystal at rest.

    Raises:
        ValueError: atoms without calculator, or not periodic.
    """

    pace = 0.05

    def __init__(self, atoms: Atoms, temperature: float = 40, highest: float = 250):
        if atoms.calc is None or not all(atoms.pbc):
            raise ValueError("the player needs periodic atoms with a calculator: set atoms.calc and atoms.pbc = True")
        super().__init__("melt")
        self._atoms, self._cutoff = atoms, min(10.0, float(atoms.cell.lengths().min()))
        self.memory.setdefault("temperature", temperature)
        if self.memory.get("atoms") is not atoms:
            self._new_crystal()
        self._draw_figure()
        look: Any = {"width": "30em", "kind": ipywidgets.IntSlider, "digits": "d"}
        self.temperature = self.slider("temperature", "heat bath (K)", temperature, (5, int(highest)), 5, **look)
        self.start = self.run_button("run", "Run", self._run, icon="play", button_style="primary")
        self.over = self.button("over", "New crystal", self._start_over, icon="undo")
        self.frame = self.slider("frame", "frame", 0, (0, len(self.frames) - 1), 1, self._look_back, **look)
        self.replay = ipywidgets.Play(interval=80, layout={"width": "10em"})
        self.replay.add_class("melt-replay")
        for what in ("value", "max"):
            ipywidgets.jslink((self.replay, what), (self.frame, what))
        self.stage = Stage(self, atoms, 340, "The atoms seen along z; color is their height.")
        views = self.stage.beside(self.live)
        buttons = ipywidgets.HBox([self.start, self.work, self.over])
        self.show_all([views, self.temperature, buttons, ipywidgets.HBox([self.frame, self.replay])])
        self._show_last()

    @property
    def frames(self) -> list[Atoms]:
        """What was computed so far."""
        return self.memory["frames"]

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(4.6, 3.8), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[3, 2])
        above.axhline(1, color="0.6", linewidth=1, linestyle=":")
        self._r, sites = (np.arange(N_BINS) + 0.5) * self._cutoff / N_BINS, self.frames[0].info["g"]
        above.fill_between(self._r, 4 * sites / sites.max(), color="0.8", label="lattice sites (scaled)")
        self.live = LiveFigure(figure, alt=ALT)
        self._g = self.live.line(above, color=MODEL, label="now")
        above.set(xlim=(0, self._cutoff), ylim=(0, 5.5), xlabel="distance r (Å)", ylabel="g(r)")
        above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)  # above: sharp peaks fill the axes
        self._heat = self.live.line(below, color=MODEL, linewidth=1.2)
        self._now = self.live.line(below, "o", color=REFERENCE, markersize=5)
        self._below = below
        below.set(xlim=(0, 8), ylim=(0, 300), xlabel="time (ps)", ylabel="T (K)")

    def _show(self, k: int) -> None:
        frame, times = self.frames[k], [one.info["time"] for one in self.frames]
        now, heat = frame.info["time"], frame.info["temperature"]
        self.stage.place(frame.get_positions(wrap=True))
        averaged = self.frames[max(k - AVERAGED + 1, 0) : k + 1]
        self._g.set_data(self._r, np.mean([one.info["g"] for one in averaged], axis=0))
        self._heat.set_data(times, [one.info["temperature"] for one in self.frames])
        self._now.set_data([now], [heat])
        if times[-1] > self._below.get_xlim()[1]:
            self._below.set_xlim(0, 2 * times[-1])
            self.live.redraw()
        self.live.refresh()
        moved = rms_displacement(frame, self.frames[0])
        self.say(f"{now:.2f} ps, {heat:.0f} K. Atoms are {moved:.1f} Å from their first places (root mean square).")

    def _show_last(self) -> None:
        self.frame.max = self.frame.value = len(self.frames) - 1
        self._show(self.frame.value)

    def _look_back(self) -> None:
        if not self.work.running:
            self._show(self.frame.value)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _new_crystal(self) -> None:
        memory = self.memory  # not the panel: the run outlives it when its cell runs again
        run = molecular_dynamics(self._atoms, lambda _: memory["temperature"], 10**9, **BATH)
        memory |= {"atoms": self._atoms, "run": run, "frames": []}
        crystal = self._atoms.copy()
        crystal.info |= {"time": 0.0, "temperature": 0.0}
        self._keep(crystal)

    def _keep(self, frame: Atoms) -> None:
        frame.info["g"] = radial_distribution(frame, self._cutoff, N_BINS).g
        self.frames.append(frame)

    def _run(self) -> Iterator[tuple[float, str]]:
        for k in range(FRAMES_PER_RUN):
            try:
                self._keep(next(self.memory["run"]))
            except (RunEnded, StopIteration) as end:
                self.say(f"The run is over{f': {end}' if end.args else ''}. Press New crystal.")
                return
            self._show_last()
            yield (k + 1) / FRAMES_PER_RUN, f"frame {len(self.frames) - 1}"

    def _start_over(self) -> None:
        self.work.stop()
        self._new_crystal()
        self._below.set_xlim(0, 8)
        self.live.redraw()
        self._show_last()
