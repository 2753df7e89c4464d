"""Ethanol as different samplers see it, labelled by GFN2-xTB: what lesson 17 compares at equal numbers of labels.

Level: GFN2-xTB (tblite), semi-empirical: a teacher for exercises. All geometries come from `mininnip.sampling`.

Groups, of 200 training, 40 validation and 60 test frames each: `consecutive` dynamics at constant energy, settled at
300 K, every step of 1 fs (ab initio dynamics as its bill is written: one label a step; no test frames); `metadynamics`
at 300 K along both torsions, a hill every 10 fs and a frame every 20 fs; `modes` and `modes_hot` canonical normal-mode
sampling at 300 and 1000 K around the GFN2 minimum; `rattling` and `rattling_hot` with 0.03 and 0.05 Å, about the
harmonic energies of modes at these temperatures. A trajectory belongs to one split; draws are independent. `scan`
(test): both rotors turned rigidly, the hydroxyl in steps of 15, the methyl of 30 degrees. Dynamics with a frame every
20 fs is in ethanol_gfn2.

Run:  python ethanol_sampling.py --max-minutes 20        repeat to continue; needs mininnip beside tblite
      python pack.py ethanol_sampling
"""

import argparse

import numpy as np
from ase.build import molecule
from ase.io import read, write
from ase.optimize import BFGS
from gfn2 import ENGINE, named, teacher
from labeling import WORK, Deadline, attach, finite_difference_check, label_all

from mininnip import sampling

PATH, GEOMETRIES = WORK / "ethanol_sampling.extxyz", WORK / "ethanol_sampling_geometries.extxyz"
SPLITS = {"train": 200, "valid": 40, "test": 60}
HYDROXYL, METHYL = (0, 1, 2, 3), (2, 1, 0, 6)  # C-C-O-H and O-C-C-H
TURNS = {HYDROXYL: [3], METHYL: [6, 7, 8]}  # atoms that turn rigidly; checked against the bond lengths
DRAWS = {"modes": 300.0, "modes_hot": 1000.0, "rattling": 0.03, "rattling_hot": 0.05}  # K and Å
BATH = {"time_step": 1.0, "friction": 0.01}


def labeler(_):
    """The function that labels a frame of this set."""
    return label


def label(atoms):
    cheap = atoms.copy()
    cheap.calc = teacher()
    return attach(atoms, cheap.get_potential_energy(), cheap.get_forces())


def minimum():
    atoms = molecule("CH3CH2OH")
    atoms.calc = teacher()
    BFGS(atoms, logfile=None).run(fmax=1e-3)
    bonds = [atoms.get_distance(*pair) for pair in ((0, 1), (1, 2), (2, 3), (0, 6), (0, 7), (0, 8))]
    assert np.allclose(bonds, (1.52, 1.42, 0.96, 1.09, 1.09, 1.09), atol=0.04), bonds
    return atoms


def hessian(atoms, step=0.005):
    """Second derivatives (27, 27) in eV/Å² by central differences of forces."""
    rows, moved = [], atoms.copy()
    moved.calc = teacher()
    for k in range(3 * len(atoms)):
        forces = []
        for sign in (1, -1):
            moved.positions = atoms.positions
            moved.positions.flat[k] += sign * step
            forces.append(moved.get_forces().ravel())
        rows.append((forces[1] - forces[0]) / (2 * step))
    return (np.array(rows) + np.array(rows).T) / 2


def trajectories(start):
    """Frames of the two kinds of dynamics, one run per split, the first picosecond dropped."""
    for number, (split, n) in enumerate(SPLITS.items()):
        info = dict(split=split, temperature=300.0)
        if split != "test":
            settled = next(iter(sampling.molecular_dynamics(start, 300, 1, 1000, seed=10 + number, **BATH)))
            settled.calc = teacher()
            run = sampling.molecular_dynamics(settled, None, n, 1, friction=None, seed=10 + number)
            for k, atoms in enumerate(run):
                yield named(atoms, "consecutive", 1000 * number + k, **info, trajectory=number)
        hills = sampling.Hills(height=0.03, width=0.35, bias_factor=10, period=2 * np.pi)
        variables = sampling.torsions([HYDROXYL, METHYL])
        run = sampling.metadynamics(start, variables, 300, 2 * n, hills, steps_per_frame=10, seed=20 + number, **BATH)
        for k, atoms in enumerate(sampling.collect(run, every=2, progress=False)):
            yield named(atoms, "metadynamics", 1000 * number + k, **info, trajectory=10 + number)
        print("trajectories", split, flush=True)


def draws(start):
    """Independent frames; splits by number."""
    matrix, splits = hessian(start), np.repeat(list(SPLITS), list(SPLITS.values()))
    for seed, (group, strength) in enumerate(DRAWS.items()):
        if group.startswith("modes"):
            found = sampling.normal_mode_sampling(start, matrix, strength, len(splits), seed=seed)
            info = {"temperature": strength}
        else:
            found, info = sampling.rattling(start, strength, len(splits), seed=seed), {}
        for k, atoms in enumerate(found):
            yield named(atoms, group, k, split=str(splits[k]), **info)


def scan(start):
    for k, (hydroxyl, methyl) in enumerate(np.ndindex(24, 4)):
        atoms = start.copy()
        for quartet, angle in ((HYDROXYL, 15 * hydroxyl), (METHYL, 30 * methyl)):
            atoms.rotate_dihedral(*quartet, angle, indices=TURNS[quartet])
        yield named(atoms, "scan", k, split="test")


def geometries():
    """All frames without labels; made once and kept."""
    if not GEOMETRIES.exists():
        start = minimum()
        frames = [*trajectories(start), *draws(start), *scan(start)]
        temporary = GEOMETRIES.with_suffix(".tmp.extxyz")
        write(temporary, frames)
        temporary.rename(GEOMETRIES)
    return read(GEOMETRIES, ":")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=20.0)
    args = parser.parse_args()
    planned = geometries()
    metadata = dict(engine=ENGINE, units="eV, eV/Å, Å", description=__doc__, planned=len(planned))
    frames = label_all(PATH, planned, label, Deadline(args.max_minutes), metadata, save_every=200)
    print(len(frames), "frames; largest force error", finite_difference_check(frames, label, step=0.002), "eV/Å")


if __name__ == "__main__":
    main()
