"""A small web server on this computer that can break off, change its mind and misbehave as real ones do."""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Server(ThreadingHTTPServer):
    """Serves `contents`, keyed by path; notes every request in `log` as (path, Range header, status)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents: dict[str, bytes] = {}
        self.log: list[tuple[str, str | None, int]] = []
        self.break_after: list[int] = []  # bytes after which the next answers break off, in order
        self.knows_ranges, self.tells_length, self.tells_version = True, True, True
        self.status, self.headers, self.pause = 200, {}, 0.0  # pause in s after each kB

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        body = server.contents.get(name)
        status = 404 if body is None else server.status
        if body is None or status != 200:
            return self._answer(status, b"not here", {})
        version = f'"{hashlib.md5(body).hexdigest()}"'
        asked = self.headers.get("Range") if server.knows_ranges else None
        if asked and self.headers.get("If-Range", version) == version:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self._answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            content_range = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            return self._answer(206, body[start:], content_range | ({"ETag": version} if server.tells_version else {}))
        return self._answer(200, body, {"ETag": version} if server.tells_version else {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]):
        self.server.log.append((self.path.lstrip("/"), self.headers.get("Range"), status))
        self.send_response(status)
        for key, value in (headers | self.server.headers).items():
            self.send_header(key, value)
        if self.server.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.break_after and status in (200, 206):
            body = body[: self.server.break_after.pop(0)]
        for start in range(0, len(body), 1024) if self.server.pause else ():
            self.wfile.write(body[start : start + 1024])
            time.sleep(self.server.pause)
        if not self.server.pause:
            self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server that runs meanwhile."""
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
