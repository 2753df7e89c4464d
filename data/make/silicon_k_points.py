"""The label noise of the silicon set: 20 of its frames labelled again on a 2x2x2 grid of k-points, all else equal.

The shipped labels use the Γ point alone. The difference is an error of the labels that no model can or should learn:
an honest test error below it means nothing. Energies shift almost rigidly, so the spread of the difference counts,
not its mean.

Run:  python silicon_k_points.py --max-minutes 120      minutes per frame; repeat to continue.
Then `python pack.py silicon_k_points`: the denser labels are its energy and forces, the shipped ones energy_gamma and
forces_gamma. A frame stays in the split it has in silicon.
"""

import argparse
import itertools

import numpy as np
from labeling import OUTPUT, WORK, Deadline, frames_from_npz, label_all
from pwscf import pwscf_label, pwscf_version
from silicon_labels import SETTINGS

PATH = WORK / "silicon_k_points.extxyz"
DENSE = SETTINGS | {"k_points": "K_POINTS automatic\n2 2 2 1 1 1"}


def jobs(n_frames=20, seed=0):
    """Frames of the shipped set: always two of the melt in production, from both runs in turn, then one other frame."""
    frames = frames_from_npz(OUTPUT / "silicon.npz")
    frames = [f for f in frames if f.info["group"] != "melt" or f.info["step"] >= 160]
    rng = np.random.default_rng(seed)
    queues = {key: [] for key in sorted({(f.info["group"], f.info["split"]) for f in frames})}
    for frame in frames:
        queues[frame.info["group"], frame.info["split"]].append(frame)
    melts = itertools.cycle([queue for (group, _), queue in queues.items() if group == "melt"])
    others = itertools.cycle([queue for (group, _), queue in queues.items() if group != "melt"])
    for k in range(n_frames):
        queue = next(others if k % 3 == 2 and len(queues) > 2 else melts)
        frame = queue.pop(rng.integers(len(queue)))
        bare = frame.copy()
        bare.calc = None
        bare.arrays = {key: bare.arrays[key] for key in ("numbers", "positions")} | {"forces_gamma": frame.get_forces()}
        bare.info = {key: frame.info[key] for key in ("id", "group", "trajectory", "split")}
        bare.info["energy_gamma"] = frame.get_potential_energy()
        yield bare


def labeler(_):
    """The function that labels a frame of this set."""
    return pwscf_label(DENSE, WORK / "remake")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=120.0)
    args = parser.parse_args()
    planned = list(jobs())
    metadata = dict(engine=pwscf_version(), functional="LDA (PZ)", units="eV, eV/Å, Å", planned=len(planned), **DENSE)
    deadline = Deadline(args.max_minutes)
    frames = label_all(PATH, planned, pwscf_label(DENSE, WORK / "silicon_k_points"), deadline, metadata, save_every=1)
    if frames:
        forces = np.concatenate([f.get_forces() - f.arrays["forces_gamma"] for f in frames])
        shift = np.array([f.get_potential_energy() - f.info["energy_gamma"] for f in frames]) / 64
        print(
            f"{len(frames)} frames: forces {np.sqrt((forces**2).mean()):.3f} eV/Å rms, "
            f"at most {np.abs(forces).max():.2f}; energy {1e3 * shift.mean():.1f} +- {1e3 * shift.std():.1f} meV/atom"
        )


if __name__ == "__main__":
    main()
