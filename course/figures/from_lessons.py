"""Pictures of the README that are figures of lessons, copied from the outputs of the lessons themselves.

python course/figures/from_lessons.py         after a lesson was executed (make notebooks)
"""

import base64
from pathlib import Path

import nbformat

HERE = Path(__file__).resolve().parent
PICTURES = {  # file: lesson, cell
    "melt.png": ("08_behler_parrinello.ipynb", "melt-figure"),
    "data_efficiency.png": ("15_equivariance.ipynb", "efficiency"),
    "double_well.png": ("22_adversarial_double_well.ipynb", "four-rows"),
}


def picture(name: str) -> bytes:
    """The figure as PNG."""
    lesson, cell_id = PICTURES[name]
    cells = nbformat.read(HERE.parent / lesson, as_version=4).cells
    (cell,) = [cell for cell in cells if cell.id == cell_id]
    (found,) = [
        output.data["image/png"]
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    return base64.b64decode(found)


if __name__ == "__main__":
    for name in PICTURES:
        (HERE / name).write_bytes(picture(name))
