"""Pair laws and pair potentials: minima, limits, the lecture's numbers, and refusals."""

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk
from scipy.optimize import minimize, minimize_scalar

from mininnip import Graph, Potential, classical
from mininnip.classical import PairPotential, buckingham_coulomb, harmonic, lennard_jones, mason_schamp, morse

R_M = 2 ** (1 / 6)  # in units of σ


def unit_lennard_jones(cutoff=1e3, **options):
    return Potential(PairPotential(lennard_jones, cutoff, "plain", epsilon=1.0, sigma=1.0, **options))


def value_and_slope(law, r, **parameters):
    r = torch.tensor(float(r), dtype=torch.float64, requires_grad=True)
    v = law(r, **parameters)
    return v.item(), torch.autograd.grad(v, r)[0].item()


def test_lennard_jones_is_zero_at_sigma_and_lowest_at_r_m():
    assert value_and_slope(lennard_jones, 3.4, epsilon=0.01, sigma=3.4)[0] == pytest.approx(0, abs=1e-17)
    assert value_and_slope(lennard_jones, R_M * 3.4, epsilon=0.01, sigma=3.4) == pytest.approx((-0.01, 0), abs=1e-15)
    assert value_and_slope(lennard_jones, 2 * R_M, epsilon=1.0, sigma=1.0)[0] == pytest.approx(-0.0310059, abs=1e-7)


def test_morse_is_the_slides_form_minus_its_depth():
    r = torch.linspace(0.7, 4, 50, dtype=torch.float64)
    slide = 4.7 * (1 - torch.exp(-1.9 * (r - 0.74))) ** 2
    assert torch.allclose(morse(r, 4.7, 1.9, 0.74), slide - 4.7, atol=1e-14)
    assert value_and_slope(morse, 0.74, depth=4.7, steepness=1.9, r_eq=0.74) == pytest.approx((-4.7, 0))
    curvature = (morse(torch.tensor([0.739, 0.74, 0.741], dtype=torch.float64), 4.7, 1.9, 0.74)).diff().diff() / 1e-6
    assert curvature.item() == pytest.approx(2 * 4.7 * 1.9**2, rel=1e-4)


def test_harmonic_has_no_half():
    assert value_and_slope(harmonic, 1.2, stiffness=3.0, r_eq=1.0) == pytest.approx((3.0 * 0.04, 2 * 3.0 * 0.2))


def test_buckingham_falls_behind_its_barrier():
    r = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    v = buckingham_coulomb(r, A=1000.0, B=3.0, C=30.0, charge_product=0.0)
    assert v[0] < v[1] > v[2]
    assert v[0] < -1e6


def test_coulomb_constant_is_ases():
    coulomb = buckingham_coulomb(torch.tensor(2.0, dtype=torch.float64), A=0.0, B=1.0, C=0.0, charge_product=-1.0)
    assert coulomb.item() == pytest.approx(-units.Hartree * units.Bohr / 2.0, rel=1e-8)


@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.5, 1.0])
def test_mason_schamp_minimum_does_not_depend_on_gamma(gamma):
    assert value_and_slope(mason_schamp, 3.2, depth=0.1, gamma=gamma, r_m=3.2) == pytest.approx((-0.1, 0), abs=1e-15)


def test_mason_schamp_values():
    r = torch.linspace(2.5, 9, 50, dtype=torch.float64)
    assert torch.allclose(mason_schamp(r, 0.1, 1.0, 3.2), lennard_jones(r, 0.1, 3.2 / R_M), atol=1e-14)
    at_two = [mason_schamp(torch.tensor(2.0, dtype=torch.float64), 1.0, g, 1.0).item() for g in (0.5, 0.2)]
    assert at_two == pytest.approx([-0.0623169, -0.0811035], abs=1e-7)


@pytest.mark.parametrize(
    ("law", "parameters"),
    [
        (lennard_jones, {"epsilon": 1.0, "sigma": 3.0}),
        (morse, {"depth": 1.0, "steepness": 1.5, "r_eq": 3.0}),
        (harmonic, {"stiffness": 1.0, "r_eq": 3.0}),
        (buckingham_coulomb, {"A": 1000.0, "B": 3.0, "C": 30.0, "charge_product": -0.5}),
        (mason_schamp, {"depth": 1.0, "gamma": 0.3, "r_m": 3.0}),
    ],
)
def test_laws_take_any_shape_and_keep_the_type(law, parameters):
    r = torch.full((2, 3, 1), 3.3, dtype=torch.float32)
    assert law(r, **parameters).shape == r.shape
    assert law(r, **parameters).dtype == torch.float32


def test_small_clusters():
    """Every pair once: −1, −3 and −6 ε for 2, 3 and 4 atoms that all touch."""
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * R_M / np.sqrt(8)
    for n, energy in ((2, -1), (3, -3), (4, -6)):
        graph = Graph.from_arrays([18] * n, tetrahedron[:n], 1e3)
        assert unit_lennard_jones()(graph)["energy"].item() == pytest.approx(energy, abs=1e-13)


def test_thirteen_atoms():
    golden = (1 + np.sqrt(5)) / 2
    corners = [np.roll([0, a, b * golden], k) for a in (1, -1) for b in (1, -1) for k in range(3)]
    start = np.vstack([[0, 0, 0], np.array(corners) * 0.57])
    potential = unit_lennard_jones()

    def energy(x):
        out = potential(Graph.from_arrays([18] * 13, x.reshape(13, 3), 1e3))
        return out["energy"].item(), -out["forces"].numpy().ravel()

    assert minimize(energy, start.ravel(), jac=True, tol=1e-12).fun == pytest.approx(-44.326801, abs=1e-6)


def test_fcc_crystal():
    """−8.610 ε relaxed, −8.388 ε with nearest neighbors at r_m; what a finite cutoff misses is added as an integral."""
    potential = unit_lennard_jones(cutoff=20.0)

    def energy(neighbor):
        atoms = bulk("Ar", "fcc", a=neighbor * np.sqrt(2))
        tail = -8 * np.pi / 3 * (np.sqrt(2) / neighbor**3) / 20.0**3
        return potential(Graph.from_atoms(atoms, 20.0), forces=False)["energy"].item() + tail

    assert energy(R_M) == pytest.approx(-8.388, abs=1e-3)
    lowest: Any = minimize_scalar(energy, bounds=(1.0, 1.2), method="bounded")
    assert lowest.fun == pytest.approx(-8.610, abs=1e-3)


def dimer(distance):
    return Graph.from_arrays([18, 18], [[0, 0, 0], [distance, 0, 0]], 6.0)


@pytest.mark.parametrize(
    ("truncation", "energy_jumps", "force_jumps"),
    [("plain", True, True), ("shifted", False, True), ("switched", False, False)],
)
def test_truncations(truncation, energy_jumps, force_jumps):
    potential = Potential(PairPotential(lennard_jones, 6.0, truncation, epsilon=1.0, sigma=3.4))
    inside, outside = potential(dimer(6.0 - 1e-7)), potential(dimer(6.0 + 1e-7))
    assert (abs(inside["energy"] - outside["energy"]).item() > 1e-2) is energy_jumps
    assert (abs(inside["forces"] - outside["forces"]).max().item() > 1e-2) is force_jumps


def test_switching_leaves_short_distances_alone():
    switched = Potential(PairPotential(lennard_jones, 6.0, "switched", onset=5.0, epsilon=1.0, sigma=3.4))
    plain = Potential(PairPotential(lennard_jones, 6.0, "plain", epsilon=1.0, sigma=3.4))
    assert switched(dimer(4.9))["energy"] == plain(dimer(4.9))["energy"]
    assert switched(dimer(5.5))["energy"] != plain(dimer(5.5))["energy"]


def test_tables_of_elements():
    epsilon, sigma = [[0.010, 0.012], [0.012, 0.020]], [[3.4, 3.6], [3.6, 3.9]]
    model = PairPotential(lennard_jones, 8.0, elements=(18, 54), epsilon=epsilon, sigma=sigma)
    atoms = Atoms("ArXeArXe", [[0, 0, 0], [3.8, 0, 0], [0, 4.0, 0], [0, 0, 4.4]])
    total = 0.0
    for a in range(4):
        for b in range(a):
            kinds = [(18, 54).index(atoms.numbers[k]) for k in (a, b)]
            law = {"epsilon": epsilon[kinds[0]][kinds[1]], "sigma": sigma[kinds[0]][kinds[1]]}
            r = torch.tensor(atoms.get_distance(a, b))
            total += float(lennard_jones(r, **law) - lennard_jones(torch.tensor(8.0, dtype=torch.float64), **law))
    assert Potential(model)(Graph.from_atoms(atoms, 8.0))["energy"].item() == pytest.approx(total, abs=1e-14)


def test_element_without_parameters_is_named():
    model = PairPotential(lennard_jones, 8.0, elements=(18,), epsilon=0.01, sigma=3.4)
    with pytest.raises(ValueError, match=r"atomic number 54 is unknown to this model; it knows \[18\]"):
        Potential(model)(Graph.from_atoms(Atoms("ArXe", [[0, 0, 0], [4, 0, 0]]), 8.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"sigma": -3.4}, "sigma must be positive"),
        ({"epsilon": np.nan}, "epsilon must be finite"),
        ({"cutoff": 0.0}, "cutoff must be a positive number"),
        ({"cutoff": -5.0}, "cutoff must be a positive number"),
        ({"truncation": "soft"}, "truncation must be one of plain, shifted, switched"),
        ({"truncation": "switched", "onset": 9.0}, "onset must lie between"),
        ({"elements": (18, 54), "sigma": [[3.4, 3.6], [3.7, 3.9]]}, "table of sigma must be symmetric"),
        ({"elements": (18,), "sigma": [[3.4, 3.6], [3.6, 3.9]]}, "sigma must have shape"),
        ({"elements": ("Ar",)}, "atomic numbers"),
    ],
)
def test_bad_parameters_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        PairPotential(lennard_jones, **({"cutoff": 8.0, "epsilon": 0.01, "sigma": 3.4} | options))


def test_forgotten_or_unknown_parameters_are_refused_at_once():
    with pytest.raises(TypeError, match="sigma"):
        PairPotential(lennard_jones, 8.0, epsilon=0.01)
    with pytest.raises(TypeError, match="r_m"):
        PairPotential(lennard_jones, 8.0, epsilon=0.01, sigma=3.4, r_m=3.8)


def test_public_names():
    assert set(classical.__all__) <= set(dir(classical))
