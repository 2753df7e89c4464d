"""Fetch: a file from its address into the cache, resumed, checked, never half there.

An interrupted download goes on where it stopped. Nothing appears under its final name before it is complete and its
checksum agrees, and what is there is held against that checksum every time.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHUNK, ATTEMPTS, PATIENCE = 1 << 14, 5, (15, 60)  # bytes lost at a break; tries in a row; seconds to connect, to wait
BROWSER = {"User-Agent": "Mozilla/5.0 (mininnip)", "Accept-Encoding": "identity"}  # figshare turns away bare scripts


def cache_folder() -> Path:
    """Where downloads are kept: the folder of the variable MININNIP_CACHE, else the cache of the user."""
    import pooch

    return Path(os.environ.get("MININNIP_CACHE") or pooch.os_cache("mininnip"))


def fetch(name: str, addresses: Sequence[str], published: str | None) -> Path:
    """Path of a file in the cache, complete and checked; it is downloaded if it is not there yet.

    Where no checksum is published, the first download writes its SHA-256 beside the file, and later ones must agree.

    Args:
        name: under which it is kept.
        addresses: where it is, the preferred one first.
        published: its checksum, "md5:..." or "sha256:...", if there is one.

    Raises:
        ConnectionError: it could not be downloaded, or only in part.
        ValueError: it is not the published file, or not the one of the first download.
    """
    import pooch
    import requests

    path = cache_folder() / name
    note = path.with_name(f"{name}.sha256")
    recorded = f"sha256:{note.read_text(encoding='utf-8').split()[0]}" if note.exists() else None
    expected, source = published or recorded, "the published one" if published else f"that of {note.name}"
    reasons = []
    for address in addresses if not path.exists() else ():
        path.parent.mkdir(parents=True, exist_ok=True)
        downloader = partial(_resume, part=path.with_name(f"{name}.part"), checked=expected is not None)
        pooch.get_logger().setLevel("WARNING")
        try:
            pooch.retrieve(address, expected, name, path.parent, downloader=downloader)  # pyright: ignore[reportArgumentType]
            break
        except (requests.RequestException, ConnectionError) as error:
            reasons.append(_reason(error, address))
        except ValueError:  # of pooch: the checksum differs, and the download was deleted
            raise ValueError(
                f"{name} from {address} was refused: its checksum is not {source}; try again, and if it is refused "
                f"again the file at that address has changed"
            ) from None
    if not path.exists():
        raise ConnectionError(
            f"{name} could not be downloaded ({'; '.join(reasons)}): call again when there is a connection, or fetch "
            f"{addresses[0]} by hand and save it as {path}"
        )
    if problem := _wrong_kind(path, name):
        raise ValueError(f"{problem}; delete {path} and download it again")
    algorithm, _, digest = (expected or "sha256:").partition(":")
    if digest and pooch.file_hash(str(path), alg=algorithm) != digest:
        raise ValueError(
            f"{name} in {path.parent} is damaged or was changed: its checksum is not {source}; "
            "delete it and download it again"
        )
    if not expected:
        note.write_text(f"{pooch.file_hash(str(path))}  {name}\n", encoding="utf-8")
    return path


def _resume(address: str, output: str, _pooch: Any = None, *, part: Path, checked: bool) -> None:
    """Download to `part`, going on where an earlier try stopped, and hand it over when it is complete.

    What came so far survives a broken connection, an interrupt and a new session. It is continued only from the same
    address and the same version of the file there (or any version, if a checksum will tell).
    """
    import requests

    for attempt in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive_rest(address, part, checked)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            grown = part.exists() and part.stat().st_size > before
            if not grown or attempt == ATTEMPTS - 1:
                raise
    _version_note(part).unlink(missing_ok=True)
    if problem := _wrong_kind(part, part.name.removesuffix(".part")):
        part.unlink()
        raise ConnectionError(f"{urlsplit(address).netloc} sent something else: {problem}")
    os.replace(part, output)


def _receive_rest(address: str, part: Path, checked: bool) -> None:
    """Append what is missing of a file to `part`; start over where it cannot be continued."""
    import requests
    from tqdm.auto import tqdm

    note = _version_note(part)
    source, version = note.read_text(encoding="utf-8").split("\n")[:2] if note.exists() else ("", "")
    have = part.stat().st_size if part.exists() else 0
    if source != address or not (version or checked):
        have = 0
    headers = dict(BROWSER)
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})
    with requests.get(address, headers=headers, stream=True, timeout=PATIENCE) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return  # it was complete
            part.unlink()
            _receive_rest(address, part, checked)
            return
        answer.raise_for_status()
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server sends the whole file: it cannot continue, or the file has changed
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        note.write_text(f"{address}\n{'' if version.startswith('W/') else version}\n", encoding="utf-8")
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(desc=part.stem, initial=have, total=total, unit="B", unit_scale=True)
        with part.open("ab" if have else "wb") as file, bar:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise requests.ConnectionError(f"{part.stat().st_size} of {total} bytes came")


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
