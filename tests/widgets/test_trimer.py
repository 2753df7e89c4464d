"""Trimer: what is drawn is the truth and the networks handed in; turning and shifting do not change the truth."""

import itertools

import numpy as np
import pytest
import torch

from mininnip.classical import lennard_jones
from mininnip.neural import Cartesian, CoordinateNetwork, Distances, SortedDistances
from mininnip.widgets import panel as panel_module
from mininnip.widgets.panel import Panel
from mininnip.widgets.trimer import ENERGIES, WAYS, Trimer

PAIRS = list(itertools.combinations(range(3), 2))


@pytest.fixture
def in_cell(monkeypatch):
    """Pretend that a cell of a notebook runs."""
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")


@pytest.fixture(scope="module")
def models():
    inputs = {"coordinates": Cartesian(range(3)), "distances": Distances(PAIRS), "sorted": SortedDistances(3)}
    made = {}
    for name, of in inputs.items():
        torch.manual_seed(3)
        made[name] = CoordinateNetwork(of, [18] * 3, (8,)).double()
    return made


@pytest.fixture
def trimer(models):
    return Trimer(models)


def set_to(trimer, turn, shift, slide):
    for name, value in {"turn": turn, "shift": shift, "slide": slide}.items():
        trimer.sliders[name].value = value


def lengths(positions):
    return sorted(torch.pdist(positions).tolist())


def shown(trimer):
    here = (torch.tensor(trimer.sliders[name].value, dtype=torch.float64) for name in WAYS)
    return trimer.positions(*here)


def test_energies_are_those_of_the_place_the_sliders_describe(trimer, models):
    set_to(trimer, 60, -0.4, 0.3)
    corners = np.array([(0, 0.56, 0), (0, -0.56, 0), (0.97, 0.3, 0)])
    c, s = np.cos(np.pi / 3), np.sin(np.pi / 3)
    expected = torch.tensor(corners @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)]) + [-0.4, 0, 0])
    torch.testing.assert_close(shown(trimer), expected)
    assert trimer.true == pytest.approx(lennard_jones(torch.pdist(expected), 1.0, 1.0).sum().item())
    for name, model in models.items():
        trimer.inputs.value = name
        assert trimer.predicted == pytest.approx(model.energy_at(expected).item())
        assert f"{trimer.true:.3f}" in trimer.status.value and f"{trimer.predicted:.3f}" in trimer.status.value


@pytest.mark.parametrize("name", WAYS)
def test_curves_are_what_the_slider_will_meet(trimer, name):
    set_to(trimer, 40, 0.2, -0.3)
    true_line, predicted_line = trimer._lines[name]
    for k in (0, 17, 60, -1):
        trimer.sliders[name].value = 0.0  # so that the next line is a change
        true_line, predicted_line = (line.get_xydata().copy() for line in trimer._lines[name])
        trimer.sliders[name].value = true_line[k, 0]
        assert trimer.true == pytest.approx(true_line[k, 1], abs=1e-9)
        assert trimer.predicted == pytest.approx(predicted_line[k, 1], abs=1e-9)
        assert trimer._dots[name][1].get_xydata()[0] == pytest.approx([trimer.sliders[name].value, trimer.predicted])


def test_turn_and_shift_leave_the_truth_and_distances_alone_and_coordinates_not(trimer):
    for inputs, moves in (("coordinates", True), ("distances", False), ("sorted", False)):
        trimer.inputs.value = inputs
        set_to(trimer, 0, 0, 0.2)
        before = trimer.true, trimer.predicted
        for turn, shift in ((70, 0), (0, 0.5), (-130, -0.8)):
            set_to(trimer, turn, shift, 0.2)
            assert trimer.true == pytest.approx(before[0], abs=1e-12)
            assert (abs(trimer.predicted - before[1]) > 1e-3) is moves
    set_to(trimer, 0, 0, 0.6)
    assert abs(trimer.true - before[0]) > 0.1


def test_relabel_hands_the_numbers_around_and_only_sorted_distances_do_not_care(trimer):
    set_to(trimer, 0, 0, 0.4)
    for inputs, cares in (("coordinates", True), ("distances", True), ("sorted", False)):
        trimer.inputs.value = inputs
        positions, predicted = shown(trimer), trimer.predicted
        trimer.relabel.click()
        torch.testing.assert_close(shown(trimer), positions.roll(1, dims=0))
        assert lengths(shown(trimer)) == pytest.approx(lengths(positions))
        assert (abs(trimer.predicted - predicted) > 1e-4) is cares
    assert trimer._labels == [0, 1, 2]


def test_back_to_training(trimer):
    home = shown(trimer)
    set_to(trimer, 90, 0.5, 0.5)
    trimer.relabel.click()
    trimer.back.click()
    torch.testing.assert_close(shown(trimer), home)
    assert all(slider.value == 0 for slider in trimer.sliders.values())


def test_a_control_moves_only_the_moving_layer_and_the_truth_stays_in_the_axes(trimer):
    still = trimer.live.view.still
    for change in (
        lambda: set_to(trimer, 15, 0, 0),
        lambda: setattr(trimer.inputs, "value", "sorted"),
        trimer.relabel.click,
    ):
        moving = trimer.live.view.moving
        change()
        assert trimer.live.view.moving != moving and trimer.live.view.still == still
    for slide in np.linspace(-0.8, 0.8, 9):
        trimer.sliders["slide"].value = slide
        assert ENERGIES[0] < trimer.true < ENERGIES[1]


def test_running_the_cell_again_keeps_everything_and_one_observer(in_cell, models):
    first = Trimer(models)
    set_to(first, 50, 0.3, -0.2)
    first.inputs.value = "distances"
    first.relabel.click()
    again = Trimer(models)
    assert [slider.value for slider in again.sliders.values()] == [50, 0.3, -0.2]
    assert again.inputs.value == "distances" and again._labels == [1, 2, 0]
    assert (again.true, again.predicted) == (first.true, first.predicted)
    picture = first.live.view.moving
    set_to(again, 10, 0, 0)
    assert first.live.view.moving == picture and first.comm is None


@pytest.mark.benchmark(group="widget tick")
def test_tick(benchmark, trimer):
    """A slider tick must cost the kernel at most 25 ms."""
    values = itertools.cycle(range(-90, 91))
    benchmark(lambda: setattr(trimer.sliders["turn"], "value", float(next(values))))
