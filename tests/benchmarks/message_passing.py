"""SchNet and PaiNN beside SchNetPack's: energy and forces, a training step, peak memory, cost per atom.

Edges are given, as a training gives them; float32; 20 radial functions, 3 layers, cutoff 5 Å. The command is
`report.py representations`.
"""

import os
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import workloads
from ase.build import molecule

import mininnip as mn

STRUCTURES = {"32 ethanol": 0, "Si 64": 2, "Si 512": 4, "Si 4096": 8}
MEMORY = """
import torch, message_passing
torch.set_num_threads(1)
{engine}({name!r}, 64, message_passing.graph_of({structure!r}))[0]()
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""
Step = Callable[[], torch.Tensor]


def graph_of(structure: str) -> mn.Graph:
    """The graph of one of STRUCTURES, or of so many silicon atoms; float32."""
    if structure == "32 ethanol":
        frames = [molecule("CH3CH2OH") for _ in range(32)]
        for k, atoms in enumerate(frames):
            atoms.rattle(0.05, seed=k)
    else:
        frames = [workloads.silicon(round((int(structure.removeprefix("Si ")) / 8) ** (1 / 3)))]
    return mn.Graph.from_atoms(frames, 5.0, torch.float32)


def steps(evaluate: Callable[[bool], dict[str, torch.Tensor]], weights, graph: mn.Graph) -> tuple[Step, Step]:
    """Two calls without arguments: energy and forces; one step of Adam on both, against zeros."""
    optimizer = torch.optim.Adam(weights, lr=1e-4)

    def forces():
        return evaluate(False)["forces"]

    def train():
        out = evaluate(True)
        loss = out["energy"].square().mean() + out["forces"].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return forces, train


def ours(name: str, n_features: int, graph: mn.Graph) -> tuple[Step, Step]:
    """mininnip's model by its name."""
    potential = mn.Potential(getattr(mn.neural, name)(5.0, n_features=n_features))
    return steps(lambda training: potential(graph, differentiable=training), potential.parameters(), graph)


def schnetpack(name: str, n_features: int, graph: mn.Graph) -> tuple[Step, Step]:
    """SchNetPack's model of the same name.

    Raises:
        ImportError: it is not installed.
    """
    import torch.utils.data.dataloader as dataloader

    setattr(dataloader, "T_co", typing.TypeVar("T_co", covariant=True))  # noqa: B010  (it imports it from there)
    from schnetpack import nn, representation  # pyright: ignore[reportMissingImports]
    from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances  # pyright: ignore[reportMissingImports]
    from schnetpack.model import NeuralNetworkPotential  # pyright: ignore[reportMissingImports]

    basis = nn.GaussianRBF(20, 5.0) if name == "SchNet" else nn.BesselRBF(20, 5.0)
    model: Any = NeuralNetworkPotential(
        getattr(representation, name)(n_features, 3, basis, nn.CosineCutoff(5.0)),
        input_modules=[PairwiseDistances()],
        output_modules=[
            Atomwise(n_in=n_features, output_key="energy"),
            Forces(energy_key="energy", force_key="forces"),
        ],
    )
    model.do_postprocessing = False
    i, j = graph.edges
    offsets = torch.einsum("ex,exy->ey", graph.shifts.to(graph.positions), graph.cell[graph.structure[i]])
    inputs = {"_atomic_numbers": graph.numbers, "_idx_i": i, "_idx_j": j, "_offsets": offsets}
    inputs |= {"_idx_m": graph.structure, "_n_atoms": torch.bincount(graph.structure)}

    def evaluate(training: bool):
        model.train(training)
        return model({**inputs, "_positions": graph.positions.clone()})

    return steps(evaluate, model.parameters(), graph)


def race(calls: dict[str, Step], rounds: int) -> dict[str, float]:
    """Smallest processor time in ms of calls that take turns."""
    best = dict.fromkeys(calls, np.inf)
    for round_ in range(rounds + 1):
        for name, call in calls.items():
            time = workloads.seconds(call)[0]
            best[name] = min(best[name], time) if round_ else np.inf  # the first round warms up
    return {name: 1e3 * time for name, time in best.items()}


def race_table(sizes: list[int], structures: list[str], rounds: int) -> list[str]:
    lines = ["## SchNet and PaiNN beside SchNetPack: edges given, float32", ""]
    try:
        schnetpack("SchNet", 8, graph_of("Si 8"))
    except ImportError as error:
        return [*lines, f"SchNetPack left out: {error}", ""]
    lines += ["| model | features | structure | | mininnip | SchNetPack | ratio |", "|---|---:|---|---|---:|---:|---:|"]
    for name in ("SchNet", "PaiNN"):
        for n_features in sizes:
            for structure in structures:
                graph = graph_of(structure)
                pairs = zip(ours(name, n_features, graph), schnetpack(name, n_features, graph), strict=True)
                for what, (our_call, their_call) in zip(("energy + forces", "training step"), pairs, strict=True):
                    if structure == "Si 4096" and what == "training step":
                        continue
                    n = rounds if graph.n_atoms < 1000 else max(1, rounds // 3)
                    times = race({"ours": our_call, "theirs": their_call}, n)
                    lines.append(
                        f"| {name} | {n_features} | {structure} | {what} | {times['ours']:.1f} ms "
                        f"| {times['theirs']:.1f} ms | {times['ours'] / times['theirs']:.2f} |"
                    )
    return [*lines, ""]


def memory_table(structure: str) -> list[str]:
    """Peak memory of fresh processes (Linux)."""
    here = Path(__file__).resolve()
    paths = [str(here.parent), str(here.parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    lines = [f"## Peak memory of a process, energy + forces, 64 features, {structure}", ""]
    lines += ["| model | mininnip | SchNetPack |", "|---|---:|---:|"]
    for name in ("SchNet", "PaiNN"):
        peaks = []
        for engine in ("message_passing.ours", "message_passing.schnetpack"):
            program = MEMORY.format(engine=engine, name=name, structure=structure)
            run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
            peaks.append(f"{float(run.stdout):.0f} MiB" if run.returncode == 0 else "left out")
        lines.append(f"| {name} | {peaks[0]} | {peaks[1]} |")
    return [*lines, ""]


def scaling_table(name: str, counts: list[int], rounds: int) -> list[str]:
    """Cost per atom, and the exponent of the power law through it."""
    times = []
    for count in counts:
        call = ours(name, 64, graph_of(f"Si {count}"))[0]
        times.append(race({"ours": call}, rounds)["ours"])
    exponent = np.polyfit(np.log(counts), np.log(times), 1)[0]
    lines = [f"## Cost per atom, {name} of 64 features, silicon: energy + forces, edges given", ""]
    lines += ["| atoms | processor time | per atom |", "|---:|---:|---:|"]
    lines += [f"| {n} | {t:.0f} ms | {1e3 * t / n:.1f} µs |" for n, t in zip(counts, times, strict=True)]
    return [*lines, "", f"Time grows as the number of atoms to the power {exponent:.3f}.", ""]


def part(quick: bool) -> list[str]:
    """All of it, as lines of RESULTS.md."""
    sizes, structures = ([8], ["32 ethanol", "Si 64"]) if quick else ([64, 128], list(STRUCTURES))
    lines = race_table(sizes, structures, 2 if quick else 9)
    lines += memory_table("Si 64" if quick else "Si 4096")
    lines += scaling_table("SchNet", [64, 512] if quick else [512, 4096, 32768, 97336], 1 if quick else 2)
    return lines + scaling_table("PaiNN", [64, 512] if quick else [512, 4096, 21952], 1 if quick else 2)
