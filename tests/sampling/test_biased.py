"""Biased dynamics: free energies that are known, escapes that plain dynamics does not make, bounds, plain words."""

import itertools
import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.calculators.calculator import Calculator as ASECalculator
from ase.calculators.calculator import all_changes

from mininnip import Ensemble, Graph, Potential, sampling
from mininnip.neural import Cartesian, CoordinateNetwork
from mininnip.sampling import Hills, RunEnded

KT = 0.025
TEMPERATURE = KT / units.kB


class Surface(ASECalculator):
    """Any energy of the positions (N, 3) that NumPy or PyTorch can tell."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, energy):
        super().__init__()
        self.energy = energy

    def calculate(self, atoms: Any = None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        r = torch.tensor(atoms.positions, requires_grad=True)
        energy = self.energy(r)
        self.results = {"energy": energy.item(), "forces": -torch.autograd.grad(energy, r)[0].numpy()}


def particle(energy, x=-1.0):
    return Atoms("H", [[x, 0, 0]], calculator=Surface(energy))


def double_well(r, barrier=8 * KT):
    """Minima at x = ±1, the barrier between them, springs across."""
    x, y, z = r[0]
    return barrier * (x**2 - 1) ** 2 + 0.5 * (y**2 + z**2)


def chain(energy_of_angle):
    """Four atoms with stiff bonds and angles and a torsion: F(φ) is the torsion's energy."""
    start = np.array([[0.5, 1.4, 0], [0, 0, 0], [1.5, 0, 0], [2.0, -1.3, 0.5]])
    pairs = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
    i, j = torch.tensor(pairs).T
    rest = torch.linalg.vector_norm(torch.tensor(start[j] - start[i]), dim=1)
    phi = sampling.torsions([[0, 1, 2, 3]])

    def energy(r):
        stretched = torch.linalg.vector_norm(r[j] - r[i], dim=1) - rest
        return 3.0 * stretched.square().sum() + energy_of_angle(phi(r)[0])

    return Atoms("C4", start, calculator=Surface(energy)), phi


FAST: Any = dict(time_step=4.0, friction=0.05)


def near(free, grid, place):
    """Mean of F within 0.15 of a place on the circle."""
    return free[np.abs(np.angle(np.exp(1j * (grid - place)))) < 0.15].mean()


def test_it_finds_the_free_energy_of_a_double_well_that_plain_dynamics_does_not_leave():
    """Eight kT of barrier, within one kT, in fewer than 1e4 steps."""
    atoms, hills = particle(double_well), Hills(0.4 * KT, 0.15, bias_factor=10)
    how: Any = dict(steps_per_frame=5, closest=0, seed=1, **FAST)
    frames = list(sampling.metadynamics(atoms, lambda r: r[0, :1], TEMPERATURE, 1500, hills, **how))
    plain = list(sampling.molecular_dynamics(atoms, TEMPERATURE, 1500, **how))
    assert max(frame.positions[0, 0] for frame in plain) < 0.3
    assert max(frame.positions[0, 0] for frame in frames) > 0.9
    x = np.linspace(-1.3, 1.3, 53)
    free = hills.free_energy(x[:, None])
    wells, top = [free[np.abs(x - side) < 0.15].min() for side in (-1, 1)], free[np.abs(x) < 0.1].mean()
    assert abs(wells[0] - wells[1]) < KT
    assert top - np.mean(wells) == pytest.approx(8 * KT, abs=KT)


def test_it_finds_the_barriers_of_a_torsion_with_its_period():
    height = 6 * KT  # V = V₃/2 (1 + cos 3φ)
    atoms, phi = chain(lambda angle: height / 2 * (1 + torch.cos(3 * angle)))
    atoms.arrays["masses"] = np.ones(4)
    hills = Hills(0.4 * KT, 0.3, bias_factor=8, period=2 * np.pi)
    how: Any = dict(steps_per_frame=5, time_step=2.0, friction=0.02, seed=2)
    frames = list(sampling.metadynamics(atoms, phi, TEMPERATURE, 1200, hills, **how))
    angles = np.array([frame.info["variables"][0] for frame in frames])
    assert np.histogram(angles, 3, (-np.pi, np.pi))[0].min() > 100
    grid = np.linspace(-np.pi, np.pi, 121)
    free, exact = hills.free_energy(grid[:, None]), height / 2 * (1 + np.cos(3 * grid))
    assert free[0] == pytest.approx(free[-1], abs=1e-9)
    found, true = (
        np.mean([near(f, grid, turn) - near(f, grid, turn + np.pi / 3) for turn in 2 * np.pi / 3 * np.arange(3)])
        for f in (free, exact)
    )
    assert found == pytest.approx(true, abs=KT)
    assert np.std(free - exact) < KT


def test_two_variables_share_one_bias():
    def wells(r):
        x, y, z = r[0]
        return 5 * KT * ((x**2 - 1) ** 2 + (y**2 - 1) ** 2) + 0.5 * z**2

    atoms, hills = Atoms("H", [[-1, -1, 0]], calculator=Surface(wells)), Hills(KT, 0.25, bias_factor=8)
    how: Any = dict(steps_per_frame=5, closest=0, **FAST)
    run = sampling.metadynamics(atoms, lambda r: r[0, :2], TEMPERATURE, 2000, hills, **how)
    quarters = set(itertools.product((-1, 1), repeat=2))
    seen = set()
    collected = sampling.collect(
        run,
        stop=lambda frame: seen.add(tuple(np.sign(frame.info["variables"]).astype(int))) or seen == quarters,
        progress=False,
    )
    assert seen == quarters and len(collected) < 2000


def test_the_force_of_the_bias_is_its_slope_and_frames_are_labeled_without_it(monkeypatch):
    atoms, phi = chain(lambda angle: KT * torch.cos(angle))
    hills = Hills(0.1, 0.4, period=2 * np.pi)
    for s in (0.1, 0.5, 3.0):
        hills.add(np.array([s]), TEMPERATURE)
    *_, frame = sampling.metadynamics(atoms, phi, TEMPERATURE, 3, hills, steps_per_frame=2)
    bare = frame.copy()
    bare.calc = atoms.calc
    assert frame.get_potential_energy() == pytest.approx(bare.get_potential_energy(), abs=1e-12)
    assert np.allclose(frame.get_forces(), bare.get_forces(), atol=1e-12)
    assert frame.info["bias"] > 0 and frame.info["sampler"] == "metadynamics"
    assert frame.info.items() >= {"bath": TEMPERATURE, "step": 6, "seed": 0}.items()
    caught = []
    where = sys.modules["mininnip.sampling.metadynamics"]  # the package calls the function by the same name
    monkeypatch.setattr(where, "biased_dynamics", lambda atoms, bias, *a, **k: caught.append(bias) or iter(()))
    sampling.metadynamics(atoms, phi, TEMPERATURE, 3, hills)
    (bias,) = caught
    force, moved = bias(frame)[1], frame.copy()
    for atom, axis in itertools.product(range(4), range(3)):
        energies = []
        for sign in (1, -1):
            moved.positions = frame.positions
            moved.positions[atom, axis] += sign * 1e-5
            energies.append(bias(moved)[0])
        assert force[atom, axis] == pytest.approx(-(energies[0] - energies[1]) / 2e-5, abs=1e-7)


def test_hills_shrink_as_the_formula_says_and_go_on_where_they_were():
    hills = Hills(0.1, 0.2, bias_factor=5)
    for _ in range(3):
        hills.add(np.array([0.3]), TEMPERATURE)
    expected = [0.1]
    for _ in range(2):
        expected.append(0.1 * np.exp(-sum(expected) / (4 * KT)))
    assert hills.heights == pytest.approx(expected)
    assert hills.energy(np.array([0.3])) == pytest.approx(sum(expected))
    assert hills.energy(np.array([[0.3], [0.5]])).shape == (2,)
    endless = Hills(0.1, 0.2, bias_factor=np.inf)
    for _ in range(3):
        endless.add(np.array([0.3]), TEMPERATURE)
    assert endless.heights == pytest.approx([0.1] * 3)
    list(sampling.metadynamics(particle(double_well), lambda r: r[0, :1], TEMPERATURE, 2, hills, closest=0))
    assert len(hills.heights) == 5


def test_leaving_the_loop_stops_it_and_the_hills_are_kept():
    hills = Hills(0.1, 0.2)
    run = sampling.metadynamics(particle(double_well), lambda r: r[0, :1], TEMPERATURE, 10**9, hills, closest=0)
    frames = sampling.collect(run, stop=lambda frame: frame.info["step"] >= 50, progress=False)
    assert len(frames) == len(hills.heights) == 5
    assert next(run, None) is None  # closed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(height=0.0), "height, width and period must be positive"),
        (dict(width=-1.0), "height, width and period must be positive"),
        (dict(bias_factor=1.0), "bias factor larger than 1"),
        (dict(period=0.0), "period must be positive"),
        (dict(height=np.nan), "height must be a finite number"),
    ],
)
def test_hills_without_sense_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Hills(**(dict(height=0.1, width=0.1) | arguments))


@pytest.mark.parametrize("temperature", [0, -10.0, np.nan, "hot"])
def test_a_temperature_that_is_none_is_refused_at_once(temperature):
    with pytest.raises(ValueError, match="temperature"):
        sampling.metadynamics(particle(double_well), lambda r: r[0, :1], temperature, 1, Hills(0.1, 0.1))


def test_variables_without_sense_are_refused_at_once():
    atoms, hills = particle(double_well), Hills(0.1, 0.1)
    with pytest.raises(ValueError, match="collective variables are a finite vector"):
        sampling.metadynamics(atoms, lambda r: r[0, 0], TEMPERATURE, 1, hills)
    with pytest.raises(ValueError, match="collective variables are a finite vector"):
        sampling.metadynamics(atoms, lambda r: r[0, :1] * torch.nan, TEMPERATURE, 1, hills)
    hills.add(np.array([0.0]), TEMPERATURE)
    with pytest.raises(ValueError, match="the hills are those of 1 variables, not of 2"):
        sampling.metadynamics(atoms, lambda r: r[0, :2], TEMPERATURE, 1, hills)
    with pytest.raises(ValueError, match=r"a torsion has four atoms"):
        sampling.torsions([[0, 1, 2]])


def test_atoms_without_a_calculator_are_refused():
    with pytest.raises(ValueError, match="no calculator"):
        sampling.metadynamics(Atoms("H", [[0, 0, 0.0]]), lambda r: r[0, :1], TEMPERATURE, 1, Hills(0.1, 0.1))


def test_a_bias_that_is_no_number_and_a_molecule_that_flies_apart_end_the_run():
    atoms = particle(double_well)
    with pytest.raises(RunEnded, match="the bias is not finite"):
        list(sampling.biased_dynamics(atoms, lambda moving: (np.nan, np.zeros((1, 3))), TEMPERATURE, 5))
    pair = Atoms("H2", [[0, 0, 0], [0.8, 0, 0]], calculator=Surface(lambda r: -0.5 * (r[1, 0] - r[0, 0])))
    with pytest.raises(RunEnded, match=r"the molecule is in pieces: 1 of 2 atoms are .* Å from the others") as end:
        list(sampling.molecular_dynamics(pair, TEMPERATURE, 1000, 1, farthest=3.0))
    assert end.value.frames
    with pytest.raises(ValueError, match="farthest must be larger than closest"):
        sampling.molecular_dynamics(pair, TEMPERATURE, 1, farthest=0.1)


@pytest.fixture
def committee():
    """Members that agree at x = 0 and part as x grows, in a common bowl."""

    def member(seed):
        torch.manual_seed(seed)
        return Potential(CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (8,), torch.tanh).double(), {1: 0.0})

    return Ensemble([member(seed) for seed in range(3)])


def test_the_bias_of_a_committee_is_bounded_and_draws_to_where_its_members_part(committee):
    start = Atoms("H", [[0.0, 0, 0]])
    runs = {
        depth: list(
            sampling.uncertainty_biased_dynamics(start, committee, 300, 60, depth, 0.1, closest=0, seed=4, **FAST)
        )
        for depth in (0.0, 0.2)
    }
    assert all(-0.2 <= frame.info["bias"] <= 0 for frame in runs[0.2])
    assert all(frame.info["bias"] == 0 for frame in runs[0.0])
    spread = {}
    for depth, run in runs.items():
        spread[depth] = committee(Graph.from_atoms(run, None))["energy_std"].mean()
    assert spread[0.2] > spread[0.0]
    assert runs[0.2][0].info["sampler"] == "uncertainty-biased dynamics"


def test_the_force_of_a_committee_s_bias_is_its_slope(committee, monkeypatch):
    caught = []
    monkeypatch.setattr(
        "mininnip.sampling.uncertainty_bias.biased_dynamics",
        lambda atoms, bias, *a, **k: caught.append(bias) or iter(()),
    )
    atoms = Atoms("H", [[0.4, -0.3, 0]])
    sampling.uncertainty_biased_dynamics(atoms, committee, 300, 1, 0.2, 0.1)
    energy, force = caught[0](atoms)
    spread = committee(Graph.from_atoms(atoms, None))["energy_std"].item()
    assert energy == pytest.approx(-0.2 * (1 - np.exp(-((spread / 0.1) ** 2))))
    for axis in range(2):
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[0, axis] += 1e-5
        moved[1].positions[0, axis] -= 1e-5
        slope = (caught[0](moved[0])[0] - caught[0](moved[1])[0]) / 2e-5
        assert force[0, axis] == pytest.approx(-slope, abs=1e-8)
        assert abs(slope) > 1e-4


@pytest.mark.parametrize(("depth", "spread"), [(-0.1, 0.1), (0.1, 0.0), (np.nan, 0.1)])
def test_a_bias_without_sense_is_refused_at_once(committee, depth, spread):
    with pytest.raises(ValueError, match="depth"):
        sampling.uncertainty_biased_dynamics(Atoms("H", [[0.0, 0, 0]]), committee, 300, 1, depth, spread)


def test_collecting_thins_out_and_keeps_what_it_has_when_interrupted(capsys):
    frames = list(sampling.rattling(Atoms("H", [[0.0, 0, 0]]), 0.1, 10))
    assert [f.info["step"] for f in sampling.collect(frames, every=3, progress=False)] == [2, 5, 8]
    assert sampling.collect(iter(frames), total=10) == frames
    assert "10/10" in capsys.readouterr().err

    def interrupted():
        yield frames[0]
        raise KeyboardInterrupt

    assert sampling.collect(interrupted(), progress=False) == frames[:1]
    with pytest.raises(ValueError, match="every must be at least 1"):
        sampling.collect(frames, every=0)
    event = threading.Event()
    event.set()
    assert len(sampling.collect(iter(frames), stop=lambda _: event.is_set(), progress=False)) == 1


def test_langevin_dynamics_is_canonical_in_mean_and_fluctuation():
    """Temperature of a few harmonic atoms: ⟨T⟩ and var T = 2 T² / (3 N); positions: each spring holds kT / 2."""
    atoms = Atoms("He4", np.arange(4)[:, None] * [2.0, 0, 0])
    rest = torch.tensor(atoms.positions)
    atoms.calc = Surface(lambda r: 0.5 * ((r - rest) ** 2).sum())
    frames = list(sampling.molecular_dynamics(atoms, TEMPERATURE, 1500, 8, 4.0, friction=0.05, seed=5))[50:]
    heat = np.array([frame.info["temperature"] for frame in frames])
    moved = np.array([frame.positions for frame in frames]) - rest.numpy()
    assert heat.mean() == pytest.approx(TEMPERATURE, rel=0.04)
    assert heat.var() == pytest.approx(2 * TEMPERATURE**2 / 12, rel=0.15)
    assert (moved**2).mean() == pytest.approx(KT, rel=0.06)
