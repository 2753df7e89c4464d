"""Blocks: pieces hold every edge once, cost what they may, and keep the memory of any call below its budget."""

import subprocess
import sys

import pytest
import torch
from ase.build import bulk

from mininnip import Graph
from mininnip import blocks as module
from mininnip.blocks import cut, is_large
from mininnip.classical import PairPotential, StillingerWeber, lennard_jones
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello


@pytest.fixture
def graph():
    frames = [bulk("Si", cubic=True) * n for n in ((2, 1, 1), 1, (1, 2, 1))]
    for k, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=k)
    return Graph.from_atoms(frames, 6.0)


def edges_of(graph, atoms=None):
    i, j = graph.edges
    atoms = torch.arange(graph.n_atoms) if atoms is None else atoms
    return sorted(zip(atoms[i].tolist(), atoms[j].tolist(), map(tuple, graph.shifts.tolist()), strict=True))


@pytest.mark.parametrize("model", [PairPotential(lennard_jones, 6.0, epsilon=0.1, sigma=2.0), StillingerWeber()])
def test_pieces_hold_every_edge_once(graph, model, monkeypatch):
    monkeypatch.setattr(module, "EDGES_PER_BLOCK", 100)
    monkeypatch.setattr(module, "PAIRS_PER_BLOCK", 2000)
    assert is_large(graph, model)
    pieces = list(cut(graph, model))
    assert len(pieces) > 3
    assert sorted(edge for piece in pieces for edge in edges_of(piece.graph, piece.atoms)) == edges_of(graph)
    if model.reach == "own edges":
        assert torch.cat([piece.atoms[: piece.n_centers] for piece in pieces]).tolist() == list(range(graph.n_atoms))


def test_a_block_counts_pairs_of_neighbors_that_are_combined(graph, monkeypatch):
    """Radial functions combine none, angular ones those within their own cutoff."""
    monkeypatch.setattr(module, "PAIRS_PER_BLOCK", 3000)
    radial = SymmetryFunctions((14,), 6.0, [(0.1, 0.0)])
    short = SymmetryFunctions((14,), 6.0, [(0.1, 0.0)], g5=[(0.1, 1, 1)], angular_cutoff=2.6)
    long = SymmetryFunctions((14,), 6.0, [(0.1, 0.0)], g5=[(0.1, 1, 1)])
    assert [is_large(graph, BehlerParrinello(functions)) for functions in (radial, short, long)] == [False, False, True]


def test_what_depends_on_everything_is_never_cut(graph, monkeypatch):
    monkeypatch.setattr(module, "EDGES_PER_BLOCK", 1)
    model = StillingerWeber()
    model.reach = "everything"
    assert not is_large(graph, model)


COPPER = """
import resource, torch
import mininnip as mn
from ase.build import bulk
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello
frames = [bulk("Cu", cubic=True) * (3, 3, 3) for _ in range(50)]
for k, atoms in enumerate(frames):
    atoms.rattle(0.1, seed=k)
g5 = [(eta, zeta, sign) for eta in (0.02, 0.1) for zeta in (1, 4, 16) for sign in (1, -1)]
functions = SymmetryFunctions((29,), 6.0, [(4.0, 2.0 + 0.5 * k) for k in range(8)], g5=g5)
potential = mn.Potential(BehlerParrinello(functions).double())
out = potential(mn.Graph.from_atoms(frames, 6.0))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is told in kB by Linux")
def test_fifty_frames_of_copper_stay_below_one_gigabyte():
    """108 atoms with 78 neighbors each, 20 functions; with Python and PyTorch themselves."""
    run = subprocess.run([sys.executable, "-c", COPPER], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 1.0
