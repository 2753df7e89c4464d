"""`.check` never raises: nasty answers against every question; the long form tries them all and prints a table.

The long form, as of the other fault tests: pytest tests/faults tests/exercises/test_nasty.py --long
"""

import random
import time

import pytest

from mininnip.exercises.prediction import Predictions

from .nasty import all_nasty
from .test_every_question import _find_questions, _is_one_sentence

QUESTIONS = dict(_find_questions())
NASTY = all_nasty()
PART = 40  # of the nasty answers for each question in the short form, others for each


def _chosen(k: int, everything: bool = False) -> list[str]:
    """The nasty answers that question number k meets: all, or a part, so that each is met by some question."""
    shuffled = random.Random(0).sample(sorted(NASTY), len(NASTY))
    return shuffled if everything else [shuffled[(k * PART + n) % len(shuffled)] for n in range(PART)]


def test_there_are_enough():
    assert len(NASTY) >= 200
    assert {nasty for k in range(len(QUESTIONS)) for nasty in _chosen(k)} == set(NASTY)


pytestmark = pytest.mark.filterwarnings(
    "ignore::RuntimeWarning",  # a coroutine that nobody awaits
    "ignore:Sparse invariant checks",
)


@pytest.mark.parametrize("name", QUESTIONS)
def test_check_never_raises_and_says_one_sentence(name, capsys, request):
    question, slowest, everything = QUESTIONS[name], 0.0, request.config.getoption("long", False)
    for nasty in _chosen(list(QUESTIONS).index(name), everything):
        start = time.perf_counter()
        question.check(NASTY[nasty]())
        slowest = max(slowest, time.perf_counter() - start)
        said = capsys.readouterr().out
        verdict, _, sentence = said.strip().partition(". ")
        assert verdict in ("Not yet", "Not attempted"), f"{nasty}: {said}"
        assert _is_one_sentence(sentence), f"{nasty}: {said}"
    assert question.grade(question.answer_from(question.right)).verdict == "correct", "something nasty spoiled it"
    if everything:
        with capsys.disabled():
            print(f"\n{name}: {len(NASTY)} answers, 0 escapes, slowest {slowest:.2f} s", end="")


def test_predict_never_raises(capsys):
    predict = Predictions()
    for nasty in _chosen(0):
        for unit, options in (("", ()), ("eV", ()), ("", ("a", "b"))):
            predict("it", NASTY[nasty](), unit, options)
            predict.compare("it", 1.0)
            predict("it", 1.0)
            predict.compare("it", NASTY[nasty]())
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 12 and all(len(line) < 400 for line in lines), nasty
