"""CO on Ni(111): symmetry of the surface, energies of its sites, stationary points, forces, grids, refusals."""

import itertools
import math

import pytest
import torch

from mininnip import surfaces
from mininnip.surfaces import co_ni111

EXACT = {"rtol": 0, "atol": 1e-12}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    flat = 6 * torch.rand(40, 2, generator=generator, dtype=torch.float64) - 3
    return torch.cat([flat, 1.7 + 2 * torch.rand(40, 1, generator=generator, dtype=torch.float64)], dim=1)


def above(name, height=None):
    """A point above a site, by default at the bottom of the well."""
    return double([*co_ni111.site(name), co_ni111.SITES[name][2] if height is None else height])


def turned(points, degrees, center):
    """Points turned about a vertical axis."""
    angle = math.radians(degrees)
    matrix = double([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    axis = double([*center, 0.0])
    return (points - axis) @ matrix.T + axis


def test_periodic_with_the_lattice(points):
    for m, n in itertools.product((-2, 0, 1), (-1, 0, 3)):
        a1, a2 = (double([*vector, 0.0]) for vector in co_ni111.LATTICE)
        torch.testing.assert_close(co_ni111.energy(points + m * a1 + n * a2), co_ni111.energy(points), **EXACT)
    half = double([co_ni111.NEIGHBORS / 2, 0, 0])
    assert (co_ni111.energy(points + half) - co_ni111.energy(points)).abs().max() > 0.05


@pytest.mark.parametrize("name", ["top", "fcc", "hcp"])
def test_threefold_about_these_sites_and_no_more(points, name):
    center = co_ni111.site(name)
    for degrees in (120, 240):
        torch.testing.assert_close(
            co_ni111.energy(turned(points, degrees, center)), co_ni111.energy(points), rtol=0, atol=1e-12
        )
    for degrees in (60, 90, 180):
        assert (co_ni111.energy(turned(points, degrees, center)) - co_ni111.energy(points)).abs().max() > 1e-3


def test_mirror_planes_hold_top_fcc_and_hcp_in_line(points):
    """The long diagonal of the cell runs over top, fcc, hcp, top; reflection in it is a symmetry, across it is none."""
    diagonal = double(co_ni111.LATTICE).sum(0)
    along = double([*(diagonal / diagonal.norm()).tolist(), 0])
    across = torch.stack([-along[1], along[0], along[2]])
    mirrored = points - 2 * (points @ across)[:, None] * across
    torch.testing.assert_close(co_ni111.energy(mirrored), co_ni111.energy(points), **EXACT)
    reversed_ = points - 2 * (points @ along)[:, None] * along
    assert (co_ni111.energy(reversed_) - co_ni111.energy(points)).abs().max() > 1e-3


@pytest.mark.parametrize("name", co_ni111.SITES)
def test_sites_have_the_depth_and_height_of_the_table(name):
    _, depth, height = co_ni111.SITES[name]
    assert co_ni111.energy(above(name)).item() == pytest.approx(-depth, abs=1e-12)
    line = torch.stack([above(name, height + 0.01 * k) for k in range(-60, 61)])
    assert co_ni111.energy(line).argmin() == 60
    step = double([0, 0, 1e-4])
    bend = co_ni111.energy(torch.stack([above(name) - step, above(name), above(name) + step]))
    assert ((bend[0] - 2 * bend[1] + bend[2]) / 1e-8).item() == pytest.approx(
        2 * depth * co_ni111.STEEPNESS**2, rel=1e-4
    )


def test_hollows_bind_best_and_top_worst():
    fcc, hcp, bridge, top = (co_ni111.energy(above(name)).item() for name in ("fcc", "hcp", "bridge", "top"))
    assert fcc < hcp < bridge < top < 0
    assert co_ni111.energy(above("fcc", 12.0)).abs() < 1e-6  # the free molecule
    assert co_ni111.energy(above("top", 0.8)) > 3


@pytest.mark.parametrize(("name", "kind"), [("fcc", "minimum"), ("hcp", "minimum"), ("top", "maximum")])
def test_kind_of_point_at_the_sites(name, kind):
    found = surfaces.stationary_point(co_ni111.energy_at_height, double(co_ni111.site(name)) + 0.02)
    assert found.kind == kind
    assert torch.linalg.vector_norm(found.position - double(co_ni111.site(name))) < 1e-8


def test_the_way_between_the_hollows_leads_over_a_saddle_near_the_bridge():
    found = surfaces.stationary_point(co_ni111.energy_at_height, double(co_ni111.site("bridge")))
    assert found.kind == "saddle"
    assert 0 < torch.linalg.vector_norm(found.position - double(co_ni111.site("bridge"))) < 0.05  # the hollows differ
    assert 0 < found.energy - co_ni111.energy_at_height(double(co_ni111.site("fcc"))) < 0.1


def test_site_waves_at_the_sites():
    waves = co_ni111.site_waves(double([co_ni111.site(name) for name in ("top", "bridge", "fcc", "hcp")]))
    third = 1 / 3
    expected = [[1, 1, 0, 1], [1, -third, 0, -third], [1, -0.5, 1, 1], [1, -0.5, -1, 1]]
    torch.testing.assert_close(waves, double(expected), **EXACT)


def test_forces_are_finite_differences(points):
    forces, h = surfaces.forces(co_ni111.energy, points), 1e-5
    for axis in range(3):
        step = h * torch.eye(3, dtype=torch.float64)[axis]
        slope = (co_ni111.energy(points + step) - co_ni111.energy(points - step)) / (2 * h)
        torch.testing.assert_close(forces[:, axis], -slope, rtol=1e-7, atol=1e-8)


def test_at_one_height_it_is_the_same_energy(points):
    lifted = torch.cat([points[:, :2], torch.full((40, 1), 2.5)], dim=1)
    assert torch.equal(co_ni111.energy_at_height(points[:, :2], 2.5), co_ni111.energy(lifted))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_dtype_and_device_follow_the_points(points, dtype, device):
    if device.type == "mps" and dtype == torch.float64:
        pytest.skip("no float64 there")
    there = points.to(dtype).to(device).reshape(4, 10, 3)
    energies = co_ni111.energy(there)
    assert (energies.shape, energies.dtype, energies.device.type) == ((4, 10), dtype, device.type)
    torch.testing.assert_close(energies.cpu().double().flatten(), co_ni111.energy(points), rtol=1e-4, atol=1e-4)


def test_grids_are_uniform_and_cover_one_cell_once():
    flat = co_ni111.uniform_grid(6)
    assert flat.shape == (36, 2)
    lattice = torch.tensor(co_ni111.LATTICE, dtype=torch.float64)
    fractions = flat @ torch.linalg.inv(lattice)
    steps = fractions * 6
    assert torch.allclose(steps, steps.round(), atol=1e-9)
    assert len({tuple(row) for row in steps.round().long().tolist()}) == 36
    assert fractions.min() > -1e-12 and fractions.max() < 5.0001 / 6
    solid = co_ni111.uniform_grid(6, [1.8, 2.0, 2.5])
    assert solid.shape == (108, 3)
    assert torch.equal(solid[36:72, :2], flat) and torch.equal(solid[:, 2].unique(), double([1.8, 2, 2.5]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: co_ni111.energy(torch.zeros(5, 2)), "takes points with 3 coordinates"),
        (lambda: co_ni111.energy_at_height(torch.zeros(5, 3)), "takes points with 2 coordinates"),
        (lambda: co_ni111.energy(torch.tensor([0.0, 0.0, float("nan")])), "NaN or infinite"),
        (lambda: co_ni111.site("edge"), "has no site 'edge'; it has top, bridge, fcc, hcp"),
        (lambda: co_ni111.uniform_grid(0), "at least one point"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
