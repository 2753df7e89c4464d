"""How many threads a fresh process computes with: one, unless somebody has chosen another number."""

import os
import subprocess
import sys

import pytest

from mininnip.threads import CHOICES

pytestmark = pytest.mark.skipif(os.cpu_count() == 1, reason="one core: nothing to choose")

SAY = "print(torch.get_num_threads())"
IN_A_THREAD = (
    "from threading import Thread\n"
    f"thread = Thread(target=lambda: (torch.ones(9) + 1, {SAY})); thread.start(); thread.join()"
)


def threads(source: str, **variables: str) -> list[int]:
    """What a new process prints."""
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    command = [sys.executable, "-c", source]
    run = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
    return [int(word) for word in run.stdout.split()]


@pytest.mark.parametrize("library", ["torch first", "mininnip first"])
def test_one_thread_where_nobody_has_chosen(library):
    first = f"import torch\n{SAY}\nimport mininnip" if library == "torch first" else "import mininnip, torch"
    *before, main, in_a_thread = threads(f"{first}\n{SAY}\n{IN_A_THREAD}")
    assert (main, in_a_thread) == (1, 1)
    assert all(number > 1 for number in before), "PyTorch by itself takes more: else this test shows nothing"


def test_a_choice_is_respected():
    many = 3 * (os.cpu_count() or 1)
    by_call = f"import torch; torch.set_num_threads({many}); import mininnip; {SAY}; torch.set_num_threads(2); {SAY}"
    assert threads(by_call) == [many, 2]
    by_variable = f"import mininnip, torch; {SAY}"
    assert threads(by_variable, OMP_NUM_THREADS="2") == [2]
    assert threads(by_variable, MKL_NUM_THREADS="2") == [2]
