"""Exercises of lesson 17: error bars of correlated frames, recipes of normal modes, hills, what rattling misses."""

import torch

from mininnip.exercises.makers import choice_question, function_question, number_question
from mininnip.exercises.prediction import predict

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5"]


def _series(seed: int, n: int) -> torch.Tensor:
    """A random walk with a drift back."""
    generator = torch.Generator().manual_seed(seed)
    noise, value, values = torch.randn(n, generator=generator, dtype=torch.float64), 0.0, []
    for step in noise:
        value = 0.9 * value + float(step)
        values.append(value)
    return torch.tensor(values, dtype=torch.float64)


q1 = function_question(
    "def block_error(values, n):\n"
    "    means = values.reshape(n, -1).mean(1)\n"
    "    return (((means - means.mean()) ** 2).sum() / (n - 1) / n) ** 0.5",
    points=[(_series(1, 60), 5), (_series(2, 60), 10), (_series(3, 48), 4)],
    what="error",
    note="values (N,), n blocks of equal length; N is divisible by n",
    title="An error bar from blocks",
    expects="returns the standard error of the mean of all values, from the means of n blocks",
    slips={
        "(n - 1) / n → (n - 1)": "that is how much one block's mean varies; the mean of n of them varies less: divide "
        "by √n",
        "/ (n - 1) / n → / n / n": "with n in place of n − 1 the spread of a few blocks comes out too small",
        ") ** 0.5 → )": "that is a variance: take the root",
        "values.reshape(n, -1).mean(1) → values.reshape(-1, n).mean(1)": "these are blocks of n values, not n blocks",
        "values.reshape(n, -1).mean(1) → values.reshape(-1, n).mean(0)": "neighbors in time went to different blocks: "
        "then all blocks see the same",
        "means = values.reshape(n, -1).mean(1) → means = values ; (n - 1) / n → (len(values) - 1) / len(values)": ""
        "this takes every frame for a new one, as if nothing were correlated",
        "(n - 1) / n → (n - 1) / len(values)": "there are n independent blocks, not N: divide by √n",
        "means = values.reshape(n, -1).mean(1) → means = values[: len(values) // n]": "take the mean of every block",
    },
    because="Blocks longer than the correlation time are independent; n of them have a mean that is √n times surer.",
    hints=["`values.reshape(n, -1)` has one block in each row.", "Standard deviation of the block means, over √n."],
)

q2 = function_question(
    "def displacement(c, n_atoms, kT, K):\n    return (3 * c * n_atoms * kT / (6.2415 * K)) ** 0.5",
    points=[(0.1, 9, 0.0259, 5.0), (0.5, 3, 0.05, 0.3), (0.02, 20, 0.0862, 8.0)],
    what="displacement",
    note="size of R in Å; kT in eV, K in mdyn/Å",
    title="Mind the unit",
    expects="returns |R| in Å",
    tolerance=1e-3,
    slips={
        "(6.2415 * K) → K": "K is in mdyn/Å: 1 mdyn/Å = 6.2415 eV/Å²",
        "(6.2415 * K) → K * 6.2415": "1 mdyn/Å = 6.2415 eV/Å²: K belongs below",
        "3 * c → c": "the 3 is missing: ½ K R² = (3/2) c N k_BT",
        "3 * c * n_atoms → 3 * c": "the number of atoms is missing",
        " ** 0.5 → ": "that is R²: take the root",
        "3 * c * n_atoms → 2 * c * n_atoms": "½ K R² = (3/2) c N k_BT, so R² = 3 c N k_BT / K",
        "6.2415 * K → 62.415 * K": "1 mdyn/Å = 100 N/m = 6.2415 eV/Å²",
        "3 * c * n_atoms → 9 * c * n_atoms": "N counts atoms, not coordinates: R² = 3 c N k_BT / K",
    },
    because="½ K R² = (3/2) c N k_BT, with K in eV/Å².",
    hints=["½ K R² = (3/2) c N k_BT.", "1 mdyn/Å = 6.2415 eV/Å²."],
)

q3 = number_question(
    "4",
    answer="n_atoms",
    what="number of atoms",
    verb="Derive",
    title="Where both recipes are equally hot",
    slips={
        "3": "there ANI's recipe has 2.25 k_BT, the canonical one 1.5: hotter",
        "5": "there ANI's recipe has 3.75 k_BT, the canonical one 4.5: colder already",
        "8": "¾ N = (3N − 6)/2: multiply both sides by 4",
        "2": "a linear molecule has 3N − 5 modes, and ½ k_BT is not 1.5",
    },
    because="¾ N = (3N − 6)/2 gives 3N = 6N − 12, N = 4: hotter below, colder above.",
    hints=["Mean energies in k_BT: ¾ N and N_f / 2.", "A bent molecule has N_f = 3N − 6 modes."],
)

q4 = function_question(
    "def hill_height(first, bias, kT, bias_factor):\n    return first * torch.exp(-bias / (kT * (bias_factor - 1)))",
    points=[
        (0.02, torch.tensor([0.0, 0.05, 0.2], dtype=torch.float64), 0.0259, 10.0),
        (0.03, torch.tensor([0.01, 0.1], dtype=torch.float64), 0.05, 5.0),
    ],
    what="height",
    note="V at the new hill in eV, k_BT in eV, γ",
    title="Well-tempered hills",
    expects="returns the height of the next hill",
    slips={
        "(bias_factor - 1) → bias_factor": "ΔT is (γ − 1) T, not γ T",
        "-bias / → bias /": "hills shrink where the bias is high already: exp(−V / k_BΔT)",
        " * (bias_factor - 1) → ": "that is the plain Boltzmann factor; the hills shrink with k_BΔT = (γ − 1) k_BT",
        "first * → ": "the height of the first hill is missing",
        "first * torch.exp(-bias / (kT * (bias_factor - 1))) → first + 0 * bias": "hills of equal "
        "height: the bias never comes to rest",
        "first * torch.exp(-bias / (kT * (bias_factor - 1))) → first / (1 + bias / kT)": "they shrink with an "
        "exponential: exp(−V / k_BΔT)",
        "/ (kT * (bias_factor - 1)) → * (bias_factor - 1) / kT": "γ − 1 multiplies k_BT: a large γ tempers less",
        "first * torch.exp → first - torch.exp": "the exponential multiplies the first height",
    },
    because="w = w₀ exp(−V / k_BΔT) with ΔT = (γ − 1) T.",
    hints=["γ = (T + ΔT) / T; what is ΔT?", "w₀ times exp(−V / k_BΔT)."],
)

q5 = choice_question(
    "torsions stay",
    answer="reason",
    title="What rattling misses",
    options={
        "too cold": "Its mean energy is that of the normal modes at 300 K.",
        "torsions stay": "A force constant a hundred times softer takes a hundredth of the energy: nearly all "
        "goes into bonds. What dynamics does all the time, large turns about soft bonds, is not in the data.",
        "correlated": "Every draw is independent: more so than any trajectory.",
        "bad labels": "They come from the same calculation as all others.",
    },
    hints=["Look at the energy in each mode.", "Where does dynamics spend its motion?"],
)
