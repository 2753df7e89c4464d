"""Atom-centered symmetry functions: an atom's environment in numbers that know no origin, axes or labels (layer 2).

Every function is a sum over neighbors (radial) or over pairs of neighbors (angular) of a term that depends on distances
only; so it does not change when the structure is moved, turned, or its equal atoms are exchanged.
Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007); Behler, J. Chem. Phys. 134, 074106 (2011); in the form of ANI:
Smith, Isayev & Roitberg, Chem. Sci. 8, 3192 (2017).

The names are those of 2011. What the slide and the paper of 2007 call G¹ (radial) and G² (angular) are G² and G⁴ here:

    2011   G¹ = Σ_j f_c      G² radial Gaussian      G³ radial cosine      G⁴ angular with r_jk      G⁵ angular without
    2007                     G¹                                            G²

Pairs of neighbors are counted once, as in most codes; the double sum of the slide is twice as large. Imports `graph`
and `radial`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph, segment_sum, triplets
from mininnip.radial import cosine_cutoff


def gaussian_term(r: Tensor, eta: Tensor, shift: Tensor) -> Tensor:
    """Radial term of G², without its cutoff: exp[−η (r − r_s)²]; with η = 0 it is that of G¹.

    Args:
        r: distances (E, 1) in Å.
        eta: η (B,) in 1/Å².
        shift: r_s (B,) in Å.

    Returns:
        (E, B).
    """
    return torch.exp(-eta * (r - shift) ** 2)


def angular_term(cosine: Tensor, zeta: Tensor, sign: Tensor) -> Tensor:
    """Angular factor of G⁴ and G⁵: 2^(1−ζ) (1 + λ cos θ)^ζ; 2 at θ = 0 for λ = 1 and any ζ.

    Args:
        cosine: cos θ (T, 1).
        zeta: ζ (B,).
        sign: λ (B,), +1 or −1.

    Returns:
        (T, B).
    """
    return 2 ** (1 - zeta) * (1 + sign * cosine).clamp(min=0) ** zeta


class _Environment(nn.Module):
    """What every set of symmetry functions shares: channels of elements, sums over neighbors, derivatives.

    A set says how far its sums reach, how many functions it has, and what their terms are, cutoffs included:
    `_radial(r_ij)` (E, B_r) and `_angular(r_ij, r_ik, r_jk)` (T, B_a). Column b of the terms depends on column b of the
    distances only, which are given once for all columns, (E, 1), or once for each, (E, B_r).
    """

    local = True
    element_row: Tensor
    n_radial: int
    n_angular: int

    def __init__(self, elements: Sequence[int], radial_cutoff: float, angular_cutoff: float):
        super().__init__()
        if len(elements) == 0 or not all(number in range(1, 119) for number in elements):
            raise ValueError(f"elements are given by their atomic numbers, 1 to 118; got {tuple(elements)}")
        self.elements = tuple(sorted(elements))
        self.radial_cutoff, self.angular_cutoff = float(radial_cutoff), float(angular_cutoff)
        for cutoff in (self.radial_cutoff, self.angular_cutoff):
            cosine_cutoff(torch.zeros(1), cutoff)  # refuses one that is not positive
        rows = torch.full((119,), -1)
        rows[list(self.elements)] = torch.arange(len(self.elements))
        self.register_buffer("element_row", rows, persistent=False)

    @property
    def cutoff(self) -> float:
        """Reach of the longest sum in Å."""
        return max(self.radial_cutoff, self.angular_cutoff)

    @property
    def n_features(self) -> int:
        """Functions per atom B: radial ones for each element, angular ones for each pair of elements."""
        n = len(self.elements)
        return n * self.n_radial + n * (n + 1) // 2 * self.n_angular

    def forward(self, graph: Graph) -> Tensor:
        """Symmetry functions of every atom (N, B), differentiable with respect to positions and cell."""
        vectors = graph.edge_vectors()
        edges, pairs = self._within_reach(graph, vectors)
        rows_of_edges, rows_of_pairs = self._rows(graph, edges, pairs)
        r_ij = torch.linalg.vector_norm(vectors[edges], dim=1, keepdim=True)
        radial = _sum_rows(self._radial(r_ij), rows_of_edges, graph.n_atoms)
        angular = _sum_rows(self._angular(*_three_distances(vectors, pairs)), rows_of_pairs, graph.n_atoms)
        return torch.cat([radial, angular], dim=1)

    def with_derivatives(self, graph: Graph) -> tuple[Tensor, Tensor]:
        """Symmetry functions, and how those of the center change when a neighbor moves.

        Returns:
            features (N, B); derivatives ∂G_i/∂r_ij (E, B, 3) in 1/Å, one row for every edge of the graph.
        """
        vectors = graph.edge_vectors()
        edges, pairs = self._within_reach(graph, vectors)
        rows_of_edges, rows_of_pairs = self._rows(graph, edges, pairs)
        r_ij = torch.linalg.vector_norm(vectors[edges], dim=1, keepdim=True)
        distances = _three_distances(vectors, pairs)
        values, (slope,) = _values_and_slopes(self._radial, (r_ij,), self.n_radial)
        features = [_sum_rows(values, rows_of_edges, graph.n_atoms)]
        along = slope[:, :, None] * (vectors[edges] / r_ij)[:, None, :]  # (E_r, B_r, 3)
        derivatives = [_sum_by_edge(along, edges, rows_of_edges, len(vectors))]
        values, slopes = _values_and_slopes(self._angular, distances, self.n_angular)
        features.append(_sum_rows(values, rows_of_pairs, graph.n_atoms))
        ij, ik = vectors[pairs[0]], vectors[pairs[1]]
        directions = (v / d for v, d in zip((ij, ik, ik - ij), distances, strict=True))
        by_ij, by_ik, by_jk = (g[:, :, None] * u[:, None, :] for g, u in zip(slopes, directions, strict=True))
        rows = Rows(rows_of_pairs.index.repeat(2), rows_of_pairs.n_channels)
        derivatives.append(_sum_by_edge(torch.cat([by_ij - by_jk, by_ik + by_jk]), pairs.flatten(), rows, len(vectors)))
        return torch.cat(features, dim=1), torch.cat(derivatives, dim=1)

    def _radial(self, r_ij: Tensor) -> Tensor:
        raise NotImplementedError

    def _angular(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> Tensor:
        raise NotImplementedError

    def _within_reach(self, graph: Graph, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Edges of the radial sums (E_r,), and pairs of edges of the angular sums (2, T)."""
        squared = (vectors.detach() ** 2).sum(dim=1)
        edges = (squared < self.radial_cutoff**2).nonzero()[:, 0]
        if self.n_angular == 0:
            return edges, edges.new_zeros(2, 0)
        near = (squared < self.angular_cutoff**2).nonzero()[:, 0]
        return edges, near[triplets(graph.edges[0, near])]

    def _rows(self, graph: Graph, edges: Tensor, pairs: Tensor) -> tuple["Rows", "Rows"]:
        """Where each radial and each angular term is summed: a row for every atom and channel."""
        kinds = self.element_row[graph.numbers]
        if bool((kinds < 0).any()):
            stranger = int(graph.numbers[kinds < 0][0])
            raise ValueError(f"no symmetry functions for atomic number {stranger}; there are for {list(self.elements)}")
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

    Raises:
        ValueError: unknown element, cutoff that is not positive, no function at all, ζ < 1 or λ other than ±1; on a
            call: an atom of an element without functions.
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
    ):
        super().__init__(elements, cutoff, cutoff)
        if not (g2 or g3 or g4 or g5):
            raise ValueError("there is no symmetry function; give parameters for g2, g3, g4 or g5")
        if any(zeta < 1 or sign not in (1, -1) for _, zeta, sign in (*g4, *g5)):
            raise ValueError("angular functions need ζ ≥ 1 and λ = 1 or −1, as triples (η, ζ, λ)")
        self.n_radial, self.n_angular = len(g2) + len(g3), len(g4) + len(g5)
        self.cutoff_function = cutoff_function
        self.register_buffer("g2", torch.tensor(g2, dtype=torch.float64).reshape(-1, 2))
        self.register_buffer("g3", torch.tensor(g3, dtype=torch.float64))
        self.register_buffer("g4", torch.tensor(g4, dtype=torch.float64).reshape(-1, 3))
        self.register_buffer("g5", torch.tensor(g5, dtype=torch.float64).reshape(-1, 3))

    g2: Tensor
    g3: Tensor
    g4: Tensor
    g5: Tensor

    def _radial(self, r_ij: Tensor) -> Tensor:
        eta, shift = self.g2.to(r_ij.dtype).T
        for_g2, for_g3 = _columns(r_ij, len(self.g2), len(self.g3))
        terms = [gaussian_term(for_g2, eta, shift), torch.cos(self.g3.to(r_ij.dtype) * for_g3)]
        return torch.cat(terms, dim=1) * self.cutoff_function(r_ij, self.radial_cutoff)

    def _angular(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> Tensor:
        cosine = _cosine(r_ij, r_ik, r_jk)
        fade = self.cutoff_function(r_ij, self.angular_cutoff) * self.cutoff_function(r_ik, self.angular_cutoff)
        squares, n = r_ij**2 + r_ik**2, (len(self.g4), len(self.g5))
        (cosine4, cosine5), (squares4, squares5) = _columns(cosine, *n), _columns(squares, *n)
        r_jk, _ = _columns(r_jk, *n)
        eta, zeta, sign = self.g4.to(r_ij.dtype).T
        g4 = angular_term(cosine4, zeta, sign) * torch.exp(-eta * (squares4 + r_jk**2))
        g4 = g4 * self.cutoff_function(r_jk, self.angular_cutoff)
        eta, zeta, sign = self.g5.to(r_ij.dtype).T
        g5 = angular_term(cosine5, zeta, sign) * torch.exp(-eta * squares5)
        return torch.cat([g4, g5], dim=1) * fade  # (T, B_a)


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
        ValueError: unknown element or cutoff that is not positive; on a call: an atom of an element without functions.
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
        super().__init__(elements, radial_cutoff, angular_cutoff)
        self.radial_eta, self.angular_eta, self.zeta = float(radial_eta), float(angular_eta), float(zeta)
        self.n_radial, self.n_angular = len(radial_shifts), len(angular_shifts) * len(sections)
        self.register_buffer("radial_shifts", torch.as_tensor(radial_shifts, dtype=torch.float64))
        shifts, angles = (torch.as_tensor(values, dtype=torch.float64) for values in (angular_shifts, sections))
        self.register_buffer("angular_shifts", shifts.repeat_interleave(len(angles)))  # of every function (B_a,)
        self.register_buffer("sections", angles.repeat(len(shifts)))  # of every function (B_a,)

    radial_shifts: Tensor
    angular_shifts: Tensor
    sections: Tensor

    def _pair_of_elements(self, low: Tensor, high: Tensor) -> Tensor:
        """TorchANI's order: (0, 0), (0, 1), (0, 2), …, (1, 1), (1, 2), …"""
        return low * (2 * len(self.elements) - low - 1) // 2 + high

    def _radial(self, r_ij: Tensor) -> Tensor:
        shells = torch.exp(-self.radial_eta * (r_ij - self.radial_shifts.to(r_ij.dtype)) ** 2)
        return 0.25 * shells * cosine_cutoff(r_ij, self.radial_cutoff)

    def _angular(self, r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> Tensor:
        cosine = 0.95 * _cosine(r_ij, r_ik, r_jk)
        sections = self.sections.to(r_ij.dtype)
        turned = cosine * torch.cos(sections) + torch.sqrt(1 - cosine**2) * torch.sin(sections)  # cos(θ − θ_s)
        shells = torch.exp(-self.angular_eta * ((r_ij + r_ik) / 2 - self.angular_shifts.to(r_ij.dtype)) ** 2)
        fade = 2 * cosine_cutoff(r_ij, self.angular_cutoff) * cosine_cutoff(r_ik, self.angular_cutoff)
        return ((1 + turned) / 2) ** self.zeta * shells * fade  # (T, B_a)


class Rows(NamedTuple):
    """Sums to make: term e goes to row `index[e]` of a table with `n_channels` rows for every atom."""

    index: Tensor
    n_channels: int


def _three_distances(vectors: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distances r_ij, r_ik, r_jk of the pairs of edges, each (T, 1)."""
    ij, ik = vectors[pairs[0]], vectors[pairs[1]]
    r_ij, r_ik, r_jk = (torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (ij, ik, ik - ij))
    return r_ij, r_ik, r_jk


def _cosine(r_ij: Tensor, r_ik: Tensor, r_jk: Tensor) -> Tensor:
    """Cosine of the angle at i, by the law of cosines."""
    return ((r_ij**2 + r_ik**2 - r_jk**2) / (2 * r_ij * r_ik)).clamp(-1, 1)


def _columns(distances: Tensor, *counts: int) -> Sequence[Tensor]:
    """The columns of the first functions, of the next ones, …; one column stands for all."""
    return [distances] * len(counts) if distances.shape[1] == 1 else distances.split(list(counts), dim=1)


def _sum_rows(terms: Tensor, rows: Rows, n_atoms: int) -> Tensor:
    """Add up the terms of every atom and channel: (E, B) -> (N, channels · B)."""
    total = segment_sum(terms, rows.index, n_atoms * rows.n_channels)
    return total.reshape(n_atoms, rows.n_channels * terms.shape[1])


def _sum_by_edge(pulls: Tensor, edges: Tensor, rows: Rows, n_edges: int) -> Tensor:
    """Add up the derivatives of every edge, each in its channel: (T, B, 3) -> (n_edges, channels · B, 3)."""
    channels = rows.index % rows.n_channels
    total = segment_sum(pulls, edges * rows.n_channels + channels, n_edges * rows.n_channels)
    return total.reshape(n_edges, rows.n_channels * pulls.shape[1], 3)


def _values_and_slopes(
    terms: Callable[..., Tensor], distances: Sequence[Tensor], n_terms: int
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Terms (T, B) and their derivatives with respect to each distance (T, B).

    Every term gets distances of its own, so that one backward pass through the sum gives all derivatives.
    """
    with torch.enable_grad():
        copies = [d.detach().repeat(1, n_terms).requires_grad_() for d in distances]  # (T, B)
        values = terms(*copies)
        slopes = torch.autograd.grad(values.sum(), copies, allow_unused=True, materialize_grads=True)
    return values.detach(), slopes
