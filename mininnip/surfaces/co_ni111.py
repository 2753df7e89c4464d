"""CO on Ni(111): a smooth energy of a molecule above a surface, periodic and threefold like the metal.

Blank, Brown, Calhoun & Doren, J. Chem. Phys. 103, 4129 (1995), doi:10.1063/1.469597, fitted a network to an empirical
potential of CO on Ni(111), on uniform grids of two and three dimensions. The form below is ours, not theirs: depths and
heights have the right size and order (hollows bind best, top sites worst), and are fitted to nothing. The molecule is
upright and rigid, so one point, its center of mass, says where it is: x and y in the surface, z above the nuclei of the
first layer. Functions of points, like those of `landscapes`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

NEIGHBORS = 3.52 / math.sqrt(2)  # Å between nickel atoms
LATTICE = ((NEIGHBORS, 0.0), (NEIGHBORS / 2, NEIGHBORS * math.sqrt(3) / 2))  # a₁ and a₂ of the p(1×1) cell in Å
STEEPNESS = 1.8  # 1/Å, of the well along z

# x and y in fractions of a₁ and a₂; depth of the well in eV; height of its bottom in Å
SITES = {
    "top": ((0.0, 0.0), 1.02, 2.35),
    "bridge": ((0.5, 0.0), 1.20, 2.06),
    "fcc": ((1 / 3, 1 / 3), 1.30, 2.00),
    "hcp": ((2 / 3, 2 / 3), 1.28, 2.01),
}


def energy(positions: Tensor) -> Tensor:
    """Energy of the molecule at any point above the surface: a Morse well whose depth and bottom depend on x and y.

        E(x, y, z) = D {exp[−2 a (z − z₀)] − 2 exp[−a (z − z₀)]},   D = D(x, y),  z₀ = z₀(x, y)

    D and z₀ are the sums of `site_waves` that take the values of `SITES` at the four sites. So E is periodic with the
    lattice, threefold about every site but the bridge, and mirror-symmetric; fcc and hcp differ. It falls to zero far
    above.

    Args:
        positions: x, y, z of the center of mass (..., 3) in Å.

    Returns:
        Energies (...) in eV, zero for the free molecule.

    Raises:
        ValueError: if the last axis does not hold x, y and z, or a coordinate is not finite.
    """
    _check_points(positions, 3)
    at_sites = torch.tensor([site[1:] for site in SITES.values()], dtype=torch.float64)  # (4, 2)
    waves = site_waves(torch.tensor([site(name) for name in SITES], dtype=torch.float64))  # (4, 4)
    weights = torch.linalg.solve(waves, at_sites).to(positions)
    depth, bottom = (site_waves(positions[..., :2]) @ weights).unbind(-1)
    decay = torch.exp(-STEEPNESS * (positions[..., 2] - bottom))
    return depth * decay * (decay - 2)


def energy_at_height(positions: Tensor, height: float = 2.2) -> Tensor:
    """The same at one height: the two-dimensional problem.

    Args:
        positions: x and y (..., 2) in Å.
        height: z in Å.

    Returns:
        Energies (...) in eV.

    Raises:
        ValueError: if the last axis does not hold x and y, or a coordinate is not finite.
    """
    _check_points(positions, 2)
    return energy(torch.cat([positions, torch.full_like(positions[..., :1], height)], dim=-1))


def site_waves(positions: Tensor) -> Tensor:
    """The four smoothest functions with the symmetry of the surface.

        1,   ⅓ Σ_k cos G_k·r,   2/(3√3) Σ_k sin G_k·r,   ⅓ Σ_k cos (G_k − G_{k+1})·r

    with the three shortest reciprocal vectors, G₁ + G₂ + G₃ = 0. The third is 1 at fcc and −1 at hcp sites, 0 at top
    and bridge: sines are what tells the two hollows apart.

    Args:
        positions: x and y (..., 2) in Å.

    Returns:
        (..., 4).
    """
    phases = positions @ _stars(positions)  # (..., 3)
    between = phases - phases.roll(1, dims=-1)
    waves = [phases.cos().mean(-1), 2 / math.sqrt(3) * phases.sin().mean(-1), between.cos().mean(-1)]
    return torch.stack([torch.ones_like(waves[0]), *waves], dim=-1)


def site(name: str) -> tuple[float, float]:
    """x and y of a high-symmetry site in Å: "top", "bridge", "fcc" or "hcp".

    Raises:
        ValueError: another name.
    """
    if name not in SITES:
        raise ValueError(f"Ni(111) has no site {name!r}; it has {', '.join(SITES)}")
    (first, second), (a1, a2) = SITES[name][0], LATTICE
    return first * a1[0] + second * a2[0], first * a1[1] + second * a2[1]


def uniform_grid(n: int, heights: Sequence[float] | None = None) -> Tensor:
    """Points on a uniform grid over the p(1×1) cell, which they divide evenly; no point and its image are both there.

    Args:
        n: points along each lattice vector.
        heights: z in Å of every layer of a three-dimensional grid; None: a two-dimensional one.

    Returns:
        (n², 2), or (n² times the number of heights, 3), in Å.

    Raises:
        ValueError: if n is not positive.
    """
    if n < 1:
        raise ValueError(f"a grid needs at least one point along each lattice vector, got n = {n}")
    steps = torch.arange(n, dtype=torch.float64) / n
    flat = torch.cartesian_prod(steps, steps) @ torch.tensor(LATTICE, dtype=torch.float64)  # (n², 2)
    if heights is None:
        return flat
    z = torch.as_tensor(heights, dtype=torch.float64)
    return torch.cat([flat.repeat(len(z), 1), z.repeat_interleave(len(flat))[:, None]], dim=1)


def _stars(like: Tensor) -> Tensor:
    """The three shortest reciprocal vectors as columns (2, 3) in 1/Å; they add up to zero."""
    b = 2 * math.pi * torch.linalg.inv(torch.tensor(LATTICE, dtype=torch.float64))  # columns b₁, b₂
    return torch.stack([b[:, 0], b[:, 1], -b[:, 0] - b[:, 1]], dim=1).to(like)


def _check_points(positions: Tensor, dimension: int) -> None:
    if positions.ndim == 0 or positions.shape[-1] != dimension:
        raise ValueError(
            f"CO on Ni(111) takes points with {dimension} coordinates on the last axis, got the shape "
            f"{tuple(positions.shape)}"
        )
    if not bool(torch.isfinite(positions).all()):
        raise ValueError("CO on Ni(111) got a coordinate that is NaN or infinite; check the positions")
