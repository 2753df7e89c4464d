"""Adam: gradient descent in which every weight has a step length of its own. Kingma & Ba, arXiv:1412.6980, algorithm 1.

The arithmetic is PyTorch's, called as a function. `torch.optim.Adam` does the same, but the first one that is made
loads PyTorch's compiler, which is never used here: two seconds of waiting and 70 MB in every lesson that trains.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS, EPSILON = (0.9, 0.999), 1e-8  # the paper's


class Adam:
    """Weights and, for each, the running mean of its slope and of its slope squared.

    Args:
        weights: what is changed in place; each needs a `grad` when it is to move.
        maximize: climb instead of descending.

    Attributes:
        state: of every weight "step" (), "exp_avg" and "exp_avg_sq" (shape of the weight).
    """

    def __init__(self, weights: Iterable[Tensor], maximize: bool = False):
        self.maximize = maximize
        self.state = {weight: {"step": torch.tensor(0.0)} for weight in weights}
        for weight, state in self.state.items():
            state |= {key: torch.zeros_like(weight, requires_grad=False) for key in ("exp_avg", "exp_avg_sq")}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every weight that has a slope in `grad`."""
        moved = [weight for weight in self.state if weight.grad is not None]
        mean, square, steps = (
            [self.state[weight][key] for weight in moved] for key in ("exp_avg", "exp_avg_sq", "step")
        )
        beta1, beta2 = BETAS
        adam(
            moved,
            [weight.grad for weight in moved if weight.grad is not None],
            mean,
            square,
            [],
            steps,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=self.maximize,
        )
