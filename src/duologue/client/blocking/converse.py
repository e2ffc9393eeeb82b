"""Opens conversations for threads."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from duologue.client.asyncio.converse import converse as converse_on_loop
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.client.auth import Auth
from duologue.client.blocking.connect import without_watchdog
from duologue.client.blocking.conversation import BlockingConversation
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint, TransportName
from duologue.client.endpoint_options import endpoint_from
from duologue.client.limits import TOOL_TIMEOUT_S
from duologue.client.mappings import SessionInput
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from duologue.recording import RecordingTarget

__all__ = ["converse"]


@contextmanager
def converse(
    url: str | Endpoint = "",
    *,
    model: str | None = None,
    api_key: str | None = None,
    tools: Toolbox | Iterable[ToolInput] = (),
    session: SessionInput | None = None,
    tool_timeout: float = TOOL_TIMEOUT_S,
    options: CoreOptions | None = None,
    reconnect: ReconnectPolicy | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    call_id: str | None = None,
    intent: str | None = None,
    transport: TransportName | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    open_connection: OpenConnection | None = None,
    record: RecordingTarget | None = None,
) -> Generator[BlockingConversation, None, None]:
    """A conversation with the realtime server at `url`, for the length of a `with` block.

    The keywords are those of `duologue.converse`, without `loop_lag_ms`: the program does not run on the conversation's
    event loop, so it cannot block it. Sync functions of `tools` run in threads; async ones and `open_connection`
    (`partial(duologue.connect, …)`, for example) run on that loop. Leaving the block closes the connection, at once if
    an exception leaves it; no thread is left running.

    >>> with converse(url) as conversation:
    ...     print(conversation.ask("Hello."))
    Hello, this is a script.

    Raises:
        ConnectFailed: the first connection could not be opened; `.retryable` says whether another try can help.
        ValueError: there is no such dialect.
        TypeError: neither a URL nor `open_connection`, or an `Endpoint` and another keyword of its parts.
    """
    endpoint = endpoint_from(
        url,
        model=model,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        call_id=call_id,
        intent=intent,
        transport=transport,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
    )
    loop = LoopThread(
        partial(
            converse_on_loop,
            without_watchdog(endpoint),
            tools=tools,
            session=session,
            tool_timeout=tool_timeout,
            options=options,
            reconnect=reconnect,
            open_connection=open_connection,
            record=record,
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
            # Again: Ctrl-C may have interrupted the first call before it began.
            loop.close(at_once=True)
