"""CurveTraining: each step is the formula's, history is what was measured, and a loss that overflowed is said."""

import pytest
import torch

from mininnip.neural.curve_training import ACTIVATIONS, OPTIMIZERS, CurveTraining

X = torch.linspace(-3, 3, 41, dtype=torch.float64)[:, None]
POINTS = torch.cat([X, torch.sin(2 * X)], dim=1)


def slopes(training):
    return torch.autograd.grad(training.loss(POINTS), list(training.network.parameters()))


def test_gradient_descent_follows_the_slope_of_the_mean_squared_error():
    training = CurveTraining(5, "tanh", "gradient descent", 0)
    old, pulls = [weight.detach().clone() for weight in training.network.parameters()], slopes(training)
    assert training.loss(POINTS).item() == pytest.approx(((training.network(X) - POINTS[:, 1:]) ** 2).mean().item())
    training.step(POINTS, 0.02)
    for weight, before, pull in zip(training.network.parameters(), old, pulls, strict=True):
        torch.testing.assert_close(weight.detach(), before - 0.02 * pull)
    assert training.steps == 1 and training.n_weights == 16


def test_adam_is_the_formula_of_the_paper_and_forgets_its_means_when_chosen_anew():
    training = CurveTraining(3, "tanh", "Adam", 0)
    for _ in range(2):
        training.use("Adam")
        m = v = torch.zeros(3, 1, dtype=torch.float64)
        for t in range(1, 5):
            weight = next(training.network.parameters())
            before, g = weight.detach().clone(), slopes(training)[0]
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            training.step(POINTS, 0.03)
            expected = before - 0.03 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ["tanh", "ReLU", "SiLU"])
def test_it_learns(optimizer, activation):
    training = CurveTraining(8, activation, optimizer, 1)
    training.record(POINTS, POINTS[::2])
    for _ in range(1000):
        training.step(POINTS, 0.03)
    training.record(POINTS, POINTS[::2])
    (first, before, _), (last, after, valid) = training.history
    assert (first, last) == (0, 1000) and after < 0.6 * before
    assert training.errors(POINTS, POINTS[::2]) == pytest.approx((after**0.5, valid**0.5))


def test_without_a_bend_it_stays_the_straight_line():
    training = CurveTraining(4, "none", "Adam", 0)
    for _ in range(800):
        training.step(POINTS, 0.05)
    design = torch.cat([X, torch.ones_like(X)], dim=1)
    line = design @ torch.linalg.lstsq(design, POINTS[:, 1:]).solution
    assert training.errors(POINTS, POINTS)[0] == pytest.approx(
        (line - POINTS[:, 1:]).square().mean().sqrt().item(), rel=1e-3
    )


def test_the_seed_makes_the_weights_and_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    made = [CurveTraining(4, name, "Adam", seed) for name in ACTIVATIONS for seed in (0, 1)]
    weights = [next(training.network.parameters()) for training in made]
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])


def test_gradient_descent_explodes_at_a_rate_that_adam_survives_and_says_so():
    ends = {name: CurveTraining(8, "tanh", name, 0) for name in OPTIMIZERS}
    for _ in range(60):
        ends["Adam"].step(POINTS, 1.0)
    assert ends["Adam"].errors(POINTS, POINTS)[0] < 10
    with pytest.raises(ValueError, match="smaller learning rate"):
        for _ in range(20_000):
            ends["gradient descent"].step(POINTS, 1.0)
    assert ends["gradient descent"].steps > 10
