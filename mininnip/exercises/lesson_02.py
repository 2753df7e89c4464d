"""Exercises of lesson 02, pair potentials: Lennard-Jones, its force, sums over pairs, limits."""

import numpy as np
import torch

from mininnip.classical.pair import lennard_jones, morse
from mininnip.exercises.engine import Question, Slip, agree, array, choice, close, function, number
from mininnip.exercises.prediction import predict  # noqa: F401  (ex.predict)

SETUP = """
import numpy as np
import torch
import mininnip as mn
"""


# --- q1 -------------------------------------------------------------------------------------------------------------

SIGMA = 3.40  # Å


def _judge_rest(answer):
    r = number(answer, "distance")
    slips = {
        SIGMA: "That is σ: there V = 0, but the slope is steep. The question is where the slope is zero",
        SIGMA / 2 ** (1 / 6): "You divided by 2^(1/6); which is longer, σ or r_m",
        SIGMA * 2 ** (1 / 6) / 10: "That looks like nanometers; the course uses Å",
        SIGMA * 2: "2 is not 2^(1/6): which power of r comes out when you set 12 (σ/r)¹² equal to 6 (σ/r)⁶",
        SIGMA * 2 ** (1 / 3): "2^(1/3) is the square of the right factor: (σ/r)⁶ = ½, so r is the sixth root",
    }
    for value, sentence in slips.items():
        if abs(r - value) < 0.004 * value:
            return sentence + ("?" if "which" in sentence else ".")
    return close(r, SIGMA * 2 ** (1 / 6), "distance", 0.005, "Å")


q1 = Question(
    verb="Predict",
    title="Where two atoms rest",
    answer="r_rest",
    expects="a distance in Å to three digits, a number",
    judge=_judge_rest,
    stub="r_rest = ...  # in Å",
    right="r_rest = 2 ** (1 / 6) * 3.40",
    because="The force is zero at the minimum r_m = 2^(1/6) σ = 3.816 Å; at σ = 3.40 Å only the energy is zero.",
    hints=["At rest the force is zero: where is the slope of V zero?", "Set 12 (σ/r)¹² = 6 (σ/r)⁶ and solve for r."],
    wrong=[
        ("r_rest = 3.40", "That is σ"),
        ("r_rest = 3.40 / 2 ** (1 / 6)", "divided"),
        ("r_rest = 0.3816", "nanometers"),
        ("r_rest = 6.8", "2^(1/6)"),
        ("r_rest = 4.284", "sixth root"),
        ("r_rest = 5.0", "too high"),
    ],
    setup=SETUP,
)


# --- q2 -------------------------------------------------------------------------------------------------------------

POINTS = [(r, epsilon, sigma) for r in (3.2, 3.7, 4.5, 6.0) for epsilon, sigma in ((0.01, 3.4), (0.02, 3.1))]


def _lj_force(r, epsilon, sigma):
    x = (sigma / r) ** 6
    return 24 * epsilon * (2 * x * x - x) / r


def _judge_force(answer):
    force = function(answer, "force")
    expected, found, energy, rm_form, no_powers = [], [], [], [], []
    for r, epsilon, sigma in POINTS:
        x = (sigma / r) ** 6
        at = torch.tensor(r, dtype=torch.float64)
        found.append(float(array(force(at, epsilon, sigma), (), "force")))
        expected.append(_lj_force(r, epsilon, sigma))
        energy.append(4 * epsilon * (x * x - x))
        rm_form.append(12 * epsilon * (x * x - x) / r)
        no_powers.append(4 * epsilon * (x * x - x) / r)
    known = (
        (energy, "That is the energy V(r) itself; the force is minus its slope."),
        (rm_form, "That is the force of the other form, ε[(r_m/r)¹² − 2(r_m/r)⁶], with σ put where r_m belongs."),
        (no_powers, "The exponents 12 and 6 come down as factors when you differentiate; yours are missing."),
    )
    for values, sentence in known:
        if np.allclose(found, values, rtol=1e-6):
            return sentence
    return agree(found, expected, "force", points=POINTS)


q2 = Question(
    verb="Derive",
    title="The force of Lennard-Jones",
    answer="lj_force",
    expects="a function lj_force(r, epsilon, sigma) that returns F = −dV/dr, without autograd",
    judge=_judge_force,
    stub="def lj_force(r, epsilon, sigma):\n    return ...",
    right=("def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 24 * epsilon * (2 * x**2 - x) / r"),
    because="F = −dV/dr = 24 ε [2(σ/r)¹² − (σ/r)⁶] / r: positive (apart) inside r_m, negative (together) outside.",
    hints=[
        "d/dr of (σ/r)ⁿ is −n (σ/r)ⁿ / r.",
        "Two atoms that are too close must be pushed apart: which sign has F at r < r_m?",
        "Collect: 4 ε [12 (σ/r)¹² − 6 (σ/r)⁶] / r.",
    ],
    wrong=[
        (
            "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return -24 * epsilon * (2 * x**2 - x) / r",
            "the sign is wrong",
        ),
        (
            "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 12 * epsilon * (x**2 - x) / r",
            "with σ put where r_m belongs",
        ),
        (
            "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 4 * epsilon * (x**2 - x) / r",
            "come down as factors",
        ),
        (
            "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 4 * epsilon * (x**2 - x)",
            "energy V(r) itself",
        ),
        (
            "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 48 * epsilon * (2 * x**2 - x) / r",
            "twice what it should be",
        ),
    ],
    setup=SETUP,
)


# --- q3 -------------------------------------------------------------------------------------------------------------

WELLS = [(4.7, 2.0), (9.4, 2.9), (0.0104, 1.6)]


def _judge_spring(answer):
    spring = function(answer, "stiffness")
    found = [float(array(spring(depth, steepness), (), "stiffness")) for depth, steepness in WELLS]
    expected = [depth * steepness**2 for depth, steepness in WELLS]
    slips = (
        (
            [2 * value for value in expected],
            "Yours is twice that: the slide's spring has no ½, so its curvature is 2A.",
        ),
        ([value / 2 for value in expected], "Yours is half of that: set the curvatures 2A and 2Da² equal."),
        ([-value for value in expected], "Yours is negative: at a minimum the curvature is positive."),
        ([depth * steepness for depth, steepness in WELLS], "D a has the unit eV/Å, a force; a stiffness is in eV/Å²."),
    )
    for values, sentence in slips:
        if np.allclose(found, values, rtol=1e-6):
            return sentence
    return agree(found, expected, "stiffness", points=WELLS)


q3 = Question(
    verb="Derive",
    title="The spring in a Morse well",
    answer="spring",
    expects="a function spring(depth, steepness) that returns A of the slide's A (r − r_eq)²",
    judge=_judge_spring,
    stub="def spring(depth, steepness):\n    return ...",
    right="def spring(depth, steepness):\n    return depth * steepness**2",
    because="For small x = r − r_eq, D (1 − e^(−a x))² ≈ D a² x², so A = D a². With ½ k x² it would be k = 2 D a².",
    hints=["Expand e^(−a x) ≈ 1 − a x.", "The slide writes A x², not ½ k x²."],
    wrong=[
        ("def spring(depth, steepness):\n    return 2 * depth * steepness**2", "has no ½"),
        ("def spring(depth, steepness):\n    return depth * steepness**2 / 2", "half of that"),
        ("def spring(depth, steepness):\n    return depth * steepness", "eV/Å, a force"),
        ("def spring(depth, steepness):\n    return -depth * steepness**2", "negative"),
    ],
    setup=SETUP,
)


# --- q4 -------------------------------------------------------------------------------------------------------------


def _judge_reason(answer):
    return {
        "form": None,
        "optimizer": "The optimizer did find the minimum: other starts end there too, and no slider comes below it.",
        "points": "More points of this curve would be missed in the same way: the residual is smooth, not scattered.",
        "noise": "Noise scatters from point to point; this residual is one long wave, and the energies are converged.",
    }[choice(answer, ["optimizer", "points", "noise", "form"])]


q4 = Question(
    verb="Explain",
    title="The wave in the residual",
    answer="reason",
    expects='one of "optimizer", "points", "noise", "form"',
    judge=_judge_reason,
    stub='reason = ...  # "optimizer", "points", "noise" or "form"',
    right='reason = "form"',
    because="A smooth wave that every fit leaves is the mark of a wrong functional form: no parameter removes it.",
    hints=["Does the residual scatter, or does it wave?", "Start the fit elsewhere: does the RMSE change?"],
    wrong=[
        ('reason = "optimizer"', "did find the minimum"),
        ('reason = "points"', "smooth, not scattered"),
        ('reason = "noise"', "one long wave"),
        ("reason = 3", "as text in quotes"),
    ],
    setup=SETUP,
)


# --- q5 -------------------------------------------------------------------------------------------------------------


def _cluster(n, spacing):
    """The first n sites of a slightly shaken cubic grid (n, 3): no two atoms close to each other."""
    grid = torch.stack(torch.meshgrid(*3 * [torch.arange(3.0)], indexing="ij"), dim=-1).reshape(-1, 3)[:n]
    return spacing * (grid + 0.1 * torch.sin(7.0 * grid.flip(1) + grid)).double()


LAWS = (
    ("Lennard-Jones", lambda r: lennard_jones(r, 1.0, 1.0), 1.15),
    ("Morse", lambda r: morse(r, 9.0, 2.0, 1.1), 1.3),
)


def _judge_sum(answer):
    total = function(answer, "energy")
    for name, law, spacing in LAWS:
        for n in (3, 4, 9):
            positions = _cluster(n, spacing)
            pairs = law(torch.pdist(positions))
            value = total(positions.clone(), law)
            if isinstance(value, torch.Tensor) and value.numel() == 1 and not bool(value.isfinite().all()):
                raise Slip(
                    f"Your energy of {n} atoms is {value.item()}: does the sum hold an atom with itself, where r = 0?"
                )
            found = float(array(value, (), "energy"))
            if abs(found - pairs.sum().item() / n) < 1e-9:
                return "Your energy is the true one divided by the number of atoms: a total is asked for, not a mean."
            slip = agree([found], [pairs.sum().item()], f"energy of {n} atoms ({name})")
            if slip is not None:
                return slip
    return None


q5 = Question(
    verb="Code",
    title="From pairs to many",
    answer="total_energy",
    expects="a function total_energy(positions, law) for positions (N, 3) that returns one energy",
    judge=_judge_sum,
    stub="def total_energy(positions, law):\n    return ...",
    right=(
        "def total_energy(positions, law):\n"
        "    i, j = torch.triu_indices(len(positions), len(positions), offset=1)\n"
        "    return law((positions[i] - positions[j]).norm(dim=1)).sum()"
    ),
    because="Each pair once (i < j) is the same as ½ Σ over i ≠ j. Three atoms have three pairs, N atoms N(N−1)/2.",
    hints=[
        "`torch.triu_indices(n, n, offset=1)` lists each pair i < j once.",
        "With `torch.cdist` you get all N² distances: leave out the zeros on the diagonal, and halve.",
    ],
    wrong=[
        (
            "def total_energy(positions, law):\n"
            "    r = torch.cdist(positions, positions)\n"
            "    return law(r[r > 0]).sum()",
            "twice what it should be",
        ),
        (
            "def total_energy(positions, law):\n    return 0.5 * law(torch.cdist(positions, positions)).sum()",
            "an atom with itself",
        ),
        (
            "def total_energy(positions, law):\n    return 0.5 * law(torch.pdist(positions)).sum()",
            "half of what it should be",
        ),
        (
            "def total_energy(positions, law):\n    return law(torch.pdist(positions)).sum() / len(positions)",
            "not a mean",
        ),
        (
            "def total_energy(positions, law):\n    return law((positions[1:] - positions[:-1]).norm(dim=1)).sum()",
            "energy of 3 atoms",
        ),
    ],
    setup=SETUP,
)


# --- q6 -------------------------------------------------------------------------------------------------------------

N2_WELL = {"depth": 9.4, "steepness": 2.9, "r_eq": 1.09}  # close to the fit of the lesson; eV, 1/Å, Å


def _judge_clump(answer):
    positions = torch.tensor(array(answer, (8, 3), "positions"))
    r = torch.pdist(positions)
    molecules = -4 * N2_WELL["depth"]
    if r.min() < 0.3:
        return (
            f"Two of your atoms are {r.min():.2f} Å apart, deep inside the wall; nm instead of Å, or one place twice?"
        )
    energy = morse(r, **N2_WELL).sum().item()
    if energy > molecules - 10:
        bonds = int((r < 1.6).sum())
        what = f"Your eight atoms have {energy:.1f} eV, four separate molecules {molecules:.1f} eV"
        if bonds <= 4:
            return f"{what}: only {bonds} pairs are within 1.6 Å, but a pair law pays for every close pair."
        return f"{what}; the clump must be at least 10 eV lower: are many pairs near 1.1 Å, and none much nearer?"
    return None


q6 = Question(
    verb="Break",
    title="Eight nitrogen atoms",
    answer="clump",
    expects="positions (8, 3) in Å, at least 10 eV below four separate N₂ molecules by the Morse law",
    judge=_judge_clump,
    stub="clump = ...  # positions (8, 3) in Å",
    right="clump = 1.2 * np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])",
    because=(
        "A cube has 12 edges of bond length, four molecules have 4 bonds: the pair law prefers clumps. Nitrogen does "
        "not; a bond must know which other bonds its atoms have."
    ),
    hints=[
        "Count bonds: which arrangement of eight points has more than four pairs at one distance?",
        "The corners of a cube have twelve edges; make them 1.2 Å long.",
    ],
    wrong=[
        ("clump = np.array([[10.0 * k, 0, 1.09 * s] for k in range(4) for s in (0, 1)])", "every close pair"),
        ("clump = 0.12 * np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])", "nm instead of Å"),
        ("clump = np.zeros((8, 3))", "one place twice"),
        ("clump = 0.5 * np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])", "none much nearer"),
        ("clump = np.ones((4, 3))", "(8, 3) is expected"),
    ],
    setup=SETUP,
)
