"""The exercise engine: verdicts, messages, and what a student sees in a terminal and in Jupyter."""

import numpy as np
import pytest
import torch

from mininnip.exercises.engine import Question, Slip, agree, array, choice, close, function, number, same_function


def _judge_slope(answer):
    return same_function(answer, lambda x: -2 * x, points=[(0.5,), (1.0,), (-2.0,)], what="force")


@pytest.fixture
def question():
    return Question(
        verb="Code",
        title="Force",
        answer="force",
        expects="a function force(x)",
        judge=_judge_slope,
        stub="def force(x):\n    ...",
        right="def force(x):\n    return -2 * x",
        because="The force points downhill.",
        hints=["Downhill.", "F = -dE/dx."],
        wrong=[],
    )


def test_correct_not_yet_not_attempted(question):
    assert question.grade(lambda x: -2 * x).verdict == "correct"
    assert question.grade(lambda x: torch.tensor(-2.0 * x, requires_grad=True)).verdict == "correct"
    assert question.grade(lambda x: 2 * x).sentence == "Your force is -4 instead of 4 at -2: the sign is wrong."
    assert "twice" in question.grade(lambda x: -4 * x).sentence
    for untouched in (None, ..., [None, ...], {"a": None}, lambda x: None, lambda x: ...):
        assert question.grade(untouched).verdict == "not attempted"


def test_not_implemented_is_not_attempted(question):
    def force(x):
        raise NotImplementedError

    assert question.grade(force).verdict == "not attempted"


def test_what_a_function_raises_becomes_one_sentence(question):
    def force(x):
        raise ValueError("first line\nsecond line")

    outcome = question.grade(force)
    assert outcome.verdict == "not yet"
    assert outcome.sentence == "Your force raised ValueError: first line."


def test_a_judge_that_breaks_never_raises(question):
    question.judge = lambda answer: answer["no such key"]
    outcome = question.grade(3)
    assert outcome.verdict == "not yet"
    assert "cannot be judged (TypeError" in outcome.sentence and "a function force(x)" in outcome.sentence


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("text", "numbers are expected"),
        (object(), "cannot be read as numbers"),
        (np.zeros((2, 3)), r"shape \(2, 3\); \(2,\) is expected"),
        ([1.0, float("nan")], "NaN or infinity in 1 of 2"),
        (lambda: 1.0, "is a function"),
        ([[1.0], [1.0, 2.0]], "cannot be read"),
    ],
)
def test_array_refuses(answer, words):
    with pytest.raises(Slip, match=words):
        array(answer, (2,))


def test_array_reads_lists_arrays_tensors():
    for answer in ([1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1.0, 2.0]), [torch.tensor(1.0), 2.0]):
        assert array(answer, (2,)).tolist() == [1.0, 2.0]


def test_number_reads_and_refuses():
    assert number(np.array([2.0])) == number(torch.tensor(2.0, requires_grad=True)) == number(2) == 2.0
    for answer, words in ((True, "True"), ([1, 2], "one number"), ("2", "text")):
        with pytest.raises(Slip, match=words):
            number(answer)


def test_choice_reads_and_refuses():
    assert choice(" A ", ["a", "b"]) == "a"
    for answer, words in (("c", "not among"), (1, "type int")):
        with pytest.raises(Slip, match=words):
            choice(answer, ["a", "b"])


def test_function_refuses_a_number():
    with pytest.raises(Slip, match="without calling it"):
        function(3.0)


def test_agree_names_factor_and_worst_place():
    expected = np.array([1.0, -3.0])
    assert agree(expected * (1 + 1e-8), expected, "energy") is None
    assert agree([2.0, -6.0], expected, "energy") == (
        "Your energy is -6 instead of -3: twice what it should be (a pair counted twice, or a ½ missing?)."
    )
    assert (
        agree([1.0, -3.5], expected, "energy", points=[(0.1,), (0.2,)]) == "Your energy is -3.5 instead of -3 at 0.2."
    )
    assert "kcal/mol" in str(agree(23.0605 * expected, expected, "energy"))


def test_close_does_not_give_the_number_away():
    assert close(1.004, 1.0, "barrier", tolerance=0.01) is None
    assert close(1.3, 1.0, "barrier", tolerance=0.01, unit="eV") == "Your barrier is 1.3 eV: too high."
    assert close(-1.0, 1.0, "barrier", tolerance=0.01) == "Your barrier is -1: the sign is wrong."


def test_terminal_shows_plain_text(question, capsys):
    question.check(lambda x: -2 * x)
    for _ in range(3):
        question.hint()
    question.solution()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Correct. The force points downhill."
    assert lines[1] == "Hint (1 of 2). Downhill."
    assert lines[2] == lines[3] == "Hint (2 of 2). F = -dE/dx. (The last hint; `.solution()` shows the code.)"
    assert lines[-2:] == ["def force(x):", "    return -2 * x"]


def test_jupyter_shows_an_escaped_box_that_does_not_rely_on_color(question):
    box = question.grade("<b>")._repr_html_()
    assert 'role="status"' in box and "Not yet." in box and "<b>" not in box.replace("<strong>", "")
    question.judge = lambda answer: "Use `torch.exp`."
    assert "<code>torch.exp</code>" in question.grade(1)._repr_html_()
