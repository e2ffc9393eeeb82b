"""A connection that one task opens and closes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.client import Connection, connect
from duologue.client.asyncio.managed_connection import ManagedConnection
from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.transports import memory_pair
from tests.client._waiting import no_task_left


async def test_it_is_open_from_its_making_to_its_close() -> None:
    near, far = memory_pair()
    async with no_task_left():
        managed = ManagedConnection(lambda: connect(transport=near))
        assert not managed.is_decided
        connection = await managed.opened()
        assert (managed.is_decided, managed.fault) == (True, None)
        await connection.append(bytes(480))
        await managed.close()
        assert "append" in str(await far.receive())
        with pytest.raises(ConnectionClosed):
            await far.receive()


async def test_the_reason_why_it_cannot_be_opened_is_kept_and_raised() -> None:
    async with no_task_left():
        managed = ManagedConnection(lambda: connect("ws://127.0.0.1:1"))
        with pytest.raises(ConnectFailed, match="cannot reach"):
            await managed.opened()
        assert isinstance(managed.fault, ConnectFailed)
        await managed.close()


async def test_closing_it_while_it_is_being_opened_gives_that_up() -> None:
    @asynccontextmanager
    async def endless() -> AsyncGenerator[Connection, None]:
        await asyncio.Event().wait()
        yield Connection(memory_pair()[0])

    async with no_task_left():
        managed = ManagedConnection(endless)
        await asyncio.sleep(0)
        await managed.close()
        assert (managed.is_decided, managed.fault) == (True, None)
