"""One thread per process, unless the user has chosen another number; `import mininnip` sees to it.

The tensors of the course are small: shared among threads they take longer, and several lessons, students or trainings
on one computer wait for each other many times longer than they compute. Measured on two busy cores,
one thread against two: 864 argon atoms 0.03 s and 0.41 s, 97 556 atoms 1.5 s and 6.8 s, four small trainings at once
9 s and more than 100 s. What one thread gives up is large dense algebra: a product of two matrices of 3000 × 3000 took
2.2 s and 1.9 s there, and gains more on idle cores.

More threads for one program: set the variable OMP_NUM_THREADS before it starts, or call `torch.set_num_threads` after
`import mininnip`. Child processes inherit the variable.
"""

from __future__ import annotations

import os
import sys

CHOICES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # what PyTorch itself obeys


def one_by_default() -> None:
    """Compute with one thread if nobody has chosen: neither by a variable nor by `torch.set_num_threads`.

    Where PyTorch is loaded already, a number of threads other than one per core counts as chosen.
    """
    if any(os.environ.get(name) for name in CHOICES):
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # for libraries loaded from now on
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() in _one_per_core():
        torch.set_num_threads(1)


def _one_per_core() -> set[int]:
    """How many threads PyTorch may take by itself: one per core or per two hyperthreads, of all or of those allowed."""
    counts = {os.cpu_count() or 1}
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        counts.add(len(os.sched_getaffinity(0)))
    return counts | {count // 2 for count in counts}
