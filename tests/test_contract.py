"""The contract every potential of the course keeps, whatever its family: symmetries, derivatives, batches, cutoffs.

A new potential is added to POTENTIALS with the element it is for and the distance at which its atoms feel each other;
everything below then holds for it or fails by name.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from toy_models import MessagePassing

from mininnip import Ensemble, Graph, Potential, batch, classical
from mininnip.descriptors import ANISymmetryFunctions, SymmetryFunctions
from mininnip.kernel import GaussianProcess, SparseGaussianProcess
from mininnip.model import DescribedModel, Model
from mininnip.neural import DTNN, BehlerParrinello, CoordinateNetwork, Distances, NequIP, PaiNN, SchNet
from mininnip.sum import Sum

EXACT = 1e-10  # eV, eV/Å: symmetries in float64


def pair(law, truncation="switched", **parameters):
    return lambda: classical.PairPotential(law, cutoff=6.0, truncation=truncation, **parameters)


def behler_parrinello(symmetry_functions):
    def model():
        torch.manual_seed(0)
        return BehlerParrinello(symmetry_functions, hidden=(8, 6))

    return model


def seeded(factory):
    def model():
        torch.manual_seed(0)
        return factory()

    return model


def hearing_dtnn():
    """A DTNN whose W^fc is no longer zero, so that there are forces."""
    model = DTNN(6.0, n_features=8, n_factors=12, n_basis=31)
    torch.nn.init.normal_(model.interaction.out_network.weight, std=0.3)
    return model


def taught(model):
    """A Gaussian process that knows a few crystals and a cluster of silicon."""
    rng = np.random.default_rng(5)
    frames = [bulk("Ar", "fcc", a=a, cubic=True) for a in (3.4, 3.5, 3.6, 3.7)] + [
        Atoms([14] * 5, 2.5 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.9, 0], [0.5, 0.3, 0.85], [1.4, 0.9, 0.2]]))
    ]
    for atoms in frames:
        atoms.numbers[:] = 14
        atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
    graph = Graph.from_atoms(frames, 5.0)
    model.fit(graph, Potential(classical.StillingerWeber())(graph))
    return model


BEHLER = SymmetryFunctions((14,), 5.0, g2=[(0.1, 0.0), (2.0, 2.5)], g4=[(0.02, 2, 1)], g5=[(0.02, 4, -1)])
ANI = ANISymmetryFunctions((14,), 5.0, 4.0, 8.0, [2.0, 3.0], 6.0, 8.0, [2.0, 3.0], [0.4, 1.2, 2.0])
# So much that single precision suffices: with a fifth of it, large weights of both signs lose all the digits allowed.
NOISE: Any = {"energy_noise": 0.5, "force_noise": 1.5}

# name: (model factory, atomic number, nearest-neighbor distance of the test structures in Å)
POTENTIALS = {
    "lennard_jones": (pair(classical.lennard_jones, epsilon=0.0104, sigma=3.4), 18, 3.7),
    "lennard_jones_shifted": (pair(classical.lennard_jones, "shifted", epsilon=0.0104, sigma=3.4), 18, 3.7),
    "morse": (pair(classical.morse, depth=0.35, steepness=1.4, r_eq=2.9), 29, 2.8),
    "harmonic": (pair(classical.harmonic, stiffness=0.5, r_eq=2.9), 18, 3.0),
    "buckingham_coulomb": (pair(classical.buckingham_coulomb, A=1300.0, B=3.5, C=20.0, charge_product=0.3), 18, 3.0),
    "mason_schamp": (pair(classical.mason_schamp, depth=0.1, gamma=0.2, r_m=3.2), 18, 3.2),
    "zbl_repulsion": (pair(classical.zbl_repulsion, charge_product=196.0, screening=0.13), 14, 2.5),
    "stillinger_weber": (classical.StillingerWeber, 14, 2.5),
    "tersoff": (classical.Tersoff, 14, 2.3),
    "edip": (classical.EDIP, 14, 2.3),
    "lenosky": (classical.Lenosky, 14, 2.3),
    "sum": (lambda: Sum([classical.StillingerWeber(), behler_parrinello(BEHLER)()]), 14, 2.5),
    "behler_parrinello": (behler_parrinello(BEHLER), 14, 2.5),
    "behler_parrinello_ani": (behler_parrinello(ANI), 14, 2.5),
    "dtnn": (seeded(hearing_dtnn), 14, 2.5),
    "schnet": (seeded(lambda: SchNet(5.0, n_features=16)), 14, 2.5),
    "painn": (seeded(lambda: PaiNN(5.0, n_features=16)), 14, 2.5),
    "nequip": (seeded(lambda: NequIP(5.0, n_features=4, n_layers=3, radial_hidden=(8,))), 14, 2.5),
    "nequip_l2": (seeded(lambda: NequIP(5.0, n_features=2, n_layers=3, l_max=2, radial_hidden=(8,))), 14, 2.5),
    "gaussian_process": (lambda: taught(GaussianProcess(BEHLER, 4.0, **NOISE)), 14, 2.5),
    "sparse_gaussian_process": (lambda: taught(SparseGaussianProcess(BEHLER, 4.0, **NOISE, novelty=0.1)), 14, 2.5),
    "toy_message_passing": (seeded(lambda: MessagePassing(6.0)), 14, 2.5),
}


@pytest.fixture(params=POTENTIALS)
def system(request):
    """A potential, a cluster and a triclinic crystal whose cell is smaller than the cutoff."""
    factory, number, distance = POTENTIALS[request.param]
    rng = np.random.default_rng(0)
    potential = Potential(factory().double())
    corners = np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.9, 0], [0.5, 0.3, 0.85], [1.4, 0.9, 0.2], [0.2, 1.1, 0.9]])
    cluster = Atoms([number] * 6, distance * (corners + rng.normal(0, 0.04, (6, 3))))
    crystal = bulk("Ar", "fcc", a=distance * np.sqrt(2), cubic=True)
    crystal.numbers[:] = number
    crystal.set_cell(crystal.cell.array @ (np.eye(3) + rng.normal(0, 0.03, (3, 3))), scale_atoms=True)
    crystal.positions += rng.normal(0, 0.05, (4, 3))
    return potential, cluster, crystal


def evaluate(potential, atoms, **options):
    return potential(Graph.from_atoms(atoms, potential.cutoff), **options)


def close(a, b, tolerance=EXACT):
    assert torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=tolerance), (a, b)


def random_rotation(seed=1):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def test_potential_binds_something(system):
    """Guards the other tests: a potential that is zero here would pass them all."""
    potential, cluster, crystal = system
    for atoms in (cluster, crystal):
        out = evaluate(potential, atoms)
        assert out["energy"].abs() > 1e-3
        assert out["forces"].abs().max() > 1e-3


def test_translation_rotation_reflection(system):
    potential, cluster, _ = system
    before = evaluate(potential, cluster)
    mirror = np.diag([1.0, 1.0, -1.0])
    for matrix in (np.eye(3), random_rotation(), random_rotation() @ mirror):
        moved = cluster.copy()
        moved.positions = cluster.positions @ matrix.T + np.array([5.0, -3.0, 11.0])
        after = evaluate(potential, moved)
        close(after["energy"], before["energy"])
        close(after["forces"], before["forces"] @ torch.tensor(matrix.T))


def test_rotated_crystal_has_rotated_stress(system):
    potential, _, crystal = system
    before, matrix = evaluate(potential, crystal, stress=True), random_rotation()
    moved = crystal.copy()
    moved.set_cell(crystal.cell.array @ matrix.T)
    moved.positions = crystal.positions @ matrix.T
    after, rotation = evaluate(potential, moved, stress=True), torch.tensor(matrix)
    close(after["energy"], before["energy"])
    close(after["stress"][0], rotation @ before["stress"][0] @ rotation.T)
    close(before["stress"][0], before["stress"][0].T)


def test_permutation(system):
    potential, cluster, _ = system
    order = [3, 0, 5, 1, 4, 2]
    before, after = evaluate(potential, cluster), evaluate(potential, cluster[order])
    close(after["energy"], before["energy"])
    close(after["forces"], before["forces"][order])


def test_no_net_force_or_torque(system):
    potential, cluster, crystal = system
    forces = evaluate(potential, cluster)["forces"]
    close(forces.sum(0), torch.zeros(3, dtype=torch.float64))
    torque = torch.linalg.cross(torch.tensor(cluster.positions), forces).sum(0)
    close(torque, torch.zeros(3, dtype=torch.float64))
    close(evaluate(potential, crystal)["forces"].sum(0), torch.zeros(3, dtype=torch.float64))


def central_difference(function, step):
    """Fourth-order central difference of a function of one number."""
    f = {k: function(k * step) for k in (-2, -1, 1, 2)}
    return (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * step)


def test_forces_are_finite_differences(system):
    """To 1e-8 relative, in float64."""
    potential, cluster, crystal = system
    for atoms in (cluster, crystal):
        forces = evaluate(potential, atoms)["forces"]
        for atom, axis in ((0, 0), (2, 1), (3, 2)):

            def energy(step, atoms=atoms, atom=atom, axis=axis):
                moved = atoms.copy()
                moved.positions[atom, axis] += step
                return float(evaluate(potential, moved, forces=False)["energy"])

            numeric = -central_difference(energy, 1e-3)
            assert float(forces[atom, axis]) == pytest.approx(numeric, rel=1e-8, abs=1e-8 * float(forces.abs().max()))


@pytest.mark.parametrize("handedness", [1, -1])
def test_stress_is_finite_strain(system, handedness):
    """(1/V) ∂E/∂ε to 1e-8 relative, also for a left-handed cell."""
    potential, _, crystal = system
    crystal.set_cell(crystal.cell.array[::handedness], scale_atoms=False)
    stress = evaluate(potential, crystal, stress=True)["stress"][0]
    for a, b in ((0, 0), (2, 2), (0, 1), (1, 2)):

        def energy(step, a=a, b=b):
            strain = np.eye(3)
            strain[a, b] += step
            moved = crystal.copy()
            moved.set_cell(crystal.cell.array @ strain)
            moved.positions = crystal.positions @ strain
            return float(evaluate(potential, moved, forces=False)["energy"]) / crystal.get_volume()

        numeric = central_difference(energy, 3e-4)
        assert float(stress[a, b]) == pytest.approx(numeric, rel=1e-8, abs=1e-8 * float(stress.abs().max()))


def test_batch_equals_singles(system):
    potential, cluster, crystal = system
    graphs = [Graph.from_atoms(a, potential.cutoff) for a in (crystal, cluster, cluster[:2], crystal)]
    together, alone = potential(batch(graphs)), [potential(g) for g in graphs]
    close(together["energy"], torch.cat([out["energy"] for out in alone]), 1e-12)
    close(together["forces"], torch.cat([out["forces"] for out in alone]), 1e-12)
    crystals = batch([graphs[0], graphs[3]])
    close(potential(crystals, stress=True)["stress"][1], potential(graphs[0], stress=True)["stress"][0], 1e-12)


def test_supercell_is_extensive(system):
    """The cell is smaller than the cutoff: atoms see several images of their neighbors and of themselves."""
    potential, _, crystal = system
    once, often = evaluate(potential, crystal, stress=True), evaluate(potential, crystal * (3, 2, 1), stress=True)
    close(often["energy"], 6 * once["energy"])
    close(often["forces"], once["forces"].repeat(6, 1))
    close(often["stress"], once["stress"])


def test_positions_need_not_be_wrapped(system):
    potential, _, crystal = system
    moved = crystal.copy()
    moved.positions += np.array([[2, -1, 0], [0, 0, 3], [0, 0, 0], [-4, 1, 1]]) @ crystal.cell.array
    close(evaluate(potential, moved)["energy"], evaluate(potential, crystal)["energy"])
    close(evaluate(potential, moved)["forces"], evaluate(potential, crystal)["forces"])


def test_slab_equals_crystal_with_vacuum(system):
    potential, _, crystal = system
    slab, padded = crystal.copy(), crystal.copy()
    slab.pbc = [True, True, False]
    cell = crystal.cell.array.copy()
    cell[2] *= 10
    padded.set_cell(cell)
    close(evaluate(potential, slab)["energy"], evaluate(potential, padded)["energy"])
    close(evaluate(potential, slab)["forces"], evaluate(potential, padded)["forces"])


def test_distant_parts_add_up(system):
    potential, cluster, _ = system
    apart = cluster.copy()
    apart.positions += [potential.cutoff + np.ptp(cluster.positions[:, 0]) + 0.1, 0, 0]
    close(evaluate(potential, cluster + apart)["energy"], 2 * evaluate(potential, cluster)["energy"])


def test_atoms_without_neighbors(system):
    """One atom alone, and a pair out of reach: an energy, zero forces, no NaN."""
    potential, cluster, _ = system
    alone = evaluate(potential, cluster[:1])
    apart = cluster[:2]
    apart.positions = [[0, 0, 0], [potential.cutoff + 0.01, 0, 0]]
    pair = evaluate(potential, apart)
    close(pair["energy"], 2 * alone["energy"])
    for out in (alone, pair):
        close(out["forces"], torch.zeros_like(out["forces"]), 0)
    boxed = cluster[:1]
    boxed.set_cell(np.eye(3) * 100)
    boxed.pbc = True
    close(evaluate(potential, boxed, stress=True)["stress"], torch.zeros(1, 3, 3, dtype=torch.float64), 0)


def test_nothing_jumps_at_the_cutoff(system, request):
    """An atom leaves the cutoff: the energy is continuous, and the force too unless the truncation says otherwise."""
    potential, cluster, _ = system
    h, ends = 1e-7, []  # a jump does not shrink with h; Tersoff's force, which fades within 0.3 Å, does
    for step in (-h, h):
        trio = cluster[:3]
        trio.positions = [[0, 0, 0], [potential.cutoff + step, 0, 0], [0, 1e4, 0]]
        ends.append(evaluate(potential, trio))
    close(ends[0]["energy"], ends[1]["energy"], 1e-5)
    if "shifted" not in request.node.name:
        close(ends[0]["forces"], ends[1]["forces"], 1e-5)


def test_second_derivatives(system):
    """`differentiable=True` keeps them, in evaluation mode as well, and the input is never changed."""
    potential, cluster, _ = system
    potential.eval()
    graph = Graph.from_atoms(cluster, potential.cutoff)
    positions = graph.positions.clone().requires_grad_()
    forces = potential(replace(graph, positions=positions), differentiable=True)["forces"]
    direction = torch.tensor(np.random.default_rng(3).normal(size=forces.shape))
    product = torch.autograd.grad((forces * direction).sum(), positions)[0]

    def projected(step):
        moved = replace(graph, positions=graph.positions + step * direction)
        return potential(moved)["forces"]

    numeric = central_difference(projected, 1e-4)
    close(product, numeric, 1e-6 * float(numeric.abs().max()))
    assert torch.equal(graph.positions, torch.tensor(cluster.positions))


def test_parameters_can_be_fitted_to_forces(system):
    potential, cluster, _ = system
    forces = evaluate(potential, cluster, differentiable=True)["forces"]
    gradients = torch.autograd.grad((forces**2).sum(), list(potential.parameters()), allow_unused=True)
    assert any(g is not None and g.abs().max() > 0 for g in gradients)


def test_works_without_gradients_too(system):
    potential, cluster, _ = system
    with torch.no_grad():
        inside = evaluate(potential, cluster)["forces"]
    close(inside, evaluate(potential, cluster)["forces"], 0)


def test_single_precision(system):
    potential, cluster, _ = system
    double = evaluate(potential, cluster)
    single = potential.float()(Graph.from_atoms(cluster, potential.cutoff, dtype=torch.float32))
    assert single["energy"].dtype == single["forces"].dtype == torch.float32
    size = double.get("energies", double["energy"]).abs().sum()
    close(single["energy"].double(), double["energy"], 2e-5 * float(size + 1))
    close(single["forces"].double(), double["forces"], 2e-5 * float(double["forces"].abs().max() + 1))


def test_blocks_change_nothing(system, monkeypatch):
    """A graph evaluated in blocks of centers gives what it gives in one piece."""
    potential, _, crystal = system
    graph = batch([Graph.from_atoms(crystal * n, potential.cutoff) for n in ((2, 2, 1), 1, (1, 3, 1))])
    whole = potential(graph, stress=True)
    monkeypatch.setattr("mininnip.blocks.EDGES_PER_BLOCK", 25)
    monkeypatch.setattr("mininnip.blocks.PAIRS_PER_BLOCK", 300)
    blocks = potential(graph, stress=True)
    assert blocks.keys() == whole.keys() >= {"energy", "forces", "stress"}
    for name, values in whole.items():
        close(blocks[name], values, 1e-11)


def test_longer_edges_change_nothing(system):
    """A skin list holds pairs beyond the cutoff; they must not count."""
    potential, cluster, crystal = system
    for atoms in (cluster, crystal):
        exact, longer = (potential(Graph.from_atoms(atoms, potential.cutoff + skin)) for skin in (0.0, 1.5))
        close(longer["energy"], exact["energy"], 1e-12)
        close(longer["forces"], exact["forces"], 1e-12)


def test_ensemble_is_called_like_one(system):
    potential, cluster, _ = system
    out = evaluate(Ensemble([potential, potential]), cluster)
    close(out["energy"], evaluate(potential, cluster)["energy"])
    close(out["forces_std"], torch.zeros_like(out["forces"]))


def test_device(system, device):
    potential, cluster, crystal = system
    dtype, tolerance = (torch.float32, 1e-4) if device.type == "mps" else (torch.float64, EXACT)
    graph = batch([Graph.from_atoms(a, potential.cutoff, dtype) for a in (cluster, crystal)])
    here, there = potential.to(dtype)(graph), potential.to(device)(graph.to(device))
    assert there["forces"].device.type == device.type
    close(there["energy"].cpu(), here["energy"], tolerance)
    close(there["forces"].cpu(), here["forces"], tolerance)


# --- models of one molecule: they read no edges, and know its atoms by their order -----------------------------------


def water_force_field():
    topology = classical.Topology.from_bonds([8, 1, 1], [(0, 1), (0, 2)])
    bonded = {"bond_k": 20.0, "bond_r0": 0.96, "angle_k": 2.0, "angle_theta0": 1.82}
    return classical.ForceField(topology, bonded | {"epsilon": 0.01, "sigma": 2.0, "charges": [-0.8, 0.4, 0.4]})


def water_network():
    return CoordinateNetwork(Distances([(0, 1), (0, 2), (1, 2)], power=-1), [8, 1, 1], (7, 5))


MOLECULES = {"force_field": water_force_field, "coordinate_network": seeded(water_network)}


@pytest.fixture(params=MOLECULES)
def water(request):
    """A potential of water, and two molecules of it."""
    frames = [Atoms("OH2", [[0, 0, 0], [0.95, 0.1, 0], [-0.2, 0.9, 0.1]]) for _ in range(2)]
    frames[1].rattle(0.05, seed=1)
    return Potential(MOLECULES[request.param]().double()), frames


def test_a_molecule_may_be_moved_turned_and_mirrored(water):
    potential, (atoms, _) = water
    before, mirror = evaluate(potential, atoms), np.diag([1.0, 1.0, -1.0])
    assert potential.cutoff is None and before["forces"].abs().max() > 1e-3
    for matrix in (np.eye(3), random_rotation(), random_rotation() @ mirror):
        moved = atoms.copy()
        moved.positions = atoms.positions @ matrix.T + np.array([5.0, -3.0, 11.0])
        after = evaluate(potential, moved)
        close(after["energy"], before["energy"])
        close(after["forces"], before["forces"] @ torch.tensor(matrix.T))
    close(before["forces"].sum(0), torch.zeros(3, dtype=torch.float64))


def test_forces_on_a_molecule_are_finite_differences(water):
    potential, (atoms, _) = water
    forces = evaluate(potential, atoms)["forces"]
    for atom, axis in ((0, 0), (1, 1), (2, 2)):

        def energy(step, atom=atom, axis=axis):
            moved = atoms.copy()
            moved.positions[atom, axis] += step
            return float(evaluate(potential, moved, forces=False)["energy"])

        numeric = -central_difference(energy, 1e-3)
        assert float(forces[atom, axis]) == pytest.approx(numeric, rel=1e-8, abs=1e-8)


def test_molecules_side_by_side_are_single_molecules(water):
    potential, frames = water
    together, alone = evaluate(potential, frames), [evaluate(potential, atoms) for atoms in frames]
    for name in ("energy", "forces"):
        close(together[name], torch.cat([out[name] for out in alone]), 1e-12)


def test_second_derivatives_and_single_precision_of_a_molecule(water):
    potential, (atoms, _) = water
    forces = evaluate(potential, atoms, differentiable=True)["forces"]
    gradients = torch.autograd.grad((forces**2).sum(), list(potential.parameters()), allow_unused=True)
    assert any(g is not None and g.abs().max() > 0 for g in gradients)
    double = evaluate(potential, atoms)
    single = potential.float()(Graph.from_atoms(atoms, None, torch.float32))
    assert single["forces"].dtype == torch.float32
    close(single["forces"].double(), double["forces"], 2e-5 * float(double["forces"].abs().max() + 1))


def test_a_molecule_on_a_device(water, device):
    potential, (atoms, _) = water
    dtype, tolerance = (torch.float32, 1e-4) if device.type == "mps" else (torch.float64, EXACT)
    graph = Graph.from_atoms(atoms, None, dtype)
    here, there = potential.to(dtype)(graph), potential.to(device)(graph.to(device))
    close(there["forces"].cpu(), here["forces"], tolerance)


def test_every_model_of_the_package_is_under_this_contract():
    """Found by walking subclasses: a new model must be added above."""

    def subclasses(kind):
        return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))

    tested = {type(factory()) for factory in (*(entry[0] for entry in POTENTIALS.values()), *MOLECULES.values())}
    models = {model for model in subclasses(Model) if model.__module__.startswith("mininnip.")}
    assert models - {Model, DescribedModel} == {model for model in tested if model.__module__.startswith("mininnip.")}
