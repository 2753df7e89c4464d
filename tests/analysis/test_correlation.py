"""Correlation times and error bars of a process whose own are known: x_t = a x_(t−1) + noise."""

import numpy as np
import pytest
from scipy.signal import lfilter

from mininnip import analysis


def process(a, n, seed=0):
    """Stationary, of variance 1: ρ(t) = a^t and τ = (1 + a) / (1 − a) / 2."""
    noise = np.random.default_rng(seed).normal(size=n + 500) * (1 - a**2) ** 0.5
    return np.asarray(lfilter([1.0], [1.0, -a], noise))[500:]


@pytest.mark.parametrize("a", [0.0, 0.5, 0.9, 0.97])
def test_the_correlation_time_of_a_known_process(a):
    series = process(a, 200_000)
    exact = (1 + a) / (1 - a) / 2
    assert analysis.correlation_time(series) == pytest.approx(exact, rel=0.06)
    assert analysis.effective_number(series) == pytest.approx(len(series) / (2 * exact), rel=0.06)
    assert analysis.autocorrelation(series)[:4] == pytest.approx(a ** np.arange(4), abs=0.02)


def test_error_bars_are_those_of_many_repetitions():
    a, n = 0.9, 2000
    runs = [process(a, n, seed) for seed in range(300)]
    true = np.std([run.mean() for run in runs])
    naive = np.mean([run.std() / n**0.5 for run in runs])
    told = np.mean([run.std() / analysis.effective_number(run) ** 0.5 for run in runs])
    blocks = np.mean([analysis.block_errors(run, [200]).errors[0] for run in runs])
    assert naive < true / 3.5
    assert told == pytest.approx(true, rel=0.15)
    assert blocks == pytest.approx(true, rel=0.15)


def test_blocks_level_off_and_independent_samples_are_level_from_the_start():
    correlated = analysis.block_errors(process(0.9, 2**15))
    alone = analysis.block_errors(process(0.0, 2**15))
    assert correlated.sizes.tolist() == [2**k for k in range(14)]
    assert correlated.errors[8] / correlated.errors[0] == pytest.approx(19**0.5, rel=0.25)
    assert alone.errors[8] / alone.errors[0] == pytest.approx(1, abs=4 * alone.uncertainties[8] / alone.errors[8])
    assert alone.uncertainties[0] / alone.errors[0] == pytest.approx((2 * (2**15 - 1)) ** -0.5)


def test_several_columns_are_one_vector_and_shift_and_scale_do_not_matter():
    series = np.stack([process(0.8, 20_000, seed) for seed in (1, 2)], axis=1)
    assert analysis.correlation_time(series) == pytest.approx(4.5, rel=0.12)
    assert analysis.correlation_time(3 * series + 7) == pytest.approx(analysis.correlation_time(series))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, 2.0], "four or more finite samples"),
        ([1.0, np.nan, 2.0, 3.0], "four or more finite samples"),
        (np.full(50, 0.1), "all samples are equal"),
        (np.linspace(0, 1, 200), "too short to know its own"),
    ],
)
def test_series_without_sense_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        analysis.effective_number(values)


def test_blocks_without_sense_are_refused():
    with pytest.raises(ValueError, match="there are at least two"):
        analysis.block_errors(np.arange(10.0), [6])
    with pytest.raises(ValueError, match="four or more finite samples"):
        analysis.block_errors(np.zeros((5, 2)))
