"""Picture: what reaches a screen reader, and what stands beside it for readers without HTML."""

import base64
import re

import nbformat
from nbconvert import HTMLExporter

from mininnip.figures.picture import Picture

PICTURE = Picture(b"pixels", 400, 300, 'A "rising" line, y < 2.')


def test_html_holds_description_size_and_pixels():
    data, metadata = PICTURE._repr_mimebundle_()
    (image,) = re.findall("<img [^>]*>", data["text/html"])
    assert 'alt="A &quot;rising&quot; line, y &lt; 2."' in image and 'width="400"' in image
    encoded = base64.b64encode(b"pixels").decode()
    assert data["image/png"] == encoded and f"base64,{encoded}" in image
    assert data["text/plain"] == metadata["image/png"]["alt"] == PICTURE.alt
    assert (metadata["image/png"]["width"], metadata["image/png"]["height"]) == (400, 300)


def test_the_description_reaches_an_exported_page():
    data, metadata = PICTURE._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    (image,) = re.findall("<img[^>]*>", page)
    assert 'alt="A &quot;rising&quot; line' in image or 'alt=\'A "rising" line' in image
