"""Memory: kept while it is used, given back when work is done, so that thirty students fit on one machine.

By itself the C library of Linux (glibc) asks the system anew for every large tensor, and the system fills each of its
pages with zeros first: measured, that was more than half of the time of SchNet's forces in 13 824 atoms of silicon.
With `keep_freed`, which `import mininnip` calls, most tensors take the place of earlier ones. The price is a larger
peak (there 1.5 instead of 1.2 GB, as freed places do not fit every tensor) and that much would stay after a training
or a large evaluation; `give_back` returns it. Other systems have their own ways.
"""

import ctypes
import os
import sys

CHOICES = ("MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")  # what glibc itself obeys
TRIM_THRESHOLD, MMAP_MAX = -1, -4  # numbers of the settings in malloc.h


def keep_freed() -> None:
    """Keep freed memory for the next tensor, unless the user has set one of glibc's variables."""
    if not any(os.environ.get(name) for name in CHOICES) and (library := _glibc()):
        library.mallopt(MMAP_MAX, 0)
        library.mallopt(TRIM_THRESHOLD, 2**31 - 1)


def give_back() -> None:
    """Return freed memory to the system; does nothing where that is not needed. Takes milliseconds."""
    if library := _glibc():
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, if it is the one that needs all this; musl has neither function."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
