"""Long work beside the notebook: a thread, a progress bar and a Stop button.

The work is a generator that yields its progress now and then; between two yields it can be stopped. So the loop
reads as it would without a thread, and a test runs it without one: ``for _ in work(): pass``.

    def work():
        for step in range(1000):
            ...                                   # set widget values here; do not print
            yield step / 1000, f"step {step}"

    background = Background()
    background.start(work())
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator

import ipywidgets

__all__ = ["Background"]


THREAD = "mininnip background"


def in_background() -> bool:
    """Whether the caller is background work, not a callback of the front end."""
    return threading.current_thread().name == THREAD


class Background(ipywidgets.HBox):
    """Progress bar, Stop button and a line of text for one piece of work at a time.

    Args:
        pace: shortest time between two yields in seconds; 0.04 gives 25 pictures per second, 0 runs at full speed.
        on_end: called in the thread after the work has ended, was stopped or failed.
    """

    def __init__(self, pace: float = 0.0, on_end: Callable[[], None] | None = None):
        self._pace = pace
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.bar = ipywidgets.FloatProgress(min=0, max=1, layout={"width": "10em"})
        self.button = ipywidgets.Button(description="Stop", icon="stop", disabled=True, layout={"width": "6em"})
        self.button.add_class("mininnip-stop")
        self.button.on_click(lambda _button: self.stop())
        self.text = ipywidgets.Label()
        super().__init__([self.button, self.bar, self.text])

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Iterator[tuple[float, str]]) -> None:
        """Run a generator that yields (fraction done, text); what ran before is stopped first.

        When it is stopped, its `finally` clauses run.
        """
        self.stop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work, self._stop), name=THREAD, daemon=True)
        self.button.disabled = False
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current step, and wait until it has ended."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work has ended; returns whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def _run(self, work: Iterator[tuple[float, str]], stop: threading.Event) -> None:
        try:
            due = time.monotonic()
            for fraction, text in work:
                self.bar.value, self.text.value = fraction, text
                due = max(due + self._pace, time.monotonic())
                if stop.wait(due - time.monotonic()):
                    self.text.value = f"stopped: {text}"
                    if isinstance(work, Generator):
                        work.close()  # its own `finally` runs now
                    break
        except Exception as error:  # in a thread nobody would see a traceback: say it beside the bar
            self.text.value = f"ended early, {type(error).__name__}: {error}"
        finally:
            self.button.disabled = True
            if self._on_end is not None:
                self._on_end()
