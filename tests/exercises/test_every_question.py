"""Every exercise of every lesson: stub, solution, wrong answers and nonsense, each with its verdict and message."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mininnip.exercises
from mininnip.exercises.engine import VERBS, Question

COURSE = Path(__file__).resolve().parents[2] / "course"


def _find_questions() -> Iterator[tuple[str, Question]]:
    for found in pkgutil.iter_modules(mininnip.exercises.__path__):
        if found.name.startswith("lesson_"):
            module = importlib.import_module(f"mininnip.exercises.{found.name}")
            for name, value in vars(module).items():
                if isinstance(value, Question):
                    yield f"{found.name}.{name}", value


QUESTIONS = [pytest.param(question, id=name) for name, question in _find_questions()]
WRONG_ANSWERS = [
    pytest.param(question, source, words, id=f"{name}-wrong{position}")
    for name, question in _find_questions()
    for position, (source, words) in enumerate(question.wrong, start=1)
]


def _raises(*arguments, **keywords):
    raise RuntimeError("a bug in the student's function")


NONSENSE = {
    "string": "forty-two",
    "shape": np.zeros((2, 3, 5)),
    "nan": float("nan"),
    "nan function": lambda *arguments, **keywords: float("nan"),
    "text function": lambda *arguments, **keywords: "text",
    "raising function": _raises,
    "type": int,
    "dict": {"a": 1},
    "empty": [],
    "object": object(),
}


def _is_one_sentence(text):
    return 15 <= len(text) <= 320 and "\n" not in text and text[-1] in ".?!" and "Traceback" not in text


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_author_gave_all_parts(question):
    assert question.verb in VERBS
    assert len(question.hints) >= 2 and question.wrong
    assert _is_one_sentence(question.because) and not question.expects.endswith(".")


@pytest.mark.parametrize("question", QUESTIONS)
def test_stub_is_not_attempted(question):
    assert question.grade(question.answer_from(question.stub)).verdict == "not attempted"
    assert question.grade(None).verdict == question.grade().verdict == "not attempted"


@pytest.mark.parametrize("question", QUESTIONS)
def test_solution_is_correct(question):
    outcome = question.grade(question.answer_from(question.right))
    assert outcome.verdict == "correct", outcome.sentence


@pytest.mark.parametrize(("question", "source", "words"), WRONG_ANSWERS)
def test_wrong_answer_names_its_slip(question, source, words):
    outcome = question.grade(question.answer_from(source))
    assert outcome.verdict == "not yet"
    assert words.lower() in outcome.sentence.lower()
    assert _is_one_sentence(outcome.sentence), outcome.sentence


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("question", QUESTIONS)
def test_nonsense_gets_one_sentence(question, kind):
    outcome = question.grade(NONSENSE[kind])
    assert outcome.verdict == "not yet"
    assert _is_one_sentence(outcome.sentence), outcome.sentence


@pytest.mark.parametrize("question", QUESTIONS)
def test_notebook_carries_the_stub(question, request):
    lesson, name = request.node.callspec.id.split(".")
    (notebook,) = COURSE.glob(f"{lesson.removeprefix('lesson_')}_*.ipynb")
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    (cell,) = [source for source in cells if f"ex.{name}.check(" in source]
    assert cell.startswith(question.stub), f"the cell of {name} does not start with the stub of the engine"
    assert f"ex.{name}.check({question.answer})" in cell


NO_NUMBER = {
    "lesson_01.q3",
    "lesson_06.q1",
    "lesson_06.q6",
    "lesson_07.q3",
    "lesson_08.q5",
    "lesson_12.q5",
}  # what fails is a property


@pytest.mark.parametrize("name", [name for name, one in _find_questions() if "one of" not in one.expects])
def test_a_slip_names_the_number_that_fails(name):
    question = dict(_find_questions())[name]
    for source, words in question.wrong:
        sentence = question.grade(question.answer_from(source)).sentence
        assert name in NO_NUMBER or re.search(r" -?(\d|inf|nan)", sentence.removesuffix(words)), sentence


def test_a_lesson_of_exercises_is_short():
    for found in Path(mininnip.exercises.__path__[0]).glob("lesson_*.py"):
        assert len(found.read_text(encoding="utf-8").splitlines()) <= 160, found.name
