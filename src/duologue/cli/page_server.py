"""Serves one page to a browser of this machine, until Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO, Final

__all__ = ["PageServer"]

_HOST: Final = "127.0.0.1"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""A page of another site shall neither read, frame nor time it. Its policy stands in the page itself."""

_TIMEOUT_S: Final = 30
"""For a request to arrive: a browser opens connections that it may never use."""

_BLOCK_BYTES: Final = 1 << 18


class PageServer:
    """A server on 127.0.0.1, on a free port. A context manager."""

    def __init__(self, page: BinaryIO, *, token: str) -> None:
        """`page` is open for reading; it may be a file without a name, which nothing leaves behind.

        `token` is a part of the address that other users of the machine cannot guess. Raises OSError.
        """
        self._server = ThreadingHTTPServer((_HOST, 0), _handler(_Page(page), token))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url: str = f"http://{_HOST}:{self.port}/{token}/"

    def run(self) -> None:
        """Serve until `stop`, or until KeyboardInterrupt."""
        self._server.serve_forever()

    def stop(self) -> None:
        """End `run`, which another thread is in."""
        self._server.shutdown()

    def __enter__(self) -> PageServer:
        return self

    def __exit__(self, *fault: object) -> None:
        self._server.server_close()


class _Page:
    """An open file that several threads read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.size_bytes = file.seek(0, os.SEEK_END)

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        for place in range(0, self.size_bytes, _BLOCK_BYTES):
            with self._lock:
                self._file.seek(place)
                block = self._file.read(_BLOCK_BYTES)
            yield block


def _handler(page: _Page, token: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S
        server_version = "duologue"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            assert isinstance(self.server, ThreadingHTTPServer)
            port = self.server.server_address[1]
            if self.headers.get("Host", "") not in (f"{_HOST}:{port}", f"localhost:{port}"):
                # A site may let its name point here: such a request is no browser's that was given the address.
                self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            elif self.path.partition("?")[0] != f"/{token}/":
                self._refuse(HTTPStatus.NOT_FOUND)
            else:
                self.send_response(HTTPStatus.OK)
                self._headers(page.size_bytes)
                for block in page.blocks() if with_body else ():
                    self.wfile.write(block)

        def _refuse(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self._headers(0)

        def _headers(self, size_bytes: int) -> None:
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(size_bytes))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the address holds the token."""

    return Handler
