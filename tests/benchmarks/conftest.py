"""Benchmarks run at full size under `make benchmark`; an ordinary test run executes them once, small and untimed."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # so that the benchmarks find workloads.py


@pytest.fixture(autouse=True)
def one_thread():
    """Compare one thread with one thread, and give the others back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
