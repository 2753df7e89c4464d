"""Atom-centered symmetry functions: an atom's environment in numbers that know no origin, axes or labels.

Every function is a sum over neighbors (radial) or over pairs of neighbors (angular) of a term that depends on distances
only; so it does not change when the structure is moved, turned, or its equal atoms are exchanged.
Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Behler, J. Chem. Phys. 134, 074106 (2011); in the form of ANI:
Smith, Isayev & Roitberg, Chem. Sci. 8, 3192 (2017).

The names are those of 2011. What the slide and the paper of 2007 call G¹ (radial) and G² (angular) are G² and G⁴ here:

    2011   G¹ = Σ_j f_c      G² radial Gaussian      G³ radial cosine      G⁴ angular with r_jk      G⁵ angular without
    2007                     G¹                                            G²

Pairs of neighbors are counted once, as in most codes; the double sum of the slide is twice as large. The same in
plain loops, to be read beside the paper: `plain`.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.descriptors.angular_terms import (
    AngularProducts,
    ANIAngles,
    BehlerAngles,
    decay,
    length,
    slopes,
    values_and_slopes,
)
from mininnip.graph import Graph, triplets
from mininnip.model import Descriptor, Precomputed, check_graph
from mininnip.radial import cosine_cutoff


def gaussian_term(r: Tensor, eta: Tensor, shift: Tensor) -> Tensor:
    """Radial term of G², without its cutoff: exp[−η (r − r_s)²]; with η = 0 it is that of G¹.

    Args:
        r: distances (...) in Å.
        eta: η (...) in 1/Å².
        shift: r_s (...) in Å.

    Returns:
        (...), whatever the three shapes broadcast to.
    """
    return decay(eta * (r - shift) ** 2)


class _Environment(Descriptor):
    """What every set of symmetry functions shares: channels of elements, sums over neighbors, derivatives.

    A set has `n_radial` functions of a distance, `_radial(r)`, which `cutoff_function` fades out, and angular parts, of
    which it takes the functions that they list.
    """

    reach = "own edges"
    elements: tuple[int, ...]
    element_row: Tensor
    picked: Tensor
    n_radial: int

    def __init__(
        self,
        elements: Sequence[int],
        radial_cutoff: float,
        angular_cutoff: float,
        cutoff_function: Callable[[Tensor, float], Tensor],
        angular_parts: Sequence[AngularProducts],
    ):
        super().__init__()
        self.elements = tuple(sorted(set(elements)))
        self.radial_cutoff, self.angular_cutoff = float(radial_cutoff), float(angular_cutoff)
        self.cutoff = max(self.radial_cutoff, self.angular_cutoff)  # reach of the longest sum in Å
        self.triplet_cutoff = self.angular_cutoff if angular_parts else 0.0
        self.cutoff_function, self.angular_parts = cutoff_function, nn.ModuleList(angular_parts)
        rows = torch.full((119,), -1)
        rows[list(self.elements)] = torch.arange(len(self.elements))
        self.register_buffer("element_row", rows, persistent=False)
        before = itertools.accumulate((part.n_shells * part.n_angles for part in angular_parts), initial=0)
        picked = [start + column for start, part in zip(before, angular_parts, strict=False) for column in part.picked]
        self.register_buffer("picked", torch.tensor(picked, dtype=torch.int64), persistent=False)

    @property
    def n_angular(self) -> int:
        """Angular functions for each pair of elements."""
        return len(self.picked)

    @property
    def n_features(self) -> int:
        """Functions per atom B: radial ones for each element, angular ones for each pair of elements."""
        n = len(self.elements)
        return n * self.n_radial + n * (n + 1) // 2 * self.n_angular

    def forward(self, graph: Graph) -> Tensor:
        """Symmetry functions of every atom (N, B), differentiable with respect to positions and cell."""
        vectors = graph.edge_vectors().T.contiguous()  # (3, E)
        edges, pairs = self._within_reach(graph, vectors)
        rows_of_edges, rows_of_pairs = self._rows(graph, edges, pairs)
        r_ij = length(vectors.index_select(1, edges))
        terms = self._radial(r_ij) * self.cutoff_function(r_ij, self.radial_cutoff)
        features = [_sum_by_atom(terms, rows_of_edges, graph.n_atoms)]
        if self.n_angular:
            ij, ik = (vectors.index_select(1, edge) for edge in pairs)
            tables = [_sum_by_atom(part(ij, ik), rows_of_pairs, graph.n_atoms) for part in self.angular_parts]
            features.append(torch.cat(tables, dim=2).index_select(2, self.picked))
        return torch.cat([table.flatten(1) for table in features], dim=1)

    def with_derivatives(self, graph: Graph) -> tuple[Tensor, Tensor]:
        """Symmetry functions, and how those of the center change when a neighbor moves.

        Returns:
            features (N, B); derivatives ∂G_i/∂r_ij (E, B, 3) in 1/Å, one row for every edge of the graph.
        """
        check_graph(self, graph)
        vectors = graph.edge_vectors().T.contiguous()  # (3, E)
        edges, pairs = self._within_reach(graph, vectors)
        rows_of_edges, rows_of_pairs = self._rows(graph, edges, pairs)
        n_edges = vectors.shape[1]
        terms, pull = self._radial_with_pulls(vectors.index_select(1, edges))
        features = [_sum_by_atom(terms, rows_of_edges, graph.n_atoms)]
        derivatives = [_sum_by_edge([pull], edges[None], rows_of_edges, n_edges).transpose(2, 3)]
        if self.n_angular:
            ij, ik = (vectors.index_select(1, edge) for edge in pairs)
            tables, slopes_of_tables = [], []
            for part in self.angular_parts:
                terms, *pulls = part.with_pulls(ij, ik)  # type: ignore[operator]
                tables.append(_sum_by_atom(terms, rows_of_pairs, graph.n_atoms))
                by_edge = _sum_by_edge(pulls, pairs, rows_of_pairs, n_edges)  # (E, channels, n_shells, 3, n_angles)
                slopes_of_tables.append(by_edge.transpose(3, 4).flatten(2, 3))
            features.append(torch.cat(tables, dim=2).index_select(2, self.picked))
            derivatives.append(torch.cat(slopes_of_tables, dim=2).index_select(2, self.picked))
        return torch.cat([f.flatten(1) for f in features], dim=1), torch.cat([d.flatten(1, 2) for d in derivatives], 1)

    def precompute(self, graph: Graph) -> Precomputed:
        """Symmetry functions, and their derivatives edge by edge."""
        features, derivatives = self.with_derivatives(graph)
        i, j = graph.edges
        return Precomputed(
            numbers=graph.numbers,
            structure=graph.structure,
            cell=graph.cell,
            features=features,
            derivatives=derivatives,
            row=i,
            atom=j,
            anchor=i,
            vectors=graph.edge_vectors(),
        )

    def _radial(self, r_ij: Tensor) -> Tensor:
        """Radial functions (B_r, E) without their cutoff from distances (E,), or from one for each (B_r, E)."""
        raise NotImplementedError

    def _radial_with_pulls(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Radial terms (B_r, E), cutoff included, and their derivatives (3, B_r, E)."""
        r_ij = length(vectors).requires_grad_()
        values, slope = values_and_slopes(self._radial, r_ij, self.n_radial)
        with torch.enable_grad():
            fade = self.cutoff_function(r_ij, self.radial_cutoff)
            fading = slopes(fade, [r_ij])[0]
        fade, r_ij = fade.detach(), r_ij.detach()
        return values * fade, (slope * fade + values * fading) * (vectors / r_ij)[:, None]

    def _within_reach(self, graph: Graph, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Edges of the radial sums (E_r,), and pairs of edges of the angular sums (2, T)."""
        squared = (vectors.detach() ** 2).sum(dim=0)
        edges = (squared < self.radial_cutoff**2).nonzero()[:, 0]
        if self.n_angular == 0:
            return edges, edges.new_zeros(2, 0)
        near = (squared < self.angular_cutoff**2).nonzero()[:, 0]
        return edges, near[triplets(graph.edges[0, near])]

    def _rows(self, graph: Graph, edges: Tensor, pairs: Tensor) -> tuple["Rows", "Rows"]:
        """Where each radial and each angular term is summed: a row for every atom and channel."""
        kinds = self.element_row[graph.numbers]
        i, j = graph.edges
        n = len(self.elements)
        radial = Rows(i[edges] * n + kinds[j[edges]], n)
        n_pairs = n * (n + 1) // 2
        low, high = kinds[j[pairs]].aminmax(dim=0)
        return radial, Rows(i[pairs[0]] * n_pairs + self._pair_of_elements(low, high), n_pairs)

    def _pair_of_elements(self, low: Tensor, high: Tensor) -> Tensor:
        """Channel of an unordered pair of elements: (0, 0), (0, 1), (1, 1), (0, 2), …"""
        return high * (high + 1) // 2 + low


@remembers_arguments
class SymmetryFunctions(_Environment):
    """Symmetry functions as Behler defined them, with the names of 2011.

        G²_i = Σ_j e^{−η (r_ij − r_s)²} f_c(r_ij)              G¹: the same with η = 0
        G³_i = Σ_j cos(κ r_ij) f_c(r_ij)
        G⁴_i = 2^{1−ζ} Σ_{j<k} (1 + λ cos θ_jik)^ζ e^{−η (r_ij² + r_ik² + r_jk²)} f_c(r_ij) f_c(r_ik) f_c(r_jk)
        G⁵_i = 2^{1−ζ} Σ_{j<k} (1 + λ cos θ_jik)^ζ e^{−η (r_ij² + r_ik²)} f_c(r_ij) f_c(r_ik)

    Order of the features: for each element of the neighbor (by atomic number) G², G³ as listed; then for each pair of
    elements ((1, 1), (1, 2), (2, 2), …) G⁴, G⁵ as listed.

    Args:
        elements: atomic numbers that may occur.
        cutoff: r_c in Å.
        g2: pairs (η in 1/Å², r_s in Å).
        g3: κ in 1/Å.
        g4, g5: triples (η in 1/Å², ζ ≥ 1, λ = ±1).
        cutoff_function: f_c(r, r_c), e.g. `cosine_cutoff` or `tanh_cutoff`.
        angular_cutoff: r_c of G⁴ and G⁵ in Å; None: the same. Pairs of neighbors grow with its sixth power.

    Raises:
        ValueError: unknown element, cutoff that is not positive, no function at all, parameters that are no pairs or
            triples of finite numbers, η < 0, ζ < 1 or λ other than ±1; on a call: an atom of an element without
            functions, edges shorter than the cutoff.
    """

    def __init__(
        self,
        elements: Sequence[int],
        cutoff: float,
        g2: Sequence[tuple[float, float]] = (),
        g3: Sequence[float] = (),
        g4: Sequence[tuple[float, float, float]] = (),
        g5: Sequence[tuple[float, float, float]] = (),
        cutoff_function: Callable[[Tensor, float], Tensor] = cosine_cutoff,
        angular_cutoff: float | None = None,
    ):
        near = cutoff if angular_cutoff is None else angular_cutoff
        _check_elements_and_cutoffs(elements, cutoff, near)
        if not (g2 or g3 or g4 or g5):
            raise ValueError("there is no symmetry function; give parameters for g2, g3, g4 or g5")
        _check_rows("g2", g2, "a pair (η, r_s)", 2)
        _check_rows("g3", [(kappa,) for kappa in g3], "a number κ", 1)
        for name, rows in (("g4", g4), ("g5", g5)):
            _check_rows(name, rows, "a triple (η, ζ, λ)", 3)
        if not all(eta >= 0 for eta, *_ in (*g2, *g4, *g5)):
            raise ValueError("η must not be negative: the functions would grow with the distance")
        if not all(zeta >= 1 and sign in (1, -1) for _, zeta, sign in (*g4, *g5)):
            raise ValueError("angular functions need ζ ≥ 1 and λ = 1 or −1, as triples (η, ζ, λ)")
        parts = [BehlerAngles(g, near, cutoff_function, third_side) for g, third_side in ((g4, True), (g5, False)) if g]
        super().__init__(elements, cutoff, near, cutoff_function, parts)
        self.n_radial = len(g2) + len(g3)
        self.register_buffer("g2", torch.tensor(g2, dtype=torch.float64).reshape(-1, 2))
        self.register_buffer("g3", torch.tensor(g3, dtype=torch.float64))
        self.register_buffer("g4", torch.tensor(g4, dtype=torch.float64).reshape(-1, 3))
        self.register_buffer("g5", torch.tensor(g5, dtype=torch.float64).reshape(-1, 3))

    g2: Tensor
    g3: Tensor
    g4: Tensor
    g5: Tensor

    def _radial(self, r_ij: Tensor) -> Tensor:
        (eta, shift), kappa = self.g2.to(r_ij.dtype).T[:, :, None], self.g3.to(r_ij.dtype)[:, None]
        for_g2, for_g3 = (r_ij, r_ij) if r_ij.dim() == 1 else r_ij.split([len(eta), len(kappa)])
        return torch.cat([gaussian_term(for_g2, eta, shift), torch.cos(kappa * for_g3)])


@remembers_arguments
class ANISymmetryFunctions(_Environment):
    """Symmetry functions as ANI uses them: shells in distance, sections in angle.

        radial:   ¼ Σ_j e^{−η (r_ij − r_s)²} f_c(r_ij)
        angular:  2 Σ_{j<k} {[1 + cos(θ_jik − θ_s)] / 2}^ζ e^{−η' [(r_ij + r_ik)/2 − r_s']²} f_c(r_ij) f_c(r_ik)

    with the angle softened to θ = arccos(0.95 cos θ), whose derivative exists at 0 and π too, as TorchANI has it.

    Args:
        elements: atomic numbers that may occur.
        radial_cutoff, angular_cutoff: in Å.
        radial_eta: η in 1/Å².
        radial_shifts: r_s in Å.
        angular_eta: η' in 1/Å².
        zeta: ζ.
        angular_shifts: r_s' in Å.
        sections: θ_s in radian.

    Raises:
        ValueError: unknown element, cutoff that is not positive, a parameter that is not finite or negative; on a call:
            an atom of an element without functions, edges shorter than the cutoff.
    """

    def __init__(
        self,
        elements: Sequence[int],
        radial_cutoff: float,
        angular_cutoff: float,
        radial_eta: float,
        radial_shifts: Sequence[float],
        angular_eta: float,
        zeta: float,
        angular_shifts: Sequence[float],
        sections: Sequence[float],
    ):
        _check_elements_and_cutoffs(elements, radial_cutoff, angular_cutoff)
        _check_rows("the parameters", [(radial_eta, angular_eta, zeta)], "η, η' and ζ", 3)
        for name, values in (("radial", radial_shifts), ("angular", angular_shifts), ("section", sections)):
            _check_rows(name, [(value,) for value in values], "a number", 1)
        if not (radial_eta >= 0 and angular_eta >= 0 and zeta > 0):
            raise ValueError(f"η and η' must not be negative, ζ positive; got {radial_eta}, {angular_eta}, {zeta}")
        angles = ANIAngles(float(angular_cutoff), float(angular_eta), float(zeta), angular_shifts, sections)
        super().__init__(elements, radial_cutoff, angular_cutoff, cosine_cutoff, [angles])
        self.radial_eta, self.n_radial = float(radial_eta), len(radial_shifts)
        self.register_buffer("radial_shifts", torch.as_tensor(radial_shifts, dtype=torch.float64))

    radial_shifts: Tensor

    def _pair_of_elements(self, low: Tensor, high: Tensor) -> Tensor:
        """TorchANI's order: (0, 0), (0, 1), (0, 2), …, (1, 1), (1, 2), …"""
        return low * (2 * len(self.elements) - low - 1) // 2 + high

    def _radial(self, r_ij: Tensor) -> Tensor:
        return 0.25 * decay(self.radial_eta * (r_ij - self.radial_shifts.to(r_ij.dtype)[:, None]) ** 2)


class Rows(NamedTuple):
    """Sums to make: term e goes to row `index[e]` of a table with `n_channels` rows for every atom."""

    index: Tensor
    n_channels: int


def _sum_by_atom(terms: Tensor, rows: Rows, n_atoms: int) -> Tensor:
    """Add up the terms of every atom and channel: (B, T) -> (N, channels, B)."""
    total = terms.new_zeros(len(terms), n_atoms * rows.n_channels).index_add(1, rows.index, terms)
    return total.T.reshape(n_atoms, rows.n_channels, len(terms))


def _sum_by_edge(pulls: Sequence[Tensor], edges: Tensor, rows: Rows, n_edges: int) -> Tensor:
    """Add up the derivatives of every edge, each in its channel.

    Args:
        pulls: one tensor (..., T) for each row of edges.
        edges: which edge a derivative belongs to (1, T) or (2, T).
        rows: as for the terms.
        n_edges: E.

    Returns:
        (E, channels, ...).
    """
    channels, shape = rows.index % rows.n_channels, pulls[0].shape[:-1]
    total = pulls[0].new_zeros(shape.numel(), n_edges * rows.n_channels)
    for pull, edge in zip(pulls, edges, strict=True):
        total.index_add_(1, edge * rows.n_channels + channels, pull.flatten(0, -2))
    return total.T.reshape(n_edges, rows.n_channels, *shape)


def _check_rows(name: str, rows: Sequence[Sequence[float]], what: str, width: int) -> None:
    """Refuse parameters that are no rows of finite numbers: a triple among pairs would be cut into other pairs."""
    for row in rows:
        if np.shape(row) != (width,) or not np.isfinite(np.asarray(row, dtype=float)).all():
            raise ValueError(f"each entry of {name} must be {what} of finite numbers, got {row}")


def _check_elements_and_cutoffs(elements: Sequence[int], *cutoffs: float) -> None:
    if len(elements) == 0 or not all(number in range(1, 119) for number in elements):
        raise ValueError(f"elements are given by their atomic numbers, 1 to 118; got {tuple(elements)}")
    for cutoff in cutoffs:
        cosine_cutoff(torch.zeros(1), float(cutoff))  # refuses one that is not positive
