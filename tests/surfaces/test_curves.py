"""Curves to learn: what each is known for, and noise of the size that was asked for."""

import pytest
import torch

from mininnip.surfaces.curves import CURVES, noisy_points

X = torch.linspace(-3, 3, 601, dtype=torch.float64)


def test_each_curve_has_its_shape():
    y = {name: curve(X) for name, curve in CURVES.items()}
    turns = {name: (y.diff().sign().diff().abs() == 2).sum().item() for name, y in y.items()}
    assert turns == {"wave": 3, "bond": 1, "double well": 3, "step": 0}
    assert X[y["bond"].argmin()] == pytest.approx(-1.8) and y["bond"].min() == pytest.approx(-1.5)
    assert set(y["step"].tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("name", CURVES)
def test_noise_has_its_size_and_its_seed(name):
    quiet, loud, other = (noisy_points(name, X, noise, seed) for noise, seed in ((0, 0), (0.5, 0), (0.5, 1)))
    torch.testing.assert_close(quiet, torch.stack([X, CURVES[name](X)], dim=1))
    assert (loud - quiet)[:, 1].std() == pytest.approx(0.5, rel=0.1) and torch.equal(loud[:, 0], X)
    torch.testing.assert_close(noisy_points(name, X, 0.25) - quiet, (loud - quiet) / 2)
    assert not torch.allclose(loud, other)
