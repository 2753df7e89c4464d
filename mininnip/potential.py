"""Potential: a model's energy and everything that is a derivative of it.

Models only know energies. `Potential` adds the energies of free atoms and differentiates: forces F = −∂E/∂r, stress
(1/V) ∂E/∂ε. It does so with respect to a displacement and a strain that it adds to the input and that are both zero, so
the input itself is never changed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from mininnip.blocks import cut, is_large
from mininnip.graph import Graph, segment_sum
from mininnip.memory import give_back
from mininnip.model import DescribedModel, Model, Precomputed, total_energy
from mininnip.sum import Sum


class Potential(nn.Module):
    """Energies, forces and stress of a model.

    It calculates in the precision of the model's weights, whatever that of the graph.

    Args:
        model: a `Model`. Where its reach allows it, large graphs are evaluated in blocks, so that working memory does
            not grow.
        reference_energies: energy of a free atom by atomic number in eV, added to the model's output in float64.

    Raises:
        TypeError: something that is no `Model`.
    """

    reference_energies: Tensor | None

    def __init__(self, model: Model, reference_energies: Mapping[int, float] | None = None):
        super().__init__()
        if not isinstance(model, Model):
            raise TypeError(f"a potential needs a model of the class mininnip.model.Model, got {type(model).__name__}")
        self.model = model
        self.register_buffer("reference_energies", None)
        if reference_energies:
            self.set_reference_energies(reference_energies)

    def set_reference_energies(self, reference_energies: Mapping[int, float]) -> None:
        """Energy of a free atom by atomic number, in eV; replaces earlier ones."""
        device = next((tensor.device for tensor in (*self.parameters(), *self.buffers())), None)
        table = torch.full((119,), torch.nan, dtype=torch.float64, device=device)
        for number, energy in reference_energies.items():
            if number not in range(1, 119):
                raise ValueError(f"reference energies are given by atomic number, 1 to 118; got {number!r}")
            table[number] = energy
        self.reference_energies = table

    def plus(self, law: Model) -> "Potential":
        """Another potential, whose model is the sum of this one's and a law; the energies of free atoms stay."""
        both = Potential(Sum([self.model, law]))
        both.reference_energies = self.reference_energies
        return both

    @property
    def cutoff(self) -> float | None:
        """Reach of the model in Å; None if it needs no edges."""
        return self.model.cutoff

    @property
    def dtype(self) -> torch.dtype | None:
        """Precision in which it calculates; None: that of the graph."""
        return self.model.dtype

    def forward(
        self, graph: Graph | Precomputed, forces: bool = True, stress: bool = False, differentiable: bool = False
    ) -> dict[str, Tensor]:
        """Evaluate the potential.

        Args:
            graph: one structure or many, with edges at least as long as the cutoff; or what the model's `precompute`
                made of them.
            forces: also return forces.
            stress: also return the stress; the cell must be periodic in all directions.
            differentiable: keep the graph of derivatives, to train on forces or to attack them.

        Returns:
            "energy" (S,) in eV; "forces" (N, 3) in eV/Å; "stress" (S, 3, 3) in eV/Å³, positive in tension; and all that
            the model gave, "energies" (N,) in eV with the reference energies added.

        Raises:
            ValueError: edges shorter than the cutoff; stress without a volume; an unknown element, or one without
                reference energy.
        """
        if isinstance(graph, Precomputed):
            out = cast(DescribedModel, self.model).predict(graph, forces, stress, differentiable)
            return self._with_references(out, graph.numbers, graph.structure, len(graph.cell))
        graph = in_precision(graph, self.dtype)
        if stress:
            check_volume(graph)
        if not differentiable and is_large(graph, self.model):
            out = self._evaluate_in_blocks(graph, forces, stress)
        else:
            out = self._evaluate(graph, forces, stress, differentiable)
        return self._with_references(out, graph.numbers, graph.structure, graph.n_structures)

    def _evaluate(self, graph: Graph, forces: bool, stress: bool, differentiable: bool) -> dict[str, Tensor]:
        with torch.set_grad_enabled(forces or stress or differentiable):
            moved, zeros = deformable(graph, forces, stress)
            out = self.model(moved)
            out = {"energy": total_energy(out, graph.structure, graph.n_structures), **out}
            total = out["energy"].sum()
            if zeros and total.requires_grad:
                gradients = torch.autograd.grad(
                    total, list(zeros.values()), create_graph=differentiable, allow_unused=True, materialize_grads=True
                )
            else:
                gradients = [torch.zeros_like(zero) for zero in zeros.values()]
        out |= forces_and_stress(dict(zip(zeros, gradients, strict=True)), graph)
        return out if differentiable else {name: value.detach() for name, value in out.items()}

    def _evaluate_in_blocks(self, graph: Graph, forces: bool, stress: bool) -> dict[str, Tensor]:
        """The same results, one block after the other."""
        out: dict[str, Tensor] = {}
        for block, atoms, n_centers in cut(graph, self.model):
            part, centers = self._evaluate(block, forces, stress, differentiable=False), atoms[:n_centers]
            for name, values in part.items():
                if name == "stress":
                    out[name] = out.get(name, 0) + values
                elif name == "forces":
                    out.setdefault(name, torch.zeros_like(graph.positions)).index_add_(0, atoms, values)
                elif name != "energy":  # of atoms; the energy is summed up at the end
                    whole = out.setdefault(name, values.new_zeros(graph.n_atoms, *values.shape[1:]))
                    whole.index_add_(0, centers, values[:n_centers])
        give_back()
        return {"energy": segment_sum(out["energies"], graph.structure, graph.n_structures), **out}

    def _with_references(
        self, out: dict[str, Tensor], numbers: Tensor, structure: Tensor, n_structures: int
    ) -> dict[str, Tensor]:
        if self.reference_energies is None:
            return out
        references = look_up(self.reference_energies, numbers)
        out["energy"] = out["energy"] + segment_sum(references, structure, n_structures)
        if "energies" in out:
            out["energies"] = out["energies"] + references
        return out


def in_precision(graph: Graph, dtype: torch.dtype | None) -> Graph:
    """The graph with positions and cell in a precision; None: as they are."""
    if not isinstance(graph, Graph):
        raise ValueError(
            f"a potential is evaluated on a Graph, got {type(graph).__name__}; make one of ASE Atoms with "
            "mn.Graph.from_atoms(atoms, cutoff)"
        )
    return graph if dtype in (None, graph.positions.dtype) else graph.to(cast(Any, dtype))


def check_volume(graph: Graph) -> None:
    """Refuse structures that have no stress.

    Raises:
        ValueError: a direction that is not periodic.
    """
    if not bool(graph.pbc.all()):
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
