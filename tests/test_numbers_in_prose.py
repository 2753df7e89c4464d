"""A number in a lesson's text is printed by a cell above it, set in its code, or named here as a fact from elsewhere.

Rounded forms count: 0.252 may be read as 0.25, 147 as "almost 150", 0.33 as 33 %, 0.0104 eV as 10.4 meV. Formulas,
code, links, years, numbers of sections and lessons, and counts up to ten are not looked at. This cannot prove that a
sentence is true, only that its number did not come from an older run.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

COURSE = Path(__file__).resolve().parent.parent / "course"
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))

# Numbers from elsewhere, by lesson and cell: measured, published, arithmetic. One that is found again must leave.
FACTS: dict[tuple[str, str], dict[str, str]] = {
    ("02", "hero-melt"): {"84": "melting point of argon in K"},
    ("02", "small-text"): {"42": "contacts of the icosahedron: 12 to the center, 30 on the surface"},
    ("02", "fcc-read"): {"42": "the same"},
    ("02", "argon-textbook-read"): {"142": "Barker, Fisher and Watts 1971, in K"},
    ("02", "real-crystal-read"): {
        "7.5": "the factor 1.075 of the next cell",
        "511": "tests/reference/make_argon_c9.py, by TD-PBE0",
        "536": "tests/reference/make_argon_c9.py, by TD-Hartree–Fock",
    },
    ("08", "reference-rivals"): {"2.4": "first peak of the next figure, in Å", "9902": "page of Tersoff's paper"},
    ("08", "cost-read"): {"6400": "of exercise 4"},
    ("07", "rings-read"): {"195": "page of Patterson's paper"},
    ("13", "filters-read"): {"0.9": "closest pair of the frames at 300 K, 0.90", "2.5": "atoms two bonds apart"},
    ("13", "learning-read"): {"900": "data/make/schnet_ethanol.py", "18000": "the same: 200 epochs of 90 steps"},
    ("13", "s4"): {"900": "data/make/schnet_ethanol.py"},
    ("13", "modes-read"): {"27": "3N of ethanol"},
    ("13", "s5"): {"3700": "O–H stretch of the figure above, 3719"},
    ("13", "spectrum-read"): {"3700": "the same"},
    ("13", "table-read"): {
        "27": "3N of ethanol",
        "28": "3N + 1",
        "129": "the slide",
        "19.56": "the slide",
        "4.13": "the slide",
    },
    ("15", "efficiency-read"): {"12": "course/figures/data_efficiency.jsonl: epochs of NequIP with 200 frames"},
    ("05", "hero-text"): {"64": "where the slider ends"},
    ("22", "calibrated-read"): dict.fromkeys(("36", "67", "77"), "tests/benchmarks/calibrated_attack.py, eight seeds"),
    ("06", "cut-read"): {"3.82": "cell of the exercise in Å", "7.64": "cell of the exercise in Å"},
    ("06", "h2-parity-read"): {"91": "Blank et al. 1995, in meV"},
    ("06", "s3"): {"750": "Blank et al. 1995", "2.1": "Blank et al. 1995", "91": "Blank et al. 1995, in meV"},
}

# Numbers that no cell above prints yet. The list only shrinks.
NOT_YET: dict[tuple[str, str], set[str]] = {}

UNREAD = [
    r"\$\$.*?\$\$",  # formulas
    r"\$[^$]*\$",
    r"`[^`]*`",  # code
    r"\]\([^)]*\)",  # addresses of links
    r"<[^>]*>",
    r"\b(?:1[6-9]|20)\d\d\b",  # years
    r"\*\*\d+\*\*",  # volumes of journals
    r"(?i)\b(?:sections?|lessons?|exercises?|equations?|slides?|steps?|panels?|rows?|degree)\s+\d+(?:\s*(?:,|and|to|–|-)\s*\d+)*",
]
NUMBER = re.compile(r"(?<![\w.^/\d])\d+(?:\.\d+)?(?:[  ]000)*(?![\w⁻.]*[\w⁻])(\s?%)?")
VALUE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
FREE_CELLS = re.compile(r"title|needs|readings|map|(exercise-)?q\d.*")  # what is before, beside or after the lesson


def numbers_of(text: str) -> list[tuple[str, bool]]:
    """The numbers a reader sees in a text, and whether each is a percentage; counts up to ten are left out."""
    for pattern in UNREAD:
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    found = [(re.sub(r"\s|%", "", match[0]), bool(match[1])) for match in NUMBER.finditer(text)]
    return [(number, percent) for number, percent in found if "." in number or int(number) > 10]


def values_of(text: str) -> set[float]:
    return {float(value) for value in VALUE.findall(text)}


def repeats(number: str, percent: bool, values: set[float]) -> bool:
    """Whether a number is one of the values, rounded as it is written; 150 may stand for 147."""
    digits = len(number.partition(".")[2]) or -(len(number) - len(number.rstrip("0")))
    factors = (100.0,) if percent else (1.0, 1000.0, 0.001)
    candidates = [value * factor for value in values for factor in factors] + ([*values] if percent else [])
    return any(abs(candidate - float(number)) <= 0.5001 * 10.0**-digits for candidate in candidates)


def printed_by(cell) -> str:
    """What a code cell prints, without the descriptions of its figures, which are prose, too."""
    texts = [output.get("text", "") for output in cell.outputs]
    texts += [o.data.get("text/plain", "") for o in cell.outputs if "data" in o and "image/png" not in o.data]
    return "\n".join(texts)


def unexplained(notebook) -> set[tuple[str, str]]:
    """(cell, number) for every number in the text that no cell above prints and no code of the lesson sets."""
    values = set().union(*(values_of(cell.source) for cell in notebook.cells if cell.cell_type == "code"))
    found = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            values |= values_of(printed_by(cell))
        elif "instructor" not in cell.metadata.get("tags", []) and not FREE_CELLS.fullmatch(cell.id):
            numbers = numbers_of(cell.source)
            found |= {(cell.id, number) for number, percent in numbers if not repeats(number, percent, values)}
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_numbers_in_the_text_come_from_the_cells_above(path):
    lesson = path.name[:2]
    excused = {(cell, number) for (of, cell), numbers in FACTS.items() if of == lesson for number in numbers}
    excused |= {(cell, number) for (of, cell), numbers in NOT_YET.items() if of == lesson for number in numbers}
    found = unexplained(nbformat.read(path, as_version=4))
    assert not found - excused, "print these in a cell above, or say in FACTS where they come from"
    assert not excused - found, "these need no excuse any more: take them off the list"


def test_a_rounded_number_repeats_a_value_and_another_does_not():
    values = values_of("barrier 0.2519 eV, -147 eV, 1.0e-05")
    assert all(repeats(number, percent, values) for number, percent in [("0.25", False), ("25", True), ("252", False)])
    assert repeats("150", False, values) and not repeats("155", False, values) and not repeats("0.26", False, values)


def test_what_is_no_claim_is_not_read():
    text = "In 1924 (section 12, $x = 99$, `77`) CO₂ and three of 12 atoms fell by 0.5 Å and 33 %, or 1.5 GPa; H2O, 3N"
    assert numbers_of(text) == [("12", False), ("0.5", False), ("33", True), ("1.5", False)]
