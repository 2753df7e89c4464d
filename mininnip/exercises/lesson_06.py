"""Exercises of lesson 06: periodic inputs, grids in many dimensions, forces by the chain rule, labels, lost shapes."""

import itertools
import math

import numpy as np
import torch

from mininnip.exercises.engine import Question, Slip, agree, array, choice, close, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)

SETUP = """
import itertools
import numpy as np
import torch
import mininnip as mn
"""


# --- q1 -------------------------------------------------------------------------------------------------------------

SIDES = (7.64, 3.82)  # Å
SAME = 1e-6  # inputs that differ by less are the same: the sides may have been written in float32


def _judge_periodic(answer):
    inputs = function(answer, "function")
    generator = torch.Generator().manual_seed(0)
    xy = torch.rand(60, 2, generator=generator, dtype=torch.float64) * torch.tensor(SIDES, dtype=torch.float64)
    before = array(inputs(xy.clone()), what="inputs")
    if before.ndim != 2 or len(before) != 60:
        raise Slip(f"60 points give inputs of shape {before.shape}; one row for each point is expected, (60, B).")

    def of(points):
        return array(inputs(points), before.shape, "inputs")

    for axis, side, name in ((0, SIDES[0], "x"), (1, SIDES[1], "y")):
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = side
        change = np.abs(of(xy + step) - before).max()
        if change > SAME:
            swapped = np.abs(of(xy + step * SIDES[1 - axis] / side) - before).max() < SAME
            why = "the two sides may have changed places" if swapped else "is 2π/side in the phase?"
            return f"One cell further along {name} an input changes by {change:.2g}; it must not ({why})."
    for axis, name in ((0, "x"), (1, "y")):
        edge = xy.clone()
        edge[:, axis] = 0.0
        step = torch.zeros(2, dtype=torch.float64)
        step[axis] = 1e-5
        jump = np.abs(of(edge + step) - of(edge - step)).max()
        if jump > 1e-2:
            return (
                f"At the edge of the cell, {name} = 0, an input jumps by {jump:.2g}: periodic, but there is no force."
            )
        other = xy.clone()
        other[:, axis] = torch.rand(60, generator=generator, dtype=torch.float64) * SIDES[axis]
        if np.abs(of(other) - before).max() < SAME:
            return f"No input changes with {name}: the network would believe that the energy does not depend on it."
        if np.abs(of(_mirrored(xy, axis, 0.0)) - before).max() < SAME:
            return f"{name} and −{name} have the same inputs: a cosine alone cannot tell left from right."
        if np.abs(of(_mirrored(xy, axis, SIDES[axis] / 2)) - before).max() < SAME:
            return f"{name} and side/2 − {name} have the same inputs: a sine alone cannot tell them apart."
    if np.abs(of(-xy) - before).max() < SAME:
        return "A point r and its opposite −r have the same inputs: cosines alone cannot tell them apart."
    apart = torch.pdist(torch.tensor(before)).min()
    return "Two different points of the cell have the same inputs." if apart < 1e-4 else None


def _mirrored(xy, axis, total):
    """The coordinate x of an axis replaced by total − x."""
    out = xy.clone()
    out[:, axis] = total - out[:, axis]
    return out


_RIGHT_PERIODIC = """def periodic(xy):
    phases = 2 * torch.pi * xy / torch.tensor([7.64, 3.82])
    return torch.cat([phases.cos(), phases.sin()], dim=1)"""


q1 = Question(
    verb="Code",
    title="Periodic inputs",
    answer="periodic",
    expects="a function periodic(xy) of points (P, 2) in Å that returns inputs (P, B), for a cell of 7.64 Å × 3.82 Å",
    judge=_judge_periodic,
    stub="def periodic(xy):\n    return ...",
    right=_RIGHT_PERIODIC,
    because="Cosine and sine of 2πx/a wind the line onto a circle: the ends of the cell meet, no two points coincide.",
    hints=[
        "A phase that grows by 2π over one side of the cell, for x and for y.",
        "Cosine *and* sine of each phase: one of them cannot tell x from its mirror image.",
    ],
    wrong=[
        (_RIGHT_PERIODIC.replace("2 * torch.pi * ", ""), "2π/side"),
        (_RIGHT_PERIODIC.replace("[7.64, 3.82]", "[3.82, 7.64]"), "changed places"),
        (_RIGHT_PERIODIC.replace("torch.cat([phases.cos(), phases.sin()], dim=1)", "phases.cos()"), "cosine alone"),
        (_RIGHT_PERIODIC.replace("torch.cat([phases.cos(), phases.sin()], dim=1)", "phases.sin()"), "sine alone"),
        (_RIGHT_PERIODIC.replace("dim=1)", "dim=1)[:, ::2]"), "No input changes with y"),
        ("def periodic(xy):\n    return xy % torch.tensor([7.64, 3.82])", "jumps"),
        ("def periodic(xy):\n    return xy", "One cell further along x"),
        (_RIGHT_PERIODIC.replace("dim=1)", "dim=1).flatten()"), "one row for each point"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------


def _judge_grid(answer):
    found = number(answer, "number of points")
    slips = {
        60: "That is 12 × 5: it counts points on twelve separate lines. A grid holds every combination",
        12**5: "The other way round: five choices for the first coordinate, times five for the second, and so on",
        5**3: "That is three dimensions; every one of the twelve coordinates brings its factor 5",
        5**14: "Only four atoms move: 12 coordinates",
        4**12: "Five points along a line, not four",
    }
    for value, sentence in slips.items():
        if found == value:
            return f"{sentence}."
    return close(found, 5**12, "number of points", 0.5)


q2 = Question(
    verb="Predict",
    title="A grid in twelve dimensions",
    answer="n_points",
    expects="the number of points, a whole number",
    judge=_judge_grid,
    stub="n_points = ...",
    right="n_points = 5**12",
    because="Five choices for each of twelve coordinates: 5¹² = 244 million; at 5 s each, 39 years of computing.",
    hints=["Two coordinates: 5 × 5 points. Three: 5 × 5 × 5.", "A power with the number of coordinates on top."],
    wrong=[
        ("n_points = 12 * 5", "every combination"),
        ("n_points = 12**5", "other way round"),
        ("n_points = 5**3", "three dimensions"),
        ("n_points = 750", "too low"),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------


def _reference_forces(positions, pairs, slopes, mistake=""):
    forces = torch.zeros_like(positions)
    for (i, j), slope in zip(pairs, slopes, strict=True):
        vector = positions[j] - positions[i]
        pull = slope * (vector if mistake == "not a unit vector" else vector / vector.norm())
        forces[i] += pull
        if mistake != "only i":
            forces[j] -= pull
    return {"sign": -forces, "half": forces / 2}.get(mistake, forces)


FORCE_SLIPS = {
    "sign": "The sign: a positive slope means that the energy falls when the pair closes in, so i is pulled toward j.",
    "not a unit vector": "The direction must have length 1: ∂r_ij/∂r_i is −(r_j − r_i)/r_ij; divide by the distance.",
    "only i": "Each distance belongs to two atoms: what i gains, j loses (Newton's third law).",
    "half": "Half of what it should be: every pair stands once in the list, so there is nothing to halve.",
}


def _judge_forces(answer):
    student = function(answer, "function")
    generator = torch.Generator().manual_seed(1)
    cases: list[tuple] = []
    for n in (2, 3, 5):
        positions = 3 * torch.rand(n, 3, generator=generator, dtype=torch.float64)
        pairs = list(itertools.combinations(range(n), 2))
        cases.append((positions, pairs, torch.randn(len(pairs), generator=generator, dtype=torch.float64)))
    found = [array(student(r.clone(), list(p), s.clone()), tuple(r.shape), "forces") for r, p, s in cases]
    for mistake, sentence in FORCE_SLIPS.items():
        if all(
            np.allclose(f, _reference_forces(*case, mistake=mistake), atol=1e-8)
            for f, case in zip(found, cases, strict=True)
        ):
            return sentence
    slips = (agree(f, _reference_forces(*case), "force") for f, case in zip(found, cases, strict=True))
    return next((slip for slip in slips if slip is not None), None)


_RIGHT_FORCES = """def forces_from_slopes(positions, pairs, slopes):
    forces = torch.zeros_like(positions)
    for (i, j), slope in zip(pairs, slopes, strict=True):
        vector = positions[j] - positions[i]
        pull = slope * vector / vector.norm()
        forces[i] += pull
        forces[j] -= pull
    return forces"""


q3 = Question(
    verb="Derive",
    title="Forces from a network of distances",
    answer="forces_from_slopes",
    expects="a function forces_from_slopes(positions, pairs, slopes) that returns forces (N, 3), slopes being ∂E/∂r_ij",
    judge=_judge_forces,
    stub="def forces_from_slopes(positions, pairs, slopes):\n    return ...",
    right=_RIGHT_FORCES,
    because="F_i = −Σ_j (∂E/∂r_ij) ∂r_ij/∂r_i, and ∂r_ij/∂r_i = −(r_j − r_i)/r_ij: along the pair, equal and opposite.",
    hints=[
        "How does r_ij change when atom i moves along the line to j, and how when it moves sideways?",
        "Each pair pulls i toward j with ∂E/∂r_ij, and j toward i with the same.",
    ],
    wrong=[
        (_RIGHT_FORCES.replace("positions[j] - positions[i]", "positions[i] - positions[j]"), "The sign"),
        (_RIGHT_FORCES.replace(" / vector.norm()", ""), "length 1"),
        (_RIGHT_FORCES.replace("        forces[j] -= pull\n", ""), "third law"),
        (_RIGHT_FORCES.replace("return forces", "return forces / 2"), "nothing to halve"),
        (_RIGHT_FORCES.replace("return forces", "return forces.sum(0)"), "shape"),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------


def _judge_copies(answer):
    found = number(answer, "number")
    slips = {
        10: "That is the number of distances among five atoms; asked is in how many ways the five can be numbered",
        5: "Any of the five may be number 1, and then any of the other four number 2, and so on",
        25: "Each atom may get each number, but no number twice: 5 × 4 × …, not 5 × 5",
        32: "Being numbered is not a yes or no for each atom: count the orders of five things",
        24: "That is 4!, the orders of four atoms",
        3125: "5⁵ lets several atoms have the same number",
        119: "119 new ones and the one you have: asked are all of them",
        math.factorial(
            10
        ): "The ten distances change places together, moved by five atoms: not all their 10! orders occur",
    }
    for value, sentence in slips.items():
        if found == value:
            return f"{sentence}."
    return close(found, 120, "number", 0.5)


q4 = Question(
    verb="Predict",
    title="Teaching labels by example",
    answer="n_copies",
    expects="the number of labelled versions of one structure, a whole number",
    judge=_judge_copies,
    stub="n_copies = ...",
    right="n_copies = 5 * 4 * 3 * 2 * 1",
    because="5! = 120 for five equal atoms, 3.6 million for ten: what is cheap for a trimer is hopeless for a cluster.",
    hints=["In how many orders can five books stand?", "5 × 4 × …"],
    wrong=[
        ("n_copies = 5 * 4 // 2", "number of distances"),
        ("n_copies = 5**2", "no number twice"),
        ("n_copies = 2**5", "yes or no"),
        ("n_copies = 5", "Any of the five"),
        ("n_copies = 1000", "too high"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------


def _judge_cause(answer):
    return {
        "translation": None,
        "rotation": "An energy that depends on the direction gives a torque: the trimer would spin up, not travel.",
        "permutation": "Nobody relabels an atom during the run; the labels stay what they are.",
        "time step": "With half the time step it travels just as far, and energy is conserved: the forces are wrong.",
    }[choice(answer, ["translation", "rotation", "permutation", "time step"])]


q5 = Question(
    verb="Explain",
    title="Why does it travel?",
    answer="cause",
    expects='one of "translation", "rotation", "permutation", "time step"',
    judge=_judge_cause,
    stub='cause = ...  # "translation", "rotation", "permutation" or "time step"',
    right='cause = "translation"',
    because=(
        "The energy depends on where the trimer is, so its slope with respect to a common shift, the net force, is not "
        "zero. Momentum is conserved exactly if the energy does not change with a shift."
    ),
    hints=[
        "The sum of the forces on all atoms is minus the slope of E when all atoms are shifted together.",
        "Which invariance makes that slope zero?",
    ],
    wrong=[
        ('cause = "rotation"', "torque"),
        ('cause = "permutation"', "labels stay"),
        ('cause = "time step"', "half the time step"),
        ("cause = 1", "as text in quotes"),
    ],
    setup=SETUP,
)


# --- q6 -------------------------------------------------------------------------------------------------------------

KITE = np.array([[0.0, 0], [4, 0], [3, 1], [3, -1]])


def _table(shape):
    """Distances of every pair (4, 4)."""
    return np.linalg.norm(shape[:, None] - shape[None], axis=2)


def _judge_twin(answer):
    twin = array(answer, what="shape")
    if twin.shape not in ((4, 2), (4, 3)):
        raise Slip(f"Your shape is {twin.shape}; four atoms in the plane are expected, an array (4, 2).")
    mine, theirs = _table(twin), _table(KITE)
    upper = np.triu_indices(4, 1)
    if mine[upper].min() < 0.1:
        return "Two of your atoms lie at the same place."
    for order in itertools.permutations(range(4)):
        if np.allclose(mine[np.ix_(order, order)], theirs, atol=1e-6):
            return "That is the kite itself, moved, turned, mirrored or relabelled: find another shape."
    difference = np.abs(np.sort(mine[upper]) - np.sort(theirs[upper]))
    if difference.max() > 1e-6:
        n_right = int((difference < 1e-6).sum())
        ratio = np.sort(mine[upper]) / np.sort(theirs[upper])
        if np.ptp(ratio) < 1e-6:
            return f"The right proportions, but every distance is {ratio[0]:.3g} times what it is in the kite."
        return f"{n_right} of the six sorted distances agree; the largest difference is {difference.max():.3g}."
    return None


q6 = Question(
    verb="Break",
    title="Fool the sorted distances",
    answer="twin",
    expects="an array (4, 2), a shape with the kite's six sorted distances that is not the kite",
    judge=_judge_twin,
    stub="twin = ...  # an array (4, 2)",
    right="twin = np.array([[0.0, 0], [4, 0], [1, 1], [3, 1]])",
    because=(
        "Kite and trapezoid both have √2, √2, 2, √10, √10 and 4. Which distances meet in one atom is lost in sorting, "
        "and no network brings it back."
    ),
    hints=[
        "Leave (0, 0) and (4, 0) where they are. Both other atoms may lie on the same side.",
        "Each of the two has one neighbor at √2 and one at √10. Let them differ in which.",
    ],
    wrong=[
        ("twin = np.array([[0.0, 0], [4, 0], [3, 1], [3, -1]])", "the kite itself"),
        ("twin = np.array([[0.0, 0], [4, 0], [1, 1], [1, -1]])", "the kite itself"),
        ("twin = np.array([[0.0, 0], [4, 0], [1, 1], [3, -1]])", "5 of the six"),
        ("twin = np.array([[0.0, 0], [4, 0], [3, 1], [3, 1]])", "same place"),
        ("twin = 2 * np.array([[0.0, 0], [4, 0], [1, 1], [3, 1]])", "2 times"),
        ("twin = np.array([[0.0, 0], [4, 0], [3, 1]])", "four atoms"),
    ],
    setup=SETUP,
)
