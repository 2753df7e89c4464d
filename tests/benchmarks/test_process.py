"""What the package costs before it computes anything, and the memory that a hundred thousand atoms need."""

import sys

import pytest
from report import import_time, in_new_process, peak_memory


def test_import_loads_neither_ase_nor_jupyter_nor_matplotlib():
    _, _, loaded = import_time()
    assert loaded == []


@pytest.mark.benchmark(group="import in a fresh process (wall time); the difference is ours")
@pytest.mark.parametrize("program", ["import torch", "import torch, mininnip"])
def test_import_time(benchmark, program):
    if not benchmark.enabled:
        pytest.skip("a benchmark only")
    benchmark.pedantic(in_new_process, (program,), rounds=7, warmup_rounds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_hundred_thousand_atoms_fit_into_four_gigabytes():
    empty, full = peak_memory(repeats=1), peak_memory(repeats=29)
    assert empty < full < 4.0  # GiB, 97 556 atoms
