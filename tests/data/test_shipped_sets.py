"""What ships is what data/README.md says: forces are slopes of the energies, splits are apart, every set is described.

No engine is needed: along a scan the energy must be the integral of the forces, in a run at constant energy kinetic
plus potential energy must stay, and the classical labels can be computed again by the package.
"""

import json
import re

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from scipy.spatial.distance import cdist

from mininnip.analysis import radial_distribution
from mininnip.calculator import Calculator
from mininnip.classical import StillingerWeber, Tersoff
from mininnip.data.curves import EnergyCurves, NamedArrays
from mininnip.data.dataset import Dataset
from mininnip.data.sets import data_folder, load_data
from mininnip.potential import Potential
from mininnip.sampling import molecular_dynamics

CATALOG = json.loads((data_folder() / "index.json").read_text(encoding="utf-8"))
README = (data_folder() / "README.md").read_text(encoding="utf-8")
FRAME_SETS = [name for name, entry in CATALOG.items() if {f["kind"] for f in entry["files"].values()} == {"frames"}]
every_set = pytest.mark.parametrize("name", CATALOG)
every_frame_set = pytest.mark.parametrize("name", FRAME_SETS)
SILICON_MASS, BOLTZMANN = 28.0855, 8.617333262e-5  # amu, eV/K


def frames(name, **labels) -> Dataset:
    """The chosen frames of a set in the order of their names."""
    data = load_data(name)
    assert isinstance(data, Dataset)
    data = data.where(**labels) if labels else data
    return data[np.argsort(data.labels["id"])]


def per_frame(data, values):
    """(F, N, ...) of values of atoms of equally large frames."""
    return np.asarray(values, float).reshape(len(data), data.n_atoms[0], *values.shape[1:])


# --- forces are the slopes of the energies ----------------------------------------------------------------------------


def unexplained(data, closed=False, forces=None, energy=None):
    """Largest difference along a scan between the energy and the integral of the forces, in eV, and the energy's range.

    Positions and slopes are interpolated by cubic splines in the number of the frame.
    """
    positions, forces = per_frame(data, data.positions), per_frame(data, data.forces if forces is None else forces)
    energy = data.energy if energy is None else energy
    if closed:
        positions, forces, energy = (np.concatenate([v, v[:1]]) for v in (positions, forces, energy))
    s, ends = np.arange(len(energy)), "periodic" if closed else "not-a-knot"
    slope = -(forces * CubicSpline(s, positions, bc_type=ends)(s, 1)).sum((1, 2))
    work = CubicSpline(s, slope, bc_type=ends).antiderivative()(s)
    return np.abs(energy - energy[0] - work).max(), np.ptp(energy)


@pytest.mark.parametrize(("name", "most"), [("ammonia", 1e-5), ("ammonia_cc_pvdz", 2e-5)])
def test_energy_along_the_inversion_of_ammonia_is_the_integral_of_the_forces(name, most):
    path = frames(name, group="inversion")
    off, span = unexplained(path)
    assert off < most < 1e-4 * span
    forces, energy = path.labels["forces_gfn2"], path.labels["energy_gfn2"]
    assert unexplained(path, forces=forces, energy=energy)[0] < 1e-4


def test_energy_along_the_elbow_of_hydrogen_on_silicon_is_the_integral_of_the_forces():
    grid = frames("h2_si100", group="elbow")
    for height in range(6):
        row = grid[7 * height : 7 * height + 7]  # seven bond lengths, 0.65 to 2.1 Å: coarse for a spline
        off, span = unexplained(row)
        assert off < 0.05 < 0.07 * span


@pytest.mark.parametrize("angle", [0, 90, 180])
def test_energy_of_two_waters_pulled_apart_is_the_integral_of_the_forces(angle):
    off, span = unexplained(frames("water_clusters", group="scan", angle=angle))
    assert off < 0.004 < 0.03 * span


@pytest.mark.parametrize(("group", "closed"), [("torsion", True), ("stretch", False)])
def test_energy_along_the_scans_of_ethanol_is_the_integral_of_the_forces(group, closed):
    scan = frames("ethanol", group=group)
    off, span = unexplained(scan, closed)
    assert off < 0.001 < 0.02 * span
    assert len(scan) == {"torsion": 36, "stretch": 27}[group]
    assert set(scan.labels["split"]) == {"test"}


def test_hessian_of_ethanol_is_that_of_a_minimum():
    hessian = load_data("ethanol_hessian")
    assert isinstance(hessian, NamedArrays)
    matrix, numbers = hessian.arrays["hessian"], hessian.arrays["numbers"]
    masses = np.repeat([{1: 1.008, 6: 12.011, 8: 15.999}[number] for number in numbers], 3)
    values = np.linalg.eigvalsh(matrix / np.sqrt(np.outer(masses, masses)))
    wavenumbers = np.sign(values) * np.sqrt(np.abs(values)) * 521.471  # sqrt(eV/(Å² amu)) in 1/cm
    assert np.abs(matrix - matrix.T).max() < 1e-12
    assert np.sum(np.abs(wavenumbers) < 100) == 6  # translations and rotations, up to the noise of the grid
    assert 150 < wavenumbers[6] < 350  # the two torsions lie lowest
    assert 3500 < wavenumbers[-1] < 4000  # the O-H bond is stiffest
    rows = matrix.reshape(27, 9, 3).sum(1)
    assert np.abs(rows).max() < 0.004 * np.abs(matrix).max()  # moving all of it costs nothing, up to the grid


@pytest.mark.parametrize("seed", [1, 2])
def test_molten_silicon_moves_as_its_forces_say(seed):
    """Work of the forces between two steps is the change of the energy, and between the thermostat's rescalings, every
    20 steps, kinetic plus free energy stays while the latter alone moves fifteen times as far."""
    run = frames("silicon", group="melt", trajectory=seed)
    positions, forces = per_frame(run, run.positions), per_frame(run, run.forces)
    change = np.diff(run.energy)
    work = -((forces[1:] + forces[:-1]) / 2 * np.diff(positions, axis=0)).sum((1, 2))
    assert (change - work).std() < 0.02 * change.std()
    kinetic = SILICON_MASS / 2 * (per_frame(run, run.labels["velocities"]) ** 2).sum((1, 2))
    total = kinetic + run.energy
    segments = [slice(k, min(k + 20, len(run))) for k in range(161, len(run) - 5, 20)]
    assert max(total[segment].std() for segment in segments) < 0.04
    assert (
        np.mean([total[segment].std() for segment in segments])
        < np.mean([run.energy[segment].std() for segment in segments]) / 15
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_molten_silicon_has_the_temperature_it_claims(seed):
    run = frames("silicon", group="melt", trajectory=seed)
    velocities = per_frame(run, run.labels["velocities"])[160:]
    temperature = SILICON_MASS * (velocities**2).sum((1, 2)).mean() / ((3 * 64 - 3) * BOLTZMANN)
    assert temperature == pytest.approx(3000, abs=100)
    assert run.labels["step"].tolist() == list(range(len(run)))


def test_stillinger_weber_labels_of_silicon_are_those_of_the_package():
    data = load_data("silicon")
    assert isinstance(data, Dataset)
    few = data[np.linspace(0, len(data) - 1, 8).astype(int)]
    model = StillingerWeber((14,))
    out = Potential(model)(few.graph(model.cutoff), forces=True)
    np.testing.assert_allclose(out["energy"], few.labels["energy_stillinger_weber"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(out["forces"], few.labels["forces_stillinger_weber"], rtol=0, atol=1e-4)


def test_slope_of_the_hydrogen_curve():
    dimers = load_data("dimers")
    assert isinstance(dimers, EnergyCurves)
    r, energy = (np.asarray(values) for values in dimers.curve("H2", "fci"))
    slope = dimers.arrays["H2_fci_slope_per_A"]
    work = CubicSpline(r, slope).antiderivative()(r)
    middle = (r > 0.5) & (r < 2.0)
    assert np.ptp((energy - work)[middle]) < 0.005 < 0.002 * np.ptp(energy)


def test_the_map_of_alanine_dipeptide_covers_every_angle():
    data = frames("alanine_dipeptide")
    positions = per_frame(data, data.positions)

    def angle(a, b, c, d):
        """Dihedral of four atoms in every frame, in degrees; positive clockwise along b to c (IUPAC)."""
        one, axis, two = (positions[:, j] - positions[:, i] for i, j in ((a, b), (b, c), (c, d)))
        up, down = np.cross(one, axis), np.cross(axis, two)
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        return np.degrees(np.arctan2((np.cross(up, down) * axis).sum(1), (up * down).sum(1)))

    grid = data.labels["group"] == "grid"
    nodes = np.arange(-180, 180, 15)
    place = []
    for name, atoms in (("phi", (1, 3, 4, 6)), ("psi", (3, 4, 6, 8))):
        difference = (angle(*atoms) - data.labels[name] + 180) % 360 - 180
        assert np.abs(difference).max() < 0.01
        place.append(np.round(data.labels[name][grid] / 15).astype(int) % 24)
        off = (data.labels[name][grid] - 15 * np.round(data.labels[name][grid] / 15)) % 360
        assert np.minimum(off, 360 - off).max() < 7.5
    assert len(set(zip(*place, strict=True))) == len(nodes) ** 2 == grid.sum()
    assert np.abs(per_frame(data, data.labels["charges"]).sum(1)).max() < 1e-4


# --- splits and duplicates --------------------------------------------------------------------------------------------


def fingerprints(data):
    """Interatomic distances of every frame; sorted within each pair of elements in small molecules (see check.py)."""
    positions, numbers = per_frame(data, data.positions), data.numbers[: data.n_atoms[0]]
    i, j = np.triu_indices(len(numbers), 1)
    vectors = positions[:, j] - positions[:, i]
    if data.pbc.any():
        inverse = np.linalg.pinv(data.cell)
        scaled = np.einsum("fpx,fxy->fpy", vectors, inverse)
        scaled -= np.where(data.pbc[:, None], np.round(scaled), 0)
        vectors = np.einsum("fpx,fxy->fpy", scaled, data.cell)
    distances = np.linalg.norm(vectors, axis=-1)
    if len(numbers) >= 20:
        return distances
    kinds = np.minimum(numbers[i], numbers[j]) * 1000 + np.maximum(numbers[i], numbers[j])
    return np.concatenate([np.sort(distances[:, kinds == kind]) for kind in np.unique(kinds)], axis=1)


@every_frame_set
def test_no_two_frames_of_different_splits_are_closer_than_stated(name):
    data = load_data(name)
    assert isinstance(data, Dataset)
    sizes = {file: entry["frames"] for file, entry in CATALOG[name]["files"].items()}
    start = 0
    for file, size in sizes.items():
        part = data[start : start + size]
        start += size
        stated = CATALOG[name]["files"][file].get("closest_between_splits")
        splits = part.labels["split"]
        if stated is None:
            assert len(set(splits)) == 1
            continue
        assert stated > 5e-4  # Å; single waters come this close by chance
        rows = fingerprints(part)
        for one, two in (("train", "valid"), ("train", "test"), ("valid", "test")):
            if (splits == one).any() and (splits == two).any():
                apart = cdist(rows[splits == one], rows[splits == two]).min() / np.sqrt(rows.shape[1])
                assert apart > 0.99 * stated, (one, two)  # nearest images in a sheared cell are found differently
    assert start == len(data)


@every_frame_set
def test_no_frame_occurs_twice(name):
    data = load_data(name)
    assert isinstance(data, Dataset)
    ends = np.cumsum(data.n_atoms)
    places = {data.positions[end - n : end].tobytes() for n, end in zip(data.n_atoms, ends, strict=True)}
    assert len(places) == len(data) == len(set(data.labels["id"]))


def test_the_trajectories_of_ethanol_are_kept_apart():
    data = load_data("ethanol_gfn2")
    assert isinstance(data, Dataset)
    for temperature in (300, 500, 1000):
        for split in ("train", "valid", "test"):
            part = data.where(split=split, temperature=temperature)
            assert len(set(part.labels["trajectory"])) == 1
    assert len(set(data.labels["trajectory"])) == 9


# --- every set is described -------------------------------------------------------------------------------------------


def section(name):
    """The text of data/README.md below the heading that names the set."""
    found = [text for text in re.split(r"^### ", README, flags=re.M)[1:] if name in text.split("\n")[0].split(", ")]
    assert len(found) == 1, f"{name} has {len(found)} sections"
    return found[0].split("\n## ")[0]


@every_set
def test_readme_describes_the_set(name):
    text = section(name)
    assert re.search(r"[Cc]ost: ", text)
    assert re.search(r"Remake: ", text)
    assert re.search(r"Caveats?: ", text)
    assert re.search(r"Noise: ", text)
    assert f"(figures/{name}.png)" in text
    for script in re.findall(r"make/(\w+\.py)", CATALOG[name]["made_by"]):
        assert (data_folder() / "make" / script).exists()
        assert script in text


LEAST = {
    "ammonia": 800,
    "ethanol": 1500,
    "ethanol_sampling": 1836,
    "ethanol_gfn2": 1500,
    "silicon": 870,
    "h2_si100": 750,
}
LEAST |= {"silicon_k_points": 20, "silicon_strained": 20, "ethanol_sampling": 1836}


@every_set
def test_every_set_is_complete(name):
    assert "partial" not in CATALOG[name]["status"]
    for had, planned in re.findall(r"(\d+) of (\d+)", CATALOG[name]["status"]):
        assert had == planned
    if name in FRAME_SETS:
        assert len(frames(name)) >= LEAST.get(name, 1)


@every_set
def test_readme_lists_the_files_with_their_checksums(name):
    for file, entry in CATALOG[name]["files"].items():
        assert re.search(rf"^\| `{name}` \| `{file}` \|.*\| `{entry['sha256']}` \|$", README, flags=re.M)


@every_set
def test_every_quantity_has_a_unit(name):
    entry = CATALOG[name]
    if name in FRAME_SETS:
        assert entry["units"].items() >= {"positions": "Å", "cell": "Å", "energy": "eV", "forces": "eV/Å"}.items()
    data = load_data(name)
    for key, values in (data.arrays if isinstance(data, NamedArrays) else data.labels).items():
        if values.dtype.kind == "f":  # a unit belongs to all methods of a quantity: energy to energy_gfn2
            quantity = "energy" if name == "dimers" and not re.search("distance|slope", key) else key
            assert any(
                unit in (quantity, *re.findall(r"distance|slope|^[a-z]+", quantity)) for unit in entry["units"]
            ), key


@every_set
def test_figure_of_the_set(name):
    content = (data_folder() / "figures" / f"{name}.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) < 200_000


def test_all_of_the_folder_is_small():
    files = [path for path in data_folder().rglob("*") if path.is_file() and "work" not in path.parts]
    assert sum(path.stat().st_size for path in files if "__pycache__" not in path.parts) < 30e6


def test_float32_for_large_arrays_and_float64_for_energies():
    for name in FRAME_SETS:
        for file in CATALOG[name]["files"]:
            with np.load(data_folder() / file) as arrays:
                assert arrays["energy"].dtype == np.float64
                assert arrays["positions"].dtype == arrays["forces"].dtype == np.float32
                metadata = json.loads(str(arrays["metadata"]))
                assert metadata["engine"] == CATALOG[name]["engine"]


def test_graph_of_a_set_reproduces_its_positions():
    few = frames("silicon", group="melt", trajectory=2)[:2]
    assert torch.equal(few.graph(4.0).positions, torch.tensor(few.positions, dtype=torch.float64))


def test_frames_with_denser_k_points_stay_in_their_split_and_differ_as_the_catalog_says():
    dense, silicon = load_data("silicon_k_points"), load_data("silicon")
    assert isinstance(dense, Dataset)
    assert isinstance(silicon, Dataset)
    splits = dict(zip(silicon.labels["id"].tolist(), silicon.labels["split"].tolist(), strict=True))
    assert dense.labels["split"].tolist() == [splits[name] for name in dense.labels["id"].tolist()]
    melt = dense.where(group="melt")
    assert (len(melt), len(melt.part("train")), len(melt.part("test"))) == (14, 7, 7)
    assert (
        "7 of the 14 melt frames come from the run that silicon trains on" in CATALOG["silicon_k_points"]["caveats"][0]
    )
    forces = np.sqrt(np.mean((melt.forces - melt.labels["forces_gamma"]) ** 2))
    energies = 1e3 * (melt.energy - melt.labels["energy_gamma"]) / 64
    words = (
        f"{forces:.2f} eV/Å rms and energies −{-energies.mean():.0f} ± {energies.std():.0f} meV/atom from a 2×2×2 grid"
    )
    assert words in CATALOG["silicon"]["caveats"][0]
    readme = (data_folder() / "README.md").read_text(encoding="utf-8")
    assert f"{forces:.2f} eV/Å rms in the melt" in readme
    assert f"energies shift by −{-energies.mean():.0f} meV/atom in the melt" in readme


def test_one_tersoff_made_the_labels_and_the_liquid():
    """That the labels are those of 38, 9902 and not of its forerunner is proven in tests/classical/test_tersoff.py."""
    assert any("38, 9902 (1988), kept in 39, 5566 (1989)" in caveat for caveat in CATALOG["silicon"]["caveats"])
    assert "Phys. Rev. B 38, 9902 (1988), in its file SiC.tersoff" in CATALOG["silicon_structure"]["level_of_theory"]


def test_the_package_makes_the_shipped_liquid_of_tersoff():
    """A picosecond of ours against 50 of LAMMPS: a peak of 2.4, where the forerunner, PRB 37, 6991, has 2.2."""
    shipped = load_data("silicon_structure")
    assert isinstance(shipped, NamedArrays)
    liquid = frames("silicon", group="melt", trajectory=2)[160].atoms()[0]
    liquid.calc = Calculator(Potential(Tersoff()), skin=0.5)
    run = list(molecular_dynamics(liquid, 3000, 250, 10, time_step=2.0, friction=0.02))[50:]
    g = radial_distribution(run, liquid.cell.array[0, 0] / 2, n_bins=106).g
    r = shipped.arrays["r"]
    areas = {
        name: np.abs(g - shipped.arrays[f"g_{name}"]).sum() * (r[1] - r[0]) for name in ("tersoff", "ab_initio_seed1")
    }
    assert areas["tersoff"] < 0.3 * areas["ab_initio_seed1"]


def test_stress_of_strained_silicon_is_symmetric_and_pushes_back():
    data = load_data("silicon_strained")
    assert isinstance(data, Dataset)
    stress, strain = data.labels["stress"], data.labels["strain"]
    assert stress.shape == (len(data), 3, 3)
    assert np.abs(stress - stress.swapaxes(1, 2)).max() < 1e-4
    rest = data.labels["id"] == "orthorhombic-00"
    assert np.abs(stress[rest][0] - stress[rest][0, 0, 0] * np.eye(3)).max() < 1e-5
    volume = np.linalg.det(data.cell)
    kept = ~np.isin(data.labels["group"], ["uniaxial", "hydrostatic", "shear"])
    assert np.allclose(volume[kept], volume[rest], rtol=1e-9)
    shear = data.labels["group"] == "shear"
    assert (stress[shear, 0, 1] / strain[shear] > 0).all()
    hydrostatic = data.labels["group"] == "hydrostatic"
    pressure = -np.trace(stress[hydrostatic], axis1=1, axis2=2) / 3
    assert (np.diff(pressure) < 0).all(), "a larger crystal has less pressure"


def test_energies_of_strained_silicon_are_not_the_work_of_its_stress_as_the_readme_says():
    """The plane waves change with the strain: three times the work at 1 %."""
    scan = frames("silicon_strained", group="orthorhombic")
    strain, stress = scan.labels["strain"], scan.labels["stress"]
    stress = stress[:, 0, 0] - stress[:, 1, 1]
    work = 1e3 * np.linalg.det(scan.cell[0]) * strain[1] * stress[1] / 2 / 64
    energy = 1e3 * (scan.energy[1] - scan.energy[0]) / 64
    assert f"{energy:.1f} meV/atom where the stress has done {work:.1f}" in README
