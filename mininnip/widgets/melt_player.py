"""A crystal that melts while you watch: atoms in 3-D, their radial distribution and their temperature beside them.

Molecular dynamics runs in the background at the temperature of a slider; every frame is kept and can be seen again. The
physics is in the calculator of the atoms and in `mininnip.analysis`; the integrator is ASE's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import ipywidgets
import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from matplotlib.figure import Figure

from mininnip.analysis import radial_distribution
from mininnip.figures.plotting import MODEL, REFERENCE
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

TIME_STEP = 8.0  # fs: argon's fastest vibration takes about 500 fs
FRICTION = 0.004  # 1/fs: a new temperature is reached within about 1 ps
STEPS_PER_FRAME = 10
FRAMES_PER_RUN = 300
AVERAGED = 12  # frames over which g(r) is averaged, up to the one shown


class Frame(NamedTuple):
    """What is kept of an instant."""

    positions: np.ndarray  # (N, 3) in Å, not wrapped into the cell
    temperature: float  # K
    time: float  # ps
    g: np.ndarray  # radial distribution (B,)


class Run:
    """A simulation and its frames; it outlives the widget when its cell runs again.

    Args:
        atoms: with a calculator; they are copied and set in motion at the temperature.
        temperature: in K.
        cutoff: of the radial distribution in Å.
        seed: of the random velocities and kicks.
    """

    def __init__(self, atoms: Atoms, temperature: float, cutoff: float, seed: int = 0):
        self.origin, self.cutoff = atoms, cutoff
        self.atoms = atoms.copy()
        self.atoms.calc = atoms.calc
        rng = np.random.default_rng(seed)
        thermalize_momenta(self.atoms, temperature, rng=rng)
        self.dynamics = Langevin(
            self.atoms,
            TIME_STEP * units.fs,
            temperature_K=temperature,
            friction=FRICTION / units.fs,
            fixcm=False,
            rng=rng,
        )
        self.sites = self.atoms.positions.copy()
        self.r = radial_distribution(self.atoms, cutoff, n_bins=120).r
        self.frames: list[Frame] = []
        self.record()

    def advance(self, temperature: float) -> None:
        """Compute one more frame in a heat bath of this temperature in K."""
        self.dynamics.set_temperature(temperature_K=temperature)
        self.dynamics.run(STEPS_PER_FRAME)
        if not np.isfinite(self.atoms.positions).all():
            raise ValueError("the atoms flew apart; start over, or check the potential")
        self.record()

    def record(self) -> None:
        """Keep the present instant."""
        g = radial_distribution(self.atoms, self.cutoff, n_bins=len(self.r)).g
        time = self.dynamics.get_number_of_steps() * TIME_STEP / 1000
        self.frames.append(Frame(self.atoms.positions.copy(), float(self.atoms.get_temperature()), time, g))

    def mean_g(self, last: int) -> np.ndarray:
        """Radial distribution averaged over the frames up to one (B,)."""
        return np.mean([frame.g for frame in self.frames[max(last - AVERAGED + 1, 0) : last + 1]], axis=0)

    def displacement(self, k: int) -> float:
        """How far atoms have moved from their first places, root mean square in Å, drift of the whole removed."""
        moved = self.frames[k].positions - self.sites
        return float(np.sqrt(((moved - moved.mean(0)) ** 2).sum(1).mean()))

    def wrapped(self, k: int) -> np.ndarray:
        """Positions in the cell (N, 3) in Å."""
        cell = self.atoms.cell
        return cell.cartesian_positions(cell.scaled_positions(self.frames[k].positions) % 1)


class MeltPlayer(Panel):
    """Molecular dynamics of a periodic crystal with a temperature slider, Run, Stop and replay.

    Args:
        atoms: ASE Atoms with a calculator, periodic in all directions.
        temperature: at the start, in K.
        highest: end of the temperature slider in K.

    Raises:
        ValueError: atoms without calculator, or not periodic.
    """

    pace = 0.05

    def __init__(self, atoms: Atoms, temperature: float = 40, highest: float = 250):
        if atoms.calc is None or not all(atoms.pbc):
            raise ValueError("the player needs periodic atoms with a calculator: set atoms.calc and atoms.pbc = True")
        super().__init__("melt")
        self._atoms, self._first_temperature = atoms, temperature
        self._cutoff = min(10.0, float(atoms.cell.lengths().min()))
        remembered = self.memory.get("run")
        self.run: Run = remembered if remembered and remembered.origin is atoms else self._new_run()
        self.memory["run"] = self.run
        self._following = False
        self._draw_figure()
        self.temperature = self.slider(
            "temperature", "heat bath (K)", temperature, (5, highest), 5, digits=".0f", width="30em"
        )
        self.start = self.run_button("run", "Run", self._run, icon="play", button_style="primary")
        self.over = self.button("over", "New crystal", self._start_over, icon="undo")
        self.frame = ipywidgets.IntSlider(
            description="frame", layout={"width": "30em"}, style={"description_width": "8em"}
        )
        self.frame.add_class("melt-frame")
        self.frame.observe(lambda _: self.guard(self._look_back)(), "value")
        self.replay = ipywidgets.Play(interval=80, layout={"width": "10em"})
        self.replay.add_class("melt-replay")
        ipywidgets.jslink((self.replay, "value"), (self.frame, "value"))
        ipywidgets.jslink((self.replay, "max"), (self.frame, "max"))
        self.stage = Stage(self, atoms, 340, "The atoms seen along z; color is their height.")
        self.look, self.viewer, self.flat = self.stage.look, self.stage.viewer, self.stage.flat
        self.show_all(
            [
                ipywidgets.HBox([ipywidgets.VBox([self.look, self.stage]), self.live.view], layout=WRAP),
                self.temperature,
                ipywidgets.HBox([self.start, self.work, self.over]),
                ipywidgets.HBox([self.frame, self.replay]),
            ]
        )
        self._show_last()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(4.6, 3.8), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[3, 2])
        above.axhline(1, color="0.6", linewidth=1, linestyle=":")
        sites = self.run.frames[0].g
        above.fill_between(self.run.r, 4 * sites / sites.max(), color="0.8", label="lattice sites (scaled)")
        self.live = LiveFigure(figure, alt="Above: radial distribution function; below: temperature against time.")
        self._g = self.live.line(above, color=MODEL, label="now")
        above.set(xlim=(0, self._cutoff), ylim=(0, 5.5), xlabel="distance r (Å)", ylabel="g(r)")
        above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)  # above: sharp peaks fill the axes
        self._heat = self.live.line(below, color=MODEL, linewidth=1.2)
        self._now = self.live.line(below, "o", color=REFERENCE, markersize=5)
        self._below = below
        below.set(xlim=(0, 8), ylim=(0, 300), xlabel="time (ps)", ylabel="T (K)")

    def _show(self, k: int) -> None:
        frame = self.run.frames[k]
        self.stage.place(self.run.wrapped(k))
        times = np.array([one.time for one in self.run.frames])
        self._g.set_data(self.run.r, self.run.mean_g(k))
        self._heat.set_data(times, [one.temperature for one in self.run.frames])
        self._now.set_data([frame.time], [frame.temperature])
        if times[-1] > self._below.get_xlim()[1]:
            self._below.set_xlim(0, 2 * times[-1])
            self.live.redraw()
        self.live.refresh()
        self.say(
            f"{frame.time:.2f} ps, {frame.temperature:.0f} K. Root-mean-square distance of the atoms from their first "
            f"places: {self.run.displacement(k):.1f} Å."
        )

    def _show_last(self) -> None:
        last = len(self.run.frames) - 1
        self._following = True
        self.frame.max = last
        self.frame.value = last
        self._following = False
        self._show(last)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _new_run(self) -> Run:
        return Run(self._atoms, self._first_temperature, self._cutoff)

    def _run(self) -> Iterator[tuple[float, str]]:
        for k in range(FRAMES_PER_RUN):
            self.run.advance(self.temperature.value)
            self._show_last()
            yield (k + 1) / FRAMES_PER_RUN, f"frame {len(self.run.frames) - 1}"

    def _start_over(self) -> None:
        self.work.stop()
        self.memory["run"] = self.run = self._new_run()
        self._below.set_xlim(0, 8)
        self.live.redraw()
        self._show_last()

    def _look_back(self) -> None:
        if not self._following and not self.work.running:
            self._show(self.frame.value)
