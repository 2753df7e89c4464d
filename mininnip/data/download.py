"""Fetch: a file from its address into the cache, resumed, checked, never half there.

An interrupted download goes on where it stopped. Nothing appears under its final name before it is complete and its
checksum agrees, and what is there is held against that checksum every time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

CHUNK, ATTEMPTS, PATIENCE = 1 << 14, 5, (15, 60)  # bytes lost at a break; tries in a row; seconds to connect, to wait
BROWSER = {"User-Agent": "Mozilla/5.0 (mininnip)", "Accept-Encoding": "identity"}  # figshare turns away bare scripts


def cache_folder() -> Path:
    """Where downloads are kept: the folder of the variable MININNIP_CACHE, else the cache of the user."""
    import pooch

    return Path(os.environ.get("MININNIP_CACHE") or pooch.os_cache("mininnip"))


def fetch(name: str, addresses: Sequence[str], published: str | None) -> Path:
    """Path of a file in the cache, complete and checked; it is downloaded if it is not there yet.

    Where no checksum is published, the first download that is complete beyond doubt (the server told its length, or the
    file its end) writes its SHA-256 beside the file, and later ones must agree.

    Args:
        name: under which it is kept.
        addresses: where it is, the preferred one first.
        published: its checksum, "md5:..." or "sha256:...", if there is one.

    Raises:
        ConnectionError: it could not be downloaded, or only in part.
        ValueError: it is not the published file, or not the one of the first download.
    """
    path = cache_folder() / name
    note = path.with_name(f"{name}.sha256")
    expected = published or _recorded(note)
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _nobody_else(path):
                if not path.exists():
                    _download(path, addresses, expected, note)
        except ConnectionError:
            raise
        except OSError as error:
            raise ConnectionError(
                f"{name} cannot be kept in {path.parent} ({error.strerror or error}): make room or give yourself the "
                "right to write there, or set MININNIP_CACHE to another folder"
            ) from None
    if problem := _wrong_kind(path, name):
        raise ValueError(f"{problem}; delete {path} and download it again")
    if expected and not _agrees(path, expected):
        raise ValueError(
            f"{name} in {path.parent} is damaged or was changed: its checksum is not {_whose(published, note)}; "
            "delete it and download it again"
        )
    return path


def _download(path: Path, addresses: Sequence[str], expected: str | None, note: Path) -> None:
    """Try one address after the other; note the checksum of what is complete beyond doubt and had none."""
    import requests

    part, reasons = path.with_name(f"{path.name}.part"), []
    for address in addresses:
        try:
            told_length = _resume(address, part, checked=expected is not None)
            complete = told_length or expected is not None or _is_whole(part, path.name)
            if complete is False:
                part.unlink()
                raise ConnectionError(f"{urlsplit(address).netloc} sent only a part of the file")
        except (requests.RequestException, ConnectionError) as error:
            reasons.append(_reason(error, address))
            continue
        if expected and not _agrees(part, expected):
            part.unlink()
            recorded = _recorded(note) == expected
            raise ValueError(
                f"{path.name} from {address} was refused: its checksum is not {_whose(not recorded, note)}; try again, "
                "and if it is refused again the file at that address has changed"
                + (f", or the first download was wrong: delete {note} to take the new one" if recorded else "")
            )
        if not expected and complete:
            note.write_text(f"{_sha256(part)}  {path.name}\n", encoding="utf-8")
        os.replace(part, path)
        return
    raise ConnectionError(
        f"{path.name} could not be downloaded ({'; '.join(reasons)}): call again when there is a connection, or fetch "
        f"{addresses[0]} by hand and save it as {path}"
    )


def _recorded(note: Path) -> str | None:
    """The checksum of the first download; None where the note is missing or damaged."""
    words = note.read_text(encoding="utf-8", errors="replace").split() if note.exists() else []
    return f"sha256:{words[0]}" if words and re.fullmatch("[0-9a-f]{64}", words[0]) else None


def _whose(published: object, note: Path) -> str:
    return "the published one" if published else f"that of {note.name}"


def _agrees(path: Path, expected: str) -> bool:
    algorithm, _, digest = expected.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _nobody_else(path: Path) -> Iterator[None]:
    """Wait while another notebook downloads the same file; the system frees the lock of one that has died."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(f"another notebook is downloading {path.name}; waiting for it …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _resume(address: str, part: Path, checked: bool) -> bool:
    """Download to `part`, going on where an earlier try stopped; returns whether the server told the length.

    What came so far survives a broken connection, an interrupt and a new session. It is continued only from the same
    address and the same version of the file there (or any version, if a checksum will tell).
    """
    import requests

    for attempt in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            told_length = _receive_rest(address, part, checked)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            grown = part.exists() and part.stat().st_size > before
            if not grown or attempt == ATTEMPTS - 1:
                raise
    _version_note(part).unlink(missing_ok=True)
    if problem := _wrong_kind(part, part.name.removesuffix(".part")):
        part.unlink()
        raise ConnectionError(f"{urlsplit(address).netloc} sent something else: {problem}")
    return told_length  # pyright: ignore[reportPossiblyUnbound] (the last attempt raises)


def _receive_rest(address: str, part: Path, checked: bool) -> bool:
    """Append what is missing of a file to `part`, or start over; returns whether the server told the length."""
    import requests
    from tqdm.auto import tqdm
    from urllib3.exceptions import HTTPError

    note = _version_note(part)
    words = note.read_text(encoding="utf-8", errors="replace") if note.exists() else ""
    source, version = (words + "\n\n").split("\n")[:2]
    have = part.stat().st_size if part.exists() else 0
    if source != address or not (version or checked):
        have = 0
    headers = dict(BROWSER)
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})
    with requests.get(address, headers=headers, stream=True, timeout=PATIENCE) as answer:
        if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return True  # it was complete
            part.unlink()
            return _receive_rest(address, part, checked)
        answer.raise_for_status()
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server sends the whole file: it cannot continue, or the file has changed
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        note.write_text(f"{address}\n{'' if version.startswith('W/') else version}\n", encoding="utf-8")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(desc=part.stem, initial=have, total=total, unit="B", unit_scale=True)
        with part.open("ab" if have else "wb") as file, bar:
            try:
                for chunk in answer.raw.stream(CHUNK, decode_content=False):  # as it lies there, never expanded
                    file.write(chunk)
                    bar.update(len(chunk))
            except HTTPError as error:
                raise requests.ConnectionError(str(error)) from None
    if total is not None and part.stat().st_size != total:
        raise requests.ConnectionError(f"{part.stat().st_size} of {total} bytes came")
    return total is not None or "chunked" in answer.headers.get("Transfer-Encoding", "")  # a chunked answer has an end


def _version_note(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _reason(error: Exception, address: str) -> str:
    """Why a download failed, in words."""
    import requests

    host = urlsplit(address).netloc
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout) or "Max retries" in str(error):
        return f"{host} cannot be reached"
    if isinstance(error, requests.RequestException):
        return f"the connection to {host} broke; what came is kept, and the next call goes on from there"
    return str(error)


def _wrong_kind(path: Path, name: str) -> str | None:
    """What is wrong with a file that is not of the kind its name says, e.g. the login page of a network."""
    with path.open("rb") as file:
        start = file.read(512)
    fits: dict[str, Callable[[], bool]] = {
        ".npz": lambda: zipfile.is_zipfile(path),
        ".zip": lambda: zipfile.is_zipfile(path),
        ".gz": lambda: start.startswith(b"\x1f\x8b"),
        ".tgz": lambda: start.startswith(b"\x1f\x8b"),
        ".tar": lambda: start[257:262] == b"ustar",
        ".mat": lambda: start.startswith(b"MATLAB"),
        ".json": lambda: start.lstrip()[:1] in (b"[", b"{"),
        ".csv": lambda: re.match(rb"\s*\d", start) is not None,
    }
    if fits.get(Path(name).suffix, lambda: True)():
        return None
    page = " but a web page" if b"<html" in start.lower() or b"<!doctype" in start.lower() else ""
    return f"{name} is no complete {Path(name).suffix} file{page}"


def _is_whole(path: Path, name: str) -> bool | None:
    """Whether a file holds its own end, where its kind can tell; None where it cannot."""
    suffix, size = Path(name).suffix, path.stat().st_size
    if suffix in (".npz", ".zip"):
        return zipfile.is_zipfile(path)  # its table stands at the end
    if suffix in (".gz", ".tgz"):
        return _unpacks(path, most=200 * size)
    if suffix == ".tar":
        with path.open("rb") as file:
            file.seek(max(size - 1024, 0))
            return not any(file.read())  # two empty blocks close it
    if suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except ValueError:
            return False
        return True
    return None


def _unpacks(path: Path, most: int) -> bool:
    """Whether a gzip file can be read to its end, at most so many bytes of it."""
    expanded = 0
    try:
        with gzip.open(path) as file:
            while chunk := file.read(1 << 20):
                expanded += len(chunk)
                if expanded > most:
                    return False
    except (OSError, EOFError, zlib.error):
        return False
    return True
