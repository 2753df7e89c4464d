"""Hero of lesson 15: turn a molecule, and the vectors and shapes that its atoms carry turn along, or do not.

Left a vector of every atom, right a shape of degree 2, one channel of a NequIP: in color what the network says of the
turned molecule, black what it says of the molecule as it was, turned afterwards. The two agree for an equivariant
network, trained or not, and no longer when a constant is added to its vectors.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any, cast

import ipywidgets
import numpy as np
import torch
from ase import Atoms
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from scipy.spatial.transform import Rotation
from torch import Tensor

from mininnip.figures.plotting import MODEL, REFERENCE, SECOND
from mininnip.graph import Graph
from mininnip.neural.nequip import NequIP
from mininnip.potential import Potential
from mininnip.so3 import spherical_harmonics, wigner_d
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

LAYER, CHANNEL = 2, 0  # of the features that are drawn
BIAS = torch.tensor([[0.5], [0.2], [0.0]], dtype=torch.float64)  # added to all vectors (3, 1)
BOND = 1.7  # Å, a line is drawn between atoms that are closer
PASSES = 1e-8  # eV/Å, for forces in double precision
LONGEST = 1.1  # Å, of the longest vector and of the largest shape
AROUND = np.linspace(0, 2 * np.pi, 61)
PLANE = np.stack([np.cos(AROUND), np.sin(AROUND), 0 * AROUND], axis=1)  # directions in the plane of the picture
MIRROR = np.diag([-1.0, 1.0, 1.0])
ALT = (
    "The atoms seen along z. Left a vector at each, right a shape with lobes colored by sign. Black: those of the "
    "molecule as it was, turned afterwards; they lie on the colored ones, unless there is a bias on vectors."
)


class TurningMolecule(Panel):
    """Sliders turn the molecule about x, y and z; a box puts a bias on vectors; a line says which tests are passed.

    Args:
        atoms: a molecule.
        model: a NequIP in double precision with l_max = 2 and at least three layers; it need not be trained.
    """

    def __init__(self, atoms: Atoms, model: NequIP):
        super().__init__("turning-molecule")
        self.atoms = atoms.copy()
        self.atoms.center(about=(0, 0, 0))
        biased = copy.deepcopy(model)
        biased.interactions[0].register_forward_hook(lambda *call: call[-1] | {"1o": call[-1]["1o"] + BIAS})
        free = dict.fromkeys(range(1, 119), 0.0)
        pairs = itertools.combinations(range(len(atoms)), 2)
        self._bonds = [pair for pair in pairs if atoms.get_distance(*pair) < BOND]
        self._potentials = {False: Potential(model, free), True: Potential(biased, free)}
        self._half = float(np.linalg.norm(self.atoms.positions, axis=1).max()) + LONGEST
        self._draw_figure()
        self.angles = [self._slider(axis, start) for axis, start in (("x", 25), ("y", 20), ("z", 40))]
        box: Any = ipywidgets.Checkbox(False, description="bias on vectors", indent=False, layout={"width": "12em"})
        self.bias = self.control("bias", box, self._move)
        self.show_all([self.live.view, ipywidgets.HBox([*self.angles, self.bias], layout={"flex_flow": "row wrap"})])
        self._place()
        self.live.redraw()

    @property
    def rotation(self) -> np.ndarray:
        """What the sliders make."""
        return Rotation.from_euler("xyz", [slider.value for slider in self.angles], degrees=True).as_matrix()

    def tests(self) -> dict[str, float]:
        """How far forces are from what each symmetry demands, largest component in eV/Å."""
        turn, order = self.rotation, np.arange(len(self.atoms))[::-1]
        asked = self.atoms.positions
        placed = [asked, asked @ turn.T, asked @ MIRROR, asked[order], asked + 1.0]
        structures = [Atoms(self.atoms.numbers, positions) for positions in placed]
        structures[3].numbers = self.atoms.numbers[order]
        potential = self._potentials[self.bias.value]
        found = potential(Graph.from_atoms(structures, potential.cutoff), forces=True)["forces"]
        forces, *others = found.detach().numpy().reshape(len(placed), -1, 3)
        expected = [forces @ turn.T, forces @ MIRROR, forces[order], forces]
        off = [float(abs(a - b).max()) for a, b in zip(others, expected, strict=True)]
        return dict(zip(("rotation", "mirror", "exchange of atoms", "translation"), off, strict=True))

    def features(self) -> tuple[Tensor, Tensor]:
        """Vectors (2, N, 3), shapes (2, N, 5): as it was, and turned. Sizes are square roots: small ones are seen."""
        model: Any = self._potentials[self.bias.value].model
        structures = [Atoms(self.atoms.numbers, positions) for positions in (self.atoms.positions, self._placed())]
        with torch.no_grad():
            found = model.features(Graph.from_atoms(structures, model.cutoff))[LAYER]
        values = (found[kind][..., CHANNEL].unflatten(0, (2, -1)) for kind in ("1o", "2e"))
        vectors, shapes = (v / v.norm(dim=-1, keepdim=True).clamp(min=1e-9).sqrt() for v in values)
        return vectors, shapes

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(8.0, 4.0), layout=cast(Any, "none"))
        left, right = figure.subplots(1, 2, sharey=True)
        figure.subplots_adjust(left=0.07, right=0.985, top=0.91, bottom=0.14, wspace=0.06)
        ends: Any = {"xlim": (-self._half, self._half), "ylim": (-self._half, self._half), "aspect": "equal"}
        left.set(title="vectors", xlabel="x (Å)", ylabel="y (Å)", **ends)
        right.set(title="shapes, l = 2", xlabel="x (Å)", **ends)
        self.live = LiveFigure(figure, alt=ALT)
        self._skeletons = [self.live.line(axes, "o-", color="0.75", markersize=5) for axes in (left, right)]
        looks: Any = ({"colors": SECOND, "linewidths": 6}, {"colors": REFERENCE, "linewidths": 1.5})
        self._arrows = [self.live.add(left.add_collection(LineCollection([], **look))) for look in looks]
        looks = [{"facecolors": c, "alpha": 0.8, "edgecolors": "none"} for c in (SECOND, MODEL)]
        looks += [{"facecolors": "none", "edgecolors": REFERENCE}]
        self._shapes = [self.live.add(right.add_collection(PolyCollection([], **look))) for look in looks]

    def _place(self) -> None:
        """Ask both ways, first turned and first asked, and move every artist."""
        placed, turn = self._placed(), torch.tensor(self.rotation)
        vectors, shapes = (LONGEST * v / v[0].norm(dim=1).max() for v in self.features())
        for arrows, way in zip(self._arrows, (vectors[1], vectors[0] @ turn.T), strict=True):
            arrows.set_segments(np.stack([placed, placed + way.numpy()], axis=1)[..., :2])
        now, expected = section(shapes[1]), section(shapes[0] @ wigner_d(2, turn).T)
        for lobes, radii in zip(self._shapes, (now.clip(0), (-now).clip(0), abs(expected)), strict=True):
            lobes.set_verts(placed[:, None, :2] + radii[..., None] * PLANE[:, :2])
        for skeleton in self._skeletons:
            skeleton.set_data(*np.concatenate([[*placed[list(k), :2], (np.nan, np.nan)] for k in self._bonds]).T)

    def _placed(self) -> np.ndarray:
        return self.atoms.positions @ self.rotation.T

    def _move(self) -> None:
        self._place()
        self.live.refresh()
        verdicts = {name: (off, "passes" if off < PASSES else "FAILS") for name, off in self.tests().items()}
        told = [f"{name} <b>{verdict}</b> ({off:.0e})" for name, (off, verdict) in verdicts.items()]
        self.say(f"Forces off by, in eV/Å: {', '.join(told)}.")

    def _slider(self, axis: str, start: float) -> Any:
        return self.slider(axis, f"about {axis} (°)", start, (-180, 180), 5, self._move, ".0f", "19em")


def section(shapes: Tensor) -> np.ndarray:
    """Values Σ_m s_m Y_2m / √5 of shapes (N, 5) all around in the plane of the picture (N, directions)."""
    return (shapes @ spherical_harmonics(torch.tensor(PLANE), 2)[:, 4:].T).numpy() / np.sqrt(5)
