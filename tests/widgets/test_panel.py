"""Panel: memory when a cell runs again, one observer, errors that are said."""

import io
import threading

import ipywidgets
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from mininnip.widgets import panel as panel_module
from mininnip.widgets.background import Background
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel


class Wave(Panel):
    def __init__(self, ticks, label=""):
        super().__init__("wave", label)
        self.ticks = ticks
        self.live = LiveFigure(Figure(figsize=(3, 2)), [], "A line.")
        self.frequency = self.control("frequency", ipywidgets.FloatSlider(1.0, min=0.5, max=3.0), self._draw)
        self.again = self.button("again", "Again", self._draw)
        self.worker = self.background()
        self.show_all([self.live.view, self.frequency, self.again, self.worker])

    def _draw(self):
        if self.frequency.value > 2.9:
            raise ValueError("too fast")
        self.ticks.append(self.frequency.value)


@pytest.fixture
def in_cell(monkeypatch):
    """Pretend that cells of a notebook run."""
    monkeypatch.setattr(Panel, "_living", {})

    def run(cell):
        monkeypatch.setattr(panel_module, "_running_cell", lambda: cell)

    return run


def test_running_the_cell_again_keeps_values_and_leaves_one_observer(in_cell):
    in_cell("cell-1")
    ticks = []
    first = Wave(ticks)
    first.frequency.value = 2.0
    second = Wave(ticks)
    assert second.frequency.value == 2.0
    assert first.comm is None and first.frequency.comm is None  # closed in the browser as well
    ticks.clear()
    second.frequency.value = 1.5
    assert ticks == [1.5]
    assert list(Panel._living.values()) == [second]


def test_a_panel_below_makes_way_for_the_next_and_ends_with_its_owner(in_cell):
    in_cell(None)
    above, first, second = Wave([]), Wave([]), Wave([])
    above.put_below(first)
    above.put_below(second)
    assert first.comm is None and above.below.children == (second,) and above.children[-1] is above.below
    above.retire()
    assert second.comm is None


def test_another_cell_or_label_is_another_widget(in_cell):
    in_cell("cell-1")
    first = Wave([])
    first.frequency.value = 2.0
    labelled = Wave([], label="second")
    in_cell("cell-2")
    other = Wave([])
    assert first.frequency.value == 2.0 and labelled.frequency.value == other.frequency.value == 1.0


def test_running_the_cell_again_stops_its_thread(in_cell):
    in_cell("cell-1")

    def work():
        while True:
            yield 0.0, "running"

    first = Wave([])
    first.worker.start(work())
    Wave([])
    assert not first.worker.running


def test_without_a_notebook_nothing_is_remembered(in_cell):
    in_cell(None)
    Wave([]).frequency.value = 2.0
    assert Wave([]).frequency.value == 1.0


def test_an_error_in_a_callback_is_said_below(in_cell):
    in_cell(None)
    wave = Wave([])
    wave.frequency.value = 3.0
    assert "ValueError: too fast" in wave.status.value and 'role="status"' in wave.status.value


def test_controls_can_be_found_and_pressed(in_cell):
    in_cell(None)
    ticks = []
    wave = Wave(ticks)
    wave.again.click()
    assert ticks == [1.0]
    assert "wave-frequency" in wave.frequency._dom_classes and "wave-again" in wave.again._dom_classes
    assert "mininnip-wave" in wave._dom_classes and wave.children[-2] is wave.status


def test_it_is_displayed_alive_and_as_the_picture_it_is_now(in_cell, monkeypatch):
    in_cell(None)
    wave, shown = Wave([]), []
    wave.live.figure.subplots().plot([1, 2])
    monkeypatch.setattr(panel_module, "display_alive", lambda *arguments: shown.append(arguments))
    wave._ipython_display_()
    ((widget, picture),) = shown
    assert widget is wave and picture.alt == "A line."
    assert imread(io.BytesIO(picture.png)).shape[:2] == (200, 300) == (picture.height, picture.width)


def test_work_ends_when_nobody_is_left_to_stop_it(in_cell):
    in_cell(None)

    def work():
        while True:
            yield 0.0, "running"

    wave = Wave([])
    wave.worker.start(work())
    wave.live.view._handle_custom_msg({"x": 0.5, "y": 0.5}, [])
    assert wave.worker.running
    wave.live.view._handle_custom_msg({"left": True}, [])
    assert not wave.worker.running


def test_two_callbacks_at_once_take_turns():
    panel, inside, seen = Panel("turns"), [], []

    def callback():
        inside.append(1)
        seen.append(len(inside))
        threading.Event().wait(0.05)
        inside.pop()

    guarded = panel.guard(callback)
    threads = [threading.Thread(target=guarded) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert seen == [1, 1, 1, 1]


def test_a_callback_may_wait_for_background_work_that_calls_back():
    panel, calls = Panel("waits"), []
    call_back = panel.guard(lambda: calls.append(1))
    background = Background()

    def work():
        while True:
            call_back()
            yield 0.5, "working"

    background.start(work())
    while not calls:
        threading.Event().wait(0.01)
    stopper = threading.Thread(target=panel.guard(background.stop), daemon=True)
    stopper.start()
    stopper.join(timeout=10)
    assert not stopper.is_alive()
