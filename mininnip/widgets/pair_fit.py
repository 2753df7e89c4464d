"""Hero of lesson 02: fit a pair law to ab initio energies, by hand or by least squares; see what no parameter repairs.

Above stands the curve, below the residual, model minus reference. What the best fit leaves is drawn in pale red: moving
a slider can only add to it. The physics is in `mininnip.classical.pair` and `mininnip.classical.fitting`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mininnip.classical.fitting import Fit, fit_from_several
from mininnip.classical.pair import buckingham_coulomb, harmonic, lennard_jones, mason_schamp, morse
from mininnip.figures.plotting import ATTACK, MODEL, REFERENCE
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

UNREPAIRED = 0.02  # a point counts as missed if the best fit is off by more than this share of the well depth
SAME = 1e-6  # an RMSE that exceeds the smallest by less than this share equals it
MISSED = f"the best fit is off by more than {UNREPAIRED:.0%} of the depth"
N_CURVE = N_STEPS = 400


@dataclass(frozen=True)
class Form:
    """A law and the sliders of its parameters.

    Attributes:
        law: function (r, **parameters) -> energy.
        sliders: by parameter: what its slider says; its lowest, highest and first value, in multiples of D^p r_min^q of
            the curve's well depth D and its distance r_min; the powers p and q.
    """

    law: Callable[..., Tensor]
    sliders: Mapping[str, tuple[str, tuple[float, float, float], tuple[int, int]]]


def _lowered_spring(r: Tensor, depth: Tensor | float, stiffness: Tensor | float, r_eq: Tensor | float) -> Tensor:
    """The harmonic law lowered by the well depth: energies of the curves are zero for separated atoms."""
    return harmonic(r, stiffness, r_eq) - depth


def _neutral_buckingham(r: Tensor, log_A: Tensor | float, B: Tensor | float, C: Tensor | float) -> Tensor:
    """Buckingham–Coulomb between neutral atoms (q₁ q₂ = 0), with log₁₀ A: A spans many powers of ten."""
    return buckingham_coulomb(r, 10.0**log_A, B, C, 0.0)


DEPTH, LENGTH = (0.0, 2.0, 0.7), (0.7, 1.3, 1.05)
FORMS = {
    "Lennard-Jones": Form(
        lennard_jones, {"epsilon": ("ε (eV)", DEPTH, (1, 0)), "sigma": ("σ (Å)", (0.45, 1.2, 0.95), (0, 1))}
    ),
    "Morse": Form(
        morse,
        {
            "depth": ("D (eV)", DEPTH, (1, 0)),
            "steepness": ("a (1/Å)", (0.5, 10.0, 2.5), (0, -1)),
            "r_eq": ("r_eq (Å)", LENGTH, (0, 1)),
        },
    ),
    "Mason–Schamp": Form(
        mason_schamp,
        {
            "depth": ("V₀ (eV)", DEPTH, (1, 0)),
            "gamma": ("γ", (0.0, 1.0, 0.5), (0, 0)),
            "r_m": ("r_m (Å)", (0.5, 1.3, 1.05), (0, 1)),
        },
    ),
    "Buckingham": Form(
        _neutral_buckingham,
        {
            "log_A": ("log₁₀(A/eV)", (2.0, 6.0, 4.0), (0, 0)),
            "B": ("B (1/Å)", (4.0, 20.0, 11.0), (0, -1)),
            "C": ("C (eV Å⁶)", (0.0, 8.0, 2.0), (1, 6)),
        },
    ),
    "harmonic": Form(
        _lowered_spring,
        {
            "depth": ("D (eV)", DEPTH, (1, 0)),
            "stiffness": ("A (eV/Å²)", (0.0, 60.0, 15.0), (1, -2)),
            "r_eq": ("r_eq (Å)", LENGTH, (0, 1)),
        },
    ),
}


class PairFit(Panel):
    """Sliders of a pair law over ab initio points, and a button that fits.

    Args:
        curves: by name: distances (P,) in Å and energies (P,) in eV, zero for separated atoms and below zero somewhere.
        dimer: the name shown first; default the first.
        form: the law shown first, a key of `FORMS`.
        melt: makes a panel of the law with the parameters of the sliders; with it a button shows that panel below.

    Raises:
        ValueError: no curve; a curve of fewer than four points, or without a minimum below zero; an unknown name.
    """

    def __init__(
        self,
        curves: Mapping[str, tuple[Tensor, Tensor]],
        dimer: str | None = None,
        form: str = "Lennard-Jones",
        melt: Callable[[Fit], Panel] | None = None,
    ):
        self.curves = {name: _checked(name, *curve) for name, curve in curves.items()}
        dimer = next(iter(self.curves), None) if dimer is None else dimer
        if dimer not in self.curves or form not in FORMS:
            known = f"{', '.join(self.curves) or 'no curves'}; {', '.join(FORMS)}"
            raise ValueError(f"there is no curve {dimer!r} or no form {form!r}; there are {known}")
        super().__init__("pair-fit")
        self._parameters = self.memory.setdefault("parameters", {})  # by (dimer, form)
        self._windows = self.memory.setdefault("windows", {})  # by dimer
        self._fits: dict[tuple, Fit] = {}  # by (dimer, form, which points the window holds)
        self._draw_figure()
        choice = {"style": {"button_width": "auto"}}
        self.dimer = self.control(
            "dimer", ipywidgets.ToggleButtons(options=list(self.curves), value=dimer, **choice), self._change_dimer
        )
        self.form = self.control(
            "form", ipywidgets.ToggleButtons(options=list(FORMS), value=form, **choice), self._change_form
        )
        self._left, self._right = ipywidgets.VBox(), ipywidgets.VBox()
        self.fit = self.button("fit", "Fit", self._fit, icon="bullseye", button_style="primary")
        self.reset = self.button("reset", "Start over", self._reset, icon="undo")
        self._buttons = ipywidgets.HBox([self.fit, self.reset])
        self._melt, self.molten = melt, ipywidgets.VBox()
        if melt is not None:
            self.melt = self.button("melt", "Melt it", self._melt_it, icon="fire")
            self._buttons.children = [self.fit, self.reset, self.melt]
        choices = ipywidgets.HBox([self.dimer, self.form], layout={"flex_flow": "row wrap"})
        self.show_all([choices, self.live.view, ipywidgets.HBox([self._left, self._right]), self.molten])
        self._change_dimer()

    @property
    def parameters(self) -> dict[str, float]:
        """Name to value, as the sliders stand."""
        names = FORMS[self.form.value].sliders
        return {name: slider.value for name, slider in zip(names, self.sliders, strict=False)}

    # --- what is drawn ------------------------------------------------------------------------------------------------

    def _draw_figure(self) -> None:
        figure = Figure(figsize=(7.6, 5.0), layout="none")  # type: ignore[arg-type] (fixed margins: nothing jumps)
        self.top, self.bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        figure.subplots_adjust(left=0.13, right=0.985, top=0.94, bottom=0.12, hspace=0.12)
        for axes in (self.top, self.bottom):
            axes.axhline(0, color="0.6", linewidth=1, linestyle=":")
        corner = {"transform": self.bottom.transAxes, "ha": "right", "va": "bottom", "fontsize": 11}
        self.bottom.text(0.98, 0.04, "pale red: what the best fit leaves", color=ATTACK, **corner)
        self.bottom.set_xlabel("distance r (Å)")
        (self._points,) = self.top.plot([], [], "o", color=REFERENCE, markersize=5, zorder=3, label="ab initio")
        rings = {"color": ATTACK, "markersize": 11, "fillstyle": "none", "label": MISSED}
        (self._rings,) = self.top.plot([], [], "o", **rings)
        outside = {"color": "black", "alpha": 0.07, "linewidth": 0}
        self._outside = [axes.axvspan(0, 0, **outside) for axes in (self.top, self.bottom) for _ in ("left", "right")]
        self._left_over = self.bottom.fill_between([0], 0, [0], color=ATTACK, alpha=0.28, linewidth=0)
        (self._model,) = self.top.plot([], [], color=MODEL, label="model")
        (self._stems,) = self.bottom.plot([], [], color=MODEL, linewidth=1.2)
        (self._dots,) = self.bottom.plot([], [], "o", color=MODEL, markersize=5)
        self._words = self.top.text(
            *(0.98, 0.95), "", transform=self.top.transAxes, ha="right", va="top", color=MODEL, fontsize=13
        )
        self._frame: tuple = ()  # dimer, form and limit of the residual: what the still picture was drawn for
        moving = [*self._outside, self._left_over, self._rings, self._model, self._stems, self._dots, self._words]
        self.live = LiveFigure(figure, moving, "Energy of a dimer and residual of a pair law against distance.")

    def _draw_frame(self) -> None:
        """What stays while the parameters and the window move: points, axes, legend."""
        r, energy, limit = self._r.numpy(), self._energy.numpy() * self._per_eV, self._limit
        unit, depth = "meV" if self._per_eV == 1000 else "eV", -energy.min()
        self._points.set_data(r, energy)
        self.top.set(xlim=(self._fine[0].item(), self._fine[-1].item()), ylim=(-1.3 * depth, 1.1 * depth))
        self.top.set_ylabel(f"energy ({unit})")
        self.top.set_title(f"{self.dimer.value}, {self.form.value}")
        self.top.legend(handles=[self._points, self._rings, self._model], loc="lower right")
        self.bottom.set(ylim=(-limit, limit), ylabel=f"model − reference\n({unit})")
        self.live.redraw()

    def _place_window(self) -> None:
        """Gray what lies outside the window; show what the best fit inside leaves, and which points it misses."""
        r, energy, best = self._r.numpy(), self._energy.numpy() * self._per_eV, self._best_residual * self._per_eV
        depth, inside, (low, high) = -energy.min(), self._inside, self.window.value
        missed = inside & (np.abs(best) > UNREPAIRED * depth)
        needed = max(1.35 * np.abs(best[inside]).max(), 0.05 * depth)
        if not needed <= self._limit <= 3 * needed:  # an axis that changes is drawn anew: let it change seldom
            self._limit = 1.2 * needed
        for k, span in enumerate(self._outside):
            left, right = ((self._fine[0].item(), low), (high, self._fine[-1].item()))[k % 2]
            span.set_x(left)
            span.set_width(right - left)
        self._left_over.set_verts([_area(r[inside], best[inside])])
        self._rings.set_data(r[missed], energy[missed])
        self.live.view.alt = (
            f"{self.dimer.value} and the {self.form.value} law. The best fit from {low:.2f} to {high:.2f} Å leaves an "
            f"RMSE of {_say(self._best.rmse)}; it is off by more than {UNREPAIRED:.0%} of the well depth at "
            f"{missed.sum()} of {inside.sum()} points."
        )

    def _place_model(self) -> None:
        """Move the artists that follow the sliders."""
        law, parameters = FORMS[self.form.value].law, self.parameters
        curve = law(self._fine, **parameters).numpy() * self._per_eV
        residual = (law(self._r, **parameters) - self._energy).numpy()
        self.rmse = math.sqrt(np.mean(residual[self._inside] ** 2))
        shown = np.clip(residual * self._per_eV, -self._limit, self._limit)
        gap = np.full_like(shown, np.nan)
        self._model.set_data(self._fine.numpy(), np.clip(curve, -1e6, 1e6))
        self._dots.set_data(self._r.numpy(), shown)
        self._stems.set_data(np.repeat(self._r.numpy(), 3), np.stack([0 * shown, shown, gap], axis=1).ravel())
        self._words.set_text(f"RMSE {_say(self.rmse)}\nbest possible {_say(self._best.rmse)}")

    def _judge(self) -> None:
        """Say how good the model is; after the picture, which must not wait for it."""
        excess = self.rmse / max(self._best.rmse, 1e-12) - 1
        best = f"the best this form can do ({_say(self._best.rmse)})"
        if excess >= 1:
            best = f"{excess + 1:.3g} times {best}"
        elif excess >= SAME:
            best = f"{100 * excess:.3g} % above {best}"
        self.say(f"RMSE in the window: <b>{_say(self.rmse)}</b>, {best}.{self._no_spring(excess)}")

    def _no_spring(self, excess: float) -> str:
        """Why the best spring over a wide window is none."""
        if self.form.value != "harmonic" or excess >= SAME or self.parameters["r_eq"] > self._r[0].item():
            return ""
        return (
            f" Its r_eq = {self.parameters['r_eq']:.2f} Å is no bond length: over so wide a window the flat tail has "
            "more points than the well, and the least bad parabola only rises. Narrow the window to the well."
        )

    # --- what happens -------------------------------------------------------------------------------------------------

    def _change_dimer(self) -> None:
        self._r, self._energy = self.curves[self.dimer.value]
        r, depth = self._r, -self._energy.min().item()
        self._per_eV = 1000 if depth < 0.5 else 1
        self._fine = torch.linspace(0.85 * r[0].item(), 1.02 * r[-1].item(), N_CURVE, dtype=r.dtype)
        first = r[self._energy <= depth][0].item()  # the wall above +D is left out at first
        self._new_window(self._windows.get(self.dimer.value, (first, r[-1].item())))
        self._change_form()

    def _change_form(self) -> None:
        form, depth, self._limit = FORMS[self.form.value], -self._energy.min().item(), 0.0
        r_min = self._r[self._energy.argmin()].item()
        scales = {name: depth**p * r_min**q for name, (_, _, (p, q)) in form.sliders.items()}
        first = {name: form.sliders[name][1][2] * scale for name, scale in scales.items()}
        self._ends = {name: [end * scale for end in form.sliders[name][1][:2]] for name, scale in scales.items()}
        self._new_sliders(first | self._parameters.get((self.dimer.value, self.form.value), {}))
        self._change_window()

    def _change_window(self) -> None:
        low, high = self.window.value
        inside = (self._r >= low - 1e-9) & (self._r <= high + 1e-9)
        if inside.sum() < 4:
            self.say("This window holds fewer than four points; widen it.")
            return
        self._inside = inside.numpy()
        self._windows[self.dimer.value] = self.window.value
        points = self.dimer.value, self.form.value, self._inside.tobytes()
        if points not in self._fits:
            self._fits[points] = self._best_fit(inside)
        self._best = self._fits[points]
        self._best_residual = (self._best(self._r) - self._energy).numpy()
        self._place_window()
        self._place_model()
        frame = self.dimer.value, self.form.value, self._limit
        if frame == self._frame:
            self.live.refresh()
        else:
            self._frame = frame
            self._draw_frame()
        self._judge()

    def _best_fit(self, inside: Tensor) -> Fit:
        """The best of several searches from well-sized starts: one alone may end in a shallower valley."""
        form, r, energy = FORMS[self.form.value], self._r[inside], self._energy[inside]
        depth, r_min = -self._energy.min().item(), self._r[self._energy.argmin()].item()
        starts = [
            {
                name: first * depth**p * (shrink * r_min) ** q
                for name, (_, (_, _, first), (p, q)) in form.sliders.items()
            }
            for shrink in (1.0, 0.8, 0.6)
        ]
        return fit_from_several(form.law, r, energy, starts)

    def _fit(self) -> None:
        self._new_sliders(self._best.parameters)
        self._move()

    def _reset(self) -> None:
        self._parameters.pop((self.dimer.value, self.form.value), None)
        self._windows.pop(self.dimer.value, None)
        self._change_dimer()

    def _melt_it(self) -> None:
        """Hand the law as it stands to whoever makes a panel of it, in place of the one made before."""
        assert self._melt is not None
        law, parameters = FORMS[self.form.value].law, self.parameters
        panel = self._melt(Fit(law, parameters, law(self._r, **parameters) - self._energy))
        self._close_molten()
        self.molten.children = [panel]
        self.say(f"Below stands what {self.form.value} makes of it, with the parameters of the sliders.")

    def _close_molten(self) -> None:
        for panel in self.molten.children:
            panel.retire()

    def retire(self) -> None:
        """Also the panel below stops and closes."""
        self._close_molten()
        super().retire()

    def _move(self) -> None:
        self._parameters[self.dimer.value, self.form.value] = self.parameters
        self._place_model()
        self.live.refresh()
        self._judge()

    def _new_sliders(self, values: Mapping[str, float]) -> None:
        """Put new sliders in place; a value beyond a slider's end widens the slider.

        New ones, because a browser that is told a new range and a new value together may clip the value to the old
        range and report it back. It also moves a value to the nearest step, so a slider begins whole steps below it.
        """
        labels = {name: label for name, (label, _, _) in FORMS[self.form.value].sliders.items()}
        self.sliders = []
        for k, (name, value) in enumerate(values.items(), start=1):
            value = value if abs(value) > 1e-9 * self._ends[name][1] else 0.0
            low, high = min(self._ends[name][0], value), max(self._ends[name][1], value)
            step = (high - low) / N_STEPS
            slider = ipywidgets.FloatSlider(
                min=value - step * math.floor((value - low) / step),
                max=high,
                step=step,
                value=value,
                description=labels[name],
                readout_format=".4g",
                layout={"width": "26em"},
                style={"description_width": "7em"},
            )
            slider.add_class(f"pair-fit-parameter-{k}")
            slider.observe(lambda _: self.guard(self._move)(), "value")
            self.sliders.append(slider)
        _exchange(self._left, self.sliders)

    def _new_window(self, value: tuple[float, float]) -> None:
        """Put a new slider of the window in place, for the same reason."""
        self.window = ipywidgets.FloatRangeSlider(
            min=math.floor(100 * self._r[0].item()) / 100,
            max=math.ceil(100 * self._r[-1].item()) / 100,
            step=0.01,
            value=value,
            description="fit from",
            readout_format=".2f",
            layout={"width": "26em"},
            style={"description_width": "5em"},
        )
        self.window.add_class("pair-fit-window")
        self.window.observe(lambda _: self.guard(self._change_window)(), "value")
        _exchange(self._right, [self.window, self._buttons])


def _exchange(box: ipywidgets.VBox, children: list) -> None:
    """Give a box other children and close those that are gone."""
    gone = [child for child in box.children if child not in children]
    box.children = children
    for child in gone:
        child.close()


def _area(x: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Corners (2 P, 2) of the area between a curve and zero."""
    return np.stack([np.append(x, x[::-1]), np.append(height, 0 * height)], axis=1)


def _say(energy: float) -> str:
    return f"{energy * 1000:.3g} meV" if energy < 0.9995 else f"{energy:.3g} eV"


def _checked(name: str, r: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
    """A curve in float64, ordered by distance, if it can be fitted."""
    r, energy = torch.as_tensor(r, dtype=torch.float64), torch.as_tensor(energy, dtype=torch.float64)
    if r.dim() != 1 or r.shape != energy.shape or len(r) < 4:
        raise ValueError(f"the curve {name} needs at least four distances and as many energies")
    if not bool((r.isfinite() & energy.isfinite()).all()):
        raise ValueError(f"the curve {name} holds NaN or infinity; drop those points")
    if not energy.min() < 0:
        raise ValueError(f"the curve {name} has no minimum below zero; subtract the energy of the separated atoms")
    order = torch.argsort(r)
    return r[order], energy[order]
