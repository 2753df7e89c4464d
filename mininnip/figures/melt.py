"""A network and its liquid in one figure: above the error against epochs, below g(r) of its melt over the reference.

Beside the figure the melt in words, and which of its atoms are to be looked at.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from mininnip.analysis.liquids import closest_pair
from mininnip.figures.plotting import MODEL

FUSING = 1.6  # Å: silicon atoms so near may fuse
ALT = (
    "Above: force error on validation data against epochs. Below: radial distribution function of the running melt and "
    "a gray band, the reference."
)


class MeltFigure:
    """The figure and its artists.

    Args:
        no_force: error of predicting no force in meV/Å, a dotted line.
        epochs: end of the axis above; it doubles when that is passed.
        reference: r (B,) in Å on an even grid from 0, and one or several g(r) (B,), between which a band is drawn.

    Attributes:
        figure: made without pyplot.
        moving: what `show` changes; the rest changes with the axis of epochs alone.
        no_force: as given.
        n_bins, end: of the grid, and where it ends in Å.

    Raises:
        ValueError: a reference without a distribution.
    """

    def __init__(self, no_force: float, epochs: int, reference: Sequence[np.ndarray]):
        if len(reference) < 2:
            raise ValueError("the reference is r and at least one g(r): reference=(r, g)")
        r, *known = (np.asarray(values) for values in reference)
        self._epochs, self._r, self.n_bins, self.no_force = epochs, r, len(r), no_force
        self.end = float(r[-1] + (r[1] - r[0]) / 2)
        figure = self.figure = Figure(figsize=(5.4, 4.6), layout="constrained")
        self.above, below = figure.subplots(2, 1, height_ratios=[2, 3])
        self.above.axhline(no_force, color="0.6", linewidth=1, linestyle=":")
        place = {"va": "bottom", "ha": "right", "transform": self.above.get_yaxis_transform()}
        self.above.text(0.99, no_force, "predict no force ", **place)
        (self._error,) = self.above.plot([], [], color=MODEL)
        self.above.set(xlim=(0, epochs), ylim=(0, 1.35 * no_force), xlabel="epoch", ylabel="force error\n(meV/Å)")
        low, high = np.min(known, axis=0), np.max(known, axis=0)
        below.fill_between(r, low, high, color="0.7", label="reference")
        (self._g,) = below.plot([], [], color=MODEL, label="this melt")
        self._words = below.text(0.98, 0.93, "", transform=below.transAxes, ha="right", va="top")
        below.set(xlim=(1, self.end), ylim=(0, 1.6 * high.max()), xlabel="distance r (Å)", ylabel="g(r)")
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


def outside(frame: Atoms) -> np.ndarray:
    """Which atoms (N,) the model of the frame's calculator knows to be outside its training data."""
    results: Any = frame.calc and frame.calc.results
    return results.get("extrapolation", np.zeros(len(frame))) > 0


def to_look_at(frame: Atoms, known: float) -> np.ndarray:
    """Which atoms (N,) are outside the training data, or nearer to each other than any there (`known`, Å)."""
    marked, (i, j, distance) = outside(frame), closest_pair(frame)
    if distance < known:
        marked[[i, j]] = True
    return marked


def training_in_words(errors: Sequence[float]) -> str:
    """How far a training has come: force errors in meV/Å, the first before any epoch."""
    return f"{len(errors) - 1} epochs, force error {errors[-1]:.0f} meV/Å" if errors else "an untrained network"


def melt_in_words(frame: Atoms, known: float, trained: bool, repulsion: bool) -> str:
    """What a running melt shows.

    Args:
        frame: of molecular dynamics, with its calculator.
        known: smallest distance in the training data in Å.
        trained: whether there are training data yet.
        repulsion: whether that of nuclei is added.
    """
    i, j, distance = closest_pair(frame)
    what = f"{outside(frame).sum()} of {len(frame)} atoms outside" if trained else "it knows no training data yet"
    said = f"Melt at {frame.info['temperature']:.0f} K{' with ZBL' * repulsion}: {what}"
    if distance < known:
        said += f". <b>Atoms {i} and {j} are {distance:.2f} Å apart</b>, in training none nearer than {known:.2f} Å"
    return said


def end_in_words(frame: Atoms, known: float, repulsion: bool, error: Exception) -> str:
    """Why a melt has ended: its last frame tells whether two atoms were fusing."""
    i, j, distance = closest_pair(frame)
    if distance >= FUSING or repulsion:
        return f"The melt has ended: {error}."
    return (
        f"<strong>The melt has collapsed</strong> after {frame.info.get('time', 0.0):.2f} ps: atoms {i} and {j}, drawn "
        f"red, fuse; {distance:.2f} Å apart, they were still falling. In the training data no two atoms are nearer "
        f"than {known:.2f} Å: closer the network only guesses. Melt starts anew."
    )
