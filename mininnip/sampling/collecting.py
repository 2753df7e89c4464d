"""Collecting: run a sampler with a progress bar, keep every so-many-th frame, stop when told to, lose nothing."""

from collections.abc import Callable, Iterable

from ase import Atoms
from tqdm.auto import tqdm


def collect(
    frames: Iterable[Atoms],
    total: int | None = None,
    every: int = 1,
    stop: Callable[[Atoms], bool] | None = None,
    progress: bool = True,
) -> list[Atoms]:
    """The frames of a sampler as a list.

    Args:
        frames: any sampler of `mininnip.sampling`.
        total: frames to expect, for the bar.
        every: keep each of this many, the first one that is kept being number `every`.
        stop: asked with every frame; once it says True the sampler is closed, that frame being the last one seen.
        progress: show a bar.

    Returns:
        What was kept. Ctrl-C (in a notebook, the stop button) ends the run as `stop` does.

    Raises:
        ValueError: `every` below 1; whatever the sampler raises, e.g. `RunEnded`, which holds the frames before it.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1, got {every}")
    kept, running = [], iter(frames)
    with tqdm(total=total, disable=not progress, unit="frame") as bar:
        try:
            for number, frame in enumerate(running, 1):
                if number % every == 0:
                    kept.append(frame)
                bar.update()
                if stop is not None and stop(frame):
                    break
        except KeyboardInterrupt:
            bar.set_postfix_str("stopped")
        finally:
            close = getattr(running, "close", None)
            if close is not None:
                close()
    return kept
