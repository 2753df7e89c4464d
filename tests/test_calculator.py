"""The ASE calculator: results under ASE's names, dynamics that conserve energy, lists rebuilt only in time."""

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from mininnip import Calculator, Ensemble, Graph, Potential
from mininnip.classical import PairPotential, StillingerWeber, lennard_jones
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello


def argon(epsilon=0.0104, truncation="switched"):
    return Potential(PairPotential(lennard_jones, 7.0, truncation, epsilon=epsilon, sigma=3.4))


@pytest.fixture
def crystal():
    atoms = bulk("Ar", cubic=True, a=5.3) * (2, 2, 2)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_results_are_the_potentials(crystal):
    crystal.calc = Calculator(argon())
    out = argon()(Graph.from_atoms(crystal, 7.0), stress=True)
    assert crystal.get_potential_energy() == pytest.approx(out["energy"].item(), abs=1e-13)
    assert np.allclose(crystal.get_forces(), out["forces"], atol=1e-14)
    assert np.allclose(crystal.get_stress(voigt=False), out["stress"][0], atol=1e-16)
    assert np.allclose(crystal.get_potential_energies(), out["energies"], atol=1e-14)
    assert crystal.get_potential_energy(force_consistent=True) == crystal.get_potential_energy()


def test_forces_and_stress_are_ases_finite_differences(crystal):
    crystal.calc = Calculator(argon())
    assert np.allclose(crystal.get_forces()[:2], calculate_numerical_forces(crystal, 1e-4, range(2)), atol=1e-8)
    assert np.allclose(crystal.get_stress(), calculate_numerical_stress(crystal, 1e-5), atol=1e-9)


def test_energy_is_conserved_and_the_list_is_rebuilt_only_when_the_skin_is_used_up(crystal):
    crystal.calc = Calculator(argon(), skin=1.0)
    thermalize_momenta(crystal, 40, rng=np.random.default_rng(0))
    total, dynamics = [], VelocityVerlet(crystal, 5 * units.fs)
    dynamics.attach(lambda: total.append(crystal.get_total_energy()))
    dynamics.run(300)
    assert np.ptp(total) / len(crystal) < 2e-5  # eV per atom
    assert 1 <= crystal.calc.neighbors.n_builds < 10


def test_list_with_skin_changes_no_trajectory(crystal):
    ends = []
    for skin in (0.0, 1.5):
        atoms = crystal.copy()
        atoms.calc = Calculator(argon(), skin=skin)
        thermalize_momenta(atoms, 80, rng=np.random.default_rng(0))
        VelocityVerlet(atoms, 5 * units.fs).run(100)
        ends.append(atoms.positions)
    assert np.allclose(*ends, atol=1e-9)


def test_cell_can_be_relaxed():
    atoms = bulk("Si", a=5.6)
    atoms.calc = Calculator(Potential(StillingerWeber().double()))
    everything: Any = FrechetCellFilter(atoms)
    BFGS(everything, logfile=None).run(fmax=1e-6, steps=100)
    assert atoms.cell.array[0, 1] * 2 == pytest.approx(5.431, abs=1e-3)
    assert atoms.get_potential_energy() / 2 == pytest.approx(-4.3366, abs=1e-5)


def test_atoms_can_be_exchanged(crystal):
    crystal.calc = Calculator(argon())
    crystal.get_forces()
    smaller = crystal[:10]
    smaller.calc = crystal.calc
    assert smaller.get_forces().shape == (10, 3)


def test_ensemble_reports_its_spread(crystal):
    crystal.calc = Calculator(Ensemble([argon(0.010), argon(0.011)]))
    crystal.get_potential_energy()
    assert crystal.calc.results["energy_std"] > 0
    assert crystal.calc.results["forces_std"].shape == (len(crystal), 3)


def test_environments_outside_the_training_data_are_reported(crystal):
    model = BehlerParrinello(SymmetryFunctions((18,), 5.0, [(0.1, 0.0), (2.0, 3.7)])).double()
    graph = Graph.from_atoms(crystal, 5.0)
    model.readout.fit_scaling(model.descriptor(graph), graph.numbers)
    for potential in (Potential(model), Ensemble([Potential(model)] * 2)):
        atoms = crystal.copy()
        atoms.calc = Calculator(potential)
        atoms.get_forces()
        assert not atoms.calc.results["extrapolation"].any()
        atoms.positions[7] += 0.8
        atoms.get_forces()
        assert atoms.calc.results["extrapolation"].argmax() == 7


@pytest.mark.parametrize("given", [{}, {"dtype": torch.float32}])
def test_precision_is_that_of_the_weights_or_as_said(crystal, given):
    crystal.calc = Calculator(argon().float(), **given)
    assert crystal.calc.dtype == torch.float32
    assert Calculator(argon()).dtype == torch.float64
    double = argon()(Graph.from_atoms(crystal, 7.0))
    assert np.allclose(crystal.get_forces(), double["forces"], atol=1e-5)
    assert crystal.get_forces().dtype == np.float64


def test_bad_structures_are_refused_in_one_sentence(crystal):
    crystal.calc = Calculator(argon())
    crystal.positions[3, 1] = np.nan
    with pytest.raises(ValueError, match="position of atom 3 is not finite"):
        crystal.get_potential_energy()
    twice = Atoms("Ar2", [[0, 0, 0], [0, 0, 0]], calculator=Calculator(argon()))
    with pytest.raises(ValueError, match="at one place"):
        twice.get_forces()
    gas = molecule("H2O")
    gas.calc = Calculator(argon())
    with pytest.raises(ValueError, match="stress needs a volume"):
        gas.get_stress()


def test_device(device, crystal):
    dtype = torch.float32 if device.type == "mps" else torch.float64
    crystal.calc = Calculator(argon().to(dtype), dtype=dtype, device=str(device))
    double = argon()(Graph.from_atoms(crystal, 7.0))
    assert np.allclose(crystal.get_forces(), double["forces"], atol=1e-5)
