"""Exercises of lesson 01, energy surfaces: force, stationary point, barrier, vibration."""

import math

import numpy as np
import torch

from mininnip import surfaces
from mininnip.exercises.engine import Question, agree, array, choice, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)

SETUP = """
import numpy as np
import torch
"""


# --- q1 -------------------------------------------------------------------------------------------------------------


def _judge_ball(answer):
    return {
        "stays": None,
        "rolls": "Rolling needs a force to begin with: what is the gradient at a stationary point?",
        "oscillates": "Oscillation needs a force that pulls back: at rest, what is the force at a stationary point?",
    }[choice(answer, ["rolls", "oscillates", "stays"])]


q1 = Question(
    verb="Predict",
    title="A ball on the pass",
    answer="ball",
    expects='"rolls", "oscillates" or "stays"',
    judge=_judge_ball,
    stub='ball = ...  # "rolls", "oscillates" or "stays"',
    right='ball = "stays"',
    because=(
        "A saddle is a stationary point: without force nothing moves, although the slightest push decides where to."
    ),
    hints=[
        "What moves a ball that is at rest?",
        "Look at the force on the saddle in the table of stationary points.",
    ],
    wrong=[
        ('ball = "rolls"', "force to begin with"),
        ('ball = "oscillates"', "pulls back"),
        ('ball = "falls"', "not among the options"),
        ("ball = 0", "as text in quotes"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------


def _bowl(r):
    return 1.5 * r[..., 0] ** 2 + 4 * r[..., 1] ** 2 + r[..., 0] * r[..., 1]


def _judge_force(answer):
    force = function(answer, "force")
    points = torch.tensor([[-0.4, 0.9], [0.7, 0.3], [-1.1, 1.6]], dtype=torch.float64)
    for surface in (_bowl, surfaces.muller_brown):
        expected = surfaces.forces(surface, points).numpy()
        found = np.stack([array(force(surface, point.clone()), (2,), "force") for point in points])
        error = np.abs(found - expected).max() / np.abs(expected).max()
        if 1e-6 < error < 0.05:
            return (
                f"Your force is nearly right, off by {error:.1e} of its size, more than the 1e-6 allowed: a finite "
                "difference with an unlucky step, or float32?"
            )
        slip = agree(found, expected, "force", points=points.tolist())
        if slip is not None:
            return slip
    return None


q2 = Question(
    verb="Code",
    title="The force of any surface",
    answer="force",
    expects="a function force(surface, r) that returns the force on the point r, a tensor of two numbers",
    judge=_judge_force,
    stub="def force(surface, r):\n    return ...",
    right=(
        "def force(surface, r):\n"
        "    r = r.clone().requires_grad_()\n"
        "    (slope,) = torch.autograd.grad(surface(r), r)\n"
        "    return -slope"
    ),
    because="The force is minus the gradient, and autograd gives the gradient without a step to choose.",
    hints=[
        "The surface takes r and returns an energy: ask PyTorch for the derivative of that energy.",
        "`torch.autograd.grad(surface(r), r)` needs an r that requires a gradient, and returns a tuple.",
        "Downhill, not uphill.",
    ],
    wrong=[
        (
            "def force(surface, r):\n"
            "    r = r.clone().requires_grad_()\n"
            "    return torch.autograd.grad(surface(r), r)[0]",
            "the sign is wrong",
        ),
        (
            "def force(surface, r):\n"
            "    return torch.stack([-(surface(r + 1e-3 * e) - surface(r)) / 1e-3 for e in torch.eye(2).double()])",
            "finite difference",
        ),
        (
            "def force(surface, r):\n"
            "    r = r.float().requires_grad_()\n"
            "    h = 1e-4\n"
            "    return torch.stack([(surface(r - h * e) - surface(r + h * e)) / (2 * h) for e in torch.eye(2)])",
            "float32",
        ),
        (
            "def force(surface, r):\n"
            "    h = 1e-6 * torch.eye(2).double()\n"
            "    return torch.stack([surface(r - step) - surface(r + step) for step in h]) / 1e-6",
            "twice",
        ),
        ("def force(surface, r):\n    return -surface(r)", "shape"),
        ("def force(surface, r):\n    return torch.autograd.grad(surface(r), r)[0]", "does not require grad"),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------


def _judge_kind(answer):
    kind = function(answer, "function")
    cases = [  # matrix, right word, what a wrong answer overlooks
        ([[2.0, 0.5], [0.5, 1.0]], "minimum", "both curvatures are positive"),
        ([[1.0, 3.0], [3.0, 1.0]], "saddle", "the diagonal is positive, yet the eigenvalues are −2 and 4"),
        (
            [[-2.0, 0.5], [0.5, -1.0]],
            "maximum",
            "the determinant is positive here too, yet both eigenvalues are negative",
        ),
        ([[-1.0, 3.0], [3.0, -1.0]], "saddle", "the diagonal is negative, yet the eigenvalues are −4 and 2"),
        ([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, -1.0]], "saddle", "one of three eigenvalues is negative"),
        ([[-1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 5.0]], "saddle", "two of three eigenvalues are negative"),
    ]
    for matrix, right, reason in cases:
        said = choice(kind(torch.tensor(matrix, dtype=torch.float64)), ["minimum", "saddle", "maximum"])
        if said != right:
            return f"Your function says {said} for the Hessian {matrix}, a {right}: {reason}."
    return None


q3 = Question(
    verb="Code",
    title="What kind of place is this?",
    answer="kind",
    expects='a function kind(hessian) that returns "minimum", "saddle" or "maximum"',
    judge=_judge_kind,
    stub="def kind(hessian):\n    return ...",
    right=(
        "def kind(hessian):\n"
        "    curvatures = torch.linalg.eigvalsh(hessian)\n"
        "    if (curvatures > 0).all():\n"
        '        return "minimum"\n'
        '    return "maximum" if (curvatures < 0).all() else "saddle"'
    ),
    because="Only the eigenvalues tell: they are the curvatures along the directions that do not mix.",
    hints=[
        "A minimum is uphill in every direction, also between the axes.",
        "The eigenvalues of a symmetric matrix: `torch.linalg.eigvalsh`.",
    ],
    wrong=[
        (
            'def kind(hessian):\n    return "minimum" if (hessian.diagonal() > 0).all() else "saddle"',
            "diagonal is positive",
        ),
        (
            'def kind(hessian):\n    return "minimum" if torch.linalg.det(hessian) > 0 else "saddle"',
            "determinant is positive",
        ),
        ('def kind(hessian):\n    return "minimum"', "a saddle"),
        (
            "def kind(hessian):\n"
            "    lowest = torch.linalg.eigvalsh(hessian)[0]\n"
            '    return "minimum" if lowest > 0 else "saddle"',
            "both eigenvalues are negative",
        ),
        ("def kind(hessian):\n    return torch.linalg.eigvalsh(hessian)", "as text"),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------


def _judge_vibrations(answer):
    n_vibrations = function(answer, "function")
    cases = {(3, False): 3, (4, False): 6, (60, False): 174, (2, True): 1, (3, True): 4}
    for (n_atoms, linear), right in cases.items():
        found = number(n_vibrations(n_atoms, linear), "number of vibrations")
        if found == right:
            continue
        shape = "linear" if linear else "bent"
        missing = {
            3 * n_atoms: "all coordinates are still in: moving or turning the whole molecule costs no energy",
            3 * n_atoms - 3: "the rotations are still in",
            3 * n_atoms - 6: "a linear molecule has only two rotations, turning about its own axis moves no atom",
            3 * n_atoms - 5: "a bent molecule has three rotations",
        }.get(round(found), f"there are {right}")
        return f"For {n_atoms} atoms, {shape}, your function gives {found:g}: {missing}."
    return None


q4 = Question(
    verb="Derive",
    title="How many ways to vibrate?",
    answer="n_vibrations",
    expects="a function n_vibrations(n_atoms, linear) that returns a whole number",
    judge=_judge_vibrations,
    stub="def n_vibrations(n_atoms, linear):\n    return ...",
    right="def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms - (5 if linear else 6)",
    because="Three shifts cost no energy, nor do three turns, or two for a linear molecule.",
    hints=[
        "Which motions of the whole molecule leave every distance as it is?",
        "Count the zeros in the two lists of eigenvalues of the argon trimer.",
    ],
    wrong=[
        ("def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms - 6", "only two rotations"),
        ("def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms", "moving or turning"),
        ("def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms - 3", "rotations are still in"),
        ("def n_vibrations(n_atoms, linear):\n    return 3 * n_atoms - 5", "three rotations"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------


def _judge_barrier(answer):
    barrier = function(answer, "barrier")
    for energies in (
        [-5.0, -2.0, 1.0, -4.0],
        [-2.0, 0.5, -7.0, -1.0],
        [-108.2, -80.8, -72.2, -80.8, -40.7, -146.7],
        [3.0, 1.0],
    ):
        found, right = number(barrier(np.array(energies)), "barrier"), max(energies) - energies[0]
        if abs(found - right) < 1e-9:
            continue
        slip = "the barrier is how far it climbs from the start to the highest point"
        if found == max(energies):
            slip = "that is the height of the highest point, not the climb from the start"
        elif abs(found - (max(energies) - energies[-1])) < 1e-9:
            slip = "that is the climb from the end of the path, the barrier of the way back"
        elif abs(found - (max(energies) - min(energies))) < 1e-9:
            slip = "that is highest minus lowest, but the path does not start at the lowest point"
        return f"For the energies {energies} your barrier is {found:g}: {slip}."
    return None


q5 = Question(
    verb="Code",
    title="The barrier of a path",
    answer="barrier",
    expects="a function barrier(energies) of the energies along a path, in order, that returns one number",
    judge=_judge_barrier,
    stub="def barrier(energies):\n    return ...",
    right="def barrier(energies):\n    return energies.max() - energies[0]",
    because="The barrier is the climb from where one starts to the highest point that cannot be avoided.",
    hints=["Two energies and a difference.", "The way there and the way back have different barriers."],
    wrong=[
        ("def barrier(energies):\n    return energies.max()", "not the climb"),
        ("def barrier(energies):\n    return energies.max() - energies.min()", "does not start at the lowest"),
        ("def barrier(energies):\n    return energies.max() - energies[-1]", "way back"),
        ("def barrier(energies):\n    return energies[0] - energies.max()", "how far it climbs"),
    ],
    setup=SETUP,
)


# --- q6 -------------------------------------------------------------------------------------------------------------

WAVENUMBER_UNIT = math.sqrt(1.602176634e-19 * 1e20 / 1.66053906892e-27) / (2 * math.pi * 2.99792458e10)  # cm⁻¹


def _judge_wavenumber(answer):
    wavenumber = function(answer, "wavenumber")
    ratios, curvature, mass = [], 35.9, 0.504
    for k, m in ((curvature, mass), (14.7, 2.86)):
        ratios.append(number(wavenumber(k, m), "wavenumber") / (WAVENUMBER_UNIT * math.sqrt(k / m)))
    if max(abs(ratio - 1) for ratio in ratios) < 2e-3:
        return None
    found = ratios[0] * WAVENUMBER_UNIT * math.sqrt(curvature / mass)
    factors = {
        2 * math.pi: "2π times too large: this is the angular frequency over c",
        math.sqrt(0.5): "√2 too small: k is the full second derivative, nothing is halved",
        math.sqrt(2): "√2 too large: k is the full second derivative, nothing is doubled",
        0.01: "a hundred times too small: per meter and per centimeter are mixed up",
        100: "a hundred times too large: per meter and per centimeter are mixed up",
    }
    start = f"For k = {curvature} eV/Å² and m = {mass} amu your wavenumber is {found:.4g} cm⁻¹"
    if abs(ratios[0] - ratios[1]) > 1e-3 * abs(ratios[0]):
        return f"{start}: it does not grow as √(k/m), is the root there, and k above m?"
    for factor, meaning in factors.items():
        if abs(ratios[0] / factor - 1) < 5e-3:
            return f"{start}: {meaning}."
    return f"{start}: {ratios[0]:.4g} times what it should be, check the units."


q6 = Question(
    verb="Derive",
    title="From a curvature to a line in the infrared",
    answer="wavenumber",
    expects="a function wavenumber(curvature, mass) in eV/Å² and amu that returns cm⁻¹",
    judge=_judge_wavenumber,
    stub=(
        "NEWTON_PER_METER = 16.02176634  # 1 eV/Å²\n"
        "KILOGRAM = 1.66053907e-27  # 1 amu\n"
        "LIGHT = 2.99792458e10  # speed of light in cm/s\n"
        "\n"
        "\n"
        "def wavenumber(curvature, mass):\n"
        "    return ..."
    ),
    right=(
        "NEWTON_PER_METER = 16.02176634  # 1 eV/Å²\n"
        "KILOGRAM = 1.66053907e-27  # 1 amu\n"
        "LIGHT = 2.99792458e10  # speed of light in cm/s\n"
        "\n"
        "\n"
        "def wavenumber(curvature, mass):\n"
        "    omega = np.sqrt(curvature * NEWTON_PER_METER / (mass * KILOGRAM))\n"
        "    return omega / (2 * np.pi * LIGHT)"
    ),
    because="ω = √(k/m) is an angular frequency, ω/2π the frequency, and divided by c it counts waves per centimeter.",
    hints=[
        "A mass on a spring: m d²x/dt² = −k x. What is its angular frequency?",
        "Frequency is ω/2π, and wavenumber is frequency over the speed of light.",
        "Convert first: `curvature * NEWTON_PER_METER` and `mass * KILOGRAM`.",
    ],
    wrong=[
        (
            "def wavenumber(curvature, mass):\n"
            "    return np.sqrt(curvature * 16.02176634 / (mass * 1.66053907e-27)) / 2.99792458e10",
            "angular frequency",
        ),
        (
            "def wavenumber(curvature, mass):\n"
            "    return curvature * 16.02176634 / (mass * 1.66053907e-27) / (2 * np.pi * 2.99792458e10)",
            "is the root there",
        ),
        (
            "def wavenumber(curvature, mass):\n"
            "    return np.sqrt(curvature / 2 * 16.02176634 / (mass * 1.66053907e-27)) / (2 * np.pi * 2.99792458e10)",
            "nothing is halved",
        ),
        (
            "def wavenumber(curvature, mass):\n"
            "    return np.sqrt(curvature * 16.02176634 / (mass * 1.66053907e-27)) / (2 * np.pi * 2.99792458e8)",
            "per meter and per centimeter",
        ),
        ("def wavenumber(curvature, mass):\n    return np.sqrt(curvature / mass) / (2 * np.pi)", "check the units"),
    ],
    setup=SETUP,
)
