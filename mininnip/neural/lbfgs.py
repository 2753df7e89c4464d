"""L-BFGS: small networks trained on all data at once, in hundreds of steps instead of tens of thousands.

Every step uses the slope and an estimate of the curvature from the slopes of the steps before, and searches along that
direction until the loss falls enough. Liu & Nocedal, Math. Program. 45, 503 (1989), doi:10.1007/BF01589116. The work is
PyTorch's; here it gets tolerances at which only the number of steps ends it.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from mininnip.memory import give_back


def minimize(parameters: Iterable[Tensor], loss: Callable[[], Tensor], steps: int = 400) -> float:
    """Change parameters in place until a loss is small.

    Args:
        parameters: what may change, e.g. `network.parameters()`.
        loss: takes nothing and returns the loss, one number; the same parameters always give the same loss.
        steps: at most so many; fewer where the slope vanishes.

    Returns:
        The loss at the end, never larger than at the start.

    Raises:
        ValueError: the loss is not finite at the start.
    """
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=steps,
        history_size=40,
        tolerance_grad=1e-12,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )
    if not bool(loss().isfinite()):
        raise ValueError("the loss is not a finite number at the start: check the data, and scale inputs and labels")

    def loss_and_slopes() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(loss_and_slopes)
    optimizer.zero_grad()
    optimizer.state.clear()  # with the history freed, its memory can go back
    give_back()
    return loss().item()
