"""Transcripts and speech over HTTP of the OpenAI kind, as `--transcriber-url` and `--synthesizer-url` ask for them.

https://platform.openai.com/docs/api-reference/audio says what requests and answers look like.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import wraps
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from duologue.audio.resampling import ResampleStream, resample
from duologue.audio.wav import parse_wav, wav_of
from duologue.engines.base import Synthesizer, Transcriber
from duologue.errors import AudioError, EngineError
from duologue.events import RealtimeError
from duologue.server.calls.multipart import MalformedForm, form_fields
from duologue.server.http.answers import config_rejected, json_answer, rejected
from duologue.server.http.auth import Keys, presented_keys
from duologue.server.http.bodies import json_object, read_body
from duologue.server.rejections import Rejection, error_body
from duologue.server.session_start import ConfigRejected
from duologue.server.telemetry.log import log_event

__all__ = ["SpeechEngines", "speech_pages"]

_RATE_HZ: Final = 24_000
"""Of speech without a header: what clients of the hosted service take it for."""

_LONGEST_S: Final = 300
"""Of an utterance: a transcriber is busy with it for a quarter of a minute, and others wait."""

_MAX_FILE_BYTES: Final = 10 * 1024 * 1024
"""The same at 16 kHz."""

_MAX_CHARACTERS: Final = 4096
"""Of a text that is spoken, as at the hosted service."""

_MAX_TEXT_BYTES: Final = 64 * 1024
"""Of a request for speech: that text, escaped, and some words beside it."""

_MAX_VALUES: Final = 200
"""Of a request for speech, which has six."""

_LOWEST_HZ, _HIGHEST_HZ = 4_000, 192_000
"""Of a file: below and above, speech is not recorded, and to convert it would make a small file a large one."""

SpeechEngines: TypeAlias = Callable[[], AbstractAsyncContextManager[tuple[Transcriber, Synthesizer]]]

_Page: TypeAlias = Callable[[Request], Awaitable[Response]]


def speech_pages(engines: SpeechEngines, *, api_keys: Iterable[str] = ()) -> Starlette:
    """An ASGI application with `/v1/audio/transcriptions`, `/v1/audio/speech`, `/v1/audio/voices` and `/v1/models`.

    `engines` are opened when it starts. Without `api_keys` it serves everyone. Engines that fail are answered by a 500
    without their reason, which goes to the log.
    """
    keys, service = Keys(api_keys), _Service()

    def keyed(page: _Page) -> _Page:
        @wraps(page)
        async def checked(request: Request) -> Response:
            shown = presented_keys(request.scope)
            if len(keys) and not any(keys.owner_of(key) is not None for key in shown):
                raise Rejection("wrong_key" if shown else "no_key")
            return await page(request)

        return checked

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncGenerator[None]:
        async with engines() as (service.transcriber, service.synthesizer):
            yield

    async def alive(_: Request) -> Response:
        return json_answer({"status": "ok"})

    return Starlette(
        lifespan=running,
        routes=[
            Route("/v1/audio/transcriptions", keyed(service.transcriptions), methods=["POST"]),
            Route("/v1/audio/speech", keyed(service.speech), methods=["POST"]),
            Route("/v1/audio/voices", keyed(service.voices)),
            Route("/v1/models", keyed(service.models)),
            Route("/healthz", alive),
            Route("/readyz", alive),  # it answers nothing before the engines are there
        ],
        exception_handlers={Rejection: rejected, ConfigRejected: config_rejected, EngineError: _engine_failed},
    )


class _Service:
    """The pages, and the engines that they use."""

    transcriber: Transcriber
    synthesizer: Synthesizer

    async def transcriptions(self, request: Request) -> Response:
        """The transcript of a WAV file."""
        body = await read_body(request, max_bytes=_MAX_FILE_BYTES)
        try:
            fields = form_fields(request.headers.get("content-type", ""), body)
        except MalformedForm as fault:
            raise Rejection("malformed_form", reason=fault) from None
        form = _text(fields, "response_format") or "json"
        if form not in ("json", "text"):
            raise _wrong("response_format", "only 'json' and 'text' are written here")
        pcm16 = await asyncio.to_thread(_utterance, fields.get("file"), self.transcriber.sample_rate_hz)
        pieces = self.transcriber.transcribe(pcm16, language=_text(fields, "language"), prompt=_text(fields, "prompt"))
        transcript = "".join([piece async for piece in pieces])
        if _text(fields, "stream") == "true":
            return Response(_events(transcript), media_type="text/event-stream")
        return Response(transcript, media_type="text/plain") if form == "text" else json_answer({"text": transcript})

    async def speech(self, request: Request) -> Response:
        """Speech as it is made: samples of 24 kHz, or all of it as a WAV file."""
        content = await read_body(request, max_bytes=_MAX_TEXT_BYTES)
        body = json_object(content, max_bytes=_MAX_TEXT_BYTES, max_values=_MAX_VALUES)
        text, speed, form = body.get("input"), body.get("speed", 1), body.get("response_format", "pcm")
        if not isinstance(text, str) or not 0 < len(text) <= _MAX_CHARACTERS:
            raise _wrong("input", f"a text of 1 to {_MAX_CHARACTERS} characters is needed")
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
            raise _wrong("speed", "it is a number from 0.25 to 4")
        if form not in ("pcm", "wav"):
            raise _wrong("response_format", "only 'pcm' and 'wav' are written here")
        stream = self._spoken(text, voice=body.get("voice"), speed=float(speed))
        # An engine that fails before its first sound is answered by a status, not by a stream that breaks off.
        first = await anext(stream, b"")
        if form == "wav":
            async with aclosing(stream):
                rest = [piece async for piece in stream]
            return Response(wav_of(first + b"".join(rest), rate_hz=_RATE_HZ), media_type="audio/wav")
        return StreamingResponse(_joined(first, stream), media_type=f"audio/pcm;rate={_RATE_HZ}")

    async def voices(self, _: Request) -> Response:
        """Names of voices."""
        return json_answer({"voices": list(self.synthesizer.voices)})

    async def models(self, _: Request) -> Response:
        """The two engines."""
        names = (self.transcriber.name, self.synthesizer.name)
        return json_answer({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})

    async def _spoken(self, text: str, *, voice: object, speed: float) -> AsyncGenerator[bytes]:
        """PCM16 at 24 kHz. A voice that is not there is spoken by the first one, as in a session."""
        voices = self.synthesizer.voices
        name = voice if isinstance(voice, str) and (voice in voices or not voices) else next(iter(voices), "")
        resampling = ResampleStream(self.synthesizer.sample_rate_hz, _RATE_HZ)
        pieces = self.synthesizer.synthesize(text, voice=name, speed=speed)
        try:
            async for piece in pieces:
                if converted := resampling.push(piece):
                    yield converted
        finally:
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()
        if rest := resampling.flush():
            yield rest


async def _joined(first: bytes, stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(stream):
        yield first
        try:
            async for piece in stream:
                yield piece
        except EngineError as fault:  # raised on: what breaks off must not look like a whole answer
            log_event(logging.WARNING, "engine failed while it spoke", engine=fault.engine, reason=fault.unquoted)
            raise


def _utterance(file: bytes | None, rate_hz: int) -> bytes:
    """PCM16 of a WAV file at the engine's rate."""
    if file is None:
        raise _wrong("file", "the form has no file")
    try:
        sound = parse_wav(file, name="the file")
        if not _LOWEST_HZ <= sound.rate_hz <= _HIGHEST_HZ:
            raise _wrong("file", f"{sound.rate_hz} samples per second is no rate of speech")
        if sound.duration_ms > 1000 * _LONGEST_S:
            raise _wrong("file", f"it is longer than {_LONGEST_S} s")
        return resample(sound.pcm16, sound.rate_hz, rate_hz)
    except AudioError as fault:
        raise _wrong("file", str(fault)) from None


def _events(transcript: str) -> bytes:
    """A transcript as the events of a stream."""
    kinds = (("transcript.text.delta", "delta"), ("transcript.text.done", "text"))
    return b"".join(
        b"data: " + msgspec.json.encode({"type": kind, field: transcript}) + b"\n\n" for kind, field in kinds
    )


def _text(fields: dict[str, bytes], name: str) -> str | None:
    """A field of a form; None where it is not there, or empty."""
    return fields.get(name, b"").decode("utf-8", "replace") or None


def _wrong(param: str, message: str) -> ConfigRejected:
    kind, code, told = "invalid_request_error", "invalid_value", f"{param}: {message}"
    return ConfigRejected(RealtimeError(type=kind, code=code, message=told, param=param, event_id=UNSET))


async def _engine_failed(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, EngineError)
    log_event(logging.WARNING, "engine failed", engine=fault.engine, reason=fault.unquoted)
    told = fault.for_client or "The engine failed; please try again in a moment."
    error = RealtimeError(type="server_error", code=None, message=told, param=None, event_id=UNSET)
    return json_answer(error_body(error), status=500)
