"""Active learning: train, propose, select, label, and again; nothing is lost when it is killed, nothing labeled twice.

The loop knows neither networks nor physics. It is given four functions and keeps one file, a journal with a line for
every selection and every label, written to disk before the loop goes on. Started again with the same journal it reads
what is there and goes on behind the last whole line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mininnip.data.dataset import Dataset
from mininnip.ensemble import Ensemble
from mininnip.graph import Graph

Trainer = Callable[[Dataset, int], Ensemble]
Proposer = Callable[[Ensemble, Dataset, int], Graph]
Selector = Callable[[Ensemble, Dataset, Graph], Tensor]
Labeler = Callable[[Graph], Mapping[str, Any]]


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

    Yields:
        Every generation, also those that stand in the journal already; their committees are trained again.

    Raises:
        ValueError: a journal of other data, or one that is damaged before its last line; a selection of candidates that
            do not exist.
    """
    kept = _Journal(Path(journal) if journal else None, data)
    for number in range(generations):
        committee = train(data, number)
        if number not in kept.selected:
            candidates = propose(committee, data, number)
            chosen = _pick(candidates, select(committee, data, candidates))
            kept.write({"selected": number, "structures": [_in_words(structure) for structure in chosen]})
        structures = [_in_graph(words) for words in kept.selected[number]]
        for k, structure in enumerate(structures):
            if (number, k) not in kept.labels:
                kept.write({"label": [number, k], **_labels(label, structure)})
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


class _Journal:
    """One line of JSON for every selection and label; what was written survives a kill.

    Attributes:
        selected: structures in words by generation.
        labels: what the labeler said, by generation and number.
    """

    def __init__(self, path: Path | None, data: Dataset):
        self.path = path
        self.selected: dict[int, list[dict]] = {}
        self.labels: dict[tuple[int, int], dict] = {}
        start = {"start": _fingerprint(data)}
        if path is None or not path.exists() or not path.read_bytes().count(b"\n"):
            if path is not None:
                path.write_bytes(b"")
            self.write(start)
            return
        whole = path.read_bytes()
        whole = whole[: whole.rindex(b"\n") + 1]  # a kill may have left half a line
        with path.open("r+b") as file:
            file.truncate(len(whole))
        for k, line in enumerate(whole.splitlines()):
            try:
                entry = json.loads(line)
                if k == 0 and entry != start:
                    raise ValueError(f"{path.name} is the journal of other data: choose another file, or delete it")
                self._take(entry)
            except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
                raise ValueError(f"line {k + 1} of {path.name} is damaged: delete it and all lines after it") from None

    def write(self, entry: dict) -> None:
        """Keep a line, on disk before anything else happens."""
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._take(entry)

    def _take(self, entry: dict) -> None:
        if "selected" in entry:
            self.selected[entry["selected"]] = entry["structures"]
        elif "label" in entry:
            generation, k = entry["label"]
            self.labels[generation, k] = entry


def _labels(label: Labeler, structure: Graph) -> dict[str, Any]:
    """Energy and forces in words, or why there are none."""
    try:
        answer = label(structure)
        energy, forces = (np.asarray(_plain(answer[name]), dtype=np.float64) for name in ("energy", "forces"))
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    if energy.size != 1 or forces.shape != (structure.n_atoms, 3):
        return {"failed": f"the labeler gave the shapes {energy.shape} and {forces.shape}"}
    if not (np.isfinite(energy).all() and np.isfinite(forces).all()):
        return {"failed": "the labeler gave a number that is not finite"}
    return {"energy": energy.reshape(1).tolist(), "forces": forces.tolist()}


def _plain(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


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


def _in_words(structure: Graph) -> dict[str, Any]:
    names = ("numbers", "positions", "cell", "pbc", "total_charge")
    return {name: getattr(structure, name).tolist() for name in names} | {"cutoff": structure.cutoff}


def _in_graph(words: Mapping[str, Any]) -> Graph:
    positions = torch.tensor(words["positions"], dtype=torch.float64)
    return Graph.from_arrays(
        words["numbers"], positions, words["cutoff"], words["cell"][0], words["pbc"][0], words["total_charge"][0]
    )


def _fingerprint(data: Dataset) -> str:
    sha = hashlib.sha256()
    for values in (data.n_atoms, data.numbers, data.positions, data.cell, data.energy, data.forces):
        sha.update(np.ascontiguousarray(values).tobytes())
    return sha.hexdigest()
