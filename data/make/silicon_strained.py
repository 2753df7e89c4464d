"""Strained crystals of silicon with their stress: what an elastic constant is made of.

Level of theory: that of silicon_labels.py (pw.x, LDA, Si.pz-vbc, 16 Ry, Γ point, 64 atoms), the crystal at the volume
of the liquid, and the stress beside energy and forces.

Groups: `random`, strains up to 4 % that keep the volume, every second one with displacements of 0.03 Å (normal,
each component), for training. Scans of the crystal at rest, for testing: `orthorhombic`, diag(1 + e, 1/(1 + e), 1),
whose stress is that of C11 − C12; `shear`, angle γ between x and y, whose stress is that of C44, and one more frame
where the second sublattice moved along z by 0.03 Å, for the relaxed C44; `uniaxial` and `hydrostatic`, strains of ±1 %
that change the volume.

Trust the stress, not the energies: a strain changes which plane waves lie below the cut-off, and at 16 Ry that moves
the energy as much as the strain does. The stress is the derivative with these plane waves fixed. `--cutoff 30` shows
it: C' = (C11 − C12) / 2 of the orthorhombic scan from energies and from stress, at any cut-off; nothing is kept.

Run:  python silicon_strained.py --max-minutes 30      repeat to continue.  Then `python pack.py silicon_strained`.
"""

import argparse

import numpy as np
from ase.units import GPa
from labeling import WORK, Deadline, label_all
from pwscf import pwscf_label, pwscf_version
from silicon_dynamics import BOX, compressed_crystal
from silicon_labels import SETTINGS

PATH = WORK / "silicon_strained.extxyz"
WITH_STRESS = SETTINGS | {"stress": True}


def deformed(deformation, shift=0.0, displacement=None):
    """The crystal after x → F x; then its second sublattice moved along z by `shift` in Å, atoms displaced."""
    atoms = compressed_crystal()
    second = np.arange(64) % 2 == 1
    assert np.allclose((atoms.positions[second] - atoms.positions[~second]) / BOX * 8, 1), "sublattices alternate"
    atoms.set_cell(atoms.cell @ np.transpose(deformation), scale_atoms=True)
    atoms.positions[second, 2] += shift
    if displacement is not None:
        atoms.positions += displacement
    return atoms


def random_strains(n=11, largest=0.04, width=0.03, seed=0):
    """Symmetric strains of determinant one; every second crystal with displacements."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        strain = rng.uniform(-largest, largest, (3, 3))
        deformation = np.eye(3) + (strain + strain.T) / 2
        displacement = rng.normal(scale=width, size=(64, 3)) if k % 2 else None
        yield deformed(deformation / np.linalg.det(deformation) ** (1 / 3), displacement=displacement)


def scans():
    """Group, strain and crystal of the scans."""
    for e in (0.0, 0.01, 0.02, 0.03):
        yield "orthorhombic", e, deformed(np.diag([1 + e, 1 / (1 + e), 1]))
    for gamma, shift in ((0.02, 0.0), (0.04, 0.0), (0.04, 0.03)):
        deformation = np.eye(3)
        deformation[0, 1] = deformation[1, 0] = gamma / 2
        yield "shear", gamma, deformed(deformation, shift)
    for e in (-0.01, 0.01):
        yield "uniaxial", e, deformed(np.diag([1 + e, 1, 1]))
    for e in (-0.01, 0.01):
        yield "hydrostatic", e, deformed((1 + e) * np.eye(3))


def jobs():
    """All frames, the scans first; a scan is one trajectory."""
    planned = []
    for k, (group, strain, atoms) in enumerate(scans()):
        atoms.info = {"id": f"{group}-{k:02d}", "group": group, "split": "test", "strain": strain}
        planned.append(atoms)
    for k, atoms in enumerate(random_strains()):
        split = "valid" if k % 5 == 4 else "train"
        atoms.info = {"id": f"random-{k:02d}", "group": "random", "split": split, "strain": np.nan}
        planned.append(atoms)
    groups = list(dict.fromkeys(atoms.info["group"] for atoms in planned))
    for atoms in planned:
        group = atoms.info["group"]
        atoms.positions = atoms.positions.astype(np.float32)  # labelled as they ship
        atoms.info["trajectory"] = -1 if group == "random" else 200 + groups.index(group)
        yield atoms


def labeler(_):
    """The function that labels a frame of this set."""
    return pwscf_label(WITH_STRESS, WORK / "remake")


def compare(cutoff, strains=(0.0, 0.02)):
    """Print C' from energies and from stress at another cut-off (Ry)."""
    label = pwscf_label(WITH_STRESS | {"ecutwfc": cutoff}, WORK / "silicon_strained_check")
    scan = [label(deformed(np.diag([1 + e, 1 / (1 + e), 1]))) for e in strains]
    start, volume = scan[0].get_potential_energy(), scan[0].get_volume()
    for e, frame in zip(strains[1:], scan[1:], strict=True):
        stress, width = frame.get_stress(voigt=False), 2 * np.log(1 + e)
        by_stress = (stress[0, 0] - stress[1, 1]) / width / 2
        by_energy = 2 * (frame.get_potential_energy() - start) / volume / width**2
        print(f"{cutoff} Ry, e = {e}: C' = {by_energy / GPa:.1f} GPa from energies, {by_stress / GPa:.1f} from stress")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-minutes", type=float, default=30.0)
    parser.add_argument("--cutoff", type=float, help="only compare energies with stress, at this cut-off in Ry")
    args = parser.parse_args()
    if args.cutoff:
        compare(args.cutoff)
        return
    planned = list(jobs())
    metadata = dict(engine=pwscf_version(), functional="LDA (PZ)", units="eV, eV/Å, eV/Å³", planned=len(planned))
    label = pwscf_label(WITH_STRESS, WORK / "silicon_strained")
    frames = label_all(PATH, planned, label, Deadline(args.max_minutes), metadata | WITH_STRESS, save_every=1)
    print(len(frames), "of", len(planned), "frames")


if __name__ == "__main__":
    main()
