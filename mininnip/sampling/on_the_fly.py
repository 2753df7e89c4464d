"""On-the-fly dynamics: a sparse Gaussian process moves the atoms and asks a reference only where it is not sure.

At every step the largest spread √V of a local energy is compared with a threshold. Below it the model's forces move the
atoms. Above it the reference is asked, its forces move them, and the model learns the structure. Vandermause et al.,
npj Comput. Mater. 6, 20 (2020), doi:10.1038/s41524-020-0283-z; the idea is older: De Vita & Car, MRS Proc. 491, 473
(1997); Li, Kermode & De Vita, Phys. Rev. Lett. 114, 096405 (2015).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, Calculator, all_changes

from mininnip.calculator import Calculator as PotentialCalculator
from mininnip.data.dataset import Dataset
from mininnip.graph import Graph, as_number
from mininnip.kernel.sparse_gpr import SparseGaussianProcess
from mininnip.labeling import Labeler, labeled
from mininnip.memory import give_back
from mininnip.potential import Potential, look_up
from mininnip.sampling.dynamics import RunEnded, molecular_dynamics
from mininnip.training import fit

FAILURES = 5  # of the reference in a row that end a run
FEW, SPACING = 5, 20  # while there are fewer labels, none is more evaluations than this from the next
AT_REST = 1e-3  # eV/Å; a first structure whose forces are all smaller teaches nothing


class OnTheFly(Calculator):
    """ASE calculator of a sparse Gaussian process that labels what it does not know, and learns it.

    Its first structure is always labeled. With labels 1, 2, 4, 8 and 16 length and signal, scaling and inducing
    environments are found anew, starting from what was given; noise stays as given, or few labels would pass for
    nothing else. In between and later the model only grows, as does one that knew data before. What is learned from few
    labels can be far too sure: up to the fifth, the reference is asked every 20 evaluations in any case. A structure
    that it cannot label is set aside with the reason, and the model's own forces move the atoms.

        learner = OnTheFly(potential, EMT(), threshold=0.003)
        for frame in on_the_fly_dynamics(atoms, learner, 600, n_frames=1000): …
        learner.calls, learner.data                              # when it has asked, and the answers

    Args:
        potential: of a `SparseGaussianProcess`, with or without data.
        reference: what labels: an ASE calculator, or a function of a `Graph` as in `labeling`.
        threshold: in eV; √V of an atom above it calls the reference.
        learning: up to this many labels teach length and signal.
        patience: seconds after which a reference without answer has failed; None: without end.

    Attributes:
        calls: number of the force evaluation, from 0, of every label.
        errors: root mean square error of the model's forces at every label, before it was learned, in eV/Å; NaN for the
            first.
        uncertainty: largest √V in eV at the last evaluation, before its label; infinite without data.
        data: all labeled structures.
        aside: why a structure has no label, by the number of its evaluation.
        ended: why a run could not go on; None: it could.

    Raises:
        TypeError: a potential of another model.
        ValueError: a threshold that is not above the model's novelty; on a call: a first structure that cannot be
            labeled or is at rest, a reference that fails five times in a row, a model that is full.
    """

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's convention)

    def __init__(
        self,
        potential: Potential,
        reference: Labeler | BaseCalculator,
        threshold: float = 0.003,
        learning: int = 16,
        patience: float | None = None,
    ):
        super().__init__()
        if not isinstance(potential.model, SparseGaussianProcess):
            kind = type(potential.model).__name__
            raise TypeError(f"on the fly a SparseGaussianProcess learns, got a potential of {kind}")
        self.potential, self.model, self.reference = potential, potential.model, reference
        self.threshold, self.patience = as_number(threshold, "threshold"), patience
        self.learning = 0 if len(self.model.labels) else learning
        if not self.threshold > self.model.novelty:
            raise ValueError(
                f"the threshold must be above the novelty of the model, or it asks for what it will not learn; got "
                f"{self.threshold} and {self.model.novelty} eV"
            )
        self.mover = PotentialCalculator(potential)
        self.calls: list[int] = []
        self.errors: list[float] = []
        self.aside: dict[int, str] = {}
        self.data: Dataset | None = None
        self.ended: str | None = None
        self._start = {name: logarithm.detach().clone() for name, logarithm in self.model.logarithms.items()}
        self.evaluations, self.uncertainty, self._failures = 0, np.inf, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Evaluate the model, or the reference; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        moving: Any = self.atoms
        self.uncertainty, self.results = np.inf, {}
        if len(self.model.labels):
            self.mover.calculate(moving, ["energy", "forces"], all_changes)
            self.results = dict(self.mover.results)
            self.uncertainty = float(self.results["energies_std"].max())
        overdue = len(self.calls) < min(FEW, self.learning) and self.evaluations - max(self.calls, default=0) >= SPACING
        if self.uncertainty > self.threshold or overdue:
            self._ask(moving)
        self.evaluations += 1

    def _ask(self, moving: Atoms) -> None:
        graph = Graph.from_atoms(moving, self.potential.cutoff)
        _, given = next(labeled(self._labeler(moving), {0: graph}, patience=self.patience))
        if "failed" in given:
            self._set_aside(given["failed"])
            return
        energy, forces = given["energy"][0], np.array(given["forces"])
        if not len(self.model.labels) and np.abs(forces).max() < AT_REST:
            self._end("the first structure is at rest, its forces teach nothing: displace it, atoms.rattle(0.05)")
        guess = self.results.get("forces", np.nan)
        self.errors.append(float(np.sqrt(np.mean((guess - forces) ** 2))))
        self._learn(graph, energy, forces)
        give_back()
        self.calls.append(self.evaluations)
        self._failures = 0
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}

    def _learn(self, graph: Graph, energy: float, forces: np.ndarray) -> None:
        labels = {"energy": torch.tensor([energy], dtype=torch.float64), "forces": torch.tensor(forces)}
        new = Dataset.from_graph(graph, labels, "on the fly")
        self.data = new if self.data is None else self.data + new
        n = len(self.data)
        if not len(self.model.labels) or (n <= self.learning and n & (n - 1) == 0):  # a power of two
            with torch.no_grad():
                for name, logarithm in self.model.logarithms.items():
                    logarithm.copy_(self._start[name])
            fit(self.potential, self.data)
            self.model.maximize_likelihood(steps=20, fixed=("energy_noise", "force_noise"))
            fit(self.potential, self.data)
            return
        if self.potential.reference_energies is not None:
            labels["energy"] = labels["energy"] - look_up(self.potential.reference_energies, graph.numbers).sum()
        if not self.model.add(graph, labels) and len(self.model.inducing) >= self.model.most:
            self._end(
                f"the model is full ({self.model.most} inducing environments) and still meets new ones: make it with a "
                "larger `most`, or raise threshold and novelty"
            )

    def _labeler(self, moving: Atoms) -> Labeler:
        reference = self.reference
        if not isinstance(reference, BaseCalculator):
            return reference
        copy = moving.copy()
        copy.calc = reference
        return lambda _: {"energy": copy.get_potential_energy(), "forces": copy.get_forces()}

    def _set_aside(self, reason: str) -> None:
        self.aside[self.evaluations] = reason
        self._failures += 1
        if not len(self.model.labels):
            self._end(f"the reference could not label the first structure: {reason}")
        if self._failures >= FAILURES:
            self._end(f"the reference has failed {FAILURES} times in a row, at last with: {reason}")

    def _end(self, words: str) -> None:
        self.ended = words
        raise ValueError(words)


def on_the_fly_dynamics(
    atoms: Atoms, learner: OnTheFly, temperature: Any, n_frames: int, **dynamics: Any
) -> Iterator[Atoms]:
    """Dynamics that learns its forces on the way.

    Args:
        atoms: ASE Atoms; their calculator, if any, is not asked.
        learner: with the potential, the reference and the threshold; it holds what was learned, also after an end.
        temperature, n_frames, **dynamics: as of `molecular_dynamics`.

    Yields:
        Frames as of `molecular_dynamics`, with energy and forces of the reference where it was asked; besides, `info`
        holds `calls`, labels so far, `uncertainty`, the largest √V in eV, `labeled`, whether this very frame was
        labeled, and `aside`, structures set aside so far.

    Raises:
        ValueError: as `molecular_dynamics`, and for the first structure as `OnTheFly`.
        RunEnded: as `molecular_dynamics`, and later as `OnTheFly`.
    """
    moving = atoms.copy() if isinstance(atoms, Atoms) else atoms
    if isinstance(moving, Atoms):
        moving.calc = learner
    frames = molecular_dynamics(
        moving, temperature, n_frames, **dynamics
    )  # refuses bad arguments before it costs a label
    moving.get_forces()
    return _told(frames, learner)


def _told(frames: Iterator[Atoms], learner: OnTheFly) -> Iterator[Atoms]:
    try:
        for frame in frames:
            frame.info |= {"sampler": "on-the-fly dynamics", "calls": len(learner.calls), "aside": len(learner.aside)}
            frame.info |= {"uncertainty": learner.uncertainty, "labeled": learner.evaluations - 1 in learner.calls}
            yield frame
    except RunEnded as end:
        raise RunEnded(learner.ended or str(end), end.frames) from None
