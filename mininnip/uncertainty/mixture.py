"""Gaussian mixture: how dense the training data lie, where the network sees them.

A sum of normal distributions is fitted to the latent features of the training data by expectation and maximization;
where its density is small, nothing was learned. Zhu, Batzner, Musaelian & Kozinsky, J. Chem. Phys. 158, 164111 (2023),
doi:10.1063/5.0136574. Dempster, Laird & Rubin, J. R. Stat. Soc. B 39, 1 (1977), doi:10.1111/j.2517-6161.1977.tb01600.x.
"""

import math

import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.graph import Graph
from mininnip.potential import Potential
from mininnip.uncertainty.distance import strangest
from mininnip.uncertainty.latent import latent_features


class Mixture:
    """Density of latent features, told as a distance.

        p(f) = Σ_k w_k N(f; μ_k, C_k),      d = √( 2 ln [ p₀ / p(f) ] ),      p₀ = Σ_k w_k N(μ_k; μ_k, C_k)

    p₀ is a bound of p, so d is a number, never below 0; with one Gaussian it is the Mahalanobis distance. The paper
    takes −ln p itself, which orders structures alike. The strangest atom speaks for its structure.

    Args:
        potential: a trained network.
        data: what it was trained on.
        n_components: number of Gaussians.
        floor: added to the variance along every axis, in units of the mean variance of the features.
        seed: of the first centers.

    Raises:
        ValueError: fewer training environments than Gaussians, or all with the same features.
    """

    def __init__(self, potential: Potential, data: Dataset, n_components: int = 4, floor: float = 1e-3, seed: int = 0):
        self.potential = potential
        known = latent_features(potential, data.graph(potential.cutoff)).double()
        self.mixture = GaussianMixture(known, n_components, floor, seed)

    def __call__(self, graph: Graph, differentiable: bool = False) -> Tensor:
        """d of each structure (S,), without unit; its slope by positions on demand."""
        features = latent_features(self.potential, graph, differentiable).double()
        behind = self.mixture.highest - self.mixture.log_density(features)
        return strangest((2 * behind).clamp(min=1e-12).sqrt(), graph)


class GaussianMixture:
    """Normal distributions with full covariance, fitted to points.

    Args:
        points: (n, P).
        n_components: K.
        floor: as of `Mixture`.
        seed: of the first centers, drawn far apart (k-means++).
        steps: of expectation and maximization at most; it ends when the likelihood grows by less than 1e-6 a point.

    Attributes:
        shares: w (K,).
        centers: μ (K, P).
        covariances: C (K, P, P).
        highest: ln p₀.
    """

    def __init__(self, points: Tensor, n_components: int, floor: float = 1e-3, seed: int = 0, steps: int = 200):
        if not 1 <= n_components <= len(points):
            raise ValueError(f"{len(points)} environments are known, too few for {n_components} Gaussians")
        variance = points.var(dim=0, correction=0).mean()
        if variance == 0:
            raise ValueError("all training structures have the same features: there is no density to fit")
        self._least = float(floor * variance) * torch.eye(points.shape[1]).to(points)
        first = _far_apart(points, n_components, seed)
        nearest = torch.cdist(points, first).argmin(dim=1)
        self._maximize(points, torch.nn.functional.one_hot(nearest, n_components).to(points))
        before = -math.inf
        for _ in range(steps):
            joint = self._joint(points)  # ln [ w_k N_k(x) ], (n, K)
            likelihood = float(joint.logsumexp(dim=1).mean())
            if likelihood - before < 1e-6:
                break
            before = likelihood
            self._maximize(points, joint.softmax(dim=1))
        peaks = self.shares.log() - 0.5 * torch.logdet(2 * math.pi * self.covariances)
        self.highest = float(peaks.logsumexp(dim=0))

    def log_density(self, points: Tensor) -> Tensor:
        """ln p (n,) of points (n, P)."""
        return self._joint(points).logsumexp(dim=1)

    def _joint(self, points: Tensor) -> Tensor:
        factors = torch.linalg.cholesky(self.covariances)
        away = (points[None] - self.centers[:, None]).mT  # (K, P, n)
        squared = torch.linalg.solve_triangular(factors, away, upper=False).square().sum(dim=1)  # (K, n)
        logs = self.shares.log() - 0.5 * torch.logdet(2 * math.pi * self.covariances)
        return (logs[:, None] - 0.5 * squared).T

    def _maximize(self, points: Tensor, belongs: Tensor) -> None:
        """Shares, centers and covariances from how much of each point belongs to each Gaussian (n, K)."""
        counts = belongs.sum(dim=0) + 1e-10
        self.shares = counts / counts.sum()
        self.centers = belongs.T @ points / counts[:, None]
        away = points[None] - self.centers[:, None]  # (K, n, P)
        self.covariances = torch.einsum("nk,kni,knj->kij", belongs, away, away) / counts[:, None, None] + self._least


def _far_apart(points: Tensor, n: int, seed: int) -> Tensor:
    """n of the points, each drawn with a probability that grows with its squared distance from those before."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    while len(chosen) < n:
        weights = torch.cdist(points, points[chosen]).amin(dim=1).square() + 1e-300
        chosen.append(int(torch.multinomial(weights.cpu(), 1, generator=generator)))
    return points[chosen]
