"""A server's session in memory, and a client on its other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import pytest

from duologue import connect
from duologue.client import Connection
from duologue.engines.registry import Engines
from duologue.events import SessionCreatedEvent
from duologue.protocol import SessionDefaults, SessionKind
from duologue.server import Limits, ServerSession
from duologue.server.session_start import SessionStart
from duologue.testing import scripted_engines
from duologue.transports import memory_pair

Talk: TypeAlias = Callable[..., AbstractAsyncContextManager[Connection]]


@pytest.fixture
def talk() -> Talk:
    """Opens a session over a memory pair. The server's side must end with the client's, and leave no task."""

    @asynccontextmanager
    async def open_session(
        engines: Engines | None = None,
        *,
        defaults: SessionDefaults | None = None,
        limits: Limits | None = None,
        kind: SessionKind = "realtime",
        long_work: asyncio.Lock | None = None,
    ) -> AsyncGenerator[Connection, None]:
        before = asyncio.all_tasks()
        ours, theirs = memory_pair()
        session_start = SessionStart(kind=kind)
        session = ServerSession(
            theirs,
            engines or scripted_engines(),
            defaults,
            session_start=session_start,
            limits=limits,
            long_work=long_work,
        )
        serving = asyncio.ensure_future(session.run())
        try:
            async with asyncio.timeout(10), connect(transport=ours) as connection:
                assert isinstance(await connection.receive(), SessionCreatedEvent)
                yield connection
        finally:
            done, _ = await asyncio.wait({serving}, timeout=5)
            assert done, "the session does not end"
        serving.result()
        assert asyncio.all_tasks() == before

    return open_session
