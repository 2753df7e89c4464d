"""Exercises of lesson 02, pair potentials: Lennard-Jones, its force, sums over pairs, limits."""

import torch

from mininnip.classical.pair import lennard_jones, morse
from mininnip.exercises.engine import Question
from mininnip.exercises.makers import any_form, choice_question, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.reading import array

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5", "q6"]

q1 = number_question(
    "2 ** (1 / 6) * 3.40",
    answer="r_rest",
    what="distance",
    unit="Å",
    note="in Å",
    tolerance=0.0015,
    title="Where two atoms rest",
    slips={
        "3.40": "that is σ: there V = 0, but the slope is steep, and the question is where the slope is zero",
        "3.40 / 2 ** (1 / 6)": "you divided by 2^(1/6); which is longer, σ or r_m?",
        "0.3816": "that looks like nanometers; the course uses Å",
        "3.40 * 2": "2 is not 2^(1/6): which power of r comes out when you set 12 (σ/r)¹² equal to 6 (σ/r)⁶?",
        "3.40 * 2 ** (1 / 3)": "2^(1/3) is the square of the right factor: (σ/r)⁶ = ½, so r is the sixth root",
    },
    because="The force is zero at the minimum r_m = 2^(1/6) σ = 3.816 Å; at σ = 3.40 Å only the energy is zero.",
    hints=["At rest the force is zero: where is the slope of V zero?", "Set 12 (σ/r)¹² = 6 (σ/r)⁶ and solve for r."],
)

_DISTANCES = torch.tensor([3.2, 3.7, 4.5, 6.0], dtype=torch.float64)

q2 = function_question(
    "def lj_force(r, epsilon, sigma):\n    x = (sigma / r) ** 6\n    return 24 * epsilon * (2 * x**2 - x) / r",
    points=[(r, epsilon, sigma) for r in _DISTANCES for epsilon, sigma in ((0.01, 3.4), (0.02, 3.1))],
    what="force",
    by_hand=True,
    verb="Derive",
    title="The force of Lennard-Jones",
    expects="returns F = −dV/dr, without autograd",
    slips={
        "return 24 → return -24": "the sign is wrong, for at r < r_m atoms are pushed apart, a positive force",
        "24 → 4 ; 2 * x**2 → x**2 ; / r → ": "that is the energy V(r) itself; the force is minus its slope",
        "24 → 12 ; 2 * x**2 → x**2": "that is the force of the other form, ε[(r_m/r)¹² − 2(r_m/r)⁶], with σ put where "
        "r_m belongs",
        "24 → 4 ; 2 * x**2 → x**2 ": "the exponents 12 and 6 come down as factors when you differentiate; yours are "
        "missing",
        "2 * x**2 → x**2": "both terms got the factor 6; the exponent of the first is 12",
        " / r → ": "each term carries one more 1/r than in the energy",
    },
    because="F = −dV/dr = 24 ε [2(σ/r)¹² − (σ/r)⁶] / r: positive (apart) inside r_m, negative (together) outside.",
    hints=[
        "d/dr of (σ/r)ⁿ is −n (σ/r)ⁿ / r.",
        "Two atoms that are too close must be pushed apart: which sign has F at r < r_m?",
        "Collect: 4 ε [12 (σ/r)¹² − 6 (σ/r)⁶] / r.",
    ],
)

q3 = function_question(
    "def spring(depth, steepness):\n    return depth * steepness**2",
    points=[(4.7, 2.0), (9.4, 2.9), (0.0104, 1.6)],
    what="stiffness",
    verb="Derive",
    title="The spring in a Morse well",
    expects="returns A of the slide's A (r − r_eq)²",
    slips={
        "depth * → 2 * depth *": "that is the curvature V″ = 2 D a², the k of ½ k x²; the slide's spring has no ½, so "
        "its curvature is 2A",
        "steepness**2 → steepness**2 / 2": "set the curvatures 2A and 2 D a² equal: no ½ is left",
        "depth * → -depth *": "a stiffness is positive, at a minimum the curve bends upward",
        "steepness**2 → steepness": "D a has the unit eV/Å, a force; a stiffness is in eV/Å²",
    },
    because="For small x = r − r_eq, D (1 − e^(−a x))² ≈ D a² x², so A = D a². With ½ k x² it would be k = 2 D a².",
    hints=["Expand e^(−a x) ≈ 1 − a x.", "The slide writes A x², not ½ k x²."],
)

q4 = choice_question(
    "form",
    answer="reason",
    title="The wave in the residual",
    options={
        "optimizer": "The optimizer did find the minimum: other starts end there too, and no slider comes below it.",
        "points": "More points of this curve would be missed in the same way: the residual is smooth, not scattered.",
        "noise": "Noise scatters from point to point; this residual is one long wave, and the energies are converged.",
        "form": "A smooth wave that every fit leaves is the mark of a wrong functional form: no parameter removes it.",
    },
    hints=["Does the residual scatter, or does it wave?", "Start the fit elsewhere: does the RMSE change?"],
)


def _cluster(n: int, spacing: float) -> torch.Tensor:
    """The first n sites of a slightly shaken cubic grid (n, 3): no two atoms close to each other."""
    grid = torch.stack(torch.meshgrid(*3 * [torch.arange(3.0)], indexing="ij"), dim=-1).reshape(-1, 3)[:n]
    return spacing * (grid + 0.1 * torch.sin(7.0 * grid.flip(1) + grid)).double()


_LAWS = ((lambda r: lennard_jones(r, 1.0, 1.0), 1.15), (lambda r: morse(r, 9.0, 2.0, 1.1), 1.3))

q5 = function_question(
    "def total_energy(positions, law):\n"
    "    i, j = torch.triu_indices(len(positions), len(positions), offset=1)\n"
    "    return law((positions[i] - positions[j]).norm(dim=1)).sum()",
    points=[(_cluster(n, spacing), any_form(law)) for law, spacing in _LAWS for n in (2, 4, 5, 9)],
    what="energy",
    title="From pairs to many",
    expects="takes positions (N, 3) and returns one energy",
    slips={
        "return 2 * law(torch.pdist(positions)).sum()": "every pair counts twice, as (i, j) and as (j, i)",
        "return law(torch.cdist(positions, positions)).sum()": "does it hold an atom with itself, where r = 0?",
        "return law(torch.cdist(positions, positions)).sum() / 2": "does it hold an atom with itself, where r = 0?",
        "return law(torch.pdist(positions)).sum() / 2": "half of what it should be; each pair stands in it once, so "
        "there is nothing to halve",
        "return law(torch.pdist(positions)).mean()": "that is the mean over the pairs, a total is asked for",
        "return law(torch.pdist(positions)).sum() / len(positions)": "that is the energy per atom, not the total",
        "return law((positions[1:] - positions[:-1]).norm(dim=1)).sum()": "each atom meets only the next one",
    },
    because="Each pair once (i < j) is the same as ½ Σ over i ≠ j. Three atoms have three pairs, N atoms N(N−1)/2.",
    hints=[
        "`torch.triu_indices(n, n, offset=1)` lists each pair i < j once.",
        "With `torch.cdist` you get all N² distances: leave out the zeros on the diagonal, and halve.",
    ],
)

_N2 = {"depth": 9.4, "steepness": 2.9, "r_eq": 1.09}  # close to the fit of the lesson; eV, 1/Å, Å


def _judge_clump(answer):
    r = torch.pdist(torch.tensor(array(answer, (8, 3), "positions")))
    if r.min() < 0.3:
        return f"Two of your atoms are {r.min():.2f} Å apart, deep in the wall; nm instead of Å, or one place twice?"
    energy, molecules, bonds = morse(r, **_N2).sum().item(), -4 * _N2["depth"], int((r < 1.6).sum())
    what = f"Your eight atoms have {energy:.1f} eV, four separate molecules {molecules:.1f} eV"
    if energy <= molecules - 10:
        return None
    if bonds <= 4:
        return f"{what}: only {bonds} pairs are within 1.6 Å, but a pair law pays for every close pair."
    return f"{what}; the clump must be at least 10 eV lower: are many pairs near 1.1 Å, and none much nearer?"


_CUBE = "np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])"

q6 = Question(
    verb="Break",
    title="Eight nitrogen atoms",
    answer="clump",
    expects="positions (8, 3) in Å, at least 10 eV below four separate N₂ molecules by the Morse law",
    judge=_judge_clump,
    stub="clump = ...  # positions (8, 3) in Å",
    right=f"clump = 1.2 * {_CUBE}",
    because="A cube has 12 edges of bond length, four molecules have 4 bonds: the pair law prefers clumps. Nitrogen "
    "does not; a bond must know which other bonds its atoms have.",
    hints=["Which arrangement has more than four pairs at one distance?", "A cube has twelve edges; make them 1.2 Å."],
    wrong=[
        ("clump = np.array([[10.0 * k, 0, 1.09 * s] for k in range(4) for s in (0, 1)])", "every close pair"),
        (f"clump = 0.12 * {_CUBE}", "nm instead of Å"),
        (f"clump = 0.5 * {_CUBE}", "none much nearer"),
    ],
)
