"""Exercises of lesson 08: honest splits, the area between two curves, counting weights, cost, and atomic energies."""

import numpy as np
import torch

from mininnip.exercises.engine import Question, array, choice, close, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)

SETUP = """
import numpy as np
import torch
import mininnip as mn
"""


# --- q1 -------------------------------------------------------------------------------------------------------------


def _judge_reason(answer):
    chosen = choice(answer, ("fewer frames", "near copies", "lower temperature", "noise"))
    slips = {
        "fewer frames": "The number of validation frames changes how well the error is known, not how large it is.",
        "lower temperature": "Every fifth frame comes from the whole run and has its temperature on average.",
        "noise": "The labels of both choices are equally noisy: they come from the same calculation.",
    }
    return slips.get(chosen)


q1 = Question(
    verb="Explain",
    title="Every fifth frame",
    answer="reason",
    expects='one of "fewer frames", "near copies", "lower temperature", "noise", as text',
    judge=_judge_reason,
    stub='reason = ...  # "fewer frames", "near copies", "lower temperature" or "noise"',
    right='reason = "near copies"',
    because=(
        "Each validation frame has training frames 3 fs before and after it: the network has nearly seen it. The error "
        "measures memory, and says little about new structures."
    ),
    hints=["How far do atoms move within 3 fs?", "Look at what stands in the training set beside a validation frame."],
    wrong=[
        ('reason = "fewer frames"', "how well the error is known"),
        ('reason = "lower temperature"', "on average"),
        ('reason = "noise"', "equally noisy"),
        ('reason = "luck"', "not among the options"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------

R = np.linspace(0.5, 5.0, 91)
G, H = 1 + np.exp(-((R - 2.4) ** 2) / 0.1), 1 + 0.8 * np.exp(-((R - 2.6) ** 2) / 0.2) - 0.2 * np.exp(-((R - 3.5) ** 2))


def _judge_difference(answer):
    area = function(answer, "difference")

    def value(r, g, h):
        return number(area(r, g, h), "difference")

    bin_width = R[1] - R[0]
    right = np.abs(G - H).sum() * bin_width
    found = value(R, G, H)
    slips = {
        (G - H).sum() * bin_width: "Where g is below h the area counts too: take the absolute value before summing",
        abs((G - H).sum()) * bin_width: "The absolute value must be taken before the sum, or positive and negative "
        "parts cancel",
        np.abs(G - H).sum(): "An integral needs dr: multiply by the width of a bin",
        np.abs(G - H).mean(): "The mean is not the integral: it still has to be multiplied by the range",
        ((G - H) ** 2).sum() * bin_width: "Asked is the absolute difference, not its square",
        np.sqrt(((G - H) ** 2).mean()): "That is a root-mean-square difference; asked is the area",
        np.abs(G - H).max(): "That is the largest difference at one distance; asked is the area",
    }
    for wrong, sentence in slips.items():
        if abs(found - wrong) < 0.01 * abs(wrong):
            return f"{sentence}."
    if abs(found - right) > 0.03 * right:
        return close(found, right, "area", 0.03 * right, "Å")
    if abs(value(R, H, G) - found) > 0.01 * right:
        return "Exchanging g and h changes your area; it should not."
    fine = np.linspace(0.5, 5.0, 361)
    if abs(value(fine, np.interp(fine, R, G), np.interp(fine, R, H)) - found) > 0.03 * right:
        return "With four times as many bins your area changes: read the width of a bin from r."
    return None


q2 = Question(
    verb="Code",
    title="One number for two curves",
    answer="difference",
    expects="a function difference(r, g, h) of three arrays (B,) that returns the area between g and h in Å",
    judge=_judge_difference,
    stub="def difference(r, g, h):\n    return ...  # Å",
    right="def difference(r, g, h):\n    return np.abs(g - h).sum() * (r[1] - r[0])",
    because="The area is the sum of |g − h| over all bins, times the width of a bin.",
    hints=["Sum over bins, and remember dr.", "np.abs(g - h), then the width r[1] - r[0]."],
    wrong=[
        ("def difference(r, g, h):\n    return (g - h).sum() * (r[1] - r[0])", "absolute value"),
        ("def difference(r, g, h):\n    return abs((g - h).sum()) * (r[1] - r[0])", "before the sum"),
        ("def difference(r, g, h):\n    return np.abs(g - h).sum()", "needs dr"),
        ("def difference(r, g, h):\n    return np.abs(g - h).mean()", "mean is not the integral"),
        ("def difference(r, g, h):\n    return ((g - h)**2).sum() * (r[1] - r[0])", "not its square"),
        ("def difference(r, g, h):\n    return np.sqrt(((g - h)**2).mean())", "root-mean-square"),
        ("def difference(r, g, h):\n    return np.abs(g - h).max()", "largest difference"),
        ("def difference(r, g, h):\n    return np.abs(g - h).sum() * 0.05", "width of a bin from r"),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------


def _judge_weights(answer):
    found = number(answer, "number of weights")
    right = 10 * 5 + 5 + 5 * 5 + 5 + 5 * 1 + 1
    slips = {
        64 * right: "All 64 atoms go through the same network: it is counted once.",
        10 * 5 + 5 * 5 + 5: "Those are the connections; each neuron, and the output, also has a bias.",
        10 * 5 + 5 + 5 * 5 + 5: "You stopped before the output: 5 weights and a bias more.",
        10 * 5 + 5 + 5 * 5 + 5 + 5: "The output has a bias too.",
        10 * 5 + 5 + 5 + 1: "There are two hidden layers: 5 × 5 connections and 5 biases lie between them.",
        10 + 5 + 5 + 1: "You counted neurons; trained are the connections between them, and the biases.",
        10 * 5 * 5 * 1: "Layers add up; they do not multiply.",
        192 * 5 + 5 + 5 * 5 + 5 + 5 + 1: "The inputs are an atom's 10 symmetry functions, not the 192 coordinates.",
    }
    return slips.get(round(found)) or close(found, right, "number of weights", 0.5)


q3 = Question(
    verb="Predict",
    title="How many weights?",
    answer="weights",
    expects="the number of weights and biases, a number",
    judge=_judge_weights,
    stub="weights = ...  # a number",
    right="weights = (10 * 5 + 5) + (5 * 5 + 5) + (5 * 1 + 1)",
    because="Each layer has inputs × outputs weights and one bias per output; all silicon atoms share one network: 91.",
    hints=["A layer from n to m neurons has n·m weights and m biases.", "Does the number of atoms matter?"],
    wrong=[
        ("weights = 64 * 91", "the same network"),
        ("weights = 80", "bias"),
        ("weights = 85", "before the output"),
        ("weights = 90", "output has a bias"),
        ("weights = 61", "two hidden layers"),
        ("weights = 21", "counted neurons"),
        ("weights = 250", "do not multiply"),
        ("weights = 192 * 5 + 41", "not the 192 coordinates"),
        ("weights = 100", "too high"),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------


def _judge_days(answer):
    found = number(answer, "time")
    right = 10 * 100**3 / 86400
    slips = {
        10 * 100**3: "That is in seconds; a day has 86 400 of them.",
        10 * 100**3 / 3600: "That is in hours; asked are days.",
        10
        * 100
        / 86400: "That would be linear scaling, the network's; here a hundred times the atoms cost 100³ times.",
        10 * 100**2 / 86400: "That is N²; the exponent is 3.",
        10 * 6400**3 / 86400: "Only the ratio of the sizes counts: 6400/64 = 100.",
        100**3 / 86400: "The 10 s of the small cell are missing.",
    }
    for wrong, sentence in slips.items():
        if abs(found - wrong) < 0.02 * wrong:
            return sentence
    return close(found, right, "time", 0.02 * right, "days")


q4 = Question(
    verb="Derive",
    title="A hundred times the atoms",
    answer="days",
    expects="the time of one step in days, a number",
    judge=_judge_days,
    stub="days = ...  # days of processor time",
    right="days = 10 * (6400 / 64)**3 / 86400",
    because="100 times the atoms cost 100³ = a million times 10 s, that is 116 days, for one step of 3 fs.",
    hints=["By which factor does N grow?", "Factor³ times 10 s; a day has 86 400 s."],
    wrong=[
        ("days = 10 * 100**3", "seconds"),
        ("days = 10 * 100**3 / 3600", "hours"),
        ("days = 10 * 100 / 86400", "linear"),
        ("days = 10 * 100**2 / 86400", "exponent is 3"),
        ("days = 100**3 / 86400", "10 s"),
        ("days = 10 * 6400**3 / 86400", "ratio"),
        ("days = 50", "too low"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------


def _clusters():
    """Structures of 6 to 9 atoms, none closer than 1.5 Å."""
    rng, found = np.random.default_rng(0), []
    for n in (6, 7, 9):
        places = np.array([(x, y, z) for x in range(3) for y in range(3) for z in range(3)], float)
        found.append(2.4 * places[rng.choice(27, n, replace=False)] + rng.uniform(-0.4, 0.4, (n, 3)))
    return found


def _judge_change(answer):
    rule = function(answer, "change")

    def values(positions):
        return array(rule(torch.tensor(positions)), (len(positions),), "change")

    rng, clusters = np.random.default_rng(1), _clusters()
    size = max(np.abs(values(one)).max() for one in clusters)
    if size < 1e-9:
        return "Your change is zero for every atom: it adds up to zero, but nothing is changed."
    tolerance = 1e-6 * size
    for one in clusters:
        before = values(one)
        if abs(before.sum()) > tolerance:
            return f"It adds up to {before.sum():.3g} for a cluster of {len(one)} atoms: the total energy would change."
        if np.abs(values(one + [1.0, -2.0, 3.0]) - before).max() > tolerance:
            return "It changes when all atoms are moved together: it depends on the origin."
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        if np.abs(values(one @ turn) - before).max() > tolerance:
            return "It changes when the cluster is turned: it depends on the axes."
        order = rng.permutation(len(one))
        if np.abs(values(one[order]) - before[order]).max() > tolerance:
            return "Relabel the atoms, and they get other numbers: it depends on the labels."
    return None


q5 = Question(
    verb="Break",
    title="Pay your neighbor",
    answer="change",
    expects="a function change(positions) that returns one number per atom, shape (N,), for a tensor (N, 3) in Å",
    judge=_judge_change,
    stub="def change(positions):\n    return ...  # (N,) for positions (N, 3)",
    right="""def change(positions):
    crowd = torch.exp(-torch.cdist(positions, positions)).sum(dim=1)  # how crowded an atom is
    return crowd - crowd.mean()""",
    because=(
        "Any invariant number per atom, minus its mean, or pairwise payments h(i) − h(j): E_i is another, every total "
        "and every force is the same."
    ),
    hints=[
        "Start from any number per atom that is made of distances.",
        "Then take something away so that the sum is zero: the mean, or let pairs pay each other.",
    ],
    wrong=[
        ("def change(positions):\n    return torch.zeros(len(positions))", "nothing is changed"),
        (
            "def change(positions):\n    return torch.cdist(positions, positions).sum(1)",
            "the total energy would change",
        ),
        ("def change(positions):\n    return torch.tensor([1.0, -1.0] + [0.0] * (len(positions) - 2))", "labels"),
        ("def change(positions):\n    return positions[:, 0] - positions[:, 0].mean()", "the axes"),
        ("def change(positions):\n    n = positions.norm(dim=1)\n    return n - n.mean()", "the origin"),
        ("def change(positions):\n    return positions - positions.mean(0)", "shape"),
    ],
    setup=SETUP,
)
