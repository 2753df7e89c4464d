"""Our SchNet and PaiNN with weights of SchNetPack's and PyTorch Geometric's: the same energies and forces.

The numbers were frozen by make_representations.py; nothing of the peers is needed here. DTNN has no peer that can be
installed: it is compared with the paper's equations, written as loops.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms

import mininnip as mn
from mininnip.neural import DTNN, PaiNN, SchNet

FROZEN = np.load(Path(__file__).with_name("representations.npz"))
CASES = ("molecule_0", "molecule_1", "crystal")


def structure(case):
    numbers, positions, cell, pbc = (FROZEN[f"{case}_{part}"] for part in ("numbers", "positions", "cell", "pbc"))
    return Atoms(numbers, positions, cell=cell, pbc=pbc)


def weights_of(peer):
    return {key.partition("/")[2]: torch.tensor(FROZEN[key]) for key in FROZEN.files if key.startswith(f"{peer}/")}


def blank(model):
    """Weights that are no numbers: one that has no counterpart in the peer's model would show."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith(("embedding.", "scaling.")):
                weight.fill_(torch.nan)
    return model.double()


def copy(layer, weight, bias=None):
    with torch.no_grad():
        layer.weight[: len(weight)].copy_(weight)  # our embedding has rows for more elements
        if bias is not None:
            layer.bias.copy_(bias)


def copy_linear(layer, weights, name):
    copy(layer, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def schnet_from_schnetpack(w):
    model: Any = blank(SchNet(5.0, n_features=8, n_layers=3, n_basis=12))
    copy(model.embedding, w["representation.embedding.weight"])
    for k, block in enumerate(model.interactions):
        peer = f"representation.interactions.{k}"
        copy_linear(block.in_network, w, f"{peer}.in2f")
        for ours, theirs in ((0, 0), (2, 1)):
            copy_linear(block.filter.network[ours], w, f"{peer}.filter_network.{theirs}")
            copy_linear(block.out_network[ours], w, f"{peer}.f2out.{theirs}")
    for ours, theirs in ((0, 0), (2, 1)):
        copy_linear(model.readout[ours], w, f"output_modules.0.outnet.{theirs}")
    return model


def schnet_from_geometric(w):
    model: Any = blank(SchNet(5.0, n_features=8, n_layers=3, n_basis=12))
    copy(model.embedding, w["embedding.weight"])
    for k, block in enumerate(model.interactions):
        copy_linear(block.in_network, w, f"interactions.{k}.conv.lin1")
        copy_linear(block.filter.network[0], w, f"interactions.{k}.mlp.0")
        copy_linear(block.filter.network[2], w, f"interactions.{k}.mlp.2")
        copy_linear(block.out_network[0], w, f"interactions.{k}.conv.lin2")
        copy_linear(block.out_network[2], w, f"interactions.{k}.lin")
    copy_linear(model.readout[0], w, "lin1")
    copy_linear(model.readout[2], w, "lin2")
    return model


def painn_from_schnetpack(w):
    """Theirs has no norm in its basis, another order of U and V and of the gates, and weights that nothing feels."""
    model: Any = blank(PaiNN(5.0, n_features=8, n_layers=3, n_basis=12))
    n = 8
    copy(model.embedding, w["representation.embedding.weight"])
    filters = [w[f"representation.filter_net.{part}"].split(3 * n) for part in ("weight", "bias")]
    for k, (message, update) in enumerate(zip(model.messages, model.updates, strict=True)):
        peer = f"representation.interactions.{k}.interatomic_context_net"
        n_out = message.filter_network.out_features  # without the last third in the first layer
        bias = filters[1][k][:n_out, None]  # of the constant, the last function of our basis
        copy(message.filter_network, torch.cat([filters[0][k][:n_out] * math.sqrt(5.0 / 2), bias], dim=1))
        copy_linear(message.scalar_network[0], w, f"{peer}.0")
        copy(message.scalar_network[2], w[f"{peer}.1.weight"][:n_out], w[f"{peer}.1.bias"][:n_out])
        peer = f"representation.mixing.{k}"
        copy(update.mix, w[f"{peer}.mu_channel_mix.weight"].roll(n, 0))
        copy_linear(update.gate_network[0], w, f"{peer}.intraatomic_context_net.0")
        n_out = update.gate_network[2].out_features  # without the gate of vectors in the last layer
        order = torch.cat([torch.arange(n), torch.arange(2 * n, 3 * n), torch.arange(n, 2 * n)])[:n_out]
        peer += ".intraatomic_context_net.1"
        copy(update.gate_network[2], w[f"{peer}.weight"][order], w[f"{peer}.bias"][order])
    for ours, theirs in ((0, 0), (2, 1)):
        copy_linear(model.readout[ours], w, f"output_modules.0.outnet.{theirs}")
    return model


PEERS = {
    "schnetpack_schnet": schnet_from_schnetpack,
    "pyg_schnet": schnet_from_geometric,
    "schnetpack_painn": painn_from_schnetpack,
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("case", [*CASES, "batch"])
def test_same_weights_same_energies_and_forces(peer, case):
    potential = mn.Potential(PEERS[peer](weights_of(peer)))
    frames = [structure(name) for name in (CASES if case == "batch" else [case])]
    out = potential(mn.Graph.from_atoms(frames, 5.0))
    energy, forces = FROZEN[f"{peer}_{case}_energy"], FROZEN[f"{peer}_{case}_forces"]
    assert np.abs(out["energy"].numpy() - energy).max() <= 1e-12
    assert np.abs(out["forces"].numpy() - forces).max() <= 1e-12
    assert np.abs(forces).max() > 0.1


def dtnn_by_loops(model, atoms, cutoff):
    """Energy as in the paper's equations, one pair and one Gaussian at a time."""
    block, numbers = model.interaction, atoms.numbers
    images = [(k, j) for k in np.ndindex(7, 7, 7) for j in range(len(atoms))] if atoms.pbc.any() else None
    images = images or [((3, 3, 3), j) for j in range(len(atoms))]
    c = [model.embedding.weight[int(z)] for z in numbers]
    for _ in range(3):
        new = []
        for i in range(len(atoms)):
            total = c[i].clone()
            for shift, j in images:
                at = atoms.positions[j] + (np.array(shift) - 3) @ atoms.cell.array
                d = float(np.linalg.norm(at - atoms.positions[i]))
                if d < 1e-9 or d >= cutoff:
                    continue
                gaussians = [math.exp(-((d - 0.25 * k) ** 2) / (2 * 0.25**2)) for k in range(13)]
                gaussians = torch.tensor(gaussians, dtype=torch.float64)
                from_atom = block.atom_network.weight @ c[j] + block.atom_network.bias
                from_distance = block.distance_network.weight @ gaussians + block.distance_network.bias
                fading = 0.5 * (1 + math.cos(math.pi * d / cutoff))
                total = total + fading * torch.tanh(block.out_network.weight @ (from_atom * from_distance))
            new.append(total)
        c = new
    energy = 0.0
    for i, z in enumerate(numbers):
        hidden = torch.tanh(model.readout[0].weight @ c[i] + model.readout[0].bias)
        output = float((model.readout[2].weight @ hidden + model.readout[2].bias).detach())
        energy += float(model.scaling.scale[z]) * (output + float(model.scaling.shift[z]))
    return energy


@pytest.mark.parametrize("case", ["molecule_0", "crystal"])
def test_dtnn_is_the_equations_of_its_paper(case):
    torch.manual_seed(0)
    model = DTNN(3.0, n_features=5, n_basis=13, n_factors=7, n_hidden=4).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.5)
    atoms = structure(case)
    energy = float(mn.Potential(model)(mn.Graph.from_atoms(atoms, 3.0), forces=False)["energy"])
    with torch.no_grad():
        assert energy == pytest.approx(dtnn_by_loops(model, atoms, 3.0), abs=1e-12)
