"""Tunneling: what is shown is what the Schrödinger equation says, for the hill and the hydrogen of the controls."""

import numpy as np
import pytest

from mininnip.surfaces import quantum_levels
from mininnip.surfaces.quantum_levels import PLANCK
from mininnip.widgets.tunneling import HYDROGEN, WALLS, Tunneling


def curve(x):
    return 10.0 * (np.asarray(x) ** 2 - 0.16) ** 2 + 0.5  # a hill of 0.256 eV


def mass(hydrogen):
    return lambda x: 2.5 * hydrogen + 0 * x


@pytest.fixture
def panel():
    panel = Tunneling(curve, mass)
    yield panel
    panel.retire()


def test_it_opens_with_the_curve_as_it_is(panel):
    assert panel.hill.value == pytest.approx(0.256, abs=5e-4)
    levels = quantum_levels(lambda x: curve(x) - 0.5, mass(HYDROGEN["NH₃"]), WALLS)
    np.testing.assert_allclose(panel.levels(0.256, "NH₃"), levels, atol=2e-5)
    assert panel.swings(0.256, "NH₃") == pytest.approx((levels[1] - levels[0]) / PLANCK / 1e9, rel=0.01)


def test_a_higher_hill_and_a_heavier_hydrogen_slow_it_down_and_the_sentence_says_so(panel):
    first = panel.swings(panel.hill.value, "NH₃")
    panel.hill.value = 0.4
    higher = panel.swings(0.4, "NH₃")
    assert higher < first / 4
    assert float(panel._now.get_ydata()[0]) == pytest.approx(higher)
    panel.hydrogen.value = "ND₃"
    heavier = panel.swings(0.4, "ND₃")
    assert heavier < higher / 4
    assert float(panel._now.get_ydata()[0]) == pytest.approx(heavier)
    assert f"{panel.swings(0.4, 'ND₃'):.3g} GHz" in panel.status.value
    assert "hill of 0.400 eV" in panel.live.view.alt
    assert np.asarray(panel._well.get_ydata())[150] == pytest.approx(0.4, rel=1e-3)


def test_a_curve_without_a_hill_is_refused():
    with pytest.raises(ValueError, match="no hill at height 0"):
        Tunneling(lambda x: np.asarray(x) ** 2, mass)
