"""Memory: kept from tensor to tensor, given back when work is done."""

import os
import subprocess
import sys

import pytest

from mininnip.memory import CHOICES

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system decides")

SOURCE = """
import psutil, torch
import mininnip as mn
torch.set_num_threads(1)
data = mn.load_data("silicon")
train, valid, test = data[:60], data[100:110], data[120:190]
g5 = [(eta, zeta, sign) for eta in (0.02, 0.1) for zeta in (1, 4, 16) for sign in (1, -1)]
functions = mn.descriptors.SymmetryFunctions((14,), 5.0, [(4.0, 2.0 + 0.5 * k) for k in range(6)], g5=g5)
potential = mn.Potential(mn.neural.BehlerParrinello(functions, (20, 20)))
private = lambda: psutil.Process().memory_full_info().uss / 2**20
mn.train(potential, train[:2], valid[:1], epochs=1, progress=False)  # whatever the first one loads
mn.evaluate(potential, test[:1])
before = private()
mn.train(potential, train, valid, epochs=1, progress=False)
mn.evaluate(potential, test)
potential(test.graph(5.0))
print(private() - before)
"""


def test_a_training_and_an_evaluation_leave_less_than_twenty_megabytes():
    """60 frames of 64 atoms to train on, 70 to evaluate: about 100 MB while they run."""
    run = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 20


NEW_PAGES = """
import resource, psutil, torch
import mininnip
from mininnip.memory import give_back
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(2**24)
before = faults()
torch.ones(2**24)
again = faults() - before
before = psutil.Process().memory_full_info().uss
give_back()
print(again, (before - psutil.Process().memory_full_info().uss) / 2**20)
"""


@pytest.mark.parametrize("chosen", [False, True])
def test_a_tensor_takes_the_place_of_the_last_one_unless_the_user_chose_otherwise(chosen):
    """64 MB, which are 16384 pages; given back afterwards, where they were kept."""
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    environment |= {"MALLOC_MMAP_THRESHOLD_": "1000000"} if chosen else {}
    run = subprocess.run([sys.executable, "-c", NEW_PAGES], env=environment, capture_output=True, text=True, check=True)
    faults, returned = (float(word) for word in run.stdout.split())
    assert (faults > 10_000) == chosen
    assert (returned > 50) != chosen
