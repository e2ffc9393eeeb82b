"""One conversation on the server: a transport, the protocol, and the engines that do its work.

One task reads, one writes, one watches the clock; each transcription and each response is a task of its own. All of
them end with the session.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import string
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from duologue.engines.base import FunctionCall
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed, EngineError
from duologue.protocol import (
    Close,
    Command,
    Detect,
    Follow,
    Foresee,
    LetPass,
    Recall,
    Respond,
    ServerProtocol,
    SessionDefaults,
    SessionKind,
    StopResponse,
    Transcribe,
)
from duologue.server.accent import HOME, Accent
from duologue.server.answering import answer
from duologue.server.exchanges import exchange_of
from duologue.server.hearing import Ear
from duologue.server.outbox import Outbox
from duologue.server.transcribing import Transcribing
from duologue.transports import Transport

__all__ = ["ServerSession", "new_id"]

_logger = logging.getLogger(__name__)

_ID_CHARACTERS: Final = (string.ascii_letters + string.digits).encode()
_ID_LENGTH: Final = 21
"""As the hosted service has it: 124 bits, so that ids of any two sessions never meet."""

_ID_TABLE: Final = bytes(_ID_CHARACTERS[byte % len(_ID_CHARACTERS)] for byte in range(256))
"""From a random byte to a character. Eight of them come a quarter more often, which costs a bit in 125; choosing each
evenly by itself took longer than all else that an event costs."""


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{secrets.token_bytes(_ID_LENGTH).translate(_ID_TABLE).decode('ascii')}"


class ServerSession:
    """Serves one client from greeting to close."""

    def __init__(
        self,
        transport: Transport,
        engines: Engines,
        defaults: SessionDefaults | None = None,
        *,
        kind: SessionKind = "realtime",
        dialect: str = HOME,
    ) -> None:
        """`kind` is what the client connected for; a session of kind "transcription" never responds."""
        self._transport = transport
        self._engines = engines
        self._started_at = time.monotonic()
        self._protocol = ServerProtocol(
            defaults, new_id=new_id, now=self._started_at, started_at=time.time(), kind=kind
        )
        conversation_id = self._protocol.conversation.conversation_id
        self._accent = Accent(dialect, new_id=new_id, conversation_id=conversation_id)
        self._ear = Ear(engines.new_detector(), engines.new_denoiser)
        self._transcribing = Transcribing(engines, self._protocol, start=self._start, pass_on=self._pass_on)
        self._outbox = Outbox()
        self._to_detect: deque[Detect] = deque()
        self._work: dict[str, asyncio.Task[Any]] = {}
        self._tick_at = math.inf
        self._tick_moved = asyncio.Event()

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._protocol.session.wire.id

    async def run(self) -> None:
        """Serve until the client goes or the session is over. Cancelling ends it at once, leaving no task behind."""
        try:
            await self._serve()
        except asyncio.CancelledError:
            await self._transport.close(1001, "the server is going away")
            raise
        except Exception:
            _logger.exception("session %s broke", self.session_id)
            await self._transport.close(1011, "internal error")

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._protocol.connect()
            await self._pass_on()
            reading, writing = self._tasks.create_task(self._read()), self._tasks.create_task(self._write())
            clock = self._tasks.create_task(self._watch_clock())
            try:
                # Whichever learns first that the client is gone: the other may be waiting for something else.
                await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (reading, writing, clock, *self._work.values()):
                    task.cancel()

    # --- the three loops

    async def _read(self) -> None:
        while True:
            try:
                message = await self._transport.receive()
            except ConnectionClosed:
                return
            self._protocol.receive(self._accent.read(message), now=time.monotonic())
            await self._pass_on()
            while self._to_detect:
                # In the reading task, so that what the audio brings about comes before the next message's effects.
                await self._detect(self._to_detect.popleft())
                await self._pass_on()

    async def _write(self) -> None:
        try:
            while True:
                message = await self._outbox.get()
                if isinstance(message, Close):
                    await self._transport.close(message.code, message.reason)
                    return
                await self._transport.send(message)
        except ConnectionClosed:
            return
        finally:
            self._outbox.close()

    async def _watch_clock(self) -> None:
        while (tick_at := self._protocol.next_tick_at) < math.inf:
            self._tick_at = tick_at
            self._tick_moved.clear()
            try:
                async with asyncio.timeout(max(0.0, tick_at - time.monotonic())):
                    await self._tick_moved.wait()
            except TimeoutError:
                # Some clocks wake up a little early: then nothing happens yet, and the rest is slept.
                self._protocol.tick(time.monotonic())
                await self._pass_on()

    # --- what the protocol wants

    async def _pass_on(self) -> None:
        """Send and start what the protocol has come to; then wait until the client has caught up."""
        for event in self._protocol.take_events():
            for message in self._accent.write(event):
                self._outbox.put(message)
        for command in self._protocol.take_commands():
            self._carry_out(command)
        if self._protocol.next_tick_at != self._tick_at:
            self._tick_moved.set()
        await self._outbox.room()

    def _carry_out(self, command: Command) -> None:
        match command:
            case Detect():
                self._to_detect.append(command)
            case Follow():
                self._transcribing.follow(command)
            case Foresee():
                self._transcribing.foresee(command)
            case Recall():
                self._transcribing.recall(command)
            case Transcribe():
                self._start(f"transcribe {command.item_id}", self._transcribe(command))
            case Respond():
                self._start(f"respond {command.response_id}", self._respond(command))
            case StopResponse():
                if (task := self._work.get(f"respond {command.response_id}")) is not None:
                    task.cancel()
            case Close():
                self._outbox.put(command)
            case LetPass():
                _logger.warning(
                    "session %s: let pass in %s: %s, a %s, which a strict session refuses",
                    self.session_id,
                    command.event_type,
                    command.param,
                    command.value_type,
                )

    def _start(self, work_id: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._tasks.create_task(work, name=work_id)
        self._work[work_id] = task
        # Not in the task itself: one that is cancelled before it began runs none of its code.
        task.add_done_callback(lambda _: self._work.pop(work_id))
        return task

    async def _detect(self, command: Detect) -> None:
        try:
            probabilities = await self._ear.hear(command)
        except Exception as fault:
            _logger.exception("session %s: the voice detector broke", self.session_id)
            self._protocol.detection_failed(_told(fault))
        else:
            self._protocol.heard(probabilities, self._ear.frame_ms, now=time.monotonic())

    async def _transcribe(self, command: Transcribe) -> None:
        fault = await self._attempt(lambda: self._transcribing.transcribe(command), command.item_id)
        if fault is not None:
            self._protocol.transcription_failed(command.item_id, fault, now=time.monotonic())
        await self._pass_on()

    async def _respond(self, command: Respond) -> None:
        async def work() -> None:
            age_s = time.monotonic() - self._started_at
            exchange = exchange_of(command, session_id=self.session_id, session_age_s=age_s)
            teller = _Telling(command.response_id, self._protocol, self._pass_on)
            await answer(command, exchange, self._engines, teller)
            self._protocol.response_finished(command.response_id, now=time.monotonic())

        fault = await self._attempt(work, command.response_id)
        if fault is not None:
            self._protocol.response_failed(command.response_id, fault, now=time.monotonic())
        await self._pass_on()

    async def _attempt(self, work: Callable[[], Awaitable[None]], work_id: str) -> str | None:
        """Do engine work; a failure is the work's own, never the session's. Returns what to tell the client of it."""
        try:
            await work()
        except EngineError as fault:
            _logger.warning("session %s: %s failed: %s", self.session_id, work_id, fault)
            return _told(fault)
        except Exception as fault:
            _logger.exception("session %s: an engine broke at %s", self.session_id, work_id)
            return _told(fault)
        return None


class _Telling:
    """Reports one response to the protocol, and has the client told before more of it is made."""

    def __init__(self, response_id: str, protocol: ServerProtocol, pass_on: Callable[[], Awaitable[None]]) -> None:
        self._response_id = response_id
        self._protocol = protocol
        self._pass_on = pass_on

    async def text(self, piece: str, /) -> bool:
        more_is_wanted = self._protocol.response_text(self._response_id, piece, now=time.monotonic())
        await self._pass_on()
        return more_is_wanted

    async def clause(self, clause: str, /) -> None:
        self._protocol.response_clause(self._response_id, clause)

    async def audio(self, audio: bytes, /) -> None:
        self._protocol.response_audio(self._response_id, audio, now=time.monotonic())
        await self._pass_on()

    async def call(self, call: FunctionCall, /) -> None:
        self._protocol.response_call(self._response_id, call.name, call.arguments, now=time.monotonic())
        await self._pass_on()


def _told(fault: Exception) -> str:
    """What the client is told of an engine's failure: its own sentence, or none if it was not meant for anybody."""
    return str(fault) if isinstance(fault, EngineError) else "a speech engine broke; the server's log says how"
