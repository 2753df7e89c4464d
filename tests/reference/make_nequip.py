"""Freeze energies and forces of NequIP, by its authors' code, for the tests here.

Run:  python make_nequip.py        writes nequip.npz (float64)
Needs nequip==0.19.1 with e3nn==0.6.0, not at test time.

Keys: `<system>_numbers`, `_positions`, `_cell`, `_periodic`; for l_max 1 and 2, with both parities,
`l<l_max>_weight_<name>`, the weights as the authors name them, and `l<l_max>_<system>_energy`, `_energies`, `_forces`
(`_stress` for crystals); the same for `batch`, molecule and crystal side by side. Activations of that code are
multiplied by constants which it estimates from random numbers: `silu`, `tanh`.
"""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list
from e3nn.math import normalize2mom
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state

CUTOFF, NEIGHBORS, LAYERS, FEATURES = 4.0, 9.0, 6, 3  # odd scalars need six layers to count
AMPLIFIED = 5.0
ELEMENTS = {"H": 1, "C": 6, "O": 8}
SCALES, SHIFTS = {"H": 0.7, "C": 1.3, "O": 1.1}, {"H": -0.3, "C": 0.2, "O": 0.5}


def systems():
    rng = np.random.default_rng(0)
    ethanol = molecule("CH3CH2OH")
    salt = bulk("CO", "rocksalt", a=4.4)  # a crystal of these elements; the cell is smaller than the cutoff
    salt.set_cell(salt.cell.array + rng.normal(0, 0.2, (3, 3)), scale_atoms=True)
    for atoms in (ethanol, salt):
        atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
    return {"ethanol": ethanol, "salt": salt}


def model_of(l_max):
    set_global_state()
    return NequIPGNNModel(
        seed=l_max,
        model_dtype="float64",
        type_names=list(ELEMENTS),
        r_max=CUTOFF,
        num_bessels=8,
        polynomial_cutoff_p=6,
        num_layers=LAYERS,
        l_max=l_max,
        parity=True,
        num_features=FEATURES,
        radial_mlp_depth=1,
        radial_mlp_width=8,
        avg_num_neighbors=NEIGHBORS,
        per_type_energy_scales=SCALES,
        per_type_energy_shifts=SHIFTS,
    )


def inputs_of(many):
    """The dict that the authors' model reads, of structures side by side."""
    parts, before = [], 0
    for k, atoms in enumerate(many):
        i, j, shifts = neighbor_list("ijS", atoms, CUTOFF)
        types = [list(ELEMENTS.values()).index(z) for z in atoms.numbers]
        cell = atoms.cell.array if atoms.pbc.any() else np.zeros((3, 3))
        parts.append(
            {
                "pos": torch.tensor(atoms.positions),
                "edge_index": torch.tensor(np.stack([i, j]) + before),
                "atom_types": torch.tensor(types),
                "batch": torch.full((len(atoms),), k),
                "num_atoms": torch.tensor([len(atoms)]),
                "cell": torch.tensor(cell)[None],
                "pbc": torch.tensor(atoms.pbc)[None],
                "edge_cell_shift": torch.tensor(shifts, dtype=torch.float64),
            }
        )
        before += len(atoms)
    return {name: torch.cat([p[name] for p in parts], dim=int(name == "edge_index")) for name in parts[0]}


def main():
    torch.set_default_dtype(torch.float64)
    packages = ("nequip", "e3nn", "torch", "numpy", "ase")
    out = {"versions": np.array([f"{name} {version(name)}" for name in packages])}
    out |= {"cutoff": np.array(CUTOFF), "n_neighbors": np.array(NEIGHBORS), "elements": np.array([1, 6, 8])}
    out |= {"silu": np.array(normalize2mom(torch.nn.functional.silu).cst)}
    out |= {"tanh": np.array(normalize2mom(torch.tanh).cst)}
    out |= {"scales": np.array(list(SCALES.values())), "shifts": np.array(list(SHIFTS.values()))}
    frozen = systems()
    for name, atoms in frozen.items():
        out |= {f"{name}_numbers": atoms.numbers, f"{name}_positions": atoms.positions}
        out |= {f"{name}_cell": atoms.cell.array, f"{name}_periodic": atoms.pbc}
    for l_max in (1, 2):
        model = model_of(l_max)
        with torch.no_grad():  # as initialized, what odd scalars add to the energy would be lost in rounding
            for name, weights in model.named_parameters():
                weights *= AMPLIFIED if "edge_mlp.mlp.0" in name else 1
        out |= {f"l{l_max}_weight_{name}": w.detach().numpy() for name, w in model.named_parameters()}
        for name, many in (*((name, [atoms]) for name, atoms in frozen.items()), ("batch", list(frozen.values()))):
            result, label = model(inputs_of(many)), f"l{l_max}_{name}"
            out[f"{label}_energy"] = result["total_energy"].detach().numpy()[:, 0]
            out[f"{label}_energies"] = result["atomic_energy"].detach().numpy()[:, 0]
            out[f"{label}_forces"] = result["forces"].detach().numpy()
            if name == "salt":
                out[f"{label}_stress"] = result["stress"].detach().numpy()
    np.savez_compressed(Path(__file__).with_name("nequip.npz"), **out)


if __name__ == "__main__":
    main()
