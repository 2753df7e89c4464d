"""GFN2-xTB labels and dynamics through tblite: a semi-empirical teacher, never a quantum-mechanical reference."""

from importlib.metadata import version

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from labeling import attach
from tblite.ase import TBLite

ENGINE = f"tblite {version('tblite')}, GFN2-xTB"


def labeler(_):
    """The function that labels a frame of any of these sets."""
    return label


def teacher():
    return TBLite(method="GFN2-xTB", accuracy=0.1, verbosity=0)


def label(atoms):
    """Energy, forces, Mulliken charges (e) and dipole moment (e Å) of one structure."""
    cheap = atoms.copy()
    cheap.calc = teacher()
    frame = attach(atoms, cheap.get_potential_energy(), cheap.get_forces())
    frame.arrays["charges"] = cheap.get_charges()
    frame.info |= dict(zip(("dipole_x", "dipole_y", "dipole_z"), cheap.get_dipole_moment().tolist(), strict=True))
    return frame


def named(atoms, group, number, **info):
    """Bare frame with its name; positions rounded to the precision in which they ship."""
    frame = Atoms(atoms.numbers, atoms.positions.astype(np.float32).astype(float))
    frame.info = {"id": f"{group}-{number:04d}", "group": group, "trajectory": -1} | info
    return frame


def dynamics(start, temperature, n_frames, seed, friction=0.01, settle=2000, stride=40):
    """Labelled frames of one Langevin trajectory: 0.5 fs, friction in 1/fs; the center of mass stays at the origin."""
    atoms, rng = start.copy(), np.random.default_rng(seed)
    atoms.calc = teacher()
    thermalize_momenta(atoms, temperature, rng=rng)
    run = Langevin(atoms, 0.5 * units.fs, temperature_K=temperature, friction=friction / units.fs, rng=rng, fixcm=False)
    run.run(settle)
    for _ in range(n_frames):
        run.run(stride)
        atoms.positions -= atoms.get_center_of_mass()
        yield attach(atoms, atoms.get_potential_energy(), atoms.get_forces())
