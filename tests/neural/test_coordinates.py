"""Networks of coordinates: which inputs break which symmetry, derivatives, training by the package, refusals."""

import itertools
import math

import numpy as np
import pytest
import torch
from ase import Atoms

import mininnip as mn
from mininnip import Graph, Potential, batch
from mininnip.data.sets import Dataset
from mininnip.neural import Cartesian, CoordinateNetwork, Distances, PeriodicLateral, SortedDistances
from mininnip.neural.coordinates import Precomputed

EXACT = {"rtol": 0, "atol": 1e-10}
LATTICE = ((2.5, 0.0), (1.25, 2.2))
PAIRS = list(itertools.combinations(range(4), 2))
INPUTS = {
    "cartesian": lambda: Cartesian(range(4)),
    "periodic": lambda: PeriodicLateral(range(4), LATTICE, ((1, 0), (0, 1), (1, 1))),
    "distances": lambda: Distances(PAIRS),
    "inverse": lambda: Distances(PAIRS, power=-1),
    "sorted": lambda: SortedDistances(4),
}
every_input = pytest.mark.parametrize("name", INPUTS)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def made(name, hidden=(7, 5)):
    torch.manual_seed(0)
    return CoordinateNetwork(INPUTS[name](), [18] * 4, hidden).double()


@pytest.fixture
def positions():
    generator = torch.Generator().manual_seed(1)
    corners = torch.tensor([[0, 0, 0], [3.7, 0.1, 0], [1.7, 3.3, 0.2], [1.8, 1.2, 3.0]], dtype=torch.float64)
    return corners + 0.2 * torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)


def graph_of(positions, numbers=(18,) * 4):
    return batch([Graph.from_arrays(list(numbers), r, None) for r in positions])


def rotation():
    q, r = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return torch.tensor(q * np.sign(np.linalg.det(q)))


# What each kind of input knows: translation, rotation, mirror, relabelling.
KNOWS = {
    "cartesian": (False, False, False, False),
    "periodic": (False, False, False, False),
    "distances": (True, True, True, False),
    "inverse": (True, True, True, False),
    "sorted": (True, True, True, True),
}


@every_input
def test_inputs_have_the_symmetries_they_state_and_no_others(name, positions):
    model = made(name)
    before = model.energy_at(positions)
    moved = positions + torch.tensor([0.4, -0.3, 0.2])
    turned, mirrored = positions @ rotation().T, positions * torch.tensor([1, 1, -1])
    others = (moved, turned, mirrored, positions[:, [2, 0, 3, 1]])
    for knows, other in zip(KNOWS[name], others, strict=True):
        change = (model.energy_at(other) - before).abs().max()
        assert change < 1e-10 if knows else change > 1e-3


@every_input
def test_forces_follow_the_symmetries(name, positions):
    """Without translation there is a net force, without rotation a torque; distances have neither."""
    forces = Potential(made(name))(graph_of(positions))["forces"].reshape(positions.shape)
    net, torque = forces.sum(1), torch.linalg.cross(positions, forces).sum(1)
    if KNOWS[name][0]:
        torch.testing.assert_close(net, torch.zeros_like(net), **EXACT)
        torch.testing.assert_close(torque, torch.zeros_like(torque), **EXACT)
    else:
        assert net.abs().max() > 1e-3 and torque.abs().max() > 1e-3


def test_periodic_inputs_repeat_with_the_lattice_exactly(positions):
    model, (a1, a2) = made("periodic"), (double([*vector, 0.0]) for vector in LATTICE)
    before = model.energy_at(positions)
    for m, n in ((1, 0), (0, 1), (-3, 2)):
        torch.testing.assert_close(model.energy_at(positions + m * a1 + n * a2), before, **EXACT)
    one = positions.clone()
    one[:, 2] += a1  # each atom on its own
    torch.testing.assert_close(model.energy_at(one), before, **EXACT)
    assert (model.energy_at(positions + a1 / 2) - before).abs().max() > 1e-3


def test_periodic_inputs_are_the_formula():
    r = torch.tensor([[0.3, 0.7, 2.1]], dtype=torch.float64)
    inputs = PeriodicLateral([0], [[2.0, 0.0], [0.0, 4.0]])
    phases = [2 * math.pi * 0.3 / 2, 2 * math.pi * 0.7 / 4]
    expected = [math.cos(phases[0]), math.cos(phases[1]), math.sin(phases[0]), math.sin(phases[1]), 2.1]
    torch.testing.assert_close(inputs(r), double(expected))
    flipped = inputs(r * torch.tensor([-1, -1, 1]))
    assert torch.allclose(flipped[:2], inputs(r)[:2]) and not torch.allclose(flipped[2:4], inputs(r)[2:4])


def test_distances_are_those_of_the_pairs(positions):
    expected = torch.stack([(positions[:, i] - positions[:, j]).norm(dim=1) for i, j in PAIRS], dim=1)
    torch.testing.assert_close(Distances(PAIRS)(positions), expected)
    torch.testing.assert_close(Distances(PAIRS, -1)(positions), 1 / expected)
    torch.testing.assert_close(SortedDistances(4)(positions), expected.sort(dim=1).values)


def test_frozen_atoms_can_be_left_out(positions):
    inputs = Cartesian([0, 2])
    assert torch.equal(inputs(positions), positions[:, [0, 2]].reshape(5, 6))


def test_sorted_distances_of_four_atoms_confuse_a_kite_and_a_trapezoid():
    """Different shapes, the same six distances: √2, √2, 2, √10, √10, 4."""
    ends = [[0.0, 0, 0], [4, 0, 0]]
    kite, trapezoid = (double([*ends, *rest]) for rest in ([[3, 1, 0], [3, -1, 0]], [[1, 1, 0], [3, 1, 0]]))
    model = made("sorted")
    torch.testing.assert_close(model.energy_at(kite), model.energy_at(trapezoid), **EXACT)
    lists = [
        {
            tuple(Distances(PAIRS)(shape[list(order)]).round(decimals=9).tolist())
            for order in itertools.permutations(range(4))
        }
        for shape in (kite, trapezoid)
    ]
    assert not lists[0] & lists[1]  # no relabelling makes them one


def test_sorted_distances_have_a_kink_where_two_are_equal_and_distances_have_none():
    side, h = 3.8, 1e-6

    def force_across(name):
        """Force along y on an atom that passes the middle between two others, just before and just after."""
        torch.manual_seed(0)
        inputs = SortedDistances(3) if name == "sorted" else Distances(list(itertools.combinations(range(3), 2)))
        model = CoordinateNetwork(inputs, [18] * 3, (7,)).double()
        at = [[[0, side / 2, 0], [0, -side / 2, 0], [3.0, y, 0]] for y in (-h, h)]
        forces = Potential(model)(graph_of(double(at), [18] * 3))["forces"]
        return forces.reshape(2, 3, 3)[:, 2, 1]

    before, after = force_across("sorted")
    assert before.item() == pytest.approx(-after.item(), abs=1e-6) and abs(before) > 1e-3
    before, after = force_across("distances")
    assert abs(before - after) < 1e-5


@every_input
def test_forces_are_finite_differences(name, positions):
    model, h = made(name), 1e-5
    forces = Potential(model)(graph_of(positions[:1]))["forces"]
    for atom, axis in itertools.product(range(4), range(3)):
        step = torch.zeros(4, 3, dtype=torch.float64)
        step[atom, axis] = h
        slope = (model.energy_at(positions[0] + step) - model.energy_at(positions[0] - step)) / (2 * h)
        assert forces[atom, axis].item() == pytest.approx(-slope.item(), abs=1e-8)
    assert forces.abs().max() > 1e-3


@every_input
def test_precomputed_results_are_the_potentials(name, positions):
    model = made(name)
    parts = [model.precompute(graph_of(r[None])) for r in positions]
    model.readout.fit_scaling(torch.cat([part.features for part in parts]))
    known = model.predict(Precomputed.side_by_side(parts), differentiable=True)
    energy, forces = known["energy"], known["forces"]
    out = Potential(model)(graph_of(positions))
    torch.testing.assert_close(energy, out["energy"], **EXACT)
    torch.testing.assert_close(forces, out["forces"], **EXACT)
    torch.testing.assert_close(model.energy_at(positions), out["energy"], **EXACT)
    loss = (forces**2).sum()
    by_direct = (Potential(model)(graph_of(positions), differentiable=True)["forces"] ** 2).sum()
    for a, b in zip(
        *(torch.autograd.grad(x, list(model.readout.network.parameters())[:-1]) for x in (loss, by_direct)), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_inputs_are_scaled_by_the_training_data(positions):
    model = made("distances")
    features = model.descriptor.inputs(positions)
    model.readout.fit_scaling(features)
    scaled = model.readout.scaling(features)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(6).double(), **EXACT)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(6).double(), **EXACT)


def test_an_input_that_does_not_vary_does_no_harm(positions):
    model, flat = made("cartesian"), positions.clone()
    flat[..., 2] = 2.2
    model.readout.fit_scaling(model.descriptor.inputs(flat))
    assert torch.equal(model.readout.scaling.std[0, 2::3], torch.ones(4).double())
    assert torch.allclose(model.readout.scaling.mean[0, 2::3], double(2.2))
    assert Potential(model)(graph_of(flat))["forces"].isfinite().all()


def trimers(n, seed):
    """A set of Lennard-Jones trimers with energies and forces."""
    generator = torch.Generator().manual_seed(seed)
    corners = 3.8 * torch.tensor([[0, 0, 0], [1, 0, 0], [0.5, 0.87, 0]], dtype=torch.float64)
    r = corners + 0.15 * torch.randn(n, 3, 3, generator=generator, dtype=torch.float64)
    truth = Potential(mn.classical.PairPotential(mn.classical.lennard_jones, 12.0, epsilon=0.2, sigma=3.4))
    out = truth(batch([Graph.from_arrays([18] * 3, frame, 12.0) for frame in r]))
    zeros, per_atom = np.zeros((n, 3, 3)), r.reshape(-1, 3).numpy()
    return Dataset(
        "trimers",
        np.full(n, 3),
        np.full(3 * n, 18),
        per_atom,
        zeros,
        np.zeros((n, 3), bool),
        out["energy"].numpy(),
        out["forces"].numpy(),
        {},
        {},
    )


def test_the_package_trains_it_and_scales_with_training_data_only():
    train, valid, test = trimers(60, 0), trimers(20, 1), trimers(30, 2)
    torch.manual_seed(0)
    potential = Potential(CoordinateNetwork(SortedDistances(3), [18] * 3, (12,)))
    mn.train(potential, train, valid, epochs=150, learning_rate=0.02, progress=False, device="cpu")
    model = potential.model
    assert isinstance(model, CoordinateNetwork)
    expected = model.descriptor.inputs(torch.tensor(train.positions).reshape(-1, 3, 3)).mean(0)
    torch.testing.assert_close(model.readout.scaling.mean[0], expected.float())
    errors = mn.evaluate(potential, test)
    assert errors.energy_rmse < 0.2 * 1000 * test.energy.std()
    assert errors.forces_rmse < 0.3 * 1000 * test.forces.std()


def test_a_training_that_goes_on_keeps_the_scaling_its_weights_were_made_for():
    train, valid, more = trimers(60, 0), trimers(20, 1), trimers(40, 3)[:5]
    torch.manual_seed(0)
    potential = Potential(CoordinateNetwork(SortedDistances(3), [18] * 3, (12,)))
    settings = {"progress": False, "device": "cpu"}
    first = mn.train(potential, train, valid, epochs=30, learning_rate=0.02, **settings)
    before = {name: tensor.clone() for name, tensor in potential.named_buffers()}
    second = mn.train(potential, more, valid, epochs=1, learning_rate=1e-6, **settings)
    assert second["force_rmse"][0] == pytest.approx(first.best["force_rmse"], rel=0.02)
    for name in ("mean", "std"):
        kept = potential.get_buffer(f"model.readout.scaling.{name}")
        assert torch.equal(kept, before[f"model.readout.scaling.{name}"])


def test_ase_runs_it_and_a_file_keeps_it(tmp_path, positions):
    atoms = Atoms("Ar4", positions[0].numpy())
    for name in INPUTS:
        potential = Potential(made(name), {18: -1.0})
        atoms.calc = mn.Calculator(potential)
        out = potential(graph_of(positions[:1]))
        assert atoms.get_potential_energy() == pytest.approx(out["energy"].item(), abs=1e-10)
        np.testing.assert_allclose(atoms.get_forces(), out["forces"].numpy(), atol=1e-10)
        mn.save(potential, tmp_path / name)
        torch.testing.assert_close(mn.load(tmp_path / name)(graph_of(positions[:1]))["energy"], out["energy"], **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@every_input
def test_dtype_and_device_follow_the_input(name, dtype, device, positions):
    if device.type == "mps" and dtype == torch.float64:
        pytest.skip("no float64 there")
    potential = Potential(made(name).to(dtype).to(device))
    out = potential(graph_of(positions).to(dtype).to(device))
    assert out["energy"].dtype == out["forces"].dtype == dtype
    expected = Potential(made(name))(graph_of(positions))
    torch.testing.assert_close(out["energy"].cpu().double(), expected["energy"], rtol=0, atol=1e-4)
    torch.testing.assert_close(out["forces"].cpu().double(), expected["forces"], rtol=0, atol=1e-4)


def test_number_of_parameters():
    assert sum(p.numel() for p in CoordinateNetwork(Cartesian([0]), [6], (15,)).parameters()) == (3 + 1) * 15 + 16
    assert PeriodicLateral([0, 1], LATTICE, ((1, 0), (0, 1), (1, 1))).n_features == 14


def test_another_size_another_element_another_order_are_refused(positions):
    model = made("sorted")
    with pytest.raises(ValueError, match="takes structures of 4 atoms, structure 0 has 3"):
        model(graph_of(positions[:, :3], [18] * 3))
    mixed = batch(
        [graph_of(positions[:1]), graph_of(positions[:1, :2], [18] * 2), graph_of(positions[:1, :2], [18] * 2)]
    )
    with pytest.raises(ValueError, match="structure 1 has 2"):
        model(mixed)
    with pytest.raises(ValueError, match=r"\[18, 18, 18, 18\] in this order, structure 0 has \[18, 18, 10, 18\]"):
        model(graph_of(positions[:1], [18, 18, 10, 18]))
    water = CoordinateNetwork(Distances([(0, 1), (0, 2), (1, 2)]), [8, 1, 1]).double()
    assert water(graph_of(positions[:1, :3], [8, 1, 1]))["energy"].isfinite().all()
    with pytest.raises(ValueError, match=r"\[8, 1, 1\] in this order, structure 0 has \[1, 8, 1\]"):
        water(graph_of(positions[:1, :3], [1, 8, 1]))


def test_a_flat_lattice_is_refused():
    with pytest.raises(ValueError, match="span no area"):
        PeriodicLateral([0], [[1.0, 2.0], [2.0, 4.0]])
