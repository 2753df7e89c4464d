"""A finished figure: its pixels, its size on the page, and its description for readers who do not see it.

JupyterLab and nbconvert show PNG outputs without a description. So a picture is shown as HTML, whose `<img alt=…>` they
and screen readers understand; PNG and plain text stand beside it for whatever shows no HTML.
"""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 100  # on the page
DOTS_PER_INCH = 150  # of the file: finer, for screens with small pixels
# A white page glares from a dark one: there it is dimmed to a light gray, and colors keep their meaning.
DIMMED = "body[data-jp-theme-light=false] :is(.mininnip-picture, .mininnip-view) { filter: brightness(0.82); }"


class Picture:
    """A finished figure: PNG bytes, their size on the page in pixels, and the description."""

    def __init__(self, png: bytes, width: int, height: int, alt: str):
        self.png, self.width, self.height, self.alt = png, width, height, alt

    def save(self, path: str | Path) -> None:
        """Write the PNG file."""
        Path(path).write_bytes(self.png)

    def __repr__(self) -> str:
        return self.alt

    @property
    def image(self) -> str:
        """The HTML element."""
        return (
            f'<img class="mininnip-picture" alt="{html.escape(self.alt)}" width="{self.width}" '
            f'src="data:image/png;base64,{self._encoded}">'
        )

    def bundle(self, before: str = "", after: str = "") -> tuple[dict, dict]:
        """What Jupyter shows, by MIME type, and its metadata; HTML may stand around the picture."""
        page = f"<style>{DIMMED}</style>{before}{self.image}{after}"
        data = {"text/html": page, "image/png": self._encoded, "text/plain": self.alt}
        return data, {"image/png": {"width": self.width, "height": self.height, "alt": self.alt}}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return self.bundle()

    @property
    def _encoded(self) -> str:
        return base64.b64encode(self.png).decode("ascii")


def small_png(figure: Figure, dpi: float) -> bytes:
    """PNG of a figure with a palette of its 256 commonest colors: a third of the size, and no difference to the eye."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    small = io.BytesIO()
    Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()
