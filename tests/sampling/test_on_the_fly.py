"""On-the-fly dynamics: many labels early and few later, forces near the reference's, a reference that fails."""

import re
import time
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

import mininnip as mn
from mininnip.descriptors import SymmetryFunctions
from mininnip.kernel import GaussianProcess, SparseGaussianProcess
from mininnip.sampling import OnTheFly, RunEnded, molecular_dynamics, on_the_fly_dynamics

G2, G5 = [(0.5, 0.0), (2.0, 2.5), (2.0, 3.2), (2.0, 4.0)], [(0.02, 1, 1), (0.02, 1, -1), (0.02, 4, 1), (0.02, 4, -1)]


def aluminium(size=2):
    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (size, size, size)
    atoms.rattle(0.1, seed=0)
    return atoms


def learner_of(reference, angular=True, threshold=0.005, **settings):
    descriptor = SymmetryFunctions((13,), 5.0, g2=G2, g5=G5 if angular else ())
    return OnTheFly(mn.Potential(SparseGaussianProcess(descriptor, 3.0, **settings)), reference, threshold)


def force_error(frame, forces):
    """Root mean square against EMT, in eV/Å."""
    true = frame.copy()
    true.calc = EMT()
    return float(np.sqrt(np.mean((true.get_forces() - forces) ** 2)))


def test_aluminium_is_labeled_often_at_first_rarely_then_and_again_when_it_is_heated():
    """0.8 ps at 600 K, then to 1200 K; the first label alone would leave forces off by half as much again or more."""
    atoms, learner, errors, frames = aluminium(), learner_of(EMT(), threshold=0.002), [], []
    heating = {"time_step": 2.0, "friction": 0.02, "steps_per_frame": 5}
    for frame in on_the_fly_dynamics(atoms, learner, lambda ps: min(max(600, 3000 * ps - 1800), 1200), 160, **heating):
        frames.append(frame)
        errors.append(force_error(frame, frame.get_forces()))
    steps = np.array(learner.calls)
    per_hundred = np.histogram(steps, 8, (0, 800))[0]
    print("labels at evaluations", learner.calls, "of", learner.evaluations, "; for every hundred", per_hundred)
    assert learner.evaluations == 801 and learner.calls[0] == 0 and len(steps) <= 50
    assert per_hundred[0] > 2 * per_hundred[1:4].mean() and per_hundred[4:].sum() > per_hundred[1:4].sum()
    assert [frame.info["calls"] for frame in frames] == [int((steps <= 5 * (k + 1)).sum()) for k in range(160)]
    assert learner.data is not None and len(learner.data) == len(steps) and not learner.aside
    assert frames[-1].info["sampler"] == "on-the-fly dynamics" and frames[-1].info["step"] == 800
    quiet = [frame for frame in frames if not frame.info["labeled"]]
    assert max(frame.info["uncertainty"] for frame in quiet) <= 0.002
    frozen = learner_of(EMT())
    mn.fit(frozen.potential, learner.data[0])
    frozen.model.maximize_likelihood(steps=20, fixed=["energy_noise", "force_noise"])
    old = [force_error(f, frozen.potential(mn.Graph.from_atoms(f, 5.0))["forces"].numpy()) for f in frames[-20:]]
    print(f"force errors {np.mean(errors[-20:]):.3f}, with the first label alone {np.mean(old):.3f} eV/Å")
    assert np.mean(errors[-20:]) < 0.06 and np.mean(old) > 1.5 * np.mean(errors[-20:])


def test_where_it_asks_the_reference_moves_the_atoms_and_it_learns():
    atoms, learner = aluminium(1), learner_of(EMT(), angular=False)
    moving = atoms.copy()
    moving.calc = learner
    assert force_error(atoms, moving.get_forces()) == 0 and learner.uncertainty == np.inf
    moving.positions[0, 0] += 0.4
    assert force_error(moving, moving.get_forces()) == 0 and learner.uncertainty > 0.005
    assert learner.calls == [0, 1] and learner.evaluations == 2
    model = learner.potential(mn.Graph.from_atoms(moving, 5.0))
    assert float(model["energies_std"].max()) < 0.005
    assert float(model["energy"]) == pytest.approx(moving.get_potential_energy(), abs=0.1)


def test_energies_of_free_atoms_are_told_apart_in_whatever_way_a_label_is_learned():
    """EMT with −50 eV more for every atom: the third label is added, those before and after it are learned anew."""

    def label(graph):
        found = Failing(())(graph)
        return found | {"energy": found["energy"] - 50 * graph.n_atoms}

    moving, learner, rng = aluminium(1), learner_of(label, angular=False), np.random.default_rng(0)
    moving.calc = learner
    for n in range(1, 5):
        moving.positions += rng.normal(0, 0.2, (4, 3))
        energy = moving.get_potential_energy()
        assert len(learner.calls) == n and energy == pytest.approx(-200, abs=10)
        again = learner.potential(mn.Graph.from_atoms(moving, 5.0), forces=False)["energy"]
        assert float(again) == pytest.approx(energy, abs=0.3)


def test_a_function_of_graphs_labels_as_an_ase_calculator_does():
    law = mn.Potential(
        mn.classical.PairPotential(mn.classical.morse, 5.0, "switched", depth=0.3, steepness=1.4, r_eq=2.9)
    )
    calls = []
    for reference in (law, mn.Calculator(law)):
        learner = learner_of(reference, angular=False, threshold=0.0015)
        list(on_the_fly_dynamics(aluminium(1), learner, 1200, 20, time_step=2.0))
        calls.append(learner.calls)
    assert calls[0] == calls[1] and learner.data is not None and len(learner.data) == len(calls[0]) >= 2


class Failing:
    """EMT that fails at some of its calls."""

    def __init__(self, failures, result=None):
        self.failures, self.result, self.count = failures, result, -1

    def __call__(self, graph):
        self.count += 1
        if self.count in self.failures:
            if self.result is None:
                raise ArithmeticError("no convergence")
            return self.result
        numbers, positions, cell = (part.numpy() for part in (graph.numbers, graph.positions, graph.cell[0]))
        atoms = Atoms(numbers, positions, cell=cell, pbc=True)
        atoms.calc = EMT()
        return {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, "ArithmeticError: no convergence"),
        ({"energy": np.nan, "forces": np.zeros((4, 3))}, "the labeler gave a number that is not finite"),
        ({"energy": 0.0, "forces": np.zeros((1, 3))}, r"the labeler gave the shapes \(\) and \(1, 3\)"),
    ],
)
def test_what_cannot_be_labeled_is_set_aside_and_the_run_goes_on(result, reason):
    learner = learner_of(Failing({1}, result), angular=False)
    frames = list(on_the_fly_dynamics(aluminium(1), learner, 900, 20, time_step=2.0, steps_per_frame=5))
    (evaluation,) = learner.aside
    assert re.match(reason, learner.aside[evaluation])
    assert len(frames) == 20 and frames[-1].info["aside"] == 1 and evaluation not in learner.calls
    assert learner.calls[1] == evaluation + 1  # asked again at the next step


def test_a_reference_that_hangs_is_not_waited_for():
    def label(graph):
        if calls:
            time.sleep(3)
        calls.append(1)
        return Failing(())(graph)

    calls, learner = [], learner_of(label, angular=False)
    learner.patience = 0.2
    with pytest.raises(RunEnded, match=r"failed 5 times in a row, at last with: no answer within 0\.2 s"):
        list(on_the_fly_dynamics(aluminium(1), learner, 600, 10, time_step=2.0))
    assert learner.calls == [0] and len(learner.aside) == 5


def test_hyperparameters_are_learned_anew_from_what_was_given_and_a_model_with_data_only_grows(monkeypatch):
    starts, learn = [], SparseGaussianProcess.maximize_likelihood

    def watched(model, *args, **options):
        starts.append((len(model.kinds), model.hyperparameters))
        return learn(model, *args, **options)

    monkeypatch.setattr(SparseGaussianProcess, "maximize_likelihood", watched)
    learner = learner_of(EMT(), angular=False, threshold=0.0011)
    given = learner.model.hyperparameters
    frames = on_the_fly_dynamics(aluminium(1), learner, 900, 99, time_step=2.0, steps_per_frame=1)
    while len(learner.calls) < 10:
        next(frames)
    assert starts == [(n, given) for n in (1, 2, 4, 8)]
    hyper = learner.model.hyperparameters
    assert hyper["force_noise"] == given["force_noise"] and hyper["length_scale"] != given["length_scale"]
    later = OnTheFly(learner.potential, EMT(), threshold=0.0011)
    list(on_the_fly_dynamics(aluminium(1), later, 1500, 5, time_step=2.0))
    assert later.calls and len(learner.model.kinds) == 10 + len(later.calls) and len(starts) == 4


def test_a_reference_that_always_fails_ends_the_run():
    learner = learner_of(Failing(set(range(1, 99))), angular=False)
    words = "the reference has failed 5 times in a row, at last with: ArithmeticError: no convergence$"
    with pytest.raises(RunEnded, match=words) as end:
        list(on_the_fly_dynamics(aluminium(1), learner, 900, 200, time_step=2.0, steps_per_frame=1))
    assert len(learner.aside) == 5 and end.value.frames
    learner, rng = learner_of(Failing({1, 2, 3, 4, 6, 7, 8, 9}), angular=False), np.random.default_rng(0)
    for _ in range(11):  # never five in a row
        moving = aluminium(1)
        moving.positions += rng.normal(0, 0.3, (4, 3))
        moving.calc = learner
        moving.get_forces()
    assert len(learner.aside) >= 5 and learner.ended is None
    with pytest.raises(ValueError, match="could not label the first structure: ArithmeticError"):
        on_the_fly_dynamics(aluminium(1), learner_of(Failing({0})), 900, 5)


def test_bad_calls_get_one_sentence():
    with pytest.raises(ValueError, match=r"at rest, .* displace it, atoms.rattle\(0.05\)"):
        on_the_fly_dynamics(bulk("Al", cubic=True), learner_of(EMT(), angular=False), 600, 5)
    with pytest.raises(ValueError, match=r"threshold must be above the novelty .* got 0.005 and 0.01 eV"):
        learner_of(EMT(), novelty=0.01)
    with pytest.raises(TypeError, match="a SparseGaussianProcess learns, got a potential of GaussianProcess"):
        OnTheFly(mn.Potential(GaussianProcess(SymmetryFunctions((13,), 5.0, g2=G2))), EMT())
    learner: Any = learner_of(EMT(), angular=False)
    for atoms, temperature, words in (
        ([aluminium(1)], 600, "one ASE Atoms"),
        (aluminium(1), -5, "must not be negative"),
    ):
        with pytest.raises(ValueError, match=words):
            on_the_fly_dynamics(atoms, learner, temperature, 5)  # type: ignore[arg-type]
    assert not learner.calls  # no label was paid for
    full = learner_of(EMT(), angular=False, most=2)
    with pytest.raises(RunEnded, match=r"the model is full \(2 inducing environments\)"):
        list(on_the_fly_dynamics(aluminium(1), full, 1200, 100, time_step=2.0))
    assert torch.isfinite(full.model.weights).all()


def test_another_end_of_the_dynamics_is_told_as_it_is():
    learner = learner_of(EMT(), angular=False)
    with pytest.raises(RunEnded, match="Å in one time step"):
        list(on_the_fly_dynamics(aluminium(1), learner, 600, 5, time_step=200.0))
    assert next(molecular_dynamics(learner_atoms(learner), 600, 1)).info["sampler"] == "dynamics"


def learner_atoms(learner):
    atoms = aluminium(1)
    atoms.calc = learner
    return atoms
