"""Who is let in at the Live paths, and how the others are refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from duologue.client.client_secrets import client_secret
from duologue.events import RealtimeSessionConfig
from duologue.server import Limits
from duologue.server.http.client_secrets import PREFIX
from tests._uvicorn import under_uvicorn
from tests.server._listening import listening, scripted_app

pytestmark = pytest.mark.timeout(30)

LIVE = "/v1/live/sessions"
KEY = {"Authorization": "Bearer open"}


def live(url: str, below: str = "") -> str:
    """The Live path of a server that listens at this URL."""
    return url.replace("/v1/realtime", f"{LIVE}{below}")


async def refusal(url: str, **presented: Any) -> tuple[int, str | None]:
    """Status of the refused handshake, and the code in its body."""
    with pytest.raises(InvalidStatus) as refused:
        await websockets_connect(url, **presented)
    body = json.loads(refused.value.response.body or b"{}")
    return refused.value.response.status_code, body["error"]["code"]


REFUSED = [
    ("", {}, (401, None)),
    ("", {"additional_headers": {"Authorization": "Bearer nope"}}, (401, "invalid_api_key")),
    ("", {"subprotocols": ["openai-live", "openai-insecure-api-key.nope"]}, (401, "invalid_api_key")),
    ("", {"additional_headers": {"Authorization": f"Bearer {PREFIX}none"}}, (401, "invalid_api_key")),
    ("/live_1/attach", {"additional_headers": KEY}, (404, "session_not_found")),
    ("/live_1/fork", {"additional_headers": KEY}, (404, "session_not_found")),
    ("/live_1", {"additional_headers": KEY}, (404, None)),
]


@pytest.mark.parametrize(("below", "presented", "expected"), REFUSED)
async def test_who_may_not_come_in_gets_the_status_at_the_handshake(
    below: str, presented: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    async with listening(scripted_app(api_key="open")) as url:
        assert await refusal(live(url, below), **presented) == expected


async def test_pages_of_other_origins_are_refused_and_learn_no_more() -> None:
    async with listening(scripted_app()) as url:
        assert await refusal(live(url), origin=Origin("https://evil.example")) == (403, "origin_not_allowed")


async def test_a_client_secret_opens_no_live_session() -> None:
    async with listening(scripted_app(api_key="open")) as url:
        secret = await client_secret(url, api_key="open", session=RealtimeSessionConfig())
        presented = {"additional_headers": {"Authorization": f"Bearer {secret.value}"}}
        assert await refusal(live(url), **presented) == (401, "invalid_api_key")


async def test_a_rate_of_new_sessions_counts_live_ones_too() -> None:
    async with listening(scripted_app(limits=Limits(sessions_per_minute=1))) as url, websockets_connect(live(url)):
        assert await refusal(live(url)) == (429, "rate_limit_exceeded")


async def test_live_sessions_count_among_all_sessions() -> None:
    async with listening(scripted_app(limits=Limits(sessions=1))) as url, websockets_connect(live(url)):
        assert await refusal(live(url)) == (503, "server_overloaded")


@pytest.mark.parametrize("offered", [["openai-live", "openai-insecure-api-key.open"], ["realtime"]])
async def test_a_key_among_the_subprotocols_opens_and_the_first_name_is_chosen(offered: list[str]) -> None:
    keyed = scripted_app(api_key="open") if len(offered) > 1 else scripted_app()
    names = [Subprotocol(name) for name in offered]
    async with listening(keyed) as url, websockets_connect(live(url), subprotocols=names) as socket:
        assert socket.subprotocol == offered[0]


async def test_the_server_says_nothing_before_the_start() -> None:
    async with listening(scripted_app()) as url, websockets_connect(live(url)) as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)


async def test_a_server_that_cannot_send_a_status_sends_an_error_of_live_and_closes() -> None:
    async with (
        under_uvicorn(scripted_app(api_key="open")) as port,
        websockets_connect(f"ws://127.0.0.1:{port}{LIVE}") as socket,
    ):
        error = json.loads(await asyncio.wait_for(socket.recv(), 5))
        await asyncio.wait_for(socket.wait_closed(), 5)
    assert error["type"] == "error"
    assert error["error"]["code"] == "invalid_request_error"  # a code is required in Live
    assert socket.close_code == 3000


async def test_a_live_model_is_refused_on_the_realtime_path() -> None:
    async with listening(scripted_app()) as url, websockets_connect(f"{url}?model=gpt-live-1") as socket:
        error = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert error["error"]["code"] == "invalid_model"
