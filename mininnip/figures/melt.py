"""A network and its liquid in one figure: above the error against epochs, below g(r) of its melt over the reference."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from mininnip.figures.plotting import MODEL


class MeltFigure:
    """The figure and its artists.

    Args:
        no_force: error of predicting no force in meV/Å, a dotted line.
        epochs: end of the axis above; it doubles when that is passed.
        r: distances (B,) in Å.
        references: one or several g(r) (B,), between which a band is drawn.

    Attributes:
        figure: made without pyplot.
        moving: what `show` changes; the rest changes with the axis of epochs alone.
    """

    def __init__(self, no_force: float, epochs: int, r: np.ndarray, references: Sequence[np.ndarray]):
        self._epochs, self._r = epochs, r
        figure = self.figure = Figure(figsize=(5.4, 4.6), layout="constrained")
        self.above, below = figure.subplots(2, 1, height_ratios=[2, 3])
        self.above.axhline(no_force, color="0.6", linewidth=1, linestyle=":")
        place = {"va": "bottom", "ha": "right", "transform": self.above.get_yaxis_transform()}
        self.above.text(0.99, no_force, "predict no force ", **place)
        (self._error,) = self.above.plot([], [], color=MODEL)
        self.above.set(xlim=(0, epochs), ylim=(0, 1.35 * no_force), xlabel="epoch", ylabel="force error\n(meV/Å)")
        low, high = np.min(references, axis=0), np.max(references, axis=0)
        below.fill_between(r, low, high, color="0.7", label="reference")
        (self._g,) = below.plot([], [], color=MODEL, label="this melt")
        self._words = below.text(0.98, 0.93, "", transform=below.transAxes, ha="right", va="top")
        end = float(r[-1] + (r[1] - r[0]) / 2)
        below.set(xlim=(1, end), ylim=(0, 1.6 * high.max()), xlabel="distance r (Å)", ylabel="g(r)")
        below.legend(loc="upper left")
        self.moving: list[Artist] = [self._error, self._g, self._words]

    def show(self, errors: Sequence[float], g: Sequence[np.ndarray], words: str) -> bool:
        """Errors so far, the mean of the g(r) of frames, words in the corner; says whether an axis has changed."""
        self._error.set_data(np.arange(len(errors)), errors)
        self._g.set_data(self._r, np.mean(g, axis=0) if len(g) else np.full_like(self._r, np.nan))
        self._words.set_text(words)
        end, before = self._epochs, self.above.get_xlim()[1]
        while end < len(errors) - 1:
            end *= 2
        self.above.set_xlim(0, end)
        return end != before
