"""Spread: how far the members of a committee disagree.

Several potentials trained on the same data agree where the data hold them together. Query by committee: Seung, Opper &
Sompolinsky, COLT 1992, doi:10.1145/130385.130417; for potentials: Behler, Int. J. Quantum Chem. 115, 1032 (2015),
doi:10.1002/qua.24890.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mininnip.ensemble import Ensemble
from mininnip.graph import Graph, segment_sum


class Spread:
    """What a potential says itself about its energy: "energy_std", of a committee or of a Gaussian process.

    Args:
        potential: an `Ensemble`, or a `Potential` whose model gives "energy_std".
    """

    def __init__(self, potential: Callable[..., dict[str, Tensor]]):
        self.potential = potential

    def __call__(self, graph: Graph, differentiable: bool = False) -> Tensor:
        """Standard deviation of the energy of each structure (S,) in eV.

        Args:
            graph: S structures.
            differentiable: with respect to positions of the graph; then the slope is infinite where all members agree.

        Raises:
            ValueError: the potential says nothing about its uncertainty.
        """
        out = self.potential(graph, forces=False, differentiable=differentiable)
        if "energy_std" not in out:
            raise ValueError(f'this potential gives {", ".join(out)}, but no "energy_std": it does not know its spread')
        return out["energy_std"]


def force_spread(committee: Ensemble, graph: Graph) -> Tensor:
    """Disagreement of a committee about the forces in each structure, σ_F (S,) in eV/Å.

        σ_F² = 1/N Σ_i 1/(M−1) Σ_m |F_i^m − F̄_i|²

    Rotating a structure does not change it, unlike a criterion on single components.
    """
    out = committee(graph, forces=True)
    return squared_spread(out["forces_members"], graph).sqrt()


def squared_spread(forces: Tensor, graph: Graph) -> Tensor:
    """σ_F² of each structure (S,) in (eV/Å)², differentiable, from the forces of all members (M, N, 3)."""
    of_atoms = forces.var(dim=0).sum(dim=1)  # (N,)
    n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures)
    return segment_sum(of_atoms, graph.structure, graph.n_structures) / n_atoms


def force_error(committee: Ensemble, graph: Graph, forces: Tensor) -> Tensor:
    """Error of the mean force in each structure, (S,) in eV/Å: the root of 1/N Σ_i |F̄_i − F_i|², which σ_F stands for.

    Args:
        committee: whose mean predicts.
        graph: S structures of N atoms together.
        forces: true ones (N, 3) in eV/Å.
    """
    squared = (committee(graph, forces=True)["forces"].double() - forces.double()).square().sum(dim=1)
    n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures)
    return (segment_sum(squared, graph.structure, graph.n_structures) / n_atoms).sqrt()
