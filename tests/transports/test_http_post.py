from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.transports.http_post import MAX_ANSWER_BYTES, post, proxy_for
from duologue.transports.socket_options import ENVIRONMENT
from tests.transports._answering import answering as wire_answering


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


async def test_an_answer_of_success_comes_with_its_headers() -> None:
    with answering(201, b"hello", Location="/v1/there") as url:
        answer = await post(url, b"x", {}, timeout=5)
    assert (answer.status, answer.headers["location"], answer.body) == (201, "/v1/there", b"hello")


async def test_a_refusal_is_raised_without_the_key() -> None:
    with answering(401, b'{"error": {"message": "Bad key: sk-hedgehog."}}') as url:
        with pytest.raises(AuthenticationFailed) as caught:
            await post(url, b"", {"Authorization": "Bearer sk-hedgehog"}, timeout=5)
        with pytest.raises(AuthenticationFailed, match="asks for a key"):
            await post(url, b"", {}, timeout=5, has_key=False)
    assert "hedgehog" not in str(caught.value)


async def test_redirects_are_not_followed() -> None:
    with answering(307, b"", Location="http://127.0.0.1:9/") as url, pytest.raises(ConnectFailed, match="redirects"):
        await post(url, b"", {}, timeout=5)


async def test_a_key_that_is_no_header_is_not_sent() -> None:
    with pytest.raises(ConnectFailed, match="characters"):
        await post("http://127.0.0.1:9/", b"", {"Authorization": "Bearer a\nb"}, timeout=5)


async def test_a_long_answer_is_none() -> None:
    with answering(200, bytes(MAX_ANSWER_BYTES + 1)) as url, pytest.raises(ConnectFailed, match="more than"):
        await post(url, b"", {}, timeout=5)


async def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ConnectFailed, match="refused") as caught:
        await post("http://127.0.0.1:9/", b"", {}, timeout=5, proxy=None)
    assert caught.value.retryable
    with pytest.raises(ConnectFailed, match="proxy"):
        await post("http://203.0.113.1/", b"", {}, timeout=5, proxy="http://127.0.0.1:9")


async def test_an_answer_that_breaks_off_is_none() -> None:
    async with wire_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as port:
        with pytest.raises(ConnectFailed, match="broke off"):
            await post(f"http://127.0.0.1:{port}/", b"", {}, timeout=5)


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, by the kernel, and never reads
        port = listener.getsockname()[1]
        with pytest.raises(ConnectFailed, match=r"within 0\.05 s") as caught:
            await post(f"http://127.0.0.1:{port}/", b"", {}, timeout=0.05)
    assert caught.value.retryable


def test_the_environment_names_the_proxy_except_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "direct.example")
    assert proxy_for("https://voice.example/x", ENVIRONMENT) == "http://proxy.example:3128"
    assert proxy_for("https://direct.example/x", ENVIRONMENT) is None
    assert proxy_for("https://127.0.0.1/x", ENVIRONMENT) is None
    assert proxy_for("https://voice.example/x", None) is None
    with pytest.raises(ConnectFailed, match=r"socks5://proxy\.example is no HTTP proxy"):
        proxy_for("https://voice.example/x", "socks5://me:secret@proxy.example")
