"""The way through the course: the README's table, the map of lesson 00 and the links from each lesson to the next."""

import itertools
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from execute_notebooks import Cost, peak_memory, write_costs

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((REPOSITORY / "course").glob("*.ipynb"))
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def boxes() -> dict[str, str]:
    """Number of each lesson on the map, and whether its box is "written" or "to-come"."""
    elements = list(ElementTree.parse(REPOSITORY / "course" / "figures" / "map.svg").getroot())
    pairs = itertools.pairwise(elements)
    return {str(number.text): box.attrib["class"] for box, number in pairs if "class" in box.attrib}


def test_the_map_shows_which_lessons_exist():
    exist = {path.name[:2] for path in NOTEBOOKS} - {"00"}
    planned = {f"{number:02d}" for number in range(1, 25)}
    assert boxes() == dict.fromkeys(exist, "written") | dict.fromkeys(planned - exist, "to-come")


@pytest.mark.parametrize(("path", "following"), list(zip(NOTEBOOKS, [*NOTEBOOKS[1:], None], strict=True)))
def test_next_leads_to_the_next_lesson_that_exists(path, following):
    cells = nbformat.read(path, as_version=4).cells
    (line,) = [line for cell in cells for line in cell.source.splitlines() if line.startswith("**Next")]
    links = re.findall(r"\]\(([^)]*)\)", line)
    if following is None:
        assert not links
        assert "to come" in line
    else:
        assert links == [following.name]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_states_memory_and_run_time(path):
    row = re.search(rf"^\| {path.name[:2]} \|.*\]\(course/{path.name}\).*$", README, re.MULTILINE)
    assert row
    if path.name.startswith("08_") and re.search(r"\| \| [^|]*\|$", row[0]):
        pytest.xfail("the memory of lesson 08 waits for the next run of `make notebooks`")
    assert re.search(r"\| 0\.\d\d GB \| [\d.]+ (s|min) \|$", row[0]), "`make notebooks` writes memory and run time"


def test_the_readme_names_the_lecture():
    assert "*Interatomic Potentials Enabled by Machine Learning*" in README
    assert "Schwalbe-Koda" in README


def test_measured_costs_go_into_their_row(tmp_path):
    readme = tmp_path / "README.md"
    rows = "| 01 | [One](course/01_a.ipynb) | x | | |\n| 02 | [Two](course/02_b.ipynb) | y | 0.30 GB | 5 s |\n"
    readme.write_text(rows)
    write_costs({"01_a.ipynb": Cost(93, 412_000_000), "02_b.ipynb": Cost(21, 5)}, readme)
    one, two = readme.read_text().splitlines()
    assert one.endswith("| x | 0.41 GB | 1.6 min |")
    assert two.endswith("| y | 0.00 GB | 20 s |")
    with pytest.raises(RuntimeError, match=r"no row for 03_c\.ipynb"):
        write_costs({"03_c.ipynb": Cost()}, readme)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak is read where Linux keeps it")
def test_the_peak_is_seen_after_the_memory_was_given_back(tmp_path):
    source = "big = bytearray(300_000_000); del big; print('done', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()
        peak = peak_memory(process.pid)
        process.stdin.close()
    assert 300_000_000 < peak < 400_000_000
