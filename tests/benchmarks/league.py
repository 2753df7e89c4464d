"""The league: every model of the course on the same frames, with the same processor time to learn.

    python tests/benchmarks/league.py                    (all of them, in two processes; under half an hour)
    python tests/benchmarks/league.py --workers 1        (in one)
    python tests/benchmarks/league.py --table            (no training: the table of what is known)

200 frames of the shipped ethanol, 50 to choose the best epoch, half a minute of one core for each of three seeds. Then
errors on the three test trajectories, and ten molecules that each model moves for 20 ps at 500 K. A model with other
settings is another model: it is trained again, and so is one that is new in MODELS. What is known stands in
league.jsonl, from which LEAGUE.md and the README's table are written; interrupted, the same command goes on.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch is loaded, here and in the processes that are started

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import angles, shells, with_spread
from ase import units
from ase.data import atomic_masses

import mininnip as mn
from mininnip.arguments import described
from mininnip.checkpoint import TrainingState
from mininnip.data.sets import Dataset
from mininnip.descriptors import ANISymmetryFunctions, SymmetryFunctions
from mininnip.model import Model
from mininnip.training import collate, prepare, squared_errors, training_epochs, weighted

PROJECT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("league.jsonl")
POTENTIALS = PROJECT / "build" / "league"
TEMPERATURES = (300, 500, 1000)  # K, of the test trajectories
BATH = 500  # K, of dynamics
FAR = 1e3  # Å: all pairs of a molecule are edges, wherever its atoms fly
FRICTION = 0.01  # 1/fs, of the bath
MARKS = ("<!-- league -->", "<!-- end of league -->")  # around the README's table
TRIED = (
    "Sizes are those of the lessons and of earlier benchmarks. Of the learning rates 0.01, 0.003 and, for the first "
    "two, 0.001, each has the one that was best on the validation frames in short trainings with seed 0; SchNet, PaiNN "
    "and NequIP have theirs from LEARNED.md."
)
TORN = 0.5  # Å by which a bond of a whole molecule may differ from its length in the minimum
BOND = 1.6  # Å; atoms closer than this in the minimum are bonded
LOSS = {"energy_weight": 0.05, "force_weight": 1.0}  # the same for all; λ_E as in the learned models' papers, per atom
ELEMENTS = (1, 6, 8)


def behler_parrinello() -> Model:
    functions = SymmetryFunctions(ELEMENTS, 5.0, shells(0.9, 4.5, 12), g5=angles((0.01, 0.15, 0.5), (1, 2, 4, 8, 16)))
    return mn.neural.BehlerParrinello(functions, (40, 40))


def ani() -> Model:
    """Radial and angular shells of ANI-1x."""
    radial, angular = (0.9 + 0.26875 * np.arange(16)).tolist(), [0.9, 1.55, 2.2, 2.85]
    sections = (math.pi / 16 * np.arange(1, 16, 2)).tolist()
    functions = ANISymmetryFunctions(ELEMENTS, 5.2, 3.5, 16.0, radial, 8.0, 32.0, angular, sections)
    return mn.neural.BehlerParrinello(functions, (40, 40))


@dataclass(frozen=True)
class Entry:
    """What takes part.

    Attributes:
        model: makes it.
        learning_rate: the best of those that were tried on the validation frames.
    """

    model: Callable[[], Model]
    learning_rate: float


MODELS = {
    "Behler–Parrinello": Entry(behler_parrinello, 3e-3),
    "ANI's form": Entry(ani, 1e-3),
    "DTNN": Entry(lambda: mn.neural.DTNN(5.0, n_basis=26), 1e-2),
    "SchNet": Entry(lambda: mn.neural.SchNet(5.0, n_features=64), 1e-2),
    "PaiNN": Entry(lambda: mn.neural.PaiNN(5.0, n_features=64), 1e-2),
    "NequIP": Entry(lambda: mn.neural.NequIP(5.0, n_features=16, n_layers=3, l_max=2), 5e-3),
}


@dataclass(frozen=True)
class Rules:
    """The same for everybody.

    Attributes:
        seconds: of processor time, preparation included, that a training may take.
        n_train, n_valid: frames.
        batch_size: frames in a step.
        seeds: trainings of each model; the first one is also taken for dynamics.
        molecules: that are moved.
        picoseconds: for how long.
        time_step: in fs.
        rounds: of measuring costs.
    """

    seconds: float = 30.0
    n_train: int = 200
    n_valid: int = 50
    batch_size: int = 5
    seeds: int = 3
    molecules: int = 10
    picoseconds: float = 20.0
    time_step: float = 1.0
    rounds: int = 15


# --- what is known ---------------------------------------------------------------------------------------------------


def known(rules: Rules) -> list[dict[str, Any]]:
    """Rows of the file that were made by these rules, with the settings that stand in MODELS."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    now = {name: made(name, rules) for name in MODELS}
    return [row for row in map(json.loads, lines) if row["made"] == now.get(row["model"])]


def made(name: str, rules: Rules) -> str:
    """What a row belongs to: model, learning rate, loss and rules, as one word."""
    entry = MODELS[name]
    facts = [described(entry.model()), entry.learning_rate, LOSS, asdict(rules)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def note(rules: Rules, row: dict[str, Any]) -> None:
    """One more row of the file."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row | {"made": made(row["model"], rules)}, ensure_ascii=False) + "\n")
    print(row, flush=True)


def find(rows: list[dict[str, Any]], what: str, name: str, seed: int | None = None) -> dict[str, Any] | None:
    """The last such row of a model."""
    found = [row for row in rows if row["what"] == what and row["model"] == name and row.get("seed") == seed]
    return found[-1] if found else None


# --- the contest -----------------------------------------------------------------------------------------------------


def frames(rules: Rules) -> tuple[Dataset, Dataset, dict[int, Dataset]]:
    """Training and validation frames, the same for all seeds, and the test trajectory of every temperature."""
    ethanol = mn.load_data("ethanol")
    assert isinstance(ethanol, Dataset)
    train, valid, _ = ethanol.split(rules.n_train, rules.n_valid, 0, seed=0)
    return train, valid, {t: ethanol.where(split="test", temperature=float(t)) for t in TEMPERATURES}


def potential_of(name: str, seed: int) -> mn.Potential:
    """Untrained, float32."""
    torch.manual_seed(seed)
    return mn.Potential(MODELS[name].model())


def settings_of(name: str, rules: Rules) -> dict[str, Any]:
    return {"batch_size": rules.batch_size, "learning_rate": MODELS[name].learning_rate, "device": "cpu", **LOSS}


def measure_costs(rules: Rules) -> None:
    """Processor time of a call, a training step, preparation and an epoch; the models take turns, the least counts."""
    train, valid, tests = frames(rules)
    graph = starts(tests[BATH], rules.molecules).graph(FAR)
    weights = {"energy": LOSS["energy_weight"], "forces": LOSS["force_weight"]}
    loops, calls, costs = {}, {}, {}
    for name in MODELS:
        potential = potential_of(name, 0)
        loop = training_epochs(potential, train, valid, epochs=10_000, **settings_of(name, rules))
        costs[name] = {"first epoch": seconds(lambda loop=loop: next(loop))}
        samples = prepare(potential, train[: rules.batch_size], weights)
        state, sample = TrainingState(potential, 0.99), collate(samples)

        def step(potential=potential, state=state, sample=sample) -> None:
            state.step(weighted(squared_errors(potential, sample, weights), weights), 1e-5)

        loops[name] = loop
        calls[name] = {"call": lambda potential=potential: potential(graph), "step": step}
        costs[name]["weights"] = sum(weight.numel() for weight in potential.parameters())
    for turn in range(rules.rounds + 1):
        for name in MODELS:
            times = {what: seconds(call) for what, call in calls[name].items()}
            if turn < 3:
                times["epoch"] = seconds(lambda name=name: next(loops[name]))
            if turn:  # the first round warms up
                costs[name] |= {what: min(took, costs[name].get(what, math.inf)) for what, took in times.items()}
    for name, cost in costs.items():
        loops[name].close()
        note(rules, {"what": "cost", "model": name, **cost})


def seconds(call: Callable[[], Any]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def train_and_test(name: str, seed: int, epochs: int, rules: Rules) -> dict[str, Any]:
    """The row of one training; the potential stays in a file."""
    torch.set_num_threads(1)
    (train, valid, tests), potential, start = frames(rules), potential_of(name, seed), time.process_time()
    options = settings_of(name, rules) | {"epochs": epochs, "seed": seed, "progress": False}
    history = mn.train(potential, train, valid, **options)
    row = {"what": "training", "model": name, "seed": seed, "epochs": epochs}
    row |= {"seconds": time.process_time() - start, "valid_loss": history.best["valid_loss"]}
    for temperature, data in tests.items():
        errors = mn.evaluate(potential, data)
        row |= {f"energy {temperature}": errors.energy_mae, f"forces {temperature}": errors.forces_mae}
    POTENTIALS.mkdir(parents=True, exist_ok=True)
    mn.save(potential, potential_file(name, seed, rules))
    return row


def move(name: str, epochs: int, rules: Rules) -> dict[str, Any]:
    """The row of the dynamics with the potential of seed 0, which is trained again where its file is gone."""
    torch.set_num_threads(1)
    file = potential_file(name, 0, rules)
    if not file.exists():
        train_and_test(name, 0, epochs, rules)
    start, first = time.process_time(), starts(frames(rules)[2][BATH], rules.molecules)
    whole_for, temperature = dynamics(mn.load(file), first, rules.picoseconds, rules.time_step)
    row = {"what": "dynamics", "model": name, "seed": 0, "whole for, ps": whole_for, "temperature": temperature}
    return row | {"seconds": time.process_time() - start}


def potential_file(name: str, seed: int, rules: Rules) -> Path:
    return POTENTIALS / f"{made(name, rules)}_{seed}.safetensors"


def starts(trajectory: Dataset, molecules: int) -> Dataset:
    """Frames of a trajectory, evenly spaced."""
    return trajectory[np.linspace(0, len(trajectory) - 1, molecules).astype(int)]


@lru_cache
def bonds() -> tuple[torch.Tensor, torch.Tensor]:
    """Atoms (2, 8) that are bonded in ethanol, and the lengths (8,) in Å in its minimum."""
    ethanol = mn.load_data("ethanol")
    assert isinstance(ethanol, Dataset)
    graph = ethanol.where(group="minimum").graph(BOND)
    pairs = graph.edges[:, graph.edges[0] < graph.edges[1]]
    return pairs, (graph.positions[pairs[1]] - graph.positions[pairs[0]]).norm(dim=1)


def are_whole(positions: torch.Tensor) -> torch.Tensor:
    """Which molecules (M,) have all their bonds, of positions (M, 9, 3); those with a NaN have not."""
    (i, j), lengths = bonds()
    return ((positions[:, j] - positions[:, i]).norm(dim=2) - lengths).abs().amax(dim=1) <= TORN


def dynamics(
    potential: mn.Potential, start: Dataset, picoseconds: float, time_step: float
) -> tuple[list[float], float]:
    """Move molecules at 500 K, side by side, until they are torn or time is over.

    Langevin dynamics in the splitting BAOAB of Leimkuhler & Matthews, first velocities from the Maxwell distribution;
    the random numbers are the same for every model. A torn molecule is taken out.

    Returns:
        How long each stayed whole, in ps, and the mean temperature of whole molecules in K.
    """
    potential.requires_grad_(False)
    graph, n_steps = start.graph(FAR), round(1e3 * picoseconds / time_step)
    shape, rng = (len(start), graph.n_atoms // len(start), 3), torch.Generator().manual_seed(0)
    mass = torch.tensor(atomic_masses[graph.numbers.numpy()]).reshape(*shape[:2], 1)
    dt, thermal = time_step * units.fs, (BATH * units.kB / mass).sqrt()  # ASE's unit of time; of velocity
    memory, r = math.exp(-FRICTION * time_step), graph.positions.reshape(shape)
    v = thermal * torch.randn(shape, generator=rng, dtype=torch.float64)
    here, whole_for, kinetic = torch.arange(len(start)), torch.full((len(start),), picoseconds, dtype=torch.float64), []
    a = potential(graph)["forces"].double().reshape(shape) / mass
    for step in range(n_steps):
        noise = torch.randn(shape, generator=rng, dtype=torch.float64)[here]
        v = v + dt / 2 * a
        r = r + dt / 2 * v
        v = memory * v + math.sqrt(1 - memory**2) * thermal[here] * noise
        r = r + dt / 2 * v
        whole = are_whole(r)
        if not bool(whole.all()):
            whole_for[here[~whole]] = step * time_step / 1e3
            here, r, v = here[whole], r[whole], v[whole]
            if len(here) == 0:
                break
            graph = start[here.numpy()].graph(FAR)
        a = potential(replace(graph, positions=r.flatten(0, 1)))["forces"].double().reshape(r.shape) / mass[here]
        v = v + dt / 2 * a
        kinetic.append(float((mass[here] * v**2).mean()) / units.kB)
    return whole_for.tolist(), float(np.mean(kinetic)) if kinetic else math.nan


# --- tables ----------------------------------------------------------------------------------------------------------


def epochs_of(cost: dict[str, Any], rules: Rules) -> int:
    """How many passes through the frames fit into the time."""
    preparation = max(cost["first epoch"] - cost["epoch"], 0.0)
    return max(1, int((rules.seconds - preparation) / cost["epoch"]))


def table(rows: list[dict[str, Any]], rules: Rules) -> str:
    """What each model reached; models of which nothing is known have no row."""
    head = ["model", *(f"forces, {t} K" for t in TEMPERATURES), *(f"energy, {t} K" for t in TEMPERATURES)]
    head += ["energy + forces, ms", "training step, ms", "weights", f"whole after {rules.picoseconds:g} ps"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for name in MODELS:
        cost, seeds = find(rows, "cost", name), trainings(rows, name)
        if cost is None or not seeds:
            continue
        cells = [with_spread([row[f"forces {t}"] for row in seeds], 0) for t in TEMPERATURES]
        cells += [with_spread([row[f"energy {t}"] for row in seeds], 0) for t in TEMPERATURES]
        cells += [f"{1e3 * cost['call']:.1f}", f"{1e3 * cost['step']:.1f}", str(cost["weights"])]
        run = find(rows, "dynamics", name, 0)
        cells += [f"{survivors(run, rules)} of {len(run['whole for, ps'])}" if run else ""]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def more(rows: list[dict[str, Any]]) -> str:
    """What stands behind the table: how long each model learned, seed by seed, and moved."""
    head = ["model", "epochs", "seconds", "validation loss", "force error at 500 K, seed by seed"]
    head += ["whole for, ps", "temperature, K"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * 3}---|---|---:|"]
    for name in MODELS:
        seeds, run = trainings(rows, name), find(rows, "dynamics", name, 0)
        if not seeds:
            continue
        cells = [f"{seeds[0]['epochs']}", with_spread([row["seconds"] for row in seeds], 0)]
        cells += [f"{np.mean([row['valid_loss'] for row in seeds]):.4f}"]
        cells += [", ".join(f"{row['forces 500']:.1f}" for row in seeds)]
        times = sorted(run["whole for, ps"]) if run else []
        cells += [", ".join(f"{t:.3g}" for t in times), f"{run['temperature']:.0f}" if run else ""]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def trainings(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found = [find(rows, "training", name, seed) for seed in range(100)]
    return [row for row in found if row]


def survivors(run: dict[str, Any], rules: Rules) -> int:
    """Molecules that were whole to the end."""
    return sum(time >= rules.picoseconds for time in run["whole for, ps"])


def page(rows: list[dict[str, Any]], rules: Rules) -> str:
    """LEAGUE.md."""
    text = f"""
    {rules.n_train} frames of the shipped ethanol to train and {rules.n_valid} to choose the best epoch, the same for
    all; {rules.seconds:g} s of processor time on one thread for each training, preparation included;
    {rules.seeds} seeds, mean ± standard deviation. Mean absolute errors on the three test trajectories: forces in
    meV/Å, energies in meV per molecule. Costs: {rules.molecules} molecules side by side, edges given, and a
    training step with {rules.batch_size} frames; float32, one thread; the models took turns, the least of
    {rules.rounds} rounds. Symmetry functions have no weights: a training computes them once, a call anew.

    {table(rows, rules)}

    *Whole*: {rules.molecules} molecules, from frames of the test trajectory at {BATH} K, are moved by the potential of
    seed 0 for {rules.picoseconds:g} ps at {BATH} K (Langevin, {rules.time_step:g} fs, friction {FRICTION}/fs). One is
    whole as long as none of its eight bonds differs by more than {TORN} Å from its length in the minimum. In all frames
    of the data, up to {TEMPERATURES[-1]} K, none differs by more than {largest_stretch():.2f} Å. A temperature a little
    below {BATH} K is the integrator's (BAOAB): it places atoms right and moves stiff bonds too slowly.

    {more(rows)}

    The same loss for all: λ_E {LOSS["energy_weight"]} for energies per atom, λ_F {LOSS["force_weight"]:g}; batches of
    {rules.batch_size}, a running average of the weights, the learning rate on a cosine. {TRIED} How many epochs fit
    into the time is measured beforehand, so the seconds differ from {rules.seconds:g}. Trainings and dynamics took
    {sum(row.get("seconds", 0.0) for row in rows) / 60:.0f} minutes of processor time.
    """
    parts = [" ".join(part.split()) if "|---" not in part else part.strip() for part in text.split("\n\n")]
    return "\n\n".join(["# The league", "Written by `tests/benchmarks/league.py`; do not edit.", *parts]) + "\n"


def largest_stretch() -> float:
    """Largest difference in Å of a bond from its length in the minimum, in all frames of dynamics."""
    ethanol = mn.load_data("ethanol")
    assert isinstance(ethanol, Dataset)
    (i, j), lengths = bonds()
    positions = torch.tensor(ethanol.where(group="md").positions).reshape(-1, 9, 3)
    return float(((positions[:, j] - positions[:, i]).norm(dim=2) - lengths).abs().max())


def write(rules: Rules) -> str:
    """Put the tables where they belong: LEAGUE.md, README.md."""
    rows = known(rules)
    text, readme = page(rows, rules), PROJECT / "README.md"
    RESULTS.with_name("LEAGUE.md").write_text(text, encoding="utf-8")
    before, mark, rest = readme.read_text(encoding="utf-8").partition(MARKS[0])
    if mark:
        after = rest.partition(MARKS[1])[2]
        readme.write_text(f"{before}{mark}\n\n{table(rows, rules)}\n\n{MARKS[1]}{after}", encoding="utf-8")
    return text


def contest(rules: Rules, workers: int) -> None:
    """Do what is not yet known; rows are written as they come."""
    rows = known(rules)
    if any(find(rows, "cost", name) is None for name in MODELS):
        torch.set_num_threads(1)
        measure_costs(rules)  # of all, so that they have been measured in one run
        rows = known(rules)
    epochs = {name: epochs_of(cost, rules) for name in MODELS if (cost := find(rows, "cost", name))}
    epochs |= {row["model"]: row["epochs"] for row in rows if row["what"] == "training"}  # all seeds alike
    trainings = [(name, seed, epochs[name], rules) for name in MODELS for seed in range(rules.seeds)]
    trainings = [task for task in trainings if find(rows, "training", *task[:2]) is None]
    moves = [(name, epochs[name], rules) for name in MODELS if find(rows, "dynamics", name, 0) is None]
    for row in in_processes([(train_and_test, *task) for task in trainings], workers):
        note(rules, row)
    for row in in_processes([(move, *task) for task in moves], workers):
        note(rules, row)


def in_processes(tasks: list[tuple[Any, ...]], workers: int) -> Iterator[dict[str, Any]]:
    """Results of function calls (function, *arguments) as they come."""
    if workers == 1:
        for function, *arguments in tasks:
            yield function(*arguments)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(*task) for task in tasks]):
            yield done.result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="no training: write the tables of what is known")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each (2)")
    asked = parser.parse_args()
    if not asked.table:
        contest(Rules(), asked.workers)
    print(write(Rules()))


if __name__ == "__main__":
    main()
