from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from duologue.client import blocking, client_secret
from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.events import RealtimeSession, RealtimeSessionConfig

ANSWER: dict[str, Any] = {
    "value": "ek_secret",
    "expires_at": 1_800_000_000,
    "session": {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "gpt-realtime"},
}


class Service:
    """What a service was asked, and what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content = json.dumps(ANSWER).encode()
        self.url = ""
        self.seen: list[tuple[str, dict[str, str], Any]] = []


@contextmanager
def service() -> Generator[Service, None, None]:
    """An HTTP server on this machine."""
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.seen.append((self.path, dict(self.headers.items()), json.loads(body)))
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(state.content)))
            self.end_headers()
            self.wfile.write(state.content)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test's output is for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state.url = f"ws://127.0.0.1:{server.server_port}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join(5)


def message_of(fault: BaseException) -> str:
    """What a traceback says of an exception and of those behind it."""
    behind = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    return f"{fault!r} {fault}" + (message_of(behind) if behind is not None else "")


async def test_a_key_is_asked_for_below_the_path_of_sessions_and_is_not_shown() -> None:
    with service() as there:
        async with asyncio.timeout(5):
            secret = await client_secret(
                there.url,
                api_key="sk-real",
                session=RealtimeSessionConfig(model="gpt-realtime", instructions="Be brief."),
                expires_after=60,
            )
    [(path, headers, body)] = there.seen
    assert path == "/v1/realtime/client_secrets"
    assert headers["Authorization"] == "Bearer sk-real"
    assert body == {
        "session": {"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
        "expires_after": {"anchor": "created_at", "seconds": 60},
    }
    assert (secret.value, secret.expires_at) == ("ek_secret", 1_800_000_000)
    assert isinstance(secret.session, RealtimeSession)
    assert "ek_secret" not in f"{secret} {secret!r}"


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (400, False), (429, True), (503, True)])
async def test_a_rejection_says_whether_another_try_can_help_and_quotes_no_key(status: int, retryable: bool) -> None:
    with service() as there:
        there.status = status
        there.content = b'{"error": {"message": "Incorrect API key provided: sk-real"}}'
        with pytest.raises(
            ConnectFailed, match=rf"client_secrets .*\(HTTP {status}\).*Incorrect API key provided: …"
        ) as caught:
            await client_secret(there.url, api_key="sk-real")
    assert isinstance(caught.value, AuthenticationFailed) is (status == 401)
    assert caught.value.retryable is retryable
    assert "sk-real" not in message_of(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    with service() as there, service() as elsewhere:
        there.status, there.headers = status, {"Location": elsewhere.url.replace("ws:", "http:")}
        with pytest.raises(ConnectFailed, match="redirects are not followed with a key"):
            await client_secret(there.url, api_key="sk-real")
    assert (len(there.seen), elsewhere.seen) == (1, [])


async def test_a_key_goes_unencrypted_to_no_other_machine() -> None:
    with pytest.raises(ConnectFailed, match="a key is sent over https only"):
        await client_secret("ws://realtime.example", api_key="sk-real")


async def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(ConnectFailed, match="characters that HTTP does not allow") as caught:
        await client_secret("ws://127.0.0.1:1", api_key="sk\nreal")
    assert "real" not in message_of(caught.value).replace("realtime", "")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"value": 1}', b"\xff" * 2_000_000])
async def test_an_answer_that_is_no_key_is_named_and_not_shown(content: bytes) -> None:
    with service() as there:
        there.content = content
        with pytest.raises(ConnectFailed, match="client_secrets answered with"):
            await client_secret(there.url, api_key="sk-real")


async def test_a_service_that_is_not_there_is_worth_another_try() -> None:
    with pytest.raises(ConnectFailed, match=r"cannot reach http.*/v1/realtime/client_secrets") as caught:
        await client_secret("ws://127.0.0.1:1", api_key="sk-real")
    assert caught.value.retryable
    assert "sk-real" not in message_of(caught.value)


def test_a_program_without_an_event_loop_gets_one_too() -> None:
    with service() as there:
        assert blocking.client_secret(there.url, api_key="sk-real", timeout=5).value == "ek_secret"
    assert there.seen[0][1]["Authorization"] == "Bearer sk-real"
