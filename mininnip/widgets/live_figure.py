"""A matplotlib figure that changes at every tick of a slider, and that can be clicked.

The figure is drawn once. Afterwards only the artists that move are drawn, on a transparent layer above the still
picture, and that layer alone is sent to the browser: a few milliseconds and a few tens of kilobytes per tick. Pictures
travel as runs of one color, which both ends handle several times faster than PNG, and are put straight into a canvas.
The figure never enters pyplot, so a cell does not print it a second time and nothing has to be closed.

    figure = Figure(figsize=(6.4, 4))
    axes = figure.subplots()
    (line,) = axes.plot(x, y)
    live = LiveFigure(figure, moving=[line], alt="Energy against distance.")
    ...
    line.set_ydata(y)
    live.refresh()          # a moving artist changed
    live.redraw()           # anything else changed: limits, labels, the background
    live.view               # the widget to put into a layout

With ``on_click`` the figure answers to the mouse and to the keyboard: arrow keys move a cross, Enter or Space clicks.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from mininnip.figures.picture import DOTS_PER_INCH, PIXELS_PER_INCH, Picture, small_png

__all__ = ["FigureView", "LiveFigure"]

CURSOR_STEP = 0.02  # of the axis, per arrow key; five times as much with Shift


class FigureView(anywidget.AnyWidget):
    """Two stacked pictures in the browser, a still one and a transparent one above it, and what is clicked on them."""

    still = traitlets.Bytes().tag(sync=True)
    moving = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    width, height = traitlets.Int(640).tag(sync=True), traitlets.Int(400).tag(sync=True)
    clickable = traitlets.Bool(False).tag(sync=True)

    _css = """
    .mininnip-figure { position: relative; max-width: 100%; line-height: 0; }
    .mininnip-figure canvas { width: 100%; }
    .mininnip-figure canvas + canvas { position: absolute; left: 0; top: 0; }
    .mininnip-figure[tabindex] { cursor: crosshair; touch-action: manipulation; }
    body[data-jp-theme-light=false] .mininnip-figure { filter: brightness(0.82); }  /* white would glare */
    .mininnip-figure:focus-visible { outline: 3px solid #0072B2; }
    """
    _esm = """
    async function unpack(packed) {  // the runs of _packed, below, as pixels
      const inflate = new DecompressionStream("deflate"), input = inflate.writable.getWriter();
      input.write(packed);
      input.close();
      const words = new Uint32Array(await new Response(inflate.readable).arrayBuffer());
      const image = new ImageData(words[0], words[1]), pixels = new Uint32Array(image.data.buffer);
      const lengths = words.subarray(2, 1 + words.length / 2), colors = words.subarray(1 + words.length / 2);
      let at = 0;
      lengths.forEach((length, run) => {
        if (colors[run]) pixels.fill(colors[run], at, at + length);  // what is transparent is so already
        at += length;
      });
      return image;
    }
    const SHARE = 56;  // of the window's height in %: the controls and the line that speaks need the rest
    function render({ model, el }) {
      const box = el.appendChild(document.createElement("div"));
      box.className = "mininnip-figure";
      const [width, height] = [model.get("width"), model.get("height")];
      box.style.width = `min(${width}px, ${(SHARE * width / height).toFixed(2)}vh)`;
      let last = Promise.resolve();  // one picture after the other
      const [still, moving] = ["still", "moving"].map((layer) => {
        const canvas = box.appendChild(document.createElement("canvas"));
        const pen = canvas.getContext("2d", { willReadFrequently: true });
        let count = 0;
        const show = async () => {
          const image = await unpack(model.get(layer));
          [canvas.width, canvas.height] = [image.width, image.height];
          pen.putImageData(image, 0, 0);
          canvas.dataset.pictures = ++count;
        };
        const queue = () => { last = last.then(show); };
        model.on("change:" + layer, queue);
        queue();
        return canvas;
      });
      still.setAttribute("role", "img");
      moving.setAttribute("aria-hidden", "true");
      const describe = () => still.setAttribute("aria-label", model.get("alt"));
      model.on("change:alt", describe);
      describe();
      const leave = () => model.send({ left: true });  // nobody is left to press Stop
      addEventListener("pagehide", leave);
      const session = model.widget_manager?.context?.sessionContext;  // of JupyterLab: its tab may be closed
      session?.disposed.connect(leave);
      const left = () => {
        removeEventListener("pagehide", leave);
        session?.disposed.disconnect(leave);
        if (!session?.isDisposed) leave();
      };
      if (!model.get("clickable")) return left;
      box.tabIndex = 0;
      box.dataset.lmSuppressShortcuts = "true";  // arrow keys belong to the figure while it has the focus
      box.setAttribute("role", "application");
      box.setAttribute("aria-label", "Figure. Arrow keys move a cross, Enter clicks there.");
      box.addEventListener("click", (event) => {
        const frame = box.getBoundingClientRect();
        box.focus({ preventScroll: true });
        const x = (event.clientX - frame.left) / frame.width;
        const y = 1 - (event.clientY - frame.top) / frame.height;
        model.send({ x, y });
      });
      box.addEventListener("keydown", (event) => {
        if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", " "].includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        model.send({ key: event.key, shift: event.shiftKey });
      });
      return left;
    }
    export default { render };
    """


class LiveFigure:
    """A figure whose moving artists are updated in place.

    Args:
        figure: a `matplotlib.figure.Figure` made directly, not through pyplot.
        moving: the artists that change from tick to tick, drawn in this order; without any the figure is drawn when
            it is first refreshed, so that they can be made with `line` and `add`.
        alt: what the figure shows, for readers who do not see it.
        on_click: called with the data coordinates x, y of a click or of Enter; None for a figure only looked at.
        clickable_axes: the axes that can be clicked, by default the first.

    Attributes:
        view: the widget that shows the figure.
        moving: the list of moving artists; it may grow and shrink.
        lock: hold it while a background thread and a slider may change artists at the same time.
    """

    def __init__(
        self,
        figure: Figure,
        moving: Sequence[Artist] = (),
        alt: str = "",
        on_click: Callable[[float, float], None] | None = None,
        clickable_axes: Axes | None = None,
    ):
        self.figure = figure
        self.moving = list(moving)
        self.lock = threading.RLock()
        self._on_click = on_click
        figure.set_dpi(DOTS_PER_INCH)
        self._canvas = FigureCanvasAgg(figure)
        width, height = (round(inches * PIXELS_PER_INCH) for inches in figure.get_size_inches())
        self.view = FigureView(alt=alt, clickable=on_click is not None, width=width, height=height)
        self.view.add_class("mininnip-live-figure")
        if on_click is not None:
            self._axes = clickable_axes or figure.axes[0]
            self._place = (0.5, 0.5)  # of the cursor, as fractions of the axes
            self._cursor = Line2D(
                [0.5], [0.5], marker="+", color="black", markersize=18, markeredgewidth=2.5, visible=False
            )
            self._cursor.set_path_effects([withStroke(linewidth=5, foreground="white")])
            self._cursor.set_transform(self._axes.transAxes)
            self._axes.add_artist(self._cursor)
            self.view.on_msg(self._hear)
        if self.moving:
            self.redraw()

    def add(self, artist: Any) -> Any:
        """Let one more artist move, above those before it."""
        self.moving.append(artist)
        return artist

    def line(self, axes: Axes, style: str = "-", **looks: Any) -> Line2D:
        """A line or points that move: plotted without data, registered, returned."""
        return self.add(axes.plot([], [], style, **looks)[0])

    def refresh(self) -> None:
        """Draw the moving artists anew and send them."""
        if not self.view.still:
            self.redraw()
            return
        with self.lock:
            self.view.moving = self._draw_moving()

    def redraw(self) -> None:
        """Draw everything anew and send it; ten times slower than `refresh`."""
        with self.lock:
            for artist in self._all_moving():
                artist.set_animated(True)
            self._canvas.draw()
            self.figure.set_layout_engine("none")  # laid out once: axes must not jump while a slider moves
            still = _packed(np.asarray(self._canvas.buffer_rgba()))
            with self.view.hold_sync():
                self.view.still = still
                self.view.moving = self._draw_moving()

    def picture(self) -> Picture:
        """Both layers in one picture, small, for a page that cannot run."""
        with self.lock:
            for artist in self._all_moving():
                artist.set_animated(False)
            png = small_png(self.figure, PIXELS_PER_INCH)
            for artist in self._all_moving():
                artist.set_animated(True)
        return Picture(png, self.view.width, self.view.height, self.view.alt)

    def _all_moving(self) -> list[Artist]:
        return [*self.moving, self._cursor] if self._on_click is not None else self.moving

    def _draw_moving(self) -> bytes:
        renderer = self._canvas.get_renderer()  # a new one if `picture` has drawn at another size since
        renderer.clear()
        for artist in self._all_moving():
            artist.set_animated(True)
            self.figure.draw_artist(artist)
        return _packed(np.asarray(renderer.buffer_rgba()))

    def _hear(self, _widget: Any, content: dict, _buffers: Any) -> None:
        """A message of the browser: a key, or a click as a fraction of the picture."""
        if "key" in content:
            self._press(content["key"], CURSOR_STEP * (5 if content["shift"] else 1))
        elif "x" in content:
            self._point(content["x"], content["y"])

    def _point(self, x: float, y: float) -> None:
        """Click at a place given as fractions of the picture."""
        pixel = np.array([x, y]) * self.figure.bbox.size
        if self._axes.bbox.contains(*pixel):
            self._cursor.set_visible(False)
            self._click(*self._axes.transAxes.inverted().transform(pixel))

    def _press(self, key: str, step: float) -> None:
        right, up = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, 1), "ArrowDown": (0, -1)}.get(
            key, (0, 0)
        )
        self._place = tuple(np.clip(np.add(self._place, (step * right, step * up)), 0, 1))
        self._cursor.set_visible(True)
        if key in ("Enter", " "):
            self._click(*self._place)
        else:
            self._cursor.set_data(*np.array([self._place]).T)
            self.refresh()

    def _click(self, x: float, y: float) -> None:
        """Click at a place given as fractions of the axes."""
        assert self._on_click is not None
        self._place = (x, y)
        self._cursor.set_data([x], [y])
        point = (self._axes.transAxes + self._axes.transData.inverted()).transform((x, y))
        self._on_click(float(point[0]), float(point[1]))


def _packed(pixels: np.ndarray) -> bytes:
    """Straight-alpha pixels (height, width, 4) as runs of one color: width, height, all lengths, all colors; deflated.

    A figure is mostly runs: this is smaller than a PNG made for speed, and takes a fraction of its time.
    """
    height, width, _ = pixels.shape
    colors = pixels.reshape(-1).view("<u4")
    ends = np.append(np.flatnonzero(colors[1:] != colors[:-1]), len(colors) - 1)
    words = np.concatenate([[width, height], np.diff(ends, prepend=-1), colors[ends]]).astype("<u4")
    return zlib.compress(words.tobytes(), 1)
