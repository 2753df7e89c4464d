"""The tools themselves, in a small notebook made here: what every lesson relies on works in JupyterLab."""

import io
import os
import statistics

import nbformat
import numpy as np
import pytest
from PIL import Image

WAVE = """
import numpy as np
from ipywidgets import FloatSlider
from matplotlib.figure import Figure
from mininnip.widgets.live_figure import LiveFigure
from mininnip.widgets.panel import Panel

class Wave(Panel):
    def __init__(self):
        super().__init__("wave")
        figure, self.x = Figure(figsize=(6, 3)), np.linspace(0, 6, 300)
        axes = figure.subplots()
        self.line, = axes.plot(self.x, np.sin(self.x))
        self.live = LiveFigure(figure, moving=[self.line], alt="A wave.")
        self.frequency = self.control("frequency", FloatSlider(1.0, min=0.5, max=3.0), self.draw)
        self.show_all([self.live.view, self.frequency])

    def draw(self):
        self.line.set_ydata(np.sin(self.frequency.value * self.x))
        self.live.refresh()
"""
CELLS = [
    WAVE,
    "wave = Wave()\nwave",
    "import ase.build, mininnip as mn\nmn.view(ase.build.molecule('CH3CH2OH'))",
    "1 / 0",
]
# What is drawn of the line, weighted by where: the browser shows just the pixels that the kernel drew.
SUM_IN_KERNEL = """
alpha = np.asarray(wave.live._canvas.buffer_rgba())[..., 3].ravel().astype(int)
print((alpha * (np.arange(alpha.size) % 997)).sum())
"""
SUM_IN_BROWSER = """drawn => {
    const canvas = document.querySelectorAll('.mininnip-figure canvas')[1];
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let total = 0;
    for (let k = 0; k < data.length / 4; k++) total += data[4 * k + 3] * (k % 997);
    return total === drawn && drawn > 0;
}"""


def colors(png: bytes) -> int:
    """Number of different colors in a picture: 1 for an empty one."""
    return len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0))


@pytest.fixture
def notebook(lab, open_notebook):
    write_notebook(lab.root / "small.ipynb", CELLS)
    notebook = open_notebook("small.ipynb")
    notebook.run_all()
    yield notebook
    notebook.screenshot()


def write_notebook(path, sources):
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def test_a_live_figure_follows_keyboard_and_mouse_and_the_viewer_draws(notebook):
    assert notebook.errors() == ["ZeroDivisionError: division by zero"]
    panel = notebook.panels()
    slider = panel.locator(".wave-frequency")
    ticks = [notebook.milliseconds_to_change(panel, notebook.press(slider)) for _ in range(12)]
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # programs per core that want to run
    print(
        f"ms per tick: median {statistics.median(ticks):.0f}, quickest {min(ticks):.0f}; {crowd:.1f} programs per core"
    )
    assert min(ticks) <= 100 * crowd
    assert notebook.milliseconds_to_change(panel, notebook.drag(slider)) is not None
    notebook.page.wait_for_timeout(1000)
    drawn = int(notebook.run_code(SUM_IN_KERNEL))
    notebook.page.wait_for_function(SUM_IN_BROWSER, arg=drawn)
    assert colors(notebook.page.locator(".mininnip-view canvas").first.screenshot()) > 100
    assert notebook.page.get_by_text("Jupyter news").count() == 0
    assert notebook.console_errors == []


WITHOUT_WEBGL = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
    return kind.includes('webgl') ? null : getContext.call(this, kind, ...options);
};
"""


def test_without_webgl_a_sentence_says_so_and_the_picture_stands_below(lab, page, open_notebook):
    page.add_init_script(WITHOUT_WEBGL)
    write_notebook(lab.root / "flat.ipynb", [CELLS[2]])
    notebook = open_notebook("flat.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    page.get_by_text("the browser has WebGL switched off").wait_for()
    assert all(colors(canvas.screenshot()) == 1 for canvas in page.locator(".mininnip-view canvas").all())
    assert colors(page.locator(".jp-OutputArea-output img").last.screenshot()) > 100
    assert page.get_by_text("Error displaying widget").count() == 0
    notebook.screenshot()
