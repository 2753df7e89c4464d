"""Gaussian processes of energies by scikit-learn 1.9.1: mean, spread, log marginal likelihood and its gradient.

Two sets: points of a plane, with a length for each axis; and structures of two to four atoms of two elements, whose
energy is a sum over atoms, by a kernel of scikit-learn's summed over pairs of atoms of one element. Writes
gaussian_process.npz beside itself. Run it where scikit-learn is installed.
"""

from pathlib import Path

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel

rng = np.random.default_rng(0)
LENGTHS, SIGNAL, NOISE = np.array([0.45, 0.8]), 1.7, 0.03
points, new = rng.uniform(-1.2, 1.2, (25, 2)), rng.uniform(-1.5, 1.5, (40, 2))
energies = np.sin(3 * points[:, 0]) * np.cos(2 * points[:, 1]) + rng.normal(0, NOISE, len(points))
plane = GaussianProcessRegressor(ConstantKernel(SIGNAL**2) * RBF(LENGTHS), alpha=NOISE**2, optimizer=None)
plane.fit(points, energies)
mean, std = plane.predict(new, return_std=True)
value, gradient = plane.log_marginal_likelihood(plane.kernel_.theta, eval_gradient=True)
best = GaussianProcessRegressor(ConstantKernel(SIGNAL**2) * RBF(LENGTHS), alpha=NOISE**2)
best.fit(points, energies)
out = {"points": points, "new": new, "energies": energies, "mean": mean, "std": std, "likelihood": value}
out |= {"gradient": gradient, "lengths": LENGTHS, "signal": SIGNAL, "noise": NOISE, "best_theta": best.kernel_.theta}
out["best_likelihood"] = best.log_marginal_likelihood_value_


class OverAtoms(Kernel):
    """Σ_ij k(x_i, x_j) over atoms of one element, for structures by number."""

    def __init__(self, structures, kernel):
        self.structures, self.kernel = structures, kernel

    def __call__(self, X, Y=None, eval_gradient=False):
        Y = X if Y is None else Y
        return np.array([[self.pair(int(a[0]), int(b[0])) for b in Y] for a in X])

    def pair(self, a, b):
        (z, x), (w, y) = self.structures[a], self.structures[b]
        return (self.kernel(x, y) * (z[:, None] == w)).sum()

    def diag(self, X):
        return np.array([self.pair(int(a[0]), int(a[0])) for a in X])

    def is_stationary(self):
        return False


n_atoms = rng.integers(2, 5, 24)
structures = [(rng.choice([1, 8], n), rng.normal(size=(n, 3))) for n in n_atoms]
atomic = GaussianProcessRegressor(OverAtoms(structures, ConstantKernel(0.6**2) * RBF(1.3)), alpha=0.02**2)
atomic.optimizer = None
indices = np.arange(24.0)[:, None]
totals = np.array([(np.sin(x).sum(1) * np.where(z == 1, 1.0, -0.5)).sum() for z, x in structures])
atomic.fit(indices[:16], totals[:16])
atomic_mean, atomic_std = atomic.predict(indices[16:], return_std=True)
out |= {"n_atoms": n_atoms, "numbers": np.concatenate([z for z, _ in structures])}
out |= {"positions": np.concatenate([x for _, x in structures]), "totals": totals}
out |= {
    "atomic_mean": atomic_mean,
    "atomic_std": atomic_std,
    "atomic_likelihood": atomic.log_marginal_likelihood_value_,
}
np.savez(Path(__file__).with_name("gaussian_process.npz"), **out)
print({key: np.shape(values) for key, values in out.items()}, value, best.kernel_)
