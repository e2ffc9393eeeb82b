"""Opens conversations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from duologue.client.asyncio.connect import connect
from duologue.client.asyncio.conversation import Conversation
from duologue.client.asyncio.managed_connection import OpenConnection
from duologue.client.auth import Auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import TRANSCRIPTION, Endpoint, TransportName
from duologue.client.endpoint_options import endpoint_from, require_url
from duologue.client.limits import TOOL_TIMEOUT_S
from duologue.client.mappings import SessionInput
from duologue.client.messages import initial_config
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput, toolbox_of
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from duologue.client.asyncio.recording.conversation_recorder import ConversationRecorder
    from duologue.recording import RecordingTarget

__all__ = ["converse"]


@asynccontextmanager
async def converse(
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
    loop_lag_ms: int | None = None,
    open_connection: OpenConnection | None = None,
    record: RecordingTarget | None = None,
) -> AsyncGenerator[Conversation, None]:
    """A conversation with the realtime server at `url`, for the length of an `async with` block.

    `session` is sent first on each connection, with the functions of `tools`; `tool_timeout` is in seconds. The other
    keywords are those of `duologue.connect`, for the first connection and each later one; `open_connection`
    (`partial(duologue.connect, …)`, for example) replaces them. Leaving the block closes the connection, at once if an
    exception leaves it; no task is left running.

    With `record`, a path or a binary file, each message of all connections is written there as it passes, with what was
    heard, the functions that ran and `mark`: see docs/howto/recordings.md. Keys are left out. A file at the path is
    replaced once there is a connection; when it cannot be written on, a `RecordingStopped` notice says so.

    The block begins when the server has opened the session and taken its configuration. Some servers say neither: they
    are waited for two seconds at most, and one that greets without an answer to its configuration for two more.

    >>> import asyncio
    >>> async def main() -> None:
    ...     async with converse(url) as conversation:
    ...         print(await conversation.ask("Hello."))
    >>> asyncio.run(main())
    Hello, this is a script.

    Raises:
        AuthenticationFailed: the server does not accept the key.
        ModelNotFound: the server has no such model.
        ConnectFailed: no session was opened for another reason; `.retryable` says whether another try can help.
        RequestRejected: the server refused the session's configuration; `.error` is its answer.
        LocalProtocolError: the server would reject it.
        RecordingError: the file for `record` cannot be created.
        ValueError: there is no such dialect.
        TypeError: `session` is no configuration; neither a URL nor `open_connection`; or an `Endpoint` and another
            keyword of its parts.
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
        loop_lag_ms=loop_lag_ms,
    )
    if open_connection is None:
        require_url(endpoint, function="converse", instead="open_connection")
        # The configuration names the model of a session that only transcribes.
        named = endpoint if endpoint.transcription_model is None else replace(endpoint, model=None)
        open_connection = partial(connect, named)
    toolbox = toolbox_of(tools)
    config = initial_config(
        session,
        toolbox,
        transcription_model=endpoint.transcription_model,
        kind=TRANSCRIPTION if endpoint.intent == TRANSCRIPTION else "realtime",
    )
    recorder: ConversationRecorder | None = None
    if record is not None:
        # Imported here: most conversations are not recorded.
        from duologue.client.asyncio.recording.conversation_recorder import ConversationRecorder

        place = endpoint.session_url() if endpoint.url else None
        medium = "webrtc" if endpoint.is_call else None
        recorder = ConversationRecorder(record, open_connection, url=place, medium=medium)
        open_connection = recorder.opening
    conversation = Conversation(
        open_connection,
        tools=toolbox if len(toolbox) else None,
        tool_timeout=tool_timeout,
        options=options,
        reconnect=reconnect,
    )
    if recorder is not None:
        recorder.attach(conversation)
    try:
        await conversation.start(config)
        yield conversation
        await conversation.close()
    finally:
        try:
            await conversation.close(at_once=True)
        finally:
            if recorder is not None:
                recorder.close()
