"""H2 on Si(100)-2x1 in twelve dimensions, in the spirit of Blank et al., J. Chem. Phys. 103, 4129 (1995).

Level of theory: Quantum ESPRESSO pw.x, LDA (Perdew-Zunger), Si.pz-vbc + H.pz-vbc norm-conserving, 20 Ry, 2x4x1 shifted
k-points, Fermi-Dirac smearing 0.005 Ry, spin-restricted.  Slab: four Si layers, one surface dimer, H-saturated bottom,
a = 5.40 A, 14 A period along z.  The top two layers of the clean slab are relaxed once (buckled dimer); after that only
12 coordinates vary: the two H atoms and the two dimer atoms.  Everything else is frozen.

Groups (info["group"]): `reference` H2 far away; `path` all images of a nudged elastic band from H2 in the gas to the
monohydride; `elbow` 2-D grid, height x bond length, H2 parallel to and above the dimer; `near_path` path images with
noise; `random` H2 centre, bond length and orientation uniform, dimer tilted and shaken at random.

Run:  python h2_si100.py --max-minutes 40       needs pw.x on PATH and ESPRESSO_PSEUDO; repeat to continue.
"""

import argparse
import itertools

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.io import read, write
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from labeling import HERE, WORK, Deadline, Recorder, finite_difference_check, label_all
from pwscf import pwscf, pwscf_label, pwscf_version

PATH, FOLDER = WORK / "h2_si100.extxyz", WORK / "h2_si100"
GEOMETRIES = HERE / "h2_si100"  # relaxed slab, monohydride and band: kept, because every frame starts from them
LATTICE, SURFACE_PERIOD, HEIGHT = 5.40, 5.40 / np.sqrt(2), 14.0
SETTINGS = dict(
    ecutwfc=20,
    degauss=0.005,
    conv_thr=1e-6,
    mixing_beta=0.6,
    k_points="K_POINTS automatic\n2 4 1 1 1 0",
    pseudopotentials={"Si": "Si.pz-vbc.UPF", "H": "H.pz-vbc.UPF"},
)
DIMER, H2 = [6, 7], [12, 13]  # indices; 0..5 deeper Si, 8..11 saturating H


def clean_slab():
    """Unrelaxed H-saturated slab with a tilted dimer along x."""
    offsets, d = [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 0)], SURFACE_PERIOD
    silicon = [
        ((i + offsets[layer][0]) * d, offsets[layer][1] * d, layer * LATTICE / 4) for layer in range(4) for i in (0, 1)
    ]
    slab = Atoms("Si8", silicon, cell=[2 * d, d, HEIGHT], pbc=True)
    for k in (0, 1):
        for side in (1, -1):  # two dangling bonds below each bottom atom, in the xz plane
            slab += Atoms("H", [slab.positions[k] + 1.49 * np.array([side * np.sin(0.955), 0, -np.cos(0.955)])])
    middle = slab.positions[DIMER].mean(0)
    slab.positions[DIMER] = middle + np.array([[-1.15, 0, -0.05], [1.15, 0, -0.55]])
    slab.positions[:, 2] += 1.4
    return slab


def relaxed(atoms, name, fixed):
    """Relax once with pw.x and keep the result on disk."""
    path = GEOMETRIES / f"{name}.xyz"
    if not path.exists():
        GEOMETRIES.mkdir(exist_ok=True)
        frames = pwscf(atoms, SETTINGS, FOLDER, calculation="relax", fixed=fixed)
        atoms.positions = frames[-1].positions
        write(path, atoms)
    return read(path)


def with_hydrogen(slab, centre, bond, direction):
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    pair = np.array([centre - direction * bond / 2, centre + direction * bond / 2])
    return slab + Atoms("H2", pair)


def named(atoms, group, number):
    atoms.info = {"id": f"{group}-{number:04d}", "group": group, "trajectory": -1}
    atoms.positions = atoms.positions.astype(np.float32)  # labelled as they ship
    atoms.constraints = []
    return atoms


def metadata():
    """What stands beside the frames; asks pw.x for its version."""
    return dict(
        engine=pwscf_version(),
        functional="LDA (PZ), spin-restricted",
        lattice_A=LATTICE,
        units="eV, eV/A, A",
        moving_atoms="6, 7 (dimer Si) and 12, 13 (H2)",
        **SETTINGS,
    )


def elastic_band(gas, product, label, deadline, n_images=5):
    """Images of a nudged elastic band; every evaluation becomes a `path` frame."""
    path = GEOMETRIES / "band.xyz"
    if not path.exists():
        images = [gas.copy() for _ in range(n_images + 1)] + [product.copy()]
        for image in images:
            image.set_constraint(FixAtoms([i for i in range(len(gas)) if i not in DIMER + H2]))
            image.calc = Recorder(label, PATH, metadata(), deadline, lambda k: {"id": f"path-{k:04d}", "group": "path"})
        band = NEB(images, k=0.3, method="improvedtangent")
        band.interpolate("idpp")
        FIRE(band, logfile=None, maxstep=0.1).run(steps=12)
        BFGS(band, logfile="-", maxstep=0.15).run(fmax=0.15, steps=15)
        write(path, [i.copy() for i in images])
    return read(path, ":")


def tilted(slab, tilt):
    """Slab whose dimer is tilted: +1 the relaxed buckling, 0 level, -1 mirrored."""
    slab, middle = slab.copy(), slab.positions[DIMER].mean(0)
    half = (slab.positions[7] - slab.positions[6]) / 2 * [1, 1, tilt]
    slab.positions[DIMER] = [middle - half, middle + half]
    return slab


def allowed(atoms):
    distances = atoms.get_all_distances(mic=True) + 9 * np.eye(len(atoms))
    return distances[12, 13] > 0.55 and distances[12:, :12].min() > 1.2


def random_geometry(slab, rng):
    middle = slab.positions[DIMER].mean(0)
    shift = rng.uniform([-2.4, -SURFACE_PERIOD / 2, 0.6], [2.4, SURFACE_PERIOD / 2, 3.8])
    atoms = with_hydrogen(
        tilted(slab, rng.uniform(-1.2, 1.2)), middle + shift, rng.uniform(0.62, 2.0), rng.normal(size=3)
    )
    atoms.positions[DIMER] += rng.normal(0, 0.08, (2, 3))
    return atoms


def near_path_geometry(band, rng):
    i, t, noise = rng.integers(len(band) - 1), rng.uniform(), np.array([0.07, 0.07, 0.12, 0.12])[:, None]
    atoms = band[i].copy()
    atoms.positions += t * (band[i + 1].positions - band[i].positions)
    atoms.positions[DIMER + H2] += rng.normal(size=(4, 3)) * noise
    return atoms


def sampled_jobs(slab, band, n_random, seed):
    """Elbow grid first, then random and near-path geometries alternating."""
    rng, middle = np.random.default_rng(seed), slab.positions[DIMER].mean(0)
    grid = itertools.product(np.linspace(1.6, 3.6, 6), [0.65, 0.75, 0.85, 1.0, 1.25, 1.6, 2.1])
    for k, (z, bond) in enumerate(grid):
        yield named(with_hydrogen(slab, middle + [0, 0, z], bond, [1, 0, 0]), "elbow", k)
    for k in range(n_random):
        for group, make in (
            ("random", lambda: random_geometry(slab, rng)),
            ("near_path", lambda: near_path_geometry(band, rng)),
        ):
            while not allowed(atoms := make()):
                pass
            yield named(atoms, group, k)


def labeler(_):
    """The function that labels a frame of this set."""
    return pwscf_label(SETTINGS, WORK / "remake")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=40.0)
    parser.add_argument("--n-random", type=int, default=300, help="random frames, and as many near-path frames")
    parser.add_argument("--check", action="store_true", help="finite-difference force check on three frames")
    args = parser.parse_args()
    deadline, label = Deadline(args.max_minutes), pwscf_label(SETTINGS, FOLDER)
    slab = relaxed(clean_slab(), "clean", fixed=[0, 1, 2, 3, 8, 9, 10, 11])
    middle = slab.positions[DIMER].mean(0)
    gas = with_hydrogen(slab, middle + [0, 0, 3.6], 0.79, [1, 0, 0])
    start = slab.positions[DIMER] + [[-0.4, 0, 1.45], [0.4, 0, 1.45]]
    product = relaxed(slab + Atoms("H2", start), "monohydride", fixed=list(range(6)) + [8, 9, 10, 11])
    label_all(
        PATH, [named(gas.copy(), "reference", 0), named(product.copy(), "reference", 1)], label, deadline, metadata()
    )
    band = elastic_band(gas, product, label, deadline)
    frames = label_all(PATH, sampled_jobs(slab, band, args.n_random, seed=1), label, deadline, metadata())
    if args.check:
        print("largest force error", finite_difference_check(frames, label), "eV/A")


if __name__ == "__main__":
    main()
