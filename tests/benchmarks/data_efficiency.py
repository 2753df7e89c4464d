"""Four models, the same frames, the same time: what symmetry is worth in data. Lesson 15 draws the result.

    python tests/benchmarks/data_efficiency.py            repeat to continue: finished trainings are kept
    python tests/benchmarks/data_efficiency.py --choose   how fast each model learns, and at which rate best
    python tests/benchmarks/data_efficiency.py --table    the table

Ethanol of the course, frames of trajectories at 300, 500 and 1000 K. A seed draws the training frames (200 contain the
50, and so on), one validation frame to five of them, and the weights. Every training is given BUDGET seconds of
one processor core, whatever the model and however many frames: as many epochs as fit. Errors are those of all test
trajectories. SchNet, PaiNN and NequIP have three layers, PaiNN and NequIP eight Bessel functions; Behler and
Parrinello's network the symmetry functions of lesson 8. Learning rates come from
validation frames: here the best of three for the first two, for PaiNN and NequIP those of LEARNED.md.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is loaded

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mininnip as mn
from mininnip.data.sets import Dataset

RESULTS = Path(__file__).resolve().parents[2] / "course" / "figures" / "data_efficiency.jsonl"
SIZES, SEEDS, BUDGET = (50, 200, 100), (0, 1, 2), 20.0  # the ends of the curve first
RATES = (1e-2, 5e-3, 2.5e-3)
SHARED: dict[str, Any] = {"batch_size": 5, "energy_weight": 0.05, "force_weight": 1.0, "progress": False}
CHOSEN: dict[str, tuple[float, float]] = {  # learning rate; ms that one frame takes in one epoch, by --choose
    "Behler–Parrinello": (5e-3, 1.2),
    "SchNet": (1e-2, 3.0),
    "PaiNN": (1e-2, 5.5),
    "NequIP": (5e-3, 8.0),
}


def model_of(name: str) -> Any:
    if name == "SchNet":
        return mn.neural.SchNet(n_features=64)
    if name == "PaiNN":
        return mn.neural.PaiNN(n_features=64, n_basis=8)
    if name == "NequIP":
        return mn.neural.NequIP(n_features=16, n_layers=3, l_max=2)
    near = [(8.0, r_s) for r_s in (0.9, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5)]
    wedges = [(0.05, zeta, sign) for zeta in (1, 4, 16) for sign in (1, -1)]
    functions = mn.descriptors.SymmetryFunctions((1, 6, 8), cutoff=5.0, g2=near, g5=wedges, angular_cutoff=4.0)
    return mn.neural.BehlerParrinello(functions, (40, 40)).float()


def trajectories() -> Dataset:
    """All frames of dynamics."""
    data = mn.load_data("ethanol")
    assert isinstance(data, Dataset)
    return data.where(group="md")


def frames(n_frames: int, seed: int) -> tuple[Dataset, Dataset]:
    """Training frames of this seed, and a fifth as many for validation."""
    data = trajectories()
    known, choose = data.part("train"), data.part("valid")
    draw = np.random.default_rng(seed)
    order, order_choose = draw.permutation(len(known)), draw.permutation(len(choose))
    return known[order[:n_frames]], choose[order_choose[: n_frames // 5]]


def trained(name: str, n_frames: int, seed: int, rate: float, epochs: int) -> tuple[mn.Potential, Any, float]:
    """The potential, its history, and the processor time that the training took."""
    train, valid = frames(n_frames, seed)
    torch.manual_seed(seed)
    potential, begin = mn.Potential(model_of(name)), time.process_time()
    history = mn.train(potential, train, valid, epochs=epochs, learning_rate=rate, seed=seed, **SHARED)
    return potential, history, time.process_time() - begin


def choose() -> None:
    """For each model: time of a frame in an epoch; then the best validation error of each rate, in half the budget."""
    for name in CHOSEN:
        rounds = [trained(name, 50, 9, 1e-3, 6)[2] - trained(name, 50, 9, 1e-3, 1)[2] for _ in range(3)]
        cost = float(np.median(rounds)) / 5 / 50
        epochs = round(BUDGET / 2 / 200 / cost)
        print(f"{name}: {1e3 * cost:.2f} ms, {epochs} epochs of 200 frames", flush=True)
        for rate in RATES:
            _, history, seconds = trained(name, 200, seed=9, rate=rate, epochs=epochs)
            best = min(entry["force_rmse"] for entry in history.epochs)
            print(f"    rate {rate}: {best:.1f} meV/Å (RMSE, validation) in {seconds:.0f} s", flush=True)


def run(name: str, n_frames: int, seed: int) -> dict[str, Any]:
    """One training, and its errors on the test trajectories in meV and meV/Å."""
    rate, milliseconds = CHOSEN[name]
    epochs = round(BUDGET / (1e-3 * milliseconds * n_frames))
    potential, _, seconds = trained(name, n_frames, seed, rate, epochs)
    errors = mn.evaluate(potential, trajectories().part("test"))
    entry: dict[str, Any] = {"model": name, "frames": n_frames, "seed": seed, "epochs": epochs}
    return entry | {"seconds": round(seconds, 1), "energy": errors.energy_mae, "forces": errors.forces_mae}


def table(entries: list[dict[str, Any]]) -> str:
    """Mean error of forces over seeds, lowest and highest, as Markdown."""
    rows = ["| model | frames | seeds | seconds | energy (meV) | forces (meV/Å) |", f"|---|{'---:|' * 5}"]
    for name in CHOSEN:
        for n_frames in sorted(SIZES):
            found = [entry for entry in entries if (entry["model"], entry["frames"]) == (name, n_frames)]
            if not found:
                continue
            seconds, energy, forces = (
                np.array([entry[key] for entry in found]) for key in ("seconds", "energy", "forces")
            )
            cells = [name, n_frames, len(found), f"{seconds.mean():.0f}", f"{energy.mean():.1f}"]
            cells += [f"{forces.mean():.1f} ({forces.min():.1f} to {forces.max():.1f})"]
            rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--table", action="store_true", help="print the table and train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.choose:
        choose()
        return
    entries = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done = {(entry["model"], entry["frames"], entry["seed"]) for entry in entries}
    for key in itertools.product(SIZES, SEEDS, CHOSEN) if not arguments.table else ():
        n_frames, seed, name = key
        if (name, n_frames, seed) not in done:
            entries.append(run(name, n_frames, seed))
            with RESULTS.open("a") as file:
                file.write(json.dumps(entries[-1], ensure_ascii=False) + "\n")
    print(table(entries))


if __name__ == "__main__":
    main()
