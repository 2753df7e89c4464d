"""LiveFigure: what is sent, what a click and a key report, how long a tick takes."""

import io
import time
import zlib

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.image import imread

from mininnip.widgets import live_figure
from mininnip.widgets.live_figure import LiveFigure


def _wave(on_click=None):
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    x = np.linspace(0, 10, 300)
    axes.plot(x, np.cos(x), color="black")
    (line,) = axes.plot(x, np.sin(x))
    axes.set(xlim=(0, 10), ylim=(-2, 2), xlabel="x", ylabel="y")
    return LiveFigure(figure, [line], "A sine above a cosine.", on_click), line, x


def _pixels(packed):
    """What the browser makes of a packed picture: (height, width, 4) from 0 to 1."""
    width, height, *runs = np.frombuffer(zlib.decompress(packed), "<u4")
    lengths, colors = np.split(np.array(runs, "<u4"), 2)
    return np.repeat(colors, lengths).view(np.uint8).reshape(height, width, 4) / 255


def test_a_tick_changes_the_moving_layer_only():
    live, line, x = _wave()
    still, moving = live.view.still, live.view.moving
    line.set_ydata(np.sin(x + 1))
    live.refresh()
    assert live.view.still == still
    assert live.view.moving != moving


def test_layers_add_up_to_the_picture(monkeypatch):
    monkeypatch.setattr(live_figure, "PIXELS_PER_INCH", live_figure.DOTS_PER_INCH)
    live, _, _ = _wave()
    still, moving, both = _pixels(live.view.still), _pixels(live.view.moving), imread(io.BytesIO(live.picture().png))
    assert still.shape == moving.shape == both.shape == (600, 900, 4)
    alpha = moving[..., 3:]
    assert 0.001 < alpha.mean() < 0.05  # a line on nothing
    difference = np.abs(still[..., :3] * (1 - alpha) + moving[..., :3] * alpha - both[..., :3])
    assert (difference > 0.02).mean() < 1e-4  # what moves lies above the frame of the axes, in the picture below it


def test_a_picture_for_the_saved_page_leaves_the_next_tick_alone():
    live, _, _ = _wave()
    moving = live.view.moving
    live.picture()  # is drawn at another resolution
    live.view.moving = b""
    live.refresh()
    assert live.view.moving == moving


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 3), (20, 30)])
def test_packing_loses_nothing(shape):
    generator = np.random.default_rng(0)
    few = generator.integers(0, 2, (*shape, 4), dtype=np.uint8) * 255
    for pixels in (few, generator.integers(0, 256, (*shape, 4), dtype=np.uint8), np.zeros((*shape, 4), np.uint8)):
        assert np.array_equal(np.round(255 * _pixels(live_figure._packed(pixels))), pixels)


def test_redraw_sends_a_changed_background_and_keeps_the_layout():
    live, _, _ = _wave()
    still, place = live.view.still, live.figure.axes[0].get_position().bounds
    live.figure.axes[0].set_title("a title\nof two lines")
    live.redraw()
    assert live.view.still != still
    assert live.figure.axes[0].get_position().bounds == place


def test_the_figure_is_unknown_to_pyplot():
    before = plt.get_fignums()
    _wave()
    assert plt.get_fignums() == before


def test_a_click_reports_data_coordinates():
    clicks = []
    live, _, _ = _wave(lambda x, y: clicks.append((x, y)))
    axes = live.figure.axes[0]
    pixel = axes.transData.transform((2.5, -1.0)) / live.figure.bbox.size
    live.view._handle_custom_msg({"x": pixel[0], "y": pixel[1]}, [])
    live.view._handle_custom_msg({"x": 0.001, "y": 0.001}, [])  # outside the axes: nothing
    live.view._handle_custom_msg({"left": True}, [])  # the page was closed: not a click
    np.testing.assert_allclose(clicks, [(2.5, -1.0)], atol=1e-9)


def test_keys_move_a_cross_and_click():
    clicks = []
    live, _, _ = _wave(lambda x, y: clicks.append((x, y)))
    before = live.view.moving
    live.view._handle_custom_msg({"key": "ArrowRight", "shift": True}, [])
    assert live.view.moving != before
    for key in ("ArrowRight", "ArrowDown", "Enter", "ArrowUp", " "):
        live.view._handle_custom_msg({"key": key, "shift": False}, [])
    np.testing.assert_allclose(clicks, [(6.2, -0.08), (6.2, 0.0)], atol=1e-9)


def test_the_cross_stays_inside():
    clicks = []
    live, _, _ = _wave(lambda x, y: clicks.append((x, y)))
    for _ in range(30):
        live.view._handle_custom_msg({"key": "ArrowLeft", "shift": True}, [])
    live.view._handle_custom_msg({"key": "Enter", "shift": False}, [])
    np.testing.assert_allclose(clicks, [(0.0, 0.0)], atol=1e-9)


def test_alt_text_reaches_the_browser():
    live, _, _ = _wave()
    assert live.view.alt == "A sine above a cosine."


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark):
    """A slider tick must cost the kernel at most 25 ms."""
    live, line, x = _wave()

    def tick():
        line.set_ydata(np.sin(x + np.random.default_rng(0).random()))
        live.refresh()

    benchmark(tick)
