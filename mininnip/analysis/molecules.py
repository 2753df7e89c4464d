"""Molecules: which atoms are bonded to which, guessed from the distances in one geometry."""

import numpy as np
import torch
from ase import Atoms
from ase.data import covalent_radii
from torch import Tensor


def find_bonds(atoms: Atoms, tolerance: float = 1.25) -> Tensor:
    """Guess the bonds from the distances: bonded if nearer than the sum of the covalent radii, times a tolerance.

    Radii of Cordero et al., Dalton Trans. 2832 (2008), as tabulated in ASE; periodic images are ignored.

    Args:
        atoms: ASE Atoms of a molecule.
        tolerance: stretch up to which a bond counts as one.

    Returns:
        Pairs of atom indices (B, 2), first index smaller.
    """
    radii = covalent_radii[atoms.numbers]
    near = atoms.get_all_distances() < tolerance * (radii[:, None] + radii)
    return torch.tensor(np.argwhere(np.triu(near, k=1)))
