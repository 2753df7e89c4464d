"""Every lesson as a person meets it: Run All, look, move each slider; and as a page that cannot run still shows it."""

import io
import re
import time
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
@pytest.mark.timeout(1200)  # a machine that runs the other tests beside it takes its time
def test_run_all_in_jupyterlab(path, open_notebook):
    lesson = open_notebook(f"course/{path.name}")
    print(f"{path.stem}: {lesson.run_all(600):.0f} s")
    lesson.screenshots_from_top_to_bottom()
    assert lesson.errors() == []
    assert lesson.page.get_by_text("Error displaying widget").count() == 0
    assert lesson.page.get_by_text("Click to show javascript error").count() == 0
    for panel in lesson.panels().all():
        assert_it_answers_to_keyboard_and_mouse(lesson, panel)
    for canvas in lesson.page.locator(".mininnip-view canvas").all():
        canvas.scroll_into_view_if_needed()
        lesson.page.wait_for_timeout(1000)
        assert colors(canvas.screenshot()) > 100, "the 3-D canvas is blank"
    if path.stem in DEEDS:
        start = time.perf_counter()
        DEEDS[path.stem](lesson)
        print(f"  live demonstration: {time.perf_counter() - start:.0f} s")
    assert lesson.console_errors == []


NO_LAYER_IS_BLANK = """panel => [...panel.querySelectorAll('.mininnip-figure canvas')].every(
    canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte))"""


def assert_it_answers_to_keyboard_and_mouse(lesson, panel):
    """Sliders or the figure itself change what is shown, by keyboard and by mouse; if not at once, then after a run."""
    name = re.findall(r"mininnip-([\w-]+)", panel.get_attribute("class"))[0]
    panel.scroll_into_view_if_needed()
    lesson.page.wait_for_function(NO_LAYER_IS_BLANK, arg=panel.element_handle())
    keyboard, mouse = try_controls(lesson, panel)
    if not (any(keyboard) and any(mouse)):
        panel.locator("button.mod-primary").first.focus()
        lesson.page.keyboard.press("Enter")
        lesson.page.wait_for_timeout(5000)
        if panel.get_by_role("button", name="Stop").is_enabled():
            panel.get_by_role("button", name="Stop").click()
        panel.locator("button.mod-primary:not([disabled])").first.wait_for()
        keyboard, mouse = try_controls(lesson, panel)
    lesson.screenshot(name, panel)
    print(f"  {name}: ms by keyboard {rounded(keyboard)}, by mouse {rounded(mouse)}")
    assert any(keyboard), "nothing changes the figure by keyboard"
    assert any(mouse), "nothing changes the figure by mouse"


def try_controls(lesson, panel):
    """Press a key on every slider and figure, drag and click them; the times until the figure changed, None if not."""
    keyboard, mouse = [], []
    for slider in panel.locator(".noUi-target:not([disabled])").all():
        if slider.is_visible():
            keyboard.append(lesson.milliseconds_to_change(panel, lesson.press(slider, "ArrowLeft")))
            mouse.append(lesson.milliseconds_to_change(panel, lesson.drag(slider)))
    for figure in panel.locator(".mininnip-figure[tabindex]").all():
        figure.focus()
        keyboard.append(lesson.milliseconds_to_change(panel, lambda: lesson.page.keyboard.press("ArrowRight")))
        place = {"x": 0.3 * figure.bounding_box()["width"], "y": 0.4 * figure.bounding_box()["height"]}
        mouse.append(lesson.milliseconds_to_change(panel, lambda figure=figure, at=place: figure.click(position=at)))
    return keyboard, mouse


def rounded(times):
    return [None if time is None else round(time) for time in times]


def fit_a_curve_and_melt_a_crystal(lesson):
    """Lesson 02 as a student plays it: choose, fit and disturb the fit; run the melt, stop it, look back."""
    fit = lesson.page.locator(".mininnip-pair-fit").first  # the second is for a dimer of one's own
    status = fit.locator(".mininnip-status")
    not_the_best = status.get_by_text(re.compile("(above|times) the best"))
    for form in ("Morse", "Mason–Schamp", "Lennard-Jones"):
        fit.get_by_role("button", name=form).click()
        not_the_best.wait_for()
        fit.get_by_role("button", name="Fit").click()
        status.get_by_text(", the best this form can do").wait_for()
        lesson.press(fit.locator(".pair-fit-parameter-1"), "ArrowLeft")()
        not_the_best.wait_for()
    lesson.screenshot("after-fit", fit)

    melt = lesson.page.locator(".mininnip-melt").first  # the second one is the student's own
    melt.scroll_into_view_if_needed()
    crystal = melt.locator("canvas").first.screenshot()
    melt.get_by_role("button", name="New crystal").click()
    melt.get_by_role("button", name="Run").click()
    frame = melt.locator(".melt-frame .widget-readout")
    lesson.page.wait_for_function("readout => Number(readout.textContent) >= 5", arg=frame.element_handle())
    melt.get_by_role("button", name="Stop").click()
    melt.locator(".melt-run:not([disabled])").wait_for()
    last = int(frame.text_content())
    assert melt.locator("canvas").first.screenshot() != crystal, "the atoms have not moved"
    assert lesson.milliseconds_to_change(melt, lesson.press(melt.locator(".melt-frame"), "ArrowLeft")) is not None
    assert int(frame.text_content()) == last - 1
    lesson.screenshot("after-melt", melt)

    mine = lesson.page.locator(".mininnip-pair-fit").nth(1)
    mine.scroll_into_view_if_needed()
    mine.get_by_role("button", name="Fit").click()
    mine.get_by_role("button", name="Melt it").click()
    own = mine.locator(".mininnip-melt")
    own.wait_for(timeout=60_000)
    own.scroll_into_view_if_needed()
    own.get_by_role("button", name="Run").click()
    lesson.page.wait_for_function(
        "readout => Number(readout.textContent) >= 2",
        arg=own.locator(".melt-frame .widget-readout").element_handle(),
        timeout=60_000,
    )
    own.get_by_role("button", name="Stop").click()
    lesson.screenshot("melt-of-ones-own", mine)


def train_a_network_and_melt_silicon(lesson):
    """Lesson 08 as an instructor shows it: train, stop, melt with repulsion, look flat, stop."""
    panel = lesson.page.locator(".mininnip-network-melt")
    panel.scroll_into_view_if_needed()
    panel.get_by_role("button", name="Reset").click()
    panel.locator(".mininnip-status").get_by_text("an untrained network").wait_for()
    panel.get_by_role("button", name="Train").click()
    wait_for_number(panel, "(\\d+) epochs", 10)
    panel.get_by_role("button", name="Stop").click()
    panel.locator(".network-melt-melt:not([disabled])").wait_for()
    before = panel.locator("canvas").first.screenshot()
    panel.get_by_label("repulsion of nuclei").check()  # without it a melt may end in a collision at any time
    panel.get_by_role("button", name="Melt").click()
    wait_for_number(panel, "frame (\\d+)", 20)
    lesson.screenshot("melting", panel)
    assert "with ZBL" in panel.locator(".mininnip-status").text_content()
    assert panel.locator("canvas").first.screenshot() != before, "the atoms have not moved"
    panel.get_by_role("button", name="flat").click()
    wait_for_number(panel, "frame (\\d+)", 50)
    panel.get_by_role("button", name="Stop").click()
    panel.locator(".network-melt-melt:not([disabled])").wait_for()
    lesson.screenshot("stopped", panel)


def send_messages(lesson):
    """Lesson 12 as an instructor shows it: run, choose the other oxygen by a click, look flat, widen the cutoff."""
    panel = lesson.page.locator(".mininnip-message-graph")
    panel.scroll_into_view_if_needed()
    status = panel.locator(".mininnip-status")
    panel.get_by_role("button", name="Run").click()
    status.get_by_text("22 of 22").wait_for()
    lesson.screenshot("all-heard", panel)
    canvas = panel.locator("canvas").first.screenshot()
    figure = panel.locator(".mininnip-figure[tabindex]")
    figure.click(position={"x": 0.63 * figure.bounding_box()["width"], "y": 0.53 * figure.bounding_box()["height"]})
    status.get_by_text("O7").wait_for()
    for _ in range(2):
        lesson.press(panel.locator(".message-graph-steps"), "ArrowLeft")()
    status.get_by_text("it has not heard of one at").wait_for()
    lesson.page.wait_for_timeout(1000)
    assert panel.locator("canvas").first.screenshot() != canvas, "the 3-D viewer shows what was heard before"
    lesson.screenshot("two-steps-back", panel)
    panel.get_by_role("button", name="flat").click()
    lesson.screenshot("flat", panel)


def walk_on_the_map(lesson):
    """Lesson 01: roll, the barrier of a path, motion in a bath; the hill and the hydrogen of ammonia."""
    panel = lesson.page.locator(".mininnip-landscape")
    status = panel.locator(".mininnip-status")
    figure = panel.locator(".mininnip-figure[tabindex]")
    figure.scroll_into_view_if_needed()
    panel.get_by_role("button", name="roll downhill").click()
    near_A = {"x": 0.2 * figure.bounding_box()["width"], "y": 0.3 * figure.bounding_box()["height"]}
    figure.click(position=near_A)
    status.get_by_text("every step costs energy, a").wait_for()
    panel.get_by_role("button", name="A and C").click()
    status.get_by_text("saddle at E = -40.7").wait_for()
    panel.get_by_role("button", name="move at a temperature").click()
    set_slider(panel.locator(".landscape-temperature"), 15)
    figure.click(position=near_A)  # not from the saddle: there it may leave the map
    panel.get_by_text(re.compile("step [1-9][0-9]+0")).wait_for()
    panel.get_by_role("button", name="Stop").click()
    status.get_by_text("held here. Curvatures").wait_for()
    tunneling = lesson.page.locator(".mininnip-tunneling")
    tunneling.scroll_into_view_if_needed()
    swings = []
    for hill, hydrogen in ((0.25, "NH₃"), (0.4, "NH₃"), (0.4, "ND₃")):
        set_slider(tunneling.locator(".tunneling-hill"), hill)
        tunneling.get_by_role("button", name=hydrogen).click()
        tunneling.get_by_text(f"{hydrogen} over a hill of {hill:.3f} eV").wait_for()
        swings.append(number_in(tunneling, r"swings at ([\d.e+-]+) GHz"))
    assert swings[0] > 4 * swings[1] > 16 * swings[2]


def fit_with_more_and_more_neurons(lesson):
    """Lesson 05: two neurons bend too little, sixteen follow the curve."""
    panel = lesson.page.locator(".mininnip-approximator")
    panel.scroll_into_view_if_needed()
    set_slider(panel.locator(".approximator-noise"), 0)
    set_slider(panel.locator(".approximator-rate"), 0.01)
    errors = []
    for neurons in (2, 16):
        set_slider(panel.locator(".approximator-neurons"), neurons)
        panel.get_by_role("button", name="Reset").click()
        panel.locator(".approximator-start").click()
        panel.get_by_text(re.compile("RMSE 0")).wait_for()
        lesson.page.wait_for_timeout(10_000)
        panel.get_by_role("button", name="Pause").click()
        panel.locator(".approximator-start:not([disabled])").wait_for()
        errors.append(number_in(panel, r"RMSE is ([\d.e-]+) on training"))
    assert errors[1] < errors[0] / 2
    lesson.screenshot("sixteen-neurons", panel)


def turn_the_trimer(lesson):
    """Lesson 06: turned, the network of coordinates is wrong; distances repair it; sorted ones survive relabeling."""
    panel = lesson.page.locator(".mininnip-trimer")
    panel.scroll_into_view_if_needed()
    off = r"off by ([+−-][\d.]+) ε"
    panel.get_by_role("button", name="Back to training").click()
    set_slider(panel.locator(".trimer-turn"), 40)
    assert abs(number_in(panel, off)) > 0.1
    names = panel.locator(".trimer-inputs button").all_text_contents()
    panel.get_by_role("button", name=names[1], exact=True).click()
    assert abs(number_in(panel, off)) < 0.1
    panel.get_by_role("button", name=names[2], exact=True).click()
    before = number_in(panel, off)
    panel.get_by_role("button", name="Relabel").click()
    assert number_in(panel, off) == before
    lesson.screenshot("relabeled", panel)


def turn_and_mirror_an_environment(lesson):
    """Lesson 07: turned, mirrored, relabeled, the numbers stay."""
    panel = lesson.page.locator(".mininnip-symmetry")
    panel.scroll_into_view_if_needed()
    set_slider(panel.locator(".symmetry-angle"), 109)
    for button, said in (("Turn", "Turned"), ("Mirror", "Mirrored"), ("Relabel", "Relabelled")):
        panel.get_by_role("button", name=button).click()
        panel.locator(".mininnip-status").get_by_text(f"{said}: a coordinate changed by").wait_for()
        assert number_in(panel, r"no symmetry function by more than ([\d.e+-]+)") < 1e-9


def learn_with_and_without_forces(lesson):
    """Lesson 13: energies alone teach forces little; λ_F = 1 does."""
    panel = lesson.page.locator(".mininnip-force-training")
    panel.scroll_into_view_if_needed()
    errors = []
    for weight in (0, 1):
        panel.get_by_role("button", name="Reset").click()
        set_slider(panel.locator(".force-training-weight"), weight)
        panel.locator(".force-training-start").click()
        wait_for_number(panel, r"(\d+) epochs: forces", 5)
        panel.get_by_role("button", name="Pause").click()
        panel.locator(".force-training-start:not([disabled])").wait_for()
        errors.append(number_in(panel, r"forces ([\d.]+) meV"))
    assert errors[1] < errors[0] / 2
    lesson.screenshot("with-forces", panel)


def break_equivariance(lesson):
    """Lesson 15: turned, all tests pass; with a bias on vectors rotation and mirror fail."""
    panel = lesson.page.locator(".mininnip-turning-molecule").last  # the first shows the bias from the start
    panel.scroll_into_view_if_needed()
    lesson.press(panel.locator(".noUi-target").first)()
    panel.locator(".mininnip-status").get_by_text("passes").first.wait_for()
    assert panel.locator(".mininnip-status").get_by_text("fails").count() == 0
    panel.get_by_role("checkbox", name="bias on vectors").check()
    panel.locator(".mininnip-status").get_by_text("fails").first.wait_for()
    lesson.screenshot("biased", panel)


def attack_from_a_click(lesson):
    """Lesson 22: a click is climbed from, and the spread grows."""
    panel = lesson.page.locator(".mininnip-attack")
    figure = panel.locator(".mininnip-figure[tabindex]")
    figure.scroll_into_view_if_needed()
    figure.click(position={"x": 0.2 * figure.bounding_box()["width"], "y": 0.5 * figure.bounding_box()["height"]})
    panel.locator(".mininnip-status").get_by_text("The seed climbed to").wait_for()
    assert number_in(panel, r"p σ² has grown ([\d.e+]+)-fold") > 1
    lesson.screenshot("attacked", panel)


def set_slider(slider, value):
    """Type a value beside a slider, as a person does who wants just that one."""
    readout = slider.locator(".widget-readout")
    readout.click()
    readout.fill(str(value))
    readout.press("Enter")
    slider.page.wait_for_timeout(700)


def number_in(panel, pattern):
    """The number that a panel shows in these words."""
    panel.page.wait_for_function(
        "([panel, pattern]) => new RegExp(pattern).test(panel.innerText)", arg=[panel.element_handle(), pattern]
    )
    return float(re.search(pattern, panel.inner_text()).group(1).replace("−", "-").rstrip("."))


def wait_for_number(panel, pattern, least):
    """Wait until the first number that a panel shows in these words is large enough, however busy the machine."""
    panel.page.wait_for_function(
        "([panel, pattern, least]) => Number((panel.innerText.match(pattern) || [0, 0])[1]) >= least",
        arg=[panel.element_handle(), pattern, least],
        timeout=300_000,
    )


def grow_clouds(lesson):
    """Lesson 17 as an instructor shows it: one sampler after the other leaves its dots, and is stopped."""
    panel = lesson.page.locator(".mininnip-torsion-cloud")
    panel.scroll_into_view_if_needed()
    for sampler in ("dynamics", "metadynamics", "normal modes", "rattling"):
        panel.get_by_role("button", name=sampler, exact=True).click()
        panel.get_by_role("button", name="Start").click()
        told = panel.locator(".mininnip-status").get_by_text(re.compile(rf"; {sampler}: ([5-9]|\d\d+) frames"))
        told.wait_for(timeout=60_000)
        panel.get_by_role("button", name="Stop").click()
        panel.locator(".torsion-cloud-run:not([disabled])").wait_for()
    lesson.screenshot("after-clouds", panel)


DEEDS = {  # what an instructor shows of each lesson in fifteen minutes, live
    "01_energy_surfaces": walk_on_the_map,
    "02_pair_potentials": fit_a_curve_and_melt_a_crystal,
    "05_universal_approximator": fit_with_more_and_more_neurons,
    "06_coordinates_to_energy": turn_the_trimer,
    "07_symmetry_functions": turn_and_mirror_an_environment,
    "08_behler_parrinello": train_a_network_and_melt_silicon,
    "12_message_passing": send_messages,
    "13_schnet": learn_with_and_without_forces,
    "15_equivariance": break_equivariance,
    "17_sampling": grow_clouds,
    "22_adversarial_double_well": attack_from_a_click,
}


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
