"""Silicon of EDIP and of Lenosky: the papers' statements, and the corners of their formulas."""

import pytest
import torch

from mininnip.classical import EDIP, Lenosky
from mininnip.classical.edip import best_angle, counts
from mininnip.classical.lenosky import ANGLE, ARM, DENSITY, EMBEDDING, PAIR, Spline
from mininnip.graph import Graph
from mininnip.potential import Potential


def test_the_best_angle_of_three_four_and_six_neighbors():
    p = dict(EDIP().named_parameters())
    tau = best_angle(torch.tensor([3.0, 4.0, 6.0]), p["u1"], p["u2"], p["u3"], p["u4"])
    assert tau.tolist() == pytest.approx([1 / 2, 1 / 3, 0], abs=1e-3)


def test_neighbors_stop_counting_smoothly():
    r = torch.linspace(2.4, 3.2, 4001, dtype=torch.float64, requires_grad=True)
    weight = counts(r, *(torch.tensor(value, dtype=torch.float64) for value in (2.56, 3.12, 3.1)))
    (slope,) = torch.autograd.grad(weight.sum(), r)
    assert bool((weight[r <= 2.56] == 1).all()) and bool((weight[r >= 3.12] == 0).all())
    assert bool((slope <= 0).all()) and bool(slope.isfinite().all())
    assert slope.diff().abs().max() < 0.1


@pytest.mark.parametrize("table", [PAIR, DENSITY, EMBEDDING, ARM, ANGLE])
def test_a_spline_goes_through_its_knots_with_its_slopes_and_on_straight(table):
    (first, last), slopes, values = table
    spline, y = Spline(*table), [float(value) for value in values.split()]
    x = torch.linspace(first, last, len(y), dtype=torch.float64)
    assert spline(x).tolist() == pytest.approx(y, abs=1e-12)
    outside = torch.tensor([first - 1, first, last, last + 1], dtype=torch.float64, requires_grad=True)
    found = spline(outside)
    (slope,) = torch.autograd.grad(found.sum(), outside)
    assert slope.tolist() == pytest.approx([slopes[0], slopes[0], slopes[1], slopes[1]], abs=1e-12)
    assert found.tolist() == pytest.approx([y[0] - slopes[0], y[0], y[-1], y[-1] + slopes[1]], abs=1e-12)


def test_an_atom_alone_has_no_energy():
    for model in (EDIP(), Lenosky()):
        out = Potential(model)(Graph.from_arrays([14], torch.zeros(1, 3), model.cutoff))
        assert out["energy"].item() == 0 and bool((out["forces"] == 0).all())


def test_parameters_that_make_no_sense():
    with pytest.raises(ValueError, match="must lie beyond c"):
        EDIP(a=2.0)
    with pytest.raises(ValueError, match="B must be positive"):
        EDIP(B=-1.0)
    with pytest.raises(ValueError, match="eta"):
        EDIP(eta=float("nan"))
