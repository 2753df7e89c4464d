"""Motion step by step: the same as `langevin`, and a bath whose temperature changes is followed."""

import pytest
import torch

from mininnip import surfaces
from mininnip.surfaces.motion import langevin_steps
from mininnip.surfaces.paths import length_along, share_along


def test_a_bath_that_cools_on_the_way_is_followed_and_the_same_until_then():
    kT, start = 1.0, torch.zeros(500, 2, dtype=torch.float64)

    def bowl(r):
        return 0.5 * (r**2).sum(-1)

    positions, _ = surfaces.langevin(bowl, start, 1.0, 10, time_step=0.05, seed=3)
    walk = langevin_steps(bowl, start, lambda: kT, time_step=0.05, seed=3)
    for step, (r, _) in zip(range(800), walk, strict=False):
        if step <= 10:
            assert torch.equal(r, positions[step])
        if step == 400:
            assert r.var().item() == pytest.approx(1.0, rel=0.15)
            kT = 0.1
    assert r.var().item() == pytest.approx(0.1, rel=0.15)


def test_how_long_a_path_is():
    path = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0, 5.0]])
    assert length_along(path).tolist() == [0, 5, 5, 6]
    assert share_along(path).tolist() == pytest.approx([0, 5 / 6, 5 / 6, 1])
    assert share_along(path[:1]).tolist() == [0]
