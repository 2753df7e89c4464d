"""Plotting: the style, a figure with its description, and the figures that the course repeats."""

import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.image import imread

from mininnip.classical import fit_law, lennard_jones
from mininnip.figures import plotting
from mininnip.surfaces import StationaryPoint


def labels_of(axes):
    """What the legend of axes says."""
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(autouse=True)
def _in_style():
    with matplotlib.rc_context():
        plotting.style()
        yield
    plt.close("all")


def test_style_is_readable_and_the_colors_keep_their_meaning():
    sizes = ("font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize", "axes.titlesize")
    assert min(matplotlib.rcParams[name] for name in sizes) >= 11
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    assert cycle[:3] == [plotting.REFERENCE, plotting.MODEL, plotting.SECOND]
    assert matplotlib.rcParams["figure.constrained_layout.use"]


def test_show_gives_picture_size_and_description_once():
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot([1, 2])
    picture = plotting.show(figure, "A rising line.")
    data, metadata = picture._repr_mimebundle_()
    assert data["text/plain"] == repr(picture) == metadata["image/png"]["alt"] == "A rising line."
    assert (metadata["image/png"]["width"], metadata["image/png"]["height"]) == (400, 300)
    assert imread(io.BytesIO(picture.png)).shape[:2] == (450, 600)
    assert plt.get_fignums() == []


def test_show_wants_a_description():
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="description"):
        plotting.show(figure, " ")


def test_picture_saves(tmp_path):
    picture = plotting.show(plt.figure(), "Nothing.")
    picture.save(tmp_path / "empty.png")
    assert (tmp_path / "empty.png").read_bytes() == picture.png


def test_energy_curve_draws_reference_as_black_points_and_model_as_blue_line():
    _, axes = plt.subplots()
    r = torch.linspace(1, 2, 5, requires_grad=True)
    plotting.energy_curve(axes, r, {"reference": r**2, "model": r}, points=["reference"])
    reference, model = axes.get_lines()[1:]
    assert reference.get_linestyle() == "None" and reference.get_color() == plotting.REFERENCE
    assert model.get_linestyle() == "-" and model.get_color() == plotting.MODEL
    np.testing.assert_array_equal(reference.get_ydata(), (r**2).detach())
    assert "Å" in axes.get_xlabel() and "eV" in axes.get_ylabel() and axes.get_legend() is not None


def test_landscape_puts_x_to_the_right_and_y_up():
    figure, axes = plt.subplots()
    filled = plotting.landscape(axes, lambda r: r[..., 0] + 10 * r[..., 1], [(0, 1), (0, 2)], np.arange(0, 22, 2.0))
    figure.canvas.draw()
    assert axes.get_xlim() == (0, 1) and axes.get_ylim() == (0, 2)
    levels = list(np.asarray(filled.levels))
    # The band between 10 and 12 lies at y from 1.0 to 1.2 at x = 0, and ends 0.1 lower at x = 1.
    band = filled.get_paths()[levels.index(10.0) + 1]
    assert band.contains_point((0.02, 1.1)) and band.contains_point((0.98, 1.0))
    assert not band.contains_point((0.98, 1.18))


def test_radial_distribution_starts_at_zero():
    _, axes = plt.subplots()
    plotting.radial_distribution(axes, [1, 2, 3], {"solid": [0, 2, 1], "liquid": [0, 1.5, 1]})
    assert axes.get_ylim()[0] == 0 and axes.get_legend() is not None


def values(line):
    """What a line shows: lists of x and y."""
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def test_parity_has_the_diagonal_and_says_the_rmse():
    _, axes = plt.subplots()
    plotting.parity(axes, np.array([0.0, 1.0, 2.0]), torch.tensor([0.0, 1.0, 5.0]), "eV")
    diagonal, points = axes.lines
    assert values(diagonal) == ([0, 5], [0, 5])
    assert values(points) == ([0, 1, 2], [0, 1, 5])
    assert points.get_color() == plotting.MODEL
    assert axes.texts[0].get_text() == "RMSE 1.73 eV"
    assert "reference (eV)" in axes.get_xlabel()
    with pytest.raises(ValueError, match=r"shapes, \(3,\) and \(2,\)"):
        plotting.parity(axes, np.zeros(3), np.zeros(2), "eV")


def test_learning_curve_names_every_count_and_the_baseline():
    _, axes = plt.subplots()
    plotting.learning_curve(axes, [1, 4, 16], torch.tensor([8.0, 4.0, 2.0]), "meV", baseline=10)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "4", "16"]
    assert values(axes.lines[0]) == ([1, 4, 16], [8, 4, 2])
    assert values(axes.lines[1])[1] == [10, 10]
    assert "meV" in axes.get_ylabel()


def test_scaling_fits_the_largest_sizes():
    _, axes = plt.subplots()
    sizes = np.array([10, 100, 200, 400])
    times = 2e-6 * sizes.astype(float) ** 3
    times[0] = 1.0  # overhead of a call
    assert plotting.scaling(axes, sizes, times, "solver", plotting.MODEL) == pytest.approx(3)
    assert axes.lines[1].get_label() == "solver: $N^{3.00}$"
    assert values(axes.lines[1])[1][1] == pytest.approx(2e-6 * 800.0**3)


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, mininnip; sys.exit('matplotlib' in sys.modules or 'IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_curves_are_drawn_in_the_order_of_the_colors_with_the_known_region_behind():
    _, axes = plt.subplots()
    x = torch.linspace(0, 1, 5)[:, None]
    lines = {"true": x**2, "network": (3 * x).requires_grad_(), "line": x[:, 0].numpy()}
    plotting.curves(axes, x, lines, "r (Å)", "E (eV)", dashed=["line"], known=(0.25, 0.75))
    true, network = axes.lines[:2]
    assert [drawn.get_color() for drawn in axes.lines] == [plotting.REFERENCE, plotting.MODEL, plotting.SECOND]
    assert [drawn.get_linestyle() for drawn in axes.lines] == ["-", "-", "--"]
    np.testing.assert_allclose(np.asarray(true.get_xdata(), float), x[:, 0])
    np.testing.assert_allclose(np.asarray(network.get_ydata(), float), 3 * x[:, 0])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["true", "network", "line"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("r (Å)", "E (eV)")
    (band,) = axes.patches
    assert band.get_extents().width == pytest.approx(
        axes.transData.transform([0.75, 0])[0] - axes.transData.transform([0.25, 0])[0]
    )
    plotting.curves(alone := plt.figure().subplots(), x, {"true": x}, "r (Å)", "E (eV)")
    assert alone.get_legend() is None
    assert not alone.patches


def test_spread_draws_every_run_and_the_medians():
    _, axes = plt.subplots()
    runs = torch.tensor([[1.0, 8.0, 2.0], [3.0, 5.0, 4.0]], requires_grad=True)
    plotting.spread(axes, (2, 8), {"test": runs, "training": runs / 2}, "neurons", "RMSE")
    lines = axes.get_lines()
    assert [line.get_color() for line in lines[3::4]] == ["C1", "C2"]
    np.testing.assert_array_equal(lines[3].get_ydata(), [2, 4])
    np.testing.assert_array_equal([line.get_ydata() for line in lines[:3]], runs.detach().T)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2", "8"]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert labels_of(axes) == ["test", "training"]


def test_a_line_may_have_its_own_places_be_points_and_the_axes_options():
    axes = plt.figure().subplots()
    lines = {"law": [1.0, 2.0], "data": (torch.tensor([5.0, 6.0, 7.0]), [1.0, 2.0, 3.0])}
    plotting.curves(axes, [0.0, 1.0], lines, "r", "E", points=["data"], xlim=(-1, 8), yscale="log")
    law, data = axes.lines
    assert (law.get_marker(), data.get_marker(), data.get_linestyle()) == ("None", "o", "None")
    np.testing.assert_allclose(np.asarray(data.get_xdata(), float), [5, 6, 7])
    assert (axes.get_xlim(), axes.get_yscale()) == ((-1, 8), "log")


def test_fits_are_drawn_in_units_of_the_depth_above_what_they_leave():
    above, below = plt.figure().subplots(2, 1)
    r = torch.linspace(3, 6, 20, dtype=torch.float64)
    energy = lennard_jones(r, 0.02, 3.0)
    low = energy <= -energy.min()
    fit = fit_law(lennard_jones, r[low], energy[low] + 0.001, {"epsilon": 0.02, "sigma": 3.0})
    plotting.fits(above, below, (r, energy), {"law": fit})
    depth = float(-energy.min())
    np.testing.assert_allclose(np.asarray(above.lines[0].get_ydata(), float), energy / depth)
    np.testing.assert_allclose(np.asarray(below.lines[0].get_xdata(), float), r[low])
    np.testing.assert_allclose(np.asarray(below.lines[0].get_ydata(), float), fit.residual / depth)
    assert above.lines[1].get_label() == "law"
    assert to_hex(above.lines[1].get_color()) == to_hex(below.lines[0].get_color()) == plotting.MODEL.lower()


def test_modes_end_where_the_parabola_has_changed_and_the_one_downhill_is_red():
    axes = plt.figure().subplots()
    curvatures, along = torch.tensor([-8.0, 2.0]), torch.eye(2)
    plotting.modes(axes, StationaryPoint(torch.tensor([1.0, 2.0]), 0.0, curvatures, along), change=4.0)
    down, up, place = axes.lines
    assert (down.get_color(), down.get_linestyle(), up.get_color()) == (plotting.ATTACK, "--", "white")
    np.testing.assert_allclose(np.asarray(down.get_xdata(), float), [0, 2])
    np.testing.assert_allclose(np.asarray(up.get_ydata(), float), [0, 4])
    assert place.get_marker() == "o"


def test_liquids_are_drawn_with_the_reference_black_the_model_blue_and_a_band_between_two_runs():
    r, angle = np.linspace(0, 5, 6), np.linspace(0, 180, 4)
    one, two = (np.ones(6), np.ones(4)), (np.arange(6.0), np.arange(4.0))
    structures = {"ab initio": one, "Tersoff": two, "network": (torch.ones(6), torch.ones(4))}
    figure = plotting.liquids(r, angle, structures, band=(one, two))
    for panel, x, n in zip(figure.axes, (r, angle), (6, 4), strict=True):
        reference, other, model = panel.get_lines()
        assert (reference.get_color(), other.get_color(), model.get_color()) == (
            plotting.REFERENCE,
            plotting.SECOND,
            plotting.MODEL,
        )
        assert np.array_equal(other.get_xdata(), x) and np.array_equal(other.get_ydata(), np.arange(n))
        (area,) = panel.collections
        assert area.get_datalim(panel.transData).y1 == n - 1
    assert labels_of(figure.axes[0]) == list(structures)


def test_graph_draws_a_dot_for_each_node_and_a_line_for_each_edge():
    axes = plt.figure().subplots()
    places = np.array([(0.0, 0.0, 5.0), (1.0, 0.0, 5.0), (1.0, 2.0, 5.0)])
    dots = plotting.graph(axes, places, torch.tensor([(0, 1), (1, 2)]), ["C1", "C2", "C1"], ["H", "O", "H"])
    np.testing.assert_array_equal(dots.get_offsets(), places[:, :2])
    assert [np.asarray(line.get_xydata()).tolist() for line in axes.lines] == [[[0, 0], [1, 0]], [[1, 0], [1, 2]]]
    assert [text.get_text() for text in axes.texts] == ["H", "O", "H"]
    numbers = plotting.graph(axes, places, [(0, 2)], torch.tensor([1.0, 2.0, 3.0]))
    assert numbers.get_array().tolist() == [1, 2, 3]


def test_harmonics_have_one_shape_for_each_order_and_both_signs():
    figure = plt.figure(figsize=(9, 2))
    plotting.harmonics(figure, 2)
    assert [axes.get_title() for axes in figure.axes] == ["l = 0"] + 3 * ["l = 1"] + 5 * ["l = 2"]
    vectors = np.array([axes.get_zlim()[1] for axes in figure.axes[1:4]])  # pyright: ignore[reportAttributeAccessIssue]
    assert vectors.argmax() == 1, "the second component of a vector, y, points up"
    plt.close(figure)
