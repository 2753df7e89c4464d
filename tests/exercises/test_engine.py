"""The exercise engine: verdicts, messages, what is read, and what a student sees in a terminal and in Jupyter."""

import math
import signal
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from mininnip.exercises import reading
from mininnip.exercises.engine import Outcome, answer_from
from mininnip.exercises.makers import choice_question, code_question, compare, function_question, number_question
from mininnip.exercises.reading import Refused, Slip, array, choice, function, number


@pytest.fixture
def question():
    return function_question(
        "def force(x):\n    return -2 * x",
        points=[(torch.tensor(x, dtype=torch.float64),) for x in (0.5, 1.0, -2.0)],
        what="force",
        title="Force",
        expects="returns the force",
        by_hand=True,
        slips={"return x**2": "that is the energy"},
        because="The force points downhill.",
        hints=["Downhill.", "F = -dE/dx."],
    )


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_correct_not_yet_not_attempted(question):
    assert question.grade(lambda x: -2 * x).verdict == "correct"
    assert question.grade(lambda x: torch.tensor(-2.0 * x, requires_grad=True)).verdict == "correct"
    assert question.grade(lambda x: 2 * x).sentence == "Your force is 1 instead of -1 at x = 0.5: the sign is wrong."
    assert "twice" in question.grade(lambda x: -4 * x).sentence
    assert question.grade(lambda x: x**2).sentence == "Your force is 0.25 instead of -1 at x = 0.5: that is the energy."
    for untouched in (None, ..., [None, ...], {"a": None}, lambda x: None, lambda x: ...):
        assert question.grade(untouched).verdict == "not attempted"


def test_only_an_untouched_stub_is_not_attempted(question):
    for source in ("def force(x): ...", "def force(x):\n    return ...", 'def force(x):\n    """F(x)."""\n    pass'):
        assert question.grade(answer_from(source, "force")).verdict == "not attempted"
    outcome = question.grade(answer_from("def force(x):\n    y = -2 * x", "force"))
    assert outcome.verdict == "not yet" and "does it end with `return`" in outcome.sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('first line.\\nsecond line')", "raised ValueError in line 2: first line."),
        ("raise NotImplementedError", "raised NotImplementedError in line 2."),
        ("import sys\n    sys.exit()", "raised SystemExit in line 3."),
        ("return force(x)", "raised RecursionError in line 2: maximum recursion depth exceeded"),
        ("return [1, 2][int(x) + 9]", "raised IndexError in line 2: list index out of range."),
    ],
)
def test_what_a_function_raises_is_reported_with_its_line(question, body, words):
    outcome = question.grade(answer_from(f"def force(x):\n    {body}", "force"))
    assert outcome.verdict == "not yet"
    assert words in outcome.sentence


def test_the_line_is_the_students_own_and_shown_if_it_is_known(question):
    def force(x):
        return np.linalg.inv(np.zeros((2, 2)))

    line = force.__code__.co_firstlineno + 1
    words = f"raised LinAlgError in line {line}, `return np.linalg.inv(np.zeros((2, 2)))`: Singular matrix."
    assert question.grade(force).sentence == f"Your force {words}"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarm on this system")
@pytest.mark.timeout(0)  # the alarm is free then
def test_a_function_without_end_is_stopped(question, monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.2)
    lines = ["def force(x):", "    while True:", "        try:", "            x = x + 1"]
    source = "\n".join([*lines, "        except Exception:", "            pass"])
    sentence = question.grade(answer_from(source, "force")).sentence
    assert sentence.startswith("Your force has not come to an end after 0.2 s in line ")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert question.grade(lambda x: -2 * x).verdict == "correct"


def test_an_interrupt_by_the_student_passes_through(question):
    def force(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        question.grade(force)


def test_a_judge_that_breaks_never_raises(question):
    question.judge = lambda answer: answer["no such key"]
    outcome = question.grade(3)
    assert outcome.verdict == "not yet"
    assert "cannot be judged (TypeError" in outcome.sentence and "a function force(x)" in outcome.sentence


def test_each_call_gets_fresh_arguments(question):
    def force(x):
        answer = -2 * x
        x *= 0
        return answer

    assert question.grade(force).verdict == "correct"

    def spoil(x):
        x[...] = 0.0
        return 0.0

    for _ in range(2):
        assert question.grade(spoil).verdict == "not yet"
    assert question.grade(lambda x: 0.0).verdict == "not yet"


@pytest.mark.parametrize(
    "body",
    [
        "x.requires_grad_()\n    return -torch.autograd.grad(x**2, x)[0]",
        "x.requires_grad_()\n    (x**2).backward()\n    return -x.grad",
        "x.requires_grad_()\n    torch.autograd.backward(x**2)\n    return -x.grad",
        "return -torch.func.grad(lambda x: x**2)(x)",
        "return -torch.func.jacfwd(lambda x: x**2)(x)",
        "return -torch.autograd.functional.jacobian(lambda x: x**2, x)",
        "return -torch.func.jvp(lambda x: x**2, (x,), (torch.ones_like(x),))[1]",
        "x.requires_grad_()\n    torch.autograd.grad(x**2, x)\n    raise ValueError",
    ],
)
def test_autograd_is_seen_where_it_is_forbidden_and_only_there(question, body):
    answer = answer_from(f"def force(x):\n    x = torch.as_tensor(x)\n    {body}", "force")
    assert question.grade(answer).sentence == (
        "Your force uses autograd; here the derivative is to be written by hand."
    )
    with pytest.raises(Refused):
        function(answer, by_hand=True)(torch.tensor(1.0))
    if "raise" not in body:
        assert function(answer)(torch.tensor(1.0)) == -2


# --- what is read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("text", "numbers are expected"),
        (object(), "cannot be read as numbers"),
        (np.zeros((2, 3)), r"shape \(2, 3\); \(2,\) is expected"),
        ([1.0, float("nan")], "NaN or infinity in 1 of 2"),
        (lambda: 1.0, "is a function"),
        ([[1.0], [1.0, 2.0]], "different shapes"),
        ([1.0, 2j], "complex"),
        (np.array(["a", "b"]), "array of str"),
        ([True, False], "True"),
        ([[[[[[[[[[[[[[[[[[[[[[[1.0]]]]]]]]]]]]]]]]]]]]]]], "does it contain itself"),
        (torch.zeros(1).expand(2_000_000), "more than 100,000 numbers"),
        (np.broadcast_to(0.0, (10**9, 10**6)), "more than 100,000 numbers"),
    ],
)
def test_array_refuses(answer, words):
    with pytest.raises(Slip, match=words):
        array(answer, (2,))


def test_array_reads_every_sane_form():
    one, two = torch.tensor(1.0, requires_grad=True), np.float32(2.0)
    forms = [[1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1.0, 2.0]), [one, two], range(1, 3)]
    forms += [[[1], [2]], torch.tensor([[1.0], [2.0]]), np.array([[1, 2]]), [torch.tensor([1.0]), 2.0]]
    forms += [[Fraction(1), Decimal(2)], torch.tensor([1, 2], dtype=torch.bfloat16), np.array([1, 2 + 0j])]
    forms += [np.array([1, 2], dtype=object), torch.tensor([1.0, 2.0]).to_sparse(), np.ma.array([1.0, 2.0])]
    for answer in forms:
        assert array(answer, (2,)).tolist() == [1.0, 2.0], answer


def test_number_reads_and_refuses():
    for two in (
        2,
        2.0,
        np.array([2.0]),
        torch.tensor(2.0, requires_grad=True),
        [2],
        [[torch.tensor([2])]],
        Fraction(2),
    ):
        assert number(two) == 2.0
    for answer, words in ((True, "True"), ([1, 2], "one number"), ("2", "text"), ([], "one number"), (10**400, "read")):
        with pytest.raises(Slip, match=words):
            number(answer)


def test_choice_reads_and_refuses():
    for answer in (" A b", "a-B", "ab", ["A B"], np.str_("ab")):
        assert choice(answer, ["a b", "c"]) == "a b"
    for answer, words in (("d", "not among"), (1, "type int"), ("a" * 10**7, "not among")):
        with pytest.raises(Slip, match=words):
            choice(answer, ["a b", "c"])


def test_function_refuses_a_number():
    with pytest.raises(Slip, match="without calling it"):
        function(3.0)


# --- one rule for what agrees ---------------------------------------------------------------------------------------


def test_compare_names_factor_and_place():
    expected = [np.array(1.0), np.array(-3.0)]
    places = [" at x = 1", " at x = 2"]

    def said(*found):
        return compare([np.array(value) for value in found], expected, "energy", places)

    assert said(1 + 1e-8, -3.0) is None
    assert said(2.0, -6.0) == (
        "Your energy is 2 instead of 1 at x = 1: twice what it should be (a pair counted twice, or a ½ missing?)."
    )
    assert said(1.0, -3.5) == "Your energy is -3.5 instead of -3 at x = 2."
    assert "kcal/mol" in str(said(23.0605, -3 * 23.0605))
    assert "7 times what it should be, everywhere" in str(said(7.0, -21.0))
    assert "nearly right, off by 3.3e-04" in str(said(1.0, -3.001))
    assert "nan instead of -3 at x = 2: a division by zero" in str(said(1.0, math.nan))


def test_single_precision_is_right_and_a_finite_difference_is_not(question):
    assert question.grade(lambda x: np.float32(-2) * np.float32(x + 1e-7)).verdict == "correct"
    outcome = question.grade(lambda x: -2 * x * (1 + 1e-5))
    assert outcome.verdict == "not yet" and "finite difference" in outcome.sentence


def test_a_number_need_not_be_exact_unless_it_counts():
    parts = {"answer": "n", "what": "number", "title": "", "because": "", "hints": ["", ""]}
    count = number_question("50", slips={"49": "one is missing"}, **parts)
    assert [count.grade(n).verdict for n in (50, 50.0, 50.2, 51)] == ["correct", "correct", "not yet", "not yet"]
    assert count.grade([49]).sentence == "Your number is 49: one is missing."
    measured = number_question("0.1974", slips={"0.25": "too long?"}, unit="Å", **parts)
    assert [measured.grade(x).verdict for x in (0.2, 0.197, 0.19, 1.974)] == ["correct"] * 2 + ["not yet"] * 2
    assert measured.grade(0.19).sentence == "Your number is 0.19 Å: close, but too low."
    assert measured.grade(0.251).sentence == "Your number is 0.251 Å: too long?"
    assert "the sign is wrong" in measured.grade(-0.1974).sentence


def test_a_slip_is_written_as_changes_as_a_body_or_whole():
    def judge(student):
        return None if student(2) == 4 else "no"

    wrong = [("2 * x → 3 * x", "no"), ("return x", "no"), ("def double(x):\n    return 5 * x", "no")]
    parts = {"what": "double", "expects": "doubles", "title": "", "because": "", "hints": ["", ""]}
    made = code_question(judge, "def double(x):\n    return 2 * x", wrong=wrong, **parts)
    assert [answer_from(source, "double")(1) for source, _ in made.wrong] == [3, 1, 5]
    assert made.stub == "def double(x):\n    return ..."
    with pytest.raises(ValueError, match="does not stand in the right answer"):
        code_question(judge, "def double(x):\n    return 2 * x", wrong=[("4 * x → x", "no")], **parts)


def test_a_choice_lists_its_options_in_the_stub():
    options = {"a": "Not a.", "b": "It is b.", "c": "Not c."}
    made = choice_question("b", answer="which", options=options, title="", hints=["", ""])
    assert made.stub == 'which = ...  # "a", "b" or "c"'
    assert made.grade("B").verdict == "correct" and made.grade("a").sentence == "Not a."


# --- what a student sees --------------------------------------------------------------------------------------------


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
    assert "<code>torch.exp</code>" in Outcome("not yet", "Use `torch.exp`.")._repr_html_()


def test_a_sentence_stays_one_line_that_can_be_printed():
    outcome = Outcome("not yet", "one\ntwo\t\x1b[31mthree \ud800")
    assert outcome.sentence == "one two [31mthree ?"
    repr(outcome).encode(sys.stdout.encoding or "utf-8")
