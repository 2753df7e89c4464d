"""ResidualFigure: what is drawn are the curve and the laws it was given, and its axis changes seldom."""

import numpy as np
import pytest
import torch

from mininnip.classical.forms import Curve
from mininnip.figures.residual import UNREPAIRED, ResidualFigure, verdict

R = torch.linspace(1.0, 3.0, 9, dtype=torch.float64)
INSIDE = ((R > 1.2) & (R < 2.6)).numpy()
WINDOW = (1.3, 2.5)


def well(r, depth=1.0):
    return depth * ((r - 2.0) ** 2 - 1.0)


def off(factor):
    return lambda r: well(r) + 0.1 * factor * torch.sin(7 * r)


@pytest.fixture
def drawn():
    drawn = ResidualFigure()
    drawn.take(Curve(R, well(R)))
    drawn.show_best(off(1), INSIDE, WINDOW)
    drawn.show_points("X₂")
    return drawn


def test_the_window_its_left_over_and_the_rings(drawn):
    gray = [(span.get_x(), span.get_x() + span.get_width()) for span in drawn.outside]
    assert np.allclose(gray, [(0.85, 1.3), (2.5, 3.06)] * 2)
    left = (off(1)(R) - well(R)).numpy()
    x, height = drawn.left_over.get_paths()[0].vertices.T
    assert set(x) == set(R.numpy()[INSIDE]) and set(height) == {0.0, *left[INSIDE]}
    missed = INSIDE & (np.abs(left) > UNREPAIRED)
    assert 0 < missed.sum() < INSIDE.sum() and (drawn.missed == missed).all()
    assert np.array_equal(drawn.rings.get_data(), (R[missed], well(R)[missed]))
    assert np.array_equal(drawn._points.get_data(), (R, well(R)))


def test_the_model_and_its_residual_clipped_to_the_axis(drawn):
    drawn.show_model(off(5), 1.5, 0.0123)
    x, energy = drawn._model.get_data()
    assert (
        np.allclose(energy, off(5)(torch.tensor(x)))
        and drawn._words.get_text() == "RMSE 1.5 eV\nbest possible 12.3 meV"
    )
    residual = (off(5)(R) - well(R)).numpy()
    shown = np.clip(residual, -drawn.limit, drawn.limit)
    assert (shown != residual).any() and np.array_equal(drawn._dots.get_ydata(), shown)
    stems = np.asarray(drawn._stems.get_data()).reshape(2, 9, 3)
    assert np.array_equal(stems[0, :, 0], R) and np.array_equal(stems[1, :, 1], shown) and not stems[1, :, 0].any()


def test_shallow_wells_are_drawn_in_milli_electronvolts(drawn):
    drawn.take(Curve(R, well(R, 0.01)))
    drawn.show_best(lambda r: well(r, 0.0105), INSIDE, WINDOW)
    drawn.show_points("X₂")
    assert drawn.top.get_ylabel() == "energy (meV)" and np.allclose(drawn.top.get_ylim(), (-13, 11))
    assert np.abs(drawn.left_over.get_paths()[0].vertices[:, 1]).max() == pytest.approx(0.5)


def test_the_axis_of_the_residual_changes_only_if_it_must(drawn):
    assert drawn.bottom.get_ylim() == pytest.approx((-drawn.limit, drawn.limit))
    limit = drawn.limit
    for factor, same in ((1.1, True), (0.5, True), (0.2, False), (10.0, False)):
        drawn.limit = limit
        drawn.show_best(off(factor), INSIDE, WINDOW)
        assert bool(drawn.limit == limit) is same
        assert (off(factor)(R) - well(R)).abs().numpy()[INSIDE].max() < drawn.limit


def test_the_picture_in_words(drawn):
    said = drawn.in_words("X₂ and the Morse law", 0.02)
    assert f"from 1.30 to 2.50 Å leaves an RMSE of 20 meV; the best fit is off by more than {UNREPAIRED:.0%}" in said
    assert said.startswith("X₂ and the Morse law.") and f"at {drawn.missed.sum()} of {INSIDE.sum()} points." in said


@pytest.mark.parametrize(
    ("rmse", "said"),
    [(0.02, ", the best this form can do (20 meV)."), (0.0203, ", 1.5 % above the best"), (0.06, ", 3 times the best")],
)
def test_the_verdict_tells_a_model_from_the_best(rmse, said):
    words = verdict(rmse, 0.02, {"r_eq": 1.1}, 0.8)
    assert said in words and f"<b>{rmse * 1000:.3g} meV</b>" in words and "no bond length" not in words
    assert ("no bond length" in verdict(rmse, 0.02, {"r_eq": 0.1}, 0.8)) == (rmse == 0.02)
