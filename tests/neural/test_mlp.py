"""MLP: the formula of the lecture, the number of parameters, and refusals."""

import pytest
import torch
from torch import nn

from mininnip.neural import MLP


def test_is_the_formula():
    network = MLP((3, 5, 4, 2)).double()
    x = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h = x
    for k, layer in enumerate(network.layers):
        assert isinstance(layer, nn.Linear)
        h = h @ layer.weight.T + layer.bias
        h = torch.tanh(h) if k < 2 else h
    assert torch.allclose(network(x), h, atol=1e-15)


def test_number_of_parameters():
    """Every hidden layer is a layer of its own."""
    count = sum(p.numel() for p in MLP((3, 10, 10, 10, 1)).parameters())
    assert count == (3 + 1) * 10 + 2 * (10 + 1) * 10 + (10 + 1)


def test_shares_and_the_last_bias_sum_to_the_outputs():
    network, x = MLP((2, 4, 5, 3)), torch.randn(7, 2)
    shares = network.shares(x)
    assert shares.shape == (7, 3, 5)
    torch.testing.assert_close(shares.sum(-1) + network.state_dict()["layers.2.bias"], network(x))


def test_without_hidden_layer_it_is_linear():
    network = MLP((4, 1)).double()
    x, y = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(network(x) + network(y), network(x + y) + network(torch.zeros_like(x)), atol=1e-14)


def test_activation_is_a_choice():
    x = torch.linspace(-2, 2, 9)[:, None]
    torch.manual_seed(0)
    tanh = MLP((1, 4, 1))
    torch.manual_seed(0)
    relu = MLP((1, 4, 1), torch.relu)
    assert not torch.allclose(tanh(x), relu(x))
    assert relu(x).diff(dim=0).diff(dim=0).abs().gt(1e-5).sum() <= 4  # straight between its kinks


@pytest.mark.parametrize("sizes", [(3,), (), (3, 0, 1), (3, -2, 1)])
def test_bad_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="needs at least inputs and outputs"):
        MLP(sizes)
