"""Ending a call by HTTP; what our server answers, tests/client/test_calls_to_our_server.py shows."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duologue import blocking
from duologue.client import hang_up
from duologue.errors import AuthenticationFailed, ConnectFailed, RequestRejected


@contextmanager
def service(status: int) -> Generator[tuple[str, list[tuple[str, str | None]]]]:
    """A server on this machine that answers so; its URL, and the paths and keys of the requests."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test's output is for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join(5)


async def test_a_call_is_named_in_the_path_and_the_key_in_a_header() -> None:
    with service(200) as (url, seen):
        await hang_up(url, call_id="rtc_1", api_key="k")
        blocking.hang_up(f"{url}/v1/realtime/calls", call_id="a/b?c")
    assert seen == [("/v1/realtime/calls/rtc_1/hangup", "Bearer k"), ("/v1/realtime/calls/a%2Fb%3Fc/hangup", None)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RequestRejected), (404, RequestRejected), (401, AuthenticationFailed), (503, ConnectFailed)],
)
async def test_a_refusal_says_what_was_wrong(status: int, kind: type[Exception]) -> None:
    with service(status) as (url, _), pytest.raises(kind, match=str(status)) as caught:
        await hang_up(url, call_id="rtc_1", api_key="k")
    assert type(caught.value) is kind
