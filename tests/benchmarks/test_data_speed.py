"""Reading the shipped sets, and the neighbor lists of a training set: what a lesson waits for before it begins."""

import json
import time

import pytest

from mininnip.data.sets import Dataset, data_folder, load_data

SETS = list(json.loads((data_folder() / "index.json").read_text(encoding="utf-8")))


@pytest.mark.benchmark(group="load a shipped set: checksum, arrays (at most 0.2 s)", timer=time.process_time)
@pytest.mark.parametrize("name", SETS)
def test_load(benchmark, name):
    data = benchmark.pedantic(load_data, (name,), rounds=5, warmup_rounds=1)
    assert data.name == name


@pytest.mark.benchmark(group="graph of 1000 ethanol frames, cutoff 5 Å (at most 1 s)", timer=time.process_time)
def test_neighbor_lists_of_a_training_set(benchmark):
    data = load_data("ethanol_gfn2")
    assert isinstance(data, Dataset)
    few = data[: 1000 if benchmark.enabled else 20]
    graph = benchmark.pedantic(few.graph, (5.0,), rounds=5, warmup_rounds=1)
    assert graph.n_structures == len(few)
    assert 60 < graph.edges.shape[1] / len(few) <= 72  # nine atoms, nearly all pairs, both directions
