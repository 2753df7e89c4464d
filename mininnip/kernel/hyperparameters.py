"""Hyperparameters: positive numbers, learned by their logarithms from how probable they make the data.

The marginal likelihood rewards a good fit and punishes a model that could have fitted anything (Rasmussen & Williams,
section 5.4.1), so lengths, signal and noise come from the training data themselves, without a validation set.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

FARTHEST = float(np.log(1e3))  # a hyperparameter is looked for within this factor of where it stands
IMPOSSIBLE = 1e25  # minus the log likelihood where a covariance cannot be inverted


def log_parameter(name: str, value: float | Sequence[float]) -> nn.Parameter:
    """Logarithm of one or several hyperparameters, in float64.

    Raises:
        ValueError: one that is not a positive number.
    """
    number = torch.as_tensor(value, dtype=torch.float64)
    if number.dim() > 1 or not bool((number > 0).all() and number.isfinite().all()):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return nn.Parameter(number.log())


def values(logarithms: Mapping[str, Tensor]) -> dict[str, float | list[float]]:
    """Hyperparameters by name, from their logarithms."""
    return {name: logarithm.detach().exp().tolist() for name, logarithm in logarithms.items()}


def maximize(
    log_likelihood: Callable[[], Tensor], logarithms: Mapping[str, nn.Parameter], steps: int, fixed: Sequence[str] = ()
) -> float:
    """Move hyperparameters to where the log likelihood is largest, by L-BFGS-B.

    Args:
        log_likelihood: of the hyperparameters as they are, differentiable; a ValueError counts as impossible.
        logarithms: of the hyperparameters, by name; changed in place.
        steps: at most.
        fixed: names of those that stay.

    Returns:
        The log likelihood reached.

    Raises:
        ValueError: a name that is none of them.
    """
    from scipy.optimize import minimize

    if strangers := set(fixed) - set(logarithms):
        raise ValueError(f"there is no hyperparameter {min(strangers)!r}; there are {', '.join(logarithms)}")
    free = [logarithm for name, logarithm in logarithms.items() if name not in fixed]
    if not free:
        return float(log_likelihood().detach())

    def put(vector: np.ndarray) -> None:
        parts = torch.tensor(vector).split([part.numel() for part in free])
        with torch.no_grad():
            for logarithm, part in zip(free, parts, strict=True):
                logarithm.copy_(part.reshape(logarithm.shape))

    def minus(vector: np.ndarray) -> tuple[float, np.ndarray]:
        put(vector)
        try:
            with torch.enable_grad():
                value = log_likelihood()
                slopes = torch.autograd.grad(value, free, allow_unused=True, materialize_grads=True)
        except ValueError:
            return IMPOSSIBLE, np.zeros_like(vector)
        return -float(value.detach()), -torch.cat([slope.double().flatten() for slope in slopes]).cpu().numpy()

    start = torch.cat([logarithm.detach().double().flatten() for logarithm in free]).cpu().numpy()
    bounds = [(x - FARTHEST, x + FARTHEST) for x in start]
    found = minimize(minus, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    put(found.x)
    return -float(found.fun)
