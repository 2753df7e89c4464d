"""Random bad calls end in a result or a sentence: no dead process, no 10 s, no silent NaN, no foreign error."""

import importlib.util
from pathlib import Path

import pytest
import torch

from mininnip import Graph
from mininnip.graph import segment_sum

HERE = Path(__file__).parent
RUN = (
    "import sys; sys.path.insert(0, sys.argv[1]); import bad_calls; bad_calls.main(int(sys.argv[2]), int(sys.argv[3]))"
)


def test_bad_calls_end_in_a_sentence(survive, cases):
    """`pytest tests/faults --long -s` prints the table of 13 000 calls."""
    n = cases(260, 13_000)
    printed = survive(RUN, HERE, 0, n, seconds=120 + n / 5)
    print(f"\n{printed}")
    total = next(row for row in printed.splitlines() if row.startswith(f"sum of {n}"))
    result, sentence, foreign, silent, slow = map(int, total.split()[3:])
    assert (foreign, silent, slow) == (0, 0, 0), printed
    assert result + sentence == n
    assert sentence > n / 2, "too few of the calls were bad"


def complains_inside_pytorch(rng):
    return segment_sum(torch.ones(3), torch.tensor([0, 9, 0]), 2)


def gives_nan(rng):
    return {"energy": torch.tensor([float("nan")])}


def gives_a_number(rng):
    return {"energy": torch.tensor([1.0])}


def is_refused(rng):
    return Graph.from_atoms([], 3.0)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (complains_inside_pytorch, "foreign error"),
        (gives_nan, "silent NaN"),
        (gives_a_number, "a result"),
        (is_refused, "sentence"),
    ],
)
def test_the_judge_tells_the_kinds_apart(call, kind):
    spec = importlib.util.spec_from_file_location("bad_calls", HERE / "bad_calls.py")
    assert spec is not None
    assert spec.loader is not None
    bad_calls = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bad_calls)
    vars(bad_calls)["CALLS"] = [call]
    assert bad_calls.outcome(0)[:2] == (call.__name__, kind)
