"""Argon's C6 and C9 by linear response, for the crystal of lesson 02. Needs PySCF 2.14; 75 s on one core.

    C6 = 3/π ∫ α(iω)² dω,   C9 = 3/π ∫ α(iω)³ dω     (Casimir and Polder; a. u.)

α(iω) by time-dependent Hartree–Fock and PBE0 in aug-cc-pVQZ, both scaled to the static polarizability of CCSD(T) in
the same basis (finite field, frozen core). Writes argon_c9.json beside itself.
"""

import json
from pathlib import Path

import numpy as np
from pyscf import cc, dft, gto, scf
from pyscf.tdscf.rhf import get_ab

ATOM = gto.M(atom="Ar 0 0 0", basis="aug-cc-pvqz", verbose=0)
Z = ATOM.intor("int1e_r")[2]


def response(mf, frequencies):
    """Polarizability α(iω) of a closed shell."""
    a, b = (part.reshape([int(part.size**0.5)] * 2) for part in get_ab(mf))
    n = int((mf.mo_occ > 0).sum())
    d = np.sqrt(2) * (mf.mo_coeff[:, :n].T @ Z @ mf.mo_coeff[:, n:]).ravel()
    inverse = np.linalg.inv(a - b)
    return np.array([2 * d @ np.linalg.solve(a + b + w**2 * inverse, d) for w in frequencies])


def coupled_cluster(field):
    mf = scf.RHF(ATOM)
    core = mf.get_hcore() + field * Z
    mf.get_hcore = lambda *_: core
    mf.conv_tol = 1e-13
    mf.kernel()
    solved = cc.CCSD(mf, frozen=5)
    solved.conv_tol = 1e-11
    solved.kernel()
    return solved.e_tot + solved.ccsd_t()


base = coupled_cluster(0.0)
near, far = (2 * (base - coupled_cluster(field)) / field**2 for field in (0.002, 0.004))
static = (4 * near - far) / 3
x, weights = np.polynomial.legendre.leggauss(24)
frequencies, weights = 0.7 * (1 + x) / (1 - x), weights * 1.4 / (1 - x) ** 2
found = {"alpha CCSD(T)": round(static, 2)}
for name, mf in (("TD-HF", scf.RHF(ATOM)), ("TD-PBE0", dft.RKS(ATOM, xc="pbe0"))):
    mf.kernel()
    alpha = response(mf, np.append(0.0, frequencies))
    alpha, own = alpha[1:] * static / alpha[0], alpha[0]
    c6, c9 = (3 / np.pi * (weights * alpha**power).sum() for power in (2, 3))
    found |= {f"alpha {name}": round(own, 2), f"C6 {name}": round(c6, 1), f"C9 {name}": round(c9)}
Path(__file__).with_name("argon_c9.json").write_text(json.dumps(found, indent=1) + "\n")
print(found)
