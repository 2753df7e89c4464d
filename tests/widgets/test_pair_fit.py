"""PairFit: the fit is the best there is, what the best fit misses is marked, and everything is remembered."""

import re

import ipywidgets
import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.classical.fitting import fit_law
from mininnip.classical.pair import lennard_jones
from mininnip.data.curves import EnergyCurves
from mininnip.widgets import panel as panel_module
from mininnip.widgets.pair_fit import FORMS, UNREPAIRED, PairFit, _say
from mininnip.widgets.panel import Panel


@pytest.fixture(scope="module")
def curves():
    dimers = mn.load_data("dimers")
    assert isinstance(dimers, EnergyCurves)
    curves = {"Ar₂": dimers.curve("Ar2", "ccsd_t_dt_extrapolated")}
    for name, molecule, method in (("N₂", "N2", "nevpt2"), ("H₂", "H2", "fci")):
        r, energy = dimers.curve(molecule, method)
        curves[name] = r, energy - energy[-1]
    return curves


@pytest.fixture
def in_cell(monkeypatch):
    """Pretend that a cell of a notebook runs."""
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dimer", ["Ar₂", "N₂", "H₂"])
def test_fit_reaches_the_best_and_no_slider_comes_below_it(curves, dimer, form):
    widget = PairFit(curves, dimer, form)
    assert widget.rmse > 1.05 * widget._best.rmse  # there is something to do at first
    widget.fit.click()
    assert widget.rmse == pytest.approx(widget._best.rmse, rel=1e-6)
    for slider in widget.sliders[: len(FORMS[form].sliders)]:
        fitted = slider.value
        for value in np.linspace(slider.min, slider.max, 5):
            slider.value = value
            assert widget.rmse >= (1 - 1e-6) * widget._best.rmse
        slider.value = fitted


@pytest.mark.parametrize("form", FORMS)
def test_fitted_values_lie_on_a_step_of_their_slider_where_the_browser_leaves_them(curves, form):
    widget = PairFit(curves, "H₂", form)
    for _ in range(2):
        widget.fit.click()
        for slider in widget.sliders[: len(FORMS[form].sliders)]:
            steps = (slider.value - slider.min) / slider.step
            assert steps == pytest.approx(round(steps), abs=1e-6)
            slider.value = slider.min + round(steps) * slider.step  # what the browser sends back
    assert widget.rmse == pytest.approx(widget._best.rmse, rel=1e-6)


def test_the_best_fit_is_that_of_the_window(curves):
    widget = PairFit(curves, "Ar₂")
    r, energy = curves["Ar₂"]
    widget.window.value = (3.6, 6.0)
    inside = (r >= 3.6) & (r <= 6.0)
    expected = fit_law(lennard_jones, r[inside], energy[inside], {"epsilon": 0.01, "sigma": 3.4})
    widget.fit.click()
    assert widget.parameters == pytest.approx(expected.parameters, rel=1e-5)
    assert widget.rmse == pytest.approx(expected.rmse, rel=1e-5)


def test_what_no_parameter_repairs_is_marked(curves):
    widget = PairFit(curves, "N₂", "Lennard-Jones")
    r, energy = curves["N₂"]
    missed = (np.abs(widget._best_residual) > UNREPAIRED * -energy.min().item()) & widget._inside
    assert set(widget._rings.get_xdata()) == set(r.numpy()[missed]) and missed.sum() > 15
    assert f"{missed.sum()} of {widget._inside.sum()} points" in widget.live.view.alt
    widget.dimer.value, widget.form.value = "Ar₂", "Buckingham"
    assert len(widget._rings.get_xdata()) == 0  # within 2 % everywhere


def test_the_pale_area_is_the_residual_of_the_best_fit(curves):
    widget = PairFit(curves, "H₂", "Morse")
    widget.window.value = (0.6, 3.0)
    x, height = widget._left_over.get_paths()[0].vertices.T
    inside = widget._inside
    assert set(x) == set(curves["H₂"][0].numpy()[inside])
    residual = widget._best_residual[inside]
    assert height.max() == pytest.approx(residual.max()) and height.min() == pytest.approx(residual.min())


def test_the_same_points_are_fitted_once(curves, monkeypatch):
    widget = PairFit(curves, "Ar₂", "Morse")
    fits = []
    monkeypatch.setattr(widget, "_best_fit", lambda inside: fits.append(inside) or fit_it(inside))
    fit_it = PairFit._best_fit.__get__(widget)
    low, high = widget.window.value
    first = widget._best
    widget.window.value = (low - 0.01, high)  # on the way to the next point
    widget.window.value = (low, high)
    assert len(fits) == 0 and widget._best is first
    widget.window.value = (2.8, high)
    assert len(fits) == 1 and widget._best is not first
    widget.window.value = (low, high)
    assert len(fits) == 1 and widget._best is first


def test_the_window_moves_the_gray_and_draws_the_axes_anew_only_if_they_change(curves):
    widget = PairFit(curves, "Ar₂", "Buckingham")
    low, high = widget.window.value
    gray = [(span.get_x(), span.get_x() + span.get_width()) for span in widget._outside]
    assert [pair[1] for pair in gray[::2]] == [low, low] and [pair[0] for pair in gray[1::2]] == [high, high]
    still, moving, limit = widget.live.view.still, widget.live.view.moving, widget._limit
    widget.window.value = (low - 0.01, high)  # holds the same points
    assert widget._outside[0].get_x() + widget._outside[0].get_width() == pytest.approx(low - 0.01)
    assert widget.live.view.still == still and widget.live.view.moving != moving
    widget.window.value = (2.8, high)  # the wall cannot be fitted as well: the axis below must grow
    assert widget._limit > limit and widget.live.view.still != still
    assert widget.bottom.get_ylim()[1] == widget._limit > np.abs(1000 * widget._best_residual[widget._inside]).max()


def test_a_slider_moves_only_the_moving_layer_and_says_the_rmse(curves):
    widget = PairFit(curves, "H₂", "Morse")
    widget.fit.click()
    still, moving = widget.live.view.still, widget.live.view.moving
    r, energy = curves["H₂"]
    widget.sliders[0].value = 4.5
    assert widget.live.view.still == still and widget.live.view.moving != moving
    residual = FORMS["Morse"].law(r, **widget.parameters) - energy
    rmse = residual[torch.from_numpy(widget._inside)].square().mean().sqrt().item()
    assert widget.rmse == pytest.approx(rmse)
    assert f"{1000 * rmse:.3g} meV" in widget.status.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dimer", ["H₂", "N₂", "Ar₂"])
def test_one_step_off_the_best_fit_is_told_from_it(curves, dimer, form):
    widget = PairFit(curves, dimer, form)
    short_of_best = re.compile("(times|% above) the best")
    assert short_of_best.search(widget.status.value)
    widget.fit.click()
    assert f", the best this form can do ({_say(widget._best.rmse)})" in widget.status.value
    for slider in widget.sliders:
        best = slider.value
        slider.value = best - slider.step if best > slider.min else best + slider.step
        assert short_of_best.search(widget.status.value)
        slider.value = best
        assert ", the best" in widget.status.value


def test_parameters_are_remembered_for_every_dimer_and_form_until_start_over(curves):
    widget = PairFit(curves, "Ar₂", "Morse")
    first = widget.parameters
    widget.fit.click()
    fitted = widget.parameters
    widget.form.value = "Lennard-Jones"
    widget.dimer.value = "H₂"
    widget.dimer.value, widget.form.value = "Ar₂", "Morse"
    assert widget.parameters == pytest.approx(fitted)
    widget.reset.click()
    assert widget.parameters == pytest.approx(first)


def test_running_the_cell_again_keeps_everything_and_one_observer(curves, in_cell):
    first = PairFit(curves)
    first.dimer.value, first.form.value = "N₂", "Morse"
    first.window.value = (0.95, 3.5)
    first.fit.click()
    again = PairFit(curves)
    assert (again.dimer.value, again.form.value) == ("N₂", "Morse")
    assert again.window.value == pytest.approx((0.95, 3.5))
    assert again.parameters == pytest.approx(first.parameters) and again.rmse == pytest.approx(again._best.rmse)
    picture = first.live.view.moving
    again.sliders[0].value *= 0.9
    assert first.live.view.moving == picture and first.comm is None


def test_sliders_are_named_for_the_form_and_old_ones_are_closed(curves):
    widget = PairFit(curves, "Ar₂", "Lennard-Jones")
    old = widget.sliders
    assert [slider.description for slider in old] == ["ε (eV)", "σ (Å)"]
    widget.form.value = "Mason–Schamp"
    assert [slider.description for slider in widget.sliders] == ["V₀ (eV)", "γ", "r_m (Å)"]
    assert all(slider.comm is None for slider in old)  # closed in the browser as well
    assert all(isinstance(slider, ipywidgets.FloatSlider) for slider in widget.sliders)


def test_a_best_spring_without_a_bond_length_is_explained_and_a_narrow_window_repairs_it(curves):
    widget = PairFit(curves, "N₂", "harmonic")
    assert "no bond length" not in widget.status.value  # first values, not the best
    widget.fit.click()
    assert widget.parameters["r_eq"] < 0.1 and "no bond length" in widget.status.value
    widget.window.value = (0.95, 1.3)
    widget.fit.click()
    assert widget.parameters["r_eq"] == pytest.approx(1.1, abs=0.05) and "no bond length" not in widget.status.value


def test_a_window_of_too_few_points_is_said(curves):
    widget = PairFit(curves, "Ar₂")
    widget.window.value = (3.0, 3.2)
    assert "fewer than four points" in widget.status.value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"curves": {}}, "no curve"),
        ({"dimer": "Xe₂"}, "'Xe₂'"),
        ({"form": "cubic"}, "'cubic'"),
        ({"curves": {"A": ([1.0, 2.0], [0.0, -1.0])}}, "at least four distances"),
        ({"curves": {"A": ([1.0, 2, 3, 4], [1.0, 2, 3, 4])}}, "no minimum below zero"),
        ({"curves": {"A": ([1.0, 2, 3, 4], [1.0, -2, 3, float("nan")])}}, "NaN or infinity"),
    ],
)
def test_what_cannot_be_shown_is_refused(curves, change, words):
    with pytest.raises(ValueError, match=words):
        PairFit(**({"curves": curves} | change))


def test_one_button_hands_the_law_of_the_sliders_to_another_panel(curves):
    given = []

    def melt(fit):
        given.append(fit)
        return PairFit(curves)

    widget = PairFit(curves, "Ar₂", "Morse", melt=melt)
    widget.fit.click()
    widget.melt.click()
    (fit,) = given
    assert dict(fit.parameters) == widget.parameters
    r, energy = curves["Ar₂"]
    assert torch.equal(fit(r), mn.classical.morse(r, **fit.parameters))
    assert torch.equal(fit.residual, fit(r) - energy)
    (first,) = widget.molten.children
    widget.melt.click()
    assert first.comm is None
    (second,) = widget.molten.children
    widget.retire()
    assert second.comm is None
    assert not hasattr(PairFit(curves), "melt")


@pytest.mark.benchmark(group="widget tick")
def test_tick(benchmark, curves):
    """A slider tick must cost the kernel at most 25 ms."""
    widget = PairFit(curves)
    values = iter(np.linspace(0.005, 0.02, 100_000))

    def tick():
        widget.sliders[0].value = next(values)

    benchmark(tick)
