"""Nine ways to spend 200 labels on ethanol, tested on the same nine kinds of frames: the comparison of lesson 17.

    python tests/benchmarks/ethanol_samplers.py --seeds 5            repeat to continue: finished trainings are kept
    python tests/benchmarks/ethanol_samplers.py --splits             how a trajectory is split, beside it
    python tests/benchmarks/ethanol_samplers.py --table              the table

For each sampler the same SchNet learns 200 frames for 60 epochs, chosen by 40 further frames of that sampler; seeds
differ in the first weights and in the order of the frames. Data: ethanol_gfn2 (dynamics, a frame every 20 fs) and
ethanol_sampling. Labels are all GFN2. No setting was tried out on these comparisons; before the hypotheses were written
one training had been seen, dynamics at 300 K (20 epochs) and its errors on dynamics at 300, 500 and 1000 K.

Hypotheses, on mean force errors over the seeds:
    1. Consecutive steps: at least 2 × the error of dynamics on dynamics at 300 K.
    2. Of the samplers at 300 K, metadynamics has the lowest error on the scan of the torsions.
    3. Normal modes at 300 K: at least 2 × the error of dynamics on dynamics at 300 K.
    4. Rattling has a larger error than modes of the same energy on dynamics at 300 K.
    5. Every sampler at 300 K has at least 2 × its own error on dynamics at 1000 K (own: on frames of its kind; of
       consecutive steps, which have no test frames, on dynamics at 300 K).
    6. Dynamics at 1000 K has the lowest largest error over the nine kinds.

And of 200 frames of one trajectory, 150 to train and 50 to test, these drawn at random or the last ones:
    7. Consecutive steps: the random split tells an error at least 1.2 × smaller than the blocks.
    8. Dynamics with 20 fs between frames: likewise.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import mininnip as mn
from mininnip.data.dataset import Dataset

RESULTS = Path(__file__).resolve().parents[2] / "course" / "figures" / "ethanol_samplers.jsonl"
SPLITS = RESULTS.with_name("ethanol_splits.jsonl")
NAMES = {"modes": "modes 300 K", "modes_hot": "modes 1000 K", "rattling": "rattling 0.03 Å"}
NAMES |= {"rattling_hot": "rattling 0.05 Å", "metadynamics": "metadynamics 300 K", "consecutive": "consecutive 300 K"}
EPOCHS = 60


def parts(split: str) -> dict[str, Dataset]:
    """Frames of one split by the name of the sampler that made them."""
    dynamics, others = mn.load_data("ethanol_gfn2"), mn.load_data("ethanol_sampling")
    assert isinstance(dynamics, Dataset) and isinstance(others, Dataset)
    found = {f"dynamics {t} K": dynamics.where(split=split, temperature=t) for t in (300, 500, 1000)}
    groups = NAMES | ({"scan": "scan"} if split == "test" else {})
    absent = {"consecutive"} if split == "test" else set()
    return found | {name: others.where(split=split, group=g) for g, name in groups.items() if g not in absent}


def train(frames: Dataset, valid: Dataset, seed: int, epochs: int = EPOCHS) -> mn.Potential:
    """A SchNet that has seen these frames."""
    torch.manual_seed(seed)
    potential = mn.Potential(mn.neural.SchNet(cutoff=5.0, n_features=32, n_layers=2))
    how = {"epochs": epochs, "batch_size": 5, "learning_rate": 1e-2, "energy_weight": 0.05, "seed": seed}
    mn.train(potential, frames, valid, progress=False, **how)
    return potential


def split_errors(name: str, seed: int) -> dict[str, float]:
    """Force errors that two splits of a trajectory of 200 frames tell, and those on another trajectory at 300 K."""
    frames, valid, fresh = parts("train")[name][:200], parts("valid")[name][:40], parts("test")["dynamics 300 K"]
    errors = {}
    for split, order in {"random": np.random.default_rng(seed).permutation(200), "blocks": np.arange(200)}.items():
        potential = train(frames[np.sort(order[:150])], valid, seed)
        errors[split] = round(mn.evaluate(potential, frames[np.sort(order[150:])]).forces_mae, 2)
        errors[f"{split}, fresh"] = round(mn.evaluate(potential, fresh).forces_mae, 2)
    return errors


def run_splits(seeds: int) -> None:
    """Both splits of both trajectories, continued where they stopped."""
    rows = [json.loads(line) for line in SPLITS.read_text().splitlines()] if SPLITS.exists() else []
    done = {(row["trajectory"], row["seed"]) for row in rows}
    for seed in range(seeds):
        for name in ("consecutive 300 K", "dynamics 300 K"):
            if (name, seed) not in done:
                row = {"trajectory": name, "seed": seed, "forces": split_errors(name, seed)}
                with SPLITS.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)


def table(rows: list[dict]) -> str:
    """Mean and standard deviation over seeds of the force error, sampler by sampler, as Markdown."""
    kinds = list(rows[0]["forces"])
    lines = ["| trained on | " + " | ".join(kinds) + " |", "|---|" + "---:|" * len(kinds)]
    for name in dict.fromkeys(row["sampler"] for row in rows):
        mine = np.array([list(row["forces"].values()) for row in rows if row["sampler"] == name])
        spread = mine.std(axis=0, ddof=1) if len(mine) > 1 else 0 * mine[0]
        cells = [f"{mean:.0f} ± {std:.0f}" for mean, std in zip(mine.mean(axis=0), spread, strict=True)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    seeds = len({row["seed"] for row in rows})
    return "\n".join([f"Force errors (MAE, meV/Å), {seeds} seeds", "", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--splits", action="store_true", help="the splits instead of the samplers")
    parser.add_argument("--table", action="store_true", help="print the table and train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.splits:
        run_splits(arguments.seeds)
        return
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done, tests = {(row["sampler"], row["seed"]) for row in rows}, parts("test")
    for seed in range(0 if arguments.table else arguments.seeds):
        for name in parts("train"):
            if (name, seed) in done:
                continue
            potential = train(parts("train")[name][:200], parts("valid")[name][:40], seed)
            errors = {kind: mn.evaluate(potential, frames) for kind, frames in tests.items()}
            row = {"sampler": name, "seed": seed, "forces": {k: round(e.forces_mae, 2) for k, e in errors.items()}}
            row["energy"] = {kind: round(error.energy_mae, 2) for kind, error in errors.items()}
            rows.append(row)
            with RESULTS.open("a") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(seed, name, row["forces"], flush=True)
    print(table(sorted(rows, key=lambda row: row["seed"])))


if __name__ == "__main__":
    main()
