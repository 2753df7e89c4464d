"""The map of two torsions with the clouds that samplers leave on it, and below it the energies of their frames."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE, SECOND

COLORS = {"dynamics": MODEL, "metadynamics": ATTACK, "normal modes": SECOND, "rattling": "#009E73"}


class TorsionMap:
    """Dots for every frame, colored by sampler; a ring at the last; a line at the mean energy of harmonic vibrations.

    Args:
        names: of the two angles.
        n_frames: how many fit on the lower axis at first.

    Attributes:
        figure: to be shown.
        moving: all that `place` and `level` move.
        clouds, energies: dots by sampler.
    """

    def __init__(self, names: Sequence[str], n_frames: int):
        self.figure = Figure(figsize=(4.8, 5.0), layout="constrained")
        above, below = self.figure.subplots(2, 1, height_ratios=[3, 1])
        turn: Any = {"xlim": (0, 360), "ylim": (0, 360), "xticks": range(0, 361, 60), "yticks": range(0, 361, 60)}
        above.set(xlabel=f"{names[0]} (°)", ylabel=f"{names[1]} (°)", **turn)
        below.set(xlim=(0, n_frames), ylim=(0, 2.5), xlabel="frame", ylabel="energy (eV)")
        looks: Any = {name: {"color": color, "markersize": 3} for name, color in COLORS.items()}
        self.clouds = {name: above.plot([], [], ".", label=name, **look)[0] for name, look in looks.items()}
        self.energies = {name: below.plot([], [], ".", **look)[0] for name, look in looks.items()}
        (self.last,) = above.plot([], [], "o", color=REFERENCE, markersize=8, fillstyle="none")
        (self.mean,) = below.plot([], [], "--", color=REFERENCE)
        handles = [above.plot([], [], "o", color=color, label=name)[0] for name, color in COLORS.items()]
        where: Any = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 4, "fontsize": 7}
        above.legend(handles=handles, **where)
        self.below, self.moving = below, [*self.clouds.values(), *self.energies.values(), self.last, self.mean]

    def place(self, frames: Mapping[str, Sequence[Any]], last: np.ndarray) -> None:
        """Draw all frames, by sampler; `info` of each holds `torsions` (2,) in degrees and `energy` in eV.

        Args:
            frames: by sampler.
            last: angles (2,) of the ring.
        """
        for name, mine in frames.items():
            angles = np.array([frame.info["torsions"] for frame in mine]).reshape(-1, 2)
            self.clouds[name].set_data(*(angles % 360).T)  # trans, at 180°, is in the middle
            self.energies[name].set_data(np.arange(len(mine)), [frame.info["energy"] for frame in mine])
        self.last.set_data([last[0] % 360], [last[1] % 360])

    def level(self, energy: float) -> None:
        """Move the line."""
        self.mean.set_data([0, 1e9], [energy, energy])
