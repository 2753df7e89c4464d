"""The student's copy of the course, and JupyterLab on it (layer 9; imports nothing of mininnip).

The notebooks in course/ carry the outputs of a clean run and one collapsed cell for the instructor. A student works on
a copy in course-student/: without the instructor's cells, and without outputs, so that "predict first" is a real
question. The copy is refreshed when the course is updated; a notebook the student has edited is never lost: it is set
aside under a new name first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LAB_SETTINGS = Path(__file__).resolve().parent / "lab_settings"
FIRST_LESSON = "00_start_here.ipynb"


def open_lab(instructor: bool = False, flags: Sequence[str] = ()) -> int:
    """Start JupyterLab at the first lesson and wait until it ends.

    Args:
        instructor: open the original notebooks instead of the student's copy.
        flags: passed on to `jupyter lab`.

    Returns:
        JupyterLab's exit status.
    """
    folder = require_course() if instructor else update_copy()
    command = [
        *(sys.executable, "-m", "jupyter", "lab"),
        f"--ServerApp.root_dir={REPOSITORY}",
        f"--LabApp.default_url=/lab/tree/{folder.name}/{FIRST_LESSON}",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",  # no pop-up over the lesson, nothing fetched on bad wifi
        *flags,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    try:
        return subprocess.run(command, env=environment).returncode
    except KeyboardInterrupt:
        return 0


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

    A notebook is replaced only if the course has a new version of it. If the student has edited a cell of the old one,
    that file is kept beside it under a new name, and one line says so.

    Returns:
        The folder course-student/.
    """
    course, copy = require_course(repository), repository / "course-student"
    copy.mkdir(exist_ok=True)
    if (course / "figures").is_dir():
        shutil.copytree(course / "figures", copy / "figures", dirs_exist_ok=True)
    delivered_file = copy / ".delivered.json"  # fingerprint of each notebook as the student first got it
    delivered = json.loads(delivered_file.read_text(encoding="utf-8")) if delivered_file.is_file() else {}
    for source in sorted(course.glob("*.ipynb")):
        notebook = student_version(json.loads(source.read_text(encoding="utf-8")))
        target, new = copy / source.name, fingerprint(notebook)
        if target.exists() and delivered.get(source.name) == new:
            continue
        if target.exists() and _fingerprint_of_file(target) not in (delivered.get(source.name), new):
            kept = _set_aside(target)
            print(f"{source.name} has a new version; your own answers are kept in {copy.name}/{kept.name}")
        target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        delivered[source.name] = new
    delivered_file.write_text(json.dumps(delivered, indent=1) + "\n", encoding="utf-8")
    return copy


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


def _set_aside(path: Path) -> Path:
    """Rename a notebook to a name with today's date that is still free."""
    stem, number = f"{path.stem}-mine-{date.today().isoformat()}", 1
    kept = path.with_name(f"{stem}.ipynb")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{stem}-{number}.ipynb")
    return path.rename(kept)
