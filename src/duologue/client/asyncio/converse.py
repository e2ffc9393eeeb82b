"""Opens conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Unpack

from duologue.client.answers import first_config
from duologue.client.asyncio.connect import connect
from duologue.client.asyncio.conversation import Conversation
from duologue.client.asyncio.supervisor import OpenConnection
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_options import LoopEndpointParts
from duologue.events import RealtimeSessionConfig
from duologue.protocol.client.core import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = ["OpenConnection", "converse"]


@asynccontextmanager
async def converse(
    url: str | Endpoint = "",
    *,
    tools: Toolbox | Iterable[Callable[..., Any]] = (),
    session: RealtimeSessionConfig | None = None,
    tool_timeout: float = 30.0,
    options: CoreOptions | None = None,
    reconnect: ReconnectPolicy | None = None,
    open_connection: OpenConnection | None = None,
    **connecting: Unpack[LoopEndpointParts],
) -> AsyncGenerator[Conversation, None]:
    """A conversation with the realtime server at `url`, for the length of an `async with` block.

    `connecting` goes to `duologue.connect`, for the first connection and each later one. `session` is sent first on
    each, with the functions of `tools`. Leaving the block closes the connection, at once if it is left by an exception;
    no task is left running.

    Raises:
        ConnectFailed: the first connection did not come about.
    """
    toolbox = tools if isinstance(tools, Toolbox) else Toolbox(*tools)
    opening = open_connection or partial(connect, url, **connecting)
    conversation = Conversation(
        opening,
        tools=toolbox if len(toolbox) else None,
        tool_timeout=tool_timeout,
        options=options,
        reconnect=reconnect,
    )
    try:
        await conversation.start()
        if (config := first_config(session, toolbox)) is not None:
            await conversation.update_session(config)
            await conversation.room()
        yield conversation
        await conversation.close()
    finally:
        await conversation.close(at_once=True)
