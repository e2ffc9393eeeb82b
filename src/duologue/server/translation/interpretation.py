"""The engines' work for one utterance: transcribe it, translate its words, speak the translation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from duologue.audio.formats import PCM
from duologue.audio.resampling import ResampleStream
from duologue.engines.base import TranslatorRequest
from duologue.engines.fair_queue import Priority
from duologue.engines.registry import Engines
from duologue.protocol import Transcribe
from duologue.protocol.translation.server.commands import Translate
from duologue.server.session.audio_input import transcribe
from duologue.server.session.clauses import Clauses
from duologue.server.session.response_pipeline import closing

__all__ = ["InterpretationSink", "interpret"]


class InterpretationSink(Protocol):
    """Takes what becomes of an utterance, piece by piece. Each method waits while the client is too far behind."""

    async def source(self, piece: str, /) -> None:
        """The next words of the source speech."""
        ...

    async def text(self, piece: str, /) -> None:
        """The next words of the translation."""
        ...

    async def audio(self, pcm16: bytes, /) -> None:
        """The next piece of the translated speech, PCM16 at 24 kHz."""
        ...


async def interpret(
    command: Translate, engines: Engines, sink: InterpretationSink, *, session_id: str, voice: str
) -> None:
    """Interpret one utterance and report it to `sink`. Cancelling stops the engines.

    Raises:
        EngineError: an engine failed; what was reported before stays valid.
    """
    words = await _transcribed(command, engines, sink, session_id=session_id)
    if not words:
        return
    speech = _Speech(engines, sink, voice=voice)
    clauses = Clauses()
    request = TranslatorRequest(
        text=words, language=command.language, source_language=command.source_language, session_id=session_id
    )
    async with closing(engines.translator.translate(request)) as pieces:
        async for piece in pieces:
            await sink.text(piece)
            for clause in clauses.add(piece):
                await speech.say(clause)
    for clause in clauses.rest():
        await speech.say(clause)
    await speech.end()


async def _transcribed(command: Translate, engines: Engines, sink: InterpretationSink, *, session_id: str) -> str:
    speech = Transcribe(
        item_id=command.utterance_id,
        audio=command.audio,
        encoding=command.encoding,
        language=command.source_language,
        prompt=None,
        noise_reduction=command.noise_reduction,
    )
    words: list[str] = []
    async with (
        engines.fair_queue.place(session_id, Priority.FINAL),
        closing(transcribe(engines.transcriber, speech, engines.new_denoiser)) as pieces,
    ):
        async for piece in pieces:
            words.append(piece)
            await sink.source(piece)
    return "".join(words).strip()


class _Speech:
    """Speaks clauses as one stream at the session's rate."""

    def __init__(self, engines: Engines, sink: InterpretationSink, *, voice: str) -> None:
        self._synthesizer = engines.synthesizer
        self._report: Callable[[bytes], Awaitable[None]] = sink.audio
        self._voice = voice
        self._resampling = ResampleStream(engines.synthesizer.sample_rate_hz, PCM.rate_hz)

    async def say(self, clause: str) -> None:
        async with closing(self._synthesizer.synthesize(clause, voice=self._voice)) as spoken:
            async for pcm16 in spoken:
                await self._report(self._resampling.push(pcm16))

    async def end(self) -> None:
        if rest := self._resampling.flush():
            await self._report(rest)
