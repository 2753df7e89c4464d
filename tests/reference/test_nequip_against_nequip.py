"""NequIP with the weights of its authors' model gives that model's energies and forces."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mininnip import Graph, Potential, batch
from mininnip.neural import NequIP
from mininnip.neural.nequip import EVEN, ODD, degree, products

FROZEN = np.load(Path(__file__).with_name("nequip.npz"))
EXACT = 1e-12
ORDER = ["0o", "0e", "1o", "1e", "2o", "2e"]  # in which e3nn sorts kinds; ours is alphabetical


def frozen(name):
    return torch.tensor(FROZEN[name])


def import_weights(model, l_max):
    """Copy the authors' weights. Theirs are of order one, and divided by roots of sizes at each use.

    They have features of all kinds that can come about; ours only those from which the energy hears.
    """
    f, cutoff = model.readout.in_features, float(FROZEN["cutoff"])
    estimated = {"0o": float(FROZEN["tanh"]) / ODD}  # the authors' constants over ours; SiLU's for all other kinds

    def weight(name):
        return frozen(f"l{l_max}_weight_model.func.{name}")

    def gain(kind, layer):
        return estimated.get(kind, float(FROZEN["silu"]) / EVEN) if layer > 0 else 1.0

    def taken(flat, shapes):
        """The matrices that stand one after the other in a row of numbers, by kind."""
        parts = flat.split([math.prod(shape) for shape in shapes.values()])
        return {kind: part.reshape(shape) for part, (kind, shape) in zip(parts, shapes.items(), strict=True)}

    def of_kinds(scalars_and_gates, theirs, ours):
        """Columns of the scalars, and of the gates of those kinds that we have."""
        gated = [kind for kind in theirs if degree(kind) > 0]
        columns = scalars_and_gates.split(f, dim=-1)
        return torch.cat([columns[0], *(columns[1 + gated.index(k)] for k in ours if degree(k) > 0)], dim=-1)

    elements = frozen("elements")
    model.embedding.weight[elements] = weight("type_embed.embed_module.weight")
    inputs = ["0e"]
    for n, block in enumerate(model.interactions):
        name, last = f"layer{n}_convnet.conv", n == len(model.interactions) - 1
        outputs = ["0e"] if last else sorted({b for a in inputs for _, b in products(a, l_max)})
        ours = list(block.linear_2.weights)
        paths = [(a, l2, b) for a in inputs for l2, b in products(a, l_max) if b in outputs]
        targets = [target for *_, target in paths]
        sizes = {kind: f + f * (kind == "0e") * sum(degree(k) > 0 for k in outputs) for kind in outputs}

        radial = block.convolution.radial_network.weights
        inner, outer = weight(f"{name}.edge_mlp.mlp.0.weight"), weight(f"{name}.edge_mlp.mlp.2.weight")
        columns = zip(paths, outer.split(f, dim=1), strict=True)
        outer = torch.cat([values for path, values in columns if path in block.convolution.paths], dim=1)
        radial[0].copy_(inner / math.sqrt(len(inner)) * math.sqrt(2 / cutoff))
        radial[1].copy_(outer * math.sqrt(2 / len(outer)))

        theirs = taken(weight(f"{name}.linear_1.weight"), dict.fromkeys(inputs, (f, f)))
        for kind, w in block.linear_1.weights.items():
            w.copy_(theirs[kind] * gain(kind, n) / math.sqrt(f))

        shapes = {k: (f * targets.count(k), sizes[k]) for k in sorted(outputs, key=ORDER.index)}
        theirs = taken(weight(f"{name}.linear_2.weight"), shapes)
        theirs["0e"] = of_kinds(theirs["0e"], outputs, ours)
        for kind, w in block.linear_2.weights.items():
            w.copy_(theirs[kind] / math.sqrt(len(w)))

        if n > 0:
            shapes = {kind: (f, f, sizes[kind]) for kind in inputs if kind in outputs}
            theirs = taken(weight(f"{name}.sc.weight"), shapes)
            theirs["0e"] = of_kinds(theirs["0e"], outputs, ours)
            for kind, w in block.self_connection.weights.items():
                w.copy_(theirs[kind].transpose(0, 1) * gain(kind, n) / f)
        inputs = outputs
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
    """Six layers, so that every kind of features, odd scalars too, reaches the energy."""
    hidden = FROZEN[f"l{l_max}_weight_model.func.layer0_convnet.conv.edge_mlp.mlp.0.weight"].shape[1]
    model: Any = NequIP(float(FROZEN["cutoff"]), 3, n_layers=6, l_max=l_max, radial_hidden=(hidden,)).double()
    kinds = {kind for block in model.interactions for kind in block.linear_1.weights}
    assert kinds == set(ORDER[: 2 * (l_max + 1)])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith(("embedding.", "scaling.")):
                weight.fill_(torch.nan)  # one that has no counterpart would show
        import_weights(model, l_max)
    graph = batch([graph_of("ethanol"), graph_of("salt")]) if system == "batch" else graph_of(system)
    out = Potential(model)(graph, stress=system == "salt")
    names = ["energy", "energies", "forces", *(["stress"] if system == "salt" else [])]
    for name in names:
        expected = frozen(f"l{l_max}_{system}_{name}")
        assert expected.abs().max() > 1e-5
        assert out[name].shape == expected.shape
        assert (out[name] - expected).abs().max() <= EXACT, name
