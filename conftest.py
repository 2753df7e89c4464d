"""nbval runs every cell of a lesson; here each is run once more, as students do when they go back after Run All.

A cell run again finds everything as the last cell of the lesson left it, and must print what it printed before. Tags
excuse a cell: `once` (never run again), `varies` (prints a time or a progress: not compared). A name that has become
another kind of thing, an array where the end of the lesson has a number, is reported too: it has two meanings.
"""

from __future__ import annotations

import os
import textwrap

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

os.environ.setdefault("MININNIP_FAST", "1")  # lessons shorten dynamics that only looks better when longer

REMEMBER = textwrap.dedent("""
    def _remember():
        import numbers, sys, types
        import numpy as np, torch

        def kind(value):
            if isinstance(value, (np.ndarray, torch.Tensor)):
                return "array" if value.ndim else "number"
            if isinstance(value, (numbers.Number, np.generic)):
                return "number"
            if isinstance(value, (list, tuple)):
                return "sequence"
            return type(value).__name__

        def values():
            return {k: v for k, v in globals().items() if not k.startswith("_") and k not in ("In", "Out")}

        before = values()

        def restore():
            for name in values().keys() - before.keys():
                del globals()[name]
            globals().update(before)

        def print_changed():
            for name, value in values().items():
                if name in before and kind(value) != kind(before[name]):
                    print(f"{name} ({kind(value)}, {kind(before[name])})", end=" ")

        sys._after_run_all = types.SimpleNamespace(restore=restore, print_changed=print_changed)

    _remember()
""")

ready: set[pytest.Collector] = set()  # notebooks whose kernel has stored the state after the first run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After the last cell of each notebook, its cells again."""
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    last = {cell.parent: cell for cell in cells}  # later ones replace earlier ones
    for notebook, cell in last.items():
        again = [
            CellAgain.from_parent(notebook, name=f"{first.name} again", first_run=first)
            for first in cells
            if first.parent is notebook and "once" not in first.cell.metadata.get("tags", [])
        ]
        after = items.index(cell) + 1
        items[after:after] = again
        notebook.skip_compare += ("text/html",)  # pictures in their HTML form, which no two machines draw alike
        notebook.first_runs = [first for first in cells if first.parent is notebook]


def first_run_went_well(notebook) -> bool:
    """Whether every cell ran, without an error."""
    outputs = [cell.test_outputs for cell in notebook.first_runs]
    return None not in outputs and not any(out.output_type == "error" for cell in outputs for out in cell)


class CellAgain(pytest.Item):
    """One cell, run a second time in the kernel that has run the whole lesson."""

    parent: IPyNbFile

    def __init__(self, *, first_run: IPyNbCell, **kwargs) -> None:
        super().__init__(**kwargs)
        self.first_run = first_run

    def runtest(self) -> None:
        if not first_run_went_well(self.parent):
            pytest.skip("the first run failed")
        if self.parent not in ready:
            ready.add(self.parent)
            self.run(REMEMBER)
        self.run("__import__('sys')._after_run_all.restore()")
        again = self.run(self.first_run.cell.source)
        if "varies" not in self.first_run.cell.metadata.get("tags", []):
            outputs = self.first_run.test_outputs or []
            first = "".join(output.text for output in outputs if output.get("name") == "stdout")
            assert again == first, f"printed first:\n{first}\nprinted again:\n{again}"
        changed = self.run("__import__('sys')._after_run_all.print_changed()")
        assert not changed, f"one name, two meanings (here, and at the end of the lesson): {changed}"

    def run(self, source: str) -> str:
        """Run code in the notebook's kernel and return what it printed; an error there is an error here."""
        printed = []

        def keep(message: dict) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        kernel = self.parent.kernel
        assert kernel is not None, "nbval has started no kernel"
        seconds = self.config.option.nbval_cell_timeout
        reply = kernel.kc.execute_interactive(source, allow_stdin=False, output_hook=keep, timeout=seconds)["content"]
        assert reply["status"] == "ok", f"{reply.get('ename')}: {reply.get('evalue')}"
        return "".join(printed)

    def repr_failure(self, excinfo, style=None):
        return f"{excinfo.value}\n\nin the cell {self.first_run.cell.id}:\n\n{self.first_run.cell.source}"

    def reportinfo(self):
        return self.path, 0, f"{self.path.name} {self.first_run.cell.id} again"
