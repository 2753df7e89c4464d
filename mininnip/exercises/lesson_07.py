"""Exercises of lesson 07: cutoffs, radial and angular symmetry functions, channels of elements, and what they miss."""

import torch

from mininnip.exercises.engine import Question
from mininnip.exercises.makers import choice_question, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.shapes import judge_environments

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

q1 = number_question(
    "np.pi**2 / (2 * 5.0**2)",
    answer="curvature",
    what="curvature",
    unit="1/Å²",
    note="1/Å²",
    verb="Derive",
    title="The kink that is left",
    slips={
        "0.0": "value and slope vanish at r_c, the curvature does not: differentiate twice, then set r = r_c",
        "-(np.pi**2) / 50": "the sign; cos π is −1, and the second derivative of a cosine has a minus of its own",
        "np.pi**2 / 25": "twice too large, f_c has a factor ½ in front of its cosine",
        "np.pi**2 / 10": "each of the two derivatives brings down π/r_c: so r_c enters as its square",
        "np.pi / 10": "that is the steepest slope, at r_c/2; the curvature is the second derivative",
        "0.02": "π comes down with each derivative; yours is missing",
    },
    because="f_c″(r) = −½ (π/r_c)² cos(π r/r_c), and the cosine is −1 at r_c: π²/(2 r_c²) = 0.197 1/Å²; beyond, 0.",
    hints=["Differentiate ½ cos(π r/r_c) twice.", "Each derivative brings down π/r_c; at r = r_c the cosine is −1."],
)

q2 = number_question(
    "np.log(2) / 0.4**2",
    answer="eta",
    what="η",
    unit="1/Å²",
    note="1/Å²",
    verb="Derive",
    title="How wide is a shell?",
    slips={
        "1 / (2 * 0.4**2)": "that is 1/(2σ²), a standard deviation of 0.4 Å; asked is where it falls to one half",
        "np.log(2) / 0.4": "the exponent holds the square of the distance from r_s",
        "np.log(2) / 0.8**2": "you took 0.8 Å, the full width; the half is reached 0.4 Å from r_s",
        "1 / 0.4**2": "with this η the Gaussian falls to 1/e = 0.37, not to one half",
        "-np.log(2) / 0.4**2": "η is positive: the minus stands in front of it in the exponent",
        "np.log(2) / (2 * 0.4**2)": "the exponent of G² is −η (r − r_s)², without a ½",
    },
    because="exp(−η x²) = ½ at x = 0.4 Å means η = ln 2 / x² = 4.33 1/Å².",
    hints=["Write exp(−η · 0.4²) = ½ and take the logarithm.", "ln ½ = −0.693."],
)

q3 = Question(
    verb="Break",
    title="Fool the radial functions",
    answer="twins",
    expects="a pair of arrays (n, 3) in Å, the neighbors of an atom at 0 in two environments",
    judge=lambda answer: judge_environments(answer, cutoff=6.0),
    stub="twins = (..., ...)  # neighbors of an atom at 0: two arrays (n, 3) in Å",
    right="twins = (np.array([[2.0, 0, 0], [-2.0, 0, 0]]), np.array([[2.0, 0, 0], [0, 2.0, 0]]))",
    because="A radial function sees how far the neighbors are, never in which direction: straight or bent, 180° or "
    "90°, is all the same to it.",
    hints=[
        "Keep the distances, change the directions.",
        "Two neighbors at 2 Å are enough: opposite, or at a right angle.",
    ],
    wrong=[
        ("twins = (np.eye(3) * 2, -np.eye(3) * 2)", "mirrored or relabelled"),
        ("twins = (np.eye(3) * 2, np.eye(3) * 2.5)", "the same list"),
        ("twins = (np.eye(3) * 2, np.eye(3)[:2] * 2)", "sum of the cutoffs"),
    ],
)

_NEIGHBORS = torch.tensor(
    [[2.2, 0.3, -0.4], [-0.9, 2.3, 0.5], [-1.4, -1.8, 1.1], [0.6, -0.7, -2.9]], dtype=torch.float64
)
_CHOICES = [(0.02, 1.0, 1.0), (0.05, 4.0, 1.0), (0.02, 2.0, -1.0), (0.1, 16.0, -1.0)]

q4 = function_question(
    "def g4(positions, eta, zeta, sign, cutoff):\n"
    "    total = 0.0\n"
    "    for j in range(len(positions)):\n"
    "        for k in range(j + 1, len(positions)):\n"
    "            ij, ik = positions[j], positions[k]\n"
    "            r = torch.stack([ij.norm(), ik.norm(), (ij - ik).norm()])\n"
    "            cosine = ij @ ik / (r[0] * r[1])\n"
    "            fade = mn.cosine_cutoff(r, cutoff).prod()\n"
    "            total += 2 ** (1 - zeta) * (1 + sign * cosine) ** zeta * torch.exp(-eta * (r**2).sum()) * fade\n"
    "    return total",
    points=[(_NEIGHBORS[:n], *c, r_c) for n, r_c in ((2, 6.0), (4, 5.0), (4, 3.5)) for c in _CHOICES],
    what="G⁴",
    title="The slide's angular function",
    expects="takes neighbors (n, 3) of an atom at 0 and counts each pair once",
    slips={
        "range(j + 1, len(positions)) → [k for k in range(len(positions)) if k != j]": "that is the double sum, each "
        "pair as (j, k) and (k, j): twice what j < k gives",
        "range(j + 1, → range(j,": "your sum holds j = k, a neighbor paired with itself at θ = 0; leave those out",
        "ij @ ik / (r[0] * r[1]) → ij @ (ij - ik) / (r[0] * r[2])": "your θ sits at neighbor j; it belongs to the atom "
        "in the middle, between its arms to j and to k",
        "(r**2).sum() → (r[:2] ** 2).sum() ; (r, cutoff) → (r[:2], cutoff)": "that is G⁵: G⁴ has r_jk² in its exponent "
        "and f_c(r_jk) as well",
        "(r**2).sum() → (r[:2] ** 2).sum()": "r_jk² is missing in the exponent",
        "(r, cutoff) → (r[:2], cutoff)": "the third cutoff, f_c(r_jk), is missing",
        "mn.cosine_cutoff(r, cutoff) → (0.5 * torch.cos(torch.pi * r / cutoff) + 0.5)": "r_jk may be longer than r_c; "
        "there f_c is 0, the cosine is not",
        "2 ** (1 - zeta) *  → ": "the factor 2^(1−ζ) is missing; it keeps the largest value at 2 for every ζ",
        "(r**2).sum() → r.sum()": "the exponent holds the squares of the distances",
    },
    because="For each pair j < k: the angle at the middle, a Gaussian of all three distances, a cutoff for each.",
    hints=[
        "Start from `g5_by_hand`: which distance does it not use?",
        "G⁴ has r_jk² in the exponent and a third cutoff f_c(r_jk).",
    ],
)

q5 = number_question(
    "4 * 8 + (4 * 5 // 2) * 40",
    answer="n_functions",
    what="count",
    title="What four elements cost",
    slips={
        "48": "that is for one element; here a radial function has a channel for each element of the neighbor",
        "4 * 48": "angular functions see two neighbors: a channel for each pair of elements, not for each element",
        "4 * 8 + 16 * 40": "the pair (H, C) is the pair (C, H): count unordered pairs",
        "4 * 8 + 6 * 40": "both neighbors may be of the same element: the pairs (H, H), (C, C), … are missing",
        "16 * 48": "radial functions have one neighbor, angular ones two; and (H, C) is the same pair as (C, H)",
        "10 * 48": "10 pairs is right for the angular functions, but a radial one has one neighbor: 4 channels",
    },
    because="8 radial ones for each of 4 elements, 40 angular ones for each of 10 unordered pairs: 32 + 400 = 432.",
    hints=[
        "Into how many channels go the radial functions?",
        "Unordered pairs of n elements, equal ones included: n (n + 1)/2.",
    ],
)

q6 = choice_question(
    "triples",
    answer="remedy",
    title="What would tell the rings apart?",
    options={
        "more zeta": "Every ζ is a sum over the same six angles, and both rings have the same six: no ζ can differ.",
        "more eta": "All neighbors are at one distance, and those between them agree too: no η or r_s can differ.",
        "larger cutoff": "There is nothing else to see: a larger cutoff scales all terms of both rings alike.",
        "triples": "A sum over pairs knows which angles occur, not which of them meet in one neighbor. Functions of "
        "three neighbors at once know: a higher body order, the subject of lesson 10.",
    },
    hints=["List the six angles of each ring.", "Which information is lost when you only keep the list of pairs?"],
)
