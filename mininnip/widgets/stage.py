"""Two views of the same atoms in one place: the 3-D viewer, and a flat figure for browsers without WebGL.

A viewer that leaves the page loses its atoms, and what it is told before it has loaded them again is an error in the
browser. So the view that is not looked at is hidden, not removed.
"""

from __future__ import annotations

from typing import Any

import ipywidgets

from mininnip.widgets.live_figure import LiveFigure

__all__ = ["FLAT", "SPACE", "Stage"]

SPACE, FLAT = "3-D", "flat (no WebGL)"


class Stage(ipywidgets.VBox):
    """Shows one of two views.

    Args:
        viewer: the widget of nglview; None if it does not start here.
        flat: the figure beside it.
    """

    def __init__(self, viewer: Any, flat: LiveFigure):
        self._viewer, self._flat = viewer, flat
        self.kept = [one for one in (viewer, flat.view) if one is not None]  # closed with the stage, shown or not
        super().__init__()

    def show(self, look: str) -> None:
        """Show the viewer (`SPACE`, if there is one) or the figure; each is put into the page when first shown."""
        chosen = self._viewer if look == SPACE and self._viewer is not None else self._flat.view
        if chosen not in self.children:
            self.children = [*self.children, chosen]
        for child in self.children:
            child.layout.display = None if child is chosen else "none"
