"""The engine behind every exercise: judge an answer, give one more hint, show the solution.

A lesson module (``lesson_NN.py``) holds one `Question` per exercise and nothing else:

    def judge_force(answer):
        force = function(answer)                        # raises Slip with a clear sentence if it is not one
        return same_function(force, reference, points=[(0.5,), (1.0,)], what="force")    # None, or one sentence

    q1 = Question(
        verb="Code", title="Force from energy", answer="force",
        expects="a function force(x) that returns minus the slope",
        judge=judge_force,
        setup="import torch",                           # what the notebook has defined before the exercise
        stub="def force(x):\\n    return ...",                  # what the exercise cell holds at first
        right="def force(x):\\n    return -2 * x",
        because="The force points downhill, hence the minus.",
        hints=["Which way does a ball roll?", "F = -dE/dx."],
        wrong=[("def force(x):\\n    return 2 * x", "sign"), ...],    # at least three, each with words of its message
    )

``stub``, ``right`` and ``wrong`` are source text exactly as a student would type it; each defines the name
``answer``. One parametrized test (tests/exercises/test_every_question.py) runs them all, and compares the stub with
the notebook. Whatever a student hands in, `Question.check` never raises.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = [
    "Outcome",
    "Question",
    "Slip",
    "agree",
    "array",
    "choice",
    "close",
    "function",
    "number",
    "same_function",
    "show",
]

Verdict = Literal["correct", "not yet", "not attempted"]
VERBS = ("Predict", "Derive", "Code", "Break", "Explain")


class Slip(Exception):
    """One sentence that says what is wrong with an answer; raise it anywhere inside a judge."""


class NotAttempted(Exception):
    """The answer is still the untouched stub."""


# ---------------------------------------------------------------------------------------------------------------------
# What a student sees
# ---------------------------------------------------------------------------------------------------------------------

_LOOK = {  # sign and color; the color alone never carries the verdict
    "correct": ("✔", "#009E73"),
    "not yet": ("✘", "#D55E00"),
    "not attempted": ("○", "#767676"),
    "hint": ("?", "#0072B2"),
    "solution": ("▸", "#0072B2"),
    "guess kept": ("●", "#0072B2"),
    "guess and result": ("⇄", "#0072B2"),
    "no guess yet": ("○", "#767676"),
    "no guess": ("○", "#767676"),
    "no result": ("○", "#767676"),
    "guess not kept": ("✘", "#D55E00"),
}


@dataclass(frozen=True)
class Outcome:
    """A verdict and the sentence that explains it, readable as text and, in Jupyter, as a small box.

    The verdict is said by a word and a sign as well as by color.
    """

    verdict: str
    sentence: str
    code: str = ""

    def __repr__(self) -> str:
        text = f"{self.verdict.capitalize()}. {self.sentence}".rstrip()
        return f"{text}\n\n{self.code}" if self.code else text

    def _repr_html_(self) -> str:
        sentence = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.sentence, quote=False))
        mark, color = _LOOK[self.verdict.split(" (")[0]]
        box = (
            f'<div role="status" style="border-left: .35em solid {color}; padding: .35em .9em; margin: .3em 0">'
            f'<strong><span aria-hidden="true">{mark}</span> {self.verdict.capitalize()}.</strong> {sentence}'
        )
        if self.code:
            box += f'<pre style="margin: .5em 0 0"><code>{html.escape(self.code, quote=False)}</code></pre>'
        return box + "</div>"


def show(outcome: Outcome) -> None:
    """Display in a notebook or in IPython, print elsewhere."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display(outcome)
            return
    print(outcome)


# ---------------------------------------------------------------------------------------------------------------------
# A question
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Question:
    """One exercise of a lesson; see the module docstring for an example.

    Args:
        verb: what the student does, one of Predict, Derive, Code, Break, Explain.
        title: a few words, the heading in the notebook.
        answer: the name the exercise cell defines and hands to `check`.
        expects: the form of a valid answer, completing the sentence "Expected: …".
        judge: takes the answer; returns None when it is right, else one sentence that names the slip.
        stub: source text of the untouched exercise cell.
        right: source text of a right answer, what `solution` shows.
        because: why it is right, one or two sentences shown with "correct" and with the solution.
        hints: from a nudge to nearly the answer.
        wrong: typical wrong answers: (source text, words that the message must contain).
        setup: source text of what the notebook has defined by then (imports, a surface, a data set).
    """

    verb: str
    title: str
    answer: str
    expects: str
    judge: Callable[[Any], str | None]
    stub: str
    right: str
    because: str
    hints: Sequence[str]
    wrong: Sequence[tuple[str, str]]
    setup: str = ""
    _hints_given: int = field(default=0, init=False, repr=False)

    def __repr__(self) -> str:
        return f"{self.verb}: {self.title}. Expected: {self.expects}. Use .check({self.answer}), .hint(), .solution()."

    def check(self, answer: Any = None) -> None:
        """Say whether the answer is correct, not yet (and what probably slipped), or not attempted; never raises."""
        show(self.grade(answer))

    def hint(self) -> None:
        """Show the next hint; the last one stays."""
        self._hints_given = min(self._hints_given + 1, len(self.hints))
        more = "" if self._hints_given < len(self.hints) else " (The last hint; `.solution()` shows the code.)"
        label = f"hint ({self._hints_given} of {len(self.hints)})"
        show(Outcome(label, self.hints[self._hints_given - 1] + more))

    def solution(self) -> None:
        """Show a right answer and why it is right."""
        show(Outcome("solution", self.because, self.right))

    def grade(self, answer: Any = None) -> Outcome:
        """Judge an answer and return the `Outcome` that `check` displays."""
        if _untouched(answer):
            return Outcome("not attempted", f"Expected: {self.expects}.")
        try:
            slip = self.judge(answer)
        except NotAttempted as untouched:
            return Outcome("not attempted", f"{untouched} Expected: {self.expects}.".strip())
        except Slip as raised:
            slip = str(raised)
        except Exception as error:  # an answer the judge did not foresee must still get a sentence, not a traceback
            slip = f"This answer cannot be judged ({_first_line(error)}). Expected: {self.expects}."
        return Outcome("correct", self.because) if slip is None else Outcome("not yet", slip)

    def answer_from(self, source: str) -> Any:
        """Run source text as the exercise cell would run it and return what it hands to `check`."""
        namespace: dict[str, Any] = {}
        exec(self.setup, namespace)
        exec(source, namespace)
        return namespace[self.answer]


def _untouched(answer: Any) -> bool:
    """None, `...`, or a non-empty list, tuple or dict of nothing else."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return len(answer) > 0 and all(_untouched(part) for part in answer)
    return answer is None or answer is Ellipsis


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
    return text if len(text) <= 160 else text[:157] + "…"


# ---------------------------------------------------------------------------------------------------------------------
# Reading an answer: each returns a clean value or raises Slip (NotAttempted for an untouched function)
# ---------------------------------------------------------------------------------------------------------------------


def array(answer: Any, shape: tuple[int, ...] | None = None, what: str = "answer") -> np.ndarray:
    """Read numbers of a given shape from lists, NumPy arrays or tensors; NaN and infinity are refused.

    Args:
        answer: anything.
        shape: the shape it must have; None accepts any.
        what: how the message calls it.

    Returns:
        A float64 array.

    Raises:
        Slip: if it is no array of finite numbers of this shape.
    """
    if isinstance(answer, str):
        raise Slip(f"Your {what} is the text {answer[:40]!r}; numbers are expected.")
    if callable(answer) and not hasattr(answer, "detach"):
        raise Slip(f"Your {what} is a function; hand over the numbers it returns.")
    try:
        values = np.asarray(_plain(answer), dtype=np.float64)
    except (TypeError, ValueError):
        raise Slip(f"Your {what} is of type {type(answer).__name__} and cannot be read as numbers.") from None
    if shape is not None and values.shape != shape:
        raise Slip(f"Your {what} has shape {values.shape}; {shape} is expected.")
    if not np.isfinite(values).all():
        raise Slip(f"Your {what} contains NaN or infinity in {(~np.isfinite(values)).sum()} of {values.size} places.")
    return values


def number(answer: Any, what: str = "answer") -> float:
    """Read one finite number; an array of one entry counts."""
    if isinstance(answer, bool):
        raise Slip(f"Your {what} is {answer}; a number is expected.")
    values = array(answer, what=what)
    if values.size != 1:
        raise Slip(f"Your {what} has shape {values.shape}; one number is expected.")
    return float(values.reshape(()))


def choice(answer: Any, options: Sequence[str]) -> str:
    """Read one of a few words; capitals, blanks and hyphens do not matter."""
    listed = ", ".join(f'"{option}"' for option in options)
    if not isinstance(answer, str):
        raise Slip(f"Answer with one of {listed} as text in quotes; yours is of type {type(answer).__name__}.")
    by_letters = {_letters(option): option for option in options}
    if _letters(answer) not in by_letters:
        raise Slip(f'"{answer[:40]}" is not among the options {listed}.')
    return by_letters[_letters(answer)]


def _letters(text: str) -> str:
    """A text without capitals, blanks, hyphens and other marks."""
    return "".join(character for character in text.lower() if character.isalnum())


def function(answer: Any, what: str = "function") -> Callable[..., Any]:
    """Read a function and watch it: what it raises becomes a sentence, an untouched body becomes "not attempted"."""
    if not callable(answer):
        raise Slip(f"Your {what} is of type {type(answer).__name__}; a function is expected, without calling it.")

    def watched(*arguments: Any, **keywords: Any) -> Any:
        try:
            result = answer(*arguments, **keywords)
        except NotImplementedError:
            raise NotAttempted from None
        except Exception as error:
            raise Slip(f"Your {what} raised {_first_line(error)}.") from None
        if result is Ellipsis:
            raise NotAttempted
        if result is None:
            raise NotAttempted("The function returns None (if you have written it: does it end with `return`?).")
        return result

    return watched


def _plain(answer: Any) -> Any:
    """Tensors, also inside lists, as something NumPy reads."""
    if hasattr(answer, "detach"):
        return answer.detach().cpu().numpy()
    if isinstance(answer, list | tuple):
        return [_plain(part) for part in answer]
    return answer


# ---------------------------------------------------------------------------------------------------------------------
# Comparing with a reference: None when they agree, else the likely slip with the failing number
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


def _typical_factor(found: np.ndarray, expected: np.ndarray) -> str | None:
    """What one single factor between all entries of two arrays usually means."""
    scale = np.abs(expected).max(initial=0.0)
    for factor, meaning in FACTORS:
        if scale > 0 and np.abs(found - factor * expected).max() <= 1e-3 * abs(factor) * scale:
            return meaning
    return None


def agree(
    found: Any, expected: Any, what: str, tolerance: float = 1e-6, points: Sequence[Any] | None = None
) -> str | None:
    """Compare arrays and show the worst entry, or the factor that explains all of them.

    Args:
        found: the student's numbers.
        expected: the reference, any shape.
        what: the quantity, as in "Your force is 2 instead of -2: the sign is wrong."
        tolerance: largest allowed difference, relative to the largest expected entry.
        points: where the entries along the first axis were taken, to say "at x = …".

    Returns:
        None when they agree, else one sentence.

    Raises:
        Slip: if `found` is not finite or has another shape.
    """
    expected = np.asarray(_plain(expected), dtype=np.float64)
    found = array(found, expected.shape, what)
    difference = np.abs(found - expected)
    if difference.max(initial=0.0) <= tolerance * max(np.abs(expected).max(initial=0.0), 1e-12):
        return None
    worst = np.unravel_index(difference.argmax(), difference.shape)
    place = f" at {_say(points[worst[0]])}" if points is not None and worst else ""
    numbers = f"{found[worst]:.6g} instead of {expected[worst]:.6g}{place}"
    meaning = _typical_factor(found, expected)
    return f"Your {what} is {numbers}: {meaning}." if meaning else f"Your {what} is {numbers}."


def close(value: Any, expected: float, what: str, tolerance: float, unit: str = "") -> str | None:
    """Compare one number without giving the expected one away.

    Args:
        value: the student's number.
        expected: the reference.
        what: the quantity, as in "Your barrier is 3 eV: too low."
        tolerance: largest allowed absolute difference, in the same unit.
        unit: printed after the student's number.

    Returns:
        None when it is close enough, else one sentence.
    """
    found = number(value, what)
    if abs(found - expected) <= tolerance:
        return None
    meaning = _typical_factor(np.array([found]), np.array([expected]))
    direction = "too high" if found > expected else "too low"
    shown = f"{found:.6g} {unit}".strip()
    return f"Your {what} is {shown}: {meaning or direction}."


def same_function(
    answer: Any, reference: Callable[..., Any], points: Sequence[tuple], what: str, tolerance: float = 1e-6
) -> str | None:
    """Compare a student's function with a reference at sample points, each a tuple of arguments."""
    student = function(answer, what)
    expected = np.stack([np.asarray(_plain(reference(*point)), dtype=np.float64) for point in points])
    found = np.stack([array(student(*point), expected.shape[1:], what) for point in points])
    return agree(found, expected, what, tolerance, points=points)


def _say(point: Any) -> str:
    """A sample point in a sentence: (1, 0.5) or 2.1."""
    values = np.asarray(_plain(point if not (isinstance(point, tuple) and len(point) == 1) else point[0]), dtype=float)
    return "(" + ", ".join(f"{x:.4g}" for x in values.ravel()) + ")" if values.ndim else f"{values:.4g}"
