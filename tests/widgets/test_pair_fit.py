"""PairFit: Fit reaches the best there is, a window changes it, choices are remembered, the law can be melted."""

from typing import Any

import pytest
import torch

import mininnip as mn
from mininnip.classical.forms import FORMS
from mininnip.figures.residual import verdict
from mininnip.widgets.pair_fit import PairFit


@pytest.fixture(scope="module")
def curves():
    dimers: Any = mn.load_data("dimers")
    r, energy = dimers.curve("N2", "nevpt2")
    return {"Ar2": dimers.curve("Ar2", "ccsd_t_dt_extrapolated"), "N2": (r, energy - energy[-1])}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dimer", ["Ar2", "N2"])
def test_fit_reaches_the_best_and_a_step_off_it_is_told_from_it(curves, dimer, form):
    hero = PairFit(curves, dimer, form)
    assert hero.rmse > 1.05 * hero._best.rmse
    hero.fit.click()
    assert hero.rmse == pytest.approx(hero._best.rmse, rel=1e-6)
    for slider in hero.sliders.children:
        best, said, view = slider.value, hero.status.value, (hero.live.view.still, hero.live.view.moving)
        assert verdict(hero.rmse, hero._best.rmse, hero.parameters, hero._curve.r[0].item()) in said
        slider.value = best - slider.step if best > slider.min else best + slider.step
        assert hero.live.view.still == view[0] and hero.live.view.moving != view[1] and hero.status.value != said
        slider.value = best


def test_choices_are_remembered_until_start_over_and_no_fit_is_made_twice(curves):
    hero = PairFit(curves, "N2", "harmonic")
    first, (low, high) = hero.parameters, hero.window.value
    hero.window.value = (low - 0.01, high)  # holds the same points
    assert len(hero._fits) == 1 and "did not work" not in hero.status.value
    hero.window.value = (0.95, 1.3)
    hero.fit.click()
    assert "from 0.95 to 1.30 Å" in hero.live.view.alt and hero.drawn.missed.any()
    hero.window.value = (1.0, 1.01)
    assert "fewer than four points" in hero.status.value
    hero.dimer.value, hero.dimer.value = "Ar2", "N2"
    assert hero.window.value == (0.95, 1.3) and hero.parameters["r_eq"] == pytest.approx(1.1, abs=0.05)
    hero.reset.click()
    assert hero.parameters == pytest.approx(first) and hero.window.value == (low, high)


def test_the_law_of_the_sliders_is_handed_to_a_panel_below_and_names_are_checked(curves):
    given, (r, energy) = [], curves["Ar2"]
    hero = PairFit(curves, "Ar2", "Morse", melt=lambda fit: given.append(fit) or PairFit(curves))
    hero.melt.click()
    assert dict(given[0].parameters) == hero.parameters and torch.equal(given[0].residual, given[0](r) - energy)
    assert isinstance(hero.below.children[0], PairFit) and "Below stands" in hero.status.value
    for wrong in ({}, None, "Lennard-Jones"), (curves, "Xe2", "Lennard-Jones"), (curves, "Ar2", "cubic"):
        with pytest.raises(ValueError, match="there is no curve"):
            PairFit(*wrong)
