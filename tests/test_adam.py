"""Adam: PyTorch's, without loading PyTorch's compiler."""

import subprocess
import sys

import pytest
import torch

from mininnip.adam import Adam


@pytest.mark.parametrize("maximize", [False, True])
def test_every_step_is_pytorchs(maximize):
    torch.manual_seed(0)
    mine, theirs = ([torch.full((4, 3), 0.5, requires_grad=True), torch.ones(2, requires_grad=True)] for _ in "ab")
    optimizer, reference = Adam(mine, maximize), torch.optim.Adam(theirs, maximize=maximize)
    for step in range(50):
        rate = 0.1 / (1 + step)
        noise = torch.randn(4, 3)
        for weights in (mine, theirs):
            ((weights[0].sin() * noise).sum() + weights[1].square().sum()).backward()
        optimizer.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        for a, b in zip(mine, theirs, strict=True):
            assert torch.equal(a, b)
            assert all(torch.equal(value, reference.state[b][key]) for key, value in optimizer.state[a].items())
            a.grad = b.grad = None


def test_a_weight_without_slope_stays():
    moves, stays = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    moves.sum().backward()
    Adam([moves, stays]).step(0.1)
    assert (moves < 1).all() and (stays == 1).all()


def test_training_does_not_load_pytorchs_compiler():
    """Two seconds of waiting before a first training, and 70 MB in every lesson."""
    program = """
import sys, torch, mininnip as mn
from mininnip.neural import Cartesian, CoordinateNetwork
from mininnip.surfaces import double_well_2d, plane
from mininnip.data.dataset import Dataset
graph = plane.as_graph(torch.rand(8, 2, dtype=torch.float64))
data = Dataset.from_graph(graph, plane.labeler(double_well_2d)(graph), "points")
members = [mn.Potential(CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (4,)), {1: 0.0}) for _ in range(2)]
mn.train_ensemble(mn.Ensemble(members), data, steps=2)
mn.train(members[0], data, data, epochs=1, progress=False)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["False"], done.stderr
