"""Water clusters with GFN2-xTB charges and dipole moments, for the lesson on long-range forces.

Level: GFN2-xTB (tblite), semi-empirical: a teacher for exercises. Labels: energy, forces, Mulliken `charges`, dipole
moment `dipole_x/y/z` (e Å), and for dimers the distance of the two oxygen atoms, `oxygen_distance`.

Groups: `pair` two molecules of random orientation and thermal distortion, oxygen atoms 2.5 to 12 Å apart; `scan` the
relaxed dimer pulled apart along the line of its oxygen atoms, 2.5 to 12 Å, in three orientations; `md` Langevin
dynamics of one, three and four molecules at 150 and 300 K (0.5 fs, a frame every 20 fs after 1 ps), one trajectory
per cluster, temperature and split.

Run:  python water_clusters.py --max-minutes 15      repeat to continue.
"""

import argparse
import itertools

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.io import read, write
from ase.optimize import BFGS
from gfn2 import ENGINE, dynamics, label, named, teacher
from labeling import WORK, Deadline, Unconverged, finite_difference_check, label_all
from scipy.spatial.transform import Rotation

FOLDER = WORK / "water_clusters"
SPLITS = {"train": 60, "valid": 15, "test": 30}
N_PAIRS, SHORTEST, LONGEST, CLOSEST = 600, 2.5, 12.0, 1.5  # pairs; O-O distances; atoms of two molecules at least (Å)
WORDS = {1: "monomer", 2: "dimer", 3: "trimer", 4: "tetramer"}


def relaxed(atoms):
    atoms = atoms.copy()
    atoms.calc = teacher()
    if not BFGS(atoms, logfile=None, maxstep=0.1).run(fmax=0.005, steps=500):
        raise Unconverged("relaxation of a cluster")
    return Atoms(atoms.numbers, atoms.positions - atoms.get_center_of_mass())


def ring(n):
    """n molecules on a circle, each with one O-H bond towards the next, relaxed."""
    cluster = Atoms()
    radius = 2.8 / (2 * np.sin(np.pi / n)) if n > 1 else 0.0  # oxygen atoms 2.8 Å apart
    for k in range(n):
        angle = 2 * np.pi * k / n
        one = molecule("H2O")
        one.positions -= one.positions[0]
        forward = np.array([-np.sin(angle + np.pi / n), np.cos(angle + np.pi / n), 0.0])
        up = np.array([0.0, 0.0, 1.0 if k % 2 else -1.0])
        bond, other = one.positions[1], one.positions[2]
        turn, _ = Rotation.align_vectors(
            [forward, up], [bond / np.linalg.norm(bond), other / np.linalg.norm(other)], weights=[10, 1]
        )
        one.positions = turn.apply(one.positions) + radius * np.array([np.cos(angle), np.sin(angle), 0])
        cluster += one
    return relaxed(cluster)


def hydrogen_bonded_dimer():
    """Donor with one O-H bond towards the oxygen atom of the acceptor, relaxed."""
    donor, acceptor = molecule("H2O"), molecule("H2O")
    donor.positions -= donor.positions[0]
    bond = donor.positions[1] / np.linalg.norm(donor.positions[1])
    donor.positions = Rotation.align_vectors([[1, 0, 0]], [bond])[0].apply(donor.positions)
    acceptor.positions -= acceptor.positions[0]
    away = acceptor.positions[1:].sum(0) / np.linalg.norm(acceptor.positions[1:].sum(0))
    acceptor.positions = Rotation.align_vectors([[0.8, 0.0, 0.6]], [away])[0].apply(acceptor.positions) + [2.9, 0, 0]
    return relaxed(donor + acceptor)


def pairs(rng, thermal):
    """Random dimers built from thermally distorted molecules."""
    number = 0
    while number < N_PAIRS:
        molecules = []
        for _ in range(2):
            one = thermal[rng.integers(len(thermal))].copy()
            one.positions = Rotation.random(random_state=rng).apply(one.positions - one.positions[0])
            molecules.append(one)
        molecules[1].positions += [rng.uniform(SHORTEST, LONGEST), 0, 0]
        atoms = molecules[0] + molecules[1]
        if atoms.get_all_distances()[:3, 3:].min() > CLOSEST:
            yield named(atoms, "pair", number, split="valid" if number % 6 == 5 else "train")
            number += 1


def scans(dimer):
    """The relaxed dimer pulled apart: as it is, second molecule turned by 90 and by 180 degrees about the O-O line."""
    oxygens = np.flatnonzero(dimer.numbers == 8)
    axis = dimer.positions[oxygens[1]] - dimer.positions[oxygens[0]]
    axis /= np.linalg.norm(axis)
    number = itertools.count()
    for turn, distance in itertools.product((0, 90, 180), np.linspace(SHORTEST, LONGEST, 39)):
        atoms = dimer.copy()
        second = atoms.positions[3:] - atoms.positions[oxygens[1]]
        second = Rotation.from_rotvec(np.radians(turn) * axis).apply(second)
        atoms.positions[3:] = atoms.positions[oxygens[0]] + distance * axis + second
        yield named(atoms, "scan", next(number), split="test", angle=float(turn))


def frames_of(n):
    """All bare frames of clusters with n molecules; made once and kept."""
    path = FOLDER / f"{WORDS[n]}.extxyz"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        frames = []
        if n == 2:
            thermal = [atoms for atoms in frames_of(1) if atoms.info["temperature"] == 300]
            frames = [*pairs(np.random.default_rng(2), thermal), *scans(hydrogen_bonded_dimer())]
        else:
            start = ring(n)
            for number, (temperature, split) in enumerate(itertools.product((150, 300), SPLITS)):
                info = dict(split=split, trajectory=100 * n + number, temperature=float(temperature))
                for k, atoms in enumerate(dynamics(start, temperature, SPLITS[split], seed=100 * n + number)):
                    frames.append(named(atoms, f"md{n}", 1000 * number + k, **info))
                    frames[-1].info["group"] = "md"
        write(path, frames)
    return read(path, ":")


def label_cluster(atoms):
    frame = label(atoms)
    if len(atoms) == 6:
        frame.info["oxygen_distance"] = float(atoms.get_distance(*np.flatnonzero(atoms.numbers == 8)))
    return frame


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=15.0)
    args = parser.parse_args()
    deadline = Deadline(args.max_minutes)
    for n, word in WORDS.items():
        planned = frames_of(n)
        metadata = dict(engine=ENGINE, units="eV, eV/Å, Å, e", description=__doc__, planned=len(planned))
        frames = label_all(WORK / f"water_{word}.extxyz", planned, label_cluster, deadline, metadata, save_every=200)
        print(
            word, len(frames), "frames; largest force error", finite_difference_check(frames, label, step=0.002), "eV/Å"
        )


if __name__ == "__main__":
    main()
