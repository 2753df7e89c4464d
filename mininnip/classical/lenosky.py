"""Lenosky's silicon: an embedded atom whose five functions are splines (modified embedded-atom method, MEAM).

Lenosky, Sadigh, Alonso, Bulatov, Díaz de la Rubia, Kim, Voter & Kress, Modelling Simul. Mater. Sci. Eng. 8, 825 (2000),
doi:10.1088/0965-0393/8/6/305. Nobody chose the shape of a term: values at knots were fitted to forces and energies of
density functional theory, a step from forms with a handful of parameters toward those of this course.

Symbols: φ `pair`, ρ `density`, f `arm`, g `angle`, U `embedding`, n the density at an atom.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.elements import atomic_numbers
from mininnip.graph import Graph, segment_sum, triplets
from mininnip.model import Model

# Of every function: first and last knot (the others lie evenly between them), slopes there, values at all knots.
PAIR = (
    (1.5, 4.5),
    (-42.66966781858503, 0.0),
    """
    6.929943430771341 -0.4399503747408950 -1.701233725061447 -1.624732919215792 -0.9969641728342462
    -0.2739141845072665 -0.02499156963774083 -0.01784331481529976 -0.009612303290166881 0""",
)
DENSITY = (
    (1.5, 3.5),
    (-1.0, 0.0),
    """
    0.1374674212682984 -0.1483141815327918 -0.5597204896096040 -0.7310964379372824 -0.7628287071954063
    -0.7291769685066557 -0.6662022220044453 -0.5732830582550895 -0.4069014309729406 -0.1666155295956388 0""",
)
EMBEDDING = (
    (-1.770934559908719, 7.908517004799892),
    (0.7351364478015182, 0.6165217237728655),
    """
    -1.074925682941420 -0.2004503493658201 0.4142241371345077 0.8793892953828742 1.266888024536562
    1.629979548834615 1.977379549636294 2.396177220616657""",
)
ARM = (
    (1.5, 3.5),
    (-3.618936018538757, 0.0),
    """
    1.250311510312851 0.8682060369372681 0.6084604017544848 0.4875624808097850 0.4416345603457191
    0.3760976313325983 0.2714524157414608 0.1481440300150711 0.04854596610856591 0""",
)
ANGLE = (
    (-1.000000000000001, 0.8001430630762056),
    (-13.95041572145673, 1.134616739799361),
    """
    5.254163992149618 2.359149452448745 1.195946960915646 1.229952028074150 2.035650777568435
    3.424741418405580 4.948585892304984 5.617988713941801""",
)


class Spline(nn.Module):
    """A cubic spline over evenly spaced knots, straight beyond the first and the last.

    Args:
        ends: first and last knot.
        slopes: there.
        values: at all knots, as words.
    """

    knots: Tensor
    starts: Tensor
    basis: Tensor

    def __init__(self, ends: tuple[float, float], slopes: tuple[float, float], values: str):
        super().__init__()
        self.slopes = nn.Parameter(torch.tensor(slopes, dtype=torch.float64))
        self.values = nn.Parameter(torch.tensor([float(word) for word in values.split()], dtype=torch.float64))
        knots = np.linspace(*ends, len(self.values))
        starts = np.concatenate(
            [knots[:1], knots]
        )  # a piece counts from its left knot, the one before all from the first
        for name, array in {"knots": knots, "starts": starts, "basis": _pieces(knots)}.items():
            self.register_buffer(name, torch.tensor(array), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Values (...) at x (...)."""
        piece = torch.bucketize(x.detach(), self.knots.to(x), right=True)
        polynomials = self.basis @ torch.cat([self.slopes, self.values])  # (4, K + 1)
        t, (a, b, c, d) = x - self.starts.to(x)[piece], polynomials.to(x)[:, piece]
        return ((a * t + b) * t + c) * t + d


def _pieces(knots: np.ndarray) -> np.ndarray:
    """What two slopes and K values make of the polynomials (4, K + 1), highest power first: (4, K + 1, 2 + K)."""
    slopes, values = np.split(np.eye(2 + len(knots)), [2])
    ends: Any = ((1, slopes[0]), (1, slopes[1]))  # first derivatives
    inner = CubicSpline(knots, values, bc_type=ends).c  # (4, K − 1, 2 + K)
    zero = np.zeros((2, 1, 2 + len(knots)))
    before, after = ([zero, slopes[[n], None], values[[m], None]] for n, m in ((0, 0), (1, -1)))
    return np.concatenate([np.concatenate(before), inner, np.concatenate(after)], axis=1)


@remembers_arguments
class Lenosky(Model):
    """Pairs, and the energy of an atom in the density of its neighbors and their angles.

        E_i = ½ Σ_j φ(r_ij) + U(n_i) − U(0),   n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik)

    Diamond is bound by 4.61 eV per atom at the lattice constant 5.431 Å.

    Args:
        elements: atomic numbers it is used for; all are treated as silicon.

    Attributes:
        cutoff: of the pairs, 4.5 Å; density and angles end at 3.5 Å.

    Raises:
        ValueError: unknown element.
    """

    reach = "own edges"
    any_precision = True
    cutoff = PAIR[0][1]
    triplet_cutoff = ARM[0][1]

    def __init__(self, elements: Sequence[int] = (14,)):
        super().__init__()
        self.elements = atomic_numbers(elements)
        self.pair, self.density, self.embedding = Spline(*PAIR), Spline(*DENSITY), Spline(*EMBEDDING)
        self.arm, self.angle = Spline(*ARM), Spline(*ANGLE)

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Half of every pair, and the embedding: {"energies": (N,)} in eV."""
        i, r_ij = graph.edges[0], graph.edge_vectors()
        d_ij = torch.linalg.vector_norm(r_ij, dim=1)
        pairs = segment_sum(0.5 * self.pair(d_ij), i, graph.n_atoms)

        near = (d_ij < self.triplet_cutoff).nonzero()[:, 0]  # triplets grow as edges squared
        i, r_ij, d_ij = (values.index_select(0, near) for values in (i, r_ij, d_ij))  # (E,), (E, 3), (E,)
        u_ij, arm = r_ij / d_ij[:, None], self.arm(d_ij)
        j, k = triplets(i)  # (T,)
        cosine = (u_ij.index_select(0, j) * u_ij.index_select(0, k)).sum(1)
        angles = arm.index_select(0, j) * arm.index_select(0, k) * self.angle(cosine)
        n = segment_sum(self.density(d_ij), i, graph.n_atoms) + segment_sum(angles, i[j], graph.n_atoms)
        return {"energies": pairs + self.embedding(n) - self.embedding(torch.zeros_like(n))}
