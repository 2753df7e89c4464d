"""Potential curves of three diatomics: H2 (covalent), N2 (triple bond, multireference), Ar2 (dispersion).

Levels of theory (PySCF, energies without zero-point):
  H2   full configuration interaction in cc-pVTZ (exact in this basis); restricted Hartree-Fock for comparison.
  N2   CASSCF(6,6) on the 2p shell and NEVPT2 on top of it, cc-pVTZ; Hartree-Fock and frozen-core CCSD(T) for comparison
       (both fail at long bonds; NaN where CCSD did not converge).  3.0 A is left out: there the starting orbitals
       lead CASSCF to a higher solution (0.05 eV), which would put a kink into the curve.
  Ar2  frozen-core CCSD(T), counterpoise-corrected interaction energy, aug-cc-pVDZ and aug-cc-pVTZ, with the
       two-point X^-3 extrapolation of the correlation part; `--qz` adds aug-cc-pVQZ (minutes per point).

Run:  python dimers.py [--max-minutes 15] [--qz]        repeat to continue.  Output: ../dimers.npz
Arrays: <name>_distance (A), <name>_<method> (eV; H2 and N2 total energies, Ar2 interaction energies).
"""

import argparse
import json
import os
import subprocess

import numpy as np
import pyscf
from labeling import HARTREE, OUTPUT, WORK, Deadline
from pyscf import cc, fci, gto, mcscf, mrpt, scf
from pyscf.mcscf import avas

PATH = WORK / "dimers.npz"
EXTRAPOLATIONS = {
    "dt_extrapolated": ("aug-cc-pvdz", "aug-cc-pvtz", 2),
    "tq_extrapolated": ("aug-cc-pvtz", "aug-cc-pvqz", 3),
}
PSI4 = """memory 3 gb
molecule dimer {{
0 1
Ar 0 0 -{half:.10f}
Ar 0 0 {half:.10f}
symmetry d2h
}}
molecule atom {{
0 1
@Ar 0 0 -{half:.10f}
Ar 0 0 {half:.10f}
symmetry c2v
}}
set {{
 basis {basis}
 scf_type pk
 freeze_core true
 e_convergence 1e-10
 d_convergence 1e-8
 r_convergence 1e-7
}}
values = []
for system in (dimer, atom):
    energy("ccsd(t)", molecule=system)
    values += [variable("SCF TOTAL ENERGY"), variable("CCSD(T) TOTAL ENERGY")]
    clean()
open("energies.txt", "w").write(" ".join("%.12f" % value for value in values))
"""
DISTANCES = {
    "H2": [
        0.35,
        0.4,
        0.45,
        0.5,
        0.55,
        0.6,
        0.65,
        0.7,
        0.7414,
        0.78,
        0.82,
        0.86,
        0.9,
        0.95,
        1.0,
        1.1,
        1.2,
        1.3,
        1.4,
        1.5,
        1.6,
        1.8,
        2.0,
        2.2,
        2.4,
        2.6,
        2.8,
        3.0,
        3.3,
        3.6,
        4.0,
        4.5,
        5.0,
        6.0,
    ],
    "N2": [
        0.85,
        0.9,
        0.95,
        1.0,
        1.04,
        1.07,
        1.0977,
        1.12,
        1.15,
        1.2,
        1.25,
        1.3,
        1.4,
        1.5,
        1.6,
        1.7,
        1.8,
        1.9,
        2.0,
        2.2,
        2.4,
        2.6,
        2.8,
        3.5,
        4.0,
        5.0,
    ],
    "Ar2": [2.8, 3.0, 3.2, 3.4, 3.5, 3.6, 3.7, 3.76, 3.8, 3.9, 4.0, 4.2, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 10.0],
}


def hartree_fock(atoms, basis, symmetry=False):
    mf = scf.RHF(gto.M(atom=atoms, basis=basis, symmetry=symmetry, verbose=0))
    mf.conv_tol = 1e-11
    mf.kernel()
    if not mf.converged:
        raise RuntimeError(f"Hartree-Fock did not converge: {atoms}")
    return mf


def ccsd_t(mf, frozen):
    """CCSD(T) energy in Hartree, NaN where CCSD does not converge."""
    solver = cc.CCSD(mf, frozen=frozen)
    solver.conv_tol, solver.max_cycle = 1e-9, 100
    try:
        solver.kernel()
    except (
        AttributeError,
        np.linalg.LinAlgError,
    ):  # amplitudes diverged: singular DIIS (a wrong name inside PySCF 2.14)
        return np.nan
    return solver.e_tot + solver.ccsd_t() if solver.converged else np.nan


def hydrogen(r):
    """FCI energy and its slope by central differences."""

    def energies(distance):
        mf = hartree_fock(f"H 0 0 0; H 0 0 {distance}", "cc-pvtz")
        return np.array([fci.FCI(mf, singlet=True).kernel()[0], mf.e_tot])

    h = 1e-3
    middle, plus, minus = energies(r), energies(r + h), energies(r - h)
    return dict(fci=middle[0], rhf=middle[1], fci_slope_per_A=(plus[0] - minus[0]) / (2 * h))


def nitrogen(r):
    mf = hartree_fock(f"N 0 0 0; N 0 0 {r}", "cc-pvtz")
    orbitals = avas.avas(mf, ["N 2p"], canonicalize=False)[2]
    active = mcscf.CASSCF(mf, 6, 6)
    active.conv_tol = 1e-9
    active.kernel(orbitals)
    if not active.converged:
        raise RuntimeError(f"CASSCF did not converge at {r} A")
    return dict(
        casscf=active.e_tot, nevpt2=active.e_tot + mrpt.NEVPT(active).kernel(), rhf=mf.e_tot, ccsd_t=ccsd_t(mf, 2)
    )


def argon(r, basis):
    """Counterpoise-corrected interaction energies: Hartree-Fock and CCSD(T)."""
    dimer = hartree_fock(f"Ar 0 0 {-r / 2}; Ar 0 0 {r / 2}", basis, symmetry="D2h")  # symmetry only saves time in (T)
    atom = hartree_fock(f"ghost-Ar 0 0 {-r / 2}; Ar 0 0 {r / 2}", basis, symmetry="C2v")
    return {f"hf_{basis}": dimer.e_tot - 2 * atom.e_tot, f"ccsd_t_{basis}": ccsd_t(dimer, 10) - 2 * ccsd_t(atom, 5)}


def argon_psi4(r, basis):
    """The same as `argon` from Psi4, whose CCSD uses the symmetry of the molecule: several times faster."""
    folder = WORK / "argon_psi4"
    folder.mkdir(exist_ok=True)
    (folder / "run.in").write_text(PSI4.format(basis=basis, half=r / 2))
    environment = os.environ | {"PSI_SCRATCH": str(folder), "OMP_NUM_THREADS": "1"}
    subprocess.run(["psi4", "-n", "1", "run.in", "run.out"], cwd=folder, env=environment, check=True)
    dimer_hf, dimer, atom_hf, atom = np.loadtxt(folder / "energies.txt")
    return {f"hf_{basis}": dimer_hf - 2 * atom_hf, f"ccsd_t_{basis}": dimer - 2 * atom}


def extrapolated(data, small, large, x):
    """Hartree-Fock of the larger basis plus the X^-3 limit of the correlation parts."""
    low, high = (data[f"Ar2_ccsd_t_{b}"] - data[f"Ar2_hf_{b}"] for b in (small, large))
    limit = ((x + 1) ** 3 * high - x**3 * low) / ((x + 1) ** 3 - x**3)
    return data[f"Ar2_hf_{large}"] + limit


def save(data, status):
    """Write the curves, with the extrapolations that their points allow, in one atomic step."""
    for name, (small, large, x) in EXTRAPOLATIONS.items():
        if f"Ar2_ccsd_t_{large}" in data:
            data[f"Ar2_ccsd_t_{name}"] = extrapolated(data, small, large, x)
    metadata = dict(
        engine=f"PySCF {pyscf.__version__}; aug-cc-pVQZ: Psi4 1.3.2",
        status=status,
        units="Å, eV, eV/Å",
        description=__doc__,
    )
    temporary = PATH.with_suffix(".tmp.npz")
    np.savez(temporary, **data, metadata=json.dumps(metadata, ensure_ascii=False))
    temporary.rename(PATH)


def count(data, name, key):
    """Points of a curve that are there, and points of its scan."""
    return np.isfinite(data.get(f"{name}_{key}", np.zeros(0))).sum(), len(DISTANCES[name])


def status(data):
    """One phrase per curve that says how many of its points are there."""
    curves = [("H2", "fci"), ("N2", "nevpt2"), *(("Ar2", f"ccsd_t_aug-cc-pv{x}z") for x in "dtq")]
    return ", ".join("{} {}: {} of {} points".format(name, key, *count(data, name, key)) for name, key in curves)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=30.0)
    parser.add_argument("--qz", action="store_true", help="add aug-cc-pVQZ to Ar2")
    args = parser.parse_args()
    deadline, data = Deadline(args.max_minutes), {f"{name}_distance": np.array(r) for name, r in DISTANCES.items()}
    known = PATH if PATH.exists() else OUTPUT / "dimers.npz"
    if known.exists():
        data |= {key: value for key, value in np.load(known).items() if key != "metadata"}
    outwards = sorted(DISTANCES["Ar2"], key=lambda r: abs(r - 3.8))  # the well first
    jobs = [("H2", r, "fci", hydrogen) for r in DISTANCES["H2"]] + [
        ("N2", r, "nevpt2", nitrogen) for r in DISTANCES["N2"]
    ]
    for basis in ["aug-cc-pvdz", "aug-cc-pvtz"] + ["aug-cc-pvqz"] * args.qz:
        function = argon_psi4 if basis == "aug-cc-pvqz" else argon
        jobs += [("Ar2", r, f"ccsd_t_{basis}", lambda r, f=function, b=basis: f(r, b)) for r in outwards]
    for name, r, key, function in jobs:
        index, empty = DISTANCES[name].index(r), np.full(len(DISTANCES[name]), np.nan)
        if deadline.passed() or np.isfinite(data.get(f"{name}_{key}", empty)[index]):
            continue
        for method, value in function(r).items():
            data.setdefault(f"{name}_{method}", empty.copy())[index] = value * HARTREE
        save(data, status(data))
        print(name, r, key, data[f"{name}_{key}"][index], flush=True)
    save(data, status(data))
    print(status(data))


if __name__ == "__main__":
    main()
