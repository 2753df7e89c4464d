"""Trimer: what is drawn is the truth and the networks handed in, at the place the sliders say, and the kink is seen."""

import itertools

import numpy as np
import pytest
import torch

from mininnip.neural import Cartesian, CoordinateNetwork, Distances, SortedDistances
from mininnip.widgets.trimer import ENERGIES, FORCES, WAYS, Trimer, true_energy


@pytest.fixture
def trimer():
    torch.manual_seed(3)
    inputs = Cartesian(range(3)), Distances([(0, 1), (0, 2), (1, 2)]), SortedDistances(3)
    return Trimer({type(of).__name__: CoordinateNetwork(of, [18] * 3, (8,)).double() for of in inputs})


def put(trimer, turn, shift, slide):
    """Set the sliders; the three atoms as they should stand then, by hand (3, 3)."""
    for name, value in {"turn": turn, "shift": shift, "slide": slide}.items():
        trimer.sliders[name].value = value
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    corners = torch.tensor([(0, 0.56, 0), (0, -0.56, 0), (0.97, slide, 0)], dtype=torch.float64)
    r = corners @ torch.tensor([(c, s, 0), (-s, c, 0), (0, 0, 1)]) + torch.tensor([shift, 0, 0])
    return r[np.argsort(trimer._labels)]


def test_energies_curves_and_forces_are_those_of_the_place_the_sliders_and_labels_describe(trimer):
    for name, model in trimer.models.items():
        trimer.inputs.value = name
        trimer.relabel.click()
        force = -(model.energy_at(put(trimer, 60, -0.4, 0.301)) - model.energy_at(put(trimer, 60, -0.4, 0.299))) / 0.002
        values = [energy(put(trimer, 60, -0.4, 0.3)).item() for energy in (true_energy, model.energy_at)]
        assert (trimer.true, trimer.predicted) == pytest.approx(values)
        assert f"{values[0]:.3f}" in trimer.status.value and f"{values[1] - values[0]:+.3f}" in trimer.status.value
        for way, line in itertools.product(WAYS, (0, 1)):
            x, y = trimer._lines[way][line].get_data()
            assert np.interp(trimer.sliders[way].value, x, y) == pytest.approx(values[line], abs=0.02)
        assert trimer._dots["force"].get_offsets()[1, 1] == pytest.approx(force.item(), abs=1e-3)
    trimer.back.click()
    torch.testing.assert_close(trimer.positions(*torch.zeros(3, dtype=torch.float64)), put(trimer, 0, 0, 0))
    for way, (low, high) in {"slide": ENERGIES, "force": FORCES}.items():
        assert low < min(trimer._lines[way][0].get_ydata()) and max(trimer._lines[way][0].get_ydata()) < high


def test_only_coordinates_mind_motion_and_only_sorted_distances_do_not_mind_labels_but_have_a_kink(trimer):
    for name, by_motion, by_labels, kink in zip(trimer.models, (1, 0, 0), (1, 1, 0), (0, 0, 1), strict=True):
        trimer.inputs.value = name
        energies = [trimer.models[name].energy_at(put(trimer, 0, 0, y)).item() for y in (-1e-4, 0, 1e-4, 0.4)]
        assert trimer.jump == pytest.approx(-(energies[0] - 2 * energies[1] + energies[2]) / 1e-4, abs=0.01)
        assert trimer.jump == np.diff(trimer._lines["force"][1].get_ydata())[39]
        assert kink == (abs(trimer.jump) > 0.05) == ("does not jump" not in trimer.status.value)
        true, first = trimer.true, trimer.predicted
        put(trimer, 70, -0.5, 0.4)
        assert trimer.true == pytest.approx(true, abs=1e-12) and (abs(trimer.predicted - first) > 1e-3) == by_motion
        first = trimer.predicted
        trimer.relabel.click()
        assert (abs(trimer.predicted - first) > 1e-4) == by_labels
