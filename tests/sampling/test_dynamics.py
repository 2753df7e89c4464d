"""Molecular dynamics: the right physics, frames that carry their results, and plain words when a run goes wrong."""

import itertools
from typing import Any

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from mininnip import Calculator, Potential, sampling
from mininnip.classical import PairPotential, StillingerWeber, lennard_jones
from mininnip.model import Model
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics


@pytest.fixture
def silicon():
    atoms = bulk("Si", cubic=True) * (2, 2, 2)
    atoms.calc = Calculator(Potential(StillingerWeber()))
    return atoms


def test_constant_energy_is_velocity_verlet_and_conserves_it_better_with_a_shorter_step(silicon):
    spread = []
    for time_step in (2.0, 1.0):
        steps = int(40 / time_step)
        frames = list(molecular_dynamics(silicon, 600, 5, steps, time_step))
        spread.append(np.ptp([frame.get_total_energy() for frame in frames]))
    assert spread[0] / len(silicon) < 3e-4  # eV per atom
    assert 3 < spread[0] / spread[1] < 5  # the error of velocity Verlet grows as the square of the time step
    by_ase = next(iter(molecular_dynamics(silicon, 600, 1, 1, 1.0)))
    moving = silicon.copy()
    moving.calc = silicon.calc
    first = next(iter(molecular_dynamics(silicon, 600, 1, 1, 1e-9)))
    moving.set_velocities(first.get_velocities())
    VelocityVerlet(moving, 1.0 * units.fs).run(1)
    assert np.allclose(moving.positions, by_ase.positions, atol=1e-7)


def test_a_bath_brings_the_temperature(silicon):
    frames = list(molecular_dynamics(silicon, 800, 60, 20, 2.0, friction=0.02))
    temperatures = [frame.info["temperature"] for frame in frames[20:]]
    assert np.mean(temperatures) == pytest.approx(800, rel=0.12)  # 64 atoms: 10 % from frame to frame


def test_a_bath_that_changes_heats_and_a_constant_one_is_a_number(silicon):
    asked = []

    def ramp(time):
        asked.append(time)
        return 300 if time < 0.4 else 1500

    frames = list(molecular_dynamics(silicon, ramp, 80, 10, 2.0, friction=0.02))
    temperatures = [frame.info["temperature"] for frame in frames]
    assert asked == pytest.approx([0, *0.02 * np.arange(80)])  # once for the first velocities, then before every frame
    assert np.mean(temperatures[10:20]) == pytest.approx(300, rel=0.15)
    assert np.mean(temperatures[50:]) == pytest.approx(1500, rel=0.15)
    (constant,) = molecular_dynamics(silicon, lambda _: 700, 1, 10, 2.0, friction=0.02)
    (number,) = molecular_dynamics(silicon, 700, 1, 10, 2.0, friction=0.02)
    assert (constant.positions == number.positions).all()


def test_a_bath_that_turns_negative_ends_in_words(silicon):
    with pytest.raises(ValueError, match=r"the temperature at 0\.002 ps must not be negative"):
        list(molecular_dynamics(silicon, lambda time: 300 - 3e5 * time, 3, 1, 2.0, friction=0.02))


def test_frames_carry_time_results_and_velocities_and_the_given_atoms_stay(silicon):
    before = silicon.positions.copy()
    frames = list(molecular_dynamics(silicon, 500, 3, 4, 2.0))
    assert [frame.info["time"] for frame in frames] == pytest.approx([0.008, 0.016, 0.024])
    assert (silicon.positions == before).all()
    for frame in frames:
        again = frame.copy()
        again.calc = silicon.calc
        assert frame.get_potential_energy() == pytest.approx(again.get_potential_energy(), abs=1e-10)
        assert np.allclose(frame.get_forces(), again.get_forces(), atol=1e-10)
        assert np.allclose(frame.get_potential_energies(), again.get_potential_energies(), atol=1e-10)
        assert frame.info["temperature"] == pytest.approx(frame.get_temperature())
        assert np.allclose(frame.get_momenta().sum(0), 0, atol=1e-9)


def test_the_seed_decides_everything_and_the_loop_can_be_left(silicon):
    runs = [next(iter(molecular_dynamics(silicon, 500, 10, 5, 1.0, 0.01, seed=seed))) for seed in (1, 1, 2)]
    assert (runs[0].positions == runs[1].positions).all()
    assert not np.allclose(runs[0].positions, runs[2].positions)
    assert len(list(itertools.islice(molecular_dynamics(silicon, 500, 1000, 1), 2))) == 2


def test_without_temperature_the_velocities_of_the_atoms_are_taken(silicon):
    silicon.set_velocities(np.full((64, 3), 0.01))
    (frame,) = molecular_dynamics(silicon, None, 1, 1)
    assert np.allclose(frame.get_velocities(), 0.01, atol=1e-10)


def test_a_single_atom_keeps_its_velocity():
    atom = Atoms("Ar", calculator=Calculator(Potential(PairPotential(lennard_jones, 7.0, epsilon=0.01, sigma=3.4))))
    (frame,) = molecular_dynamics(atom, 300, 1, 1)
    assert frame.info["temperature"] == pytest.approx(frame.get_kinetic_energy() / (1.5 * units.kB))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(time_step=0.0), "time_step"),
        (dict(n_frames=-1), "n_frames"),
        (dict(steps_per_frame=0), "steps_per_frame"),
        (dict(temperature=-5.0), "temperature"),
        (dict(friction=-0.1), "friction"),
        (dict(temperature=None, friction=0.1), "a bath needs both"),
        (dict(temperature=lambda time: 300), "that changes is that of a bath"),
        (dict(temperature=lambda time: "hot", friction=0.1), "temperature must be a finite number"),
        (dict(closest=-1.0), "closest"),
        (dict(time_step=np.nan), "time_step must be a finite number"),
        (dict(temperature="hot"), "temperature must be a finite number"),
        (dict(n_frames=2.5), r"must be whole, got 2\.5"),
    ],
)
def test_settings_without_sense_are_refused_at_once(silicon, arguments, words):
    with pytest.raises(ValueError, match=words):
        molecular_dynamics(silicon, **(dict(temperature=300.0, n_frames=1) | arguments))


def test_atoms_without_calculator_are_refused():
    with pytest.raises(ValueError, match="no calculator"):
        molecular_dynamics(molecule("H2O"), 300, 1)


def test_atoms_that_come_too_close_end_the_run_and_are_named(silicon):
    silicon.positions[5] = silicon.positions[4] + [1.2, 0, 0]
    with pytest.raises(ValueError, match=r"atoms (4 and 5|5 and 4) are 1\.\d\d Å apart"):
        list(molecular_dynamics(silicon, 1, 1, 1, 0.01, closest=1.5))


class Lost(Model):
    """A model that has lost its mind."""

    cutoff = 5.0

    def forward(self, graph):
        return {"energy": (graph.positions.sum() * float("nan"))[None]}


def test_positions_that_are_not_finite_end_the_run(silicon):
    silicon.calc = Calculator(Potential(Lost()))
    with pytest.raises(ValueError, match="not finite"):
        list(molecular_dynamics(silicon, 300, 1, 1))


def argon_pair(distance):
    argon = PairPotential(lennard_jones, 7.0, epsilon=0.0103, sigma=3.4)
    return Atoms("Ar2", [[0, 0, 0], [distance, 0, 0]], calculator=Calculator(Potential(argon)))


def test_an_exploding_pair_ends_with_a_sentence():
    with pytest.raises(RunEnded, match=r"atom [01] moves by .* Å in one time step: the potential has met structures"):
        list(molecular_dynamics(argon_pair(0.9), 10, 50, 10, 1.0, closest=0))


def test_the_frames_before_the_end_are_kept():
    pair = argon_pair(3.8)
    pair.set_velocities([[0.1, 0, 0], [-0.1, 0, 0]])  # they fly at each other, until they are too close
    with pytest.raises(RunEnded, match=r"atoms 0 and 1 are \d\.\d\d Å apart|atoms 1 and 0 are") as end:
        list(molecular_dynamics(pair, None, 1000, 5, 1.0, closest=3.0))
    times = [frame.info["time"] for frame in end.value.frames]
    assert len(times) > 3
    assert times == pytest.approx(0.005 * np.arange(1, len(times) + 1))
    assert min(frame.get_distance(0, 1) for frame in end.value.frames) > 3.0


def test_what_the_calculator_refuses_ends_the_run_with_its_words(silicon):
    class Refuses(Calculator):
        def calculate(self, atoms: Any = None, properties=("energy",), system_changes=()):
            if np.ptp(atoms.positions[:, 0]) > 8.2:
                raise ValueError("the structure is too long")
            super().calculate(atoms, properties, system_changes)

    silicon.calc = Refuses(Potential(StillingerWeber()))
    silicon.set_velocities(np.linspace(0, 0.05, 64)[:, None] * [1, 0, 0])
    with pytest.raises(RunEnded, match=r"after 0\.\d+ ps the structure is too long: the potential has met"):
        list(molecular_dynamics(silicon, None, 100, 1, 1.0))


def test_it_is_part_of_the_package():
    assert sampling.molecular_dynamics is molecular_dynamics
    assert sampling.RunEnded is RunEnded


def test_a_frame_keeps_its_forces_where_the_calculator_uses_its_arrays_again():
    """EMT does; a frame without a copy of them shows the forces of the last one."""
    atoms = bulk("Al", cubic=True) * (2, 2, 2)
    atoms.calc = EMT()
    plain = molecular_dynamics(atoms, 300, 3, 5, 2.0)
    biased = sampling.biased_dynamics(atoms, lambda moving: (0.0, np.zeros((32, 3))), 300, 3, steps_per_frame=5)
    for frames in (list(plain), list(biased)):
        for frame in frames:
            again = frame.copy()
            again.calc = EMT()
            assert np.allclose(frame.get_forces(), again.get_forces())
