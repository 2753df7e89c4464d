"""Exercises of lesson 13: envelopes, continuous filters, what forces teach, and vibrations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mininnip.exercises.makers import choice_question, code_question, function_question, number_question
from mininnip.exercises.prediction import predict
from mininnip.exercises.reading import array

__all__ = ["predict", "q1", "q2", "q3", "q4", "q5"]


def _judge_envelope(envelope: Callable[..., Any]) -> str | None:
    """Continuous at the cutoff, with a slope that is neither zero nor without end."""
    for r_c in (5.0, 3.0):

        def weight(r: float, r_c: float = r_c) -> float:
            return float(array(envelope(np.array(r), r_c), (), "weight"))

        for r in (1.001 * r_c, 1.4 * r_c):
            if abs(weight(r)) > 1e-9:
                return (
                    f"Your weight is {weight(r):.3g} at r = {r:.4g} Å, beyond r_c = {r_c:g} Å: a neighbor that has "
                    "left must not count."
                )
        end, near, nearer = weight((1 - 1e-9) * r_c), weight((1 - 1e-5) * r_c), weight((1 - 1e-7) * r_c)
        if abs(end) > 1e-3:
            return f"Your weight is {end:.3g} just inside r_c = {r_c:g} Å and 0 beyond: the energy itself jumps."
        if abs(weight(0.5 * r_c)) < 1e-9 or abs(weight(0.7 * r_c)) < 1e-9:
            return f"Your weight is 0 in the middle, at half or 0.7 of r_c = {r_c:g} Å: such a neighbor is not felt."
        slope, closer = ((end - value) / (part * r_c) for value, part in ((near, 1e-5), (nearer, 1e-7)))
        if abs(slope) < 1e-3:
            return (
                f"Your weight arrives at r_c = {r_c:g} Å with slope {slope:.1g} 1/Å, as the cosine does: the force is "
                "continuous; let it arrive at an angle."
            )
        if abs(closer) > 3 * abs(slope):
            return f"The slope of your weight grows without end toward r_c = {r_c:g} Å: the force becomes infinite."
    return None


q1 = code_question(
    _judge_envelope,
    "def envelope(r, r_c):\n    return torch.clamp(1 - torch.as_tensor(r) / r_c, min=0)",
    what="weight",
    note="weight of a neighbor at r (Å); torch or numpy",
    verb="Break",
    title="Continuous is not enough",
    expects="returns the weight of a neighbor at distance r for a cutoff r_c",
    wrong=[
        ("return mn.cosine_cutoff(torch.as_tensor(r), r_c)", "as the cosine does"),
        ("return 1 - torch.as_tensor(r) / r_c", "must not count"),
        ("return (torch.as_tensor(r) < r_c) * 1.0", "the energy itself jumps"),
        ("return 0.0 * torch.as_tensor(r)", "0 in the middle"),
        ("return torch.clamp(1 - torch.as_tensor(r) / r_c, min=0) ** 2", "let it arrive at an angle"),
        ("return torch.clamp(1 - torch.as_tensor(r) / r_c, min=0) ** 0.5", "without end"),
        ("return torch.clamp(1 - torch.as_tensor(r) / 5.0, min=0)", "beyond r_c = 3 Å"),
        ("return torch.exp(-torch.as_tensor(r))", "must not count"),
    ],
    because="1 − r/r_c is zero at r_c, so the energy is continuous; its slope −1/r_c is cut to 0 there, so each "
    "crossing changes the force at once. In a trajectory that is an error of the integrator, smaller than a jump.",
    hints=["Which line leads from 1 at r = 0 to 0 at r_c?", "Beyond r_c the weight must be 0: clamp it, or `where`."],
)


def _messages(n_atoms: int, n_edges: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Features (N, 3), filters (E, 3), centers and neighbors (E,) of a random graph with an atom that hears nobody."""
    generator = torch.Generator().manual_seed(seed)
    x, filters = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (n_atoms, n_edges))
    i, j = (torch.randint(0, n_atoms - 1, (n_edges,), generator=generator) for _ in range(2))
    return x, filters, i, j


q2 = function_question(
    "def convolve(x, filters, i, j):\n"
    "    heard = torch.zeros_like(x)\n"
    "    return heard.index_add(0, i, x[j] * filters)",
    points=[_messages(4, 6, 0), _messages(5, 14, 1), _messages(3, 9, 2)],
    what="feature",
    note="(N, F) from x (N, F), filters (E, F), centers i and neighbors j (E,)",
    title="A continuous-filter convolution",
    expects="adds up what every atom hears from its neighbors, (N, F)",
    slips={
        "x[j] * → x[i] *": "each atom hears itself: take the features of the neighbor j",
        "(0, i, x[j] → (0, j, x[i]": "the messages run the wrong way: i hears, j speaks",
        "(0, i, → (0, j,": "what j says is added to j itself: sum at the center i",
        "x[j] * filters → x[j]": "the filter is missing",
        "x[j] * filters → filters": "the neighbor's features are missing",
        "x[j] * filters → x[j] + filters": "the filter multiplies the features, it is not added",
        "heard = torch.zeros_like(x) → heard = x.clone()": "x itself is added; that comes after the layers behind",
        "heard.index_add(0, i, x[j] * filters) → heard.index_put((i,), x[j] * filters)": "where several neighbors "
        "speak to one atom, the last one overwrites the others: add them up",
        "heard.index_add(0, i, x[j] * filters) → heard.index_add(0, i, x[j] * filters) "
        "/ torch.bincount(i, minlength=len(x))[:, None].clamp(min=1)": "that is the mean over neighbors; the energy "
        "would jump when one joins. Take the sum",
    },
    because="Each edge carries x_j ∘ W(r_ij) to its center i, where all are added; an atom without neighbors hears 0.",
    hints=["`x[j]` are the features of the neighbors, one row per edge.", "`index_add` adds rows to the rows named."],
)

q3 = number_question(
    "1 + 3 * 9",
    answer="n_labels",
    what="count",
    title="What one frame teaches",
    slips={
        "27": "the energy is a label as well",
        "1": "that is the energy alone; every force component is a number, too",
        "10": "a force is a vector: three numbers for each of the nine atoms",
        "9": "a force is a vector, and the energy counts as well",
        "21": "that is 3N − 6, the vibrations; all 3N components are labels, though six combinations of them are zero",
        "22": "1 + (3N − 6) independent ones; asked is how many numbers a frame brings, 3N components and the energy",
    },
    because="Ethanol has nine atoms: 27 force components and one energy. Six combinations of forces vanish, since a "
    "molecule neither pushes nor turns itself: 22 of the 28 are independent.",
    hints=["Count the atoms of C₂H₅OH.", "Three components for each atom, and the energy."],
)

q4 = choice_question(
    "slopes between points",
    answer="reason",
    title="Energies alone, no forces",
    options={
        "noise": "The labels are the same calculation, good to some meV/Å; the network with forces learns them.",
        "slopes between points": "Energies fix the height of a surface in 27 dimensions at 200 points; nothing fixes "
        "its slope across the directions in which the data do not lie. Forces do.",
        "too few weights": "The same network, with the same weights, learns the forces once it sees them.",
        "wrong sign": "Then they would be wrong by twice their size, also after training on forces.",
    },
    hints=["How many directions are there, and how many of them do two points compare?", "Compare with q3."],
)

q5 = number_question(
    "1e15 / (2.99792458e10 * 3700)",
    answer="period",
    what="period",
    unit="fs",
    note="fs",
    verb="Derive",
    title="One swing of O–H",
    slips={
        "1e15 / (2.99792458e10 * 3700) / (2 * np.pi)": "that is 1/ω; a full swing takes 2π of it",
        "1e15 / (2.99792458e8 * 3700)": "wavenumbers are per centimeter: take the speed of light in cm/s",
        "3700 / 2.99792458e10 * 1e15": "the frequency is c times the wavenumber, and the period is its inverse",
        "1e12 / (2.99792458e10 * 3700)": "that is in ps; asked are fs",
        "2.99792458e10 * 3700 / 1e12": "that is the frequency in THz; the period is its inverse",
        "1e7 / 3700": "that is the wavelength of the light in nm",
    },
    because="ν = c ν̃ = 3·10¹⁰ cm/s · 3700 cm⁻¹ = 1.1·10¹⁴ Hz, so 9.0 fs. A time step of 0.5 fs takes 18 steps "
    "per swing, and frames every 3 fs still see it: that is why the spectrum is made from frames 3 fs apart.",
    hints=["Frequency = speed of light × wavenumber.", "c = 3·10¹⁰ cm/s, and 1 s = 10¹⁵ fs."],
)
