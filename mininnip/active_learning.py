"""Active learning: train, propose, select, label, and again; nothing is lost when it is killed, nothing labeled twice.

The loop knows neither networks nor physics. It is given four functions and keeps one file, a journal with a line for
every selection and every label, written to disk before the loop goes on. Started again with the same journal it reads
what is there and goes on behind the last whole line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph
from mininnip.journal import Journal, in_graph, in_words
from mininnip.labeling import Labeler, labeled

Trainer = Callable[[Dataset, int], Ensemble]
Proposer = Callable[[Ensemble, Dataset, int], Graph]
Selector = Callable[[Ensemble, Dataset, Graph], Tensor]


@dataclass(frozen=True)
class Generation:
    """What one turn of the loop has made.

    Attributes:
        number: from 0 on.
        committee: trained on all data before this generation.
        new: structures labeled in it.
        failed: selected structures that the labeler could not label: index among the selected, reason.
        data: all data after it.
    """

    number: int
    committee: Ensemble
    new: Dataset
    failed: Mapping[int, str]
    data: Dataset


def learn(
    data: Dataset,
    *,
    train: Trainer,
    propose: Proposer,
    select: Selector,
    label: Labeler,
    generations: int,
    journal: str | Path | None = None,
    executor: Executor | None = None,
    patience: float | None = None,
) -> Iterator[Generation]:
    """The loop, one generation at a time.

    Args:
        data: labeled structures to start from.
        train: data, generation → a trained committee. It must do the same when it is called again (a seed that depends
            on the generation), or a run that was killed goes on differently.
        propose: committee, data, generation → candidates, e.g. the end of an attack.
        select: committee, data, candidates → numbers of those to label, e.g. `most_informative`.
        label: one structure → {"energy": number or (1,), "forces": (n, 3)}; a `Potential` is one. What raises, or
            returns something not finite or of the wrong shape, is set aside with the reason.
        generations: how many.
        journal: file that survives a kill, JSON lines; None: nothing is kept. It belongs to one start and refuses
            another.
        executor: labels side by side, in threads, processes or a Dask cluster (`labeling.labeled`); None: one by one.
        patience: seconds without any answer of the labeler after which what has none is set aside; None: without end.

    Yields:
        Every generation, also those that stand in the journal already; their committees are trained again.

    Raises:
        ValueError: a journal of other data, or one that is damaged before its last line; a selection of candidates that
            do not exist.
        RuntimeError: an executor that has broken. With a new one and the same journal the loop goes on.
    """
    kept = Journal(Path(journal) if journal else None, data)
    for number in range(generations):
        committee = train(data, number)
        if number not in kept.selected:
            candidates = propose(committee, data, number)
            chosen = _pick(candidates, select(committee, data, candidates))
            kept.write({"selected": number, "structures": [in_words(structure) for structure in chosen]})
        structures = [in_graph(words) for words in kept.selected[number]]
        open_ones = {k: structure for k, structure in enumerate(structures) if (number, k) not in kept.labels}
        for k, answer in labeled(label, open_ones, executor, patience):
            kept.write({"label": [number, k], **answer})
        answers = [kept.labels[number, k] for k in range(len(structures))]
        failed = {k: answer["failed"] for k, answer in enumerate(answers) if "failed" in answer}
        new = data[:0]
        for k, structure in enumerate(structures):
            if k not in failed:
                values = {name: torch.tensor(answers[k][name], dtype=torch.float64) for name in ("energy", "forces")}
                new = new + Dataset.from_graph(structure, values, data.name)
        data = data + new
        yield Generation(number, committee, new, failed, data)


def most_informative(
    spreads: Tensor, features: Tensor, known: Tensor, n: int, threshold: float = 0.0, apart: float = 0.0
) -> Tensor:
    """Candidates a committee is unsure about, no two of them alike.

    Of those whose spread exceeds the threshold, the one farthest from all known structures is taken, then the one
    farthest from these and from it, until n are found. Spread and features that do not change under rotation make a
    selection that does not either.

    Args:
        spreads: σ_F of the candidates (S,).
        features: of the candidates (S, B); their Euclidean distance says how different two structures are.
        known: features of the training data (D, B).
        n: how many at most.
        threshold: of the spread, e.g. the 80th percentile over the training data.
        apart: shortest distance to all known and chosen; what is nearer is no news.

    Returns:
        Indices (≤ n,), in the order in which they were chosen; empty if no candidate is uncertain enough.
    """
    if features.dim() != 2 or known.dim() != 2 or len(features) != len(spreads) or known.shape[1] != features.shape[1]:
        shapes = f"{tuple(spreads.shape)}, {tuple(features.shape)} and {tuple(known.shape)}"
        raise ValueError(f"spreads, features and known are (S,), (S, B) and (D, B), got {shapes}")
    unsure = (spreads > threshold).nonzero()[:, 0]
    points, chosen = features[unsure], []
    distance = torch.cdist(points, known.to(points)).amin(dim=1)
    while len(chosen) < min(n, len(unsure)):
        k = int(distance.argmax())
        if distance[k] <= apart:
            break
        chosen.append(k)
        distance = torch.minimum(distance, (points - points[k]).norm(dim=1))
    return unsure[torch.tensor(chosen, dtype=torch.int64)]


def _pick(candidates: Graph, chosen: Tensor) -> list[Graph]:
    """The chosen structures, each a graph of its own."""
    numbers = [int(k) for k in chosen]
    if wrong := [k for k in numbers if not 0 <= k < candidates.n_structures]:
        raise ValueError(f"candidate {wrong[0]} was selected, there are {candidates.n_structures}")
    structures = []
    for k in numbers:
        mine = candidates.structure == k
        positions, charge = candidates.positions[mine].detach().double(), float(candidates.total_charge[k])
        cell, pbc = candidates.cell[k], candidates.pbc[k]
        structures.append(Graph.from_arrays(candidates.numbers[mine], positions, candidates.cutoff, cell, pbc, charge))
    return structures
