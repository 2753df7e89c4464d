"""Elements: which atomic numbers a model is for, in the words of its constructor, checked in one place."""

from numbers import Real
from typing import Any


def atomic_numbers(elements: Any) -> tuple[int, ...]:
    """The elements of a model as a tuple of atomic numbers.

    Raises:
        ValueError: not a sequence of whole numbers from 1 to 118.
    """
    try:
        numbers = list(elements)
    except TypeError:  # one number, or nothing
        raise ValueError(f"elements are given by a list of atomic numbers; got {elements!r}") from None
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, Real) or number not in range(1, 119):
            raise ValueError(f"elements are given by their atomic numbers, 1 to 118; got {number!r:.60}".split("\n")[0])
    return tuple(int(number) for number in numbers)
