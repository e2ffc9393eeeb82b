from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.transports.http_post import MAX_ANSWER_BYTES, post


@contextmanager
def answering(
    status: int, content: bytes, *, seen: list[Mapping[str, str]] | None = None, **headers: str
) -> Generator[str, None, None]:
    """An HTTP server on this machine that answers so; `seen` gets the headers of the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if seen is not None:
                seen.append(self.headers)  # type: ignore[arg-type]  # finds names in any case
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test's output is for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/realtime/calls"
        finally:
            server.shutdown()
            thread.join(5)


def test_an_answer_of_success_comes_with_its_headers() -> None:
    with answering(201, b"hello", Location="/v1/there") as url:
        answer = post(url, b"x", {}, timeout=5)
    assert (answer.status, answer.headers["location"], answer.body) == (201, "/v1/there", b"hello")


def test_a_refusal_is_raised_without_the_key() -> None:
    with answering(401, b'{"error": {"message": "Bad key: sk-hedgehog."}}') as url:
        with pytest.raises(AuthenticationFailed) as caught:
            post(url, b"", {"Authorization": "Bearer sk-hedgehog"}, timeout=5)
        with pytest.raises(AuthenticationFailed, match="asks for a key"):
            post(url, b"", {}, timeout=5, has_key=False)
    assert "hedgehog" not in str(caught.value)


def test_redirects_are_not_followed() -> None:
    with answering(307, b"", Location="http://127.0.0.1:9/") as url, pytest.raises(ConnectFailed, match="redirects"):
        post(url, b"", {}, timeout=5)


def test_a_key_that_is_no_header_is_not_sent() -> None:
    with pytest.raises(ConnectFailed, match="characters"):
        post("http://127.0.0.1:9/", b"", {"Authorization": "Bearer a\nb"}, timeout=5)


def test_a_long_answer_is_none() -> None:
    with answering(200, bytes(MAX_ANSWER_BYTES + 1)) as url, pytest.raises(ConnectFailed, match="more than"):
        post(url, b"", {}, timeout=5)


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ConnectFailed, match="refused") as caught:
        post("http://127.0.0.1:9/", b"", {}, timeout=5, proxy=None)
    assert caught.value.retryable
    with pytest.raises(ConnectFailed, match="proxy"):
        post("http://203.0.113.1/", b"", {}, timeout=5, proxy="http://127.0.0.1:9")
