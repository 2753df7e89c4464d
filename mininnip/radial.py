"""Functions of one distance that every local potential shares: how an interaction fades out at its cutoff, and bases.

A sum over neighbors is only smooth if each term has vanished, with its slope, before the neighbor leaves the list. The
cutoff functions here differ in how many derivatives they bring to zero. A network that reads a distance reads it as
many numbers, each of which answers to a part of the range: the bases.
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


def polynomial_cutoff(r: Tensor, cutoff: float, p: int = 6) -> Tensor:
    """Fade from 1 at r = 0 to 0 at the cutoff r_c, the later the larger p, with two derivatives that vanish there.

        u(x) = 1 − (p + 1)(p + 2)/2 x^p + p (p + 2) x^{p+1} − p (p + 1)/2 x^{p+2},   x = r / r_c,   0 beyond

    Gasteiger, Groß & Günnemann, ICLR 2020 (arXiv:2003.03123), eq. 8; NequIP uses it too. Value, slope and curvature
    vanish at r_c, so forces are smooth; the first p − 1 derivatives vanish at r = 0.

    Args:
        r: distances (...) in Å.
        cutoff: r_c in Å.
        p: order of the first term, at least 1.

    Returns:
        Weights (...) in [0, 1], same dtype and device as r.

    Raises:
        ValueError: the cutoff is not positive, or p is not a positive whole number.
    """
    _check_positive(cutoff)
    _check_count(p, "p")
    x = (r / cutoff).clamp(max=1)
    return 1 + x**p * (-(p + 1) * (p + 2) / 2 + x * (p * (p + 2) - p * (p + 1) / 2 * x))


def gaussian_basis(r: Tensor, cutoff: float, n_basis: int) -> Tensor:
    """A distance seen by Gaussians in a row from 0 to the cutoff r_c, as wide as they are apart.

        e_k(r) = exp[−(r − μ_k)² / (2 w²)],   μ_k = k w,   w = r_c / (B − 1),   k = 0, …, B − 1

    The basis of DTNN and SchNet. It does not fade at r_c.

    Args:
        r: distances (...) in Å.
        cutoff: r_c in Å.
        n_basis: B, at least 2.

    Returns:
        Values (..., B) in [0, 1], same dtype and device as r.

    Raises:
        ValueError: the cutoff is not positive, or n_basis is not a whole number above 1.
    """
    _check_positive(cutoff)
    _check_count(n_basis, "n_basis", lowest=2)
    centers = torch.linspace(0, cutoff, n_basis, dtype=torch.float64).to(r)
    width = cutoff / (n_basis - 1)
    return torch.exp((r[..., None] - centers).square() * (-0.5 / width**2))


def bessel_basis(r: Tensor, cutoff: float, n_basis: int) -> Tensor:
    """A distance seen by spherical Bessel functions: standing waves in a sphere whose radius is the cutoff r_c.

        e_n(r) = √(2 / r_c) sin(n π r / r_c) / r,   n = 1, …, B

    Gasteiger, Groß & Günnemann, ICLR 2020 (arXiv:2003.03123), eq. 7: orthonormal, ∫₀^{r_c} e_m e_n r² dr = δ_mn. PaiNN
    leaves out the factor √(2 / r_c). Value 0 at r_c, but not the slope.

    Args:
        r: distances (...) in Å, positive.
        cutoff: r_c in Å.
        n_basis: B.

    Returns:
        Values (..., B) in Å^(−3/2), same dtype and device as r.

    Raises:
        ValueError: the cutoff is not positive, or n_basis is not a positive whole number.
    """
    _check_positive(cutoff)
    _check_count(n_basis, "n_basis")
    waves = torch.arange(1, n_basis + 1, dtype=torch.float64).to(r) * (math.pi / cutoff)  # n π / r_c
    return torch.sin(r[..., None] * waves) * (math.sqrt(2 / cutoff) / r)[..., None]


def check_sizes(cutoff: float, **counts: int) -> None:
    """Refuse what no network can be made of: `cutoff` in Å, and whole numbers such as n_features, by name.

    Raises:
        ValueError: the cutoff is not positive, or a number is no positive whole one.
    """
    _check_positive(cutoff)
    for name, count in counts.items():
        _check_count(count, name)


def _check_positive(cutoff: float) -> None:
    if not (isinstance(cutoff, int | float) and math.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"the cutoff must be a positive number in Å, got {cutoff}")


def _check_count(count: int, name: str, lowest: int = 1) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < lowest:
        raise ValueError(f"{name} must be a whole number, at least {lowest}; got {count!r}")
