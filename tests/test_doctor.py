"""The doctor: each finding seen healthy and broken, one line and one remedy each."""

import hashlib
import importlib.metadata
import json
import socket
import subprocess
import sys
from collections import namedtuple
from types import ModuleType

import pytest

from mininnip import doctor


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


def statuses(findings):
    return [finding.status for finding in findings]


def test_a_start_that_will_work(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path)
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000, raising=False)
    findings = doctor.check_start()
    assert statuses(findings) == ["ok", "ok"]
    assert "beside course/" in findings[0].line


def test_root_is_told_what_will_be_done(monkeypatch):
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 0, raising=False)
    *_, root = doctor.check_start()
    assert root.status == "note"
    assert "--allow-root" in root.line


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path / "course-folder")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: "home" in str(path))
    assert "in your home folder" in doctor.check_start()[0].line
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    assert_repair(doctor.check_start()[0], "neither the course's folder nor your home folder", "a folder of your own")


def test_ports(monkeypatch):
    with socket.socket() as taken, socket.socket() as other:
        taken.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1], other.getsockname()[1]]
        monkeypatch.setattr(doctor, "PORTS", ports)
        assert_repair(doctor.check_start()[1], f"{ports[0]} to {ports[1]} are taken", "--port=9999")
        other.close()
        assert doctor.check_start()[1].status == "ok"


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
