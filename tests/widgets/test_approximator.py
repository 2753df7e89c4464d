"""Approximator: it learns, neurons sum to the curve, points come and go, Pause keeps and Reset forgets."""

import time

import numpy as np
import pytest
import torch

from mininnip.widgets.approximator import ACTIVATIONS, TARGETS, Approximator, Training


@pytest.fixture
def panel():
    panel = Approximator()
    yield panel
    panel.retire()


def rmse(panel):
    return panel.training.losses(panel.points, panel.fresh)[0] ** 0.5


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def train(panel, steps):
    for _ in range(steps):
        panel.training.step(*panel.points, panel.rate.value)


@pytest.mark.parametrize("target", TARGETS)
def test_it_learns_every_target(panel, target):
    panel.target.value = target
    before = rmse(panel)
    train(panel, 800)
    assert rmse(panel) < 0.35 * before


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_neurons_and_bias_sum_to_the_curve(activation):
    training, x = Training(5, activation, 1, "Adam"), torch.linspace(-5, 5, 30, dtype=torch.float64)[:, None]
    with torch.no_grad():
        total = training.contributions(x).sum(0)[:, None] + training.network.state_dict()["layers.1.bias"]
        torch.testing.assert_close(total, training.network(x), rtol=0, atol=1e-12)


def test_without_a_bend_it_stays_the_straight_line(panel):
    panel.activation.value = "none"
    panel.rate.value = 0.1
    train(panel, 600)
    x, y = panel.points
    design = torch.cat([x, torch.ones_like(x)], dim=1)
    line = design @ torch.linalg.lstsq(design, y).solution
    assert rmse(panel) == pytest.approx((line - y).square().mean().sqrt().item(), rel=1e-3)


def test_start_pause_and_start_again_go_on_from_the_same_weights(panel):
    panel.start.click()
    assert panel.start.disabled
    wait_for(lambda: len(panel.training.history) >= 2)
    picture = panel.live.view.moving
    panel.work.button.click()
    wait_for(lambda: not panel.work.running)
    assert not panel.start.disabled and "stopped" in panel.work.text.value
    steps, training = panel.training.steps, panel.training
    assert f"After {steps} steps" in panel.status.value
    panel.start.click()
    wait_for(lambda: panel.training.steps > steps)
    panel.work.stop()
    assert panel.training is training and panel.live.view.moving != picture
    recorded = [step for step, _, _ in training.history]
    assert recorded == sorted(set(recorded))


def test_history_is_the_loss_on_both_sets(panel):
    panel.noise.value = 0.3
    panel.start.click()
    wait_for(lambda: panel.training.history)
    panel.work.stop()
    step, training, validation = panel.training.history[-1]
    with torch.no_grad():
        expected = [(panel.training.network(x) - y).square().mean().item() for x, y in (panel.points, panel.fresh)]
    assert step == panel.training.steps and [training, validation] == pytest.approx(expected)


def test_reset_draws_other_weights_and_forgets_points(panel):
    first = panel.training.network.layers[0].weight.clone()
    panel.click(1.0, 2.0)
    panel.start.click()
    wait_for(lambda: panel.training.steps > 0)
    panel.reset.click()
    assert not panel.work.running and panel.training.steps == 0 and not panel.training.history
    assert not torch.allclose(panel.training.network.layers[0].weight, first)
    assert len(panel.points[0]) == 40 and not panel.added


def test_a_click_adds_a_point_and_a_click_on_it_takes_it_away(panel):
    panel.click(4.0, 1.5)
    assert panel.added == [(4.0, 1.5)] and panel.points[0][-1] == 4.0 and panel.points[1][-1] == 1.5
    assert "41 training points, 1 of them yours" in panel.status.value
    np.testing.assert_array_equal(panel._added.get_xydata(), [[4.0, 1.5]])
    panel.click(4.02, 1.48)
    assert not panel.added and len(panel.points[0]) == 40


def test_the_network_follows_an_added_point(panel):
    panel.click(4.5, 2.0)
    panel.rate.value = 0.03
    train(panel, 1500)
    with torch.no_grad():
        assert panel.training.network(torch.tensor([[4.5]], dtype=torch.float64)).item() == pytest.approx(2.0, abs=0.4)


def test_keys_click_too(panel):
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        panel.live._hear(None, {"key": key, "shift": False}, None)
    assert len(panel.added) == 1 and panel.added[0] == pytest.approx((0.2, 0.144))


def test_a_change_while_it_trains_keeps_it_training(panel):
    panel.start.click()
    wait_for(lambda: panel.training.steps > 0)
    trained = panel.training
    panel.click(0.0, 2.5)
    assert panel.work.running and panel.training is trained
    panel.target.value = "step"
    assert panel.work.running and panel.training is trained
    panel.neurons.value = 3
    assert panel.work.running and panel.training is not trained and len(panel.training.network.layers[0].weight) == 3


def test_noise_differs_between_training_and_validation_points(panel):
    panel.noise.value = 0.5
    for x, y in (panel.points, panel.fresh):
        assert (y - TARGETS["wave"](x)).std().item() == pytest.approx(0.5, rel=0.35)
    assert not set(panel.points[0].ravel().tolist()) & set(panel.fresh[0].ravel().tolist())


def test_a_loss_that_overflows_is_said(panel):
    with torch.no_grad():
        panel.training.network.layers[-1].bias.fill_(float("inf"))
    panel.start.click()
    assert panel.work.wait(60)
    assert "smaller learning rate" in panel.work.text.value and not panel.start.disabled


def test_gradient_descent_is_gradient_descent_and_is_named(panel):
    panel.optimizer.value = "gradient descent"
    (x, y), weights = panel.points, [weight.detach().clone() for weight in panel.training.network.parameters()]
    loss = (panel.training.network(x) - y).square().mean()
    slopes = torch.autograd.grad(loss, list(panel.training.network.parameters()))
    panel.training.step(x, y, 0.02)
    for weight, old, slope in zip(panel.training.network.parameters(), weights, slopes, strict=True):
        torch.testing.assert_close(weight.detach(), old - 0.02 * slope)
    panel._say()
    assert "After 1 steps of gradient descent" in panel.status.value


def test_gradient_descent_explodes_at_a_rate_that_adam_survives(panel):
    panel.rate.value, ends = 1.0, {}
    for name in ("Adam", "gradient descent"):
        panel.optimizer.value = name
        panel._reset()
        for _ in range(60):
            panel.training.step(*panel.points, panel.rate.value)
        ends[name] = rmse(panel)
    assert ends["gradient descent"] > 1e3 > 10 > ends["Adam"]


def test_a_validation_error_that_turns_up_is_seen_and_said(panel):
    panel.training.history = [(10, 0.5, 0.6), (100, 0.09, 0.10), (1000, 0.05, 0.2)]
    panel.training.steps = 1000
    panel._draw()
    assert panel.loss.get_ylim() == (0.01, 1.0)
    assert "lowest at step 100 (<b>0.316</b>)" in panel._turned_up(0.2**0.5)
    assert panel._turned_up(0.1**0.5) == ""


@pytest.mark.parametrize("wrong", [{"target": "cube"}, {"neurons": 0}, {"neurons": 65}])
def test_what_cannot_be_shown_is_refused(wrong):
    with pytest.raises(ValueError, match="target is one of wave, bond, double well, step and neurons 1 to 64"):
        Approximator(**wrong)


@pytest.mark.benchmark(group="widget tick", timer=time.process_time)
def test_tick(benchmark, panel):
    """One picture of 64 neurons and a long history; at most 25 ms."""
    panel.neurons.value = 64
    panel.training.history = [(100 * k, 1 / k, 2 / k) for k in range(1, 500)]
    benchmark(panel._draw)
