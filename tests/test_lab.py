"""The command line, and JupyterLab started on accounts and computers of every kind."""

import os
import subprocess
import sys

import pytest

from mininnip import __main__ as command_line
from mininnip import doctor, lab, student


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Where the course and its copy are said to be, and a home folder."""
    monkeypatch.setattr(student, "require_course", lambda: tmp_path / "course")
    monkeypatch.setattr(student, "update_copy", lambda: tmp_path / "course-student")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in lab.JUPYTER_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def started(monkeypatch, folders):
    """What would be started instead of JupyterLab: commands and variables."""
    calls = []

    def run(command, env):
        calls.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(lab, "is_root", lambda: False)
    monkeypatch.setattr(lab.subprocess, "run", run)
    return calls


def test_lab_opens_the_copy_and_the_instructor_the_originals(started, folders):
    assert command_line.main(["lab", "--no-browser"]) == 0
    assert command_line.main(["lab", "--instructor"]) == 0
    (student_lab, _), (instructor_lab, _) = started
    assert f"--ServerApp.root_dir={folders}" in student_lab
    assert "--LabApp.default_url=/lab/tree/course-student/00_start_here.ipynb" in student_lab
    assert "--LabApp.default_url=/lab/tree/course/00_start_here.ipynb" in instructor_lab
    assert student_lab[-1] == "--no-browser"
    assert "--allow-root" not in student_lab
    assert "--instructor" not in instructor_lab


def test_root_is_let_in_and_told_so(started, monkeypatch, capsys):
    monkeypatch.setattr(lab, "is_root", lambda: True)
    assert command_line.main(["lab"]) == 0
    assert "--allow-root" in started[0][0]
    assert capsys.readouterr().out.startswith("You are root: JupyterLab is started with --allow-root.")
    assert command_line.main(["lab", "--allow-root"]) == 0
    assert started[1][0].count("--allow-root") == 1
    assert capsys.readouterr().out == ""


def test_a_home_folder_that_cannot_be_written_costs_only_the_history(started, folders, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(folders / "nowhere"))
    monkeypatch.setenv("USERPROFILE", str(folders / "nowhere"))
    assert command_line.main(["lab"]) == 0
    environment = started[0][1]
    assert all(environment[name].startswith(os.path.dirname(environment["IPYTHONDIR"])) for name in lab.JUPYTER_FOLDERS)
    assert "nowhere cannot be written: Jupyter's settings" in capsys.readouterr().out
    assert not os.path.exists(os.path.dirname(environment["IPYTHONDIR"])), "the temporary folder is removed again"


def test_a_home_folder_in_order_is_left_alone(started, capsys):
    assert command_line.main(["lab"]) == 0
    assert not set(lab.JUPYTER_FOLDERS) & set(started[0][1])
    assert capsys.readouterr().out == ""


def test_what_is_said_comes_before_jupyterlabs_own_lines(tmp_path):
    source = (
        "import sys\nfrom mininnip import lab, student\n"
        f"student.update_copy = lambda: lab.Path({str(tmp_path)!r}) / 'course-student'\n"
        "lab.is_root = lambda: True\n"
        "lab.subprocess.run = lambda *args, **kwargs: lab.os._exit(0)\n"
        "lab.open_lab()"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert "--allow-root" in run.stdout


def test_ctrl_c_ends_lab_quietly(started, monkeypatch):
    def interrupted(command, env):
        raise KeyboardInterrupt

    monkeypatch.setattr(lab.subprocess, "run", interrupted)
    assert command_line.main(["lab"]) == 0


def test_doctor_and_student_from_the_command_line(folders, monkeypatch, capsys):
    assert command_line.main(["student"]) == 0
    assert f"{folders / 'course-student'}{os.sep}" in capsys.readouterr().out
    for healthy, status in [(True, 0), (False, 1)]:
        monkeypatch.setattr(doctor, "report", lambda healthy=healthy: healthy)
        assert command_line.main(["doctor"]) == status
    with pytest.raises(SystemExit):
        command_line.main(["doctor", "--no-browser"])
    assert "unknown: --no-browser" in capsys.readouterr().err
