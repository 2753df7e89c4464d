"""Spherical harmonics, D-matrices and coupling coefficients equal e3nn's, signs and order included."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mininnip import so3

FROZEN = np.load(Path(__file__).with_name("e3nn.npz"))
EXACT = 1e-13


def error(ours, name):
    frozen = torch.tensor(FROZEN[name])
    assert ours.shape == frozen.shape
    assert ours.dtype == frozen.dtype
    return float((ours - frozen).abs().max())


def test_harmonics():
    vectors = torch.tensor(FROZEN["vectors"])
    assert error(so3.spherical_harmonics(vectors, 3), "harmonics") <= EXACT
    for l_max in range(3):
        assert torch.equal(
            so3.spherical_harmonics(vectors, l_max), so3.spherical_harmonics(vectors, 3)[:, : (l_max + 1) ** 2]
        )


@pytest.mark.parametrize("l", range(4))
def test_d_matrices(l):
    assert error(so3.wigner_d(l, torch.tensor(FROZEN["rotations"])), f"D{l}") <= EXACT


def test_couplings():
    names = [name for name in FROZEN.files if name.startswith("coupling_")]
    assert len(names) == 34
    for name in names:
        l1, l2, l3 = map(int, name.removeprefix("coupling_"))
        assert error(so3.coupling(l1, l2, l3), name) <= EXACT
