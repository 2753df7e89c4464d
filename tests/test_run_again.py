"""The second run of every cell (conftest.py) finds what it is there for."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CELLS = {
    "fine": "numbers = [1]\nprint(len(numbers))\nnumbers",
    "start": "counts, point, r = [], [1], [0.0]",
    "counts on": "counts.append(1)\nprint(len(counts))",
    "needs what is gone": "first = point[0]\npoint = None",
    "two meanings": "r = 3.0",
    "never again": "counts.append(1)\nprint(len(counts))",
    "a time": "import time\nprint(time.time())",
}
TAGS = {"never again": ["once"], "a time": ["varies"]}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, str]:
    """What pytest says about the toy lesson above and one that fails at once: PASSED, SKIPPED or the failure."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(REPOSITORY / "conftest.py", folder)
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    for name, cell in zip(CELLS, lesson.cells, strict=True):
        cell.metadata["tags"] = TAGS.get(name, [])
    nbformat.write(lesson, folder / "98_toy.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), folder / "99_broken.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=line", "-p", "no:cacheprovider"]
    command += ["--nbval-lax", "--nbval-current-env", "98_toy.ipynb", "99_broken.ipynb"]
    report = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(PASSED|FAILED) (\d\d)_\w+\.ipynb::Cell (\d)( again)?(.*)", report, re.MULTILINE)
    return {f"{lesson} {cell}{again}": verdict + why for verdict, lesson, cell, again, why in found} | {"all": report}


def again(verdicts: dict[str, str], name: str) -> str:
    return verdicts.get(f"98 {list(CELLS).index(name)} again", "not run")


def test_a_cell_that_can_be_run_again_passes(verdicts):
    assert again(verdicts, "fine") == "PASSED"


def test_a_cell_that_prints_something_else_is_found(verdicts):
    assert "printed first" in again(verdicts, "counts on")


def test_a_cell_that_needs_what_a_later_one_has_replaced_is_found(verdicts):
    assert "TypeError" in again(verdicts, "needs what is gone")


def test_a_name_with_two_meanings_is_found(verdicts):
    assert "two meanings" in again(verdicts, "start")
    assert again(verdicts, "two meanings") == "PASSED"


def test_tags_excuse_a_cell(verdicts):
    assert again(verdicts, "never again") == "not run"
    assert again(verdicts, "a time") == "PASSED"


def test_nothing_is_run_again_after_a_failure(verdicts):
    assert verdicts["99 0"].startswith("FAILED")
    assert "99 0 again" not in verdicts and "1 skipped" in verdicts["all"]
