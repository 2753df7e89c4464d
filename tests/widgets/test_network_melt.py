"""NetworkMelt: train, stop, melt, stop, train on; red is outside; without repulsion atoms may fuse, and it says so."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.figures.plotting import ATTACK
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.widgets import network_melt as module
from mininnip.widgets.network_melt import EPOCHS, NetworkMelt
from mininnip.widgets.stage import FLAT

R = np.arange(0.05, 5.2, 0.1)
G = np.ones_like(R)


def make(reference=(R, G), pbc=True):
    data = mn.load_data("silicon")
    assert isinstance(data, Dataset)
    data, functions = data.where(trajectory=1), mn.descriptors.SymmetryFunctions((14,), 4.0, [(4.0, 2.2), (4.0, 3.0)])
    start = data[100].atoms()[0]
    start.pbc = pbc
    return NetworkMelt(data[::20], data[5:9], start, functions, reference)


@pytest.fixture
def panel():
    panel = make()
    panel.look.value = FLAT
    yield panel
    panel.retire()


def red(panel):
    colors = [tuple(color) == to_rgba(ATTACK) for color in panel.stage._dots.get_facecolor()]
    return set(np.argsort(panel.memory["frame"].get_positions(wrap=True)[:, 2])[colors])


def steps(work, n):
    return [next(work) for _ in range(n)]


def test_it_learns_can_be_stopped_and_goes_on_and_reset_makes_another(panel):
    training = panel._training()
    steps(training, 4)
    training.close()
    errors, potential = list(panel.memory["errors"]), panel.memory["potential"]
    assert len(errors) == 4 and errors[-1] < errors[0] and "3 epochs, force error" in panel.status.value
    steps(panel._training(), 3)
    assert panel.memory["errors"][:4] == errors and len(panel.memory["errors"]) == 6
    panel.memory["errors"] += [100.0] * EPOCHS
    panel._draw()
    assert panel.drawn.above.get_xlim()[1] == 2 * EPOCHS
    panel.reset.click()
    assert panel.memory["potential"] is not potential and panel.memory["errors"] == []
    assert panel.drawn.above.get_xlim()[1] == EPOCHS and "untrained" in panel.status.value


def test_red_atoms_are_outside_g_is_that_of_the_frames_and_a_new_setting_starts_it_anew(panel):
    run = panel._melting()
    steps(run, 1)
    assert "knows no training data" in panel.status.value
    steps(panel._training(), 3)
    panel._known = 0.0  # no pair is nearer: red is what the network says
    steps(run, 2)
    grades = panel.memory["frame"].calc.results["extrapolation"]
    assert red(panel) == set(np.flatnonzero(grades > 0)) and f"{(grades > 0).sum()} of 64 atoms" in panel.status.value
    np.testing.assert_allclose(panel.drawn._g.get_ydata(), np.mean(panel.memory["g"], axis=0))
    for setting, value in ((panel.temperature, 600), (panel.repulsion, True)):
        assert len(panel.memory["g"]) > 1
        setting.value = value
        steps(run, 1)
        assert len(panel.memory["g"]) == 1
        steps(run, 1)
    before = panel.memory["frame"]
    steps(panel._melting(), 1)
    assert np.abs(panel.memory["frame"].positions - before.positions).max() < 1  # it goes on from there


def test_repulsion_forbids_what_the_network_alone_allows(panel):
    steps(panel._training(), 3)
    pushed = panel.memory["frame"].copy()
    near = pushed.get_distances(0, range(1, 64), mic=True).argmin() + 1
    energies = {}
    for repulsion in (False, True):
        panel.repulsion.value = repulsion
        pushed.calc = mn.Calculator(panel._forces())
        for distance in (0.8, 1.76):
            pushed.set_distance(0, near, distance, mic=True)
            energies[repulsion, distance] = pushed.get_potential_energy()
    assert energies[True, 1.76] == energies[False, 1.76]
    assert energies[True, 0.8] > energies[False, 0.8] + 50


def test_two_atoms_that_fuse_are_red_are_said_and_stay_until_the_next_melt(panel, monkeypatch):
    def falling_together(atoms, *arguments, **keywords):
        frame = next(molecular_dynamics(atoms, *arguments, **keywords))
        frame.positions[20] = frame.positions[7] + [1.1, 0, 0]
        yield frame
        raise RunEnded(f"after 0.010 ps atoms 7 and 20 are {words}", [])

    monkeypatch.setattr(module, "molecular_dynamics", falling_together)
    words = "0.90 Å apart"
    for _ in panel._melting():
        assert "Atoms 7 and 20 are 1.10 Å apart" in panel.status.value
    assert "collapsed" in panel.status.value and "atoms 7 and 20, drawn red, fuse; 1.10 Å apart" in panel.status.value
    assert red(panel) == {7, 20} and f"nearer than {panel._known:.2f} Å" in panel.status.value
    panel.repulsion.value, words = True, "lost"
    list(panel._melting())
    assert "The melt has ended: after 0.010 ps atoms 7 and 20 are lost" in panel.status.value
    monkeypatch.setattr(module, "molecular_dynamics", molecular_dynamics)
    steps(panel._melting(), 1)
    assert module.closest_pair(panel.memory["frame"])[2] > module.NEAR  # anew


@pytest.mark.parametrize(("change", "words"), [(dict(reference=(R,)), "at least one"), (dict(pbc=False), "periodic")])
def test_what_makes_no_melt_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        make(**change)
