"""Label a few shipped frames again and print how far the shipped labels are off; also compares forces with differences.

Run:  python remake.py <set> [--frames 3] [--seed 0] [--differences]
"""

import argparse
import importlib

import numpy as np
from labeling import OUTPUT, WORK, finite_difference_check, frames_from_npz


def label_of(name):
    """The function Atoms -> labelled Atoms of a set; engines are imported only when they are needed."""
    if name.startswith("ammonia"):
        basis = "cc-pvdz" if name == "ammonia_cc_pvdz" else "aug-cc-pvdz"
        return lambda atoms: importlib.import_module("ammonia").label(atoms, basis)
    if name == "ethanol":
        return importlib.import_module("ethanol").label
    if name in ("silicon", "silicon_vacancy", "h2_si100"):
        module = importlib.import_module("h2_si100" if name == "h2_si100" else "silicon_labels")
        return importlib.import_module("pwscf").pwscf_label(module.SETTINGS, WORK / "remake")
    return importlib.import_module("gfn2").label


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=float, default=0.01, help="of the central differences, Å")
    parser.add_argument("--differences", action="store_true", help="also compare one force per frame with differences")
    args = parser.parse_args()
    frames, label = frames_from_npz(OUTPUT / f"{args.name}.npz"), label_of(args.name)
    chosen = np.random.default_rng(args.seed).choice(len(frames), args.frames, replace=False)
    for frame in (frames[k] for k in chosen):
        again = label(frame)
        energy = 1e3 * (frame.get_potential_energy() - again.get_potential_energy())
        forces = np.abs(frame.get_forces() - again.get_forces()).max()
        print(f"{frame.info['id']}: energy off by {energy:.4f} meV, forces by at most {forces:.6f} eV/Å", flush=True)
    if args.differences:
        worst = finite_difference_check([frames[k] for k in chosen], label, args.frames, args.step)
        print(f"largest difference from central differences {worst:.5f} eV/Å")


if __name__ == "__main__":
    main()
