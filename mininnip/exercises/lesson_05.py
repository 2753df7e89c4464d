"""Exercises of lesson 05, the universal approximator: weights and slopes by hand, and what goes wrong in training."""

import numpy as np
import torch

from mininnip.exercises.engine import Question
from mininnip.exercises.makers import choice_question, compare, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.reading import Slip, array, number

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

q1 = number_question(
    "16 + 16 + 16 + 1",
    answer="n_weights",
    what="count",
    title="How many numbers can training change?",
    slips={
        "32": "those are the weights alone, 16 in and 16 out; every neuron has a bias too, and so has the output",
        "48": "one bias is left out: which number is added at the very end, to the sum of all neurons?",
        "33": "that is the weights and the last bias, but the 16 hidden neurons have a bias each",
        "16": "that is the number of neurons; each has a weight, a bias, and a weight on its way out",
        "1 + 16 + 1": "that counts neurons and inputs; asked are the numbers training can change",
        "16 * 16 + 16": "16 × 16 joins two hidden layers of 16; here there is one",
    },
    because="W¹ is 16 × 1, b¹ has 16 entries, W² is 1 × 16, b² has one: 49. Lennard-Jones had two, Morse three.",
    hints=["Write down the shapes of W¹, b¹, W² and b².", "W¹ holds 16, b¹ holds 16, W² holds 16, and b² …"],
)


def _judge_absolute(answer):
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Slip("Hand over four things in this order: W1 (two numbers), b1 (two), W2 (two) and b2 (one number).")
    W1, b1, W2 = (array(part, (2,), name) for part, name in zip(answer, ("W1", "b1", "W2"), strict=False))
    x, b2 = np.linspace(-2, 2, 9), number(answer[3], "b2")
    found = np.maximum(x[:, None] * W1 + b1, 0) @ W2 + b2
    slips = {
        "it is the same everywhere: are the weights out zero, or do two neurons cancel?": np.ptp(found) < 1e-9,
        "a straight line, bent nowhere: the neuron for negative x must count positively": np.ptp(np.diff(found)) < 1e-9,
        "that is −|x|: the weights out have the wrong sign": np.allclose(found, -np.abs(x)),
        "both of your neurons wake toward the same side; one needs a negative weight W1": W1[0] * W1[1] > 0,
        "one of your neurons does not count at all, its weight in or out is 0": (W1 * W2 == 0).any(),
        "the kinks are not at x = 0: a neuron bends where W1 x + b1 = 0": b1.any(),
        "the right shape but lifted, by b2": b2 != 0,
        "each neuron must climb with slope 1 on its side, so W1 · W2 has the size 1": True,
    }
    slip = next(sentence for sentence, holds in slips.items() if holds)
    places = [f" at x = {point:g}" for point in x]
    return compare(list(found[:, None]), list(np.abs(x)[:, None]), "output", places, [(list(found[:, None]), slip)])


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
        ("absolute = [1, -1], [0, 0], [1, -1], 0", "straight line"),
        ("absolute = [1, -1], [0, 0], [-1, -1], 0", "wrong sign"),
    ],
)

_POINTS = torch.tensor([[-1.2, 0.1, 0.7, 1.9], [0.3, -0.5, 0.2, 0.8]], dtype=torch.float64)
_NEURONS = torch.tensor([(0.8, -0.3), (-1.1, 0.4), (0.2, 0.9)], dtype=torch.float64)

q3 = function_question(
    "def slopes(w, b, x, y):\n"
    "    h = torch.tanh(w * x + b)\n"
    "    d_z = 2 * (h - y) * (1 - h**2) / len(x)\n"
    "    return (d_z * x).sum(), d_z.sum()",
    points=[(*neuron, *_POINTS[:, :n]) for neuron, n in zip(_NEURONS, (4, 3, 4), strict=True)],
    what="pair of slopes",
    by_hand=True,
    verb="Derive",
    title="The slope of one neuron's loss",
    expects="returns dL/dw and dL/db for ŷ = tanh(w x + b), without autograd",
    slips={
        " * (1 - h**2) → ": "the slope of tanh itself is missing: multiply by 1 − h², the change of h with z",
        "(1 - h**2) → h": "you multiply by h; the slope of tanh at z is 1 − h², not h",
        "(1 - h**2) → (1 - h)": "you multiply by 1 − h; the slope of tanh is 1 − h², with a square",
        "(d_z * x).sum() → d_z.sum()": "dL/dw equals your dL/db: z changes with w by x, so each term carries its x",
        " / len(x) → ": "you add up the points; the loss is their mean, so divide by their number",
        "2 * (h → (h": "half of what it should be, for the derivative of a square brings down a 2",
        "(h - y) → (y - h)": "the sign is wrong, for the error is ŷ − y, prediction minus target",
        "(d_z * x).sum(), d_z.sum() → d_z.sum(), (d_z * x).sum()": "the other order, dL/dw comes first",
    },
    because="The chain rule from right to left: 2 (ŷ − y)/P for the loss, 1 − h² for tanh, then x for w and 1 for b.",
    hints=[
        "L = mean of (h − y)²; first write dL/dh for each point.",
        "d tanh(z)/dz = 1 − tanh²(z).",
        "z = w x + b: dz/dw = x, dz/db = 1. Sum over the points.",
    ],
)

q4 = function_question(
    "def largest_rate(c):\n    return 2 / c",
    points=[(0.5,), (3.0,), (8.0,)],
    what="rate",
    verb="Derive",
    title="The largest learning rate",
    expects="returns the α above which descent on L = ½ c w² diverges",
    slips={
        "return 1 / c": "with α = 1/c one step lands exactly in the minimum; it still converges beyond",
        "return c / 2": "yours grows with the curvature; a steeper valley needs smaller steps",
        "return 1 / (2 * c)": "at ½/c every step halves the distance, which is safe: go farther",
        "return 4 / c": "at 4/c the distance triples with every step; where does |1 − αc| reach 1?",
    },
    because="w ← w − α c w = (1 − α c) w shrinks only if |1 − α c| < 1, so α < 2/c: the steepest valley sets the rate.",
    hints=["dL/dw = c w. What does one step make of w?", "w ← (1 − α c) w. For which α is |1 − α c| = 1?"],
)

_TRAIN, _TEST = torch.tensor([[298.0, 300.0, 301.0, 305.0], [299.0, 310.0, 290.0, 303.0]], dtype=torch.float64)


q5 = function_question(
    "def normalize(train, test):\n"
    "    mean, spread = train.mean(), train.std()\n"
    "    return (train - mean) / spread, (test - mean) / spread",
    points=[(_TRAIN, _TEST), (_TEST[:3], _TRAIN[:3])],
    what="pair of normalized inputs",
    title="Normalize without leaking",
    expects="returns both, train first, with the mean and spread of the training inputs",
    also=["train.std() → train.std(correction=0)"],
    slips={
        "train. → torch.cat([train, test]).": "test points took part, which leaks what you must not know",
        "train.mean() → torch.cat([train, test]).mean()": "test points took part in the mean, which leaks",
        "train.std() → torch.cat([train, test]).std()": "test points took part in the spread, which leaks",
        "(test - mean) / spread → (test - test.mean()) / test.std()": "one x would mean two different things",
        "train.std() → 1": "the mean is subtracted, the spread is still there: divide by the standard deviation",
        "train.mean() → 0": "the mean of the training inputs is not 0: subtract it first",
        "train.std() → train.var()": "divide by the root of the variance",
        "train.mean() → train.min() ; train.std() → (train.max() - train.min())": "that scales to a range from 0 to 1",
        "(test - mean) / spread → test": "the test inputs stay as they were: the same two numbers for both",
    },
    because="Mean and spread are part of the model: taken from training data, then kept for test data and all others.",
    hints=["Subtract a mean, divide by a standard deviation: of which points?", "Use the same two numbers for both."],
)

q6 = choice_question(
    "overfitting",
    answer="diagnosis",
    title="Good here, bad there",
    options={
        "overfitting": "The noise of the training points was learned too. Even an honest fit of p weights to n points "
        "leaves only about σ√(1 − p/n) of the noise σ on them: a small training error proves nothing, fresh points do.",
        "too few neurons": "With too few neurons the training points would be missed too; their error is small.",
        "learning rate": "A rate that is too large shows in the training loss first: it jumps or grows; this one fell.",
        "extrapolation": "The validation points lie between the training points, so nothing is asked beyond the data.",
    },
    hints=[
        "Which of the four makes training better and validation worse?",
        "What is different at fresh points: noise.",
    ],
)
