"""Journal of an active-learning loop: one line of JSON for every selection and every label, safe from a kill.

A line is on disk before the loop goes on. Read again, whole lines count; half a line, which a kill leaves, does not.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mininnip.data.dataset import Dataset
from mininnip.graph import Graph


class Journal:
    """What was selected and labeled so far.

    Args:
        path: of the file; None: nothing is kept.
        data: that the loop starts from; the journal of other data is refused.

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


def in_words(structure: Graph) -> dict[str, Any]:
    """A structure as JSON can hold it, to the last bit."""
    names = ("numbers", "positions", "cell", "pbc", "total_charge")
    return {name: getattr(structure, name).tolist() for name in names} | {"cutoff": structure.cutoff}


def in_graph(words: Mapping[str, Any]) -> Graph:
    """The structure that `in_words` has written."""
    positions = torch.tensor(words["positions"], dtype=torch.float64)
    return Graph.from_arrays(
        words["numbers"], positions, words["cutoff"], words["cell"][0], words["pbc"][0], words["total_charge"][0]
    )


def _fingerprint(data: Dataset) -> str:
    sha = hashlib.sha256()
    for values in (data.n_atoms, data.numbers, data.positions, data.cell, data.energy, data.forces):
        sha.update(np.ascontiguousarray(values).tobytes())
    return sha.hexdigest()
