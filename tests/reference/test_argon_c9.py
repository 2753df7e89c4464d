"""The triple-dipole coefficient of lesson 02 lies between two of our own, by linear response (make_argon_c9.py)."""

import json
import re
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
LESSON = HERE.parents[1] / "course" / "02_pair_potentials.ipynb"


def test_the_lessons_c9_lies_between_ours():
    ours = json.loads((HERE / "argon_c9.json").read_text())
    source = "\n".join(cell.source for cell in nbformat.read(LESSON, 4).cells)
    (used,) = re.findall(r"^C9 = (\d+) \* units.Hartree", source, re.MULTILINE)
    assert ours["C9 TD-PBE0"] < float(used) < ours["C9 TD-HF"] < 1.06 * ours["C9 TD-PBE0"]
    assert f"{ours['C9 TD-PBE0']} to {ours['C9 TD-HF']} atomic units" in source
