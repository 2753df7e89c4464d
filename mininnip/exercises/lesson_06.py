"""Exercises of lesson 06: periodic inputs, grids in many dimensions, forces by the chain rule, labels, lost shapes."""

import itertools

import numpy as np
import torch

from mininnip.exercises.engine import Question
from mininnip.exercises.makers import choice_question, code_question, function_question, number_question
from mininnip.exercises.periodic import why_not_periodic
from mininnip.exercises.prediction import predict
from mininnip.exercises.shapes import judge_twin

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

_SIDES = np.array([7.64, 3.82])  # Å


q1 = code_question(
    lambda inputs: why_not_periodic(lambda xy: inputs(torch.tensor(xy)), _SIDES),
    "def periodic(xy):\n"
    "    phases = 2 * torch.pi * xy / torch.tensor([7.64, 3.82])\n"
    "    return torch.cat([phases.cos(), phases.sin()], dim=1)",
    what="function",
    title="Periodic inputs",
    expects="takes points (P, 2) in Å and returns inputs (P, B), for a cell of 7.64 Å × 3.82 Å",
    wrong=[
        ("2 * torch.pi * xy → xy", "2π/side"),
        ("[7.64, 3.82] → [3.82, 7.64]", "changed places"),
        ("2 * torch.pi → 4 * torch.pi", "half a cell"),
        ("torch.cat([phases.cos(), phases.sin()], dim=1) → phases.cos()", "cosine alone"),
        ("torch.cat([phases.cos(), phases.sin()], dim=1) → phases.sin()", "sine alone"),
        ("dim=1) → dim=1)[:, ::2]", "No input changes with y"),
        ("return xy % torch.tensor([7.64, 3.82])", "jumps"),
    ],
    because="Cosine and sine of 2πx/a wind the line onto a circle: the ends of the cell meet, no two points coincide.",
    hints=["A phase for x and one for y, 2π over one side.", "Cosine *and* sine of each: one alone has a mirror."],
)

q2 = number_question(
    "5**12",
    answer="n_points",
    what="number of points",
    title="A grid in twelve dimensions",
    slips={
        "12 * 5": "that is 12 × 5: it counts points on twelve separate lines, but a grid holds every combination",
        "12**5": "the other way round, five choices for the first coordinate, times five for the second, and so on",
        "5**3": "that is three dimensions; every one of the twelve coordinates brings its factor 5",
        "5**14": "only four atoms move: 12 coordinates",
        "4**12": "five points along a line, not four",
    },
    because="Five choices for each of twelve coordinates: 5¹² = 244 million; at 4 s each, 31 years of computing.",
    hints=["Two coordinates: 5 × 5 points. Three: 5 × 5 × 5.", "A power with the number of coordinates on top."],
)


def _molecule(n: int):
    """Positions, pairs in any order, and slopes of n atoms."""
    rng = np.random.default_rng(n)
    pairs = [
        (i, j)[:: rng.choice([1, -1])] for i, j in rng.permutation(list(itertools.combinations(range(n), 2))).tolist()
    ]
    return torch.tensor(3 * rng.random((n, 3))), pairs, torch.tensor(rng.normal(size=len(pairs)))


q3 = function_question(
    "def forces_from_slopes(positions, pairs, slopes):\n"
    "    forces = torch.zeros_like(positions)\n"
    "    for (i, j), slope in zip(pairs, slopes, strict=True):\n"
    "        vector = positions[j] - positions[i]\n"
    "        pull = slope * vector / vector.norm()\n"
    "        forces[i] += pull\n"
    "        forces[j] -= pull\n"
    "    return forces",
    points=[_molecule(n) for n in (2, 3, 5)],
    what="force",
    by_hand=True,
    verb="Derive",
    title="Forces from a network of distances",
    expects="returns forces (N, 3), slopes being ∂E/∂r_ij, without autograd",
    slips={
        "positions[j] - positions[i] → positions[i] - positions[j]": "the sign is wrong, a positive slope means that "
        "the energy falls when the pair closes in, so i is pulled toward j",
        " / vector.norm() → ": "the direction must have length 1: ∂r_ij/∂r_i is −(r_j − r_i)/r_ij",
        " / vector.norm() → / vector.norm()**2": "divide by the distance once: the direction must have length 1",
        "forces[j] -= pull → pass": "each distance belongs to two atoms, what i gains, j loses (Newton's third law)",
        "forces[j] -= → forces[j] +=": "what i gains, j loses, with the other sign (Newton's third law)",
        "return forces → return forces / 2": "every pair stands once in the list, so there is nothing to halve",
    },
    because="F_i = −Σ_j (∂E/∂r_ij) ∂r_ij/∂r_i, and ∂r_ij/∂r_i = −(r_j − r_i)/r_ij: along the pair, equal and opposite.",
    hints=[
        "How does r_ij change when atom i moves along the line to j, and how when it moves sideways?",
        "Each pair pulls i toward j with ∂E/∂r_ij, and j toward i with the same.",
    ],
)

q4 = number_question(
    "5 * 4 * 3 * 2 * 1",
    answer="n_copies",
    what="number",
    title="Teaching labels by example",
    slips={
        "5 * 4 // 2": "that is the number of distances among five atoms; asked are the ways to number them",
        "5": "any of the five may be number 1, then any of the others number 2, and so on",
        "5**2": "each atom may get each number, but no number twice: the choices get fewer",
        "2**5": "being numbered is not a yes or no for each atom: count the orders of five things",
        "4 * 3 * 2 * 1": "that is 4!, the orders of four atoms",
        "5**5": "5⁵ lets several atoms have the same number",
        "119": "119 new ones and the one you have: asked are all of them",
        "math.factorial(10)": "the ten distances change places together: not all their 10! orders occur",
    },
    because="5! = 120 for five equal atoms, 3.6 million for ten: what is cheap for a trimer is hopeless for a cluster.",
    hints=["How many atoms could be number 1? When one is, how many are left to be number 2?", "Choices multiply."],
)

q5 = choice_question(
    "translation",
    answer="cause",
    title="Why does it travel?",
    options={
        "translation": "The energy depends on where the trimer is, so its slope with respect to a common shift, the "
        "net force, is not zero. Momentum is conserved exactly if the energy does not change with a shift.",
        "rotation": "An energy that depends on the direction gives a torque: the trimer would spin up, not travel.",
        "permutation": "Nobody relabels an atom during the run; the labels stay what they are.",
        "time step": "With half the time step it travels just as far, and energy is conserved: the forces are wrong.",
    },
    hints=[
        "The sum of the forces on all atoms is minus the slope of E when all atoms are shifted together.",
        "Which invariance makes that slope zero?",
    ],
)

_KITE = np.array([[0.0, 0], [4, 0], [3, 1], [3, -1]])


q6 = Question(
    verb="Break",
    title="Fool the sorted distances",
    answer="twin",
    expects="an array (4, 2), a shape with the kite's six sorted distances that is not the kite",
    judge=lambda answer: judge_twin(answer, _KITE),
    stub="twin = ...  # an array (4, 2)",
    right="twin = np.array([[0.0, 0], [4, 0], [1, 1], [3, 1]])",
    because="Kite and trapezoid both have √2, √2, 2, √10, √10 and 4. Which distances meet in one atom is lost in "
    "sorting, and no network brings it back.",
    hints=["Leave (0, 0) and (4, 0). Both others may lie on one side.", "Each has one neighbor at √2, one at √10."],
    wrong=[
        ("twin = np.array([[0.0, 0], [4, 0], [1, 1], [1, -1]])", "the kite itself"),
        ("twin = np.array([[0.0, 0], [4, 0], [1, 1], [3, -1]])", "5 of the 6"),
        ("twin = 2 * np.array([[0.0, 0], [4, 0], [1, 1], [3, 1]])", "2 times"),
    ],
)
