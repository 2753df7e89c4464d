"""NequIP beside its authors' code: energy and forces, a training step, peak memory, cost per atom.

Edges are given; float32; 32 channels of degrees up to 1 and both parities, 3 layers, 8 Bessel functions, one hidden
layer of 128 in radial networks, cutoff 5 Å. The command is `report.py tensor_products`, where nequip==0.19.1 is.
Their code runs as Python (eager), its default in training.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from message_passing import STRUCTURES, Step, graph_of, race, steps

import mininnip as mn

MEMORY = """
import torch, tensor_products
torch.set_num_threads(1)
tensor_products.{engine}(tensor_products.graph_of({structure!r}))[{step}]()
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1024)
"""


def ours(graph: mn.Graph) -> tuple[Step, Step]:
    """mininnip's NequIP; in float32 also where the other code has made float64 the default."""
    potential = mn.Potential(mn.neural.NequIP(5.0, n_features=32, n_layers=3, l_max=1, radial_hidden=(128,)).float())
    return steps(lambda training: potential(graph, differentiable=training), potential.parameters(), graph)


def theirs(graph: mn.Graph) -> tuple[Step, Step]:
    """The authors' NequIP of the same size.

    Raises:
        ImportError: it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nequip.model import NequIPGNNModel  # pyright: ignore[reportMissingImports]
        from nequip.utils.global_state import set_global_state  # pyright: ignore[reportMissingImports]

        set_global_state()
        model = NequIPGNNModel(
            seed=0,
            model_dtype="float32",
            type_names=["H", "C", "O", "Si"],
            r_max=5.0,
            num_layers=3,
            l_max=1,
            parity=True,
            num_features=32,
            avg_num_neighbors=10.0,
            per_type_energy_scales=1.0,
            per_type_energy_shifts=0.0,
        )
    kind = torch.zeros(15, dtype=torch.int64).index_copy(0, torch.tensor([1, 6, 8, 14]), torch.arange(4))
    inputs = {"edge_index": graph.edges, "atom_types": kind[graph.numbers], "pos": graph.positions.double()}
    if graph.n_structures > 1:
        inputs |= {"batch": graph.structure, "num_atoms": torch.bincount(graph.structure)}
    if bool(graph.pbc.any()):
        inputs |= {"cell": graph.cell.double(), "edge_cell_shift": graph.shifts.double()}

    def evaluate(training: bool):
        model.train(training)
        out = model(dict(inputs))
        return {"energy": out["total_energy"], "forces": out["forces"]}

    return steps(evaluate, model.parameters(), graph)


def race_table(structures: list[str], rounds: int) -> list[str]:
    lines = ["## NequIP beside its authors' code: edges given, float32", ""]
    try:
        theirs(graph_of("Si 8"))
    except ImportError as error:
        return [*lines, f"nequip left out: {error}", ""]
    lines += ["| structure | | mininnip | nequip | ratio |", "|---|---|---:|---:|---:|"]
    for structure in structures:
        graph = graph_of(structure)
        pairs = zip(ours(graph), theirs(graph), strict=True)
        for what, (our_call, their_call) in zip(("energy + forces", "training step"), pairs, strict=True):
            if structure == "Si 4096" and what == "training step":
                continue
            n = rounds if graph.n_atoms < 500 else max(1, rounds // 3)
            times = race({"ours": our_call, "theirs": their_call}, n)
            lines.append(
                f"| {structure} | {what} | {times['ours']:.1f} ms | {times['theirs']:.1f} ms "
                f"| {times['ours'] / times['theirs']:.2f} |"
            )
    return [*lines, ""]


def memory_table(structures: list[str]) -> list[str]:
    """Peak memory of fresh processes (Linux)."""
    here = Path(__file__).resolve()
    paths = [str(here.parent), str(here.parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    lines = ["## Peak memory of a process, NequIP", "", "| structure | | mininnip | nequip |", "|---|---|---:|---:|"]
    for structure in structures:
        for step, what in enumerate(("energy + forces", "training step")):
            peaks = []
            for engine in ("ours", "theirs"):
                program = MEMORY.format(engine=engine, structure=structure, step=step)
                run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
                peaks.append(f"{float(run.stdout):.0f} MiB" if run.returncode == 0 else "left out")
            lines.append(f"| {structure} | {what} | {peaks[0]} | {peaks[1]} |")
    return [*lines, ""]


def scaling_table(counts: list[int], rounds: int) -> list[str]:
    """Cost per atom, and the exponent of the power law through it."""
    times = [race({"ours": ours(graph_of(f"Si {count}"))[0]}, rounds)["ours"] for count in counts]
    exponent = np.polyfit(np.log(counts), np.log(times), 1)[0]
    lines = ["## Cost per atom, NequIP, silicon: energy + forces, edges given", ""]
    lines += ["| atoms | processor time | per atom |", "|---:|---:|---:|"]
    lines += [f"| {n} | {t:.0f} ms | {1e3 * t / n:.1f} µs |" for n, t in zip(counts, times, strict=True)]
    return [*lines, "", f"Time grows as the number of atoms to the power {exponent:.3f}.", ""]


def part(quick: bool) -> list[str]:
    """All of it, as lines of RESULTS.md."""
    lines = race_table(["32 ethanol", "Si 64"] if quick else list(STRUCTURES), 2 if quick else 9)
    lines += memory_table(["Si 64"] if quick else ["Si 512"])
    return lines + scaling_table([64, 512] if quick else [512, 4096, 21952], 1 if quick else 2)
