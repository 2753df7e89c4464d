"""The probe: it hears what a real atom would hear in the first layer, and nobody hears it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

import mininnip as mn
from mininnip.neural import DTNN, PaiNN, SchNet, with_probes

MODELS = {"dtnn": DTNN, "schnet": SchNet, "painn": PaiNN}


def model_of(name, n_layers):
    torch.manual_seed(0)
    model = MODELS[name](4.0, n_features=8, n_layers=n_layers).double()
    if name == "dtnn":
        torch.nn.init.normal_(model.interaction.out_network.weight, std=0.3)
    return model


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def crystal():
    atoms = bulk("Si", "diamond", a=5.43)
    atoms.rattle(0.1, seed=0)
    atoms.positions[1] += np.array([2, -1, 0]) @ atoms.cell.array  # need not be wrapped
    return atoms


def slab():
    """Periodic along two directions that are no axes, without a third lattice vector."""
    atoms = crystal()
    atoms.pbc = [True, False, True]
    atoms.set_cell(atoms.cell.array * [[1], [0], [1]])
    return atoms


PLACES = np.array([[1.3, 0.4, 2.2], [-2.0, 1.0, 0.3], [40.0, 1.0, -0.3]])


@pytest.mark.parametrize("atoms", [molecule("CH3CH2OH"), crystal(), slab()], ids=["molecule", "crystal", "slab"])
def test_in_the_first_layer_a_probe_hears_what_an_atom_would(name, atoms):
    model, graph = model_of(name, n_layers=1), mn.Graph.from_atoms(atoms, 4.0)
    probes = model(with_probes(graph, 6, PLACES))["energies"][len(atoms) :]
    for place, heard in zip(PLACES, probes, strict=True):
        together = mn.Graph.from_atoms(atoms + Atoms("C", [place]), 4.0)
        images_of_itself = (together.edges == len(atoms)).all(dim=0)  # a real atom has images, a probe has none
        edges, shifts = together.edges[:, ~images_of_itself], together.shifts[~images_of_itself]
        real = model(replace(together, edges=edges, shifts=shifts))["energies"][-1]
        torch.testing.assert_close(heard, real, rtol=0, atol=1e-12)


def test_nobody_hears_a_probe(name):
    """Atoms keep their energies and their forces, and a probe's energy does not depend on other probes."""
    potential, atoms = mn.Potential(model_of(name, n_layers=3)), molecule("CH3CH2OH")
    graph = mn.Graph.from_atoms(atoms, 4.0)
    alone, probed = potential(graph), potential(with_probes(graph, 8, PLACES))
    torch.testing.assert_close(probed["energies"][:9], alone["energies"], rtol=0, atol=1e-13)
    single = potential(with_probes(graph, 8, PLACES[1:2]))
    torch.testing.assert_close(single["energies"][9], probed["energies"][10], rtol=0, atol=1e-13)
    assert len({round(float(e), 6) for e in probed["energies"][9:]}) == 3


def test_the_map_turns_with_the_molecule(name):
    model, atoms = model_of(name, n_layers=3), molecule("CH3CH2OH")
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    moved = atoms.copy()
    moved.positions = atoms.positions @ turn.T + 3
    maps = [
        model(with_probes(mn.Graph.from_atoms(a, 4.0), 1, places))["energies"][9:]
        for a, places in ((atoms, PLACES), (moved, PLACES @ turn.T + 3))
    ]
    torch.testing.assert_close(maps[0], maps[1], rtol=0, atol=1e-10)


def test_what_cannot_be_probed_is_refused():
    atoms = molecule("CH3CH2OH")
    graph = mn.Graph.from_atoms(atoms, 4.0)
    with pytest.raises(ValueError, match="probes are put around one structure"):
        with_probes(mn.batch([graph, graph]), 6, PLACES)
    with pytest.raises(ValueError, match="whose graph has edges"):
        with_probes(mn.Graph.from_atoms(atoms, None), 6, PLACES)
    for bad in (PLACES[0], PLACES * np.nan):
        with pytest.raises(ValueError, match=r"places of probes must be finite and of shape \(P, 3\)"):
            with_probes(graph, 6, bad)
    with pytest.raises(ValueError, match="an atomic number, 1 to 118; got 0"):
        with_probes(graph, 0, PLACES)
    with pytest.raises(ValueError, match="probe 1 is on top of an atom"):
        with_probes(graph, 6, np.stack([PLACES[0], atoms.positions[4]]))
