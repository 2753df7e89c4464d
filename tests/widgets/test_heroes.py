"""What every hero of the course does alike: remembers, ticks, makes way for the next run, and leaves nothing behind."""

import gc
import itertools
import threading
import time
import weakref

import ipywidgets
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ipywidgets.widgets.widget import _instances

import mininnip as mn
from mininnip.data.sets import Dataset, NamedArrays
from mininnip.figures import viewer
from mininnip.figures.alive import _parts
from mininnip.neural import Cartesian, CoordinateNetwork, Distances
from mininnip.widgets import panel as panel_module
from mininnip.widgets.panel import Panel
from mininnip.widgets.stage import FLAT, SPACE


def argon():
    law = mn.classical.lennard_jones
    model = mn.classical.PairPotential(law, cutoff=6.0, truncation="switched", epsilon=0.0104, sigma=3.4)
    atoms = bulk("Ar", "fcc", a=5.6, cubic=True) * (2, 2, 2)
    atoms.calc = mn.Calculator(mn.Potential(model))
    return (atoms,)


def dimer():
    r = torch.linspace(0.8, 4.0, 60, dtype=torch.float64)
    return ({"X₂": (r, mn.classical.morse(r, 4.0, 2.0, 1.2))},)


def trimer():
    pairs = Distances(list(itertools.combinations(range(3), 2)))
    return ({name: CoordinateNetwork(pairs, [18] * 3, (4,)).double() for name in ("a", "b")},)


def melt():
    silicon = mn.load_data("silicon")
    assert isinstance(silicon, Dataset)
    data = silicon.where(trajectory=1)
    functions = mn.descriptors.SymmetryFunctions((14,), 4.0, g2=[(4.0, 2.2), (4.0, 3.0)])
    r = np.arange(0.05, 5.2, 0.1)
    return data[::40], data[5:9], data[100].atoms()[0], functions, (r, np.ones_like(r))


def umbrella():
    def mass(hydrogen):
        return lambda x: 2.5 * hydrogen + 0 * x

    return (lambda x: 10.0 * (x**2 - 0.16) ** 2), mass


def ethanol():
    return (molecule("CH3CH2OH"), 1.7)


def attacked():
    members = []
    for seed in range(2):
        torch.manual_seed(seed)
        network = CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (4,)).double()
        members.append(mn.Potential(network, {1: 0.0}))
    return mn.Ensemble(members), torch.zeros(1, 2, dtype=torch.float64)


def molecules():
    data = mn.load_data("ethanol_gfn2")
    assert isinstance(data, Dataset)
    return lambda seed=0: mn.neural.SchNet(4.0, n_features=8, n_layers=1), data[:10], data[10:14]


def nequip():
    return molecule("CH3OH"), mn.neural.NequIP(4.0, n_features=2, n_layers=3, l_max=2).double()


def torsions():
    hessian = mn.load_data("ethanol_hessian")
    assert isinstance(hessian, NamedArrays)
    arrays = hessian.arrays
    atoms = Atoms(arrays["numbers"], arrays["positions"])
    torch.manual_seed(0)
    schnet = mn.neural.SchNet(4.0, n_features=8, n_layers=1)
    atoms.calc = mn.Calculator(mn.Potential(schnet, dict.fromkeys((1, 6, 8), 0.0)))
    return atoms, arrays["hessian"], [(0, 1, 2, 3), (2, 1, 0, 6)]


# For each hero: what it is given, and a control with a value that differs from the first.
HEROES = {
    "Landscape": (tuple, "temperature", 40),
    "PairFit": (dimer, "form", "Morse"),
    "MeltPlayer": (argon, "temperature", 90),
    "Approximator": (tuple, "neurons", 5),
    "Trimer": (trimer, "inputs", "b"),
    "SymmetryExplorer": (tuple, "distance", 4.0),
    "Tunneling": (umbrella, "hill", 0.4),
    "MessageGraph": (ethanol, "steps", 2),
    "ForceTraining": (molecules, "weight", 0.5),
    "NetworkMelt": (melt, "temperature", 4000),
    "TurningMolecule": (nequip, "bias", True),
    "TorsionCloud": (torsions, "temperature", 700),
    "AttackMap": (attacked, "temperature", 1.0),
}


@pytest.fixture(params=HEROES)
def hero(request, monkeypatch):
    """A function that makes the hero as a cell of a notebook does, the control and its other value."""
    make, control, value = HEROES[request.param]
    arguments, kind = make(), getattr(mn.widgets, request.param)
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")
    yield lambda: kind(*arguments), control, value
    for panel in Panel._living.values():
        panel.retire()


def test_a_control_changes_the_picture_and_a_new_run_remembers_it(hero):
    make, control, value = hero
    first = make()
    assert getattr(first, control).value != value
    getattr(first, control).value = value
    assert "did not work" not in first.status.value
    again = make()
    assert getattr(again, control).value == value
    assert again.live.picture().png == first.live.picture().png


def test_parameters_and_windows_of_a_fit_are_remembered(monkeypatch):
    monkeypatch.setattr(Panel, "_living", {})
    monkeypatch.setattr(panel_module, "_running_cell", lambda: "cell-1")
    first = mn.widgets.PairFit(*dimer())
    first.window.value = (1.0, 3.0)
    first.fit.click()
    again = mn.widgets.PairFit(*dimer())
    assert again.window.value == (1.0, 3.0) and again.parameters == pytest.approx(first.parameters)
    again.retire()


def test_new_runs_keep_neither_widgets_nor_memory_nor_threads(hero):
    make, *_ = hero
    make()
    n_widgets, n_threads, left = len(_instances), threading.active_count(), []
    for _ in range(3):
        left.append(weakref.ref(make()))
    gc.collect()
    assert len(_instances) == n_widgets and threading.active_count() == n_threads
    assert [panel() is not None for panel in left] == [False, False, True]


def test_no_widget_refers_to_one_that_is_gone(hero):
    """A page that is reloaded asks for all of them, and shows none if one cannot be made."""
    make, *_ = hero
    make()
    make()
    for widget in list(_instances.values()):
        for model in models(widget.get_state()):
            assert model in _instances, f"{type(widget).__name__} holds a closed widget"


def models(state):
    """Identifiers of the widgets that a state refers to."""
    if isinstance(state, str):
        return [state.removeprefix("IPY_MODEL_")] if state.startswith("IPY_MODEL_") else []
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return [model for part in parts for model in models(part)]


def test_it_works_without_the_viewer(hero, monkeypatch):
    make, control, value = hero
    monkeypatch.setattr(viewer, "_viewer", lambda frames: 1 / 0)
    panel = make()
    getattr(panel, control).value = value
    assert "did not work" not in panel.status.value
    if hasattr(panel, "stage"):
        assert panel.stage.children == (panel.stage.flat.view,)
        panel.stage.look.value = FLAT
        panel.stage.look.value = SPACE
        assert panel.stage.children == (panel.stage.flat.view,) and "doctor" in panel.status.value


def test_its_buttons_and_sliders_have_names_that_browser_tests_and_screen_readers_find(hero):
    make, *_ = hero
    panel = make()
    for part in _parts(panel):
        if isinstance(part, ipywidgets.Button | ipywidgets.FloatSlider | ipywidgets.IntSlider):
            assert part.description or part.tooltip, part
    assert panel.live.view.alt and panel.status in panel.children


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark, hero):
    """What a move of a control costs the kernel; at most 25 ms for one that only draws."""
    make, control, value = hero
    widget = getattr(make(), control)
    values = itertools.cycle((value, widget.value))
    benchmark(lambda: setattr(widget, "value", next(values)))
