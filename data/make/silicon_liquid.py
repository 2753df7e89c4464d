"""Liquid silicon at 3000 K: ab initio molecular dynamics of 64 atoms.

Level of theory: Quantum ESPRESSO pw.x, LDA (Perdew-Zunger), norm-conserving Si.pz-vbc.UPF, 16 Ry, Gamma point,
Fermi-Dirac smearing 0.0073 Ry (about 1150 K electrons).  The energy is pw.x's "!" value, the electronic free energy
E - TS, whose gradient the forces are.

Sampling: cubic cell at the density of the experimental liquid at melting, 2.53 g/cm3 (10.57 A). The start is a liquid
made with the Stillinger-Weber potential in LAMMPS (diamond melted at 5000 K, then 20 ps at 3000 K, Langevin). AIMD:
velocity Verlet, 3 fs, in segments at constant energy (10 steps during equilibration, 20 after it); between segments
the velocities are rescaled to 3000 K. The first 160 steps are equilibration. In seed 1 the first 141 of them used a
stochastic rescaling instead and ran hot (up to 3800 K): good training frames, not part of the distributions.

Run:  python silicon_liquid.py --seed 1 --steps 400 --max-minutes 60
The same command continues; another seed is an independent run.  Needs pw.x and lmp on PATH, ESPRESSO_PSEUDO (folder of
Si.pz-vbc.UPF) and LAMMPS_POTENTIALS (folder of Si.sw).  Output: ../silicon_liquid_seed<seed>.npz
"""

import argparse
import json
import subprocess
import time

import numpy as np
from ase import Atoms, units
from ase.io import read
from labeling import OUTPUT, WORK, Deadline, Unconverged, attach, finite_difference_check
from pwscf import pseudopotentials, pwscf_label, pwscf_version
from silicon_dynamics import BOX, DENSITY, MASS, N_ATOMS, compressed_crystal, snapshots

TEMPERATURE, TIMESTEP, N_EQUILIBRATION = 3000.0, 3.0, 160  # K, fs, steps
SEGMENT, EQUILIBRATION_SEGMENT = 20, 10  # steps at constant energy
DT, RYDBERG_TIME = TIMESTEP * units.fs, 4.8377687e-2 * units.fs
THERMOSTAT = "velocities rescaled to the temperature between segments (seed 1: from step 141 on)"
# mixing_beta 0.3 instead of 0.5 reaches the same threshold with 40 % fewer applications of the Hamiltonian
SETTINGS = dict(ecutwfc=16, degauss=0.0073, conv_thr=1e-5, mixing_beta=0.3, pseudopotential="Si.pz-vbc.UPF")

MD = """&control calculation='md', prefix='si', outdir='./tmp', pseudo_dir='{pseudo}', tprnfor=.true., disk_io='low',
 dt={dt}, nstep={nstep}, max_seconds={max_seconds} /
&system ibrav=0, nat={nat}, ntyp=1, ecutwfc={ecutwfc}, occupations='smearing', smearing='fd', degauss={degauss},
 nosym=.true. /
&electrons conv_thr={conv_thr}, mixing_beta={mixing_beta}, {start} /
&ions pot_extrapolation='second_order', wfc_extrapolation='second_order', ion_velocities='from_input' /
ATOMIC_SPECIES
Si {mass} {pseudopotential}
ATOMIC_POSITIONS angstrom
{positions}
ATOMIC_VELOCITIES a.u
{velocities}
K_POINTS gamma
CELL_PARAMETERS angstrom
{box} 0 0
0 {box} 0
0 0 {box}
"""


def rows(array):
    return "\n".join(f"Si {x:.10f} {y:.10f} {z:.10f}" for x, y, z in array)


def temperature(velocities):
    """Kinetic temperature in K; the centre of mass is at rest."""
    return MASS * (velocities**2).sum() / ((3 * N_ATOMS - 3) * units.kB)


def run_segment(folder, positions, velocities, n_steps, max_seconds, first):
    """Frames (ASE Atoms with energy and forces) of one constant-energy pw.x run, the start included."""
    start = "startingwfc='atomic+random'" if first else "startingwfc='file', startingpot='file'"
    text = MD.format(
        pseudo=pseudopotentials(),
        dt=DT / RYDBERG_TIME,
        nstep=n_steps + 1,
        nat=N_ATOMS,
        max_seconds=max(int(max_seconds), 60),
        start=start,
        mass=MASS,
        box=BOX,
        positions=rows(positions),
        velocities=rows(velocities * RYDBERG_TIME / units.Bohr),
        **SETTINGS,
    )
    (folder / "md.in").write_text(text)
    with open(folder / "md.out", "w") as out:
        subprocess.run(["pw.x", "-in", "md.in"], cwd=folder, stdout=out, stderr=subprocess.DEVNULL)
    frames = [f for f in read(folder / "md.out", ":", format="espresso-out") if f.calc and "forces" in f.calc.results]
    if "convergence NOT achieved" in (folder / "md.out").read_text():
        raise Unconverged("a step did not converge; look at md.out")
    return frames


def new_segment(data, n_steps, seconds, folder):
    """Append one segment to the arrays; the first frame of a segment repeats the last of the one before."""
    n, start, velocities = len(data["energies"]), data["positions"][-1], data["velocities"][-1]
    if n:
        velocities = velocities * np.sqrt(TEMPERATURE / temperature(velocities))
    first = not (folder / "tmp/si.save/charge-density.dat").exists()
    frames = run_segment(folder, start, velocities, n_steps, seconds, first)
    forces, positions = [f.get_forces() for f in frames], start
    for frame, before, after in zip(frames[1:], forces[:-1], forces[1:], strict=True):
        positions = positions + velocities * DT + before / MASS * DT**2 / 2
        velocities = velocities + (before + after) / MASS * DT / 2
        assert np.abs(positions - frame.positions).max() < 1e-3, "pw.x and velocity Verlet disagree"
        data["positions"] = np.concatenate([data["positions"], [frame.positions]])
        data["velocities"] = np.concatenate([data["velocities"], [velocities]])
    skip = 0 if n == 0 else 1
    data["energies"] = np.concatenate([data["energies"], [f.get_potential_energy() for f in frames[skip:]]])
    data["forces"] = np.concatenate([data["forces"], forces[skip:]])


def trajectory(seed):
    """Arrays and settings of the run so far: from work/, else from the frames that ship; empty if there are none."""
    path, shipped = WORK / f"silicon_liquid_seed{seed}.npz", OUTPUT / "silicon.npz"
    if path.exists():
        with np.load(path) as file:
            data = dict(file)
        return data, json.loads(str(data.pop("metadata")))
    if shipped.exists():
        with np.load(shipped) as file:
            mine = (file["group"] == "melt") & (file["trajectory"] == seed)
            data = {key: file[key][mine].astype(float) for key in ("positions", "velocities", "forces")}
            data |= {
                "numbers": file["numbers"],
                "cell": file["cell"].reshape(-1, 3, 3)[0],
                "energies": file["energy"][mine],
            }
            if mine.any():
                return data, json.loads(str(file["metadata"]))
    return {}, {}


def check(path, folder, every=70):
    """Compare labels with independent, tighter single points and with finite differences."""
    data = np.load(path)
    settings = dict(
        SETTINGS,
        conv_thr=1e-7,
        k_points="K_POINTS gamma",
        pseudopotentials={"Si": SETTINGS["pseudopotential"]},
    )
    label, frames = pwscf_label(settings, folder / "check"), []
    for k in range(0, len(data["energies"]), every):
        atoms = Atoms(data["numbers"], data["positions"][k], cell=data["cell"], pbc=True, info={"id": f"step-{k}"})
        frames.append(attach(atoms, data["energies"][k], data["forces"][k]))
        again = label(atoms)
        print(
            f"step {k}: energy {1e3 * (data['energies'][k] - again.get_potential_energy()):.3f} meV, forces "
            f"{np.abs(data['forces'][k] - again.get_forces()).max():.5f} eV/A from a tight single point",
            flush=True,
        )
    print("largest force error", finite_difference_check(frames, label, n_checks=min(3, len(frames))), "eV/A")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--max-minutes", type=float, default=60.0)
    parser.add_argument("--check", action="store_true", help="only check the labels of the existing file")
    args = parser.parse_args()
    deadline, path = Deadline(args.max_minutes), WORK / f"silicon_liquid_seed{args.seed}.npz"
    folder = WORK / f"silicon_liquid_{args.seed}"
    folder.mkdir(exist_ok=True)
    if args.check:
        check(path, folder)
        return
    metadata = dict(
        engine=pwscf_version(),
        functional="LDA (PZ)",
        k_points="Gamma",
        density_g_cm3=DENSITY,
        temperature_K=TEMPERATURE,
        timestep_fs=TIMESTEP,
        segment=SEGMENT,
        thermostat=THERMOSTAT,
        seed=args.seed,
        n_equilibration=N_EQUILIBRATION,
        units="A, eV, eV/A, ASE velocities",
        **SETTINGS,
    )
    data, _ = trajectory(args.seed)
    if not data:
        (start,) = snapshots(folder, compressed_crystal(), TEMPERATURE, 1, args.seed, hot=5000, settle=20000)
        data = dict(
            numbers=start.numbers,
            cell=start.cell.array,
            positions=start.positions[None],
            velocities=start.get_velocities()[None],
            energies=np.zeros(0),
            forces=np.zeros((0, N_ATOMS, 3)),
        )
    pace = 20.0  # seconds per step
    while (n := len(data["energies"])) < args.steps and deadline.left() > 4 * pace:
        clock, longest = time.time(), SEGMENT if n >= N_EQUILIBRATION else EQUILIBRATION_SEGMENT
        n_steps = min(longest, args.steps - n, int(deadline.left() / pace) - 2)
        new_segment(data, n_steps, deadline.left(), folder)
        temporary = path.with_suffix(".tmp.npz")
        np.savez_compressed(temporary, **data, metadata=json.dumps(metadata))
        temporary.rename(path)
        pace = (time.time() - clock) / n_steps
        print(len(data["energies"]), f"steps, {pace:.1f} s per step", flush=True)


if __name__ == "__main__":
    main()
