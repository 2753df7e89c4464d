"""Curves: shipped sets that hold no structures to learn from but arrays of numbers, such as the energies of dimers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch


@dataclass(frozen=True)
class NamedArrays:
    """Arrays with names, e.g. distribution functions over their abscissa, or a Hessian.

    Attributes:
        name: of the set.
        arrays: by name; units stand in the provenance.
        provenance: the entry of the catalog: level of theory, engine, units, caveats, license.
    """

    name: str
    arrays: Mapping[str, np.ndarray]
    provenance: Mapping = field(repr=False)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{key} {values.shape}" for key, values in self.arrays.items())
        return f"{self.name}: {self.provenance['description']}\n  {shapes}"


@dataclass(frozen=True, repr=False)
class EnergyCurves(NamedArrays):
    """Energies of diatomic molecules along their bond, by several methods.

    `arrays` are "<molecule>_distance" in Å and "<molecule>_<method>" in eV; NaN where a method failed or was not run.
    """

    @property
    def molecules(self) -> list[str]:
        """Names of the molecules."""
        return [key.removesuffix("_distance") for key in self.arrays if key.endswith("_distance")]

    def methods(self, molecule: str) -> list[str]:
        """Methods whose curve of a molecule is here.

        Raises:
            KeyError: if the molecule is not.
        """
        if molecule not in self.molecules:
            raise KeyError(f"{self.name} has no molecule {molecule!r}; it has {', '.join(self.molecules)}")
        keys = [key.removeprefix(f"{molecule}_") for key in self.arrays if key.startswith(f"{molecule}_")]
        return [key for key in keys if key != "distance"]

    def curve(self, molecule: str, method: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances (P,) in Å and energies (P,) in eV of the points where the method gave a number.

        Raises:
            KeyError: unknown molecule or method.
        """
        if method not in self.methods(molecule):
            raise KeyError(f"{molecule} has no curve {method!r}; there are {', '.join(self.methods(molecule))}")
        distance, energy = self.arrays[f"{molecule}_distance"], self.arrays[f"{molecule}_{method}"]
        known = np.isfinite(energy)
        return torch.tensor(distance[known]), torch.tensor(energy[known])

    def __repr__(self) -> str:
        rows = [f"{self.name}: {self.provenance['description']}"]
        for molecule in self.molecules:
            r = self.arrays[f"{molecule}_distance"]
            reach = f"{len(r)} distances, {r.min():.2f} to {r.max():.2f} Å"
            rows.append(f"  {molecule:4} {reach}: {', '.join(self.methods(molecule))}")
        return "\n".join(rows)
