"""The picture of the README, from lesson 02: fits to a real curve, the argon they make, and its radial distribution.

python course/figures/readme.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from ase import units
from ase.build import bulk
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from ase.visualize.plot import plot_atoms

import mininnip as mn
from mininnip.classical import PairPotential, fit_law, lennard_jones, morse


def simulate(fit, temperature: float, n_steps: int) -> list:
    """Frames of 256 atoms that begin as a crystal of roomy volume, every 20 steps."""
    atoms = bulk("Ar", "fcc", a=5.67, cubic=True) * (4, 4, 4)
    model = PairPotential(lennard_jones, 8.5, "switched", **fit.parameters)
    atoms.calc = mn.Calculator(mn.Potential(model))
    rng, frames = np.random.default_rng(0), []
    thermalize_momenta(atoms, temperature, rng=rng)
    bath = {
        "temperature_K": temperature,
        "friction": 0.004 / units.fs,
        "fixcm": False,
        "rng": rng,
    }
    dynamics = Langevin(atoms, 8 * units.fs, **bath)
    for _ in range(n_steps // 20):
        dynamics.run(20)
        frames.append(atoms.copy())
    return frames


def main() -> None:
    """Compute and draw; about half a minute."""
    mn.style()
    r, energy = mn.load_data("dimers").curve("Ar2", "ccsd_t_tq_extrapolated")
    depth = -energy.min().item()
    kept = energy <= depth
    starts = {
        lennard_jones: {"epsilon": depth, "sigma": 3.4},
        morse: {"depth": depth, "steepness": 1.6, "r_eq": 3.8},
    }
    fits = {
        law: fit_law(law, r[kept], energy[kept], start) for law, start in starts.items()
    }
    cold, hot = (
        simulate(fits[lennard_jones], 40, 400),
        simulate(fits[lennard_jones], 150, 2000),
    )

    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(10, 3.1), width_ratios=[5, 3, 5]
    )
    left.plot(r, 1000 * energy, "o", markersize=5, label="ab initio, Ar₂")
    fine = torch.linspace(3.2, 8, 300, dtype=r.dtype)
    names = {"Lennard-Jones fit": lennard_jones, "Morse fit": morse}
    mn.plotting.energy_curve(
        left,
        fine,
        {name: 1000 * fits[law](fine) for name, law in names.items()},
        per="meV",
    )
    left.set(xlim=(3, 8), ylim=(-13, 6), title="fit a pair …")
    last = hot[-1]
    last.wrap()
    plot_atoms(
        last,
        middle,
        radii=0.9,
        rotation="-75x,15y",
        show_unit_cell=0,
        colors=["#56B4E9"] * len(last),
    )
    middle.set_axis_off()
    middle.set_title("… simulate …")
    g = {
        name: mn.analysis.radial_distribution(frames[len(frames) // 2 :], cutoff=10.0)
        for name, frames in (("crystal, 40 K", cold), ("liquid, 150 K", hot))
    }
    r = next(iter(g.values())).r
    mn.plotting.radial_distribution(right, r, {name: one.g for name, one in g.items()})
    right.set_title("… and measure")
    figure.savefig(Path(__file__).with_name("readme.png"), dpi=100)


if __name__ == "__main__":
    main()
