"""Structures that killed or stopped the neighbor list, and random ones like them, each in a process that may die."""

import time

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import fcc111

from mininnip import Graph
from mininnip.neighbors import brute_force_neighbors, neighbor_list

SPARSE = {
    "three atoms in a plane, 2000 Å apart": Atoms("H3", [[0, 0, 0], [2e3, 600, 0], [400, 2e3, 0]]),
    "a line of 2e7 Å": Atoms("H4", [[0, 0, 0], [2e7, 0, 0], [2e7, 0, 1], [1e3, 0, 0]]),
    "a slab and an atom 10 000 Å above": fcc111("Al", (10, 10, 2), vacuum=None) + Atoms("Al", [[0, 0, 1e4]]),
    "a wire and an atom far away": Atoms("H3", [[0, 0, 0], [0, 0, 1], [3e6, 2e6, 0]], cell=[0, 0, 2.5], pbc=[0, 0, 1]),
    "a cell of a kilometer": Atoms("H3", [[0, 0, 0], [0, 0, 1], [0, 1e13, 0]], cell=[1e13] * 3, pbc=True),
}

ONE_CALL = """
import sys
from ase.io.jsonio import decode
from mininnip import Graph
try:
    graph = Graph.from_atoms(decode(sys.argv[1]), float(sys.argv[2]))
    print(graph.edges.shape[1])
except ValueError as error:
    print("refused:", error)
"""


def pairs_of(atoms, cutoff, survive):
    from ase.io.jsonio import encode

    return survive(ONE_CALL, encode(atoms), cutoff, seconds=30).strip()


@pytest.mark.parametrize(
    ("name", "n_edges"),
    list(zip(SPARSE, ["0", "2", "1800", "12", None], strict=True)),
    ids=list(SPARSE),
)
def test_sparse_structures_kill_nothing(name, n_edges, survive):
    answer = pairs_of(SPARSE[name], 4.0, survive)
    assert answer == n_edges if n_edges else answer.startswith("refused: atom 2 is 1.0e+13 Å from the origin")


RANDOM = """
import sys, time

sys.path.insert(0, sys.argv[1])
from test_neighbor_lists import neighbor_list, random_case, same_lists
first, n = int(sys.argv[2]), int(sys.argv[3])
edges, slowest = 0, 0.0
for seed in range(first, first + n):
    print(seed, end=" ", flush=True)
    arguments = random_case(seed)
    start = time.perf_counter()
    neighbor_list(*arguments)
    slowest = max(slowest, time.perf_counter() - start)
    edges += same_lists(*arguments)
print(f"\\n{n} {edges} {slowest}")
"""


def random_case(seed):
    """Few atoms, gathered or spread over up to 1e7 Å along a line, a plane or space, any periodicity, any cell."""
    rng = np.random.default_rng(seed)
    n_atoms, pbc = int(rng.integers(1, 12)), rng.random(3) < rng.choice([0.0, 0.4, 1.0])
    size = 10 ** rng.uniform(0.4, rng.choice([0.8, 3.0]), 3)
    cell = np.diag(size) + rng.normal(scale=0.15, size=(3, 3)) * size.min()
    if rng.random() < 0.2:
        cell[~pbc] = 0
    positions = rng.uniform(-1, 1, (n_atoms, 3)) * 5
    away = rng.random(n_atoms) < rng.choice([0.0, 0.5, 1.0])
    spread = 10 ** rng.uniform(0, 7, 3) * (rng.random(3) < 0.6) * ~pbc
    directions = np.linalg.qr(rng.normal(size=(3, 3)))[0] if not pbc.any() and rng.random() < 0.5 else np.eye(3)
    positions[away] += rng.uniform(-1, 1, (int(away.sum()), 3)) * spread @ directions
    cutoff = float(10 ** rng.uniform(0, 1.1))
    return torch.tensor(positions), torch.tensor(cell), torch.tensor(pbc), cutoff


def rows(edges, shifts):
    return {(*edge, *shift) for edge, shift in zip(edges.T.tolist(), shifts.tolist(), strict=True)}


def same_lists(positions, cell, pbc, cutoff):
    """Number of edges, once both lists agree but for pairs within rounding of the cutoff."""
    hops = torch.zeros(len(positions), 3, dtype=torch.int64)  # brute force must look only at images nearby
    hops[:, pbc] = torch.floor(positions @ torch.linalg.pinv(cell[pbc])).long()
    others, images = brute_force_neighbors(positions - hops.double() @ cell, cell, pbc, cutoff)
    theirs = rows(others, images + hops[others[0]] - hops[others[1]])
    edges, shifts = neighbor_list(positions, cell, pbc, cutoff)
    ours = rows(edges, shifts)
    assert len(ours) == edges.shape[1], "an edge is listed twice"
    for i, j, *shift in ours ^ theirs:
        vector = positions[j] - positions[i] + torch.tensor(shift, dtype=torch.float64) @ cell
        assert abs(float(vector.norm()) - cutoff) < 1e-7, f"atoms {i} and {j}, image {shift}: only one list has them"
    return len(ours)


def test_random_structures_have_the_pairs_of_brute_force(survive, cases, repository):
    n = cases(100, 5000)
    printed = survive(RANDOM, repository / "tests" / "faults", 0, n, seconds=60 + n / 4)
    tried, edges, slowest = printed.splitlines()[-1].split()
    assert int(tried) == n
    assert int(edges) > 10 * n, "nearly all structures had no pairs at all: nothing was compared"
    assert float(slowest) < 10, "s for one structure"
    print(f"neighbor lists: {tried} random structures, {edges} edges, slowest {float(slowest):.2f} s")


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        (dict(numbers=[1], positions=[[0, 0, 0]], cutoff=1000.0, cell=np.eye(3) * 2, pbc=True), "periodic images"),
        (dict(numbers=[1, 1], positions=[[0, 0, 0], [1.1e10, 0, 0.7]], cutoff=4.0), "atom 1 is 1.1e\\+10 Å from"),
        (
            dict(numbers=[1, 1], positions=[[0, 0, 0], [5e7, 0, 0.007]], cutoff=1e-3, cell=np.eye(3) * 0.02, pbc=True),
            "atom 1 is 5.0e\\+07 Å from",
        ),
        (
            dict(numbers=[1] * 30_000, positions=np.random.default_rng(0).random((30_000, 3)) * 10, cutoff=9.0),
            "would make about .* edges, more than 1e\\+08",
        ),
    ],
    ids=["images", "far", "many cells", "edges"],
)
def test_what_cannot_be_searched_is_refused_at_once(structure, words):
    start = time.process_time()
    with pytest.raises(ValueError, match=words):
        Graph.from_arrays(**structure)
    assert time.process_time() - start < 1.0


def test_a_cutoff_as_long_as_a_long_structure_takes_no_time():
    """vesin took 213 s for these two atoms."""
    start = time.process_time()
    graph = Graph.from_atoms(Atoms("Ar2", [[0, 0, 0], [0, 0, 1e5]]), 1e30)
    assert graph.edges.shape[1] == 2
    assert time.process_time() - start < 5
