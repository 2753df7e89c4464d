"""Alanine dipeptide (Ace-Ala-NMe, 22 atoms) with GFN2-xTB: a relaxed map of its two backbone angles and dynamics at
two temperatures.

Level: GFN2-xTB (tblite), semi-empirical: a teacher for exercises. Labels: energy, forces, Mulliken `charges`, dipole
moment `dipole_x/y/z` (e Å), backbone angles `phi` and `psi` (degrees).

Groups: `grid` 24 x 24 structures, 15 degrees apart, relaxed with stiff harmonic restraints on phi and psi (the labels
are without the restraints, so their forces are not zero along the two angles); each is relaxed from its neighbors on
all four sides, one sweep over the map per side, and the lowest is kept, for from one side alone a structure can stay in
a valley that ends; `md` Langevin dynamics at 300 and 600 K (0.5 fs, a frame every 20 fs after 1 ps), one trajectory
per temperature and split, each from a grid structure of its own.

Run:  python alanine_dipeptide.py --max-minutes 30       repeat to continue.  Needs rdkit for the first geometry.
"""

import argparse
import itertools

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.io import read, write
from ase.optimize import BFGS
from gfn2 import ENGINE, dynamics, label, named, teacher
from labeling import WORK, Deadline, finite_difference_check, label_all, load

PATH, FOLDER = WORK / "alanine_dipeptide.extxyz", WORK / "alanine_dipeptide"
PHI, PSI = (1, 3, 4, 6), (3, 4, 6, 8)  # C-N-CA-C and N-CA-C-N
GRID, STIFFNESS = np.arange(-180, 180, 15), 40.0  # degrees, eV/rad²
SWEEPS = {"down psi": (0, -1), "up phi": (1, 0), "down phi": (-1, 0), "up psi": (0, 1)}
SPLITS = {"train": 250, "valid": 50, "test": 100}
STARTS = [(-150, 150), (-75, 75), (-75, -45), (60, 45), (-60, 135), (60, -75)]  # one basin per trajectory


class Restrained(Calculator):
    """GFN2 plus a harmonic restraint of phi and psi, k/2 (angle - target)², differences taken on the circle."""

    implemented_properties = ("energy", "forces")

    def __init__(self, targets):
        super().__init__()
        self.targets, self.gfn2 = targets, teacher()

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        inner = atoms.copy()
        inner.calc = self.gfn2
        energy, forces = inner.get_potential_energy(), inner.get_forces().copy()
        for indices, target in zip((PHI, PSI), self.targets, strict=True):
            difference = np.radians((inner.get_dihedral(*indices) - target + 180) % 360 - 180)
            energy += STIFFNESS / 2 * difference**2
            forces[list(indices)] -= STIFFNESS * difference * dihedral_gradient(inner.positions[list(indices)])
        self.results = {"energy": energy, "forces": forces}


def dihedral_gradient(p):
    """Derivative (4, 3) of the dihedral angle of four points, in rad/Å, with ASE's sign (Blondel & Karplus 1996)."""
    f, g, h = p[0] - p[1], p[1] - p[2], p[3] - p[2]
    a, b, length = np.cross(f, g), np.cross(h, g), np.linalg.norm(g)
    first, last = -length / (a @ a) * a, length / (b @ b) * b
    middle = (f @ g) / (a @ a) / length * a - (h @ g) / (b @ b) / length * b
    return np.array([first, -first + middle, -last - middle, last])


def first_geometry():
    """L-alanine dipeptide from its SMILES string, relaxed with GFN2."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecule = Chem.AddHs(Chem.MolFromSmiles("CC(=O)N[C@@H](C)C(=O)NC"))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    atoms = Atoms([atom.GetAtomicNum() for atom in molecule.GetAtoms()], molecule.GetConformer().GetPositions())
    atoms.calc = teacher()
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=300)
    return atoms


def relaxed(atoms, node):
    """The structure relaxed with phi and psi held at a node of the grid; `info` has the energy that was minimized."""
    atoms = atoms.copy()
    atoms.calc = Restrained(GRID[list(node)])
    BFGS(atoms, logfile=None, maxstep=0.1).run(fmax=0.05, steps=150)
    minimized = atoms.get_potential_energy()
    return Atoms(atoms.numbers, atoms.positions - atoms.get_center_of_mass(), info={"minimized": minimized})


def keep(path, frames):
    """Write frames in one step, so that a run that is killed leaves a whole file; no frames, no file."""
    if frames:
        temporary = path.with_suffix(".tmp.extxyz")
        write(temporary, frames)
        temporary.rename(path)


def walk(name, nodes, structure, deadline):
    """By node its structure(node, done), in the order of the nodes; kept on disk and continued."""
    path = FOLDER / f"{name}.extxyz"
    done = dict(zip(nodes, read(path, ":") if path.exists() else [], strict=False))
    for node in nodes[len(done) :]:
        if deadline.passed():
            keep(path, list(done.values()))
            raise SystemExit("stopped: run again to continue")
        done[node] = structure(node, done)
        if len(done) % 24 == 0:
            keep(path, list(done.values()))
            print(name, len(done), flush=True)
    return done


def first_map(deadline):
    """Every structure from the one before it: along psi, then to the next phi."""
    nodes = list(itertools.product(range(len(GRID)), repeat=2))

    def structure(node, done):
        i, j = node
        return relaxed(done[i, j - 1] if j else done[i - 1, j] if i else first_geometry(), node)

    return walk("first", nodes, structure, deadline)


def swept(before, name, step, deadline):
    """The map in which every structure was relaxed once more from its neighbor a step back, the lower one kept."""

    def structure(node, done):
        back = tuple((k - s) % len(GRID) for k, s in zip(node, step, strict=True))
        again = relaxed(done.get(back, before[back]), node)
        return min(before[node], again, key=lambda atoms: atoms.info["minimized"])

    after = walk(name, sorted(before, key=lambda node: np.dot(node, step)), structure, deadline)
    gains = np.array([before[node].info["minimized"] - after[node].info["minimized"] for node in before])
    print(f"{name}: {(gains > 0.001).sum()} structures lower by more than 1 meV, one by {1000 * gains.max():.0f} meV")
    return after


def grid(deadline):
    """The relaxed map, psi running first."""
    FOLDER.mkdir(exist_ok=True)
    found = first_map(deadline)
    for name, step in SWEEPS.items():
        found = swept(found, name, step, deadline)
    return [found[node] for node in sorted(found)]


def trajectories(structures):
    """All MD frames; made once and kept."""
    path = FOLDER / "md.extxyz"
    if not path.exists():
        frames = []
        for number, (temperature, split) in enumerate(itertools.product((300, 600), SPLITS)):
            phi, psi = STARTS[number]
            start = structures[np.argmin(abs(GRID - phi)) * len(GRID) + np.argmin(abs(GRID - psi))]
            for k, atoms in enumerate(dynamics(start, temperature, SPLITS[split], seed=number)):
                info = dict(split=split, trajectory=number, temperature=float(temperature))
                frames.append(named(atoms, "md", 1000 * number + k, **info))
            print("trajectory", number, temperature, split, flush=True)
        keep(path, frames)
    return read(path, ":")


def jobs(structures):
    yield from (named(atoms, "grid", k, split="test") for k, atoms in enumerate(structures))
    yield from trajectories(structures)


def with_angles(atoms):
    frame = label(atoms)
    frame.info |= {
        "phi": (atoms.get_dihedral(*PHI) + 180) % 360 - 180,
        "psi": (atoms.get_dihedral(*PSI) + 180) % 360 - 180,
    }
    return frame


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=30.0)
    args = parser.parse_args()
    frames, planned = load(PATH), len(GRID) ** 2 + 2 * sum(SPLITS.values())
    if len(frames) < planned:
        deadline = Deadline(args.max_minutes)
        metadata = dict(engine=ENGINE, units="eV, eV/Å, Å, e, degree", description=__doc__, planned=planned)
        frames = label_all(PATH, jobs(grid(deadline)), with_angles, deadline, metadata, save_every=200)
    print(len(frames), "frames; largest force error", finite_difference_check(frames, label, step=0.002), "eV/Å")


if __name__ == "__main__":
    main()
