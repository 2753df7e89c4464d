"""Every network of the course is trained, saved, loaded, put into an ensemble and a calculator with the same calls.

The same mistakes end in the same sentences. What only one architecture promises is tested beside it.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

import mininnip as mn
from mininnip.data.sets import Dataset

ELEMENTS = (1, 6, 8)
MODELS = {
    "BehlerParrinello": lambda: mn.neural.BehlerParrinello(
        mn.descriptors.SymmetryFunctions(ELEMENTS, 5.0, [(2.0, 1.0), (2.0, 1.5)], g5=[(0.05, 2, 1)]), (6,)
    ),
    "DTNN": lambda: mn.neural.DTNN(5.0, n_features=8, n_factors=8, n_basis=26),
    "SchNet": lambda: mn.neural.SchNet(5.0, n_features=8, n_layers=2, n_basis=10),
    "PaiNN": lambda: mn.neural.PaiNN(5.0, n_features=8, n_layers=2, n_basis=10),
    "NequIP": lambda: mn.neural.NequIP(5.0, n_features=4, n_layers=2, radial_hidden=(8,)),
}


@pytest.fixture(params=MODELS)
def name(request):
    torch.manual_seed(0)
    return request.param


@pytest.fixture(scope="module")
def data():
    ethanol = mn.load_data("ethanol")
    assert isinstance(ethanol, Dataset)
    return ethanol.split(8, 4, 4, seed=0)


def test_train_save_load_ensemble_calculator(name, data, tmp_path):
    train, valid, test = data
    potentials = [mn.Potential(MODELS[name]()) for _ in range(2)]
    for potential in potentials:
        history = mn.train(potential, train, valid, epochs=3, batch_size=4, learning_rate=1e-2, progress=False)
        assert history.ended == "finished"
        assert history["train_loss"][-1] < history["train_loss"][0]
    mn.save(potentials[0], tmp_path / "potential.safetensors")
    again = mn.load(tmp_path / "potential.safetensors")
    assert mn.evaluate(again, test) == mn.evaluate(potentials[0], test)
    atoms, members = test.atoms()[0], [again, potentials[1]]
    atoms.calc = mn.Calculator(mn.Ensemble(members))
    alone = [member(mn.Graph.from_atoms(atoms, 5.0)) for member in members]
    energies = [float(out["energy"]) for out in alone]
    assert atoms.get_potential_energy() == pytest.approx(np.mean(energies), abs=1e-3)
    forces = np.mean([out["forces"].numpy() for out in alone], axis=0)
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=0, atol=1e-5)
    assert atoms.calc.results["energy_std"] == pytest.approx(np.std(energies, ddof=1), rel=1e-2)
    (*_, last) = mn.sampling.molecular_dynamics(atoms, 300, n_frames=2, steps_per_frame=2, time_step=0.5)
    assert np.isfinite(last.get_forces()).all()


def test_an_atom_alone_has_an_energy_and_no_force(name):
    out = mn.Potential(MODELS[name]())(mn.Graph.from_atoms([Atoms("C"), molecule("H2O")], 5.0))
    assert bool(out["energies"].isfinite().all())
    assert not out["forces"][0].any()


def test_the_same_mistakes_end_in_the_same_sentences(name):
    potential, atoms = mn.Potential(MODELS[name]()), molecule("CH3CH2OH")
    graph = mn.Graph.from_atoms(atoms, 5.0)
    if potential.model.elements is None:  # known from its first data on
        potential.model.fit_scaling(graph, {"energy": torch.tensor([-30.0])})
    for call, words in (
        (lambda: potential(mn.Graph.from_atoms(atoms, 4.0)), "the graph reaches 4.0 Å, but the model needs 5.0 Å"),
        (lambda: potential(mn.Graph.from_atoms(atoms, None)), "the graph has no edges, but the model needs 5.0 Å"),
        (lambda: potential(mn.Graph.from_atoms(molecule("NH3"), 5.0)), r"atomic number 7 is unknown .* \[1, 6, 8\]"),
        (lambda: potential.model(graph), "the weights of this model are torch.float32, the graph is torch.float64"),
        (lambda: mn.Graph.from_atoms(Atoms("CO", [[0, 0, 0]] * 2), 5.0), "are at one place"),
        (lambda: mn.Graph.from_atoms(Atoms(), 5.0), "the structure has no atoms"),
        (lambda: potential(atoms), "a potential is evaluated on a Graph, got Atoms"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("one", "other"), list(pairwise([*MODELS, "BehlerParrinello"])))
def test_a_checkpoint_of_another_architecture_is_refused(one, other, data, tmp_path):
    train, valid, _ = data
    settings = {"epochs": 1, "progress": False, "checkpoint": tmp_path / "training.safetensors"}
    mn.train(mn.Potential(MODELS[one]()), train, valid, **settings)
    with pytest.raises(ValueError, match="holds another model than the one to train"):
        mn.train(mn.Potential(MODELS[other]()), train, valid, **settings)
