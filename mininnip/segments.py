"""Segments: rows that belong together, sorted once; then handed out and added up as often as wanted.

A layer hands each edge the features of its neighbor and adds up messages at each center. These two are each other's
derivative, and written so: gradients of any order cost as little as the first pass. Both directions of an edge have
one length, so what depends on it is calculated once for a pair.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mininnip.graph import Graph


class Segments(NamedTuple):
    """Which of n segments each of E rows belongs to.

    Attributes:
        index: (E,) integers below n.
        order: rows, segment by segment (E,).
        starts: where each segment starts in that order (n,).
    """

    index: Tensor
    order: Tensor
    starts: Tensor

    @staticmethod
    def of(index: Tensor, n: int) -> Segments:
        """Sort once."""
        order = torch.argsort(index, stable=True)
        counts = torch.bincount(index, minlength=n)
        return Segments(index, order, counts.cumsum(0) - counts)


def hand_out(values: Tensor, segments: Segments) -> Tensor:
    """Every row gets what its segment has: (n, ...) → (E, ...)."""
    return _HandOut.apply(values, *segments)


def add_up(values: Tensor, segments: Segments) -> Tensor:
    """Every segment gets the sum of its rows: (E, ...) → (n, ...)."""
    return _AddUp.apply(values, *segments)


class _HandOut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, *segments: Tensor) -> Tensor:
        ctx.segments = segments
        return values.index_select(0, segments[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _AddUp.apply(gradients[0], *ctx.segments), None, None, None


class _AddUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, *segments: Tensor) -> Tensor:
        ctx.segments = segments
        return _sums(values, Segments(*segments))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _HandOut.apply(gradients[0], *ctx.segments), None, None, None


def _sums(rows: Tensor, segments: Segments) -> Tensor:
    """Sums of rows (E, ...) in each segment (n, ...)."""
    index, order, starts = segments
    if rows.device.type != "cpu":
        return rows.new_zeros(len(starts), *rows.shape[1:]).index_add_(0, index, rows)
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    sums = torch.nn.functional.embedding_bag(order, flat, starts, mode="sum")  # reads rows in order, no copy
    return sums.reshape(len(starts), *rows.shape[1:])


def add_up_arrows(values: Tensor, directions: Tensor, segments: Segments, components: Segments) -> Tensor:
    """Every segment gets the sum of arrows, a direction times what goes along it: Σ_e u_ex b_ef, (n, K, F).

    With g (n, K, F) this is the form T = Σ_e Σ_xf u_ex b_ef g_{i(e)xf}, whose three slopes are each other's slopes, so
    that gradients of any order are sums of the same three kinds. No E K F products pass through memory.

    Args:
        values: b (E, F).
        directions: u (E, K), for space K = 3.
        segments: of the E rows.
        components: `arrow_components` of the segments.
    """
    return _Arrows.apply(values, directions, segments, components)


def arrow_components(segments: Segments, k: int = 3) -> Segments:
    """The K components of every row, by segment and component."""
    index = k * segments.index[:, None] + torch.arange(k, device=segments.index.device)
    return Segments.of(index.flatten(), k * len(segments.starts))


class _Arrows(torch.autograd.Function):
    """∂T/∂g."""

    @staticmethod
    def forward(ctx: Any, b: Tensor, u: Tensor, segments: Segments, components: Segments) -> Tensor:
        ctx.save_for_backward(b, u)
        ctx.of = segments, components
        n, k = len(segments.starts), u.shape[1]
        if b.device.type != "cpu":
            return b.new_zeros(n, k, b.shape[1]).index_add_(0, segments.index, u[:, :, None] * b[:, None])
        rows, weights = components.order // k, u.flatten().index_select(0, components.order)
        options = {"mode": "sum", "per_sample_weights": weights}
        return torch.nn.functional.embedding_bag(rows, b, components.starts, **options).reshape(n, k, b.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (b, u), g = ctx.saved_tensors, gradients[0].contiguous()
        return _Along.apply(u, g, *ctx.of), _Overlap.apply(b, g, *ctx.of), None, None


class _Along(torch.autograd.Function):
    """∂T/∂b = Σ_x u_ex g_{i(e)xf}."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, g: Tensor, segments: Segments, components: Segments) -> Tensor:
        ctx.save_for_backward(u, g)
        ctx.of = segments, components
        if u.device.type != "cpu":
            return (u[:, :, None] * g.index_select(0, segments.index)).sum(dim=1)
        rows = components.index.reshape(u.shape)
        return torch.nn.functional.embedding_bag(rows, g.flatten(0, 1), mode="sum", per_sample_weights=u.contiguous())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (u, g), b = ctx.saved_tensors, gradients[0].contiguous()
        return _Overlap.apply(b, g, *ctx.of), _Arrows.apply(b, u, *ctx.of), None, None


class _Overlap(torch.autograd.Function):
    """∂T/∂u = Σ_f b_ef g_{i(e)xf}."""

    @staticmethod
    def forward(ctx: Any, b: Tensor, g: Tensor, segments: Segments, components: Segments) -> Tensor:
        ctx.save_for_backward(b, g)
        ctx.of = segments, components
        return g.index_select(0, segments.index).mul_(b[:, None]).sum(dim=2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (b, g), u = ctx.saved_tensors, gradients[0].contiguous()
        return _Along.apply(u, g, *ctx.of), _Arrows.apply(b, u, *ctx.of), None, None


def add_up_filtered(values: Tensor, filters: Tensor, wiring: Wiring) -> Tensor:
    """Every center gets the sum of its neighbors' values, each through the filter of the pair, (N, ..., F).

        out_i = Σ_j W_ij ∘ x_j

    With g (N, ..., F) this is the form T = Σ_e Σ_f W_p(e)f x_j(e)f g_i(e)f, whose three slopes are sums of two kinds:
    one that goes to atoms, one that goes to pairs. Gradients of any order are these again, and nothing of the size of
    the edges is kept between them.

    Args:
        values: x (N, F) or (N, K, F).
        filters: W (P, F).
        wiring: of the graph.
    """
    return _Filtered.apply(values, filters, wiring.neighbors, wiring.centers, wiring.pairs)


class _Filtered(torch.autograd.Function):
    """Σ_e W_pf x_jf, rows that come from one end of the edges and go to the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, start: Segments, end: Segments, pairs: Segments) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.of = start, end, pairs
        weights = w.index_select(0, pairs.index)
        rows = x.index_select(0, start.index).mul_(weights if x.dim() == 2 else weights[:, None])
        return _sums(rows, end)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x, w), g, (start, end, pairs) = ctx.saved_tensors, gradients[0].contiguous(), ctx.of
        to_x, to_w = ctx.needs_input_grad[:2]
        slope_x = _Filtered.apply(g, w, end, start, pairs) if to_x else None
        slope_w = _Agreement.apply(x, g, start, end, pairs) if to_w else None
        return slope_x, slope_w, None, None, None


class _Agreement(torch.autograd.Function):
    """Σ_e x_jf g_if, rows that come from both ends of the edges and go to the pair."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Tensor, start: Segments, end: Segments, pairs: Segments) -> Tensor:
        ctx.save_for_backward(x, g)
        ctx.of = start, end, pairs
        rows = x.index_select(0, start.index).mul_(g.index_select(0, end.index))
        return _sums(rows if x.dim() == 2 else rows.sum(dim=1), pairs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x, g), w, (start, end, pairs) = ctx.saved_tensors, gradients[0].contiguous(), ctx.of
        to_x, to_g = ctx.needs_input_grad[:2]
        slope_x = _Filtered.apply(g, w, end, start, pairs) if to_x else None
        slope_g = _Filtered.apply(x, w, start, end, pairs) if to_g else None
        return slope_x, slope_g, None, None, None


class Wiring(NamedTuple):
    """How the edges of a graph connect atoms.

    Attributes:
        centers: edges by their center i.
        neighbors: edges by their neighbor j.
        pairs: edges by the pair that they and their reverse make; an edge without reverse is a pair of its own.
        example: one edge of every pair (P,).
    """

    centers: Segments
    neighbors: Segments
    pairs: Segments
    example: Tensor

    @staticmethod
    def of(graph: Graph) -> Wiring:
        """Sort the edges of a graph in these three ways."""
        (i, j), n_edges = graph.edges, graph.edges.shape[1]
        _, pair = torch.unique(_pair_keys(graph), return_inverse=True)
        n_pairs = int(pair.max()) + 1 if n_edges else 0
        example = pair.new_zeros(n_pairs).scatter_(0, pair, torch.arange(n_edges, device=pair.device))
        centers, neighbors = Segments.of(i, graph.n_atoms), Segments.of(j, graph.n_atoms)
        return Wiring(centers, neighbors, Segments.of(pair, n_pairs), example)


def _pair_keys(graph: Graph) -> Tensor:
    """A number for each edge (E,) that it shares with its reverse, (j, i, −shift), and with no other."""
    i, j = graph.edges
    base = 2 * int(graph.shifts.abs().max()) + 1 if len(graph.shifts) else 1
    if graph.n_atoms**2 * base**3 >= 2**63:
        return torch.arange(len(i), device=i.device)  # numbers too long: every edge for itself
    shift = (graph.shifts * graph.shifts.new_tensor([base**2, base, 1])).sum(dim=1)  # |shift| ≤ (base³ − 1) / 2
    direction = torch.where(i == j, shift, j - i).sign()
    return (torch.minimum(i, j) * graph.n_atoms + torch.maximum(i, j)) * base**3 + direction * shift
