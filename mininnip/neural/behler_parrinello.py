"""Behler–Parrinello network: E = Σ_i E_i, every atom's energy from its symmetry functions.

One small network per element reads the environment of each of its atoms. Because the inputs do not change when the
structure is moved, turned or relabelled, neither does the energy; because the energy is a sum over atoms, a network
trained on small cells runs on large ones. Behler & Parrinello, Phys. Rev. Lett. 98, 146401 (2007).

Paper → name: G_i → features; subnets S → `networks`; E_i → atomic energy. Deviations: each feature is shifted to mean 0
and scaled to standard deviation 1 over the atoms of one element in the training data; then, because many features say
nearly the same, they are turned to their principal axes, so that small differences between them are seen as well.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph, segment_sum
from mininnip.neural.mlp import MLP

SMALLEST_VARIANCE = 0.01  # of the largest one, to which a principal axis is stretched in full
ROUNDING = 1e-5  # relative; a value this little beyond a limit is no other value


class Precomputed(NamedTuple):
    """Everything about structures that does not depend on weights.

    Attributes:
        numbers: (N,).
        features: symmetry functions (N, B).
        derivatives: ∂G_i/∂r_ij (E, B, 3) in 1/Å.
        edges: (2, E).
        structure: (N,).
        n_structures: S.
    """

    numbers: Tensor
    features: Tensor
    derivatives: Tensor
    edges: Tensor
    structure: Tensor
    n_structures: int

    @staticmethod
    def side_by_side(parts: Sequence["Precomputed"]) -> "Precomputed":
        """Many as one; the results are those of each."""
        atoms_before = [0, *itertools.accumulate(len(part.numbers) for part in parts)]
        structures_before = [0, *itertools.accumulate(part.n_structures for part in parts)]
        return Precomputed(
            numbers=torch.cat([part.numbers for part in parts]),
            features=torch.cat([part.features for part in parts]),
            derivatives=torch.cat([part.derivatives for part in parts]),
            edges=torch.cat([part.edges + n for part, n in zip(parts, atoms_before, strict=False)], dim=1),
            structure=torch.cat([part.structure + n for part, n in zip(parts, structures_before, strict=False)]),
            n_structures=structures_before[-1],
        )


@remembers_arguments
class BehlerParrinello(nn.Module):
    """Symmetry functions and one network per element.

        E = Σ_i E_i,   E_i = NN_{Z_i}( A_{Z_i} (G_i − mean) / std )

    Mean, std and the principal axes A come from the training data (`fit_scaling`); before, they change nothing.

    Args:
        symmetry_functions: e.g. `SymmetryFunctions`; says which elements may occur.
        hidden: neurons in each hidden layer.
        activation: of the hidden neurons, smooth.
    """

    local = True
    feature_mean: Tensor
    feature_std: Tensor
    feature_axes: Tensor
    feature_min: Tensor
    feature_max: Tensor

    def __init__(
        self,
        symmetry_functions: nn.Module,
        hidden: Sequence[int] = (40, 40),
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ):
        super().__init__()
        self.symmetry_functions = symmetry_functions
        self.elements: tuple[int, ...] = symmetry_functions.elements  # type: ignore[assignment]
        n_features = int(symmetry_functions.n_features)  # type: ignore[arg-type]
        self.networks = nn.ModuleList([MLP((n_features, *hidden, 1), activation) for _ in self.elements])
        self.register_buffer("feature_mean", torch.zeros(len(self.elements), n_features))
        self.register_buffer("feature_std", torch.ones(len(self.elements), n_features))
        self.register_buffer("feature_axes", torch.eye(n_features).repeat(len(self.elements), 1, 1))  # (Z, B, B)
        self.register_buffer("feature_min", torch.full((len(self.elements), n_features), torch.nan))
        self.register_buffer("feature_max", torch.full((len(self.elements), n_features), torch.nan))

    @property
    def cutoff(self) -> float:
        """Reach of the symmetry functions in Å."""
        return self.symmetry_functions.cutoff  # type: ignore[return-value]

    def forward(self, graph: Graph) -> Tensor:
        """Energy of each structure (S,) in eV."""
        return segment_sum(self.atomic_energies(graph), graph.structure, graph.n_structures)

    def atomic_energies(self, graph: Graph) -> Tensor:
        """Energy of each atom (N,) in eV."""
        return self.energies_of(self.describe(graph), graph.numbers)

    def describe(self, graph: Graph) -> Tensor:
        """Symmetry functions of every atom (N, B)."""
        return self.symmetry_functions(graph)

    def energies_of(self, features: Tensor, numbers: Tensor) -> Tensor:
        """Energy of each atom (N,) from its symmetry functions (N, B)."""
        energies = features.new_zeros(len(numbers))
        for k, (element, network) in enumerate(zip(self.elements, self.networks, strict=True)):
            atoms = (numbers == element).nonzero()[:, 0]
            scaled = (features[atoms] - self.feature_mean[k]) / self.feature_std[k]
            energies = energies.index_add(0, atoms, network(scaled @ self.feature_axes[k])[:, 0])
        return energies

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
        if self.knows_training_data:
            self._widen_range(features, numbers)
            return
        for k, (element, network) in enumerate(zip(self.elements, self.networks, strict=True)):
            mine = features[numbers == element]
            if len(mine) == 0:
                raise ValueError(f"no atom with atomic number {element} in the training data; leave the element out")
            std = mine.std(dim=0, correction=0)
            constant = std <= 1e-6 * mine.abs().amax(dim=0).clamp(min=1e-12)
            self.feature_mean[k] = mine.mean(dim=0)
            self.feature_std[k] = torch.where(constant, torch.ones_like(std), std)
            self.feature_axes[k] = _principal_axes((mine - self.feature_mean[k]) / self.feature_std[k])
            self.feature_min[k], self.feature_max[k] = mine.amin(dim=0), mine.amax(dim=0)
            nn.init.zeros_(network.layers[-1].weight)  # type: ignore[union-attr]
            nn.init.zeros_(network.layers[-1].bias)  # type: ignore[union-attr]

    def _widen_range(self, features: Tensor, numbers: Tensor) -> None:
        for k, element in enumerate(self.elements):
            mine = features[numbers == element]
            if len(mine):
                self.feature_min[k] = torch.minimum(self.feature_min[k], mine.amin(dim=0))
                self.feature_max[k] = torch.maximum(self.feature_max[k], mine.amax(dim=0))

    @property
    def knows_training_data(self) -> bool:
        """Whether `fit_scaling` has seen training data."""
        return not bool(self.feature_min.isnan().any())

    def extrapolation(self, features: Tensor, numbers: Tensor) -> Tensor:
        """How far each atom's environment lies outside the training data (N,): 0 inside.

        For the worst of its symmetry functions, the distance to the range between the smallest and the largest value of
        the same element in the training data, in standard deviations there. RuNNer and n2p2 warn of an extrapolation
        where this is positive. Zero is no proof of safety: a combination can be new where no single value is.

        Raises:
            ValueError: before `fit_scaling`.
        """
        if not self.knows_training_data:
            raise ValueError(
                "the model has not seen training data, so it cannot tell what lies outside; train it first"
            )
        grades = features.new_zeros(len(numbers))
        for k, element in enumerate(self.elements):
            atoms = (numbers == element).nonzero()[:, 0]
            mine, low, high = features[atoms], self.feature_min[k], self.feature_max[k]
            slack = ROUNDING * torch.maximum(low.abs(), high.abs())
            outside = torch.maximum(low - slack - mine, mine - high - slack).clamp(min=0)
            grades = grades.index_add(0, atoms, (outside / self.feature_std[k]).amax(dim=1))
        return grades

    def precompute(self, graph: Graph) -> Precomputed:
        """Symmetry functions and their derivatives, to be used in every epoch of a training."""
        with torch.no_grad():
            features, derivatives = self.symmetry_functions.with_derivatives(graph)  # type: ignore[operator]
        return Precomputed(graph.numbers, features, derivatives, graph.edges, graph.structure, graph.n_structures)

    def energy_and_forces(self, known: Precomputed, differentiable: bool = True) -> tuple[Tensor, Tensor]:
        """Energy (S,) in eV and forces (N, 3) in eV/Å by the chain rule: linear algebra, no new symmetry function.

        F_j −= Σ_i ∂E_i/∂G_i · ∂G_i/∂r_ij, and the opposite on i.
        """
        features = known.features.detach().requires_grad_()
        energies = self.energies_of(features, known.numbers)
        slopes = torch.autograd.grad(energies.sum(), features, create_graph=differentiable)[0]  # (N, B)
        i, j = known.edges
        pulls = torch.bmm(slopes.index_select(0, i)[:, None, :], known.derivatives)[:, 0]  # (E, 3)
        forces = slopes.new_zeros(len(known.numbers), 3).index_add(0, i, pulls).index_add(0, j, -pulls)
        return segment_sum(energies, known.structure, known.n_structures), forces


def _principal_axes(scaled: Tensor) -> Tensor:
    """Columns: directions in which features of mean 0 (N, B) vary independently, stretched as `fit_scaling` says."""
    scaled = scaled.cpu().double()
    variances, axes = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
    largest = variances[-1]
    if largest < 0.5:  # no feature varies; one that does has variance 1
        return torch.eye(len(axes))
    return axes / (variances.clamp(min=0) + SMALLEST_VARIANCE * largest).sqrt()
