"""Forms of a dimer: their ranges hold the best fit, which is the best from any start; bad curves are refused."""

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.classical.fitting import fit_law
from mininnip.classical.forms import FORMS, Curve
from mininnip.data.curves import EnergyCurves

R = torch.linspace(0.8, 4.0, 60, dtype=torch.float64)


METHODS = {"Ar2": "ccsd_t_dt_extrapolated", "N2": "nevpt2", "H2": "fci"}


def dimers():
    data = mn.load_data("dimers")
    assert isinstance(data, EnergyCurves)
    for name, method in METHODS.items():
        r, energy = data.curve(name, method)
        yield Curve.checked(name, r, energy - energy[-1])


def test_a_curve_is_ordered_and_knows_its_well():
    curve = Curve.checked("X₂", R.flip(0), mn.classical.morse(R, 4.0, 2.0, 1.2).flip(0))
    assert torch.equal(curve.r, R) and curve.depth == pytest.approx(4.0, rel=2e-3)
    assert curve.r_min == pytest.approx(1.2, abs=0.03)


def test_ranges_are_in_units_of_the_well():
    curve = Curve.checked("X₂", R, mn.classical.lennard_jones(R, 3.0, 1.0))
    parameters = FORMS["Lennard-Jones"].parameters
    assert parameters["epsilon"].of(curve) == pytest.approx((0, 2 * curve.depth, 0.7 * curve.depth))
    sigma = 0.45 * curve.r_min, 1.2 * curve.r_min, 0.95 * curve.r_min
    assert parameters["sigma"].of(curve) == pytest.approx(sigma)
    assert parameters["sigma"].of(curve, shrink=0.5) == pytest.approx(0.5 * np.array(sigma))
    stiffness = FORMS["harmonic"].parameters["stiffness"].of(curve)
    assert stiffness == pytest.approx((0, 60 * curve.depth / curve.r_min**2, 15 * curve.depth / curve.r_min**2))


@pytest.mark.parametrize("form", FORMS)
def test_the_best_fit_is_found_from_any_start(form):
    for curve in dimers():
        inside = curve.energy <= curve.depth
        best, rng = FORMS[form].fit(curve, inside), np.random.default_rng(0)
        assert len(best.residual) == int(inside.sum())
        for _ in range(4):
            start = {}
            for name, parameter in FORMS[form].parameters.items():
                low, high, first = parameter.of(curve)
                start[name] = rng.uniform(0.5 * (low + first), 0.5 * (first + high))
            other = fit_law(FORMS[form].law, curve.r[inside], curve.energy[inside], start)
            assert best.rmse <= (1 + 1e-6) * other.rmse


def test_a_form_finds_the_law_it_is():
    curve = Curve.checked("X₂", R, mn.classical.morse(R, 4.0, 2.0, 1.2))
    fit = FORMS["Morse"].fit(curve, curve.r > 1.0)
    assert dict(fit.parameters) == pytest.approx({"depth": 4.0, "steepness": 2.0, "r_eq": 1.2}, rel=1e-5)


def test_the_two_forms_of_its_own():
    r = R[:3]
    spring = FORMS["harmonic"].law(r, 2.0, 5.0, 1.0)
    assert torch.allclose(spring, mn.classical.harmonic(r, 5.0, 1.0) - 2.0)
    buckingham = FORMS["Buckingham"].law(r, 3.0, 2.0, 1.0)
    assert torch.allclose(buckingham, mn.classical.buckingham_coulomb(r, 1000.0, 2.0, 1.0, 0.0))


@pytest.mark.parametrize(
    ("r", "energy", "words"),
    [
        ([1.0, 2.0], [0.0, -1.0], "at least four distances"),
        ([1.0, 2, 3, 4], [0.0, -1.0, 0, 0, 0], "as many energies"),
        ([1.0, 2, 3, 4], [1.0, 2, 3, 4], "no minimum below zero"),
        ([1.0, 2, 3, 4], [1.0, -2, 3, float("nan")], "NaN or infinity"),
    ],
)
def test_what_cannot_be_fitted_is_refused(r, energy, words):
    with pytest.raises(ValueError, match=f"the curve A .*{words}"):
        Curve.checked("A", r, energy)
