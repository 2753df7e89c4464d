"""JupyterLab on the course: started with what this computer needs, or ended with one sentence (layer 9).

What differs from computer to computer is looked at first and said in one line: an administrator's account, which
JupyterLab refuses unless told otherwise; a home folder in which Jupyter cannot keep its files. A taken port and a
missing browser are JupyterLab's own business: it takes the next port, and prints the address.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mininnip import student

LAB_SETTINGS = Path(__file__).resolve().parent / "lab_settings"
FIRST_LESSON = "00_start_here.ipynb"
JUPYTER_FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
    "MPLCONFIGDIR": "matplotlib",
}


def open_lab(instructor: bool = False, flags: Sequence[str] = ()) -> int:
    """Start JupyterLab at the first lesson and wait until it ends.

    Args:
        instructor: open the original notebooks instead of the student's copy.
        flags: passed on to `jupyter lab`.

    Returns:
        JupyterLab's exit status.
    """
    folder = student.require_course() if instructor else student.update_copy()
    command = [
        *(sys.executable, "-m", "jupyter", "lab"),
        f"--ServerApp.root_dir={folder.parent}",
        f"--LabApp.default_url=/lab/tree/{folder.name}/{FIRST_LESSON}",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",  # no pop-up over the lesson, nothing fetched on bad wifi
        *flags_for_root(flags),
        *flags,
    ]
    with tempfile.TemporaryDirectory(prefix="mininnip-", ignore_cleanup_errors=True) as place:
        environment = os.environ | folders_for_jupyter(place)
        sys.stdout.flush()  # what was said stands above JupyterLab's own lines, also in a log
        try:
            return subprocess.run(command, env=environment).returncode
        except KeyboardInterrupt:
            return 0


def is_root() -> bool:
    """Whether this is the administrator's account; Windows has no such question."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def flags_for_root(flags: Sequence[str] = ()) -> list[str]:
    """JupyterLab refuses to run as root unless told to; in a container there is often no other account."""
    if not is_root() or "--allow-root" in flags:
        return []
    print("You are root: JupyterLab is started with --allow-root. Fine in a container; elsewhere use your own account.")
    return ["--allow-root"]


def folders_for_jupyter(place: str) -> dict[str, str]:
    """Variables that give Jupyter folders in a temporary place, where the home folder does not let it keep any."""
    home = os.path.expanduser("~")
    if os.access(home, os.W_OK) or "JUPYTER_RUNTIME_DIR" in os.environ:
        return {}
    print(f"The home folder {home} cannot be written: Jupyter's settings and its history last for this session only.")
    return {name: os.path.join(place, folder) for name, folder in JUPYTER_FOLDERS.items() if name not in os.environ}
