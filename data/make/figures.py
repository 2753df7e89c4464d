"""What each shipped set covers: one figure per set, drawn from the files alone, shown in ../README.md.

Run:  python figures.py [set ...]        default: every set.  Needs matplotlib; writes ../figures/<set>.png
"""

import sys

import matplotlib as mpl
import numpy as np
from labeling import OUTPUT

mpl.use("Agg")
import matplotlib.pyplot as plt

BLACK, BLUE, ORANGE, GREEN, PURPLE = "black", "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SPLIT_COLORS = {"train": BLUE, "valid": ORANGE, "test": BLACK}
KB = 8.617333262e-5  # eV/K


def read(name):
    with np.load(OUTPUT / f"{name}.npz") as data:
        return dict(data)


def relative(energy):
    return energy - energy.min()


def distance(data, first, second):
    return np.linalg.norm(data["positions"][:, first] - data["positions"][:, second], axis=-1)


def dihedral(data, a, b, c, d):
    """Torsion angle in degrees of four atoms in every frame."""
    p = data["positions"].astype(float)
    u, v, w = p[:, b] - p[:, a], p[:, c] - p[:, b], p[:, d] - p[:, c]
    m, n = np.cross(u, v), np.cross(v, w)
    sine = np.linalg.norm(v, axis=-1) * (u * n).sum(-1)
    return np.degrees(np.arctan2(sine, (m * n).sum(-1)))


def by_split(axes, data, x, y, **style):
    for split, color in SPLIT_COLORS.items():
        mine = data["split"] == split
        axes.plot(x[mine], y[mine], ".", color=color, ms=3, alpha=0.6, label=f"{split}, {mine.sum()}", **style)
    axes.legend()


def energy_histogram(axes, data, unit_atoms=1):
    energy = relative(data["energy"]) / unit_atoms
    edges = np.linspace(0, energy.max(), 50)
    for group in dict.fromkeys(data["group"]):
        mine = data["group"] == group
        axes.hist(energy[mine], edges, histtype="step", label=f"{group}, {mine.sum()}")
    axes.set(
        xlabel="energy above the lowest frame (eV" + ("/atom)" if unit_atoms > 1 else ")"),
        ylabel="frames",
        yscale="log",
    )
    axes.legend()


def draw_dimers(axes):
    data = read("dimers")
    methods = {"H2": ("fci", "rhf"), "N2": ("nevpt2", "casscf", "ccsd_t", "rhf")}
    methods["Ar2"] = ("ccsd_t_aug-cc-pvdz", "ccsd_t_aug-cc-pvtz", "ccsd_t_dt_extrapolated", "ccsd_t_tq_extrapolated")
    for ax, (molecule, names) in zip(axes, methods.items(), strict=True):
        for name in names:
            if f"{molecule}_{name}" in data:
                energy = data[f"{molecule}_{name}"]
                zero = 0.0 if molecule == "Ar2" else np.nanmin(energy)
                ax.plot(
                    data[f"{molecule}_distance"], (energy - zero) * (1e3 if molecule == "Ar2" else 1), ".-", label=name
                )
        ax.set(xlabel="distance (Å)", ylabel="energy (meV)" if molecule == "Ar2" else "energy (eV)", title=molecule)
        ax.legend()
    axes[1].set_ylim(0, 20)
    axes[2].set(ylim=(-13, 20), xlim=(3, 8))


def draw_ammonia(axes, name="ammonia"):
    data = read(name)
    p = data["positions"].astype(float)
    u, v, w = p[:, 1], p[:, 2], p[:, 3]
    normal = np.cross(v - u, w - u)
    height = ((p[:, 0] - u) * normal).sum(-1) / np.linalg.norm(normal, axis=-1)
    by_split(axes[0], data, height, relative(data["energy"]))
    axes[0].set(xlabel="nitrogen above the plane of the hydrogens (Å)", ylabel="energy (eV)")
    energy_histogram(axes[1], data)
    delta = data["energy"] - data["energy_gfn2"]
    axes[2].plot(relative(data["energy"]), 1e3 * (delta - delta.mean()), ".", color=BLUE, ms=3)
    axes[2].set(xlabel="CCSD(T) energy (eV)", ylabel="CCSD(T) minus GFN2, mean removed (meV)")


def draw_ethanol(axes, name="ethanol"):
    data = read(name)
    by_split(axes[0], data, dihedral(data, 0, 1, 2, 3), relative(data["energy"]))
    axes[0].set(xlabel="torsion C-C-O-H (degrees)", ylabel="energy (eV)")
    by_split(axes[1], data, distance(data, 2, 3), relative(data["energy"]))
    axes[1].set(xlabel="O-H bond (Å)", ylabel="energy (eV)")
    for temperature in np.unique(data["temperature"][data["group"] == "md"]):
        mine = data["temperature"] == temperature
        axes[2].hist(
            relative(data["energy"])[mine],
            np.linspace(0, 2, 40),
            histtype="step",
            label=f"{temperature:.0f} K, {mine.sum()}",
        )
    axes[2].set(xlabel="energy (eV)", ylabel="frames")
    axes[2].legend()


def draw_ethanol_sampling(axes):
    data = read("ethanol_sampling")
    turned = {"C-C-O-H": dihedral(data, 0, 1, 2, 3), "O-C-C-H": dihedral(data, 2, 1, 0, 6)}
    groups = list(dict.fromkeys(data["group"]))
    for group, color in zip(groups, [BLUE, ORANGE, GREEN, PURPLE, "0.5", "#D55E00", BLACK], strict=True):
        mine = data["group"] == group
        axes[0].plot(turned["C-C-O-H"][mine], turned["O-C-C-H"][mine], ".", markersize=2, color=color)
        axes[1].hist(relative(data["energy"])[mine], np.linspace(0, 2, 40), histtype="step", color=color, label=group)
        axes[2].plot(distance(data, 2, 3)[mine], relative(data["energy"])[mine], ".", markersize=2, color=color)
    axes[0].set(xlabel="torsion C-C-O-H (degrees)", ylabel="torsion O-C-C-H (degrees)")
    axes[1].set(xlabel="energy (eV)", ylabel="frames")
    axes[2].set(xlabel="O-H bond (Å)", ylabel="energy (eV)")
    axes[1].legend()


def draw_silicon(axes):
    data = read("silicon")
    energy = relative(data["energy"]) / 64
    for seed, color in ((1, BLUE), (2, BLACK)):
        mine = (data["group"] == "melt") & (data["trajectory"] == seed)
        if mine.any():
            kinetic = 28.0855 * (data["velocities"][mine].astype(float) ** 2).sum((1, 2)) / (189 * KB)
            axes[0].plot(data["step"][mine] * 3e-3, kinetic, color=color, label=f"seed {seed}")
            axes[1].plot(data["step"][mine] * 3e-3, energy[mine], color=color, label=f"seed {seed}")
    axes[0].axvspan(0, 0.48, color="0.93")
    axes[0].set(xlabel="time (ps), equilibration gray", ylabel="temperature (K)")
    axes[1].set(xlabel="time (ps)", ylabel="energy (eV/atom)")
    axes[0].legend()
    energy_histogram(axes[2], data, 64)


def draw_silicon_structure(axes):
    data = read("silicon_structure")
    colors = {"stillinger_weber": BLUE, "tersoff": ORANGE, "edip": GREEN, "lenosky": PURPLE}
    colors |= {"ab_initio_seed1": "0.5", "ab_initio_seed2": BLACK}
    for source, color in colors.items():
        style = dict(color=color, label=f"{source.replace('_', ' ')}, {data[f'frames_{source}']} frames")
        axes[0].plot(data["r"], data[f"g_{source}"], **style)
        axes[1].plot(data["angle"], data[f"p_{source}"], **style)
    pairs = {
        f"halves of seed {k}": [f"g_ab_initio_seed{k}_{half}_half" for half in ("first", "second")] for k in (1, 2)
    }
    pairs["the two seeds"] = ["g_ab_initio_seed1", "g_ab_initio_seed2"]
    for (label, (one, two)), color in zip(pairs.items(), ("0.5", BLACK, PURPLE), strict=True):
        axes[2].plot(data["r"], data[one] - data[two], color=color, lw=0.9, label=label)
    axes[0].set(xlabel="r (Å)", ylabel="g(r)")
    axes[1].set(xlabel="bond angle (degrees)", ylabel="probability per degree")
    axes[2].set(xlabel="r (Å)", ylabel="difference of g(r)")
    for ax in axes:
        ax.legend()


def draw_silicon_strained(axes):
    data = read("silicon_strained")
    orthorhombic, shear = data["group"] == "orthorhombic", data["group"] == "shear"
    strain, stress = data["strain"], data["stress"] * 160.2177  # GPa
    difference = stress[:, 0, 0] - stress[:, 1, 1]
    axes[0].plot(strain[orthorhombic], difference[orthorhombic], "o-", label="orthorhombic: σxx − σyy")
    axes[0].plot(strain[shear][:2], stress[shear][:2, 0, 1], "s-", label="shear: σxy")
    axes[0].plot(strain[shear][2:], stress[shear][2:, 0, 1], "s", mfc="w", label="the same, sublattice moved")
    axes[0].set(xlabel="strain", ylabel="stress (GPa)")
    energy = 1e3 * (data["energy"] - data["energy"][0]) / 64
    work = np.cumsum(np.r_[0, np.diff(strain[orthorhombic]) * (difference[:3] + difference[1:4]) / 2])
    axes[1].plot(strain[orthorhombic], energy[orthorhombic], "o-", label="energy")
    axes[1].plot(strain[orthorhombic], work / 160.2177 * 1179.75 / 64 * 1e3, "--", label="work of the stress")
    axes[1].set(xlabel="orthorhombic strain", ylabel="energy (meV/atom)")
    random = stress[data["group"] == "random"]
    axes[2].hist(np.linalg.eigvalsh(random).ravel(), 15, label="random strains")
    axes[2].set(xlabel="principal stress (GPa)", ylabel="count")
    for ax in axes:
        ax.legend()


def draw_silicon_k_points(axes):
    data = read("silicon_k_points")
    error = data["forces_gamma"].astype(float) - data["forces"]
    shift = 1e3 * (data["energy_gamma"] - data["energy"]) / 64
    groups = list(dict.fromkeys(data["group"]))
    for k, group in enumerate(groups):
        mine = data["group"] == group
        dense, gamma = (data[key][mine].ravel() for key in ("forces", "forces_gamma"))
        axes[0].plot(dense, gamma, ".", ms=3, label=f"{group}, {mine.sum()}")
        axes[1].plot(np.full(mine.sum(), k), np.sqrt((error[mine] ** 2).mean((1, 2))), "o", ms=4)
        axes[2].plot(np.full(mine.sum(), k), shift[mine] - shift.mean(), "o", ms=4)
    axes[0].axline((0, 0), slope=1, color="0.7", lw=0.8)
    axes[0].set(xlabel="force, 2×2×2 k-points (eV/Å)", ylabel="force, Γ point (eV/Å)")
    axes[0].legend()
    axes[1].set(ylabel="force difference, rms of a frame (eV/Å)", ylim=(0, None))
    axes[2].set(ylabel="energy difference, mean removed (meV/atom)")
    for ax in axes[1:]:
        ax.set_xticks(range(len(groups)), [group.replace("_", "\n") for group in groups])


def draw_ethanol_hessian(axes):
    data = read("ethanol_hessian")
    masses = np.repeat([{1: 1.008, 6: 12.011, 8: 15.999}[number] for number in data["numbers"]], 3)
    values = np.linalg.eigvalsh(data["hessian"] / np.sqrt(np.outer(masses, masses)))
    frequencies = np.sign(values) * np.sqrt(np.abs(values)) * 521.471  # sqrt(eV/(Å² amu)) in 1/cm
    axes[0].vlines(frequencies[6:], 0, 1, color=BLUE)
    axes[0].set(xlabel="harmonic wavenumber (1/cm)", yticks=[], xlim=(0, 4000))
    axes[1].plot(frequencies[:6], "o", color=BLACK)
    axes[1].set(xlabel="translations and rotations", ylabel="wavenumber (1/cm)", xticks=[])
    largest = np.abs(data["hessian"]).max()
    axes[2].imshow(data["hessian"], cmap="coolwarm", vmin=-largest / 4, vmax=largest / 4)
    axes[2].set(xlabel="coordinate", ylabel="coordinate", title=f"Hessian, at most {largest:.0f} eV/Å²")


def draw_h2_si100(axes):
    data = read("h2_si100")
    energy = data["energy"] - data["energy"][data["id"] == "reference-0000"]
    middle = data["positions"][:, [12, 13], 2].mean(1) - data["positions"][:, [6, 7], 2].mean(1)
    by_split(axes[0], data, middle, energy)
    axes[0].set(xlabel="H2 above the dimer (Å)", ylabel="energy (eV)")
    by_split(axes[1], data, distance(data, 12, 13), energy)
    axes[1].set(xlabel="H-H distance (Å)", ylabel="energy (eV)")
    energy_histogram(axes[2], data)


def draw_alanine_dipeptide(axes):
    data = read("alanine_dipeptide")
    grid = data["group"] == "grid"
    energy = relative(data["energy"][grid])
    order = np.lexsort((data["psi"][grid].round(), data["phi"][grid].round()))
    dots = axes[0].scatter(data["phi"][grid][order], data["psi"][grid][order], c=energy[order], s=14, vmax=0.8)
    axes[0].figure.colorbar(dots, label="energy (eV)")
    by_split(axes[1], {"split": np.where(grid, "", data["split"])}, data["phi"], data["psi"])
    for ax in axes[:2]:
        ax.set(xlabel="phi (degrees)", ylabel="psi (degrees)", xlim=(-185, 185), ylim=(-185, 185))
    energy_histogram(axes[2], data)


def draw_water_clusters(axes):
    data, single = read("water_dimer"), read("water_monomer")
    binding = data["energy"] - 2 * single["energy"].min()
    by_split(axes[0], data, data["oxygen_distance"], binding)
    axes[0].set(xlabel="O-O distance (Å)", ylabel="energy above two relaxed monomers (eV)")
    scan = data["group"] == "scan"
    for angle in np.unique(data["angle"][scan]):
        mine = scan & (data["angle"] == angle)
        axes[1].plot(data["oxygen_distance"][mine], 1e3 * binding[mine], ".-", label=f"turned by {angle:.0f} degrees")
    axes[1].set(xlabel="O-O distance (Å)", ylabel="energy (meV)")
    axes[1].legend()
    oxygen = data["charges"][:, data["numbers"] == 8]
    axes[2].hist(oxygen.ravel(), 50, color=BLUE)
    axes[2].set(xlabel="charge of oxygen (e)", ylabel="atoms")


FIGURES = {
    "dimers": draw_dimers,
    "ammonia": draw_ammonia,
    "ammonia_cc_pvdz": lambda axes: draw_ammonia(axes, "ammonia_cc_pvdz"),
    "ethanol": draw_ethanol,
    "ethanol_gfn2": lambda axes: draw_ethanol(axes, "ethanol_gfn2"),
    "ethanol_sampling": draw_ethanol_sampling,
    "silicon": draw_silicon,
    "ethanol_hessian": draw_ethanol_hessian,
    "silicon_k_points": draw_silicon_k_points,
    "silicon_strained": draw_silicon_strained,
    "silicon_structure": draw_silicon_structure,
    "h2_si100": draw_h2_si100,
    "alanine_dipeptide": draw_alanine_dipeptide,
    "water_clusters": draw_water_clusters,
}


def main():
    folder = OUTPUT / "figures"
    folder.mkdir(exist_ok=True)
    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=[BLACK, BLUE, ORANGE, GREEN, PURPLE, "0.5"])
    plt.rcParams |= {"font.size": 8, "legend.fontsize": 6, "figure.constrained_layout.use": True}
    for name in sys.argv[1:] or FIGURES:
        first = "water_dimer" if name == "water_clusters" else name
        if (OUTPUT / f"{first}.npz").exists():
            figure, axes = plt.subplots(1, 3, figsize=(11, 3.2))
            FIGURES[name](axes)
            figure.suptitle(name)
            figure.savefig(folder / f"{name}.png", dpi=90, metadata={"Software": None})
            plt.close(figure)
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
