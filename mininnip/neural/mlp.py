"""MLP: layers of weighted sums and a non-linearity between them, the universal approximator of the lecture.

f(X) = σ(W X + b), again and again; the last layer is left linear so that any value can be reached.
Cybenko, Math. Control Signals Syst. 2, 303 (1989); Hornik, Stinchcombe & White, Neural Networks 2, 359 (1989).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """A feed-forward network.

        h⁰ = x,   h^{n+1} = σ(Wⁿ hⁿ + bⁿ),   y = W^L h^L + b^L

    Args:
        sizes: numbers of inputs, of neurons in every hidden layer, and of outputs, e.g. (2, 15, 1).
        activation: σ, applied to every hidden neuron; smooth if forces are wanted.

    Raises:
        ValueError: fewer than two sizes, or one that is not positive.
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[Tensor], Tensor] = torch.tanh):
        super().__init__()
        if len(sizes) < 2 or not all(size > 0 for size in sizes):
            raise ValueError(f"a network needs at least inputs and outputs, each a positive number; got {tuple(sizes)}")
        self.layers = nn.ModuleList([nn.Linear(n_in, n_out) for n_in, n_out in pairwise(sizes)])
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (..., sizes[-1]) of inputs (..., sizes[0])."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)

    def shares(self, x: Tensor) -> Tensor:
        """What each neuron of the last hidden layer adds to y (..., sizes[-1], sizes[-2]), which has a bias besides."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        return x[..., None, :] * last.weight
