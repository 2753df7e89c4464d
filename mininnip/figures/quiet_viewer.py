"""nglview's viewer without the threads that each one leaves behind.

nglview 4.0 starts two threads per viewer that look ten times a second whether there is something to send, for ever, and
four links that outlive it. Here a thread lives only while there is something to send, and the links are not made: the
course has its own slider for trajectories.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ase import Atoms
from IPython.utils.capture import capture_output
from ipywidgets import HBox

with capture_output(stdout=False, stderr=False):  # nglview displays an empty widget when it is imported
    import nglview

LOADING = ("loadFile", "replaceStructure", "_exportImage")  # the browser says when it has done these
PATIENCE = 10.0  # s


class QuietViewer(nglview.NGLWidget):
    """An `nglview.NGLWidget`; all its methods work as there."""

    @classmethod
    def of(cls, frames: list[Atoms]) -> QuietViewer:
        """A viewer of one structure, or of several as a trajectory."""
        shown: Any = nglview.ASEStructure(frames[0]) if len(frames) == 1 else nglview.ASETrajectory(frames)
        return cls(shown)

    def _initialize_threads(self) -> None:
        if not hasattr(self, "_remote_call_thread"):  # nglview's two constructors both come here
            self.on_msg(self._handle_nglview_custom_msg)
            self._remote_call_thread: Any = _Calls(self)

    def _create_player(self) -> None:
        self._iplayer = HBox()  # empty: the browser asks for one

    def _create_ibtn_fullscreen(self) -> None:
        super()._create_ibtn_fullscreen()
        button: Any = self._ibtn_fullscreen
        button.tooltip = "full screen"

    def _wait_until_finished(self, timeout: float = PATIENCE) -> None:
        """Wait until the browser has loaded what it was told to, at most some seconds: it may have been closed."""
        self._event.clear()
        self._event.wait(timeout)

    @property
    def kept(self) -> list[Any]:
        """The picture that it keeps beside it, and that is closed with it."""
        return [self._widget_image]


class _Calls:
    """What stands in for nglview's thread: `q.append(callback)` sends it, in order, from a thread that then ends."""

    def __init__(self, viewer: QuietViewer):
        self.q, self._viewer = self, viewer
        self._waiting: list[Callable[[Any], None]] = []
        self._sending, self._lock = False, threading.Lock()

    def append(self, callback: Callable[[Any], None]) -> None:
        """Send a call after those before it."""
        with self._lock:
            self._waiting.append(callback)
            if self._sending:
                return
            self._sending = True
        threading.Thread(target=self._send, daemon=True).start()

    def _send(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._sending = False
                    return
                callback: Any = self._waiting.pop(0)
            callback(self._viewer)
            if callback._method_name in LOADING:
                self._viewer._wait_until_finished()
