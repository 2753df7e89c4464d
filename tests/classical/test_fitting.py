"""Fits: known parameters come back, real curves are fitted as well as can be, bad input is refused in a sentence."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import mininnip as mn
from mininnip.classical.fitting import fit_from_several, fit_law
from mininnip.classical.pair import lennard_jones, mason_schamp, morse
from mininnip.data.curves import EnergyCurves

R = torch.linspace(3.3, 9, 40, dtype=torch.float64)
KNOWN = [
    (lennard_jones, {"epsilon": 0.0104, "sigma": 3.4}),
    (morse, {"depth": 4.7, "steepness": 1.9, "r_eq": 3.7}),
    (mason_schamp, {"depth": 0.1, "gamma": 0.3, "r_m": 3.9}),
]


@pytest.mark.parametrize(("law", "parameters"), KNOWN)
def test_parameters_that_made_a_curve_come_back(law, parameters):
    start = {name: 1.15 * value for name, value in parameters.items()}
    fit = fit_law(law, R, law(R, **parameters), start)
    assert fit.parameters == pytest.approx(parameters, rel=1e-8)
    assert fit.rmse < 1e-10
    torch.testing.assert_close(fit(R), law(R, **parameters))


def test_a_fit_to_a_real_curve_is_a_minimum_of_the_squared_residual():
    dimers = mn.load_data("dimers")
    assert isinstance(dimers, EnergyCurves)
    r, energy = dimers.curve("H2", "fci")
    energy = energy - energy[-1]
    fit = fit_law(morse, r, energy, {"depth": 4.0, "steepness": 2.0, "r_eq": 0.8})

    def squares(p):
        return float((morse(r, *map(float, p)) - energy).square().sum())

    other = minimize(squares, [4.5, 2.1, 0.75], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    np.testing.assert_allclose(list(fit.parameters.values()), other.x, rtol=1e-5)
    assert fit.rmse == pytest.approx(np.sqrt(squares(fit.parameters.values()) / len(r)))
    assert 0.02 < fit.rmse < 0.2  # a Morse curve is not the exact curve, and no fit makes it so


def test_points_without_weight_do_not_count():
    r, energy = R, lennard_jones(R, 0.01, 3.4)
    spoiled = torch.where(r > 8, energy + 1, energy)
    start = {"epsilon": 0.02, "sigma": 3.2}
    fit = fit_law(lennard_jones, r, spoiled, start, weight=(r <= 8).double())
    assert fit.parameters == pytest.approx({"epsilon": 0.01, "sigma": 3.4})
    assert fit_law(lennard_jones, r, spoiled, start).parameters["epsilon"] != pytest.approx(0.01)


def test_a_share_stays_between_0_and_1():
    steeper = morse(R, 0.0104, 2.0, 3.8)  # decays faster than any 12-6-4
    fit = fit_law(mason_schamp, R, steeper, {"depth": 0.01, "gamma": 0.5, "r_m": 3.8})
    assert fit.parameters["gamma"] == pytest.approx(1.0, abs=1e-6)


def test_a_law_of_the_student_is_fitted_too():
    fit = fit_law(lambda r, height, slope: height + slope * r, R, 2 - 3 * R, {"height": 1.0, "slope": 1.0})
    assert fit.parameters == pytest.approx({"height": 2.0, "slope": -3.0})


GOOD_START = {"epsilon": 0.01, "sigma": 3.4}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energy": torch.ones(3)}, "same shape"),
        ({"energy": torch.full_like(R, torch.nan)}, "must be finite"),
        ({"weight": -torch.ones_like(R)}, "no weight negative"),
        ({"r": R[:1], "energy": R[:1]}, "1 points cannot fix 2 parameters"),
        ({"start": {"epsilon": 0.01, "sigma": -1.0}}, "start of sigma"),
        ({"start": {"epsilon": 0.0, "sigma": 3.4}}, "start of epsilon"),
        ({"r": torch.zeros_like(R)}, "not finite at the start"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, words):
    arguments = {"r": R, "energy": lennard_jones(R, 0.01, 3.4), "start": GOOD_START} | change
    with pytest.raises(ValueError, match=words):
        fit_law(lennard_jones, **arguments)


def test_of_several_starts_the_best_fit_is_kept():
    def wave(r, k):
        return torch.cos(k * r)

    r, poor, good = torch.linspace(0, 6, 60, dtype=torch.float64), {"k": 7.0}, {"k": 3.2}
    energy = wave(r, 3.0)
    assert fit_law(wave, r, energy, poor).rmse > 0.1
    for starts in ([poor, good], [good, poor]):
        assert fit_from_several(wave, r, energy, starts).rmse < 1e-6
