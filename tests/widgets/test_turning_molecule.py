"""TurningMolecule: colored and black agree and all tests pass, however it is turned; a bias breaks two of them."""

import itertools

import numpy as np
import pytest
import torch
from ase.build import molecule

from mininnip.neural import NequIP
from mininnip.widgets.turning_molecule import TurningMolecule, section


@pytest.fixture
def hero():
    torch.manual_seed(0)
    panel = TurningMolecule(molecule("CH3CH2OH"), NequIP(4.0, n_features=4, n_layers=3, l_max=2).double())
    yield panel
    panel.retire()


def apart(hero):
    """How far what is drawn in color is from what is drawn in black, in Å."""
    arrows = [np.array(lines.get_segments()) for lines in hero._arrows]
    plus, minus, outline = (
        np.array([path.vertices for path in lobes.get_paths()]) - hero._placed()[:, None, :2] for lobes in hero._shapes
    )
    return abs(arrows[0] - arrows[1]).max(), abs(np.abs(plus + minus) - np.abs(outline)).max()


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 20, 40), (-120, 75, 160)])
def test_only_a_bias_takes_color_and_black_apart(hero, angles):
    for slider, angle in zip(hero.angles, angles, strict=True):
        slider.value = angle
    assert max(hero.tests().values()) < 1e-12
    assert max(apart(hero)) < 1e-10
    hero.bias.value = True
    wrong = {name for name, off in hero.tests().items() if off > 1e-3}
    assert wrong == ({"rotation", "mirror"} if any(angles) else {"mirror"})
    assert (min(apart(hero)) > 0.05) == any(angles)


def test_the_line_says_what_the_tests_found(hero):
    hero.angles[2].value = 90
    assert hero.status.value.count("passes") == 4 and "FAILS" not in hero.status.value
    hero.bias.value = True
    assert "rotation <b>FAILS" in hero.status.value and "translation <b>passes" in hero.status.value


def test_a_shape_is_cut_where_the_picture_is():
    """Component m = 0 is (3 y² − 1) / 2 around the polar axis y: −1/2 along x, 1 along y."""
    values = section(torch.eye(5, dtype=torch.float64)[2:3])[0]
    assert values[[0, 15, 30, 45]] == pytest.approx([-0.5, 1.0, -0.5, 1.0])


@pytest.mark.benchmark(group="widget tick")
def test_tick(benchmark, hero):
    """A slider tick must cost the kernel at most 25 ms."""
    angles = itertools.cycle(range(0, 180, 5))
    benchmark(lambda: setattr(hero.angles[0], "value", next(angles)))
