"""Doctor: look at this computer and say what a lesson would trip over, one line and one remedy per finding (layer 9).

`python -m mininnip doctor` prints the findings and exits with 1 if something must be repaired; in a notebook,
`doctor.report()` prints the same. Each `check_...` function looks at one thing and returns its findings, so that a
broken part (a package that does not import, a missing file) is a finding and not a traceback. Imports nothing of
mininnip, and runs as a file of its own (`python mininnip/doctor.py`) where the package itself cannot be imported.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).resolve().parent.parent
REINSTALL = "delete the folder .venv and run `make course` again (Windows and conda: repeat the README's install block)"
GIB = 2**30
PORTS = range(8888, 8939)
PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        status: "ok", "note" (works, but worth knowing) or "repair" (a lesson would fail).
        line: what was seen, in one line.
        remedy: what to do about it; empty where nothing has to be done.
    """

    status: Literal["ok", "note", "repair"]
    line: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = {"ok": "ok    ", "note": "note  ", "repair": "REPAIR"}[self.status]
        return f"{mark}  {self.line}" + (f"\n        -> {self.remedy}" if self.remedy else "")


def report() -> bool:
    """Print every finding; return whether all lessons can run."""
    findings = examine()
    print(*findings, sep="\n")
    broken = sum(finding.status == "repair" for finding in findings)
    print("\nReady: every lesson can run here." if not broken else f"\n{broken} to repair: follow the arrows above.")
    return not broken


def examine() -> list[Finding]:
    """Run every check; a check that itself fails becomes a finding."""
    findings = []
    for check in CHECKS:
        try:
            findings += check()
        except Exception as error:
            findings.append(Finding("repair", f"{check.__name__} failed: {type(error).__name__}: {error}", REINSTALL))
    return findings


def check_python() -> list[Finding]:
    """A Python version for which every package of the course has builds."""
    line = f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"
    if sys.version_info[:2] not in PYTHON_VERSIONS:
        remedy = f"install Python 3.13, 3.12 or 3.11, then {REINSTALL}"
        return [Finding("repair", f"{line}; the course needs 3.11, 3.12 or 3.13", remedy)]
    return [Finding("ok", line)]


def check_packages() -> list[Finding]:
    """Installed versions against the exact versions on which the lessons were executed."""
    findings, fine = [], []
    for name, wanted in pinned_versions().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding("repair", f"{name} is not installed (wanted: {wanted})", REINSTALL))
            continue
        if installed.split("+")[0] == wanted:
            fine.append(f"{name} {installed}")
        else:
            line = f"{name} is {installed}; the lessons were executed with {wanted}"
            findings.append(Finding("note", line, "if a lesson behaves oddly: " + REINSTALL))
    return [Finding("ok", ", ".join(fine)), *findings] if fine else findings


def pinned_versions() -> dict[str, str]:
    """Name and version of each package the course depends on, as this installation of mininnip recorded them."""
    requirements = importlib.metadata.requires("mininnip") or []
    pins = (re.fullmatch(r"([\w.-]+)==([^\s;]+)", requirement) for requirement in requirements)
    return {pin[1]: pin[2] for pin in pins if pin}


def check_device() -> list[Finding]:
    """Where PyTorch can compute."""
    import torch

    if torch.cuda.is_available():
        return [Finding("ok", f"device: cuda ({torch.cuda.get_device_name()}); every lesson also runs without it")]
    if torch.backends.mps.is_available():
        return [Finding("ok", "device: mps (Apple GPU); float64 lessons stay on the CPU")]
    return [Finding("ok", f"device: cpu ({os.cpu_count()} cores); every lesson is made for this")]


def check_widgets() -> list[Finding]:
    """The JavaScript halves of ipywidgets and anywidget, and whether they understand the Python halves.

    ipywidgets 8 speaks with release 5.x of its JupyterLab extension; anywidget asks for its own release, major.minor.
    """
    anywidget_line = ".".join(importlib.metadata.version("anywidget").split(".")[:2]) + "."
    findings = []
    for extension, wanted in {"@jupyter-widgets/jupyterlab-manager": "5.", "anywidget": anywidget_line}.items():
        found = extension_version(extension)
        if found is None or not found.startswith(wanted):
            have = f"has {found}" if found else "has none"
            line = f"sliders and buttons: Python needs {wanted}x of the extension {extension}, JupyterLab {have}"
            findings.append(Finding("repair", line, REINSTALL))
    return findings or [Finding("ok", "sliders and buttons: the Python and JavaScript halves belong together")]


def check_viewer() -> list[Finding]:
    """nglview: its Python half asks the browser for one exact version of its JavaScript half."""
    remedy = "install the version that works: python -m pip install nglview==4.0"
    try:
        asked = importlib.import_module("nglview._frontend").__frontend_version__
    except Exception as error:
        line = f"3-D viewer: nglview cannot be imported ({type(error).__name__}: {error}); lessons show flat pictures"
        return [Finding("repair", line, remedy)]
    found = extension_version("nglview-js-widgets")
    if found != asked:
        have = f"JupyterLab has {found}" if found else "JupyterLab has none"
        line = f"3-D viewer: nglview asks for JavaScript {asked}, {have}: molecules would be red boxes"
        return [Finding("repair", line, remedy)]
    webgl = "WebGL: if a molecule stays blank, switch on hardware acceleration in the browser"
    return [Finding("ok", f"3-D viewer: nglview asks for JavaScript {asked}, JupyterLab has it"), Finding("ok", webgl)]


def check_memory() -> list[Finding]:
    """Free memory; a lesson needs about 1 GiB."""
    import psutil

    free = psutil.virtual_memory().available / GIB
    line = f"free memory: {free:.1f} GiB"
    if free < 1:
        remedy = "close other programs and shut down other lessons' kernels"
        return [Finding("repair", f"{line}; a lesson needs about 1 GiB", remedy)]
    if free < 2:
        return [Finding("note", f"{line}; enough for one lesson", "shut a lesson's kernel down before the next")]
    return [Finding("ok", line)]


def check_start() -> list[Finding]:
    """What `python -m mininnip lab` meets: the account, a folder for the student's copy, a port."""
    findings = [_look_at_the_folder(), _look_for_a_port()]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line = "you are root; JupyterLab is started with --allow-root"
        findings.append(Finding("note", line, "fine in a container; elsewhere use your own account"))
    return findings


def _look_at_the_folder() -> Finding:
    """The student's copy lies beside course/, else in the home folder."""
    beside, home = REPOSITORY / "course-student", Path(os.path.expanduser("~"), "course-student")
    for copy in (beside, home):
        if os.access(copy if copy.exists() else copy.parent, os.W_OK | os.X_OK):
            place = "beside course/" if copy == beside else "in your home folder, for the course's cannot be written"
            return Finding("ok", f"your copy of the lessons: course-student/ {place}")
    line = "your copy of the lessons: neither the course's folder nor your home folder can be written"
    return Finding("repair", line, "copy the whole course into a folder of your own and start it there")


def _look_for_a_port() -> Finding:
    """JupyterLab tries 8888 and the fifty after it."""
    for port in PORTS:
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return Finding("ok", "a free port for JupyterLab")
    line = f"no free port for JupyterLab: {PORTS[0]} to {PORTS[-1]} are taken or forbidden"
    return Finding("repair", line, "name another: make course LAB_FLAGS=--port=9999")


def check_data() -> list[Finding]:
    """Every shipped data file against the checksum in data/index.json."""
    folder = Path(os.environ.get("MININNIP_DATA") or REPOSITORY / "data")
    remedy = "download the course again, or in a git clone: git checkout -- data"
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        files = {file: facts["sha256"] for entry in index.values() for file, facts in entry["files"].items()}
    except OSError as error:
        place = "the folder MININNIP_DATA" if "MININNIP_DATA" in os.environ else "data/"
        return [Finding("repair", f"data: index.json cannot be read in {place} ({error.strerror})", remedy)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [Finding("repair", f"data: index.json is damaged ({type(error).__name__}: {error})", remedy)]
    findings = []
    for file, wanted in files.items():
        if not (folder / file).is_file():
            findings.append(Finding("repair", f"data: {file} is missing", remedy))
        elif hashlib.sha256((folder / file).read_bytes()).hexdigest() != wanted:
            findings.append(Finding("repair", f"data: {file} has changed since it was made (checksum)", remedy))
    return findings or [Finding("ok", f"data: {len(files)} files, all checksums right")]


def check_browser() -> list[Finding]:
    """Chromium: only the project's own browser tests need it."""
    if find_chromium():
        return [Finding("ok", "Chromium found (only `make test` needs it)")]
    return [Finding("note", "no Chromium (only `make test` needs it)", HOW_TO_GET_CHROMIUM)]


CHECKS: list[Callable[[], list[Finding]]] = [
    check_python,
    check_packages,
    check_device,
    check_widgets,
    check_viewer,
    check_memory,
    check_start,
    check_data,
    check_browser,
]

HOW_TO_GET_CHROMIUM = (
    "Debian and Ubuntu: sudo apt install chromium; Fedora: sudo dnf install chromium; "
    "macOS: brew install --cask chromium; "
    "or point the variable MININNIP_CHROMIUM to a Chromium, Chrome or Edge program"
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
CHROMIUM_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def find_chromium() -> str | None:
    """Path of a Chromium-like browser: the variable MININNIP_CHROMIUM, else the usual names and places, else None."""
    if named := os.environ.get("MININNIP_CHROMIUM"):
        return shutil.which(named)
    on_path = (shutil.which(name) for name in CHROMIUM_NAMES)
    return next(filter(None, on_path), None) or next(filter(os.path.isfile, CHROMIUM_PLACES), None)


def require_chromium() -> str:
    """Path of a Chromium-like browser; without one, exit with the way to get it."""
    browser = find_chromium()
    if browser is None:
        sys.exit(
            "The browser tests need Chromium, and none was found.\n"
            f"  {HOW_TO_GET_CHROMIUM}\n"
            "  or leave these tests out: make test BROWSER=no"
        )
    return browser


def extension_version(name: str) -> str | None:
    """Version of an installed JupyterLab extension, from its package.json; None if it is not there."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("labextensions"):
        description = Path(folder, name, "package.json")
        if description.is_file():
            return json.loads(description.read_text(encoding="utf-8"))["version"]
    return None


if __name__ == "__main__":
    sys.exit(not report())
