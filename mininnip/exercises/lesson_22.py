"""Exercises of lesson 22: the spread of a committee, a conformal rank, ln Q without overflow, a lost gradient."""

import torch

from mininnip.exercises.makers import choice_question, function_question, number_question
from mininnip.exercises.prediction import predict

__all__ = ["predict", "q1", "q2", "q3", "q4"]

_FORCES = torch.tensor([0.3, -1.2, 0.7, 2.1, -0.4, 0.9, 1.6, -0.2, 0.5, -0.8, 1.1, 0.6], dtype=torch.float64)

q1 = function_question(
    "def spread(forces):\n"
    "    squared = ((forces - forces.mean(0)) ** 2).sum(0) / (len(forces) - 1)\n"
    "    return squared.sum(-1).mean() ** 0.5",
    points=[(_FORCES.reshape(2, 2, 3),), (_FORCES.flip(0).reshape(4, 1, 3),), ((3 * _FORCES).reshape(2, 2, 3),)],
    what="spread",
    title="σ_F of a committee",
    expects="takes the forces (M, N, 3) of M members on N atoms and returns the one number σ_F",
    slips={
        "(len(forces) - 1) → len(forces)": "divided by M; one of the M differences is not free, so by M − 1",
        "mean() ** 0.5 → mean()": "that is σ²: take the root at the end",
        "squared.sum(-1).mean() → squared.mean()": "the mean over components, a third of the squared length",
        "squared.sum(-1).mean() → squared.sum()": "the atoms are added up; σ_F² is their mean, or it grows with size",
        "forces - forces.mean(0) → forces - forces[0]": "differences are taken from the first member, not the mean",
        "((forces - forces.mean(0)) ** 2) → (forces**2)": "the mean force is still in it: subtract it first",
        "forces.mean(0) → forces.mean()": "one mean of all numbers; each atom and component has its own",
        " / (len(forces) - 1) → ": "the sum over members was never divided by M − 1",
    },
    because="Members first, axis 0: differences from their mean, squared, over M − 1. Then the length, then the atoms.",
    hints=["Axis 0 runs over members: mean, difference, square.", "Sum over x, y, z; mean over atoms; root."],
)

q2 = number_question(
    "18",
    answer="rank",
    what="rank",
    title="A conformal rank",
    slips={
        "17": "that is the 90 % quantile of the 19, rounded down; the promise needs ⌈(n + 1) · 0.9⌉",
        "19": "the largest of all: it promises 95 %, more than asked for",
        "20": "there are only 19 scores",
        "90": "that is the percentage; asked is which of the 19, counted from the smallest",
        "2": "counted from the largest; count from the smallest",
    },
    because="(19 + 1) · 0.9 = 18: the new score is equally likely to fall into each of the 20 gaps between 19 scores.",
    hints=["How many gaps do 19 numbers on a line make?", "⌈(n + 1) · coverage⌉."],
)

_ENERGIES = torch.tensor([-3.2, 1.4, 0.3, 7.0], dtype=torch.float64)

q3 = function_question(
    "def log_q(energies, kT):\n"
    "    lowest = energies.min()\n"
    "    return -lowest / kT + torch.exp(-(energies - lowest) / kT).sum().log()",
    points=[(_ENERGIES, 5.0), (_ENERGIES[:3], 0.7), (_ENERGIES - 4000.0, 2.0), (_ENERGIES + 4000.0, 2.0)],
    what="ln Q",
    title="ln Q that does not overflow",
    expects="takes energies (D,) and kT and returns ln Σ exp(−E/kT), also for energies of thousands of kT",
    slips={
        "return torch.exp(-energies / kT).sum().log()": "exp of thousands is infinite or 0: take the lowest energy out "
        "first",
        "-lowest / kT + → lowest / kT + ": "the energy that was taken out comes back with the wrong sign",
        "-lowest / kT + → ": "the lowest energy was taken out and never put back",
        ".sum().log() → .mean().log()": "the mean over the data, as in the released code; Q is a sum (no way changes)",
        "-(energies - lowest) / kT → -(energies - lowest)": "kT is missing in the exponent",
        "-(energies - lowest) / kT → (energies - lowest) / kT": "low energies must count most: exp(−E/kT)",
        "-lowest / kT + → -lowest + ": "what is put back is an energy; divide it by kT",
        "return -energies.min() / kT": "only the lowest energy counts in yours",
    },
    because="Q = exp(−E₀/kT) Σ exp(−(E − E₀)/kT): no exponent is positive, and the lowest energy gives a 1.",
    hints=["What is the largest exponent, if E₀ is the lowest energy?", "ln(e^a Σ …) = a + ln Σ …"],
)

q4 = choice_question(
    "the energy",
    answer="climbs",
    title="A gradient lost",
    options={
        "the energy": "Forces without `create_graph` are constants: the gradient of σ_F² is gone, −Ē/kT alone is left, "
        "and the attack rolls downhill in the energy. Nothing fails, the path looks smooth.",
        "the uncertainty": "σ_F² is made of forces, which are derivatives; without their graph it has no gradient.",
        "nothing": "p still depends on the positions through the energy, so something moves.",
        "noise": "nothing is random after the first displacement.",
    },
    hints=["Which of the two factors of p σ_F² needs a derivative of a derivative?", "What is left of ln p + ln σ_F²?"],
)
