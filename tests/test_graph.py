"""Graphs: what they hold, how they batch, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from mininnip import Graph, batch
from mininnip.graph import segment_sum, triplets


def test_edge_vectors_are_ases_distances():
    atoms = bulk("NaCl", "rocksalt", a=5.6) * (2, 2, 1)
    atoms.rattle(0.1, seed=0)
    graph = Graph.from_atoms(atoms, 2.7)
    i, j = graph.edges
    assert len(i) > 0
    for edge, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        expected = atoms.positions[b] - atoms.positions[a] + graph.shifts[edge].numpy() @ atoms.cell.array
        assert np.allclose(graph.edge_vectors()[edge], expected, atol=1e-14)
    assert (graph.edge_vectors().norm(dim=1) < 2.7).all()


def test_edges_come_in_both_directions():
    graph = Graph.from_atoms(bulk("Si"), 5.0)
    forth = {(*e, *s) for e, s in zip(graph.edges.T.tolist(), graph.shifts.tolist(), strict=True)}
    back = {(j, i, -a, -b, -c) for i, j, a, b, c in forth}
    assert forth == back
    assert len(forth) == graph.edges.shape[1]


def test_shapes_and_types_of_a_batch():
    graph = Graph.from_atoms([molecule("H2O"), bulk("Si"), molecule("CH4")], 4.0)
    assert (graph.n_atoms, graph.n_structures) == (10, 3)
    assert graph.structure.tolist() == [0] * 3 + [1] * 2 + [2] * 5
    assert graph.cell.shape == (3, 3, 3)
    assert graph.pbc.tolist() == [[False] * 3, [True] * 3, [False] * 3]
    assert (graph.structure[graph.edges[0]] == graph.structure[graph.edges[1]]).all()
    assert graph.edges.shape[1] == len(graph.shifts) == len(graph.edge_vectors())
    assert graph.positions.dtype == torch.float64
    assert graph.to(torch.float32).edge_vectors().dtype == torch.float32


def test_edge_vectors_of_a_batch_are_those_of_each():
    frames = [molecule("H2O"), bulk("Si"), bulk("Cu", cubic=True)]
    together = Graph.from_atoms(frames, 4.0).edge_vectors()
    alone = torch.cat([Graph.from_atoms(a, 4.0).edge_vectors() for a in frames])
    assert torch.allclose(together, alone, atol=1e-14)


def test_dtype_follows_the_positions():
    graph = Graph.from_arrays([1, 1], torch.tensor([[0, 0, 0], [0, 0, 0.7]], dtype=torch.float32), 2.0)
    assert graph.positions.dtype == graph.cell.dtype == torch.float32
    from_lists = Graph.from_arrays([1, 1], [[0, 0, 0], [0, 0, 0.7]], 2.0)
    assert from_lists.positions.dtype == from_lists.cell.dtype == torch.float64
    assert from_lists.edge_vectors()[0, 2].abs().item() == 0.7


def test_positions_and_cell_can_be_differentiated():
    graph = Graph.from_atoms(bulk("Si"), 3.0)
    cell = graph.cell.clone().requires_grad_()
    lengths = replace(graph, cell=cell).edge_vectors().norm(dim=1).sum()
    assert torch.autograd.grad(lengths, cell)[0].abs().max() > 0.1


def test_segment_sum():
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    total = segment_sum(values, torch.tensor([2, 0, 2]), 4)
    assert total.tolist() == [[2.0, 20.0], [0.0, 0.0], [5.0, 50.0], [0.0, 0.0]]


def test_triplets_are_all_pairs_of_edges_of_a_center():
    centers = torch.tensor([3, 0, 3, 1, 0, 3, 3])
    found = {tuple(sorted(pair)) for pair in triplets(centers).T.tolist()}
    n_edges = len(centers)
    expected = {(a, b) for a in range(n_edges) for b in range(a + 1, n_edges) if centers[a] == centers[b]}
    assert found == expected
    assert triplets(centers).shape[1] == len(expected)


def test_triplets_of_nothing():
    assert triplets(torch.tensor([], dtype=torch.int64)).shape == (2, 0)
    assert triplets(torch.tensor([4, 2, 0])).shape == (2, 0)


GOOD = {"numbers": [18, 18], "positions": [[0.0, 0, 0], [0, 0, 3.8]], "cutoff": 5.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [[0, 0, 0], [0, 0, np.nan]]}, "position of atom 1 is not finite"),
        ({"positions": [[0, 0, 0], [0, 0, np.inf]]}, "position of atom 1 is not finite"),
        ({"positions": [[0, 0, 0], [0, 0, 0.0]]}, "are at one place"),
        ({"numbers": [], "positions": np.zeros((0, 3))}, "no atoms"),
        ({"numbers": [18]}, "shapes"),
        ({"positions": [[0, 0], [0, 1]]}, "shapes"),
        ({"numbers": [18, 0]}, "atom 1 has atomic number 0"),
        ({"numbers": [18, 200]}, "elements are 1 to 118"),
        ({"cutoff": 0.0}, "cutoff must be a positive number"),
        ({"cutoff": -1.0}, "cutoff must be a positive number"),
        ({"cutoff": np.nan}, r"the cutoff \(Å\) must be a finite number, got nan"),
        ({"cutoff": "5"}, "cutoff .* must be a finite number, got '5'"),
        ({"cutoff": True}, "cutoff .* must be a finite number, got True"),
        ({"cutoff": np.float32(-3)}, "cutoff must be a positive number in Å, got -3"),
        ({"numbers": [18, 1.7]}, r"atomic numbers must be whole, got 1\.7"),
        ({"numbers": [18, np.nan]}, "atomic numbers must be whole, got nan"),
        ({"numbers": ["Ar", "Ar"]}, "atomic numbers cannot be read as an array of numbers"),
        ({"positions": [[0, 0, 0], [0, 0, 3.8 + 1j]]}, "positions must be real numbers, got torch.complex128"),
        ({"positions": [[0, 0, 0], [0, 0]]}, "positions cannot be read as an array of numbers"),
        ({"cell": np.eye(3) * 1j}, "the cell must be real numbers"),
        ({"pbc": [True, False]}, r"pbc must be one bool or three, got \[True, False\]"),
        ({"total_charge": np.inf}, "total charge must be a finite number"),
        ({"pbc": True}, "no volume"),
        ({"pbc": True, "cell": [[5, 0, 0], [0, 5, 0], [5, 5, 0]]}, "no volume"),
        ({"pbc": [True, True, False], "cell": [[5, 0, 0], [10, 0, 0], [0, 0, 9]]}, "no volume"),
        ({"pbc": True, "cell": np.eye(3) * np.nan}, "cell is not finite"),
        ({"pbc": True, "cell": np.diag([20.0, 20, 3.8])}, "are at one place"),
    ],
)
def test_bad_input_is_named(change, words):
    with pytest.raises(ValueError, match=words):
        Graph.from_arrays(**(GOOD | change))


@pytest.mark.parametrize("cutoff", [np.float32(5), np.int64(5), 5, torch.tensor(5.0), np.array(5)])
@pytest.mark.parametrize("numbers", [[18, 18], np.array([18.0, 18.0]), torch.tensor([18, 18], dtype=torch.uint8)])
def test_numbers_of_numpy_and_pytorch_are_numbers(cutoff, numbers):
    graph = Graph.from_arrays(numbers, GOOD["positions"], cutoff)
    assert (graph.cutoff, type(graph.cutoff), graph.numbers.tolist()) == (5.0, float, [18, 18])
    assert graph.edges.shape == (2, 2)


@pytest.mark.parametrize("atoms", ["H2O", 7, None, [molecule("H2O"), "CH4"], [[0.0, 0, 0]]])
def test_only_atoms_become_graphs(atoms):
    with pytest.raises(ValueError, match="built from ASE Atoms or a list of them, got "):
        Graph.from_atoms(atoms, 4.0)


def test_a_graph_needs_real_numbers_and_a_batch_needs_graphs():
    with pytest.raises(ValueError, match=r"floating-point dtype, got torch\.int64"):
        Graph.from_atoms(molecule("H2O"), 4.0, dtype=torch.int64)
    with pytest.raises(ValueError, match="only graphs can be batched, got Atoms"):
        batch([molecule("H2O"), molecule("H2O")])  # type: ignore[list-item]


def test_bad_structure_of_a_list_is_numbered():
    broken = Atoms("Ar2", [[0, 0, 0], [0, 0, np.nan]])
    with pytest.raises(ValueError, match="structure 1: the position of atom 1"):
        Graph.from_atoms([molecule("H2O"), broken], 4.0)
    with pytest.raises(ValueError, match="empty"):
        Graph.from_atoms([], 4.0)


def test_batches_need_one_cutoff():
    with pytest.raises(ValueError, match="different cutoffs"):
        batch([Graph.from_atoms(molecule("H2O"), 3.0), Graph.from_atoms(molecule("H2O"), 4.0)])
    with pytest.raises(ValueError, match="no graph"):
        batch([])
