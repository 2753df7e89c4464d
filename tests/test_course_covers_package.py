"""The package exists for the course: every public name is used in at least one notebook."""

import ast
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

import mininnip

COURSE = Path(__file__).resolve().parent.parent / "course"
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))

# Names that wait for their lesson. A name leaves this list when the lesson exists; the second test sees to it.
WAITS_FOR_LESSON: dict[str, str] = {
    "classical.ForceField": "03",
    "classical.Topology": "03",
    "download": "18",
    "fit": "04",
    "kernel": "19",
    "read": "18",
    "write": "18",
}

PUBLIC = [
    *dir(mininnip),
    *(f"classical.{name}" for name in mininnip.classical.__all__),
    *(f"descriptors.{name}" for name in mininnip.descriptors.__all__),
]


def used_names(source: str) -> set[str]:
    """Names of mininnip that a source uses, without the package's own: `mn.classical.morse` is "classical.morse"."""
    used = set()
    for node in ast.walk(ast.parse(TransformerManager().transform_cell(source))):
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in ("mn", "mininnip"):
                used.add(rest)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mininnip":
            folder = (node.module or "").partition(".")[2]
            used |= {".".join(filter(None, [folder, alias.name])) for alias in node.names}
    return used


def used_in_course() -> set[str]:
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    return set().union(*(used_names(cell.source) for cell in cells if cell.cell_type == "code"))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_used_in_a_lesson(name):
    if name in WAITS_FOR_LESSON:
        pytest.skip(f"waits for lesson {WAITS_FOR_LESSON[name]}")
    assert any(f"{used}.".startswith(f"{name}.") for used in used_in_course())


def test_no_name_waits_for_a_lesson_that_exists():
    exist = {path.name[:2] for path in NOTEBOOKS}
    assert not {name: lesson for name, lesson in WAITS_FOR_LESSON.items() if lesson in exist or name not in PUBLIC}


def test_names_are_found_however_they_are_written():
    source = (
        "%matplotlib inline\nfrom mininnip import Graph\nfrom mininnip.exercises import lesson_02\nmn.view(mn.data.x)"
    )
    assert used_names(source) >= {"Graph", "exercises.lesson_02", "view", "data.x"}
    assert used_names("np.view(x)") == set()
