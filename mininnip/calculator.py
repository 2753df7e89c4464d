"""Calculator: any potential, or ensemble of potentials, as an ASE calculator.

With it an `Atoms` object can be relaxed, vibrated, or propagated by everything that ASE offers. A skin list makes
molecular dynamics cheap: neighbors are searched again only when an atom could have come into reach.
"""

from typing import Any

import numpy as np
import torch
from ase.calculators.calculator import Calculator as ASECalculator
from ase.calculators.calculator import all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from mininnip.graph import Graph, check_structure
from mininnip.neighbors import SkinList


class Calculator(ASECalculator):
    """ASE calculator of a potential.

    Results: `energy`, `free_energy` (the same), `forces`, `energies` where the model splits its energy, `stress` for
    cells that are periodic in all directions; of an ensemble also `energy_std` and `forces_std`; `extrapolation`, how
    far each atom's environment lies outside the training data, where the model knows its training data.

    Args:
        potential: a `Potential`, or an `Ensemble` of them.
        skin: in Å; neighbors are searched again once an atom has moved by half of it. 0 for single points.
        dtype: of the positions handed to the potential; None: that of its weights, float64 if it has none.
        device: where it is evaluated, "cpu", "cuda" or "mps".

    Attributes:
        neighbors: the `SkinList`; `neighbors.n_builds` counts how often it was built.
    """

    implemented_properties = ["energy", "free_energy", "forces", "energies", "stress"]  # noqa: RUF012 (ASE's convention)

    def __init__(self, potential, skin: float = 1.0, dtype: torch.dtype | None = None, device: str = "cpu"):
        super().__init__()
        weight = next((p for p in potential.parameters() if p.is_floating_point()), None)
        dtype = dtype or (torch.float64 if weight is None else weight.dtype)
        self.potential, self.dtype, self.device = potential.to(device), dtype, device
        self.neighbors = SkinList(potential.cutoff, skin)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Evaluate the potential; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        with_stress = "stress" in properties
        out = self.potential(self._graph(self.atoms), forces=True, stress=with_stress)
        result = {name: value.detach().cpu().double().numpy() for name, value in out.items()}
        self.results = {"energy": float(result["energy"][0]), "forces": result["forces"]}
        self.results["free_energy"] = self.results["energy"]
        self.results |= {name: result[name] for name in ("energies", "extrapolation") if name in result}
        if with_stress:
            self.results["stress"] = full_3x3_to_voigt_6_stress(result["stress"][0])
        if "forces_std" in result:
            self.results |= {"energy_std": float(result["energy_std"][0]), "forces_std": result["forces_std"]}

    def _graph(self, atoms: Any) -> Graph:
        numbers, pbc = torch.tensor(atoms.numbers), torch.tensor(atoms.pbc)
        positions, cell = torch.tensor(atoms.positions), torch.tensor(np.asarray(atoms.cell))
        check_structure(numbers, positions, cell, pbc, self.neighbors.cutoff)
        edges, shifts = self.neighbors(positions, cell, pbc)
        reach = self.neighbors.cutoff + self.neighbors.skin
        graph = Graph(numbers, positions, cell[None], pbc[None], edges, shifts, torch.zeros_like(numbers), reach)
        return graph.to(self.dtype).to(self.device)
