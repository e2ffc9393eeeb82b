"""Live through a relay: every frame as it came, and the close codes of either side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.protocol import SessionDefaults
from duologue.server import Limits, LiveRequest, Upstream
from duologue.server.budget import Budget
from duologue.server.live.live_sessions import LiveSessions
from duologue.server.rejections import Rejection
from duologue.server.telemetry.observer import Observers
from duologue.transports import MemoryTransport, Transport, memory_pair
from tests.server._relays import close_seen, reported

pytestmark = pytest.mark.timeout(20)


def sessions(limits: Limits | None = None) -> LiveSessions:
    budget = Budget(max_bytes=1_000_000, max_owner_bytes=1_000_000)
    return LiveSessions(defaults=SessionDefaults(), limits=limits or Limits(), budget=budget)


@asynccontextmanager
async def relayed(
    wanted: LiveRequest | None = None, *, limits: Limits | None = None, fault: Exception | None = None
) -> AsyncGenerator[tuple[MemoryTransport, MemoryTransport, list[LiveRequest]]]:
    """The client's end, the upstream's end, and what the upstream was asked for. The relay must end with them."""
    before = asyncio.all_tasks()
    client, relay_front = memory_pair(capacity=8)
    relay_back, upstream = memory_pair(capacity=8)
    asked: list[LiveRequest] = []

    async def open_live(request: LiveRequest) -> Transport:
        asked.append(request)
        if fault is not None:
            raise fault
        return relay_back

    async def open_realtime(_: object) -> Transport:
        raise AssertionError("a Live client was relayed to Realtime")

    relay = sessions(limits).relay(
        wanted or LiveRequest(),
        relay_front,
        upstream=Upstream(open=open_realtime, dialect="qwen", open_live=open_live),
        observer=Observers(()),
    )
    running = asyncio.ensure_future(relay.run())
    try:
        async with asyncio.timeout(10):
            yield client, upstream, asked
    finally:
        for end in (client, upstream):
            await end.close()
        done, _ = await asyncio.wait({running}, timeout=6)
        assert done, "the relay does not end"
    running.result()
    assert asyncio.all_tasks() == before


FRAMES = [
    '{"type":"session.start","session":{"model":"gpt-live-1"}}',
    '{ "type" : "session.update",  "event_id":"e1" , "session":{"delegation":null} }',
    '{"type":"session.input_audio.append","audio":"AAAA","vendor":{"kept":[1,2.50]}}',
    '{"type":"response.create"}',
    '{"type":"session.new_thing"}',
    "not JSON",
]


@pytest.mark.parametrize("frame", FRAMES)
async def test_every_frame_passes_as_it_came_in_both_directions(frame: str) -> None:
    async with relayed() as (client, upstream, _):
        await client.send(frame)
        assert await asyncio.wait_for(upstream.receive(), 5) == frame
        await upstream.send(frame)
        assert await asyncio.wait_for(client.receive(), 5) == frame


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1013, "rate_limit_exceeded"), (4000, "no such model")])
async def test_the_upstream_s_close_reaches_the_client_with_its_code(code: int, reason: str) -> None:
    async with relayed() as (client, upstream, _):
        await upstream.send('{"type":"session.closed","event_id":"e","reason":"expired"}')
        await upstream.close(code, reason)
        assert (await reported(client))["type"] == "session.closed"
        assert await close_seen(client) == (code, reason)


async def test_the_client_s_close_reaches_the_upstream() -> None:
    async with relayed() as (client, upstream, _):
        await client.close(4123, "enough")
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(upstream.receive(), 5)
    assert (closed.value.code, closed.value.reason) == (4123, "enough")


@pytest.mark.parametrize("verb", ["attach", "fork"])
async def test_sidebands_and_forks_are_the_upstream_s(verb: str) -> None:
    wanted = LiveRequest(verb="attach" if verb == "attach" else "fork", session_id="live_9")
    async with relayed(wanted) as (client, upstream, asked):
        await upstream.send('{"type":"session.started","event_id":"e","session":{"id":"live_9"}}')
        assert (await reported(client))["type"] == "session.started"
    assert asked == [wanted]


async def test_a_sideband_may_be_silent_for_longer_than_other_clients() -> None:
    limits = Limits(idle_s=0.01)
    async with relayed(LiveRequest(verb="attach", session_id="live_9"), limits=limits) as (client, upstream, _):
        # The relay of a primary connection has closed before this timer of its length is through.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.receive(), 0.1)
        await upstream.send("{}")
        assert await asyncio.wait_for(client.receive(), 5) == "{}"


async def test_an_upstream_that_cannot_be_reached_is_an_error_and_a_close() -> None:
    fault = ConnectFailed("cannot connect", retryable=True)
    async with relayed(fault=fault) as (client, _, _):
        error = (await reported(client))["error"]
        assert error["code"] == "upstream_unavailable"
        assert (await close_seen(client))[0] == 1013


def test_an_upstream_without_live_is_named() -> None:
    async def open_realtime(_: object) -> Transport:
        raise AssertionError

    transport, _ = memory_pair()
    with pytest.raises(Rejection) as refused:
        sessions().relay(LiveRequest(), transport, upstream=Upstream(open=open_realtime), observer=Observers(()))
    assert refused.value.name == "no_live_upstream"
