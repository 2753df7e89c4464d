"""One neighbor of an atom moves, and every symmetry function with it; turn, mirror or relabel all, and none moves.

Left the environment with its cutoff circle, right the terms of one radial and one angular function and the whole set as
bars. All numbers are those of `mininnip.descriptors`, computed anew at every tick.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from ipywidgets import FloatLogSlider, HBox, VBox
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from mininnip.descriptors.angular_terms import BehlerAngles
from mininnip.descriptors.symmetry_functions import SymmetryFunctions, gaussian_term
from mininnip.figures.moving import NumberedAtoms, Stems
from mininnip.figures.plotting import GOOD, MODEL, REFERENCE, SECOND
from mininnip.graph import Graph
from mininnip.radial import cosine_cutoff
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

OTHERS = ((2.37, 101.0), (2.73, 197.0), (3.86, 289.0))  # of the neighbors that stay: distance in Å, angle in degrees
NEAREST, REACH, FAR = 1.5, (2.5, 7.0), 7.3  # of the neighbor that moves; of the cutoff slider; of the map; in Å
SHELLS = (1.5, 2.5, 3.5, 4.5, 5.5)  # r_s of the radial functions beside the chosen one, in Å
LOBES = tuple((zeta, sign) for sign in (1, -1) for zeta in (1, 4, 16))  # ζ, λ of the angular ones beside it
ETA_ANGULAR = 0.01  # 1/Å², of all angular functions
TURNED, MIRRORED = [(math.cos(0.7), -math.sin(0.7)), (math.sin(0.7), math.cos(0.7))], [(1, 0), (0, -1)]  # 0.7: 40°
SCALE = np.repeat([1, 2], [len(SHELLS) + 1, len(LOBES) + 1])  # of bars: three cutoffs make the angular ones small
BARS = np.arange(len(SCALE)) + 0.7 * (SCALE - 1)  # where they stand
HIGHEST = 3.6  # a bar that is higher ends here
R, THETA = torch.linspace(0, REACH[1], 281, dtype=torch.float64), torch.linspace(0, 180, 181, dtype=torch.float64)
ALT = (
    "Left: an atom, its cutoff circle and four neighbors, one of them orange. Right: the Gaussian of the chosen radial "
    "function with a stem for each neighbor; the angular factor with a stem for each pair of neighbors, the wider the "
    "more it counts; below, a bar for each symmetry function, the chosen ones orange."
)


class SymmetryExplorer(Panel):
    """An environment of four neighbors in a plane, and its symmetry functions.

    Sliders, or a click (arrow keys and Enter) into the picture, move the orange neighbor; others choose η, r_s, ζ and λ
    of two functions (G² and G⁴ in the names of 2011) and the cutoff. Three buttons do what must not matter.
    """

    def __init__(self):
        super().__init__("symmetry")
        self._shown = self.memory.setdefault("shown", {"axes": np.eye(2), "order": np.arange(4)})
        self._draw_figure()
        self.distance = self.slider("distance", "distance (Å)", 3.0, (NEAREST, REACH[1]), 0.05, self._move)
        self.angle = self.slider("angle", "angle (°)", 30.0, (0.0, 360.0), 1.0, self._move, ".0f")
        self.reach = self.slider("cutoff", "cutoff r_c (Å)", 6.0, REACH, 0.1, self._move, ".1f")
        self.eta = self.slider("eta", "η (1/Å²)", 4.0, (0.0, 10.0), 0.1, self._move, ".1f")
        self.shift = self.slider("shift", "r_s (Å)", 3.0, (0.0, 6.0), 0.05, self._move)
        self.zeta = self.slider("zeta", "ζ", 2, (0, 6), 1, self._move, ".0f", kind=partial(FloatLogSlider, base=2))
        self.sign = self.choice("lambda", [("λ = +1", 1), ("λ = −1", -1)], self._move)
        self.turn = self.button("turn", "Turn", lambda: self._change("Turned", TURNED), icon="repeat")
        self.mirror = self.button("mirror", "Mirror", lambda: self._change("Mirrored", MIRRORED), icon="exchange")
        self.relabel = self.button("relabel", "Relabel", lambda: self._change("Relabelled", roll=1), icon="random")
        left = VBox([self.distance, self.angle, self.reach, HBox([self.turn, self.mirror, self.relabel])])
        self.show_all([self.live.view, HBox([left, VBox([self.eta, self.shift, self.zeta, self.sign])])])
        self._move()

    @property
    def positions(self) -> Tensor:
        """The neighbors as they lie in the picture, in the order of their labels (4, 3) in Å; the atom is at 0."""
        r, angle = np.array([(self.distance.value, self.angle.value), *OTHERS]).T
        flat = np.stack([r * np.cos(np.radians(angle)), r * np.sin(np.radians(angle))], axis=1) @ self._shown["axes"].T
        return torch.tensor(np.column_stack([flat, 0 * r]))[self._shown["order"]]

    def features(self) -> np.ndarray:
        """Radial functions of the shells and the chosen one, angular ones of the lobes and the chosen one (B,)."""
        g2 = [(self.eta.value, r_s) for r_s in (*SHELLS, self.shift.value)]
        g4 = [(ETA_ANGULAR, zeta, sign) for zeta, sign in (*LOBES, (self.zeta.value, self.sign.value))]
        functions = SymmetryFunctions((14,), self.reach.value, g2=g2, g4=g4)
        positions = torch.cat([torch.zeros(1, 3, dtype=torch.float64), self.positions])
        return functions(Graph.from_arrays([14] * len(positions), positions, self.reach.value))[0].numpy()

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(9.2, 4.4), layout="constrained")
        around, radial, angular, bars = figure.subplot_mosaic("erg;ebb", width_ratios=(1.75, 1, 1)).values()
        around.set(xlim=(-FAR, FAR), ylim=(-FAR, FAR), aspect="equal", xlabel="x (Å)", xticks=range(-6, 7, 2))
        around.set_title("click, or arrows and Enter")
        radial.set(xlim=(0, REACH[1]), ylim=(0, 1.1), xlabel="distance r (Å)", title="terms of G²")
        angular.set(xlim=(0, 180), ylim=(0, 2.2), xlabel="angle θ (°)", title="terms of G⁴", xticks=[0, 60, 120, 180])
        bars.set(xlim=(-0.7, BARS[-1] + 0.7), ylim=(0, HIGHEST), title="every function of the set", ylabel="value")
        lobes = [f"{'+' if sign > 0 else '−'}{zeta}" for zeta, sign in LOBES]
        bars.set_xticks(BARS, [*map("{:g}".format, SHELLS), "$r_s$", *lobes, "λζ"], fontsize=10)
        bars.set_xlabel("G², $r_s$ (Å)" + 24 * " " + "2 × G⁴, λζ", fontsize=12)
        live = self.live = LiveFigure(figure, alt=ALT, on_click=self.guard(self.click), clickable_axes=around)
        self._circle = live.add(around.add_patch(Circle((0, 0), fc=MODEL, ec=MODEL, alpha=0.12, lw=2)))
        self._atoms = NumberedAtoms(around, 4, size=190, raised=0.95)
        live.moving += self._atoms.artists
        live.line(around, "o", color=REFERENCE, markersize=14).set_data([0], [0])
        self._fade = live.line(radial, "--", color="0.6", linewidth=1.5)
        self._gaussian = live.line(radial, color=SECOND)
        self._stems = live.add(Stems(radial, colors=MODEL, linewidths=1.5))
        self._tips = live.line(radial, "o", color=MODEL, markersize=5)
        self._lobe = live.line(angular, color=SECOND)
        self._angular_stems = live.add(Stems(angular, colors=GOOD))
        colors = [MODEL] * len(SHELLS) + [SECOND] + [GOOD] * len(LOBES) + [SECOND]
        self._bars = live.add(Stems(bars, colors=colors, linewidths=14))

    def _move(self) -> None:
        """Move every artist to where the sliders and buttons say, and say what the chosen functions are."""
        shown, reach = self.positions, self.reach.value
        flat, r_ij = shown[:, :2].numpy(), shown.norm(dim=1)
        at = torch.cat([R, r_ij])
        fade = cosine_cutoff(at, reach).numpy()
        terms = fade * gaussian_term(at, *torch.tensor([self.eta.value, self.shift.value])).numpy()
        self._circle.set_radius(reach)
        colors = np.where(r_ij < reach, np.array([SECOND, MODEL, MODEL, MODEL])[self._shown["order"]], "white")
        self._atoms.place(flat, np.stack([0 * flat, flat], axis=1), 6 * fade[-4:], colors.tolist())
        self._fade.set_data(R.numpy(), fade[:-4])
        self._gaussian.set_data(R.numpy(), terms[:-4])
        self._tips.set_data(r_ij.numpy(), terms[-4:])
        self._stems.place(r_ij, terms[-4:])
        angle = BehlerAngles([(ETA_ANGULAR, self.zeta.value, self.sign.value)], reach, cosine_cutoff, third_side=True)
        self._lobe.set_data(THETA.numpy(), angle.angles(torch.cos(torch.deg2rad(THETA)))[0].numpy())
        (weights,), (heights,), cosines = angle.factors(*shown[torch.triu_indices(4, 4, offset=1)].mT)  # six pairs
        self._angular_stems.place(cosines.arccos().rad2deg(), heights)
        self._angular_stems.set_linewidths((20 * weights).tolist())
        self.values = self.features()
        self._bars.place(BARS, np.minimum(SCALE * self.values, HIGHEST))
        self.live.refresh()
        g2, g4 = self.values[[len(SHELLS), -1]]
        self.say(f"The chosen functions: G² = <b>{g2:.4f}</b>, G⁴ = <b>{g4:.4f}</b>.")

    def click(self, x: float, y: float) -> None:
        """Put the orange neighbor at (x, y), or as near to it as the sliders go."""
        along, across = (x, y) @ self._shown["axes"]
        with self.angle.hold_trait_notifications(), self.distance.hold_trait_notifications():  # one picture for both
            self.distance.value = min(max(math.hypot(x, y), NEAREST), REACH[1])
            self.angle.value = math.degrees(math.atan2(across, along)) % 360

    def _change(self, said: str, turn: Any = ((1, 0), (0, 1)), roll: int = 0) -> None:
        """Do something that must not matter, and say what it changed."""
        positions, values = self.positions, self.values
        self._shown.update(axes=turn @ self._shown["axes"], order=np.roll(self._shown["order"], roll))
        self._move()
        moved, changed = (self.positions - positions).abs().max(), np.abs(self.values - values).max()
        coordinate, function = f"<b>{moved:.2f} Å</b>", f"<b>{changed:.0e}</b>"
        self.say(f"{said}: a coordinate changed by {coordinate}, no symmetry function by more than {function}.")
