"""A relay between two ends in memory, which the test plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from duologue.errors import ConnectionClosed
from duologue.server import Limits, Relay, SessionStart, Upstream
from duologue.server.ids import new_id
from duologue.transports import MemoryTransport, Transport, memory_pair

__all__ = ["close_seen", "created", "relayed"]


@asynccontextmanager
async def relayed(
    upstream_dialect: str,
    dialect: str,
    *,
    model: str | None = None,
    configuration: str | None = None,
    limits: Limits | None = None,
) -> AsyncGenerator[tuple[MemoryTransport, MemoryTransport]]:
    """The client's end and the upstream's end of a relay, which must be gone when both are closed."""
    before = asyncio.all_tasks()
    client, relay_front = memory_pair(capacity=8)
    relay_back, upstream = memory_pair(capacity=8)

    async def open_upstream(session_start: SessionStart) -> Transport:
        assert session_start.model == model
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
            yield client, upstream
    finally:
        for end in (client, upstream):
            await end.close()
        done, _ = await asyncio.wait({running}, timeout=6)
        assert done, "the relay does not end"
    running.result()
    assert asyncio.all_tasks() == before


def created(**session: Any) -> str:
    """An upstream's first message."""
    return json.dumps({"type": "session.created", "event_id": "e0", "session": session})


async def close_seen(end: MemoryTransport, *, sending: str | None = None) -> tuple[int, str]:
    """Code and reason with which an end is closed, reading, or sending this again and again, until it is."""
    while True:
        try:
            await asyncio.wait_for(end.receive() if sending is None else end.send(sending), 5)
        except ConnectionClosed as closed:
            return closed.code, closed.reason
