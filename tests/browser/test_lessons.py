"""Every lesson as a person meets it: Run All, look, move each slider; and as a page that cannot run still shows it."""

import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Page

COURSE = Path(__file__).resolve().parents[2] / "course"
NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

MAKES_A_WIDGET = re.compile(r"\bmn\.(widgets\.[A-Z]\w*|view)\(")
PICTURES = ("image/png", "image/svg+xml")


def colors(png: bytes) -> int:
    """Number of different colors in a picture: 1 for an empty one."""
    return len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0))


@every_notebook
def test_run_all_in_jupyterlab(path, open_notebook):
    lesson = open_notebook(f"course/{path.name}")
    print(f"{path.stem}: {lesson.run_all():.0f} s")
    lesson.screenshots_from_top_to_bottom()
    assert lesson.errors() == []
    assert lesson.page.get_by_text("Error displaying widget").count() == 0
    assert lesson.page.get_by_text("Click to show javascript error").count() == 0
    for number in range(lesson.panels().count()):
        assert_some_slider_works(lesson, lesson.panels().nth(number))
    for number in range(lesson.page.locator(".mininnip-view canvas").count()):
        canvas = lesson.page.locator(".mininnip-view canvas").nth(number)
        canvas.scroll_into_view_if_needed()
        lesson.page.wait_for_timeout(1000)
        assert colors(canvas.screenshot()) > 100, "the 3-D canvas is blank"
    assert lesson.console_errors == []


def assert_some_slider_works(lesson, panel):
    """At least one slider changes the figure, by keyboard and by mouse; every slider takes both without an error."""
    name = re.search(r"mininnip-(?!status|figure)[\w-]+", panel.get_attribute("class") or "")
    panel.scroll_into_view_if_needed()
    sliders = panel.locator(".widget-slider, .widget-hslider, .jupyter-widget-slider")
    by_keyboard = [lesson.milliseconds_to_change(panel, lesson.press(s)) for s in sliders.all() if s.is_visible()]
    by_mouse = [lesson.milliseconds_to_change(panel, lesson.drag(s)) for s in sliders.all() if s.is_visible()]
    print(f"  {name and name[0]}: ms by keyboard {by_keyboard}, by mouse {by_mouse}")
    lesson.screenshot(name[0] if name else "panel", panel)
    assert any(by_keyboard), "no slider changes the figure by keyboard"
    assert any(by_mouse), "no slider changes the figure by mouse"


@every_notebook
def test_a_page_that_cannot_run_shows_a_figure_for_each_widget(path, page: Page, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    pictures = [
        sum(any(k in o.get("data", {}) for k in PICTURES) for o in cell.get("outputs", [])) for cell in notebook.cells
    ]
    last = 0
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and MAKES_A_WIDGET.search(cell.source):
            assert sum(pictures[last : number + 1]), f"no picture stands before or with the widget of cell {cell.id!r}"
            last = number + 1
    html, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    shown = page.locator(".jp-OutputArea-output img").evaluate_all("all => all.map(img => img.naturalWidth)")
    assert len(shown) == sum(pictures)
    assert all(width > 100 for width in shown)
