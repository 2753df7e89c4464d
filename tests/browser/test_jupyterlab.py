"""The tools themselves: a small notebook with a slider, made here, behaves in JupyterLab as the lessons rely on."""

import nbformat
import pytest

SOURCE = """
import matplotlib.pyplot as plt
import ipywidgets
from IPython.display import display
figure, axes = plt.subplots(); axes.plot([0, 1]); plt.show()
slider = ipywidgets.FloatSlider(value=1.0, description="height"); label = ipywidgets.Label("start")
slider.observe(lambda change: setattr(label, "value", f"now {change['new']:.1f}"), "value")
display(slider, label)
"""


@pytest.fixture
def small_notebook(lab):
    cells = [nbformat.v4.new_code_cell(SOURCE.strip()), nbformat.v4.new_code_cell("1 / 0")]
    path = lab.root / "small.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path.name


def test_a_slider_moves_by_keyboard_and_an_exception_is_seen(open_notebook, small_notebook):
    notebook = open_notebook(small_notebook)
    notebook.run_all()
    assert notebook.errors() == ["ZeroDivisionError: division by zero"]
    handle = notebook.page.locator(".noUi-handle").first
    handle.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.get_by_text("now 1.1").wait_for()
    notebook.screenshot()
    assert notebook.page.get_by_text("Jupyter news").count() == 0
    assert notebook.console_errors == []
