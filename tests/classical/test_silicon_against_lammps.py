"""Three-body forms of silicon: the numbers of LAMMPS, and the crystals of their papers and docstrings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from scipy.optimize import minimize_scalar

from mininnip.classical import EDIP, Lenosky, Tersoff
from mininnip.classical.tersoff import SILICON_OF_PRB_37_6991
from mininnip.graph import Graph
from mininnip.potential import Potential

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = ["silicon_crystal", "silicon_liquid", "silicon_primitive", "silicon_sheared", "silicon_slab"]
MODELS: dict[str, Any] = {  # by their names in the files of results
    "new": Tersoff,
    "old": lambda: Tersoff(**SILICON_OF_PRB_37_6991),  # type: ignore[arg-type]
    "edip": EDIP,
    "lenosky": Lenosky,
}


@pytest.fixture(scope="module")
def lammps():
    found = {}
    for name in ("lammps", "lammps_tersoff", "lammps_edip"):
        with np.load(REFERENCE / f"{name}.npz") as arrays:
            found |= dict(arrays)
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("case", CASES)
def test_the_numbers_of_lammps(lammps, name, case):
    model = MODELS[name]()
    numbers, positions, cell, pbc = (lammps[f"{case}_{part}"] for part in ("numbers", "positions", "cell", "pbc"))
    graph = Graph.from_arrays(numbers, positions, model.cutoff + 1.0, cell, pbc)  # a longer list than needed
    out = Potential(model)(graph, stress=bool(graph.pbc.all()))
    assert out["energy"].item() == pytest.approx(lammps[f"{name}_{case}_energy"].item(), rel=1e-13)
    np.testing.assert_allclose(out["forces"], lammps[f"{name}_{case}_forces"], rtol=0, atol=1e-11)
    if "stress" in out:
        np.testing.assert_allclose(out["stress"][0], lammps[f"{name}_{case}_stress"], rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "lattice", "energy"),
    [("new", 5.432, -4.63), ("old", 5.431, -4.63), ("edip", 5.430, -4.65), ("lenosky", 5.431, -4.61)],
)
def test_the_diamond_crystal(name, lattice, energy):
    potential = Potential(MODELS[name]())

    def per_atom(a):
        return potential(Graph.from_atoms(bulk("Si", a=a), potential.cutoff))["energy"].item() / 2

    best: Any = minimize_scalar(per_atom, bounds=(5.2, 5.7), method="bounded", options={"xatol": 1e-7})
    assert round(best.x, 3) == pytest.approx(lattice, abs=1e-9)
    assert round(best.fun, 2) == energy
