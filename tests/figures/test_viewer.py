"""The 3-D viewer: molecule, crystal, trajectory, a machine without nglview, and structures that cannot be shown."""

import io
import sys
import threading
import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from matplotlib.image import imread

import mininnip as mn
from mininnip.figures.viewer import view


def _orders(scene):
    """What the viewer tells the browser to do, as (method, first argument)."""
    orders = scene.viewer._ngl_msg_archive
    return [(order["methodName"], order["args"][0] if order["args"] else None) for order in orders]


def test_view_is_what_a_notebook_reaches_as_mn_view():
    assert mn.view is view
    assert view(molecule("NH3")).picture.alt == "Still picture of H3N, 4 atoms."


def test_molecule_has_bonds_and_a_picture_with_its_colors():
    scene = view(molecule("NH3"))
    (load,) = (order for order in scene.viewer._ngl_msg_archive if order["methodName"] == "loadFile")
    assert load["kwargs"]["defaultRepresentation"]  # balls and sticks
    assert "removeAllRepresentations" not in [method for method, _ in _orders(scene)]
    pixels = imread(io.BytesIO(scene.picture.png))[..., :3].reshape(-1, 3)
    nitrogen = np.array([0.188, 0.314, 0.973])  # Jmol's blue
    assert (np.abs(pixels - nitrogen).max(-1) < 0.02).sum() > 500


def test_crystal_is_spheres_in_a_cell_without_a_net_of_bonds():
    scene = view(bulk("Ar", "fcc", a=5.3, cubic=True))
    first, *then = [(method, what) for method, what in _orders(scene) if "Representation" in method]
    assert first == ("removeAllRepresentations", None)
    assert then == [("addRepresentation", "spacefill"), ("addRepresentation", "unitcell")]
    assert "in its unit cell" in scene.picture.alt


def test_trajectory_has_all_frames():
    frames = [molecule("H2O") for _ in range(5)]
    for k, frame in enumerate(frames):
        frame.positions[1, 0] += 0.1 * k
    scene = view(frames)
    assert scene.viewer.max_frame == 4
    assert "first, middle and last of 5 frames" in scene.picture.alt


def test_no_atom_of_a_moving_molecule_is_cut_off_in_the_picture():
    frames = [molecule("NH3") for _ in range(3)]
    for k, frame in enumerate(frames):
        frame.positions[0, 2] += 0.6 * (k - 1)
    pixels = imread(io.BytesIO(view(frames).picture.png))[..., :3]
    rim = [pixels[0], pixels[-1], pixels[:, 0]]
    assert all((side == 1).all() for side in rim)
    assert np.isclose(pixels[..., 2] - pixels[..., 0], 0.785, atol=0.02).sum() > 3000  # three nitrogens


def test_without_nglview_one_sentence_and_the_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "nglview", None)
    monkeypatch.delitem(sys.modules, "mininnip.figures.quiet_viewer", raising=False)
    scene = view(molecule("CH4"))
    assert scene.viewer is None and "doctor" in scene.why_not and "\n" not in scene.why_not
    assert len(scene.picture.png) > 1000


def test_in_a_terminal_it_says_what_to_do():
    assert "In a notebook it can be turned" in repr(view(molecule("CH4")))


def test_viewers_leave_no_threads():
    before = threading.active_count()
    scenes = [view(molecule("CH4")) for _ in range(5)]
    assert threading.active_count() == before and all(scene.viewer is not None for scene in scenes)


def test_what_a_viewer_is_told_is_sent_in_order_and_the_thread_then_ends():
    viewer, sent = view(molecule("CH4")).viewer, []
    viewer.send = lambda message, **_: sent.append(message["methodName"])
    viewer.loaded = True  # what was said so far goes out
    deadline = time.monotonic() + 30
    while "loadFile" not in sent:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    viewer._event.set()  # the browser has loaded it
    names = [f"deed{k}" for k in range(20)]
    for name in names:
        viewer._remote_call(name)
    while names[-1] not in sent or viewer._remote_call_thread._sending:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [name for name in sent if name in names] == names


@pytest.mark.parametrize(
    ("structure", "error", "words"),
    [
        ("NH3", TypeError, "ASE Atoms or a list"),
        (3, TypeError, "not int"),
        ([], ValueError, "nothing to view"),
        (Atoms(), ValueError, "nothing to view"),
        (Atoms("H", [[0, 0, float("nan")]]), ValueError, "frame 0 .* NaN"),
        ([molecule("H2O"), molecule("NH3")], ValueError, "frame 1 holds other atoms"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_sentence(structure, error, words):
    with pytest.raises(error, match=words):
        view(structure)
