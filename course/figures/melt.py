"""The second picture of the README: the melt of lesson 08, copied from the outputs of the lesson itself.

python course/figures/melt.py         after the lesson was executed (make notebooks)
"""

import base64
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
LESSON, CELL = HERE.parent / "08_behler_parrinello.ipynb", "melt-figure"


def picture() -> bytes:
    """The figure as PNG."""
    (cell,) = [
        cell for cell in nbformat.read(LESSON, as_version=4).cells if cell.id == CELL
    ]
    (found,) = [
        output.data["image/png"]
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    return base64.b64decode(found)


if __name__ == "__main__":
    (HERE / "melt.png").write_bytes(picture())
