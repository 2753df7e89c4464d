"""Uncertainty: spread, and whether it says how wrong a committee is."""

import numpy as np
import pytest
import scipy.stats
import torch
from ase.build import molecule

from mininnip import Ensemble, Graph, Potential
from mininnip.classical import PairPotential, lennard_jones
from mininnip.uncertainty import (
    conformal_factor,
    error_per_spread,
    force_error,
    force_spread,
    miscalibration_area,
    rank_correlation,
    reliability,
)


def committee(epsilons=(0.009, 0.010, 0.012)):
    return Ensemble([Potential(PairPotential(lennard_jones, 6.0, epsilon=e, sigma=1.2)) for e in epsilons])


def normal(n, seed=0, factor=1.0):
    """Errors of which the spreads are `factor` times the standard deviation."""
    generator = torch.Generator().manual_seed(seed)
    spreads = torch.rand(n, generator=generator, dtype=torch.float64) + 0.1
    return spreads * torch.randn(n, generator=generator, dtype=torch.float64), factor * spreads


def test_spread_and_error_are_those_of_the_formula_and_do_not_turn():
    frames = [molecule("H2O"), molecule("NH3")]
    graph, ensemble = Graph.from_atoms(frames, 6.0), committee()
    members = torch.stack([p(graph)["forces"] for p in ensemble.potentials])
    of_atoms = ((members - members.mean(0)) ** 2).sum(0).sum(1) / 2
    expected = torch.stack([of_atoms[:3].mean(), of_atoms[3:].mean()]).sqrt()
    assert torch.allclose(force_spread(ensemble, graph), expected)
    truth = torch.zeros_like(graph.positions)
    squared = members.mean(0).square().sum(1)
    assert torch.allclose(
        force_error(ensemble, graph, truth), torch.stack([squared[:3].mean(), squared[3:].mean()]).sqrt()
    )
    for atoms in frames:
        atoms.rotate(40, (1, 2, 3))
    assert torch.allclose(force_spread(ensemble, Graph.from_atoms(frames, 6.0)), expected, atol=1e-12)


def test_rank_correlation_is_spearmans_with_ties():
    errors = torch.tensor([0.1, -0.5, 0.5, 2.0, 0.0])
    spreads = torch.tensor([0.2, 0.3, 0.1, 0.9, 0.2])
    assert rank_correlation(errors, spreads) == pytest.approx(
        scipy.stats.spearmanr(errors.abs(), spreads)[0], abs=1e-12
    )
    assert rank_correlation(torch.arange(5.0), torch.arange(5.0) ** 3 + 1) == pytest.approx(1)
    assert np.isnan(rank_correlation(errors, torch.ones(5)))


def test_a_calibrated_spread_lies_on_the_diagonal_and_a_narrow_one_below():
    expected, observed = reliability(*normal(20_000))
    assert expected[0] == observed[0] == 0
    assert observed[-1] == 1
    assert miscalibration_area(expected, observed) < 0.005
    sure = reliability(*normal(20_000, factor=0.3))
    assert (sure[1] <= expected + 1e-12).all()
    assert miscalibration_area(*sure) > 0.2


def test_the_area_against_the_integral_of_two_normal_distributions():
    p = np.linspace(0, 1, 20_001)
    truth = np.trapezoid(np.abs(2 * scipy.stats.norm.cdf(0.5 * scipy.stats.norm.ppf((1 + p) / 2)) - 1 - p), p)
    assert miscalibration_area(*reliability(*normal(100_000, factor=0.5), 101)) == pytest.approx(truth, abs=0.005)


def test_error_per_spread_is_the_middle_ratio():
    ratios = torch.tensor([0.5, 2.0, 3.0, 12.0, 0.0])
    assert error_per_spread(ratios * 0.3, torch.full((5,), 0.3)) == pytest.approx(6**0.5)
    with pytest.raises(ValueError, match="all errors are zero"):
        error_per_spread(torch.zeros(3), torch.ones(3))


def test_conformal_intervals_hold_what_they_promise():
    """Exchangeable data, a spread that is wrong in size and in form: coverage 90 ± 3 % all the same."""
    covered = []
    for seed in range(200):
        errors, spreads = normal(400, seed, factor=0.2)
        spreads = spreads + 0.05
        q = conformal_factor(errors[:100], spreads[:100], 0.9)
        covered.append((errors[100:].abs() <= q * spreads[100:]).double().mean().item())
    assert np.mean(covered) > 0.897
    assert np.mean(covered) == pytest.approx(0.9, abs=0.03)


def test_the_conformal_factor_is_a_rank():
    errors = torch.arange(1.0, 10.0)
    assert conformal_factor(errors, torch.ones(9), 0.9) == 9  # ⌈10 · 0.9⌉ = 9
    assert conformal_factor(errors, torch.ones(9), 0.5) == 5
    with pytest.raises(ValueError, match="8 structures are too few to promise 90%; 9"):
        conformal_factor(errors[:8], torch.ones(8), 0.9)
    with pytest.raises(ValueError, match="between 0 and 1"):
        conformal_factor(errors, torch.ones(9), 1.0)


@pytest.mark.parametrize("measure", [rank_correlation, reliability, error_per_spread, conformal_factor])
@pytest.mark.parametrize(
    ("errors", "spreads", "words"),
    [
        (torch.ones(3), torch.ones(2), r"got \(3,\) and \(2,\)"),
        (torch.ones(3), torch.tensor([1.0, 0.0, 1.0]), "not positive"),
        (torch.tensor([1.0, torch.nan]), torch.ones(2), "not finite"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(measure, errors, spreads, words):
    with pytest.raises(ValueError, match=words):
        measure(errors, spreads)
