"""Train SchNet and PaiNN on ethanol of revised MD17 with 50 and with 950 frames, on one core; print what they reach.

    python tests/benchmarks/rmd17.py painn 50            (one of them; minutes to hours, see RUNS)
    python tests/benchmarks/rmd17.py painn 50 --seed 1
    python tests/benchmarks/rmd17.py                     (no training: the table of what was reached)

The data are not shipped: rmd17_ethanol/ lies in the folder that MININNIP_PUBLIC_DATA names, else in shared/public-data
beside the project (a random draw of 1000 + 1000 frames; the published splits are others). Frames for training and
validation are drawn from train.xyz, errors are those of all 1000 frames of test_MD.xyz. Interrupted at any time, the
same command goes on from the last epoch; checkpoints and results lie in build/rmd17.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is loaded

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.training import training_epochs

PROJECT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MININNIP_PUBLIC_DATA") or PROJECT.parent / "shared" / "public-data") / "rmd17_ethanol"
WORK = PROJECT / "build" / "rmd17"
N_VALID = {50: 25, 950: 50}  # frames beside the training frames that choose the best epoch
SHARED: dict[str, Any] = {"batch_size": 5, "energy_weight": 0.05, "force_weight": 1.0, "ema_decay": 0.99}
RUNS: dict[tuple[str, int], dict[str, Any]] = {
    ("schnet", 50): {"epochs": 700, "learning_rate": 5e-3},
    ("painn", 50): {"epochs": 700, "learning_rate": 5e-3},
    ("schnet", 950): {"epochs": 300, "learning_rate": 5e-3},
    ("painn", 950): {"epochs": 300, "learning_rate": 5e-3},
}


def model_of(name: str):
    return mn.neural.SchNet(n_features=64) if name == "schnet" else mn.neural.PaiNN(n_features=64)


def frames() -> tuple[Dataset, Dataset]:
    known, test = mn.read(DATA / "train.xyz"), mn.read(DATA / "test_MD.xyz")
    assert isinstance(known, Dataset)
    assert isinstance(test, Dataset)
    return known, test


def run(name: str, n_frames: int, seed: int) -> None:
    """Train, or go on training, and write down the errors on the test frames."""
    torch.set_num_threads(1)
    known, test = frames()
    train, valid, _ = known.split(n_frames, N_VALID[n_frames], 0, seed=seed)
    torch.manual_seed(seed)
    potential, title = mn.Potential(model_of(name)), f"{name}_{n_frames}_{seed}"
    WORK.mkdir(parents=True, exist_ok=True)
    clock = WORK / f"{title}.seconds"
    before = float(clock.read_text()) if clock.exists() else 0.0
    start, checkpoint = time.process_time(), WORK / f"{title}.checkpoint"
    settings: dict[str, Any] = {**SHARED, **RUNS[name, n_frames], "seed": seed}
    history = None
    for history in training_epochs(potential, train, valid, checkpoint=checkpoint, **settings):
        clock.write_text(str(before + time.process_time() - start))
        if len(history.epochs) % 50 == 0:
            print(f"{title}: {history.best['epoch']:.0f} of {len(history.epochs)}: {history!r}", flush=True)
    errors = mn.evaluate(potential, test)
    mn.save(potential, WORK / f"{title}.safetensors")
    n_weights = sum(weight.numel() for weight in potential.parameters())
    row = {
        "model": name,
        "frames": n_frames,
        "seed": seed,
        "weights": n_weights,
        "minutes": float(clock.read_text()) / 60,
    }
    row |= {"energy": errors.energy_mae, "forces": errors.forces_mae}
    (WORK / f"{title}.json").write_text(json.dumps(row))


def table() -> str:
    """What was reached: mean absolute errors on 1000 test frames."""
    lines = [
        "| model | frames | seed | weights | core minutes | energy, meV | forces, meV/Å |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for file in sorted(WORK.glob("*.json")):
        row = json.loads(file.read_text())
        lines.append(
            f"| {row['model']} | {row['frames']} | {row['seed']} | {row['weights']} | {row['minutes']:.1f} "
            f"| {row['energy']:.1f} | {row['forces']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", choices=("schnet", "painn"))
    parser.add_argument("frames", nargs="?", type=int, choices=sorted(N_VALID))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.model:
        run(asked.model, asked.frames, asked.seed)
    print(table())
