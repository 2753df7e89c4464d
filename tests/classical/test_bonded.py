"""The CHARMM22 form against OpenMM term by term, its topology by hand, and its angles where they are hard."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from mininnip.classical import bonded, pair
from mininnip.classical.bonded import ForceField, Topology, bond_angles, bond_lengths, dihedral_angles
from mininnip.graph import Graph, batch
from mininnip.potential import Potential

TERMS = ["bonds", "angles", "urey_bradley", "dihedrals", "impropers"]
TERMS += ["lennard_jones", "lennard_jones_14", "coulomb", "coulomb_14"]
BUTANE_SKELETON = [(0, 1), (1, 2), (2, 3)]
PROPANE_SKELETON = {"bond_k": 15.0, "bond_r0": 1.5, "angle_k": 2.0, "angle_theta0": 1.9}
NONBONDED = {"epsilon": 0.01, "sigma": 3.4, "charges": 0.1}
BUTANE = PROPANE_SKELETON | NONBONDED | {"dihedral_k": 0.1, "dihedral_n": 3, "dihedral_delta": 0.0}


@pytest.fixture(scope="module")
def openmm():
    with np.load(Path(__file__).parents[1] / "reference" / "bonded_openmm.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def alanine(openmm):
    topology = Topology.from_bonds(openmm["numbers"], openmm["bonds"], openmm["urey_bradley"], openmm["impropers"])
    topology = replace(topology, dihedrals=torch.as_tensor(openmm["dihedrals"]))  # several cosines on some quartets
    parameters = {name: openmm[name] for names in bonded.PARAMETERS.values() for name in names}
    return ForceField(
        topology, parameters, float(openmm["lennard_jones_factor_14"]), float(openmm["coulomb_factor_14"])
    )


def frames(openmm, dtype=torch.float64):
    return batch([Graph.from_arrays(openmm["numbers"], torch.tensor(x, dtype=dtype), 2.0) for x in openmm["positions"]])


def carbons(*positions, dtype=torch.float64):
    return Graph.from_arrays([6] * len(positions), torch.tensor(positions, dtype=dtype), 2.0)


def butane(twist=1.0):
    """Four carbons with right-angled bonds, twisted around the middle one."""
    return carbons([0, 1.5, 0], [0, 0, 0], [1.6, 0, 0], [1.6, 1.5 * math.cos(twist), 1.5 * math.sin(twist)])


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_that_of_openmm(openmm, alanine, term):
    graph = frames(openmm)
    graph.positions.requires_grad_()
    energy = alanine.term_energies(graph)[term]
    forces = -torch.autograd.grad(energy.sum(), graph.positions)[0].reshape(5, 22, 3)
    np.testing.assert_allclose(energy.detach(), openmm[f"energy_{term}"], rtol=1e-12, atol=0)
    np.testing.assert_allclose(forces, openmm[f"forces_{term}"], rtol=0, atol=1e-12)


def test_energy_and_forces_are_the_sums_of_the_terms(openmm, alanine):
    out = Potential(alanine)(frames(openmm))
    energy = sum(openmm[f"energy_{term}"] for term in TERMS)
    forces = sum(openmm[f"forces_{term}"] for term in TERMS)
    np.testing.assert_allclose(out["energy"], energy, rtol=1e-12)
    np.testing.assert_allclose(out["forces"].reshape(5, 22, 3), forces, rtol=0, atol=1e-12)
    assert list(alanine.term_energies(frames(openmm))) == TERMS


def test_forces_are_finite_differences(openmm, alanine):
    graph = frames(openmm)
    forces, h = Potential(alanine)(graph)["forces"], 1e-5
    for atom in range(22, 44):
        for axis in range(3):
            step = torch.zeros_like(graph.positions)
            step[atom, axis] = h
            up, down = (alanine.energy(replace(graph, positions=graph.positions + s * step)).sum() for s in (1, -1))
            assert -(up - down).item() / (2 * h) == pytest.approx(forces[atom, axis].item(), abs=1e-8 * 30)


def test_moved_and_turned_molecules_have_moved_and_turned_forces(openmm, alanine):
    graph = frames(openmm)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    rotation *= torch.linalg.det(rotation)  # proper: a mirror image has other energies where a phase is not 0 or 180°
    before = Potential(alanine)(graph)
    after = Potential(alanine)(replace(graph, positions=graph.positions @ rotation.T + 5.0))
    torch.testing.assert_close(after["energy"], before["energy"], rtol=0, atol=1e-10)
    torch.testing.assert_close(after["forces"], before["forces"] @ rotation.T, rtol=0, atol=1e-10)
    net = before["forces"].reshape(5, 22, 3)
    torque = torch.linalg.cross(graph.positions.reshape(5, 22, 3), net)
    torch.testing.assert_close(
        torch.stack([net.sum(1), torque.sum(1)]), torch.zeros(2, 5, 3).double(), rtol=0, atol=1e-10
    )


def test_copies_side_by_side_are_each_on_its_own(openmm, alanine):
    together = Potential(alanine)(frames(openmm))
    for k, positions in enumerate(openmm["positions"]):
        alone = Potential(alanine)(Graph.from_arrays(openmm["numbers"], torch.tensor(positions), 2.0))
        torch.testing.assert_close(alone["energy"], together["energy"][k : k + 1], rtol=1e-13, atol=0)
        torch.testing.assert_close(alone["forces"], together["forces"].reshape(5, 22, 3)[k], rtol=0, atol=1e-13)


def test_a_graph_walk_finds_what_openmm_was_given(openmm):
    topology = Topology.from_bonds(openmm["numbers"], openmm["bonds"])
    quartets = {tuple(quartet) for quartet in openmm["dihedrals"].tolist()}
    assert topology.angles.tolist() == openmm["angles"].tolist()
    assert {tuple(quartet) for quartet in topology.dihedrals.tolist()} == quartets
    assert len(topology.dihedrals) == len(quartets)
    assert topology.exclusions.tolist() == openmm["exclusions"].tolist()
    assert topology.pairs_14.tolist() == openmm["pairs_14"].tolist()


def test_rings_count_the_shorter_way():
    ring = [(0, 1), (1, 2), (2, 3), (3, 0)]
    square = Topology.from_bonds([6] * 4, ring)
    assert len(square.angles) == 4
    assert len(square.dihedrals) == 4
    assert square.exclusions.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert len(square.pairs_14) == len(square.pairs) == 0  # the ends of each dihedral are bonded
    triangle = Topology.from_bonds([6] * 3, [(0, 1), (1, 2), (2, 0)])
    assert len(triangle.dihedrals) == 0  # no atom may be both ends
    hexagon = Topology.from_bonds([6] * 6, [(i, (i + 1) % 6) for i in range(6)])
    assert hexagon.pairs_14.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_pairs_more_than_three_bonds_apart():
    chain = Topology.from_bonds([6] * 6, [(i, i + 1) for i in range(5)])
    assert chain.pairs.tolist() == [[0, 4], [0, 5], [1, 5]]
    apart = Topology.from_bonds([8, 8], [])  # two separate atoms
    assert apart.pairs.tolist() == [[0, 1]]


def test_ethanol_from_its_bonds():
    atoms = molecule("CH3CH2OH")
    distances = atoms.get_all_distances()
    bonds = [
        (i, j) for i in range(9) for j in range(i) if distances[i, j] < (1.3 if 1 in atoms.numbers[[i, j]] else 1.7)
    ]
    topology = Topology.from_bonds(torch.tensor(atoms.numbers), bonds)
    assert (len(bonds), len(topology.angles), len(topology.dihedrals)) == (8, 13, 12)
    assert len(topology.exclusions) + len(topology.pairs_14) + len(topology.pairs) == 9 * 8 // 2


@pytest.mark.parametrize("degrees", [1e-7, 1e-3, 1.0, 60.0, 109.5, 179.0, 179.999, 180 - 1e-7])
def test_angles_are_accurate_to_the_ends(degrees):
    theta = math.radians(degrees)
    x = torch.tensor([[1.1, 0, 0], [0, 0, 0], [0.9 * math.cos(theta), 0.9 * math.sin(theta), 0]], dtype=torch.float64)
    angle = bond_angles(x, torch.tensor([[0, 1, 2]])).item()
    assert angle == pytest.approx(theta, abs=1e-13 if 1e-3 <= degrees <= 179.999 else 1e-9)


@pytest.mark.parametrize("twist", [0.0, 0.5, 2.0, math.pi, -0.5, -2.0])
def test_dihedral_angles_have_the_sign_of_iupac(twist):
    """Looking along the middle bond, clockwise from the front atom to the rear one is positive."""
    graph = butane(twist)
    angle = dihedral_angles(graph.positions, torch.tensor([[0, 1, 2, 3]])).item()
    assert math.cos(angle - twist) == pytest.approx(1, abs=1e-14)
    backwards = dihedral_angles(graph.positions, torch.tensor([[3, 2, 1, 0]])).item()
    assert backwards == pytest.approx(angle, abs=1e-14)


def test_straight_lines_give_forces_and_not_nan():
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    for end in ([3.0, 0, 0], [3.0, 1.5, 0]):
        graph = carbons([-1.5, 0, 0], [0, 0, 0], [1.5, 0, 0], end)
        out = Potential(ForceField(topology, BUTANE))(graph)
        assert out["energy"].isfinite().all()
        assert out["forces"].isfinite().all()


def test_a_linear_molecule_keeps_its_bending_stiffness():
    """k (θ − π)² bent by x at the middle atom: θ = π − 2 x / r to first order, so d²E/dx² = 8 k / r²."""
    topology = Topology.from_bonds([8, 6, 8], [(0, 1), (1, 2)])
    parameters = {"bond_k": 60.0, "bond_r0": 1.16, "angle_k": 3.0, "angle_theta0": math.pi} | NONBONDED
    model = ForceField(topology, parameters)
    positions = torch.tensor([[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]], dtype=torch.float64, requires_grad=True)
    energy = model.energy(Graph.from_arrays([8, 6, 8], positions.detach(), 2.0))
    assert energy.item() == pytest.approx(0, abs=1e-17)
    graph = replace(Graph.from_arrays([8, 6, 8], positions.detach(), 2.0), positions=positions)
    slope = torch.autograd.grad(model.energy(graph).sum(), positions, create_graph=True)[0]
    curvature = torch.autograd.grad(slope[1, 0], positions)[0][1]
    expected = torch.tensor([8 * 3.0 / 1.16**2, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(curvature, expected, rtol=1e-6, atol=1e-9)


def test_impropers_wrap_around_the_circle():
    """An improper that rests at 180° costs the same 10° to either side of it."""
    topology = replace(Topology.from_bonds([6] * 4, BUTANE_SKELETON), impropers=torch.tensor([[0, 1, 2, 3]]))
    model = ForceField(topology, BUTANE | {"improper_k": 2.0, "improper_omega0": math.pi})
    for sign in (1, -1):
        energy = model.term_energies(butane(sign * math.radians(170)))["impropers"].item()
        assert energy == pytest.approx(2 * math.radians(10) ** 2, rel=1e-12)


def test_several_cosines_per_quartet_as_rows_or_as_columns():
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    columns = BUTANE | {"dihedral_k": [[0.1, 0.3]], "dihedral_n": [[1, 3]], "dihedral_delta": [[0.4, 0.0]]}
    rows = BUTANE | {"dihedral_k": [0.1, 0.3], "dihedral_n": [1, 3], "dihedral_delta": [0.4, 0.0]}
    twice = replace(topology, dihedrals=topology.dihedrals.repeat(2, 1))
    energies = [
        ForceField(topology, columns).term_energies(butane())["dihedrals"],
        ForceField(twice, rows).term_energies(butane())["dihedrals"],
    ]
    by_hand = 0.1 * (1 + math.cos(1.0 - 0.4)) + 0.3 * (1 + math.cos(3.0))
    assert energies[0].item() == pytest.approx(by_hand, rel=1e-14)
    assert energies[1].item() == pytest.approx(by_hand, rel=1e-14)


def test_charmm_has_its_own_lennard_jones_for_1_4_pairs():
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    own = ForceField(topology, BUTANE | {"epsilon_14": 0.02, "sigma_14": 2.9}, lennard_jones_factor_14=0.5)
    r = bond_lengths(butane().positions, topology.pairs_14)
    expected = 0.5 * pair.lennard_jones(r, 0.02, 2.9).sum()
    torch.testing.assert_close(own.term_energies(butane())["lennard_jones_14"], expected[None], rtol=1e-13, atol=0)
    same = ForceField(topology, BUTANE)
    expected = pair.lennard_jones(r, 0.01, 3.4).sum()
    torch.testing.assert_close(same.term_energies(butane())["lennard_jones_14"], expected[None], rtol=1e-13, atol=0)


def test_one_coulomb_constant():
    assert bonded.COULOMB == pair.COULOMB


def test_parameters_can_be_fitted():
    """A bond length recovered from forces alone, by gradient descent on the force error."""
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    target = Potential(ForceField(topology, BUTANE | {"bond_r0": [1.4, 1.5, 1.6]}))(butane())["forces"]
    model = ForceField(topology, BUTANE | {"bond_r0": [1.5, 1.5, 1.5]})
    names = {name for name, _ in model.named_parameters()}
    assert names == set(BUTANE) - {"dihedral_n"}
    bond_r0 = dict(model.named_parameters())["bond_r0"]
    optimizer = torch.optim.LBFGS([bond_r0], max_iter=50, tolerance_grad=1e-12)

    def loss():
        optimizer.zero_grad()
        value = ((Potential(model)(butane(), differentiable=True)["forces"] - target) ** 2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    torch.testing.assert_close(bond_r0.detach(), torch.tensor([1.4, 1.5, 1.6]).double(), rtol=0, atol=1e-6)


def test_atoms_without_dispersion_do_not_spoil_a_fit():
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    model = ForceField(topology, BUTANE | {"epsilon": [0.0, 0.01, 0.01, 0.02]})
    model.energy(butane()).sum().backward()
    assert model.term_energies(butane())["lennard_jones_14"] == 0
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_float32_follows_the_graph(openmm, alanine):
    out = Potential(alanine)(frames(openmm, torch.float32))
    assert out["energy"].dtype == out["forces"].dtype == torch.float32
    exact = Potential(alanine)(frames(openmm))
    torch.testing.assert_close(out["forces"].double(), exact["forces"], rtol=0, atol=1e-3)


def test_each_device_agrees(openmm, alanine, device):
    graph = frames(openmm, torch.float32)
    here, there = Potential(alanine), Potential(copy.deepcopy(alanine).float()).to(device)
    forces = there(graph.to(device))["forces"]
    assert forces.device.type == device.type
    torch.testing.assert_close(forces.cpu(), here(graph)["forces"], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("bonds", "message"),
    [
        ([(0, 1), (1, 4)], r"bonds names the atoms \[1, 4\], but the molecule has atoms 0 to 3 only"),
        ([(0, -1)], r"bonds names the atoms \[0, -1\]"),
        ([(0, 0)], r"bonds names an atom twice in one term: \[0, 0\]"),
        ([(0, 1), (1, 0)], "a bond is listed twice"),
        ([(0, 1, 2)], r"bonds must list 2 atoms per term, shape \(T, 2\); got \(1, 3\)"),
    ],
)
def test_bad_bonds_are_named(bonds, message):
    with pytest.raises(ValueError, match=message):
        Topology.from_bonds([6] * 4, bonds)


def test_bad_lists_are_named():
    with pytest.raises(ValueError, match=r"impropers names the atoms \[0, 1, 2, 9\]"):
        Topology.from_bonds([6] * 4, BUTANE_SKELETON, impropers=[(0, 1, 2, 9)])
    topology = Topology.from_bonds([6] * 4, BUTANE_SKELETON)
    with pytest.raises(ValueError, match="dihedrals must list 4 atoms per term"):
        replace(topology, dihedrals=torch.tensor([[0, 1, 2]]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bond_k": None}, "the molecule has 3 bonds, but the parameter bond_k is missing; give it"),
        ({"charges": None}, "the molecule has 4 atoms, but the parameter charges is missing"),
        ({"bond_length": 1.5}, "bond_length is not a parameter of this form; these are: bond_k, bond_r0"),
        ({"bond_r0": [1.5, 1.5]}, r"bond_r0 must be one number or 3 numbers, got the shape \(2,\)"),
        ({"bond_k": [[1.0], [1.0], [1.0]]}, r"bond_k must be one number or 3 numbers, got the shape \(3, 1\)"),
        ({"angle_k": float("inf")}, "angle_k must be finite, got inf"),
        ({"sigma": [3.4, 3.4, 0.0, 3.4]}, "sigma must be positive"),
        ({"epsilon": -0.01}, "epsilon must not be negative"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    parameters = {name: value for name, value in (BUTANE | changes).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        ForceField(Topology.from_bonds([6] * 4, BUTANE_SKELETON), parameters)


def test_other_molecules_are_refused():
    model = ForceField(Topology.from_bonds([6] * 4, BUTANE_SKELETON), BUTANE)
    with pytest.raises(ValueError, match="does not hold copies of the topology's molecule, 4 atoms"):
        model(carbons([0, 0, 0], [1.5, 0, 0]))
    oxygens = replace(butane(), numbers=torch.tensor([6, 6, 6, 8]))
    with pytest.raises(ValueError, match=r"atomic numbers \[6, 6, 6, 6\] in this order"):
        model(oxygens)
    periodic = Graph.from_arrays([6] * 4, butane().positions, 2.0, cell=np.eye(3) * 20, pbc=True)
    with pytest.raises(ValueError, match=r"for molecules, not for periodic cells; set atoms\.pbc = False"):
        model(periodic)
