"""The attack on a map: a click is climbed from, sliders change what is climbed, and the sentence tells the end."""

import numpy as np
import pytest
import torch

from mininnip import Ensemble, Potential
from mininnip.adversarial import attack
from mininnip.neural import Cartesian, CoordinateNetwork
from mininnip.surfaces import plane
from mininnip.widgets.attack_map import STEPS, AttackMap


def committee():
    members = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (8, 8), torch.nn.functional.silu)
        members.append(Potential(network, {1: 0.0}))
    return Ensemble(members)


@pytest.fixture
def panel():
    torch.manual_seed(0)
    panel = AttackMap(committee(), torch.rand(6, 2, dtype=torch.float64) - 0.8)
    yield panel
    panel.retire()


def test_a_click_is_climbed_from_and_ends_where_the_attack_of_the_package_ends(panel):
    panel.click(0.3, -0.4)
    assert panel.work.wait(300)
    graph = plane.as_graph(torch.tensor([[0.3, -0.4]], dtype=torch.float64))
    found = attack(panel.committee, graph, kT=5.0, learning_rate=0.03, steps=STEPS, first=0.0, rigid=True)
    x, y = panel.way.get_data()
    assert (x[0], y[0]) == pytest.approx((0.3, -0.4))
    assert (x[-1], y[-1]) == pytest.approx(found.positions[-1, 0, :2].tolist(), abs=1e-6)
    assert len(panel.lines[1].get_ydata()) == STEPS + 1
    assert f"({x[-1]:.2f}, {y[-1]:.2f})" in panel.status.value and "-fold" in panel.status.value
    assert panel.memory["seed"] == (0.3, -0.4)


def test_the_map_follows_the_temperature_and_the_way_is_taken_back(panel):
    panel.click(0.3, -0.4)
    assert panel.work.wait(300)
    before, still = panel.image.get_array().copy(), panel.live.view.moving
    panel.temperature.value = 0.5
    assert abs(panel.image.get_array() - before).max() > 0.01 and panel.live.view.moving != still
    assert len(panel.way.get_xdata()) == 0
    assert np.allclose(panel.image.get_array(), panel._spread - panel._energy / 0.5)
    corner = plane.as_graph(torch.tensor([[1.2, -1.2]], dtype=torch.float64))  # last column, first row
    assert panel._energy[0, -1] == pytest.approx(panel.committee(corner)["energy"].item(), abs=1e-5)


def test_an_attack_that_fails_says_so(panel):
    panel.committee = Ensemble([panel.committee.potentials[0], panel.committee.potentials[0]])
    panel.click(0.0, 0.0)
    assert panel.work.wait(300)
    assert "agree exactly" in panel.work.text.value
