"""The student's copy of the course (layer 9; imports nothing of mininnip).

The notebooks in course/ carry the outputs of a clean run and one collapsed cell for the instructor. A student works on
a copy in course-student/: without the instructor's cells, and without outputs, so that "predict first" is a real
question. The copy is refreshed when the course is updated; a notebook the student has edited is never lost: it is set
aside under a new name first. What cannot be read, written or found ends in one sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
COPY = "course-student"


def require_course(repository: Path = REPOSITORY) -> Path:
    """The folder course/ beside the package; exit with one sentence if it is not there."""
    course = repository / "course"
    if not any(course.glob("*.ipynb")):
        sys.exit(
            "There is no folder course/ with notebooks beside the package: mininnip was installed without the course. "
            "Download the whole repository and run `make course` in it."
        )
    return course


def update_copy(repository: Path = REPOSITORY) -> Path:
    """Make course-student/, or bring it up to date without losing anything the student wrote.

    A notebook is replaced only if the course has a new version of it, or if it can no longer be opened. If the student
    has edited a cell of the old one, that file is kept beside it under a new name, and one line says so.

    Returns:
        The folder course-student/: beside course/, or in the home folder where that place cannot be written.
    """
    course, copy = require_course(repository), place_of_copy(repository)
    try:
        copy.mkdir(exist_ok=True)
        _copy_figures(course / "figures", copy / "figures")
        delivered = _read_record(copy)
        for source in sorted(course.glob("*.ipynb")):
            delivered[source.name] = _deliver(source, copy / source.name, delivered.get(source.name))
        _write(_record(copy), json.dumps(delivered, indent=1))
    except OSError as error:
        sys.exit(f"Your copy of the lessons cannot be written: {error.strerror or error} ({error.filename or copy}).")
    return copy


def place_of_copy(repository: Path = REPOSITORY) -> Path:
    """Where the student's copy is: beside course/, or in the home folder where that cannot be written."""
    beside, home = repository / COPY, Path(os.path.expanduser("~"))
    if can_be_written(beside):
        return beside
    if not can_be_written(home / COPY):
        sys.exit(
            f"Your copy of the lessons cannot be made: neither {beside} nor {home / COPY} can be written. "
            "Copy the whole course into a folder of your own and start it there."
        )
    print(f"{beside} cannot be written: your copy of the lessons is {home / COPY}")
    return home / COPY


def can_be_written(folder: Path) -> bool:
    """Whether a folder can be written, or made."""
    there = folder if folder.exists() else folder.parent
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _deliver(source: Path, target: Path, delivered: str | None) -> str:
    """Bring one notebook up to date.

    Args:
        source: the notebook of the course.
        target: the student's.
        delivered: fingerprint of the notebook as the student last got it, if that is known.

    Returns:
        Fingerprint of the notebook of the course.
    """
    notebook = _read_lesson(source)
    new = fingerprint(notebook)
    if target.exists():
        mine = _fingerprint_of_file(target)
        if mine == new or (mine is not None and delivered == new):
            return new
        if not target.read_bytes().strip():
            print(f"{target.name} was an empty file; you have a fresh one")
        elif mine is None:
            print(f"{target.name} was damaged; you have a fresh one, the old is kept in {_set_aside(target)}")
        elif mine != delivered:
            print(f"{target.name} has a new version; your own answers are kept in {_set_aside(target)}")
    _write(target, json.dumps(notebook, indent=1, ensure_ascii=False))
    return new


def _read_lesson(source: Path) -> dict:
    try:
        return student_version(json.loads(source.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        sys.exit(
            f"{source} is damaged: it is no notebook. "
            "Download the course again, or in a git clone: git checkout -- course"
        )


def student_version(notebook: dict) -> dict:
    """A notebook without the cells tagged "instructor" and without outputs."""
    cells = [cell for cell in notebook["cells"] if "instructor" not in cell["metadata"].get("tags", [])]
    cleared = {"outputs": [], "execution_count": None}
    cells = [cell | cleared if cell["cell_type"] == "code" else cell for cell in cells]
    return notebook | {"cells": cells}


def fingerprint(notebook: dict) -> str:
    """What a person typed into a notebook, as a short digest: running it changes nothing, editing a cell does."""
    typed = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(typed).encode()).hexdigest()[:16]


def _fingerprint_of_file(path: Path) -> str | None:
    """None for a file that is no notebook (any more): it counts as edited."""
    try:
        return fingerprint(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        return None


def _set_aside(path: Path) -> str:
    """Rename a notebook to a name with today's date that is still free; say where it is now."""
    stem, number = f"{path.stem}-mine-{date.today().isoformat()}", 1
    kept = path.with_name(f"{stem}.ipynb")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{stem}-{number}.ipynb")
    path.rename(kept)
    return f"{kept.parent.name}/{kept.name}"


def _record(copy: Path) -> Path:
    """The file with the fingerprint of each notebook as the student last got it."""
    return copy / ".delivered.json"


def _read_record(copy: Path) -> dict[str, str]:
    """Without a record every notebook that differs from the course's counts as edited: nothing is lost."""
    if not _record(copy).exists():
        return {}
    try:
        record = json.loads(_record(copy).read_text(encoding="utf-8"))
        return {str(name): str(mark) for name, mark in record.items()}
    except (ValueError, AttributeError):
        print(
            f"{copy.name}/{_record(copy).name} is damaged: every notebook that differs from the course's is kept aside"
        )
        return {}


def _copy_figures(source: Path, target: Path) -> None:
    """Copy contents only: the copy of a read-only folder can be written."""
    target.mkdir(exist_ok=True)
    for file in source.glob("*.*"):
        shutil.copyfile(file, target / file.name)


def _write(path: Path, text: str) -> None:
    """All or nothing: on a full disk the old file stays."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text + "\n", encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
