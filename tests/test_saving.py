"""Saving: what comes back computes the same numbers; what cannot be trusted or read is refused in one sentence."""

import json

import numpy as np
import pytest
import torch
from ase.build import bulk
from safetensors.torch import save_file

import mininnip as mn
from mininnip.arguments import described, rebuilt
from mininnip.classical import PairPotential, StillingerWeber, lennard_jones
from mininnip.descriptors import ANISymmetryFunctions, SymmetryFunctions
from mininnip.model import Model
from mininnip.neural import BehlerParrinello
from mininnip.saving import FUNCTIONS, KEY, write_tensors

ANI = {"radial_eta": 8.0, "angular_eta": 6.0, "zeta": 8.0, "angular_shifts": [2.0], "sections": np.array([0.4, 1.2])}
POTENTIALS = {
    "pair": lambda: mn.Potential(PairPotential(lennard_jones, 5.0, "switched", onset=4.0, epsilon=0.3, sigma=2.1)),
    "pair_table": lambda: mn.Potential(
        PairPotential(lennard_jones, 5.0, elements=(14, 32), epsilon=[[0.3, 0.2], [0.2, 0.1]], sigma=2.1), {14: -7.0}
    ),
    "stillinger_weber": lambda: mn.Potential(StillingerWeber(strength=23.0)),
    "behler_parrinello": lambda: mn.Potential(
        BehlerParrinello(SymmetryFunctions((14,), 5.0, [(0.1, 0.0)], g4=[(0.1, 2, 1)]), (7, 5)), {14: -100.0}
    ),
    "ani": lambda: mn.Potential(
        BehlerParrinello(ANISymmetryFunctions((14,), 5.0, 4.0, radial_shifts=[1.0, 2.0], **ANI)).double()
    ),
}


@pytest.fixture
def graph():
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=0)
    return mn.Graph.from_atoms(atoms, 6.0)


@pytest.mark.parametrize("name", POTENTIALS)
def test_what_comes_back_is_the_same(name, graph, tmp_path):
    potential = POTENTIALS[name]()
    with torch.no_grad():
        for parameter in potential.parameters():
            parameter += 0.01 * torch.ones_like(parameter)  # trained, as it were
    mn.save(potential, tmp_path / "potential.safetensors")
    back = mn.load(tmp_path / "potential.safetensors")
    graph = graph.to(next(potential.parameters()).dtype)
    for key, value in potential(graph, stress=True).items():
        assert torch.equal(back(graph, stress=True)[key], value)
    assert [p.name for p in tmp_path.iterdir()] == ["potential.safetensors"]
    assert all(p.requires_grad for p in back.parameters())


def test_functions_are_found_again():
    for function in (torch.tanh, torch.relu, torch.nn.functional.silu, mn.cosine_cutoff, lennard_jones):
        assert rebuilt(json.loads(json.dumps(described(function))), FUNCTIONS) is function


class Foreign(Model):
    """A model that nobody else knows."""


def test_what_has_no_name_cannot_be_saved(tmp_path):
    nameless = mn.Potential(PairPotential(lambda r, k: k * r, 5.0, k=1.0))
    with pytest.raises(ValueError, match="cannot be saved: only what mininnip and PyTorch define"):
        mn.save(nameless, tmp_path / "x")
    with pytest.raises(ValueError, match="Foreign cannot be saved: it does not remember its arguments"):
        mn.save(mn.Potential(Foreign()), tmp_path / "x")
    with pytest.raises(TypeError, match="got Ensemble; save the members of an ensemble one by one"):
        mn.save(mn.Ensemble([mn.Potential(StillingerWeber())] * 2), tmp_path / "x")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"class": "os:system", "arguments": {"command": "true"}}, "class os:system, which is no model of mininnip"),
        ({"class": "torch.hub:load", "arguments": {}}, "class torch.hub:load, which is no model of mininnip"),
        (
            {"class": "mininnip.saving:load", "arguments": {"path": "x"}},
            "mininnip.saving:load, which is no model",
        ),
        ({"function": "os:system"}, "function os:system, which is not in the list"),
        ({"function": "torch.hub:load"}, "function torch.hub:load, which is not in the list"),
    ],
)
def test_a_file_cannot_call_other_code(description, words, tmp_path):
    write_tensors(tmp_path / "evil", {"a": torch.zeros(1)}, description, KEY)
    with pytest.raises(ValueError, match=words):
        mn.load(tmp_path / "evil")


def test_unreadable_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        mn.load(tmp_path / "nothing")
    (tmp_path / "text").write_text("not tensors")
    with pytest.raises(ValueError, match="damaged or no safetensors file"):
        mn.load(tmp_path / "text")
    save_file({"a": torch.zeros(1)}, tmp_path / "tensors")
    with pytest.raises(ValueError, match="holds tensors, but no potential"):
        mn.load(tmp_path / "tensors")
    mn.save(POTENTIALS["behler_parrinello"](), tmp_path / "good")
    (tmp_path / "half").write_bytes((tmp_path / "good").read_bytes()[:300])
    with pytest.raises(ValueError, match="damaged"):
        mn.load(tmp_path / "half")


def test_tensors_that_do_not_fit(tmp_path):
    write_tensors(tmp_path / "old", {"model.epsilon": torch.ones(())}, described(StillingerWeber()), KEY)
    with pytest.raises(ValueError, match="does not fit its own description"):
        mn.load(tmp_path / "old")
