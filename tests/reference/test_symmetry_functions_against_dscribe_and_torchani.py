"""Symmetry functions equal DScribe's and TorchANI's; a network with TorchANI's weights gives its energy and forces."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mininnip import Graph, Potential
from mininnip.descriptors import ANISymmetryFunctions, SymmetryFunctions
from mininnip.neural import BehlerParrinello

FROZEN = np.load(Path(__file__).with_name("symmetry_functions.npz"))
EXACT = 1e-12


def graph_of(name, cutoff):
    keys = ("numbers", "positions", "cell", "periodic")
    numbers, positions, cell, periodic = (FROZEN[f"{name}_{key}"] for key in keys)
    return Graph.from_arrays(numbers, positions, cutoff, cell, periodic)


def behler(numbers):
    g2, g3, g4, g5 = (FROZEN[key].tolist() for key in ("g2", "g3", "g4", "g5"))
    return SymmetryFunctions(sorted(set(numbers.tolist())), float(FROZEN["cutoff"]), [(0.0, 0.0), *g2], g3, g4, g5)


def ani(elements):
    return ANISymmetryFunctions(
        elements,
        *FROZEN["ani_cutoffs"].tolist(),
        radial_eta=FROZEN["ani_radial_eta"].item(),
        radial_shifts=FROZEN["ani_radial_shifts"].ravel(),
        angular_eta=FROZEN["ani_angular_eta"].item(),
        zeta=FROZEN["ani_zeta"].item(),
        angular_shifts=FROZEN["ani_angular_shifts"].ravel(),
        sections=FROZEN["ani_sections"].ravel(),
    )


@pytest.mark.parametrize("name", ["ethanol", "silicon", "salt"])
def test_dscribe(name):
    """One, two and three elements; molecule, and crystals with the cutoff beyond the cell."""
    graph = graph_of(name, float(FROZEN["cutoff"]))
    features = behler(graph.numbers)(graph)
    frozen = torch.tensor(FROZEN[f"{name}_dscribe"])
    assert features.shape == frozen.shape
    assert (features - frozen).abs().max() <= EXACT * frozen.abs().max()


def test_dscribe_derivatives():
    """Ours are exact; DScribe's are central differences, which limits the agreement."""
    graph = graph_of("ethanol", float(FROZEN["cutoff"]))
    _, derivatives = behler(graph.numbers).with_derivatives(graph)
    i, j = graph.edges
    n, n_features = graph.n_atoms, derivatives.shape[1]
    full = torch.zeros(n * n, n_features, 3, dtype=torch.float64)  # ∂G_i/∂r_j
    full = full.index_add(0, i * n + j, derivatives).index_add(0, i * n + i, -derivatives)
    frozen = torch.tensor(FROZEN["ethanol_dscribe_derivatives"]).permute(0, 1, 3, 2).reshape(n * n, n_features, 3)
    assert torch.allclose(full, frozen, atol=1e-6 * float(frozen.abs().max()))


@pytest.mark.parametrize(("name", "elements"), [("ethanol", (1, 6, 8)), ("silicon", (14,))])
def test_torchani(name, elements):
    model = ani(elements)
    features = model(graph_of(name, model.cutoff))
    frozen = torch.tensor(FROZEN[f"{name}_aev"])
    assert features.shape == frozen.shape
    assert (features - frozen).abs().max() <= EXACT * frozen.abs().max()


def test_network_with_torchanis_weights():
    model = BehlerParrinello(ani((1, 6, 8)), hidden=(16, 8), activation=nn.CELU(0.1)).double()
    with torch.no_grad():
        for symbol, network in zip("HCO", model.readout.networks, strict=True):
            layers: Any = network.layers
            for k, layer in enumerate(layers):
                layer.weight.copy_(torch.tensor(FROZEN[f"ani_{symbol}_weight{k}"]))
                layer.bias.copy_(torch.tensor(FROZEN[f"ani_{symbol}_bias{k}"]))
    out = Potential(model)(graph_of("ethanol", model.cutoff))
    assert out["energy"].item() == pytest.approx(float(FROZEN["ani_energy"]), rel=EXACT)
    frozen = torch.tensor(FROZEN["ani_forces"])
    assert (out["forces"] - frozen).abs().max() <= EXACT * max(1.0, float(frozen.abs().max()))
