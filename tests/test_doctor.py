"""The doctor, the student's copy and the command line: each finding seen healthy and broken, no answer ever lost."""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from collections import namedtuple
from types import ModuleType

import pytest

from mininnip import __main__ as command_line
from mininnip import doctor, student

# --- the doctor -----------------------------------------------------------------------------------------------------


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def assert_repair(finding, line, remedy=""):
    assert finding.status == "repair"
    assert line in finding.line
    assert remedy in finding.remedy
    assert finding.remedy
    assert "\n" not in finding.line + finding.remedy


def test_every_finding_is_one_line_with_a_remedy_where_one_is_needed(capsys):
    findings = doctor.examine()
    assert len(findings) >= len(doctor.CHECKS)
    for finding in findings:
        assert "\n" not in finding.line
        assert bool(finding.remedy) == (finding.status != "ok")
    healthy = doctor.report()
    assert healthy == all(finding.status != "repair" for finding in findings)
    assert ("Ready" in capsys.readouterr().out) == healthy


def test_a_check_that_fails_itself_becomes_a_finding(monkeypatch):
    def check_moon():
        raise OSError("no moon")

    monkeypatch.setattr(doctor, "CHECKS", [check_moon])
    assert_repair(only(doctor.examine()), "check_moon failed: OSError: no moon")
    assert doctor.report() is False


def test_a_python_without_builds_is_named(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 14, 1))
    assert_repair(only(doctor.check_python()), "needs 3.11, 3.12 or 3.13", "install Python 3.13")


def test_the_pins_are_those_of_the_project():
    pins = doctor.pinned_versions()
    assert pins["nglview"] == "4.0"
    assert {"torch", "numpy", "ase", "jupyterlab"} <= set(pins)


def test_another_version_is_a_note_and_a_missing_package_a_repair(monkeypatch):
    def version(name):
        if name == "ase":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "scipy" else f"{doctor.pinned_versions()[name]}+cpu"

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    fine, *others = doctor.check_packages()
    assert fine.status == "ok"
    note = next(finding for finding in others if finding.status == "note")
    assert "scipy is 0.1" in note.line
    assert_repair(next(f for f in others if f.status == "repair"), "ase is not installed")


@pytest.mark.parametrize(("cuda", "mps", "said"), [(False, False, "cpu"), (False, True, "mps"), (True, False, "cuda")])
def test_the_device_is_named(monkeypatch, cuda, mps, said):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert f"device: {said}" in only(doctor.check_device()).line


@pytest.mark.parametrize(("installed", "line"), [(None, "JupyterLab has none"), ("3.1.0", "JupyterLab has 3.1.0")])
def test_widgets_without_their_javascript_half(monkeypatch, installed, line):
    monkeypatch.setattr(doctor, "extension_version", lambda name: installed)
    findings = doctor.check_widgets()
    assert len(findings) == 2
    for finding in findings:
        assert_repair(finding, line, "make course")


def test_the_viewers_two_halves_must_match(monkeypatch):
    assert {finding.status for finding in doctor.check_viewer()} == {"ok"}
    monkeypatch.setattr(doctor, "extension_version", lambda name: "9.9")
    assert_repair(only(doctor.check_viewer()), "JupyterLab has 9.9: molecules would be red boxes", "nglview==4.0")
    monkeypatch.setattr(doctor, "extension_version", lambda name: None)
    assert_repair(only(doctor.check_viewer()), "JupyterLab has none", "nglview==4.0")


def test_a_viewer_that_does_not_import(monkeypatch):
    monkeypatch.setitem(sys.modules, "nglview._frontend", ModuleType("empty"))
    assert_repair(only(doctor.check_viewer()), "cannot be imported (AttributeError", "nglview==4.0")
    monkeypatch.setitem(sys.modules, "nglview._frontend", None)
    assert_repair(only(doctor.check_viewer()), "cannot be imported (ModuleNotFoundError", "nglview==4.0")


@pytest.mark.parametrize(("gib", "status"), [(0.5, "repair"), (1.5, "note"), (4, "ok")])
def test_memory(monkeypatch, gib, status):
    import psutil

    memory = namedtuple("memory", "available")(int(gib * 2**30))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    finding = only(doctor.check_memory())
    assert finding.status == status
    assert f"{gib:.1f} GiB" in finding.line


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """A data folder with one healthy file."""
    (tmp_path / "curve.npz").write_bytes(b"numbers")
    facts = {"sha256": hashlib.sha256(b"numbers").hexdigest(), "bytes": 7}
    (tmp_path / "index.json").write_text(json.dumps({"curve": {"files": {"curve.npz": facts}}}))
    monkeypatch.setenv("MININNIP_DATA", str(tmp_path))
    return tmp_path


def test_healthy_data(data_folder):
    assert only(doctor.check_data()) == doctor.Finding("ok", "data: 1 files, all checksums right")


def test_tampered_missing_and_unreadable_data(data_folder):
    (data_folder / "curve.npz").write_bytes(b"Numbers")
    assert_repair(only(doctor.check_data()), "curve.npz has changed since it was made", "git checkout -- data")
    (data_folder / "curve.npz").unlink()
    assert_repair(only(doctor.check_data()), "curve.npz is missing")
    for text, said in {"{": "JSONDecodeError", '{"curve": {}}': "KeyError", "[]": "AttributeError"}.items():
        (data_folder / "index.json").write_text(text)
        assert_repair(only(doctor.check_data()), f"index.json is damaged ({said}")
    (data_folder / "index.json").unlink()
    assert_repair(only(doctor.check_data()), "index.json cannot be read in the folder MININNIP_DATA (No such file")


def test_chromium_is_only_a_note(monkeypatch, tmp_path):
    program = tmp_path / "my-chromium"
    program.touch(mode=0o755)
    monkeypatch.setenv("MININNIP_CHROMIUM", str(program))
    assert doctor.find_chromium() == str(program)
    assert doctor.require_chromium() == str(program)
    assert only(doctor.check_browser()).status == "ok"
    monkeypatch.setenv("MININNIP_CHROMIUM", str(tmp_path / "nothing"))
    note = only(doctor.check_browser())
    assert note.status == "note"
    assert "apt install chromium" in note.remedy
    with pytest.raises(SystemExit, match="BROWSER=no"):
        doctor.require_chromium()


def test_chromium_is_found_by_its_usual_names(monkeypatch, tmp_path):
    monkeypatch.delenv("MININNIP_CHROMIUM", raising=False)
    monkeypatch.setattr(doctor, "CHROMIUM_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.find_chromium() is None
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert doctor.find_chromium() == str(tmp_path / "google-chrome")


def test_the_doctor_runs_as_a_file_where_the_package_cannot_be_imported(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('a broken torch')")
    run = subprocess.run(
        [sys.executable, doctor.__file__], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "check_device failed: ImportError: a broken torch" in run.stdout
    assert run.stderr == ""


# --- the student's copy ---------------------------------------------------------------------------------------------

WRITTEN_OUTPUT = {"output_type": "stream", "name": "stdout", "text": ["6\n"]}


def cell(source, kind="code", **metadata):
    common = {"cell_type": kind, "id": source[:8].strip(), "metadata": metadata, "source": source}
    return common | ({"outputs": [WRITTEN_OUTPUT], "execution_count": 1} if kind == "code" else {})


def write_lesson(folder, cells, name="00_start_here.ipynb"):
    folder.mkdir(exist_ok=True)
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")


def sources(path):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


@pytest.fixture
def repository(tmp_path):
    """A course of one notebook with a figure."""
    write_lesson(tmp_path / "course", [cell("# Title", "markdown"), cell("1 + 5"), cell("to ask", tags=["instructor"])])
    (tmp_path / "course" / "figures").mkdir()
    (tmp_path / "course" / "figures" / "map.svg").write_text("<svg/>")
    return tmp_path


@pytest.fixture
def copy(repository):
    """The student's copy of it."""
    return student.update_copy(repository)


def test_the_copy_has_no_instructor_cells_and_no_outputs_and_the_original_keeps_both(repository, copy):
    lesson = json.loads((copy / "00_start_here.ipynb").read_text())
    assert sources(copy / "00_start_here.ipynb") == ["# Title", "1 + 5"]
    assert lesson["cells"][1]["outputs"] == []
    assert lesson["cells"][1]["execution_count"] is None
    assert (copy / "figures" / "map.svg").is_file()
    assert len(sources(repository / "course" / "00_start_here.ipynb")) == 3


def test_without_a_new_version_a_students_file_is_not_touched(repository, copy):
    (copy / "00_start_here.ipynb").write_text("half a notebook")
    student.update_copy(repository)
    assert (copy / "00_start_here.ipynb").read_text() == "half a notebook"


def test_a_new_version_replaces_a_copy_that_was_only_run(repository, copy):
    write_lesson(copy, [cell("# Title", "markdown"), cell("1 + 5")])  # as delivered, with outputs
    write_lesson(repository / "course", [cell("# New title", "markdown")])
    student.update_copy(repository)
    assert sources(copy / "00_start_here.ipynb") == ["# New title"]
    assert [path.name for path in copy.glob("*.ipynb")] == ["00_start_here.ipynb"]


@pytest.mark.parametrize("mine", ["my answer", "broken"])
def test_a_new_version_sets_a_students_own_work_aside_every_time(repository, copy, capsys, mine):
    for title in ("second", "third"):
        if mine == "broken":
            (copy / "00_start_here.ipynb").write_text("{ not JSON")
        else:
            write_lesson(copy, [cell(f"{mine} before the {title}")])
        write_lesson(repository / "course", [cell(f"# {title}", "markdown")])
        student.update_copy(repository)
        assert sources(copy / "00_start_here.ipynb") == [f"# {title}"]
        assert "your own answers are kept in course-student/00_start_here-mine-" in capsys.readouterr().out
    kept = sorted(path.read_text() for path in copy.glob("*-mine-*.ipynb"))
    assert len(kept) == 2
    assert mine == "broken" or all(f"my answer before the {title}" in "".join(kept) for title in ("second", "third"))


def test_a_copy_whose_record_is_lost_is_treated_as_edited(repository, copy):
    write_lesson(copy, [cell("mine")])
    (copy / ".delivered.json").unlink()
    student.update_copy(repository)
    assert len(list(copy.glob("*-mine-*.ipynb"))) == 1


def test_a_package_without_the_course_says_so(tmp_path):
    with pytest.raises(SystemExit, match="There is no folder course/"):
        student.update_copy(tmp_path)


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch, repository):
    """What would be started instead of JupyterLab."""
    commands = []

    def run(command, env):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(student, "require_course", lambda: repository / "course")
    monkeypatch.setattr(student, "update_copy", lambda: repository / "course-student")
    monkeypatch.setattr(student.subprocess, "run", run)
    return commands


def test_lab_opens_the_copy_and_the_instructor_the_originals(started):
    assert command_line.main(["lab", "--no-browser"]) == 0
    assert command_line.main(["lab", "--instructor"]) == 0
    student_lab, instructor_lab = started
    assert "--LabApp.default_url=/lab/tree/course-student/00_start_here.ipynb" in student_lab
    assert "--LabApp.default_url=/lab/tree/course/00_start_here.ipynb" in instructor_lab
    assert student_lab[-1] == "--no-browser"
    assert "--instructor" not in instructor_lab


def test_ctrl_c_ends_lab_quietly(started, monkeypatch):
    def interrupted(command, env):
        raise KeyboardInterrupt

    monkeypatch.setattr(student.subprocess, "run", interrupted)
    assert command_line.main(["lab"]) == 0


def test_doctor_and_student_from_the_command_line(started, monkeypatch, capsys):
    assert command_line.main(["student"]) == 0
    assert "course-student/" in capsys.readouterr().out
    for healthy, status in [(True, 0), (False, 1)]:
        monkeypatch.setattr(doctor, "report", lambda healthy=healthy: healthy)
        assert command_line.main(["doctor"]) == status
    with pytest.raises(SystemExit):
        command_line.main(["doctor", "--no-browser"])
    assert "unknown: --no-browser" in capsys.readouterr().err
