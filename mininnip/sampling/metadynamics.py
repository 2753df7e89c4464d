"""Well-tempered metadynamics: hills of energy are left where a run has been, until nothing holds it there.

    V(s) = Σ_k w_k exp[−|s − s_k|² / 2δ²],   w_k = w₀ exp[−V(s_k) / k_B ΔT],   F(s) = −γ/(γ − 1) V(s) + const

with the collective variables s(r), the bias factor γ = (T + ΔT) / T, and the free energy F along s. Barducci, Bussi &
Parrinello, Phys. Rev. Lett. 100, 020603 (2008), doi:10.1103/PhysRevLett.100.020603. Hills are kept as a sum.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms, units
from torch import Tensor

from mininnip.classical.bonded import dihedral_angles
from mininnip.graph import as_number
from mininnip.sampling.biased import biased_dynamics

Variables = Callable[[Tensor], Tensor]
"""Collective variables s (d,) of positions (N, 3) in float64: any function that PyTorch can differentiate."""


def torsions(quartets: Sequence[Sequence[int]]) -> Variables:
    """Torsion angles as collective variables, in radian from −π to π: their period is 2π.

    Args:
        quartets: four atoms for each angle (d, 4); sign and zero as of `mininnip.classical.dihedral_angles`.
    """
    rows = torch.as_tensor(quartets)
    if rows.dim() != 2 or rows.shape[1] != 4 or rows.dtype != torch.int64:
        raise ValueError(f"a torsion has four atoms: the quartets are of shape (d, 4), got {tuple(rows.shape)}")
    return lambda positions: dihedral_angles(positions, rows)


class Hills:
    """The bias V(s) of a run, which grows; also the memory from which a run goes on.

    Args:
        height: w₀ of the first hill in eV.
        width: δ, in the units of the variables.
        bias_factor: γ > 1; infinite: all hills are equally high, and V does not come to rest.
        period: of the variables, if they are angles: 2π. None: they are not.

    Attributes:
        centers: s_k (K, d).
        heights: w_k (K,) in eV.
    """

    def __init__(self, height: float, width: float, bias_factor: float = 10.0, period: float | None = None):
        self.height, self.width = as_number(height, "height"), as_number(width, "width")
        self.bias_factor, self.period = float(bias_factor), period
        if not (self.height > 0 and self.width > 0 and self.bias_factor > 1 and (period is None or period > 0)):
            raise ValueError(
                "height, width and period must be positive, and the bias factor larger than 1; got "
                f"{height}, {width}, {period} and {bias_factor}"
            )
        self.centers, self.heights = np.zeros((0, 0)), np.zeros(0)

    def energy(self, s: np.ndarray) -> np.ndarray:
        """V (...) in eV at points (..., d)."""
        return self._gaussians(np.asarray(s, dtype=float))[1].sum(axis=-1)

    def slope(self, s: np.ndarray) -> np.ndarray:
        """∂V/∂s (d,) at one point (d,)."""
        away, gaussians = self._gaussians(np.asarray(s, dtype=float))
        return -(gaussians[:, None] * away).sum(axis=0) / self.width**2

    def add(self, s: np.ndarray, temperature: float) -> None:
        """Leave a hill at s (d,)."""
        s = np.asarray(s, dtype=float).reshape(1, -1)
        spread = units.kB * temperature * (self.bias_factor - 1)  # k_B ΔT
        self.heights = np.append(self.heights, self.height * np.exp(-self.energy(s[0]) / spread))
        self.centers = np.concatenate([self.centers.reshape(-1, s.shape[1]), s])

    def free_energy(self, s: np.ndarray) -> np.ndarray:
        """F (...) in eV at points (..., d), zero at the lowest of them."""
        scale = 1.0 if np.isinf(self.bias_factor) else self.bias_factor / (self.bias_factor - 1)
        free = -scale * self.energy(s)
        return free - free.min()

    def _gaussians(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """s − s_k (..., K, d), the short way around, and hills (..., K)."""
        away = s[..., None, :] - self.centers.reshape(-1, s.shape[-1])
        if self.period is not None:
            away -= self.period * np.round(away / self.period)
        return away, self.heights * np.exp(-(away**2).sum(axis=-1) / (2 * self.width**2))


def metadynamics(
    atoms: Atoms, variables: Variables, temperature: float, n_frames: int, hills: Hills, **dynamics: Any
) -> Iterator[Atoms]:
    """Langevin dynamics under a bias that grows by one hill at every frame.

    Args:
        atoms: with a calculator, any of ASE's; not changed.
        variables: s(r), any differentiable function of the positions, e.g. `torsions`.
        temperature: in K.
        n_frames: frames to yield, and hills to leave.
        hills: the bias so far, at first empty; it grows, and holds the free energy in the end.
        **dynamics: as of `molecular_dynamics`: steps_per_frame from hill to hill, time_step in fs, friction in 1/fs
            (0.01 unless said otherwise), closest, farthest, seed.

    Yields:
        Frames with energy and forces of the potential, without the bias; `info["bias"]` is V in eV before the new hill,
        `info["variables"]` s (d,).

    Raises:
        ValueError: variables that are not a finite vector, and as `molecular_dynamics`.
        RunEnded: as `molecular_dynamics`.
    """
    at_first = _variables_and_slopes(variables, atoms.positions)[0]
    if hills.centers.size and hills.centers.shape[1] != len(at_first):
        raise ValueError(f"the hills are those of {hills.centers.shape[1]} variables, not of {len(at_first)}")

    def bias(moving: Atoms) -> tuple[float, np.ndarray]:
        s, slopes = _variables_and_slopes(variables, moving.positions)
        return float(hills.energy(s)), -np.tensordot(hills.slope(s), slopes, axes=1)

    frames = biased_dynamics(atoms, bias, temperature, n_frames, **dynamics)
    return _leaving_hills(frames, variables, temperature, hills)


def _leaving_hills(frames: Iterator[Atoms], variables: Variables, temperature: float, hills: Hills) -> Iterator[Atoms]:
    for frame in frames:
        s = _variables_and_slopes(variables, frame.positions)[0]
        hills.add(s, temperature)
        frame.info |= {"sampler": "metadynamics", "variables": s}
        yield frame


def _variables_and_slopes(variables: Variables, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s (d,) and ∂s/∂r (d, N, 3)."""
    r = torch.tensor(positions, dtype=torch.float64, requires_grad=True)
    s = variables(r)
    if s.dim() != 1 or not bool(s.isfinite().all()):
        raise ValueError(f"collective variables are a finite vector (d,), got {s.detach().tolist()}")
    slopes = [torch.autograd.grad(one, r, retain_graph=True)[0] for one in s]
    return s.detach().numpy(), torch.stack(slopes).numpy()
