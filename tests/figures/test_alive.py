"""A still picture stands in for what is not alive, and closing leaves nothing behind."""

from typing import Any

import ipywidgets
from ipywidgets.widgets.widget import _instances

from mininnip.figures import alive, viewer
from mininnip.figures.alive import close_all, display_alive
from mininnip.figures.picture import Picture

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def shown(monkeypatch, *arguments):
    """The bundles that `display_alive` displays."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: bundles.append(data))
    display_alive(*arguments)
    return bundles


def test_widget_first_then_its_picture_with_the_line_that_says_how_to_revive_it(monkeypatch):
    slider = ipywidgets.IntSlider()
    live, still = shown(monkeypatch, slider, Picture(b"pixels", 30, 20, "A <line>."))
    assert live[WIDGET_VIEW]["model_id"] == slider.model_id and live["text/plain"] == "IntSlider()"
    assert "mininnip-alive" in slider._dom_classes
    page = still["text/html"]
    assert 'alt="A &lt;line&gt;."' in page and "Run its cell again" in page
    assert 'class="mininnip-stand-in mininnip-if-dead"' in page and "image/png" in still
    _, beside = shown(monkeypatch, slider, Picture(b"pixels", 30, 20, "A line."), True)
    assert 'class="mininnip-stand-in"' in beside["text/html"]


def test_closing_takes_along_children_their_looks_their_links_and_what_is_kept():
    before = dict(_instances)
    other = ipywidgets.IntSlider()
    others = set(_instances) - set(before)
    play, slider, image = ipywidgets.Play(), ipywidgets.IntSlider(), ipywidgets.Image()
    ipywidgets.jslink((play, "value"), (slider, "value"))
    ipywidgets.jslink((other, "value"), (slider, "value"))
    box: Any = ipywidgets.VBox([ipywidgets.HBox([play]), slider])
    box.kept = [image]
    close_all(box)
    assert set(_instances) - set(before) == others
    assert image.comm is None and other.comm is not None


def test_a_viewer_is_closed_when_its_cell_runs_again_and_not_by_another_cell(monkeypatch):
    monkeypatch.setattr(viewer, "_shown", [])

    def show(cell, run):
        monkeypatch.setattr(viewer, "running_cell", lambda: (cell, run))
        viewer._forget_what_this_cell_showed()
        box = ipywidgets.VBox()
        viewer._shown.append(((cell, run), box))
        return box

    first, second = show("a", "1"), show("a", "1")
    other = show("b", "2")
    assert first.comm is not None and second.comm is not None
    again = show("a", "3")
    assert first.comm is None and second.comm is None and len(viewer._shown) == 2
    assert other.comm is not None and again.comm is not None


def test_outside_a_notebook_there_is_no_running_cell():
    assert alive.running_cell() is None
