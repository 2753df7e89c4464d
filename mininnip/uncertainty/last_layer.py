"""Last layer: the uncertainty of a linear fit, for the last layer of one trained network.

Kept as they are, all layers but the last are a list of features, and the last is a linear fit to them, whose error bars
are textbook statistics. One network, no retraining. Bigi, Chong, Ceriotti & Grasselli, Mach. Learn. Sci. Technol. 5,
045018 (2024), doi:10.1088/2632-2153/ad805f, arXiv:2403.02251.
"""

import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.graph import Graph, segment_sum
from mininnip.potential import Potential
from mininnip.uncertainty.latent import latent_features

RIDGES = tuple(10.0**k for k in range(-10, 1))  # λ that are tried, in units of the mean eigenvalue of FᵀF


class LastLayer:
    """Variance of the last layer's prediction.

        σ² = α² fᵀ (FᵀF + λ)⁻¹ f

    with the features f of a structure, summed over its atoms, and those of all training structures, F (D, P). α and λ
    make errors of structures that were not trained on most likely, as draws from normal distributions of width σ.

    Args:
        potential: a trained network.
        data: what it was trained on.
        held_out: structures it was not trained on, for α and λ; some twenty are enough.

    Attributes:
        alpha, ridge: α in eV, and λ.

    Raises:
        ValueError: no training data, none held out, or energies that are not finite.
    """

    def __init__(self, potential: Potential, data: Dataset, held_out: Dataset):
        if not len(data) or not len(held_out):
            raise ValueError(f"{len(data)} structures were trained on and {len(held_out)} held out: both are needed")
        self.potential = potential
        rows = self._features(data.graph(potential.cutoff)).double()  # (D, P)
        graph = held_out.graph(potential.cutoff)
        errors = potential(graph, forces=False)["energy"].double() - torch.tensor(held_out.energy, dtype=torch.float64)
        if not bool(errors.isfinite().all()):
            raise ValueError("an energy of the held-out structures is not finite")
        new = self._features(graph).double()
        values, self._axes = torch.linalg.eigh(rows.T @ rows)
        values = values.clamp(min=0)
        tried = [_fitted(errors, (new @ self._axes).square() @ (1 / (values + r * values.mean()))) for r in RIDGES]
        best = min(range(len(RIDGES)), key=lambda k: tried[k][0])
        self.ridge, self.alpha = float(RIDGES[best] * values.mean()), tried[best][1]
        self._inverse = 1 / (values + self.ridge)

    def __call__(self, graph: Graph, differentiable: bool = False) -> Tensor:
        """σ of the energy of each structure (S,) in eV, differentiable by positions on demand."""
        features = self._features(graph, differentiable).double()
        return self.alpha * ((features @ self._axes).square() @ self._inverse).sqrt()

    def _features(self, graph: Graph, differentiable: bool = False) -> Tensor:
        features = latent_features(self.potential, graph, differentiable)
        split = len(features) == graph.n_atoms
        return segment_sum(features, graph.structure, graph.n_structures) if split else features


def _fitted(errors: Tensor, shapes: Tensor) -> tuple[float, float]:
    """Negative log likelihood of errors for variances α² s, up to a constant, and the α that makes it smallest."""
    alpha2 = (errors.square() / shapes).mean()
    return float((shapes.log() + alpha2.log()).mean()), float(alpha2.sqrt())
