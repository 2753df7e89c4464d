"""L-BFGS: a small network is trained on all data at once."""

import pytest
import torch

from mininnip import neural


def test_a_parabola_ends_at_its_bottom_and_returns_the_loss_there():
    stiffness = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    place = torch.nn.Parameter(torch.tensor([3.0, -2.0, 1.0], dtype=torch.float64))
    bottom = neural.minimize([place], lambda: (stiffness * (place - 0.5).square()).sum() + 7, steps=50)
    torch.testing.assert_close(place.detach(), torch.full_like(stiffness, 0.5))
    assert bottom == pytest.approx(7)


@pytest.mark.parametrize("steps", [5, 40])
def test_the_loss_never_grows_and_more_steps_end_lower(steps):
    x = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None]

    def trained(n):
        torch.manual_seed(0)
        network = neural.MLP((1, 4, 1)).double()

        def loss():
            return (network(x) - torch.sin(x)).square().mean()

        start = loss().item()
        end = neural.minimize(network.parameters(), loss, n)
        assert end == loss().item()
        return start, end

    start, end = trained(steps)
    assert end < start
    assert trained(2 * steps)[1] < end


def test_a_loss_that_is_no_number_is_refused():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    with pytest.raises(ValueError, match="not a finite number at the start"):
        neural.minimize([weight], lambda: (weight * torch.inf).sum())
    assert weight.item() == 1.0
