"""One Live session on the server: its primary connection, its sidebands, the protocol, and the engines.

One task reads the primary connection, one writes it, one watches the clock; each transcription and each reply has a
task of its own. All of them end with the session. Sidebands have tasks of their own, and end behind it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final, Protocol, assert_never

from duologue.clock import loop_time, unix_time
from duologue.codec import encode_live
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed
from duologue.events.live import LiveSessionStartedEvent
from duologue.protocol import Close, Detect, IllegalTransition
from duologue.protocol.live.server import (
    ALL,
    PRIMARY,
    SIDEBANDS,
    LiveCommand,
    LiveDefaults,
    LiveOutgoing,
    LiveReply,
    LiveServerProtocol,
    StopReply,
    StoredLiveSession,
    TranscribeUtterance,
)
from duologue.protocol.model_kinds import kind_of_model
from duologue.server.budget import Share
from duologue.server.ids import new_id
from duologue.server.limits import Limits
from duologue.server.live.engine_work import EngineWork
from duologue.server.live.live_errors import live_error
from duologue.server.live.sideband import GOING_AWAY, OVER, Sideband
from duologue.server.rate_limit import TokenBucket
from duologue.server.rejections import Rejection
from duologue.server.session.engine_guard import guarded
from duologue.server.session.send_queue import SendQueue
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport
from duologue.transports.wire_log import SERVER_WIRE, log_frame

__all__ = ["LiveServerSession", "Registry"]

_LONG_S: Final = 0.0015
"""A message that took longer has the session's next one wait until others had their turn. Between one and two of the
milliseconds that uvloop's clock has."""


class Registry(Protocol):
    """Is told which sessions there are."""

    def opened(self, session: LiveServerSession, /) -> None:
        """The session has started."""
        ...

    def closed(self, session: LiveServerSession, stored: StoredLiveSession | None, /) -> None:
        """The session is over; what it leaves for forks."""
        ...


class LiveServerSession:
    """Serves one client of Live, which speaks first: nothing is sent before its `session.start`."""

    def __init__(
        self,
        transport: Transport,
        engines: Engines,
        defaults: LiveDefaults | None = None,
        *,
        owner: str = "",
        registry: Registry | None = None,
        models: Collection[str] = (),
        limits: Limits | None = None,
        observer: Observer | None = None,
        share: Share | None = None,
        stored: StoredLiveSession | None = None,
        long_work: asyncio.Lock | None = None,
        new_id: Callable[[str], str] = new_id,
    ) -> None:
        """With `models`, sessions of others are refused. `share` counts the session's memory, and is closed with it.
        `owner` may attach sidebands. With `stored` the session is a fork of it. Sessions of
        one event loop do their long work under the same lock, `long_work`."""
        self.owner = owner
        self._transport = transport
        self._registry = registry
        self._models = models
        self._limits = limits = limits or Limits()
        self._share = share
        self._new_id = new_id
        self._long_work = long_work or asyncio.Lock()
        now = loop_time()
        charge = share.charge if share is not None else None
        self._protocol = LiveServerProtocol(
            defaults, new_id=new_id, now=now, started_at=unix_time(), charge=charge, stored=stored
        )
        self._observer = observer.opened(self.session_id, kind="live") if observer is not None else UNOBSERVED
        self._engine_work = EngineWork(
            guarded(engines, self._observer, piece_s=limits.engine_s),
            self._protocol,
            self._observer,
            flush=self._flush,
            progress=self._progressed,
        )
        self._send_queue = SendQueue(max_waiting_bytes=limits.backlog_bytes, stall_s=limits.stall_s, charge=charge)
        self._events_allowed = (
            TokenBucket(per_s=limits.events_per_s, burst=limits.events_per_s, now=now) if limits.events_per_s else None
        )
        self._sidebands: dict[str, Sideband] = {}
        self._to_detect: list[Detect] = []
        self._detecting = asyncio.Lock()
        self._work: dict[str, asyncio.Task[None]] = {}
        self._illegal: set[IllegalTransition] = set()
        self._tick_at = math.inf
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._reading: asyncio.Task[int] | None = None
        self._serving = False
        self._draining = False
        self._close_with: Close | None = None

    @property
    def session_id(self) -> str:
        """The session's id, as its clients know it."""
        return self._protocol.session_id

    @property
    def sidebands_open(self) -> int:
        """The number of sidebands that are attached."""
        return len(self._sidebands)

    async def run(self) -> None:
        """Serve until the client disconnects or the session is over. Cancelling ends it at once, with all its tasks."""
        code = 1005
        try:
            with self._observer.work("session", self.session_id):
                code = await self._serve()
                if self._close_with is not None:
                    code = self._close_with.code
                    await self._transport.close(code, self._close_with.reason)
        except asyncio.CancelledError as end:
            code = GOING_AWAY.code
            await self._transport.close(code, GOING_AWAY.reason)
            drop_traceback(end)
            raise
        except Exception as fault:
            code = 1011
            log_event(logging.ERROR, "session broke", fault=fault, session=self.session_id)
            drop_traceback(fault)
            await self._transport.close(code, "internal error")
        finally:
            self._end(code)

    def drain(self) -> None:
        """End as soon as nothing is delegated, spoken or transcribed any more: `session.closed`, and then 1001."""
        self._draining = True
        if not self._serving or not self._protocol.is_running:
            self.stop()
            return
        self._protocol.stop(now=loop_time())
        self._pass_on()

    def stop(self, close: Close = GOING_AWAY) -> None:
        """End now, with this close; later calls change nothing."""
        self._close_with = self._close_with or close
        if self._reading is not None:
            self._reading.cancel()

    # --- sidebands

    def attach(self, sideband: Sideband, /) -> None:
        """Send the sideband `session.started`, and then all events; or an error, if the session does not run."""
        self._sidebands[sideband.sideband_id] = sideband
        if self._serving and self._protocol.attach(sideband.sideband_id, now=loop_time()):
            self._pass_on()
            return
        self.detach(sideband)
        gone = live_error(Rejection("no_live_session", session_id=self.session_id), self._new_id("event"))
        sideband.put(encode_live(gone).decode("utf-8"))
        sideband.finish()

    def detach(self, sideband: Sideband, /) -> None:
        """The sideband is gone; the session goes on."""
        if self._sidebands.pop(sideband.sideband_id, None) is not None and self._serving:
            self._protocol.detach(sideband.sideband_id, now=loop_time())
            self._pass_on()

    async def receive(self, message: str | bytes, /, *, source: str = PRIMARY) -> None:
        """Carry out a message of the primary connection or of a sideband; wait while the client is too far behind."""
        now = loop_time()
        if SERVER_WIRE.isEnabledFor(logging.DEBUG):
            log_frame("received", message, session=self.session_id if source == PRIMARY else source, wire=SERVER_WIRE)
        if not self._serving:
            return
        if self._events_allowed is not None and not self._events_allowed.take(now):
            self._send(LiveOutgoing(live_error(Rejection("events"), self._new_id("event")), source))
        else:
            self._protocol.receive_text(message, now=now, source=source)
        if source == PRIMARY:
            self._observer.received(len(message), self._protocol.input_ms)
        await self._flush()
        if loop_time() - now > _LONG_S:
            await self.turn()
        while self._protocol.next_tick_at <= loop_time():
            # A burst of input takes several steps, between which others have their turn; the next message waits.
            self._protocol.tick(loop_time())
            await self._flush()
            await self.turn()

    async def turn(self) -> None:
        """Wait until others had their turn; of all connections with long work, one goes on in each turn of the loop."""
        async with self._long_work:
            await asyncio.sleep(0)

    # --- the three loops

    async def _serve(self) -> int:
        """Returns the close code."""
        async with asyncio.TaskGroup() as self._tasks:
            self._serving = True
            reading, writing = self._tasks.create_task(self._read()), self._tasks.create_task(self._write())
            clock = self._tasks.create_task(self._watch_clock())
            self._reading = reading
            if self._close_with is not None:
                reading.cancel()
            try:
                # Either may be the first to see that the client is gone, while the other waits for something else.
                await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._serving = False
                for task in (reading, writing, clock, *self._work.values()):
                    task.cancel()
        return next((task.result() for task in (reading, writing) if not task.cancelled()), 1005)

    async def _read(self) -> int:
        while True:
            try:
                # Not in a variable: it would keep the last message in memory until the next one comes.
                await self.receive(await self._transport.receive())
            except ConnectionClosed as closed:
                return closed.code

    async def _write(self) -> int:
        return await self._send_queue.write_to(self._transport, session_id=self.session_id)

    async def _watch_clock(self) -> None:
        while (wake_at := self._protocol.next_tick_at) < math.inf:
            self._tick_at = wake_at
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, wake_at - loop_time())):
                    await self._wake.wait()
            except TimeoutError:
                self._protocol.tick(loop_time())
                await self._flush()

    def _end(self, code: int) -> None:
        """The primary connection is gone: tell the sidebands, and give everything back."""
        close = OVER
        try:
            self._protocol.lost(now=loop_time())  # changes nothing where the session has ended before
            for outgoing in self._protocol.take_outgoing():
                self._send(outgoing)
            close = next((each for each in self._protocol.take_commands() if isinstance(each, Close)), close)
        finally:
            self._finish_sidebands(close)
            self._observer.closed(code)
            if self._share is not None:
                self._share.close()
            self._leave_registry()
            # It refers to this session: the cycle would keep its audio in memory until a full garbage collection.
            del self._engine_work
            self._reading = None

    def _leave_registry(self) -> None:
        registry, self._registry = self._registry, None
        if registry is not None:
            registry.closed(self, self._protocol.stored())

    # --- events and commands of the protocol

    async def _flush(self) -> None:
        """Send the protocol's events and execute its commands; then wait while the client is too far behind."""
        self._pass_on()
        if self._to_detect:
            async with self._detecting:  # one piece of audio after another, whoever brought it
                # What the passing of time adds meanwhile, some milliseconds, is detected with the next piece.
                pieces, self._to_detect = self._to_detect, []
                if pieces:  # else another task has brought them to the detector
                    await self._engine_work.detect(pieces)
                    self._pass_on()
        if self._send_queue.is_full and not await self._send_queue.room():
            stalled = Rejection("stalled", seconds=self._limits.stall_s)
            self.stop(Close(stalled.close_code, stalled.close_reason))

    def _pass_on(self) -> None:
        for outgoing in self._protocol.take_outgoing():
            self._send(outgoing)
        for command in self._protocol.take_commands():
            self._execute(command)
        self._progress.set()
        if self._protocol.next_tick_at < self._tick_at:
            self._wake.set()

    async def _progressed(self) -> None:
        """Wait until anything happened in the session."""
        self._progress.clear()
        await self._progress.wait()

    def _send(self, outgoing: LiveOutgoing) -> None:
        event, to = outgoing.event, outgoing.to
        if isinstance(event, LiveSessionStartedEvent) and to in (ALL, PRIMARY) and not self._admits(event):
            return
        text = encode_live(event).decode("utf-8")
        if to in (ALL, PRIMARY):
            self._send_queue.put(text)
            self._observer.sent(event, len(text))
        if to in (ALL, SIDEBANDS):
            for sideband in tuple(self._sidebands.values()):
                sideband.put(text)
        elif (only := self._sidebands.get(to)) is not None:
            only.put(text)

    def _admits(self, started: LiveSessionStartedEvent) -> bool:
        """Whether the session may have its model. If so it is open to sidebands, else it ends."""
        model = str(started.session.model)
        # A name that the operator gave a model of theirs may look like another one's.
        if model in self._models or (not self._models and kind_of_model(model) in (None, "live")):
            if self._registry is not None:
                self._registry.opened(self)
            return True
        rejection = Rejection("wrong_model" if self._models else "model_not_for_live", model=model)
        refused = live_error(rejection, self._new_id("event"), answers=started.client_event_id)
        self._send_queue.put(encode_live(refused).decode("utf-8"))
        self._observer.sent(refused, 0)
        self._send_queue.put(Close(rejection.close_code, rejection.close_reason))
        return False

    def _execute(self, command: LiveCommand) -> None:
        match command:
            case Detect():
                self._to_detect.append(command)
            case TranscribeUtterance():
                self._start(f"transcribe {command.utterance_id}", self._engine_work.transcribe(command))
            case LiveReply():
                self._start(f"reply {command.reply_id}", self._engine_work.reply(command))
            case StopReply():
                if (task := self._work.get(f"reply {command.reply_id}")) is not None:
                    task.cancel()
            case Close():
                self._leave_registry()  # before the client sees the end, and forks what was stored
                close = GOING_AWAY if self._draining else command
                self._send_queue.put(close)
                self._finish_sidebands(close)
            case IllegalTransition():
                self._report_illegal(command)
            case _:
                assert_never(command)

    def _finish_sidebands(self, close: Close) -> None:
        for sideband in tuple(self._sidebands.values()):
            sideband.finish(close)

    def _report_illegal(self, illegal: IllegalTransition) -> None:
        """Count a fault of this library; log each kind once."""
        self._observer.illegal_transition(illegal.table)
        if illegal not in self._illegal:
            self._illegal.add(illegal)
            log_event(
                logging.ERROR,
                "illegal transition",
                session=self.session_id,
                table=illegal.table,
                state=illegal.state,
                happened=illegal.happened,
            )

    # --- the engines

    def _start(self, work_id: str, work: Coroutine[Any, Any, None]) -> None:
        if not self._serving:  # a sideband's message may still be under way when the primary connection is gone
            work.close()
            return
        task = self._tasks.create_task(work, name=work_id)
        self._work[work_id] = task
        # Not in the task itself: a task that is cancelled before its start runs no code.
        task.add_done_callback(lambda _: self._work.pop(work_id, None))
