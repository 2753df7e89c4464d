"""Behler–Parrinello network: E = Σ_i E_i, every atom's energy from its symmetry functions.

One small network per element reads the environment of each of its atoms. Because the inputs do not change when the
structure is moved, turned or relabelled, neither does the energy; because the energy is a sum over atoms, a network
trained on small cells runs on large ones. Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007).

Paper → name: G_i → features; subnets S → `readout.networks`; E_i → "energies". Deviations: each feature is shifted to
mean 0 and scaled to standard deviation 1 over the atoms of one element in the training data; then, as many features say
nearly the same, they are turned to their principal axes, so that small differences between them are seen as well.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.model import DescribedModel, Descriptor, Readout
from mininnip.neural.mlp import MLP
from mininnip.scaling import Scaling

SMALLEST_VARIANCE = 0.01  # of the largest one, to which a principal axis is stretched in full


class ElementNetworks(Readout):
    """One network per element: the energy of an atom from its features.

        E_i = NN_{Z_i}( A_{Z_i} (G_i − mean) / std )

    Args:
        elements: atomic numbers Z.
        n_features: B.
        hidden: neurons in each hidden layer.
        activation: of the hidden neurons.
    """

    axes: Tensor

    def __init__(
        self, elements: Sequence[int], n_features: int, hidden: Sequence[int], activation: Callable[[Tensor], Tensor]
    ):
        super().__init__()
        self.elements = tuple(elements)
        self.networks = nn.ModuleList([MLP((n_features, *hidden, 1), activation) for _ in self.elements])
        self.scaling = Scaling(len(self.elements), n_features)
        self.register_buffer("axes", torch.eye(n_features).repeat(len(self.elements), 1, 1))  # (elements, B, B)

    def forward(self, features: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """Energy of each atom, {"energies": (N,)} in eV, from features (N, B)."""
        energies = features.new_zeros(len(numbers))
        for k, (element, network) in enumerate(zip(self.elements, self.networks, strict=True)):
            atoms = (numbers == element).nonzero()[:, 0]
            scaled = self.scaling(features[atoms], k) @ self.axes[k]
            energies = energies.index_add(0, atoms, network(scaled)[:, 0])
        return {"energies": energies}

    def fit_scaling(self, features: Tensor, numbers: Tensor) -> None:
        """Take mean, standard deviation, principal axes and range of the features from training data.

        Along its principal axes the scaled features vary independently, by λ₁ ≥ λ₂ ≥ …; each is divided by
        √(λ + 0.01 λ₁), so that those that vary little are seen too, but noise is not blown up. A feature that does not
        vary at all is only shifted: it cannot tell environments apart. The networks start from no force: their output
        weights are set to zero, because random ones mean forces many times too large where features are stiff.

        Only the first data are taken for that. Later ones, of a training that is continued, widen the range alone:
        the weights were made for the scaling they know.

        Args:
            features: (N, B).
            numbers: atomic numbers (N,).

        Raises:
            ValueError: an element of this model has no atom in the first data.
        """
        is_first = not self.scaling.knows_data
        for k, (element, network) in enumerate(zip(self.elements, self.networks, strict=True)):
            mine = features[numbers == element]
            if not is_first:
                self.scaling.widen(mine, k)
                continue
            if len(mine) == 0:
                raise ValueError(f"no atom with atomic number {element} in the training data; leave the element out")
            self.scaling.fit(mine, k)
            self.axes[k] = _principal_axes(self.scaling(mine, k))
            nn.init.zeros_(network.layers[-1].weight)  # type: ignore[union-attr]
            nn.init.zeros_(network.layers[-1].bias)  # type: ignore[union-attr]

    def extrapolation(self, features: Tensor, numbers: Tensor) -> Tensor | None:
        """How far each atom's environment lies outside the training data (N,), 0 inside; None before there were any.

        For the worst of its symmetry functions, the distance to the range between the smallest and the largest value of
        the same element in the training data, in standard deviations there. RuNNer and n2p2 warn of an extrapolation
        where this is positive. Zero is no proof of safety: a combination can be new where no single value is.
        """
        if not self.scaling.knows_data:
            return None
        grades = features.new_zeros(len(numbers))
        for k, element in enumerate(self.elements):
            atoms = (numbers == element).nonzero()[:, 0]
            grades = grades.index_add(0, atoms, self.scaling.outside(features[atoms], k))
        return grades


@remembers_arguments
class BehlerParrinello(DescribedModel):
    """Symmetry functions and one network per element.

        E = Σ_i E_i,   E_i = NN_{Z_i}( A_{Z_i} (G_i − mean) / std )

    Mean, std and the principal axes A come from the training data; before, they change nothing.

    Args:
        symmetry_functions: e.g. `SymmetryFunctions`; says which elements may occur.
        hidden: neurons in each hidden layer.
        activation: of the hidden neurons, smooth.
    """

    readout: ElementNetworks

    def __init__(
        self,
        symmetry_functions: Descriptor,
        hidden: Sequence[int] = (40, 40),
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ):
        elements = symmetry_functions.elements or ()
        super().__init__(
            symmetry_functions, ElementNetworks(elements, symmetry_functions.n_features, hidden, activation)
        )


def _principal_axes(scaled: Tensor) -> Tensor:
    """Columns: directions in which features of mean 0 (N, B) vary independently, stretched as `fit_scaling` says."""
    scaled = scaled.cpu().double()
    variances, axes = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
    largest = variances[-1]
    if largest < 0.5:  # no feature varies; one that does has variance 1
        return torch.eye(len(axes))
    return axes / (variances.clamp(min=0) + SMALLEST_VARIANCE * largest).sqrt()
