"""Guards around the engines of one session: timeouts, contract checks and observers.

A violation of a contract becomes an `EngineError`, which fails the response or the transcription, and nothing else.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, nullcontext
from typing import Any, Generic, TypeVar

from duologue.engines.base import (
    FunctionCall,
    Responder,
    ResponderRequest,
    Synthesizer,
    Transcriber,
    Translator,
    TranslatorRequest,
    VoiceDetector,
)
from duologue.engines.registry import Engines
from duologue.errors import EngineError
from duologue.server.session.timeouts import EngineTimeout, ReusableTimeout
from duologue.server.telemetry.observer import SessionObserver, Stage
from duologue.server.telemetry.tracing import in_call

__all__ = ["guarded"]

T = TypeVar("T")
E = TypeVar("E")


def guarded(engines: Engines, observer: SessionObserver, *, piece_s: float) -> Engines:
    """The engines of one session, guarded; `piece_s` is how long each may take for its next piece."""
    return dataclasses.replace(
        engines,
        new_detector=lambda: _Detector(engines.new_detector(), observer, piece_s),
        transcriber=_Transcriber(engines.transcriber, observer, piece_s),
        responder=_Responder(engines.responder, observer, piece_s),
        synthesizer=_Synthesizer(engines.synthesizer, observer, piece_s),
        translator=_Translator(engines.translator, observer, piece_s),
    )


class _Guard(Generic[E]):
    """One guarded engine; attributes that the guard does not define are the engine's."""

    __slots__ = ("_engine", "_observer", "_piece_s")

    def __init__(self, engine: E, observer: SessionObserver, piece_s: float) -> None:
        self._engine = engine
        self._observer = observer
        self._piece_s = piece_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def _pieces(
        self, stage: Stage, pieces: AsyncIterator[T], is_right: Callable[[T], bool]
    ) -> AsyncGenerator[T, None]:
        """The pieces. Raises EngineError for a piece that is late or breaks the contract."""
        timeout = ReusableTimeout(self._piece_s)
        closing = aclosing(pieces) if isinstance(pieces, AsyncGenerator) else nullcontext(pieces)
        with self._observer.engine_call(stage) as span:
            try:
                async with closing:
                    while True:
                        if span is None:
                            piece = await timeout.wait_for(anext(pieces))
                        else:
                            with in_call(span):
                                piece = await timeout.wait_for(anext(pieces))
                        if not is_right(piece):
                            raise EngineError(f"made {_kind_of(piece)}", engine=self._name)
                        yield piece
            except StopAsyncIteration:
                return
            except (EngineTimeout, asyncio.CancelledError) as end:
                self._raise_fault_of(end)
                raise
            finally:
                timeout.close()

    def _raise_fault_of(self, end: BaseException) -> None:
        """Raise EngineError, unless the task is being cancelled: then this is no fault of the engine."""
        if isinstance(end, EngineTimeout):
            raise EngineError(f"made nothing for {self._piece_s:g} s", engine=self._name) from end
        if not _is_being_cancelled():
            # Left as a cancellation, the response would end without an error.
            raise EngineError("cancelled itself", engine=self._name) from end

    @property
    def _name(self) -> str:
        return str(getattr(self._engine, "name", type(self._engine).__name__))


class _Detector(_Guard[VoiceDetector]):
    __slots__ = ("_timeout", "frame_ms", "sample_rate_hz")

    def __init__(self, engine: VoiceDetector, observer: SessionObserver, piece_s: float) -> None:
        super().__init__(engine, observer, piece_s)
        self.sample_rate_hz = engine.sample_rate_hz
        self.frame_ms = engine.frame_ms
        self._timeout = ReusableTimeout(piece_s)

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        # Not observed: there are fifty calls a second, too many for traces and too short for figures.
        try:
            found = await self._timeout.wait_for(self._engine.detect(pcm16))
        except (EngineTimeout, asyncio.CancelledError) as end:
            self._raise_fault_of(end)
            raise
        for each in found:
            if not 0 <= each <= 1:  # NaN fails both comparisons
                raise EngineError("made something else than probabilities", engine=self._name)
        return found


class _Transcriber(_Guard[Transcriber]):
    __slots__ = ()
    sample_rate_hz: int
    name: str

    def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncIterator[str]:
        pieces = self._engine.transcribe(pcm16, language=language, prompt=prompt)
        return self._pieces("transcribe", pieces, lambda piece: isinstance(piece, str))


class _Responder(_Guard[Responder]):
    __slots__ = ()
    name: str

    def respond(self, request: ResponderRequest, /) -> AsyncIterator[str | FunctionCall]:
        pieces = self._engine.respond(request)
        return self._pieces("respond", pieces, lambda piece: isinstance(piece, str | FunctionCall))


class _Translator(_Guard[Translator]):
    __slots__ = ()
    name: str

    def translate(self, request: TranslatorRequest, /) -> AsyncIterator[str]:
        pieces = self._engine.translate(request)
        return self._pieces("translate", pieces, lambda piece: isinstance(piece, str))


class _Synthesizer(_Guard[Synthesizer]):
    __slots__ = ()
    sample_rate_hz: int
    name: str
    voices: tuple[str, ...]

    def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncIterator[bytes]:
        pieces = self._engine.synthesize(text, voice=voice, speed=speed)
        return self._pieces("synthesize", pieces, _is_pcm16)


def _is_being_cancelled() -> bool:
    """Whether the current task is being cancelled.

    A function, so that no frame that raises refers to the task: the task holds the exception, and that the frame.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_pcm16(piece: object) -> bool:
    return isinstance(piece, bytes | bytearray | memoryview) and len(piece) % 2 == 0


def _kind_of(piece: object) -> str:
    """A description of a wrong piece, without its content."""
    if isinstance(piece, bytes | bytearray | memoryview):
        return f"{len(piece)} bytes, half a sample too many"
    return f"something of the type {type(piece).__name__}"
