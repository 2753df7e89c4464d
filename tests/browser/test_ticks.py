"""How long a tick of a slider takes in JupyterLab, and which part of it is ours: printed, not asserted.

Each panel of the course stands below two echoes of the same slider: a text and one and the same small picture, sent
back by the kernel without any work. What an echo takes is JupyterLab's and the browser's; the rest is ours. All take
turns within one run, so that other programs on the machine disturb all alike. `make benchmark` prints the table.
"""

import json
import os
import statistics

import nbformat
import pytest

SETUP = """
import time
import ase.build, ipywidgets
import mininnip as mn
from mininnip.classical import PairPotential, lennard_jones
from mininnip.widgets.live_figure import FigureView, LiveFigure, _packed

mn.style()
spent, handle = [], ipywidgets.Widget._handle_msg

def handle_and_time(self, message):
    start = time.process_time()
    handle(self, message)
    spent.append(1000 * (time.process_time() - start))

ipywidgets.Widget._handle_msg = handle_and_time
"""
ECHO_TEXT = """
slider, text = ipywidgets.FloatSlider(5), ipywidgets.Label("0")
slider.observe(lambda change: setattr(text, "value", str(change["new"])), "value")
text.add_class("echo-text")
ipywidgets.VBox([slider.add_class("echo-text-slider"), text])
"""
ECHO_PICTURE = """
import numpy as np

pictures = [_packed(np.full((8, 8, 4), gray, np.uint8)) for gray in (100, 200)]
slider_2, picture = ipywidgets.FloatSlider(5), FigureView(still=pictures[0], moving=pictures[0], width=8)
slider_2.observe(lambda change: setattr(picture, "moving", pictures[picture.moving == pictures[0]]), "value")
picture.add_class("echo-picture")
ipywidgets.VBox([slider_2.add_class("echo-picture-slider"), picture])
"""
PAIR_FIT = """
dimers = mn.load_data("dimers")
r, energy = dimers.curve("N2", "nevpt2")
mn.widgets.PairFit({"N₂": (r, energy - energy[-1])}, form="Morse")
"""
MELT = """
crystal = ase.build.bulk("Ar", "fcc", a=5.3, cubic=True) * (3, 3, 3)
crystal.calc = mn.Calculator(mn.Potential(PairPotential(lennard_jones, cutoff=7.5, epsilon=0.0104, sigma=3.40)))
melt = mn.widgets.MeltPlayer(crystal)
for _ in range(25):
    melt.run.advance(40.0)
melt._show_last()
melt
"""
# What is shown, the panel, the handle that is moved (None: the figure itself), and whether it answers with text.
SUBJECTS = {
    "echo, text": (ECHO_TEXT, ".echo-text", ".echo-text-slider", True),
    "echo, picture": (ECHO_PICTURE, ".echo-picture", ".echo-picture-slider", False),
    "01 landscape, cross": ("mn.widgets.Landscape()", ".mininnip-landscape", None, False),
    "02 pair fit, parameter": (PAIR_FIT, ".mininnip-pair-fit", ".pair-fit-parameter-1", False),
    "02 pair fit, window": ("", ".mininnip-pair-fit", ".pair-fit-window", False),
    "02 melt player, frame": (MELT, ".mininnip-melt", ".melt-frame", False),
    "05 approximator, neurons": (
        "mn.widgets.Approximator()",
        ".mininnip-approximator",
        ".approximator-neurons",
        False,
    ),
    "12 messages, atom": (
        "mn.widgets.MessageGraph(mn.load_data('alanine_dipeptide')[0].atoms()[0])",
        ".mininnip-message-graph",
        ".message-graph-atom",
        False,
    ),
    "07 symmetry, distance": ("mn.widgets.SymmetryExplorer()", ".mininnip-symmetry", ".symmetry-distance", False),
}
ROUNDS, TICKS = 2, 10  # ticks of each subject in each round


@pytest.fixture
def notebook(lab, open_notebook):
    sources = [SETUP, *(source for source, *_ in SUBJECTS.values() if source)]
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.root / "ticks.ipynb")
    notebook = open_notebook("ticks.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    return notebook


@pytest.mark.skipif("not config.getoption('benchmark_enable')", reason="a measurement: make benchmark")
def test_how_long_a_tick_takes(notebook):
    times: dict[str, list[float]] = {subject: [] for subject in SUBJECTS}
    kernel: dict[str, list[float]] = {subject: [] for subject in SUBJECTS}
    load = []
    for _ in range(ROUNDS):
        for subject, (_, panel, slider, text) in SUBJECTS.items():
            ticks, spent = move(notebook, panel, slider, text)
            times[subject] += ticks
            kernel[subject].append(spent)
            load.append(os.getloadavg()[0] / (os.cpu_count() or 1))
    echo = statistics.median(times["echo, picture"])
    print(f"\nms from key to picture; {min(load):.1f}–{max(load):.1f} programs per core want to run")
    print("| what | median | quickest | slowest | median less echo | processor time of the kernel |")
    print("|---|---:|---:|---:|---:|---:|")
    for subject, ticks in times.items():
        median = statistics.median(ticks)
        figures = (median, min(ticks), max(ticks), median - echo)
        print(f"| {subject} | {' | '.join(f'{x:.0f}' for x in figures)} | {min(kernel[subject]):.1f} |")
    assert notebook.console_errors == []


def move(notebook, panel, slider, text):
    """Press arrow keys to and fro; ms until each showed, and the kernel's processor time per tick, in ms."""
    panel = notebook.page.locator(panel).first
    panel.scroll_into_view_if_needed()
    handle = notebook.page.locator(slider).locator(".noUi-handle") if slider else panel.locator(".mininnip-figure")
    handle.first.focus()
    notebook.page.keyboard.press("ArrowLeft")  # away from an end, not counted
    notebook.page.wait_for_timeout(1000)
    notebook.run_code("spent.clear()")
    ticks = []
    for k in range(TICKS):
        key = "ArrowLeft" if k % 2 else "ArrowRight"
        ticks.append(notebook.milliseconds_to_change(panel, lambda key=key: notebook.page.keyboard.press(key), text))
        notebook.page.wait_for_timeout(200)  # a person does not press faster, and nothing is left under way
    assert None not in ticks
    return ticks, sum(json.loads(notebook.run_code("print(spent)"))) / TICKS
