"""Attacks along few variables: the torsions of a molecule, or the strain of a crystal.

The same hill as in `mininnip.adversarial`, climbed on other variables. A Cartesian attack stretches the stiffest bond
first; one that may only turn around bonds finds other conformers, one that may only strain finds other cells. Torsions
as in the alanine dipeptide of Schwalbe-Koda, Tan & Gómez-Bombarelli, Nat. Commun. 12, 5104 (2021),
doi:10.1038/s41467-021-25342-8, whose released script cuts the turned geometry off the gradient; here it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from ase import Atoms
from torch import Tensor

from mininnip.adversarial import Attack, check_attack, climb, hill, moved
from mininnip.analysis.molecules import find_bonds
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph


@dataclass(frozen=True)
class CollectiveAttack(Attack):
    """An attack along variables that each structure has of its own.

    Attributes:
        variables: (T + 1, S, d), zero where the structure was given: turns in radian, or strains (xx, yy, zz, yz, xz,
            xy).
    """

    variables: Tensor


def torsion_attack(
    committee: Ensemble,
    graph: Graph,
    quartets: Sequence[Sequence[int]],
    *,
    kT: float,
    steps: int = 60,
    learning_rate: float = 0.1,
    target: float | None = None,
    first: float = 0.1,
    longest: float = 2 * torch.pi,
    seed: int = 0,
) -> CollectiveAttack:
    """Climb by turning around bonds; bond lengths and angles stay what they are.

    Args:
        committee: an ensemble; its members must differ.
        graph: the starts, S conformers of one molecule, atoms in the same order, none periodic.
        quartets: four atoms i, j, k, l for each torsion (d, 4), j–k a bond that is in no ring.
        kT: in eV, as of `adversarial.attack`; so are target and seed.
        steps: T.
        learning_rate: of Adam, about the turn per step in radian.
        target: spread σ_F to steer to, in eV/Å; None: the largest likely one.
        first: standard deviation of the random first turns in radian.
        longest: limit to every turn, in radian.
        seed: of the first turns.

    Raises:
        ValueError: as `adversarial.attack`; molecules that differ, or a bond that cannot be turned around.
    """
    check_attack(committee, kT, steps, learning_rate, first, longest, target)
    s, rows = graph.n_structures, torch.as_tensor(quartets)
    if rows.dim() != 2 or rows.shape[1] != 4 or rows.dtype != torch.int64:
        raise ValueError(f"a torsion has four atoms: the quartets are of shape (d, 4), got {tuple(rows.shape)}")
    n = graph.n_atoms // s
    alike = torch.equal(graph.numbers.reshape(-1), graph.numbers[:n].repeat(s)) if n * s == graph.n_atoms else False
    if not alike or bool(graph.pbc.any()):
        raise ValueError("torsions are turned in conformers of one molecule: the same atoms in the same order, no cell")
    if not bool(((rows >= 0) & (rows < n)).all()):
        raise ValueError(f"a torsion names an atom that does not exist: there are {n}, the first is 0")
    start = graph.positions.detach().reshape(s, n, 3)
    sides = [_far_side(graph.numbers[:n], start[0], int(j), int(k)) for _, j, k, _ in rows]

    def place(turns: Tensor) -> Graph:
        positions = start
        for turn, side, (_, j, k, _) in zip(turns.unbind(1), sides, rows.tolist(), strict=True):
            positions = torch.where(side[:, None], _turned(positions, j, k, turn), positions)
        return moved(graph, positions.reshape(-1, 3))

    options = {"kT": kT, "steps": steps, "learning_rate": learning_rate, "target": target}
    return _along(committee, place, _first(s, len(rows), first, seed, start), longest, **options)


def strain_attack(
    committee: Ensemble,
    graph: Graph,
    *,
    kT: float,
    steps: int = 60,
    learning_rate: float = 0.003,
    target: float | None = None,
    first: float = 0.003,
    longest: float = 0.1,
    seed: int = 0,
) -> CollectiveAttack:
    """Climb by straining crystals: r → (1 + ε) r for atoms and cells, ε symmetric, so that nothing is turned.

    Where symmetry lets no atom feel a force, as in an undisturbed diamond crystal, the members cannot disagree about
    it: rattle the starts a little.

    Args:
        committee: an ensemble; its members must differ.
        graph: the starts, S crystals, periodic in all directions.
        kT: in eV, of the whole cell, as of `adversarial.attack`; so are target and seed.
        steps: T.
        learning_rate: of Adam, about the strain per step.
        target: spread σ_F to steer to, in eV/Å; None: the largest likely one.
        first: standard deviation of the random first strains.
        longest: limit to every component of the strain, below 1.
        seed: of the first strains.

    Raises:
        ValueError: as `adversarial.attack`; a direction that is not periodic.
    """
    check_attack(committee, kT, steps, learning_rate, first, longest, target)
    if not bool(graph.pbc.all()) or not longest < 1:
        raise ValueError("a strain attack needs cells that are periodic in all directions, and strains below 1")
    start, cell = graph.positions.detach(), graph.cell.detach()
    voigt = torch.tensor([[0, 5, 4], [5, 1, 3], [4, 3, 2]])

    def place(strains: Tensor) -> Graph:
        stretch = torch.eye(3).to(start) + strains[:, voigt]  # (S, 3, 3)
        positions = torch.einsum("nx,nxy->ny", start, stretch[graph.structure])
        return moved(graph, positions, cell @ stretch)

    options = {"kT": kT, "steps": steps, "learning_rate": learning_rate, "target": target}
    return _along(committee, place, _first(graph.n_structures, 6, first, seed, start), longest, **options)


def _along(
    committee: Ensemble,
    place: Callable[[Tensor], Graph],
    variables: Tensor,
    longest: float,
    *,
    kT: float,
    target: float | None,
    **options: Any,
) -> CollectiveAttack:
    """Climb on variables (S, d) that say where the structures are."""

    def bound(values: Tensor) -> Tensor:
        return values.clamp(-longest, longest)

    first, objective = bound(variables), hill(kT, target)
    ways, *columns = climb(
        committee, first, place=place, slope=lambda slope: slope, bound=bound, objective=objective, **options
    )
    positions = torch.stack([place(way).positions for way in ways])
    return CollectiveAttack(place(ways[-1]), positions, *columns, variables=ways)


def _first(s: int, d: int, width: float, seed: int, like: Tensor) -> Tensor:
    """Random first values (S, d)."""
    return (width * torch.randn(s, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(like)


def _turned(positions: Tensor, j: int, k: int, turn: Tensor) -> Tensor:
    """All atoms (S, n, 3) turned around the axis from j to k by angles (S,), after Rodrigues."""
    origin = positions[:, k : k + 1]
    axis = torch.nn.functional.normalize(origin - positions[:, j : j + 1], dim=-1)
    r, cosine, sine = positions - origin, turn.cos()[:, None, None], turn.sin()[:, None, None]
    along = axis * (axis * r).sum(-1, keepdim=True)
    return origin + along + cosine * (r - along) + sine * torch.linalg.cross(axis.expand_as(r), r)


def _far_side(numbers: Tensor, positions: Tensor, j: int, k: int) -> Tensor:
    """Which atoms (n,) hang on k when the bond j–k is cut."""
    bonds = find_bonds(Atoms(numbers.numpy(), positions.numpy()))
    bonded = torch.zeros(len(numbers), len(numbers), dtype=torch.bool)
    bonded[bonds[:, 0], bonds[:, 1]] = bonded[bonds[:, 1], bonds[:, 0]] = True
    if j == k or not bonded[j, k]:
        raise ValueError(f"atoms {j} and {k} are not bonded: nothing turns around them")
    bonded[j, k] = bonded[k, j] = False
    side = torch.zeros(len(numbers), dtype=torch.bool)
    side[k] = True
    for _ in range(len(numbers)):
        side = side | bonded[side].any(dim=0)
    if side[j]:
        raise ValueError(f"the bond of atoms {j} and {k} is in a ring: nothing turns around it")
    return side
