"""PairFit: Fit reaches the best there is, what that misses is marked, choices are remembered, the law can be melted."""

import re
from typing import Any, cast

import pytest
import torch

import mininnip as mn
from mininnip.classical.forms import FORMS, Form
from mininnip.data.curves import EnergyCurves
from mininnip.figures.residual import UNREPAIRED
from mininnip.widgets import panel
from mininnip.widgets.pair_fit import PairFit, in_words
from mininnip.widgets.panel import Panel


@pytest.fixture(scope="module")
def curves():
    dimers, found = cast(EnergyCurves, mn.load_data("dimers")), {}
    for name, method in {"Ar2": "ccsd_t_dt_extrapolated", "N2": "nevpt2", "H2": "fci"}.items():
        r, energy = dimers.curve(name, method)
        found[name] = r, energy - energy[-1]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dimer", ["Ar2", "N2", "H2"])
def test_fit_reaches_the_best_and_a_step_off_it_is_told_from_it(curves, dimer, form):
    hero = PairFit(curves, dimer, form)
    assert hero.rmse > 1.05 * hero._best.rmse and re.search("(times|% above) the best", hero.status.value)
    hero.fit.click()
    assert hero.rmse == pytest.approx(hero._best.rmse, rel=1e-6)
    for slider in hero.sliders.children:
        assert f", the best this form can do ({in_words(hero._best.rmse)})" in hero.status.value
        best, still, moving = slider.value, hero.live.view.still, hero.live.view.moving
        slider.value = best - slider.step if best > slider.min else best + slider.step
        assert re.search("(times|% above) the best", hero.status.value)
        assert hero.live.view.still == still and hero.live.view.moving != moving
        slider.value = best


def test_what_no_parameter_repairs_is_marked_and_a_window_changes_the_best(curves):
    hero = PairFit(curves, "N2", "Lennard-Jones")
    missed = (hero._best(hero._curve.r) - hero._curve.energy).abs().numpy() > UNREPAIRED * hero._curve.depth
    assert set(hero.drawn.rings.get_xdata()) == set(hero._curve.r.numpy()[missed & hero._inside])
    assert f"{(missed & hero._inside).sum()} of {hero._inside.sum()} points" in hero.live.view.alt
    hero.form.value = "harmonic"
    hero.fit.click()
    assert hero.parameters["r_eq"] < 0.1 and "no bond length" in hero.status.value
    hero.window.value = (0.95, 1.3)
    hero.fit.click()
    assert hero.parameters["r_eq"] == pytest.approx(1.1, abs=0.05) and "no bond length" not in hero.status.value
    hero.window.value = (1.0, 1.01)
    assert "fewer than four points" in hero.status.value


def test_all_is_remembered_until_start_over_and_no_fit_is_made_twice(curves, monkeypatch):
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel, "_running_cell", lambda: "cell-1")
    hero = PairFit(curves, "Ar2", "Morse")
    first, (low, high), still = hero.parameters, hero.window.value, hero.live.view.still
    hero.fit.click()
    fitted = hero.parameters
    hero.form.value = "Lennard-Jones"
    assert hero.live.view.still != still and len(hero.sliders.children) == 2
    with monkeypatch.context() as patch:
        patch.delattr(Form, "fit")
        hero.form.value = "Morse"
        hero.window.value = (low - 0.01, high)  # holds the same points
        assert "did not work" not in hero.status.value
    again = PairFit(curves)
    assert again.parameters == pytest.approx(fitted) and again.window.value == (low - 0.01, high)
    again.reset.click()
    assert again.parameters == pytest.approx(first) and again.window.value == (low, high)
    assert hero.parameters == pytest.approx(fitted)  # gone, and silent


def test_the_law_of_the_sliders_is_handed_to_a_panel_below_and_names_are_checked(curves):
    given, below = [], []
    hero = PairFit(curves, "Ar2", "Morse", melt=lambda fit: given.append(fit) or PairFit(curves))
    r, energy = curves["Ar2"]
    for _ in range(2):
        hero.melt.click()
        assert dict(given[-1].parameters) == hero.parameters
        assert torch.equal(given[-1].residual, given[-1](r) - energy)
        below.extend(hero.molten.children)
    assert len(below) == 2 and below[0].comm is None and below[1].comm is not None
    hero.retire()
    assert below[1].comm is None
    changes: Any = ({"curves": {}}, {"dimer": "Xe2"}, {"form": "cubic"})
    for change in changes:
        with pytest.raises(ValueError, match="there is no curve"):
            PairFit(**({"curves": curves} | change))
