"""Converts a client's input audio to the format and rate of the engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.resampling import ResampleStream, resample
from duologue.engines.base import Denoiser, Transcriber, VoiceDetector
from duologue.protocol import Detect, Transcribe
from duologue.protocol.server.conversation.client_items import audio_of, check_audio_size
from duologue.server.session.response_pipeline import closing

__all__ = ["LONG_AUDIO_CHARS", "DetectorInput", "decode_long_audio", "pcm16_of", "transcribe"]

_NewDenoiser = Callable[[str], Denoiser]

_Begin = Callable[[bytes], "Sequence[float] | asyncio.Future[Sequence[float]]"]

_MAX_BEGUN_BYTES: Final = 9_600
"""Of a piece that is detected without a task: 200 ms at 24 kHz. Most clients send 20 to 100."""

_MAX_AT_ONCE_BYTES: Final = 48_000
"""Audio that is converted on the event loop, while all sessions wait: one second of PCM at 24 kHz or six of G.711, 1 to
4 ms. A long turn, or a recording that is appended whole, would take a hundred times as long."""

_HELD_BACK_MS: Final = 12
"""What a resampler holds back at least: audio that completes no frame waits, and costs nothing until then."""

LONG_AUDIO_CHARS: Final = 1024 * 1024
"""Base64 that is decoded in a thread. Less takes 2 ms; the 15 MB that a frame may hold take 40."""

_PIECE_CHARS: Final = 256 * 1024
"""A decoder lets no other thread run before it has finished: these take 0.5 ms."""


class DetectorInput:
    """Gives one stream of input audio to its voice detector, in pieces of any size."""

    def __init__(self, detector: VoiceDetector, new_denoiser: _NewDenoiser | None = None) -> None:
        self._detector = detector
        self.frame_ms: int = detector.frame_ms
        """Length of a frame, for which there is one probability."""
        self._begin: _Begin | None = getattr(detector, "begin_detecting", None)
        self._new_denoiser = new_denoiser
        self._denoiser: Denoiser | None = None
        self._noise_reduction: str | None = None
        self._encoding: Encoding | None = None
        self._resampling: list[ResampleStream] = []
        self._fits = False
        """Whether the input is what the detector takes."""
        self._waiting = bytearray()
        """Audio that completes no frame, and half a sample."""
        self._frame_bytes = 0
        """Of input for a frame of the detector."""
        self._missing = 0
        """Bytes of input without which the next frame cannot be complete."""

    async def push(self, command: Detect) -> Sequence[float]:
        """The probability of speech (0 to 1) of each frame that this audio completes. Raises what the engines raise."""
        encoding = command.encoding
        if (encoding, command.noise_reduction) != (self._encoding, self._noise_reduction):
            self._prepare(encoding, command.noise_reduction)
        self._waiting += command.audio
        self._missing -= len(command.audio)
        if self._missing > 0:
            return ()  # no frame can be complete
        audio = self._take(encoding)
        first, last = self._resampling[0], self._resampling[-1]
        if len(audio) <= _MAX_AT_ONCE_BYTES:
            pcm16 = first.push(encoding.to_pcm16(audio))
        else:
            pcm16 = await asyncio.to_thread(lambda: first.push(encoding.to_pcm16(audio)))
        if self._denoiser is not None:
            pcm16 = await _converted(last.push, await self._denoiser.clean(pcm16))
        probabilities = await self._detector.detect(pcm16)
        self.count(probabilities)
        return probabilities

    def begin(self, command: Detect) -> Sequence[float] | asyncio.Future[Sequence[float]] | None:
        """The same for a short piece and a detector that never blocks: what it found, or will have found.

        None: `push` has to be called instead. Give what comes of it to `count`. Raises what the engines raise.
        """
        encoding = command.encoding
        if (
            self._begin is None
            or self._denoiser is not None
            or (encoding, command.noise_reduction) != (self._encoding, self._noise_reduction)
            or len(command.audio) > _MAX_BEGUN_BYTES
        ):
            return None
        audio = command.audio
        self._missing -= len(audio)
        if self._missing > 0:
            self._waiting += audio
            return ()
        if self._waiting or len(audio) % encoding.bytes_per_sample:
            self._waiting += audio
            audio = self._take(encoding)
        return self._begin(audio if self._fits else self._resampling[0].push(encoding.to_pcm16(audio)))

    def count(self, probabilities: Sequence[float]) -> None:
        """These frames are complete: the next one needs audio again."""
        self._missing += len(probabilities) * self._frame_bytes

    def _take(self, encoding: Encoding) -> bytes:
        """What waits, but for half a sample at the end."""
        audio = bytes(self._waiting)
        odd = len(audio) % encoding.bytes_per_sample
        del self._waiting[: len(audio) - odd]
        return audio[: len(audio) - odd] if odd else audio

    def _prepare(self, encoding: Encoding, noise_reduction: str | None) -> None:
        if encoding != self._encoding:
            self._waiting.clear()
        self._encoding, self._noise_reduction = encoding, noise_reduction
        rates_hz = [encoding.rate_hz, self._detector.sample_rate_hz]
        self._denoiser = None
        if self._new_denoiser is not None and noise_reduction is not None:
            self._denoiser = self._new_denoiser(noise_reduction)
            rates_hz.insert(1, self._denoiser.sample_rate_hz)
        self._resampling = [ResampleStream(rate, to) for rate, to in pairwise(rates_hz)]
        self._fits = encoding == replace(PCM, rate_hz=self._detector.sample_rate_hz)
        # A denoiser holds back what it wants.
        self._frame_bytes = 0 if self._denoiser else encoding.bytes_for_ms(self._detector.frame_ms)
        held_back_ms = 0 if self._denoiser or rates_hz[0] == rates_hz[-1] else _HELD_BACK_MS
        self._missing = self._frame_bytes + encoding.bytes_for_ms(held_back_ms) - len(self._waiting)


async def decode_long_audio(encoded: str) -> bytes:
    """The audio of an append above `LONG_AUDIO_CHARS`, while the event loop goes on. Raises InvalidRequest."""
    return await asyncio.to_thread(_decoded, encoded)


def _decoded(encoded: str) -> bytes:
    if len(encoded) % 4 or encoded.find("=", 0, len(encoded) - 2) >= 0:
        return audio_of(encoded, "audio")  # invalid, or padded more than is needed, which pieces would not show
    starts = range(0, len(encoded), _PIECE_CHARS)
    audio = b"".join([audio_of(encoded[start : start + _PIECE_CHARS], "audio") for start in starts])
    check_audio_size(audio, "audio")
    return audio


async def pcm16_of(command: Transcribe, rate_hz: int, new_denoiser: _NewDenoiser | None = None) -> bytes:
    """An utterance as PCM16 at this rate, denoised if the session wants it and there is a denoiser."""
    encoding = command.encoding
    audio = command.audio[: len(command.audio) // encoding.bytes_per_sample * encoding.bytes_per_sample]
    if new_denoiser is not None and command.noise_reduction is not None:
        denoiser = new_denoiser(command.noise_reduction)
        audio = await denoiser.clean(await _at_rate(audio, encoding, denoiser.sample_rate_hz))
        encoding = Encoding.of("audio/pcm", denoiser.sample_rate_hz)
    return await _at_rate(audio, encoding, rate_hz)


async def _at_rate(audio: bytes, encoding: Encoding, rate_hz: int) -> bytes:
    """PCM16 at this rate."""
    if encoding.rate_hz == rate_hz:
        return encoding.to_pcm16(audio)
    return await _converted(lambda samples: resample(encoding.to_pcm16(samples), encoding.rate_hz, rate_hz), audio)


async def _converted(convert: Callable[[bytes], bytes], audio: bytes) -> bytes:
    """The converted audio; long audio is converted in a thread, so that other sessions do not wait."""
    return convert(audio) if len(audio) <= _MAX_AT_ONCE_BYTES else await asyncio.to_thread(convert, audio)


async def transcribe(
    transcriber: Transcriber, command: Transcribe, new_denoiser: _NewDenoiser | None = None
) -> AsyncGenerator[str, None]:
    """Pieces of the transcript of an utterance. Closing or cancelling stops the engine."""
    pcm16 = await pcm16_of(command, transcriber.sample_rate_hz, new_denoiser)
    pieces = transcriber.transcribe(pcm16, language=command.language, prompt=command.prompt)
    async with closing(pieces):
        async for piece in pieces:
            yield piece
