"""Biased dynamics: atoms move on E + V, where V is a bias; their frames carry E and its forces, without the bias."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from mininnip.sampling.dynamics import molecular_dynamics

Bias = Callable[[Atoms], tuple[float, np.ndarray]]
"""V (eV) and its forces −∂V/∂r (N, 3) in eV/Å of a structure."""


class Biased(Calculator):
    """ASE calculator of E + V.

    Args:
        calculator: of E, any of ASE's.
        bias: gives V and −∂V/∂r. After it has changed, call `reset`.
    """

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's convention)

    def __init__(self, calculator: Any, bias: Bias):
        super().__init__()
        self.calculator, self.bias = calculator, bias

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Evaluate both; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        moving: Any = self.atoms
        energy, forces = (self.calculator.get_property(name, moving) for name in ("energy", "forces"))
        bias, push = self.bias(moving)
        if not (np.isfinite(bias) and np.isfinite(push).all()):
            raise ValueError("the bias is not finite")
        self.results = {"energy": energy + bias, "forces": forces + push, "bias": bias}


def biased_dynamics(atoms: Atoms, bias: Bias, temperature: float, n_frames: int, **dynamics: Any) -> Iterator[Atoms]:
    """Langevin dynamics on E + V.

    Args:
        atoms: with a calculator of E; not changed.
        bias: gives V and −∂V/∂r. It may change between two frames, as that of metadynamics does.
        temperature: in K.
        n_frames: frames to yield.
        **dynamics: as of `molecular_dynamics`; friction 0.01 /fs unless said otherwise.

    Yields:
        Frames as of `molecular_dynamics`, with the results of the potential alone; `info["bias"]` is V in eV.

    Raises:
        ValueError, RunEnded: as `molecular_dynamics`; a temperature that is not positive.
    """
    if not callable(temperature) and isinstance(temperature, int | float) and not temperature > 0:
        raise ValueError(f"a biased run needs a positive temperature, got {temperature} K")
    moving = atoms.copy() if isinstance(atoms, Atoms) else atoms
    if isinstance(atoms, Atoms) and atoms.calc is not None:
        moving.calc = Biased(atoms.calc, bias)
    settings: Any = {"friction": 0.01} | dynamics
    frames = molecular_dynamics(moving, temperature, n_frames, **settings)
    return _without_bias(frames, moving.calc)


def _without_bias(frames: Iterator[Atoms], calculator: Any) -> Iterator[Atoms]:
    for frame in frames:
        frame.info["bias"] = float(calculator.results["bias"])
        frame.calc.results = deepcopy(calculator.calculator.results)  # type: ignore[union-attr]
        yield frame
        calculator.reset()
