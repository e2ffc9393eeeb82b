"""The three ways into a Live session, for threads: start one, attach to one that runs, fork one that was stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from duologue.client.auth import Auth
from duologue.client.blocking.live_block import live_block
from duologue.client.blocking.live_session import BlockingLive, BlockingLiveSideband
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.limits import TOOL_TIMEOUT_S
from duologue.client.live.config import LiveSessionInput
from duologue.client.live.entry import attach_live as attach_live_on_loop
from duologue.client.live.entry import fork_live as fork_live_on_loop
from duologue.client.live.entry import live as live_on_loop
from duologue.client.live.functions import Delegate
from duologue.client.live.opening import OpenLive
from duologue.client.live.shell import DELEGATION_TIMEOUT_S
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput
from duologue.protocol.live.client.options import LiveOptions
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["attach_live", "fork_live", "live"]


def live(
    url: str | Endpoint = "",
    *,
    model: str | None = None,
    api_key: str | None = None,
    session: LiveSessionInput | None = None,
    tools: Toolbox | Iterable[ToolInput] = (),
    tool_timeout: float = TOOL_TIMEOUT_S,
    on_delegation: Delegate | None = None,
    delegation_timeout: float = DELEGATION_TIMEOUT_S,
    options: LiveOptions | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    open_connection: OpenLive | None = None,
) -> AbstractContextManager[BlockingLive]:
    """A Live session with the server at `url`, for the length of a `with` block.

    The keywords are those of `duologue.live`, without `loop_lag_ms`: the program does not run on the session's event
    loop, so it cannot block it. A sync `on_delegation` gets a `BlockingDelegation`, a coroutine function a
    `Delegation`. The block begins when the server has started the session. Leaving it asks the server for the end, and
    waits for it, some 15 s at most; if an exception leaves it, the connection is closed at once. No thread is left
    behind, but for sync functions that do not return.

    Raises:
        AuthenticationFailed: the server does not accept the key.
        ModelNotFound: the server has no such model.
        ConnectFailed: no session was started for another reason; `.retryable` says whether another try can help.
        RequestRejected: the server refused the session's configuration; `.error` is its answer.
        LocalProtocolError: no server would take the configuration; the message says what to write.
        ValueError: there is no such dialect of Live, or two models are named.
        TypeError: `session` is no configuration of Live; neither a URL nor `open_connection`; or an `Endpoint` and
            another keyword of its parts.
    """
    make = partial(
        live_on_loop,
        url,
        model=model,
        api_key=api_key,
        session=session,
        tools=tools,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        open_connection=open_connection,
    )
    return live_block(make, BlockingLive)


def fork_live(
    url: str | Endpoint,
    session_id: str,
    *,
    api_key: str | None = None,
    session: LiveSessionInput | None = None,
    tools: Toolbox | Iterable[ToolInput] = (),
    tool_timeout: float = TOOL_TIMEOUT_S,
    on_delegation: Delegate | None = None,
    delegation_timeout: float = DELEGATION_TIMEOUT_S,
    options: LiveOptions | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    open_connection: OpenLive | None = None,
) -> AbstractContextManager[BlockingLive]:
    """A new Live session that goes on where a stored one was, for the length of a `with` block.

    The keywords are those of `duologue.fork_live`, without `loop_lag_ms`. Raises as `live` does.
    """
    make = partial(
        fork_live_on_loop,
        url,
        session_id,
        api_key=api_key,
        session=session,
        tools=tools,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        open_connection=open_connection,
    )
    return live_block(make, BlockingLive)


def attach_live(
    url: str | Endpoint,
    session_id: str,
    *,
    api_key: str | None = None,
    graceful_close: bool = False,
    tools: Toolbox | Iterable[ToolInput] = (),
    tool_timeout: float = TOOL_TIMEOUT_S,
    on_delegation: Delegate | None = None,
    delegation_timeout: float = DELEGATION_TIMEOUT_S,
    options: LiveOptions | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    open_connection: OpenLive | None = None,
) -> AbstractContextManager[BlockingLiveSideband]:
    """A sideband to a Live session that runs, for the length of a `with` block.

    The keywords are those of `duologue.attach_live`, without `loop_lag_ms`. Leaving the block leaves the session
    running. Raises as `live` does.
    """
    make = partial(
        attach_live_on_loop,
        url,
        session_id,
        api_key=api_key,
        graceful_close=graceful_close,
        tools=tools,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        open_connection=open_connection,
    )
    return live_block(make, BlockingLiveSideband)
