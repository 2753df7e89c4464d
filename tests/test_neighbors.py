"""Neighbor lists: vesin against brute force on awkward cells, and the skin list's promise."""

import numpy as np
import pytest
import torch

from mininnip.neighbors import SkinList, brute_force_neighbors, neighbor_list

RNG = np.random.default_rng(7)
CUBIC, TRICLINIC = np.eye(3) * 6.0, np.array([[6.0, 0, 0], [2.5, 5.0, 0], [-1.5, 2.0, 4.5]])
SLAB = np.diag([4.7, 6.0, 0.0])
CASES = {  # cell, pbc, number of atoms, cutoff
    "open": (np.zeros((3, 3)), [False] * 3, 12, 3.0),
    "cubic": (CUBIC, [True] * 3, 12, 2.9),
    "cutoff beyond the cell": (CUBIC, [True] * 3, 5, 13.0),
    "triclinic": (TRICLINIC, [True] * 3, 9, 5.5),
    "left-handed": (TRICLINIC[[1, 0, 2]], [True] * 3, 9, 5.5),
    "slab": (CUBIC, [True, True, False], 9, 5.0),
    "slab without a third vector": (SLAB, [True, True, False], 9, 5.0),
    "wire": (TRICLINIC, [False, True, False], 9, 5.0),
    "one atom": (TRICLINIC, [True] * 3, 1, 7.0),
    "one atom, nobody near": (CUBIC, [True] * 3, 1, 5.0),
}


def as_sets(edges, shifts):
    rows = torch.cat([edges.T, shifts.to(torch.int64)], dim=1).tolist()
    assert len({tuple(row) for row in rows}) == len(rows), "an edge is listed twice"
    return {tuple(row) for row in rows}


def case(name):
    cell, pbc, n_atoms, cutoff = CASES[name]
    positions = RNG.uniform(-4, 10, (n_atoms, 3))  # some outside the cell
    return torch.tensor(positions), torch.tensor(cell), torch.tensor(pbc), cutoff


@pytest.mark.parametrize("name", CASES)
def test_vesin_lists_what_brute_force_lists(name):
    positions, cell, pbc, cutoff = case(name)
    fast, slow = (search(positions, cell, pbc, cutoff) for search in (neighbor_list, brute_force_neighbors))
    assert as_sets(*fast) == as_sets(*slow)
    if name not in ("one atom, nobody near",):
        assert fast[0].shape[1] > 0


@pytest.mark.parametrize("search", [neighbor_list, brute_force_neighbors])
def test_atoms_at_one_place_are_named(search):
    positions = torch.tensor([[0.0, 0, 0], [1, 2, 3], [7, 2, 3]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"atoms \d and \d are at one place"):
        search(positions, torch.tensor(CUBIC), torch.tensor([True, True, True]), 3.0)


def test_single_precision_positions():
    positions, cell, pbc, cutoff = case("triclinic")
    edges, _ = neighbor_list(positions.float(), cell.float(), pbc, cutoff)
    assert edges.shape == neighbor_list(positions, cell, pbc, cutoff)[0].shape


def test_result_outlives_the_search():
    """The arrays are copies, not views of memory that vesin frees."""
    lists = [neighbor_list(*case("cubic")) for _ in range(20)]
    for edges, shifts in lists:
        assert edges.min() >= 0
        assert edges.max() < 12
        assert shifts.abs().max() < 10


def distances_within(edges, shifts, positions, cell, cutoff):
    vectors = positions[edges[1]] - positions[edges[0]] + shifts.double() @ cell
    keep = vectors.norm(dim=1) < cutoff
    return as_sets(edges[:, keep], shifts[keep])


def test_skin_list_never_misses_a_pair():
    positions, cell, pbc, cutoff = case("cubic")
    rng, skins = np.random.default_rng(0), SkinList(cutoff, skin=0.8)
    for _ in range(60):
        positions = positions + 0.06 * torch.tensor(rng.normal(size=positions.shape))
        kept = distances_within(*skins(positions, cell, pbc), positions, cell, cutoff)
        assert kept == as_sets(*neighbor_list(positions, cell, pbc, cutoff))
    assert 2 < skins.n_builds < 60


def test_skin_list_is_built_when_it_must_be_and_not_before():
    positions, cell, pbc, cutoff = case("cubic")
    skins = SkinList(cutoff, skin=1.0)
    for _ in range(3):
        skins(positions, cell, pbc)
    assert skins.n_builds == 1
    moved = positions.clone()
    moved[4, 0] += 0.49
    skins(moved, cell, pbc)
    assert skins.n_builds == 1
    moved[4, 0] += 0.02  # more than half the skin
    skins(moved, cell, pbc)
    assert skins.n_builds == 2
    skins(moved, cell * 1.001, pbc)
    assert skins.n_builds == 3
    skins(moved, cell * 1.001, ~pbc)
    assert skins.n_builds == 4
    skins(moved[:5], cell * 1.001, ~pbc)
    assert skins.n_builds == 5


def test_skin_must_not_be_negative():
    with pytest.raises(ValueError, match="skin must not be negative"):
        SkinList(5.0, skin=-0.1)


def test_device(device):
    positions, cell, pbc, cutoff = case("triclinic")
    dtype = torch.float32 if device.type == "mps" else torch.float64
    edges, shifts = neighbor_list(positions.to(device, dtype), cell.to(device, dtype), pbc.to(device), cutoff)
    assert edges.device.type == shifts.device.type == device.type
    assert edges.shape == neighbor_list(positions, cell, pbc, cutoff)[0].shape
