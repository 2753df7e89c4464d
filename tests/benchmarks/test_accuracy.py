"""Accuracy on public data: the committed table reaches its targets, and the command that makes it works."""

import re
from dataclasses import replace

import accuracy
import numpy as np
import pytest
import torch
from accuracy import BENCHMARKS, Stage

import mininnip as mn


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_table_reaches_its_target(name, repository):
    benchmark = BENCHMARKS[name]
    text = (repository / "tests" / "benchmarks" / "ACCURACY.md").read_text(encoding="utf-8")
    table = text.partition(benchmark.title)[2].partition("\n## ")[0]
    rows = {
        model.strip("* "): numbers for model, *numbers in re.findall(r"^\|([^|]+)\|([^|]+)\|([^|]+)\|$", table, re.M)
    }
    ours, target = (list(map(float, rows[model])) for model in ("mininnip, Behler–Parrinello", benchmark.target))
    assert ours[0] <= target[0]
    assert ours[1] <= target[1]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_short_training_beats_the_mean_and_is_not_repeated(name, tmp_path, monkeypatch):
    benchmark = replace(BENCHMARKS[name], stages=(Stage(3, 3e-3, 10.0), Stage(1, 1e-4, 100.0)))
    if not (accuracy.SHARED / benchmark.train_file).exists():
        pytest.skip("the public data are not here")
    monkeypatch.setattr(accuracy, "WORK", tmp_path)
    train, valid, test = accuracy.split(benchmark, accuracy.SHARED)
    assert len(train) + len(valid) == len(mn.read(accuracy.SHARED / benchmark.train_file))
    places = [{frame.tobytes() for frame in np.split(d.positions, np.cumsum(d.n_atoms)[:-1])} for d in (train, valid)]
    assert not places[0] & places[1]
    potential, seconds = accuracy.fit(name, benchmark, train[:40], valid[:10])
    assert mn.evaluate(potential, test[:20]).forces_rmse < 0.8e3 * test[:20].forces.std()
    again, same_seconds = accuracy.fit(name, benchmark, train[:40], valid[:10])
    assert same_seconds == seconds > 0
    for p, q in zip(potential.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q)
