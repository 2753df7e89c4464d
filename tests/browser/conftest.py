"""JupyterLab as a person meets it: one server for all tests, one headless Chromium, and lessons opened in them.

The server works on a copy of course/ with its own settings: nothing of the user's is read, no lesson is changed.
Chromium draws WebGL in software, so that the 3-D viewer runs on a machine without a graphics card; all else it draws
as on such a machine, without WebGL, for through it every frame of a page would take twice as long.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from mininnip.doctor import HOW_TO_GET_CHROMIUM, find_chromium
from mininnip.lab import LAB_SETTINGS

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(__file__).resolve().parent / "screenshots"
TOKEN = "a-person"
SECOND = 1000  # Playwright counts milliseconds

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Console errors of JupyterLab itself that appear without any lesson, by exact beginning of their text.
HARMLESS: tuple[str, ...] = ()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab on a copy of the course."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(REPOSITORY / "course", root / "course", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    home = tmp_path_factory.mktemp("jupyter")
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    environment |= {"OMP_NUM_THREADS": "1"}
    environment.pop("MPLBACKEND", None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
        *(f"--ServerApp.root_dir={root}", f"--LabApp.app_settings_dir={LAB_SETTINGS}"),
    ]
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield Lab(root, _wait_for(f"http://127.0.0.1:{port}", server, log))
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> str:
    """The address once the server answers there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/api/status?token={TOKEN}", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return url
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    program = find_chromium()
    if program is None:
        pytest.skip(f"no Chromium. {HOW_TO_GET_CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh window."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1600})
    context.set_default_timeout(60 * SECOND)
    yield context.new_page()
    context.close()


@pytest.fixture
def open_notebook(lab: Lab, page: Page) -> Iterator[Any]:
    """A function that opens a notebook of the server's folder: `open_notebook("small.ipynb")`; its kernel is ready."""
    opened: list[OpenNotebook] = []

    def open_it(path: str) -> OpenNotebook:
        opened.append(OpenNotebook(lab, page, path))
        return opened[-1]

    yield open_it
    for notebook in opened:
        notebook.close()


class Lab:
    """Where the server is.

    Attributes:
        root: the folder it shows.
        url: its address.
    """

    def __init__(self, root: Path, url: str):
        self.root, self.url = root, url


class OpenNotebook:
    """A notebook in JupyterLab, and what a person does with it."""

    def __init__(self, lab: Lab, page: Page, path: str):
        self.page, self.name = page, Path(path).stem
        self.console_errors: list[str] = []
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note(f"{error.name}: {error.message}"))
        page.goto(f"{lab.url}/lab/tree/{path}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
        self._evaluate(
            """async () => {
                const panel = jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                while (!panel.sessionContext.session?.kernel) await new Promise(done => setTimeout(done, 100));
                await panel.sessionContext.session.kernel.info;
            }""",
            timeout=60,
        )

    def _note(self, text: str) -> None:
        if not text.startswith(HARMLESS or ("\0",)):
            self.console_errors.append(text)

    def _evaluate(self, script: str, timeout: float) -> None:
        """Run an asynchronous function in the page; an error if it does not end within so many seconds."""
        late = (
            f"new Promise((_, fail) => setTimeout(() => fail(Error('not done after {timeout} s')), {timeout * SECOND}))"
        )
        self.page.evaluate(f"() => Promise.race([({script})(), {late}])")

    def run_all(self, timeout: float = 240) -> float:
        """Run All Cells, as from the menu; return the seconds it took."""
        start = time.perf_counter()
        self._evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')", timeout)
        return time.perf_counter() - start

    def run_code(self, code: str) -> str:
        """Run code in the kernel beside the cells; return what it prints."""
        script = """async code => {
            const future = jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
            let text = '';
            future.onIOPub = ({ content }) => { text += content.text ?? content.traceback?.join('\\n') ?? ''; };
            await future.done;
            return text;
        }"""
        return self.page.evaluate(script, code)

    def outputs(self) -> list[list[dict]]:
        """The outputs of every cell, as JSON."""
        script = """() => {
            const cells = jupyterapp.shell.currentWidget.content.model.cells;
            return JSON.stringify([...Array(cells.length).keys()].map(i => cells.get(i).outputs?.toJSON() ?? []));
        }"""
        return json.loads(self.page.evaluate(script))

    def errors(self) -> list[str]:
        """Exceptions that cells have shown."""
        outputs = [output for cell in self.outputs() for output in cell]
        return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]

    def scroll_to_cell_with(self, text: str) -> Locator:
        """Bring the first code cell whose source holds the text into view: JupyterLab draws only what is near."""
        index = self.page.evaluate(
            """text => {
                const cells = jupyterapp.shell.currentWidget.content.model.cells;
                return [...Array(cells.length).keys()].findIndex(
                    i => cells.get(i).type === 'code' && cells.get(i).sharedModel.getSource().includes(text));
            }""",
            text,
        )
        assert index >= 0, f"no cell holds {text!r}"
        self.page.evaluate(
            """async index => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                await notebook.scrollToItem(index, 'start');
            }""",
            index,
        )
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def milliseconds_to_change(self, panel: Locator, act: Callable[[], None], text: bool = False) -> float | None:
        """From a key, a click or the first movement of a drag until the frame with a new picture has been drawn.

        Args:
            panel: the widget that holds the figure.
            act: presses a key or moves the mouse, once.
            text: wait for new text in the panel, not for a new picture of a figure.

        Returns:
            The time in ms as the page measures it, without Playwright's own delays; None if nothing changes in 4 s.
        """
        panel.evaluate(
            """(panel, text) => {
                let start = null;
                const begin = event => {
                    if (event.type !== 'pointermove' || event.buttons) start ??= event.timeStamp;
                };
                for (const kind of ['keydown', 'click', 'pointermove']) addEventListener(kind, begin, true);
                window.change = new Promise(done => {
                    const end = time => {
                        for (const kind of ['keydown', 'click', 'pointermove']) removeEventListener(kind, begin, true);
                        watch.disconnect();
                        done(time);
                    };
                    const watch = new MutationObserver(() => {
                        if (start === null) return;  // a picture that would have come anyway
                        watch.disconnect();
                        requestAnimationFrame(() => setTimeout(() => end(performance.now() - start)));
                    });
                    const words = { childList: true, characterData: true }, pictures = ['data-pictures'];
                    watch.observe(panel, { subtree: true, ...(text ? words : { attributeFilter: pictures }) });
                    setTimeout(() => end(null), 4000);
                });
            }""",
            text,
        )
        act()
        return self.page.evaluate("window.change")

    def press(self, slider: Locator, key: str = "ArrowRight") -> Callable[[], None]:
        """An action: one key on the handle of a slider."""
        slider.locator(".noUi-handle").first.focus()
        return lambda: self.page.keyboard.press(key)

    def drag(self, slider: Locator, pixels: float = 25) -> Callable[[], None]:
        """An action: take the handle of a slider and move it; near the right end it moves to the left."""
        slider.scroll_into_view_if_needed()
        handle, track = slider.locator(".noUi-handle").first.bounding_box(), slider.bounding_box()
        assert handle, "the slider has no handle on the screen"
        assert track
        x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        target = x + pixels if x + pixels < track["x"] + 0.6 * track["width"] else x - pixels

        def act() -> None:
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(target, y, steps=3)
            self.page.mouse.up()

        return act

    def panels(self) -> Locator:
        """Every live figure with its controls."""
        return self.page.locator(".widget-vbox[class*='mininnip-']:has(.mininnip-figure)")

    def screenshot(self, name: str = "", element: Locator | None = None) -> Path:
        """Keep a picture for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{self.name}{'-' + name if name else ''}.png"
        (element or self.page).screenshot(path=path)
        return path

    def screenshots_from_top_to_bottom(self) -> None:
        """Keep pictures of the whole notebook, one per screen."""
        for old in SCREENSHOTS.glob(f"{self.name}-[0-9][0-9].png"):
            old.unlink()
        scroller = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
        scroller.evaluate("outer => { outer.scrollTop = 0; }")
        for number in range(99):
            self.page.wait_for_timeout(300)
            self.screenshot(f"{number:02d}")
            end = scroller.evaluate(
                """outer => {
                    const before = outer.scrollTop;
                    outer.scrollTop += 0.95 * outer.clientHeight;
                    return outer.scrollTop - before < 5;
                }"""
            )
            if end:
                return

    def restart_kernel(self) -> None:
        """Restart the kernel, as from the menu."""
        self._evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()", timeout=60)

    def close(self) -> None:
        """Shut the kernel down without saving."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget?.sessionContext?.shutdown()")
