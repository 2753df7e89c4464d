"""Behler–Parrinello networks: precomputed and direct results agree, features are scaled. More in test_contract.py."""

import pytest
import torch
from ase.build import molecule

from mininnip import Graph, Potential, load, save
from mininnip.descriptors import SymmetryFunctions
from mininnip.graph import batch
from mininnip.model import Precomputed
from mininnip.neural import BehlerParrinello


@pytest.fixture
def model():
    torch.manual_seed(0)
    functions = SymmetryFunctions((1, 6, 8), 5.0, g2=[(0.1, 0.0), (1.0, 1.5)], g4=[(0.02, 2, 1), (0.02, 1, -1)])
    return BehlerParrinello(functions, hidden=(12, 7)).double()


@pytest.fixture
def graphs():
    frames = []
    for k, name in enumerate(("CH3CH2OH", "CH4", "H2O", "CH3OH")):
        atoms = molecule(name)
        atoms.rattle(0.08, seed=k)
        frames.append(Graph.from_atoms(atoms, 5.0))
    return frames


def learn_something(model):
    """Output weights that are not zero, as a training would leave them."""
    for network in model.readout.networks:
        torch.nn.init.normal_(network.layers[-1].weight)


def test_number_of_parameters(model):
    n = 3 * 2 + 6 * 2
    per_element = (n + 1) * 12 + (12 + 1) * 7 + (7 + 1)
    assert sum(p.numel() for p in model.parameters()) == 3 * per_element


def test_precomputed_results_are_the_potentials(model, graphs):
    parts = [model.precompute(graph) for graph in graphs]
    model.readout.fit_scaling(torch.cat([p.features for p in parts]), torch.cat([p.numbers for p in parts]))
    learn_something(model)
    known, direct = model.predict(Precomputed.side_by_side(parts)), Potential(model)(batch(graphs))
    for name in ("energy", "energies", "forces"):
        assert torch.allclose(known[name], direct[name], atol=1e-12)
    assert direct["forces"].abs().max() > 1e-3


def test_gradients_of_a_loss_agree_too(model, graphs):
    graph = batch(graphs)
    ours = model.predict(model.precompute(graph), differentiable=True)["forces"]
    theirs = Potential(model)(graph, differentiable=True)["forces"]
    options = {"inputs": list(model.parameters()), "allow_unused": True, "materialize_grads": True}
    for a, b in zip(*(torch.autograd.grad((f**2).sum(), **options) for f in (ours, theirs)), strict=True):
        assert torch.allclose(a, b, atol=1e-11)


def test_scaled_features_have_mean_0_and_deviation_1(model, graphs):
    known = model.precompute(batch(graphs))
    model.readout.fit_scaling(known.features, known.numbers)
    hydrogens = known.features[known.numbers == 1]
    scaled = model.readout.scaling(hydrogens, 0)
    assert torch.allclose(scaled.mean(0), torch.zeros_like(scaled[0]), atol=1e-10)
    varies = hydrogens.std(0) > 1e-6
    assert torch.allclose(scaled.std(0, correction=0)[varies], torch.ones_like(scaled[0][varies]), atol=1e-10)


def test_constant_features_do_no_harm(model):
    atoms = molecule("CH4")
    known = model.precompute(batch([Graph.from_atoms(a, 5.0) for a in (atoms, molecule("H2O"))]))
    model.readout.fit_scaling(known.features, known.numbers)  # one carbon, one oxygen: nothing varies
    assert torch.equal(model.readout.scaling.std[1], torch.ones_like(model.readout.scaling.std[1]))
    assert Potential(model)(Graph.from_atoms(atoms, 5.0))["forces"].isfinite().all()


def test_element_without_training_data_is_named(model, graphs):
    known = model.precompute(graphs[2])  # water
    with pytest.raises(ValueError, match="no atom with atomic number 6 in the training data"):
        model.readout.fit_scaling(known.features, known.numbers)


@pytest.fixture
def trained(model, graphs):
    """A model that knows ethanol, methane, water and methanol, as rattled above."""
    known = model.precompute(batch(graphs))
    model.readout.fit_scaling(known.features, known.numbers)
    return model


def grades(model, atoms):
    return Potential(model)(Graph.from_atoms(atoms, 5.0))["extrapolation"]


def test_nothing_of_the_training_data_lies_outside_it(trained, graphs):
    assert torch.equal(Potential(trained)(batch(graphs))["extrapolation"], torch.zeros(9 + 5 + 3 + 6).double())
    single = Potential(trained.float())(batch(graphs).to(torch.float32))["extrapolation"]
    assert torch.equal(single, torch.zeros(23))


def test_grade_is_the_distance_to_the_range_in_standard_deviations(trained, graphs):
    features, numbers = trained.descriptor(graphs[2]), graphs[2].numbers  # water
    scaling, oxygen = trained.readout.scaling, trained.elements.index(8)
    beyond = features.clone()
    beyond[0] = scaling.mean[oxygen]
    beyond[0, 3] = scaling.highest[oxygen, 3] + 2.5 * scaling.std[oxygen, 3]
    beyond[0, 5] = scaling.lowest[oxygen, 5] - 1.5 * scaling.std[oxygen, 5]
    assert trained.readout.extrapolation(beyond, numbers).tolist() == pytest.approx([2.5, 0, 0], abs=1e-3)


def test_an_atom_that_comes_too_close_is_named(trained):
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.08, seed=0)
    assert grades(trained, atoms).max() == 0
    atoms.set_distance(0, 2, 0.9, fix=0)  # C–C, to O
    outside = grades(trained, atoms)
    assert outside[[0, 2]].min() > 1
    assert (outside >= 0).all()


def test_a_partner_that_was_never_seen_is_outside(trained):
    """Oxygen next to oxygen: constant zero in the training data."""
    assert grades(trained, molecule("H2O2"))[:2].min() > 0


def test_blocks_give_the_same_grades(trained, monkeypatch):
    crystal = molecule("CH3OH", cell=[4, 4, 4], pbc=True)
    whole = grades(trained, crystal * (2, 2, 1))
    monkeypatch.setattr("mininnip.blocks.PAIRS_PER_BLOCK", 1000)
    assert torch.allclose(grades(trained, crystal * (2, 2, 1)), whole, atol=1e-12)
    assert whole.max() > 0


def test_without_training_data_there_is_no_grade(model, graphs):
    assert "extrapolation" not in Potential(model)(graphs[0])
    assert model.readout.extrapolation(model.descriptor(graphs[0]), graphs[0].numbers) is None


def test_grades_survive_a_file(trained, graphs, tmp_path):
    save(Potential(trained), tmp_path / "potential.safetensors")
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.3, seed=5)
    back = load(tmp_path / "potential.safetensors")
    assert torch.equal(back(Graph.from_atoms(atoms, 5.0))["extrapolation"], grades(trained, atoms))
    assert grades(trained, atoms).max() > 0


def test_networks_see_independent_features(model, graphs):
    """Along the principal axes nothing is correlated; variances are λ / (λ + 0.01 λ₁)."""
    known = model.precompute(batch(graphs))
    model.readout.fit_scaling(known.features, known.numbers)
    scaled = model.readout.scaling(known.features[known.numbers == 1], 0)
    variances = torch.linalg.eigvalsh(scaled.T @ scaled / len(scaled)).clamp(min=0)
    seen = scaled @ model.readout.axes[0]
    expected = torch.diag(variances / (variances + 0.01 * variances[-1]))
    assert torch.allclose(seen.T @ seen / len(seen), expected, atol=1e-9)


def test_training_starts_from_no_force(model, graphs):
    before = Potential(model)(batch(graphs))["forces"].abs().max()
    known = model.precompute(batch(graphs))
    model.readout.fit_scaling(known.features, known.numbers)
    out = Potential(model)(batch(graphs))
    assert before > 1e-3
    assert not out["energy"].any()
    assert not out["forces"].any()
    energy = model.predict(known, differentiable=True)["energy"]
    gradients = torch.autograd.grad(energy.sum(), [network.layers[-1].weight for network in model.readout.networks])
    assert all(g.abs().max() > 1e-3 for g in gradients)  # but it does not stay there


def test_later_data_widen_the_range_and_change_nothing_else(trained, graphs):
    learn_something(trained)
    far = molecule("CH4")
    far.rattle(0.4, seed=3)
    graph, before = Graph.from_atoms(far, 5.0), Potential(trained)(batch(graphs))
    assert grades(trained, far).max() > 0
    trained.readout.fit_scaling(trained.descriptor(graph).detach(), graph.numbers)  # no oxygen in it
    after = Potential(trained)(batch(graphs))
    assert torch.equal(after["energy"], before["energy"])
    assert not after["extrapolation"].any()
    assert grades(trained, far).max() == 0
