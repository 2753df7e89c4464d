"""The CHARMM22 form: springs on bonds and angles, cosines on torsions, Lennard-Jones and charges on the rest.

    E = Σ_bonds k_b (b − b₀)² + Σ_angles k_θ (θ − θ₀)² + Σ_Urey–Bradley k_s (s − s₀)²
      + Σ_dihedrals k_φ [1 + cos(n φ − δ)] + Σ_impropers k_ω (ω − ω₀)²
      + Σ_pairs 4 ε [(σ/r)¹² − (σ/r)⁶] + Σ_pairs q_i q_j / (4π ε₀ r)

MacKerell et al., J. Phys. Chem. B 102, 3586 (1998), doi:10.1021/jp973084f; the equation of the slide. Springs carry no
factor ½. The paper writes Lennard-Jones with R_min = 2^(1/6) σ. Who is bonded to whom is given once, in a `Topology`:
bonds neither form nor break. The pairs are all that are at least three bonds apart, without a cutoff: this is a force
field for molecules, not for boxes.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model

COULOMB = 1.602176634e-19 / (4 * math.pi * 8.8541878128e-12) * 1e10  # e² / (4π ε₀) in eV Å, CODATA 2018

PARAMETERS = {
    "bonds": ("bond_k", "bond_r0"),
    "angles": ("angle_k", "angle_theta0"),
    "urey_bradley": ("urey_bradley_k", "urey_bradley_s0"),
    "dihedrals": ("dihedral_k", "dihedral_n", "dihedral_delta"),
    "impropers": ("improper_k", "improper_omega0"),
    "numbers": ("epsilon", "sigma", "charges"),
}
WIDTH = {"angles": 3, "dihedrals": 4, "impropers": 4}  # all other lists are of pairs
POSITIVE = ("bond_r0", "urey_bradley_s0", "sigma", "sigma_14")


@remembers_arguments
@dataclass(frozen=True, eq=False)
class Topology:
    """Which atoms of a molecule interact by which term: lists of atom indices, checked and turned into tensors.

    Attributes:
        numbers: atomic numbers (n,).
        bonds: pairs (B, 2).
        angles: triples (A, 3), vertex in the middle.
        dihedrals: quartets (D, 4) along three bonds; a quartet may be listed again to carry a further cosine.
        exclusions: pairs (X, 2) one or two bonds apart: no Lennard-Jones, no Coulomb.
        pairs_14: pairs (P, 2) exactly three bonds apart: both, times the 1-4 factors.
        urey_bradley: pairs (U, 2) that carry a 1-3 spring; a choice of the force field, by default none.
        impropers: quartets (I, 4) whose dihedral angle is held; a choice of the force field, by default none.

    Raises:
        ValueError: an index that is no atom of the molecule, an atom twice in one term, a list of the wrong shape.
    """

    numbers: Tensor
    bonds: Tensor
    angles: Tensor
    dihedrals: Tensor
    exclusions: Tensor
    pairs_14: Tensor
    urey_bradley: Tensor
    impropers: Tensor

    def __post_init__(self):
        object.__setattr__(self, "numbers", torch.as_tensor(self.numbers, dtype=torch.int64))
        for field in fields(self)[1:]:
            rows = _index_rows(field.name, getattr(self, field.name), WIDTH.get(field.name, 2), len(self.numbers))
            object.__setattr__(self, field.name, rows)

    @classmethod
    def from_bonds(
        cls, numbers: Sequence[int] | Tensor, bonds: Sequence, urey_bradley: Sequence = (), impropers: Sequence = ()
    ) -> "Topology":
        """Walk along the bonds: two make an angle, three a dihedral; ends of those are excluded or 1-4 pairs.

        In rings a pair can be reached in two ways: the shorter one decides. `mininnip.analysis.find_bonds` reads the
        bonds off a geometry.

        Args:
            numbers: atomic numbers (n,).
            bonds: pairs of atom indices (B, 2).
            urey_bradley: 1-3 pairs with a spring (U, 2).
            impropers: quartets (I, 4).

        Raises:
            ValueError: as `Topology`; or a bond listed twice.
        """
        bonds = _index_rows("bonds", bonds, 2, len(numbers)).sort(dim=1).values.tolist()
        if len({tuple(bond) for bond in bonds}) < len(bonds):
            raise ValueError("a bond is listed twice; list every bonded pair once")
        neighbors = [[] for _ in range(len(numbers))]
        for i, j in bonds:
            neighbors[i].append(j)
            neighbors[j].append(i)
        angles = [(i, j, k) for j, around in enumerate(neighbors) for i, k in itertools.combinations(sorted(around), 2)]
        dihedrals = [
            (i, j, k, m) for j, k in bonds for i in neighbors[j] if i != k for m in neighbors[k] if m not in (i, j)
        ]
        exclusions = {(i, j) for i, j in bonds} | {(i, k) for i, _, k in angles}
        pairs_14 = {(min(i, m), max(i, m)) for i, _, _, m in dihedrals} - exclusions
        terms = {"bonds": bonds, "angles": angles, "dihedrals": dihedrals, "exclusions": sorted(exclusions)}
        terms |= {"pairs_14": sorted(pairs_14), "urey_bradley": urey_bradley, "impropers": impropers}
        rows = {name: _index_rows(name, rows, WIDTH.get(name, 2), len(numbers)) for name, rows in terms.items()}
        return cls(torch.as_tensor(numbers), **rows)

    @property
    def pairs(self) -> Tensor:
        """Pairs more than three bonds apart (Q, 2): those with full Lennard-Jones and Coulomb energy."""
        apart = torch.ones(len(self.numbers), len(self.numbers), dtype=torch.bool).triu(diagonal=1)
        near = torch.cat([self.exclusions, self.pairs_14]).sort(dim=1).values
        apart[near[:, 0], near[:, 1]] = False
        return apart.nonzero()


def bond_lengths(positions: Tensor, pairs: Tensor) -> Tensor:
    """Distances |r_j − r_i|.

    Args:
        positions: (..., n, 3) in Å.
        pairs: (B, 2) atom indices.

    Returns:
        (..., B) in Å.
    """
    i, j = pairs.T
    return torch.linalg.vector_norm(positions[..., j, :] - positions[..., i, :], dim=-1)


def bond_angles(positions: Tensor, triples: Tensor) -> Tensor:
    """Angles at the middle atom, accurate near 0° and 180°, where an arccosine is not.

        θ = atan2(√(|a × b|² + 10⁻¹⁸ Å⁴), a · b),   a = r_i − r_j,   b = r_k − r_j

    The tiny term moves a straight angle by 10⁻⁹ rad and keeps its derivatives finite: the slope is zero, and in float64
    (θ − π)² has the right curvature to 10⁻⁶, so that a linear molecule has its bending vibrations.

    Args:
        positions: (..., n, 3) in Å.
        triples: (A, 3) atom indices, vertex in the middle.

    Returns:
        (..., A) in radian, 0 to π.
    """
    i, j, k = triples.T
    a, b = positions[..., i, :] - positions[..., j, :], positions[..., k, :] - positions[..., j, :]  # (..., A, 3)
    return torch.atan2(torch.sqrt((torch.linalg.cross(a, b) ** 2).sum(-1) + 1e-18), (a * b).sum(-1))


def dihedral_angles(positions: Tensor, quartets: Tensor) -> Tensor:
    """Torsion angles around the middle bond: 0 when the outer atoms are cis, sign after IUPAC.

        φ = atan2(|b₂| b₁ · (b₂ × b₃), (b₁ × b₂) · (b₂ × b₃)),   b₁ = r_j − r_i, b₂ = r_k − r_j, b₃ = r_l − r_k

    Blondel & Karplus, J. Comput. Chem. 17, 1132 (1996). Where three atoms lie exactly on a line the angle is undefined;
    it and its slope are then zero.

    Args:
        positions: (..., n, 3) in Å.
        quartets: (D, 4) atom indices.

    Returns:
        (..., D) in radian, −π to π.
    """
    i, j, k, m = quartets.T
    b1, b2, b3 = (positions[..., end, :] - positions[..., start, :] for start, end in ((i, j), (j, k), (k, m)))
    normal = torch.linalg.cross(b2, b3)  # (..., D, 3)
    sine = torch.linalg.vector_norm(b2, dim=-1) * (b1 * normal).sum(-1)
    return torch.atan2(sine, (torch.linalg.cross(b1, b2) * normal).sum(-1))


@remembers_arguments
class ForceField(Model):
    """The CHARMM22 form with given parameters, for any number of copies of one molecule.

    Each parameter is one number for all its terms or one number per term, in the order of the topology's list; dihedral
    parameters may have a second axis (D, M) for M cosines per quartet. Energies in eV, lengths in Å, angles in radian,
    charges in e. Unlike pairs mix by Lorentz–Berthelot: ε_ij = √(ε_i ε_j), σ_ij = (σ_i + σ_j) / 2. All but `dihedral_n`
    become `nn.Parameter`s that can be fitted.

    Args:
        topology: of one molecule.
        parameters: bond_k, bond_r0, angle_k, angle_theta0, urey_bradley_k, urey_bradley_s0, dihedral_k, dihedral_n,
            dihedral_delta, improper_k, improper_omega0 as far as the topology has such terms; epsilon, sigma and
            charges per atom; epsilon_14 and sigma_14 where 1-4 pairs have their own (CHARMM), by default the same.
        lennard_jones_factor_14: factor on the Lennard-Jones energy of 1-4 pairs.
        coulomb_factor_14: factor on the Coulomb energy of 1-4 pairs.

    Raises:
        ValueError: a parameter that is missing, unknown, not finite, of the wrong length, or a length not above zero;
            on a call: a graph that is periodic or does not hold copies of the topology's molecule.
    """

    any_precision = True
    numbers: Tensor
    bonds: Tensor
    angles: Tensor
    dihedrals: Tensor
    urey_bradley: Tensor
    impropers: Tensor
    pairs: Tensor
    pairs_14: Tensor

    def __init__(
        self,
        topology: Topology,
        parameters: Mapping[str, float | Sequence | Tensor],
        lennard_jones_factor_14: float = 1.0,
        coulomb_factor_14: float = 1.0,
    ):
        super().__init__()
        self.lennard_jones_factor_14, self.coulomb_factor_14 = lennard_jones_factor_14, coulomb_factor_14
        for field in fields(topology):
            self.register_buffer(field.name, getattr(topology, field.name), persistent=False)
        self.register_buffer("pairs", topology.pairs, persistent=False)
        for name, value in _checked_parameters(topology, parameters).items():
            if name == "dihedral_n":
                self.register_buffer(name, value)
            else:
                self.register_parameter(name, nn.Parameter(value))

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of each copy of the molecule, {"energy": (S,)} in eV."""
        return {"energy": torch.stack(list(self.term_energies(graph).values())).sum(0)}

    def term_energies(self, graph: Graph) -> dict[str, Tensor]:
        """Energy of every term of the equation: name -> (S,) in eV; they add up to the energy."""
        x = self._molecules(graph)  # (S, n, 3)
        p = {name: x.new_zeros(0) for names in PARAMETERS.values() for name in names}  # of terms without an entry
        p |= {name: value.to(x.dtype) for name, value in self.named_parameters()}
        p |= {name: value.to(x.dtype) for name, value in self.named_buffers() if name == "dihedral_n"}
        s = bond_lengths(x, self.urey_bradley)
        phi = dihedral_angles(x, self.dihedrals)
        k, n, delta = (_columns(p[name]) for name in PARAMETERS["dihedrals"])
        omega = dihedral_angles(x, self.impropers) - p["improper_omega0"]
        far = self._pair_energies(x, self.pairs, p["epsilon"], p["sigma"], p["charges"])
        near = self._pair_energies(
            x, self.pairs_14, p.get("epsilon_14", p["epsilon"]), p.get("sigma_14", p["sigma"]), p["charges"]
        )
        return {
            "bonds": (p["bond_k"] * (bond_lengths(x, self.bonds) - p["bond_r0"]) ** 2).sum(-1),
            "angles": (p["angle_k"] * (bond_angles(x, self.angles) - p["angle_theta0"]) ** 2).sum(-1),
            "urey_bradley": (p["urey_bradley_k"] * (s - p["urey_bradley_s0"]) ** 2).sum(-1),
            "dihedrals": (k * (1 + torch.cos(n * phi[..., None] - delta))).sum((-1, -2)),
            "impropers": (p["improper_k"] * _wrapped(omega) ** 2).sum(-1),
            "lennard_jones": far[0],
            "lennard_jones_14": self.lennard_jones_factor_14 * near[0],
            "coulomb": far[1],
            "coulomb_14": self.coulomb_factor_14 * near[1],
        }

    def _pair_energies(
        self, x: Tensor, pairs: Tensor, epsilon: Tensor, sigma: Tensor, charges: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Lennard-Jones and Coulomb energy of all pairs, each (S,)."""
        (i, j), r = pairs.T, bond_lengths(x, pairs)  # (S, P)
        present = (
            epsilon > 0
        )  # the slope of a square root at zero is infinite: ε = 0 switches an atom off, also in a fit
        root = torch.where(present, epsilon, 1.0).sqrt() * present
        root, sigma, charges = (value.expand(x.shape[1]) for value in (root, sigma, charges))
        attraction = ((sigma[i] + sigma[j]) / 2 / r) ** 6
        lennard_jones = 4 * root[i] * root[j] * (attraction**2 - attraction)
        return lennard_jones.sum(-1), (COULOMB * charges[i] * charges[j] / r).sum(-1)

    def _molecules(self, graph: Graph) -> Tensor:
        """Positions by molecule (S, n, 3), after checking that the graph holds copies of the molecule."""
        if bool(graph.pbc.any()):
            raise ValueError("this force field is for molecules, not for periodic cells; set atoms.pbc = False")
        n = len(self.numbers)
        same_count = graph.n_atoms == n * graph.n_structures
        if not same_count or not torch.equal(graph.numbers, self.numbers.repeat(graph.n_structures)):
            raise ValueError(
                f"the graph does not hold copies of the topology's molecule, {n} atoms with the atomic numbers "
                f"{self.numbers.tolist()} in this order"
            )
        return graph.positions.reshape(graph.n_structures, n, 3)


def _columns(value: Tensor) -> Tensor:
    """One number, one per quartet, or M per quartet: () or (D,) or (D, M) -> () or (D, 1) or (D, M)."""
    return value[:, None] if value.dim() == 1 else value


def _wrapped(angle: Tensor) -> Tensor:
    """The same angle between −π and π."""
    return angle - 2 * math.pi * torch.round(angle / (2 * math.pi))


def _index_rows(name: str, rows: Tensor | Sequence, width: int, n_atoms: int) -> Tensor:
    """A list of atom indices as a tensor (T, width), checked."""
    rows = torch.as_tensor(rows, dtype=torch.int64) if len(rows) else torch.zeros(0, width, dtype=torch.int64)
    if rows.dim() != 2 or rows.shape[1] != width:
        raise ValueError(f"{name} must list {width} atoms per term, shape (T, {width}); got {tuple(rows.shape)}")
    outside = ((rows < 0) | (rows >= n_atoms)).any(dim=1).nonzero()
    if len(outside):
        raise ValueError(
            f"{name} names the atoms {rows[outside[0, 0]].tolist()}, but the molecule has atoms 0 to {n_atoms - 1} only"
        )
    for row in rows.tolist():
        if len(set(row)) < width:
            raise ValueError(f"{name} names an atom twice in one term: {row}")
    return rows


def _checked_parameters(topology: Topology, parameters: Mapping[str, float | Sequence | Tensor]) -> dict[str, Tensor]:
    """The parameters that the topology's terms need, as float64 tensors."""
    expected = {name: terms for terms, names in PARAMETERS.items() for name in names}
    expected |= {"epsilon_14": "numbers", "sigma_14": "numbers"}
    unknown = sorted(parameters.keys() - expected.keys())
    if unknown:
        raise ValueError(f"{unknown[0]} is not a parameter of this form; these are: {', '.join(expected)}")
    checked = {}
    for name, terms in expected.items():
        n_terms = len(getattr(topology, terms))
        if name not in parameters:
            if n_terms and not name.endswith("_14"):
                what = "atoms" if terms == "numbers" else terms.replace("urey_bradley", "Urey-Bradley springs")
                raise ValueError(f"the molecule has {n_terms} {what}, but the parameter {name} is missing; give it")
            continue
        value = torch.as_tensor(parameters[name], dtype=torch.float64).clone()
        if value.dim() > (2 if terms == "dihedrals" else 1) or (value.dim() and len(value) != n_terms):
            raise ValueError(f"{name} must be one number or {n_terms} numbers, got the shape {tuple(value.shape)}")
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} must be finite, got {value.tolist()}")
        if name in POSITIVE and not bool((value > 0).all()):
            raise ValueError(f"{name} must be positive, got {value.tolist()}")
        if name.startswith("epsilon") and bool((value < 0).any()):
            raise ValueError(f"{name} must not be negative, got {value.tolist()}")
        checked[name] = value
    return checked
