"""Two views of the same atoms in one place: the 3-D viewer, and a flat figure for browsers without WebGL.

A viewer that leaves the page loses its atoms, and what it is told before it has loaded them again is an error in the
browser. So the view that is not looked at is hidden, not removed.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
from ase import Atoms
from matplotlib.figure import Figure

from mininnip.figures.plotting import ATTACK, MODEL
from mininnip.figures.viewer import view
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

__all__ = ["FLAT", "SPACE", "WRAP", "Stage"]

WRAP = {"flex_flow": "row wrap"}  # beside a figure where there is room, above it where there is not
SPACE, FLAT = "3-D", "flat (no WebGL)"
NO_VIEWER = "The 3-D viewer does not start here; `python -m mininnip doctor` names the remedy."


class Stage(ipywidgets.VBox):
    """The atoms of a structure in its cell or box, and the choice of how to look at them, which the panel remembers.

    Args:
        panel: whose stage it is.
        atoms: first positions, elements and cell.
        size: of the viewer's sides in pixels.
        alt: what the flat figure shows.
        color: of the marked atoms.

    Attributes:
        viewer: nglview's widget; None if it does not start here.
        flat: the figure: the atoms seen along z.
        look: the choice, `SPACE` or `FLAT`.
    """

    def __init__(self, panel: Panel, atoms: Atoms, size: int, alt: str, color: str = ATTACK):
        self._panel, self._color = panel, color
        shown = atoms.copy()
        shown.wrap()
        self.viewer = view(shown).viewer
        if self.viewer is not None:
            self.viewer.layout.width = self.viewer.layout.height = f"{size}px"
            if not atoms.pbc.any():  # spheres and cell are there already, but how many for a molecule?
                self.viewer.control.spin([0, 1, 0], np.pi)  # it looks from behind; as the flat figure is drawn
                self.viewer.clear_representations()
                self.viewer.add_representation("ball+stick")
            self._marks = 2 if atoms.pbc.any() else 1  # number of the next one: the marked atoms
            self.viewer.add_representation(
                "spacefill", selection="none", color=color, radius_type="covalent", scale=0.83
            )
        self.flat = self._flat_figure(shown, size / 100, alt)
        self.kept = [one for one in (self.viewer, self.flat.view) if one is not None]  # closed with it, shown or not
        self._last: tuple[np.ndarray, np.ndarray | None] = shown.positions, None
        self._marked_there = "none"
        self.look = panel.choice("look", [SPACE, FLAT], self._look_again)
        super().__init__()
        self._show()

    def beside(self, live: LiveFigure) -> ipywidgets.HBox:
        """The stage with its choice of looks above, left of a figure, or over it where the page is narrow."""
        return ipywidgets.HBox([ipywidgets.VBox([self.look, self]), live.view], layout=WRAP)

    def place(self, positions: np.ndarray, marked: np.ndarray | None = None) -> None:
        """Move the atoms.

        Args:
            positions: (N, 3) in Å, in the cell.
            marked: (N,) which atoms are red, the others blue; None: colors tell element or height.
        """
        self._last = positions, marked
        if self.look.value == SPACE and self.viewer is not None:
            self.viewer.set_coordinates({0: positions})
            chosen = "none" if marked is None or not marked.any() else "@" + ",".join(map(str, np.flatnonzero(marked)))
            if chosen != self._marked_there:
                self.viewer._set_selection(chosen, component=0, repr_index=self._marks)
                self._marked_there = chosen
        else:
            order = np.argsort(positions[:, 2])
            self._dots.set_offsets(positions[order, :2])
            self._dots.set_array(positions[order, 2] if marked is None else None)
            if marked is not None:
                self._dots.set_facecolor(np.where(marked[order], self._color, MODEL).tolist())
            self.flat.refresh()

    def _flat_figure(self, atoms: Atoms, inches: float, alt: str) -> LiveFigure:
        figure = Figure(figsize=(inches, inches), layout="constrained")
        axes = figure.subplots()
        a, b, c = atoms.cell.lengths()
        looks: Any = dict(s=80, c=[0], cmap="viridis", vmin=0, vmax=c, edgecolors="black", linewidths=0.5)
        self._dots: Any = axes.scatter([0], [0], **looks)
        axes.set(xlim=(0, a), ylim=(0, b), xlabel="x (Å)", ylabel="y (Å)", aspect="equal")
        return LiveFigure(figure, [self._dots], alt)

    def _look_again(self) -> None:
        self._show()
        self.place(*self._last)
        if self.look.value == SPACE and self.viewer is None:
            self._panel.say(NO_VIEWER)

    def _show(self) -> None:
        """Show the viewer, if there is one, or the figure; each is put into the page when first shown."""
        chosen = self.viewer if self.look.value == SPACE and self.viewer is not None else self.flat.view
        if chosen not in self.children:
            self.children = [*self.children, chosen]
        for child in self.children:
            child.layout.display = None if child is chosen else "none"
