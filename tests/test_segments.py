"""Segments: sums equal plain loops, and gradients of first and second order equal finite differences."""

import pytest
import torch
from ase.build import bulk, molecule
from torch.autograd import gradcheck, gradgradcheck

from mininnip.graph import Graph, batch, segment_sum
from mininnip.neural import with_probes
from mininnip.segments import (
    Segments,
    Wiring,
    _pair_keys,
    add_up,
    add_up_arrows,
    add_up_filtered,
    arrow_components,
    hand_out,
)

INDEX = torch.tensor([3, 0, 3, 1, 0, 3, 5])  # not sorted; segments 2, 4 and 6 have no row


def random(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


@pytest.mark.parametrize("shape", [(), (4,), (3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_and_copies(shape, dtype):
    segments = Segments.of(INDEX, 7)
    rows, values = random(7, *shape, dtype=dtype), random(7, *shape, dtype=dtype)
    torch.testing.assert_close(add_up(rows, segments), segment_sum(rows, INDEX, 7))
    assert torch.equal(hand_out(values, segments), values[INDEX])


def test_gradients_of_first_and_second_order():
    segments = Segments.of(INDEX, 7)
    for function in (hand_out, add_up):
        assert gradcheck(lambda x, f=function: f(x, segments) ** 2, random(7, 2))
        assert gradgradcheck(lambda x, f=function: f(x, segments) ** 3, random(7, 2))


def test_arrows_are_added_up():
    segments = Segments.of(INDEX, 7)
    b, u, components = random(7, 4), random(7, 3, seed=1), arrow_components(segments)
    expected = segment_sum(u[:, :, None] * b[:, None], INDEX, 7)
    torch.testing.assert_close(add_up_arrows(b, u, segments, components), expected, rtol=0, atol=1e-14)
    assert gradcheck(lambda b, u: add_up_arrows(b, u, segments, components) ** 2, (b, u))
    assert gradgradcheck(lambda b, u: add_up_arrows(b, u, segments, components) ** 2, (b, u))


def test_nothing_to_add_up():
    none = Segments.of(INDEX[:0], 3)
    assert torch.equal(add_up(torch.ones(0, 2), none), torch.zeros(3, 2))
    assert torch.equal(add_up(torch.ones(0, 2), Segments.of(INDEX[:0], 0)), torch.zeros(0, 2))
    assert hand_out(torch.ones(3, 2), none).shape == (0, 2)
    arrows = add_up_arrows(torch.ones(0, 2), torch.ones(0, 3), none, arrow_components(none))
    assert torch.equal(arrows, torch.zeros(3, 3, 2))


def small_crystal():
    """One atom that only meets images of itself, not wrapped, beside a molecule."""
    copper = bulk("Cu")
    copper.rattle(0.1, seed=0)
    copper.positions += 3 * copper.cell.array[0]
    return batch([Graph.from_atoms(atoms, 5.0) for atoms in (copper, bulk("NaCl", "rocksalt", a=5.6), molecule("H2O"))])


def test_a_pair_is_an_edge_and_its_reverse():
    graph = small_crystal()
    wiring, r_ij = Wiring.of(graph), graph.edge_vectors()
    assert 2 * len(wiring.example) == graph.edges.shape[1]
    assert bool((torch.bincount(wiring.pairs.index) == 2).all())
    first, second = wiring.pairs.order.reshape(-1, 2).T
    assert torch.equal(graph.edges[:, first], graph.edges[:, second].flip(0))
    assert torch.equal(graph.shifts[first], -graph.shifts[second])
    torch.testing.assert_close(r_ij[first], -r_ij[second], rtol=0, atol=1e-12)
    assert torch.equal(wiring.pairs.index[wiring.example], torch.arange(len(wiring.example)))


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
@pytest.mark.parametrize("one_way", [False, True])
def test_neighbors_are_added_up_through_filters(shape, one_way):
    graph = with_probes(Graph.from_atoms(molecule("H2O"), 5.0), 1, [[0.0, 0.0, 3.0]]) if one_way else small_crystal()
    wiring, (i, j) = Wiring.of(graph), graph.edges
    values, filters = random(graph.n_atoms, *shape), random(len(wiring.example), 2, seed=1)
    weights = filters[wiring.pairs.index].reshape(len(i), *[1] * (len(shape) - 1), 2)
    expected = segment_sum(values[j] * weights, i, graph.n_atoms)
    torch.testing.assert_close(add_up_filtered(values, filters, wiring), expected, rtol=0, atol=1e-13)
    assert gradcheck(lambda x, w: add_up_filtered(x, w, wiring) ** 2, (values, filters))
    assert gradgradcheck(lambda x, w: add_up_filtered(x, w, wiring) ** 2, (values, filters))


def test_an_edge_without_reverse_is_a_pair_of_its_own():
    graph = Graph.from_atoms(molecule("H2O"), 5.0)
    probed = with_probes(graph, 1, [[0.0, 0.0, 3.0], [0.0, 2.0, 0.0]])
    counts = torch.bincount(Wiring.of(probed).pairs.index)
    assert sorted(counts.tolist()) == [1] * 6 + [2] * 3


def test_shifts_too_long_for_one_number():
    graph = small_crystal()
    far = Graph(**{**vars(graph), "shifts": graph.shifts * 10**6})
    assert torch.equal(_pair_keys(far), torch.arange(graph.edges.shape[1]))
