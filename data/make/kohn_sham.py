"""Kohn-Sham energies and forces of small molecules, GGA without exact exchange, with the grid's work done once.

The level of theory and its numbers are PySCF's (density fitting, its grids, its libxc): for converged orbitals energies
and forces agree to 1e-10 eV and 1e-5 eV/Å (`python kohn_sham.py` compares). What is saved is time, two thirds of it for
ethanol, in four places:

- the values of the orbitals on the grid are kept, not computed anew in every cycle;
- the fitted Coulomb matrix comes from three-center integrals in memory, not from direct ones;
- cycles run on a small grid (level 0) whose potential carries the constant difference of the two grids, renewed until
  the orbital gradient vanishes on the grid of the label: three visits to the large grid instead of seven;
- the gradient is contracted with the density on the grid before it is summed, no matrix of derivatives is built.

Formulas: E = Σ_g w_g ρ_g ε(ρ_g, ∇ρ_g) on the grid, E_J = ½ d V⁻¹ d with d_P = Σ_ij D_ij (ij|P), V_PQ = (P|Q). Forces
are those of fixed grid points, as PySCF's by default. Closed shells only.
"""

import numpy as np
import scipy.linalg
from labeling import BOHR, HARTREE, OUTPUT, Unconverged, frames_from_npz
from pyscf import df, dft, gto, lib
from pyscf.dft import gen_grid, numint

BLOCK, NEGLIGIBLE = 1024, 1e-10  # grid points worked on at a time (they fit the cache); orbital values left out
FITTING = "def2-universal-jfit"  # what PySCF takes for a functional without exchange in a def2 basis
SMALL_GRID, TIGHT = 0, 1e-5  # level; norm of the orbital gradient in Hartree
STEPS = (1e-3, 3e-5, *4 * [TIGHT / 2])  # the same on the small grid, visit by visit
SECOND = [[4, 5, 6], [5, 7, 8], [6, 8, 9]]  # where numint.eval_ao keeps the second derivatives


class Points:
    """Grid points of a molecule with the orbitals' values and slopes there, block by block."""

    def __init__(self, molecule, xc, level):
        grids = gen_grid.Grids(molecule)
        grids.level = level
        grids.build()
        self.molecule, self.xc, self.library = molecule, xc, numint.NumInt()
        self.coords, self.weights, self.blocks = grids.coords, grids.weights, []
        for start in range(0, len(self.weights), BLOCK):
            part = slice(start, min(start + BLOCK, len(self.weights)))
            values = numint.eval_ao(molecule, self.coords[part], deriv=1)  # (4, points, orbitals): value, ∂x, ∂y, ∂z
            near = np.flatnonzero(np.abs(values).max((0, 1)) > NEGLIGIBLE)
            self.blocks.append((part, near, np.ascontiguousarray(values[:, :, near])))

    def functional(self, occupied):
        """Energy, and ∂E/∂ρ and ∂E/∂(∇ρ) at the points, weights included (4, points)."""
        rho = np.empty((4, len(self.weights)))
        for part, near, values in self.blocks:
            orbitals = (values.reshape(-1, len(near)) @ occupied[near]).reshape(4, -1, occupied.shape[1])
            rho[0, part] = 2 * np.einsum("gi,gi->g", orbitals[0], orbitals[0])
            rho[1:, part] = 4 * np.einsum("kgi,gi->kg", orbitals[1:], orbitals[0])
        energy, slope = self.library.eval_xc_eff(self.xc, rho, deriv=1, xctype="GGA")[:2]
        return (rho[0] * energy) @ self.weights, slope * self.weights

    def potential(self, occupied):
        """Energy, its matrix ∂E/∂D and its slopes at the points."""
        energy, slope = self.functional(occupied)
        half = np.zeros((len(occupied), len(occupied)))
        for part, near, values in self.blocks:
            weighted = values[0] * slope[0, part, None] / 2
            for k in (1, 2, 3):
                weighted += values[k] * slope[k, part, None]
            half[np.ix_(near, near)] += values[0].T @ weighted
        return energy, half + half.T, slope

    def gradient(self, occupied, slope):
        """-½ ∂E/∂(center) of each basis function (3, orbitals); the grid points stand still."""
        result = np.zeros((3, len(occupied)))
        for part, near, _ in self.blocks:
            all_values = numint.eval_ao(self.molecule, self.coords[part], deriv=2)
            values, coefficients = np.ascontiguousarray(all_values[:, :, near]), occupied[near]
            orbitals = (values[:4].reshape(-1, len(near)) @ coefficients).reshape(4, values.shape[1], -1)
            density = 2 * orbitals[0] @ coefficients.T
            mixed = 2 * np.einsum("kg,kgi->gi", slope[:, part], orbitals) @ coefficients.T
            for x in range(3):
                bent = sum(values[SECOND[x][k]] * slope[1 + k, part, None] for k in range(3))
                result[x, near] += np.einsum("gm,gm->m", values[1 + x], mixed) + np.einsum("gm,gm->m", bent, density)
        return result


class Field(dft.rks.RKS):
    """PySCF's self-consistent field with our potential: grid `points`, fitted Coulomb, a constant matrix `shift`."""

    def __init__(self, molecule, xc):
        super().__init__(molecule, xc=xc)
        self.verbose, self.conv_tol, self.conv_check, self.shift = 0, 1e-8, False, 0.0
        self.points = Points(molecule, xc, SMALL_GRID)
        self.auxiliary = df.make_auxmol(molecule, FITTING)
        self.three = df.incore.aux_e2(molecule, self.auxiliary, "int3c2e", aosym="s2ij")  # (pairs, P)
        self.two = scipy.linalg.cho_factor(self.auxiliary.intor("int2c2e"))

    def fit(self, density):
        """Coefficients V⁻¹ d of the fitted density, and d."""
        folded = density + density.T
        folded[np.diag_indices(len(folded))] /= 2
        projections = lib.pack_tril(folded) @ self.three
        return scipy.linalg.cho_solve(self.two, projections), projections

    def get_veff(self, mol=None, dm=None, *_, **__):
        energy, potential, _ = self.points.potential(dm.mo_coeff[:, dm.mo_occ > 0])
        fitted, projections = self.fit(dm)
        coulomb = lib.unpack_tril(self.three @ fitted)
        parts = dict(ecoul=fitted @ projections / 2, exc=energy, vj=coulomb, vk=None)
        return lib.tag_array(potential + self.shift + coulomb, **parts)

    def density_of(self, occupied):
        """Density matrix that knows its orbitals, as PySCF's own."""
        orbitals, occupation = np.zeros((len(occupied), len(occupied))), np.zeros(len(occupied))
        orbitals[:, : occupied.shape[1]], occupation[: occupied.shape[1]] = occupied, 2
        return lib.tag_array(2 * occupied @ occupied.T, mo_coeff=orbitals, mo_occ=occupation)

    def first_orbitals(self):
        """Natural orbitals of the superposed atoms: the start does not depend on any other frame."""
        overlap = self.get_ovlp()
        vectors = scipy.linalg.eigh(overlap @ self.get_init_guess() @ overlap, overlap)[1]
        return vectors[:, -self.mol.nelectron // 2 :]


def solve(molecule, xc, level):
    """Converged occupied orbitals on the grid of a level: field, orbitals, Fock matrix, energy, gradient."""
    field = Field(molecule, xc)
    small, large, core = field.points, Points(molecule, xc, level), field.get_hcore()
    occupied = field.first_orbitals()
    for tolerance in STEPS:
        field.conv_tol_grad = tolerance
        field.kernel(field.density_of(occupied))
        occupied, empty = field.mo_coeff[:, field.mo_occ > 0], field.mo_coeff[:, field.mo_occ == 0]
        energy, potential, slope = large.potential(occupied)
        field.shift, density = potential - small.potential(occupied)[1], field.density_of(occupied)
        fitted, projections = field.fit(density)
        fock = core + potential + lib.unpack_tril(field.three @ fitted)
        if np.linalg.norm(2 * empty.T @ fock @ occupied) < TIGHT:
            total = np.vdot(core, density) + fitted @ projections / 2 + energy + molecule.energy_nuc()
            return field, occupied, fock, total, large.gradient(occupied, slope)
    raise Unconverged("Kohn-Sham")


def coulomb_gradient(field, density):
    """Derivative (atoms, 3) of the fitted Coulomb energy, with the auxiliary functions moving along."""
    molecule, auxiliary, (fitted, _) = field.mol, field.auxiliary, field.fit(density)
    three = np.einsum("xijP,ij->xiP", df.incore.aux_e2(molecule, auxiliary, "int3c2e_ip1"), density, optimize=True)
    two = np.einsum("xPQ,P,Q->xP", auxiliary.intor("int2c2e_ip1"), fitted, fitted, optimize=True)
    orbitals, functions = -2 * three @ fitted, 2 * three.sum(1) * fitted + two
    return by_atom(molecule, orbitals) + by_atom(auxiliary, functions)


def by_atom(molecule, values):
    """Sums (atoms, 3) over the functions of each atom of values (3, functions)."""
    return np.array([values[:, first:last].sum(1) for first, last in molecule.aoslice_by_atom()[:, 2:]])


def energy_and_forces(atoms, basis="def2-svp", xc="pbe", level=3):
    """Energy (eV) and forces (eV/Å) of a closed-shell molecule."""
    molecule = gto.M(atom=list(zip(atoms.symbols, atoms.positions, strict=True)), basis=basis, verbose=0)
    field, occupied, fock, total, functional = solve(molecule, xc, level)
    density = field.density_of(occupied)
    weighted = 2 * occupied @ (occupied.T @ fock @ occupied) @ occupied.T
    core = field.nuc_grad_method()  # overlap, one-electron and nuclear terms are PySCF's
    core.make_rdm1e, core.get_veff = lambda *_: weighted, lambda *_: np.zeros((3, *density.shape))
    gradient = core.kernel() - 2 * by_atom(molecule, functional) + coulomb_gradient(field, np.asarray(density))
    return total * HARTREE, -gradient * HARTREE / BOHR


def main():
    """Compare with PySCF's own routines, converged as tightly, on three frames of ethanol."""
    for frame in frames_from_npz(OUTPUT / "ethanol_gfn2.npz")[:1500:600]:
        energy, forces = energy_and_forces(frame)
        molecule = gto.M(atom=list(zip(frame.symbols, frame.positions, strict=True)), basis="def2-svp", verbose=0)
        field = dft.RKS(molecule, xc="pbe").density_fit()
        field.grids.level, field.conv_tol, field.conv_tol_grad = 3, 1e-12, 1e-7
        theirs = field.kernel() * HARTREE, -field.nuc_grad_method().kernel() * HARTREE / BOHR
        off = np.abs(forces - theirs[1]).max()
        print(f"{frame.info['id']}: energy off by {energy - theirs[0]:.1e} eV, forces by {off:.1e} eV/Å")


if __name__ == "__main__":
    main()
