"""Gaussian process: the energy of an atom is a random function of its environment; data say which.

Before any data every smooth function is possible. Each energy and each force component that is known leaves fewer, and
what remains has a mean, which predicts, and a spread, which says how sure the prediction is. Rasmussen & Williams,
Gaussian Processes for Machine Learning (MIT Press, 2006), algorithm 2.1; for energies and forces together Bartók,
Payne, Kondor & Csányi, Phys. Rev. Lett. 104, 136403 (2010), and `covariance`.

Symbol → name: ℓ, σ_f → `kernel`; σ_n → `energy_noise`, `force_noise`; K + Σ = L Lᵀ → `cholesky`; α → `weights`.
Deviation: elements do not mix, k = 0 between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.kernel.covariance import (
    Environments,
    SquaredExponential,
    energy_force_covariance,
    in_order,
    of_rows,
    places,
)
from mininnip.kernel.hyperparameters import log_parameter, maximize, values
from mininnip.memory import give_back
from mininnip.model import Descriptor, Fitted, Model, check_graph

ROUNDING = 1e-14  # of the variance before data: what is left of it is not less


@remembers_arguments
class GaussianProcess(Model, Fitted):
    """Exact Gaussian process of energies and forces.

        E(S) = Σ_i ε(x_i),   ε ~ GP(0, k),   y = (energies, forces) + noise
        K + Σ = L Lᵀ,   α = (K + Σ)⁻¹ y,   mean = k_*ᵀ α,   variance = k_** − ‖L⁻¹ k_*‖²

    It keeps all data: n labels (1 + 3 N for a structure with forces) take n² numbers, n³/3 operations to solve for, n²
    for each uncertainty. Solved in float64; in float32 predictions lose digits as K is ill-conditioned.

        gp = mn.kernel.GaussianProcess(descriptor, length_scale=2.0, energy_noise=0.01, force_noise=0.05)
        potential = mn.Potential(gp)
        mn.fit(potential, data)
        gp.maximize_likelihood()                                 # ℓ, σ and the noise from the same data
        out = potential(data.graph(potential.cutoff))            # "energy", "forces", "energy_std", …

    On a landscape: `descriptor = mn.neural.Coordinates(mn.neural.Cartesian([0], axes=(0, 1)), [1])`.

    Args:
        descriptor: features without weights, of atoms or of structures.
        length_scale: ℓ, one number or one for each feature; in units of the features' spread in the training data.
        signal: σ_f in eV, how far the energy of an atom (of a structure, if that has the features) may vary.
        energy_noise: σ_n of the energy of a structure in eV.
        force_noise: σ_n of a force component in eV/Å.
        scaled: False: ℓ is in units of the features themselves.

    Raises:
        ValueError: a hyperparameter that is not positive, a descriptor with weights.
    """

    grows = ("features", "kinds", "slopes", "has_force", "labels", "weights", "cholesky")
    features: Tensor
    kinds: Tensor
    slopes: Tensor
    has_force: Tensor
    labels: Tensor
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
    ):
        super().__init__()
        if any(True for _ in descriptor.parameters()):
            raise ValueError("the descriptor has weights, which a Gaussian process does not learn")
        self.descriptor, self.cutoff, self.elements = descriptor, descriptor.cutoff, descriptor.elements
        self.kernel = SquaredExponential(descriptor.n_features, length_scale, signal, scaled)
        self.log_energy_noise = log_parameter("energy_noise", energy_noise)
        self.log_force_noise = log_parameter("force_noise", force_noise)
        for name, part in Environments.none(descriptor.n_features)._asdict().items():
            self.register_buffer(name, part)
        for name, shape in (("labels", (0,)), ("weights", (0,)), ("cholesky", (0, 0))):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

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
        """Mean "energies" (N,), or "energy" (S,) where structures have the features, and "energy_std" (S,), in eV.

        The spread is that of the energy without noise; all are differentiable with respect to positions and cell.
        """
        new, whole = self._rows(graph), self.descriptor.of_structures
        data = self.kernel.in_lengths(self.environments)
        k = self.kernel(new, data)  # (S, n, T, m)
        n_data = len(data.kinds)
        of_forces = k.new_zeros(data.has_force.shape).masked_scatter(data.has_force, self.weights[n_data:])
        pull = -torch.einsum("tjbc,tc->tjb", data.slopes, of_forces)  # Σ_c α_c ∂F_c/∂(∂ε/∂u_j)
        push = self.weights[:n_data, None] - (pull * data.features).sum(-1)
        means = torch.einsum("sitj,tj->si", k, push) + torch.einsum("sitj,tjb,sib->si", k, pull, new.features)
        forces = energy_force_covariance(k, new, data).flatten(1)[:, data.has_force.flatten()]
        std = self._std(self.kernel.within(new).sum((1, 2)), torch.cat([k.sum((1, 3)), forces], dim=1))
        if whole:
            return {"energy": means[:, 0], "energy_std": std}
        return {"energies": means[graph.structure, places(graph.structure)], "energy_std": std}

    @torch.no_grad()
    def forces_std(self, graph: Graph) -> Tensor:
        """Spread of each force component (N, 3) in eV/Å, without noise; 0 where no feature depends on it."""
        known = self.descriptor.precompute(graph.to(self.labels.dtype))
        new = self.kernel.in_lengths(Environments.of(known, self.descriptor.of_structures))
        data, spreads = self.kernel.in_lengths(self.environments), torch.zeros_like(new.slopes[:, 0, 0])  # (S, A)
        for s in range(graph.n_structures):
            one = new.pick(slice(s, s + 1))
            prior = self.kernel.covariance(one, one).diagonal()[1:]
            spreads[s, one.has_force[0]] = self._std(prior, self.kernel.covariance(one, data)[1:])
        of_atoms = spreads.reshape(graph.n_structures, -1, 3)[graph.structure, places(graph.structure)]
        return of_atoms.to(graph.positions.dtype)

    def _rows(self, graph: Graph) -> Environments:
        features, whole = self.descriptor(graph), self.descriptor.of_structures
        rows = of_rows(features, graph.numbers, graph.structure, graph.n_structures, whole)
        return self.kernel.in_lengths(rows)

    def _std(self, prior: Tensor, known: Tensor) -> Tensor:
        """Spread of some numbers (P,), from their variances before data and their covariance with data (P, n)."""
        explained = torch.linalg.solve_triangular(self.cholesky, known.T, upper=False).square().sum(0)
        return torch.maximum(prior - explained, ROUNDING * prior).sqrt()

    @torch.no_grad()
    def fit(self, graph: Graph, labels: Mapping[str, Tensor]) -> None:
        """Take everything from training data; hyperparameters stay.

        Args:
            graph: all structures side by side.
            labels: "energy" (S,) in eV, without the reference energies; "forces" (N, 3) in eV/Å, if they count.

        Raises:
            ValueError: no energies, labels of another shape or not finite, structures that are the same for a noise
                this small.
        """
        check_graph(self, graph)
        known, before = self.descriptor.precompute(graph.to(torch.float64)), deepcopy(self.kernel.scaling)
        x = Environments.of(known, self.descriptor.of_structures, "forces" in labels)
        y = in_order(graph, labels, x)
        self.kernel.fit_scaling(x)
        try:
            self._solve(x, y)
        except ValueError:  # it stays what it was
            self.kernel.scaling = before
            raise

    def log_marginal_likelihood(self, structures: int | None = None) -> Tensor:
        """How well the hyperparameters explain the data, differentiable with respect to them.

            log p(y) = −½ yᵀ (K + Σ)⁻¹ y − Σ_i log L_ii − n/2 log 2π

        Rasmussen & Williams, eq. 2.30.

        Args:
            structures: how many structures count, the first ones; None: all.
        """
        n_data = len(self.kinds)
        n = n_data if structures is None else min(structures, n_data)
        labels, x = self.labels.double(), self.environments.pick(slice(n))
        factor = self._factor(x)
        labels = torch.cat([labels[:n], labels[n_data : n_data + int(x.has_force.sum())]])
        y = torch.linalg.solve_triangular(factor, labels[:, None], upper=False)[:, 0]
        return -0.5 * y @ y - factor.diagonal().log().sum() - 0.5 * len(y) * math.log(2 * math.pi)

    def maximize_likelihood(self, steps: int = 50, fixed: Sequence[str] = (), structures: int | None = None) -> float:
        """Find the hyperparameters that explain the training data best, by L-BFGS on their logarithms; solve again.

        Each is looked for within a factor of 1000 of where it stands.

        Args:
            steps: at most this many.
            fixed: names of `hyperparameters` that stay as they are, e.g. a noise that is known.
            structures: learn them from this many structures only, the first ones, as a step costs their labels cubed.

        Returns:
            The log marginal likelihood they reach.

        Raises:
            ValueError: fewer than two labels, an unknown name.
        """
        if len(self.labels) < 2:
            raise ValueError(f"hyperparameters are learned from two labels or more, there are {len(self.labels)}")
        value = maximize(lambda: self.log_marginal_likelihood(structures), self.logarithms, steps, fixed)
        self._solve(self.environments, self.labels)
        return value

    @torch.no_grad()
    def _solve(self, x: Environments, y: Tensor) -> None:
        factor, dtype = self._factor(x), self.kernel.log_signal.dtype
        weights = torch.cholesky_solve(y.double()[:, None], factor)[:, 0]
        self.features, self.slopes = x.features.to(dtype), x.slopes.to(dtype).contiguous()
        self.kinds, self.has_force, self.labels = x.kinds, x.has_force, y.to(dtype)
        self.cholesky, self.weights = factor.to(dtype).contiguous(), weights.to(dtype)
        give_back()

    def _factor(self, x: Environments) -> Tensor:
        """L of K + Σ in float64."""
        data = self.kernel.in_lengths(x._replace(features=x.features.double(), slopes=x.slopes.double()))
        covariance, n_data = self.kernel.covariance(data, data), len(data.kinds)
        noise = [self.log_energy_noise.expand(n_data), self.log_force_noise.expand(len(covariance) - n_data)]
        covariance.diagonal().add_((2 * torch.cat(noise)).exp())
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if failed:
            energies = covariance[:n_data, :n_data].detach()
            alike = energies / torch.outer(energies.diagonal(), energies.diagonal()).sqrt()
            a, b = divmod(int(alike.fill_diagonal_(0).argmax()), n_data)
            raise ValueError(
                "the covariance of the labels cannot be inverted: the noise is too small for structures as alike as "
                f"{a} and {b}; raise energy_noise and force_noise, or take one of them away"
            )
        return factor
