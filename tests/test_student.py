"""The student's copy: refreshed, never lost, and one sentence for whatever stands in the way."""

import errno
import json
from pathlib import Path

import pytest

from mininnip import student


def only(things):
    (thing,) = things
    return thing


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A home folder of its own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


WRITTEN_OUTPUT = {"output_type": "stream", "name": "stdout", "text": ["6\n"]}


def cell(source, kind="code", **metadata):
    common = {"cell_type": kind, "id": source[:8].strip(), "metadata": metadata, "source": source}
    return common | ({"outputs": [WRITTEN_OUTPUT], "execution_count": 1} if kind == "code" else {})


def write_lesson(folder, cells, name="00_start_here.ipynb"):
    folder.mkdir(exist_ok=True, parents=True)
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
    lesson = copy / "00_start_here.ipynb"
    write_lesson(copy, [cell("my own")])
    before = lesson.read_bytes()
    student.update_copy(repository)
    assert lesson.read_bytes() == before
    write_lesson(copy, [cell("# Title", "markdown"), cell("1 + 5")])  # run, not edited: its outputs stay
    (copy / ".delivered.json").unlink()
    student.update_copy(repository)
    assert json.loads(lesson.read_text())["cells"][1]["outputs"]


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
        assert "kept in course-student/00_start_here-mine-" in capsys.readouterr().out
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


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_is_replaced(repository, copy, capsys, content):
    (copy / "00_start_here.ipynb").write_text(content)
    student.update_copy(repository)
    assert sources(copy / "00_start_here.ipynb") == ["# Title", "1 + 5"]
    assert capsys.readouterr().out == "00_start_here.ipynb was an empty file; you have a fresh one\n"
    assert list(copy.glob("*-mine-*")) == []


@pytest.mark.parametrize("content", [b"{ half", b"[]", b'{"cells": 5}', b'{"cells": [5]}', b"\xff\xfe"])
def test_a_file_that_is_no_notebook_is_kept_aside(repository, copy, capsys, content):
    (copy / "00_start_here.ipynb").write_bytes(content)
    student.update_copy(repository)
    assert sources(copy / "00_start_here.ipynb") == ["# Title", "1 + 5"]
    assert only(copy.glob("*-mine-*")).read_bytes() == content
    assert "00_start_here.ipynb was damaged; you have a fresh one" in only(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("content", [b"", b"{ half", b"[1]", b"3", b"\xff\xfe"])
def test_a_damaged_record_loses_nothing(repository, copy, capsys, content):
    write_lesson(copy, [cell("my answer")])
    (copy / ".delivered.json").write_bytes(content)
    student.update_copy(repository)
    assert sources(only(copy.glob("*-mine-*"))) == ["my answer"]
    assert "course-student/.delivered.json is damaged" in capsys.readouterr().out
    student.update_copy(repository)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", ["", "{ half", '{"cells": [5]}', "[]"])
def test_a_damaged_course_is_said_and_the_students_copy_stays(repository, copy, content):
    before = (copy / "00_start_here.ipynb").read_bytes()
    (repository / "course" / "00_start_here.ipynb").write_text(content)
    with pytest.raises(SystemExit, match=r"00_start_here\.ipynb is damaged: it is no notebook"):
        student.update_copy(repository)
    assert (copy / "00_start_here.ipynb").read_bytes() == before


def test_a_read_only_course_gives_a_copy_that_can_be_written(repository):
    for path in (repository / "course").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    copy = student.update_copy(repository)
    for path in (copy / "figures", *copy.rglob("*.*")):
        assert path.stat().st_mode & 0o200, path


def test_a_place_that_cannot_be_written_gives_a_copy_in_the_home_folder(repository, home, monkeypatch, capsys):
    monkeypatch.setattr(student, "can_be_written", lambda folder: home in folder.parents)
    assert student.update_copy(repository) == home / "course-student"
    assert sources(home / "course-student" / "00_start_here.ipynb") == ["# Title", "1 + 5"]
    assert f"your copy of the lessons is {home / 'course-student'}" in only(capsys.readouterr().out.splitlines())
    assert not (repository / "course-student").exists()


def test_nowhere_to_write_is_one_sentence(repository, home, monkeypatch):
    monkeypatch.setattr(student, "can_be_written", lambda folder: False)
    with pytest.raises(SystemExit, match="Copy the whole course into a folder of your own"):
        student.update_copy(repository)


def test_a_disk_that_fills_up_is_one_sentence_and_the_old_file_stays(repository, copy, monkeypatch):
    before = (copy / "00_start_here.ipynb").read_bytes()
    write_lesson(repository / "course", [cell("# New", "markdown")])

    def full(path, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit, match=r"cannot be written: No space left on device"):
        student.update_copy(repository)
    assert (copy / "00_start_here.ipynb").read_bytes() == before


def test_a_file_in_the_place_of_the_folder_is_no_obstacle(repository, home):
    (repository / "course-student").write_text("a file")
    assert student.update_copy(repository) == home / "course-student"
    assert (repository / "course-student").read_text() == "a file"


def test_spaces_and_letters_of_any_language(tmp_path):
    repository = tmp_path / "Dokumente für mich" / "курс 課程"
    write_lesson(repository / "course", [cell("# Titel", "markdown")])
    assert sources(student.update_copy(repository) / "00_start_here.ipynb") == ["# Titel"]
