"""Labeling side by side: the answers are those of one after the other; what hangs or dies is set aside or said."""

import os
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
import torch

from mininnip import Graph
from mininnip.labeling import labeled
from mininnip.surfaces import double_well_2d, plane

POINTS = torch.tensor([[0.1 * k, 0.2] for k in range(6)], dtype=torch.float64)
STRUCTURES = {10 + k: plane.as_graph(point[None]) for k, point in enumerate(POINTS)}


def truth(structure):
    return plane.labeler(double_well_2d)(structure)


def number_of(structure: Graph) -> int:
    return round(float(structure.positions[0, 0]) / 0.1)


def faulty(structure):
    """Of six structures the second cannot be labeled, and the fourth hangs until the test is over."""
    if number_of(structure) == 1:
        raise ArithmeticError("no convergence")
    if number_of(structure) == 3:
        hanging.wait(60)
    return truth(structure)


def deadly(structure, seen=None):
    """The third ends the process that labels it; where it leaves a trace, only once."""
    if number_of(structure) == 2 and not (seen and seen.exists()):
        if seen:
            seen.write_text("died")
        os._exit(1)
    return truth(structure)


hanging = threading.Event()
EXPECTED = dict(labeled(truth, STRUCTURES))


@pytest.fixture
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


def test_processes_give_what_one_after_the_other_gives(processes):
    assert dict(labeled(truth, STRUCTURES, processes)) == EXPECTED
    assert list(EXPECTED) == list(STRUCTURES)


def test_they_come_as_they_are_ready_and_side_by_side():
    def slow_first(structure):
        time.sleep(0.3 if number_of(structure) == 0 else 0.0)
        return truth(structure)

    with ThreadPoolExecutor(2) as executor:
        order = [k for k, _ in labeled(slow_first, STRUCTURES, executor)]
    assert sorted(order) == list(STRUCTURES) and order[-1] == 10


@pytest.mark.parametrize("n_threads", [0, 2])
def test_what_raises_or_hangs_is_set_aside_and_the_others_go_on(n_threads):
    hanging.clear()
    executor = ThreadPoolExecutor(n_threads) if n_threads else None
    try:
        answers = dict(labeled(faulty, STRUCTURES, executor, patience=0.5))
    finally:
        hanging.set()
    assert answers[11] == {"failed": "ArithmeticError: no convergence"}
    assert answers[13] == {"failed": "no answer within 0.5 s"}
    assert {k: answers[k] for k in (10, 12, 14, 15)} == {k: EXPECTED[k] for k in (10, 12, 14, 15)}


def test_a_broken_executor_is_said(processes):
    with pytest.raises(RuntimeError, match=r"the executor has broken .*go on with a new executor"):
        dict(labeled(deadly, STRUCTURES, processes))


def test_a_labeler_that_cannot_be_sent_to_a_process_is_a_reason(processes):
    answers = dict(labeled(lambda structure: truth(structure), STRUCTURES, processes))
    assert all("pickle" in answer["failed"] for answer in answers.values())


def test_left_early_it_calculates_no_more():
    calls = []

    def counting(structure):
        calls.append(time.sleep(0.05))
        return truth(structure)

    with ThreadPoolExecutor(1) as executor:
        answers = labeled(counting, STRUCTURES, executor)
        next(answers)
        answers.close()
    assert len(calls) <= 3


def test_a_patience_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="patience"):
        next(labeled(truth, STRUCTURES, patience=0.0))


@pytest.mark.timeout(180)
def test_a_dask_cluster_labels_although_a_worker_dies(tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask is not installed: pip install .[dask]")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        executor: Executor = client.get_executor()
        answers = dict(labeled(partial(deadly, seen=tmp_path / "died"), STRUCTURES, executor, patience=60))
    assert (tmp_path / "died").exists() and answers == EXPECTED
