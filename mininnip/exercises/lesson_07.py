"""Exercises of lesson 07: cutoffs, radial and angular symmetry functions, channels of elements, and what they miss."""

import math

import numpy as np
import torch

from mininnip.descriptors import SymmetryFunctions
from mininnip.exercises.engine import Question, Slip, agree, array, choice, close, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)
from mininnip.graph import Graph
from mininnip.radial import cosine_cutoff

SETUP = """
import numpy as np
import torch
import mininnip as mn
"""


# --- q1 -------------------------------------------------------------------------------------------------------------

REACH = 5.0  # Å


def _judge_jump(answer):
    jump = number(answer, "curvature")
    right = math.pi**2 / (2 * REACH**2)
    slips = {
        0.0: "Value and slope vanish at r_c, the curvature does not: differentiate the cosine twice, then set r = r_c.",
        -right: "The sign: cos π is −1, and the second derivative of a cosine has a minus of its own.",
        2 * right: "Twice too large: f_c has a factor ½ in front of its cosine.",
        math.pi**2 / (2 * REACH): "Each of the two derivatives brings down π/r_c: so r_c enters as its square.",
        math.pi / (2 * REACH): "That is the steepest slope, at r_c/2; the curvature is the second derivative.",
        1 / (2 * REACH**2): "π comes down with each derivative; yours is missing.",
    }
    for value, sentence in slips.items():
        if abs(jump - value) < 2e-3:
            return sentence
    return close(jump, right, "curvature", 2e-3, "1/Å²")


q1 = Question(
    verb="Derive",
    title="The kink that is left",
    answer="curvature",
    expects="f_c″ in 1/Å² just inside r_c = 5 Å, a number",
    judge=_judge_jump,
    stub="curvature = ...  # 1/Å²",
    right="curvature = np.pi**2 / (2 * 5.0**2)",
    because="f_c″(r) = −½ (π/r_c)² cos(π r/r_c), and the cosine is −1 at r_c: π²/(2 r_c²) = 0.197 1/Å²; beyond, 0.",
    hints=["Differentiate ½ cos(π r/r_c) twice.", "Each derivative brings down π/r_c; at r = r_c the cosine is −1."],
    wrong=[
        ("curvature = 0.0", "the curvature does not"),
        ("curvature = -np.pi**2 / 50", "The sign"),
        ("curvature = np.pi**2 / 25", "factor ½"),
        ("curvature = np.pi**2 / 10", "as its square"),
        ("curvature = np.pi / 10", "steepest slope"),
        ("curvature = 0.02", "π comes down"),
        ("curvature = 3.0", "too high"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------

HALF_WIDTH = 0.4  # Å


def _judge_width(answer):
    eta = number(answer, "η")
    right = math.log(2) / HALF_WIDTH**2
    slips = {
        1 / (2 * HALF_WIDTH**2): "That is 1/(2σ²), a standard deviation of 0.4 Å; asked is where it falls to one half",
        math.log(2) / HALF_WIDTH: "The exponent holds the square of the distance from r_s",
        math.log(2) / (2 * HALF_WIDTH) ** 2: "You took 0.8 Å, the full width; the half is reached 0.4 Å from r_s",
        1 / HALF_WIDTH**2: "With this η the Gaussian falls to 1/e = 0.37, not to one half",
        -right: "η is positive: the minus stands in front of it in the exponent",
        right / 2: "The exponent of G² is −η (r − r_s)², without a ½",
    }
    for value, sentence in slips.items():
        if abs(eta - value) < 0.01 * abs(value):
            return f"{sentence}."
    return close(eta, right, "η", 0.02, "1/Å²")


q2 = Question(
    verb="Derive",
    title="How wide is a shell?",
    answer="eta",
    expects="η in 1/Å², a number",
    judge=_judge_width,
    stub="eta = ...  # 1/Å²",
    right="eta = np.log(2) / 0.4**2",
    because="exp(−η x²) = ½ at x = 0.4 Å means η = ln 2 / x² = 4.33 1/Å².",
    hints=["Write exp(−η · 0.4²) = ½ and take the logarithm.", "ln ½ = −0.693."],
    wrong=[
        ("eta = 1 / (2 * 0.4**2)", "standard deviation"),
        ("eta = np.log(2) / 0.4", "the square"),
        ("eta = np.log(2) / 0.8**2", "full width"),
        ("eta = 1 / 0.4**2", "1/e"),
        ("eta = -np.log(2) / 0.4**2", "positive"),
        ("eta = np.log(2) / (2 * 0.4**2)", "without a ½"),
        ("eta = 12.0", "too high"),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------

RADIAL = SymmetryFunctions((14,), 6.0, g2=[(0.0, 0.0), *((4.0, float(r_s)) for r_s in np.arange(1.0, 5.6, 0.5))])
ANGULAR = SymmetryFunctions((14,), 6.0, g5=[(0.01, zeta, sign) for zeta in (1, 2, 4) for sign in (1, -1)])


def _around(functions, neighbors):
    positions = torch.cat([torch.zeros(1, 3, dtype=torch.float64), torch.tensor(neighbors)])
    return functions(Graph.from_arrays([14] * len(positions), positions, 6.0))[0].numpy()


def _judge_twins(answer):
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Slip("Hand over a pair: the neighbors of the first and of the second environment.")
    both = [array(part, what=f"environment {k}") for k, part in enumerate(answer, start=1)]
    for k, neighbors in enumerate(both, start=1):
        if neighbors.ndim != 2 or neighbors.shape[1] != 3 or len(neighbors) < 2:
            return (
                f"Environment {k} has shape {neighbors.shape}; positions (n, 3) of at least two neighbors are expected."
            )
        if np.linalg.norm(neighbors, axis=1).min() < 0.5 or torch.pdist(torch.tensor(neighbors)).min() < 0.5:
            return f"In environment {k} two atoms are closer than 0.5 Å (the atom in the middle, at 0, counts too)."
        if np.linalg.norm(neighbors, axis=1).max() >= 6:
            return f"A neighbor of environment {k} lies beyond the cutoff of 6 Å, where no function sees it."
    if len(both[0]) != len(both[1]):
        return f"{len(both[0])} and {len(both[1])} neighbors: G¹, the sum of the cutoffs, tells them apart at once."
    radial = np.abs(_around(RADIAL, both[0]) - _around(RADIAL, both[1])).max()
    if radial > 1e-8:
        return f"A radial function differs by {radial:.2g}: both need the same list of distances from the middle."
    angular = np.abs(_around(ANGULAR, both[0]) - _around(ANGULAR, both[1])).max()
    if angular < 1e-3:
        return (
            f"The angular functions agree too, to {angular:.0e}: are the two the same environment, turned, "
            "mirrored or relabelled? Change an angle between two neighbors."
        )
    return None


q3 = Question(
    verb="Break",
    title="Fool the radial functions",
    answer="twins",
    expects="a pair of arrays (n, 3) in Å, the neighbors of an atom at 0 in two environments",
    judge=_judge_twins,
    stub="twins = (..., ...)  # neighbors of an atom at 0: two arrays (n, 3) in Å",
    right="twins = (np.array([[2.0, 0, 0], [-2.0, 0, 0]]), np.array([[2.0, 0, 0], [0, 2.0, 0]]))",
    because=(
        "A radial function sees how far the neighbors are, never in which direction: straight or bent, 180° or 90°, "
        "is all the same to it."
    ),
    hints=[
        "Keep the distances, change the directions.",
        "Two neighbors at 2 Å are enough: opposite, or at a right angle.",
    ],
    wrong=[
        ("twins = (np.eye(3) * 2, -np.eye(3) * 2)", "mirrored or relabelled"),
        ("twins = (np.eye(3) * 2, np.eye(3) * 2.5)", "same list of distances"),
        ("twins = (np.eye(3) * 2, np.eye(3)[:2] * 2)", "sum of the cutoffs"),
        ("twins = (np.eye(3) * 7, np.eye(3) * 7)", "beyond the cutoff"),
        ("twins = (np.eye(3) * 0.2, np.eye(3) * 0.2)", "closer than 0.5"),
        ("twins = np.eye(3)", "Hand over a pair"),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------

NEIGHBORS = torch.tensor(
    [[2.2, 0.3, -0.4], [-0.9, 2.3, 0.5], [-1.4, -1.8, 1.1], [0.6, -0.7, -2.9]], dtype=torch.float64
)
CHOICES = [(0.02, 1.0, 1.0), (0.05, 4.0, 1.0), (0.02, 2.0, -1.0), (0.1, 16.0, -1.0)]


def _g4(positions, eta, zeta, sign, cutoff, mistake=""):
    """The sum of the slide over j < k, or one of its typical mistakes."""
    total = 0.0
    for j in range(len(positions)):
        for k in range(j if mistake == "j = k" else j + 1, len(positions)):
            a, b = positions[j], positions[k]
            ij, ik, jk = a.norm(), b.norm(), (a - b).norm()
            cosine = (a @ b) / (ij * ik) if mistake != "vertex" else (a @ (a - b)) / (ij * jk)
            reach = torch.exp(-eta * (ij**2 + ik**2 + (0 if mistake in ("G5", "no jk in exponent") else jk**2)))
            fade = cosine_cutoff(ij, cutoff) * cosine_cutoff(ik, cutoff)
            fade = fade * (1 if mistake in ("G5", "no fade jk") else cosine_cutoff(jk, cutoff))
            factor = 1 if mistake == "no power of two" else 2 ** (1 - zeta)
            if mistake == "vertex" and j == k:
                continue
            total = total + factor * (1 + sign * cosine) ** zeta * reach * fade
    return float(2 * total if mistake == "ordered" else total)


G4_SLIPS = {
    "ordered": "That is the double sum as the slide writes it, each pair as (j, k) and (k, j): twice what j < k gives.",
    "j = k": "Your sum holds j = k, a neighbor paired with itself at θ = 0; leave those out.",
    "vertex": "Your θ sits at neighbor j; it belongs to the atom in the middle, between its arms to j and to k.",
    "G5": "That is G⁵: G⁴ has r_jk² in its exponent and f_c(r_jk) as well.",
    "no jk in exponent": "r_jk² is missing in the exponent.",
    "no fade jk": "The third cutoff, f_c(r_jk), is missing.",
    "no power of two": "The factor 2^(1−ζ) is missing; it keeps the largest value at 2 for every ζ.",
}


def _judge_g4(answer):
    student = function(answer, "G⁴")
    positions = [NEIGHBORS[:2], NEIGHBORS, NEIGHBORS[:3] * 1.4]
    points = [(p, *choice_) for p in positions for choice_ in CHOICES]
    found = [float(array(student(p.clone(), *rest, 6.0), (), "G⁴")) for p, *rest in points]
    for mistake, sentence in G4_SLIPS.items():
        if np.allclose(found, [_g4(*point, 6.0, mistake) for point in points], rtol=1e-6, atol=1e-14):
            return sentence
    return agree(found, [_g4(*point, 6.0) for point in points], "G⁴")


_RIGHT_G4 = """def g4(positions, eta, zeta, sign, cutoff):
    total = 0.0
    for j in range(len(positions)):
        for k in range(j + 1, len(positions)):
            ij, ik = positions[j], positions[k]
            r = torch.stack([ij.norm(), ik.norm(), (ij - ik).norm()])
            cosine = ij @ ik / (r[0] * r[1])
            fade = mn.cosine_cutoff(r, cutoff).prod()
            total += 2 ** (1 - zeta) * (1 + sign * cosine) ** zeta * torch.exp(-eta * (r**2).sum()) * fade
    return total"""


def _changed(*changes):
    source = _RIGHT_G4
    for old, new in changes:
        source = source.replace(old, new)
    return source


q4 = Question(
    verb="Code",
    title="The slide's angular function",
    answer="g4",
    expects="a function g4(positions, eta, zeta, sign, cutoff) of neighbors (n, 3) of an atom at 0, each pair once",
    judge=_judge_g4,
    stub="def g4(positions, eta, zeta, sign, cutoff):\n    return ...",
    right=_RIGHT_G4,
    because="For each pair j < k: the angle at the middle, a Gaussian of all three distances, a cutoff for each.",
    hints=[
        "Start from `g5_by_hand`: which distance does it not use?",
        "G⁴ has r_jk² in the exponent and a third cutoff f_c(r_jk).",
    ],
    wrong=[
        (
            _changed(("range(j + 1, len(positions))", "[k for k in range(len(positions)) if k != j]")),
            "twice what j < k",
        ),
        (_changed(("range(j + 1,", "range(j,")), "holds j = k"),
        (_changed(("ij @ ik / (r[0] * r[1])", "ij @ (ij - ik) / (r[0] * r[2])")), "at neighbor j"),
        (_changed(("(r**2).sum()", "(r[:2]**2).sum()"), ("(r, cutoff)", "(r[:2], cutoff)")), "That is G⁵"),
        (_changed(("(r**2).sum()", "(r[:2]**2).sum()")), "missing in the exponent"),
        (_changed(("(r, cutoff)", "(r[:2], cutoff)")), "third cutoff"),
        (_changed(("2 ** (1 - zeta) * ", "")), "factor 2^(1−ζ)"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------


def _judge_count(answer):
    count = number(answer, "count")
    slips = {
        48: "That is for one element; here a radial function has a channel for each element of the neighbor",
        4 * 48: "Angular functions see two neighbors: a channel for each pair of elements, not for each element",
        4 * 8 + 16 * 40: "The pair (H, C) is the pair (C, H): count unordered pairs",
        4 * 8 + 6 * 40: "Both neighbors may be of the same element: the pairs (H, H), (C, C), … are missing",
        16 * 48: "Radial functions have one neighbor, angular ones two; and (H, C) is the same pair as (C, H)",
    }
    for value, sentence in slips.items():
        if count == value:
            return f"{sentence}."
    return close(count, 4 * 8 + 10 * 40, "count", 0.5)


q5 = Question(
    verb="Predict",
    title="What four elements cost",
    answer="n_functions",
    expects="the number of functions per atom, a whole number",
    judge=_judge_count,
    stub="n_functions = ...",
    right="n_functions = 4 * 8 + (4 * 5 // 2) * 40",
    because="8 radial ones for each of 4 elements, 40 angular ones for each of 10 unordered pairs: 32 + 400 = 432.",
    hints=[
        "Into how many channels go the radial functions?",
        "Unordered pairs of n elements, equal ones included: n (n + 1)/2.",
    ],
    wrong=[
        ("n_functions = 48", "one element"),
        ("n_functions = 4 * 48", "each pair of elements"),
        ("n_functions = 32 + 16 * 40", "unordered"),
        ("n_functions = 32 + 6 * 40", "same element"),
        ("n_functions = 16 * 48", "one neighbor"),
        ("n_functions = 400", "too low"),
    ],
    setup=SETUP,
)


# --- q6 -------------------------------------------------------------------------------------------------------------


def _judge_remedy(answer):
    return {
        "triples": None,
        "more zeta": "Every ζ is a sum over the same six angles, and both rings have the same six: no ζ can differ.",
        "more eta": "All neighbors are at one distance, and those between them agree too: no η or r_s can differ.",
        "larger cutoff": "There is nothing else to see: a larger cutoff scales all terms of both rings alike.",
    }[choice(answer, ["more zeta", "more eta", "larger cutoff", "triples"])]


q6 = Question(
    verb="Explain",
    title="What would tell the rings apart?",
    answer="remedy",
    expects='one of "more zeta", "more eta", "larger cutoff", "triples"',
    judge=_judge_remedy,
    stub='remedy = ...  # "more zeta", "more eta", "larger cutoff" or "triples"',
    right='remedy = "triples"',
    because=(
        "A sum over pairs knows which angles occur, not which of them meet in one neighbor. Functions of three "
        "neighbors at once know: a higher body order, the subject of lesson 10."
    ),
    hints=["List the six angles of each ring.", "Which information is lost when you only keep the list of pairs?"],
    wrong=[
        ('remedy = "more zeta"', "same six angles"),
        ('remedy = "more eta"', "at one distance"),
        ('remedy = "larger cutoff"', "nothing else to see"),
        ("remedy = 4", "as text in quotes"),
    ],
    setup=SETUP,
)
