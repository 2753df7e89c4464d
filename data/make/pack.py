"""Turn the labels of work/ into the files that ship: one compressed npz per set, then the checksums (index.py).

Arrays of a frame set (frames F, atoms N): `numbers (N,)`, `positions (F, N, 3)` and `forces` float32, `energy (F,)`
float64, `cell (3, 3)` or `(F, 3, 3)`, `pbc (3,)`, and per frame `id`, `split` (train, valid, test), `group` (how it
was sampled), `trajectory` (-1: independent draw); further labels are `energy_<method>` and `forces_<method>`, NaN
where not computed. `metadata` is a JSON string: engine, level, settings, status.

Splits: a trajectory, an optimization or a scan goes whole into one split; only independent draws are divided by number.

Run:  python pack.py [set ...]        default: every set that has labels
"""

import json
import shutil
import sys

import numpy as np
from ase import Atoms
from index import main as write_index
from labeling import OUTPUT, WORK, attach, load
from registry import SETS

MISSING = {float: np.nan, int: -1, str: ""}
KINDS = {float: np.floating, int: np.integer, str: np.str_}


def column(values):
    """One array of per-frame values, with the missing ones marked."""
    kinds = {type(value) for value in values if value is not None}
    kind = next(kind for kind in (str, float, int) if any(issubclass(found, (kind, KINDS[kind])) for found in kinds))
    return np.array([MISSING[kind] if value is None else kind(value) for value in values])


def arrays(frames):
    """Labelled frames of equal composition as the arrays described above."""
    first = frames[0]
    assert all((frame.numbers == first.numbers).all() for frame in frames), "frames differ in composition"
    cells = np.array([frame.cell.array for frame in frames])
    result = {
        "numbers": first.numbers.astype(np.int16),
        "positions": np.array([frame.positions for frame in frames], np.float32),
        "cell": cells[0] if (cells == cells[0]).all() else cells,
        "pbc": first.pbc,
        "energy": np.array([frame.get_potential_energy() for frame in frames]),
        "forces": np.array([frame.get_forces() for frame in frames], np.float32),
    }
    if all("stress" in frame.calc.results for frame in frames):
        result["stress"] = np.array([frame.get_stress(voigt=False) for frame in frames])
    keys = dict.fromkeys(key for frame in frames for key in frame.info)
    result |= {key: column([frame.info.get(key) for frame in frames]) for key in keys}
    per_atom = dict.fromkeys(key for frame in frames for key in frame.arrays if key not in ("numbers", "positions"))
    for key in per_atom:
        shape = next(frame.arrays[key].shape for frame in frames if key in frame.arrays)
        result[key] = np.array([frame.arrays.get(key, np.full(shape, np.nan)) for frame in frames], np.float32)
    return result


def write_npz(name, data, **metadata):
    """Write one set in one step, so that no half file ever bears its name."""
    for key, values in data.items():
        if key in ("energy", "forces", "positions") and not np.isfinite(values).all():
            sys.exit(f"{name}: {key} holds a value that is not finite; nothing written")
    assert len(np.unique(data["id"])) == len(data["id"]), f"{name}: an id occurs twice"
    temporary = OUTPUT / f"{name}.tmp.npz"
    np.savez_compressed(temporary, **data, metadata=json.dumps(metadata, ensure_ascii=False))
    temporary.rename(OUTPUT / f"{name}.npz")


def settings_of(path):
    """What the label script wrote beside its frames; where work/ is empty, what ships in the set."""
    if path.with_suffix(".json").exists():
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with np.load(OUTPUT / f"{path.stem}.npz") as file:
        return json.loads(str(file["metadata"]))


def dimers():
    shutil.copy(WORK / "dimers.npz", OUTPUT / "dimers.npz")


def ammonia_split(info):
    """MD by trajectory, the noise-free path and the stationary points to test, independent draws by number."""
    if info["group"] == "md":
        return info["split"]
    if info["group"] in ("stationary", "inversion"):
        return "test"
    return "valid" if int(info["id"].split("-")[-1]) % 5 == 4 else "train"


def ammonia_cc_pvdz():
    path = WORK / "ammonia_cc_pvdz.extxyz"
    frames = load(path)
    for frame in frames:
        frame.info["split"] = ammonia_split(frame.info)
        frame.info.setdefault("trajectory", -1)
    write_npz("ammonia_cc_pvdz", arrays(frames), **settings_of(path), status=f"complete, {len(frames)} frames")


def ammonia():
    path = WORK / "ammonia.extxyz"
    frames, settings = load(path), settings_of(path)
    for frame in frames:
        frame.info["split"] = ammonia_split(frame.info)
    write_complete("ammonia", frames, settings)


def ethanol_gfn2():
    with np.load(WORK / "ethanol_gfn2.npz") as data:
        frames, metadata = len(data["energy"]), json.loads(str(data["metadata"]))
        result = {key: data[key] for key in ("numbers", "energy", "split", "trajectory", "temperature")}
        result |= {key: data[key].astype(np.float32) for key in ("positions", "forces")}
    result |= {"cell": np.zeros((3, 3)), "pbc": np.zeros(3, bool), "group": np.full(frames, "md")}
    result |= {"id": np.array([f"gfn2-{k:04d}" for k in range(frames)])}
    write_npz("ethanol_gfn2", result, **metadata, status=f"complete, {frames} frames")


def ethanol():
    planned("ethanol.extxyz", "ethanol", first="md")


def planned(source, name, first=None):
    """A set whose frames already carry their split; those of the group `first` come first."""
    frames, settings = load(WORK / source), settings_of(WORK / source)
    frames.sort(key=lambda frame: frame.info["group"] != first)
    write_complete(name, frames, settings)


def write_complete(name, frames, settings):
    """Write a set and say whether all its planned frames are there."""
    status = "complete" if len(frames) + len(settings["unconverged"]) >= settings["planned"] else "partial"
    settings |= dict(status=f"{status}, {len(frames)} of {settings['planned']} frames")
    write_npz(name, arrays(frames), **settings)


def ethanol_sampling():
    planned("ethanol_sampling.extxyz", "ethanol_sampling")


def alanine_dipeptide():
    planned("alanine_dipeptide.extxyz", "alanine_dipeptide")


def water_clusters():
    for word in ("monomer", "dimer", "trimer", "tetramer"):
        planned(f"water_{word}.extxyz", f"water_{word}")


def silicon_k_points():
    """Labelled again, every frame stays in its split of the silicon set."""
    path = WORK / "silicon_k_points.extxyz"
    frames, settings = load(path), settings_of(path)
    with np.load(OUTPUT / "silicon.npz") as file:
        splits = dict(zip(file["id"].tolist(), file["split"].tolist(), strict=True))
    for frame in frames:
        frame.info["split"] = splits[frame.info["id"]]
    write_complete("silicon_k_points", frames, settings)


def silicon_strained():
    planned("silicon_strained.extxyz", "silicon_strained")


def h2_si100_split(info):
    """Correlated groups (optimization path, grid and its ends) to test as a whole; independent draws by number."""
    if info["group"] in ("path", "elbow", "reference"):
        return "test"
    return "valid" if int(info["id"].split("-")[-1]) % 5 == 4 else "train"


def h2_si100():
    path = WORK / "h2_si100.extxyz"
    frames = load(path)
    for frame in frames:
        frame.info["split"] = h2_si100_split(frame.info)
        frame.info["trajectory"] = 0 if frame.info["group"] == "path" else -1
    status = "complete" if len(frames) >= 750 else "partial"
    write_npz("h2_si100", arrays(frames), **settings_of(path), status=f"{status}, {len(frames)} of 784 frames")


def melt(seed):
    """Frames of one ab initio trajectory and its settings; seed 1 is for training, seed 2 for testing."""
    from silicon_liquid import trajectory

    data, settings = trajectory(seed)
    frames = []
    for step, energy in enumerate(data["energies"]):
        atoms = Atoms(data["numbers"], data["positions"][step], cell=data["cell"], pbc=True)
        frames.append(attach(atoms, energy, data["forces"][step]))
        frames[-1].arrays["velocities"] = data["velocities"][step]
        frames[-1].info = {"id": f"melt-{seed}-{step:04d}", "group": "melt", "split": "train" if seed == 1 else "test"}
        frames[-1].info |= {"trajectory": seed, "step": step, "temperature": 3000.0}
    return frames, settings


def silicon():
    """Both seeds of the melt and the labelled solids and model liquids; frames with a vacancy have their own file."""
    from silicon_classical import add_classical  # here because it needs matscipy, which no other set does
    from silicon_labels import labelled

    frames, settings, steps = [], {}, []
    for seed in (1, 2):
        run, settings = melt(seed)
        frames += run
        production = max(len(run) - settings["n_equilibration"], 0)
        steps.append(f"melt seed {seed}: {len(run)} steps, {production} of production")
    frames += labelled()
    for atoms in frames:
        add_classical(atoms)
    labels = [atoms for atoms in frames if atoms.info["group"] != "melt"]
    for atoms in labels:  # not dynamics: the columns are there, so that both files have the same
        atoms.info["step"], atoms.arrays["velocities"] = -1, np.full((len(atoms), 3), np.nan)
    status = "complete" if len(labels) >= 118 else "partial"
    settings |= dict(seeds=[1, 2], status=f"{status}, " + "; ".join([*steps, f"{len(labels)} of 118 other frames"]))
    write_npz("silicon", arrays([atoms for atoms in frames if len(atoms) == 64]), **settings)
    if vacancies := [atoms for atoms in frames if len(atoms) == 63]:
        write_npz("silicon_vacancy", arrays(vacancies), **settings)


def main():
    sources = {name: WORK / entry["packed_from"] for name, entry in SETS.items() if "packed_from" in entry}
    for name in sys.argv[1:] or [name for name, source in sources.items() if source.exists()]:
        globals()[name]()
    sys.argv = sys.argv[:1]
    write_index()


if __name__ == "__main__":
    main()
