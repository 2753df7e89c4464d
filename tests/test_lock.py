"""The locks hold the pins of pyproject.toml and everything these need, on each Python and system, with checksums."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    "course": PROJECT["dependencies"],
    "test": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"],
}
BUILD = [line for line in (REPOSITORY / "lock" / "build.in").read_text().splitlines() if not line.startswith("#")]
PARTED = "pyproject.toml and lock/ have parted: run `make lock`"

Lock = list[Requirement]
PYTHONS = ("3.11.7", "3.12.1", "3.13.0")
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    "macOS": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin"},
    "Windows": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
}
every_computer = pytest.mark.parametrize("system", SYSTEMS)
every_python = pytest.mark.parametrize("python", PYTHONS)


def text(name: str) -> str:
    return (REPOSITORY / "lock" / f"{name}.txt").read_text(encoding="utf-8")


def entries(lock: str) -> list[str]:
    """The text of each entry: the requirement, then its checksums."""
    lines = [line for line in lock.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#")]
    return [line for line in lines if line.strip()]


def read(lock: str) -> Lock:
    return [Requirement(entry.partition("--hash")[0]) for entry in entries(lock)]


def computer(python: str, system: str) -> dict[str, str]:
    """What a requirement's condition may ask about."""
    short = python.rpartition(".")[0]
    return {"python_version": short, "python_full_version": python, "extra": ""} | SYSTEMS[system]


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def missing(wanted: list[Requirement], lock: Lock, environment: dict[str, str]) -> list[str]:
    """What is wanted on a computer, by a package of the project or by one that such a package needs, and not locked.

    The requirements of a package are those of its installed version; one that is not installed here is not asked.
    """
    versions = {canonicalize_name(entry.name): entry for entry in lock if applies(entry, environment)}
    faults, seen = [], set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if not applies(requirement, environment) or (name, str(requirement)) in seen:
            continue
        seen.add((name, str(requirement)))
        if name != "torch":
            entry = versions.get(name)
            if entry is None:
                faults.append(f"{requirement} is not locked")
                continue
            version = str(entry.specifier).removeprefix("==")
            if not requirement.specifier.contains(version, prereleases=True):
                faults.append(f"{requirement} is wanted, {version} is locked")
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        wanted += [need for need in map(Requirement, needs) if not gpu(need)]
    return faults


def gpu(requirement: Requirement) -> bool:
    """Whether it is one of the libraries that PyTorch brings along for GPUs."""
    return bool(re.match(r"nvidia-|cuda-|triton", canonicalize_name(requirement.name)))


@pytest.mark.parametrize("name", PINS)
def test_the_pins_are_locked_as_they_are(name):
    locked = {canonicalize_name(entry.name): str(entry.specifier) for entry in read(text(name))}
    for pin in map(Requirement, PINS[name]):
        if pin.name != "torch":
            assert locked.get(canonicalize_name(pin.name)) == str(pin.specifier), f"{pin.name}: {PARTED}"


@every_computer
@every_python
@pytest.mark.parametrize("name", ["course", "test", "build"])
def test_everything_a_package_needs_is_locked(name, python, system):
    wanted = list(map(Requirement, PINS.get(name, BUILD)))
    assert missing(wanted, read(text(name)), computer(python, system)) == [], PARTED


def test_a_package_that_is_missing_or_too_old_would_be_seen():
    lock, environment = read(text("course")), computer("3.12.1", "Linux")
    without = [entry for entry in lock if entry.name not in ("sympy", "tornado")] + [Requirement("tornado==1.0")]
    faults = missing(list(map(Requirement, PINS["course"])), without, environment)
    assert "sympy>=1.13.3 is not locked" in faults
    assert any(fault.startswith("tornado") and "1.0 is locked" in fault for fault in faults)
    colorless = [entry for entry in lock if entry.name != "colorama"]
    assert missing([Requirement("tqdm")], colorless, environment) == []
    assert missing([Requirement("tqdm")], colorless, computer("3.12.1", "Windows")) != []


@pytest.mark.parametrize("name", ["course", "test", "build"])
def test_every_entry_has_one_version_and_checksums(name):
    for entry in entries(text(name)):
        requirement = Requirement(entry.partition("--hash")[0])
        assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier)), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), requirement


@pytest.mark.parametrize("name", ["course", "test", "build"])
def test_a_lock_is_of_no_index_and_no_machine_and_without_pytorch(name):
    assert not re.search(r"https?:|file:|index-url|find-links|(?m:^-)", text(name))
    assert not [entry for entry in read(text(name)) if entry.name == "torch" or gpu(entry)]


def test_the_locks_agree():
    tests, course = read(text("test")), read(text("course"))
    assert {str(entry) for entry in course} <= {str(entry) for entry in tests}
    build = {entry.name: str(entry.specifier) for entry in read(text("build"))}
    both = {entry.name: str(entry.specifier) for entry in course if entry.name in build}
    assert both == {name: build[name] for name in both}


def test_pytorch_is_resolved_as_it_is():
    resolved = tomllib.loads((REPOSITORY / "lock" / "uv.toml").read_text())["dependency-metadata"]
    (torch,) = resolved
    assert f"torch=={torch['version']}" in PROJECT["dependencies"]
    needs = [need for need in map(Requirement, importlib.metadata.requires("torch") or []) if not gpu(need)]
    assert {str(need) for need in needs if "extra" not in str(need.marker)} == set(torch["requires-dist"])


# --- what else installs ----------------------------------------------------------------------------------------------


def test_containers_name_no_version_of_their_own():
    for name in ("Dockerfile", "devcontainer.json"):
        lines = (REPOSITORY / ".devcontainer" / name).read_text(encoding="utf-8")
        assert "make" in lines
        assert "pip" not in lines
        for version in re.findall(r"\d+(?:\.\d+)+", lines.replace("0.0.0.0", "")):
            assert version in ("3.11", "3.12", "3.13"), f"{name} names {version}"


def test_the_readme_installs_from_the_lock():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for lock in re.findall(r"lock[/\\](\w+\.txt)", readme):
        assert (REPOSITORY / "lock" / lock).is_file()
    assert readme.count("--require-hashes") >= 2
