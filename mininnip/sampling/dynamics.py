"""Sampling: trajectories of any potential through ASE's integrators, one frame at a time.

`molecular_dynamics` is a generator: loop over it, stop with `break`, wrap it in a progress bar; every frame carries its
energy, forces, time and temperature. A run that explodes ends with `RunEnded`, which holds the frames before the end.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from numbers import Integral
from typing import Any

import numpy as np
import torch
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet

from mininnip.graph import as_number
from mininnip.neighbors import neighbor_list
from mininnip.sampling.limits import flown_apart

KEPT = 1000  # frames that the error at the end of a run holds
LONGEST_STEP = 0.5  # Å; an atom that moves farther in one time step jumps over the others


class RunEnded(ValueError):
    """A dynamics that cannot go on.

    Attributes:
        frames: those before the end, the last 1000 at most: `except RunEnded as end: frames = end.frames`.
    """

    def __init__(self, words: str, frames: Sequence[Atoms]):
        super().__init__(words)
        self.frames = list(frames)


def molecular_dynamics(
    atoms: Atoms,
    temperature: float | Callable[[float], float] | None,
    n_frames: int,
    steps_per_frame: int = 10,
    time_step: float = 1.0,
    friction: float | None = None,
    closest: float = 0.5,
    farthest: float | None = None,
    seed: int = 0,
) -> Iterator[Atoms]:
    """Move atoms by Newton's equations, with or without a heat bath.

        m dv/dt = F − γ m v + √(2 m γ k_B T) ξ(t),   γ = 0: constant energy

    Velocity Verlet without friction; with it the Langevin integrator of Vanden-Eijnden & Ciccotti, Chem. Phys. Lett.
    429, 310 (2006), both ASE's. The given atoms are not changed: a copy moves.

    Args:
        atoms: with a calculator; their velocities are the first ones if `temperature` is None.
        temperature: in K, of the bath and of the random first velocities, drawn without a drift of the whole; at
            constant energy about half of it is left once a resting structure has come to equilibrium. A function of the
            time in ps, asked before every frame, makes the bath warmer or colder on the way.
        n_frames: frames to yield, after `steps_per_frame` steps each.
        steps_per_frame: time steps from one frame to the next.
        time_step: in fs.
        friction: γ in 1/fs, e.g. 0.01; None or 0: constant energy.
        closest: in Å; the run ends with an error when two atoms come closer than this. 0: never.
        farthest: in Å; the run of a molecule ends with an error when it is in pieces that are farther apart than this.
            None: never.
        seed: of velocities and random forces.

    Yields:
        Copies of the atoms with velocities and with energy, forces and whatever else the calculator told as results;
        `info["time"]` in ps, `info["temperature"]` in K, and whence they come: `sampler`, `bath` (its temperature in K,
        NaN where there is none), `step` and `seed`. Positions are not wrapped into the cell.

    Raises:
        ValueError: no calculator, a time step, temperature or friction that makes no sense, a bath without temperature.
        RunEnded: (a ValueError) during the run: positions that are not finite or that the calculator refuses, two atoms
            closer than `closest`, one that moves by more than 0.5 Å in a time step, pieces that fly apart.
    """
    if not isinstance(atoms, Atoms):
        raise ValueError(f"dynamics moves one ASE Atoms, got {type(atoms).__name__}")
    bath = temperature if callable(temperature) else None
    first: Any = temperature if bath is None else bath(0.0)
    temperature = None if first is None else as_number(first, "temperature")
    friction = None if friction is None else as_number(friction, "friction")
    time_step, closest = as_number(time_step, "time_step"), as_number(closest, "closest")
    farthest = None if farthest is None else as_number(farthest, "farthest")
    if any(isinstance(n, bool) or not isinstance(n, Integral) for n in (n_frames, steps_per_frame)):
        raise ValueError(f"n_frames and steps_per_frame must be whole, got {n_frames!r} and {steps_per_frame!r}")
    if atoms.calc is None:
        raise ValueError("the atoms have no calculator: set atoms.calc = mn.Calculator(potential)")
    if time_step <= 0 or n_frames < 0 or steps_per_frame < 1 or closest < 0:
        raise ValueError("time_step must be positive, n_frames and closest not negative, steps_per_frame at least 1")
    if farthest is not None and farthest <= closest:
        raise ValueError(f"farthest must be larger than closest, got {farthest} and {closest} Å")
    if (temperature or 0) < 0 or (friction or 0) < 0 or (friction and temperature is None):
        raise ValueError(
            f"temperature (K) and friction (1/fs) must not be negative, and a bath needs both; got {temperature} and "
            f"{friction}"
        )
    if bath is not None and not friction:
        raise ValueError("a temperature that changes is that of a bath: give a friction, e.g. 0.01")
    moving, rng = atoms.copy(), np.random.default_rng(seed)
    moving.calc = atoms.calc
    if temperature is not None:
        thermalize_momenta(moving, temperature, rng=rng)
        if len(moving) > 1:
            Stationary(moving, preserve_temperature=False)
    integrator = _integrator(moving, temperature, time_step, friction, rng)
    at = temperature if friction and temperature is not None else np.nan
    origin = {"sampler": "dynamics", "bath": at, "seed": seed}
    return _frames(moving, integrator, bath, n_frames, steps_per_frame, (closest, farthest), origin)


def _integrator(atoms: Atoms, temperature: float | None, time_step: float, friction: float | None, rng: Any) -> Any:
    if not friction:
        return VelocityVerlet(atoms, time_step * units.fs)
    return Langevin(
        atoms, time_step * units.fs, temperature_K=temperature, friction=friction / units.fs, fixcm=False, rng=rng
    )


def _frames(
    atoms: Atoms,
    integrator: Any,
    bath: Callable | None,
    n_frames: int,
    steps_per_frame: int,
    limits: tuple[float, float | None],
    origin: dict[str, Any],
) -> Iterator[Atoms]:
    calculator: Any = atoms.calc
    kept = deque(maxlen=KEPT)
    for _ in range(n_frames):
        if bath is not None:
            origin["bath"] = _of_bath(bath, integrator.get_time() / units.fs / 1000)
            integrator.set_temperature(temperature_K=origin["bath"])
        try:
            integrator.run(steps_per_frame)
            wrong = _what_went_wrong(atoms, integrator.dt, *limits)
        except ValueError as error:  # the calculator refuses the structure
            wrong = str(error)
        time = integrator.get_time() / units.fs / 1000
        if wrong:
            advice = "the potential has met structures it does not know, or the time step is too long"
            raise RunEnded(f"after {time:.3f} ps {wrong}: {advice}", kept)
        frame = atoms.copy()
        frame.calc, results = SinglePointCalculator(frame), deepcopy(calculator.results)  # some reuse their arrays
        frame.calc.results = results
        frame.info |= origin | {"time": time, "temperature": float(atoms.get_temperature()), "step": integrator.nsteps}
        kept.append(frame)
        yield frame


def _of_bath(bath: Callable, time: float) -> float:
    temperature = as_number(bath(time), f"the temperature at {time:.3f} ps")
    if temperature < 0:
        raise ValueError(f"the temperature at {time:.3f} ps must not be negative, got {temperature}")
    return temperature


def _what_went_wrong(atoms: Atoms, time_step: float, closest: float, farthest: float | None) -> str | None:
    """Say it, rather than go on with nonsense."""
    if not np.isfinite(atoms.positions).all():
        return "a position is not finite any more"
    steps = time_step * np.linalg.norm(atoms.get_velocities(), axis=1)
    if steps.max() > LONGEST_STEP:
        return f"atom {int(steps.argmax())} moves by {steps.max():.3g} Å in one time step"
    if farthest is not None and (apart := flown_apart(atoms, farthest)) is not None:
        return apart
    if closest == 0:
        return None
    positions, cell = torch.tensor(atoms.positions), torch.tensor(np.asarray(atoms.cell))
    (i, j), shifts = neighbor_list(positions, cell, torch.tensor(atoms.pbc), closest)
    if not len(i):
        return None
    distance = torch.linalg.vector_norm(positions[j] + shifts.to(cell) @ cell - positions[i], dim=1)
    worst = int(distance.argmin())
    return f"atoms {int(i[worst])} and {int(j[worst])} are {distance[worst]:.2f} Å apart"
