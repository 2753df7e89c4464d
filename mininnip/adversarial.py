"""Adversarial attack: walk from known structures to likely ones that a committee disagrees about.

Every start is moved uphill on p(X) σ_F²(X): the members' disagreement about forces, times the Boltzmann probability
that keeps the attack from leaving for structures that never occur. Schwalbe-Koda, Tan & Gómez-Bombarelli, Nat. Commun.
12, 5104 (2021), doi:10.1038/s41467-021-25342-8. Deviations: the logarithm is climbed, which has the same maxima and
neither over- nor underflows; σ_F² is that of vectors, three times the paper's mean over components; rigid motion is
taken out of every step. Steering to a chosen error (`target`) follows the idea of Cezar et al., npj Comput. Mater.
(2025), doi:10.1038/s41524-025-01703-5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mininnip.adam import Adam
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph, batch, segment_sum
from mininnip.memory import give_back
from mininnip.uncertainty.spread import squared_spread


@dataclass(frozen=True)
class Attack:
    """The way of every start, T steps; everything is evaluated at every place, the last one included.

    Attributes:
        graph: the structures at the end.
        positions: (T + 1, N, 3) in Å.
        energy: mean of the members (T + 1, S) in eV.
        spread: σ_F (T + 1, S) in eV/Å.
        objective: what was climbed (T + 1, S).
    """

    graph: Graph
    positions: Tensor
    energy: Tensor
    spread: Tensor
    objective: Tensor


def attack(
    committee: Ensemble,
    graph: Graph,
    *,
    kT: float,
    steps: int = 60,
    learning_rate: float = 0.01,
    energies: Tensor | None = None,
    target: float | None = None,
    first: float = 0.01,
    longest: float = 3.0,
    rigid: bool = False,
    seed: int = 0,
) -> Attack:
    """Climb from many structures at once.

        max_δ  ln p(X + δ) + ln σ_F²(X + δ),   p = exp(−Ē / kT) / Q,   Q = Σ_D exp(−E / kT)

    by Adam on the displacements δ; each start climbs on its own. With `target` another hill is climbed,
    −½ [ln(σ_F / target)]², whose top is the chosen spread.

    Args:
        committee: an ensemble; its members must differ.
        graph: the starts, S structures, with edges if the committee needs them.
        kT: in eV; small stays near minima, infinite ignores the energy. Not used with a target.
        steps: T.
        learning_rate: of Adam, about the way of a coordinate per step, in Å.
        energies: of the training data (D,) in eV, for Q; None: Q = 1. It shifts the objective by a constant and so
            changes no way.
        target: spread σ_F to steer to, in eV/Å: the error asked for, divided by the calibration's error per spread.
        first: standard deviation of a random first displacement in Å; 0: none.
        longest: limit to the way of an atom from its start in Å; a structure beyond it is scaled back.
        rigid: whether shifting and turning the whole is allowed. False takes it out of every displacement
            (Σ δ_i = 0 and, without a periodic cell, Σ r_i × δ_i = 0). Single atoms in a plane need True.
        seed: of the first displacement.

    Returns:
        The way of every start.

    Raises:
        TypeError: what is no ensemble.
        ValueError: a kT, rate, limit, target or number of steps that makes no sense; members that agree exactly;
            structures of one atom without `rigid`; a place where energy or spread is not finite.
    """
    check_attack(committee, kT, steps, learning_rate, first, longest, target)
    n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures)
    if not rigid and bool((n_atoms == 1).any()):
        raise ValueError("a structure of one atom can only be shifted as a whole: allow it with rigid=True")
    project = (lambda moves: moves) if rigid else _RigidMotion(graph)
    start = graph.positions.detach()
    noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    moves = _within(project(first * noise.to(start)), graph, longest)
    log_q = 0.0 if energies is None or target else float(torch.logsumexp(-energies.double() / kT, 0))
    ways, *columns = climb(
        committee,
        moves,
        place=lambda moves: moved(graph, start + moves),
        slope=project,
        bound=lambda moves: _within(project(moves), graph, longest),
        objective=hill(kT, target, log_q),
        steps=steps,
        learning_rate=learning_rate,
    )
    return Attack(moved(graph, start + ways[-1]), start + ways, *columns)


def check_attack(
    committee: Ensemble,
    kT: float,
    steps: int,
    learning_rate: float,
    first: float,
    longest: float,
    target: float | None,
) -> None:
    """Refuse what no attack can be made with, in one sentence."""
    if not isinstance(committee, Ensemble):
        raise TypeError(f"an attack needs the spread of an Ensemble, got {type(committee).__name__}")
    positive = {"kT": kT, "learning_rate": learning_rate, "longest": longest, "target": target or 1.0}
    wrong = {name: value for name, value in positive.items() if not value > 0}
    if wrong or steps < 1 or not first >= 0 or not math.isfinite(learning_rate):
        raise ValueError(f"kT, learning_rate, longest, target and steps must be positive, first not negative; {wrong}")


def hill(kT: float, target: float | None, log_q: float = 0.0) -> Callable[[Tensor, Tensor], Tensor]:
    """What is climbed, as a function of mean energy and σ_F² (S,)."""
    if target is None:
        return lambda energy, squared: squared.log() - energy / kT - log_q
    return lambda energy, squared: -0.5 * (squared.log() / 2 - math.log(target)).square()


def climb(
    committee: Ensemble,
    variables: Tensor,
    *,
    place: Callable[[Tensor], Graph],
    slope: Callable[[Tensor], Tensor],
    bound: Callable[[Tensor], Tensor],
    objective: Callable[[Tensor, Tensor], Tensor],
    steps: int,
    learning_rate: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Adam uphill on any variables of the structures.

    Args:
        committee: an ensemble.
        variables: at first; one tensor that holds those of every structure.
        place: variables → structures there, differentiable.
        slope: takes out of a slope what shall not move.
        bound: brings variables back within their bounds.
        objective: energy (S,), σ_F² (S,) → what is climbed (S,).
        steps: T.
        learning_rate: of Adam.

    Returns:
        Variables (T + 1, ...), energy, σ_F and objective (T + 1, S) at every place.
    """
    variables = variables.detach().clone().requires_grad_()
    optimizer = Adam([variables], maximize=True)
    values: list[tuple[Tensor, ...]] = []
    for step in range(steps + 1):
        energy, squared = _energy_and_spread(committee, place(variables))
        height = objective(energy, squared)
        values.append((variables.detach().clone(), energy.detach(), squared.detach().sqrt(), height.detach()))
        if step < steps:
            variables.grad = slope(torch.autograd.grad(height.sum(), variables)[0])
            optimizer.step(learning_rate)
            with torch.no_grad():
                variables.copy_(bound(variables))
    del energy, squared, height
    give_back()
    ways, energies, spreads, heights = (torch.stack(column) for column in zip(*values, strict=True))
    return ways, energies, spreads, heights


def _energy_and_spread(committee: Ensemble, graph: Graph) -> tuple[Tensor, Tensor]:
    """Mean energy and σ_F² (S,), in float64, differentiable."""
    out = committee(graph, forces=True, differentiable=True)
    energy, squared = out["energy"].double(), squared_spread(out["forces_members"], graph).double()
    wrong = (~(energy.isfinite() & squared.isfinite())).nonzero()
    if len(wrong):
        raise ValueError(f"the attack on structure {int(wrong[0])} left for a place where the energy is no number")
    if bool((squared == 0).any()):
        raise ValueError("the members agree exactly: train them from different first weights")
    return energy, squared


def moved(graph: Graph, positions: Tensor, cell: Tensor | None = None) -> Graph:
    """The structures at other positions (N, 3), in other cells (S, 3, 3) if given, with edges for where they are."""
    cells = graph.cell if cell is None else cell
    if graph.cutoff is None:
        return replace(graph, positions=positions, cell=cells)
    structures = []
    for s in range(graph.n_structures):
        mine = graph.structure == s
        here, charge = positions[mine].detach(), float(graph.total_charge[s])
        around = cells[s].detach()
        structures.append(Graph.from_arrays(graph.numbers[mine], here, graph.cutoff, around, graph.pbc[s], charge))
    return replace(batch(structures), positions=positions, cell=cells)


def _within(moves: Tensor, graph: Graph, longest: float) -> Tensor:
    """Displacements (N, 3), those of a structure made shorter together where one atom has gone too far."""
    far = moves.norm(dim=1)
    farthest = far.new_zeros(graph.n_structures).scatter_reduce(0, graph.structure, far, "amax")
    return moves * (longest / farthest.clamp(min=longest))[graph.structure][:, None]


class _RigidMotion:
    """Takes shifts, and turns where no cell is periodic, out of displacements (N, 3): the Eckart conditions."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.n_atoms = torch.bincount(graph.structure, minlength=graph.n_structures).to(graph.positions)
        self.r = self._centered(graph.positions.detach())  # from the center of each structure (N, 3)
        turns = ~graph.pbc.any(dim=1)
        square = self.r.square().sum(1)[:, None, None] * torch.eye(3).to(self.r)
        inertia = self._sum(square - self.r[:, :, None] * self.r[:, None, :])  # (S, 3, 3)
        self.inverse = torch.linalg.pinv(inertia, rtol=1e-8, hermitian=True) * turns[:, None, None]

    def __call__(self, moves: Tensor) -> Tensor:
        moves = self._centered(moves)
        momentum = self._sum(torch.linalg.cross(self.r, moves))  # (S, 3)
        omega = torch.einsum("sxy,sy->sx", self.inverse, momentum)
        return moves - torch.linalg.cross(omega[self.graph.structure], self.r)

    def _centered(self, values: Tensor) -> Tensor:
        return values - (self._sum(values) / self.n_atoms[:, None])[self.graph.structure]

    def _sum(self, values: Tensor) -> Tensor:
        return segment_sum(values, self.graph.structure, self.graph.n_structures)
