"""What every script of this folder shares: resume, write atomically, check forces by finite differences.

A frame is an ase.Atoms with energy (eV) and forces (eV/A) attached and a unique `info["id"]`; scripts are resumable
because frames whose id is already in the output file are not computed again.
"""
import json
import time
from pathlib import Path

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent
WORK = HERE / "work"                                       # scratch, never committed
HARTREE, BOHR = units.Hartree, units.Bohr                    # eV, A


class Unconverged(RuntimeError):
    """A self-consistent field did not converge: the frame is dropped and reported."""


def deadline(max_minutes):
    """Time (seconds) at which to stop."""
    return time.time() + 60 * max_minutes


def attach(atoms, energy, forces):
    """Copy of `atoms` that carries its labels."""
    frame = atoms.copy()
    frame.calc = SinglePointCalculator(frame, energy=float(energy), forces=np.asarray(forces, float))
    return frame


def load(path):
    return read(path, ":") if Path(path).exists() else []


def save(path, frames, **metadata):
    """Write frames (extxyz) and their metadata (json) in one atomic step each."""
    path = Path(path)
    temporary = path.with_suffix(".tmp")
    write(temporary, frames, format="extxyz")
    temporary.rename(path)
    if metadata:
        path.with_suffix(".json").write_text(json.dumps(metadata, indent=1) + "\n")


def label_all(path, jobs, label, deadline, metadata, save_every=10):
    """Label the jobs that are not in `path` yet until the deadline (time.time()); returns all frames of the file.

    Args:
        path: output file (extxyz).
        jobs: iterable of Atoms with unique info["id"].
        label: function Atoms -> Atoms with energy and forces; raises Unconverged.
        deadline: stop cleanly at this time in seconds.
        metadata: written next to the frames as json.
    """
    frames = load(path)
    done, started, new = {f.info["id"] for f in frames}, time.time(), 0
    for atoms in jobs:
        if atoms.info["id"] in done:
            continue
        if time.time() > deadline:
            print("time is up: run again to continue", flush=True)
            break
        try:
            frames.append(label(atoms))
            new += 1
        except Unconverged as error:
            print("dropped", atoms.info["id"], error, flush=True)
        if new % save_every == 0:
            save(path, frames, **metadata)
            print(f"{path.name}: {len(frames)} frames, {(time.time() - started) / max(new, 1):.2f} s each", flush=True)
    save(path, frames, **metadata)
    return frames


def finite_difference_check(frames, label, n_checks=3, step=0.01, seed=0):
    """Largest difference (eV/A) between a force component and -dE/dx by central differences."""
    rng, worst = np.random.default_rng(seed), 0.0
    for k in rng.choice(len(frames), n_checks, replace=False):
        atom, axis = rng.integers(len(frames[k])), rng.integers(3)
        energy = []
        for sign in (1, -1):
            moved = frames[k].copy()
            moved.positions[atom, axis] += sign * step
            energy.append(label(moved).get_potential_energy())
        numeric, ours = -(energy[0] - energy[1]) / (2 * step), frames[k].get_forces()[atom, axis]
        print(f"force check {frames[k].info['id']}: {ours:.4f} analytic, {numeric:.4f} numeric eV/A", flush=True)
        worst = max(worst, abs(ours - numeric))
    return worst


class Recorder(Calculator):
    """ASE calculator that keeps every evaluation as a frame and replays known frames after an interruption.

    Args:
        label: function Atoms -> labelled Atoms.
        path, metadata: output file and what to write beside it.
        stop: time at which to give up until the next run.
        info: function frame number -> info of the frame.
    """

    implemented_properties = ["energy", "forces"]

    def __init__(self, label, path, metadata, stop, info):
        super().__init__()
        self.label, self.path, self.metadata, self.stop, self.info = label, path, metadata, stop, info

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        frames = load(self.path)
        known = [f for f in frames if len(f) == len(atoms) and np.allclose(f.positions, atoms.positions, atol=1e-6)]
        if not known:
            if time.time() > self.stop:
                raise SystemExit("time is up: run again to continue")
            bare = atoms.copy()
            bare.info, bare.constraints = self.info(len(frames)), []
            known = [self.label(bare)]
            save(self.path, frames + known, **self.metadata)
        self.results = {"energy": known[0].get_potential_energy(), "forces": known[0].get_forces()}
