"""Approximator: Pause keeps and Reset forgets, points come and go, a change goes on training, and all is said."""

import pytest
import torch

from mininnip.surfaces.curves import CURVES
from mininnip.widgets.approximator import Approximator


@pytest.fixture
def hero():
    hero = Approximator()
    yield hero
    hero.retire()


def test_start_pause_change_and_reset(hero):
    hero.start.click()
    while len(hero.training.history) < 2:
        assert hero.work.running
    hero.work.button.click()
    assert hero.work.wait(60)
    training, steps, (*_, (last, train, valid)) = hero.training, hero.training.steps, hero.training.history
    assert last == steps and f"After {steps} steps of Adam the RMSE is <b>{train**0.5:.3g}</b>" in hero.status.value
    assert f"<b>{valid**0.5:.3g}</b> on validation" in hero.status.value and not hero.start.disabled
    hero.start.click()
    for change in (lambda: hero.click(0.0, 2.5), lambda: setattr(hero.optimizer, "value", "gradient descent")):
        change()
        assert hero.work.running and hero.training is training
    hero.neurons.value = 3
    assert hero.work.running and hero.training.n_weights == 10
    hero.reset.click()
    assert not hero.work.running and hero.training.steps == 0 and not hero.added
    assert hero.training.seed == 1 and "of gradient descent" in hero.status.value


def test_clicks_and_keys_add_points_to_learn_from_and_a_click_on_one_takes_it_away(hero):
    hero.click(4.0, 1.5)
    assert hero.points[-1].tolist() == [4.0, 1.5] and "41 training points, 1 of them yours" in hero.status.value
    hero.click(4.02, 1.48)
    assert not hero.added and len(hero.points) == 40
    hero.target.value, hero.noise.value = "bond", 0.5
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        hero.live._hear(None, {"key": key, "shift": False}, None)
    assert hero.added == [pytest.approx((0.2, 0.144))]
    x, y = torch.cat([hero.points[:40], hero.fresh]).T
    assert (y - CURVES["bond"](x)).std() == pytest.approx(0.5, rel=0.2)


def test_what_goes_wrong_is_said(hero):
    hero.training.history = [(10, 0.5, 0.6), (100, 0.09, 0.10), (1000, 0.05, 0.2)]
    hero.ended()
    assert "lowest at step 100 (<b>0.316</b>)" in hero.status.value
    with torch.no_grad():
        hero.training.network.layers[-1].bias.fill_(float("inf"))
    hero.start.click()
    assert hero.work.wait(60) and "smaller learning rate" in hero.work.text.value
    for target, neurons in (("cube", 8), ("wave", 65)):
        with pytest.raises(ValueError, match="target is one of wave, bond, double well, step and neurons 1 to 64"):
            Approximator(target, neurons)
