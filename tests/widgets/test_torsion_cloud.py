"""TorsionCloud: each sampler leaves its own dots, goes on where it stopped, follows the slider, starts over."""

import itertools

import numpy as np
import pytest
from ase import Atoms, units

import mininnip as mn
from mininnip.data.sets import data_folder
from mininnip.figures.torsion_map import COLORS
from mininnip.widgets.torsion_cloud import TorsionCloud


@pytest.fixture
def panel():
    arrays = np.load(data_folder() / "ethanol_hessian.npz")
    atoms = Atoms(arrays["numbers"], arrays["positions"])
    atoms.calc = mn.Calculator(mn.load(data_folder() / "schnet_ethanol.safetensors"))
    return TorsionCloud(atoms, arrays["hessian"], [(0, 1, 2, 3), (2, 1, 0, 6)])


@pytest.mark.parametrize("name", COLORS)
def test_every_sampler_leaves_its_dots_where_its_frames_are_and_goes_on(panel, name):
    panel.sampler.value = name
    for n in (3, 6):
        list(itertools.islice(panel._run(), 3))
        assert len(panel.frames[name]) == n
        assert "did not work" not in panel.status.value and f"{n} frames" in panel.status.value
    x, y = panel._map.clouds[name].get_data()
    for frame, *place in zip(panel.frames[name], x, y, strict=True):
        angles = [frame.get_dihedral(0, 1, 2, 3), frame.get_dihedral(2, 1, 0, 6)]
        assert np.cos(np.deg2rad(place)) == pytest.approx(np.cos(np.deg2rad(angles)), abs=1e-6)
    assert panel.frames[name][-1].info["sampler"].split(",")[0] == name
    panel.clear.click()
    assert not any(panel.frames.values()) and len(panel._map.clouds[name].get_xdata()) == 0


def test_rattling_has_the_energy_of_modes_and_temperature_is_followed_while_it_runs(panel):
    panel.sampler.value, amplitudes = "rattling", []
    for panel.temperature.value in (300, 1200):
        list(itertools.islice(panel._run(), 2))
        amplitudes.append(panel.frames["rattling"][-1].info["amplitude"])
    assert amplitudes[1] == pytest.approx(2 * amplitudes[0])
    assert (energy := amplitudes[0] ** 2 * np.trace(panel._hessian) / 2) == pytest.approx(21 * units.kB * 300 / 2)
    assert panel._map.mean.get_ydata()[0] == pytest.approx(4 * energy)
    running = panel._run()
    next(running)
    panel.temperature.value = 300
    next(running)
    assert panel.frames["rattling"][-1].info["amplitude"] == pytest.approx(amplitudes[0])


def test_hills_are_kept_for_the_next_run_and_what_cannot_be_shown_is_refused(panel):
    panel.sampler.value = "metadynamics"
    for n in (2, 4):
        list(itertools.islice(panel._run(), 2))
        assert len(panel.memory["hills"].heights) == n
    with pytest.raises(ValueError, match="atoms with a calculator, and two torsions"):
        TorsionCloud(Atoms("H2O"), np.eye(9), [(0, 1, 2, 3)] * 2)
