"""Bad calls of the public functions of graph, data, sampling and classical, one for each seed."""

import io
import linecache
import math
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, molecule

import mininnip as mn
from mininnip.classical import EDIP, Lenosky, PairPotential, StillingerWeber, Tersoff, lennard_jones
from mininnip.data.files import from_atoms

SENTENCES = (ValueError, KeyError, IndexError, OSError)  # what a call may end with, raised by a line of mininnip
PACKAGE = str(Path(mn.__file__).parent)

NUMBERS = [0, -1, 1, 2.5, 1e-300, 1e30, -1e30, math.nan, math.inf, -math.inf, True, None, "3", "", 1j, [], [1.0], {}]
NUMBERS += [
    np.float32(3),
    np.int64(3),
    np.float64(math.nan),
    torch.tensor(3.0),
    torch.tensor([1.0, 2.0]),
    10**400,
    object(),
]
ARRAYS = [
    [],
    [[]],
    [[0, 0]],
    [[0, 0, 0], [0, 0]],
    "H2O",
    None,
    3,
    [[math.nan] * 3] * 2,
    [[math.inf] * 3] * 2,
    np.eye(3) * 1j,
]
ARRAYS += [
    np.zeros((2, 3)),
    np.full((2, 3), 1e300),
    [["a", "b", "c"]] * 2,
    np.ones((3, 2)),
    np.array(None),
    {1: 2},
    1e-3 * np.eye(3),
]
ARRAYS += [
    torch.zeros(2, 3, dtype=torch.int8),
    torch.ones(2, 3).bool(),
    np.array([[0, 0, 0], [0, 0, 1]], object),
    [1, 2.5],
    [200],
]
TEXTS = ["", "md", "nonsense", "a" * 5000, "../..", "\0", "ü", None, 3, ["train"], b"train", 1.5, np.str_("train")]
GOOD = {"numbers": [18, 18], "positions": [[0.0, 0, 0], [0, 0, 3.8]], "cutoff": 5.0, "cell": np.eye(3) * 9, "pbc": True}
GOOD |= {"total_charge": 0.0}


def arguments_with_faults(rng, good, faults):
    """One to two of the good arguments replaced by bad ones."""
    bad = dict(good)
    for name in rng.sample(sorted(good), rng.choice([1, 1, 2]) if len(good) > 1 else 1):
        bad[name] = rng.choice(faults.get(name, NUMBERS))
    return bad


def argon(distance=3.8):
    atoms = Atoms("Ar2", [[0, 0, 0], [0, 0, distance]])
    atoms.calc = mn.Calculator(mn.Potential(PairPotential(lennard_jones, 7.0, epsilon=0.01, sigma=3.4)))
    return atoms


def small_set():
    frames = [molecule("H2O"), molecule("NH3"), molecule("H2O")]
    for k, atoms in enumerate(frames):
        atoms.info = {"energy": -float(k), "group": "md", "split": ("train", "valid", "test")[k]}
        atoms.positions += 0.01 * k
        atoms.set_array("forces", np.full((len(atoms), 3), 0.1))
    return from_atoms(frames, "three", {"description": "three", "level_of_theory": "none"})


def graph_from_arrays(rng):
    faults = dict.fromkeys(("numbers", "positions", "cell", "pbc"), ARRAYS + NUMBERS)
    return mn.Graph.from_arrays(**arguments_with_faults(rng, GOOD, faults))


def graph_from_atoms(rng):
    atoms = rng.choice(
        [molecule("H2O"), bulk("Si"), Atoms(), Atoms("X"), [], "H2O", None, 3, [None], [molecule("H2O"), 3]]
    )
    if isinstance(atoms, Atoms) and len(atoms) and rng.random() < 0.5:
        atoms.positions[rng.randrange(len(atoms))] = rng.choice([math.nan, math.inf, 1e9, -1e300])
    dtype = rng.choice([torch.float64, torch.float32, torch.int64, None, float, "float64"])
    return mn.Graph.from_atoms(atoms, rng.choice(NUMBERS), dtype)


def batched(rng):
    graphs = [mn.Graph.from_atoms(molecule("H2O"), cutoff) for cutoff in (3.0, 4.0)]
    return mn.batch(rng.choice([[], graphs, [None], [graphs[0], 3], "graphs", [graphs[0], molecule("H2O")], None, 3]))


def split(rng):
    good = {"n_train": 1, "n_valid": 1, "n_test": 1, "seed": 0}
    return small_set().split(**arguments_with_faults(rng, good, {"seed": [0, 1]}))


def picked(rng):
    which = rng.choice([*NUMBERS, *ARRAYS, *TEXTS, slice(None, None, -1), slice(5, 9)])
    return small_set()[which]


def where(rng):
    data = small_set()
    choice = rng.choice(["where", "part", "graph", "sum"])
    if choice == "where":
        return data.where(**{rng.choice(["group", "split", "energy", "nothing"]): rng.choice(TEXTS + NUMBERS)})
    if choice == "part":
        return data.part(rng.choice(TEXTS))
    return data.graph(rng.choice(NUMBERS)) if choice == "graph" else (data + data[:0]).split(2, 2, 2)


def shipped(rng):
    return mn.load_data(rng.choice([*TEXTS, "dimers", "DIMERS", *NUMBERS]))


def read(rng):
    good = "2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.0\nAr 0 0 0 0 0 0\nAr 0 0 3.8 0 0 0\n"
    cut = rng.randrange(len(good) + 1)
    text = rng.choice([good[:cut], good[:cut] + rng.choice("x9-#\n\0=") + good[cut + 1 :], good.replace("-1.0", "abc")])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"frames{rng.choice(['.xyz', '.extxyz', '.npz', '.db', '.txt', ''])}"
        path.write_bytes(text.encode() if rng.random() < 0.7 else rng.randbytes(200))
        unit = rng.choice([None, None, "eV", "furlong", 3])
        return mn.read(rng.choice([path, str(path), path.with_name("nowhere.xyz")]), energy_unit=unit)


def write(rng):
    with tempfile.TemporaryDirectory() as folder:
        name = rng.choice(["a.xyz", "a.npz", "a.db", "a.txt", "", "nowhere/a.xyz", "nowhere/a.db"])
        data = rng.choice([small_set(), small_set()[:0], None, [], "data", [molecule("H2O")]])
        return mn.write(data, Path(folder) / name)


def dynamics(rng):
    good = {
        "temperature": 300.0,
        "n_frames": 2,
        "steps_per_frame": 2,
        "time_step": 1.0,
        "friction": 0.01,
        "closest": 0.5,
    }
    counts = [-1, 0, 1, 2.5, None, "3", math.nan, True, [], np.int64(2), 1j]
    arguments = arguments_with_faults(rng, good, {"n_frames": counts, "steps_per_frame": counts})
    start = rng.choice([argon(), argon(), argon(0.6), argon(1e5), molecule("H2O"), None, "Ar", [argon()]])
    return [frame.get_potential_energy() for frame in mn.sampling.molecular_dynamics(start, **arguments)]


def pair_model(rng):
    good = {"law": lennard_jones, "cutoff": 5.0, "truncation": "plain", "epsilon": 0.01, "sigma": 3.4}
    faults = {"law": [None, "morse", 3, lennard_jones], "truncation": TEXTS, "cutoff": NUMBERS}
    model = PairPotential(**arguments_with_faults(rng, good, faults))
    return mn.Potential(model)(mn.Graph.from_atoms(Atoms("Ar2", [[0, 0, 0], [0, 0, 3.8]]), model.cutoff), forces=True)


def three_body(rng):
    kind, good = rng.choice(
        [(StillingerWeber, {"epsilon": 2.17, "sigma": 2.1, "A": 7.0, "elements": (14,)})] * 2
        + [(Tersoff, {"A": 1830.8, "B": 471.18, "n": 0.78, "S": 3.0, "elements": (14,)})]
        + [(EDIP, {"A": 7.98, "B": 1.5, "a": 3.12, "c": 2.56, "elements": (14,)}), (Lenosky, {"elements": (14,)})]
    )
    model = kind(**arguments_with_faults(rng, good, {"elements": [*ARRAYS, (14,), (0,), (14.5,), ("Si",)]}))
    return mn.Potential(model)(mn.Graph.from_atoms(bulk("Si"), model.cutoff), forces=True)


def wrong_graph(rng):
    potential = mn.Potential(rng.choice([StillingerWeber, Tersoff, EDIP, Lenosky])())
    graph = mn.Graph.from_atoms(bulk("Si"), 4.0)
    return potential(
        rng.choice(
            [
                bulk("Si"),
                None,
                3,
                "graph",
                small_set(),
                mn.Graph.from_atoms(bulk("Si"), 2.0),
                mn.Graph.from_atoms(bulk("Cu"), 4.0),
                graph,
                [graph],
                replace(graph, total_charge=graph.total_charge + 1),
            ]
        ),
        forces=rng.choice([True, False]),
    )


CALLS = [graph_from_arrays, graph_from_atoms, batched, split, picked, where, shipped, read, write, dynamics, pair_model]
CALLS += [three_body, wrong_graph]


def silent_nan(value):
    """Whether a result holds a number that is not finite."""
    if isinstance(value, dict):
        return any(map(silent_nan, value.values()))
    if isinstance(value, list | tuple):
        return any(map(silent_nan, value))
    if isinstance(value, mn.Graph):
        return not bool(value.positions.isfinite().all() and value.edge_vectors().isfinite().all())
    if isinstance(value, torch.Tensor | float):
        return not bool(torch.as_tensor(value).isfinite().all())
    return False


def outcome(seed):
    """Name of the call of this seed, what came of it, and a word on it."""
    rng = random.Random(seed)
    call = CALLS[seed % len(CALLS)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = call(rng)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        line = linecache.getline(last.filename, last.lineno or 0).strip()
        ours = last.filename.startswith(PACKAGE) and line.startswith("raise")
        kind = "sentence" if ours and isinstance(error, SENTENCES) and "\n" not in str(error) else "foreign error"
        return (
            call.__name__,
            kind,
            f"{type(error).__name__}: {error!s:.150} ({Path(last.filename).name}:{last.lineno} {line:.60})",
        )
    return call.__name__, "silent NaN" if silent_nan(value) else "a result", ""


def main(first, n):
    table, slowest, words = Counter(), 0.0, io.StringIO()
    for seed in range(first, first + n):
        print(seed, end=" ", file=sys.stderr, flush=True)  # the last one if the process dies
        start = time.perf_counter()
        name, kind, word = outcome(seed)
        seconds = time.perf_counter() - start
        kind = "over 10 s" if seconds > 10 else kind
        slowest = max(slowest, seconds)
        table[name, kind] += 1
        if kind not in ("a result", "sentence"):
            print(f"seed {seed}: {name}: {kind}: {word}", file=words)
    kinds = ("a result", "sentence", "foreign error", "silent NaN", "over 10 s")
    print(f"{'call':20}" + "".join(f"{kind:>15}" for kind in kinds))
    for name in [call.__name__ for call in CALLS]:
        print(f"{name:20}" + "".join(f"{table[name, kind]:15}" for kind in kinds))
    print(f"{'sum of ' + str(n):20}" + "".join(f"{sum(table[c.__name__, kind] for c in CALLS):15}" for kind in kinds))
    print(f"slowest {slowest:.2f} s")
    print(words.getvalue(), end="")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
