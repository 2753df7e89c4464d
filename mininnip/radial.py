"""Functions of one distance that every local potential shares: how an interaction fades out at its cutoff.

A sum over neighbors is only smooth if each term has vanished, with its slope, before the neighbor leaves the list. The
functions here differ in how many derivatives they bring to zero.
"""

import math

import torch
from torch import Tensor


def cosine_cutoff(r: Tensor, cutoff: float) -> Tensor:
    """Fade from 1 at r = 0 to 0 at the cutoff r_c over the whole range.

        f_c(r) = ½ [1 + cos(π r / r_c)]   for r < r_c,   0 beyond

    Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007). Value and slope vanish at r_c; the curvature jumps there
    from π² / (2 r_c²) to 0, so forces are continuous but not smooth.

    Args:
        r: distances (...) in Å.
        cutoff: r_c in Å.

    Returns:
        Weights (...) in [0, 1], same dtype and device as r.

    Raises:
        ValueError: if the cutoff is not positive.
    """
    _check_positive(cutoff)
    return torch.where(r < cutoff, 0.5 + 0.5 * torch.cos(math.pi * r / cutoff), torch.zeros_like(r))


def tanh_cutoff(r: Tensor, cutoff: float) -> Tensor:
    """Fade from tanh³(1) at r = 0 to 0 at the cutoff r_c, with two derivatives that vanish there.

        f_c(r) = tanh³(1 − r / r_c)   for r < r_c,   0 beyond

    Behler, J. Chem. Phys. 134, 074106 (2011). Value, slope and curvature vanish at r_c: smoother than the cosine, at
    the price of a smaller weight everywhere and a slope at r = 0.

    Args:
        r: distances (...) in Å.
        cutoff: r_c in Å.

    Returns:
        Weights (...) in [0, tanh³(1)], same dtype and device as r.

    Raises:
        ValueError: if the cutoff is not positive.
    """
    _check_positive(cutoff)
    return torch.tanh((1 - r / cutoff).clamp(min=0)) ** 3


def quintic_switch(r: Tensor, onset: float, cutoff: float) -> Tensor:
    """Stay at 1 up to the onset, then fade to 0 at the cutoff r_c.

        s(r) = 1 − 10 x³ + 15 x⁴ − 6 x⁵,   x = (r − onset) / (r_c − onset),   clamped to 0 ≤ x ≤ 1

    The lowest polynomial whose value, slope and curvature are continuous at both ends: forces and vibrations stay
    smooth. ASE's Morse potential switches with it.

    Args:
        r: distances (...) in Å.
        onset: where the fading begins, in Å; 0 ≤ onset < cutoff.
        cutoff: r_c in Å.

    Returns:
        Weights (...) in [0, 1], same dtype and device as r.

    Raises:
        ValueError: if the cutoff is not positive or the onset is not below it.
    """
    _check_positive(cutoff)
    if not 0 <= onset < cutoff:
        raise ValueError(f"the onset must lie between 0 and the cutoff {cutoff} Å, got {onset} Å")
    x = ((r - onset) / (cutoff - onset)).clamp(0, 1)
    return 1 - x**3 * (10 - 15 * x + 6 * x**2)


def _check_positive(cutoff: float) -> None:
    if not (math.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"the cutoff must be a positive number in Å, got {cutoff}")
