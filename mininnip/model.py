"""Model: all that anybody may ask of a potential energy, E = f(Z, r), from Lennard-Jones on.

A model turns a graph into a dict of what it knows. Names that have a meaning for everybody:

    "energies" (N,)  energy of each atom in eV        "energy" (S,)  of each structure, where it is no sum over atoms
    "charges"  (N,)  in e                             "dipole" (S, 3)  in e Å
    "extrapolation" (N,)  how far an atom's surroundings lie outside the training data, 0 inside

Any other name is handed through. Nobody asks a model for more than stands here: potentials, ensembles, training and
files work by these attributes, and by the names in the dict.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from mininnip.graph import Graph, segment_sum

Reach = Literal["pairs", "own edges", "everything"]
OF_STRUCTURES = ("energy", "dipole", "stress")  # results with a row for every structure; all others have one per atom


class Model(nn.Module):
    """E = f(Z, r).

    A call checks the graph first, so that a model that is called directly refuses what it would get wrong silently.

    Attributes:
        cutoff: how long its edges are in Å; None: it reads no edges, and none are searched for it.
        elements: atomic numbers that it knows; None: all.
        reach: what the results of an atom depend on, and so how a large graph may be cut: "pairs" if they are sums over
            its edges, "own edges" if they depend on those only, "everything" otherwise. With the first two all results
            are results of atoms.
        triplet_cutoff: up to which distance in Å two edges of an atom are combined; None: all of them. It only tells
            how much memory a large graph needs.
        any_precision: whether it casts its parameters to the precision of the graph, and calculates in that.
        arguments: what it was made with (`remembers_arguments`), so that a file can hold it; None: it cannot.
    """

    cutoff: float | None = None
    elements: tuple[int, ...] | None = None
    reach: Reach = "everything"
    triplet_cutoff: float | None = None
    any_precision: bool = False
    arguments: Mapping[str, Any] | None = None

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """What the model knows of the structures in a graph, by name; "energies" or "energy" must be there."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its energy is: write forward(graph)")

    def energy(self, graph: Graph) -> Tensor:
        """Energy of each structure (S,) in eV, without energies of free atoms: the lecture's E = f(Z, r)."""
        return total_energy(self(graph), graph.structure, graph.n_structures)

    def fit_scaling(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Learn from training data what is no weight, such as units; training calls it once, before the first step.

        Args:
            graph: all structures side by side.
            labels: those that are trained on, e.g. "energy" (S,) in eV without the reference energies, "forces" (N, 3).
        """

    @property
    def dtype(self) -> torch.dtype | None:
        """Precision of its weights, in which it calculates; None: that of the graph."""
        return None if self.any_precision else precision_of(self)

    def __call__(self, graph: Graph) -> dict[str, Tensor]:
        """`forward`, after `check_graph`."""
        check_graph(self, graph)
        if self.dtype not in (None, graph.positions.dtype):
            raise ValueError(
                f"the weights of this model are {self.dtype}, the graph is {graph.positions.dtype}: call it through a "
                "Potential, which converts, or convert with graph.to(model.dtype)"
            )
        return super().__call__(graph)


class Descriptor(nn.Module):
    """Features of atoms (N, B), or of whole structures (S, B), that have no weights to learn.

    Attributes:
        cutoff, elements, reach, triplet_cutoff, arguments: as those of a `Model`.
        n_features: B.
        of_structures: whether features have a row for every structure; otherwise one for every atom.
    """

    cutoff: float | None = None
    elements: tuple[int, ...] | None = None
    reach: Reach = "everything"
    triplet_cutoff: float | None = None
    arguments: Mapping[str, Any] | None = None
    n_features: int
    of_structures: bool = False

    def forward(self, graph: Graph) -> Tensor:
        """Features (N, B) or (S, B), differentiable with respect to positions and cell."""
        raise NotImplementedError

    def precompute(self, graph: Graph) -> Precomputed:
        """Features and how they change when atoms move: all that a training needs to know of the structures."""
        raise NotImplementedError

    def __call__(self, graph: Graph) -> Tensor:
        """`forward`, after `check_graph`."""
        check_graph(self, graph)
        return super().__call__(graph)


class Readout(nn.Module):
    """What turns features into energies; weights, the scaling of features and their known range are here."""

    def forward(self, features: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Results by name, as those of a `Model`, from features (N, B) or (S, B) and atomic numbers (N,)."""
        raise NotImplementedError

    def fit_scaling(self, features: Tensor, numbers: Tensor) -> None:
        """Learn from training data how features are spread; training calls it once, before the first step."""

    def extrapolation(self, features: Tensor, numbers: Tensor) -> Tensor | None:
        """How far each atom lies outside the training data (N,), 0 inside; None: it cannot tell."""


class DescribedModel(Model):
    """Features without weights, then a readout: E = readout(descriptor(Z, r)).

    Training such a model needs no new descriptor: features and their derivatives are computed once, and forces follow
    by the chain rule.

    Args:
        descriptor: whose features do not change in training.
        readout: that turns them into energies.

    Raises:
        ValueError: a descriptor with weights; they would not be trained.
    """

    def __init__(self, descriptor: Descriptor, readout: Readout):
        super().__init__()
        if weights := [name for name, _ in descriptor.named_parameters()]:
            raise ValueError(
                f"the descriptor has weights ({weights[0]}), which a DescribedModel computes once and never trains: "
                "derive the model from Model instead"
            )
        self.descriptor, self.readout = descriptor, readout
        self.cutoff, self.elements, self.reach = descriptor.cutoff, descriptor.elements, descriptor.reach
        self.triplet_cutoff = descriptor.triplet_cutoff

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Results of the readout, and "extrapolation" (N,) where it knows its training data."""
        features = self.descriptor(graph)
        return self.readout(features, graph.numbers) | self.extrapolation(features, graph.numbers)

    def extrapolation(self, features: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """How far the features of each atom lie outside the training data: {"extrapolation": (N,)}, or nothing."""
        grades = self.readout.extrapolation(features.detach(), numbers)
        return {} if grades is None else {"extrapolation": grades}

    def precompute(self, graph: Graph) -> Precomputed:
        """All that does not depend on weights, to be used in every epoch of a training."""
        check_graph(self, graph)
        with torch.no_grad():
            return self.descriptor.precompute(graph)

    def predict(
        self, known: Precomputed, forces: bool = True, stress: bool = False, differentiable: bool = False
    ) -> dict[str, Tensor]:
        """The same results as a `Potential` gives, by the chain rule: linear algebra, no new descriptor.

            F_a = −Σ_b ∂E/∂x_b ∂x_b/∂r_a

        Args:
            known: from `precompute`.
            forces, stress, differentiable: as those of a `Potential`.
        """
        with torch.set_grad_enabled(forces or stress or differentiable):
            features = known.features.detach().requires_grad_(forces or stress)
            out = self.readout(features, known.numbers)
            out = {**out, "energy": total_energy(out, known.structure, len(known.cell))}
            if not (forces or stress):
                return out
            slopes = torch.autograd.grad(out["energy"].sum(), features, create_graph=differentiable)[0]  # (F, B)
            pulls = torch.bmm(slopes.index_select(0, known.row)[:, None], known.derivatives)[:, 0]  # (D, 3)
        if forces:
            out["forces"] = slopes.new_zeros(len(known.numbers), 3).index_add(0, known.atom, -pulls)
            if len(known.anchor):
                out["forces"] = out["forces"].index_add(0, known.anchor, pulls)
        if stress:
            virials = known.vectors[:, :, None] * pulls[:, None]  # (D, 3, 3)
            virial = segment_sum(virials, known.structure[known.atom], len(known.cell))
            out["stress"] = virial / torch.linalg.det(known.cell).abs()[:, None, None]
        return out if differentiable else {name: value.detach() for name, value in out.items()}


class Precomputed(NamedTuple):
    """Structures as a `DescribedModel` sees them in training: features, and the D derivatives that are not zero.

    Attributes:
        numbers: atomic numbers (N,).
        structure: owner of each atom (N,).
        cell: (S, 3, 3) in Å.
        features: (N, B) or (S, B).
        derivatives: (D, B, 3) in 1/Å.
        row: which row of the features changes (D,).
        atom: which atom moves it (D,).
        anchor: which atom moves it the other way (D,), the center of an edge; empty (0,) where none does.
        vectors: what a strain stretches (D, 3) in Å: the edge, or the position of the atom.
    """

    numbers: Tensor
    structure: Tensor
    cell: Tensor
    features: Tensor
    derivatives: Tensor
    row: Tensor
    atom: Tensor
    anchor: Tensor
    vectors: Tensor

    @staticmethod
    def side_by_side(parts: Sequence[Precomputed]) -> Precomputed:
        """Many as one; the results are those of each."""
        counted = {"structure": "cell", "row": "features", "atom": "numbers", "anchor": "numbers"}
        joined = {}
        for name in Precomputed._fields:
            columns = [getattr(part, name) for part in parts]
            if name in counted:
                before = itertools.accumulate((len(getattr(part, counted[name])) for part in parts), initial=0)
                columns = [column + n for column, n in zip(columns, before, strict=False)]
            joined[name] = torch.cat(columns)
        return Precomputed(**joined)


class Fitted:
    """A model whose weights are solved for, not descended to: least squares, a kernel. `mn.fit` calls it.

    Attributes:
        grows: names of the buffers whose sizes data decide, so that a file can be read into a model that has seen none.
    """

    grows: tuple[str, ...] = ()

    def fit(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take everything from training data.

        Args:
            graph: all structures side by side.
            labels: "energy" (S,) in eV, without the reference energies; "forces" (N, 3) in eV/Å where known.
        """
        raise NotImplementedError


def precision_of(module: nn.Module) -> torch.dtype | None:
    """Floating-point type of a module's weights; None if it has none."""
    return next((weight.dtype for weight in module.parameters() if weight.is_floating_point()), None)


def total_energy(out: Mapping[str, Tensor], structure: Tensor, n_structures: int) -> Tensor:
    """Energy of each structure (S,): as the model gave it, or the sum of its atoms' energies.

    Raises:
        ValueError: the model gave neither "energy" nor "energies".
    """
    if "energy" in out:
        return out["energy"]
    if "energies" not in out:
        raise ValueError(f'the model gave {", ".join(out) or "nothing"}; it must give "energy" or "energies"')
    return segment_sum(out["energies"], structure, n_structures)


def check_graph(model: Model | Descriptor, graph: Graph) -> None:
    """Refuse a graph that a model or descriptor would get wrong.

    Raises:
        ValueError: no edges or too short ones, an unknown element.
    """
    if model.cutoff is not None and (graph.cutoff is None or graph.cutoff < model.cutoff):
        reach = "has no edges" if graph.cutoff is None else f"reaches {graph.cutoff} Å"
        raise ValueError(f"the graph {reach}, but the model needs {model.cutoff} Å: rebuild it")
    if model.elements is not None:
        strangers = ~torch.isin(graph.numbers, torch.tensor(model.elements, device=graph.numbers.device))
        if bool(strangers.any()):
            stranger = int(graph.numbers[strangers][0])
            raise ValueError(f"atomic number {stranger} is unknown to this model; it knows {list(model.elements)}")
