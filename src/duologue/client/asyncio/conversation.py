"""A conversation over as many connections as it takes: say, speak, respond, listen, call functions."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar, overload

from duologue.audio.formats import Encoding
from duologue.client.answers import Answer, done_of, log_illegal, new_id, typed_message
from duologue.client.asyncio.streams import NoticeSink, NoticeStream
from duologue.client.asyncio.supervisor import ConnectionSupervisor, OpenConnection
from duologue.client.asyncio.tool_runner import RunningTools
from duologue.client.limits import INTRODUCTION_S
from duologue.errors import ConnectionClosedOK, DuologueError, RequestRejected
from duologue.events import (
    AnySession,
    AnySessionConfig,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
)
from duologue.protocol.client.core import ConversationCore, CoreOptions
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.notices import (
    AudioDelta,
    ConnectionLost,
    IllegalTransition,
    Notice,
    RequestEnded,
    ResponseFinished,
    RunTool,
    StopTool,
    TextDelta,
)
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.protocol.client.responses.requests import RequestPolicy, Resolution
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.protocol.client.usage import UsageSnapshot

__all__ = ["Conversation"]

_logger = logging.getLogger(__name__)

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class Conversation:
    """A conversation with a realtime server. Made by `duologue.converse`.

    Any number of tasks may use it. What it tells comes as notices (`duologue.protocol.client.notices`), through `stream` or
    `on`. A lost connection is opened again and told what the old one knew; requests under way fail at once, and say so.

    A verb that sends waits first while the server is slow: cancelled then, it has sent nothing.
    """

    def __init__(
        self,
        open_connection: OpenConnection,
        *,
        tools: Toolbox | None = None,
        tool_timeout: float = 30.0,
        options: CoreOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
    ) -> None:
        self.core = ConversationCore(new_id=new_id, options=options, toolbox=tools)
        self._link = ConnectionSupervisor(
            open_connection, core=self.core, policy=reconnect, tell=self._tell, ended=self._end
        )
        self._tools = RunningTools(timeout=tool_timeout, answered=self._tool_answered, failed=self._tool_failed)
        self._requests: dict[str, asyncio.Future[Resolution]] = {}
        self._sinks: list[NoticeSink] = []
        self._hooks: list[tuple[type[Any], Callable[[Any], None]]] = []
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
        connection = self._link.connection
        return connection.session if connection is not None else None

    # --- what to do

    async def send_text(self, text: str, *, role: str = "user") -> None:
        """Add a typed message. Nothing answers it before `respond`."""
        await self.send(typed_message(text, role=role))

    async def ask(self, text: str, *, timeout: float | None = None) -> str:
        """Say something, wait for the answer, return its words. Functions that the model calls belong to the answer.

        Cancelling the wait leaves the response running.

        Raises:
            RequestRejected: there was no response, it failed, or the connection was lost before its end.
            LocalProtocolError: there is no connection now.
            TimeoutError: it is not done in time; it goes on.
        """
        async with asyncio.timeout(timeout), self.stream(ResponseFinished, ConnectionLost, StopTool) as notices:
            await self.send_text(text)
            answer = Answer(self.core, await self.respond())
            async for notice in notices:
                if answer.hear(notice) or (answer.has_begun and not answer.goes_on):
                    return " ".join(answer.words)
        raise RequestRejected("the conversation is over")

    async def send_audio(self, audio: bytes, *, encoding: Encoding | None = None) -> bool:
        """Append input audio; `encoding` is what its source says that it is, and is checked against the session.

        While a lost connection is being restored the audio is dropped, and the answer is False: it belongs to a moment
        that has passed, and a microphone cannot wait.

        Raises:
            LocalProtocolError: it is not what the session takes.
            ConnectionClosed: the conversation is over.
        """
        await self.room()
        if not self.core.is_open:
            return False
        self._act(lambda: self.core.append(audio, encoding=encoding))
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
        timeout: float | None = None,
    ) -> ResponseDoneEvent:
        """Have the model respond, and wait until it has. If another response runs, this one waits its turn.

        Cancelling the wait leaves the response running.

        Raises:
            RequestRejected: there was no response: refused, superseded, or the connection was lost.
            LocalProtocolError: the server would refuse it, or the policy is "refuse" and another response runs.
            TimeoutError: it is not done in time; it goes on.
        """
        answer: asyncio.Future[Resolution] = asyncio.get_running_loop().create_future()

        def ask() -> str:
            request_id = self.core.respond(event, policy=policy, now=time.monotonic()).request_id
            self._requests[request_id] = answer
            return request_id

        async with asyncio.timeout(timeout):
            await self.room()
            request_id = self._act(ask)
            try:
                return done_of(await answer)
            finally:
                self._requests.pop(request_id, None)

    async def cancel(self) -> bool:
        """Stop the response that runs. False if none does."""
        return self._act(lambda: self.core.cancel(now=time.monotonic()))

    async def interrupt(self) -> None:
        """The user takes the floor: stop the response, and cut what was not heard of it. Functions are given up too."""

        def interrupt() -> None:
            self.core.interrupt(now=time.monotonic())
            self.core.cancel_tools(now=time.monotonic())

        self._act(interrupt)

    async def send(self, event: RealtimeEvent) -> None:
        """Send any client event.

        Raises:
            LocalProtocolError: the server would refuse it, only servers send it, or there is no connection now.
            ConnectionClosed: the conversation is over.
        """
        await self.room()
        self._act(lambda: self.core.send(event, now=time.monotonic()))

    async def update_session(self, config: AnySessionConfig) -> None:
        """Change the session's configuration: absent fields stay, null switches off.

        While a lost connection is being restored, the next session is told it.

        Raises:
            LocalProtocolError: the server would refuse it.
            ConnectionClosed: the conversation is over.
        """
        await self.room()
        self._act(lambda: self.core.update_session(config))

    def report_played(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """The player has played so many more bytes of a part; what an interruption cuts depends on it."""
        self.core.report_played(item_id, content_index, n_bytes=n_bytes)

    # --- what is told

    @overload
    def stream(self, kind: type[N], /) -> AbstractAsyncContextManager[NoticeStream[N]]: ...

    @overload
    def stream(self, kind: type[N], kind_2: type[N2], /) -> AbstractAsyncContextManager[NoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /
    ) -> AbstractAsyncContextManager[NoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(self, *kinds: type[Any]) -> AbstractAsyncContextManager[NoticeStream[Any]]: ...

    @asynccontextmanager
    async def stream(self, *kinds: type[Any]) -> AsyncGenerator[NoticeStream[Any], None]:
        """Notices of these kinds, from now to the end of the block or of the conversation.

        Classes of the server's events are kinds too: those come as they are, each before the notices that it causes.
        """
        notices: NoticeStream[Any] = NoticeStream(kinds)
        self.attach(notices)
        try:
            yield notices
        finally:
            self.detach(notices)

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
        """Call back for each notice or event of a kind, on the event loop, in order. Returns what takes it away again.

        A callback must not block. One that raises is logged, and called again for the next notice.
        """
        hook = (kind, callback)
        self._hooks.append(hook)

        def take_away() -> None:
            with suppress(ValueError):  # it is gone already
                self._hooks.remove(hook)

        return take_away

    def attach(self, sink: NoticeSink) -> None:
        """Have a sink told everything, from now on."""
        self._sinks.append(sink)
        if self._ended is not None:
            sink.end(self._ended)

    def detach(self, sink: NoticeSink) -> None:
        """Tell a sink nothing more, but that this is the end, if it is attached."""
        if sink in self._sinks:
            self._sinks.remove(sink)
            sink.end(ConnectionClosedOK(1000))  # for another task that still reads it

    @property
    def function_threads(self) -> Mapping[threading.Thread, str]:
        """Threads in which sync functions run now, those that were given up too, and what the functions are called."""
        return self._tools.threads.copy()

    # --- between the core, the connection and the application

    async def start(self) -> None:
        """Open the first connection, and hear whom it leads to if that decides how to speak. `converse` does this.

        Raises:
            ConnectFailed: it did not come about.
        """
        async with self.stream(RealtimeEvent) as events:
            await self._link.start()
            if self._link.is_dialect_settled:
                return
            with suppress(TimeoutError, DuologueError):  # what is the matter is told to the first who asks for anything
                async with asyncio.timeout(INTRODUCTION_S):
                    await anext(aiter(events))

    async def close(self, *, at_once: bool = False) -> None:
        """End the conversation, and everything that runs for it. `converse` does this at the end of its block.

        Sends what is waiting, unless `at_once`. Takes some eight seconds at most. Closing twice is fine.
        """
        try:
            await self._tools.close()
        finally:
            try:
                await self._link.close(at_once=at_once)
            finally:
                self._end(ConnectionClosedOK(1000))

    # --- `speak` in its parts, for one who is not on the event loop

    @property
    def can_speak(self) -> bool:
        """Whether `put_audio` may be called. On any thread."""
        connection = self._link.connection
        return self.core.is_open and self._ended is None and connection is not None and connection.room > 0

    def put_audio(self, audio: bytes) -> None:
        """Append checked input audio, without waiting for room. Drops it if the connection is lost by now."""
        if self.core.is_open and self._ended is None:
            self._act(lambda: self.core.append(audio))

    async def room(self) -> None:
        """Wait until what was to be sent before is on its way. Raises what the conversation ended with."""
        self._raise_if_ended()
        await self._link.room()
        self._raise_if_ended()

    def _act(self, act: Callable[[], N]) -> N:
        """Do something to the core, tell what it has to tell, and have sent what it wants sent."""
        try:
            return act()
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        self._tell()
        self._link.wake()

    def _tell(self, event: RealtimeEvent | None = None) -> None:
        if event is not None:
            self._publish(event)
        for notice in self.core.take_notices():
            match notice:
                case RequestEnded(resolution=resolution):
                    answer = self._requests.get(resolution.request.request_id)
                    if answer is not None and not answer.done():
                        answer.set_result(resolution)
                case RunTool(call=call) if self._ended is None:
                    self._tools.start(call)
                case StopTool(call_id=call_id):
                    self._tools.stop(call_id)
                case IllegalTransition():
                    log_illegal(notice)
                case _:
                    pass  # for the application alone
            self._publish(notice)

    def _publish(self, notice: Notice | RealtimeEvent) -> None:
        for sink in [*self._sinks]:
            sink.put(notice)
        for kind, callback in list(self._hooks):
            if isinstance(notice, kind):
                try:
                    callback(notice)
                except Exception:
                    _logger.exception("a callback for %s failed", kind.__name__)

    def _tool_answered(self, call_id: str, result: object) -> None:
        self.core.tool_answered(call_id, result, now=time.monotonic())
        self._pass_on()

    def _tool_failed(self, call_id: str, reason: str) -> None:
        self.core.tool_failed(call_id, reason, now=time.monotonic())
        self._pass_on()

    def _raise_if_ended(self) -> None:
        if self._ended is not None:
            raise self._ended.with_traceback(None)

    def _end(self, fault: DuologueError) -> None:
        if self._ended is not None:
            return
        self._ended = fault
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(RequestRejected(f"the conversation is over: {fault}"))
        for sink in self._sinks:
            sink.end(fault)
