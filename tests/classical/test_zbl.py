"""The repulsion of nuclei: bare Coulomb at the nucleus, LAMMPS elsewhere, nothing where it is switched off."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mininnip.classical import PairPotential, zbl_repulsion, zbl_screening
from mininnip.classical.pair import COULOMB, SCREENING
from mininnip.graph import Graph
from mininnip.potential import Potential

FROZEN = np.load(Path(__file__).parents[1] / "reference" / "lammps_tersoff.npz")


@pytest.mark.parametrize(("key", "z_1", "z_2"), [("zbl_silicon", 14, 14), ("zbl_silicon_germanium", 14, 32)])
def test_the_energies_of_lammps(key, z_1, z_2):
    r = torch.tensor(FROZEN["zbl_distances"])
    screening = 0.46850 / (z_1**0.23 + z_2**0.23)  # LAMMPS rounds 0.8854 a₀ = 0.46853 Å
    np.testing.assert_allclose(zbl_repulsion(r, z_1 * z_2, screening), FROZEN[key], rtol=1e-7)
    assert zbl_screening(z_1, z_2) == pytest.approx(screening, rel=1e-4)


def test_two_elements_have_no_order():
    assert zbl_screening(14, 32) == zbl_screening(32, 14)


def test_bare_nuclei_at_the_origin_and_no_minimum():
    assert sum(share for share, _ in SCREENING) == pytest.approx(1, abs=1e-12)
    r = torch.logspace(-8, 1, 400, dtype=torch.float64)
    energy = zbl_repulsion(r, 196.0, zbl_screening(14, 14))
    assert (energy[0] * r[0]).item() == pytest.approx(196 * COULOMB, rel=1e-5)
    assert bool((energy.diff() < 0).all())
    assert bool((energy > 0).all())


def test_switched_off_it_does_nothing_to_atoms_farther_apart():
    a = zbl_screening(14, 14)
    repulsion = Potential(PairPotential(zbl_repulsion, 1.8, "switched", 1.0, charge_product=196.0, screening=a))
    for distance, pushed in ((1.81, False), (1.7, True)):
        pair = Graph.from_arrays([14, 14], torch.tensor([[0, 0, 0], [distance, 0, 0]], dtype=torch.float64), 3.0)
        out = repulsion(pair)
        assert (out["energy"].item() > 0) == pushed
        assert (out["forces"][1, 0].item() > 0) == pushed
