"""The WebSocket of a Live session: its address, its handshake, and what is refused there."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

import duologue
from duologue.client.endpoint import Endpoint
from duologue.client.live.opening import LiveTarget, dialect_of, open_live
from duologue.errors import AuthenticationFailed
from duologue.transports.socket_options import SocketOptions


@asynccontextmanager
async def listening(status: HTTPStatus | None = None) -> AsyncGenerator[tuple[str, list[Request]], None]:
    """A server that notes the requests of handshakes, and may refuse them; its address."""
    requests: list[Request] = []

    def process(connection: ServerConnection, request: Request) -> Response | None:
        requests.append(request)
        return None if status is None else connection.respond(status, "refused")

    async def handle(socket: ServerConnection) -> None:
        await socket.wait_closed()

    def select(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return offered[0] if offered else None

    async with serve(handle, "127.0.0.1", 0, process_request=process, select_subprotocol=select) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", requests


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (LiveTarget(), "/v1/live/sessions"),
        (LiveTarget(kind="attach", session_id="live_1"), "/v1/live/sessions/live_1/attach"),
        (
            LiveTarget(kind="attach", session_id="live_1", graceful_close=True),
            "/v1/live/sessions/live_1/attach?graceful_close=true",
        ),
        (LiveTarget(kind="fork", session_id="live_1"), "/v1/live/sessions/live_1/fork"),
    ],
)
async def test_each_kind_of_connection_has_its_address(target: LiveTarget, path: str) -> None:
    async with listening() as (host, requests), open_live(Endpoint(url=host, model="m"), target) as connection:
        assert connection.dialect == "openai-live"
    assert requests[0].path == path


@pytest.mark.parametrize(
    ("options", "header", "path"),
    [
        ({"api_key": "sk-1"}, ("Authorization", "Bearer sk-1"), "/v1/live/sessions"),
        ({"api_key": "sk-1", "dialect": "azure-live"}, ("api-key", "sk-1"), "/openai/v1/live/sessions"),
        ({"api_key": "sk-1", "auth": "query"}, ("Host", None), "/v1/live/sessions?api_key=sk-1"),
        (
            {"api_key": "sk-1", "headers": {"authorization": "Mine"}, "query": {"x": "1"}},
            ("Authorization", "Mine"),
            "/v1/live/sessions?x=1",
        ),
        (
            {"api_key": "sk-1", "auth": "subprotocol"},
            ("Sec-WebSocket-Protocol", "openai-live,openai-insecure-api-key.sk-1"),
            "/v1/live/sessions",
        ),
    ],
)
async def test_the_key_is_sent_as_the_vendor_expects_it(
    options: dict[str, Any], header: tuple[str, str | None], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="duologue"):
        async with listening() as (host, requests):
            endpoint = Endpoint(url=host, **options)
            async with open_live(endpoint, LiveTarget(dialect=dialect_of(endpoint))):
                pass
    assert requests[0].path == path
    if header[1] is not None:
        assert requests[0].headers[header[0]].replace(", ", ",") == header[1]
    assert "sk-1" not in caplog.text


async def test_a_key_that_is_refused_at_the_handshake_says_so() -> None:
    async with listening(HTTPStatus.UNAUTHORIZED) as (host, _):
        with pytest.raises(AuthenticationFailed):
            async with duologue.live(host, model="m", api_key="sk-1"):
                pass


async def test_a_loop_that_is_blocked_is_watched_on_request() -> None:
    async with listening() as (host, _), open_live(Endpoint(url=host, loop_lag_ms=1000), LiveTarget()):
        pass


def test_the_dialect_is_the_one_that_is_named_or_that_the_url_shows() -> None:
    assert dialect_of(Endpoint(url="https://x.openai.azure.com", socket=SocketOptions())) == "azure-live"
    assert dialect_of(Endpoint(url="localhost")) == "openai-live"
    assert dialect_of(Endpoint()) == "openai-live"
    assert dialect_of(Endpoint(url="localhost", dialect="kugel")) == "kugel"
    with pytest.raises(ValueError, match="no dialect 'beta' of Live"):
        dialect_of(Endpoint(url="localhost", dialect="beta"))
