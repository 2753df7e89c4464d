"""SymmetryExplorer: the bars are the package's functions, they follow the neighbor, and no symmetry moves them."""

import itertools

import numpy as np
import pytest
import torch

from mininnip.descriptors import plain
from mininnip.widgets.symmetry import BARS, ETA_ANGULAR, HIGHEST, LOBES, OTHERS, SCALE, SHELLS, SymmetryExplorer


@pytest.fixture
def hero():
    return SymmetryExplorer()


def test_bars_terms_and_status_are_those_of_the_environment_the_sliders_describe(hero):
    settings = {"distance": 2.9, "angle": 140.0, "reach": 5.0, "eta": 2.5, "shift": 2.8, "zeta": 8, "sign": -1}
    for name, value in settings.items():
        getattr(hero, name).value = value
    around = [(r * np.cos(np.radians(a)), r * np.sin(np.radians(a)), 0) for r, a in ((2.9, 140.0), *OTHERS)]
    expected = [plain.g2([*torch.tensor(around)], 2.5, r_s, 5.0) for r_s in (*SHELLS, 2.8)]
    expected += [plain.g4([*torch.tensor(around)], ETA_ANGULAR, zeta, sign, 5.0) for zeta, sign in (*LOBES, (8, -1))]
    assert np.allclose(hero.values, expected, rtol=1e-12)
    tops = [segment[1] for segment in hero._bars.get_segments()]
    assert np.allclose(tops, np.stack([BARS, np.minimum(SCALE * expected, HIGHEST)], axis=1))
    radial, angular = (np.array(part.get_segments())[:, 1, 1] for part in (hero._stems, hero._angular_stems))
    assert radial.sum() == pytest.approx(expected[len(SHELLS)], rel=1e-6)
    assert angular @ hero._angular_stems.get_linewidths() / 20 == pytest.approx(expected[-1])
    assert f"{expected[len(SHELLS)]:.4f}" in hero.status.value and f"{expected[-1]:.4f}" in hero.status.value


def test_the_angle_moves_the_angular_bars_and_beyond_the_circle_nothing_moves_any(hero):
    before, n_radial = hero.values, len(SHELLS) + 1
    hero.angle.value = 60.0
    assert np.allclose(hero.values[:n_radial], before[:n_radial], rtol=1e-12)
    assert (np.abs(hero.values - before) > 1e-6)[n_radial:].sum() >= 4
    hero.reach.value, hero.distance.value = 5.0, 5.0
    outside = hero.values
    hero.distance.value = 6.5
    assert np.array_equal(hero.values, outside)
    assert (hero._atoms.dots.get_facecolors() == 1).all(axis=1).tolist() == [True, False, False, False]
    highest = 0.0
    for hero.distance.value, hero.eta.value in itertools.product((1.5, 2.4, 4.0), (0.0, 4.0)):
        highest = max(highest, *(SCALE * hero.values))
    assert 0.5 * HIGHEST < highest < HIGHEST, "bars use the height of their axes, and none is cut"


def test_what_must_not_matter_moves_coordinates_and_no_bar_and_clicks_still_meet(hero):
    for deed in (hero.turn, hero.mirror, hero.turn, hero.relabel, hero.mirror):
        positions, values, drawn = hero.positions, hero.values, hero.live.view.moving
        deed.click()
        assert (hero.positions - positions).abs().max() > 0.5 and hero.live.view.moving != drawn
        assert np.allclose(hero.values, values, rtol=0, atol=1e-14) and "no symmetry function by" in hero.status.value
        for x, y in ((-2.0, 3.5), (0.1, 0.0)):
            hero.click(x, y)  # onto the atom in the middle: as near as may be
            assert hero.distance.value == pytest.approx(max(np.hypot(x, y), hero.distance.min))
        at = torch.tensor([1.5, 0.0, 0.0], dtype=torch.float64)
        assert (hero.positions - at).norm(dim=1).min() < 1e-9
