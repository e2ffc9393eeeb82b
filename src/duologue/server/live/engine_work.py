"""The work that a Live session gives to the engines: detect speech, transcribe it, and make what the voice says."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from duologue.audio.formats import Encoding
from duologue.clock import loop_time
from duologue.engines.fair_queue import Priority
from duologue.engines.registry import Engines
from duologue.protocol import Detect, Transcribe
from duologue.protocol.live.server import LiveReply, LiveServerProtocol, TranscribeUtterance
from duologue.server.live.reply_reporter import ReplyReporter
from duologue.server.live.requests import live_request
from duologue.server.session.audio_input import DetectorInput, transcribe
from duologue.server.session.engine_failures import attempt, client_message
from duologue.server.session.response_pipeline import answer, closing
from duologue.server.telemetry.log import log_event
from duologue.server.telemetry.observer import SessionObserver
from duologue.tracebacks import drop_traceback

__all__ = ["EngineWork"]


class _Spoken(NamedTuple):
    """How a reply is made (`duologue.server.session.response_pipeline.ToAnswer`)."""

    text: str | None
    encoding: Encoding
    voice: str
    speak: bool = True
    speed: float = 1.0


class EngineWork:
    """Carries out the protocol's commands, and reports what comes of them. A failure never ends the session, but for
    one of the detector: without it nothing is heard."""

    def __init__(
        self,
        engines: Engines,
        protocol: LiveServerProtocol,
        observer: SessionObserver,
        *,
        flush: Callable[[], Awaitable[None]],
        progress: Callable[[], Awaitable[None]],
    ) -> None:
        """`flush` sends the protocol's events; `progress` waits until anything happened in the session."""
        self._engines = engines
        self._protocol = protocol
        self._observer = observer
        self._flush = flush
        self._progress = progress
        self._session_id = protocol.session_id
        self._started_at = loop_time()
        self._detector_input: DetectorInput | None = None

    async def detect(self, pieces: list[Detect]) -> None:
        """Detect speech in audio that follows what was detected before. The format of a session never changes."""
        first = pieces[0]
        audio = Detect(b"".join([piece.audio for piece in pieces]), first.encoding, first.noise_reduction)
        try:
            if self._detector_input is None:
                self._detector_input = DetectorInput(self._engines.new_detector(), self._engines.new_denoiser)
            probabilities = await self._detector_input.push(audio)
        except Exception as fault:
            log_event(logging.ERROR, "engine broke", fault=fault, session=self._session_id, work="detect")
            drop_traceback(fault)
            self._protocol.detection_failed(client_message(fault), now=loop_time())
        else:
            self._protocol.detected(probabilities, self._detector_input.frame_ms, now=loop_time())

    async def transcribe(self, command: TranscribeUtterance) -> None:
        """Report the words of an utterance."""
        utterance_id, text = command.utterance_id, ""

        async def work() -> None:
            nonlocal text
            speech = Transcribe(utterance_id, command.audio, command.encoding, None, None)
            place = self._engines.fair_queue.place(self._session_id, Priority.FINAL)
            pieces = transcribe(self._engines.transcriber, speech, self._engines.new_denoiser)
            async with place, closing(pieces):
                text = "".join([piece async for piece in pieces]).strip()

        with self._observer.work("transcription", utterance_id):
            fault = await attempt(work, session_id=self._session_id, work_id=utterance_id)
        if fault is not None:
            self._protocol.transcription_failed(utterance_id, fault, now=loop_time())
        else:
            self._protocol.transcript(utterance_id, text, now=loop_time())
        await self._flush()

    async def reply(self, reply: LiveReply) -> None:
        """Make what the voice says next, and report it piece by piece."""

        async def work() -> None:
            age_s = loop_time() - self._started_at
            request = live_request(reply, session_id=self._session_id, session_age_s=age_s)
            reporter = ReplyReporter(reply, self._protocol, self._observer, flush=self._flush, progress=self._progress)
            await answer(_Spoken(reply.text, reply.encoding, reply.voice), request, self._engines, reporter)
            self._protocol.reply_finished(reply.reply_id, now=loop_time())

        with self._observer.work("response", reply.reply_id):
            fault = await attempt(work, session_id=self._session_id, work_id=reply.reply_id)
            if fault is not None:
                self._protocol.reply_failed(reply.reply_id, fault, now=loop_time())
            await self._flush()
