"""Pair potentials: energy laws of one distance, and the model that sums a law over all pairs.

The laws are plain functions of r, of any shape. `PairPotential` turns one into a model, E = ½ Σ_{i≠j} V(r_ij): the ½
that undoes the double counting of directed edges stands there and nowhere else.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.elements import atomic_numbers
from mininnip.graph import Graph, as_number, segment_sum, shown
from mininnip.model import Model
from mininnip.radial import quintic_switch

COULOMB = 1.602176634e-19 / (4 * math.pi * 8.8541878128e-12) * 1e10  # e² / (4π ε₀) = 14.3996 eV Å, CODATA 2018
BOHR = 0.529177210903  # Å, CODATA 2018
SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))  # c_k, d_k of ZBL
TRUNCATIONS = ("plain", "shifted", "switched")
POSITIVE = ("sigma", "r_eq", "r_m", "steepness", "screening")  # lengths and inverse lengths


def lennard_jones(r: Tensor, epsilon: Tensor | float, sigma: Tensor | float) -> Tensor:
    """Dispersion and repulsion of closed shells; the slide's form.

        V(r) = 4 ε [(σ/r)¹² − (σ/r)⁶]

    Zero at r = σ; the minimum −ε lies at r_m = 2^(1/6) σ, not at σ. Jones, Proc. R. Soc. Lond. A 106, 463 (1924).

    Args:
        r: distances (...) in Å.
        epsilon: well depth ε in eV.
        sigma: σ in Å.

    Returns:
        Energies (...) in eV.
    """
    square = (sigma / r) ** 2
    attraction = square * square * square
    return 4 * epsilon * attraction * (attraction - 1)


def morse(r: Tensor, depth: Tensor | float, steepness: Tensor | float, r_eq: Tensor | float) -> Tensor:
    """A chemical bond that breaks; zero for separated atoms.

        V(r) = D {[1 − exp(−a (r − r_eq))]² − 1}

    The minimum −D lies at r_eq, its curvature is 2 D a². The slide's form lacks the −1: it is the same curve lifted
    by D, zero at the minimum. Morse, Phys. Rev. 34, 57 (1929).

    Args:
        r: distances (...) in Å.
        depth: D (the slide's A) in eV.
        steepness: a in 1/Å.
        r_eq: equilibrium distance in Å.

    Returns:
        Energies (...) in eV.
    """
    decay = torch.exp(-steepness * (r - r_eq))
    return depth * decay * (decay - 2)


def harmonic(r: Tensor, stiffness: Tensor | float, r_eq: Tensor | float) -> Tensor:
    """A spring, the Taylor expansion of any bond; the slide's form, without a factor ½.

        V(r) = A (r − r_eq)²

    Its force constant is 2 A. It never breaks: the energy grows without bound.

    Args:
        r: distances (...) in Å.
        stiffness: A in eV/Å².
        r_eq: equilibrium distance in Å.

    Returns:
        Energies (...) in eV.
    """
    return stiffness * (r - r_eq) ** 2


def buckingham_coulomb(
    r: Tensor, A: Tensor | float, B: Tensor | float, C: Tensor | float, charge_product: Tensor | float
) -> Tensor:
    """Ions: exponential repulsion, dispersion and Coulomb; symbols as on the slide.

        V(r) = A exp(−B r) − C / r⁶ + q₁ q₂ / (4π ε₀ r)

    For C > 0 it falls to −∞ as r → 0 behind a finite barrier (the Buckingham catastrophe).
    Buckingham, Proc. R. Soc. Lond. A 168, 264 (1938).

    Args:
        r: distances (...) in Å.
        A: in eV.
        B: in 1/Å.
        C: in eV Å⁶.
        charge_product: q₁ q₂ in e².

    Returns:
        Energies (...) in eV.
    """
    return A * torch.exp(-B * r) - C / r**6 + COULOMB * charge_product / r


def mason_schamp(r: Tensor, depth: Tensor | float, gamma: Tensor | float, r_m: Tensor | float) -> Tensor:
    """An ion and a rare-gas atom: the 12–6–4 form whose r⁻⁴ term is charge and induced dipole.

        V(r) = V₀/2 {(1 + γ)(r_m/r)¹² − 4 γ (r_m/r)⁶ − 3 (1 − γ)(r_m/r)⁴},   0 ≤ γ ≤ 1

    For every γ the minimum −V₀ lies at r_m; γ = 1 is Lennard-Jones. Mason & Schamp, Ann. Phys. 4, 233 (1958).

    Args:
        r: distances (...) in Å.
        depth: V₀ in eV.
        gamma: γ, the share of dispersion in the attraction.
        r_m: distance of the minimum in Å.

    Returns:
        Energies (...) in eV.
    """
    square = (r_m / r) ** 2
    return depth / 2 * ((1 + gamma) * square**6 - 4 * gamma * square**3 - 3 * (1 - gamma) * square**2)


def zbl_repulsion(r: Tensor, charge_product: Tensor | float, screening: Tensor | float) -> Tensor:
    """Two nuclei that come too close: their Coulomb energy, screened by electrons; one function for all elements.

        V(r) = Z₁ Z₂ / (4π ε₀ r) φ(r/a),   φ(x) = Σ_k c_k exp(−d_k x),   Σ_k c_k = 1

    As r → 0 it is the energy of bare nuclei; it falls without a minimum. Made for fast ions, it is what to put under a
    learned potential, whose data hold no such pair. Ziegler, Biersack & Littmark, The Stopping and Range of Ions in
    Matter, Pergamon, New York (1985).

    Args:
        r: distances (...) in Å.
        charge_product: Z₁ Z₂ in e².
        screening: a in Å, from `zbl_screening`.

    Returns:
        Energies (...) in eV.
    """
    x = r / screening
    phi = sum(share * torch.exp(-decay * x) for share, decay in SCREENING)
    return COULOMB * charge_product / r * phi


def zbl_screening(z_1: int, z_2: int) -> float:
    """Screening length of the nuclei of two elements.

        a = 0.8854 a₀ / (Z₁^0.23 + Z₂^0.23),   a₀ = Bohr's radius

    Args:
        z_1, z_2: atomic numbers.

    Returns:
        a in Å.
    """
    return 0.8854 * BOHR / (z_1**0.23 + z_2**0.23)


@remembers_arguments
class PairPotential(Model):
    """Sum a pair law over all pairs closer than the cutoff.

        E_i = ½ Σ_j V(r_ij),   E = Σ_i E_i

    Truncations of V at r_c: `plain` cuts (energy and force jump), `shifted` subtracts V(r_c) (the force still jumps; a
    common choice in ASE and LAMMPS), `switched` multiplies by `quintic_switch` from the onset on (nothing jumps).

    Args:
        law: function (r, **parameters) -> energy, e.g. `lennard_jones`.
        cutoff: r_c in Å.
        truncation: "plain", "shifted" or "switched".
        onset: start of the switching in Å; default 0.8 r_c.
        elements: atomic numbers the parameters are for; None: the same for all elements.
        **parameters: of the law, each a number, or with `elements` a symmetric table (n, n); they become
            `nn.Parameter`s.

    Raises:
        ValueError: unknown truncation or element, wrong table, parameter that is not finite, length or steepness that
            is not positive.
    """

    reach = "pairs"
    any_precision = True
    cutoff: float
    element_row: Tensor

    def __init__(
        self,
        law: Callable[..., Tensor],
        cutoff: float,
        truncation: str = "shifted",
        onset: float | None = None,
        elements: Sequence[int] | None = None,
        **parameters: float | Sequence[Sequence[float]],
    ):
        super().__init__()
        if not callable(law):
            raise ValueError(f"the law must be a function of distance and parameters, got {shown(law)}")
        if truncation not in TRUNCATIONS:
            raise ValueError(f"the truncation must be one of {', '.join(TRUNCATIONS)}; got {shown(truncation)}")
        self.law, self.cutoff, self.truncation = law, as_number(cutoff, "the cutoff"), truncation
        self.onset = 0.8 * self.cutoff if onset is None else as_number(onset, "the onset")
        quintic_switch(torch.zeros(1), self.onset, self.cutoff)  # refuses a bad cutoff or onset
        self.elements = None if elements is None else atomic_numbers(elements)
        self.law_parameters = nn.ParameterDict(
            {name: _parameter(name, value, elements) for name, value in parameters.items()}
        )
        self.register_buffer("element_row", _element_rows(elements), persistent=False)
        at_cutoff = law(torch.tensor(self.cutoff, dtype=torch.float64), **self.law_parameters)  # refuses wrong names
        if not bool(torch.isfinite(at_cutoff).all()):
            raise ValueError(f"the law is not finite at the cutoff of {self.cutoff:g} Å: check its parameters")

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Half of every pair energy goes to each of its two atoms: {"energies": (N,)} in eV."""
        r = torch.linalg.vector_norm(graph.edge_vectors(), dim=1)  # (E,)
        energy = torch.where(r < self.cutoff, self._truncated_law(r, graph), 0.0)
        return {"energies": 0.5 * segment_sum(energy, graph.edges[0], graph.n_atoms)}

    def _truncated_law(self, r: Tensor, graph: Graph) -> Tensor:
        tables = {name: table.to(r.dtype) for name, table in self.law_parameters.items()}  # () or (n, n)
        energy = self.law(r, **{name: self._per_edge(table, graph) for name, table in tables.items()})
        if self.truncation == "shifted":
            at_cutoff = self.law(r.new_tensor(self.cutoff), **tables)  # () or (n, n)
            return energy - self._per_edge(at_cutoff, graph)
        if self.truncation == "switched":
            return energy * quintic_switch(r, self.onset, self.cutoff)
        return energy

    def _per_edge(self, table: Tensor, graph: Graph) -> Tensor:
        """Look up the entry of every edge's pair of elements: (n, n) -> (E,); a number stays a number."""
        if self.elements is None:
            return table
        row = self.element_row[graph.numbers]
        return table[row[graph.edges[0]], row[graph.edges[1]]] if table.dim() else table


def _parameter(name: str, value, elements: Sequence[int] | None) -> nn.Parameter:
    """A number () or a symmetric table of the elements (n, n), checked."""
    try:
        table = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"{name} must be a number or a table of numbers, got {shown(value)}") from None
    shapes = [()] if elements is None else [(), (len(elements), len(elements))]
    if tuple(table.shape) not in shapes:
        raise ValueError(f"{name} must have shape {' or '.join(map(str, shapes))}, got {tuple(table.shape)}")
    if not bool(table.isfinite().all()):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    if name in POSITIVE and not bool((table > 0).all()):
        raise ValueError(f"{name} must be positive, got {shown(value)}")
    if table.dim() and not torch.equal(table, table.T):
        raise ValueError(f"the table of {name} must be symmetric: a pair has no order")
    return nn.Parameter(table.clone())


def _element_rows(elements: Sequence[int] | None) -> Tensor:
    """Row in the parameter tables by atomic number (119,), −1 for elements without parameters."""
    rows = torch.full((119,), -1, dtype=torch.int64)
    for k, number in enumerate(elements or ()):
        rows[number] = k
    return rows
