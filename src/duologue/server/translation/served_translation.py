"""One translation session on the server: a transport, the protocol, and the engines.

One task reads, one writes, one watches the clock, and one has the utterance that is translated. All of them end with
the session.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from typing import Final, assert_never

from duologue.audio.formats import PCM
from duologue.clock import loop_time, unix_time
from duologue.codec import encode_translation
from duologue.engines.base import Translator
from duologue.engines.registry import Engines
from duologue.errors import ConnectionClosed, EngineError
from duologue.events import (
    AnyTranslationServerEvent,
    TranslationErrorEvent,
    TranslationInputAudioBufferAppendEvent,
    TranslationSessionUpdatedEvent,
)
from duologue.protocol import Close, Detect, IllegalTransition, SessionDefaults, ToleratedFault
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.translation.server.commands import Translate, TranslationCommand
from duologue.protocol.translation.server.protocol import TranslationServerProtocol
from duologue.server.budget import Share
from duologue.server.ids import new_id
from duologue.server.limits import Limits
from duologue.server.rate_limit import TokenBucket
from duologue.server.rejections import Rejection
from duologue.server.session.audio_input import LONG_AUDIO_CHARS, DetectorInput, decode_long_audio
from duologue.server.session.engine_failures import client_message
from duologue.server.session.engine_guard import guarded
from duologue.server.session.send_queue import SendQueue
from duologue.server.session_start import SessionStart
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import UNOBSERVED, Observer
from duologue.server.translation.interpretation import interpret
from duologue.tracebacks import drop_traceback
from duologue.transports import Transport
from duologue.transports.wire_log import SERVER_WIRE, log_frame

__all__ = ["ServedTranslation", "is_served_by"]

_GOING_AWAY: Final = Close(1001, "the server is going away")


class ServedTranslation:
    """Serves one client of translations, from `session.created` to the close."""

    def __init__(
        self,
        transport: Transport,
        engines: Engines,
        defaults: SessionDefaults | None = None,
        *,
        session_start: SessionStart | None = None,
        limits: Limits | None = None,
        observer: Observer | None = None,
        share: Share | None = None,
        new_id: Callable[[str], str] = new_id,
    ) -> None:
        """`share` counts the session's memory, and is closed with it; None: the memory is not counted."""
        start = session_start or SessionStart(translates=True)
        defaults = defaults or SessionDefaults()
        self._transport = transport
        self._limits = limits = limits or Limits()
        self._voice = defaults.voice
        self._share = share
        self._new_id = new_id
        self._last_message_at = now = loop_time()
        self._protocol = TranslationServerProtocol(
            defaults,
            model=start.model,
            new_id=new_id,
            now=now,
            started_at=unix_time(),
            is_served=is_served_by(engines.translator),
            charge=share.charge if share is not None else None,
        )
        self._observer = observer.opened(self.session_id, kind="translation") if observer is not None else UNOBSERVED
        self._engines = guarded(engines, self._observer, piece_s=limits.engine_s)
        self._send_queue = SendQueue(
            max_waiting_bytes=limits.backlog_bytes,
            stall_s=limits.stall_s,
            charge=share.charge if share is not None else None,
        )
        self._events_allowed = (
            TokenBucket(per_s=limits.events_per_s, burst=limits.events_per_s, now=now) if limits.events_per_s else None
        )
        self._detector_input: DetectorInput | None = None
        self._to_detect: deque[Detect] = deque()
        self._translating: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._wake = asyncio.Event()
        self._reading: asyncio.Task[int] | None = None
        self._draining = False
        self._close_with: Close | None = None
        self._configure(start.message, now)

    def _configure(self, message: str | None, now: float) -> None:
        """Apply a client secret's configuration, which was accepted when the secret was made, and greet."""
        if message is not None:
            self._protocol.receive_text(message, now=now)
        # The client has not sent this update, and gets no `session.updated`: `session.created` has the settings.
        rest = [each for each in self._protocol.take_events() if not isinstance(each, TranslationSessionUpdatedEvent)]
        self._protocol.connect()
        self._greeting: list[AnyTranslationServerEvent] = [*self._protocol.take_events(), *rest]

    @property
    def session_id(self) -> str:
        """The session's id, as the client knows it."""
        return self._protocol.session.id

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
            code = _GOING_AWAY.code
            await self._transport.close(code, _GOING_AWAY.reason)
            drop_traceback(end)
            raise
        except Exception as fault:
            code = 1011
            log_event(logging.ERROR, "session broke", fault=fault, session=self.session_id)
            drop_traceback(fault)
            await self._transport.close(code, "internal error")
        finally:
            self._observer.closed(code)
            if self._share is not None:
                self._share.close()
            self._reading = self._translating = None

    def drain(self) -> None:
        """End as soon as everything that was said is translated."""
        self._draining = True
        self._close_if_drained()

    def stop(self, close: Close = _GOING_AWAY) -> None:
        """End now, with this close; later calls change nothing."""
        self._close_with = self._close_with or close
        if self._reading is not None:
            self._reading.cancel()

    async def _serve(self) -> int:
        """Returns the close code."""
        translator = self._engines.translator
        if not getattr(translator, "translates", True):
            log_event(
                logging.WARNING,
                "nothing is translated: the words are spoken again as they are; choose another translator",
                session=self.session_id,
                translator=translator.name,
            )
        async with asyncio.TaskGroup() as self._tasks:
            for event in self._greeting:
                self._send(event)
            await self._flush()
            reading, writing = self._tasks.create_task(self._read()), self._tasks.create_task(self._write())
            clock = self._tasks.create_task(self._watch_clock())
            self._reading = reading
            if self._close_with is not None:
                reading.cancel()
            try:
                # Either may be the first to see that the client is gone, while the other waits for something else.
                await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (reading, writing, clock, self._translating):
                    if task is not None:
                        task.cancel()
        return next((task.result() for task in (reading, writing) if not task.cancelled()), 1005)

    # --- the three loops

    async def _read(self) -> int:
        while True:
            while self._protocol.is_behind:
                # The client's own socket slows it down; nothing that it has sent is lost.
                self._caught_up.clear()
                await self._caught_up.wait()
                self._last_message_at = loop_time()
            try:
                await self._receive(await self._transport.receive())
            except ConnectionClosed as closed:
                return closed.code
            await self._flush()
            while self._to_detect:
                # In this task, so that the effects of the audio precede those of the next message.
                await self._detect(self._to_detect.popleft())
                await self._flush()

    async def _receive(self, message: str | bytes) -> None:
        self._last_message_at = now = loop_time()
        if SERVER_WIRE.isEnabledFor(logging.DEBUG):
            log_frame("received", message, session=self.session_id, wire=SERVER_WIRE)
        if self._events_allowed is not None and not self._events_allowed.take(now):
            self._send_error(Rejection("events"))
        elif (event := self._protocol.read_text(message)) is not None:
            if isinstance(event, TranslationInputAudioBufferAppendEvent) and len(event.audio) > LONG_AUDIO_CHARS:
                await self._receive_long(event)
            else:
                self._protocol.receive(event, now=now)
        self._observer.received(len(message), self._protocol.input_ms)

    async def _receive_long(self, event: TranslationInputAudioBufferAppendEvent) -> None:
        try:
            audio = await decode_long_audio(event.audio)
        except InvalidRequest as invalid:
            self._protocol.reject(invalid, event)
        else:
            self._protocol.receive(event, now=loop_time(), audio=audio)

    async def _write(self) -> int:
        return await self._send_queue.write_to(self._transport, session_id=self.session_id)

    async def _watch_clock(self) -> None:
        while (wake_at := min(self._protocol.next_tick_at, self._idle_at)) < math.inf:
            self._wake.clear()
            try:
                async with asyncio.timeout(max(0.0, wake_at - loop_time())):
                    await self._wake.wait()
            except TimeoutError:
                now = loop_time()
                if now >= self._idle_at:
                    self._reject(Rejection("idle", seconds=self._limits.idle_s))
                    return
                self._protocol.tick(now)
                await self._flush()

    @property
    def _idle_at(self) -> float:
        """When a client is too silent; never while its messages wait to be read."""
        if self._limits.idle_s is None or self._protocol.is_behind:
            return math.inf
        return self._last_message_at + self._limits.idle_s

    # --- events and commands of the protocol

    async def _flush(self) -> None:
        """Send the protocol's events and execute its commands; then wait while the client is too far behind."""
        for event in self._protocol.take_events():
            self._send(event)
        for command in self._protocol.take_commands():
            self._execute(command)
        self._wake.set()
        if not self._protocol.is_behind:
            self._caught_up.set()
        self._close_if_drained()
        if self._send_queue.is_full and not await self._send_queue.room():
            stalled = Rejection("stalled", seconds=self._limits.stall_s)
            self.stop(Close(stalled.close_code, stalled.close_reason))

    def _send(self, event: AnyTranslationServerEvent) -> None:
        text = encode_translation(event).decode("utf-8")
        self._send_queue.put(text)
        self._observer.sent(event, len(text))

    def _send_error(self, rejection: Rejection) -> None:
        self._send(TranslationErrorEvent(event_id=self._new_id("event"), error=rejection.error))

    def _reject(self, rejection: Rejection) -> None:
        """Send the error, and close."""
        self._send_error(rejection)
        self._send_queue.put(Close(rejection.close_code, rejection.close_reason))

    def _close_if_drained(self) -> None:
        if self._draining and self._protocol.is_idle:
            self._draining = False
            self._send_queue.put(_GOING_AWAY)

    def _execute(self, command: TranslationCommand) -> None:
        match command:
            case Detect():
                self._to_detect.append(command)
            case Translate():
                self._translating = self._tasks.create_task(self._translate(command))
            case Close():
                self._send_queue.put(command)
            case IllegalTransition():
                self._observer.illegal_transition(command.table)
                log_event(logging.ERROR, "illegal transition", session=self.session_id, table=command.table)
            case ToleratedFault(event_type=event_type, param=param, value_type=kind):
                log_event(
                    logging.WARNING, "fault tolerated", session=self.session_id, of=event_type, param=param, kind=kind
                )
            case _:
                assert_never(command)

    # --- the engines

    async def _detect(self, command: Detect) -> None:
        try:
            if self._detector_input is None:
                self._detector_input = DetectorInput(self._engines.new_detector(), self._engines.new_denoiser)
            probabilities = await self._detector_input.push(command)
        except Exception as fault:
            log_event(logging.ERROR, "engine broke", fault=fault, session=self.session_id, work="detect")
            drop_traceback(fault)
            self._protocol.detection_failed(client_message(fault))
        else:
            self._protocol.detected(probabilities, self._detector_input.frame_ms)

    async def _translate(self, command: Translate) -> None:
        utterance_id = command.utterance_id
        sink = _Reporter(self, utterance_id)
        with self._observer.work("translation", utterance_id):
            try:
                await interpret(command, self._engines, sink, session_id=self.session_id, voice=self._voice)
            except Exception as fault:
                known = isinstance(fault, EngineError)
                log_event(
                    logging.WARNING if known else logging.ERROR,
                    "engine failed" if known else "engine broke",
                    fault=None if known else fault,
                    session=self.session_id,
                    work=utterance_id,
                    reason=fault.unquoted if isinstance(fault, EngineError) else type(fault).__name__,
                )
                drop_traceback(fault)
                self._protocol.utterance_failed(utterance_id, client_message(fault))
            else:
                self._protocol.utterance_finished(utterance_id)
        await self._flush()


class _Reporter:
    """Reports what becomes of an utterance to the protocol."""

    def __init__(self, session: ServedTranslation, utterance_id: str) -> None:
        self._session = session
        self._protocol = session._protocol
        self._utterance_id = utterance_id

    async def source(self, piece: str, /) -> None:
        self._protocol.source_text(self._utterance_id, piece)
        await self._session._flush()

    async def text(self, piece: str, /) -> None:
        self._protocol.translated_text(self._utterance_id, piece)
        await self._session._flush()

    async def audio(self, pcm16: bytes, /) -> None:
        self._protocol.translated_audio(self._utterance_id, pcm16)
        self._session._observer.spoke(PCM.duration_ms(len(pcm16)) / 1000)
        await self._session._flush()


def is_served_by(translator: Translator) -> Callable[[str], bool]:
    """What says whether a translator translates into a language: any, unless it names those that it knows."""
    known = getattr(translator, "languages", None)
    if known is None:
        return lambda _: True
    tags = {str(tag).lower() for tag in known}
    return lambda language: language.lower() in tags or language.lower().partition("-")[0] in tags
