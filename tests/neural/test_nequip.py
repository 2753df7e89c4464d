"""NequIP: features of every kind turn and mirror as their name says, after every layer; it fades smoothly."""

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

import mininnip as mn
from mininnip import so3
from mininnip.neural import NequIP
from mininnip.neural.nequip import EVEN, ODD, ElementLinear, Linear, RadialNetwork, kinds_of_layers, product, products

EXACT = 1e-10


def ethanol():
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=0)
    return atoms


def crystal():
    atoms = bulk("SiC", "zincblende", a=4.36)
    atoms.rattle(0.1, seed=0)
    return atoms


def model_of(l_max=2, n_layers=6) -> Any:
    """Deep enough for all kinds; the first weights are larger, so that all features are of order one."""
    torch.manual_seed(0)
    model: Any = NequIP(4.0, n_features=3, n_layers=n_layers, l_max=l_max, radial_hidden=(8,)).double()
    with torch.no_grad():
        for block in model.interactions:
            block.convolution.radial_network.weights[0].mul_(4)
    return model


def turned(kind, values, matrix):
    """What features (N, 2l + 1, F) must become when space is turned or mirrored."""
    l, sign = int(kind[0]), np.sign(np.linalg.det(matrix))
    parity = sign if kind[1] == "o" else 1.0
    return float(parity) * so3.wigner_d(l, torch.tensor(sign * matrix)) @ values


@pytest.mark.parametrize("l_max", [0, 1, 2])
@pytest.mark.parametrize("structure", [ethanol, crystal])
def test_features_turn_and_mirror_as_their_kind_says_after_every_layer(l_max, structure):
    model, atoms = model_of(l_max), structure()
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    before, seen = model.features(mn.Graph.from_atoms(atoms, 4.0)), set()
    for matrix in (rotation, -np.eye(3), rotation @ np.diag([1.0, 1.0, -1.0])):
        moved = atoms.copy()
        moved.set_cell(atoms.cell.array @ matrix.T)
        moved.positions = atoms.positions @ matrix.T
        after = model.features(mn.Graph.from_atoms(moved, 4.0))
        assert len(after) == len(before) == 7
        for layer, layer_after in zip(before, after, strict=True):
            for kind, values in layer.items():
                size = max(1.0, float(values.detach().abs().max()))
                assert values.shape == (len(atoms), 2 * int(kind[0]) + 1, 3)
                assert (layer_after[kind] - turned(kind, values, matrix)).abs().max() <= EXACT * size, kind
                if values.detach().abs().max() > 1e-6:
                    seen.add(kind)
    # what a crystal of two atoms does not have by symmetry, a molecule of nine does
    assert structure is crystal or seen == {f"{l}{parity}" for l in range(l_max + 1) for parity in "eo"[: l_max + 1]}


def test_vectors_of_the_first_layer_point_to_the_neighbor():
    """V_i^{1o} = SiLU(g) W₂ R(d) √3 u_ij h_j with u_ij from i to j; the other sign would leave the energy as it is."""
    torch.manual_seed(0)
    model: Any = NequIP(4.0, n_features=3, n_layers=2, radial_hidden=(8,)).double()
    graph, d = mn.Graph.from_atoms(Atoms("CO", [[0, 0, 0], [1.5, 0, 0]]), 4.0), torch.tensor([1.5]).double()
    block = model.interactions[0]
    assert block.convolution.paths == [("0e", 0, "0e"), ("0e", 1, "1o")]
    basis = mn.bessel_basis(d, 4.0, model.n_basis) * mn.polynomial_cutoff(d, 4.0)
    to_scalars, to_vectors = block.convolution.radial_network(basis)[0].split(3)
    heard = model.embedding(torch.tensor(8)) @ block.linear_1.weights["0e"] / model.n_neighbors.sqrt()
    scalars_and_gates = (to_scalars * heard) @ block.linear_2.weights["0e"]
    length = 3**0.5 * (to_vectors * heard) @ block.linear_2.weights["1o"]  # along u_ij
    expected = EVEN * torch.nn.functional.silu(scalars_and_gates[3:]) * length
    of_carbon = model.features(graph)[1]["1o"][0]  # (x, y, z; F)
    torch.testing.assert_close(of_carbon[0], expected, rtol=0, atol=1e-12)
    assert not of_carbon[1:].any()
    assert float(expected.detach().abs().max()) > 1e-6


def test_a_wrong_parity_would_be_seen():
    values = torch.randn(4, 3, 2, dtype=torch.float64)
    mirror = -np.eye(3)
    torch.testing.assert_close(turned("1o", values, mirror), -values)
    torch.testing.assert_close(turned("1e", values, mirror), values)


def test_only_kinds_from_which_the_energy_hears():
    assert kinds_of_layers(3, 0) == [["0e"]] * 4
    assert kinds_of_layers(3, 1) == [["0e"], ["0e", "1o"], ["0e", "1o"], ["0e"]]
    assert kinds_of_layers(4, 1)[2] == ["0e", "1e", "1o"]  # an axis, the product of two vectors
    assert kinds_of_layers(6, 2)[3] == ["0e", "0o", "1e", "1o", "2e", "2o"]
    assert products("1o", 1) == [(0, "1o"), (1, "0e"), (1, "1e")]


def test_bent_features_keep_their_size():
    """The constants EVEN and ODD keep the mean square of a normal variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    x, weights = torch.tensor(nodes), torch.tensor(weights / weights.sum())
    for function, constant in ((torch.nn.functional.silu, EVEN), (torch.tanh, ODD)):
        assert float((weights * function(x) ** 2).sum()) ** -0.5 == pytest.approx(constant, rel=1e-4)


def test_features_of_order_one_stay_of_order_one_when_training_starts():
    torch.manual_seed(0)
    rows, elements = torch.randn(500, 1, 64), torch.randn(2, 16)
    atoms = [torch.arange(250), torch.arange(250, 500)]
    outputs = {
        "radial network": RadialNetwork([64, 512, 512, 64])(rows[:, 0]),
        "linear": Linear({"0e": (64, 64)})({"0e": rows})["0e"],
        "by element": ElementLinear({"0e": (64, 64)}, 16)(
            {"0e": rows}, elements / elements.norm(dim=1, keepdim=True) * 4, atoms
        )["0e"],
    }
    for name, values in outputs.items():
        assert float(values.detach().square().mean()) == pytest.approx(1, abs=0.2), name


def test_small_products_in_steps_are_the_same():
    for n_rows in (2, 50):
        matrices, columns = torch.randn(7, n_rows, 4).double(), torch.randn(7, 4, 6).double()
        torch.testing.assert_close(product(matrices, columns), matrices @ columns)


@pytest.mark.parametrize("l_max", [1, 2])
def test_value_slope_and_curvature_of_the_energy_vanish_at_the_cutoff(l_max):
    """The envelope brings two derivatives to zero, the Bessel functions one more: E ~ h⁴ at r_c − h, F ~ h³."""
    potential = mn.Potential(model_of(l_max, 3))
    apart = float(potential(mn.Graph.from_atoms(Atoms("CO", [[0, 0, 0], [4.01, 0, 0]]), 4.0))["energy"])
    h, energies, forces = (4e-2, 2e-2, 1e-2), [], []
    for step in h:
        out = potential(mn.Graph.from_atoms(Atoms("CO", [[0, 0, 0], [4.0 - step, 0, 0]]), 4.0))
        energies.append(abs(float(out["energy"]) - apart))
        forces.append(float(out["forces"].abs().max()))
    assert forces[0] > 1e-12
    order = np.polyfit(np.log(h), np.log(forces), 1)[0]
    assert order == pytest.approx(3, abs=0.2)


def test_no_edges_at_all():
    """Atoms out of reach, alone and side by side: the shift of their element, no forces, no NaN."""
    model = model_of(2, 3)
    potential = mn.Potential(model)
    with torch.no_grad():
        model.scaling.shift.normal_()
    atoms = Atoms("COH", [[0, 0, 0], [50, 0, 0], [0, 50, 0]])
    out = potential(mn.Graph.from_atoms([atoms, Atoms("C")], 4.0))
    shift = (model.scaling.scale * model.scaling.shift).detach()
    torch.testing.assert_close(out["energies"], shift[torch.tensor([6, 8, 1, 6])])
    assert not out["forces"].any()


def test_the_number_of_neighbors_comes_from_the_first_training_data():
    model, graph = model_of(1, 2), mn.Graph.from_atoms(ethanol(), 6.0)
    labels = {"energy": torch.tensor([1.0]), "forces": torch.randn(9, 3)}
    model.fit_scaling(graph, labels)
    near = int((graph.edge_vectors().norm(dim=1) < 4.0).sum())
    assert near < graph.edges.shape[1]
    assert float(model.n_neighbors) == pytest.approx(near / 9)
    model.fit_scaling(mn.Graph.from_atoms(crystal(), 4.0), {"energy": torch.tensor([1.0])})
    assert float(model.n_neighbors) == pytest.approx(near / 9)
    assert model.elements == (1, 6, 8, 14)


def test_bad_arguments_get_one_sentence():
    with pytest.raises(ValueError, match="l_max = 0, 1 or 2, got 3"):
        NequIP(l_max=3)
    wrong: list[dict[str, Any]] = [{"n_layers": 0}, {"n_features": 0}, {"radial_hidden": (0,)}]
    wrong += [{"cutoff": 0.0}, {"cutoff": float("nan")}]
    for bad in wrong:
        with pytest.raises(ValueError, match="positive cutoff and at least one"):
            NequIP(**bad)
