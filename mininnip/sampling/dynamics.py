"""Sampling: trajectories of any potential through ASE's integrators, one frame at a time.

`molecular_dynamics` is a generator: loop over it, stop with `break`, wrap it in a progress bar; every frame carries its
energy, forces, time and temperature.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet

from mininnip.neighbors import neighbor_list


def molecular_dynamics(
    atoms: Atoms,
    temperature: float | None,
    n_frames: int,
    steps_per_frame: int = 10,
    time_step: float = 1.0,
    friction: float | None = None,
    closest: float = 0.5,
    seed: int = 0,
) -> Iterator[Atoms]:
    """Move atoms by Newton's equations, with or without a heat bath.

        m dv/dt = F − γ m v + √(2 m γ k_B T) ξ(t),   γ = 0: constant energy

    Velocity Verlet without friction; with it the Langevin integrator of Vanden-Eijnden & Ciccotti, Chem. Phys. Lett.
    429, 310 (2006), both ASE's. The given atoms are not changed: a copy moves.

    Args:
        atoms: with a calculator; their velocities are the first ones if `temperature` is None.
        temperature: in K, of the bath and of the random first velocities, drawn without a drift of the whole; at
            constant energy about half of it is left once a resting structure has come to equilibrium.
        n_frames: frames to yield, after `steps_per_frame` steps each.
        steps_per_frame: time steps from one frame to the next.
        time_step: in fs.
        friction: γ in 1/fs, e.g. 0.01; None or 0: constant energy.
        closest: in Å; the run ends with an error when two atoms come closer than this.
        seed: of velocities and random forces.

    Yields:
        Copies of the atoms with velocities and with energy, forces and whatever else the calculator told as results;
        `info["time"]` in ps, `info["temperature"]` in K. Positions are not wrapped into the cell.

    Raises:
        ValueError: no calculator, a time step, temperature or friction that makes no sense, a bath without temperature;
            during the run: positions that are not finite, or two atoms closer than `closest`.
    """
    if atoms.calc is None:
        raise ValueError("the atoms have no calculator: set atoms.calc = mn.Calculator(potential)")
    if time_step <= 0 or n_frames < 0 or steps_per_frame < 1:
        raise ValueError("time_step must be positive, n_frames not negative and steps_per_frame at least 1")
    if (temperature or 0) < 0 or (friction or 0) < 0 or (friction and temperature is None):
        raise ValueError(
            f"temperature (K) and friction (1/fs) must not be negative, and a bath needs both; got {temperature} and "
            f"{friction}"
        )
    moving, rng = atoms.copy(), np.random.default_rng(seed)
    moving.calc = atoms.calc
    if temperature is not None:
        thermalize_momenta(moving, temperature, rng=rng)
        if len(moving) > 1:
            Stationary(moving, preserve_temperature=False)
    return _frames(
        moving, _integrator(moving, temperature, time_step, friction, rng), n_frames, steps_per_frame, closest
    )


def _integrator(atoms: Atoms, temperature: float | None, time_step: float, friction: float | None, rng: Any) -> Any:
    if not friction:
        return VelocityVerlet(atoms, time_step * units.fs)
    return Langevin(
        atoms, time_step * units.fs, temperature_K=temperature, friction=friction / units.fs, fixcm=False, rng=rng
    )


def _frames(atoms: Atoms, integrator: Any, n_frames: int, steps_per_frame: int, closest: float) -> Iterator[Atoms]:
    calculator: Any = atoms.calc
    for _ in range(n_frames):
        integrator.run(steps_per_frame)
        time = integrator.get_time() / units.fs / 1000
        _check(atoms, time, closest)
        frame = atoms.copy()
        frame.calc, results = SinglePointCalculator(frame), dict(calculator.results)
        frame.calc.results = results
        frame.info |= {"time": time, "temperature": float(atoms.get_temperature())}
        yield frame


def _check(atoms: Atoms, time: float, closest: float) -> None:
    """Say what went wrong, rather than go on with nonsense."""
    advice = "the potential has met structures it does not know, or the time step is too long"
    if not np.isfinite(atoms.positions).all():
        raise ValueError(f"after {time:.3f} ps a position is not finite any more: {advice}")
    positions, cell = torch.tensor(atoms.positions), torch.tensor(np.asarray(atoms.cell))
    (i, j), shifts = neighbor_list(positions, cell, torch.tensor(atoms.pbc), closest)
    if len(i):
        distance = torch.linalg.vector_norm(positions[j] + shifts.to(cell) @ cell - positions[i], dim=1)
        worst = int(distance.argmin())
        raise ValueError(
            f"after {time:.3f} ps atoms {int(i[worst])} and {int(j[worst])} are {distance[worst]:.2f} Å apart: {advice}"
        )
