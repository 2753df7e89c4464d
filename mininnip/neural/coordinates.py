"""Coordinate network: the whole structure into one network, the energy out; the way of 1995.

A system of fixed size is described by a list of numbers made from its coordinates, and a network maps the list to the
energy. Which symmetries the energy has depends on the list alone, so the list is a part of its own: Cartesian
coordinates have none, periodic functions know the lattice, distances know that turning and moving changes nothing,
sorted distances know that equal atoms may change places. Blank, Brown, Calhoun & Doren, J. Chem. Phys. 103, 4129
(1995), doi:10.1063/1.469597, trained such networks on energies. Deviations: inputs are shifted to mean 0 and scaled to
standard deviation 1 over the training data; forces may be trained on.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import DescribedModel, Descriptor, Precomputed, Readout
from mininnip.neural.mlp import MLP
from mininnip.scaling import Scaling


@remembers_arguments
class Cartesian(nn.Module):
    """x, y and z of some atoms, one after the other. Nothing is built in: not even that moving the system is harmless.

    Args:
        atoms: their indices; frozen atoms can be left out.
        axes: which of x, y and z count, by number; (0, 1) for atoms that live in a plane.
    """

    def __init__(self, atoms: Sequence[int], axes: Sequence[int] = (0, 1, 2)):
        super().__init__()
        self.atoms, self.axes = list(atoms), list(axes)
        self.n_features = len(self.axes) * len(self.atoms)

    def forward(self, positions: Tensor) -> Tensor:
        """Inputs (..., number of axes times n) of positions (..., N, 3)."""
        return positions[..., self.atoms, :][..., self.axes].flatten(-2)


@remembers_arguments
class PeriodicLateral(nn.Module):
    """Above a surface: cosines and sines of x and y that repeat with the lattice, and z. Exactly periodic in the plane.

        cos G·r,  sin G·r,  z     with  G = m b₁ + n b₂  and the reciprocal vectors  a_i · b_j = 2π δ_ij

    Both cosine and sine are needed: the cosines alone are the same at r and −r.

    Args:
        atoms: indices of the atoms that move.
        lattice: x and y of two lattice vectors, as rows (2, 2) in Å.
        waves: the (m, n) to use; (1, 0) and (0, 1) already say where in the cell an atom is.

    Raises:
        ValueError: the two lattice vectors are parallel.
    """

    reciprocal: Tensor

    def __init__(
        self,
        atoms: Sequence[int],
        lattice: Sequence[Sequence[float]],
        waves: Sequence[tuple[int, int]] = ((1, 0), (0, 1)),
    ):
        super().__init__()
        self.atoms = list(atoms)
        vectors = torch.as_tensor(lattice, dtype=torch.float64)
        if abs(float(torch.linalg.det(vectors))) < 1e-9:
            raise ValueError(f"the two lattice vectors span no area: {vectors.tolist()}")
        b = 2 * math.pi * torch.linalg.inv(vectors)  # columns b₁, b₂
        self.register_buffer("reciprocal", b @ torch.tensor(list(waves), dtype=torch.float64).T)  # (2, number of waves)
        self.n_features = len(self.atoms) * (2 * len(waves) + 1)

    def forward(self, positions: Tensor) -> Tensor:
        """Inputs (..., n (2 W + 1)) of positions (..., N, 3), for n atoms and W waves."""
        r = positions[..., self.atoms, :]
        phases = r[..., :2] @ self.reciprocal.to(r.dtype)  # (..., n, W)
        return torch.cat([phases.cos(), phases.sin(), r[..., 2:]], dim=-1).flatten(-2)


@remembers_arguments
class Distances(nn.Module):
    """Distances between chosen pairs of atoms, in the order given: the same wherever the system lies and points.

    Relabelling equal atoms changes their order. No periodic images: atoms are taken where they are.

    Args:
        pairs: (i, j) of every distance; all pairs of n atoms are `itertools.combinations(range(n), 2)`.
        power: p of r^p; −1, the inverse distance, climbs where energies climb.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], power: float = 1.0):
        super().__init__()
        self.pairs, self.power = [(int(i), int(j)) for i, j in pairs], power
        self.n_features = len(self.pairs)

    def forward(self, positions: Tensor) -> Tensor:
        """Inputs (..., number of pairs) in Å^p of positions (..., N, 3)."""
        i, j = torch.tensor(self.pairs, device=positions.device).T
        r = torch.linalg.vector_norm(positions[..., i, :] - positions[..., j, :], dim=-1)
        return r if self.power == 1 else r**self.power


@remembers_arguments
class SortedDistances(nn.Module):
    """All distances between equal atoms, shortest first: relabelling changes nothing either.

    Continuous, but with a kink wherever two distances are equal: there the energy's slope, the force, may jump. Three
    atoms are known up to a motion and a mirror; of four, different shapes can share a list.

    Args:
        n_atoms: number of atoms N.
    """

    def __init__(self, n_atoms: int):
        super().__init__()
        self.distances = Distances(list(itertools.combinations(range(n_atoms), 2)))
        self.n_features = self.distances.n_features

    def forward(self, positions: Tensor) -> Tensor:
        """Inputs (..., N (N − 1) / 2) in Å, ascending, of positions (..., N, 3)."""
        return self.distances(positions).sort(dim=-1).values


@remembers_arguments
class Coordinates(Descriptor):
    """The list of numbers that describes a structure of fixed size, made of its coordinates.

    Args:
        inputs: that make the list, from positions (..., N, 3) to (..., B).
        numbers: atomic numbers of the system, in the order of its atoms.
    """

    of_structures = True

    def __init__(self, inputs: nn.Module, numbers: Sequence[int]):
        super().__init__()
        self.inputs, self.numbers = inputs, [int(number) for number in numbers]
        self.n_features = int(inputs.n_features)  # type: ignore[arg-type]

    def forward(self, graph: Graph) -> Tensor:
        """Inputs (S, B).

        Raises:
            ValueError: a structure with other atoms than the network was made for, or in another order.
        """
        return self.inputs(self._positions(graph))

    def precompute(self, graph: Graph) -> Precomputed:
        """Inputs and their derivatives with respect to the position of every atom."""
        with torch.enable_grad():
            positions = self._positions(graph).detach().requires_grad_()
            features = self.inputs(positions)
            slopes = [torch.autograd.grad(x.sum(), positions, retain_graph=True)[0] for x in features.unbind(1)]
        every = torch.arange(graph.n_atoms, device=positions.device)
        return Precomputed(
            numbers=graph.numbers,
            structure=graph.structure,
            cell=graph.cell,
            features=features.detach(),
            derivatives=torch.stack(slopes, dim=2).flatten(0, 1),  # (S n, B, 3)
            row=graph.structure,
            atom=every,
            anchor=every[:0],
            vectors=graph.positions,
        )

    def _positions(self, graph: Graph) -> Tensor:
        """Positions (S, N, 3) of structures that are what this network was made for."""
        n_atoms, expected = (
            torch.bincount(graph.structure, minlength=graph.n_structures),
            torch.tensor(self.numbers, device=graph.numbers.device),
        )
        wrong = (n_atoms != len(self.numbers)).nonzero()
        if len(wrong):
            raise ValueError(
                f"this network takes structures of {len(self.numbers)} atoms, structure {int(wrong[0])} has "
                f"{int(n_atoms[wrong[0, 0]])}: a network of coordinates has one size"
            )
        unequal = (graph.numbers.reshape(-1, len(self.numbers)) != expected).any(dim=1).nonzero()
        if len(unequal):
            raise ValueError(
                f"this network was made for the atomic numbers {self.numbers} in this order, structure "
                f"{int(unequal[0])} has {graph.numbers.reshape(-1, len(self.numbers))[unequal[0, 0]].tolist()}"
            )
        return graph.positions.reshape(-1, len(self.numbers), 3)


class StructureNetwork(Readout):
    """One network: the energy of a structure from its inputs.

        E = NN( (x − mean) / std )

    Args:
        n_features: B.
        hidden: neurons in each hidden layer.
        activation: of the hidden neurons.
    """

    def __init__(self, n_features: int, hidden: Sequence[int], activation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.network = MLP((n_features, *hidden, 1), activation)
        self.scaling = Scaling(1, n_features)

    def forward(self, features: Tensor, numbers: Tensor | None = None) -> dict[str, Tensor]:
        """Energy of each structure, {"energy": (...)} in eV, from inputs (..., B); `numbers` is not used."""
        return {"energy": self.network(self.scaling(features))[..., 0]}

    def fit_scaling(self, features: Tensor, numbers: Tensor | None = None) -> None:
        """Take mean and standard deviation of the inputs (S, B) from training data, and from nothing else.

        An input that does not vary there is only shifted. Only the first data are taken for that: later ones, of a
        training that is continued, widen the known range alone, for the weights were made for the scaling they know.
        `mn.train` calls this; `numbers` is not used.
        """
        if self.scaling.knows_data:
            self.scaling.widen(features)
        else:
            self.scaling.fit(features)


@remembers_arguments
class CoordinateNetwork(DescribedModel):
    """A network of the whole structure.

        E = NN( (x − mean) / std ),   x = inputs(r₁, …, r_N)

    Number, elements and order of the atoms are fixed: other structures are refused.

    Args:
        inputs: `Cartesian`, `PeriodicLateral`, `Distances`, `SortedDistances`, or another module with `n_features`
            that maps positions (..., N, 3) to (..., B).
        numbers: atomic numbers of the system, in the order of its atoms.
        hidden: neurons in each hidden layer.
        activation: of the hidden neurons, smooth.
    """

    descriptor: Coordinates
    readout: StructureNetwork

    def __init__(
        self,
        inputs: nn.Module,
        numbers: Sequence[int],
        hidden: Sequence[int] = (15,),
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ):
        coordinates = Coordinates(inputs, numbers)
        super().__init__(coordinates, StructureNetwork(coordinates.n_features, hidden, activation))

    def energy_at(self, positions: Tensor) -> Tensor:
        """Energies (...) in eV of positions (..., N, 3), without a graph: for grids, curves and maps."""
        return self.readout(self.descriptor.inputs(positions))["energy"]
