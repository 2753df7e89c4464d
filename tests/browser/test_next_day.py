"""What stands in a notebook when the page is reloaded, the kernel restarted, the notebook opened next day.

All heroes of the course and a 3-D view stand in one notebook. Whatever is not alive shows its picture and the line that
says how to revive it, and nothing else; what was closed does not work on.
"""

import time

import nbformat
import pytest

SETUP = """
import itertools, threading
import ase.build, numpy as np, torch
import mininnip as mn
from mininnip.classical import PairPotential, lennard_jones, morse
from mininnip.neural import Cartesian, CoordinateNetwork, Distances

mn.style()
crystal = ase.build.bulk("Ar", "fcc", a=5.3, cubic=True) * (3, 3, 3)
crystal.calc = mn.Calculator(mn.Potential(PairPotential(lennard_jones, cutoff=7.5, epsilon=0.0104, sigma=3.40)))
r = torch.linspace(0.8, 4.0, 60, dtype=torch.float64)
curves = {"X₂": (r, morse(r, 4.0, 2.0, 1.2))}
pairs = Distances(list(itertools.combinations(range(3), 2)))
networks = {"distances": CoordinateNetwork(pairs, [18] * 3, (4,)).double()}
silicon = mn.load_data("silicon").where(trajectory=1)
start = silicon[100].atoms()[0]
ethanol = mn.load_data("ethanol_gfn2")
functions = mn.descriptors.SymmetryFunctions((14,), 4.0, g2=[(4.0, 2.2), (4.0, 3.0)])
bins = np.arange(0.05, 5.2, 0.1)
plane_networks = [CoordinateNetwork(Cartesian([0], axes=(0, 1)), [1], (4,)).double() for _ in range(2)]
hessian = mn.load_data("ethanol_hessian")
still = ase.Atoms(hessian.arrays["numbers"], hessian.arrays["positions"])
free = dict.fromkeys((1, 6, 8), 0.0)
still.calc = mn.Calculator(mn.Potential(mn.neural.SchNet(4.0, 8, 1), free))
committee = mn.Ensemble([mn.Potential(network, {1: 0.0}) for network in plane_networks])
"""
LIVE = [
    "mn.view(ase.build.molecule('CH3CH2OH'))",
    "mn.widgets.Landscape()",
    "mn.widgets.PairFit(curves)",
    "mn.widgets.MeltPlayer(crystal)",
    "mn.widgets.Approximator()",
    "mn.widgets.Trimer(networks)",
    "mn.widgets.AttackMap(committee, torch.zeros(1, 2, dtype=torch.float64))",
    "mn.widgets.SymmetryExplorer()",
    "mn.widgets.MessageGraph(ase.build.molecule('CH3CH2OH'))",
    "mn.widgets.ForceTraining(lambda seed=0: mn.neural.SchNet(4.0, 8, 1), ethanol[:10], ethanol[10:14])",
    "mn.widgets.TurningMolecule(ase.build.molecule('CH3OH'), mn.neural.NequIP(4.0, 2, 3, 2).double())",
    "mn.widgets.TorsionCloud(still, hessian.arrays['hessian'], [(0, 1, 2, 3), (2, 1, 0, 6)])",
    "mn.widgets.NetworkMelt(silicon[::40], silicon[5:9], start, functions, (bins, np.ones_like(bins)))",
]
# What stands in each cell with a live thing: widgets, pictures and lines that can be seen, by their texts.
SEEN = """() => [...document.querySelectorAll('.jp-CodeCell')].slice(1).map(cell => {
    const seen = selector => [...cell.querySelectorAll(selector)].filter(one => one.checkVisibility());
    return {
        alive: seen('.mininnip-alive').length,
        pictures: seen('img.mininnip-picture').filter(img => img.alt && img.naturalWidth > 100).length,
        lines: seen('.mininnip-revive').length,
        broken: seen('.jp-OutputArea-output').map(one => one.innerText).filter(
            text => /Error displaying|Loading widget|model not found/.test(text)),
    };
})"""
IN_BACKGROUND = "print([t.name for t in threading.enumerate() if 'mininnip' in t.name])"


@pytest.fixture
def notebook(lab, page, open_notebook):
    page.set_viewport_size({"width": 1366, "height": 6000})  # JupyterLab draws only what is near
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in (SETUP, *LIVE)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.root / "live.ipynb")
    notebook = open_notebook("live.ipynb")
    notebook.run_all()
    assert notebook.errors() == []
    wait_for(page, alive)
    return notebook


def alive(cell, is_view):
    return cell == {"alive": 1, "pictures": int(is_view), "lines": 0, "broken": []}


def still(cell, _is_view):
    return cell == {"alive": 0, "pictures": 1, "lines": 1, "broken": []}


def wait_for(page, state, seconds=40):
    """Wait until all cells are alive, or still."""
    deadline = time.monotonic() + seconds
    while True:
        cells = page.evaluate(SEEN)
        wrong = [(LIVE[k], cell) for k, cell in enumerate(cells) if not state(cell, k == 0)]
        if len(cells) == len(LIVE) and not wrong:
            return
        assert time.monotonic() < deadline, wrong
        page.wait_for_timeout(200)


def save(page):
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")


def train(notebook):
    """Start the training of lesson 05, and see that it runs."""
    notebook.page.locator(".approximator-start").click()
    notebook.page.locator(".mininnip-approximator").get_by_text("RMSE 0").wait_for()
    assert "mininnip" in notebook.run_code(IN_BACKGROUND)


def test_after_a_new_run_of_every_cell_and_a_reload_all_live_on(notebook, lab):
    page = notebook.page
    notebook.run_all()
    wait_for(page, alive)
    train(notebook)
    save(page)
    page.reload()
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    wait_for(page, alive)
    notebook.screenshot("reloaded")
    assert notebook.run_code(IN_BACKGROUND).strip() == "[]", "the page has gone, and its training runs on"
    assert notebook.milliseconds_to_change(
        page.locator(".mininnip-trimer"), notebook.press(page.locator(".mininnip-trimer .noUi-target").first)
    )


def test_after_a_restart_and_on_the_next_day_pictures_stand_in(notebook, open_notebook):
    page = notebook.page
    train(notebook)
    notebook.restart_kernel()
    wait_for(page, still)
    notebook.screenshot("restarted")
    save(page)
    notebook.close()
    open_notebook("live.ipynb")
    wait_for(page, still)
    notebook.screenshot("next-day")


WATCH = """
def watch():
    import pathlib, time
    for k in range(600):
        names = [t.name for t in threading.enumerate() if "mininnip" in t.name]
        pathlib.Path("threads.txt").write_text(" ".join(names) or "none")
        time.sleep(0.1)

threading.Thread(target=watch, daemon=True).start()
"""


# Of each panel: its height, that of the notebook's window, and by how much anything is wider than its place.
MEASURE = """() => [...document.querySelectorAll('.mininnip-alive:has(.mininnip-status)')].map(panel => [
    panel.className.match(/mininnip-(?!alive)[a-z-]+/)[0], panel.getBoundingClientRect().height,
    document.querySelector('.jp-WindowedPanel-outer').clientHeight,
    Math.max(panel.closest('.jp-OutputArea-output').scrollWidth - panel.closest('.jp-OutputArea-output').clientWidth,
        ...[...panel.querySelectorAll('canvas')].map(canvas =>
            canvas.getBoundingClientRect().right - canvas.closest('.widget-hbox > *, .mininnip-alive')
                .getBoundingClientRect().right))])"""


def settled(page, seconds=10):
    """Measures of all panels once they have found their size; a busy computer takes its time for that."""
    for _ in range(2 * seconds):
        page.wait_for_timeout(500)
        measured = page.evaluate(MEASURE)
        if all(too_wide < 1 for *_, too_wide in measured):
            break
    return measured


def test_on_a_small_screen_nothing_is_cut_at_three_zooms(notebook):
    page = notebook.page
    notebook.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    for zoom in (1.0, 1.25, 1.5):
        page.set_viewport_size({"width": round(1366 / zoom), "height": round(768 / zoom)})
        for name, height, window, too_wide in settled(page):
            assert too_wide < 1, f"{name} is cut at {100 * zoom:.0f} %"
            assert height <= window or zoom > 1, f"{name} with its status line is higher than the screen"
    page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    page.set_viewport_size({"width": 911, "height": 3600})
    page.wait_for_timeout(1500)
    notebook.screenshot("dark")


def test_a_closed_tab_ends_its_training(notebook, lab):
    page, watched = notebook.page, lab.root / "threads.txt"
    train(notebook)
    assert notebook.run_code(WATCH) == ""
    save(page)  # else JupyterLab asks first
    page.evaluate("() => jupyterapp.commands.execute('application:close')")
    page.locator(".jp-NotebookPanel").wait_for(state="detached")
    deadline = time.monotonic() + 5
    while not watched.exists() or watched.read_text() != "none":
        assert time.monotonic() < deadline, "the tab has gone, and its training runs on"
        time.sleep(0.1)
