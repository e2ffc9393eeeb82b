"""Opens conversations for threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any, Unpack

from duologue.client.asyncio.converse import converse as converse_on_loop
from duologue.client.asyncio.supervisor import OpenConnection
from duologue.client.blocking.connect import unwatched
from duologue.client.blocking.conversation import BlockingConversation
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_options import EndpointParts, endpoint_from
from duologue.events import RealtimeSessionConfig
from duologue.protocol.client.core import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.tools.toolbox import Toolbox

__all__ = ["converse"]


@contextmanager
def converse(
    url: str | Endpoint = "",
    *,
    tools: Toolbox | Iterable[Callable[..., Any]] = (),
    session: RealtimeSessionConfig | None = None,
    tool_timeout: float = 30.0,
    options: CoreOptions | None = None,
    reconnect: ReconnectPolicy | None = None,
    open_connection: OpenConnection | None = None,
    **parts: Unpack[EndpointParts],
) -> Generator[BlockingConversation, None, None]:
    """A conversation with the realtime server at `url`, for the length of a `with` block.

    `parts` are those of `duologue.blocking.connect`, for the first connection and each later one. `session` is sent
    first on each, with the functions of `tools`, of which sync ones run in threads and async ones on the conversation's
    event loop. `open_connection` is that of `duologue.converse` (`partial(duologue.connect, …)`), and runs on that loop
    too. Leaving the block closes the connection, at once if it is left by an exception; no thread is left running.

    Raises:
        ConnectFailed: the first connection did not come about.
        TypeError: an `Endpoint` and some of its parts, or a part that there is not.
    """
    loop = LoopThread(
        partial(
            converse_on_loop,
            unwatched(endpoint_from(url, parts)),
            tools=tools,
            session=session,
            tool_timeout=tool_timeout,
            options=options,
            reconnect=reconnect,
            open_connection=open_connection,
        )
    )
    try:
        conversation = BlockingConversation(loop.open(), loop)
        try:
            yield conversation
            conversation.close()
        finally:
            conversation.close(at_once=True)
    finally:
        try:
            loop.close(at_once=True)
        finally:
            # Ctrl-C may have come before the first one had begun.
            loop.close(at_once=True)
