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
from ase.build import bulk
import mininnip as mn
from mininnip.memory import give_back
torch.set_num_threads(1)
graph = mn.Graph.from_atoms(bulk("Si", cubic=True) * (6, 6, 6), 5.0)
potential = mn.Potential(mn.neural.SchNet(5.0, n_features=128, n_layers=2))
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for call in range(3):
    potential(graph)
before = faults()
for call in range(3):
    potential(graph)
again = faults() - before
before = psutil.Process().memory_full_info().uss
give_back()
print(again, (before - psutil.Process().memory_full_info().uss) / 2**20)
"""


def test_most_large_tensors_take_the_place_of_earlier_ones_unless_the_user_chose_otherwise():
    """Forces in 1728 atoms, tensors of about 40 MB: pages filled with zeros, with the memory kept and as glibc does it.

    Not all tensors: a hole can be too short for the next one by the few bytes that a small object took of it. How many
    depends on chance, so the bound is wide. What was kept is given back.
    """
    bare = {name: value for name, value in os.environ.items() if name not in CHOICES}
    new_pages, returned = {}, {}
    for name, choice in {"kept": {}, "chosen": {"MALLOC_TRIM_THRESHOLD_": "131072"}}.items():
        run = subprocess.run(
            [sys.executable, "-c", NEW_PAGES], env=bare | choice, capture_output=True, text=True, check=True
        )
        new_pages[name], returned[name] = (float(word) for word in run.stdout.split())
    assert new_pages["kept"] < new_pages["chosen"] / 2
    assert returned["kept"] > 100 > returned["chosen"]
