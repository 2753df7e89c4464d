"""What the label scripts share: resume, stop cleanly, write in one step, check forces by finite differences.

A frame is an ase.Atoms with energy (eV) and forces (eV/Å) attached and a unique `info["id"]`. Labels collect in work/
(never committed); frames whose id is already there are not computed again, and where work/ is empty a run goes on
from the files that ship. A run ends at its deadline, or after the frame in hand when it receives SIGTERM or Ctrl-C.
"""

import json
import signal
import time
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.stress import full_3x3_to_voigt_6_stress

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent
WORK = HERE / "work"
HARTREE, BOHR = units.Hartree, units.Bohr  # eV, Å
FIXED = (
    "numbers",
    "positions",
    "cell",
    "pbc",
    "energy",
    "forces",
    "stress",
    "metadata",
)  # the other arrays of a frame file are labels
WORK.mkdir(exist_ok=True)


class Unconverged(RuntimeError):
    """A self-consistent calculation did not converge: the frame is dropped and reported."""


class Deadline:
    """When to stop: after so many minutes, or once the process is asked to end."""

    def __init__(self, max_minutes):
        self.time = time.time() + 60 * max_minutes
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.end)

    def end(self, *_):
        self.time = 0.0

    def left(self):
        """Seconds left."""
        return self.time - time.time()

    def passed(self):
        return self.left() <= 0


def attach(atoms, energy, forces, stress=None):
    """Copy of `atoms` that carries its labels; a stress is (3, 3)."""
    frame = atoms.copy()
    labels = {"energy": float(energy), "forces": np.asarray(forces, float)}
    if stress is not None:
        labels["stress"] = full_3x3_to_voigt_6_stress(stress)
    frame.calc = SinglePointCalculator(frame, **labels)
    return frame


def frames_from_npz(path):
    """Frames of a shipped frame file (pack.py), labels attached."""
    with np.load(path) as file:
        data = dict(file)
    cells = np.broadcast_to(data["cell"], (len(data["energy"]), 3, 3))
    further = {key: values for key, values in data.items() if key not in FIXED}
    frames = []
    rows = zip(data["energy"], data["positions"], data["forces"], strict=True)
    for k, (energy, positions, forces) in enumerate(rows):
        atoms = Atoms(data["numbers"], positions.astype(float), cell=cells[k], pbc=data["pbc"])
        frame = attach(atoms, energy, forces, data["stress"][k] if "stress" in data else None)
        for key, values in further.items():
            if values.ndim == 1 and values[k] == values[k] and values[k] != "":
                frame.info[key] = values[k].item()
            elif values.ndim > 1 and np.isfinite(values[k]).all():
                frame.arrays[key] = values[k].astype(float)
        frames.append(frame)
    return frames


def load(path):
    """Frames labelled so far: from work/, else from the set of that name that ships."""
    path = Path(path)
    if path.exists():
        frames = read(path, ":")
        for frame in frames:
            if "charges" in frame.calc.results:  # ASE takes a column of that name for a result
                frame.arrays["charges"] = frame.calc.results.pop("charges")
        return frames
    shipped = OUTPUT / f"{path.stem}.npz"
    return frames_from_npz(shipped) if shipped.exists() else []


def write_text(path, text):
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def save(path, frames, **metadata):
    """Write frames (extxyz) and their metadata (json) in one atomic step each."""
    path = Path(path)
    if frames:
        temporary = path.with_suffix(".tmp")
        write(temporary, frames, format="extxyz")
        temporary.rename(path)
    if metadata:
        write_text(path.with_suffix(".json"), json.dumps(metadata, indent=1, ensure_ascii=False) + "\n")


def label_all(path, jobs, label, deadline, metadata, save_every=10):
    """Label the jobs that are not in `path` yet until the deadline; returns all frames of the file.

    Args:
        path: output file (extxyz) in work/.
        jobs: iterable of Atoms with unique info["id"].
        label: function Atoms -> Atoms with energy and forces; raises Unconverged.
        deadline: Deadline.
        metadata: written next to the frames as json; the ids that did not converge are added.
        save_every: frames between two writes.
    """
    frames = load(path)
    done, started, new, dropped = {f.info["id"] for f in frames}, time.process_time(), 0, []
    clock = time.time()
    for atoms in jobs:
        if atoms.info["id"] in done:
            continue
        if deadline.passed():
            print("stopped: run again to continue", flush=True)
            break
        try:
            frames.append(label(atoms))
            new += 1
        except Unconverged as error:
            dropped.append(atoms.info["id"])
            print("dropped", atoms.info["id"], error, flush=True)
            continue
        if new % save_every == 0:
            save(path, frames, **metadata, unconverged=dropped)
            cpu, wall = ((now - then) / new for now, then in ((time.process_time(), started), (time.time(), clock)))
            print(f"{path.name}: {len(frames)} frames, {wall:.2f} s each ({cpu:.2f} s of this process)", flush=True)
    save(path, frames, **metadata, unconverged=dropped)
    return frames


def finite_difference_check(frames, label, n_checks=3, step=0.01, seed=0):
    """Largest difference (eV/Å) between a force component and -dE/dx by central differences."""
    rng, worst = np.random.default_rng(seed), 0.0
    for k in rng.choice(len(frames), min(n_checks, len(frames)), replace=False):
        atom, axis = rng.integers(len(frames[k])), rng.integers(3)
        energy = []
        for sign in (1, -1):
            moved = frames[k].copy()
            moved.positions[atom, axis] += sign * step
            energy.append(label(moved).get_potential_energy())
        numeric, ours = -(energy[0] - energy[1]) / (2 * step), frames[k].get_forces()[atom, axis]
        print(f"force check {frames[k].info['id']}: {ours:.5f} stored, {numeric:.5f} by differences, eV/Å", flush=True)
        worst = max(worst, abs(ours - numeric))
    return worst


class Recorder(Calculator):
    """ASE calculator that keeps every evaluation as a frame and replays known frames after an interruption.

    Args:
        label: function Atoms -> labelled Atoms.
        path, metadata: output file and what to write beside it.
        deadline: when to give up until the next run.
        info: function frame number -> info of the frame.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, label, path, metadata, deadline, info):
        super().__init__()
        self.label, self.path, self.metadata, self.deadline, self.info = label, path, metadata, deadline, info

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        frames = load(self.path)
        known = [f for f in frames if len(f) == len(atoms) and np.allclose(f.positions, atoms.positions, atol=1e-6)]
        if not known:
            if self.deadline.passed():
                raise SystemExit("stopped: run again to continue")
            bare = atoms.copy()
            bare.info, bare.constraints = self.info(len(frames)), []
            known = [self.label(bare)]
            save(self.path, frames + known, **self.metadata)
        self.results = {"energy": known[0].get_potential_energy(), "forces": known[0].get_forces()}
