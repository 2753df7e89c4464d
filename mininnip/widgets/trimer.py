"""Turn, shift and relabel three atoms: the true energy stays where it is, a network of coordinates goes astray.

Left the trimer, and in gray where it lay in the training data; right true and predicted energy along three ways out of
the present place, and the force where the third atom passes: sorted distances change places there, which is a kink. The
networks are handed in; the truth is Lennard-Jones with ε = σ = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import torch
from ipywidgets import HBox, VBox
from matplotlib.figure import Figure
from torch import Tensor

from mininnip.classical.pair import lennard_jones
from mininnip.figures.moving import NumberedAtoms
from mininnip.figures.plotting import MODEL, REFERENCE, SECOND
from mininnip.neural.coordinates import CoordinateNetwork, Distances
from mininnip.surfaces.derivatives import forces
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

BOND, FAR = 1.12, 0.97  # between the first two atoms; from their middle to the third along x; in σ
WAYS = {  # name: what slider and axis say, ends, step and digits of the slider
    "turn": ("turned by (°)", (-180.0, 180.0), 2.0, ".0f"),
    "shift": ("shifted by (σ)", (-1.0, 1.0), 0.02, ".2f"),
    "slide": ("third at y (σ)", (-0.8, 0.8), 0.02, ".2f"),
}
LEFT = torch.linspace(-0.1, -1e-6, 40, dtype=torch.float64)  # of the kink at y = 0, up to next to it
BOTH_SIDES = torch.cat([LEFT, -LEFT.flip(0)])
ENERGIES, FORCES = (-4.0, 6.0), (-5.0, 5.0)  # of the axes, in ε and ε/σ
PAIRS = Distances(list(itertools.combinations(range(3), 2)))
ALT = (
    "Left: three numbered atoms, joined by lines, and in gray their place in the training data. Right: energy against "
    "the turn, the shift and the place of the third atom; black the true one, flat in the first two, blue predicted, "
    "a dot for each here. Last, the force on the third atom: with sorted distances the blue one jumps at y = 0."
)


class Trimer(Panel):
    """A Lennard-Jones trimer and the networks that should know its energy.

    Sliders turn it about the origin, shift it along x and let its third atom slide past the other two. Relabel hands
    the numbers around. Only the third slider changes the true energy.

    Args:
        models: networks of three atoms by name; the name says what they are fed with.
    """

    def __init__(self, models: Mapping[str, CoordinateNetwork]):
        super().__init__("trimer")
        self.models = dict(models)
        self._labels = self.memory.setdefault("labels", [0, 1, 2])  # label of each atom
        self._draw_figure()
        self.inputs = self.choice("inputs", list(self.models), self._move)
        self.sliders = {
            name: self.slider(name, words, 0.0, ends, step, self._move, digits, "32em")
            for name, (words, ends, step, digits) in WAYS.items()
        }
        self.relabel = self.button("relabel", "Relabel", self._roll, icon="random")
        self.back = self.button("back", "Back to training", self._reset, icon="undo")
        columns = [VBox([*self.sliders.values()]), VBox([self.relabel, self.back])]
        self.show_all([self.live.view, self.inputs, HBox(columns)])
        self._move()

    def positions(self, turn: Tensor, shift: Tensor, slide: Tensor) -> Tensor:
        """The three atoms in the order of their labels (..., 3, 3) in σ, for angles in degrees and lengths in σ."""
        turn, shift, slide = torch.broadcast_tensors(turn, shift, slide)
        corners = torch.stack([0 * slide + 0.5j * BOND, 0 * slide - 0.5j * BOND, FAR + 1j * slide], dim=-1)  # x + iy
        placed = corners * torch.exp(1j * torch.deg2rad(turn))[..., None] + shift[..., None]
        r = torch.stack([placed.real, placed.imag, 0 * placed.real], dim=-1)
        return r[..., np.argsort(self._labels), :]

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(10.6, 4.4), layout="constrained")
        grid = figure.add_gridspec(2, 3, width_ratios=(1.8, 1, 1))
        trio = figure.add_subplot(grid[:, 0])
        trio.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        trio.set(aspect="equal", xlabel="x (σ)", ylabel="y (σ)")
        home = [0, 0, FAR, 0], [BOND / 2, -BOND / 2, 0, BOND / 2]
        trio.plot(*home, "o-", color="0.82", markersize=20, linewidth=3, zorder=0)
        live = self.live = LiveFigure(figure, alt=ALT)
        self._atoms = NumberedAtoms(trio, 3, size=330)
        live.moving += self._atoms.artists
        self._lines, self._dots = {}, {}
        for name, place in zip((*WAYS, "force"), ((0, 1), (0, 2), (1, 1), (1, 2)), strict=True):
            axes, (words, ends, _, _) = figure.add_subplot(grid[place]), WAYS.get(name, WAYS["slide"])
            axes.set(xlim=ends, xlabel=words, xticks=np.linspace(*ends, 5), ylim=ENERGIES, ylabel="energy (ε)")
            self._lines[name] = [live.line(axes, color=REFERENCE, linewidth=4), live.line(axes, color=MODEL)]
            self._dots[name] = live.add(axes.scatter([0, 0], [0, 0], s=[100, 36], c=[REFERENCE, MODEL], zorder=3))
        axes.set(xlim=(-0.1, 0.1), xticks=(-0.1, 0, 0.1), xlabel="third at y (σ), close to 0")
        axes.set(ylim=FORCES, ylabel="force (ε/σ)")
        figure.axes[1].set_title("true black, predicted blue")

    def _place(self) -> None:
        """Move every artist to where the sliders and labels say."""
        here = {name: torch.tensor(slider.value, dtype=torch.float64) for name, slider in self.sliders.items()}
        shown = self.positions(**here)
        flat = shown[:, :2].numpy()
        self._atoms.place(flat, flat[np.array(PAIRS.pairs)], 3 / PAIRS(shown) ** 2, [SECOND] * 3)
        surfaces = true_energy, self.models[self.inputs.value].energy_at
        with torch.no_grad():
            for name, (_, ends, _, _) in WAYS.items():
                x = torch.cat([torch.linspace(*ends, 81, dtype=torch.float64), here[name][None]])
                r = self.positions(**{**here, name: x})
                curves = [energy(r) for energy in surfaces]
                self._show(name, x, curves)
        self.true, self.predicted = (float(curve[-1]) for curve in curves)
        x = torch.cat([BOTH_SIDES, here["slide"][None]])
        pulls = [forces(lambda y, of=energy: of(self.positions(**{**here, "slide": y})), x) for energy in surfaces]
        self._show("force", x, pulls)
        self.jump = float(pulls[1][len(LEFT)] - pulls[1][len(LEFT) - 1])

    def _show(self, name: str, x: Tensor, curves: list[Tensor]) -> None:
        """True and predicted values in one panel; the last of them at the present place."""
        for line, y in zip(self._lines[name], curves, strict=True):
            line.set_data(x[:-1].numpy(), y[:-1].numpy())
        self._dots[name].set_offsets([(float(x[-1]), float(y[-1])) for y in curves])

    def _move(self) -> None:
        self._place()
        self.live.refresh()
        kink = f"jumps by <b>{self.jump:+.1f} ε/σ</b>" if abs(self.jump) > 0.01 else "does not jump"
        self.say(
            f"True energy <b>{self.true:.3f} ε</b>, predicted <b>{self.predicted:.3f} ε</b>: off by "
            f"<b>{self.predicted - self.true:+.3f} ε</b>. Where y passes 0 the predicted force {kink}."
        )

    def _roll(self) -> None:
        self._labels[:] = [(label + 1) % 3 for label in self._labels]
        self._move()

    def _reset(self) -> None:
        self._labels[:] = [0, 1, 2]
        for slider in self.sliders.values():
            slider.value = 0.0
        self._move()


def true_energy(positions: Tensor) -> Tensor:
    """Lennard-Jones energies (...) in ε of three atoms (..., 3, 3) in σ."""
    return lennard_jones(PAIRS(positions), 1.0, 1.0).sum(-1)
