"""Cutoff functions: the values and derivatives their docstrings promise."""

import math

import pytest
import torch

from mininnip import cosine_cutoff, quintic_switch, tanh_cutoff


def derivatives(function, r, order=2):
    """Value, slope and curvature of a function at the distance r."""
    r = torch.tensor(r, dtype=torch.float64, requires_grad=True)
    out, y = [], function(r)
    for _ in range(order + 1):
        out.append(float(y.detach()))
        if not y.requires_grad:
            return out + [0.0] * (order + 1 - len(out))
        y = torch.autograd.grad(y, r, create_graph=True)[0]
    return out


def test_cosine_cutoff():
    def f(r):
        return cosine_cutoff(r, 5.0)

    assert derivatives(f, 0.0)[:2] == pytest.approx([1, 0], abs=1e-15)
    assert derivatives(f, 2.5)[0] == pytest.approx(0.5)
    before = derivatives(f, 5.0 - 1e-9)
    assert before[:2] == pytest.approx([0, 0], abs=1e-9)
    assert before[2] == pytest.approx(math.pi**2 / (2 * 5.0**2), rel=1e-6)  # the curvature jumps
    assert derivatives(f, 5.0) == derivatives(f, 7.0) == [0, 0, 0]


def test_quintic_switch():
    def s(r):
        return quintic_switch(r, 3.0, 5.0)

    assert derivatives(s, 2.0) == [1, 0, 0]
    assert derivatives(s, 3.0 + 1e-9) == pytest.approx([1, 0, 0], abs=1e-7)
    assert derivatives(s, 4.0)[0] == pytest.approx(0.5)
    assert derivatives(s, 5.0 - 1e-9) == pytest.approx([0, 0, 0], abs=1e-7)
    assert derivatives(s, 6.0) == [0, 0, 0]


def test_weights_stay_between_0_and_1_and_follow_the_input():
    r = torch.linspace(0, 8, 400, dtype=torch.float32).reshape(20, 20)
    for weights in (cosine_cutoff(r, 5.0), quintic_switch(r, 2.0, 5.0)):
        assert weights.shape == r.shape
        assert weights.dtype == r.dtype
        assert weights.min() >= 0
        assert weights.max() <= 1
        assert (weights.flatten().diff() <= 1e-6).all()


def test_bad_cutoffs_are_refused():
    r = torch.ones(3)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="cutoff must be a positive number"):
            cosine_cutoff(r, bad)
        with pytest.raises(ValueError, match="cutoff must be a positive number"):
            quintic_switch(r, 0.0, bad)
    with pytest.raises(ValueError, match="onset must lie between"):
        quintic_switch(r, 5.0, 5.0)


def test_tanh_cutoff():
    def f(r):
        return tanh_cutoff(r, 5.0)

    assert derivatives(f, 0.0)[0] == pytest.approx(math.tanh(1) ** 3)
    assert derivatives(f, 0.0)[1] < -0.05  # a slope at r = 0, unlike the cosine
    assert derivatives(f, 5.0 - 1e-6) == pytest.approx([0, 0, 0], abs=1e-5)  # the curvature vanishes too
    assert derivatives(f, 6.0) == [0, 0, 0]
