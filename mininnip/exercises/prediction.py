"""Predictions: a guess is kept before a cell runs and set beside the result after it.

Two lines in a notebook, one under a **Predict** and one under the number that answers it:

    ex.predict("climb of the straight line", ..., unit="eV")            # students put a number in place of `...`
    ex.predict.compare("climb of the straight line", straight.max() - straight[0])

    ex.predict("who pulls harder", ..., options=["argon", "nitrogen"])  # or one of a few words, in quotes
    ex.predict.compare("who pulls harder", "argon" if force_ar > force_n2 else "nitrogen")

    ex.predict("direction of the force", ...)                           # or a sentence of one's own, kept as it is
    ex.predict.compare("direction of the force", "to the lower left")

The first argument names what is guessed, the same words in both lines; it begins the sentence that is shown. Nothing
here raises: an untouched `...` prints a neutral line, a guess that cannot be read says why, every line may be run
again in any order, and the last guess counts. `compare(…, error=0.1)` calls a guess within ±0.1 as good as the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mininnip.exercises.engine import Outcome, show
from mininnip.exercises.reading import Slip, choice, first_line, number, untouched

__all__ = ["Predictions", "predict"]


@dataclass(frozen=True)
class _Kept:
    """What was asked under one name, and the guess: a number, a text, or None as long as nothing is guessed."""

    guess: float | str | None
    unit: str
    options: tuple[str, ...]

    def read(self, value: Any) -> float | str | None:
        """A guess or a result in the form that was asked for; `None` and `...` are no guess.

        Raises:
            Slip: if it has another form.
        """
        if untouched(value):
            return None
        if self.options:
            word = issubclass(type(value), str | list | tuple)
            return choice(value if word else f"{number(value, 'guess'):g}", self.options)
        if not issubclass(type(value), str):
            return number(value, "guess")
        text = str.__str__(value).strip()[:200]
        try:
            return float(text)
        except ValueError:
            if self.unit:
                raise Slip(f'"{text[:40]}" is no number; one in {self.unit} is asked, without quotes.') from None
            return text

    def say(self, value: float | str) -> str:
        """A guess or a result with its unit."""
        return f'"{value}"' if isinstance(value, str) else f"{_digits(value)} {self.unit}".strip()

    @property
    def form(self) -> str:
        """What to write in place of `...`."""
        if self.options:
            return "one of " + ", ".join(f'"{option}"' for option in self.options)
        return f"a number in {self.unit}" if self.unit else "your guess"


class Predictions:
    """The guesses of this session; the module says how to use its one instance, `predict`."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def __call__(self, name: str, guess: Any = None, unit: str = "", options: Sequence[str] = ()) -> None:
        """Keep a guess and say so.

        Args:
            name: what is guessed, a few words that begin a sentence ("height of the barrier").
            guess: a number, one of the options, or a text; `...` as long as there is none.
            unit: unit of the number, "" if it has none.
            options: the words to choose from, if it is a choice.
        """
        empty = _Kept(None, unit, tuple(options))
        try:
            kept = _Kept(empty.read(guess), unit, tuple(options))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._kept[name] = empty
            show(Outcome("guess not kept", f"{_capital(name)}: {_why(error)}"))
            return
        self._kept[name] = kept
        if kept.guess is None:
            show(Outcome("no guess yet", f"{_capital(name)}: put {kept.form} in place of `...` before you go on."))
        else:
            show(Outcome("guess kept", f"{_capital(name)}: {kept.say(kept.guess)}."))

    def compare(self, name: str, result: Any, error: float = 0.0) -> None:
        """Set the guess beside the result and say how far it is off, and on which side.

        Args:
            name: the words under which the guess was kept.
            result: the number or the word that turned out.
            error: uncertainty of the result; a guess within it is as good as the result.
        """
        if name not in self._kept:
            asked = ", only under " + ", ".join(f'"{other}"' for other in self._kept) if self._kept else ""
            show(Outcome("no guess", f'Nothing is kept under "{name}"{asked}: has the cell of the guess run?'))
            return
        kept = self._kept[name]
        try:
            found = kept.read(result)
        except KeyboardInterrupt:
            raise
        except BaseException as unreadable:
            show(Outcome("no result", f"{_capital(name)}: {_why(unreadable)}"))
            return
        if found is None:
            show(Outcome("no result", f"{_capital(name)}: there is nothing to compare with yet."))
        elif kept.guess is None:
            show(Outcome("no guess", f"{_capital(name)}: {kept.say(found)} is the result."))
        else:
            both = f"you guessed {kept.say(kept.guess)}, the result is {kept.say(found)}"
            show(Outcome("guess and result", f"{_capital(name)}: {both}; {_verdict(kept.guess, found, error)}."))


def _verdict(guess: float | str, found: float | str, error: float) -> str:
    """How a guess and a result lie to each other, the end of a sentence."""
    if isinstance(guess, str) or isinstance(found, str):
        return "the same" if guess == found else "not the same"
    if guess == found:
        return "the same"
    if abs(guess - found) <= error:
        return "as good as the result itself is known"
    if _digits(guess) == _digits(found):
        return "the same to three digits"
    if found == 0 or guess == 0:
        return f"off by {_digits(abs(guess - found))}"
    if guess * found < 0:
        return "the sign is the other one"
    side = "in size, too large" if found < 0 and guess < found else "in size, too small" if found < 0 else ""
    side = side or ("too high" if guess > found else "too low")
    if max(abs(guess), abs(found)) < 20 and guess == round(guess) and found == round(found):
        return f"{side} by {_digits(abs(guess - found))}"
    ratio = max(guess / found, found / guess)
    if ratio >= 2:
        return f"{side} by a factor of {ratio:.2g}" if ratio < 100 else f"{side} by a factor of {_digits(ratio)}"
    return f"{side} by {100 * abs(guess / found - 1):.2g} %"


def _why(error: BaseException) -> str:
    """Why something could not be read, whatever it raised."""
    return str(error) if isinstance(error, Slip) else f"it cannot be read ({first_line(error)})."


def _digits(value: float) -> str:
    """Three digits, whole numbers below a million in full."""
    return f"{value:.0f}" if abs(value) < 1e6 and value == round(value) else f"{value:.3g}"


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


predict = Predictions()
