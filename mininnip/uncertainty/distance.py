"""Distance to the training data, where the network sees it: in its latent features.

What lies far from all that was learned is guessed. No statistics, no units of energy: the distance has to be compared
with errors before it means one. Janet, Duan, Yang, Nandy & Kulik, Chem. Sci. 10, 7913 (2019), doi:10.1039/C9SC02298H.
"""

import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.graph import Graph
from mininnip.potential import Potential
from mininnip.uncertainty.latent import latent_features


class Distance:
    """Latent distance of each structure's strangest atom to the nearest atoms of the training data.

        d = max_i  1/k Σ_{j of the k nearest} |f_i − f_j| / s

    with s the root mean square distance of training features from their mean, so that 1 is far.

    Args:
        potential: a trained network.
        data: what it was trained on.
        k: how many neighbors count.

    Raises:
        ValueError: no more than k atoms (or structures, if the network does not know atoms) to compare with, or all
            with the same features.
    """

    def __init__(self, potential: Potential, data: Dataset, k: int = 1):
        self.potential, self.k = potential, k
        self.known = latent_features(potential, data.graph(potential.cutoff)).double()
        if not 1 <= k < len(self.known):
            raise ValueError(f"{len(self.known)} environments are known, too few for the distance to the {k} nearest")
        self.scale = float((self.known - self.known.mean(dim=0)).square().sum(dim=1).mean().sqrt())
        if self.scale == 0:
            raise ValueError("all training structures have the same features: there is no distance to measure with")

    def __call__(self, graph: Graph, differentiable: bool = False) -> Tensor:
        """Distance of each structure (S,), without unit; its slope by positions on demand."""
        features = latent_features(self.potential, graph, differentiable).double()
        nearest = torch.cdist(features, self.known).topk(self.k, dim=1, largest=False).values.mean(dim=1) / self.scale
        return strangest(nearest, graph)


def strangest(values: Tensor, graph: Graph) -> Tensor:
    """The largest value of each structure's atoms (S,), or the values themselves if they are of structures."""
    if len(values) == graph.n_structures:
        return values
    start = values.new_full((graph.n_structures,), -torch.inf)
    return start.scatter_reduce(0, graph.structure, values, "amax")
