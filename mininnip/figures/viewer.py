"""Structures in three dimensions: one function for molecules, crystals and trajectories.

`mininnip.view(atoms)` shows nglview's viewer, to be turned with the mouse, and below it a still picture: the key to its
colors, and all there is on a page that cannot run or in a browser without WebGL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from ase.utils import rotate
from ase.visualize.plot import plot_atoms
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mininnip.figures.alive import close_all, display_alive, running_cell
from mininnip.figures.picture import Picture
from mininnip.figures.plotting import show

CAPTION = (
    "Drag to turn, scroll to zoom. If the box stays empty, the browser has WebGL switched off; the picture below shows "
    "the same structure."
)


class Scene:
    """What `view` returns: the viewer, if there is one, above a still picture.

    Attributes:
        picture: the still picture.
        viewer: nglview's widget, or None.
        why_not: one sentence if there is no viewer, else empty.
    """

    def __init__(self, picture: Picture, viewer: Any, why_not: str):
        self.picture, self.viewer, self.why_not = picture, viewer, why_not

    def __repr__(self) -> str:
        return f"{self.picture.alt} In a notebook it can be turned; .picture.save('file.png') writes an image."

    def _ipython_display_(self) -> None:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if not hasattr(get_ipython(), "kernel"):
            print(repr(self))
            return
        _forget_what_this_cell_showed()
        if self.viewer is None:
            print(self.why_not)
            display(self.picture)
            return
        widget = _with_caption(self.viewer)
        _shown.append((running_cell(), widget))
        display_alive(widget, self.picture, keep_picture=True)


_shown: list[tuple[tuple[str, str] | None, Any]] = []  # the cell and its run, and what stands there


def _forget_what_this_cell_showed() -> None:
    """Close the viewers that an earlier run of the running cell has left: each holds memory here and in the browser."""
    now = running_cell()
    for place, widget in [one for one in _shown if now and one[0] and one[0][0] == now[0] and one[0] != now]:
        _shown.remove((place, widget))
        close_all(widget)


def _with_caption(viewer: Any) -> Any:
    """The viewer, a slider and a player if it shows a trajectory, and what to do with it."""
    from ipywidgets import HTML, HBox, IntSlider, Play, VBox, jslink

    rows = [viewer, HTML(f"<small>{CAPTION}</small>")]
    if viewer.max_frame > 0:
        slider = IntSlider(max=viewer.max_frame, description="frame")
        slider.add_class("mininnip-view-frame")
        play = Play(max=viewer.max_frame, interval=100)
        jslink((play, "value"), (slider, "value"))
        jslink((slider, "value"), (viewer, "frame"))
        rows.insert(1, HBox([play, slider]))
    return VBox(rows)


def view(structure: Atoms | Sequence[Atoms]) -> Scene:
    """Show a molecule, a crystal or a trajectory.

    Crystals are drawn as spheres in their unit cell: bonds guessed from distances would be a net without meaning.

    Args:
        structure: ASE Atoms, or a list of Atoms with the same number of atoms.

    Returns:
        The scene; as the last value of a cell it is displayed.

    Raises:
        TypeError: if it is neither Atoms nor a list of them.
        ValueError: if there is nothing to show, a position is not finite, or the frames differ in their atoms.
    """
    frames = _turned(_frames(structure))
    try:
        viewer, why_not = _viewer(frames), ""
    except Exception as error:
        viewer = None
        why_not = (
            f"The 3-D viewer does not start here ({type(error).__name__}: {str(error).splitlines()[0][:120]}); "
            "`python -m mininnip doctor` names the remedy. A still picture instead:"
        )
    return Scene(_still(frames), viewer, why_not)


def _frames(structure: Any) -> list[Atoms]:
    frames = [structure] if isinstance(structure, Atoms) else structure
    if not isinstance(frames, Sequence) or not all(isinstance(frame, Atoms) for frame in frames):
        raise TypeError(f"view shows ASE Atoms or a list of them, not {type(structure).__name__}")
    frames = list(frames)
    if not frames or len(frames[0]) == 0:
        raise ValueError("there is nothing to view: no atoms")
    for k, frame in enumerate(frames):
        if list(frame.numbers) != list(frames[0].numbers):
            raise ValueError(f"frame {k} holds other atoms than frame 0; view one composition at a time")
        if not np.isfinite(frame.positions).all():
            raise ValueError(f"frame {k} has a position that is NaN or infinite; check the positions")
    return frames


def _turned(frames: list[Atoms]) -> list[Atoms]:
    """Molecules seen obliquely from above, lying flat: no atom hides another, and motion out of the plane is seen."""
    if frames[0].pbc.any():
        return frames
    centered = frames[0].positions - frames[0].positions.mean(0)
    axes = np.linalg.svd(centered, full_matrices=True)[2]
    axes[2] *= np.linalg.det(axes)  # a rotation, never a mirror image
    turn = axes.T @ rotate("-50x,10y")
    return [Atoms(frame.numbers, frame.positions @ turn) for frame in frames]


def _viewer(frames: list[Atoms]) -> Any:
    from mininnip.figures.quiet_viewer import QuietViewer

    viewer: Any = QuietViewer.of(frames)
    viewer.camera = "orthographic"
    viewer.stage.set_parameters(clip_dist=0)  # else the front atoms of a small molecule are cut open
    viewer.center()
    if frames[0].pbc.any():
        viewer.clear_representations()
        viewer.add_representation("spacefill", radius_type="covalent", scale=0.8)
        viewer.add_unitcell()
        viewer.control.spin([0, 1, 0], np.radians(25))
        viewer.control.spin([1, 0, 0], np.radians(15))
        viewer.control.zoom(-0.3)  # the cell is larger than the atoms in it
    viewer.add_class("mininnip-view")
    viewer.layout.width, viewer.layout.height = "480px", "320px"
    return viewer


def _still(frames: list[Atoms]) -> Picture:
    """Up to three frames side by side, and the key to the colors."""
    shown = [frames[k] for k in sorted({0, len(frames) // 2, len(frames) - 1})]
    figure = Figure(figsize=(2.4 * len(shown) + 1, 2.4), layout="constrained")
    crystal = frames[0].pbc.any()
    row = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, frame in zip(row, shown, strict=True):
        rotation, radii = ("15x,155y", 0.9) if crystal else ("180y", 0.8)  # nglview looks from behind
        plot_atoms(frame, axes, radii=radii, rotation=rotation, show_unit_cell=2 * int(crystal))
        axes.set_axis_off()
    size = np.max([(axes.get_xlim()[1], axes.get_ylim()[1]) for axes in row], axis=0)
    for axes in row:  # one scale for all frames, each in the middle of its place
        middle = 0.5 * np.array([axes.get_xlim()[1], axes.get_ylim()[1]])
        low, high = middle - 0.52 * size, middle + 0.52 * size
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    numbers = sorted(set(frames[0].numbers.tolist()))
    keys = [
        Line2D(
            *([], []),
            marker="o",
            linestyle="",
            color=tuple(jmol_colors[z]),
            markeredgecolor="black",
            markersize=6 + 6 * float(covalent_radii[z]),
            label=chemical_symbols[z],
        )
        for z in numbers
    ]
    figure.legend(handles=keys, loc="outside right center", frameon=False, fontsize=12)
    what = f"{frames[0].get_chemical_formula()}, {len(frames[0])} atoms"
    which = f"; first, middle and last of {len(frames)} frames" if len(frames) > 2 else ""
    cell = ", in its unit cell" if crystal else ""
    return show(figure, f"Still picture of {what}{cell}{which}.")
