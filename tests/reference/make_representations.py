"""Freeze weights, energies and forces of SchNetPack's SchNet and PaiNN, and of PyTorch Geometric's SchNet.

    python tests/reference/make_representations.py
    (needs torch, ase, schnetpack 2.1.1 and torch_geometric; writes representations.npz beside this file)

Structures: two rattled ethanols, a rattled and sheared silicon carbide whose cell is smaller than the cutoff, and all
of them side by side in one call. 8 features, 3 interactions, cutoff 5 Å, float64; random weights, also where a peer
starts from zero. What a peer keeps in float32 (centers, widths and waves of its bases, ln 2) is set to its exact value.

Keys: `<molecule_0|molecule_1|crystal>_<numbers|positions|cell|pbc>`; for each peer `schnetpack_schnet`,
`schnetpack_painn`, `pyg_schnet`: `<peer>/<weight>`, and `<peer>_<case>_energy`, `_forces`; `<peer>_batch_energy` (3,)
and `_forces`. Units: eV, Å.
"""

import json
import math
import typing
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.utils.data.dataloader as dataloader
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

setattr(dataloader, "T_co", typing.TypeVar("T_co", covariant=True))  # noqa: B010  (schnetpack imports it from there)

import schnetpack.nn as spk_nn  # noqa: E402  # pyright: ignore[reportMissingImports]
from schnetpack.atomistic import Atomwise, PairwiseDistances  # noqa: E402  # pyright: ignore[reportMissingImports]
from schnetpack.model import NeuralNetworkPotential  # noqa: E402  # pyright: ignore[reportMissingImports]
from schnetpack.representation import PaiNN, SchNet  # noqa: E402  # pyright: ignore[reportMissingImports]
from torch_geometric.nn.models import SchNet as GeometricSchNet  # noqa: E402  # pyright: ignore[reportMissingImports]

CUTOFF, FEATURES, BASIS = 5.0, 8, 12


def structures() -> dict[str, Atoms]:
    molecules = [molecule("CH3CH2OH") for _ in range(2)]
    for seed, atoms in enumerate(molecules):
        atoms.rattle(0.1, seed=seed)
    crystal = bulk("SiC", "zincblende", a=4.36)
    crystal.set_cell(crystal.cell.array @ (np.eye(3) + [[0, 0.05, 0], [0, 0, -0.04], [0.03, 0, 0]]), scale_atoms=True)
    crystal.rattle(0.1, seed=2)
    return {"molecule_0": molecules[0], "molecule_1": molecules[1], "crystal": crystal}


def edges_of(frames: list[Atoms]):
    """Numbers, positions, structure of each atom, centers, neighbors, offsets in Å of all frames side by side."""
    parts, before = [], 0
    for k, atoms in enumerate(frames):
        i, j, shifts = neighbor_list("ijS", atoms, CUTOFF)
        offsets = shifts @ atoms.cell.array
        parts.append((atoms.numbers, atoms.positions, np.full(len(atoms), k), i + before, j + before, offsets))
        before += len(atoms)
    return [torch.tensor(np.concatenate(column)) for column in zip(*parts, strict=True)]


def randomize(model: torch.nn.Module) -> torch.nn.Module:
    """All weights random, biases too, in float64."""
    torch.manual_seed(0)
    model = model.double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=1 / math.sqrt(weight.shape[-1]))
    return model


def schnetpack(representation, activation):
    output = Atomwise(n_in=FEATURES, output_key="energy", activation=activation)
    model = NeuralNetworkPotential(representation, input_modules=[PairwiseDistances()], output_modules=[output])
    model = randomize(model)
    basis = representation.radial_basis
    if hasattr(basis, "freqs"):
        basis.freqs = torch.arange(1, BASIS + 1, dtype=torch.float64) * math.pi / CUTOFF
    else:
        basis.offsets = torch.linspace(0, CUTOFF, BASIS, dtype=torch.float64)
        basis.widths = torch.full((BASIS,), CUTOFF / (BASIS - 1), dtype=torch.float64)
    model.do_postprocessing = False

    def evaluate(frames):
        torch.set_default_dtype(torch.float64)  # PaiNN makes its vectors in it
        numbers, positions, structure, i, j, offsets = edges_of(frames)
        positions.requires_grad_()
        inputs = {"_atomic_numbers": numbers, "_positions": positions, "_idx_i": i, "_idx_j": j, "_offsets": offsets}
        counts = torch.bincount(structure)
        energy = model(inputs | {"_idx_m": structure, "_n_atoms": counts})["energy"]
        torch.set_default_dtype(torch.float32)
        return energy, -torch.autograd.grad(energy.sum(), positions)[0]

    return model, evaluate


def geometric():
    now = {}

    def interaction_graph(positions, batch):
        i, j, offsets = now["edges"]
        return torch.stack([j, i]), (positions[j] - positions[i] + offsets).norm(dim=1)

    model = randomize(GeometricSchNet(FEATURES, FEATURES, 3, BASIS, CUTOFF, interaction_graph))
    model.distance_expansion.offset = torch.linspace(0, CUTOFF, BASIS, dtype=torch.float64)
    model.distance_expansion.coeff = -0.5 / (CUTOFF / (BASIS - 1)) ** 2
    for part in model.modules():
        if hasattr(part, "shift"):
            part.shift = math.log(2)

    def evaluate(frames):
        numbers, positions, structure, *now["edges"] = edges_of(frames)
        positions.requires_grad_()
        energy = model(numbers, positions, structure)[:, 0]
        return energy, -torch.autograd.grad(energy.sum(), positions)[0]

    return model, evaluate


def main():
    cases, out = structures(), {}
    for case, atoms in cases.items():
        out |= {f"{case}_numbers": atoms.numbers, f"{case}_positions": atoms.positions}
        out |= {f"{case}_cell": atoms.cell.array, f"{case}_pbc": atoms.pbc}
    cutoff = spk_nn.CosineCutoff(CUTOFF)
    schnet = SchNet(FEATURES, 3, spk_nn.GaussianRBF(BASIS, CUTOFF), cutoff)
    painn = PaiNN(FEATURES, 3, spk_nn.BesselRBF(BASIS, CUTOFF), cutoff)
    peers = {
        "schnetpack_schnet": schnetpack(schnet, spk_nn.shifted_softplus),
        "schnetpack_painn": schnetpack(painn, torch.nn.functional.silu),
        "pyg_schnet": geometric(),
    }
    for peer, (model, evaluate) in peers.items():
        out |= {f"{peer}/{name}": value.detach().numpy() for name, value in model.named_parameters()}
        for case, frames in {**{name: [atoms] for name, atoms in cases.items()}, "batch": list(cases.values())}.items():
            energy, forces = evaluate(frames)
            out |= {f"{peer}_{case}_energy": energy.detach().numpy(), f"{peer}_{case}_forces": forces.numpy()}
            print(peer, case, energy.detach().numpy(), forces.abs().max().item())
    packages = {name: version(name) for name in ("schnetpack", "torch_geometric", "torch", "ase")}
    provenance = {"script": "tests/reference/make_representations.py", **packages}
    file = Path(__file__).with_name("representations.npz")
    np.savez_compressed(file, provenance=np.array(json.dumps(provenance)), **out)


if __name__ == "__main__":
    main()
