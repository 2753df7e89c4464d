"""Exercises of lesson 01, energy surfaces: force, stationary point, barrier, vibration."""

import torch

from mininnip import surfaces
from mininnip.exercises.makers import any_form, choice_question, code_question, function_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.reading import choice

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

q1 = choice_question(
    "stays",
    answer="ball",
    verb="Predict",
    title="A ball on the pass",
    options={
        "rolls": "Rolling needs a force to begin with: what is the gradient at a stationary point?",
        "oscillates": "Oscillation needs a force that pulls back: at rest, what is the force at a stationary point?",
        "stays": "A saddle is a stationary point: without force nothing moves, although the slightest push decides "
        "where to.",
    },
    hints=["What moves a ball that is at rest?", "Look at the force on the saddle in the table of stationary points."],
)


def _bowl(r: torch.Tensor) -> torch.Tensor:
    return 1.5 * r[..., 0] ** 2 + 4 * r[..., 1] ** 2 + r[..., 0] * r[..., 1]


_PLACES = torch.tensor([[-0.4, 0.9], [0.7, 0.3], [-1.1, 1.6]], dtype=torch.float64)

q2 = function_question(
    "def force(surface, r):\n"
    "    r = r.clone().requires_grad_()\n"
    "    (slope,) = torch.autograd.grad(surface(r), r)\n"
    "    return -slope",
    points=[(any_form(surface), place) for surface in (_bowl, surfaces.muller_brown) for place in _PLACES],
    what="force",
    title="The force of any surface",
    expects="returns the force on the point r, a tensor of two numbers",
    slips={"return -slope → return slope": "the sign is wrong, it points uphill"},
    because="The force is minus the gradient, and autograd gives the gradient without a step to choose.",
    hints=[
        "The surface takes r and returns an energy: ask PyTorch for the derivative of that energy.",
        "`torch.autograd.grad(surface(r), r)` needs an r that requires a gradient, and returns a tuple.",
        "Downhill, not uphill.",
    ],
)

HESSIANS = [  # matrix, right word, what a wrong answer overlooks
    ([[2.0, 0.5], [0.5, 1.0]], "minimum", "both curvatures are positive"),
    ([[1.0, 3.0], [3.0, 1.0]], "saddle", "the diagonal is positive, yet the eigenvalues are −2 and 4"),
    ([[-2.0, 0.5], [0.5, -1.0]], "maximum", "the determinant is positive here too, yet both eigenvalues are negative"),
    ([[-1.0, 3.0], [3.0, -1.0]], "saddle", "the diagonal is negative, yet the eigenvalues are −4 and 2"),
    ([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, -1.0]], "saddle", "one of three eigenvalues is negative"),
    ([[-1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 5.0]], "saddle", "two of three eigenvalues are negative"),
    ([[-1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, -3.0]], "maximum", "all three eigenvalues are negative"),
    ([[1.0, 2, 2], [2, 1, 2], [2, 2, 1]], "saddle", "diagonal and determinant are positive, two eigenvalues are not"),
]


def _judge_kind(kind):
    for matrix, right, reason in HESSIANS:
        said = choice(kind(torch.tensor(matrix, dtype=torch.float64)), ["minimum", "saddle", "maximum"])
        if said != right:
            return f"Your function says {said} for the Hessian {matrix}, a {right}: {reason}."
    return None


q3 = code_question(
    _judge_kind,
    "def kind(hessian):\n"
    "    curvatures = torch.linalg.eigvalsh(hessian)\n"
    "    if (curvatures > 0).all():\n"
    '        return "minimum"\n'
    '    return "maximum" if (curvatures < 0).all() else "saddle"',
    what="function",
    title="What kind of place is this?",
    expects='returns "minimum", "saddle" (up in some directions, down in others) or "maximum"',
    wrong=[
        ('return "minimum" if (hessian.diagonal() > 0).all() else "saddle"', "diagonal is positive"),
        ('return "minimum" if torch.linalg.det(hessian) > 0 else "saddle"', "determinant is positive"),
        ('return "minimum"', "a saddle"),
        ('return "minimum" if torch.linalg.eigvalsh(hessian)[0] > 0 else "saddle"', "both eigenvalues are negative"),
        ("return torch.linalg.eigvalsh(hessian)", "as text"),
    ],
    because="Only the eigenvalues tell: they are the curvatures along the directions that do not mix.",
    hints=["A minimum is uphill in every direction, also between the axes.", "Eigenvalues: `torch.linalg.eigvalsh`."],
)

q4 = function_question(
    "def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms - (5 if linear else 6)",
    points=[(3, False), (4, False), (60, False), (2, True), (3, True)],
    what="number of vibrations",
    verb="Derive",
    title="How many ways to vibrate?",
    expects="returns a whole number",
    slips={
        "return 3 * n_atoms - 6": "a linear molecule has only two rotations, turning about its own axis moves no atom",
        "return 3 * n_atoms - 5": "a bent molecule has three rotations",
        "return 3 * n_atoms - 3": "the rotations are still in",
        "return 3 * n_atoms": "all coordinates are still in: moving or turning the whole molecule costs no energy",
    },
    because="Three shifts cost no energy, nor do three turns, or two for a linear molecule.",
    hints=[
        "Which motions of the whole molecule leave every distance as it is?",
        "Count the zeros in the two lists of eigenvalues of the argon trimer.",
    ],
)

_PATHS = ([-5, -2, 1, -4], [-2, 0.5, -7, -1], [-108.2, -80.8, -72.2, -80.8, -40.7, -146.7], [3, 1], [0, 1, 4])

q5 = function_question(
    "def barrier(energies):\n    return energies.max() - energies[0]",
    points=[(torch.tensor(path, dtype=torch.float64),) for path in _PATHS],
    what="barrier",
    title="The barrier of a path",
    expects="takes the energies along a path, in order, and returns one number",
    slips={
        "- energies[0] → * 1": "that is the height of the highest point, not the climb from the start",
        "energies[0] → energies.min()": "that is highest minus lowest, but the path does not start at the lowest point",
        "energies[0] → energies[-1]": "that is the climb from the end of the path, the barrier of the way back",
        "return energies[0] - energies.max()": "the sign: a barrier is how far it climbs, a positive number",
    },
    because="The barrier is the climb from where one starts to the highest point that cannot be avoided.",
    hints=["Two energies and a difference.", "The way there and the way back have different barriers."],
)

q6 = function_question(
    "NEWTON_PER_METER = 16.02176634  # 1 eV/Å²\n"
    "KILOGRAM = 1.66053907e-27  # 1 amu\n"
    "LIGHT = 2.99792458e10  # speed of light in cm/s\n\n\n"
    "def wavenumber(curvature, mass):\n"
    "    omega = np.sqrt(curvature * NEWTON_PER_METER / (mass * KILOGRAM))\n"
    "    return omega / (2 * np.pi * LIGHT)",
    points=[(35.9, 0.504), (14.7, 2.86)],
    what="wavenumber",
    verb="Derive",
    title="From a curvature to a line in the infrared",
    expects="takes eV/Å² and amu and returns cm⁻¹",
    tolerance=2e-3,
    slips={
        "(2 * np.pi * LIGHT) → LIGHT": "2π times too large, the angular frequency over c",
        "np.sqrt( → (": "it does not grow as √(k/m), is the root there, and k above m?",
        "sqrt(curvature → sqrt(curvature / 2": "√2 too small: k is the full second derivative, nothing is halved",
        "sqrt(curvature → sqrt(curvature * 2": "√2 too large: k is the full second derivative, nothing is doubled",
        "e10 → e8": "a hundred times too large: per meter and per centimeter are mixed up",
        "e10 → e12": "a hundred times too small: per meter and per centimeter are mixed up",
    },
    wrong=[("return np.sqrt(curvature / mass) / (2 * np.pi)", "check units")],
    because="ω = √(k/m) is an angular frequency, ω/2π the frequency, and divided by c it counts waves per centimeter.",
    hints=[
        "A mass on a spring: m d²x/dt² = −k x. What is its angular frequency?",
        "Frequency is ω/2π, and wavenumber is frequency over the speed of light.",
        "Convert first: `curvature * NEWTON_PER_METER` and `mass * KILOGRAM`.",
    ],
)
