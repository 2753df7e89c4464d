"""SymmetryExplorer: the bars are the package's functions, they follow the neighbor, and no symmetry moves them."""

import itertools

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.descriptors import SymmetryFunctions
from mininnip.widgets import panel as panel_module
from mininnip.widgets.panel import Panel
from mininnip.widgets.symmetry import ETA_ANGULAR, HIGHEST, LOBES, MAGNIFIED, OTHERS, SHELLS, SymmetryExplorer

N_RADIAL = len(SHELLS) + 1


@pytest.fixture
def in_cell(monkeypatch):
    """Pretend that a cell of a notebook runs."""
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")


def bars(explorer):
    """Heights of the drawn bars."""
    return np.array([path.vertices[:, 1].max() for path in explorer._bars.get_paths()])


def test_bars_are_the_functions_of_the_environment_the_sliders_describe():
    explorer = SymmetryExplorer()
    explorer.distance.value, explorer.angle.value, explorer.reach.value = 2.9, 140.0, 5.0
    explorer.eta.value, explorer.shift.value, explorer.zeta.value, explorer.sign.value = 2.5, 2.8, 8, -1
    angles = np.radians([140.0, *(angle for _, angle in OTHERS)])
    r = np.array([2.9, *(distance for distance, _ in OTHERS)])
    positions = np.zeros((5, 3))
    positions[1:, 0], positions[1:, 1] = r * np.cos(angles), r * np.sin(angles)
    g2 = [(2.5, r_s) for r_s in (*SHELLS, 2.8)]
    g4 = [(ETA_ANGULAR, zeta, sign) for zeta, sign in (*LOBES, (8, -1))]
    functions = SymmetryFunctions((14,), 5.0, g2=g2, g4=g4)
    expected = functions(mn.Graph.from_arrays([14] * 5, torch.tensor(positions), 5.0))[0].numpy()
    assert np.allclose(explorer.values, expected, rtol=1e-12)
    scale = np.repeat([1, MAGNIFIED], [N_RADIAL, len(LOBES) + 1])
    assert np.allclose(bars(explorer), np.minimum(scale * expected, HIGHEST), rtol=1e-12)
    assert f"{expected[len(SHELLS)]:.4f}" in explorer.status.value and f"{expected[-1]:.4f}" in explorer.status.value


def test_the_drawn_terms_add_up_to_the_chosen_radial_function():
    explorer = SymmetryExplorer()
    explorer.shift.value = 2.6
    heights = explorer._stems.get_ydata()
    assert np.nansum(heights) == pytest.approx(explorer.values[len(SHELLS)], rel=1e-6)
    assert len(explorer._angular_stems.get_segments()) == 6  # four neighbors have six pairs


def test_distance_moves_all_bars_angle_only_the_angular_ones():
    explorer = SymmetryExplorer()
    explorer.reach.value = 7.0
    before = explorer.values
    explorer.angle.value = 60.0
    assert np.allclose(explorer.values[:N_RADIAL], before[:N_RADIAL], rtol=1e-12)
    assert (np.abs(explorer.values[N_RADIAL:] - before[N_RADIAL:]) > 1e-6).sum() >= 4
    before = explorer.values
    explorer.distance.value = 3.4
    assert (np.abs(explorer.values - before) > 1e-6).sum() >= 10


def test_beyond_the_circle_a_neighbor_does_not_count():
    explorer = SymmetryExplorer()
    explorer.reach.value, explorer.distance.value = 5.0, 5.0
    outside = explorer.values
    explorer.distance.value, explorer.angle.value = 6.5, 200.0
    assert np.array_equal(explorer.values, outside)
    white = [tuple(color) == (1.0, 1.0, 1.0, 1.0) for color in explorer._atoms.get_facecolors()]
    assert white == [True, False, False, False]
    explorer.distance.value = 4.9
    assert not np.array_equal(explorer.values, outside)


@pytest.mark.parametrize("deed", ["turn", "mirror", "relabel"])
def test_what_must_not_matter_changes_coordinates_and_no_bar(deed):
    explorer = SymmetryExplorer()
    for _ in range(3):
        positions, values, drawn = explorer.positions, explorer.values, explorer.live.view.moving
        getattr(explorer, deed).click()
        assert (explorer.positions - positions).abs().max() > 0.5
        assert np.allclose(explorer.values, values, rtol=0, atol=1e-14)
        assert explorer.live.view.moving != drawn
        assert "no symmetry function by more than" in explorer.status.value


def test_relabelling_gives_the_same_places_in_another_order():
    explorer = SymmetryExplorer()
    before = explorer.positions
    explorer.relabel.click()
    assert torch.allclose(explorer.positions, before.roll(1, dims=0))


def test_a_click_puts_the_neighbor_there_also_in_a_turned_and_mirrored_picture():
    explorer = SymmetryExplorer()
    for button in (explorer.turn, explorer.mirror, explorer.turn, explorer.relabel):
        button.click()
        explorer.click(-2.0, 3.5)
        assert explorer.distance.value == pytest.approx(np.hypot(2.0, 3.5))
        nearest = (explorer.positions - torch.tensor([-2.0, 3.5, 0.0])).norm(dim=1).min()
        assert nearest < 1e-9
        explorer.click(1.0, 1.0)
    explorer.click(0.1, 0.0)  # onto the atom in the middle: as near as may be
    assert explorer.distance.value == explorer.distance.min


def test_a_slider_moves_only_the_moving_layer():
    explorer = SymmetryExplorer()
    still, moving = explorer.live.view.still, explorer.live.view.moving
    explorer.zeta.value = 64
    assert explorer.live.view.still == still and explorer.live.view.moving != moving


def test_no_bar_leaves_its_axes():
    explorer = SymmetryExplorer()
    scale, highest = np.repeat([1, MAGNIFIED], [N_RADIAL, len(LOBES) + 1]), 0.0
    explorer.reach.value = explorer.reach.max
    distances = (explorer.distance.min, 2.4, 4.0)
    for distance, angle, eta in itertools.product(distances, (20.0, 101.0, 150.0, 289.0), (0.0, 4.0)):
        explorer.distance.value, explorer.angle.value, explorer.eta.value = distance, angle, eta
        highest = max(highest, (scale * explorer.values).max())
    assert 0.5 * HIGHEST < highest < HIGHEST


def test_running_the_cell_again_keeps_everything_and_one_observer(in_cell):
    first = SymmetryExplorer()
    first.distance.value, first.zeta.value, first.sign.value = 4.2, 16, -1
    first.turn.click()
    first.relabel.click()
    again = SymmetryExplorer()
    assert (again.distance.value, again.zeta.value, again.sign.value) == (4.2, 16, -1)
    assert torch.allclose(again.positions, first.positions) and np.allclose(again.values, first.values)
    picture = first.live.view.moving
    again.distance.value = 3.0
    assert first.live.view.moving == picture and first.comm is None


@pytest.mark.benchmark(group="widget tick")
def test_tick(benchmark):
    """A slider tick must cost the kernel at most 25 ms."""
    explorer = SymmetryExplorer()
    values = iter(np.linspace(2.0, 5.0, 100_000))

    def tick():
        explorer.distance.value = next(values)

    benchmark(tick)
