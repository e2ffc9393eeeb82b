"""The three ways into a Live session: start one, attach to one that runs, fork one that was stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from duologue.client.auth import Auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_options import endpoint_from, require_url
from duologue.client.limits import TOOL_TIMEOUT_S
from duologue.client.live.config import LiveSessionInput, check_delegate, fork_config, start_config
from duologue.client.live.functions import Delegate
from duologue.client.live.opening import LiveTarget, OpenLive, dialect_of, open_live
from duologue.client.live.session import Live, LiveSideband, entered, entered_sideband
from duologue.client.live.shell import DELEGATION_TIMEOUT_S
from duologue.dialects import LIVE_PROFILES
from duologue.protocol.client.tools.toolbox import Toolbox, ToolInput, toolbox_of
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


@asynccontextmanager
async def live(
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
    loop_lag_ms: int | None = None,
    open_connection: OpenLive | None = None,
) -> AsyncGenerator[Live, None]:
    """A Live session with the server at `url`, for the length of an `async with` block.

    Live (https://platform.openai.com/docs/guides/live) is full duplex: no turns and no responses, but one timeline of
    sound both ways. It is another protocol than that of `duologue.converse`, with models of its own. `url` is a host, a
    base URL such as `https://api.openai.com/v1`, or the URL of the endpoint, `…/v1/live/sessions`.

    `session` is what the session starts with, a `LiveSessionConfig` or a mapping of it; of `model`, only one of the two
    need name it. `tools` are functions that a Responses model calls, which `session` names as the delegation:
    `{"delegation": {"type": "responses", "responses": {"model": …}}}`. Without that the model hands work to this
    program: `on_delegation` is called with a `Delegation`, and the text that it returns is what the model may say.
    It may be a coroutine function; another one runs in a thread. What it raises is logged, and the model is told that
    it failed. `tool_timeout` and `delegation_timeout` are in seconds.

    The other keywords are those of `duologue.connect`; `open_connection` replaces them. The block begins when the
    server has started the session. Leaving it asks the server for the end, and waits for it, some 15 s at most; if an
    exception leaves it, the connection is closed at once. No task is left running.

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
    endpoint = _endpoint(
        url,
        function="live",
        model=model,
        api_key=api_key,
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
        loop_lag_ms=loop_lag_ms,
        open_connection=open_connection,
    )
    toolbox = toolbox_of(tools)
    dialect = dialect_of(endpoint)
    is_flat = LIVE_PROFILES[dialect].greeting is not None  # it starts as Realtime does, and has keys of it
    config = start_config(session, model=endpoint.model, toolbox=toolbox, is_flat=is_flat)
    check_delegate(on_delegation, config)
    shell = Live(
        open_connection if open_connection is not None else partial(open_live, endpoint),
        LiveTarget(dialect=dialect),
        tools=toolbox if len(toolbox) else None,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
    )
    async with entered(shell, config):
        yield shell


@asynccontextmanager
async def fork_live(
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
    loop_lag_ms: int | None = None,
    open_connection: OpenLive | None = None,
) -> AsyncGenerator[Live, None]:
    """A new Live session that goes on where a stored one was, for the length of an `async with` block.

    The session of this id must have been started with `store`. The fork inherits its settings: `session` may name
    `audio.format`, `client`, `store`, and settings of a delegation of type `responses`. The other keywords are those of
    `duologue.live`. Raises as it does.
    """
    endpoint = _endpoint(
        url,
        function="fork_live",
        model=None,
        api_key=api_key,
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
        loop_lag_ms=loop_lag_ms,
        open_connection=open_connection,
    )
    toolbox = toolbox_of(tools)
    config = fork_config(session, toolbox=toolbox)
    shell = Live(
        open_connection if open_connection is not None else partial(open_live, endpoint),
        LiveTarget(kind="fork", session_id=session_id, dialect=dialect_of(endpoint)),
        tools=toolbox if len(toolbox) else None,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
    )
    async with entered(shell, config):
        yield shell


@asynccontextmanager
async def attach_live(
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
    loop_lag_ms: int | None = None,
    open_connection: OpenLive | None = None,
) -> AsyncGenerator[LiveSideband, None]:
    """A sideband to a Live session that runs, for the length of an `async with` block.

    It sees what the connection that carries the audio sees, and may do all but send audio: run functions, take work,
    append, mute. `graceful_close` asks for a closing handshake of the WebSocket when the session ends. Functions of
    `tools`, and `on_delegation`, are for one connection of a session: two would answer twice. Leaving the block leaves
    the session running. The other keywords are those of `duologue.live`. Raises as it does.
    """
    endpoint = _endpoint(
        url,
        function="attach_live",
        model=None,
        api_key=api_key,
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
        loop_lag_ms=loop_lag_ms,
        open_connection=open_connection,
    )
    toolbox = toolbox_of(tools)
    sideband = LiveSideband(
        open_connection if open_connection is not None else partial(open_live, endpoint),
        LiveTarget(kind="attach", session_id=session_id, graceful_close=graceful_close, dialect=dialect_of(endpoint)),
        tools=toolbox if len(toolbox) else None,
        tool_timeout=tool_timeout,
        on_delegation=on_delegation,
        delegation_timeout=delegation_timeout,
        options=options,
    )
    async with entered_sideband(sideband):
        yield sideband


def _endpoint(url: str | Endpoint, *, function: str, open_connection: OpenLive | None, **keywords: Any) -> Endpoint:
    endpoint = endpoint_from(url, call_id=None, intent=None, **keywords)
    if open_connection is None:
        require_url(endpoint, function=function, instead="open_connection")
    return endpoint
