"""Fetching: resumed, checked, never half there; each way a download goes wrong is said in one sentence."""

import gzip
import hashlib
import io
import json
import re
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from local_server import serving

from mininnip.data.download import CHUNK, cache_folder, fetch

NAME = "frames.npz"


def npz(seed: int = 0) -> bytes:
    """An archive of about 1 MB that does not compress."""
    buffer = io.BytesIO()
    np.savez(buffer, values=np.random.default_rng(seed).normal(size=130_000))
    return buffer.getvalue()


BODY, OTHER = npz(), npz(1)
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("MININNIP_CACHE", str(tmp_path / "cache"))
    with serving() as running:
        running.contents[NAME] = BODY
        yield running


def get(server, published: str | None = MD5, name=NAME):
    return fetch(name, [server.address(name)], published)


def files():
    """What lies in the cache, without the hidden locks."""
    return sorted(path.name for path in cache_folder().iterdir() if not path.name.startswith("."))


def kept(suffix=""):
    return cache_folder() / f"{NAME}{suffix}"


def test_cache_folder_is_the_users_unless_a_variable_names_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MININNIP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MININNIP_CACHE")
    assert cache_folder().name == "mininnip"


def test_a_file_is_downloaded_once(server):
    path = get(server)
    assert path == kept()
    assert path.read_bytes() == BODY
    assert get(server) == path
    assert server.log == [(NAME, None, 200)]
    assert files() == [NAME]


def test_progress_is_shown(server, capsys):
    get(server)
    assert re.search(rf"{NAME}.*100%.*1.04M/1.04M", capsys.readouterr().err)


def test_first_download_records_the_checksum_where_none_is_published(server):
    get(server, published=None)
    assert kept(".sha256").read_text() == f"{hashlib.sha256(BODY).hexdigest()}  {NAME}\n"
    get(server, published=None)
    kept().unlink()
    server.contents[NAME] = OTHER
    with pytest.raises(
        ValueError, match=r"frames.npz from http.* was refused: its checksum is not that of frames.npz.sha256"
    ):
        get(server, published=None)
    assert not kept().exists()


@pytest.mark.parametrize("published", [MD5, None])
def test_tampered_and_truncated_files_are_named_and_refused(server, published):
    get(server, published)
    tampered = bytearray(BODY)
    tampered[5000] ^= 1
    for damaged in (bytes(tampered), BODY[:-1000]):
        kept().write_bytes(damaged)
        with pytest.raises(
            ValueError, match=rf"{NAME}.*(damaged or was changed|no complete .npz file).*download it again"
        ):
            get(server, published)
        assert kept().read_bytes() == damaged, "what the user has is not deleted behind their back"
    kept().unlink()
    assert get(server, published).read_bytes() == BODY


def test_a_download_that_is_not_the_published_file_is_refused_and_not_kept(server):
    server.contents[NAME] = OTHER
    with pytest.raises(ValueError, match="was refused: its checksum is not the published one"):
        get(server)
    assert files() == []


def test_a_broken_connection_is_resumed_at_once(server):
    server.break_after = [18 * CHUNK, 12 * CHUNK]
    assert get(server).read_bytes() == BODY
    (_, first, _), (_, second, status), (_, third, _) = server.log
    assert (first, second, status, third) == (None, f"bytes={18 * CHUNK}-", 206, f"bytes={30 * CHUNK}-")


def test_an_answer_that_ends_early_without_a_complaint_is_noticed(server, monkeypatch):
    from urllib3 import HTTPResponse

    whole = HTTPResponse.stream
    with monkeypatch.context() as patched:
        patched.setattr(HTTPResponse, "stream", lambda *arguments, **words: list(whole(*arguments, **words))[:3])
        with pytest.raises(ConnectionError, match="what came is kept"):
            get(server, published=None)
    assert not kept().exists()
    assert get(server, published=None).read_bytes() == BODY


def test_an_interrupted_download_goes_on_in_the_next_call_and_leaves_no_half_file(server):
    server.break_after = [24 * CHUNK, 0]
    with pytest.raises(
        ConnectionError, match=r"the connection to .* broke; what came is kept, and the next call goes on"
    ):
        get(server)
    assert not kept().exists()
    assert kept(".part").stat().st_size == 24 * CHUNK
    assert get(server).read_bytes() == BODY
    assert server.log[-1] == (NAME, f"bytes={24 * CHUNK}-", 206)
    assert files() == [NAME]


def test_stopping_the_notebook_keeps_what_came(server, monkeypatch):
    import tqdm.auto

    class Stopped(tqdm.auto.tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > 500_000:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tqdm.auto, "tqdm", Stopped)
        with pytest.raises(KeyboardInterrupt):
            get(server)
    assert not kept().exists()
    have = kept(".part").stat().st_size
    assert have > 500_000
    assert get(server).read_bytes() == BODY
    assert server.log[-1] == (NAME, f"bytes={have}-", 206)


def test_a_complete_part_is_not_fetched_again(server):
    server.break_after = [24 * CHUNK, 0]
    with pytest.raises(ConnectionError):
        get(server)
    kept(".part").write_bytes(BODY)
    assert get(server).read_bytes() == BODY
    assert server.log[-1] == (NAME, f"bytes={len(BODY)}-", 416)


def test_a_part_that_is_too_long_is_thrown_away(server):
    server.break_after = [24 * CHUNK, 0]
    with pytest.raises(ConnectionError):
        get(server)
    kept(".part").write_bytes(BODY + b"more")
    assert get(server).read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server):
    server.break_after = [24 * CHUNK, 0]
    with pytest.raises(ConnectionError):
        get(server, published=None)
    server.contents[NAME] = OTHER
    assert get(server, published=None).read_bytes() == OTHER
    assert server.log[-1] == (NAME, f"bytes={24 * CHUNK}-", 200)


def test_without_a_version_or_checksum_nothing_is_continued(server):
    server.tells_version, server.break_after = False, [24 * CHUNK, 0]
    with pytest.raises(ConnectionError):
        get(server, published=None)
    assert get(server, published=None).read_bytes() == BODY
    assert {asked for _, asked, _ in server.log} == {None}


def test_a_server_that_knows_no_ranges_starts_over(server):
    server.break_after, server.knows_ranges = [24 * CHUNK, 0], False
    with pytest.raises(ConnectionError):
        get(server)
    assert get(server).read_bytes() == BODY


def test_a_server_that_does_not_tell_the_length(server):
    server.tells_length = False
    assert get(server).read_bytes() == BODY
    kept().unlink()
    server.break_after = [24 * CHUNK]
    with pytest.raises(ConnectionError, match=r"sent something else: frames.npz is no complete .npz file"):
        get(server)
    assert not kept().exists()


def test_the_login_page_of_a_network_is_not_taken_for_data(server):
    server.contents[NAME] = b"<!DOCTYPE html><html><body>Welcome to Hotel Wifi</body></html>"
    with pytest.raises(
        ConnectionError, match=r"sent something else: frames.npz is no complete .npz file but a web page"
    ):
        get(server, published=None)
    assert files() == []


def test_offline_the_file_its_address_and_its_place_are_named(server, tmp_path):
    address = "http://127.0.0.1:9/frames.npz"  # nothing listens there
    with pytest.raises(ConnectionError) as error:
        fetch(NAME, [address], MD5)
    text = str(error.value)
    assert "127.0.0.1:9 cannot be reached" in text
    assert f"fetch {address} by hand and save it as {kept()}" in text
    assert "\n" not in text
    kept().write_bytes(BODY)  # by hand
    assert fetch(NAME, [address], MD5) == kept()


def test_a_wrong_file_saved_by_hand_is_refused(server):
    cache_folder().mkdir()
    kept().write_bytes(OTHER)
    with pytest.raises(ValueError, match="its checksum is not the published one"):
        get(server)
    kept().write_bytes(b"<html>")
    with pytest.raises(
        ValueError, match=r"is no complete .npz file but a web page; delete .*frames.npz and download it again"
    ):
        get(server)


def test_a_renamed_file_is_not_taken_for_another(server):
    get(server)
    kept().rename(cache_folder() / "frames (1).npz")
    server.contents.clear()
    with pytest.raises(ConnectionError, match=rf"answered 404 Not Found.*save it as .*{NAME}"):
        get(server)


def test_the_second_address_helps_where_the_first_does_not(server):
    path = fetch(NAME, ["http://127.0.0.1:9/frames.npz", server.address("gone.npz"), server.address(NAME)], MD5)
    assert path.read_bytes() == BODY
    kept().unlink()
    server.status = 403
    with pytest.raises(ConnectionError, match=r"cannot be reached; 127.0.0.1:\d+ answered 403 Forbidden"):
        fetch(NAME, ["http://127.0.0.1:9/frames.npz", server.address(NAME)], MD5)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a.tar", bytes(257) + b"ustar" + bytes(250)),
        ("a.tar.gz", b"\x1f\x8b" + bytes(9)),
        ("a.tgz", b"\x1f\x8b" + bytes(9)),
        ("a.mat", b"MATLAB 5.0 MAT-file"),
        ("a.json", b' [{"a": 1}]'),
        ("a.csv", b"12\n13\n"),
    ],
)
def test_every_kind_of_file_is_recognized(server, name, good):
    server.contents[name] = good
    assert get(server, None, name).read_bytes() == good
    (cache_folder() / name).unlink()
    (cache_folder() / f"{name}.sha256").unlink()
    server.contents[name] = b"nonsense"
    with pytest.raises(ConnectionError, match=r"is no complete"):
        get(server, None, name)


# --- downloads that must heal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.mat", "a.xyz"])
def test_a_truncated_file_of_unknown_length_does_not_keep_the_good_one_out(server, name):
    """Nothing can tell that it is truncated: no length, no checksum, no end of its own. So nothing is noted."""
    whole = b"MATLAB" + bytes(range(48, 58)) * 3000 if name == "a.mat" else b"1\n" * 20_000
    server.contents[name], server.tells_length, server.break_after = whole, False, [CHUNK]
    assert len(get(server, None, name).read_bytes()) == CHUNK
    assert files() == [name]
    (cache_folder() / name).unlink()
    assert get(server, None, name).read_bytes() == whole


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar", "a.json", "a.zip"])
def test_a_truncated_file_that_knows_its_end_is_refused_whatever_the_server_tells(server, name):
    buffer, random = io.BytesIO(), np.random.default_rng(0).bytes(40_000)
    if name.endswith("json"):
        buffer.write(json.dumps(list(random)).encode())
    elif name.endswith("zip"):
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a", random)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz" if name.endswith("gz") else "w") as archive:
            member = tarfile.TarInfo("a")
            member.size = len(random)
            archive.addfile(member, io.BytesIO(random))
    server.contents[name], server.tells_length, server.break_after = buffer.getvalue(), False, [CHUNK]
    with pytest.raises(ConnectionError, match=r"sent only a part of the file|is no complete"):
        get(server, None, name)
    assert files() == []
    assert get(server, None, name).read_bytes() == buffer.getvalue()
    assert files() == [name, f"{name}.sha256"]


def test_when_the_first_download_was_wrong_the_refusal_says_how_to_take_the_new_one(server):
    server.contents[NAME] = OTHER
    get(server, published=None).unlink()
    server.contents[NAME] = BODY
    with pytest.raises(ValueError, match=r"or the first download was wrong: delete .*frames.npz.sha256 to take"):
        get(server, published=None)
    kept(".sha256").unlink()
    assert get(server, published=None).read_bytes() == BODY


@pytest.mark.parametrize("damage", [b"", b"\n", b"\xff\xfe\x00", b"no checksum  frames.npz\n"])
def test_a_damaged_note_of_the_checksum_is_no_checksum(server, damage):
    get(server, published=None).unlink()
    kept(".sha256").write_bytes(damage)
    assert get(server, published=None).read_bytes() == BODY
    assert kept(".sha256").read_text().startswith(hashlib.sha256(BODY).hexdigest())


@pytest.mark.parametrize("damage", [b"", b"\xff", b"http://elsewhere/"])
@pytest.mark.parametrize("published", [MD5, None])
def test_a_damaged_note_of_the_version_starts_over(server, damage, published):
    server.break_after = [24 * CHUNK, 0]
    with pytest.raises(ConnectionError):
        get(server, published)
    kept(".part.version").write_bytes(damage)
    assert get(server, published).read_bytes() == BODY
    assert server.log[-1] == (NAME, None, 200)


def test_a_server_that_answers_416_to_everything_is_named(server):
    server.status = 416
    with pytest.raises(ConnectionError, match="answered 416"):
        get(server)
    server.status = 200
    assert get(server).read_bytes() == BODY


def test_two_downloaders_at_once_get_one_good_file(server):
    server.pause = 0.002  # s for each kB: both are there before the first has ended
    with ThreadPoolExecutor(3) as pool:
        paths = list(pool.map(lambda _: get(server, None), range(3)))
    assert [path.read_bytes() == BODY for path in paths] == [True] * 3
    assert server.log == [(NAME, None, 200)]


def test_a_lock_that_a_dead_notebook_left_does_not_stop_anyone(server):
    cache_folder().mkdir()
    (cache_folder() / f".{NAME}.lock").touch()
    assert get(server).read_bytes() == BODY


@pytest.mark.parametrize("published", [MD5, None])
def test_a_bomb_in_the_transfer_is_not_expanded(server, published):
    server.contents[NAME] = gzip.compress(bytes(100_000_000))
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(ConnectionError, match=r"is no complete \.npz file"):
        get(server, published)
    assert files() == []


def test_a_gzip_bomb_is_not_taken_for_whole(server):
    server.contents["a.tar.gz"], server.tells_length = gzip.compress(bytes(100_000_000)), False
    with pytest.raises(ConnectionError, match="sent only a part of the file"):
        get(server, None, "a.tar.gz")
    assert files() == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MININNIP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ConnectionError, match=r"frames.npz cannot be kept in .*: make room or .* MININNIP_CACHE"):
        get(server)
