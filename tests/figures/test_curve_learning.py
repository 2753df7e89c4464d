"""CurveLearning: everything is drawn where it was placed, and a loss that turns up stays in its axes."""

import numpy as np
import pytest

from mininnip.figures.curve_learning import CurveLearning


@pytest.fixture
def drawn():
    return CurveLearning((-5, 5), (-3, 3), (-2, 2), steps=(1, 1000))


def test_points_curve_and_shares_are_where_they_were_placed(drawn):
    x = np.linspace(-5, 5, 11)
    shares = np.stack([x, -(x**2)], axis=1)
    drawn.place_points(np.array([[0.0, 1.0], [1.0, 2.0]]), np.array([[4.0, 0.5]]), np.zeros((0, 2)))
    drawn.place_network(x, shares.sum(axis=1), shares)
    by_label = {line.get_label(): line.get_xydata().tolist() for line in drawn.curve.lines}
    assert by_label["training"] == [[0, 1], [1, 2]] and by_label["yours"] == [[4, 0.5]] and by_label["validation"] == []
    np.testing.assert_allclose(by_label["network"], np.stack([x, x - x**2], axis=1))
    (parts,) = (part for part in drawn.neurons.collections if part in drawn.moving)
    np.testing.assert_allclose([part[:, 1] for part in parts.get_segments()], shares.T)
    assert {*drawn.curve.lines, *drawn.loss.lines, parts} < set(drawn.moving)


def test_losses_use_as_many_decades_as_they_need(drawn):
    assert not drawn.place_losses(0, []) or drawn.loss.get_ylim() == (0.01, 1)
    assert drawn.place_losses(100, [(10, 0.5, 0.6), (100, 0.09, 30.0)])
    assert drawn.loss.get_ylim() == (0.01, 100)
    assert not drawn.place_losses(200, [(10, 0.5, 0.6), (200, 0.05, np.inf), (300, 0.0, 20.0)])
    assert [line.get_ydata().tolist() for line in drawn.loss.lines] == [[0.5, 0.05, 0.0], [0.6, np.inf, 20.0]]
