"""The house stands: layers, what each may import, public names, one set of versions, no path of somebody's machine."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "mininnip"

# The rooms of the house from the ground up: a file imports only from rooms above its own in this list. A file that its
# neighbors in the same folder build on has a line of its own before the folder's.
ROOMS = """
    threads memory adam arguments elements neighbors graph segments radial so3 model scaling
    descriptors.angular_terms descriptors
    classical.fitting classical.pair classical linear
    kernel.hyperparameters kernel.covariance kernel
    neural.mlp neural
    electrostatics sum
    blocks potential ensemble calculator saving
    data.dataset data.curves data.sets data.labels data.files data.download data
    evaluation checkpoint training ensemble_training
    surfaces.derivatives surfaces
    labeling
    sampling.limits sampling.dynamics sampling.biased sampling.normal_modes sampling
    uncertainty.spread uncertainty.latent uncertainty.distance uncertainty shallow_ensemble
    adversarial journal labeling active_learning
    analysis collective_attack
    figures.picture figures.plotting figures.alive figures.quiet_viewer figures
    widgets.background widgets.live_figure widgets.panel widgets.parameters widgets.stage widgets
    exercises.reading exercises.engine exercises.makers exercises.prediction
    exercises.graphs exercises.periodic exercises.shapes exercises.turning exercises
    doctor student lab __main__
""".split()
# Libraries that would make every import slow, and the rooms that may use them; below `analysis` all of them may come.
MAY_IMPORT = {
    "ase": {"graph", "neighbors", "calculator", "data", "sampling"},
    "matplotlib": set(),
    "jupyter": {"figures.alive", "figures.quiet_viewer", "figures.viewer"},
}
FROM_ROOM = {"ase": "analysis", "matplotlib": "figures.picture", "jupyter": "widgets.background"}
JUPYTER = {"IPython", "ipywidgets", "anywidget", "nglview", "nbformat", "nbclient", "traitlets", "ipykernel"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
NAMES = [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in MODULES]
every_module = pytest.mark.parametrize(("path", "name"), list(zip(MODULES, NAMES, strict=True)), ids=NAMES)


def room(name: str) -> int:
    """Place in the list of a module, by its own line or by its folder's."""
    while name not in ROOMS:
        name, dot, _ = name.rpartition(".")
        assert dot, f"{name!r} has no room: give it its place in ROOMS"
    return ROOMS.index(name)


def may_import(name: str, library: str) -> bool:
    """Whether a module is in a room that may import one of the heavy libraries."""
    allowed = any(f"{name}.".startswith(f"{place}.") for place in MAY_IMPORT[library])
    return allowed or room(name) >= room(FROM_ROOM[library])


def imported(source: str, name: str = "") -> set[str]:
    """Every module that the source of module `name` imports; `from mininnip import graph` counts as mininnip.graph."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = ["mininnip", *name.split(".")][: -node.level] if node.level else []
            start = ".".join([*parents, *([node.module] if node.module else [])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    return found


def own_imports(source: str, name: str = "") -> set[str]:
    """The mininnip modules that the source of module `name` imports, as names of the table."""
    names = {module.removeprefix("mininnip.") for module in imported(source, name) if module.startswith("mininnip.")}
    return {
        next((known for known in sorted(NAMES, reverse=True) if f"{name}.".startswith(f"{known}.")), name)
        for name in names
    }


@every_module
def test_imports_go_only_downward(path, name):
    source = path.read_text(encoding="utf-8")
    last = room(name) >= room("exercises.engine")
    assert "mininnip" not in imported(source) or last, f"{name}: import the module where a name lives"
    for other in own_imports(source, name):
        assert room(other) < room(name), f"{name} imports {other}, whose room is not above its own"


@every_module
def test_ase_matplotlib_and_jupyter_only_where_they_belong(path, name):
    roots = {module.split(".")[0] for module in imported(path.read_text(encoding="utf-8"))}
    used = {"jupyter" if root in JUPYTER or root.startswith("jupyter") else root for root in roots}
    for library in used & set(MAY_IMPORT):
        assert may_import(name, library), f"{name} imports {library}, which is too heavy for its room"
    assert not used & {"course", "tests", "pytest"}


@every_module
def test_a_file_says_what_it_is_and_its_public_parts_too(path, name):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(ast.get_docstring(tree) or "") > 60, "the first lines say what the file is"
    assert not set(name.split(".")) & {"utils", "util", "common", "base", "helpers", "helper", "misc"}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}.{node.name} has no docstring"


def test_the_room_checks_see_every_way_to_import():
    source = "import ase.io\nfrom mininnip import graph\ndef f():\n    from mininnip.classical.pair import morse"
    assert imported(source) == {"ase.io", "mininnip.graph", "mininnip.classical.pair.morse"}
    assert own_imports(source) == {"graph", "classical.pair"}
    assert imported("from .panel import Panel", "widgets.hero") == {"mininnip.widgets.panel.Panel"}
    assert room("classical.bonded") == room("classical") > room("graph")
    with pytest.raises(AssertionError, match="has no room"):
        room("somewhere.new")


def test_importing_the_package_is_quick_and_leaves_the_heavy_libraries_alone():
    source = (
        "import time, sys, torch\n"
        "start = time.process_time(); import mininnip; seconds = time.process_time() - start\n"
        "heavy = {'matplotlib', 'IPython', 'ipywidgets', 'anywidget', 'nglview', 'scipy', 'jupyter_core'}\n"
        "print(seconds, *sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    seconds, *heavy = run.stdout.split()
    assert heavy == []
    assert float(seconds) < 0.3, f"import mininnip takes {seconds} s of processor time on top of torch"


def test_every_public_name_exists():
    import mininnip

    assert dir(mininnip) == sorted(set(dir(mininnip)))
    for name in dir(mininnip):
        assert getattr(mininnip, name) is not None, name
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(mininnip, "no_such_name")  # noqa: B009


# --- one set of versions --------------------------------------------------------------------------------------------

CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def conda_pins(environment: dict) -> dict[str, str]:
    """Name and version of each package in environment.yml, under the names pyproject uses."""
    pip_entries = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    entries = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    pins = [re.fullmatch(r"([\w.-]+)(?:==?([\w.]+))?", entry) for entry in entries + pip_entries if entry != "-e ."]
    assert all(pins), f"an entry of environment.yml is not name=version: {entries + pip_entries}"
    return {CONDA_NAMES.get(pin[1], pin[1]): pin[2] for pin in pins if pin and pin[1] not in ("python", "pip")}


def test_every_dependency_is_pinned_and_conda_has_the_same_versions():
    environment = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
    pins = dict(requirement.split("==") for requirement in project()["dependencies"])
    assert conda_pins(environment) == pins
    assert set(environment) == {"name", "channels", "dependencies"}
    assert environment["channels"] == ["conda-forge"]
    extras = project()["optional-dependencies"]["test"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", requirement) for requirement in extras)


def test_a_wrong_version_in_environment_yml_would_be_seen():
    environment = {"dependencies": ["python=3.11", "pytorch=2.12.0", {"pip": ["vesin==0.6.2", "-e ."]}]}
    assert conda_pins(environment) == {"torch": "2.12.0", "vesin": "0.6.2"}


def test_one_version_number():
    import mininnip

    version = project()["version"]
    assert mininnip.__version__ == version
    assert f"version: {version}\n" in (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {version}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


# --- nothing of one machine -----------------------------------------------------------------------------------------

TEXT = {".py", ".ipynb", ".md", ".toml", ".yml", ".json", ".cff", ".mplstyle", ".svg", ""}
LEFT_OUT = {".git", ".venv", "course-student", "screenshots", "build", "__pycache__", ".ipynb_checkpoints"}
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|opt|mnt)/[\w.-]+|[A-Z]:\\\\?Users\\")


def project_files() -> list[Path]:
    """Text files of the project, without what tools and people leave in the folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    paths = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths or REPOSITORY.rglob("*") if path.suffix in TEXT and path.is_file()]


def test_no_file_names_a_path_of_one_machine():
    for path in project_files():
        if LEFT_OUT.isdisjoint(path.relative_to(REPOSITORY).parts):
            found = MACHINE_PATH.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(REPOSITORY)} holds {found[0]}"


def test_the_path_check_sees_paths_and_lets_addresses_pass():
    slash = "/"
    assert MACHINE_PATH.search(f"open('{slash}home/ada/x.py')")
    assert not MACHINE_PATH.search("https://example.org/home/page, mininnip/work/x")


def test_links_of_the_top_level_pages_lead_somewhere():
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (REPOSITORY / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if not target.startswith(("http", "mailto")):
                assert (REPOSITORY / target).exists(), f"{page} links to {target}, which is not there"
