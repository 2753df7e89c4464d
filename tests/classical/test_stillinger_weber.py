"""Stillinger–Weber silicon: the paper's crystal, the cutoff, and LAMMPS (more of it in tests/reference)."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk

from mininnip.classical import StillingerWeber, stillinger_weber
from mininnip.graph import Graph, batch
from mininnip.potential import Potential

CASES = ["silicon_crystal", "silicon_liquid", "silicon_primitive", "silicon_sheared", "silicon_slab"]


@pytest.fixture(scope="module")
def lammps():
    with np.load(Path(__file__).parents[1] / "reference" / "lammps.npz") as file:
        return dict(file)


def graph_of(lammps, case, cutoff):
    numbers, positions, cell, pbc = (lammps[f"{case}_{name}"] for name in ("numbers", "positions", "cell", "pbc"))
    return Graph.from_arrays(numbers, positions, cutoff, cell, pbc)


def cluster(*positions, cutoff=6.0, dtype=torch.float64):
    return Graph.from_arrays([14] * len(positions), torch.tensor(positions, dtype=dtype), cutoff)


def random_cluster(n, seed=0):
    """n silicon atoms at about a bond length from each other."""
    positions = np.random.default_rng(seed).normal(scale=1.5, size=(n, 3))
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1) + np.eye(n) * 9
    return positions * 2.0 / distances.min()


@pytest.mark.parametrize("case", CASES)
def test_a_longer_neighbor_list_gives_the_numbers_of_lammps(lammps, case):
    model = StillingerWeber()
    graph = graph_of(lammps, case, model.cutoff + 1.5)
    out = Potential(model)(graph, stress=bool(graph.pbc.all()))
    assert out["energy"].item() == pytest.approx(lammps[f"{case}_energy"].item(), rel=1e-12)
    np.testing.assert_allclose(out["forces"], lammps[f"{case}_forces"], rtol=0, atol=1e-11)
    if "stress" in out:
        np.testing.assert_allclose(out["stress"][0], lammps[f"{case}_stress"], rtol=0, atol=1e-12)


def test_the_diamond_crystal_of_the_paper():
    model = StillingerWeber()

    def energy(a):
        return model.energy(Graph.from_atoms(bulk("Si", a=a), model.cutoff)).item() / 2

    assert round(energy(5.431), 5) == -4.33660
    lattice = 2.0951 * 2 ** (1 / 6) * 4 / 3**0.5  # the pair minimum of the paper, r = 2^(1/6) σ, as the bond of diamond
    assert round(lattice, 3) == 5.431
    assert energy(lattice) == pytest.approx(-2 * 2.1683, rel=1e-9)
    assert energy(lattice - 1e-3) > energy(lattice) < energy(lattice + 1e-3)


def test_tetrahedral_angles_cost_nothing():
    atoms = bulk("Si", a=5.5, cubic=True)
    with_triplets, without = StillingerWeber(), StillingerWeber(strength=0.0)
    graph = Graph.from_atoms(atoms, with_triplets.cutoff)
    torch.testing.assert_close(with_triplets.energy(graph), without.energy(graph), rtol=1e-14, atol=0)
    atoms.rattle(0.1, seed=0)
    graph = Graph.from_atoms(atoms, with_triplets.cutoff)
    assert with_triplets.energy(graph) > without.energy(graph) + 0.1


def test_a_right_angle_costs_what_the_formula_says():
    """Both bonds σ: λ ε (0 + 1/3)² exp[2 γ / (1 − a)]; the outer pair is √2 σ apart: two more angles."""
    sigma, epsilon = 2.0951, 2.1683
    graph = cluster([0, 0, 0], [sigma, 0, 0], [0, sigma, 0])
    difference = (StillingerWeber().energy(graph) - StillingerWeber(strength=0.0).energy(graph)).item()

    def h(x):
        return np.exp(1.2 / (x - 1.8))

    corner = 21 * epsilon * (1 / 3) ** 2 * h(1) ** 2
    others = 2 * 21 * epsilon * (0.5**0.5 + 1 / 3) ** 2 * h(1) * h(2**0.5)
    assert difference == pytest.approx(corner + others, rel=1e-12)


def test_no_energy_beyond_triplets():
    """The many-body expansion ends at three: the four-body energy of a tetramer is zero."""
    model = StillingerWeber()
    positions = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.95
    positions += np.random.default_rng(0).normal(scale=0.1, size=(4, 3))
    assert cluster(*positions.tolist(), cutoff=model.cutoff).edges.shape == (2, 12)  # everybody sees everybody

    def energy(atoms):
        return model.energy(cluster(*positions[list(atoms)].tolist())).item()

    four_body = sum((-1) ** n * energy(atoms) for n in (2, 3, 4) for atoms in itertools.combinations(range(4), n))
    assert abs(energy(range(4))) > 0.1
    assert abs(four_body) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_energy_and_its_derivatives_vanish_smoothly_at_the_cutoff(dtype):
    model = StillingerWeber()
    for gap in (0.05, 1e-2, 1e-4, 1e-6, 0.0, -1e-6, -0.1):
        r = model.cutoff - gap
        # A third atom at an angle, so that triplets fade out too.
        graph = cluster([0, 0, 0], [r, 0, 0], [0.0, -2.2, 0.5], dtype=dtype)
        graph.positions.requires_grad_()
        alone = cluster([0, 0, 0], [0.0, -2.2, 0.5], dtype=dtype)
        out = Potential(model)(graph, differentiable=True)
        rows = [torch.autograd.grad(f, graph.positions, retain_graph=True)[0][1] for f in out["forces"][1]]
        curvature = torch.stack(rows)  # (3, 3)
        # exp(−σ / gap) bounds everything; polynomial prefactors are at most of the order gap⁻⁴.
        bound = 100 * np.exp(-2.0951 / gap) / gap**4 if gap > 0 else 0.0
        assert abs(out["energy"] - model.energy(alone)).item() <= bound + 4 * torch.finfo(dtype).eps
        assert out["forces"][1].abs().max() <= bound
        assert curvature.abs().max() <= bound


def test_a_longer_neighbor_list_makes_no_more_triplets(monkeypatch):
    counts = []

    def counting(centers):
        result = original(centers)
        counts.append(result.shape[1])
        return result

    original = stillinger_weber.triplets
    monkeypatch.setattr(stillinger_weber, "triplets", counting)
    model, atoms = StillingerWeber(), bulk("Si", a=5.431, cubic=True)
    energies = [model.energy(Graph.from_atoms(atoms, cutoff)).item() for cutoff in (model.cutoff, 6.0)]
    assert counts == [8 * 6, 8 * 6]
    assert energies[0] == energies[1]


def test_structures_side_by_side_and_atoms_alone():
    model = StillingerWeber()
    graphs = [
        Graph.from_atoms(bulk("Si", a=5.3), 4.0),
        cluster([0.0, 0, 0], cutoff=4.0),
        cluster([0.0, 0, 0], [0, 0, 2.4], cutoff=4.0),
    ]
    together = Potential(model)(batch(graphs))
    apart = [Potential(model)(graph) for graph in graphs]
    torch.testing.assert_close(together["energy"], torch.cat([out["energy"] for out in apart]))
    torch.testing.assert_close(together["forces"], torch.cat([out["forces"] for out in apart]))
    assert apart[1]["energy"] == 0


def test_every_parameter_can_be_fitted():
    model, positions = StillingerWeber(), random_cluster(5).tolist()
    model.energy(cluster(*positions)).sum().backward()
    for name, parameter in model.named_parameters():
        h = 1e-6 * parameter.item()
        values = {key: value.item() for key, value in model.named_parameters()}
        up, down = (StillingerWeber((14,), **values | {name: values[name] + sign * h}) for sign in (1, -1))
        slope = (up.energy(cluster(*positions)) - down.energy(cluster(*positions))).item() / (2 * h)
        assert parameter.grad is not None
        assert parameter.grad.item() == pytest.approx(slope, rel=1e-5), name


def test_each_device_agrees(lammps, device):
    graph = graph_of(lammps, "silicon_liquid", 4.5).to(torch.float32)
    there = Potential(StillingerWeber().float()).to(device)
    out, exact = there(graph.to(device), stress=True), Potential(StillingerWeber())(graph, stress=True)
    assert out["forces"].device.type == device.type
    for name, atol in (("energy", 1e-3), ("forces", 1e-4), ("stress", 1e-6)):
        torch.testing.assert_close(out[name].cpu(), exact[name], rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sigma": -2.0}, "sigma must be positive, got -2.0"),
        ({"a": 0.0}, "a must be positive, got 0.0"),
        ({"epsilon": float("nan")}, "epsilon must be a finite number, got nan"),
        ({"elements": ("Si",)}, "elements are given by their atomic numbers"),
        ({"elements": (14, 119)}, "1 to 118; got"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        StillingerWeber(**parameters)


def test_other_elements_are_refused():
    graph = Graph.from_arrays([14, 6], torch.tensor([[0.0, 0, 0], [1.9, 0, 0]]), 4.0)
    with pytest.raises(ValueError, match=r"atomic number 6 is unknown to this model; it knows \[14\]"):
        StillingerWeber()(graph)
    assert StillingerWeber(elements=(14, 6)).energy(graph).isfinite()
