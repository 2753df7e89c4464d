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
from mininnip.model import OF_STRUCTURES, precision_of
from mininnip.neighbors import SkinList


class Calculator(ASECalculator):
    """ASE calculator of a potential.

    Results: `energy`, `free_energy` (the same), `forces`, `stress` for cells that are periodic in all directions, and
    all else that the potential tells, under its names: `energies` where the model splits its energy, `charges`,
    `dipole`, `extrapolation`; of an ensemble also `energy_std`, `forces_std` and its members' results. After a training
    step it calculates anew.

    Args:
        potential: a `Potential`, or an `Ensemble` of them.
        skin: in Å; neighbors are searched again once an atom has moved by half of it. 0 for single points.
        dtype: of the positions handed to the potential; None: that of its weights, float64 if it has none.
        device: where it is evaluated, "cpu", "cuda" or "mps".

    Attributes:
        neighbors: the `SkinList`; `neighbors.n_builds` counts how often it was built. None if there are no edges.
    """

    implemented_properties = [  # noqa: RUF012 (ASE's convention)
        "energy",
        "free_energy",
        "forces",
        "energies",
        "stress",
        "charges",
        "dipole",
    ]

    def __init__(self, potential, skin: float = 1.0, dtype: torch.dtype | None = None, device: str = "cpu"):
        super().__init__()
        self.potential, self.device = potential.to(device), device
        self.dtype = dtype or precision_of(potential) or torch.float64
        self.neighbors: Any = None if potential.cutoff is None else SkinList(potential.cutoff, skin)
        self._weights = self._state_of_weights()

    def check_state(self, atoms, tol=1e-15):
        """What has changed since the last calculation; everything, if the weights have. Called by ASE."""
        if self._weights != self._state_of_weights():
            self._weights = self._state_of_weights()
            self.reset()
        return super().check_state(atoms, tol)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Evaluate the potential; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        out = self.potential(self._graph(self.atoms), forces=True, stress="stress" in properties)
        self.results = {name: _for_ase(name, value) for name, value in out.items()}
        self.results["free_energy"] = self.results["energy"]

    def _graph(self, atoms: Any) -> Graph:
        numbers, pbc = torch.tensor(atoms.numbers), torch.tensor(atoms.pbc)
        positions, cell = torch.tensor(atoms.positions), torch.tensor(np.asarray(atoms.cell))
        if self.neighbors is None:
            return Graph.from_atoms(atoms, None, self.dtype).to(self.device)
        check_structure(numbers, positions, cell, pbc, self.neighbors.cutoff)
        edges, shifts = self.neighbors(positions, cell, pbc)
        reach = self.neighbors.cutoff + self.neighbors.skin
        charge = torch.tensor([float(atoms.get_initial_charges().sum())])
        structure = torch.zeros_like(numbers)
        graph = Graph(numbers, positions, cell[None], pbc[None], edges, shifts, structure, reach, charge)
        return graph.to(self.dtype).to(self.device)

    def _state_of_weights(self) -> list[tuple[int, int]]:
        """Which tensors the potential holds, and how often each was written to."""
        tensors = (*self.potential.parameters(), *self.potential.buffers())
        return [(id(tensor), tensor._version) for tensor in tensors]


def _for_ase(name: str, value: torch.Tensor) -> Any:
    """A result of one structure as ASE has it: without the axis of structures, stress in Voigt's order."""
    values = value.detach().cpu().double().numpy()
    what = name.removesuffix("_std").removesuffix("_members")
    if what not in OF_STRUCTURES:
        return values
    values = values[:, 0] if name.endswith("_members") else values[0]
    if what == "stress":
        return full_3x3_to_voigt_6_stress(values)
    return values.item() if values.ndim == 0 else values
