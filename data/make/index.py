"""Write ../index.json, the catalog that `mininnip.load_data` reads: what each set is and the checksum of its files.

Words stand here, numbers are read from the files.  A set whose file is absent is left out.  Run it after every change of a
file and commit both together:

    python index.py            rewrite ../index.json and print a table
    python index.py --check    only compare; exit status 1 if a file and its checksum differ
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from ase.io import read

DATA = Path(__file__).resolve().parent.parent
LARGEST_TOTAL = 30e6  # bytes
FRAME_UNITS = {"positions": "Å", "cell": "Å", "energy": "eV", "forces": "eV/Å"}

SETS = {
    "dimers": {
        "description": "Potential curves of H2, N2 and Ar2: a covalent bond, a triple bond that breaks, dispersion alone.",
        "files": ["dimers.npz"],
        "made_by": "make/dimers.py",
        "units": {"distance": "Å", "energy": "eV", "slope": "eV/Å"},
        "level_of_theory": "H2: full CI in cc-pVTZ. N2: CASSCF(6,6) and NEVPT2 in cc-pVTZ, with RHF and frozen-core CCSD(T) beside "
        "them. Ar2: frozen-core CCSD(T), counterpoise corrected, aug-cc-pVDZ / TZ / QZ, correlation extrapolated as X^-3.",
        "sampling": "bond scans, denser around the minimum",
        "caveats": [
            "H2 and N2 are total energies, Ar2 are interaction energies; NaN marks a point not computed or not converged.",
            "CCSD(T) fails for N2 beyond about 1.8 Å (one reference determinant); RHF does not dissociate.",
            "CASSCF lacks dynamic correlation; NEVPT2 adds it at second order.",
            "Ar2 in aug-cc-pVDZ has less than half of the accepted well: use the extrapolation, itself approximate.",
        ],
    },
    "ammonia": {
        "description": "Ammonia: CCSD(T) energies and forces through the umbrella inversion, with five cheaper rungs on the same frames.",
        "files": ["ammonia.npz"],
        "made_by": "make/ammonia.py",
        "level_of_theory": "frozen-core CCSD(T)/aug-cc-pVDZ; HF, MP2 energies of the same run; CCSD(T)/cc-pVDZ energy; GFN2-xTB energy "
        "and forces",
        "sampling": "stationary points, umbrella path, path with noise, harmonic modes at 300, 1000, 2000 K, GFN2 Langevin at 300 and "
        "1000 K (one trajectory per split and temperature)",
        "caveats": [
            "High level in a small basis: right barrier, not spectroscopic accuracy.",
            "MD geometries come from GFN2, not from CCSD(T).",
        ],
    },
    "ammonia_cc_pvdz": {
        "description": "Ammonia, lower rung: CCSD(T) in a basis without diffuse functions.",
        "files": ["ammonia_cc_pvdz.npz"],
        "made_by": "make/ammonia.py --basis cc-pvdz",
        "level_of_theory": "CCSD(T)/cc-pVDZ, all electrons; HF, MP2 energies of the same run; GFN2-xTB energy and forces.",
        "sampling": "stationary points, umbrella path, path with noise, harmonic modes at 300, 1000, 2000 K, GFN2 Langevin at 300 and "
        "1000 K (a trajectory belongs to one split)",
        "caveats": [
            "Inversion barrier 0.38 eV against an accepted value near 0.25 eV: a basis without diffuse functions.",
            "MD geometries come from GFN2, not from CCSD(T).",
        ],
    },
    "ethanol_gfn2": {
        "description": "Ethanol from GFN2-xTB Langevin dynamics at three temperatures, labelled by GFN2 itself.",
        "files": ["ethanol_gfn2.npz"],
        "made_by": "make/ethanol.py",
        "level_of_theory": "GFN2-xTB (semi-empirical: a teacher for exercises, not a quantum reference)",
        "sampling": "GFN2 Langevin at 300, 500 and 1000 K, 0.5 fs, a frame every 20 fs after 1 ps; one trajectory per split and temperature",
        "caveats": ["Semi-empirical: never quote it as a quantum-mechanical reference."],
    },
    "ethanol": {
        "description": "Ethanol: PBE energies and forces on GFN2 dynamics geometries, GFN2 labels on the same frames.",
        "files": ["ethanol.npz"],
        "made_by": "make/ethanol.py",
        "level_of_theory": "PBE/def2-SVP, density fitting, grid level 3, no dispersion correction; GFN2-xTB on the same frames",
        "sampling": "the frames of ethanol_gfn2, in an order that keeps temperatures and splits balanced",
        "caveats": [
            "Small basis, no dispersion; geometries from GFN2 dynamics, so not the distribution of a PBE or MD17 trajectory.",
            "Forces are those of a finite grid: net force up to a few meV/Å.",
        ],
    },
    "alanine_dipeptide": {
        "description": "Alanine dipeptide from GFN2-xTB: a relaxed 24×24 map of phi and psi, and dynamics at two temperatures.",
        "files": ["alanine_dipeptide.npz"],
        "made_by": "make/alanine_dipeptide.py",
        "units": FRAME_UNITS | {"charges": "e", "dipole_x": "e Å", "dipole_y": "e Å", "dipole_z": "e Å", "phi": "degree", "psi": "degree"},
        "level_of_theory": "GFN2-xTB (semi-empirical: a teacher for exercises, not a quantum reference), gas phase",
        "sampling": "grid relaxed with stiff restraints on phi and psi (test); Langevin at 300 and 600 K, one trajectory per temperature "
        "and split, each from a basin of its own",
        "caveats": [
            "Semi-empirical: never quote it as a quantum-mechanical reference.",
            "Grid labels are without the restraints: forces along phi and psi are not zero there.",
            "Each trajectory is short and starts in one basin: it does not sample the map.",
        ],
    },
    "water_clusters": {
        "description": "Water monomer, dimers at all distances, trimer and tetramer with charges and dipole moments from GFN2-xTB.",
        "files": ["water_monomer.npz", "water_dimer.npz", "water_trimer.npz", "water_tetramer.npz"],
        "made_by": "make/water_clusters.py",
        "units": FRAME_UNITS | {"charges": "e", "dipole_x": "e Å", "dipole_y": "e Å", "dipole_z": "e Å", "oxygen_distance": "Å"},
        "level_of_theory": "GFN2-xTB (semi-empirical: a teacher for exercises, not a quantum reference)",
        "sampling": "random pairs 2.5 to 12 Å apart, scans of the pulled-apart dimer (test), Langevin at 150 and 300 K, one trajectory "
        "per cluster, temperature and split",
        "caveats": [
            "Semi-empirical: never quote it as a quantum-mechanical reference.",
            "Charges are Mulliken charges; GFN2 also has atomic dipoles, so charges alone do not give the dipole moment.",
        ],
    },
    "silicon": {
        "description": "Silicon, 64 atoms at the density of the liquid: ab initio dynamics of the melt at 3000 K and labelled solids.",
        "files": ["silicon.npz"],
        "made_by": "make/silicon_liquid.py, make/silicon_labels.py, make/silicon_classical.py",
        "level_of_theory": "LDA (Perdew-Zunger), norm-conserving Si.pz-vbc, 16 Ry, Γ point, Fermi-Dirac 0.0073 Ry; the energy is the "
        "electronic free energy. Stillinger-Weber and Tersoff energies and forces on the same frames.",
        "sampling": "AIMD at 3000 K, 3 fs, velocities rescaled between short segments at constant energy, one trajectory per seed",
        "caveats": [
            "Γ point only: about 0.16 eV/Å rms and 70 meV/atom from a 2×2×2 grid, as large as the error of a good potential.",
            "16 Ry: forces differ from 30 Ry by about 0.07 eV/Å rms. One volume: no pressure, no equation of state.",
            "Electrons at 1150 K, ions at 3000 K. Half the box is 5.28 Å: g(r) ends there. No diffusion constant.",
        ],
    },
    "silicon_structure": {
        "description": "Radial distribution function and bond angles of molten silicon at 3000 K: ab initio, Stillinger-Weber, Tersoff.",
        "files": ["silicon_structure.npz"],
        "made_by": "make/silicon_structure.py",
        "units": {"r": "Å", "g": "1", "angle": "degree", "p": "1/degree"},
        "level_of_theory": "as silicon; Stillinger-Weber 1985 and Tersoff 1989 dynamics by LAMMPS",
        "sampling": "production steps of silicon; 50 ps of classical Langevin dynamics each",
        "caveats": ["The ab initio curves come from short runs: show seeds and halves, not a converged g(r)."],
    },
    "h2_si100": {
        "description": "H2 on Si(100)-2×1 in twelve dimensions, with a dissociation path, in the spirit of Blank et al. 1995.",
        "files": ["h2_si100.npz"],
        "made_by": "make/h2_si100.py",
        "level_of_theory": "LDA (Perdew-Zunger), norm-conserving Si/H.pz-vbc, 20 Ry, 2×4×1 shifted k-points, Fermi-Dirac 0.005 Ry, "
        "spin-restricted",
        "sampling": "elastic-band path, height × bond grid, random and near-path geometries of H2 and two dimer atoms (12 coordinates)",
        "caveats": [
            "LDA: barriers too low, binding too strong; four layers, all but the dimer frozen; 20 Ry (H2 bond 0.79 Å).",
            "`path` frames are steps of one optimization and strongly correlated: splits go by group, never at random.",
            "The path is a band of five images, residual force 0.34 eV/Å: its barrier is an upper estimate.",
            "Follows the idea of the local-density part of Blank et al. 1995; it is not their data.",
        ],
    },
}


def file_entry(path):
    """Size, checksum and, for frames, how many there are of each split and group."""
    entry = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    if path.suffix == ".extxyz":
        frames = read(path, ":")
        labels = {key: [frame.info.get(key, "") for frame in frames] for key in ("split", "group")}
        return entry | {"kind": "frames", "frames": len(frames), **counts(labels)}
    with np.load(path) as data:
        if "energy" not in data:
            return entry | {"kind": "curves"}
        labels = {key: data[key].tolist() for key in ("split", "group") if key in data}
        return entry | {"kind": "frames", "frames": len(data["energy"]), **counts(labels)}


def counts(labels):
    return {f"{key}s": dict(sorted(Counter(values).items())) for key, values in labels.items() if any(values)}


def metadata_of(path):
    """What the label script wrote into the file: engine, status and settings."""
    if path.suffix == ".extxyz":
        return json.loads(path.with_suffix(".json").read_text())
    with np.load(path) as data:
        return json.loads(str(data["metadata"]))


def catalog():
    """The whole index as a dictionary; sets without files are left out."""
    index = {}
    for name, words in SETS.items():
        paths = [DATA / file for file in words["files"]]
        if not all(path.exists() for path in paths):
            continue
        metadata = metadata_of(paths[0])
        entry = {"description": words["description"], "files": {path.name: file_entry(path) for path in paths}}
        entry |= {"units": FRAME_UNITS} | {key: value for key, value in words.items() if key not in ("description", "files")}
        entry |= {"engine": metadata["engine"], "status": metadata["status"], "license": "CC-BY-4.0"}
        index[name] = entry
    return index


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare ../index.json with the files, write nothing")
    args = parser.parse_args()
    index, path = catalog(), DATA / "index.json"
    text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    if args.check:
        sys.exit(0 if path.exists() and path.read_text(encoding="utf-8") == text else "index.json does not match the files: run index.py")
    total = sum(file["bytes"] for entry in index.values() for file in entry["files"].values())
    if total > LARGEST_TOTAL:
        sys.exit(f"data/ would hold {total / 1e6:.1f} MB, more than {LARGEST_TOTAL / 1e6:.0f}: nothing written")
    path.write_text(text, encoding="utf-8")
    for name, entry in index.items():
        for file, facts in entry["files"].items():
            print(f"{name:18s} {file:24s} {facts['bytes'] / 1e3:7.0f} kB  {facts.get('frames', '-'):>5} frames  {entry['status']}")
    print(f"{total / 1e6:.2f} MB in all")


if __name__ == "__main__":
    main()
