"""Artists that live figures share and move as one: numbered atoms with lines between them, stems that stand on an axis.

They are made once, given to `LiveFigure.moving`, and placed anew at every tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NumberedAtoms", "Stems"]


class NumberedAtoms:
    """Atoms in a plane, numbered from 1, and the lines between them.

    Args:
        axes: where they are drawn.
        n_atoms: N.
        size: of a dot in square points.
        raised: by how much a number stands above its atom, in units of y.

    Attributes:
        artists: what is drawn, in this order.
    """

    def __init__(self, axes: Axes, n_atoms: int, size: float, raised: float = 0.0):
        self._lines: Any = axes.add_collection(LineCollection([], colors="0.45"))
        at = [0] * n_atoms
        self.dots: Any = axes.scatter(at, at, s=size, linewidths=1.5, edgecolors="black", zorder=3)
        look: Any = {"ha": "center", "va": "center", "fontsize": 12, "zorder": 4}
        self._numbers = [axes.text(0, 0, f"{1 + k}", **look) for k in range(n_atoms)]
        self._raised = raised
        self.artists = [self._lines, self.dots, *self._numbers]

    def place(self, xy: np.ndarray, lines: ArrayLike, widths: ArrayLike, colors: list[str]) -> None:
        """Move atoms to xy (N, 2), lines to their ends (L, 2, 2), widths (L,) in points; colors (N,) fill the atoms."""
        self._lines.set_segments(np.asarray(lines))
        self._lines.set_linewidths(np.asarray(widths).tolist())
        self.dots.set_offsets(xy)
        self.dots.set_facecolors(colors)
        for number, (x, y) in zip(self._numbers, xy, strict=True):
            number.set_position((x, y + self._raised))


class Stems(LineCollection):
    """Upright lines that start from zero; with wide ones, the bars of a bar chart.

    Args:
        axes: where they are drawn.
        looks: of a `LineCollection`.
    """

    def __init__(self, axes: Axes, **looks: Any):
        super().__init__([], capstyle="butt", **looks)
        axes.add_collection(self, autolim=False)

    def place(self, x: ArrayLike, height: ArrayLike) -> None:
        """Stand at x (n,), as high as height (n,)."""
        x, height = np.asarray(x), np.asarray(height)
        self.set_segments(list(np.stack([np.stack([x, 0 * x], axis=1), np.stack([x, height], axis=1)], axis=1)))
