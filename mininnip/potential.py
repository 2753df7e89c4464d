"""Potential: a model's energy and everything that is a derivative of it.

Models only know energies. `Potential` adds the energies of free atoms and differentiates: forces F = −∂E/∂r, stress
(1/V) ∂E/∂ε. It does so with respect to a displacement and a strain that it adds to the input and that are both zero, so
the input itself is never changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mininnip.graph import Graph, segment_sum

EDGES_PER_BLOCK = 1_000_000  # working memory of one block: about 250 MB


class Potential(nn.Module):
    """Energies, forces and stress of a model.

    Args:
        model: `nn.Module` with `forward(graph) -> energy (S,)` and a `cutoff`; if it splits its energy, also
            `atomic_energies(graph) -> (N,)`. With `local = True` a model states that an atom's energy depends only on
            the atom's own edges, with `pairwise = True` that it is a sum over them; large graphs are then evaluated
            in blocks, so that working memory does not grow. A model that remembers its training data has
            `describe(graph)`, `energies_of(features, numbers)` and `extrapolation(features, numbers) -> (N,)`.
        reference_energies: energy of a free atom by atomic number in eV, added to the model's output in float64.
    """

    reference_energies: Tensor | None

    def __init__(self, model: nn.Module, reference_energies: Mapping[int, float] | None = None):
        super().__init__()
        self.model = model
        self.register_buffer("reference_energies", None)
        if reference_energies:
            self.set_reference_energies(reference_energies)

    def set_reference_energies(self, reference_energies: Mapping[int, float]) -> None:
        """Energy of a free atom by atomic number, in eV; replaces earlier ones."""
        table = torch.full((119,), torch.nan, dtype=torch.float64)
        for number, energy in reference_energies.items():
            table[number] = energy
        self.reference_energies = table

    @property
    def cutoff(self) -> float:
        """Reach of the model in Å."""
        return self.model.cutoff  # type: ignore[return-value]

    def forward(
        self, graph: Graph, forces: bool = True, stress: bool = False, differentiable: bool = False
    ) -> dict[str, Tensor]:
        """Evaluate the potential.

        Args:
            graph: one structure or many, with edges at least as long as the cutoff.
            forces: also return forces.
            stress: also return the stress; the cell must be periodic in all directions.
            differentiable: keep the graph of derivatives, to train on forces or to attack them.

        Returns:
            "energy" (S,) in eV; "energies" (N,) in eV if the model splits its energy; "forces" (N, 3) in eV/Å;
            "stress" (S, 3, 3) in eV/Å³, positive in tension; "extrapolation" (N,) if the model knows its training data.

        Raises:
            ValueError: edges shorter than the cutoff; stress without a volume; an element without reference energy.
        """
        check_reach(graph, self.cutoff, stress)
        local = getattr(self.model, "local", False) or getattr(self.model, "pairwise", False)
        if local and not differentiable and graph.edges.shape[1] > 2 * EDGES_PER_BLOCK:
            out = self._evaluate_in_blocks(graph, forces, stress)
        else:
            out = self._evaluate(graph, forces, stress, differentiable)
        if self.reference_energies is not None:
            references = look_up(self.reference_energies, graph.numbers)
            out["energy"] = out["energy"] + segment_sum(references, graph.structure, graph.n_structures)
            if "energies" in out:
                out["energies"] = out["energies"] + references
        return out

    def _evaluate(self, graph: Graph, forces: bool, stress: bool, differentiable: bool) -> dict[str, Tensor]:
        with torch.set_grad_enabled(forces or stress or differentiable):
            moved, zeros = deformable(graph, forces, stress)
            out = self._energy(moved)
            total = out["energy"].sum()
            if zeros and total.requires_grad:
                gradients = torch.autograd.grad(
                    total, list(zeros.values()), create_graph=differentiable, allow_unused=True, materialize_grads=True
                )
            else:
                gradients = [torch.zeros_like(zero) for zero in zeros.values()]
        out |= forces_and_stress(dict(zip(zeros, gradients, strict=True)), graph)
        return out if differentiable else {name: value.detach() for name, value in out.items()}

    def _energy(self, graph: Graph) -> dict[str, Tensor]:
        model: Any = self.model
        if not hasattr(model, "atomic_energies"):
            return {"energy": model(graph)}
        if not hasattr(model, "extrapolation"):
            energies, further = model.atomic_energies(graph), {}
        else:
            features = model.describe(graph)
            energies, further = model.energies_of(features, graph.numbers), {}
            if model.knows_training_data:
                further["extrapolation"] = model.extrapolation(features.detach(), graph.numbers)
        return {"energy": segment_sum(energies, graph.structure, graph.n_structures), "energies": energies, **further}

    def _evaluate_in_blocks(self, graph: Graph, forces: bool, stress: bool) -> dict[str, Tensor]:
        """The same results, one block of edges after the other."""
        out = {"energies": graph.positions.new_zeros(graph.n_atoms)}
        out |= {"forces": torch.zeros_like(graph.positions)} if forces else {}
        out |= {"stress": torch.zeros_like(graph.cell)} if stress else {}
        pairwise = getattr(self.model, "pairwise", False)
        for block, atoms, n_centers in _blocks_of_edges(graph) if pairwise else _blocks_of_centers(graph):
            part = self._evaluate(block, forces, stress, differentiable=False)
            out["energies"][atoms[:n_centers]] += part["energies"][:n_centers]
            if "extrapolation" in part:
                out.setdefault("extrapolation", torch.zeros_like(out["energies"]))
                out["extrapolation"][atoms[:n_centers]] = part["extrapolation"][:n_centers]
            if forces:
                out["forces"].index_add_(0, atoms, part["forces"])
            if stress:
                out["stress"] += part["stress"]
        return {"energy": segment_sum(out["energies"], graph.structure, graph.n_structures), **out}


def check_reach(graph: Graph, cutoff: float, stress: bool) -> None:
    """Refuse a graph that a potential of this cutoff cannot evaluate.

    Raises:
        ValueError: edges shorter than the cutoff; stress without a volume.
    """
    if graph.cutoff < cutoff:
        raise ValueError(f"the graph reaches {graph.cutoff} Å, but the potential needs {cutoff} Å: rebuild it")
    if stress and not bool(graph.pbc.all()):
        raise ValueError("stress needs a volume: the cell must be periodic in all three directions")


def deformable(graph: Graph, forces: bool, stress: bool) -> tuple[Graph, dict[str, Tensor]]:
    """A graph moved by a displacement and a strain that are zero: what is differentiated with respect to.

    Returns:
        the graph; the zeros by what their gradients make: "forces" (N, 3), "stress" (S, 3, 3), as asked for.
    """
    zeros, moved = {}, graph
    if forces:
        zeros["forces"] = torch.zeros_like(graph.positions, requires_grad=True)
        moved = replace(moved, positions=moved.positions + zeros["forces"])
    if stress:
        zeros["stress"] = torch.zeros_like(graph.cell, requires_grad=True)
        moved = _strain(moved, zeros["stress"])
    return moved, zeros


def forces_and_stress(gradients: dict[str, Tensor], graph: Graph) -> dict[str, Tensor]:
    """Forces −∂E/∂r and stress (1/V) ∂E/∂ε, from gradients with respect to the zeros of `deformable`.

    A leading axis of members is kept: (M, N, 3), (M, S, 3, 3).
    """
    out = {}
    if "forces" in gradients:
        out["forces"] = -gradients["forces"]
    if "stress" in gradients:
        out["stress"] = gradients["stress"] / torch.linalg.det(graph.cell).abs()[:, None, None]
    return out


def look_up(reference_energies: Tensor, numbers: Tensor) -> Tensor:
    """Reference energy of each atom (N,) in float64."""
    references = reference_energies[numbers]
    missing = references.isnan()
    if bool(missing.any()):
        raise ValueError(f"no reference energy for atomic number {int(numbers[missing][0])}")
    return references


def _strain(graph: Graph, strain: Tensor) -> Graph:
    """Deform cell and positions: r -> r (1 + ε), with ε (S, 3, 3)."""
    positions = graph.positions + torch.einsum("nx,nxy->ny", graph.positions, strain[graph.structure])
    return replace(graph, positions=positions, cell=graph.cell + graph.cell @ strain)


def _blocks_of_edges(graph: Graph) -> Iterator[tuple[Graph, Tensor, int]]:
    """Cut a graph into pieces that hold all atoms and some of the edges, as they come.

    Yields:
        The piece; the indices of its atoms in the graph; how many of them are centers.
    """
    atoms = torch.arange(graph.n_atoms, device=graph.edges.device)
    for start in range(0, graph.edges.shape[1], EDGES_PER_BLOCK):
        some = slice(start, start + EDGES_PER_BLOCK)
        yield replace(graph, edges=graph.edges[:, some], shifts=graph.shifts[some]), atoms, graph.n_atoms


def _blocks_of_centers(graph: Graph) -> Iterator[tuple[Graph, Tensor, int]]:
    """Cut a graph into pieces that hold some centers with all their edges; their other neighbors have none.

    Yields:
        The piece, centers first; the indices of its atoms in the graph; how many of them are centers.
    """
    n_centers = max(graph.n_atoms * EDGES_PER_BLOCK // graph.edges.shape[1], 1)
    n_blocks = -(-graph.n_atoms // n_centers)
    block_of_edge = (graph.edges[0] // n_centers).to(torch.int16)
    order = torch.argsort(block_of_edge, stable=True)
    ends = torch.bincount(block_of_edge, minlength=n_blocks).cumsum(0).tolist()
    new_index = torch.zeros_like(graph.numbers)
    for block, end in enumerate(ends):
        selection = order[ends[block - 1] if block else 0 : end]
        i, j = (row.index_select(0, selection) for row in graph.edges)
        centers = torch.arange(block * n_centers, min((block + 1) * n_centers, graph.n_atoms), device=i.device)
        others = torch.zeros_like(graph.numbers, dtype=torch.bool)
        others[j] = True
        others[centers] = False
        atoms = torch.cat([centers, others.nonzero()[:, 0]])
        new_index[atoms] = torch.arange(len(atoms), device=i.device)
        piece = replace(
            graph,
            numbers=graph.numbers[atoms],
            positions=graph.positions[atoms],
            structure=graph.structure[atoms],
            edges=torch.stack([i - block * n_centers, new_index.index_select(0, j)]),
            shifts=graph.shifts.index_select(0, selection),
        )
        yield piece, atoms, len(centers)
