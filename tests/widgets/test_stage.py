"""Stage: one view shows, the other stays where it is, hidden."""

import ipywidgets
from matplotlib.figure import Figure

from mininnip.figures.alive import close_all
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.stage import FLAT, SPACE, Stage


def shown(stage):
    return [child for child in stage.children if child.layout.display != "none"]


def flat_figure():
    figure = Figure()
    return LiveFigure(figure, [], "nothing")


def test_the_viewer_stays_in_the_page_once_it_has_been_shown():
    viewer, flat = ipywidgets.Label("3-D"), flat_figure()
    stage = Stage(viewer, flat)
    stage.show(FLAT)
    assert stage.children == (flat.view,)  # a viewer made in a hidden place would have no size
    stage.show(SPACE)
    assert shown(stage) == [viewer] and flat.view in stage.children
    stage.show(FLAT)
    assert shown(stage) == [flat.view] and viewer in stage.children
    stage.show(SPACE)
    assert shown(stage) == [viewer]


def test_closing_it_closes_also_the_view_that_was_never_shown():
    viewer, flat = ipywidgets.Label("3-D"), flat_figure()
    stage = Stage(viewer, flat)
    stage.show(FLAT)
    close_all(stage)
    assert viewer.comm is None and flat.view.comm is None and stage.comm is None


def test_without_a_viewer_the_figure_shows():
    flat = flat_figure()
    stage = Stage(None, flat)
    stage.show(SPACE)
    assert shown(stage) == [flat.view] == list(stage.children)
