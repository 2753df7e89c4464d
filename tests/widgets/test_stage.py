"""Stage: one view shows, the other stays where it is, hidden; both show the atoms that were placed last."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from matplotlib.colors import to_rgba

from mininnip.figures import viewer
from mininnip.figures.alive import close_all
from mininnip.figures.plotting import ATTACK, MODEL, SECOND
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import FLAT, SPACE, Stage


@pytest.fixture
def atoms():
    return bulk("Ar", "fcc", a=5.3, cubic=True)


def make(atoms):
    return Stage(Panel("stage"), atoms, 300, "The atoms.")


def shown(stage):
    return [child for child in stage.children if child.layout.display != "none"]


def test_the_viewer_stays_in_the_page_once_it_has_been_shown(atoms):
    stage = make(atoms)
    assert shown(stage) == [stage.viewer]
    stage.look.value = FLAT
    assert shown(stage) == [stage.flat.view] and stage.viewer in stage.children
    stage.look.value = SPACE
    assert shown(stage) == [stage.viewer]


def test_the_view_that_is_turned_to_shows_the_last_positions(atoms):
    stage, sent = make(atoms), []
    stage.viewer.set_coordinates = sent.append
    stage.place(atoms.positions + 0.5)
    np.testing.assert_array_equal(sent[-1][0], atoms.positions + 0.5)
    stage.look.value = FLAT
    np.testing.assert_allclose(np.sort(stage._dots.get_offsets()[:, 0]), np.sort(atoms.positions[:, 0] + 0.5))
    stage.place(atoms.positions + 0.7)
    stage.look.value = SPACE
    np.testing.assert_array_equal(sent[-1][0], atoms.positions + 0.7)


def test_marked_atoms_are_red_and_the_viewer_is_told_only_when_it_changes(atoms):
    stage, told = make(atoms), []
    stage.viewer._set_selection = lambda chosen, **_: told.append(chosen)
    marked = np.array([False, True, False, True])
    for mask in (marked, marked, ~marked, np.zeros(4, bool)):
        stage.place(atoms.positions, mask)
    assert told == ["@1,3", "@0,2", "none"]
    stage.look.value = FLAT
    stage.place(np.arange(12.0).reshape(4, 3)[::-1], marked)  # the highest atom first: drawn last
    colors = [tuple(color) for color in stage._dots.get_facecolor()]
    assert colors == [to_rgba(color) for color in (ATTACK, MODEL, ATTACK, MODEL)]


def test_closing_it_closes_also_the_view_that_was_never_shown(atoms):
    stage = make(atoms)
    close_all(stage)
    assert stage.viewer.comm is None and stage.flat.view.comm is None and stage.comm is None


def test_without_a_viewer_the_figure_shows_and_the_remedy_is_named(atoms, monkeypatch):
    monkeypatch.setattr(viewer, "_viewer", lambda frames: 1 / 0)
    stage = make(atoms)
    assert shown(stage) == [stage.flat.view] == list(stage.children)
    stage.look.value = FLAT
    stage.look.value = SPACE
    assert shown(stage) == [stage.flat.view] and "doctor" in stage._panel.status.value


def test_a_molecule_in_a_box_has_sticks_and_marks_in_the_color_asked_for():
    box = molecule("H2O")
    box.center(vacuum=1.0)
    stage = Stage(Panel("test"), box, 300, "water", SECOND)
    told = [(call["methodName"], *call["args"]) for call in stage.viewer._ngl_msg_archive]
    last = len(told) - 1 - told[::-1].index(("removeAllRepresentations",))
    assert told[last + 1 :] == [("addRepresentation", "ball+stick"), ("addRepresentation", "spacefill")]
    stage.viewer._set_selection = lambda chosen, **where: told.append((chosen, where["repr_index"]))
    stage.place(box.positions, np.array([True, False, False]))
    assert told[-1] == ("@0", 1)
    stage.look.value = FLAT
    stage.place(box.positions, np.array([True, False, False]))
    assert to_rgba(SECOND) in [tuple(color) for color in stage._dots.get_facecolor()]
