"""The scripts that made the data know every set, its engine and its labels. The engines themselves need not be here."""

import ast
import importlib
import importlib.util
import json
import sys
import types

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.emt import EMT

from mininnip.data.sets import data_folder

MAKE = data_folder() / "make"
CATALOG = json.loads((data_folder() / "index.json").read_text(encoding="utf-8"))
FRAMES = [name for name, entry in CATALOG.items() if {f["kind"] for f in entry["files"].values()} == {"frames"}]
# What a script imports when it labels with the engine that the catalog names.
ENGINES = {"PySCF": "pyscf", "tblite": "tblite", "Quantum ESPRESSO": "pwscf"}


@pytest.fixture
def scripts(monkeypatch):
    """Import scripts of data/make, and forget them afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(MAKE))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (MAKE / f"{name.split('.')[0]}.py").exists():
            del sys.modules[name]


def imports_of(script):
    """Modules that a script imports, also by way of other scripts of the folder."""
    found, todo = set(), [script]
    while todo:
        tree = ast.parse((MAKE / f"{todo.pop()}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in {name.split(".")[0] for name in names} - found:
                found.add(name)
                todo += [name] if (MAKE / f"{name}.py").exists() else []
    return found


def test_the_registry_and_the_catalog_hold_the_same_sets_and_files(scripts):
    sets = scripts("registry").SETS
    assert {name: sorted(entry["files"]) for name, entry in sets.items()} == {
        name: sorted(entry["files"]) for name, entry in CATALOG.items()
    }
    for name, entry in sets.items():
        for script in entry["made_by"].replace("make/", "").split(", "):
            assert (MAKE / script.split()[0]).exists(), f"{name} is made by {script}, which is not there"


@pytest.mark.parametrize("name", FRAMES)
def test_every_set_of_frames_is_labelled_by_its_own_engine(name, scripts):
    entry = scripts("registry").SETS[name]
    script, engine = entry["labeler"], CATALOG[name]["engine"].split(",")[0].split(";")[0]
    expected = next(module for word, module in ENGINES.items() if word in engine)
    assert expected in {script, *imports_of(script)}, f"{script}.py does not label with {engine}"
    tree = ast.parse((MAKE / f"{script}.py").read_text(encoding="utf-8"))
    assert "labeler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    pack = ast.parse((MAKE / "pack.py").read_text(encoding="utf-8"))
    assert name in {node.name for node in pack.body if isinstance(node, ast.FunctionDef)}, "pack.py cannot pack it"
    assert "packed_from" in entry


def test_denser_k_points_are_remade_on_denser_k_points(scripts):
    """They once were remade with GFN2."""
    registry = scripts("registry")
    labels = {file: registry.label_of(file) for file in ("silicon", "silicon_vacancy", "silicon_k_points", "h2_si100")}
    settings = {file: dict(zip(f.__code__.co_freevars, f.__closure__, strict=True)) for file, f in labels.items()}
    grids = {file: cells["settings"].cell_contents["k_points"] for file, cells in settings.items()}
    assert grids["silicon"] == grids["silicon_vacancy"] == "K_POINTS gamma"
    assert grids["silicon_k_points"].endswith("2 2 2 1 1 1")
    assert grids["h2_si100"].endswith("2 4 1 1 1 0")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("nothing", "no set has a file nothing.npz; there are dimers, ammonia"),
        ("silicon_structure", "holds no labelled frames: make/silicon_structure.py makes"),
        ("dimers", "holds no labelled frames"),
    ],
)
def test_what_cannot_be_remade_says_so(file, words, scripts):
    with pytest.raises(SystemExit, match=words):
        scripts("registry").label_of(file)


@pytest.mark.parametrize(("file", "package"), [("ethanol", "PySCF"), ("water_dimer", "tblite")])
def test_a_missing_engine_is_named(file, package, scripts):
    if importlib.util.find_spec(package.lower()):
        pytest.skip(f"{package} is installed")
    with pytest.raises(SystemExit, match=f"is labelled by {package} .*which is not installed"):
        scripts("registry").label_of(file)


def test_one_gfn2_dynamics_serves_every_set(scripts, monkeypatch):
    """EMT stands in for tblite: what is tested is the trajectory, not the engine."""
    fake = types.ModuleType("tblite.ase")
    fake.__dict__["TBLite"] = lambda **_: EMT()
    monkeypatch.setitem(sys.modules, "tblite", types.ModuleType("tblite"))
    monkeypatch.setitem(sys.modules, "tblite.ase", fake)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    gfn2 = scripts("gfn2")
    frames = list(gfn2.dynamics(molecule("H2O"), 300, 3, seed=1, friction=0.02, settle=5, stride=4))
    again = list(gfn2.dynamics(molecule("H2O"), 300, 3, seed=1, friction=0.02, settle=5, stride=4))
    assert len(frames) == 3
    for frame, same in zip(frames, again, strict=True):
        assert np.allclose(frame.get_center_of_mass(), 0, atol=1e-12)
        assert (frame.positions == same.positions).all()
        alone = frame.copy()
        alone.calc = EMT()
        assert frame.get_potential_energy() == pytest.approx(alone.get_potential_energy(), abs=1e-9)
        assert np.allclose(frame.get_forces(), alone.get_forces(), atol=1e-9)
    for script in ("ammonia", "ethanol", "alanine_dipeptide", "water_clusters"):
        tree = ast.parse((MAKE / f"{script}.py").read_text(encoding="utf-8"))
        assert "dynamics" not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, script
