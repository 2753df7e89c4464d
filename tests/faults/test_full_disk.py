"""A disk that takes no more: the writer says so in one sentence, what was there is whole, and no half file stays."""

import sys

import pytest

# The system refuses files longer than the room given, in the middle of a write, as a full disk does.
SOURCE = """
import resource, sys
from pathlib import Path
import mininnip as mn
from mininnip.data.sets import load_data
from mininnip.descriptors import SymmetryFunctions
from mininnip.neural import BehlerParrinello

path, data = Path(sys.argv[1]), load_data("ethanol_gfn2")
functions = SymmetryFunctions((1, 6, 8), 4.0, [(0.05, 0.0), (2.0, 1.5)])
potential = mn.Potential(BehlerParrinello(functions, (16, 16)))

def write():
    if path.name == "potential":
        mn.save(potential, path)
    elif path.name == "training":
        path.unlink(missing_ok=True)
        mn.train(potential, data[:4], data[4:6], epochs=1, checkpoint=path, progress=False, device="cpu")
    else:
        mn.write(data[:100], path)

write()
before = path.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, resource.RLIM_INFINITY))
try:
    write()
except OSError as error:
    assert "\\n" not in str(error), error
    print("refused:", error)
if path.name != "training":
    assert path.read_bytes() == before
assert [file.name for file in path.parent.iterdir() if file != path] == []
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits the length of files, Windows does not")
@pytest.mark.parametrize("name", ["frames.extxyz", "frames.npz", "frames.db", "potential", "training"])
def test_a_full_disk_is_named_and_harms_nothing(name, survive, tmp_path):
    printed = survive(SOURCE, tmp_path / name, seconds=60)
    assert printed.startswith("refused: "), printed
    assert f"{tmp_path / name} cannot be written (" in printed, printed
