"""Uncertainty-biased dynamics: a committee moves atoms on its mean energy, and is drawn to where it does not agree.

    V(r) = −A (1 − exp[−(σ_E(r) / σ₀)²])

with the spread σ_E of the members' energies. The bias is a well of depth A at most: without a bound, a run flies off
to where the spread is infinite. Uncertainty-driven dynamics, Kulichenko et al., Nat. Comput. Sci. (2023),
doi:10.1038/s43588-023-00406-5; with other biases, Zaverkin et al., npj Comput. Mater. 10, 83 (2024),
doi:10.1038/s41524-024-01254-1. That paper takes a slope of constant size instead.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from mininnip.calculator import Calculator
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph, as_number
from mininnip.sampling.biased import biased_dynamics


def uncertainty_biased_dynamics(
    atoms: Atoms,
    committee: Ensemble,
    temperature: float,
    n_frames: int,
    depth: float,
    spread: float,
    **dynamics: Any,
) -> Iterator[Atoms]:
    """Langevin dynamics of a committee, drawn to where its members disagree.

    Args:
        atoms: ASE Atoms; their calculator, if any, is not asked.
        committee: its mean energy moves the atoms.
        temperature: in K.
        n_frames: frames to yield.
        depth: A in eV: no structure is more than this more likely, in units of k_B T; 0: plain dynamics.
        spread: σ₀ in eV, the spread of energies at which the bias has 63 % of its depth.
        **dynamics: as of `molecular_dynamics`; friction 0.01 /fs unless said otherwise.

    Yields:
        Frames with mean energy and forces of the committee and their spread; `info["bias"]` is V in eV.

    Raises:
        ValueError: a negative depth, a spread σ₀ that is not positive, and as `molecular_dynamics`.
        RunEnded: as `molecular_dynamics`.
    """
    depth, spread = as_number(depth, "depth"), as_number(spread, "spread")
    if depth < 0 or spread <= 0:
        raise ValueError(f"the depth must not be negative and the spread positive, got {depth} and {spread} eV")

    def bias(moving: Atoms) -> tuple[float, np.ndarray]:
        graph = Graph.from_atoms(moving, committee.cutoff, committee.dtype or torch.float64)
        positions = graph.positions.detach().requires_grad_()
        out = committee(replace(graph, positions=positions), forces=False, differentiable=True)
        variance = out["energy_members"].var(dim=0).sum()  # its slope is finite where all agree
        energy = -depth * (1 - torch.exp(-variance / spread**2))
        slope = torch.autograd.grad(energy, positions)[0]
        return float(energy.detach()), -slope.double().cpu().numpy()

    moving = atoms.copy()
    moving.calc = Calculator(committee)
    return _named(biased_dynamics(moving, bias, temperature, n_frames, **dynamics))


def _named(frames: Iterator[Atoms]) -> Iterator[Atoms]:
    for frame in frames:
        frame.info["sampler"] = "uncertainty-biased dynamics"
        yield frame
