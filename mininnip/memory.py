"""Memory: what was freed goes back to the system, so that thirty students fit on one machine.

After a training or a large evaluation the C library of Linux (glibc) keeps most of what was used, for the case that it
is needed again; other systems give it back by themselves.
"""

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system; does nothing where that is not needed. Takes milliseconds."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # absent in musl
        if trim is not None:
            trim(0)
