"""Train on two public data sets, compare the errors with published ones, and write them to ACCURACY.md.

    python tests/benchmarks/accuracy.py                  (both sets, five seeds; one to three minutes each on one core)
    python tests/benchmarks/accuracy.py ethanol          (one of them; ACCURACY.md keeps the other)
    python tests/benchmarks/accuracy.py --seeds 0 1      (only these; every seed that was trained once stays counted)
    python tests/benchmarks/accuracy.py --data FOLDER    (where mlearn_si/ and rmd17_ethanol/ lie)

The sets are not shipped. Without --data they are looked for in the folder that MININNIP_PUBLIC_DATA names, else in
shared/public-data beside the project. A seed draws the validation frames, the first weights and the order of the
batches; one thread. Interrupted at any time, the same command goes on from the last epoch: checkpoints lie in
build/accuracy; delete them to start anew. What a seed reached stands in accuracy_seeds.json beside this file.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is loaded

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

import mininnip as mn
from mininnip.data.sets import Dataset
from mininnip.descriptors import SymmetryFunctions
from mininnip.evaluation import Errors

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MININNIP_PUBLIC_DATA") or PROJECT.parent / "shared" / "public-data")
WORK = PROJECT / "build" / "accuracy"
REACHED = Path(__file__).with_name("accuracy_seeds.json")
SEEDS = range(5)


@dataclass(frozen=True)
class Stage:
    """One call of `mn.train`; the next one goes on from its weights."""

    epochs: int
    learning_rate: float
    energy_weight: float


@dataclass(frozen=True)
class Benchmark:
    """A data set, the model for it, how it is trained, and what others reached.

    Attributes:
        title: of its table.
        train_file, test_file: below the folder of public data.
        n_valid: frames of the training file that choose the best epoch.
        functions: makes the symmetry functions.
        hidden: neurons of each hidden layer.
        stages: of the training.
        columns: heads of the two columns of errors.
        errors: the two numbers of the table.
        decimals: of the two columns.
        published: (model, energy error, force error, where the numbers come from) of others.
        target: the one of them to beat.
    """

    title: str
    train_file: str
    test_file: str
    n_valid: int
    functions: Callable[[], SymmetryFunctions]
    hidden: tuple[int, ...]
    stages: tuple[Stage, ...]
    columns: tuple[str, str]
    errors: Callable[[Errors], tuple[float, float]]
    decimals: tuple[int, int]
    published: tuple[tuple[str, float, float, str], ...]
    target: str


def shells(first: float, last: float, n: int) -> list[tuple[float, float]]:
    """Parameters of G² for n Gaussians side by side: each is as wide as the distance to the next."""
    centers = np.linspace(first, last, n)
    return [(0.5 / (centers[1] - centers[0]) ** 2, center) for center in centers.tolist()]


def angles(etas: Sequence[float], zetas: Sequence[float]) -> list[tuple[float, float, float]]:
    """Parameters of G⁵: every width with every sharpness, for small and for large angles."""
    return [(eta, zeta, sign) for eta in etas for zeta in zetas for sign in (1, -1)]


PUBLISHED = "published, not recomputed"
SILICON = Benchmark(
    title="Silicon, mlearn (Zuo et al., J. Phys. Chem. A 124, 731 (2020))",
    train_file="mlearn_si/training.xyz",
    test_file="mlearn_si/test.xyz",
    n_valid=20,
    functions=lambda: SymmetryFunctions(
        (14,), 5.0, shells(1.8, 4.7, 12), g5=angles((0, 0.03, 0.1, 0.3), (1, 2, 4, 16))
    ),
    hidden=(40, 40),
    stages=(Stage(100, 3e-3, 10.0), Stage(50, 5e-4, 300.0)),
    columns=("energy RMSE (meV/atom)", "force RMSE (eV/Å)"),
    errors=lambda errors: (errors.energy_rmse_per_atom, errors.forces_rmse / 1e3),
    decimals=(2, 3),
    published=(
        ("the authors' Behler–Parrinello network", 6.93, 0.170, "their weights, evaluated elsewhere, not here"),
        ("SNAP", 8.06, 0.205, PUBLISHED),
        ("quadratic SNAP", 5.51, 0.177, PUBLISHED),
    ),
    target="quadratic SNAP",
)
ETHANOL = Benchmark(
    title="Ethanol, rMD17, 950 + 50 frames (Batatia et al. 2022; Musaelian et al. 2023)",
    train_file="rmd17_ethanol/train.xyz",
    test_file="rmd17_ethanol/test_MD.xyz",
    n_valid=50,
    functions=lambda: SymmetryFunctions(
        (1, 6, 8), 5.0, shells(0.9, 4.5, 12), g5=angles((0.01, 0.15, 0.5), (1, 2, 4, 8, 16))
    ),
    hidden=(40, 40),
    stages=(Stage(100, 3e-3, 10.0), Stage(30, 5e-4, 300.0)),
    columns=("energy MAE (meV)", "force MAE (meV/Å)"),
    errors=lambda errors: (errors.energy_mae, errors.forces_mae),
    decimals=(1, 1),
    published=(
        ("ANI, from scratch", 7.7, 45.6, PUBLISHED),
        ("GAP", 3.5, 18.1, PUBLISHED),
        ("FCHL19", 0.9, 6.2, PUBLISHED),
        ("linear ACE", 1.2, 7.3, PUBLISHED),
        ("NequIP", 0.4, 2.8, PUBLISHED),
        ("Allegro", 0.4, 2.1, PUBLISHED),
        ("MACE", 0.4, 2.1, PUBLISHED),
    ),
    target="ANI, from scratch",
)
BENCHMARKS = {"silicon": SILICON, "ethanol": ETHANOL}


def split(benchmark: Benchmark, folder: Path, seed: int) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test frames; the first two are drawn from the training file."""
    everything, test = (mn.read(folder / file) for file in (benchmark.train_file, benchmark.test_file))
    order = np.random.default_rng(seed).permutation(len(everything))
    n_train = len(everything) - benchmark.n_valid
    return everything[np.sort(order[:n_train])], everything[np.sort(order[n_train:])], test


def make_potential(benchmark: Benchmark, seed: int) -> mn.Potential:
    """The untrained potential, float32."""
    torch.manual_seed(seed)
    return mn.Potential(mn.neural.BehlerParrinello(benchmark.functions(), benchmark.hidden))


def fit(name: str, benchmark: Benchmark, train: Dataset, valid: Dataset, seed: int) -> tuple[mn.Potential, float]:
    """The trained potential, and the processor time that its training took, in s (summed over interruptions)."""
    WORK.mkdir(parents=True, exist_ok=True)
    potential, clock = make_potential(benchmark, seed), WORK / f"{name}_{seed}_seconds.json"
    spent = json.loads(clock.read_text()) if clock.exists() else 0.0
    for k, stage in enumerate(benchmark.stages):
        done = WORK / f"{name}_{seed}_{k}.safetensors"
        if done.exists():
            potential = mn.load(done)
            continue
        start = time.process_time()
        history = mn.train(
            potential,
            train,
            valid,
            batch_size=5,
            seed=seed,
            device="cpu",
            checkpoint=WORK / f"{name}_{seed}_{k}_running.safetensors",
            **asdict(stage),
        )
        spent += time.process_time() - start
        clock.write_text(json.dumps(spent))
        if history.ended == "stopped":
            raise SystemExit("interrupted; the same command goes on from here")
        print(f"{name}, seed {seed}, stage {k + 1} of {len(benchmark.stages)}: {history}", flush=True)
        mn.save(potential, done)
    return potential, spent


def reached() -> dict[str, dict[str, Any]]:
    """What every seed of every set reached so far."""
    return json.loads(REACHED.read_text()) if REACHED.exists() else {}


def run(name: str, benchmark: Benchmark, folder: Path, seed: int) -> None:
    """Train one seed, test it, and note what it reached."""
    train, valid, test = split(benchmark, folder, seed)
    potential, spent = fit(name, benchmark, train, valid, seed)
    describe = cast(Any, potential.model).descriptor
    known = reached()
    known.setdefault(name, {})[str(seed)] = {
        "test": benchmark.errors(mn.evaluate(potential, test)),
        "train": benchmark.errors(mn.evaluate(potential, train)),
        "minutes": round(spent / 60, 2),
        "frames": [len(train), len(valid), len(test)],
        "functions": describe(test[0].graph(potential.cutoff, torch.float32)).shape[1],
        "weights": sum(p.numel() for p in potential.parameters()),
    }
    REACHED.write_text(json.dumps(known, indent=1) + "\n")


def counted(n: int) -> str:
    """How many seeds a row holds."""
    return f"{n} seeds, mean ± spread" if n > 1 else "one seed"


def with_spread(values: Sequence[float], decimals: int) -> str:
    """Mean and standard deviation over seeds; of one seed only its value."""
    spread = f" ± {np.std(values, ddof=1):.{decimals}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{decimals}f}{spread}"


def table(benchmark: Benchmark, seeds: dict[str, Any]) -> str:
    """The errors of all seeds beside the numbers of others."""
    runs, digits = list(seeds.values()), benchmark.decimals
    test, train = (
        [with_spread([one[part][column] for one in runs], digits[column]) for column in (0, 1)]
        for part in ("test", "train")
    )
    lines = [f"## {benchmark.title}", ""]
    lines += [f"| model | {benchmark.columns[0]} | {benchmark.columns[1]} | |", "|---|---:|---:|---|"]
    lines += [f"| **mininnip, Behler–Parrinello** | {' | '.join(test)} | {counted(len(runs))} |"]
    lines += [
        f"| {model} | {e:.{digits[0]}f} | {f:.{digits[1]}f} | {source} |" for model, e, f, source in benchmark.published
    ]
    stages = "; then ".join(
        f"{s.epochs} epochs from learning rate {s.learning_rate:g} with energy weight {s.energy_weight:g}"
        for s in benchmark.stages
    )
    n_train, n_valid, n_test = runs[0]["frames"]
    each = "; ".join(
        " and ".join(f"{error:.{n}f}" for error, n in zip(one["test"], digits, strict=True)) for one in runs
    )
    target = next(row for row in benchmark.published if row[0] == benchmark.target)
    better = [sum(one["test"][k] < target[1 + k] for one in runs) for k in (0, 1)]
    return "\n".join(
        [
            *lines,
            "",
            f"Seed by seed: {each}. Below {benchmark.target} are {better[0]} of {len(runs)} in the first "
            f"column and {better[1]} of {len(runs)} in the second.",
            "",
            f"{n_train} frames to train, {n_valid} to choose the best epoch, {n_test} to test. {runs[0]['functions']} "
            f"symmetry functions per atom, hidden layers {benchmark.hidden}, {runs[0]['weights']} weights, float32. "
            f"{stages}; batches of 5. {np.median([one['minutes'] for one in runs]):.1f} minutes of processor time on "
            f"one thread (median). Errors on the training frames: {' and '.join(train)}.",
            "",
        ]
    )


def write_tables() -> str:
    """ACCURACY.md from what the seeds reached."""
    known = reached()
    head = (
        "# Accuracy on public data\n\nWritten by `tests/benchmarks/accuracy.py`; do not edit. The last column says "
        "where a number comes from; the data are not part of the project. Symmetry functions, network sizes, learning "
        "rates and energy weights were chosen by hand in some twenty short trainings with one split and seed 0, "
        "whose test errors were seen as well as the validation errors; the other seeds were not.\n\n"
    )
    body = "\n".join(table(benchmark, known[name]) for name, benchmark in BENCHMARKS.items() if name in known)
    text = head + body.rstrip() + "\n"
    Path(__file__).with_name("ACCURACY.md").write_text(text, encoding="utf-8")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="silicon | ethanol", help="which sets; default: all")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the public data")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="default: 0 to 4")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    torch.set_num_threads(1)
    for name in arguments.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        if not (arguments.data / benchmark.train_file).exists():
            raise SystemExit(f"{arguments.data} holds no {benchmark.train_file}; name the folder with --data")
        for seed in arguments.seeds:
            if str(seed) not in reached().get(name, {}):
                run(name, benchmark, arguments.data, seed)
            text = write_tables()
    print(text)


if __name__ == "__main__":
    main()
