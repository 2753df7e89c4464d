"""DTNN, SchNet, PaiNN, NequIP: what all learned representations keep beyond the contract, asked with the same calls."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.neural import DTNN, NequIP, PaiNN, SchNet
from mininnip.scaling import EnergyScaling

MODELS = {
    "dtnn": lambda: DTNN(5.0, n_features=8, n_factors=12, n_basis=26),
    "schnet": lambda: SchNet(5.0, n_features=8, n_layers=3, n_basis=10),
    "painn": lambda: PaiNN(5.0, n_features=8, n_layers=3, n_basis=10),
    "nequip": lambda: NequIP(5.0, n_features=8, n_layers=3, radial_hidden=(16,)),
    "nequip_l2": lambda: NequIP(5.0, n_features=8, n_layers=3, l_max=2, radial_hidden=(16,)),
}


@pytest.fixture(params=MODELS)
def model(request):
    """A model in float64; no weight is zero, so that everything that can be felt is."""
    torch.manual_seed(0)
    model = MODELS[request.param]().double()
    if request.param == "dtnn":
        torch.nn.init.normal_(model.interaction.out_network.weight, std=0.3)
    return model


def ethanol(seed=0):
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=seed)
    return atoms


def graph_of(atoms, cutoff=5.0):
    return mn.Graph.from_atoms(atoms, cutoff)


def scalars_of(layer):
    """Features (N, F) that do not turn, of one layer of any of these models."""
    if isinstance(layer, dict):
        return layer["0e"][:, 0]
    return layer[0] if isinstance(layer, tuple) else layer


def test_every_weight_gets_a_gradient_from_a_force_loss(model):
    forces = mn.Potential(model)(graph_of([ethanol(k) for k in range(3)]), differentiable=True)["forces"]
    (forces**2).sum().backward()
    for name, weight in model.named_parameters():
        if name in ("scaling.shift", "readout.2.bias"):  # a constant has no slope
            continue
        gradient = weight.grad
        assert gradient is not None and bool(gradient.isfinite().all()), name
        rows = torch.tensor([1, 6, 8]) if len(weight) == 119 else torch.arange(len(weight))
        assert bool((gradient[rows].reshape(len(rows), -1) != 0).any(dim=1).all()), name


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], ids=["E and F", "E", "F"])
def test_training_with_either_label_or_both(model, weights):
    data = mn.load_data("ethanol")
    assert isinstance(data, Dataset)
    train, valid, _ = data.split(16, 8, 8, seed=0)
    potential = mn.Potential(model.float())
    settings = {"energy_weight": weights[0], "force_weight": weights[1], "learning_rate": 1e-2, "epochs": 20}
    history = mn.train(potential, train, valid, progress=False, batch_size=4, **settings)
    assert history["train_loss"][-1] < 0.9 * history["train_loss"][0]
    assert model.elements == (1, 6, 8)
    with pytest.raises(ValueError, match=r"atomic number 7 is unknown to this model; it knows \[1, 6, 8\]"):
        potential(graph_of(molecule("NH3")))


def test_saved_and_loaded_it_is_the_same(model, tmp_path):
    potential, graph = mn.Potential(model, {1: -13.0, 6: -1000.0, 8: -2000.0}), graph_of(ethanol())
    model.fit_scaling(graph, {"energy": torch.tensor([-30.0])})
    mn.save(potential, tmp_path / "potential.safetensors")
    again = mn.load(tmp_path / "potential.safetensors")
    assert again.model.elements == (1, 6, 8)
    for name, value in potential(graph).items():
        assert torch.equal(again(graph)[name], value), name


def test_in_a_calculator_and_an_ensemble(model):
    potential, atoms = mn.Potential(model), ethanol()
    expected = potential(graph_of(atoms))
    atoms.calc = mn.Calculator(mn.Ensemble([potential, potential]))
    assert atoms.get_potential_energy() == pytest.approx(float(expected["energy"]), abs=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), expected["forces"], rtol=0, atol=1e-10)


def test_features_after_every_layer_are_those_of_isolated_environments(model):
    """n_layers + 1 of them; the first knows nothing but the element; an atom alone never learns anything new."""
    graph = graph_of([ethanol(), Atoms("C")])
    layers = model.features(graph)
    scalars = [scalars_of(layer) for layer in layers]
    assert len(layers) == 4
    assert torch.equal(scalars[0], model.embedding(graph.numbers))
    assert all(layer.shape == (10, 8) for layer in scalars)
    alone = scalars_of(model.features(graph_of(Atoms("C")))[-1])
    torch.testing.assert_close(scalars[-1][9:], alone, rtol=0, atol=1e-12)


def test_messages_reach_one_cutoff_per_layer(model):
    """In a chain with one neighbor on each side, the first atom feels the fourth after three layers, and not before."""
    graph = graph_of(Atoms("C4", [[4.0 * k, 0, 0] for k in range(4)]))
    positions = graph.positions.clone().requires_grad_()
    for n, layer in enumerate(model.features(replace(graph, positions=positions))):
        first = scalars_of(layer)[0]
        slopes = torch.autograd.grad(first.sum(), positions, retain_graph=True, allow_unused=True)[0]
        felt = torch.zeros(4, 3, dtype=torch.float64) if slopes is None else slopes
        assert [bool((row != 0).any()) for row in felt[1:]] == [k <= n for k in range(1, 4)]


def test_curvature_jumps_no_more_than_the_cosine_does(model):
    """Forces are continuous at the cutoff, and what they change by is of the order of the distance to it."""
    if isinstance(model, NequIP):
        pytest.skip("it fades faster: tests/neural/test_nequip.py")
    potential, jumps = mn.Potential(model), []
    for h in (1e-3, 1e-5):
        pair = [Atoms("CO", [[0, 0, 0], [5.0 + step, 0, 0]]) for step in (-h, h)]
        inside, outside = (potential(graph_of(atoms))["forces"] for atoms in pair)
        assert float(outside.abs().max()) == 0
        jumps.append(float(inside.abs().max()))
    assert 0 < jumps[1] == pytest.approx(jumps[0] / 100, rel=0.05)


def test_weights_start_as_the_files_say():
    torch.manual_seed(0)
    dtnn, schnet, graph = DTNN(5.0), SchNet(5.0, n_features=256, n_layers=1), graph_of(ethanol()).to(torch.float32)
    first, *_, last = dtnn.features(graph)
    assert torch.equal(first, last)  # W^fc is zero: atoms do not hear each other
    layers = [layer for layer in schnet.modules() if isinstance(layer, torch.nn.Linear)]
    for layer in layers:
        assert layer.bias is None or not layer.bias.any()
        if layer.out_features > 1:
            glorot = (2 / (layer.in_features + layer.out_features)) ** 0.5
            assert float(layer.weight.detach().std()) == pytest.approx(glorot, rel=0.05)
    assert len(layers) == 7


def test_painn_vectors_turn_with_the_molecule_and_change_sign_with_it():
    torch.manual_seed(0)
    model, atoms = PaiNN(5.0, n_features=8).double(), ethanol()
    before = model.features(graph_of(atoms))
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    for matrix in (turn, -np.eye(3), turn @ np.diag([1, 1, -1])):
        moved = atoms.copy()
        moved.positions = atoms.positions @ matrix.T
        for (s, v), (s_moved, v_moved) in zip(before, model.features(graph_of(moved)), strict=True):
            torch.testing.assert_close(s_moved, s, rtol=0, atol=1e-10)
            torch.testing.assert_close(v_moved, v @ torch.tensor(matrix).T, rtol=0, atol=1e-10)
    assert all(float(v.detach().abs().max()) > 1e-2 for _, v in before[1:])


def test_painn_vectors_of_the_first_layer_point_to_the_neighbor():
    """Δv_i = Σ_j b_ij u_ij with u_ij from i to j; the other sign would leave energy and forces as they are."""
    torch.manual_seed(0)
    model, f = PaiNN(5.0, n_features=8, n_layers=1).double(), 8
    graph = graph_of(Atoms("CO", [[0, 0, 0], [0, 1.5, 0]]))
    vectors = model.features(graph)[-1][1]  # (2, F, 3); the last update does not change them
    message: Any = model.messages[0]
    b = (
        message.scalar_network(model.embedding(graph.numbers))[:, f:]
        * model.filters(torch.tensor([1.5]).double())[0][:, f:]
    )
    expected = torch.zeros(2, f, 3, dtype=torch.float64)
    expected[0, :, 1], expected[1, :, 1] = b[1], -b[0]
    torch.testing.assert_close(vectors, expected, rtol=0, atol=1e-12)
    assert float(b.detach().abs().max()) > 1e-2


def test_filters_fade_out_at_the_cutoff(model):
    r = torch.tensor([1.0, 2.5, 5.0 - 1e-9, 6.0], dtype=torch.float64)
    if isinstance(model, NequIP):
        pytest.skip("its radial networks read a basis that fades: tests/neural/test_nequip.py")
    if isinstance(model, DTNN):
        assert model.filters(r).shape == (4, 12)
        return
    for filters in model.filters(r):
        assert bool((filters[:2] != 0).all())
        assert bool((filters[2:].abs() < 1e-9).all())


def test_what_cannot_be_evaluated_is_refused_in_one_sentence(model):
    atoms = ethanol()
    with pytest.raises(ValueError, match=r"the graph reaches 4.0 Å, but the model needs 5.0 Å: rebuild it"):
        model(graph_of(atoms, 4.0))
    with pytest.raises(ValueError, match=r"the weights of this model are torch.float64, the graph is torch.float32"):
        model(graph_of(atoms).to(torch.float32))
    atoms.positions[3] = atoms.positions[4]
    with pytest.raises(ValueError, match="are at one place"):
        graph_of(atoms)


@pytest.mark.parametrize("kind", [DTNN, SchNet, PaiNN])
def test_sizes_that_make_no_network_are_refused(kind):
    for bad in (0.0, -1.0, float("nan"), "5"):
        with pytest.raises(ValueError, match="the cutoff must be a positive number in Å"):
            kind(bad)
    for name in ("n_features", "n_layers", "n_basis"):
        for bad in (0, 2.5, None):
            with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1"):
                kind(**{name: bad})


def test_energy_scaling_starts_from_the_data_and_keeps_what_it_learned():
    """Isolated atoms as references, or none: the shift takes up the mean; the scale is the size of forces."""
    scaling, graph = EnergyScaling(), graph_of([molecule("H2O"), molecule("CH4"), molecule("H2")])
    counts = torch.tensor([[2.0, 0, 1], [4, 1, 0], [2, 0, 0]], dtype=torch.float64)
    energies = counts @ torch.tensor([-2.0, -7.0, -3.0], dtype=torch.float64)
    assert scaling.elements is None
    forces = torch.zeros(graph.n_atoms, 3)
    forces[:, 0] = 0.75**0.5  # root mean square of all components: 0.5
    scaling.fit(graph, {"energy": energies, "forces": forces})
    assert scaling.elements == (1, 6, 8)
    start = scaling(torch.zeros(graph.n_atoms), graph.numbers)
    expected = torch.tensor([{1: -2.0, 6: -7.0, 8: -3.0}[int(z)] for z in graph.numbers])
    torch.testing.assert_close(start.detach(), expected, rtol=0, atol=1e-5)
    assert float(scaling.scale[1].detach()) == pytest.approx(0.5)
    scaling.fit(graph_of(molecule("NH3")), {"energy": torch.tensor([100.0])})
    assert scaling.elements == (1, 6, 7, 8)
    torch.testing.assert_close(scaling(torch.zeros(graph.n_atoms), graph.numbers).detach(), expected, rtol=0, atol=1e-5)
    still = EnergyScaling()
    still.fit(graph_of([molecule("H2")] * 2), {"energy": torch.tensor([-4.0, -4.0])})  # nothing varies: no scale
    assert float(still.scale[1].detach()) == 1
    energies_only = EnergyScaling()
    energies_only.fit(graph_of([molecule("H2")] * 2), {"energy": torch.tensor([-6.0, -2.0])})
    assert float(energies_only.scale[1].detach()) == pytest.approx(2 / 2**0.5)  # deviation 2 eV of two atoms
