"""What the fault tests share: their long form, and a process that may die."""

import subprocess
import sys
from collections.abc import Callable

import pytest


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the long form of the fault tests: many more random cases")


@pytest.fixture
def cases(request) -> Callable[[int, int], int]:
    """`cases(short, long)`: how many random cases to try in this run."""
    return lambda short, long: long if request.config.getoption("long", False) else short


@pytest.fixture
def survive() -> Callable[..., str]:
    """Run Python source in a process of its own that must end by itself, in time and well; returns what it printed."""

    def run(source: str, *arguments: object, seconds: float) -> str:
        command = [sys.executable, "-X", "faulthandler", "-c", source, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, (
            f"exit status {done.returncode} after {done.stdout[-500:]!r}: {done.stderr[-2000:]}"
        )
        return done.stdout

    return run
