"""The surfaces against their known stationary points; the tools against properties that any correct tool must have."""

import pytest
import torch

from mininnip import surfaces

SQUARE = [(-1.2, 1.2), (-1.2, 1.2)]
ALL = [surfaces.muller_brown, surfaces.double_well_1d, surfaces.double_well_2d, surfaces.double_well_2d_quartic]
MINIMUM_A = torch.tensor([-0.558223634633, 1.441725841805], dtype=torch.float64)
MINIMUM_B = torch.tensor([0.623499404931, 0.028037758529], dtype=torch.float64)


def dimension(surface):
    return 1 if surface is surfaces.double_well_1d else 2


def random_points(surface, shape=(7,)):
    generator = torch.Generator().manual_seed(3)
    return torch.rand(*shape, dimension(surface), generator=generator, dtype=torch.float64) * 1.6 - 0.8


def harmonic(positions):
    return 2.0 * positions[..., 0] ** 2 + 8.0 * positions[..., 1] ** 2


def test_muller_brown_has_the_minima_and_saddles_of_the_paper():
    points = surfaces.stationary_points(surfaces.muller_brown, [(-1.5, 1.2), (-0.2, 2.0)])
    found = [(p.kind, *(round(x, 3) for x in p.position.tolist()), round(p.energy, 2)) for p in points]
    assert found == [
        ("minimum", -0.558, 1.442, -146.70),
        ("minimum", 0.623, 0.028, -108.17),
        ("minimum", -0.05, 0.467, -80.77),
        ("saddle", 0.212, 0.293, -72.25),
        ("saddle", -0.822, 0.624, -40.66),
    ]


def test_double_well_1d_has_the_stationary_points_of_its_docstring():
    points = surfaces.stationary_points(surfaces.double_well_1d, [(-1.5, 1.5)])
    found = [(p.kind, round(p.position.item(), 5), round(p.energy, 4)) for p in points]
    assert found == [("minimum", -1.03558, -6.5271), ("minimum", 0.96015, -3.5293), ("maximum", 0.07543, 0.0564)]


@pytest.mark.parametrize("surface", [surfaces.double_well_2d, surfaces.double_well_2d_quartic])
def test_double_wells_2d_share_their_stationary_points(surface):
    points = surfaces.stationary_points(surface, SQUARE)
    found = [(p.kind, round(p.position[0].item(), 5), round(p.energy, 4)) for p in points]
    assert found == [("minimum", -0.75262, -3.9611), ("minimum", 0.65049, -1.1399), ("saddle", 0.10213, 0.101)]
    assert all(abs(p.position[1]) < 1e-6 for p in points)
    left, right, top = (p.energy for p in points)
    assert (round(top - left, 3), round(top - right, 3)) == (4.062, 1.241)


def test_the_two_double_wells_2d_differ_off_the_axis():
    point = torch.tensor([0.3, 0.7], dtype=torch.float64)
    printed, released = surfaces.double_well_2d(point), surfaces.double_well_2d_quartic(point)
    assert printed - released == pytest.approx(4 * 0.7**2 - 4 * 0.7**4, abs=1e-12)
    assert surfaces.hessian(surfaces.double_well_2d_quartic, torch.zeros(2))[1, 1] == 0
    assert surfaces.hessian(surfaces.double_well_2d, torch.zeros(2))[1, 1] == 8


@pytest.mark.parametrize("surface", ALL)
def test_forces_and_hessian_are_finite_differences(surface):
    points, h = random_points(surface), 1e-5
    for axis, step in enumerate(torch.eye(dimension(surface), dtype=torch.float64) * h):
        slope = (surface(points + step) - surface(points - step)) / (2 * h)
        torch.testing.assert_close(-surfaces.forces(surface, points)[..., axis], slope, rtol=1e-6, atol=1e-6)
        row = (surfaces.forces(surface, points + step) - surfaces.forces(surface, points - step)) / (-2 * h)
        torch.testing.assert_close(surfaces.hessian(surface, points)[..., axis, :], row, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("surface", ALL)
def test_shape_and_dtype_follow_the_input_and_points_do_not_interact(surface, dtype):
    points = random_points(surface, (2, 3)).to(dtype)
    energies = surface(points)
    assert energies.shape == (2, 3)
    assert energies.dtype == dtype
    assert surfaces.forces(surface, points).shape == points.shape
    assert surfaces.hessian(surface, points).shape == (*points.shape, points.shape[-1])
    torch.testing.assert_close(energies[1, 2], surface(points[1, 2]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_is_a_surface_too(dtype):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).to(dtype)

    def surface(positions):
        return 5 * network(positions)[..., 0] + (positions**2).sum(-1) ** 2

    (minimum, *_) = surfaces.stationary_points(surface, SQUARE, dtype=dtype)
    assert minimum.kind == "minimum"
    assert minimum.position.dtype == dtype
    assert surfaces.forces(surface, minimum.position).abs().max() < 1e3 * torch.finfo(dtype).eps
    end = surfaces.relax(surface, minimum.position + 0.1, tolerance=1e-4)[-1]
    torch.testing.assert_close(end, minimum.position, rtol=0, atol=1e-4)
    trajectory, _ = surfaces.langevin(surface, minimum.position, 0.1, 5)
    assert not trajectory.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())


def test_relaxation_goes_downhill_in_small_steps_and_ends_in_a_minimum():
    for start in [(-1.0, 1.0), (0.0, 1.5), (0.6, 0.6), (-0.8, 0.6), (-1.4, 0.0)]:
        path = surfaces.relax(surfaces.muller_brown, torch.tensor(start, dtype=torch.float64), max_step=0.05)
        assert (surfaces.muller_brown(path).diff() < 0).all()
        assert torch.linalg.vector_norm(path.diff(dim=0), dim=-1).max() <= 0.05 * (1 + 1e-9)
        assert surfaces.forces(surfaces.muller_brown, path[-1]).abs().max() < 1e-8
        assert (torch.linalg.eigvalsh(surfaces.hessian(surfaces.muller_brown, path[-1])) > 0).all()


def test_relaxation_follows_the_exact_steepest_descent_of_a_parabola():
    """On 2x² + 8y² the descent from (1, 1) is x(t) = e^(-4t), y(t) = e^(-16t): y = x⁴ all the way."""
    path = surfaces.relax(harmonic, torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(path[:, 1], path[:, 0] ** 4, rtol=0, atol=1e-12)


def test_relaxation_leaves_a_ball_on_a_saddle_alone():
    saddle = surfaces.stationary_point(surfaces.muller_brown, torch.tensor([0.2, 0.3], dtype=torch.float64))
    assert saddle.kind == "saddle"
    assert len(surfaces.relax(surfaces.muller_brown, saddle.position, tolerance=1e-6)) == 1


def test_the_highest_point_of_the_minimum_energy_path_is_the_barrier():
    path = surfaces.minimum_energy_path(surfaces.muller_brown, MINIMUM_A, MINIMUM_B)
    energies = surfaces.muller_brown(path)
    saddle = surfaces.stationary_point(surfaces.muller_brown, path[energies.argmax()])
    assert saddle.index == 1
    assert saddle.energy == pytest.approx(-40.6648, abs=1e-4)
    assert energies.max() == pytest.approx(saddle.energy, abs=0.05)
    spacing = torch.linalg.vector_norm(path.diff(dim=0), dim=-1)
    torch.testing.assert_close(spacing, spacing.mean().expand(60), rtol=1e-2, atol=0)
    torch.testing.assert_close(path[[0, -1]], torch.stack([MINIMUM_A, MINIMUM_B]))


def test_the_ends_of_the_path_stay_where_they_were_put():
    start, end = torch.tensor([-0.7, 0.2], dtype=torch.float64), torch.tensor([0.6, -0.1], dtype=torch.float64)
    path = surfaces.minimum_energy_path(surfaces.double_well_2d, start, end, n_images=21)
    torch.testing.assert_close(path[[0, -1]], torch.stack([start, end]), rtol=0, atol=1e-12)
    assert path[10, 1].abs() < 0.02  # in between it lies in the valley


def descents_from_saddles():
    """The same path found from the other side: steepest descent from both saddles, to both sides."""
    saddles = [torch.tensor(p, dtype=torch.float64) for p in [(-0.822, 0.624), (0.212, 0.293)]]
    saddles = [surfaces.stationary_point(surfaces.muller_brown, p) for p in saddles]
    starts = [p.position + side * p.modes[:, 0] for p in saddles for side in (-1e-3, 1e-3)]
    return torch.cat([surfaces.relax(surfaces.muller_brown, start, max_step=0.003) for start in starts])


def test_the_minimum_energy_path_is_the_steepest_descent_from_the_saddles():
    descents = descents_from_saddles()
    distances = [
        torch.cdist(surfaces.minimum_energy_path(surfaces.muller_brown, MINIMUM_A, MINIMUM_B, n), descents)
        for n in (16, 61)
    ]
    coarse, fine = (float(distance.min(dim=1).values.max()) for distance in distances)
    assert fine < 0.006
    assert coarse > 4 * fine  # more images, closer to the path


def test_motion_without_friction_conserves_energy_to_second_order_in_the_time_step():
    def drift(time_step):
        start = torch.tensor([-0.9, 0.3], dtype=torch.float64)
        r, v = surfaces.langevin(surfaces.double_well_2d, start, 0.0, round(2 / time_step), time_step, friction=0.0)
        total = surfaces.double_well_2d(r) + 0.5 * (v**2).sum(-1)
        return (total - total[0]).abs().max()

    assert drift(0.01) < 1e-2
    assert 3.5 < drift(0.01) / drift(0.005) < 4.5


def test_the_heat_bath_gives_half_kt_to_each_degree_of_freedom():
    """Equipartition: ½ k <x²> = ½ <v²> = ½ kT, on the parabola with k = 4 and 16."""
    r, v = surfaces.langevin(harmonic, torch.zeros(2000, 2, dtype=torch.float64), kT=0.3, n_steps=800, time_step=0.05)
    r, v = r[200::20], v[200::20]
    torch.testing.assert_close((r**2).mean((0, 1)), torch.tensor([0.3 / 4, 0.3 / 16]).double(), rtol=0.03, atol=0)
    torch.testing.assert_close((v**2).mean((0, 1)), torch.tensor([0.3, 0.3]).double(), rtol=0.03, atol=0)


def test_the_same_seed_gives_the_same_trajectory():
    start = torch.tensor([-0.5, 1.4])
    runs = [surfaces.langevin(surfaces.muller_brown, start, 10.0, 20, 0.002, seed=seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert (runs[0].shape, runs[0].dtype) == ((21, 2), torch.float32)


@pytest.mark.parametrize("surface", ALL)
def test_each_device_agrees(surface, device):
    points = random_points(surface).float()
    there = points.to(device)
    for quantity in (
        lambda x: surface(x),
        lambda x: surfaces.forces(surface, x),
        lambda x: surfaces.hessian(surface, x),
    ):
        assert quantity(there).device.type == device.type
        torch.testing.assert_close(quantity(there).cpu(), quantity(points), rtol=1e-5, atol=1e-3)
    path = surfaces.relax(surface, there[0], tolerance=1e-2)
    assert path.device.type == device.type
    assert surfaces.langevin(surface, there, 1.0, 3, 1e-3)[0].shape == (4, *points.shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surfaces.muller_brown(torch.zeros(5, 3)), "muller_brown takes points with 2 coordinates"),
        (lambda: surfaces.double_well_1d(torch.tensor(0.0)), "double_well_1d takes points with 1 coordinate on"),
        (lambda: surfaces.double_well_2d(torch.tensor([0.0, float("nan")])), "NaN or infinite"),
        (lambda: surfaces.langevin(harmonic, torch.zeros(2), 1.0, 5, time_step=0.0), "time_step must be positive"),
        (lambda: surfaces.langevin(harmonic, torch.zeros(2), -1.0, 5), "must not be negative, got kT = -1.0"),
        (lambda: surfaces.relax(harmonic, torch.zeros(2), max_step=-1), "max_step must be positive, got -1"),
        (lambda: surfaces.minimum_energy_path(harmonic, torch.zeros(2), torch.zeros(2)), "two different ends"),
        (lambda: surfaces.stationary_points(harmonic, [(1.0, -1.0)]), "low < high"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_searches_that_fail_say_so():
    with pytest.raises(RuntimeError, match="found no stationary point within 500 steps"):
        surfaces.stationary_point(lambda r: torch.exp(r).sum(-1), torch.zeros(2, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="has not come to rest after 3 steps"):
        surfaces.minimum_energy_path(surfaces.muller_brown, MINIMUM_A, MINIMUM_B, max_steps=3)
    start = torch.tensor([3.0, 0.0], dtype=torch.float64)
    with pytest.raises(RuntimeError, match="shorten the time step"):
        surfaces.langevin(surfaces.double_well_2d_quartic, start, 0.0, 50, time_step=1.0)
