"""WebSockets to the sessions of calls, over sockets: what is refused is refused before the upgrade."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import InvalidStatus

from duologue.server import Limits
from duologue.server.calls.served_call import MAX_SIDEBANDS
from tests.server._listening import listening
from tests.server._session_ends import SessionEnds
from tests.server.calls._calls import CALLS, Caller, calling, closed, event
from tests.server.calls.test_routes import KEY, secret

pytestmark = pytest.mark.timeout(30)


@asynccontextmanager
async def served(**settings: Any) -> AsyncGenerator[tuple[Caller, str]]:
    """A client, and the URL of the same application's WebSockets."""
    async with calling(**settings) as caller, listening(caller.app) as url:
        yield caller, url


async def message(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of this type."""
    async with asyncio.timeout(5):
        while True:
            received = json.loads(await socket.recv())
            if received["type"] == kind:
                return dict(received)


async def refused(url: str, **presented: Any) -> tuple[int, str]:
    """The status of the handshake, and the error's code."""
    with pytest.raises(InvalidStatus) as fault:
        async with websockets_connect(url, **presented):
            pass
    return fault.value.response.status_code, json.loads(fault.value.response.body or b"")["error"]["code"]


async def test_both_see_the_session_and_both_may_speak() -> None:
    async with served() as (caller, url), caller.call() as (peer, call_id):
        created = await event(peer, "session.created")
        async with websockets_connect(f"{url}?call_id={call_id}") as socket:
            shown = await message(socket, "session.created")
            assert shown["session"]["id"] == created["session"]["id"]
            await socket.send('{"type":"session.update","session":{"type":"realtime","instructions":"Sing."}}')
            for updated in (await message(socket, "session.updated"), await event(peer, "session.updated")):
                assert updated["session"]["instructions"] == "Sing."
            await peer.send('{"type":"session.update","session":{"type":"realtime","instructions":"Hum."}}')
            assert (await message(socket, "session.updated"))["session"]["instructions"] == "Hum."


async def test_the_call_goes_on_without_its_sideband_and_ends_it_with_itself() -> None:
    ends = SessionEnds()
    async with served(ends=ends) as (caller, url), caller.call() as (peer, call_id):
        await event(peer, "session.created")
        async with websockets_connect(f"{url}?call_id={call_id}") as socket:
            await message(socket, "session.created")
        await asyncio.wait_for(ends.codes.get(), 5)
        await peer.send('{"type":"session.update","session":{"type":"realtime","instructions":"Hum."}}')
        await event(peer, "session.updated")
        async with websockets_connect(f"{url}?call_id={call_id}") as socket:
            await message(socket, "session.created")
            await peer.close()
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code in (1000, 1001)
        assert {await asyncio.wait_for(ends.codes.get(), 5) for _ in range(2)} <= {1000, 1001, 1005}


async def test_whose_call_it_is_decides_who_may_join() -> None:
    async with served(api_key=["sesame", "other"]) as (caller, url):
        mine, another = [await secret(caller, {}, KEY) for _ in range(2)]
        async with caller.call(headers=mine) as (peer, call_id):
            await event(peer, "session.created")
            url = f"{url}?call_id={call_id}"
            not_found = (404, "call_id_not_found")
            assert await refused(url, additional_headers={"Authorization": "Bearer other"}) == not_found
            assert await refused(url, additional_headers=another) == not_found
            assert await refused(url, additional_headers={"Authorization": "Bearer no"}) == (401, "invalid_api_key")
            for key in (KEY, mine):
                async with websockets_connect(url, additional_headers=key) as socket:
                    await message(socket, "session.created")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("call_id=rtc_1", (404, "call_id_not_found")),
        ("call_id=", (404, "call_id_not_found")),
        ("call_id=rtc_1&model=m", (400, "invalid_request")),
    ],
)
async def test_a_call_that_is_not_there_cannot_be_joined(query: str, expected: tuple[int, str]) -> None:
    async with served() as (_, url):
        assert await refused(f"{url}?{query}") == expected


async def test_a_call_that_was_hung_up_cannot_be_joined() -> None:
    async with served() as (caller, url), caller.call() as (peer, call_id):
        await event(peer, "session.created")
        assert (await caller.http.post(f"{CALLS}/{call_id}/hangup")).status_code == 200
        assert await refused(f"{url}?call_id={call_id}") == (404, "call_id_not_found")
        assert await closed(peer) == 1000


async def test_pages_of_other_origins_may_not_join() -> None:
    async with served() as (caller, url), caller.call() as (_, call_id):
        headers = {"Origin": "https://evil.example"}
        assert await refused(f"{url}?call_id={call_id}", additional_headers=headers) == (403, "origin_not_allowed")


async def test_a_call_has_so_many_sidebands_and_they_count_as_sessions() -> None:
    async with served() as (caller, url), caller.call() as (peer, call_id):
        await event(peer, "session.created")
        url = f"{url}?call_id={call_id}"
        sockets = [await websockets_connect(url) for _ in range(MAX_SIDEBANDS)]
        for socket in sockets:
            await message(socket, "session.created")
        assert caller.app.sessions_open == MAX_SIDEBANDS + 1
        assert (await refused(url))[0] == 429
        for socket in sockets:
            await socket.close()
    async with served(limits=Limits(sessions=1)) as (caller, url), caller.call() as (peer, call_id):
        assert await refused(f"{url}?call_id={call_id}") == (503, "server_overloaded")


async def test_a_server_that_stops_ends_sidebands_and_calls() -> None:
    async with served() as (caller, url), caller.call() as (peer, call_id):
        await event(peer, "session.created")
        async with websockets_connect(f"{url}?call_id={call_id}") as socket:
            await message(socket, "session.created")
            await caller.app.drain()
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code == 1001
        assert await closed(peer) in (1000, 1001)
