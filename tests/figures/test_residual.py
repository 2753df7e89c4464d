"""ResidualFigure: what is drawn are the numbers it was given, and its axis changes seldom."""

import numpy as np
import pytest

from mininnip.figures.residual import ResidualFigure

R = np.linspace(1.0, 3.0, 9)
ENERGY = (R - 2.0) ** 2 - 1.0
INSIDE = (R > 1.2) & (R < 2.6)
BEST = 0.1 * np.sin(7 * R)


@pytest.fixture
def drawn():
    drawn = ResidualFigure("missed")
    drawn.show_window(R, ENERGY, BEST, INSIDE, np.abs(BEST) > 0.05, ((0.9, 1.3), (2.6, 3.1)))
    drawn.show_points(R, ENERGY, (0.9, 3.1), "eV", "X₂")
    return drawn


def test_the_window_its_left_over_and_the_rings(drawn):
    gray = [(span.get_x(), span.get_x() + span.get_width()) for span in drawn.outside]
    assert np.allclose(gray, [(0.9, 1.3), (2.6, 3.1)] * 2)
    x, height = drawn.left_over.get_paths()[0].vertices.T
    assert set(x) == set(R[INSIDE]) and set(height) == {0.0, *BEST[INSIDE]}
    assert set(drawn.rings.get_xdata()) == set(R[np.abs(BEST) > 0.05])
    assert np.array_equal(drawn._points.get_data(), (R, ENERGY))


def test_the_model_and_its_residual_clipped_to_the_axis(drawn):
    drawn.show_model((R, 2 * ENERGY), R, 10 * BEST, "RMSE 1 eV")
    assert np.array_equal(drawn._model.get_ydata(), 2 * ENERGY) and drawn._words.get_text() == "RMSE 1 eV"
    shown = np.clip(10 * BEST, -drawn.limit, drawn.limit)
    assert np.array_equal(drawn._dots.get_ydata(), shown)
    stems = np.asarray(drawn._stems.get_data()).reshape(2, 9, 3)
    assert np.array_equal(stems[0, :, 0], R) and np.array_equal(stems[1, :, 1], shown) and not stems[1, :, 0].any()


def test_the_axis_of_the_residual_changes_only_if_it_must(drawn):
    assert drawn.bottom.get_ylim() == pytest.approx((-drawn.limit, drawn.limit))
    limit = drawn.limit
    for factor, same in ((1.1, True), (0.5, True), (0.2, False), (10.0, False)):
        drawn.limit = limit
        drawn.show_window(R, ENERGY, factor * BEST, INSIDE, INSIDE, ((0.9, 1.3), (2.6, 3.1)))
        assert bool(drawn.limit == limit) is same
        assert np.abs(factor * BEST[INSIDE]).max() < drawn.limit
