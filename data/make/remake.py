"""Label a few shipped frames again and print how far the shipped labels are off; also compares forces with differences.

Run:  python remake.py <file> [--frames 3] [--seed 0] [--differences]
"""

import argparse

import numpy as np
from labeling import OUTPUT, finite_difference_check, frames_from_npz
from registry import label_of


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of a file, e.g. ethanol or water_dimer")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--step", type=float, default=0.01, help="of the central differences, Å")
    parser.add_argument("--differences", action="store_true", help="also compare one force per frame with differences")
    args = parser.parse_args()
    label = label_of(args.name)
    frames = frames_from_npz(OUTPUT / f"{args.name}.npz")
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
