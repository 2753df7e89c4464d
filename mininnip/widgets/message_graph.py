"""Hero of lesson 12: messages run along the edges of a graph, step by step, and the field of the chosen atom grows.

Right the graph, drawn flat: colors say after how many steps an atom is first heard, orange edges carry that message in
this step. Left the same atoms in 3-D, those heard so far orange. Below the graph, how many atoms that is, step by step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import ipywidgets
import matplotlib
import numpy as np
from ase import Atoms
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mininnip.figures.plotting import MODEL, SECOND
from mininnip.graph import Graph
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import WRAP, Stage

MOST_STEPS, SHOWN_FOR = 8, 0.7  # s, each step of a run
TILT = 35  # degrees, so that no atom of a flat molecule hides another
COLORS = np.array(matplotlib.colormaps["viridis"](np.linspace(0.35, 1, MOST_STEPS + 1)))  # of an atom, by its step
ALT = (
    "Above: atoms joined by the edges of their graph; the chosen one black, those heard so far colored by the step in "
    "which they were first heard, the others white; edges that bring news in this step are orange. Below: number of "
    "atoms heard against the number of steps."
)


class MessageGraph(Panel):
    """Choose an atom, a cutoff and a number of message steps, and see which atoms can have been heard.

    The atom is chosen by its slider or by a click (arrow keys and Enter) into the graph.

    Args:
        atoms: a molecule or a crystal.
        cutoff: first reach of the edges in Å.
    """

    def __init__(self, atoms: Atoms, cutoff: float = 1.7):
        super().__init__("message-graph")
        self.atoms = laid_flat(atoms)
        self._xy, self._names = self.atoms.positions[:, :2], np.array(atoms.get_chemical_symbols())
        self._draw_figure()
        whole: Any = {"kind": ipywidgets.IntSlider, "digits": "d", "width": "20em"}
        self.chosen = self.slider("atom", "atom", 0, (0, len(atoms) - 1), 1, self._move, **whole)
        self.steps = self.slider("steps", "steps", 1, (0, MOST_STEPS), 1, self._move, **whole)
        self.reach = self.slider("cutoff", "cutoff r_c (Å)", cutoff, (1.0, 6.0), 0.1, self._move, ".1f", "20em")
        self.run = self.run_button("run", "Run", self._running, button_style="primary", tooltip="step after step")
        self.stage = Stage(self, self.atoms, 300, "The atoms seen along z; those heard so far orange.", SECOND)
        views = self.stage.beside(self.live)
        sliders = ipywidgets.HBox([self.chosen, self.steps, self.reach], layout=WRAP)
        self.show_all([views, sliders, ipywidgets.HBox([self.run, self.work])])
        self._place()
        self.live.redraw()

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(5.6, 4.0), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=[2.6, 1])
        (left, down), (right, up) = self._xy.min(axis=0) - 0.8, self._xy.max(axis=0) + 0.8
        above.set(aspect="equal", title="click, or arrows and Enter", xlim=(left, right), ylim=(down, up))
        above.set_axis_off()
        self.live = LiveFigure(figure, alt=ALT, on_click=self.guard(self.click), clickable_axes=above)
        self._edges = self.live.add(above.add_collection(LineCollection([])))
        size = 150 if len(self._names) < 40 else 60
        self._dots = self.live.add(above.scatter(*self._xy.T, size, edgecolors="black", zorder=3))
        self._letters = {
            name: self.live.add(above.scatter(*self._xy[self._names == name].T, size / 4, marker=f"${name}$", zorder=4))
            for name in dict.fromkeys(self._names.tolist())
        }
        below.set(xlim=(-0.2, MOST_STEPS + 0.2), ylim=(0, 1.1 * len(self._names)), xlabel="steps", ylabel="atoms heard")
        self._curve = self.live.line(below, "o-", color=MODEL, markersize=4)
        self._now = self.live.line(below, "o", color=SECOND, markersize=10)

    def _place(self) -> None:
        """Find what the chosen atom has heard, and color every artist by it."""
        graph, now = Graph.from_atoms(self.atoms, self.reach.value), self.steps.value
        self.first_heard = first = steps_until_heard(graph, self.chosen.value)
        heard = first <= now
        colors = np.where(heard[:, None], COLORS[np.minimum(first, MOST_STEPS).astype(int)], 1.0)
        colors[self.chosen.value] = 0, 0, 0, 1
        self._dots.set_facecolor(colors)
        for name, letters in self._letters.items():
            own = np.flatnonzero(self._names == name) == self.chosen.value
            letters.set_color(np.where(own, "white", "black").tolist())
        i, j = graph.edges[:, (graph.shifts == 0).all(dim=1)].numpy()  # none is drawn across the border of a cell
        news = (first[j] == now) & (first[i] == now - 1)
        shown = news | (i < j)  # of the others one direction is enough
        self._edges.set_segments(np.stack([self._xy[i], self._xy[j]], axis=1)[shown])
        self._edges.set(color=np.where(news, SECOND, "0.75")[shown], linewidth=np.where(news, 4, 1)[shown])
        self._curve.set_data(range(MOST_STEPS + 1), [int((first <= step).sum()) for step in range(MOST_STEPS + 1)])
        self._now.set_data([now], [heard.sum()])
        self.stage.place(self.atoms.positions, heard)

    # --- what happens -------------------------------------------------------------------------------------------------

    def click(self, x: float, y: float) -> None:
        """Choose the atom nearest to (x, y)."""
        self.chosen.value = int(((self._xy - (x, y)) ** 2).sum(axis=1).argmin())

    def _move(self) -> None:
        self._place()
        self.live.refresh()
        k, heard = self.chosen.value, self.first_heard <= self.steps.value
        away = self.atoms.get_distances(k, range(len(heard)), mic=bool(self.atoms.pbc.any()))
        text = f"Steps: {self.steps.value}. {self._names[k]}{k} can have heard of <b>{heard.sum()} of {len(heard)}</b>"
        text += f" atoms, up to {away[heard].max():.1f} Å away"
        self.say(f"{text}; it has not heard of one at {away[~heard].min():.1f} Å." if not heard.all() else f"{text}.")

    def _running(self) -> Iterator[tuple[float, str]]:
        for step in range(MOST_STEPS + 1):
            self.steps.value = step
            yield step / MOST_STEPS, f"step {step}"
            if (self.first_heard <= step).all():
                return
            time.sleep(SHOWN_FOR)


def steps_until_heard(graph: Graph, start: int) -> np.ndarray:
    """After how many message steps each atom can first have changed what one atom knows (N,); inf: never."""
    (i, j), first = graph.edges.numpy(), np.full(graph.n_atoms, np.inf)
    first[start], step = 0, 0
    while (first[i] == step).any():
        heard = j[first[i] == step]
        step += 1
        first[heard] = np.minimum(first[heard], step)
    return first


def laid_flat(atoms: Atoms) -> Atoms:
    """A molecule, its longest axes in the picture, a little tilted, in a box; a crystal as it is."""
    if atoms.pbc.any():
        return atoms
    axes = np.linalg.svd(atoms.positions - atoms.positions.mean(axis=0))[2]
    axes[2] *= np.linalg.det(axes)  # a rotation, never a mirror image
    flat = Atoms(atoms.numbers, atoms.positions @ axes.T)
    flat.rotate(TILT, "x")
    flat.center(vacuum=1.0)
    return flat
