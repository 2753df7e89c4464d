"""Graph: atoms are nodes, pairs within a cutoff are directed edges; the one input of every potential.

A graph holds one structure or many side by side. Edges are sparse: several images of one pair may exist, no edge has
zero length, and the cost of all that follows grows with the number of neighbors, not with N².
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mininnip.neighbors import neighbor_list

if TYPE_CHECKING:
    from ase import Atoms

SMALLEST_VOLUME = 1e-6  # Å³ spanned by the periodic lattice vectors (per Å of an open direction)


@dataclass(frozen=True)
class Graph:
    """Structures and their edges.

    Attributes:
        numbers: atomic numbers (N,), int64.
        positions: (N, 3) in Å.
        cell: lattice vectors as rows (S, 3, 3) in Å; zero along directions without a lattice vector.
        pbc: which directions are periodic (S, 3), bool.
        edges: rows i (center) and j (neighbor) of every directed pair (2, E), int64.
        shifts: lattice translations of the neighbor (E, 3), integers.
        structure: which structure an atom belongs to (N,), int64.
        cutoff: every pair closer than this is an edge, in Å; None: there are no edges.
        total_charge: of each structure (S,) in e.
    """

    numbers: Tensor
    positions: Tensor
    cell: Tensor
    pbc: Tensor
    edges: Tensor
    shifts: Tensor
    structure: Tensor
    cutoff: float | None
    total_charge: Tensor

    @classmethod
    def from_atoms(
        cls, atoms: Atoms | Sequence[Atoms], cutoff: float | None, dtype: torch.dtype = torch.float64
    ) -> Graph:
        """Build a graph from ASE Atoms, or from a list of them side by side.

        Args:
            atoms: one ASE Atoms, or a sequence of them. Their initial charges add up to the total charge.
            cutoff: reach of the edges in Å; None: no edges are searched.
            dtype: of positions and cell.

        Raises:
            ValueError: as `from_arrays`; in a list, the message names the structure.
        """
        structures = _structures(atoms)
        if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ValueError(f"positions need a floating-point dtype, got {dtype}")
        graphs = []
        for k, structure in enumerate(structures):
            try:
                cell, pbc = np.asarray(structure.cell), structure.pbc
                positions = torch.tensor(structure.positions)
                charge = float(structure.get_initial_charges().sum())
                graphs.append(cls.from_arrays(torch.tensor(structure.numbers), positions, cutoff, cell, pbc, charge))
            except ValueError as error:
                raise ValueError(f"structure {k}: {error}" if len(structures) > 1 else str(error)) from None
        return batch(graphs).to(dtype)

    @classmethod
    def from_arrays(
        cls,
        numbers: Any,
        positions: Any,
        cutoff: float | None,
        cell: Any = None,
        pbc: Any = False,
        total_charge: float = 0.0,
    ) -> Graph:
        """Build the graph of one structure from arrays or tensors; dtype and device follow `positions`.

        Args:
            numbers: atomic numbers (N,).
            positions: (N, 3) in Å.
            cutoff: reach of the edges in Å; None: no edges are searched.
            cell: (3, 3) in Å, rows are the lattice vectors; needed along periodic directions.
            pbc: one bool or three.
            total_charge: in e.

        Raises:
            ValueError: empty structure, wrong shape, NaN or infinite position, unknown element, non-positive cutoff,
                periodic directions without volume, two atoms at one place.
        """
        positions = _as_tensor(positions, "positions")
        positions = positions if positions.is_floating_point() else positions.double()
        device = positions.device
        numbers = _as_atomic_numbers(numbers).to(device)
        cell = positions.new_zeros(3, 3) if cell is None else _as_tensor(cell, "the cell").to(positions)
        pbc = _as_directions(pbc).to(device)
        cutoff, total_charge = as_cutoff(cutoff), as_number(total_charge, "the total charge")
        check_structure(numbers, positions, cell, pbc, cutoff)
        edges, shifts = numbers.new_zeros(2, 0), numbers.new_zeros(0, 3)
        if cutoff is not None:
            edges, shifts = neighbor_list(positions, cell, pbc, cutoff)
        structure, charge = torch.zeros_like(numbers), positions.new_tensor([total_charge])
        return cls(numbers, positions, cell[None], pbc[None], edges, shifts, structure, cutoff, charge)

    @property
    def n_atoms(self) -> int:
        """Number of atoms N in all structures together."""
        return len(self.numbers)

    @property
    def n_structures(self) -> int:
        """Number of structures S."""
        return len(self.cell)

    def edge_vectors(self) -> Tensor:
        """Vectors r_ij = r_j − r_i + S · cell from center to neighbor (E, 3) in Å; differentiable."""
        i, j = self.edges
        vectors = self.positions.index_select(0, j) - self.positions.index_select(0, i)  # (E, 3)
        if not bool(self.pbc.any()):
            return vectors
        shifts = self.shifts.to(vectors.dtype)
        if self.n_structures == 1:
            return torch.addmm(vectors, shifts, self.cell[0])
        return vectors + torch.einsum("ex,exy->ey", shifts, self.cell[self.structure[i]])

    def to(self, target: torch.device | torch.dtype | str) -> Graph:
        """Copy to a device, or with positions and cell in another floating-point type."""
        if isinstance(target, torch.dtype):
            floating = ("positions", "cell", "total_charge")
            return replace(self, **{name: getattr(self, name).to(target) for name in floating})
        names = ("numbers", "positions", "cell", "pbc", "edges", "shifts", "structure", "total_charge")
        return replace(self, **{name: getattr(self, name).to(target) for name in names})


def batch(graphs: Sequence[Graph]) -> Graph:
    """Put graphs side by side in one: their results are the results of each.

    Raises:
        ValueError: if there is none, or if their cutoffs differ.
    """
    if not isinstance(graphs, Sequence):
        raise ValueError(f"a list of graphs can be batched, got {type(graphs).__name__}")
    if len(graphs) == 0:
        raise ValueError("there is no graph to batch; give at least one")
    if strangers := [type(graph).__name__ for graph in graphs if not isinstance(graph, Graph)]:
        raise ValueError(f"only graphs can be batched, got {strangers[0]}; Graph.from_atoms makes one of ASE Atoms")
    if len(graphs) == 1:
        return graphs[0]
    if len({g.cutoff for g in graphs}) > 1:
        cutoffs = sorted({str(g.cutoff) for g in graphs})
        raise ValueError(f"graphs of different cutoffs cannot be batched: {', '.join(cutoffs)} Å")
    atoms_before = np.cumsum([0] + [g.n_atoms for g in graphs])
    structures_before = np.cumsum([0] + [g.n_structures for g in graphs])

    def joined(name: str, dim: int = 0) -> Tensor:
        return torch.cat([getattr(g, name) for g in graphs], dim=dim)

    return Graph(
        numbers=joined("numbers"),
        positions=joined("positions"),
        cell=joined("cell"),
        pbc=joined("pbc"),
        edges=torch.cat([g.edges + int(n) for g, n in zip(graphs, atoms_before, strict=False)], dim=1),
        shifts=joined("shifts"),
        structure=torch.cat([g.structure + int(n) for g, n in zip(graphs, structures_before, strict=False)]),
        cutoff=graphs[0].cutoff,
        total_charge=joined("total_charge"),
    )


def segment_sum(values: Tensor, index: Tensor, n_segments: int) -> Tensor:
    """Add up the rows that share an index: y_k = Σ_{e: index_e = k} values_e.

    Args:
        values: (E, ...).
        index: (E,) integers below n_segments.
        n_segments: number of sums; those without rows are 0.

    Returns:
        (n_segments, ...).
    """
    return values.new_zeros(n_segments, *values.shape[1:]).index_add(0, index, values)


def triplets(centers: Tensor) -> Tensor:
    """Pairs of edges that share their center: the angles j–i–k, each unordered pair of neighbors once.

    Args:
        centers: center i of every edge (E,), in any order.

    Returns:
        (2, T): indices of the two edges; T = Σ_i n_i (n_i − 1) / 2 for n_i neighbors.
    """
    order = torch.argsort(centers, stable=True)
    n_neighbors = torch.bincount(centers)
    last = n_neighbors.cumsum(0)[centers[order]] - 1  # the last edge of the same center (E,)
    n_partners = last - torch.arange(len(centers), device=centers.device)  # edges behind this one
    first = torch.repeat_interleave(n_partners)  # (T,)
    start = n_partners.cumsum(0) - n_partners
    second = first + 1 + torch.arange(len(first), device=centers.device) - start[first]
    return order[torch.stack([first, second])]


def _structures(atoms: Any) -> list[Any]:
    """One ASE Atoms or several as a list."""
    structures = [atoms] if hasattr(atoms, "positions") else list(atoms) if isinstance(atoms, Iterable) else [atoms]
    if len(structures) == 0:
        raise ValueError("the list of structures is empty; give at least one")
    strangers = [type(structure).__name__ for structure in structures if not hasattr(structure, "get_initial_charges")]
    if strangers:
        raise ValueError(f"a graph is built from ASE Atoms or a list of them, got {strangers[0]}")
    return structures


def as_number(value: Any, what: str) -> float:
    """A Python number, also of what NumPy and PyTorch call one.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(value, np.ndarray | Tensor) and value.ndim == 0:
        value = value.item()
    real = isinstance(value, Real) and not isinstance(value, bool | np.bool)
    try:
        if real and math.isfinite(number := float(value)):
            return number
    except OverflowError:  # a whole number of hundreds of digits
        pass
    raise ValueError(f"{what} must be a finite number, got {shown(value)}")


def shown(value: Any) -> str:
    """A value in a sentence: on one line, cut where it is long."""
    digits = isinstance(value, int) and abs(value) > 10**30  # Python refuses to print thousands of decimals
    words = " ".join((hex(value) if digits else repr(value)).split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def as_cutoff(cutoff: Any) -> float | None:
    """The reach of edges as a positive Python number, or None.

    Raises:
        ValueError: neither.
    """
    if cutoff is None:
        return None
    number = as_number(cutoff, "the cutoff (Å)")
    if number <= 0:
        raise ValueError(f"the cutoff must be a positive number in Å, got {number:g}")
    return number


def _as_tensor(values: Any, what: str) -> Tensor:
    """Lists become float64, as in NumPy (PyTorch would make them float32); tensors and arrays keep their type."""
    try:
        tensor = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    except (TypeError, ValueError):  # rows of different lengths, text, objects
        raise ValueError(f"{what} cannot be read as an array of numbers: {shown(values)}") from None
    if tensor.is_complex():
        raise ValueError(f"{what} must be real numbers, got {tensor.dtype}")
    return tensor


def _as_atomic_numbers(values: Any) -> Tensor:
    numbers = _as_tensor(values, "atomic numbers")
    if numbers.is_floating_point() and not bool((numbers == numbers.round()).all()):
        raise ValueError(f"atomic numbers must be whole, got {numbers[numbers != numbers.round()][0].item():g}")
    return numbers.to(torch.int64)


def _as_directions(pbc: Any) -> Tensor:
    """One bool or three as a tensor (3,)."""
    directions = _as_tensor(pbc, "pbc").to(torch.bool)
    if directions.shape not in ((), (1,), (3,)):
        raise ValueError(f"pbc must be one bool or three, got {shown(pbc)}")
    return directions.expand(3).clone()


def check_structure(numbers: Tensor, positions: Tensor, cell: Tensor, pbc: Tensor, cutoff: float | None) -> None:
    """Refuse what no potential can evaluate, in one sentence; arguments and errors as `Graph.from_arrays`."""
    if positions.dim() != 2 or positions.shape[-1] != 3 or cell.shape != (3, 3) or numbers.shape != positions.shape[:1]:
        shapes = f"{tuple(numbers.shape)}, {tuple(positions.shape)} and {tuple(cell.shape)}"
        raise ValueError(f"numbers, positions and cell must have shapes (N,), (N, 3) and (3, 3), got {shapes}")
    if len(numbers) == 0:
        raise ValueError("the structure has no atoms")
    as_cutoff(cutoff)
    wrong = (~positions.isfinite()).any(dim=1).nonzero()
    if len(wrong):
        raise ValueError(f"the position of atom {int(wrong[0])} is not finite: {positions[wrong[0, 0]].tolist()}")
    if not bool(cell.isfinite().all()):
        raise ValueError(f"the cell is not finite: {cell.tolist()}")
    unknown = ((numbers < 1) | (numbers > 118)).nonzero()
    if len(unknown):
        raise ValueError(
            f"atom {int(unknown[0])} has atomic number {int(numbers[unknown[0, 0]])}; elements are 1 to 118"
        )
    lattice = cell[pbc].double()
    if len(lattice) and math.sqrt(max(float(torch.linalg.det(lattice @ lattice.T)), 0.0)) < SMALLEST_VOLUME:
        raise ValueError("the cell has no volume along its periodic directions; set atoms.cell, or pbc=False")
