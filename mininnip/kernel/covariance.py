"""Covariance of energies and forces, where the energy of an atom is a Gaussian process of its environment.

    E = Σ_i ε(x_i),   F_a = −∂E/∂r_a = −Σ_i ∂ε/∂x_i · ∂x_i/∂r_a,   cov[ε(x), ε(x')] = k(x, x')

Energies and forces are linear in ε, so their covariances are sums and derivatives of k, and data of both kinds teach
the same function. Rasmussen & Williams, Gaussian Processes for Machine Learning (MIT Press, 2006), chapters 2 and 9.4;
Bartók & Csányi, Int. J. Quantum Chem. 115, 1051 (2015), doi:10.1002/qua.24927.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mininnip.graph import Graph
from mininnip.kernel.hyperparameters import log_parameter
from mininnip.model import Precomputed
from mininnip.scaling import Scaling

NUMBERS_AT_ONCE = 1_000_000  # of a block of force covariances: 8 MB


class Environments(NamedTuple):
    """Environments of S structures side by side, as many rows for each as the largest has.

    Attributes:
        features: x (S, n, B).
        kinds: atomic number, or 0 where a structure has features as a whole (S, n); −1: no environment.
        slopes: ∂x_i/∂r_a (S, n, B, A) in 1/Å for A = 3 × atoms of the largest structure; A = 0 without forces.
        has_force: which of the A components any feature depends on (S, A); others, such as z in a plane, are no labels:
            their zeros would pass for perfect data.
    """

    features: Tensor
    kinds: Tensor
    slopes: Tensor
    has_force: Tensor

    @staticmethod
    def of(known: Precomputed, of_structures: bool, forces: bool = True) -> Environments:
        """Environments and their slopes, from what a descriptor's `precompute` made.

        Args:
            known: of S structures.
            of_structures: whether features have a row for each structure, not for each atom.
            forces: also the slopes.
        """
        n_structures, row, atom = len(known.cell), known.structure, places(known.structure)
        out = of_rows(known.features, known.numbers, known.structure, n_structures, of_structures)
        slot = torch.zeros_like(row[:n_structures]) if of_structures else atom
        if not forces:
            return out
        n_atoms = int(atom.max()) + 1
        slopes = known.features.new_zeros(n_structures, out.kinds.shape[1], n_atoms, 3, known.features.shape[1])
        changes = known.derivatives.transpose(1, 2)  # (D, 3, B)
        for mover, sign in ((known.atom, 1), (known.anchor, -1)):
            if len(mover):
                where = (known.structure[mover], slot[known.row], atom[mover])
                slopes.index_put_(where, sign * changes, accumulate=True)
        slopes = slopes.flatten(2, 3).transpose(2, 3)  # (S, n, B, A)
        return out._replace(slopes=slopes, has_force=(slopes != 0).any(dim=2).any(dim=1))

    @staticmethod
    def none(n_features: int) -> Environments:
        """Those of no structure."""
        features, no_force = torch.zeros(0, 1, n_features, dtype=torch.float64), torch.zeros(0, 0, dtype=torch.bool)
        return Environments(features, torch.zeros(0, 1, dtype=torch.int64), features[..., None][..., :0], no_force)

    def join(self, more: Environments) -> Environments:
        """Those of both, padded to the larger number of environments and components."""
        n, width = (max(self.slopes.shape[axis], more.slopes.shape[axis]) for axis in (1, 3))
        both = []
        for x in (self, more):
            rows, columns = n - x.slopes.shape[1], width - x.slopes.shape[3]
            kinds = nn.functional.pad(x.kinds, (0, rows), value=-1)
            slopes = nn.functional.pad(x.slopes, (0, columns, 0, 0, 0, rows))
            features = nn.functional.pad(x.features, (0, 0, 0, rows))
            both.append((features, kinds, slopes, nn.functional.pad(x.has_force, (0, columns))))
        return Environments(*(torch.cat(parts) for parts in zip(*both, strict=True)))

    def pick(self, which: slice) -> Environments:
        """Those of some structures."""
        return Environments(*(part[which] for part in self))


def places(structure: Tensor) -> Tensor:
    """Number of each atom within its structure (N,), from 0."""
    counts = torch.bincount(structure)
    order = torch.argsort(structure, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[structure[order]]
    return place


def in_rows(features: Tensor, kinds: Tensor) -> Environments:
    """Each environment (P, B) as a structure of its own, without slopes."""
    none, has_none = features[:, None, :, None][..., :0], torch.zeros_like(kinds[:, None][:, :0], dtype=torch.bool)
    return Environments(features[:, None], kinds[:, None], none, has_none)


def of_rows(
    features: Tensor, numbers: Tensor, structure: Tensor, n_structures: int, of_structures: bool
) -> Environments:
    """Environments without slopes, differentiable, from features (N, B) or (S, B)."""
    if of_structures:
        return in_rows(features, numbers.new_zeros(n_structures))
    where = (structure, places(structure))
    shape = (n_structures, int(where[1].max()) + 1)
    rows = features.new_zeros(*shape, features.shape[1]).index_put(where, features)
    kinds = numbers.new_full(shape, -1).index_put(where, numbers)
    return Environments(rows, kinds, rows[..., None][..., :0], kinds.new_zeros(n_structures, 0, dtype=torch.bool))


class SquaredExponential(nn.Module):
    """k(x, x') = σ² exp(−½ Σ_b (x_b − x'_b)² / (ℓ_b s_b)²) for environments of one element, 0 between elements.

    Rasmussen & Williams, eq. 2.31 and 5.1. The spreads s_b are the standard deviations of the features of an element
    in the training data, so that a length ℓ is a number of order one.

    Args:
        n_features: B.
        length_scale: ℓ, one for all features or one for each.
        signal: σ in eV, standard deviation of the energy of an atom.
        scaled: whether features are divided by their spread.
    """

    log_length: nn.Parameter
    log_signal: nn.Parameter

    def __init__(self, n_features: int, length_scale: float | Sequence[float], signal: float, scaled: bool):
        super().__init__()
        self.log_length = log_parameter("length_scale", length_scale)
        if self.log_length.shape not in ((), (n_features,)):
            raise ValueError(f"length_scale is one number or {n_features}, got {len(self.log_length)}")
        self.log_signal, self.scaled = log_parameter("signal", signal), scaled
        self.scaling = Scaling(119, n_features).double()

    def fit_scaling(self, environments: Environments) -> None:
        """Take the spread of each element's features from training data."""
        for kind in environments.kinds[environments.kinds >= 0].unique().tolist():
            self.scaling.fit(environments.features[environments.kinds == kind], kind)
        if not self.scaled:
            self.scaling.std.fill_(1.0)

    def in_lengths(self, x: Environments) -> Environments:
        """Features u = (x − mean) / (ℓ s), and their slopes."""
        unit = self.scaling.std[x.kinds] * self.log_length.exp()  # (S, n, B)
        return x._replace(features=(x.features - self.scaling.mean[x.kinds]) / unit, slopes=x.slopes / unit[..., None])

    def forward(self, a: Environments, b: Environments) -> Tensor:
        """k (S, n, T, m) of all environments of two sets, in lengths."""
        u, v = a.features, b.features
        squares = u.square().sum(-1)[:, :, None, None] + v.square().sum(-1) - 2 * torch.einsum("sib,tjb->sitj", u, v)
        return self._of(squares, a.kinds[:, :, None, None], b.kinds)

    def within(self, a: Environments) -> Tensor:
        """k (S, n, n) of the environments of each structure, in lengths."""
        u = a.features
        squares = u.square().sum(-1)[:, :, None] + u.square().sum(-1)[:, None] - 2 * torch.einsum("sib,sjb->sij", u, u)
        return self._of(squares, a.kinds[:, :, None], a.kinds[:, None])

    def _of(self, squares: Tensor, kinds: Tensor, others: Tensor) -> Tensor:
        return torch.where((kinds == others) & (others >= 0), (2 * self.log_signal - 0.5 * squares).exp(), 0.0)

    def covariance(self, a: Environments, b: Environments) -> Tensor:
        """Covariance of all energies and forces of two sets, in lengths; energies first, then forces that exist."""
        (n, width), n_forces = b.features.shape[1:], max(a.slopes.shape[3], b.slopes.shape[3])
        size = max(1, NUMBERS_AT_ONCE // max(1, a.kinds.numel() * max(n * width, n * n_forces, width * n_forces)))
        rows, of_energies, of_forces = a.has_force.flatten(), [], []
        for t in range(0, max(1, len(b.kinds)), size):
            some = b.pick(slice(t, t + size))
            energies, energy_force, force_energy, forces = self._blocks_again(a, some)
            columns = torch.cat([energy_force.flatten(1), forces.flatten(0, 1)[rows].flatten(1)])
            of_energies.append(torch.cat([energies, force_energy.flatten(0, 1)[rows]]))
            of_forces.append(columns[:, some.has_force.flatten()])
        return torch.cat([*of_energies, *of_forces], dim=1)

    def _blocks_again(self, a: Environments, b: Environments) -> tuple[Tensor, ...]:
        """`blocks`; where hyperparameters are learned they are made a second time rather than kept."""
        if torch.is_grad_enabled() and a.slopes.shape[3]:
            return checkpoint(self.blocks, a, b, use_reentrant=False)  # type: ignore[return-value]
        return self.blocks(a, b)

    def blocks(self, a: Environments, b: Environments) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Covariances of energies and forces of two sets, with d = u − u' and the slopes J = ∂u/∂r.

            cov(E, E')    =  Σ_ij k_ij
            cov(E, F'_c)  = −Σ_ij k_ij d_ij · J'_jc,     cov(F_a, E') = Σ_ij k_ij d_ij · J_ia
            cov(F_a, F'_c) =  Σ_ij k_ij [J_ia · J'_jc − (d_ij · J_ia) (d_ij · J'_jc)]

        Returns:
            (S, T), (S, T, A'), (S, A, T), (S, A, T, A').
        """
        k, u, v = self(a, b), a.features, b.features
        energy_force = energy_force_covariance(k, a, b)
        pull = u[:, :, None] * k.sum(3)[..., None] - torch.einsum("sitj,tjb->sitb", k, v)
        force_energy = torch.einsum("sitb,siba->sat", pull, a.slopes)
        if not (a.slopes.shape[3] and b.slopes.shape[3]):
            empty = (len(u), a.slopes.shape[3], len(v), b.slopes.shape[3])
            return k.sum((1, 3)), energy_force, force_energy, k.new_zeros(empty)
        along = torch.einsum("sib,tjbc->sitjc", u, b.slopes) - torch.einsum("tjb,tjbc->tjc", v, b.slopes)
        along = k[..., None] * along  # k d · J'
        turned = torch.einsum("sitj,tjbc->sibtc", k, b.slopes) + torch.einsum("sitjc,tjb->sibtc", along, v)
        turned = turned - u[..., None, None] * along.sum(3)[:, :, None]
        return k.sum((1, 3)), energy_force, force_energy, torch.einsum("siba,sibtc->satc", a.slopes, turned)


def energy_force_covariance(k: Tensor, a: Environments, b: Environments) -> Tensor:
    """cov(E, F') (S, T, A') of the energies of one set and the forces of another, as in `SquaredExponential.blocks`."""
    pull = torch.einsum("sitj,sib->stjb", k, a.features) - k.sum(1)[..., None] * b.features
    return -torch.einsum("stjb,tjbc->stc", pull, b.slopes)


def in_order(graph: Graph, labels: Mapping[str, Tensor], x: Environments) -> Tensor:
    """Labels (n,) in the order of `SquaredExponential.covariance`: all energies, then forces that features depend on.

    Raises:
        ValueError: no energies, labels of another shape, or not finite.
    """
    if "energy" not in labels:
        raise ValueError(f"a Gaussian process is fitted to energies; the labels hold {', '.join(labels) or 'nothing'}")
    for name, shape in (("energy", (graph.n_structures,)), ("forces", (graph.n_atoms, 3))):
        if name in labels and labels[name].shape != shape:
            raise ValueError(f"{name} of these structures has the shape {shape}, got {tuple(labels[name].shape)}")
        if name in labels and not bool(labels[name].isfinite().all()):
            raise ValueError(f"a label of {name} is not finite; remove the structure")
    padded = x.features.new_zeros(len(x.has_force), x.has_force.shape[1] // 3, 3)
    if "forces" in labels:
        padded[graph.structure, places(graph.structure)] = labels["forces"].to(padded)
    return torch.cat([labels["energy"].to(padded), padded.flatten(1)[x.has_force]])
