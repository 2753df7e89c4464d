"""Makers of questions: from a right answer and its slips come judge, form, stub, solution and most wrong answers.

    number_question("2 ** (1 / 6) * 3.40", answer="r_rest", what="distance", unit="Å",
                    slips={"3.40": "that is σ, where only the energy is zero"}, ...)
    choice_question("stays", answer="ball", options={"rolls": "…", "oscillates": "…", "stays": "because …"}, ...)
    function_question("def spring(depth, steepness):\\n    return depth * steepness**2", points=[(4.7, 2.0), …],
                      what="stiffness", slips={"depth → 2 * depth": "the slide's spring has no ½"}, ...)
    code_question(judge, "def change(positions): …", ...)      # a function with a property instead of a reference

A slip is source text with the sentence it earns: for a number an expression, for a function either changes of the
right one (``old → new``, several joined by `` ; ``) or another body (``return …``). The sentence completes
"Your stiffness is 37.6 instead of 18.8 at depth = 4.7, steepness = 2: …", so it begins small and has no full stop.

There is one rule for what agrees (`agrees`): entries may differ by a fraction of the largest expected entry; 1e-6 for
functions, more if the student computed in single precision, 2 % for a number worked out by hand; whole numbers below
10 000 must be exact. Functions are tried with tensors, with arrays and with lists; one that is right in any is right.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mininnip.exercises.engine import Question, answer_from
from mininnip.exercises.reading import Refused, Slip, array, choice, function, is_single, number

__all__ = ["agrees", "any_form", "choice_question", "code_question", "compare", "function_question", "number_question"]

EXACT, SINGLE, BY_HAND = 1e-6, 2e-5, 0.02  # allowed differences, relative


# ---------------------------------------------------------------------------------------------------------------------
# One rule for what agrees, one list of what a single factor usually means
# ---------------------------------------------------------------------------------------------------------------------

FACTORS = (
    (-1.0, "the sign is wrong"),
    (2.0, "twice what it should be (a pair counted twice, or a ½ missing?)"),
    (0.5, "half of what it should be (a ½ too many, or half of the pairs?)"),
    (-2.0, "the sign is wrong, and it is twice as large as it should be"),
    (-0.5, "the sign is wrong, and it is half as large as it should be"),
    (1000.0, "1000 times what it should be (meV instead of eV?)"),
    (0.001, "a thousandth of what it should be (the unit?)"),
    (23.0605, "23.06 times what it should be (kcal/mol instead of eV?)"),
    (96.4853, "96.49 times what it should be (kJ/mol instead of eV?)"),
    (1 / 27.2114, "27.21 times too small (hartree instead of eV?)"),
    (1 / 0.529177, "1.89 times what it should be (bohr instead of Å?)"),
)


def agrees(found: np.ndarray, expected: np.ndarray, tolerance: float = EXACT) -> bool:
    """Whether no entry differs by more than a fraction of the largest expected one; NaN agrees with NaN."""
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
    return found.shape == expected.shape and np.allclose(
        found, expected, rtol=0.0, atol=tolerance * max(scale, 1e-12), equal_nan=True
    )


def _factor(found: np.ndarray, expected: np.ndarray) -> str | None:
    """What one single factor between all entries of two arrays means."""
    for factor, meaning in FACTORS:
        if np.abs(expected).max(initial=0.0) > 0 and agrees(found, factor * expected, 1e-3):
            return meaning
    return None


def compare(
    found: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    what: str,
    places: Sequence[str] = (),
    slips: Sequence[tuple[Sequence[np.ndarray], str]] = (),
    tolerance: float = EXACT,
) -> str | None:
    """Compare what a function gave at several points with what it should give.

    Args:
        found: the student's numbers, one array for each point.
        expected: the reference, same shapes.
        what: the quantity, as in "Your force is 2 instead of -2 at r = 1: the sign is wrong."
        places: one for each point, " at r = 1".
        slips: what typical mistakes give at all points, and their sentences.
        tolerance: largest allowed difference relative to the largest entry at the same point.

    Returns:
        None when they agree, else one sentence with the worst number and the likely slip.
    """
    bad = [k for k, pair in enumerate(zip(found, expected, strict=True)) if not agrees(*pair, tolerance)]
    if not bad:
        return None
    k = bad[0]
    off = np.nan_to_num(np.abs(found[k] - expected[k]), nan=np.inf, posinf=np.inf)
    entry = np.unravel_index(off.argmax(), off.shape)
    numbers = f"Your {what} is {found[k][entry]:.6g} instead of {expected[k][entry]:.6g}"
    numbers += places[k] if k < len(places) else ""
    meaning = _meaning(found, expected, slips, k, tolerance) or _common(found, expected)
    return f"{numbers}: {meaning}{'' if meaning.endswith('?') else '.'}" if meaning else f"{numbers}."


def _meaning(found: Any, expected: Any, slips: Any, k: int, tolerance: float) -> str | None:
    """The sentence of the slip that explains every point, or at least point k."""
    for points in (range(len(found)), [k]):
        for values, sentence in slips:
            if all(agrees(found[p], values[p], tolerance) for p in points) and not agrees(values[k], expected[k]):
                return sentence
    return None


def _common(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str | None:
    """What goes wrong in any function: NaN, a factor, few digits."""
    one, other = (np.concatenate([values.ravel() for values in all_values]) for all_values in (found, expected))
    if not np.isfinite(one).all():
        return "a division by zero, or the logarithm or root of something negative?"
    meaning = _factor(one, other)
    if meaning is None and len(one) > 1 and (np.abs(other) > 1e-12).all():
        ratio = one / other
        if ratio[0] and agrees(ratio, np.full_like(ratio, ratio[0])) and abs(ratio[0] - 1) > 0.02:
            meaning = f"{ratio[0]:.4g} times what it should be, everywhere: check units and constants"
    error = np.abs(one - other).max() / max(np.abs(other).max(), 1e-12)
    if meaning is None and error < 0.02:
        meaning = f"nearly right, off by {error:.1e} of its size: float32, a rounded constant, or a finite difference?"
    return meaning


# ---------------------------------------------------------------------------------------------------------------------
# Numbers and choices
# ---------------------------------------------------------------------------------------------------------------------


def number_question(
    right: str,
    *,
    answer: str,
    what: str,
    slips: Mapping[str, str],
    unit: str = "",
    note: str = "",
    tolerance: float = BY_HAND,
    verb: str = "Predict",
    **parts: Any,
) -> Question:
    """A question whose answer is one number.

    Args:
        right: expression of the right number.
        answer: the name the cell defines.
        what: what the number is, as in "Your distance is 3.4 Å: …".
        slips: expression of a wrong number → what is wrong.
        unit: its unit, "" for a count.
        note: comment behind the stub.
        tolerance: allowed relative difference; whole numbers below 10 000 must be exact.
        verb: see `Question`.
        **parts: title, because, hints of the `Question`, and more wrong answers.

    Returns:
        The question.
    """
    value = float(answer_from(f"value = {right}", "value"))
    whole = value == round(value) and abs(value) < 1e4
    known = [(float(answer_from(f"value = {wrong}", "value")), sentence) for wrong, sentence in slips.items()]

    def judge(given: Any) -> str | None:
        found = np.array(number(given, what))
        if agrees(found, np.array(value), 1e-9 if whole else tolerance):
            return None
        start = f"Your {what} is {found:.6g} {unit}".rstrip()
        for wrong, sentence in known:
            if agrees(found, np.array(wrong), 1e-9 if whole else tolerance / 2):
                return f"{start}: {sentence}{'' if sentence.endswith('?') else '.'}"
        close = "close, but too" if abs(found - value) < 5 * tolerance * abs(value) and not whole else "too"
        return f"{start}: {_factor(found, np.array(value)) or f'{close} ' + ('high' if found > value else 'low')}."

    form = f"a number in {unit}" if unit else "a whole number" if value == round(value) else "a number"
    wrong = [(f"{answer} = {wrong}", sentence) for wrong, sentence in slips.items()]
    return Question(
        verb=verb,
        answer=answer,
        expects=f"{what}, {form}",
        judge=judge,
        stub=f"{answer} = ..." + (f"  # {note}" if note else ""),
        right=f"{answer} = {right}",
        wrong=[*wrong, (f"{answer} = {7.3 * value}", "too high"), *parts.pop("wrong", ())],
        **parts,
    )


def choice_question(
    right: str, *, answer: str, options: Mapping[str, str], verb: str = "Explain", **parts: Any
) -> Question:
    """A question whose answer is one of a few words.

    Args:
        right: the right option.
        answer: the name the cell defines.
        options: every option in the order of the stub → why it is wrong, or for the right one, why it is right.
        verb: see `Question`.
        **parts: title and hints of the `Question`.

    Returns:
        The question.
    """
    names = [f'"{option}"' for option in options]
    listed = f"{', '.join(names[:-1])} or {names[-1]}"

    def judge(given: Any) -> str | None:
        chosen = choice(given, tuple(options))
        return None if chosen == right else options[chosen]

    return Question(
        verb=verb,
        answer=answer,
        expects=f"one of {listed}, as text in quotes",
        judge=judge,
        stub=f"{answer} = ...  # {listed}",
        right=f'{answer} = "{right}"',
        because=options[right],
        wrong=[
            *((f'{answer} = "{option}"', sentence) for option, sentence in options.items() if option != right),
            (f"{answer} = 3", "as text in quotes"),
            (f'{answer} = "magic"', "not among the options"),
        ],
        **parts,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Functions
# ---------------------------------------------------------------------------------------------------------------------


def code_question(
    judge: Callable[[Callable[..., Any]], str | None],
    right: str,
    *,
    what: str,
    expects: str,
    by_hand: bool = False,
    note: str = "",
    verb: str = "Code",
    **parts: Any,
) -> Question:
    """A question whose answer is a function, judged by what it does.

    Args:
        judge: takes a function of NumPy arguments; None when it is right, else one sentence.
        right: source text of a right function, perhaps below some constants.
        what: what it returns, as in "Your force raised …".
        expects: completes "a function force(surface, r) that …".
        by_hand: whether autograd is refused.
        note: comment behind the stub.
        verb: see `Question`.
        **parts: title, because, hints, wrong of the `Question`; the slips of wrong are written as in the module.

    Returns:
        The question.
    """
    header, name, signature = _header(right)

    def judge_in_any_form(answer: Any) -> str | None:
        student, sentences = function(answer, what, by_hand), []
        for form in (_as_given, _tensors, np.asarray, _singles, _lists):
            if form is _singles and " raised " not in sentences[0]:
                continue  # rounding would hide small mistakes: only for a function that cannot do with more digits
            try:
                with contextlib.nullcontext() if form is _as_given else contextlib.redirect_stdout(io.StringIO()):
                    sentence = judge(lambda *args, form=form: student(*(_in_form(arg, form) for arg in args)))
            except Refused:
                raise
            except Slip as slip:
                sentence = str(slip)
            if sentence is None:
                return None
            sentences += [sentence] * (form is not _lists)
        return min(sentences, key=lambda one: " raised " in one)  # numbers tell more than exceptions

    return Question(
        verb=verb,
        answer=name,
        expects=f"a function {name}{signature} that {expects}",
        judge=judge_in_any_form,
        stub=f"{header}\n    return ..." + (f"  # {note}" if note else ""),
        right=right,
        wrong=[(_mutant(right, slip), sentence) for slip, sentence in parts.pop("wrong")],
        **parts,
    )


def function_question(
    right: str,
    points: Sequence[tuple],
    *,
    what: str,
    slips: Mapping[str, str],
    tolerance: float = EXACT,
    also: Sequence[str] = (),
    wrong: Sequence[tuple[str, str]] = (),
    **parts: Any,
) -> Question:
    """A question whose answer is a function that has to give the numbers of a reference.

    Args:
        right: source text of the reference.
        points: arguments to try, tensors or arrays wherever a student may want an array.
        what: what it returns, as in "Your force is 2 instead of -2 at r = 1: …".
        slips: wrong function (see the module) → what is wrong.
        tolerance: allowed difference relative to the largest entry at the same point.
        also: other right functions, written like slips.
        wrong: further wrong functions for the tests, with words of their message.
        **parts: everything else that `code_question` takes.

    Returns:
        The question.
    """
    header, name, _ = _header(right)
    places = [_place(header, point) for point in points]

    @functools.cache
    def expected() -> tuple[list[Any], list[Any]]:
        """All right values and those of every slip; made when first needed, so that importing a lesson is quick."""

        def values(source: str) -> list[np.ndarray]:
            reference = answer_from(source, name)
            return [array(reference(*point), finite=False) for point in points]

        known = [(values(_mutant(right, slip)), sentence) for slip, sentence in slips.items()]
        return [values(right), *(values(_mutant(right, other)) for other in also)], known

    def judge(student: Callable[..., Any]) -> str | None:
        references, known = expected()
        answers = [student(*point) for point in points]
        shapes = [values.shape for values in references[0]]
        found = [array(one, shape, what, finite=False) for one, shape in zip(answers, shapes, strict=True)]
        precision = SINGLE if any(map(is_single, answers)) else EXACT
        slips_of = [compare(found, one, what, places, known, max(tolerance, precision)) for one in references]
        return None if None in slips_of else slips_of[0]

    return code_question(judge, right, what=what, wrong=[*slips.items(), *wrong], **parts)


def _header(right: str) -> tuple[str, str, str]:
    """All lines up to the first of the function, its name, and its arguments with brackets."""
    start = next(line for line in right.splitlines() if line.startswith("def "))
    name, _, rest = start.removeprefix("def ").partition("(")
    return right[: right.index(start)] + start, name, f"({rest.removesuffix(':')}"


def _mutant(right: str, slip: str) -> str:
    """A wrong function: the right one with changes `old → new`, or with another body, or a whole one."""
    if slip.startswith("def "):
        return slip
    if " → " not in slip:
        return _header(right)[0] + "\n    " + slip.replace("\n", "\n    ")
    for change in slip.split(" ; "):
        old, new = change.split(" → ")
        if old not in right:
            raise ValueError(f"{old!r} does not stand in the right answer:\n{right}")
        right = right.replace(old, new)
    return right


def _place(header: str, point: tuple) -> str:
    """Where a number was found: " at r = 3.2, sigma = 3.4", as far as it is short."""
    names = header.rpartition("(")[2].removesuffix("):").split(", ")
    said = []
    for name, value in zip(names, point, strict=True):
        if isinstance(value, torch.Tensor | np.ndarray):
            if value.ndim == 2:
                said.append(f"{len(value)} {name}")
            elif value.ndim == 0 or (value.ndim == 1 and len(value) <= 6 and len(point) <= 2):
                said.append(f"{name} = {np.round(np.asarray(value), 3).tolist()}")
        elif isinstance(value, bool):
            said.append(f"{name} = {value}")
        elif isinstance(value, int | float):
            said.append(f"{name} = {value:.4g}")
    return " at " + ", ".join(said) if said else ""


# ---------------------------------------------------------------------------------------------------------------------
# Tensors, arrays, lists: the same arguments in each form
# ---------------------------------------------------------------------------------------------------------------------


def _in_form(argument: Any, form: Callable[[Any], Any]) -> Any:
    """Arrays and tensors in one form; everything else as it is."""
    return form(argument) if isinstance(argument, torch.Tensor | np.ndarray) else argument


def _as_given(values: Any) -> Any:
    return values


def _tensors(values: Any) -> torch.Tensor:
    return torch.as_tensor(values)


def _singles(values: Any) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float32)


def _lists(values: Any) -> Any:
    return values.tolist()


def any_form(function_of_tensors: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Any], Any]:
    """A function of one tensor that also takes arrays, lists and numbers, and answers in the form it was asked in."""

    def of(values: Any) -> Any:
        if isinstance(values, torch.Tensor):
            return function_of_tensors(values)
        result = function_of_tensors(torch.as_tensor(array(values)))
        return result.numpy() if isinstance(values, np.ndarray) else result.tolist()

    return of
