"""Exercises of lesson 05, the universal approximator: weights and slopes by hand, and what goes wrong in training."""

from typing import Any

import numpy as np
import torch

from mininnip.exercises.engine import Question, Slip, agree, array, choice, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)

SETUP = """
import numpy as np
import torch
import mininnip as mn
"""


# --- q1 -------------------------------------------------------------------------------------------------------------


def _judge_count(answer):
    count = number(answer, "count")
    slips: dict[float, str] = {
        32: "32 are the weights alone, 16 in and 16 out; every neuron has a bias too, and so has the output.",
        48: "48 leaves out one bias: which number is added at the very end, to the sum of all neurons?",
        33: "33 has the weights and the last bias, but the 16 hidden neurons have a bias each.",
        16: "16 is the number of neurons; each has a weight, a bias, and a weight on its way out.",
        18: "1 + 16 + 1 counts neurons and inputs; asked are the numbers that training can change.",
        272: "16 × 16 joins two hidden layers of 16; here there is one.",
    }
    return slips.get(count) or (None if count == 49 else _direction(count, 49))


def _direction(found, expected):
    return f"Your count is {found:g}: too {'many' if found > expected else 'few'}. Count W¹, b¹, W², b² one by one."


q1 = Question(
    verb="Predict",
    title="How many numbers can training change?",
    answer="n_weights",
    expects="the number of weights and biases of a network 1 → 16 → 1, a number",
    judge=_judge_count,
    stub="n_weights = ...",
    right="n_weights = 16 + 16 + 16 + 1",
    because="W¹ is 16 × 1, b¹ has 16 entries, W² is 1 × 16, b² has one: 49. Lennard-Jones had two, Morse three.",
    hints=["Write down the shapes of W¹, b¹, W² and b².", "W¹ holds 16, b¹ holds 16, W² holds 16, and b² …"],
    wrong=[
        ("n_weights = 32", "every neuron has a bias"),
        ("n_weights = 48", "added at the very end"),
        ("n_weights = 33", "16 hidden neurons have a bias each"),
        ("n_weights = 16 * 16 + 16", "one"),
        ("n_weights = 18", "numbers that training can change"),
        ("n_weights = 1000", "too many"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------

INPUTS = torch.linspace(-2, 2, 9, dtype=torch.float64)


def _judge_absolute(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Slip("Hand over four things in this order: W1 (two numbers), b1 (two), W2 (two) and b2 (one number).")
    W1, b1, W2 = (array(part, (2,), name) for part, name in zip(answer, ("W1", "b1", "W2"), strict=False))
    b2 = number(answer[3], "b2")
    x = INPUTS.numpy()
    found = np.maximum(x[:, None] * W1 + b1, 0) @ W2 + b2
    known = (
        (np.zeros_like(x), "Your network returns 0 everywhere: are its weights out zero, or do two neurons cancel?"),
        (x, "Your network returns x itself, bent nowhere: the neuron for negative x must count positively."),
        (
            np.maximum(x, 0),
            "Your network is right for x > 0 and returns 0 for x < 0: the second neuron must wake there.",
        ),
        (
            np.maximum(-x, 0),
            "Your network is right for x < 0 and returns 0 for x > 0: the first neuron must wake there.",
        ),
        (
            2 * np.maximum(x, 0),
            "Both of your neurons wake on the same side, x > 0; one of them needs a negative weight.",
        ),
        (-np.abs(x), "Your network returns −|x|: the weights out have the wrong sign."),
    )
    for values, sentence in known:
        if np.allclose(found, values, atol=1e-9):
            return sentence
    return agree(found, np.abs(x), "output", points=list(x))


q2 = Question(
    verb="Code",
    title="|x| from two neurons",
    answer="absolute",
    expects="W1, b1, W2 (two numbers each) and b2 (one) of W2 · ReLU(W1 x + b1) + b2 = |x|",
    judge=_judge_absolute,
    stub="absolute = ...  # W1, b1, W2, b2, for example [1, 1], [0, 0], [1, 1], 0",
    right="absolute = [1, -1], [0, 0], [1, 1], 0",
    because="ReLU(x) + ReLU(−x) = |x|: each ReLU neuron adds one kink, so any polygon can be built, exactly.",
    hints=["ReLU(x) is x for positive x and 0 otherwise. What is ReLU(−x)?", "One neuron for each side, both added."],
    wrong=[
        ("absolute = [1, 1], [0, 0], [1, 1], 0", "same side"),
        ("absolute = [1, -1], [0, 0], [1, -1], 0", "x itself"),
        ("absolute = [1, -1], [0, 0], [-1, -1], 0", "wrong sign"),
        ("absolute = [1, -1], [0, 0], [1, 0], 0", "second neuron must wake"),
        ("absolute = [1, -1], [0, 0], [2, 2], 0", "twice what it should be"),
        ("absolute = [1, -1], [0, 0], [0, 0], 0", "returns 0 everywhere"),
        ("absolute = [1, -1], [0, 0], [1, 1]", "four things"),
        ("absolute = [[1], [-1]], [0, 0], [1, 1], 0", "(2,) is expected"),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------

X = torch.tensor([-1.2, 0.1, 0.7, 1.9], dtype=torch.float64)
Y = torch.tensor([0.3, -0.5, 0.2, 0.8], dtype=torch.float64)
NEURONS = [(0.8, -0.3), (-1.1, 0.4), (0.2, 0.9)]


def _slopes(w, b, change=lambda h: 1 - h**2, factor=2.0, wrong_input=False, total=False):
    """dL/dw and dL/db of one neuron; the arguments make the usual mistakes."""
    h = torch.tanh(w * X + b)
    error = factor * (h - Y) * change(h) / (1 if total else len(X))
    return torch.stack([(error * (1 if wrong_input else X)).sum(), error.sum()])


def _judge_slopes(answer):
    slope = function(answer, "slope")
    found = []
    for w, b in NEURONS:
        both = slope(torch.tensor(w, dtype=X.dtype), torch.tensor(b, dtype=X.dtype), X.clone(), Y.clone())
        if not isinstance(both, tuple | list | torch.Tensor | np.ndarray) or np.shape(array(both)) != (2,):
            raise Slip("Return two numbers, dL/dw and dL/db, in this order.")
        found.append(array(both, (2,), "pair of slopes"))
    known: tuple[tuple[dict[str, Any], str], ...] = (
        (
            {"change": torch.ones_like},
            "The slope of tanh itself is missing: multiply by 1 − h², the change of h with z.",
        ),
        ({"change": lambda h: h}, "You multiply by h; the slope of tanh at z is 1 − h², not h."),
        ({"change": lambda h: 1 - h}, "You multiply by 1 − h; the slope of tanh is 1 − h², with a square."),
        (
            {"wrong_input": True},
            "dL/dw equals your dL/db: z = w x + b changes with w by x, so each term carries its x.",
        ),
        ({"total": True}, "You add up the points; the loss is their mean, so divide by their number."),
        ({"factor": 1.0}, "Half of what it should be: the derivative of a square brings down a 2."),
        ({"factor": -2.0}, "The sign is wrong: the error is ŷ − y, prediction minus target."),
    )
    for change, sentence in known:
        if np.allclose(found, [_slopes(w, b, **change).numpy() for w, b in NEURONS], rtol=1e-6):
            return sentence
    expected = [_slopes(w, b).numpy() for w, b in NEURONS]
    if np.allclose(found, [pair[::-1] for pair in expected], rtol=1e-6):
        return "Both are right but in the other order: dL/dw comes first."
    return agree(found, expected, "pair of slopes", points=NEURONS)


q3 = Question(
    verb="Derive",
    title="The slope of one neuron's loss",
    answer="slopes",
    expects="a function slopes(w, b, x, y) that returns dL/dw and dL/db for ŷ = tanh(w x + b), without autograd",
    judge=_judge_slopes,
    stub="def slopes(w, b, x, y):\n    return ...",
    right=(
        "def slopes(w, b, x, y):\n"
        "    h = torch.tanh(w * x + b)\n"
        "    d_z = 2 * (h - y) * (1 - h**2) / len(x)\n"
        "    return (d_z * x).sum(), d_z.sum()"
    ),
    because="The chain rule from right to left: 2 (ŷ − y)/P for the loss, 1 − h² for tanh, then x for w and 1 for b.",
    hints=[
        "L = mean of (h − y)²; first write dL/dh for each point.",
        "d tanh(z)/dz = 1 − tanh²(z).",
        "z = w x + b: dz/dw = x, dz/db = 1. Sum over the points.",
    ],
    wrong=[
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = 2 * (h - y) / len(x)\n"
            "    return (d * x).sum(), d.sum()",
            "slope of tanh itself is missing",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = 2 * (h - y) * (1 - h**2)\n"
            "    return (d * x).sum(), d.sum()",
            "the loss is their mean",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = (h - y) * (1 - h**2) / len(x)\n"
            "    return (d * x).sum(), d.sum()",
            "brings down a 2",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = 2 * (y - h) * (1 - h**2) / len(x)\n"
            "    return (d * x).sum(), d.sum()",
            "prediction minus target",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = 2 * (h - y) * (1 - h**2) / len(x)\n"
            "    return d.sum(), d.sum()",
            "each term carries its x",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    d = 2 * (h - y) * (1 - h**2) / len(x)\n"
            "    return d.sum(), (d * x).sum()",
            "other order",
        ),
        (
            "def slopes(w, b, x, y):\n    h = torch.tanh(w * x + b)\n    return (2 * (h - y) * (1 - h**2) * x).mean()",
            "two numbers",
        ),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------

CURVATURES = [0.5, 3.0, 8.0]


def _judge_rate(answer):
    rate = function(answer, "rate")
    found = [float(array(rate(c), (), "rate")) for c in CURVATURES]
    known = (
        ([1 / c for c in CURVATURES], "With α = 1/c one step lands exactly in the minimum; it still converges beyond."),
        ([c / 2 for c in CURVATURES], "Yours grows with the curvature; a steeper valley needs smaller steps."),
        (list(CURVATURES), "Yours grows with the curvature; a steeper valley needs smaller steps."),
        ([0.5 / c for c in CURVATURES], "At ½/c every step halves the distance, which is safe: go farther."),
        ([4 / c for c in CURVATURES], "At 4/c the distance triples with every step; where does |1 − αc| reach 1?"),
    )
    for values, sentence in known:
        if np.allclose(found, values, rtol=1e-6):
            return sentence
    return agree(found, [2 / c for c in CURVATURES], "rate", points=CURVATURES)


q4 = Question(
    verb="Derive",
    title="The largest learning rate",
    answer="largest_rate",
    expects="a function largest_rate(c) that returns the α above which descent on L = ½ c w² diverges",
    judge=_judge_rate,
    stub="def largest_rate(c):\n    return ...",
    right="def largest_rate(c):\n    return 2 / c",
    because="w ← w − α c w = (1 − α c) w shrinks only if |1 − α c| < 1, so α < 2/c: the steepest valley sets the rate.",
    hints=["dL/dw = c w. What does one step make of w?", "w ← (1 − α c) w. For which α is |1 − α c| = 1?"],
    wrong=[
        ("def largest_rate(c):\n    return 1 / c", "exactly in the minimum"),
        ("def largest_rate(c):\n    return c / 2", "smaller steps"),
        ("def largest_rate(c):\n    return 1 / (2 * c)", "halves the distance"),
        ("def largest_rate(c):\n    return 4 / c", "distance triples"),
        ("def largest_rate(c):\n    return -2 / c", "sign is wrong"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------

TRAIN = torch.tensor([298.0, 300.0, 301.0, 305.0], dtype=torch.float64)
TEST = torch.tensor([299.0, 310.0, 290.0], dtype=torch.float64)


def _judge_normalize(answer):
    normalize = function(answer, "function")
    both = normalize(TRAIN.clone(), TEST.clone())
    if not isinstance(both, tuple | list) or len(both) != 2:
        raise Slip("Return two things: the training inputs and the test inputs, both normalized.")
    train, test = array(both[0], (4,), "training inputs"), array(both[1], (3,), "test inputs")
    if np.allclose(train, TRAIN - TRAIN.mean()):
        return f"The mean is 0 but the spread is still {train.std():.3g}: divide by the standard deviation."
    if abs(train.mean()) > 1e-6:
        everything = torch.cat([TRAIN, TEST])
        leaked = np.allclose(train * everything.std().item(), TRAIN - everything.mean(), rtol=1e-2)
        why = "; test points took part, which leaks what you must not know" if leaked else ""
        return f"The mean of your training inputs is {train.mean():.3g} instead of 0{why}."
    if not (abs(train.std() - 1) < 1e-6 or abs(train.std(ddof=1) - 1) < 1e-6):
        return f"The standard deviation of your training inputs is {train.std(ddof=1):.3g} instead of 1."
    slope = (train[1] - train[0]) / (TRAIN[1] - TRAIN[0]).item()
    expected = train[0] + slope * (TEST.numpy() - TRAIN[0].item())
    if np.allclose(test, expected, rtol=1e-6):
        return None
    if abs(test.mean()) < 1e-6:
        return "The test inputs are normalized by their own mean: the same x would then mean two different things."
    return "The test inputs are not on the scale of the training inputs: same mean, same standard deviation for both."


q5 = Question(
    verb="Code",
    title="Normalize without leaking",
    answer="normalize",
    expects="a function normalize(train, test) that returns both with the mean and spread of the training inputs",
    judge=_judge_normalize,
    stub="def normalize(train, test):\n    return ...",
    right=(
        "def normalize(train, test):\n"
        "    mean, spread = train.mean(), train.std()\n"
        "    return (train - mean) / spread, (test - mean) / spread"
    ),
    because="Mean and spread are part of the model: taken from training data, then kept for test data and all others.",
    hints=["Subtract a mean, divide by a standard deviation: of which points?", "Use the same two numbers for both."],
    wrong=[
        (
            "def normalize(train, test):\n    both = torch.cat([train, test])\n"
            "    return (train - both.mean()) / both.std(), (test - both.mean()) / both.std()",
            "leaks",
        ),
        (
            "def normalize(train, test):\n"
            "    return (train - train.mean()) / train.std(), (test - test.mean()) / test.std()",
            "by their own mean",
        ),
        ("def normalize(train, test):\n    return train - train.mean(), test - train.mean()", "spread is still"),
        ("def normalize(train, test):\n    return train / train.std(), test / train.std()", "instead of 0"),
        (
            "def normalize(train, test):\n"
            "    return (train - train.mean()) / train.var(), (test - train.mean()) / train.var()",
            "standard deviation of your training inputs",
        ),
        ("def normalize(train, test):\n    return (train - train.mean()) / train.std()", "two things"),
    ],
    setup=SETUP,
)


# --- q6 -------------------------------------------------------------------------------------------------------------


def _judge_diagnosis(answer):
    return {
        "overfitting": None,
        "too few neurons": "With too few neurons the training points would be missed too; their error is small.",
        "learning rate": "A rate that is too large shows in the training loss first: it jumps or grows; this one fell.",
        "extrapolation": "The validation points lie between the training points, so nothing is asked beyond the data.",
    }[choice(answer, ["overfitting", "too few neurons", "learning rate", "extrapolation"])]


q6 = Question(
    verb="Explain",
    title="Good here, bad there",
    answer="diagnosis",
    expects='one of "overfitting", "too few neurons", "learning rate", "extrapolation"',
    judge=_judge_diagnosis,
    stub='diagnosis = ...  # "overfitting", "too few neurons", "learning rate" or "extrapolation"',
    right='diagnosis = "overfitting"',
    because="The noise of the training points was learned too, and fresh points have other noise. More data, fewer "
    "weights, or stopping where the validation loss is lowest would help.",
    hints=[
        "Which of the four makes training better and validation worse?",
        "What is different at fresh points: noise.",
    ],
    wrong=[
        ('diagnosis = "too few neurons"', "missed too"),
        ('diagnosis = "learning rate"', "training loss first"),
        ('diagnosis = "extrapolation"', "between the training points"),
        ("diagnosis = 1", "as text in quotes"),
    ],
    setup=SETUP,
)
