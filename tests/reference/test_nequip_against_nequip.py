"""NequIP with the weights of its authors' model gives that model's energies and forces."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mininnip import Graph, Potential, batch
from mininnip.neural import NequIP
from mininnip.neural.nequip import EVEN, ODD

FROZEN = np.load(Path(__file__).with_name("nequip.npz"))
EXACT = 1e-12
ORDER = ["0o", "0e", "1o", "1e", "2o", "2e"]  # in which e3nn sorts kinds; ours is alphabetical


def frozen(name):
    return torch.tensor(FROZEN[name])


def import_weights(model, l_max):
    """Copy the authors' weights. Theirs are of order one, and divided by roots of sizes at each use."""
    f, cutoff = model.readout.in_features, float(FROZEN["cutoff"])
    estimated = {"0o": float(FROZEN["tanh"]) / ODD}  # the authors' constants over ours; SiLU's for all other kinds

    def weight(name):
        return frozen(f"l{l_max}_weight_model.func.{name}")

    def gain(kind, layer):
        return estimated.get(kind, float(FROZEN["silu"]) / EVEN) if layer > 0 else 1.0

    def take(flat, parameter, factor):
        part, rest = flat.split([parameter.numel(), len(flat) - parameter.numel()])
        parameter.copy_(part.reshape(parameter.shape) * factor)
        return rest

    elements = frozen("elements")
    model.embedding.weight[elements] = weight("type_embed.embed_module.weight")
    for n, block in enumerate(model.interactions):
        name = f"layer{n}_convnet.conv"
        radial = block.convolution.radial_network.weights
        inner, outer = weight(f"{name}.edge_mlp.mlp.0.weight"), weight(f"{name}.edge_mlp.mlp.2.weight")
        radial[0].copy_(inner / math.sqrt(len(inner)) * math.sqrt(2 / cutoff))
        radial[1].copy_(outer * math.sqrt(2 / len(outer)))
        left = weight(f"{name}.linear_1.weight")
        for kind, w in block.linear_1.weights.items():
            left = take(left, w, gain(kind, n) / math.sqrt(f))
        assert len(left) == 0
        left = weight(f"{name}.linear_2.weight")
        for kind in sorted(block.linear_2.weights, key=ORDER.index):
            w = block.linear_2.weights[kind]
            left = take(left, w, 1 / math.sqrt(len(w)))
        assert len(left) == 0
        left = weight(f"{name}.sc.weight") if n > 0 else torch.zeros(0)
        for kind, w in block.self_connection.weights.items():
            theirs, left = left.split([w.numel(), len(left) - w.numel()])
            w.copy_(theirs.reshape(f, f, -1).transpose(0, 1) * gain(kind, n) / f)
        assert len(left) == 0
    readout = weight("per_atom_energy_readout.mlp_module.mlp.0.weight")
    model.readout.weight.copy_(readout.T / math.sqrt(f) * gain("0e", 1))
    model.scaling.scale[elements] = frozen("scales")
    model.scaling.shift[elements] = frozen("shifts") / frozen("scales")
    model.n_neighbors.fill_(float(FROZEN["n_neighbors"]))


def graph_of(name):
    keys = ("numbers", "positions", "cell", "periodic")
    numbers, positions, cell, periodic = (FROZEN[f"{name}_{key}"] for key in keys)
    return Graph.from_arrays(numbers, positions, float(FROZEN["cutoff"]), cell, periodic)


@pytest.mark.parametrize("system", ["ethanol", "salt", "batch"])
@pytest.mark.parametrize("l_max", [1, 2])
def test_energies_and_forces_of_the_authors_model(l_max, system):
    """Four layers, so that every kind of features, odd scalars too, reaches the energy."""
    hidden = FROZEN[f"l{l_max}_weight_model.func.layer0_convnet.conv.edge_mlp.mlp.0.weight"].shape[1]
    model = NequIP(float(FROZEN["cutoff"]), 4, n_layers=4, l_max=l_max, radial_hidden=(hidden,)).double()
    with torch.no_grad():
        import_weights(model, l_max)
    graph = batch([graph_of("ethanol"), graph_of("salt")]) if system == "batch" else graph_of(system)
    out = Potential(model)(graph, stress=system == "salt")
    names = ["energy", "energies", "forces", *(["stress"] if system == "salt" else [])]
    for name in names:
        expected = frozen(f"l{l_max}_{system}_{name}")
        assert expected.abs().max() > 1e-3
        assert out[name].shape == expected.shape
        assert (out[name] - expected).abs().max() <= EXACT, name
