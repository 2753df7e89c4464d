"""The contract, tried with five toy models that use its freedoms: evaluated, trained or fitted, handed on."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule
from toy_models import Charged, Kernel, MessagePassing, Trap, Whole

import mininnip as mn
from mininnip import Graph, Potential
from mininnip.data.sets import Dataset
from mininnip.descriptors import SymmetryFunctions
from mininnip.model import DescribedModel, Model, Readout
from mininnip.neural import BehlerParrinello
from mininnip.training import fit_reference_energies

QUIET = {"progress": False, "device": "cpu"}
TOYS = {"message passing": MessagePassing, "kernel": Kernel, "charged": Charged, "trap": Trap, "whole": Whole}


def made(name):
    torch.manual_seed(0)
    return Potential(TOYS[name]().double())


@pytest.fixture(scope="module")
def data():
    loaded = mn.load_data("ethanol_gfn2")
    assert isinstance(loaded, Dataset)
    return loaded.split(24, 8, 8, seed=0)


def water(cutoff, seed=0, charge=0.0):
    atoms = molecule("H2O")
    atoms.rattle(0.05, seed=seed)
    if charge:
        atoms.set_initial_charges([charge, 0, 0])
    return Graph.from_atoms(atoms, cutoff)


def fitted(name, data):
    potential = made(name)
    if name == "kernel":
        mn.fit(potential, data[0])
    return potential


@pytest.mark.parametrize("name", TOYS)
def test_forces_are_finite_differences(name, data):
    potential, h = fitted(name, data), 1e-5
    graph = data[1][0].graph(potential.cutoff)
    forces = potential(graph)["forces"]
    for atom, axis in ((0, 0), (3, 2)):
        step = torch.zeros_like(graph.positions)
        step[atom, axis] = h
        up, down = (potential(replace(graph, positions=graph.positions + s * step))["energy"] for s in (1, -1))
        assert float(forces[atom, axis]) == pytest.approx(float(down - up) / (2 * h), abs=1e-7)
    assert forces.abs().max() > 1e-4


@pytest.mark.parametrize("name", TOYS)
def test_batch_equals_singles_and_energy_is_its_own_function(name, data):
    potential = fitted(name, data)
    frames = [data[1][k].graph(potential.cutoff) for k in range(3)]
    together = potential(mn.batch(frames))
    for k, graph in enumerate(frames):
        assert torch.allclose(together["energy"][k], potential(graph)["energy"], atol=1e-12)
    if potential.reference_energies is None:
        assert torch.allclose(potential.model.energy(mn.batch(frames)), together["energy"], atol=1e-12)


@pytest.mark.parametrize("name", TOYS)
def test_ase_ensemble_and_evaluation_take_it(name, data):
    potential = fitted(name, data)
    atoms = data[1].atoms()[0]
    atoms.calc = mn.Calculator(potential)
    out = potential(Graph.from_atoms(atoms, potential.cutoff))
    assert atoms.get_potential_energy() == pytest.approx(float(out["energy"]), abs=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), out["forces"], atol=1e-10)
    twins = mn.Ensemble([potential, potential])(Graph.from_atoms(atoms, potential.cutoff))
    assert torch.allclose(twins["forces"], out["forces"]) and not twins["energy_std"].any()
    assert np.isfinite(mn.evaluate(potential, data[1]).forces_rmse)


def test_an_ensemble_of_features_with_weights_is_what_its_members_say():
    """Each member's own features, not the first one's for all."""
    potentials = []
    for seed in range(3):
        torch.manual_seed(seed)
        potentials.append(Potential(MessagePassing().double()))
    graph = water(4.0)
    members = mn.Ensemble(potentials)(graph)["energy_members"][:, 0]
    assert members.tolist() == pytest.approx([float(p(graph)["energy"]) for p in potentials], abs=1e-12)
    assert members.std() > 1e-3


class Learned(torch.nn.Module):
    """Features with a weight, that claim to have none."""

    cutoff, elements, reach, n_features = 4.0, (1, 8), "own edges", 1

    def __init__(self):
        super().__init__()
        self.width = torch.nn.Parameter(torch.ones(()))


def test_a_descriptor_with_weights_is_refused():
    with pytest.raises(ValueError, match=r"the descriptor has weights \(width\).*derive the model from Model"):
        DescribedModel(Learned(), Readout())  # type: ignore[arg-type]


def test_a_kernel_is_fitted_and_not_trained(data):
    potential = made("kernel")
    before = mn.evaluate(potential, data[0]).energy_rmse
    mn.fit(potential, data[0])
    spread = 1e3 * data[0].energy.std()
    assert mn.evaluate(potential, data[0]).energy_rmse < 0.9 * spread < before
    exact = Potential(Kernel(noise=1e-10))
    mn.fit(exact, data[0])
    assert mn.evaluate(exact, data[0]).energy_rmse < 1
    with pytest.raises(TypeError, match=r"Kernel is solved, not trained step by step: mn.fit\(potential, data\)"):
        mn.train(potential, data[0], data[1], **QUIET)
    with pytest.raises(TypeError, match=r"Whole is trained step by step: mn.train\("):
        mn.fit(made("whole"), data[0])


def charged_labels(data, truth):
    """The same structures with energies, charges and dipoles of a model that is to be found again."""
    out = truth(data.graph(truth.cutoff))
    labels = {name: out[name].numpy() for name in ("charges", "dipole")}
    return replace(data, energy=out["energy"].numpy(), forces=out["forces"].numpy(), labels=labels)


def test_charges_and_dipoles_are_learned_from_their_labels(data):
    torch.manual_seed(1)
    truth = Potential(Charged().double())
    train, valid = (charged_labels(part, truth) for part in data[:2])
    potential = made("charged")
    potential.set_reference_energies({1: 0.0, 6: 0.0, 8: 0.0})
    before = mn.evaluate(potential, valid).further
    weights = {"charges": 1.0, "dipole": 0.1}
    options = {"energy_weight": 0.0, "force_weight": 0.0, "label_weights": weights, "learning_rate": 0.05}
    history = mn.train(potential, train, valid, epochs=15, batch_size=4, **options, **QUIET)
    after = mn.evaluate(potential, valid).further
    assert after["charges"][1] < 0.3 * before["charges"][1]
    assert after["dipole"][1] < 0.3 * before["dipole"][1]
    assert history.best["charges_rmse"] == pytest.approx(after["charges"][1], rel=1e-6)
    assert "charges" in repr(history) and "dipole" in repr(mn.evaluate(potential, valid))
    with pytest.raises(ValueError, match="has no label 'magnetism'; it has energy, forces, charges, dipole"):
        mn.train(potential, train, valid, label_weights={"magnetism": 1.0}, **QUIET)
    with pytest.raises(ValueError, match="the model gives no 'charges', only"):
        mn.train(made("whole"), train, valid, label_weights={"charges": 1.0}, **QUIET)


def test_charges_add_up_to_the_total_charge_and_reach_ase():
    potential = made("charged")
    for charge in (0.0, 1.0, -2.0):
        assert float(potential(water(4.0, charge=charge))["charges"].sum()) == pytest.approx(charge, abs=1e-12)
    both = potential(mn.batch([water(4.0, charge=1.0), water(4.0)]))["charges"]
    assert both.reshape(2, 3).sum(1).tolist() == pytest.approx([1, 0], abs=1e-12)
    atoms = molecule("H2O")
    atoms.set_initial_charges([0, 1, 0])
    atoms.calc = mn.Calculator(potential)
    assert atoms.get_charges().sum() == pytest.approx(1)
    assert atoms.get_dipole_moment().shape == (3,)


def test_a_model_without_edges_needs_none(data):
    potential = made("trap")
    graph = data[0].graph(potential.cutoff)
    assert graph.cutoff is None and graph.edges.shape == (2, 0)
    history = mn.train(potential, data[0], data[1], epochs=2, batch_size=8, **QUIET)
    assert len(history.epochs) == 2
    with pytest.raises(ValueError, match=r"the graph has no edges, but the model needs 4.0 Å: rebuild it"):
        made("whole")(graph)
    assert torch.equal(potential(graph)["energy"], potential(data[0].graph(3.0))["energy"])


class Counting(Potential):
    """A wrapper, as those that share a training among several computers: it must see every call."""

    calls = 0

    def forward(self, *args, **kwargs):
        type(self).calls += 1
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize("described", [True, False])
def test_training_calls_the_potential_itself(data, described):
    functions = SymmetryFunctions((1, 6, 8), 4.0, [(0.5, 0.0), (2.0, 1.5)])
    potential = Counting(BehlerParrinello(functions, (5,)) if described else MessagePassing())
    Counting.calls = 0
    mn.train(potential, data[0], data[1], epochs=1, batch_size=8, **QUIET)
    assert Counting.calls == 1 + 3 + 1  # validation before, three steps, validation after


def test_forces_are_not_computed_where_they_do_not_count(data):
    seen = []

    class Watched(Whole):
        def forward(self, graph):
            seen.append(graph.positions.requires_grad)
            return super().forward(graph)

    mn.train(Potential(Watched()), data[0], data[1], epochs=1, batch_size=8, force_weight=0, **QUIET)
    assert seen and not any(seen)


def test_no_second_derivatives_in_validation(data):
    kept = []

    class Watched(Potential):
        def forward(self, graph, forces=True, stress=False, differentiable=False):
            kept.append(differentiable)
            return super().forward(graph, forces, stress, differentiable)

    torch.manual_seed(0)
    mn.train(Watched(MessagePassing()), data[0], data[1], epochs=1, batch_size=8, **QUIET)
    assert kept == [False, True, True, True, False]


def test_stress_can_be_trained_on_and_both_ways_agree():
    """By the chain rule of a described model, and by strain; the label is a Stillinger–Weber crystal's."""
    frames = []
    for seed in range(10):
        atoms = bulk("Si", cubic=True)
        atoms.rattle(0.05, seed=seed)
        strain = np.random.default_rng(seed).normal(0, 0.02, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain + strain.T), scale_atoms=True)
        frames.append(atoms)
    truth = Potential(mn.classical.StillingerWeber())
    out = truth(Graph.from_atoms(frames, truth.cutoff), stress=True)
    arrays = [np.stack([getattr(a, name) for a in frames]) for name in ("positions", "pbc")]
    cells, n = np.stack([a.cell.array for a in frames]), len(frames[0])
    data = Dataset(
        "strained", np.full(10, n), np.full(10 * n, 14), arrays[0].reshape(-1, 3), cells, arrays[1],
        out["energy"].numpy(), out["forces"].numpy(), {"stress": out["stress"].numpy()}, {},
    )  # fmt: skip
    functions = SymmetryFunctions(
        (14,), 4.0, [(1.0, 2.0 + 0.4 * k) for k in range(5)], g5=[(0.05, 2, 1), (0.05, 2, -1)]
    )
    torch.manual_seed(0)
    model = BehlerParrinello(functions, (8,)).double()
    known = model.precompute(data.graph(4.0))
    model.readout.fit_scaling(known.features, known.numbers)
    torch.nn.init.normal_(model.readout.networks[0].layers[-1].weight)  # type: ignore[union-attr]
    by_strain = Potential(model)(data.graph(4.0), stress=True)["stress"]
    assert torch.allclose(model.predict(known, stress=True)["stress"], by_strain, atol=1e-12)
    errors = {}
    for weight in (0.0, 10.0):
        torch.manual_seed(0)
        potential = Potential(BehlerParrinello(functions, (8,)).double())
        options = {"epochs": 60, "batch_size": 2, "learning_rate": 1e-2, "force_weight": 0.0, "stress_weight": weight}
        history = mn.train(potential, data[:8], data[8:], **options, **QUIET)
        predicted = potential(data[8:].graph(4.0), stress=True)["stress"]
        errors[weight] = float((predicted - out["stress"][8:]).square().mean().sqrt())
    assert errors[10.0] < 0.5 * errors[0.0]
    assert "stress" in repr(history)
    open_data = replace(data, pbc=np.zeros_like(data.pbc))
    with pytest.raises(ValueError, match="stress needs a volume: the training data must be periodic"):
        mn.train(potential, open_data, open_data, stress_weight=1.0, **QUIET)


def test_a_model_called_directly_refuses_what_it_would_get_wrong():
    """Stillinger–Weber on a graph that is too short was −23.5 instead of −34.0 eV."""
    atoms = bulk("Si", cubic=True)
    with pytest.raises(ValueError, match=r"the graph reaches 2.5 Å, but the model needs 3.77\d* Å: rebuild it"):
        mn.classical.StillingerWeber()(Graph.from_atoms(atoms, 2.5))
    functions = SymmetryFunctions((14,), 5.0, [(0.1, 0.0)])
    for call in (functions, functions.with_derivatives, BehlerParrinello(functions).precompute):
        with pytest.raises(ValueError, match=r"reaches 4\.0 Å"):
            call(Graph.from_atoms(atoms, 4.0))
        with pytest.raises(ValueError, match="atomic number 32 is unknown"):
            call(Graph.from_atoms(bulk("Ge"), 5.0))


def test_precision_is_converted_by_a_potential_and_named_by_a_model():
    model = MessagePassing()  # float32
    graph = water(4.0)  # float64
    out = Potential(model)(graph)
    assert out["forces"].dtype == torch.float32
    assert torch.equal(out["energy"], Potential(model)(graph.to(torch.float32))["energy"])
    with pytest.raises(ValueError, match=r"are torch.float32, the graph is torch.float64: call it through a Potential"):
        model(graph)
    frequencies = mn.analysis.normal_modes(Potential(model), molecule("H2O")).frequencies
    assert np.isfinite(frequencies).all()
    both = mn.Ensemble([Potential(model), Potential(MessagePassing())])(graph)
    assert both["forces_std"].max() > 0


def test_what_a_model_must_give_is_said():
    class Silent(Model):
        def forward(self, graph):
            return {"charges": graph.positions[:, 0]}

    with pytest.raises(ValueError, match='the model gave charges; it must give "energy" or "energies"'):
        Potential(Silent())(water(None))
    with pytest.raises(NotImplementedError, match=r"Model does not say what its energy is: write forward\(graph\)"):
        Potential(Model())(water(None))
    with pytest.raises(TypeError, match=r"a potential needs a model .* got Linear"):
        Potential(torch.nn.Linear(1, 1))  # type: ignore[arg-type]


def test_evaluate_takes_energies_alone_and_says_what_is_missing(data):
    potential = made("whole")
    potential.set_reference_energies(fit_reference_energies(data[0]))
    full, alone = (mn.evaluate(potential, part) for part in (data[1], replace(data[1], forces=data[1].forces * np.nan)))
    assert alone.energy_rmse == full.energy_rmse and np.isnan(alone.forces_rmse)
    assert "forces: no labels" in repr(alone)
    with pytest.raises(ValueError, match="neither energies nor forces"):
        mn.evaluate(potential, replace(data[1], forces=data[1].forces * np.nan, energy=data[1].energy * np.nan))
    with pytest.raises(TypeError, match="the test data must be a Dataset, got list"):
        mn.evaluate(potential, data[1].atoms())


def test_a_setting_that_does_not_exist_is_named(data):
    with pytest.raises(TypeError, match="there is no setting 'lr'; there are epochs, batch_size, learning_rate"):
        mn.train(made("whole"), data[0], data[1], lr=0.1, **QUIET)


def test_labels_that_are_all_zero_are_no_divergence(data):
    zero = replace(data[0], energy=data[0].energy * 0, forces=data[0].forces * 0)
    functions = SymmetryFunctions((1, 6, 8), 4.0, [(0.5, 0.0), (2.0, 1.5)])
    history = mn.train(Potential(BehlerParrinello(functions, (5,))), zero, zero, epochs=3, **QUIET)
    assert history.ended == "finished"


def test_nobody_asks_a_model_whether_it_has_something():
    """Capabilities are types and attributes with defaults; hasattr and getattr on models would hide them again."""
    package = Path(mn.__file__).parent
    files = ["potential", "ensemble", "calculator", "saving", "training", "checkpoint", "evaluation", "blocks", "model"]
    for path in [*(package / f"{name}.py" for name in files), *(package / "neural").glob("*.py")]:
        source = path.read_text(encoding="utf-8")
        assert "hasattr(" not in source, path.name
        assert not re.search(r"getattr\((self\.)?(model|potential|readout|descriptor)", source), path.name
