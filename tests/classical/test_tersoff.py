"""Tersoff silicon: the shipped labels, and the corners of its bond order."""

import numpy as np
import pytest
import torch

import mininnip as mn
from mininnip.classical import Tersoff
from mininnip.classical.tersoff import SILICON_OF_PRB_37_6991, bond_order, fade
from mininnip.data.dataset import Dataset
from mininnip.graph import Graph
from mininnip.potential import Potential


def test_the_shipped_labels_are_the_new_silicon():
    data = mn.load_data("silicon")
    assert isinstance(data, Dataset)
    frames = data[::60]
    out = Potential(Tersoff())(frames.graph(3.0))
    np.testing.assert_allclose(out["energy"], frames.labels["energy_tersoff"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(out["forces"], frames.labels["forces_tersoff"], rtol=0, atol=1e-4)
    old = Potential(Tersoff(**SILICON_OF_PRB_37_6991))(frames.graph(3.2))  # type: ignore[arg-type]
    assert np.abs(old["energy"].numpy() - frames.labels["energy_tersoff"]).max() > 1


def test_two_atoms_alone_have_a_whole_bond():
    model = Tersoff()
    pair = Graph.from_arrays([14, 14], torch.tensor([[0, 0, 0], [2.3, 0, 0]], dtype=torch.float64), 3.0)
    out = Potential(model)(pair)
    by_hand = 1830.8 * np.exp(-2.4799 * 2.3) - 471.18 * np.exp(-1.7322 * 2.3)
    assert out["energy"].item() == pytest.approx(by_hand, rel=1e-12)
    assert bool(out["forces"].isfinite().all())
    assert bond_order(torch.zeros(1), torch.tensor(1.0), torch.tensor(0.8)).item() == 1


def test_a_third_atom_weakens_the_bond_of_two():
    zeta = torch.linspace(0, 10, 50, dtype=torch.float64)
    order = bond_order(zeta, torch.tensor(0.5), torch.tensor(0.8))
    assert bool((order.diff() < 0).all())


def test_fade_goes_from_one_to_zero_without_slope():
    r = torch.tensor([1.0, 2.7, 2.85, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    weights = fade(r, torch.tensor(2.7), torch.tensor(3.0))
    torch.testing.assert_close(weights, torch.tensor([1, 1, 0.5, 0, 0], dtype=torch.float64), atol=2e-7, rtol=0)
    (slopes,) = torch.autograd.grad(weights.sum(), r)
    assert slopes[[0, 1, 3, 4]].abs().max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"elements": (0,)}, "atomic numbers"),
        ({"A": np.inf}, "A must be a finite number, got inf"),
        ({"n": -1.0}, "n must be positive"),
        ({"R": 3.0}, "beyond the start"),
    ],
)
def test_bad_parameters_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Tersoff(**arguments)


def test_a_stranger_is_refused():
    with pytest.raises(ValueError, match="6"):
        Tersoff()(Graph.from_arrays([6, 14], torch.tensor([[0.0, 0, 0], [2, 0, 0]]), 3.0))
