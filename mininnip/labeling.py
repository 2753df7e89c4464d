"""Labeling: energies and forces of structures from whatever calculates them, one by one or side by side.

A labeler may raise, return nonsense, or never return. Its structure is then set aside with the reason, and the others
go on. Side by side it works in any executor of Python's `concurrent.futures`: threads, processes, or, where one machine
is too small, those of a Dask cluster, `client.get_executor()`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any

import numpy as np
from torch import Tensor

from mininnip.graph import Graph

Labeler = Callable[[Graph], Mapping[str, Any]]
Answer = dict[str, Any]  # {"energy": [E], "forces": [[x, y, z], …]}, or {"failed": why}


def labeled(
    label: Labeler, structures: Mapping[int, Graph], executor: Executor | None = None, patience: float | None = None
) -> Generator[tuple[int, Answer], None, None]:
    """Answers as they come.

    Args:
        label: one structure → {"energy": number or (1,), "forces": (n, 3)}; for processes one that can be pickled.
        structures: by number.
        executor: where they are labeled; None: here, in their order.
        patience: seconds without any answer after which all that have none are set aside; None: without end. What
            hangs goes on hanging where it is: a thread cannot be killed.

    Yields:
        Number and answer; energies (1,) in eV and forces (n, 3) in eV/Å as lists, or the reason why there are none.

    Raises:
        ValueError: a patience that is not positive.
        RuntimeError: an executor that has broken, e.g. as a process of it was killed: it takes no more work.
    """
    if patience is not None and not patience > 0:
        raise ValueError(f"patience is a time in seconds, longer than zero; got {patience}")
    if executor is None:
        for k, structure in structures.items():
            yield k, answer(label, structure) if patience is None else _in_time(label, structure, patience)
        return
    waiting = {executor.submit(answer, label, structure): k for k, structure in structures.items()}
    try:
        while waiting:
            done, _ = wait(waiting, timeout=patience, return_when=FIRST_COMPLETED)
            if not done:
                yield from ((k, _late(patience)) for k in waiting.values())
                return
            for future in done:
                yield waiting.pop(future), _result(future)
    finally:  # also when the loop that asked is left
        for future in waiting:
            future.cancel()


def answer(label: Labeler, structure: Graph) -> Answer:
    """Energy and forces of one structure, or why there are none."""
    try:
        given = label(structure)
        energy, forces = (np.asarray(_plain(given[name]), dtype=np.float64) for name in ("energy", "forces"))
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    if energy.size != 1 or forces.shape != (structure.n_atoms, 3):
        return {"failed": f"the labeler gave the shapes {energy.shape} and {forces.shape}"}
    if not (np.isfinite(energy).all() and np.isfinite(forces).all()):
        return {"failed": "the labeler gave a number that is not finite"}
    return {"energy": energy.reshape(1).tolist(), "forces": forces.tolist()}


def _plain(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else values


def _result(future: Future) -> Answer:
    """What a future holds; a worker that died, or a labeler that cannot be sent to it, is a reason like others."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise RuntimeError(
            f"the executor has broken ({error}); labels so far are kept: go on with a new executor"
        ) from error
    except (Exception, CancelledError) as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def _in_time(label: Labeler, structure: Graph, patience: float) -> Answer:
    """The answer of a thread of its own, which does not keep Python from ending."""
    given: queue.Queue[Answer] = queue.Queue()
    threading.Thread(target=lambda: given.put(answer(label, structure)), daemon=True).start()
    try:
        return given.get(timeout=patience)
    except queue.Empty:
        return _late(patience)


def _late(patience: float | None) -> Answer:
    return {"failed": f"no answer within {patience:g} s"}
