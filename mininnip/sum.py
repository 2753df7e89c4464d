"""Sum: several models as one, E = Σ_k E_k.

A network knows what its data hold; what they cannot hold, nuclei that nearly touch or charges that are far apart, is
better left to a law. The parts need not know of each other: each is a `Model`, and so is their sum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mininnip.arguments import remembers_arguments
from mininnip.graph import Graph
from mininnip.model import Model, Reach, total_energy

REACHES: tuple[Reach, ...] = ("pairs", "own edges", "everything")  # each includes the ones before


@remembers_arguments
class Sum(Model):
    """Add the energies of models; whatever else one of them knows is handed through.

        E = Σ_k E_k,   and E_i = Σ_k E_{k,i} if every part has energies of atoms

    Args:
        models: the parts, e.g. a network and a `PairPotential`.

    Raises:
        ValueError: no part, or on a call two parts that both give a result other than energies.
    """

    def __init__(self, models: Sequence[Model]):
        super().__init__()
        if not models:
            raise ValueError("a sum needs at least one model")
        self.models = nn.ModuleList(models)
        self.cutoff = max((model.cutoff for model in models if model.cutoff is not None), default=None)
        known = [set(model.elements) for model in models if model.elements is not None]
        self.elements = tuple(sorted(set.intersection(*known))) if known else None
        self.reach = REACHES[max(REACHES.index(model.reach) for model in models)]

    @property
    def dtype(self) -> torch.dtype | None:
        """Precision of the first part that has one of its own; None: that of the graph."""
        return next((model.dtype for model in self._parts if model.dtype is not None), None)

    @property
    def _parts(self) -> list[Model]:
        return list(self.models)  # type: ignore[arg-type]

    def forward(self, graph: Graph) -> dict[str, Tensor]:
        """The summed "energies" (N,), or "energy" (S,) where a part is no sum over atoms, and all other results."""
        parts, out = [dict(model(graph)) for model in self._parts], {}
        if all("energies" in part and "energy" not in part for part in parts):
            out["energies"] = sum(part["energies"] for part in parts)
        else:
            out["energy"] = sum(total_energy(part, graph.structure, graph.n_structures) for part in parts)
        for part in parts:
            further = {name: value for name, value in part.items() if name not in ("energy", "energies")}
            if twice := sorted(further.keys() & out.keys()):
                raise ValueError(f"two parts of the sum both give {', '.join(twice)}: which one counts is not said")
            out |= further
        return out
