"""Training: it learns, resumes bit for bit, stops without loss, keeps training data apart, and names bad input."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.classical import PairPotential, morse
from mininnip.data.sets import Dataset
from mininnip.descriptors import SymmetryFunctions
from mininnip.evaluation import evaluate
from mininnip.neural import BehlerParrinello
from mininnip.training import fit_reference_energies, train, training_epochs

QUIET = {"progress": False, "device": "cpu"}


def frames(name="ethanol_gfn2"):
    data = mn.load_data(name)
    assert isinstance(data, Dataset)
    return data


@pytest.fixture(scope="module")
def data():
    return frames().split(24, 8, 8, seed=0)


G2 = ((0.05, 0.0), (2.0, 1.0), (2.0, 1.5), (2.0, 2.1))


def potential(seed=0, hidden=(10,), elements=(1, 6, 8), g2=G2):
    torch.manual_seed(seed)
    return mn.Potential(
        BehlerParrinello(SymmetryFunctions(elements, 4.0, g2, g5=[(0.05, 2, 1), (0.05, 2, -1)]), hidden)
    )


def weights(model):
    return {name: tensor.nan_to_num() for name, tensor in model.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns(data):
    model = potential()
    history = train(model, data[0], data[1], epochs=20, batch_size=4, learning_rate=1e-2, **QUIET)
    assert history.ended == "finished"
    assert len(history.epochs) == 20
    assert history.best["force_rmse"] < 0.9 * history["force_rmse"][0]
    assert history.best["energy_rmse"] < 0.9 * history["energy_rmse"][0]
    errors = evaluate(model, data[1])
    assert errors.forces_rmse == pytest.approx(history.best["force_rmse"], rel=1e-3)
    assert errors.energy_rmse_per_atom == pytest.approx(history.best["energy_rmse"], rel=1e-3)


def silicon_functions():
    g2 = [(0.05, 0.0), (0.3, 0.0), *((4.0, 2.0 + 0.5 * k) for k in range(6))]
    return SymmetryFunctions((14,), 5.0, g2, g5=[(e, z, s) for e in (0.02, 0.1) for z in (1, 4, 16) for s in (1, -1)])


def ethanol_functions():
    g2 = [(4.0, 0.8 + 0.4 * k) for k in range(10)]
    g5 = [(e, z, s) for e in (0.02, 0.1) for z in (1, 4, 16) for s in (1, -1)]
    return SymmetryFunctions((1, 6, 8), 5.0, g2, g5=g5)


@pytest.mark.parametrize(
    ("name", "functions", "part_of_the_forces"),
    [("silicon", silicon_functions, 0.28), ("ethanol_gfn2", ethanol_functions, 0.2)],
)
def test_four_structures_are_learned_in_100_steps(name, functions, part_of_the_forces):
    every = frames(name)
    four = every[[0, len(every) // 4, len(every) // 2, 3 * len(every) // 4]]
    torch.manual_seed(0)
    model = mn.Potential(BehlerParrinello(functions()))
    train(model, four, four, epochs=100, batch_size=4, learning_rate=1e-2, ema_decay=0.5, **QUIET)
    errors, rms = evaluate(model, four), 1e3 * np.sqrt(np.mean(four.forces**2))
    assert errors.forces_rmse < part_of_the_forces * rms
    assert errors.energy_rmse_per_atom < 20


def test_a_model_without_precomputed_features_is_trained_through_graphs(data):
    model = mn.Potential(PairPotential(morse, 4.0, "switched", depth=3.0, steepness=1.5, r_eq=1.2)).float()
    before = evaluate(model.double(), data[1]).forces_rmse
    history = train(model.float(), data[0], data[1], epochs=4, batch_size=4, learning_rate=3e-2, **QUIET)
    assert history.best["force_rmse"] < before


def test_resumed_training_equals_uninterrupted_training_bit_for_bit(data, tmp_path):
    options = {"epochs": 6, "batch_size": 5, "learning_rate": 5e-3, **QUIET}
    whole = potential()
    expected = train(whole, data[0], data[1], **options)
    file = tmp_path / "training.safetensors"
    stop = StopAfter(file, epochs=4)
    assert train(potential(), data[0], data[1], checkpoint=file, stop=stop, **options).ended == "stopped"
    resumed = potential(seed=99)  # other weights: everything must come from the file
    history = train(resumed, data[0], data[1], checkpoint=file, **options)
    assert history.epochs == expected.epochs
    assert same(weights(resumed), weights(whole))


class StopAfter(threading.Event):
    """Is set once the checkpoint has been written so many times."""

    def __init__(self, path, epochs):
        super().__init__()
        self.path, self.left, self.seen = path, epochs, None

    def is_set(self):
        if self.path.exists() and self.path.stat().st_mtime_ns != self.seen:
            self.seen = self.path.stat().st_mtime_ns
            self.left -= 1
        return self.left <= 0


class InterruptAfter(threading.Event):
    """The user presses Ctrl-C (or the notebook's stop button) before a certain step."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def is_set(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return super().is_set()


def test_interrupt_loses_nothing(data, tmp_path):
    """In the middle of the fourth epoch: the best weights are kept, and the file goes on as if nothing had happened."""
    options = {"epochs": 6, "batch_size": 5, "learning_rate": 5e-3, **QUIET}
    whole, file, model = potential(), tmp_path / "training.safetensors", potential()
    expected = train(whole, data[0], data[1], **options)
    with pytest.raises(KeyboardInterrupt):  # or the next of four trainings in one cell would begin
        train(model, data[0], data[1], checkpoint=file, stop=InterruptAfter(24), **options)
    best = min(row["force_rmse"] for row in expected.epochs[:3])
    assert evaluate(model, data[1]).forces_rmse == pytest.approx(best, rel=1e-3)
    assert train(model, data[0], data[1], checkpoint=file, **options).epochs == expected.epochs
    assert same(weights(model), weights(whole))


def test_interrupted_in_the_first_epoch(data):
    model, stop = potential(), threading.Event()
    stop.set()
    history = train(model, data[0], data[1], epochs=2, batch_size=4, stop=stop, **QUIET)
    assert repr(history) == "no epoch (stopped)"
    with pytest.raises(ValueError, match="no epoch was finished"):
        _ = history.best
    assert evaluate(model, data[1]).forces_rmse > 0


def test_training_goes_on_from_trained_weights(data):
    """A second training keeps scaling and reference energies, and starts where the first one ended."""
    model, more = potential(), frames().split(40, 8, 8, seed=0)[0]
    first = train(model, data[0], data[1], epochs=10, batch_size=4, learning_rate=5e-3, **QUIET)
    before = weights(model)
    second = train(model, more, data[1], epochs=1, batch_size=4, learning_rate=1e-5, **QUIET)
    assert second["force_rmse"][0] == pytest.approx(first.best["force_rmse"], rel=0.02)
    after = weights(model)
    scaling = "model.readout.scaling."
    for name in (f"{scaling}mean", f"{scaling}std", "model.readout.axes", "reference_energies"):
        assert torch.equal(before[name], after[name])
    assert (after[f"{scaling}highest"] > before[f"{scaling}highest"]).any()


def test_training_stopped_from_another_thread_keeps_the_best_weights(data, tmp_path):
    stop, file, model, results = threading.Event(), tmp_path / "training.safetensors", potential(), []
    options = {"epochs": 100_000, "batch_size": 4, "checkpoint": file, "stop": stop, **QUIET}
    thread = threading.Thread(target=lambda: results.append(train(model, data[0], data[1], **options)))
    thread.start()
    written = set()  # before the first epoch, then after each
    while len(written) < 3 and thread.is_alive():
        stop.wait(0.01)
        written |= {file.stat().st_mtime_ns} if file.exists() else set()
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert results[0].ended == "stopped"
    assert evaluate(model, data[1]).forces_rmse == pytest.approx(results[0].best["force_rmse"], rel=1e-3)


def test_a_training_watched_from_outside_is_the_same_training(data):
    watched, plain = potential(), potential()
    seen = [len(history.epochs) for history in training_epochs(watched, data[0], data[1], epochs=4, **QUIET)]
    train(plain, data[0], data[1], epochs=4, **QUIET)
    assert seen == [1, 2, 3, 4]
    assert same(weights(watched), weights(plain))


def test_leaving_the_loop_keeps_the_best_weights(data):
    model = potential()
    for history in training_epochs(model, data[0], data[1], epochs=50, batch_size=4, learning_rate=1e-2, **QUIET):
        if len(history.epochs) == 5:
            break
    assert history.ended == "stopped"
    assert evaluate(model, data[1]).forces_rmse == pytest.approx(history.best["force_rmse"], rel=1e-3)


def test_early_stopping(data):
    model = potential()
    history = train(model, data[0], data[1], epochs=200, learning_rate=1e-9, patience=3, **QUIET)
    assert len(history.epochs) < 200
    assert history.ended == "no improvement"


def test_divergence_is_said_and_the_best_weights_are_kept(data):
    model = potential()
    history = train(model, data[0], data[1], epochs=30, batch_size=4, learning_rate=50.0, **QUIET)
    assert history.ended.startswith("diverged: lower the learning rate")
    assert len(history.epochs) < 30
    assert evaluate(model, data[1]).forces_rmse < history.best["force_rmse"]  # not even the best epoch was an advance


def test_scaling_and_reference_energies_come_from_the_training_data_only(data):
    far = replace(data[1], positions=data[1].positions * 1.1, energy=data[1].energy + 1000)
    one, other = potential(), potential()
    train(one, data[0], data[1], epochs=1, **QUIET)
    train(other, data[0], far, epochs=1, **QUIET)
    for name in ("axes", "scaling.mean", "scaling.std", "scaling.lowest", "scaling.highest"):
        assert torch.equal(weights(one)[f"model.readout.{name}"], weights(other)[f"model.readout.{name}"])
    assert torch.equal(weights(one)["reference_energies"], weights(other)["reference_energies"])


def test_reference_energies_of_molecules_of_different_composition():
    n_atoms = np.array([3, 2, 2])
    numbers = np.array([8, 1, 1, 1, 1, 8, 8])
    zeros = np.zeros((7, 3))
    energy = np.array([-75.0 - 2 * 13.0, -2 * 13.0, -2 * 75.0])
    data = Dataset("made", n_atoms, numbers, zeros, np.zeros((3, 3, 3)), np.zeros((3, 3), bool), energy, zeros, {}, {})
    assert fit_reference_energies(data) == pytest.approx({1: -13.0, 8: -75.0})


def test_single_frame(data):
    one = data[0][0]
    history = train(potential(), one, one, epochs=2, **QUIET)
    assert len(history.epochs) == 2


def test_energies_alone(data):
    no_forces = replace(data[0], forces=np.full_like(data[0].forces, np.nan))
    model = potential()
    history = train(
        model, no_forces, replace(data[1], forces=data[1].forces * np.nan), epochs=3, force_weight=0, **QUIET
    )
    assert all(np.isfinite(history["valid_loss"]))
    with pytest.raises(ValueError, match="frame 0 of the training data has forces that are missing"):
        train(potential(), no_forces, data[1], epochs=1, **QUIET)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energy_weight": 0.0, "force_weight": 0.0}, "one of them must be positive"),
        ({"force_weight": -1.0}, "must not be negative"),
        ({"batch_size": 0}, "batch_size and learning_rate must be positive"),
        ({"learning_rate": float("nan")}, "batch_size and learning_rate must be positive"),
    ],
)
def test_bad_options_are_refused(data, change, words):
    with pytest.raises(ValueError, match=words):
        train(potential(), data[0], data[1], **change, **QUIET)


def test_bad_labels_are_named(data):
    energy = data[0].energy.copy()
    energy[3] = np.nan
    with pytest.raises(ValueError, match="energy of frame 3 of the training data is not finite"):
        train(potential(), replace(data[0], energy=energy), data[1], **QUIET)
    with pytest.raises(ValueError, match="validation data has no frames"):
        train(potential(), data[0], data[1][:0], **QUIET)
    with pytest.raises(ValueError, match="no atom with atomic number 7 in the training data"):
        train(potential(elements=(1, 6, 7, 8)), data[0], data[1], **QUIET)
    with pytest.raises(ValueError, match="atomic number 8 is unknown to this model"):
        train(potential(elements=(1, 6)), data[0], data[1], **QUIET)
    numbers = data[1].numbers.copy()
    numbers[4] = 7
    with pytest.raises(ValueError, match="atomic number 7 is in the validation data but not in the training data"):
        train(potential(elements=(1, 6, 8)), data[0], replace(data[1], numbers=numbers), **QUIET)


def test_checkpoint_of_another_model_is_refused(data, tmp_path):
    file = tmp_path / "training.safetensors"
    train(potential(), data[0], data[1], epochs=1, checkpoint=file, **QUIET)
    with pytest.raises(ValueError, match="holds another model"):
        train(potential(hidden=(11,)), data[0], data[1], epochs=2, checkpoint=file, **QUIET)
    with pytest.raises(ValueError, match="holds another model"):  # the same shapes, other functions
        train(
            potential(g2=[(0.1, 0.0), (2.0, 1.0), (2.0, 1.5), (2.0, 2.1)]), data[0], data[1], checkpoint=file, **QUIET
        )
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="no checkpoint that can be read"):
        train(potential(), data[0], data[1], epochs=2, checkpoint=file, **QUIET)


def test_evaluate_prints_and_counts(data):
    model = potential()
    model.set_reference_energies(fit_reference_energies(data[0]))
    errors = evaluate(model, data[2])
    out = model(data[2].graph(4.0, torch.float32))
    by_hand = 1e3 * np.abs(out["forces"].numpy() - data[2].forces).mean()
    assert errors.forces_mae == pytest.approx(by_hand, rel=1e-5)
    assert errors.energy_mae == pytest.approx(9 * errors.energy_mae_per_atom, rel=1e-6)
    assert "forces  (meV/Å)" in repr(errors)
