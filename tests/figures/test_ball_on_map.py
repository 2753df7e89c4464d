"""BallOnMap: the ball, its way and its modes are where the surface has them, and words name the kind of place."""

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color

from mininnip.figures.ball_on_map import BallOnMap, left_in_words, path_in_words, rest_in_words
from mininnip.figures.plotting import ATTACK, MODEL


def saddle(points):
    """Downhill along y, uphill along x."""
    return 500 * points[..., 0] ** 2 - 30 * points[..., 1] ** 2


def point(*xy):
    return torch.tensor(xy, dtype=torch.float64)


@pytest.fixture
def drawn():
    return BallOnMap(saddle, ((-1.0, 1.0), (-1.0, 1.0)), np.arange(-20, 21, 5.0), {"A": point(0, 0.5)}, (-30, 30))


def test_ball_way_and_energy(drawn):
    way = torch.stack([point(0.2, 0.0), point(0.1, 0.2), point(0.0, 0.4)])
    drawn.place_modes(point(0, 0))
    drawn.place(way, torch.tensor([0.0, 0.4, 1.0]))
    assert np.array_equal(drawn.trail.get_xydata(), way) and np.array_equal(drawn.ball.get_xydata(), way[-1:])
    assert np.allclose(drawn.energy.get_xydata(), [[0, 20], [0.4, 3.8], [1, -4.8]])
    assert np.allclose(drawn.marker.get_xydata(), [[1, -4.8]]) and drawn.reading.get_text() == "E = −4.8"
    assert all(not len(line.get_xdata()) for line in drawn.modes)  # a moving ball has none
    drawn.place_ball(way[1], 0.4, "half-way")
    assert np.allclose(drawn.marker.get_xydata(), [[0.4, 3.8]]) and drawn.reading.get_text() == "half-way"


def test_modes_lie_along_the_hessian_and_cost_or_gain_the_same(drawn):
    assert drawn.place_modes(point(0, 0)).tolist() == pytest.approx([-60, 1000])
    down, up = (np.asarray(line.get_xydata()) for line in drawn.modes)
    assert np.allclose(down[:, 0], 0) and np.allclose(up[:, 1], 0)
    assert saddle(up).tolist() == pytest.approx([15, 15]) and np.allclose(abs(down[:, 1]), 0.4)  # no longer than that
    for line, color, style in zip(drawn.modes, (ATTACK, MODEL), ("--", "-"), strict=True):
        assert same_color(line.get_color(), color) and line.get_linestyle() == style


@pytest.mark.parametrize(("signs", "kind"), [((1, 1), "minimum"), ((-1, 1), "saddle"), ((-1, -1), "maximum")])
def test_a_place_without_force_is_named_by_its_curvatures(signs, kind):
    def surface(points):
        return (torch.tensor(signs) * points**2).sum(-1)

    said = rest_in_words(surface, point(0, 0), 2 * point(*signs))
    assert "no force is left" in said and f"<strong>{kind}</strong>" in said
    assert "the force is 2.0, not zero: <strong>neither" in rest_in_words(surface, point(1, 0), 2 * point(*signs))


def test_why_it_left_and_what_a_path_costs():
    assert "at (1.30, 0.20): the curvature where it stood" in left_in_words(point(1.3, 0.2), None)
    assert "at (1.30, 0.20): kT = 60 carries it" in left_in_words(point(1.3, 0.2), 60.0)
    assert "from A (E = -3.0) to B (E = 1.5)" in path_in_words("A", "B", (-3.0, 1.5), 7.25)
    assert "saddle at E = 7.2:" in path_in_words("A", "B", (-3.0, 1.5), 7.25)
