"""Opens conversations for threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any, Unpack

from duologue.client.blocking.connect import connect
from duologue.client.blocking.conversation import BlockingConversation
from duologue.client.blocking.link import OpenBlockingConnection
from duologue.client.conduct import first_config
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_parts import EndpointParts
from duologue.events import RealtimeSessionConfig
from duologue.protocol.core import CoreOptions
from duologue.protocol.reconnecting import ReconnectPolicy
from duologue.protocol.toolbox import Toolbox

__all__ = ["OpenBlockingConnection", "converse"]


@contextmanager
def converse(
    url: str | Endpoint = "",
    *,
    tools: Toolbox | Iterable[Callable[..., Any]] = (),
    session: RealtimeSessionConfig | None = None,
    tool_timeout_s: float = 30.0,
    options: CoreOptions | None = None,
    reconnect: ReconnectPolicy | None = None,
    open_connection: OpenBlockingConnection | None = None,
    **parts: Unpack[EndpointParts],
) -> Generator[BlockingConversation, None, None]:
    """A conversation with the realtime server at `url`, for the length of a `with` block.

    `parts` are those of `duologue.blocking.connect`, for the first connection and each later one. `session` is sent
    first on each, with the functions of `tools`, which run in threads. Leaving the block closes the connection, at
    once if it is left by an exception; no thread is left running.

    Raises:
        ConnectFailed: the first connection did not come about.
    """
    toolbox = tools if isinstance(tools, Toolbox) else Toolbox(*tools)
    conversation = BlockingConversation(
        open_connection or partial(connect, url, **parts),
        tools=toolbox if len(toolbox) else None,
        tool_timeout_s=tool_timeout_s,
        options=options,
        reconnect=reconnect,
    )
    try:
        conversation.start()
        if (config := first_config(session, toolbox)) is not None:
            conversation.configure(config)
        yield conversation
        conversation.close()
    finally:
        conversation.close(at_once=True)
