"""The figures that the course repeats, in one style and with a description for readers who do not see them.

`style` is called once, in the first cell of a notebook; `show` ends a cell that draws. Colors mean the same all course
long: `REFERENCE` black, `MODEL` blue, `SECOND` orange, `ATTACK` red.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, StrMethodFormatter

from mininnip.figures.picture import DOTS_PER_INCH, PIXELS_PER_INCH, Picture, small_png
from mininnip.memory import give_back
from mininnip.so3 import spherical_harmonics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure

REFERENCE, MODEL, SECOND, GOOD, ATTACK = "#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00"


def style() -> None:
    """Use the style sheet of the course for every figure from here on."""
    matplotlib.style.use(Path(__file__).with_name("style.mplstyle"))


def show(figure: Figure, alt: str) -> Picture:
    """End a cell with a figure: its picture together with a description, once.

    The figure is closed, so Jupyter does not print it a second time, and freed memory goes back to the system.

    Args:
        figure: what was drawn.
        alt: what it shows, in a sentence, for readers who do not see it.

    Returns:
        The picture; as the last value of a cell it is displayed.

    Raises:
        ValueError: if the description is missing.
    """
    if not alt.strip():
        raise ValueError("a figure needs a description (alt) for readers who do not see it")
    picture = small_png(figure, DOTS_PER_INCH)
    width, height = figure.get_size_inches() * PIXELS_PER_INCH
    plt.close(figure)
    give_back()
    return Picture(picture, round(width), round(height), alt)


def energy_curve(
    axes: Axes, distance: Any, curves: Mapping[str, Any], points: Sequence[str] = (), per: str = "eV"
) -> None:
    """Energies along one distance, with a dotted line at zero; the first curve is black, the next blue, orange, …

    Args:
        axes: where to draw.
        distance: (P,) in Å.
        curves: label to energies (P,).
        points: labels to draw as points, such as reference energies.
        per: unit of the energies, for the axis.
    """
    axes.axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    for label, energies in curves.items():
        marker, line = ("o", "") if label in points else ("", "-")
        axes.plot(_numbers(distance), _numbers(energies), marker=marker, linestyle=line, label=label)
    axes.set(xlabel="distance r (Å)", ylabel=f"energy ({per})")
    if len(curves) > 1:
        axes.legend()


def landscape(
    axes: Axes,
    surface: Callable[[torch.Tensor], torch.Tensor],
    bounds: Sequence[tuple[float, float]],
    levels: Any,
    n_grid: int = 161,
) -> QuadContourSet:
    """A surface E(x, y) from above: filled contours, dark in the valleys, and thin lines between them.

    Args:
        axes: where to draw.
        surface: function of points (..., 2) that returns energies (...).
        bounds: lowest and highest x, lowest and highest y.
        levels: energies of the contour lines, ascending; what lies beyond them has the color of the last.
        n_grid: points along each axis.

    Returns:
        The filled contours, for a color bar.
    """
    x, y = (torch.linspace(low, high, n_grid, dtype=torch.float64) for low, high in bounds)
    energies = surface(torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)).detach()  # (n_grid, n_grid)
    filled = axes.contourf(x, y, energies, levels=levels, cmap="viridis", extend="both")
    axes.contour(x, y, energies, levels=levels, colors="white", linewidths=0.5, alpha=0.6, linestyles="solid")
    axes.set(xlabel="x", ylabel="y", xlim=bounds[0], ylim=bounds[1])
    return filled


def radial_distribution(axes: Axes, r: Any, curves: Mapping[str, Any]) -> None:
    """Radial distribution functions g(r), with a dotted line at 1, the value without structure.

    Args:
        axes: where to draw.
        r: distances (P,) in Å.
        curves: label to g (P,).
    """
    axes.axhline(1, color="0.6", linewidth=1, linestyle=":", zorder=0)
    for label, g in curves.items():
        axes.plot(_numbers(r), _numbers(g), label=label)
    axes.set(xlabel="distance r (Å)", ylabel="g(r)", ylim=(0, None))
    if len(curves) > 1:
        axes.legend()


def liquids(
    r: Any,
    angle: Any,
    structures: Mapping[str, tuple[Any, Any]],
    band: Sequence[tuple[Any, Any]],
    model: str = "network",
) -> Figure:
    """Structure of liquids: g(r) on the left, bond angles on the right; the first liquid is black, the model's blue.

    Args:
        r: distances (P,) in Å.
        angle: angles (Q,) in degrees.
        structures: label to g (P,) and share of the angles per degree (Q,).
        band: g and angles of two runs of the reference: the space between them is gray.
        model: label of the liquid to draw in the model's color.

    Returns:
        The figure.
    """
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6))
    others = iter((SECOND, GOOD, "#CC79A7", "#56B4E9", "#7F7F7F"))
    for panel, x, first, second in zip(panels, (r, angle), *band, strict=True):
        panel.fill_between(_numbers(x), np.minimum(first, second), np.maximum(first, second), color="0.7", linewidth=0)
    for k, (label, pair) in enumerate(structures.items()):
        color = REFERENCE if k == 0 else MODEL if label == model else next(others)
        width = 2.5 if color in (REFERENCE, MODEL) else 1.5
        for panel, x, y in zip(panels, (r, angle), pair, strict=True):
            panel.plot(_numbers(x), _numbers(y), color=color, linewidth=width, label=label)
    panels[0].set(xlabel="distance r (Å)", ylabel="g(r)", xlim=(1.5, None))
    panels[0].margins(x=0)
    panels[1].set(xlabel="angle between neighbors (°)", ylabel="share per degree")
    panels[0].legend(fontsize=10, loc="upper right")
    return figure


def parity(axes: Axes, reference: Any, predicted: Any, unit: str) -> None:
    """Predicted against reference values, with the diagonal on which all points of a perfect model lie, and the RMSE.

    Args:
        axes: where to draw.
        reference, predicted: equal shapes (...).
        unit: of both, for the axes.

    Raises:
        ValueError: shapes that differ.
    """
    x, y = _numbers(reference), _numbers(predicted)
    if x.shape != y.shape:
        raise ValueError(f"reference and predicted values have different shapes, {x.shape} and {y.shape}")
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    axes.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
    axes.plot(x.ravel(), y.ravel(), ".", color=MODEL, markersize=3)
    rmse = np.sqrt(np.mean((x.astype(float) - y) ** 2))
    axes.text(0.04, 0.96, f"RMSE {rmse:.3g} {unit}", transform=axes.transAxes, va="top")
    axes.set(xlabel=f"reference ({unit})", ylabel=f"predicted ({unit})", aspect="equal")


def learning_curve(axes: Axes, n_frames: Any, errors: Any, unit: str, baseline: float | None = None) -> None:
    """Test error against the number of training frames, on logarithmic axes: a straight line is a power law.

    Args:
        axes: where to draw.
        n_frames, errors: (P,).
        unit: of the errors, for the axis.
        baseline: error of a model that has learned nothing, a dotted line.
    """
    axes.loglog(_numbers(n_frames), _numbers(errors), "o-", color=MODEL, label="test error")
    if baseline is not None:
        axes.axhline(baseline, color="0.6", linestyle=":", label="nothing learned")
        axes.legend()
    axes.set_xticks(_numbers(n_frames), [f"{n:g}" for n in _numbers(n_frames)])
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
    axes.set(xlabel="frames in training", ylabel=f"RMSE ({unit})")


def spread(axes: Axes, sizes: Sequence[float], runs: Mapping[str, Any], xlabel: str, ylabel: str) -> None:
    """What several runs give at each size, on logarithmic axes: a pale point for each, a line through the medians.

    Args:
        axes: where to draw.
        sizes: (P,).
        runs: label to values (P, runs), blue, orange, …
        xlabel, ylabel: what the axes show, and in which unit.
    """
    for k, (label, values) in enumerate(runs.items(), start=1):
        axes.loglog(sizes, _numbers(values), "o", color=f"C{k}", alpha=0.3)
        axes.loglog(sizes, np.median(_numbers(values), axis=1), color=f"C{k}", label=label)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if high < 30 * low else (1,)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()


def scaling(axes: Axes, sizes: Any, times: Any, label: str, color: str, n_fitted: int = 3) -> float:
    """Time against size on logarithmic axes, with the power law through the largest sizes: t ∝ N^exponent.

    Args:
        axes: where to draw.
        sizes, times: (P,), sizes ascending.
        label: for the legend, where the exponent is added.
        color: of points and line.
        n_fitted: how many of the largest sizes are fitted; small ones measure the overhead of a call.

    Returns:
        The exponent.
    """
    sizes, times = _numbers(sizes), _numbers(times)
    exponent, offset = np.polyfit(np.log(sizes[-n_fitted:]), np.log(times[-n_fitted:]), 1)
    axes.loglog(sizes, times, "o", color=color)
    line = np.array([sizes[0], 2 * sizes[-1]])
    axes.loglog(line, np.exp(offset) * line**exponent, color=color, label=f"{label}: $N^{{{exponent:.2f}}}$")
    axes.set(xlabel="number of atoms N", ylabel="processor time (s)")
    axes.legend()
    return float(exponent)


def curves(
    axes: Axes,
    x: Any,
    lines: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    dashed: Sequence[str] = (),
    known: tuple[float, float] | None = None,
    points: Sequence[str] = (),
    **options: Any,
) -> None:
    """Values along one axis; the first line black, the next blue, orange, …, and a legend if there is more than one.

    Args:
        axes: where to draw.
        x: (P,) or (P, 1).
        lines: label to values, as many as x has, or to a pair (places, values) of its own.
        xlabel, ylabel: what the axes show, and in which unit.
        dashed: labels of lines to dash, because they lie on another.
        known: ends of the region that training data came from, a gray band.
        points: labels to draw as points, such as reference values.
        options: of the axes, such as `ylim` or `yscale`.
    """
    if known is not None:
        axes.axvspan(*known, color="0.93", zorder=0, linewidth=0)
    for label, values in lines.items():
        places, y = values if isinstance(values, tuple) else (x, values)
        look = "o" if label in points else "--" if label in dashed else "-"
        axes.plot(_numbers(places).ravel(), _numbers(y).ravel(), look, label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel, **options)
    if len(lines) > 1:
        axes.legend()


def fits(above: Axes, below: Axes, curve: tuple[Any, Any], fitted: Mapping[str, Any]) -> None:
    """A curve with the laws fitted to it and, below, what each leaves, both in units of the well depth.

    Args:
        above, below: where to draw curves and residuals.
        curve: distances (P,) in Å and energies (P,) in eV, the reference.
        fitted: label to fit, a function of distances with a `residual` in eV at the points that were fitted: those up
            to one well depth above zero.
    """
    distance, energies = (_numbers(part) for part in curve)
    depth = -energies.min()
    first, last = float(distance[0]), 3 * float(distance[energies.argmin()])
    line = torch.linspace(first, last, 300, dtype=torch.float64)
    above.plot(distance, energies / depth, "o", markersize=4)
    for k, (label, fit) in enumerate(fitted.items(), start=1):
        above.plot(line, _numbers(fit(line)) / depth, label=label)
        seen = distance[energies <= depth]
        below.plot(seen, _numbers(fit.residual) / depth, f"C{k}o-", markersize=3, linewidth=1)
    below.axhline(0, color="0.6", linewidth=1, linestyle=":")
    above.set(xlim=(first, last), ylim=(-1.3, 1), ylabel="energy / depth")
    below.set(xlabel="distance r (Å)", ylabel="model − reference\n/ depth")


def modes(axes: Axes, place: Any, change: float) -> None:
    """A stationary point of a map, with its modes: solid white lines uphill, dashed red ones downhill.

    Args:
        axes: where to draw.
        place: position (2,), curvatures (2,) and modes (2, 2), one per column, of a stationary point.
        change: the lines end where the energy of the parabola has changed by as much.
    """
    for curvature, mode in zip(place.curvatures, place.modes.T, strict=True):
        reach = (2 * change / curvature.abs()) ** 0.5 * mode
        ends = torch.stack([place.position - reach, place.position + reach])  # (2, 2)
        color, line = ("white", "-") if curvature > 0 else (ATTACK, "--")
        axes.plot(*ends.T, color=color, linestyle=line, linewidth=3)
    axes.plot(*place.position, "o", color="white", markeredgecolor="black")


def harmonics(figure: Figure, l_max: int) -> None:
    """The shapes r = |Y_lm| of real spherical harmonics side by side, polar axis up, colored by their sign.

    Args:
        figure: an empty one, wide enough for (l_max + 1)² shapes in a row.
        l_max: highest degree, 0 to 3.
    """
    polar, around = np.meshgrid(np.linspace(0, np.pi, 31), np.linspace(0, 2 * np.pi, 41))
    z, x = np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around)
    sphere = np.stack([x, np.cos(polar), z], axis=-1)
    values = spherical_harmonics(torch.tensor(sphere), l_max).numpy()
    for k in range((l_max + 1) ** 2):
        axes: Any = figure.add_subplot(1, (l_max + 1) ** 2, k + 1, projection="3d")
        x, y, z = np.moveaxis(sphere * np.abs(values[..., k, None]), -1, 0)
        colors = np.where(values[..., k] > 0, SECOND, MODEL)
        axes.plot_surface(z, x, y, facecolors=colors, rstride=1, cstride=1, shade=True)
        axes.set(title=f"l = {math.isqrt(k)}", aspect="equal")
        axes.set_axis_off()


def graph(axes: Axes, xy: Any, pairs: Any, values: Any = None, labels: Sequence[str] = (), size: float = 420) -> Any:
    """A graph drawn flat: a dot for each node, a line for each edge.

    Args:
        axes: where to draw.
        xy: places of the nodes (N, 2) or longer rows, of which the first two numbers count.
        pairs: nodes joined by an edge (B, 2).
        values: colors of the nodes, or (N,) numbers from dark to light; None: pale gray.
        labels: what is written onto each node.
        size: of a dot.

    Returns:
        The dots, for a color bar.
    """
    xy, pairs = _numbers(xy)[:, :2], _numbers(pairs)
    for pair in pairs:
        axes.plot(*xy[pair].T, color="0.6", zorder=1)
    colors = "0.9" if values is None else values if isinstance(values, list) else _numbers(values)
    dots = axes.scatter(*xy.T, s=size, c=colors, edgecolors="black", zorder=2)
    for (x, y), label in zip(xy, labels, strict=False):
        axes.text(x, y, label, ha="center", va="center", zorder=3)
    axes.set(aspect="equal")
    axes.margins(0.15)
    axes.set_axis_off()
    return dots


def _numbers(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
