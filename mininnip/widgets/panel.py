"""The frame of every interactive figure of the course: controls, their memory, and a line that speaks.

A widget of the course is a class derived from `Panel`. Everything it observes it observes in its own constructor,
through `control` and `button`, so there is never an observer without its widget; and when the cell that made it runs
again, the new one takes over the values of the old one, which is stopped and closed.

    class Wave(Panel):
        def __init__(self):
            super().__init__("wave")
            ...
            self.live = LiveFigure(figure, [line], alt="A sine.")
            self.frequency = self.slider("frequency", "frequency", 1.0, (0.5, 3.0), 0.1, self._draw)
            self.show_all([self.live.view, self.frequency])
            self._draw()

Browser tests find the controls by the class names ``wave-frequency`` and so on.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import ipywidgets

from mininnip.figures.alive import close_all, display_alive, running_cell
from mininnip.widgets.background import Background, in_background
from mininnip.widgets.live_figure import LiveFigure

__all__ = ["Panel"]


class Panel(ipywidgets.VBox):
    """A column of figure, controls and one status line that screen readers announce.

    Args:
        name: short name, the first part of the class names of its controls.
        label: tells two panels of the same class in the same cell apart.
    """

    live: LiveFigure  # set by the derived class before `show_all`
    pace = 0.04  # s, shortest time from picture to picture of background work
    _living: ClassVar[dict[tuple[str, str, str], Panel]] = {}

    def __init__(self, name: str, label: str = ""):
        self.name = name
        self.memory: dict[str, Any] = {}
        self.status = ipywidgets.HTML()
        self.status.add_class("mininnip-status")
        self._backgrounds: list[Background] = []
        self._starters: list[ipywidgets.Button] = []
        self.below = ipywidgets.VBox()  # another panel, from `put_below`
        self._one_at_a_time = threading.RLock()  # the front end may run two callbacks at once, in two threads
        super().__init__()
        self.add_class(f"mininnip-{name}")
        cell = _running_cell()
        if cell is not None:
            previous = Panel._living.pop((type(self).__name__, label, cell), None)
            if previous is not None:
                self.memory = previous.memory
                previous.retire()
            Panel._living[(type(self).__name__, label, cell)] = self

    def control(self, name: str, widget: Any, on_change: Callable[[], None] | None = None) -> Any:
        """Adopt a control: give it the value remembered from the last run of the cell, then observe it.

        Args:
            name: its name in class names and in the memory.
            widget: any ipywidget with a value.
            on_change: called without arguments when the value changes; None if the value is only read.

        Returns:
            The widget.
        """
        widget.add_class(f"{self.name}-{name}")
        if name in self.memory:
            try:
                widget.value = self.memory[name]
            except Exception:  # the options have changed since: keep the new default
                self.memory.pop(name)
        speak = self.guard(on_change or (lambda: None))

        def changed(change: dict) -> None:
            self.memory[name] = change["new"]
            speak()

        widget.observe(changed, names="value")
        return widget

    def button(self, name: str, description: str, on_click: Callable[[], None], **options: Any) -> ipywidgets.Button:
        """A button that calls `on_click` without arguments."""
        button = ipywidgets.Button(description=description, **options)
        button.add_class(f"{self.name}-{name}")
        speak = self.guard(on_click)
        button.on_click(lambda _button: speak())
        return button

    def slider(
        self,
        name: str,
        description: str,
        value: float,
        ends: tuple[float, float],
        step: float,
        on_change: Callable[[], None] | None = None,
        digits: str = ".2f",
        width: str = "26em",
        kind: Any = ipywidgets.FloatSlider,
    ) -> Any:
        """A control with a handle between two ends; a logarithmic one (`kind`) has powers of ten as its ends."""
        look: Any = {"layout": {"width": width}, "style": {"description_width": "8em"}, "readout_format": digits}
        return self.control(
            name, kind(value, min=ends[0], max=ends[1], step=step, description=description, **look), on_change
        )

    def choice(
        self, name: str, options: Any, on_change: Callable[[], None], value: Any = None, description: str = ""
    ) -> Any:
        """A row of buttons of which one is pressed, at first the first or the one with `value`."""
        given: Any = {} if value is None else {"value": value}
        look: Any = {"style": {"button_width": "auto", "description_width": "5em"}}
        return self.control(
            name, ipywidgets.ToggleButtons(options=options, description=description, **given, **look), on_change
        )

    def tick_box(self, name: str, description: str, on_change: Callable[[], None] | None = None) -> Any:
        """A control that is ticked or not, at first not."""
        return self.control(name, ipywidgets.Checkbox(False, description=description, indent=False), on_change)

    def run_button(self, name: str, description: str, work: Callable[[], Iterator], **options: Any) -> Any:
        """A button that starts work in the background; it and its like rest until that has ended or was stopped.

        Args:
            name, description, options: as of `button`.
            work: makes the generator that `Background.start` runs; `self.work` is where it runs.
        """
        button = self.button(name, description, lambda: self.start_work(work()), **options)
        self._starters.append(button)
        return button

    def start_work(self, work: Iterator) -> None:
        """Run a generator in the background in place of what runs there."""
        self.work.stop()
        for button in self._starters:
            button.disabled = True
        self.work.start(work)

    @functools.cached_property
    def work(self) -> Background:
        """Progress, Stop and a line of text for whatever the run buttons start."""
        return self.background(self.pace, self._rested)

    def _rested(self) -> None:
        for button in self._starters:
            button.disabled = False
        self.ended()

    def ended(self) -> None:
        """Called when background work has ended or was stopped; derived classes say what was reached."""

    def background(self, pace: float = 0.0, on_end: Callable[[], None] | None = None) -> Background:
        """A thread with progress and Stop that ends when the panel is replaced."""
        background = Background(pace, on_end)
        self._backgrounds.append(background)
        return background

    def show_all(self, children: Sequence[ipywidgets.Widget]) -> None:
        """Set what the panel shows, from top to bottom; the status line comes last, under it what is `put_below`."""
        self.children = [*children, self.status, self.below]
        self.live.view.on_msg(self._left_alone)

    def put_below(self, panel: Panel) -> None:
        """Show another panel under the status line, in place of the one before; it ends when this one does."""
        self._retire_below()
        self.below.children = [panel]

    def _retire_below(self) -> None:
        for panel in self.below.children:
            panel.retire()

    def say(self, text: str) -> None:
        """Write one sentence (HTML) below the controls."""
        self.status.value = f'<div role="status" aria-live="polite">{text}</div>'

    def guard(self, function: Callable[..., None]) -> Callable[..., None]:
        """Wrap a callback: what it raises is said below the controls, where Jupyter would swallow it."""

        @functools.wraps(function)
        def guarded(*arguments: Any, **keywords: Any) -> None:
            try:
                # Background work never waits for a callback: that callback may be waiting for the work to stop.
                with nullcontext() if in_background() else self._one_at_a_time:
                    function(*arguments, **keywords)
            except Exception as error:
                self.say(f"<strong>That did not work.</strong> {type(error).__name__}: {error}")

        return guarded

    def _left_alone(self, _view: Any, content: dict, _buffers: Any) -> None:
        """The page or the notebook was closed: nobody is left to press Stop."""
        if "left" in content:
            for background in self._backgrounds:
                background.stop()

    def retire(self) -> None:
        """Stop its threads and close all it is made of; called when its cell runs again."""
        for background in self._backgrounds:
            background.stop()
        self._retire_below()
        close_all(self)

    def _ipython_display_(self) -> None:
        """Alive; and as a picture for when it is not: after a restart, next day, on a page that cannot run."""
        display_alive(self, self.live.picture())


def _running_cell() -> str | None:
    """Identifier of the cell that runs now, where the front end tells it (JupyterLab and Notebook do)."""
    place = running_cell()
    return place and place[0]
