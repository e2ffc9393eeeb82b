"""A relay between two ends in memory, which the test plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from duologue.client import Endpoint
from duologue.client.asyncio.connect import open_endpoint
from duologue.errors import ConnectionClosed
from duologue.server import Limits, Relay, SessionStart, Upstream
from duologue.server.ids import new_id
from duologue.transports import MemoryTransport, Transport, memory_pair

__all__ = ["close_seen", "created", "relayed", "reported", "running_relay", "updated", "upstream_at"]


@asynccontextmanager
async def running_relay(
    upstream_dialect: str,
    dialect: str,
    *,
    model: str | None = None,
    configuration: str | None = None,
    limits: Limits | None = None,
    fault: Callable[[], Exception] | None = None,
) -> AsyncGenerator[tuple[MemoryTransport, MemoryTransport, Relay]]:
    """The client's end and the upstream's end of a relay, and the relay, which must be gone when both are closed.

    With a fault the upstream cannot be opened.
    """
    before = asyncio.all_tasks()
    client, relay_front = memory_pair(capacity=8)
    relay_back, upstream = memory_pair(capacity=8)

    async def open_upstream(session_start: SessionStart) -> Transport:
        assert session_start.model == model
        if fault is not None:
            raise fault()
        return relay_back

    relay = Relay(
        relay_front,
        Upstream(open=open_upstream, dialect=upstream_dialect),
        session_start=SessionStart(dialect=dialect, model=model, message=configuration),
        limits=limits,
        new_id=new_id,
    )
    running = asyncio.ensure_future(relay.run())
    try:
        async with asyncio.timeout(15):
            yield client, upstream, relay
    finally:
        for end in (client, upstream):
            await end.close()
        done, _ = await asyncio.wait({running}, timeout=6)
        assert done, "the relay does not end"
    running.result()
    assert asyncio.all_tasks() == before


@asynccontextmanager
async def relayed(
    upstream_dialect: str, dialect: str, **settings: Any
) -> AsyncGenerator[tuple[MemoryTransport, MemoryTransport]]:
    """The two ends of a relay; settings as those of `running_relay`."""
    async with running_relay(upstream_dialect, dialect, **settings) as (client, upstream, _):
        yield client, upstream


def upstream_at(url: str, dialect: str = "openai", *, api_key: str | None = None) -> Upstream:
    """An upstream that is a server of ours."""

    async def open_upstream(session_start: SessionStart) -> Transport:
        return await open_endpoint(Endpoint(url=url, api_key=api_key, model=session_start.model, dialect=dialect))

    return Upstream(open=open_upstream, dialect=dialect)


def created(**session: Any) -> str:
    """An upstream's first message."""
    return json.dumps({"type": "session.created", "event_id": "e0", "session": session})


def updated(**session: Any) -> str:
    """An upstream's answer to a configuration."""
    return json.dumps({"type": "session.updated", "event_id": "e1", "session": session})


async def reported(end: MemoryTransport) -> dict[str, Any]:
    """The next message at one end."""
    message: dict[str, Any] = json.loads(await asyncio.wait_for(end.receive(), 5))
    return message


async def close_seen(end: MemoryTransport, *, sending: str | None = None) -> tuple[int, str]:
    """Code and reason with which an end is closed, reading, or sending this again and again, until it is."""
    while True:
        try:
            await asyncio.wait_for(end.receive() if sending is None else end.send(sending), 5)
        except ConnectionClosed as closed:
            return closed.code, closed.reason
