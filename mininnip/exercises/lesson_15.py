"""Exercises of lesson 15: a symmetry test, degrees and parity, products of vectors, and what breaks them."""

from typing import Any

import torch

from mininnip.exercises.makers import choice_question, code_question, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.turning import POINTS, ROTATIONS, judge_axial

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5"]


def _gravity(positions: Any) -> Any:
    """Every atom falls along z: not equivariant."""
    forces = 0 * positions
    forces[:, 2] = -1.0
    return forces


def _squares(positions: Any) -> Any:
    """A non-linearity on each component: not equivariant."""
    return positions**2


def _biased(positions: Any) -> Any:
    """Every atom is pulled to the middle, which turns with the atoms, and a little along x, which does not."""
    forces = -(positions - positions.mean(0))
    forces[:, 0] += 0.01
    return forces


q1 = function_question(
    "def rotation_error(f, positions, rotation):\n"
    "    turned_first = f(positions @ rotation.T)\n"
    "    turned_last = f(positions) @ rotation.T\n"
    "    return abs(turned_first - turned_last).max()",
    points=[(f, torch.tensor(POINTS), torch.tensor(turn)) for f in (_gravity, _squares, _biased) for turn in ROTATIONS],
    what="error",
    note="f maps positions (N, 3) to vectors (N, 3)",
    title="A test for every model to come",
    expects="returns the largest component of f(turned) − turned f",
    slips={
        "turned_last = f(positions) @ rotation.T → turned_last = f(positions)": "that tests whether the vectors stay "
        "the same, invariance; they should turn with the molecule: turn f(positions), too",
        "f(positions) @ rotation.T → f(positions) @ rotation": "the result is turned back; rows turn by @ rotation.T",
        "f(positions @ rotation.T) → f(positions @ rotation)": "the molecule is turned one way and its vectors the "
        "other: rows r turn as r @ rotation.T",
        "abs(turned_first - turned_last).max() → (turned_first - turned_last).max()": "a large negative difference is "
        "an error, too: take the absolute value",
        "abs(turned_first - turned_last).max() → abs(turned_first - turned_last).mean()": "the mean hides one wrong "
        "atom: take the largest",
        "turned_first = f(positions @ rotation.T) → turned_first = f(positions)": "you never turned the input",
        "abs(turned_first - turned_last).max() → abs(turned_first - turned_last).sum()": "that adds up all errors: the "
        "largest one says where to look",
        "abs(turned_first - turned_last).max() → abs(turned_first.sum(0) - turned_last.sum(0)).max()": "errors of "
        "different atoms may cancel in the sum: compare atom by atom",
    },
    because="f(R x) and R f(x) must agree: turn first and then ask, or ask and then turn.",
    hints=["Two ways: turn the atoms and ask f; or ask f and turn what it says.", "Rows turn as rows @ rotation.T."],
)

q2 = number_question(
    "3",
    answer="n_products",
    what="count",
    verb="Derive",
    title="A vector times a quadrupole",
    slips={
        "1": "degrees couple to every degree from |l₁ − l₂| to l₁ + l₂",
        "15": "that is 3 × 5, how many numbers all products together have",
        "5": "that is how many numbers a feature of degree 2 has",
        "4": "degree 0 is not among them: it takes two equal degrees to make a number",
    },
    because="|l₁ − l₂| … l₁ + l₂ = 1, 2, 3: three products, with 3 + 5 + 7 = 15 = 3 × 5 numbers: nothing is lost.",
    hints=["The triangle rule: |l₁ − l₂| ≤ l ≤ l₁ + l₂.", "Check: the numbers of all products together are 3 × 5."],
)


q3 = code_question(
    judge_axial,
    "def axial(positions):\n    a, b, c, d = torch.as_tensor(positions)\n    return torch.linalg.cross(b - a, c - a)",
    what="vector",
    note="(3,) for the positions (4, 3) of four atoms, in this order",
    verb="Break",
    title="Passes every rotation, and is no force",
    expects="returns a vector (3,) that turns with the atoms and does not change its sign when all positions do",
    wrong=[
        ("a, b, c, d = torch.as_tensor(positions)\nreturn b - a", "odd parity"),
        ("a, b, c, d = torch.as_tensor(positions)\nreturn torch.linalg.cross(b, c)", "the origin"),
        ("return torch.tensor([0.0, 0.0, 1.0])", "does not turn"),
        ("return torch.zeros(3)", "is 0"),
        ("p = torch.as_tensor(positions)\nreturn (p[1] - p[0]) ** 2", "does not turn"),
        (
            "p = torch.as_tensor(positions)\nreturn p[1] - p[0] + torch.linalg.cross(p[1] - p[0], p[2] - p[0])",
            "mixture",
        ),
        ("p = torch.as_tensor(positions)\nreturn (p - p.mean(0)).sum(0)", "is 0"),
        ("p = torch.as_tensor(positions)\nreturn p.mean(0)", "the origin"),
    ],
    because="The cross product of two arms: both change sign under inversion, their product does not. It is an axial "
    "vector, like a magnetic moment or an angular momentum; a force added from it would have the wrong mirror image.",
    hints=["Which product of two vectors is a vector?", "Take arms between atoms, so that no origin is needed."],
)


def _edges(seed: int) -> tuple[torch.Tensor, ...]:
    """Scalars b, c (E, F), vectors v (N, F, 3), directions u (E, 3), centers and neighbors (E,)."""
    generator = torch.Generator().manual_seed(seed)
    n, e, f = 4 + seed, 9, 2
    b, c, v, u = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((e, f), (e, f), (n, f, 3), (e, 3))
    )
    i, j = (torch.randint(0, n - 1, (e,), generator=generator) for _ in range(2))
    return b, c, v, u / u.norm(dim=1, keepdim=True), i, j


q4 = function_question(
    "def heard(b, c, v, u, i, j):\n"
    "    messages = b[:, :, None] * u[:, None, :] + c[:, :, None] * v[j]\n"
    "    return torch.zeros_like(v).index_add(0, i, messages)",
    points=[_edges(0), _edges(1)],
    what="vector",
    note="(N, F, 3) from b, c (E, F), v (N, F, 3), u (E, 3), i, j (E,)",
    title="PaiNN's vectors",
    expects="returns what each atom hears, (N, F, 3)",
    slips={
        "b[:, :, None] * u[:, None, :] + → ": "the directions are missing: b times u",
        " + c[:, :, None] * v[j] → ": "the neighbors' own vectors are missing: c times v[j]",
        "v[j] → v[i]": "an atom hears its neighbors' vectors, v[j], not its own",
        "(0, i, → (0, j,": "sum at the center i; j speaks",
        "b[:, :, None] * u[:, None, :] → c[:, :, None] * u[:, None, :] ; c[:, :, None] * v → b[:, :, None] * v": "b "
        "and c are exchanged",
        "* u[:, None, :] → * -u[:, None, :]": "the directions are reversed: u points from the center to the neighbor, "
        "as given",
        "torch.zeros_like(v).index_add → v.index_add": "v itself is added; asked is what is heard",
        ".index_add(0, i, messages) → .index_put((i,), messages)": "where several "
        "neighbors speak to one atom, the last one overwrites the others: add them up",
    },
    because="Two things that turn, u and v, each times numbers that do not: b u_ij + c v_j, added up at the center.",
    hints=["b needs an axis behind it, (E, F, 1), and u one in the middle, (E, 1, 3).", "`index_add` sums at i."],
)

q5 = choice_question(
    "points somewhere",
    answer="reason",
    title="Why no bias?",
    options={
        "too small": "However small it is, it does not turn: the error is its size.",
        "points somewhere": "A bias is a fixed vector: a direction in space that belongs to no atom. The molecule "
        "turns, the bias does not.",
        "not trainable": "It has a gradient like every weight; the optimizer would happily use it.",
        "no mean": "They may have one; the mean of vectors turns with them. The bias does not.",
    },
    hints=["Turn the molecule. Which part of W v + b turns?", "What direction does b have for an atom alone in space?"],
)
