"""Reading answers: whatever a student hands in becomes clean values, or a `Slip` with one sentence.

Every sane form is read: Python, NumPy and torch numbers, lists and tuples of them, tensors that require gradients,
0-d and one-element arrays, a column (2, 1) where two numbers are meant. Nothing is trusted: lists that contain
themselves, endless generators, arrays of a terabyte and objects that raise when looked at each end in a sentence.
A student's function is called with fresh copies of its arguments, and what it raises is reported with its line.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import linecache
import signal
import sysconfig
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

__all__ = ["NotAttempted", "Refused", "Slip", "array", "choice", "function", "is_single", "number", "untouched"]

LARGEST, DEEPEST = 100_000, 20  # numbers in one answer, lists inside lists
PATIENCE = 10  # s for one call of a student's function


class Slip(Exception):
    """One sentence that says what is wrong with an answer; raise it anywhere inside a judge."""


class Refused(Slip):
    """A slip that holds whatever the numbers are: a forbidden way to get them."""


class NotAttempted(Exception):
    """The answer is still the untouched stub."""


def untouched(answer: Any) -> bool:
    """None, `...`, or a non-empty list, tuple or dict of nothing else, perhaps in each other."""
    parts = [answer]
    for part in itertools.islice(parts, 100):  # `parts` grows below
        kind = type(part)
        if issubclass(kind, dict | list | tuple):
            parts += list(part.values() if issubclass(kind, dict) else part)[:100] or [0]
        elif part is not None and part is not Ellipsis:
            return False
    return len(parts) <= 100


# ---------------------------------------------------------------------------------------------------------------------
# Numbers and words
# ---------------------------------------------------------------------------------------------------------------------


def array(answer: Any, shape: tuple[int, ...] | None = None, what: str = "answer", finite: bool = True) -> np.ndarray:
    """Read numbers of a given shape; lengths of one may stand anywhere in it.

    Args:
        answer: anything.
        shape: the shape to bring them to; None keeps their own.
        what: how the message calls it.
        finite: whether NaN and infinity are refused.

    Returns:
        A float64 array.

    Raises:
        Slip: if it is no array of numbers of this shape.
    """
    values = _floats(answer, what, [LARGEST], 0)
    if shape is not None and values.shape != shape:
        if _without_ones(values.shape) != _without_ones(shape):
            raise Slip(f"Your {what} has shape {values.shape}; {shape} is expected.")
        values = values.reshape(shape)
    bad = ~np.isfinite(values)
    if finite and bad.any():
        where = f" in {bad.sum()} of {values.size} places" if values.size > 1 else ""
        raise Slip(f"Your {what} contains NaN or infinity{where}.")
    return values


def number(answer: Any, what: str = "answer") -> float:
    """Read one finite number; an array of one entry counts."""
    values = array(answer, what=what)
    if values.size != 1:
        raise Slip(f"Your {what} has shape {values.shape}; one number is expected.")
    return float(values.reshape(()))


def choice(answer: Any, options: Sequence[str]) -> str:
    """Read one of a few words; capitals, blanks and hyphens do not matter, nor does a list of one around it."""
    listed = ", ".join(f'"{option}"' for option in options)
    if issubclass(type(answer), list | tuple) and len(answer) == 1:
        answer = answer[0]
    if not issubclass(type(answer), str):
        raise Slip(f"Answer with one of {listed} as text in quotes; yours is of type {type_name(answer)}.")
    text = str.__str__(answer)
    by_letters = {_letters(option): option for option in options}
    if len(text) > 200 or _letters(text) not in by_letters:
        raise Slip(f'"{text[:40]}" is not among the options {listed}.')
    return by_letters[_letters(text)]


def is_single(answer: Any) -> bool:
    """Whether numbers were computed in single precision or less, so that fewer digits can be expected."""
    if isinstance(answer, torch.Tensor):
        return answer.is_floating_point() and answer.dtype != torch.float64
    if isinstance(answer, np.ndarray | np.generic):
        return answer.dtype.kind == "f" and answer.dtype.itemsize < 8
    return issubclass(type(answer), list | tuple) and any(map(is_single, answer[:100]))


def type_name(answer: Any) -> str:
    """The name of a type, also of one that does not want to tell."""
    return str(type.__dict__["__name__"].__get__(type(answer)))[:40]


def _letters(text: str) -> str:
    """A text without capitals, blanks, hyphens and other marks."""
    return "".join(character for character in text.lower() if character.isalnum())


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [length for length in shape if length != 1]


def _floats(answer: Any, what: str, left: list[int], depth: int) -> np.ndarray:
    """Numbers of any kind as float64; `left` counts down how many may still come."""
    kind = type(answer)
    if issubclass(kind, bool | np.bool_):
        raise Slip(f"Your {what} is {answer}; a number is expected.")
    if issubclass(kind, str | bytes):
        raise Slip(f"Your {what} is the text {answer[:40]!r}; numbers are expected.")
    if depth > DEEPEST:
        raise Slip(f"Your {what} is a list in a list in a list, more than {DEEPEST} deep; does it contain itself?")
    if issubclass(kind, torch.Tensor | np.ndarray):
        _count_down(left, answer.numel() if issubclass(kind, torch.Tensor) else answer.size, what)
        return _from_array(answer, what, left, depth)
    if issubclass(kind, list | tuple | range):
        _count_down(left, len(answer), what)
        parts = [_floats(part, what, left, depth + 1) for part in answer]
        shapes = {part.shape for part in parts}
        if len(shapes) > 1 and len({tuple(_without_ones(shape)) for shape in shapes}) == 1:
            parts, shapes = [part.reshape(_without_ones(part.shape)) for part in parts], {()}
        if len(shapes) > 1:
            raise Slip(f"Your {what} holds parts of different shapes and cannot be read as one array of numbers.")
        return np.stack(parts) if parts else np.zeros(0)
    return _from_object(answer, what, left, depth)


def _count_down(left: list[int], size: int, what: str) -> None:
    left[0] -= size
    if left[0] < 0:
        raise Slip(f"Your {what} holds more than {LARGEST:,} numbers; far fewer are expected.")


def _from_array(answer: Any, what: str, left: list[int], depth: int) -> np.ndarray:
    if isinstance(answer, torch.Tensor):
        wide = torch.complex128 if answer.is_complex() else answer.dtype
        wide = torch.float64 if answer.is_floating_point() else wide
        answer = answer.detach().to(wide).cpu().resolve_conj().to_dense().numpy()
    if answer.dtype.kind == "O":
        return _floats(answer.tolist(), what, left, depth + 1)
    if answer.dtype.kind == "c":
        if np.abs(answer.imag).max(initial=0.0) > 1e-9 * np.abs(answer).max(initial=0.0):
            raise Slip(f"Your {what} is complex; real numbers are expected.")
        answer = answer.real
    if answer.dtype.kind not in "iuf":
        raise Slip(f"Your {what} is an array of {answer.dtype.name}; numbers are expected.")
    return np.array(answer, dtype=np.float64)


def _from_object(answer: Any, what: str, left: list[int], depth: int) -> np.ndarray:
    """Anything else that knows how to become an array or a number, such as a NumPy scalar or a fraction."""
    kind = type(answer)
    try:
        if issubclass(kind, complex | np.generic):
            return _from_array(np.array(answer), what, left, depth)
        if hasattr(kind, "__array__"):
            found = answer.__array__()
            if type(found) is np.ndarray:
                return _floats(found, what, left, depth + 1)
        elif hasattr(kind, "__float__") or hasattr(kind, "__index__"):
            return np.array(float(answer))
    except KeyboardInterrupt:
        raise
    except Slip:
        raise
    except BaseException as error:
        raise Slip(f"Your {what}, a {type_name(answer)}, cannot be read as numbers ({first_line(error)}).") from None
    if callable(answer):
        raise Slip(f"Your {what} is a function; hand over the numbers it returns.")
    raise Slip(f"Your {what} is of type {type_name(answer)} and cannot be read as numbers.")


# ---------------------------------------------------------------------------------------------------------------------
# A student's function
# ---------------------------------------------------------------------------------------------------------------------


def function(answer: Any, what: str = "function", by_hand: bool = False) -> Callable[..., Any]:
    """Read a function and watch it.

    Each call gets copies of its arguments. What it raises becomes a `Slip` with the line; an untouched body raises
    `NotAttempted`.

    Args:
        answer: anything.
        what: how the message calls it.
        by_hand: whether autograd is refused.

    Returns:
        The watched function.

    Raises:
        Slip: if it cannot be called.
    """
    if not callable(answer):
        raise Slip(f"Your {what} is of type {type_name(answer)}; a function is expected, without calling it.")

    def watched(*arguments: Any) -> Any:
        arguments = tuple(map(_fresh, arguments))
        with _Autograd() as autograd, warnings.catch_warnings(), _at_most(PATIENCE):
            warnings.simplefilter("ignore")  # of forms of arguments that the function was not written for
            try:
                result = answer(*arguments)
            except KeyboardInterrupt:
                raise
            except _TooLong as error:
                raise Refused(f"Your {what} has not come to an end after {PATIENCE} s{_line(error)}.") from None
            except BaseException as error:
                if by_hand and autograd.used:
                    raise _by_hand(what) from None
                raise Slip(f"Your {what} raised {_with_line(error)}.") from None
        if by_hand and autograd.used:
            raise _by_hand(what)
        if untouched(result) and (result is not None or _is_empty(answer)):
            raise NotAttempted
        if result is None:
            raise Slip(f"Your {what} returns nothing (None); does it end with `return` and a value?")
        return result

    return watched


class _TooLong(BaseException):
    """Raised inside a function that does not come to an end."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Stop what takes longer; where the system has no alarm, or it is in use, wait as long as it takes."""
    here = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not here or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(*_: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Autograd(TorchFunctionMode):
    """Notices when torch differentiates, in whichever way it is called."""

    used = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _DIFFERENTIATING or getattr(func, "__name__", "") == "_make_dual":
            self.used = True
        return func(*args, **(kwargs or {}))


_DIFFERENTIATING = (torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward)


def _by_hand(what: str) -> Refused:
    return Refused(f"Your {what} uses autograd; here the derivative is to be written by hand.")


def _fresh(argument: Any) -> Any:
    """A copy that may be changed in place; functions stay what they are."""
    if isinstance(argument, torch.Tensor):
        return argument.clone()
    return argument if callable(argument) else copy.deepcopy(argument)


def _empty(*_: Any) -> Any: ...


def _is_empty(answer: Any) -> bool:
    """Whether a function has the body `...` or `pass`, perhaps below a docstring."""
    code = getattr(answer, "__code__", None)
    return code is not None and code.co_code[::2] == _empty.__code__.co_code[::2]  # the same steps


# ---------------------------------------------------------------------------------------------------------------------
# What went wrong inside
# ---------------------------------------------------------------------------------------------------------------------

_LIBRARIES = [str(Path(__file__).parents[1]), *sysconfig.get_paths().values()]


def first_line(error: BaseException) -> str:
    """Type and first line of an exception, also of one that cannot be printed."""
    try:
        lines = str(error).strip().splitlines()
    except KeyboardInterrupt:
        raise
    except BaseException:
        lines = []
    text = f"{type_name(error)}: {lines[0].rstrip('.')}" if lines else type_name(error)
    return text if len(text) <= 160 else text[:157] + "…"


def _with_line(error: BaseException) -> str:
    """An exception and the last line of the student's own code that it came through."""
    kind, _, message = first_line(error).partition(": ")
    return f"{kind}{_line(error)}" + (f": {message}" if message else "")


def _line(error: BaseException) -> str:
    place, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not name.startswith(tuple(_LIBRARIES)) and not name.startswith("<frozen"):
            line = linecache.getline(name, step.tb_lineno).strip()
            place = f" in line {step.tb_lineno}" + (f", `{line[:60]}`" if line else "")
        step = step.tb_next
    return place
