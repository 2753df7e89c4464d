"""Interactive figures of the lessons, one file each; they only wire controls to the package below.

`live_figure` draws, `background` runs long work, `panel` is the frame they all share.
"""

from mininnip.widgets.landscape import Landscape

__all__ = ["Landscape"]
