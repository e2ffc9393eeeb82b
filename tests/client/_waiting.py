"""For tests of conversations: waiting for notices, and a check for tasks left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Set
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from duologue.client import Conversation, converse
from duologue.client.asyncio.streams import NoticeStream
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.testing import ScriptedServer

N = TypeVar("N")

_SERVER_LIBRARIES = ("/websockets/asyncio/", "/uvicorn/")
"""Where the code of a task is that serves a connection."""

FAST = ReconnectPolicy(first_delay_s=0.01, max_delay_s=0.05)
"""For tests that lose connections on purpose."""


async def following(notices: NoticeStream[N], count: int = 1) -> list[N]:
    """The next notices. Raises TimeoutError after five seconds."""
    found: list[N] = []
    async with asyncio.timeout(5):
        async for notice in notices:
            found.append(notice)
            if len(found) == count:
                break
    return found


async def tasks_since(before: Set[asyncio.Task[Any]]) -> Set[asyncio.Task[Any]]:
    """The tasks that run and did not run before. Those of a test's server have five seconds to end: on the same loop,
    it sees the end of a connection some turns of the loop before or after the client, by the version of Python."""
    since = asyncio.all_tasks() - before
    served = {task for task in since if any(library in str(task) for library in _SERVER_LIBRARIES)}
    if served:
        await asyncio.wait(served, timeout=5)
    return {task for task in since if not (task in served and task.done())}


@asynccontextmanager
async def no_task_left() -> AsyncGenerator[None, None]:
    """At the end of the block, the tasks that run are those that ran before it; the block has ten seconds."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(10):
        yield
    left = await tasks_since(before)
    assert not left, [str(task) for task in left]


@asynccontextmanager
async def talking(server: ScriptedServer, **options: Any) -> AsyncGenerator[Conversation, None]:
    """A conversation with a scripted server; afterwards it has left no task, and the server found no fault."""
    async with (
        no_task_left(),
        converse(open_connection=server.connect, reconnect=options.pop("reconnect", FAST), **options) as conversation,
    ):
        yield conversation
    assert server.faults == []
