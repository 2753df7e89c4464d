"""Cutoff functions: the values and derivatives their docstrings promise."""

import math
from typing import Any

import pytest
import torch

from mininnip import bessel_basis, cosine_cutoff, gaussian_basis, polynomial_cutoff, quintic_switch, tanh_cutoff


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


@pytest.mark.parametrize("p", [1, 2, 5, 6, 48])
def test_polynomial_cutoff(p):
    def u(r):
        return polynomial_cutoff(r, 5.0, p)

    order = min(p - 1, 5)
    assert derivatives(u, 1e-9, order) == pytest.approx([1] + [0] * order, abs=1e-4)
    assert derivatives(u, 5.0 - 1e-6) == pytest.approx([0, 0, 0], abs=0.05 if p > 6 else 1e-4)
    assert abs(derivatives(u, 5.0 - 1e-6, order=3)[3]) > 1e-2  # the third derivative jumps
    assert derivatives(u, 5.0) == pytest.approx([0, 0, 0], abs=1e-12)
    assert derivatives(u, 7.0) == [0, 0, 0]


def test_polynomial_cutoff_is_the_smoothstep_of_physnet():
    """p = 3 is 1 − 10 x³ + 15 x⁴ − 6 x⁵."""
    r = torch.linspace(0, 6, 50, dtype=torch.float64)
    assert torch.allclose(polynomial_cutoff(r, 5.0, 3), quintic_switch(r, 0.0, 5.0), rtol=0, atol=1e-14)


def test_gaussians_stand_in_a_row():
    r = torch.tensor([0.0, 1.25, 2.5, 6.0], dtype=torch.float64)
    values = gaussian_basis(r, 5.0, 5)
    expected = [[math.exp(-0.5 * (x / 1.25 - k) ** 2) for k in range(5)] for x in r.tolist()]
    assert torch.allclose(values, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


def test_bessel_functions_are_orthonormal():
    r = (torch.arange(20_000, dtype=torch.float64) + 0.5) * (5.0 / 20_000)
    waves = bessel_basis(r, 5.0, 8) * r[:, None]
    assert torch.allclose(waves.T @ waves * (5.0 / 20_000), torch.eye(8, dtype=torch.float64), atol=1e-12)
    last = derivatives(lambda r: bessel_basis(r, 5.0, 3)[..., 1], 5.0, order=1)
    assert last[0] == pytest.approx(0, abs=1e-15)
    assert abs(last[1]) > 0.1  # the slope does not vanish at the cutoff


def test_bases_follow_the_input():
    r = torch.rand(2, 3, dtype=torch.float32) + 1
    for basis in (gaussian_basis, bessel_basis):
        assert basis(r, 5.0, 7).shape == (2, 3, 7)
        assert basis(r, 5.0, 7).dtype == torch.float32
        assert basis(r[:0], 5.0, 7).shape == (0, 3, 7)
        with pytest.raises(ValueError, match="cutoff must be a positive number"):
            basis(r, -1.0, 7)
        nonsense: list[Any] = [0, 2.5, True]
        for bad in nonsense:
            with pytest.raises(ValueError, match="n_basis must be a whole number"):
                basis(r, 5.0, bad)
    with pytest.raises(ValueError, match="p must be a whole number, at least 1"):
        polynomial_cutoff(r, 5.0, 0)
