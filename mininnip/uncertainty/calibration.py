"""Calibration: whether an uncertainty says how wrong a potential is.

A spread is only a number until it is compared with errors. `rank_correlation` asks whether larger spread means larger
error; `reliability` whether a spread has the size of the error; `error_per_spread` and `conformal_factor` make it so.
Kuleshov, Fenner & Ermon, ICML 2018, arXiv:1807.00263 (reliability); Tran et al., Mach. Learn. Sci. Technol. 1, 025006
(2020), doi:10.1088/2632-2153/ab7e1a (miscalibration area); Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018),
doi:10.1080/01621459.2017.1307116 (split conformal intervals).
"""

import math

import torch
from torch import Tensor


def rank_correlation(errors: Tensor, spreads: Tensor) -> float:
    """Spearman's rank correlation of errors and spreads: 1 if they order the structures alike, 0 if unrelated.

    Equal values share the mean of their ranks; where all are equal there is no order, and the result is NaN.

    Args:
        errors, spreads: (n,).
    """
    _check(errors, spreads)
    ranks = torch.stack([_ranks(errors.abs()), _ranks(spreads)])
    return float(torch.corrcoef(ranks)[0, 1])


def reliability(errors: Tensor, spreads: Tensor, n_levels: int = 21) -> tuple[Tensor, Tensor]:
    """How often errors are as small as a normal distribution of width σ says, for central intervals of all sizes.

        observed(p) = share of |e| ≤ σ z(p),   z(p) = √2 erf⁻¹(p)

    A calibrated spread lies on the diagonal; below it the committee is too sure.

    Args:
        errors: of single numbers (n,), e.g. energies, or components of forces, with the sign or without.
        spreads: standard deviation of each (n,).
        n_levels: from 0 to 1.

    Returns:
        Expected and observed shares (n_levels,).
    """
    _check(errors, spreads)
    expected = torch.linspace(0, 1, n_levels, dtype=torch.float64)
    z = math.sqrt(2) * torch.erfinv(expected)
    return expected, (errors.abs().double() <= z[:, None] * spreads.double()).double().mean(dim=1)


def miscalibration_area(expected: Tensor, observed: Tensor) -> float:
    """Area between a reliability curve and the diagonal: 0 is calibrated, ½ as wrong as possible."""
    return float(torch.trapezoid((observed - expected).abs(), expected))


def error_per_spread(errors: Tensor, spreads: Tensor) -> float:
    """Factor a that turns a spread into an error, |e| ≈ a σ: the geometric mean of |e| / σ.

    In half of all cases, about, the error is larger than a σ, in half smaller. Pairs without error are left out.

    Args:
        errors, spreads: (n,), of structures that were not trained on.
    """
    _check(errors, spreads)
    ratios = (errors.abs() / spreads)[errors != 0]
    if not len(ratios):
        raise ValueError("all errors are zero: there is nothing to calibrate")
    return float(ratios.log().mean().exp())


def conformal_factor(errors: Tensor, spreads: Tensor, coverage: float = 0.9) -> float:
    """Factor q for intervals ± q σ that hold a new error with at least the given probability.

    q is the ⌈(n + 1) · coverage⌉-th smallest of the n scores |e| / σ. The promise holds if the new structure is
    exchangeable with those here, drawn from the same distribution; whatever σ is, and without a normal distribution.

    Args:
        errors, spreads: (n,), of structures that were not trained on.
        coverage: between 0 and 1.

    Raises:
        ValueError: fewer structures than the coverage needs: n ≥ coverage / (1 − coverage).
    """
    _check(errors, spreads)
    if not 0 < coverage < 1:
        raise ValueError(f"the coverage must lie between 0 and 1, got {coverage}")
    rank = math.ceil((len(errors) + 1) * coverage - 1e-9)
    if rank > len(errors):
        raise ValueError(f"{len(errors)} structures are too few to promise {coverage:.0%}; {rank} or more are needed")
    return float((errors.abs() / spreads).sort().values[rank - 1])


def _check(errors: Tensor, spreads: Tensor) -> None:
    if errors.dim() != 1 or errors.shape != spreads.shape or not len(errors):
        raise ValueError(f"errors and spreads are (n,), got {tuple(errors.shape)} and {tuple(spreads.shape)}")
    if not bool(errors.isfinite().all() and spreads.isfinite().all()):
        raise ValueError("an error or a spread is not finite")
    if not bool((spreads > 0).all()):
        raise ValueError("a spread is not positive: are two members the same?")


def _ranks(values: Tensor) -> Tensor:
    """Ranks (n,) from 1 to n in float64; equal values share the mean of theirs."""
    _, group, counts = torch.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum(0) - (counts - 1) / 2.0).double()[group]
