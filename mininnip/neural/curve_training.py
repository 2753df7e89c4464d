"""A network of one hidden layer learns points of a curve, one step at a time: by gradient descent, or by Adam.

    gradient descent   w ← w − α g,   g = ∂L/∂w,   L the mean squared error of all points
    Adam               w ← w − α m / (√v + 10⁻⁸),   m, v: running means of g and g², divided by their weights

Kingma & Ba, arXiv:1412.6980 (Adam). Small networks are trained quicker by `minimize`; here every step can be watched.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mininnip.neural.mlp import MLP

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "SiLU": nn.functional.silu,
    "none": nn.Identity(),
}
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "gradient descent": torch.optim.SGD,
}


class CurveTraining:
    """A network, its optimizer and what has been measured.

    Args:
        neurons: of the hidden layer.
        activation: a key of `ACTIVATIONS`.
        optimizer: a key of `OPTIMIZERS`.
        seed: of the first weights.

    Attributes:
        network: one input, one output.
        steps: taken so far.
        history: (step, loss on training points, loss on validation points) for every `record`.
    """

    def __init__(self, neurons: int, activation: str, optimizer: str, seed: int):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = MLP((1, neurons, 1), ACTIVATIONS[activation]).double()
        self.use(optimizer)
        self.seed, self.steps = seed, 0
        self.history: list[tuple[int, float, float]] = []

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        return sum(weight.numel() for weight in self.network.parameters())

    def use(self, optimizer: str) -> None:
        """Go on with this optimizer from the present weights; Adam forgets its means."""
        self._optimizer = OPTIMIZERS[optimizer](self.network.parameters(), lr=1.0, foreach=False)

    def loss(self, points: Tensor) -> Tensor:
        """Mean squared error on points x, y (P, 2)."""
        x, y = points.split(1, dim=1)
        return (self.network(x) - y).square().mean()

    def step(self, points: Tensor, rate: float) -> None:
        """Take one step.

        Args:
            points: x, y (P, 2) to learn from; they may be others at every step.
            rate: the learning rate α.

        Raises:
            ValueError: the loss is not finite; the weights are left as they are.
        """
        loss = self.loss(points)
        if not bool(loss.isfinite()):
            raise ValueError("the loss is not finite any more: begin with new weights, at a smaller learning rate")
        self._optimizer.param_groups[0]["lr"] = rate
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self.steps += 1

    def errors(self, points: Tensor, fresh: Tensor) -> tuple[float, float]:
        """RMSE on points to learn from (P, 2) and on fresh ones."""
        with torch.no_grad():
            return float(self.loss(points).sqrt()), float(self.loss(fresh).sqrt())

    def record(self, points: Tensor, fresh: Tensor) -> None:
        """Write both losses down."""
        train, valid = self.errors(points, fresh)
        self.history.append((self.steps, train**2, valid**2))
