"""One conversation on the server: a transport, the protocol, and the engines that do its work.

One task reads, one writes, one watches the clock; each transcription and each response is a task of its own. All of
them end with the session.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import string
import time
from collections.abc import Awaitable, Callable
from typing import Final

from duologue.codec import encode
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed, EngineError
from duologue.protocol import (
    Close,
    Command,
    Detect,
    Respond,
    ServerProtocol,
    SessionDefaults,
    StopResponse,
    Transcribe,
)
from duologue.server.answering import answer, closing, exchange_of
from duologue.server.hearing import Ear, transcribe
from duologue.server.outbox import Outbox
from duologue.transports import Transport

__all__ = ["ServerSession", "new_id"]

_logger = logging.getLogger(__name__)

_ID_CHARACTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 21
"""As the hosted service has it: 125 bits, so that ids of any two sessions never meet."""


def new_id(kind: str) -> str:
    """A random id such as `item_…`."""
    return f"{kind}_{''.join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))}"


class ServerSession:
    """Serves one client from greeting to close."""

    def __init__(self, transport: Transport, engines: Engines, defaults: SessionDefaults | None = None) -> None:
        self._transport = transport
        self._engines = engines
        self._started_at = time.monotonic()
        self._protocol = ServerProtocol(defaults, new_id=new_id, now=self._started_at, started_at=time.time())
        self._ear = Ear(engines.new_detector())
        self._outbox = Outbox()
        self._to_detect: list[Detect] = []
        self._work: dict[str, asyncio.Task[None]] = {}

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._protocol.session.wire.id

    async def run(self) -> None:
        """Serve until the client goes or the session is over. Cancelling ends it at once, leaving no task behind."""
        async with asyncio.TaskGroup() as self._tasks:
            watchers = [self._tasks.create_task(self._write()), self._tasks.create_task(self._watch_clock())]
            try:
                self._protocol.connect()
                await self._pass_on()
                await self._read()
            finally:
                for task in (*watchers, *self._work.values()):
                    task.cancel()

    # --- the three loops

    async def _read(self) -> None:
        while True:
            try:
                message = await self._transport.receive()
            except ConnectionClosed:
                return
            self._protocol.receive(message)
            await self._pass_on()
            while self._to_detect:
                # In the reading task, so that what the audio brings about comes before the next message's effects.
                probabilities = await self._ear.hear(self._to_detect.pop(0))
                self._protocol.heard(probabilities, self._ear.frame_ms)
                await self._pass_on()

    async def _write(self) -> None:
        while True:
            message = await self._outbox.get()
            try:
                if isinstance(message, Close):
                    await self._transport.close(message.code, message.reason)
                    return
                await self._transport.send(message)
            except ConnectionClosed:
                return  # the reader learns it too, and ends the session

    async def _watch_clock(self) -> None:
        await asyncio.sleep(max(0.0, self._protocol.next_tick_at - time.monotonic()))
        self._protocol.tick(time.monotonic())
        await self._pass_on()

    # --- what the protocol wants

    async def _pass_on(self) -> None:
        """Send and start what the protocol has come to; then wait until the client has caught up."""
        for event in self._protocol.take_events():
            self._outbox.put(encode(event).decode("utf-8"))
        for command in self._protocol.take_commands():
            self._carry_out(command)
        await self._outbox.room()

    def _carry_out(self, command: Command) -> None:
        match command:
            case Detect():
                self._to_detect.append(command)
            case Transcribe():
                self._start(command.item_id, self._transcribe(command))
            case Respond():
                self._start(command.response_id, self._respond(command))
            case StopResponse():
                if (task := self._work.get(command.response_id)) is not None:
                    task.cancel()
            case Close():
                self._outbox.put(command)

    def _start(self, work_id: str, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            finally:
                del self._work[work_id]

        self._work[work_id] = self._tasks.create_task(run(), name=work_id)

    async def _transcribe(self, command: Transcribe) -> None:
        async def work() -> None:
            pieces: list[str] = []
            async with closing(transcribe(self._engines.transcriber, command)) as transcript:
                async for piece in transcript:
                    pieces.append(piece)
                    self._protocol.transcript_delta(command.item_id, piece)
                    await self._pass_on()
            self._protocol.transcribed(command.item_id, "".join(pieces).strip())

        fault = await self._attempt(work, command.item_id)
        if fault is not None:
            self._protocol.transcription_failed(command.item_id, fault)
        await self._pass_on()

    async def _respond(self, command: Respond) -> None:
        async def tell(text: str) -> None:
            self._protocol.response_text(command.response_id, text)
            await self._pass_on()

        async def play(audio: bytes) -> None:
            self._protocol.response_audio(command.response_id, audio)
            await self._pass_on()

        async def work() -> None:
            age_s = time.monotonic() - self._started_at
            exchange = exchange_of(command, session_id=self.session_id, session_age_s=age_s)
            await answer(command, exchange, self._engines, tell=tell, play=play)
            self._protocol.response_finished(command.response_id)

        fault = await self._attempt(work, command.response_id)
        if fault is not None:
            self._protocol.response_failed(command.response_id, fault)
        await self._pass_on()

    async def _attempt(self, work: Callable[[], Awaitable[None]], work_id: str) -> str | None:
        """Do engine work; a failure is the work's own, never the session's. Returns what to tell the client of it."""
        try:
            await work()
        except EngineError as fault:
            _logger.warning("session %s: %s failed: %s", self.session_id, work_id, fault)
            return str(fault)
        except Exception:
            _logger.exception("session %s: an engine broke at %s", self.session_id, work_id)
            return "a speech engine broke; the server's log says how"
        return None
