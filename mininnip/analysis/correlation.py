"""Correlated samples: how many of the frames of a trajectory are worth something, and error bars that know of it.

The mean of N samples with the variance σ² and the autocorrelation ρ(t) has the variance

    σ² 2τ / N,   τ = ½ + Σ_{t ≥ 1} ρ(t),   so that N_eff = N / 2τ

Sokal, in Functional Integration (1997), doi:10.1007/978-1-4899-0319-8_6; averages over blocks: Flyvbjerg & Petersen,
J. Chem. Phys. 91, 461 (1989), doi:10.1063/1.457480.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

WINDOW = 5.0  # the sum ends at the first t ≥ 5 τ: beyond it there is noise only


class BlockErrors(NamedTuple):
    """Standard error of the mean, from averages over blocks of growing size; where it levels off it is right."""

    sizes: np.ndarray  # (B,) samples in a block
    errors: np.ndarray  # (B,) estimated standard error of the mean
    uncertainties: np.ndarray  # (B,) of the estimates


def autocorrelation(values: np.ndarray) -> np.ndarray:
    """ρ(t) = ⟨δa(s) · δa(s + t)⟩ / ⟨δa²⟩ of a time series, ρ(0) = 1, by Fourier transform.

    Args:
        values: (N,) or (N, d), at equal distances in time; of an angle give cosine and sine, d = 2.

    Returns:
        (N,); the sum over s has N − t terms and is divided by N.

    Raises:
        ValueError: fewer than four samples, one that is not finite, or all of them equal.
    """
    series = np.asarray(values, dtype=float)
    series = series.reshape(len(series), -1)
    if len(series) < 4 or not np.isfinite(series).all():
        raise ValueError(f"a time series has four or more finite samples, got {len(series)}")
    series = series - series.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(series, 2 * len(series), axis=0)) ** 2
    covariance = np.fft.irfft(spectrum.sum(axis=1))[: len(series)]
    if covariance[0] <= 1e-20 * len(series) * max(1.0, float(np.abs(np.asarray(values)).max()) ** 2):
        raise ValueError("all samples are equal: there is no correlation time")
    return covariance / covariance[0]


def correlation_time(values: np.ndarray, window: float = WINDOW) -> float:
    """Integrated autocorrelation time τ, in steps between samples; ½ for independent ones.

    Args:
        values: as of `autocorrelation`.
        window: the sum ends at the first t ≥ window · τ(t), Sokal's rule.

    Raises:
        ValueError: the trajectory is shorter than ten correlation times, too short to know; and as `autocorrelation`.
    """
    rho = autocorrelation(values)
    sums = np.cumsum(rho) - 0.5  # ½ + Σ_{t = 1} ρ
    ends = np.flatnonzero(np.arange(len(rho)) >= window * sums)
    tau = float(max(sums[ends[0]], 1e-3)) if len(ends) else np.inf
    if len(rho) < 10 * tau:
        raise ValueError(
            f"{len(rho)} samples are fewer than ten correlation times: the trajectory is too short to know its own"
        )
    return tau


def effective_number(values: np.ndarray) -> float:
    """N_eff = N / 2τ: independent samples that would tell the mean as well."""
    return len(values) / (2 * correlation_time(values))


def block_errors(values: np.ndarray, sizes: Sequence[int] | None = None) -> BlockErrors:
    """Standard error of the mean from averages over blocks.

        ε(n) = std of the means of N/n blocks of n samples / √(N/n)

    Args:
        values: (N,).
        sizes: of blocks; None: powers of two up to a quarter of the series.

    Returns:
        An estimate for each size; its own uncertainty is ε / √(2 (N/n − 1)).

    Raises:
        ValueError: fewer than two blocks, or samples that are not finite.
    """
    series = np.asarray(values, dtype=float)
    if series.ndim != 1 or len(series) < 4 or not np.isfinite(series).all():
        raise ValueError(f"block averages need four or more finite samples (N,), got the shape {series.shape}")
    chosen = 2 ** np.arange(int(np.log2(len(series) // 4)) + 1) if sizes is None else np.asarray(sizes)
    counts = len(series) // chosen
    if (chosen < 1).any() or (counts < 2).any():
        raise ValueError(f"blocks have at least one sample, and there are at least two; got sizes {chosen.tolist()}")
    errors = np.array(
        [series[: n * k].reshape(n, k).mean(axis=1).std(ddof=1) / n**0.5 for n, k in zip(counts, chosen, strict=True)]
    )
    return BlockErrors(chosen, errors, errors / np.sqrt(2 * (counts - 1)))
