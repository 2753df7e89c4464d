"""Freeze energies and forces of every CHARMM-form term on a capped alanine, from OpenMM's Reference platform.

    python tests/reference/make_openmm.py    (needs openmm==8.6.1 and numpy; writes bonded_openmm.npz beside this file)

The molecule has the connectivity of N-acetyl-alanine-N'-methylamide (22 atoms). The parameters are our own: realistic
in size, taken from no published force field, and different for every term, so that a mixed-up index cannot go
unnoticed. Some are deliberately unusual: phases other than 0 and 180 degrees (they show the sign of a dihedral),
several multiplicities per quartet, and impropers that rest at 180 degrees (their angle difference must be wrapped).
The geometry is made here too: a random start relaxed and then heated with these same terms.

Each term sits in a force group of its own in OpenMM, so energies and forces are known term by term. All numbers are
float64. OpenMM works in kJ/mol and nm; the file holds eV and Å, converted once with CODATA 2018 values.

The terms, with CHARMM's convention (no factor 1/2 in the harmonic ones):

    bonds          sum k (r - r0)^2                            bonds, bond_k, bond_r0
    angles         sum k (theta - theta0)^2                    angles (i, center, k), angle_k, angle_theta0
    urey_bradley   sum k (s - s0)^2, s = 1-3 distance          urey_bradley (i, k), urey_bradley_k, urey_bradley_s0
    dihedrals      sum k [1 + cos(n phi - delta)]              dihedrals, dihedral_k, dihedral_n, dihedral_delta
    impropers      sum k (omega - omega0)^2, wrapped to +-pi   impropers, improper_k, improper_omega0
    lennard_jones  sum 4 eps [(sig/r)^12 - (sig/r)^6]          epsilon, sigma: Lorentz-Berthelot mixing
    coulomb        sum C q_i q_j / r                           charges, coulomb_constant
    ..._14         the same over pairs_14, times lennard_jones_factor_14 and coulomb_factor_14

`lennard_jones` and `coulomb` run over all pairs except `exclusions` (1-2 and 1-3 neighbors) and `pairs_14`. Angles in
radian; a dihedral i-j-k-l is 0 when i and l are cis and has IUPAC's sign; `impropers` are quartets with the same angle.
Outputs: `energy_<term>` (F,) in eV and `forces_<term>` (F, 22, 3) in eV/Å over the F frames of `positions` (F, 22, 3).
"""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import openmm  # pyright: ignore[reportMissingImports]

KJ_PER_MOL = 1.0 / 96.48533212331002  # eV (CODATA 2018: e N_A / 1000, exact)
NANOMETER = 10.0  # Å
COULOMB_CONSTANT = 138.93545764438198 * KJ_PER_MOL * NANOMETER  # eV Å / e^2: the constant compiled into OpenMM
TERMS = ("bonds", "angles", "urey_bradley", "dihedrals", "impropers")
TERMS += ("lennard_jones", "lennard_jones_14", "coulomb", "coulomb_14")

SYMBOLS = "CHHHCONHCHCHHHCONHCHHH"  # CH3-C(=O)-NH-CH(CH3)-C(=O)-NH-CH3
NUMBERS = [{"H": 1, "C": 6, "N": 7, "O": 8}[symbol] for symbol in SYMBOLS]
BONDS = [(0, 1), (0, 2), (0, 3), (0, 4), (4, 5), (4, 6), (6, 7), (6, 8), (8, 9), (8, 10), (10, 11), (10, 12), (10, 13)]
BONDS += [(8, 14), (14, 15), (14, 16), (16, 17), (16, 18), (18, 19), (18, 20), (18, 21)]
CHARGES = [-0.27, 0.09, 0.09, 0.09, 0.51, -0.51, -0.47, 0.31, 0.07, 0.09, -0.27, 0.09, 0.09, 0.09, 0.51, -0.51, -0.47]
CHARGES += [0.31, -0.11, 0.09, 0.09, 0.1]
PLANAR = {4, 6, 14, 16}  # the two amide carbons and nitrogens: sp2


def topology():
    """Angles, dihedrals, exclusions and 1-4 pairs that follow from the bonds."""
    neighbors = [sorted({b for a, b in BONDS if a == atom} | {a for a, b in BONDS if b == atom}) for atom in range(22)]
    angles = [(i, j, k) for j in range(22) for i, k in combinations(neighbors[j], 2)]
    dihedrals = [
        (i, j, k, m) for j, k in BONDS for i in neighbors[j] if i != k for m in neighbors[k] if m not in (i, j)
    ]
    exclusions = sorted({tuple(sorted(bond)) for bond in BONDS} | {tuple(sorted((i, k))) for i, _, k in angles})
    pairs_14 = sorted({tuple(sorted((i, m))) for i, _, _, m in dihedrals} - set(exclusions))
    return angles, dihedrals, exclusions, pairs_14


def parameters():
    """Every list and constant of the model, in eV, Å and radian."""
    random = np.random.default_rng(22)

    def vary(value):  # no two terms alike
        return value * (1 + random.uniform(-0.04, 0.04))

    kcal = 4.184 * KJ_PER_MOL
    angles, dihedrals, exclusions, pairs_14 = topology()
    bond_kinds = {"HC": (320, 1.09), "HN": (440, 1.00), "CC": (250, 1.51), "CN": (340, 1.40), "CO": (620, 1.23)}
    kinds = [bond_kinds["".join(sorted((SYMBOLS[i], SYMBOLS[j]), key="HCNO".index))] for i, j in BONDS]
    kinds = [(370, 1.345) if {i, j} in ({4, 6}, {14, 16}) else kind for (i, j), kind in zip(BONDS, kinds, strict=True)]

    angle_k, angle_theta0, urey_bradley, urey_bradley_k, urey_bradley_s0 = [], [], [], [], []
    for i, j, k in angles:
        hydrogens = (NUMBERS[i] == 1) + (NUMBERS[k] == 1)
        angle_k.append(vary((55, 45, 35)[hydrogens]) * kcal)
        angle_theta0.append(np.radians(vary(120.0 if j in PLANAR else 109.5)))
        if hydrogens and j not in PLANAR:  # CHARMM gives most of its 1-3 springs to sp3 hydrogens
            urey_bradley.append((i, k))
            urey_bradley_k.append(vary(5.4 if hydrogens == 2 else 22.5) * kcal)
            urey_bradley_s0.append(vary(1.80 if hydrogens == 2 else 2.18))

    quartets, dihedral_k, dihedral_n, dihedral_delta = [], [], [], []

    def add_dihedral(quartet, k, n, delta):
        quartets.append(quartet)
        dihedral_k.append(vary(k) * kcal)
        dihedral_n.append(n)
        dihedral_delta.append(np.radians(delta))

    for quartet in dihedrals:
        _, j, k, _ = quartet
        if {j, k} in ({4, 6}, {14, 16}):  # the peptide bond: two multiplicities on each quartet
            add_dihedral(quartet, 2.5, 2, 180)
            add_dihedral(quartet, 1.6, 1, 0)
        elif {j, k} in ({6, 8}, {8, 14}):  # phi and psi: four multiplicities and phases that tell the sign of the angle
            for barrier, n, delta in ((0.2, 1, 0), (0.6, 2, 35), (0.3, 3, 180), (0.1, 6, -60)):
                add_dihedral(quartet, barrier, n, delta)
        else:
            add_dihedral(quartet, 0.2, 3, 0)

    impropers = [
        (4, 0, 6, 5),
        (6, 4, 8, 7),
        (14, 8, 16, 15),
        (16, 14, 18, 17),
        (8, 6, 14, 10),
        (0, 4, 6, 8),
        (8, 14, 16, 18),
    ]
    improper_k = [vary(k) * kcal for k in (120, 20, 120, 20, 55, 8, 8)]
    improper_omega0 = np.radians([0, 0, 0, 0, 35.264, 180, 180])  # the last two rest where the angle jumps by 2 pi

    kind_lj = {1: (0.024, 2.35), 6: (0.09, 3.60), 7: (0.2, 3.30), 8: (0.12, 3.03)}
    return {
        "bonds": BONDS,
        "bond_k": [vary(k) * kcal for k, _ in kinds],
        "bond_r0": [vary(r0) for _, r0 in kinds],
        "angles": angles,
        "angle_k": angle_k,
        "angle_theta0": angle_theta0,
        "urey_bradley": urey_bradley,
        "urey_bradley_k": urey_bradley_k,
        "urey_bradley_s0": urey_bradley_s0,
        "dihedrals": quartets,
        "dihedral_k": dihedral_k,
        "dihedral_n": dihedral_n,
        "dihedral_delta": dihedral_delta,
        "impropers": impropers,
        "improper_k": improper_k,
        "improper_omega0": improper_omega0,
        "charges": CHARGES,
        "epsilon": [vary(kind_lj[z][0]) * kcal for z in NUMBERS],
        "sigma": [vary(kind_lj[z][1]) for z in NUMBERS],
        "exclusions": exclusions,
        "pairs_14": pairs_14,
        "lennard_jones_factor_14": 0.5,
        "coulomb_factor_14": 1 / 1.2,
        "coulomb_constant": COULOMB_CONSTANT,
    }


def nonbonded(p, charges, epsilon, only_14):
    """OpenMM's NonbondedForce with either the ordinary pairs or the 1-4 pairs switched off."""
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    for q, sigma, eps in zip(charges, p["sigma"], epsilon, strict=True):
        force.addParticle(0.0 if only_14 else q, sigma / NANOMETER, 0.0 if only_14 else eps / KJ_PER_MOL)
    for i, j in p["exclusions"]:
        force.addException(int(i), int(j), 0, 1, 0)
    for i, j in p["pairs_14"]:
        charge_product = p["coulomb_factor_14"] * charges[i] * charges[j]
        sigma, eps = (
            (p["sigma"][i] + p["sigma"][j]) / 2,
            np.sqrt(epsilon[i] * epsilon[j]) * p["lennard_jones_factor_14"],
        )
        on = 1.0 if only_14 else 0.0
        force.addException(int(i), int(j), on * charge_product, sigma / NANOMETER, on * eps / KJ_PER_MOL)
    return force


def openmm_forces(p):
    """One OpenMM force per term, in the order of TERMS."""
    spring = NANOMETER**2 / KJ_PER_MOL
    bond, urey_bradley, angle = openmm.HarmonicBondForce(), openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for (i, j), k, r0 in zip(p["bonds"], p["bond_k"], p["bond_r0"], strict=True):
        bond.addBond(i, j, r0 / NANOMETER, 2 * k * spring)  # OpenMM writes k/2
    for (i, j), k, s0 in zip(p["urey_bradley"], p["urey_bradley_k"], p["urey_bradley_s0"], strict=True):
        urey_bradley.addBond(i, j, s0 / NANOMETER, 2 * k * spring)
    for triple, k, theta0 in zip(p["angles"], p["angle_k"], p["angle_theta0"], strict=True):
        angle.addAngle(*triple, theta0, 2 * k / KJ_PER_MOL)

    dihedral = openmm.PeriodicTorsionForce()
    columns = (p["dihedrals"], p["dihedral_n"], p["dihedral_delta"], p["dihedral_k"])
    for quartet, n, delta, k in zip(*columns, strict=True):
        dihedral.addTorsion(*quartet, n, delta, k / KJ_PER_MOL)
    wrapped = "k*min(d, 2*pi-d)^2; d = abs(theta-theta0); pi = 3.141592653589793"
    improper = openmm.CustomTorsionForce(wrapped)
    improper.addPerTorsionParameter("k")
    improper.addPerTorsionParameter("theta0")
    for quartet, k, omega0 in zip(p["impropers"], p["improper_k"], p["improper_omega0"], strict=True):
        improper.addTorsion(*quartet, [k / KJ_PER_MOL, omega0])

    none = np.zeros(22)
    charges, epsilon = np.array(p["charges"]), np.array(p["epsilon"])
    lj, lj_14 = (nonbonded(p, none, epsilon, only_14) for only_14 in (False, True))
    coulomb, coulomb_14 = (nonbonded(p, charges, none, only_14) for only_14 in (False, True))
    return [bond, angle, urey_bradley, dihedral, improper, lj, lj_14, coulomb, coulomb_14]


def make_context(p):
    system = openmm.System()
    for z in NUMBERS:
        system.addParticle({1: 1.008, 6: 12.011, 7: 14.007, 8: 15.999}[z])
    for group, force in enumerate(openmm_forces(p)):
        force.setForceGroup(group)
        system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(300, 10, 0.0005)
    integrator.setRandomNumberSeed(7)
    return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference")), integrator


def geometry(context, integrator):
    """Relax a random start, then heat it: five frames between 0 and 1200 K, positions in Å."""
    start = np.random.default_rng(1).normal(scale=0.25, size=(22, 3))
    for groups in ({0, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6}, set(range(9))):  # shape first, then packing, then charges
        integrator.setIntegrationForceGroups(groups)
        context.setPositions(start)
        openmm.LocalEnergyMinimizer.minimize(context, 0.1, 5000)
        integrator.setTemperature(300)
        integrator.step(2000)
        start = context.getState(getPositions=True).getPositions(asNumpy=True)._value
    openmm.LocalEnergyMinimizer.minimize(context, 0.1, 5000)
    frames = []
    for temperature in (0, 300, 300, 600, 1200):
        if temperature:
            integrator.setTemperature(temperature)
            integrator.step(4000)
        frames.append(context.getState(getPositions=True).getPositions(asNumpy=True)._value * NANOMETER)
    return np.round(frames, 6)


def main():
    p = parameters()
    context, integrator = make_context(p)
    positions = geometry(context, integrator)
    results = {f"energy_{term}": [] for term in TERMS} | {f"forces_{term}": [] for term in TERMS}
    for frame in positions:
        context.setPositions(frame / NANOMETER)
        for group, term in enumerate(TERMS):
            state = context.getState(getEnergy=True, getForces=True, groups={group})
            results[f"energy_{term}"].append(state.getPotentialEnergy()._value * KJ_PER_MOL)
            results[f"forces_{term}"].append(state.getForces(asNumpy=True)._value * (KJ_PER_MOL / NANOMETER))
    provenance = {
        "script": "tests/reference/make_openmm.py",
        "engine": f"OpenMM {openmm.__version__}, Reference platform (float64), no cutoff, no periodic cell",
        "numpy": np.__version__,
        "units": "eV, Angstrom, radian, elementary charge",
    }
    arrays = {name: np.array(value) for name, value in (p | results).items()}
    arrays |= {"numbers": np.array(NUMBERS), "positions": positions, "provenance": np.array(json.dumps(provenance))}
    np.savez_compressed(Path(__file__).with_name("bonded_openmm.npz"), allow_pickle=False, **arrays)
    for term in TERMS:
        print(f"{term:17s}", " ".join(f"{energy:12.6f}" for energy in results[f"energy_{term}"]), "eV")


if __name__ == "__main__":
    main()
