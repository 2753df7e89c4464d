"""Hero of lesson 02: fit a pair law to ab initio energies, by hand or by least squares; see what no parameter repairs.

Above stands the curve, below the residual, model minus reference. What the best fit leaves is drawn in pale red: moving
a slider can only add to it. The physics is in `mininnip.classical`, the drawing in `mininnip.figures.residual`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets
from torch import Tensor

from mininnip.classical.fitting import Fit
from mininnip.classical.forms import FORMS, Curve
from mininnip.figures.residual import ResidualFigure, verdict
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel
from mininnip.widgets.parameters import Sliders, Window
from mininnip.widgets.stage import WRAP


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
        self.sliders = Sliders(self, self._move)
        self.window = Window(self, "fit from", 0.01, self._change_window)
        self.fit = self.button("fit", "Fit", self._fit, icon="bullseye", button_style="primary")
        self.reset = self.button("reset", "Start over", self._reset, icon="undo")
        buttons = [self.fit, self.reset]
        if melt is not None:
            self.melt = self.button("melt", "Melt it", lambda: self._melt(melt), icon="fire")
            buttons.append(self.melt)
        right = ipywidgets.VBox([self.window, ipywidgets.HBox(buttons)])
        choices = ipywidgets.HBox([self.dimer, self.form], layout=WRAP)
        self.show_all([choices, self.live.view, ipywidgets.HBox([self.sliders, right])])
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
        window = self._windows.get(self.dimer.value, curve.without_wall)
        self.window.show(curve.r[0].item(), curve.r[-1].item(), window)
        self._change_form()

    def _change_form(self) -> None:
        first = FORMS[self.form.value].first(self._curve)
        self._new_sliders(first | self._parameters.get((self.dimer.value, self.form.value), {}))
        self.drawn.take(self._curve)
        self._change_window()

    def _new_sliders(self, values: Mapping[str, float]) -> None:
        parameters = FORMS[self.form.value].parameters.items()
        self.sliders.show([(p.label, *p.of(self._curve)[:2], values[name]) for name, p in parameters])

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
        self.live.view.alt = self.drawn.in_words(f"{' and the '.join(chosen)} law", self._best.rmse)
        self._draw_model()
        if (*chosen, self.drawn.limit) != self._drawn_for:
            self._drawn_for = *chosen, self.drawn.limit
            self.drawn.show_points(", ".join(chosen))
            self.live.redraw()
        self._show()

    # --- what is drawn and said ---------------------------------------------------------------------------------------

    def _draw_model(self) -> None:
        """Move the artists that follow the sliders."""
        model = self.model
        self.rmse = float(model.residual[self._inside].square().mean().sqrt())
        self.drawn.show_model(model, self.rmse, self._best.rmse)

    def _show(self) -> None:
        self.live.refresh()  # the picture must not wait for the words
        self.say(verdict(self.rmse, self._best.rmse, self.parameters, self._curve.r[0].item()))

    # --- what happens -------------------------------------------------------------------------------------------------

    def _move(self) -> None:
        self._parameters[self.dimer.value, self.form.value] = self.parameters
        self._draw_model()
        self._show()

    def _fit(self) -> None:
        self._new_sliders(self._best.parameters)
        self._move()

    def _reset(self) -> None:
        self._parameters.pop((self.dimer.value, self.form.value), None)
        self._windows.pop(self.dimer.value, None)
        self._change_dimer()

    def _melt(self, melt: Callable[[Fit], Panel]) -> None:
        self.put_below(melt(self.model))
        self.say(f"Below stands what {self.form.value} makes of it, with the parameters of the sliders.")
