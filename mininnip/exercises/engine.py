"""The engine behind every exercise: judge an answer, give one more hint, show the solution.

A lesson module (``lesson_NN.py``) holds one `Question` per exercise and nothing else. Most come from a maker
(`mininnip.exercises.makers`): a number, a choice, a function with a reference, a function with a property. What none
of them fits is a `Question` with its own judge:

    def judge_force(answer):
        force = number(answer, "force")                 # raises Slip with a clear sentence if it is not one
        return None if force > 0 else "Your force points uphill."         # None, or one sentence

    q1 = Question(
        verb="Break", title="A positive force", answer="force",
        expects="a number",
        judge=judge_force,
        stub="force = ...",                             # what the exercise cell holds at first
        right="force = 2",
        because="Downhill is positive here.",
        hints=["Which way does a ball roll?", "F = -dE/dx."],
        wrong=[("force = -2", "uphill"), ...],          # at least three, each with words of its message
    )

``stub``, ``right`` and ``wrong`` are source text exactly as a student would type it; each defines the name
``answer``. tests/exercises runs them all, compares the stubs with the notebooks, and adds right and wrong answers of
other styles. Whatever a student hands in, `Question.check` never raises (an interrupt by the student passes through).
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mininnip.exercises.reading import NotAttempted, Slip, first_line, untouched

__all__ = ["SETUP", "VERBS", "Outcome", "Question", "show"]

SETUP = "import itertools\nimport math\nimport numpy as np\nimport torch\nimport mininnip as mn\n"
VERBS = ("Predict", "Derive", "Code", "Break", "Explain")


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

    def __post_init__(self) -> None:
        """Whatever part of an answer the sentence quotes, it stays one line that can be printed."""
        printable = self.sentence.encode("utf-8", "replace").decode("utf-8")
        object.__setattr__(self, "sentence", " ".join("".join(filter(_visible, printable)).split()))

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


def _visible(character: str) -> bool:
    return character.isprintable() or character.isspace()


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
        setup: source text of what the notebook has defined by then.
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
    setup: str = SETUP
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
        try:
            if untouched(answer):
                raise NotAttempted
            with np.errstate(all="ignore"):  # absurd numbers are judged, not warned about
                slip = self.judge(answer)
        except KeyboardInterrupt:
            raise
        except NotAttempted:
            return Outcome("not attempted", f"Expected: {self.expects}.")
        except Slip as raised:
            slip = str(raised)
        except BaseException as error:  # even sys.exit() inside an answer gets a sentence, not a traceback
            slip = f"This answer cannot be judged ({first_line(error)}). Expected: {self.expects}."
        return Outcome("correct", self.because) if slip is None else Outcome("not yet", slip)

    def answer_from(self, source: str) -> Any:
        """Run source text as the exercise cell would run it and return what it hands to `check`."""
        return answer_from(source, self.answer, self.setup)


def answer_from(source: str, answer: str, setup: str = SETUP) -> Any:
    """What the name `answer` holds after source text has run as the cell of an exercise."""
    namespace: dict[str, Any] = {}
    exec(setup, namespace)
    exec(source, namespace)
    return namespace[answer]
