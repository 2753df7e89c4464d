"""Symmetry functions: invariance, smoothness, exact derivatives, the slide's values, and refusals."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from mininnip import Graph, cosine_cutoff, tanh_cutoff
from mininnip.descriptors import ANISymmetryFunctions, SymmetryFunctions
from mininnip.descriptors.angular_terms import BehlerAngles, angular_term, decay
from mininnip.descriptors.symmetry_functions import gaussian_term
from mininnip.graph import batch

NAN = float("nan")
TRIPLES: Any = [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)]
G2, G4 = [(0.0, 0.0), (0.5, 0.0), (2.0, 1.5)], [(0.02, 1, 1), (0.02, 4, -1)]
FAMILIES = {
    "behler": lambda elements: SymmetryFunctions(elements, 4.0, G2, [1.5], G4, [(0.01, 2, 1)]),
    "behler_tanh": lambda elements: SymmetryFunctions(elements, 4.0, G2, [1.5], G4, cutoff_function=tanh_cutoff),
    "ani": lambda elements: ANISymmetryFunctions(elements, 4.0, 3.2, 8.0, [1, 2, 3], 6.0, 8.0, [1, 2], [0.4, 1.2, 2.0]),
    "behler_two_cutoffs": lambda elements: SymmetryFunctions(elements, 4.0, G2, g4=G4, g5=G4, angular_cutoff=2.8),
    "radial_only": lambda elements: SymmetryFunctions(elements, 4.0, G2),
    "angular_only": lambda elements: SymmetryFunctions(elements, 4.0, g4=G4),
}


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def ethanol():
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=0)
    return atoms


def features(model, atoms):
    return model(Graph.from_atoms(atoms, model.cutoff))


def test_number_of_features(family, ethanol):
    for elements in ((1, 6, 8), (1, 6, 7, 8)):
        model = family(elements)
        assert features(model, ethanol).shape == (9, model.n_features)
    model = SymmetryFunctions((1, 6, 8), 4.0, G2, [1.0], G4)
    assert model.n_features == 3 * 4 + 6 * 2


def test_moved_turned_mirrored_relabelled(family, ethanol):
    model, before = family((1, 6, 8)), features(family((1, 6, 8)), ethanol)
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    for matrix in (q, -q):
        moved = ethanol.copy()
        moved.positions = ethanol.positions @ matrix + 7.0
        assert torch.allclose(features(model, moved), before, atol=1e-12)
    order = np.random.default_rng(1).permutation(9)
    assert torch.allclose(features(model, ethanol[order]), before[order], atol=1e-12)


def test_crystal_does_not_depend_on_its_cell(family):
    crystal = bulk("NaCl", "rocksalt", a=4.4, cubic=True)
    crystal.rattle(0.1, seed=0)
    model = family((11, 17))
    assert torch.allclose(features(model, crystal * (2, 1, 1)), features(model, crystal).repeat(2, 1), atol=1e-12)


def test_derivatives_are_exact(family, ethanol):
    """Those with respect to edges, summed up, are those of automatic differentiation."""
    crystal = bulk("Si", cubic=True)
    crystal.rattle(0.1, seed=0)
    for atoms, elements in ((ethanol, (1, 6, 8)), (crystal, (14,))):
        model = family(elements)
        graph = Graph.from_atoms(atoms, model.cutoff + 0.5)  # with edges that reach too far
        values, derivatives = model.with_derivatives(graph)
        assert torch.allclose(values, model(graph), atol=1e-14)
        weights = torch.randn(values.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        positions = graph.positions.clone().requires_grad_()
        expected = torch.autograd.grad((model(replace(graph, positions=positions)) * weights).sum(), positions)[0]
        i, j = graph.edges
        pulls = torch.einsum("eb,ebx->ex", weights[i], derivatives)
        found = torch.zeros_like(expected).index_add(0, j, pulls).index_add(0, i, -pulls)
        assert torch.allclose(found, expected, atol=1e-12)


def test_batch_equals_singles(family, ethanol):
    model = family((1, 6, 8))
    graphs = [Graph.from_atoms(a, model.cutoff) for a in (ethanol, molecule("CH4"), molecule("H2O"))]
    together = model.with_derivatives(batch(graphs))
    alone = [model.with_derivatives(g) for g in graphs]
    for k in (0, 1):
        assert torch.allclose(together[k], torch.cat([one[k] for one in alone]), atol=1e-14)


def test_nothing_jumps_at_the_cutoff(family):
    model = family((18,))
    for reach in {model.radial_cutoff, model.angular_cutoff}:
        ends = []
        for step in (-1e-6, 1e-6):
            atoms = Atoms("Ar3", [[0, 0, 0], [0, 2.0, 0], [reach + step, 0, 0]])
            ends.append(model.with_derivatives(Graph.from_atoms(atoms, 6.0)))
        assert torch.allclose(ends[0][0], ends[1][0], atol=1e-5)
        assert torch.allclose(ends[0][1], ends[1][1], atol=1e-4)


def test_atoms_alone(family):
    model = family((18,))
    for atoms in (Atoms("Ar"), Atoms("Ar2", [[0, 0, 0], [9, 0, 0]])):
        values, derivatives = model.with_derivatives(Graph.from_atoms(atoms, model.cutoff))
        assert (values == 0).all()
        assert derivatives.shape[0] == 0


def test_straight_and_folded_angles_have_finite_derivatives(family):
    model = family((18,))
    atoms = Atoms("Ar4", [[0, 0, 0], [1.5, 0, 0], [-1.5, 0, 0], [3.0, 0, 0]])
    graph = Graph.from_atoms(atoms, model.cutoff)
    positions = graph.positions.clone().requires_grad_()
    slope = torch.autograd.grad(model(replace(graph, positions=positions)).sum(), positions)[0]
    assert slope.isfinite().all()
    assert model.with_derivatives(graph)[1].isfinite().all()


def test_radial_function_of_one_neighbor():
    model = SymmetryFunctions((18,), 5.0, g2=[(0.7, 2.5)], g3=[1.3])
    r = 3.1
    fade = 0.5 * (1 + math.cos(math.pi * r / 5.0))
    found = features(model, Atoms("Ar2", [[0, 0, 0], [0, r, 0]]))
    expected = [math.exp(-0.7 * (r - 2.5) ** 2) * fade, math.cos(1.3 * r) * fade]
    assert found[0].tolist() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("zeta", [1, 2, 4, 16])
def test_angular_factor_is_2_at_angle_zero_for_any_zeta(zeta):
    """As on the slide; the double sum there counts each pair twice, we count it once."""
    model = SymmetryFunctions((18,), 5.0, g5=[(0.0, zeta, 1)])
    atoms = Atoms("Ar3", [[0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    fades = [0.5 * (1 + math.cos(math.pi * r / 5.0)) for r in (1.0, 2.0)]
    assert features(model, atoms)[0].item() == pytest.approx(2 * fades[0] * fades[1], abs=1e-14)


@pytest.mark.parametrize("third_side", [True, False])
def test_a_pair_of_neighbors_counts_by_its_distances_and_is_worth_what_its_angle_says(third_side):
    ij, ik = torch.tensor([[1.5, 0.0, 0.0]]).T.double(), torch.tensor([[0.0, 2.0, 0.0]]).T.double()
    sides = torch.tensor([1.5, 2.0, 2.5] if third_side else [1.5, 2.0], dtype=torch.float64)
    part = BehlerAngles([(0.1, 4, 1), (0.2, 4, 1)], 4.0, cosine_cutoff, third_side)
    weights, angles, cosine = part.factors(ij, ik)
    for eta, weight in zip((0.1, 0.2), weights, strict=True):
        assert weight.item() == pytest.approx(torch.exp(-eta * (sides**2).sum()) * cosine_cutoff(sides, 4.0).prod())
    assert angles.item() == pytest.approx(2**-3) and cosine.item() == pytest.approx(0, abs=1e-15)


def test_angular_functions_may_have_a_cutoff_of_their_own(ethanol):
    both = SymmetryFunctions((1, 6, 8), 4.0, G2, g4=G4, angular_cutoff=2.8)
    radial, angular = SymmetryFunctions((1, 6, 8), 4.0, G2), SymmetryFunctions((1, 6, 8), 2.8, g4=G4)
    apart = torch.cat([features(radial, ethanol), features(angular, ethanol)], dim=1)
    assert both.cutoff == 4.0
    assert torch.allclose(features(both, ethanol), apart, atol=1e-14)
    with pytest.raises(ValueError, match="must be a positive number"):
        SymmetryFunctions((1,), 4.0, g4=G4, angular_cutoff=0.0)


def test_elements_have_channels_of_their_own():
    """H–O–H: the oxygen sees two hydrogens and no oxygen; one hydrogen sees one of each."""
    model = SymmetryFunctions((1, 8), 6.0, g2=[(0.0, 0.0)], g5=[(0.0, 1, 1)])
    found = features(model, molecule("H2O"))  # columns: H, O; HH, HO, OO
    assert ((found > 0).int().tolist()) == [[1, 0, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 1, 0]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SymmetryFunctions((14,), 5.0), "no symmetry function"),
        (lambda: SymmetryFunctions((), 5.0, G2), "atomic numbers"),
        (lambda: SymmetryFunctions((0,), 5.0, G2), "atomic numbers"),
        (lambda: SymmetryFunctions((14,), 0.0, G2), "cutoff must be a positive number"),
        (lambda: SymmetryFunctions((14,), 5.0, g4=[(0.1, 0.5, 1)]), "ζ ≥ 1"),
        (lambda: SymmetryFunctions((14,), 5.0, g5=[(0.1, 2, 0.5)]), "λ = 1 or −1"),
        (lambda: SymmetryFunctions((14,), 5.0, g5=[(0.1, NAN, 1)]), r"each entry of g5 must be a triple \(η, ζ, λ\)"),
        (lambda: SymmetryFunctions((14,), 5.0, g2=[(NAN, 0.0)]), "each entry of g2 must be a pair"),
        (
            lambda: SymmetryFunctions((14,), 5.0, g2=TRIPLES),
            "each entry of g2 must be a pair",
        ),
        (lambda: SymmetryFunctions((14,), 5.0, g2=[(-1.0, 0.0)]), "η must not be negative"),
        (lambda: SymmetryFunctions((14,), 5.0, g3=[NAN]), "each entry of g3"),
        (lambda: ANISymmetryFunctions((14,), 5.0, 4.0, -4.0, [1.0], 8.0, 8.0, [1.0], [0.4]), "must not be negative"),
        (lambda: ANISymmetryFunctions((14,), 5.0, 4.0, 4.0, [1.0], 8.0, NAN, [1.0], [0.4]), "η, η' and ζ"),
        (lambda: ANISymmetryFunctions((14,), 5.0, 4.0, 4.0, [NAN], 8.0, 8.0, [1.0], [0.4]), "each entry of radial"),
    ],
)
def test_bad_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_element_without_functions_is_named(ethanol):
    with pytest.raises(ValueError, match="atomic number 6 is unknown to this model"):
        features(SymmetryFunctions((1, 8), 4.0, G2), ethanol)


def test_single_precision_and_device(family, ethanol, device):
    model = family((1, 6, 8))
    double = features(model, ethanol)
    graph = Graph.from_atoms(ethanol, model.cutoff, torch.float32).to(device)
    single = model.to(torch.float32).to(device)(graph)
    assert single.dtype == torch.float32
    assert torch.allclose(single.cpu().double(), double, atol=2e-5)


def test_any_list_of_angular_functions_comes_in_its_own_order():
    """Factors are computed once and combined: repeated, unsorted and incomplete lists give what each function gives."""
    crystal = bulk("Si", cubic=True)
    crystal.rattle(0.1, seed=0)
    g4 = [(0.02, 4, -1), (0.005, 1, 1), (0.02, 1, 1), (0.02, 4, -1)]
    g5 = [(0.1, 2.5, 1), (0.005, 1, 1), (0.1, 1, -1)]
    together = features(SymmetryFunctions((14,), 4.5, g4=g4, g5=g5), crystal)
    alone = [SymmetryFunctions((14,), 4.5, g4=[g]) for g in g4] + [SymmetryFunctions((14,), 4.5, g5=[g]) for g in g5]
    assert torch.allclose(together, torch.cat([features(one, crystal) for one in alone], dim=1), atol=1e-14)


def test_far_shells_hold_no_subnormal_numbers():
    """In float32 they would make every product with them ten times slower."""
    for term in (gaussian_term(torch.tensor(9.0), torch.tensor(8.0), torch.tensor(1.0)), decay(torch.tensor(1e30))):
        assert 1e-27 < float(term) < 1e-26
    for zeta in (1.0, 2.5, 32.0):
        term = angular_term(torch.tensor(-1.0), torch.tensor(zeta), torch.tensor(1.0))
        assert 1e-27 < float(term) < 1e-25
