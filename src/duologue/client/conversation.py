"""A conversation over as many connections as it takes: say, speak, respond, listen, call functions."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from duologue.audio.formats import Encoding
from duologue.client.connect import connect
from duologue.client.connection import Connection
from duologue.client.running_tools import RunningTools
from duologue.client.streams import NoticeStream
from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    DuologueError,
    RequestRejected,
)
from duologue.events import (
    AnySession,
    ConversationItemCreateEvent,
    InputAudioBufferCommitEvent,
    InputTextPart,
    MessageItem,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseDoneEvent,
    SessionUpdateEvent,
)
from duologue.protocol.core import ConversationCore, CoreOptions
from duologue.protocol.drafts import StoredItem
from duologue.protocol.error_kinds import ErrorKind, classify
from duologue.protocol.memory import SessionRestored
from duologue.protocol.notices import AudioDelta, Notice, RequestEnded, RunTool, StopTool, TextDelta
from duologue.protocol.reconnecting import Reconnection, ReconnectPolicy
from duologue.protocol.requests import RequestPolicy, Resolution
from duologue.protocol.toolbox import Toolbox
from duologue.protocol.usage_ledger import UsageSnapshot

__all__ = ["Conversation", "OpenConnection", "converse"]

_logger = logging.getLogger(__name__)

N = TypeVar("N")

OpenConnection = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens one connection; called again for each reconnect and each rotation."""

_LOOK_S: Final = 0.5
"""How often time is looked at while no event comes: fine enough for limits of whole seconds."""

_ROTATION_RETRY_S: Final = 5.0
"""Between attempts to open the next connection ahead of a session's end."""

_FLUSH_S: Final = 1.0
"""How long the end of a conversation waits for what its functions answered last."""

_INTERNAL_ERROR: Final = 1011

_Opened = tuple[AbstractAsyncContextManager[Connection], Connection]


class Conversation:
    """A conversation with a realtime server. Made by `duologue.converse`.

    Any number of tasks may use it. What it tells comes as notices (`duologue.protocol.notices`), through `stream` or
    `on`. A lost connection is opened again and told what the old one knew; requests under way fail at once, and say so.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        *,
        tools: Toolbox | None = None,
        tool_timeout_s: float = 30.0,
        options: CoreOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
    ) -> None:
        self.core = ConversationCore(new_id=_new_id, options=options, toolbox=tools)
        self._open = open_connection
        self._reconnection = Reconnection(reconnect, random=random.random)
        self._tools = RunningTools(timeout_s=tool_timeout_s, answered=self._tool_answered, failed=self._tool_failed)
        self._connection: Connection | None = None
        self._requests: dict[str, asyncio.Future[Resolution]] = {}
        self._streams: list[NoticeStream[Any]] = []
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
        self._sending = asyncio.Lock()
        self._flushes: set[asyncio.Task[None]] = set()
        self._running_tasks: list[asyncio.Task[None]] = []
        self._ended: DuologueError | None = None

    # --- what there is

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The conversation so far, in order; a value that does not change any more."""
        return self.core.store.items

    @property
    def usage(self) -> UsageSnapshot:
        """What it has cost so far."""
        return self.core.usage.snapshot()

    @property
    def session(self) -> AnySession | None:
        """The session as the server last told it."""
        return self._connection.session if self._connection is not None else None

    # --- what to do

    async def say(self, text: str, *, role: str = "user") -> None:
        """Add a typed message. Nothing answers it before `respond`."""
        item = MessageItem(role=role, content=[InputTextPart(text=text)])
        await self.send(ConversationItemCreateEvent(item=item))

    async def ask(self, text: str, *, timeout_s: float | None = None) -> str:
        """Say something, wait for the answer, return its words. Raises as `respond` does."""
        await self.say(text)
        done = await self.respond(timeout_s=timeout_s)
        ids = [getattr(item, "id", None) for item in done.response.output or []]
        return " ".join(item.text for item in self.items if item.item_id in ids and item.text)

    async def speak(self, audio: bytes, *, encoding: Encoding | None = None) -> bool:
        """Append input audio; `encoding` is what its source says that it is, and is checked against the session.

        While a lost connection is being restored the audio is dropped, and the answer is False: it belongs to a moment
        that has passed, and a microphone cannot wait.

        Raises:
            LocalProtocolError: it is not what the session takes.
            ConnectionClosed: the conversation is over.
        """
        self._raise_if_ended()
        if not self.core.is_open:
            return False
        self.core.append(audio, encoding=encoding)
        await self._flush()
        return True

    async def commit(self) -> None:
        """Make an item of the appended audio, where turns are made by hand.

        Raises:
            LocalProtocolError: it is too short.
        """
        await self.send(InputAudioBufferCommitEvent())

    async def respond(
        self,
        event: ResponseCreateEvent | None = None,
        *,
        policy: RequestPolicy = "wait",
        timeout_s: float | None = None,
    ) -> ResponseDoneEvent:
        """Have the model respond, and wait until it has. If another response runs, this one waits its turn.

        Cancelling the wait leaves the response running.

        Raises:
            RequestRejected: there was no response: refused, superseded, or the connection was lost.
            LocalProtocolError: the server would refuse it, or the policy is "refuse" and another response runs.
            TimeoutError: it is not done in time; it goes on.
        """
        self._raise_if_ended()
        request = self.core.respond(event, policy=policy, now=time.monotonic())
        answer: asyncio.Future[Resolution] = asyncio.get_running_loop().create_future()
        self._requests[request.request_id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._flush()
                resolution = await answer
        finally:
            self._requests.pop(request.request_id, None)
        if resolution.done is None:
            raise RequestRejected(resolution.reason, error=resolution.error)
        return resolution.done

    async def cancel(self) -> bool:
        """Stop the response that runs. False if none does."""
        stopped = self.core.cancel(now=time.monotonic())
        await self._flush()
        return stopped

    async def interrupt(self) -> None:
        """The user takes the floor: stop the response, and cut what was not heard of it. Functions are given up too."""
        self.core.interrupt(now=time.monotonic())
        self.core.cancel_tools(now=time.monotonic())
        await self._flush()

    async def send(self, event: RealtimeEvent) -> None:
        """Send any client event.

        Raises:
            LocalProtocolError: the server would refuse it, only servers send it, or there is no connection now.
            ConnectionClosed: the conversation is over.
        """
        self._raise_if_ended()
        self.core.send(event, now=time.monotonic())
        await self._flush()

    def heard(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """The player has played so many more bytes of a part; what an interruption cuts depends on it."""
        self.core.heard(item_id, content_index, n_bytes=n_bytes)

    # --- what is told

    @asynccontextmanager
    async def stream(self, *kinds: type[N]) -> AsyncGenerator[NoticeStream[N], None]:
        """Notices of these kinds, from now to the end of the block or of the conversation."""
        notices: NoticeStream[N] = NoticeStream(kinds)
        self._streams.append(notices)
        if self._ended is not None:
            notices.end(_failure(self._ended))
        try:
            yield notices
        finally:
            self._streams.remove(notices)

    async def texts(self) -> AsyncIterator[TextDelta]:
        """Pieces of what the model writes or says, from the first `anext` on."""
        async with self.stream(TextDelta) as notices:
            async for notice in notices:
                yield notice

    async def audio(self) -> AsyncIterator[AudioDelta]:
        """Pieces of the model's speech, from the first `anext` on; report with `heard` what of it was played."""
        async with self.stream(AudioDelta) as notices:
            async for notice in notices:
                yield notice

    def on(self, kind: type[N], callback: Callable[[N], None]) -> Callable[[], None]:
        """Call back for each notice of a kind, on the event loop, in order. Returns what takes the callback away again.

        A callback must not block. One that raises is logged, and called again for the next notice.
        """
        hook = (kind, callback)
        self._hooks.append(hook)
        return partial(self._hooks.remove, hook)

    # --- one connection after another

    def start(self, opened: AbstractAsyncContextManager[Connection], connection: Connection) -> None:
        """Hold the conversation from its first connection on, until it is over or closed. `converse` does this."""
        self._connection = connection
        self._running_tasks.append(asyncio.ensure_future(self._run(opened, connection)))  # noqa: TID251 - see `close`

    async def _run(self, opened: AbstractAsyncContextManager[Connection], connection: Connection) -> None:
        following: _Opened | None = (opened, connection)
        try:
            while following is not None:
                opened, self._connection = following
                try:
                    closed = await self._read(self._connection)
                finally:
                    await opened.__aexit__(None, None, None)
                following = await self._reconnect(closed) if isinstance(closed, ConnectionClosed) else closed
        except Exception as fault:
            _logger.exception("the conversation broke")
            self._end(ConnectionClosedError(_INTERNAL_ERROR, f"the conversation broke: {fault}"))

    async def _read(self, connection: Connection) -> ConnectionClosed | _Opened:
        """Follow a connection to its end, or to the moment at which the next one has been opened."""
        next_rotation_at = 0.0
        while True:
            try:
                event = await connection.receive(timeout_s=_LOOK_S)
            except TimeoutError:
                self.core.tick(time.monotonic())
            except ConnectionClosed as closed:
                return closed
            else:
                self.core.receive(event, now=time.monotonic())
            await self._flush()
            if self.core.rotation_due(unix_now_s=time.time()) and time.monotonic() >= next_rotation_at:
                next_rotation_at = time.monotonic() + _ROTATION_RETRY_S
                if (following := await self._open_next()) is not None:
                    return following

    async def _open_next(self) -> _Opened | None:
        """The next connection, opened ahead of this one's end. None if that failed: there is time for more attempts."""
        opened = self._open()
        try:
            connection = await opened.__aenter__()
        except ConnectFailed as fault:
            _logger.warning("cannot open the next connection yet: %s", fault)
            return None
        self.core.lost("the session is near its end; going on with another one", now=time.monotonic())
        self._tell()
        return opened, connection

    async def _reconnect(self, closed: ConnectionClosed) -> _Opened | None:
        """Another connection, after however many attempts the policy has for it; None if it gives up."""
        self._connection = None
        self.core.lost(str(closed), now=time.monotonic())
        self._tell()
        self._reconnection.lost(now=time.monotonic(), code=closed.code, retryable=_may_come_back(closed))
        while self._reconnection.next_tick_at != float("inf"):
            await asyncio.sleep(max(0.0, self._reconnection.next_tick_at - time.monotonic()))
            if not self._reconnection.tick(time.monotonic()):
                continue
            opened = self._open()
            try:
                connection = await opened.__aenter__()
            except ConnectFailed as fault:
                _logger.info("attempt %d to connect again: %s", self._reconnection.attempts, fault)
                self._reconnection.failed(now=time.monotonic(), retryable=fault.retryable)
            else:
                self._reconnection.opened()
                return opened, connection
        self._end(closed)
        return None

    # --- between the core, the connection and the application

    async def _flush(self) -> None:
        """Send what the core wants sent, in its order, and tell what it has to tell."""
        self._tell()
        async with self._sending:
            connection = self._connection
            for event in self.core.take_events() if connection is not None else ():
                try:
                    await connection.send(event)  # type: ignore[union-attr]
                except ConnectionClosed:
                    return  # the reader learns it too, and has the core told

    def _tell(self) -> None:
        for notice in self.core.take_notices():
            match notice:
                case RequestEnded(resolution=resolution):
                    answer = self._requests.get(resolution.request.request_id)
                    if answer is not None and not answer.done():
                        answer.set_result(resolution)
                case RunTool(call=call):
                    self._tools.start(call)
                case StopTool(call_id=call_id):
                    self._tools.stop(call_id)
                case SessionRestored():
                    self._reconnection.restored()
                case _:
                    pass
            self._publish(notice)

    def _publish(self, notice: Notice) -> None:
        for stream in self._streams:
            stream.put(notice)
        for kind, callback in list(self._hooks):
            if isinstance(notice, kind):
                try:
                    callback(notice)
                except Exception:
                    _logger.exception("a callback for %s failed", kind.__name__)

    def _tool_answered(self, call_id: str, result: object) -> None:
        self.core.tool_answered(call_id, result, now=time.monotonic())
        self._flush_soon()

    def _tool_failed(self, call_id: str, reason: str) -> None:
        self.core.tool_failed(call_id, reason, now=time.monotonic())
        self._flush_soon()

    def _flush_soon(self) -> None:
        task = asyncio.ensure_future(self._flush())  # noqa: TID251 - kept until it is done, and awaited by `close`
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    def _raise_if_ended(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _end(self, fault: DuologueError) -> None:
        if self._ended is not None:
            return
        self._ended = fault
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(RequestRejected(f"the conversation is over: {fault}"))
        for stream in self._streams:
            stream.end(_failure(fault))

    async def close(self) -> None:
        """End the conversation, and everything that runs for it. `converse` does this at the end of its block."""
        await self._tools.close()
        if self._flushes:
            await asyncio.wait(self._flushes, timeout=_FLUSH_S)
        for task in (*self._flushes, *self._running_tasks):
            task.cancel()
        await asyncio.gather(*self._flushes, *self._running_tasks, return_exceptions=True)
        self._end(ConnectionClosedOK(1000))


@asynccontextmanager
async def converse(
    url: str = "",
    *,
    tools: Toolbox | Iterable[Callable[..., Any]] = (),
    session: RealtimeSessionConfig | None = None,
    tool_timeout_s: float = 30.0,
    options: CoreOptions | None = None,
    reconnect: ReconnectPolicy | None = None,
    open_connection: OpenConnection | None = None,
    **connecting: Any,
) -> AsyncGenerator[Conversation, None]:
    """A conversation with the realtime server at `url`, for the length of an `async with` block.

    `connecting` goes to `duologue.connect`, for the first connection and each later one. `session` is sent first on
    each, with the functions of `tools`. Leaving the block closes the connection; no task is left running.

    Raises:
        ConnectFailed: the first connection did not come about.
    """
    toolbox = tools if isinstance(tools, Toolbox) else Toolbox(*tools)
    opening = open_connection or partial(connect, url, **connecting)
    conversation = Conversation(
        opening,
        tools=toolbox if len(toolbox) else None,
        tool_timeout_s=tool_timeout_s,
        options=options,
        reconnect=reconnect,
    )
    opened = opening()
    conversation.start(opened, await opened.__aenter__())
    try:
        if session is not None or len(toolbox):
            config = session if session is not None else RealtimeSessionConfig()
            config = msgspec.structs.replace(config, tools=list(toolbox.tools)) if len(toolbox) else config
            await conversation.send(SessionUpdateEvent(session=config))
        yield conversation
    finally:
        await conversation.close()


def _may_come_back(closed: ConnectionClosed) -> bool:
    """Whether another connection can succeed. An expired session is over, and its conversation is not."""
    if closed.error is None:
        return True
    return closed.error.error.code == "session_expired" or classify(closed.error) is not ErrorKind.SESSION_ENDING


def _failure(fault: DuologueError) -> DuologueError | None:
    """What a stream raises at its end; an agreed end is none."""
    return None if isinstance(fault, ConnectionClosedOK) else fault


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(10)}"
