"""Hero of lesson 02: fit a pair law to ab initio energies, by hand or by least squares; see what no parameter repairs.

Above stands the curve, below the residual, model minus reference. What the best fit leaves is drawn in pale red: moving
a slider can only add to it. The physics is in `mininnip.classical`, the drawing in `mininnip.figures.residual`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from torch import Tensor

from mininnip.classical.fitting import Fit
from mininnip.classical.forms import FORMS, Curve
from mininnip.figures.residual import MISSED, ResidualFigure
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.parameters import Sliders, exchange
from mininnip.widgets.stage import WRAP

SAME = 1e-6  # an RMSE that exceeds the smallest by less than this share equals it
NO_SPRING = (
    " Its r_eq = {:.2f} Å is no bond length: over so wide a window the flat tail has more points than the well, and "
    "the least bad parabola only rises. Narrow the window to the well."
)


class PairFit(Panel):
    """Sliders of a pair law over ab initio points, and a button that fits.

    Args:
        curves: by name: distances (P,) in Å and energies (P,) in eV, zero for separated atoms and below zero somewhere.
        dimer: the name shown first; default the first.
        form: the law shown first, a key of `classical.forms.FORMS`.
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
        self.curves = {name: Curve.checked(name, *curve) for name, curve in curves.items()}
        dimer = next(iter(self.curves), None) if dimer is None else dimer
        if dimer not in self.curves or form not in FORMS:
            known = f"{', '.join(self.curves) or 'no curves'}; {', '.join(FORMS)}"
            raise ValueError(f"there is no curve {dimer!r} or no form {form!r}; there are {known}")
        super().__init__("pair-fit")
        self._parameters = self.memory.setdefault("parameters", {})  # by (dimer, form)
        self._windows = self.memory.setdefault("windows", {})  # by dimer
        self._fits: dict[tuple, Fit] = {}  # by (dimer, form, which points the window holds)
        self.drawn = ResidualFigure()
        self.live = LiveFigure(self.drawn.figure, self.drawn.moving)
        self._drawn_for: tuple = ()  # dimer, form and end of the residual's axis
        self.dimer = self.choice("dimer", list(self.curves), self._change_dimer, dimer)
        self.form = self.choice("form", list(FORMS), self._change_form, form)
        self.sliders, self._right, self.molten = Sliders(self, self._move), ipywidgets.VBox(), ipywidgets.VBox()
        self.fit = self.button("fit", "Fit", self._fit, icon="bullseye", button_style="primary")
        self.reset = self.button("reset", "Start over", self._reset, icon="undo")
        self._buttons = ipywidgets.HBox([self.fit, self.reset])
        if melt is not None:
            self.melt = self.button("melt", "Melt it", lambda: self._melt_it(melt), icon="fire")
            self._buttons.children = [self.fit, self.reset, self.melt]
        choices = ipywidgets.HBox([self.dimer, self.form], layout=WRAP)
        self.show_all([choices, self.live.view, ipywidgets.HBox([self.sliders, self._right])])
        self.children = [*self.children, self.molten]  # below the line that speaks
        self._change_dimer()

    @property
    def parameters(self) -> dict[str, float]:
        """Name to value, as the sliders stand."""
        return dict(zip(FORMS[self.form.value].parameters, self.sliders.values, strict=True))

    @property
    def model(self) -> Fit:
        """The law with these parameters."""
        law, parameters = FORMS[self.form.value].law, self.parameters
        return Fit(law, parameters, law(self._curve.r, **parameters) - self._curve.energy)

    # --- what is chosen -----------------------------------------------------------------------------------------------

    def _change_dimer(self) -> None:
        self._curve = curve = self.curves[self.dimer.value]
        r = curve.r
        first = r[curve.energy <= curve.depth][0].item()  # the wall above +D is left out at first
        ends: Any = {"min": math.floor(100 * r[0].item()) / 100, "max": math.ceil(100 * r[-1].item()) / 100}
        value = self._windows.get(self.dimer.value, (first, r[-1].item()))
        look: Any = {"layout": {"width": "26em"}, "style": {"description_width": "5em"}, "readout_format": ".2f"}
        self.window = ipywidgets.FloatRangeSlider(value=value, step=0.01, description="fit from", **ends, **look)
        self.window.add_class("pair-fit-window")
        self.window.observe(lambda _: self.guard(self._change_window)(), "value")
        exchange(self._right, [self.window, self._buttons])
        self._change_form()

    def _change_form(self) -> None:
        parameters = FORMS[self.form.value].parameters.items()
        first = {name: parameter.of(self._curve)[2] for name, parameter in parameters}
        self._new_sliders(first | self._parameters.get((self.dimer.value, self.form.value), {}))
        self.drawn.take(self._curve)
        self._change_window()

    def _new_sliders(self, values: Mapping[str, float]) -> None:
        parameters = FORMS[self.form.value].parameters
        ranges = {name: (parameter.label, *parameter.of(self._curve)[:2]) for name, parameter in parameters.items()}
        self.sliders.show([(*ends, values[name]) for name, ends in ranges.items()])

    def _change_window(self) -> None:
        (low, high), r = self.window.value, self._curve.r
        inside = (r >= low - 1e-9) & (r <= high + 1e-9)
        if inside.sum() < 4:
            self.say("This window holds fewer than four points; widen it.")
            return
        self._windows[self.dimer.value] = self.window.value
        self._inside, chosen = inside.numpy(), (self.dimer.value, self.form.value)
        points = *chosen, self._inside.tobytes()
        if points not in self._fits:
            self._fits[points] = FORMS[self.form.value].fit(self._curve, inside)
        self._best = self._fits[points]
        self.drawn.show_best(self._best, self._inside, self.window.value)
        self.live.view.alt = (
            f"{chosen[0]} and the {chosen[1]} law. The best fit from {low:.2f} to {high:.2f} Å leaves an RMSE of "
            f"{in_words(self._best.rmse)}; {MISSED} at {self.drawn.missed.sum()} of {self._inside.sum()} points."
        )
        self._draw_model()
        if (*chosen, self.drawn.limit) != self._drawn_for:
            self._drawn_for = *chosen, self.drawn.limit
            self.drawn.show_points(", ".join(chosen))
            self.live.redraw()
        self.live.refresh()
        self._judge()

    # --- what is drawn and said ---------------------------------------------------------------------------------------

    def _draw_model(self) -> None:
        """Move the artists that follow the sliders."""
        model = self.model
        self.rmse = float(model.residual[self._inside].square().mean().sqrt())
        self.drawn.show_model(model, f"RMSE {in_words(self.rmse)}\nbest possible {in_words(self._best.rmse)}")

    def _judge(self) -> None:
        """Say how good the model is; after the picture, which must not wait for it."""
        excess, spring = self.rmse / max(self._best.rmse, 1e-12) - 1, ""
        best = f"the best this form can do ({in_words(self._best.rmse)})"
        if excess >= 1:
            best = f"{excess + 1:.3g} times {best}"
        elif excess >= SAME:
            best = f"{100 * excess:.3g} % above {best}"
        elif self.form.value == "harmonic" and self.parameters["r_eq"] <= self._curve.r[0].item():
            spring = NO_SPRING.format(self.parameters["r_eq"])
        self.say(f"RMSE in the window: <b>{in_words(self.rmse)}</b>, {best}.{spring}")

    # --- what happens -------------------------------------------------------------------------------------------------

    def _move(self) -> None:
        self._parameters[self.dimer.value, self.form.value] = self.parameters
        self._draw_model()
        self.live.refresh()
        self._judge()

    def _fit(self) -> None:
        self._new_sliders(self._best.parameters)
        self._move()

    def _reset(self) -> None:
        self._parameters.pop((self.dimer.value, self.form.value), None)
        self._windows.pop(self.dimer.value, None)
        self._change_dimer()

    def _melt_it(self, melt: Callable[[Fit], Panel]) -> None:
        """Hand the law as it stands to whoever makes a panel of it, in place of the one made before."""
        panel = melt(self.model)
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


def in_words(energy: float) -> str:
    """An energy in meV or eV."""
    return f"{energy * 1000:.3g} meV" if energy < 0.9995 else f"{energy:.3g} eV"
