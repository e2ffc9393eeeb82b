"""A conversation for threads, over as many connections as it takes: say, speak, respond, listen, call functions."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar, overload

from duologue.audio.formats import Encoding
from duologue.client.blocking.callbacks import Callbacks
from duologue.client.blocking.link import BlockingLink, OpenBlockingConnection
from duologue.client.blocking.running_tools import ThreadedTools
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.conduct import INTRODUCTION_S, Answer, done_of, log_illegal, new_id, typed_message
from duologue.errors import ConnectionClosed, ConnectionClosedOK, DuologueError, RequestRejected
from duologue.events import (
    AnySession,
    AnySessionConfig,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
)
from duologue.protocol.core import ConversationCore, CoreOptions
from duologue.protocol.drafts import StoredItem
from duologue.protocol.notices import (
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
from duologue.protocol.reconnecting import ReconnectPolicy
from duologue.protocol.requests import RequestPolicy, Resolution
from duologue.protocol.toolbox import Toolbox
from duologue.protocol.usage_ledger import UsageSnapshot

__all__ = ["BlockingConversation"]

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class BlockingConversation:
    """A conversation with a realtime server. Made by `duologue.blocking.converse`.

    Any number of threads may use it. What it tells comes as notices (`duologue.protocol.notices`), through `stream` or
    `on`. A lost connection is opened again and told what the old one knew; requests under way fail at once, and say so.

    A `timeout_s` bounds the whole call; None waits as long as it takes. Nothing is sent after a TimeoutError, but for
    what waits for an answer: that was sent, and goes on.
    """

    def __init__(
        self,
        open_connection: OpenBlockingConnection,
        *,
        tools: Toolbox | None = None,
        tool_timeout_s: float = 30.0,
        options: CoreOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
    ) -> None:
        self.core = ConversationCore(new_id=new_id, options=options, toolbox=tools)
        self._lock = threading.RLock()
        """Around the core and the three collections below; nobody waits for anything while he has it.

        Locks are taken by `with` alone, never across the `yield` of a context manager, and who waits gets his answer
        through a queue: Ctrl-C, which comes between any two instructions of the main thread, leaves nothing locked.
        """
        self._requests: dict[str, queue.SimpleQueue[Resolution | RequestRejected]] = {}
        self._streams: list[BlockingNoticeStream[Any]] = []
        self._callbacks = Callbacks()
        self._ended: DuologueError | None = None
        self._tools = ThreadedTools(timeout_s=tool_timeout_s, answered=self._tool_answered, failed=self._tool_failed)
        self._link = BlockingLink(
            open_connection,
            core=self.core,
            lock=self._lock,
            tools=self._tools,
            policy=reconnect,
            pass_on=self._pass_on,
            ended=self._end,
        )

    # --- what there is

    @property
    def items(self) -> tuple[StoredItem, ...]:
        """The conversation so far, in order; a value that does not change any more."""
        with self._lock:
            return self.core.store.items

    @property
    def usage(self) -> UsageSnapshot:
        """What it has cost so far."""
        with self._lock:
            return self.core.usage.snapshot()

    @property
    def session(self) -> AnySession | None:
        """The session as the server last told it; None while there is no connection."""
        connection = self._link.connection
        return connection.session if connection is not None else None

    # --- what to do

    def say(self, text: str, *, role: str = "user", timeout_s: float | None = None) -> None:
        """Add a typed message. Nothing answers it before `respond`. Raises as `send` does."""
        self.send(typed_message(text, role=role), timeout_s=timeout_s)

    def ask(self, text: str, *, timeout_s: float | None = None) -> str:
        """Say something, wait for the answer, return its words. Functions that the model calls belong to the answer.

        Raises:
            RequestRejected: there was no response, it failed, or the connection was lost before its end.
            LocalProtocolError: there is no connection now.
            TimeoutError: it is not done in time; it goes on.
        """
        left_s = _countdown(timeout_s)
        with self.stream(ResponseFinished, ConnectionLost, StopTool) as told:
            self.say(text, timeout_s=left_s())
            done = self.respond(timeout_s=left_s())
            with self._lock:
                answer = Answer(self.core, done)
            while True:
                with self._lock:
                    if answer.has_begun and told.is_empty and not answer.goes_on:
                        break
                try:
                    notice = told.receive(timeout_s=left_s())
                except ConnectionClosedOK:
                    raise RequestRejected("the conversation is over") from None
                with self._lock:
                    if answer.hear(notice):
                        break
        return " ".join(answer.words)

    def speak(self, audio: bytes, *, encoding: Encoding | None = None, timeout_s: float | None = None) -> bool:
        """Append input audio; `encoding` is what its source says that it is, and is checked against the session.

        While a lost connection is being restored the audio is dropped, and the answer is False: it belongs to a moment
        that has passed, and a microphone cannot wait.

        Raises:
            LocalProtocolError: it is not what the session takes.
            ConnectionClosed: the conversation is over.
            TimeoutError: the server was too slow.
        """

        def append() -> bool:
            if self.core.is_open:
                self.core.append(audio, encoding=encoding)
            return self.core.is_open

        return self._act_with_room(append, timeout_s)

    def commit(self, *, timeout_s: float | None = None) -> None:
        """Make an item of the appended audio, where turns are made by hand. Raises as `send` does."""
        self.send(InputAudioBufferCommitEvent(), timeout_s=timeout_s)

    def respond(
        self,
        event: ResponseCreateEvent | None = None,
        *,
        policy: RequestPolicy = "wait",
        timeout_s: float | None = None,
    ) -> ResponseDoneEvent:
        """Have the model respond, and wait until it has. If another response runs, this one waits its turn.

        Raises:
            RequestRejected: there was no response: refused, superseded, or the connection was lost.
            LocalProtocolError: the server would refuse it, or the policy is "refuse" and another response runs.
            ConnectionClosed: the conversation is over.
            TimeoutError: it is not done in time; it goes on.
        """
        left_s = _countdown(timeout_s)
        answer: queue.SimpleQueue[Resolution | RequestRejected] = queue.SimpleQueue()

        def ask() -> str:
            request_id = self.core.respond(event, policy=policy, now=time.monotonic()).request_id
            self._requests[request_id] = answer
            return request_id

        request_id = self._act_with_room(ask, left_s())
        try:
            resolution = answer.get(timeout=left_s())
        except queue.Empty:
            raise TimeoutError(f"the response is not done within {timeout_s:g} s") from None
        finally:
            with self._lock:
                self._requests.pop(request_id, None)
        if isinstance(resolution, RequestRejected):
            raise resolution
        return done_of(resolution)

    def cancel(self) -> bool:
        """Stop the response that runs. False if none does."""
        return self._act(lambda: self.core.cancel(now=time.monotonic()))

    def interrupt(self) -> None:
        """The user takes the floor: stop the response, and cut what was not heard of it. Functions are given up too."""

        def interrupt() -> None:
            self.core.interrupt(now=time.monotonic())
            self.core.cancel_tools(now=time.monotonic())

        self._act(interrupt)

    def send(self, event: RealtimeEvent, *, timeout_s: float | None = None) -> None:
        """Send any client event; waits while the server is slow.

        Raises:
            LocalProtocolError: the server would refuse it, only servers send it, or there is no connection now.
            ConnectionClosed: the conversation is over.
            TimeoutError: the server was too slow.
        """
        self._act_with_room(lambda: self.core.send(event, now=time.monotonic()), timeout_s)

    def configure(self, config: AnySessionConfig, *, timeout_s: float | None = None) -> None:
        """Change the session's configuration: absent fields stay, null switches off.

        While a lost connection is being restored, the next session is told it.

        Raises:
            LocalProtocolError: the server would refuse it.
            ConnectionClosed: the conversation is over.
            TimeoutError: the server was too slow.
        """
        self._act_with_room(lambda: self.core.configure(config), timeout_s)

    def heard(self, item_id: str, content_index: int = 0, *, n_bytes: int) -> None:
        """The player has played so many more bytes of a part; what an interruption cuts depends on it."""
        with self._lock:
            self.core.heard(item_id, content_index, n_bytes=n_bytes)

    # --- what is told

    @overload
    def stream(
        self, kind: type[N], /, *, timeout_s: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], /, *, timeout_s: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /, *, timeout_s: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(
        self, *kinds: type[Any], timeout_s: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[Any]]: ...

    @contextmanager
    def stream(
        self, *kinds: type[Any], timeout_s: float | None = None
    ) -> Generator[BlockingNoticeStream[Any], None, None]:
        """Notices of these kinds, from now to the end of the block or of the conversation.

        Classes of the server's events are kinds too: those come as they are, each before the notices that it causes.
        Iterating waits for each of them, and raises TimeoutError when none comes within `timeout_s`.
        """
        notices: BlockingNoticeStream[Any] = BlockingNoticeStream(kinds, timeout_s=timeout_s)
        with self._lock:
            self._streams.append(notices)
            if self._ended is not None:
                notices.end(self._ended)
        try:
            yield notices
        finally:
            with self._lock:
                self._streams.remove(notices)
                notices.end(ConnectionClosedOK(1000))  # for another thread that still reads it

    def texts(self, *, timeout_s: float | None = None) -> Iterator[TextDelta]:
        """Pieces of what the model writes or says, from the first `next` on."""
        with self.stream(TextDelta, timeout_s=timeout_s) as notices:
            yield from notices

    def audio(self, *, timeout_s: float | None = None) -> Iterator[AudioDelta]:
        """Pieces of the model's speech, from the first `next` on; report with `heard` what of it was played."""
        with self.stream(AudioDelta, timeout_s=timeout_s) as notices:
            yield from notices

    def on(self, kind: type[N], callback: Callable[[N], None]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, in order. Returns what takes the callback away again.

        All callbacks run on one thread, which is for them alone: one may wait, for an answer too, and holds up only
        the others. One that raises is logged, and called again for the next notice.
        """
        with self._lock:
            return self._callbacks.add(kind, callback)

    # --- between the core, the connection and the application

    def start(self) -> None:
        """Open the first connection, and hear whom it leads to if that decides how to speak. `converse` does this.

        Raises:
            ConnectFailed: it did not come about.
        """
        with self.stream(RealtimeEvent) as events:
            self._link.start()
            connection = self._link.connection
            if connection is not None and not connection.is_dialect_settled:
                with suppress(TimeoutError, DuologueError):  # what is the matter is told to the first who asks
                    events.receive(timeout_s=INTRODUCTION_S)

    def close(self, *, at_once: bool = False) -> None:
        """End the conversation, and everything that runs for it. `converse` does this at the end of its block.

        Sends what is waiting, unless `at_once`. Takes some eight seconds at most, and while a lost connection is being
        opened again up to its `open_timeout_s` more. A sync function that does not end is left behind, and logged.
        Closing twice is fine.
        """
        try:
            self._tools.close()
        finally:
            try:
                self._link.close(at_once=at_once)
            finally:
                with self._lock:
                    self.core.lost("the conversation is over", now=time.monotonic())
                self._pass_on()
                self._end(ConnectionClosedOK(1000))
                self._callbacks.close()

    def _act_with_room(self, act: Callable[[], N], timeout_s: float | None) -> N:
        """Act once there is room for what the core will send."""
        connection = self._link.connection
        if connection is not None:
            connection.wait_for_room(timeout_s=timeout_s)
        return self._act(act)

    def _act(self, act: Callable[[], N]) -> N:
        """Do something to the core, and pass on what it comes to."""
        with self._lock:
            if self._ended is not None:
                raise self._ended.with_traceback(None)
            try:
                return act()
            finally:
                self._pass_on()

    def _pass_on(self, event: RealtimeEvent | None = None) -> None:
        """Tell what was read and what the core has to tell, and send what it wants sent."""
        with self._lock:
            if event is not None:
                self._publish(event)
            for notice in self.core.take_notices():
                self._tell(notice)
            connection = self._link.connection
            if connection is not None:
                # Without waiting: whoever reads must go on doing so, and everybody else has waited before.
                with suppress(ConnectionClosed):  # the reader learns it too, and has the core told
                    for event in self.core.take_events():
                        connection.put(event)

    def _tell(self, notice: Notice) -> None:
        match notice:
            case RequestEnded(resolution=resolution):
                answer = self._requests.pop(resolution.request.request_id, None)
                if answer is not None:
                    answer.put(resolution)
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
        for stream in self._streams:
            stream.put(notice)
        self._callbacks.put(notice)

    def _tool_answered(self, call_id: str, result: object) -> None:
        with self._lock:
            self.core.tool_answered(call_id, result, now=time.monotonic())
            self._pass_on()

    def _tool_failed(self, call_id: str, reason: str) -> None:
        with self._lock:
            self.core.tool_failed(call_id, reason, now=time.monotonic())
            self._pass_on()

    def _end(self, fault: DuologueError) -> None:
        with self._lock:
            if self._ended is not None:
                return
            self._ended = fault
            for answer in self._requests.values():
                answer.put(RequestRejected(f"the conversation is over: {fault}"))
            self._requests.clear()
            for stream in self._streams:
                stream.end(fault)
            self._callbacks.end(fault)


def _countdown(timeout_s: float | None) -> Callable[[], float | None]:
    """What is left of a time limit, whenever it is asked for."""
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    return lambda: None if ends_at is None else max(0.0, ends_at - time.monotonic())
