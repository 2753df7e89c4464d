"""Nothing right is refused, nothing wrong accepted: answers in many styles, kept as students would type them.

answers/lesson_NN.md holds, for every question whose answer is code, at least five right answers of different style and,
with the slips of the lesson's own file, at least eight wrong ones, each with words that its message must contain.
"""

import importlib
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from mininnip.exercises.engine import Question

FOLDER = Path(__file__).parent / "answers"


class Answer(NamedTuple):
    question: Question
    title: str
    source: str
    words: str  # "" for a right answer


def _read(file: Path) -> dict[str, list[Answer]]:
    """The answers of one lesson by question: ## q2, then ### right: title or ### wrong: title → words, and code."""
    lesson = importlib.import_module(f"mininnip.exercises.{file.stem}")
    found: dict[str, list[Answer]] = {}
    for section in re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = section.split("\n", 1)[0].strip()
        parts = re.findall(
            r"^### (right|wrong): ([^\n]*)\n```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL
        )
        assert len(parts) == section.count("### "), f"{file.name}, {name}: a heading without code, or the other way"
        found[f"{file.stem}.{name}"] = [_answer(getattr(lesson, name), *part) for part in parts]
    return found


def _answer(question: Question, verdict: str, heading: str, source: str) -> Answer:
    title, arrow, words = heading.partition(" → ")
    assert bool(arrow) == (verdict == "wrong"), heading
    return Answer(question, title, source, words)


ANSWERS = {name: answers for file in sorted(FOLDER.glob("*.md")) for name, answers in _read(file).items()}
ALL = [pytest.param(answer, id=f"{name}-{answer.title}") for name, answers in ANSWERS.items() for answer in answers]


@pytest.mark.parametrize("answer", ALL)
def test_verdict(answer):
    outcome = answer.question.grade(answer.question.answer_from(answer.source))
    assert outcome.verdict == ("not yet" if answer.words else "correct"), outcome.sentence
    assert answer.words.lower() in outcome.sentence.lower()


def _is_code(question: Question) -> bool:
    return "return" in question.stub or question.verb in ("Code", "Break")


def _questions() -> dict[str, Question]:
    lessons = [importlib.import_module(f"mininnip.exercises.{path.stem}") for path in FOLDER.glob("*.md")]
    return {
        f"{lesson.__name__.split('.')[-1]}.{name}": question
        for lesson in lessons
        for name, question in vars(lesson).items()
        if isinstance(question, Question)
    }


@pytest.mark.parametrize("name", [name for name, question in _questions().items() if _is_code(question)])
def test_every_code_question_has_five_right_and_eight_wrong_answers(name):
    right = [answer for answer in ANSWERS[name] if not answer.words]
    wrong = [answer.source for answer in ANSWERS[name] if answer.words] + [s for s, _ in _questions()[name].wrong]
    assert len(right) >= 5 and len(set(wrong)) >= 8, f"{len(right)} right, {len(set(wrong))} wrong answers"


NUMBERS = {name: one for name, one in _questions().items() if re.search(", a (whole )?number", one.expects)}
FORMS = {
    "float": "float(x)",
    "NumPy scalar": "np.float32(x)",
    "0-d array": "np.array(x)",
    "0-d tensor": "torch.tensor(x)",
    "one-element tensor": "torch.tensor([[float(x)]], requires_grad=True)",
    "list": "[x]",
    "column": "np.array([[x]])",
    "fraction": "__import__('fractions').Fraction(x)",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_right_in_every_form(name, form):
    question = NUMBERS[name]
    source = f"x = {question.right.partition(' = ')[2]}\n{question.answer} = {FORMS[form]}"
    assert question.grade(question.answer_from(source)).verdict == "correct"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("lesson_06.q2", "n_points = 2.44e8"),
        ("lesson_07.q1", "curvature = 0.2"),
        ("lesson_07.q2", "eta = 4.3"),
        ("lesson_08.q4", "days = 116"),
        ("lesson_02.q1", "r_rest = 3.82"),
    ],
)
def test_a_number_may_be_rounded(name, source):
    question = NUMBERS[name]
    assert question.grade(question.answer_from(source)).verdict == "correct"


def test_the_reader_of_answers_sees_a_heading_without_code(tmp_path):
    file = tmp_path / "lesson_02.md"
    file.write_text("## q2\n\n### right: nothing\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="a heading without code"):
        _read(file)
