"""Memory: a training and an evaluation leave little behind."""

import subprocess
import sys

import pytest

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system decides")
def test_a_training_and_an_evaluation_leave_less_than_twenty_megabytes():
    """60 frames of 64 atoms to train on, 70 to evaluate: about 100 MB while they run."""
    run = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 20
