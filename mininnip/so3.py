"""SO(3): how numbers change when space is turned, and how to multiply them so that the product turns with them.

Features of degree l are 2l + 1 numbers that a rotation R mixes by a matrix D^l(R): one number for l = 0, a vector for
l = 1, the shape of a d orbital for l = 2. Spherical harmonics are the functions of a direction that turn like this, and
coupling coefficients the only way to multiply two such sets of numbers into a third.

Conventions, those of e3nn (Geiger & Smidt, arXiv:2207.09453): everything is real; the polar axis is y, so that degree 1
reads (x, y, z) and D¹(R) = R; orders run m = −l … l; harmonics are component normalized, |Y_l(r̂)|² = 2l + 1. Under
r → −r, Y_l takes the factor (−1)^l.
"""

import math
from fractions import Fraction
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

HIGHEST_DEGREE = 3  # of the harmonics
ROTATION_ERROR = 1e-4  # how far Rᵀ R may be from 1, in single precision


def spherical_harmonics(vectors: Tensor, l_max: int) -> Tensor:
    """Real spherical harmonics of the directions of vectors, degrees 0 to l_max one after the other.

        Y_0 = 1,   Y_1 = √3 (x, y, z),   Y_2 = √15 (xz, xy, (3y² − 1) / √12, yz, (z² − x²) / 2),   Y_3 = …

    They turn with the vector: Y_l(R r̂) = D^l(R) Y_l(r̂).

    Args:
        vectors: (..., 3), none of them zero.
        l_max: highest degree, 0 to 3.

    Returns:
        (..., (l_max + 1)²), same dtype and device; degree l begins at column l².

    Raises:
        ValueError: another degree, or vectors without three components.
    """
    if l_max not in range(HIGHEST_DEGREE + 1):
        raise ValueError(f"spherical harmonics are written out for degrees 0 to {HIGHEST_DEGREE}, got {l_max!r}")
    if vectors.shape[-1:] != (3,):
        raise ValueError(f"spherical harmonics are functions of vectors (..., 3), got shape {tuple(vectors.shape)}")
    x, y, z = (vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)).unbind(-1)
    columns = [torch.ones_like(x)]
    if l_max >= 1:
        columns += [math.sqrt(3) * x, math.sqrt(3) * y, math.sqrt(3) * z]
    if l_max >= 2:
        columns += [math.sqrt(15) * x * z, math.sqrt(15) * x * y, math.sqrt(5) / 2 * (3 * y * y - 1)]
        columns += [math.sqrt(15) * y * z, math.sqrt(15) / 2 * (z * z - x * x)]
    if l_max >= 3:
        columns += [math.sqrt(35 / 8) * x * (3 * z * z - x * x), math.sqrt(105) * x * y * z]
        columns += [math.sqrt(21 / 8) * x * (5 * y * y - 1), math.sqrt(7) / 2 * y * (5 * y * y - 3)]
        columns += [math.sqrt(21 / 8) * z * (5 * y * y - 1), math.sqrt(105) / 2 * y * (z * z - x * x)]
        columns += [math.sqrt(35 / 8) * z * (z * z - 3 * x * x)]
    return torch.stack(columns, dim=-1)


def wigner_d(l: int, rotation: Tensor) -> Tensor:
    """The matrix D^l(R) that turns features of degree l when space is turned by R.

        D⁰ = 1,   D¹ = R,   D^l = (2l + 1) Cᵀ (D^{l−1} ⊗ D¹) C   with the coupling C of l − 1 and 1 to l

    D^l(R S) = D^l(R) D^l(S), and D^l(R)⁻¹ = D^l(R)ᵀ.

    Args:
        l: degree.
        rotation: R (..., 3, 3), which turns column vectors, r → R r.

    Returns:
        (..., 2l + 1, 2l + 1).

    Raises:
        ValueError: a matrix that is no rotation. A reflection is one times −1: turn by −R, and change the sign of what
            has odd parity.
    """
    if rotation.shape[-2:] != (3, 3):
        raise ValueError(f"a rotation is a matrix (..., 3, 3), got shape {tuple(rotation.shape)}")
    fixed = rotation.detach()
    error = (fixed.mT @ fixed - torch.eye(3).to(fixed)).abs()
    if not bool((error < ROTATION_ERROR).all() and (torch.linalg.det(fixed) > 0).all()):
        raise ValueError("this matrix is no rotation: RᵀR must be 1 and det R must be +1")
    turned = torch.ones_like(rotation[..., :1, :1])
    for degree in range(1, l + 1):
        c = coupling(degree - 1, 1, degree).to(rotation)
        turned = (2 * degree + 1) * torch.einsum("abm,...ac,...bd,cdn->...mn", c, turned, rotation, c)
    return turned


@lru_cache
def coupling(l1: int, l2: int, l3: int) -> Tensor:
    """Coupling coefficients C of degrees l1 and l2 to l3: the one way to multiply them so that the product turns too.

        Σ C_abc D^{l1}_{a'a} D^{l2}_{b'b} D^{l3}_{c'c} = C_a'b'c'   for all rotations,   Σ C² = 1

    Clebsch–Gordan coefficients, taken from the complex to the real basis. C of (1, 1, 0) is δ / √3, that of (1, 1, 1)
    is ε / √6. Signs are those of e3nn's wigner_3j.

    Args:
        l1, l2, l3: degrees with |l1 − l2| ≤ l3 ≤ l1 + l2.

    Returns:
        (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), float64; do not change it, it is made once.

    Raises:
        ValueError: degrees that do not couple.
    """
    if not (min(l1, l2, l3) >= 0 and abs(l1 - l2) <= l3 <= l1 + l2):
        raise ValueError(f"degrees {l1} and {l2} couple to {abs(l1 - l2)} … {l1 + l2}, not to {l3}")
    complex_basis = torch.zeros(2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1, dtype=torch.complex128)
    for m1, m2 in product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
        if abs(m1 + m2) <= l3:
            complex_basis[l1 + m1, l2 + m2, l3 + m1 + m2] = _clebsch_gordan(l1, m1, l2, m2, l3, m1 + m2)
    q1, q2, q3 = (_real_to_complex(l) for l in (l1, l2, l3))
    real = torch.einsum("abc,ai,bj,ck->ijk", complex_basis, q1, q2, q3.conj()).real
    return torch.where(real.abs() < 1e-14, 0.0, real) / math.sqrt(2 * l3 + 1)


def tensor_product(a: Tensor, b: Tensor, l: int) -> Tensor:
    """Multiply features of two degrees into one of degree l, by the coefficients that are not zero.

        (a ⊗ b)_k = Σ_ij C_ijk a_i b_j

    Args:
        a: (..., 2 l1 + 1).
        b: (..., 2 l2 + 1), with other dimensions that broadcast with those of a.
        l: degree of the product.

    Returns:
        (..., 2l + 1); its parity is the product of the two parities.

    Raises:
        ValueError: as `coupling`; a last dimension that is no 2l + 1.
    """
    if not (a.shape[-1] % 2 == b.shape[-1] % 2 == 1):
        raise ValueError(f"features of degree l are 2l + 1 numbers, got {a.shape[-1]} and {b.shape[-1]}")
    columns: list[Tensor | float] = [0.0] * (2 * l + 1)
    for i, j, k, c in nonzero_couplings(a.shape[-1] // 2, b.shape[-1] // 2, l):
        columns[k] = columns[k] + c * a[..., i] * b[..., j]
    return torch.stack(columns, dim=-1)  # type: ignore[arg-type]


@lru_cache
def nonzero_couplings(l1: int, l2: int, l3: int) -> tuple[tuple[int, int, int, float], ...]:
    """The places and values (i, j, k, C_ijk) of the coupling coefficients that are not zero."""
    c = coupling(l1, l2, l3)
    return tuple((int(i), int(j), int(k), float(c[i, j, k])) for i, j, k in c.nonzero())


def _clebsch_gordan(j1: int, m1: int, j2: int, m2: int, j: int, m: int) -> float:
    """⟨j1 m1 j2 m2 | j m⟩ by Racah's sum, in whole numbers up to the last square root."""
    f = math.factorial
    triangle = Fraction((2 * j + 1) * f(j + j1 - j2) * f(j - j1 + j2) * f(j1 + j2 - j), f(j1 + j2 + j + 1))
    square = triangle * f(j + m) * f(j - m) * f(j1 - m1) * f(j1 + m1) * f(j2 - m2) * f(j2 + m2)
    total = Fraction(0)
    for k in range(max(0, j2 - j - m1, j1 + m2 - j), min(j1 + j2 - j, j1 - m1, j2 + m2) + 1):
        below = f(k) * f(j1 + j2 - j - k) * f(j1 - m1 - k) * f(j2 + m2 - k) * f(j - j2 + m1 + k) * f(j - j1 - m2 + k)
        total += Fraction((-1) ** k, below)
    return math.copysign(math.sqrt(square * total**2), total)


def _real_to_complex(l: int) -> Tensor:
    """Complex harmonics (rows, m = −l … l) as sums of real ones (columns), times (−i)^l, which makes couplings real."""
    q, half = [[0j] * (2 * l + 1) for _ in range(2 * l + 1)], math.sqrt(0.5)
    q[l][l] = 1 + 0j
    for m in range(1, l + 1):
        q[l - m][l + m], q[l - m][l - m] = half + 0j, -half * 1j
        q[l + m][l + m], q[l + m][l - m] = (-1) ** m * half + 0j, (-1) ** m * half * 1j
    return (-1j) ** l * torch.tensor(q, dtype=torch.complex128)
