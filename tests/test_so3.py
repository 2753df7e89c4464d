"""SO(3): harmonics, D-matrices, couplings and products keep what their docstrings promise, beyond e3nn's numbers."""

import math
from itertools import product

import pytest
import torch

from mininnip import so3

EXACT = 1e-12
DEGREES = range(4)
TRIPLES = [t for t in product(DEGREES, repeat=3) if abs(t[0] - t[1]) <= t[2] <= t[0] + t[1]]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotations(n, seed=0):
    q = torch.linalg.qr(random(n, 3, 3, seed=seed))[0]
    return q * torch.linalg.det(q)[:, None, None]


def degree(harmonics, l):
    return harmonics[..., l * l : (l + 1) ** 2]


def close(a, b, tolerance=EXACT):
    assert a.shape == b.shape
    assert (a - b).abs().max() <= tolerance


@pytest.mark.parametrize("l", DEGREES)
def test_harmonics_turn_with_the_vector(l):
    vectors, (rotation,) = random(20, 3), rotations(1)
    turned = degree(so3.spherical_harmonics(vectors @ rotation.T, 3), l)
    close(turned, degree(so3.spherical_harmonics(vectors, 3), l) @ so3.wigner_d(l, rotation).T)


def test_harmonics_have_the_norm_and_parity_they_promise():
    vectors = random(2, 10, 3)
    harmonics, mirrored = (so3.spherical_harmonics(v, 3) for v in (vectors, -vectors))
    for l in DEGREES:
        close(degree(harmonics, l).square().sum(-1), torch.full((2, 10), 2.0 * l + 1, dtype=torch.float64))
        close(degree(mirrored, l), (-1) ** l * degree(harmonics, l))
    close(so3.spherical_harmonics(7 * vectors, 3), harmonics)  # functions of the direction
    close(degree(harmonics, 1), math.sqrt(3) * vectors / vectors.norm(dim=-1, keepdim=True))  # x, y, z
    assert so3.spherical_harmonics(vectors.float(), 2).dtype == torch.float32
    assert so3.spherical_harmonics(vectors[:, :0], 3).shape == (2, 0, 16)


def test_harmonics_are_orthogonal_over_the_sphere():
    """Gauss–Legendre points in y, even steps around it: exact for products of two degrees up to 3."""
    import numpy as np

    y, weight = (torch.tensor(values)[:, None] for values in np.polynomial.legendre.leggauss(8))
    angle = 2 * math.pi * torch.arange(16, dtype=torch.float64)[None] / 16
    ring = (1 - y**2).sqrt()
    points = torch.stack([ring * torch.cos(angle), y.expand(8, 16), ring * torch.sin(angle)], dim=-1)
    harmonics = so3.spherical_harmonics(points, 3)
    overlap = torch.einsum("abm,abn,ab->mn", harmonics, harmonics, weight.expand(8, 16) / 32)
    close(overlap, torch.eye(16, dtype=torch.float64))


@pytest.mark.parametrize("l", range(6))
def test_d_matrices_are_a_representation(l):
    a, b = rotations(2)
    one = torch.eye(2 * l + 1, dtype=torch.float64)
    close(so3.wigner_d(l, a @ b), so3.wigner_d(l, a) @ so3.wigner_d(l, b))
    close(so3.wigner_d(l, a.T), so3.wigner_d(l, a).T)
    close(so3.wigner_d(l, a) @ so3.wigner_d(l, a).T, one)
    close(so3.wigner_d(l, torch.eye(3, dtype=torch.float64)), one)
    assert so3.wigner_d(l, torch.stack([a, b])).shape == (2, 2 * l + 1, 2 * l + 1)
    if l == 1:
        close(so3.wigner_d(1, a), a)


@pytest.mark.parametrize(("l1", "l2", "l3"), TRIPLES)
def test_couplings_do_not_change_when_everything_turns(l1, l2, l3):
    c, (rotation,) = so3.coupling(l1, l2, l3), rotations(1)
    d1, d2, d3 = (so3.wigner_d(l, rotation) for l in (l1, l2, l3))
    close(torch.einsum("abc,ia,jb,kc->ijk", c, d1, d2, d3), c)
    close(c.square().sum(), torch.ones((), dtype=torch.float64))


def test_couplings_everybody_knows():
    one, epsilon = torch.eye(3, dtype=torch.float64), torch.zeros(3, 3, 3, dtype=torch.float64)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[i, j, k], epsilon[j, i, k] = 1, -1
    close(so3.coupling(1, 1, 0)[..., 0], one / math.sqrt(3))
    close(so3.coupling(1, 1, 1), epsilon / math.sqrt(6))
    a, b = random(5, 3), random(5, 3, seed=1)
    close(so3.tensor_product(a, b, 1), torch.linalg.cross(a, b) / math.sqrt(6))
    close(so3.tensor_product(a, b, 0)[:, 0], (a * b).sum(1) / math.sqrt(3))


@pytest.mark.parametrize(("l1", "l2", "l3"), TRIPLES)
def test_tensor_product_is_the_sum_over_all_coefficients_and_turns(l1, l2, l3):
    a, b, (rotation,) = random(4, 1, 2 * l1 + 1), random(6, 2 * l2 + 1, seed=1), rotations(1)
    c = so3.tensor_product(a, b, l3)
    close(c, torch.einsum("ijk,...i,...j->...k", so3.coupling(l1, l2, l3), a, b))
    turned = so3.tensor_product(a @ so3.wigner_d(l1, rotation).T, b @ so3.wigner_d(l2, rotation).T, l3)
    close(turned, c @ so3.wigner_d(l3, rotation).T)
    assert so3.tensor_product(a.float(), b.float(), l3).dtype == torch.float32


def test_only_coefficients_that_are_not_zero_are_used():
    for l1, l2, l3 in TRIPLES:
        entries, c = so3.nonzero_couplings(l1, l2, l3), so3.coupling(l1, l2, l3)
        assert len(entries) == int((c != 0).sum()) < max(c.numel(), 2)
        assert min(abs(value) for *_, value in entries) > 1e-3
    assert len(so3.nonzero_couplings(1, 1, 1)) == 6


def test_everything_can_be_differentiated_twice():
    vectors, (rotation,) = random(2, 3).requires_grad_(), rotations(1)

    def energy(v):
        y = so3.spherical_harmonics(v, 3)
        terms = [so3.tensor_product(degree(y, a), degree(y, b).roll(1, 0), c) for a, b, c in TRIPLES if a <= b]
        return torch.cat([term.square().sum(-1) + term.sum(-1) for term in terms])

    assert torch.autograd.gradcheck(energy, vectors)
    assert torch.autograd.gradgradcheck(energy, vectors)
    generator = torch.tensor([[0, -0.3, 0.2], [0.3, 0, 0.5], [-0.2, -0.5, 0]], dtype=torch.float64)

    def turned(t):
        return so3.wigner_d(3, torch.matrix_exp(t * generator) @ rotation)

    assert torch.autograd.gradcheck(turned, torch.tensor(0.4, dtype=torch.float64, requires_grad=True))


def test_bad_input_gets_one_sentence():
    one = torch.eye(3, dtype=torch.float64)
    for call, words in (
        (lambda: so3.spherical_harmonics(one, 4), "degrees 0 to 3, got 4"),
        (lambda: so3.spherical_harmonics(one, -1), "degrees 0 to 3"),
        (lambda: so3.spherical_harmonics(one[:, :2], 1), r"vectors \(..., 3\)"),
        (lambda: so3.wigner_d(1, -one), "is no rotation"),
        (lambda: so3.wigner_d(1, 2 * one), "is no rotation"),
        (lambda: so3.wigner_d(1, one[:2]), r"matrix \(..., 3, 3\)"),
        (lambda: so3.coupling(1, 1, 3), "couple to 0 … 2, not to 3"),
        (lambda: so3.coupling(-1, 1, 0), "couple"),
        (lambda: so3.tensor_product(one[:, :2], one, 1), "2l \\+ 1 numbers, got 2 and 3"),
        (lambda: so3.tensor_product(one, one, 3), "not to 3"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
