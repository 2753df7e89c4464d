"""Sparse Gaussian process: all data teach the energies of a few environments, and these predict.

A simulation that learns on the fly meets thousands of environments, most of them seen before. The M that were not, the
inducing environments S, carry the model: its cost no longer grows with the data, and an environment that they do not
explain is the sign to ask for a label. Vandermause et al., npj Comput. Mater. 6, 20 (2020),
doi:10.1038/s41524-020-0283-z, with the sparse form of Xie et al., npj Comput. Mater. 7, 40 (2021),
doi:10.1038/s41524-021-00510-y; deterministic training conditional: Quiñonero-Candela & Rasmussen, J. Mach. Learn. Res.
6, 1939 (2005); solved by QR as Foster et al., J. Mach. Learn. Res. 10, 857 (2009) advise.

Symbol → name: S → `inducing`; Λ → noise; α → `weights`; K_SS = L Lᵀ → `cholesky`.
Deviations: the kernel is the squared exponential of any descriptor; noise is one number each for energies and forces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.kernel.covariance import Environments, SquaredExponential, in_order, in_rows
from mininnip.kernel.hyperparameters import log_parameter, maximize, values
from mininnip.memory import give_back
from mininnip.model import Descriptor, Fitted, Model, check_graph

ROUNDING = 1e-14  # of the variance before data: what is left of it is not less
JITTER = 1e-12  # of the variance before data, added to that of every inducing environment


@remembers_arguments
class SparseGaussianProcess(Model, Fitted):
    """Gaussian process of energies and forces through the local energies of inducing environments.

        ε(x) = k_xS α,   α = (K_SF Λ⁻¹ K_FS + K_SS)⁻¹ K_SF Λ⁻¹ y
        V(x) = k(x, x) − k_xS K_SS⁻¹ k_Sx

    V, the variance of a local energy given those of S, does not depend on labels: it says whether an environment is
    new. If all environments are inducing and only energies are known, ε is that of the exact `GaussianProcess`.

        gp = mn.kernel.SparseGaussianProcess(descriptor, length_scale=2.0)
        potential = mn.Potential(gp)
        mn.fit(potential, data)                                  # chooses S, solves for α
        gp.maximize_likelihood()
        potential(graph)["energies_std"]                         # √V of every atom
        gp.add(graph, {"energy": …, "forces": …})                # one more frame, without its reference energies

    Args:
        descriptor: features without weights, of atoms or of structures.
        length_scale, signal, energy_noise, force_noise, scaled: as of `GaussianProcess`.
        novelty: in eV; an environment of the data becomes inducing while its √V is larger than this.
        most: never more inducing environments than this.

    Raises:
        ValueError: a hyperparameter or a novelty that is not positive, a descriptor with weights.
    """

    grows = ("features", "kinds", "slopes", "has_force", "labels", "inducing", "inducing_kinds")
    grows += ("weights", "cholesky")
    features: Tensor
    kinds: Tensor
    slopes: Tensor
    has_force: Tensor
    labels: Tensor
    inducing: Tensor
    inducing_kinds: Tensor
    weights: Tensor
    cholesky: Tensor

    def __init__(
        self,
        descriptor: Descriptor,
        length_scale: float | Sequence[float] = 1.0,
        signal: float = 1.0,
        energy_noise: float = 0.01,
        force_noise: float = 0.05,
        scaled: bool = True,
        novelty: float = 0.001,
        most: int = 1000,
    ):
        super().__init__()
        if any(True for _ in descriptor.parameters()):
            raise ValueError("the descriptor has weights, which a Gaussian process does not learn")
        if not (0 < novelty < math.inf and most >= 1):
            raise ValueError(f"novelty must be positive and most at least 1, got {novelty} and {most}")
        self.descriptor, self.novelty, self.most = descriptor, novelty, most
        self.cutoff, self.elements, self.reach = descriptor.cutoff, descriptor.elements, descriptor.reach
        self.triplet_cutoff = descriptor.triplet_cutoff
        self.kernel = SquaredExponential(descriptor.n_features, length_scale, signal, scaled)
        self.log_energy_noise = log_parameter("energy_noise", energy_noise)
        self.log_force_noise = log_parameter("force_noise", force_noise)
        self._empty()

    def _empty(self) -> None:
        none = Environments.none(self.descriptor.n_features)
        tensors = none._asdict() | {"inducing": none.features[:, 0], "inducing_kinds": none.kinds[:, 0]}
        for name, shape in (("labels", (0,)), ("weights", (0,)), ("cholesky", (0, 0))):
            tensors[name] = torch.zeros(shape, dtype=torch.float64)
        for name, tensor in tensors.items():
            tensor = tensor.to(self.kernel.log_signal.dtype) if tensor.is_floating_point() else tensor
            self.register_buffer(name, tensor.to(self.kernel.log_signal.device))

    @property
    def logarithms(self) -> dict[str, nn.Parameter]:
        """Logarithm of every hyperparameter, by name."""
        noise = {"energy_noise": self.log_energy_noise, "force_noise": self.log_force_noise}
        return {"length_scale": self.kernel.log_length, "signal": self.kernel.log_signal} | noise

    @property
    def hyperparameters(self) -> dict[str, float | list[float]]:
        """length_scale, signal, energy_noise and force_noise as they are now."""
        return values(self.logarithms)

    @property
    def environments(self) -> Environments:
        """Those of the training data."""
        return Environments(self.features, self.kinds, self.slopes, self.has_force)

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """Mean "energies" (N,) and their spread √V, "energies_std" (N,), in eV.

        Where structures have the features they are "energy" and "energy_std" (S,).
        """
        features, whole = self.descriptor(graph), self.descriptor.of_structures
        kinds = graph.numbers.new_zeros(len(features)) if whole else graph.numbers
        k = self._with_inducing(features, kinds)
        variance = self._unexplained(k, self.cholesky)
        out = {"energy" if whole else "energies": k @ self.weights}
        return out | {"energy_std" if whole else "energies_std": variance.sqrt()}

    def _with_inducing(self, features: Tensor, kinds: Tensor) -> Tensor:
        """k_xS (P, M)."""
        rows = in_rows(features, kinds), in_rows(self.inducing.to(features), self.inducing_kinds)
        return self.kernel(*(self.kernel.in_lengths(x) for x in rows))[:, 0, :, 0]

    def _unexplained(self, k: Tensor, cholesky: Tensor) -> Tensor:
        """V (P,) in eV² from k_xS."""
        prior = (2 * self.kernel.log_signal).exp().to(k)
        explained = torch.linalg.solve_triangular(cholesky, k.T, upper=False).square().sum(0)
        return torch.maximum(prior - explained, ROUNDING * prior)

    @torch.no_grad()
    def fit(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Forget what was known, choose inducing environments among all of these data, and solve.

        Args, Raises: as of `add`.
        """
        before, scaling = dict(self.named_buffers(recurse=False)), deepcopy(self.kernel.scaling)
        self._empty()
        try:
            self.kernel.fit_scaling(self._described(graph, labels)[0])
            self.add(graph, labels)
        except ValueError:  # it stays what it was
            self.kernel.scaling = scaling
            for name, tensor in before.items():
                self.register_buffer(name, tensor)
            raise

    @torch.no_grad()
    def add(self, graph: Graph, labels: Mapping[str, Tensor]) -> int:
        """More data; their most uncertain environments become inducing, one after the other, while they are new.

        Args:
            graph: structures side by side.
            labels: "energy" (S,) in eV, without the reference energies; "forces" (N, 3) in eV/Å, if they count.

        Returns:
            How many environments became inducing.

        Raises:
            ValueError: no energies, labels of another shape or not finite, forces for some of the data only.
        """
        x, y = self._described(graph, labels)
        if len(self.kinds) and bool(x.slopes.shape[3]) != bool(self.slopes.shape[3]):
            raise ValueError("all data of a sparse Gaussian process have forces, or none; these are not like the first")
        n_old, n_new, kinds = len(self.kinds), len(x.kinds), x.kinds[x.kinds >= 0]
        features = x.features[x.kinds >= 0]
        chosen = self._most_uncertain(features, kinds)
        inducing = torch.cat([self.inducing.double(), features[chosen]])
        inducing_kinds = torch.cat([self.inducing_kinds, kinds[chosen]])
        y = _insert(self.labels.double(), y, n_old, n_new)
        self._solve(_double(self.environments).join(x), y, inducing, inducing_kinds)
        return len(chosen)

    def _described(self, graph: Graph, labels: Mapping[str, Tensor]) -> tuple[Environments, Tensor]:
        """Environments and labels of new data in float64, checked."""
        check_graph(self, graph)
        known = self.descriptor.precompute(graph.to(torch.float64))
        x = Environments.of(known, self.descriptor.of_structures, "forces" in labels)
        return x, in_order(graph, labels, x)

    def _most_uncertain(self, features: Tensor, kinds: Tensor) -> list[int]:
        """Which of some environments (P, B) become inducing: a Cholesky factorization that pivots on the largest V."""
        k, lengths = self._with_inducing(features, kinds), self.kernel.in_lengths(in_rows(features, kinds))
        rows = torch.linalg.solve_triangular(self.cholesky.double(), k.T, upper=False)  # (M, P)
        prior = (2 * self.kernel.log_signal.double()).exp()
        variance, chosen = prior - rows.square().sum(0), []
        while len(self.inducing) + len(chosen) < self.most:
            new = int(variance.argmax())
            if not variance[new] > max(self.novelty**2, 100 * JITTER * float(prior)):
                break
            k = self.kernel(lengths, lengths.pick(slice(new, new + 1)))[:, 0, 0, 0]
            row = (k - rows.T @ rows[:, new]) / variance[new].sqrt()
            rows, variance = torch.cat([rows, row[None]]), variance - row.square()
            variance[new] = 0.0
            chosen.append(new)
        return chosen

    def log_marginal_likelihood(self, structures: int | None = None) -> Tensor:
        """How well the hyperparameters explain the data, differentiable with respect to them.

            log p(y) = log N(y | 0, K_FS K_SS⁻¹ K_SF + Λ)

        Args:
            structures: how many structures count, the first ones; None: all.
        """
        n_data = len(self.kinds)
        n = n_data if structures is None else min(structures, n_data)
        x, y = _double(self.environments.pick(slice(n))), self.labels.double()
        y = torch.cat([y[:n], y[n_data : n_data + int(x.has_force.sum())]])
        rows, cholesky = self._covariances(x, self.inducing.double(), self.inducing_kinds)
        noise = self._noise(n, len(y))
        q, r, target = _least_squares(rows, cholesky, noise, y)
        unexplained = target - q @ (q.T @ target)
        log_det = r.diagonal().abs().log().sum() - cholesky.diagonal().log().sum() + noise.log().sum()
        return -0.5 * unexplained.square().sum() - log_det - 0.5 * len(y) * math.log(2 * math.pi)

    def maximize_likelihood(self, steps: int = 50, fixed: Sequence[str] = (), structures: int | None = None) -> float:
        """Find the hyperparameters that explain the data best; arguments and result as of `GaussianProcess`.

        The inducing environments stay; `mn.fit` chooses them anew.
        """
        if len(self.labels) < 2:
            raise ValueError(f"hyperparameters are learned from two labels or more, there are {len(self.labels)}")
        value = maximize(lambda: self.log_marginal_likelihood(structures), self.logarithms, steps, fixed)
        self._solve(_double(self.environments), self.labels.double(), self.inducing.double(), self.inducing_kinds)
        return value

    @torch.no_grad()
    def _solve(self, x: Environments, y: Tensor, inducing: Tensor, inducing_kinds: Tensor) -> None:
        """α by least squares, and everything kept in the precision of the model."""
        rows, cholesky = self._covariances(x, inducing, inducing_kinds)
        q, r, target = _least_squares(rows, cholesky, self._noise(len(x.kinds), len(y)), y)
        weights = torch.linalg.solve_triangular(r, (q.T @ target)[:, None], upper=True)[:, 0]
        dtype = self.kernel.log_signal.dtype
        self.features, self.slopes = x.features.to(dtype), x.slopes.to(dtype).contiguous()
        self.kinds, self.has_force, self.labels = x.kinds, x.has_force, y.to(dtype)
        self.inducing, self.inducing_kinds = inducing.to(dtype), inducing_kinds
        self.weights, self.cholesky = weights.to(dtype), cholesky.to(dtype).contiguous()
        give_back()

    def _covariances(self, x: Environments, inducing: Tensor, inducing_kinds: Tensor) -> tuple[Tensor, Tensor]:
        """K_FS (n, M) and the factor L (M, M) of K_SS."""
        points = self.kernel.in_lengths(in_rows(inducing, inducing_kinds))
        between = self.kernel(points, points)[:, 0, :, 0]
        jitter = (JITTER * (2 * self.kernel.log_signal.double()).exp()).expand(len(between))
        factor, failed = torch.linalg.cholesky_ex(between + jitter.diag())
        if failed:
            raise ValueError("the covariance of the inducing environments cannot be inverted: raise the novelty")
        return self.kernel.covariance(self.kernel.in_lengths(x), points), factor

    def _noise(self, n_energies: int, n_labels: int) -> Tensor:
        """σ_n of every label (n,)."""
        logarithms = [self.log_energy_noise.expand(n_energies), self.log_force_noise.expand(n_labels - n_energies)]
        return torch.cat(logarithms).double().exp()


def _least_squares(rows: Tensor, cholesky: Tensor, noise: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """‖Λ^{−½} (y − K_FS α)‖² + αᵀ K_SS α as one problem ‖b − A α‖² with A = Q R.

    Returns:
        Q (n + M, M), R (M, M), b (n + M,).
    """
    q, r = torch.linalg.qr(torch.cat([rows / noise[:, None], cholesky.T]))
    return q, r, torch.cat([y / noise, y.new_zeros(len(cholesky))])


def _insert(old: Tensor, new: Tensor, n_old: int, n_new: int) -> Tensor:
    """Labels of more structures among the old ones: all energies, then all forces."""
    return torch.cat([old[:n_old], new[:n_new], old[n_old:], new[n_new:]])


def _double(x: Environments) -> Environments:
    return x._replace(features=x.features.double(), slopes=x.slopes.double())
