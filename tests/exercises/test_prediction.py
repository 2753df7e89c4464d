"""Predictions: what a student reads when a guess is missing, kept, unreadable, and set beside the result."""

import ast
import importlib
import json
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import mininnip.exercises
from mininnip.exercises.prediction import Predictions

LESSONS = [found.name for found in pkgutil.iter_modules(mininnip.exercises.__path__) if found.name.startswith("lesson")]


@pytest.fixture
def predict():
    return Predictions()


@pytest.fixture
def said(capsys):
    return lambda: capsys.readouterr().out.strip()


def test_an_untouched_guess_says_what_to_write(predict, said):
    predict("barrier", ..., unit="eV")
    assert said() == "No guess yet. Barrier: put a number in eV in place of `...` before you go on."
    predict("winner", ..., options=["A", "B"])
    assert said() == 'No guess yet. Winner: put one of "A", "B" in place of `...` before you go on.'
    predict.compare("barrier", 0.25)
    assert said() == "No guess. Barrier: 0.25 eV is the result."


def test_a_guess_is_kept_and_the_last_one_counts(predict, said):
    predict("barrier", 1)
    predict("barrier", 0.3, unit="eV")
    assert said().splitlines()[-1] == "Guess kept. Barrier: 0.3 eV."
    predict.compare("barrier", torch.tensor([[0.25]]))
    assert said() == ("Guess and result. Barrier: you guessed 0.3 eV, the result is 0.25 eV; too high by 20 %.")


@pytest.mark.parametrize(
    ("guess", "result", "words"),
    [
        (1.12, 1.1225, "the same to three digits"),
        (1.13, 1.1225, "too high by 0.67 %"),
        (100.0, 120.0, "too low by 17 %"),
        (10, 31.2, "too low by a factor of 3.1"),
        (1e-5, 20.0, "too low by a factor of 2e+06"),
        (-2.0, -1.5, "in size, too large by 33 %"),
        (-1.0, -1.5, "in size, too small by 33 %"),
        (-1.0, 1.5, "the sign is the other one"),
        (0.0, 1.5, "off by 1.5"),
        (4, 2, "too high by 2"),
        (np.float32(3), 3, "the same"),
        ("3", 3, "the same"),
    ],
)
def test_how_far_and_on_which_side(predict, said, guess, result, words):
    predict("number", guess)
    predict.compare("number", result)
    assert said().endswith(f"; {words}.")


def test_a_guess_within_the_uncertainty_is_as_good(predict, said):
    predict("number", 1.05)
    predict.compare("number", 1.0, error=0.1)
    assert "as good as the result" in said()


def test_words(predict, said):
    predict("winner", " a ", options=["A", "B"])
    predict.compare("winner", "A")
    assert said().endswith('you guessed "A", the result is "A"; the same.')
    predict("winner", "C", options=["A", "B"])
    assert said().startswith("Guess not kept.")
    predict("direction", "left, I think")
    predict.compare("direction", "up")
    assert 'you guessed "left, I think", the result is "up"' in said()


@pytest.mark.parametrize("guess", ["often", float("nan"), [1, 2], object(), print, True])
def test_a_guess_that_cannot_be_read_is_one_sentence(predict, said, guess):
    predict("number", guess, unit="eV")
    assert said().startswith("Guess not kept. Number: ") and "\n" not in said()


def test_compare_without_the_cell_of_the_guess(predict, said):
    predict.compare("barrier", 1.0)
    assert said() == 'No guess. Nothing is kept under "barrier": has the cell of the guess run?'


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_offers_it(lesson):
    assert importlib.import_module(f"mininnip.exercises.{lesson}").predict is mininnip.exercises.predict


def test_options_that_are_numbers_need_no_quotes(predict, said):
    predict("neurons", 4, options=["2", "4"])
    predict.compare("neurons", "4")
    assert said().endswith('you guessed "4", the result is "4"; the same.')
    predict("neurons", 3, options=["2", "4"])
    assert said() == 'Guess not kept. Neurons: "3" is not among the options "2", "4".'


# --- in the notebooks -----------------------------------------------------------------------------------------------

COURSE = Path(__file__).resolve().parents[2] / "course"


def _calls(notebook: Path) -> list[tuple[str, ast.Call]]:
    """Every `ex.predict(…)` and `ex.predict.compare(…)` of a notebook, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    trees = [ast.parse(source) for source in sources if "ex.predict" in source]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [(ast.unparse(call.func).removeprefix("ex."), call) for call in calls]
    return [(name, call) for name, call in named if name in ("predict", "predict.compare")]


@pytest.mark.parametrize("notebook", sorted(COURSE.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_guess_of_a_notebook_is_empty_and_meets_its_result(notebook):
    asked, met = set(), []
    for name, call in _calls(notebook):
        words = ast.literal_eval(call.args[0])
        if name == "predict":
            assert isinstance(call.args[1], ast.Constant) and call.args[1].value is ..., f"{words!r} is filled in"
            assert words not in asked, f"{words!r} is asked twice"
            asked.add(words)
        else:
            met.append(words)
    assert sorted(asked) == sorted(met), "each guess is compared once, under the same words"
    outputs = re.findall(r"(?:No result|Nothing is kept)[^\n]*", notebook.read_text(encoding="utf-8"))
    assert outputs == [], "a result that has another form than its guess"
