"""Execute lessons from top to bottom, keep their outputs, and write measured run times and memory into the README's
table; two pictures of the README are figures of lessons.

    python tests/execute_notebooks.py course/02_pair_potentials.ipynb ...

A lesson that raises, or that writes to stderr, is left as it was, and the script ends with 1. What changes from run to
run without meaning is removed: execution times, widget views and their state, versions in the metadata. So a second run
gives the same file, up to numbers and figures that depend on the computer.
"""

from __future__ import annotations

import re
import runpy
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

REPOSITORY = Path(__file__).resolve().parent.parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 180  # s


@dataclass
class Cost:
    """What a lesson takes: seconds, and the most memory in bytes that its kernel held at once."""

    seconds: float = 0.0
    memory: int = 0


def execute(path: Path) -> Cost:
    """Run one notebook in its own folder and write it back.

    Returns:
        Run time from the start of the kernel to the end of the last cell, and memory.

    Raises:
        RuntimeError: if a cell raises or writes to stderr; the file is then left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        coalesce_streams=True,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    cost, start = Cost(), time.perf_counter()

    def measure(**cell) -> None:
        cost.seconds = time.perf_counter() - start
        cost.memory = peak_memory(client.km.provisioner.pid)  # pyright: ignore

    client.on_cell_executed = measure
    try:
        client.execute()
    except CellExecutionError as error:
        raise RuntimeError(f"{path.name}: {error}") from None
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise RuntimeError(f"{path.name}: cell {number} writes to stderr: {output['text'].strip()}")
    nbformat.write(cleaned(notebook), path)
    return cost


def peak_memory(process: int) -> int:
    """The most physical memory in bytes that a running process ever held; 0 where the system does not say."""
    memory = psutil.Process(process).memory_info()
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return getattr(memory, "peak_wset", 0)  # Windows
    return 1024 * int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0])


def cleaned(notebook):
    """The notebook without what changes from run to run: times, widget views, widget state, versions."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in ("tags", "jupyter", "editable", "deletable") if key in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_without_widget, cell.outputs) if output is not None]
    return notebook


def _without_widget(output):
    """A widget's view is empty in a saved file: keep what else comes with it, but not `VBox(children=…`."""
    data = output.get("data", {})
    if WIDGET_VIEW not in data:
        return output
    del data[WIDGET_VIEW]
    if not data.get("text/plain") or re.match(r"\w+\(", data["text/plain"]):
        data.pop("text/plain", None)
    return output if data else None


def write_costs(costs: dict[str, Cost], readme: Path = REPOSITORY / "README.md") -> None:
    """Put what was measured into the rows of the README's lesson table; a lesson without a row is an error."""
    text = readme.read_text(encoding="utf-8")
    for name, cost in costs.items():
        row = re.compile(rf"^(\|.*\]\(course/{re.escape(name)}\)[^|]*\|[^|]*\|)[^|\n]*\|[^|\n]*\|$", re.MULTILINE)
        memory = f"{cost.memory / 1e9:.2f} GB" if cost.memory else ""
        text, found = row.subn(rf"\g<1> {memory} | {rounded(cost.seconds)} |", text)
        if not found:
            raise RuntimeError(f"README.md has no row for {name}: add one that ends in '| | |'")
    readme.write_text(text, encoding="utf-8")


def rounded(seconds: float) -> str:
    """A run time as a reader wants it: to 5 s below a minute, then to a tenth of a minute."""
    return f"{max(5, 5 * round(seconds / 5))} s" if seconds < 57.5 else f"{seconds / 60:.1f} min"


def main(paths: list[str]) -> int:
    """Execute the notebooks named on the command line."""
    costs, failed = {}, 0
    for path in map(Path, paths):
        try:
            cost = costs[path.name] = execute(path)
            print(f"{path.name}: {cost.seconds:.1f} s, {cost.memory / 1e9:.2f} GB", flush=True)
        except RuntimeError as error:
            failed += 1
            print(error, file=sys.stderr)
    write_costs(costs)
    if any(name[:2] in ("08", "15") for name in costs):
        runpy.run_path(str(REPOSITORY / "course" / "figures" / "from_lessons.py"), run_name="__main__")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
