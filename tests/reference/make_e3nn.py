"""Freeze spherical harmonics, D-matrices and coupling coefficients of e3nn for the tests here.

Run:  python make_e3nn.py        writes e3nn.npz (float64)
Needs e3nn==0.6.0, not at test time.

Keys: `vectors` (n, 3); `harmonics` (n, 16), degrees 0 to 3, component normalized; `rotations` (k, 3, 3); `D<l>`
(k, 2l + 1, 2l + 1); `coupling_<l1><l2><l3>`, every triple up to 3.
"""

from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import torch
from e3nn import o3

HIGHEST = 3


def main():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    vectors, rotations = 3 * torch.randn(40, 3), o3.rand_matrix(6)
    vectors[:6] = torch.cat([torch.eye(3), -2 * torch.eye(3)])  # along the axes, where angles would be undefined
    out = {"versions": np.array([f"{name} {version(name)}" for name in ("e3nn", "torch", "numpy")])}
    out |= {"vectors": vectors.numpy(), "rotations": rotations.numpy()}
    out["harmonics"] = o3.spherical_harmonics(list(range(HIGHEST + 1)), vectors, True, "component").numpy()
    for l in range(HIGHEST + 1):
        out[f"D{l}"] = o3.Irrep(l, 1).D_from_matrix(rotations).numpy()
    for l1, l2, l3 in product(range(HIGHEST + 1), repeat=3):
        if abs(l1 - l2) <= l3 <= l1 + l2:
            out[f"coupling_{l1}{l2}{l3}"] = o3.wigner_3j(l1, l2, l3).numpy()
    np.savez_compressed(Path(__file__).with_name("e3nn.npz"), **out)


if __name__ == "__main__":
    main()
