"""Two nuclei that come too close: the screened Coulomb repulsion of Ziegler, Biersack and Littmark.

A network knows nothing of distances that its training data do not hold; below them a pair may attract and fuse. Physics
knows what happens there: nuclei repel, more and more unscreened. Ziegler, Biersack & Littmark, The Stopping and Range
of Ions in Matter, Pergamon, New York (1985), fitted one screening function to 522 pairs of elements.

The law takes the product Z₁ Z₂ and the screening length a, so that `PairPotential` can hold both as symmetric tables.
"""

import torch
from torch import Tensor

from mininnip.classical.pair import COULOMB

BOHR = 0.529177210903  # Å, CODATA 2018
SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))  # shares, decays


def zbl_repulsion(r: Tensor, charge_product: Tensor | float, screening: Tensor | float) -> Tensor:
    """Coulomb energy of two nuclei, screened by their electrons.

        V(r) = Z₁ Z₂ e² / (4π ε₀ r) · φ(r/a),   φ(x) = Σ_k c_k exp(−d_k x),   Σ_k c_k = 1

    As r → 0 it is the bare Coulomb energy; it falls without a minimum.

    Args:
        r: distances (...) in Å.
        charge_product: Z₁ Z₂, in e².
        screening: a in Å, from `zbl_screening`.

    Returns:
        Energies (...) in eV.
    """
    x = r / screening
    phi = sum(share * torch.exp(-decay * x) for share, decay in SCREENING)
    return COULOMB * charge_product / r * phi


def zbl_screening(z_1: int, z_2: int) -> float:
    """Screening length of two elements in Å: a = 0.8854 a₀ / (Z₁^0.23 + Z₂^0.23), a₀ Bohr's radius.

    Args:
        z_1, z_2: atomic numbers.

    Returns:
        a in Å.
    """
    return 0.8854 * BOHR / (z_1**0.23 + z_2**0.23)
