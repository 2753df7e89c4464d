"""Freeze symmetry functions of DScribe and TorchANI, and the energy of a TorchANI network, for the tests here.

Run:  python make_symmetry_functions.py        writes symmetry_functions.npz (float64)
Needs dscribe==2.1.2 and torchani==2.9.0 (`pip install --no-deps torchani==2.9.0`), neither of them at test time.

Keys: `<system>_numbers`, `_positions`, `_cell`, `_periodic`; `<system>_dscribe` (N, B) and, for ethanol,
`ethanol_dscribe_derivatives` (N, N, 3, B), ∂G_i/∂r_j by its central differences; `<system>_aev` (N, B) and `ani_*`,
the constants as TorchANI holds them (rounded to float32); `ani_energy`, `ani_forces` of ethanol in the network's own
units, with the weights `ani_<symbol>_weight<k>`, `_bias<k>` between layers of CELU(α = 0.1).
"""

from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from ase.build import bulk, molecule
from dscribe.descriptors import ACSF
from torchani.aev import AEVComputer

CUTOFF = 5.0
G2 = [[0.05, 0.0], [1.0, 1.5], [4.0, 2.5]]
G3 = [1.0, 2.3]
G4 = [[0.01, 1, 1], [0.05, 4, -1], [0.02, 2.5, 1]]
G5 = [[0.03, 2, -1], [0.005, 8, 1]]


def systems():
    rng = np.random.default_rng(0)
    ethanol = molecule("CH3CH2OH")
    silicon = bulk("Si", cubic=True)
    salt = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    salt.set_cell(salt.cell.array + rng.normal(0, 0.2, (3, 3)), scale_atoms=True)
    for atoms in (ethanol, silicon, salt):
        atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
    return {"ethanol": ethanol, "silicon": silicon, "salt": salt}


def ani_frozen(out, ethanol, silicon):
    computer = AEVComputer.like_2x(num_species=3).double()
    radial, angular = computer.radial, computer.angular
    out["ani_radial_eta"], out["ani_radial_shifts"] = radial.eta.numpy(), radial.shifts.numpy()
    out["ani_angular_eta"], out["ani_zeta"] = angular.eta.numpy(), angular.zeta.numpy()
    out["ani_angular_shifts"], out["ani_sections"] = angular.shifts.numpy(), angular.sections.numpy()
    out["ani_cutoffs"] = np.array([radial.cutoff, angular.cutoff])
    index = {1: 0, 6: 1, 8: 2}
    kinds = torch.tensor([[index[z] for z in ethanol.numbers]])
    positions = torch.tensor(ethanol.positions[None]).requires_grad_()
    aev = computer(kinds, positions)
    out["ethanol_aev"] = aev[0].detach().numpy()
    torch.manual_seed(0)
    energy = torch.zeros((), dtype=torch.float64)
    for symbol, k in (("H", 0), ("C", 1), ("O", 2)):
        sizes = (aev.shape[-1], 16, 8, 1)
        layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(sizes)]
        network = torch.nn.Sequential(layers[0], torch.nn.CELU(0.1), layers[1], torch.nn.CELU(0.1), layers[2])
        energy = energy + network(aev[0, kinds[0] == k]).sum()
        for n, layer in enumerate(layers):
            out[f"ani_{symbol}_weight{n}"] = layer.weight.detach().numpy()
            out[f"ani_{symbol}_bias{n}"] = layer.bias.detach().numpy()
    out["ani_energy"] = energy.detach().numpy()
    out["ani_forces"] = -torch.autograd.grad(energy, positions)[0][0].numpy()
    single = AEVComputer.like_2x(num_species=1, neighborlist="cell_list").double()
    big = silicon * (2, 2, 2)
    cell, pbc = torch.tensor(big.cell.array), torch.tensor([True, True, True])
    kinds = torch.zeros(1, len(big), dtype=torch.int64)
    out["silicon_aev"] = single(kinds, torch.tensor(big.positions[None]), cell, pbc)[0].numpy()[: len(silicon)]


def main():
    torch.set_default_dtype(torch.float64)
    out = {
        "versions": np.array([f"{name} {version(name)}" for name in ("dscribe", "torchani", "torch", "numpy", "ase")])
    }
    out |= {"cutoff": np.array(CUTOFF), "g2": np.array(G2), "g3": np.array(G3), "g4": np.array(G4), "g5": np.array(G5)}
    for name, atoms in systems().items():
        species = sorted(set(atoms.get_chemical_symbols()), key=lambda s: atoms.numbers[atoms.symbols == s][0])
        options = {"r_cut": CUTOFF, "g2_params": G2, "g3_params": G3, "g4_params": G4, "g5_params": G5}
        acsf = ACSF(species=species, periodic=bool(atoms.pbc.any()), **options)
        out |= {f"{name}_numbers": atoms.numbers, f"{name}_positions": atoms.positions}
        out |= {f"{name}_cell": atoms.cell.array, f"{name}_periodic": atoms.pbc}
        out[f"{name}_dscribe"] = acsf.create(atoms)
        if name == "ethanol":
            out["ethanol_dscribe_derivatives"] = acsf.derivatives(atoms, attach=True, return_descriptor=False)
    ani_frozen(out, systems()["ethanol"], systems()["silicon"])
    np.savez_compressed(Path(__file__).with_name("symmetry_functions.npz"), **out)


if __name__ == "__main__":
    main()
