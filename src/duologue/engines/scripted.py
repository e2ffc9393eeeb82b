"""Engines that do what a script says: deterministic, instant, in the standard library alone.

They detect loudness instead of speech, return the texts they were given, and speak in tones: what protocol tests and
benchmarks need of an engine.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import cache, partial

from duologue.audio.levels import level_dbfs, samples_dbfs
from duologue.audio.samples import from_samples, to_samples, whole_samples
from duologue.engines.base import FunctionCall, ResponderRequest, TranslatorRequest

__all__ = [
    "ScriptedDenoiser",
    "ScriptedDetector",
    "ScriptedEndOfTurn",
    "ScriptedResponder",
    "ScriptedSynthesizer",
    "ScriptedTranscriber",
    "ScriptedTranslator",
    "denoisers",
    "detectors",
]

_LOUD_DBFS = -40.0  # between a quiet room, about -60, and quiet speech, about -30

_FULL_SCALE = 32_768

_MAX_AT_ONCE_BYTES = 1024 * 1024
"""Audio that is looked at on the event loop, in 3 ms: half a minute. More of it is looked at in a thread."""

_EVERY = 13
"""Loudness is measured on one sample in so many: all of them would cost more than the rest of the server. A prime, of
which no usual tone has its period."""

_EVERY_OF_UTTERANCE = 61
"""The same for a whole utterance, which has samples enough."""


class ScriptedDetector:
    """Calls speech whatever is louder than a threshold: probability 1 or 0 per frame."""

    def __init__(self, *, sample_rate_hz: int = 16_000, frame_ms: int = 20, threshold_dbfs: float = _LOUD_DBFS) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.frame_ms = frame_ms
        self._frame_bytes = 2 * sample_rate_hz * frame_ms // 1000
        n_looked_at = len(range(0, self._frame_bytes // 2, _EVERY))
        loud_sample = 10 ** (threshold_dbfs / 20) * _FULL_SCALE
        self._loud_length = loud_sample * math.sqrt(n_looked_at)
        """Length of the vector of samples at the threshold."""
        self._quiet = _high_bytes(lambda largest, _: largest < loud_sample)
        """If all samples have these high bytes, the frame is below the threshold."""
        self._moderate = _high_bytes(lambda _, smallest: smallest <= self._loud_length)
        """If one sample has another high byte, the frame is above it."""
        self._rest = b""

    async def detect(self, pcm16: bytes, /) -> Sequence[float]:
        """One number per frame completed. Raises `AudioError` for an odd number of bytes."""
        audio = self._rest + whole_samples(pcm16)
        whole = len(audio) // self._frame_bytes * self._frame_bytes
        self._rest = audio[whole:]
        if whole > _MAX_AT_ONCE_BYTES:
            return await asyncio.to_thread(self._probabilities, audio[:whole])
        return self._probabilities(audio[:whole])

    def begin_detecting(self, pcm16: bytes, /) -> Sequence[float]:
        """`detect` for short pieces, without a task."""
        audio = self._rest + whole_samples(pcm16)
        whole = len(audio) // self._frame_bytes * self._frame_bytes
        self._rest = audio[whole:]
        return self._probabilities(audio[:whole])

    def _probabilities(self, audio: bytes) -> list[float]:
        length = self._frame_bytes
        return [1.0 if self._is_loud(audio[start : start + length]) else 0.0 for start in range(0, len(audio), length)]

    def _is_loud(self, frame: bytes) -> bool:
        # High bytes decide nearly all frames, in a fifth of the time that samples take as numbers.
        high_bytes = frame[1 :: 2 * _EVERY]
        if not high_bytes.strip(self._quiet):
            return False
        if high_bytes.strip(self._moderate):
            return True
        return math.hypot(*to_samples(frame, every=_EVERY)) > self._loud_length


def _high_bytes(are: Callable[[int, int], bool]) -> bytes:
    """The high bytes of samples for which this is true of the largest and the smallest amount that each stands for."""
    return bytes(
        byte
        for byte, high in ((byte, byte - 256 if byte >= 128 else byte) for byte in range(256))
        if are(*sorted((abs(256 * high), abs(256 * high + 255)), reverse=True))
    )


def detectors(
    *, sample_rate_hz: int = 16_000, frame_ms: int = 20, threshold_dbfs: float = _LOUD_DBFS
) -> Callable[[], ScriptedDetector]:
    """What makes detectors of these settings."""
    return partial(ScriptedDetector, sample_rate_hz=sample_rate_hz, frame_ms=frame_ms, threshold_dbfs=threshold_dbfs)


class ScriptedDenoiser:
    """Takes out whatever is quieter than a threshold, piece by piece."""

    def __init__(self, kind: str, *, sample_rate_hz: int = 16_000, threshold_dbfs: float = _LOUD_DBFS) -> None:
        self.kind = kind
        self.sample_rate_hz = sample_rate_hz
        self._threshold_dbfs = threshold_dbfs

    async def clean(self, pcm16: bytes, /) -> bytes:
        """The audio, or silence. Raises `AudioError` for an odd number of bytes."""
        return pcm16 if level_dbfs(pcm16) > self._threshold_dbfs else bytes(len(pcm16))


def denoisers(*, sample_rate_hz: int = 16_000, threshold_dbfs: float = _LOUD_DBFS) -> Callable[[str], ScriptedDenoiser]:
    """What makes denoisers of these settings."""
    return partial(ScriptedDenoiser, sample_rate_hz=sample_rate_hz, threshold_dbfs=threshold_dbfs)


class ScriptedEndOfTurn:
    """Returns the next of its numbers for every pause; then begins again. `transcripts` holds what it read."""

    name: str = "scripted"

    def __init__(self, numbers: Sequence[float] = (1.0,), *, sample_rate_hz: int = 16_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._numbers = tuple(numbers)
        self.transcripts: list[str] = []

    async def completeness(self, pcm16: bytes, transcript: str, /) -> float:
        """The next number; the speech and its words change nothing. Raises `AudioError` for an odd number of bytes."""
        whole_samples(pcm16)
        self.transcripts.append(transcript)
        return self._numbers[(len(self.transcripts) - 1) % len(self._numbers)]


class ScriptedTranscriber:
    """Returns the next line of its script for every utterance that is not silent; begins again after the last."""

    name: str = "scripted"

    def __init__(self, lines: Sequence[str] = ("hello",), *, sample_rate_hz: int = 16_000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._lines = tuple(lines)
        self._heard = 0

    async def transcribe(
        self, pcm16: bytes, /, *, language: str | None = None, prompt: str | None = None
    ) -> AsyncGenerator[str, None]:
        """The words of the line, each with the space before it. Raises `AudioError` for an odd number of bytes."""
        del language, prompt
        if samples_dbfs(to_samples(pcm16, every=_EVERY_OF_UTTERANCE)) <= _LOUD_DBFS or not self._lines:
            return
        line = self._lines[self._heard % len(self._lines)]
        self._heard += 1
        for piece in _words(line):
            yield piece


class ScriptedResponder:
    """Answers the next line of its script, whatever was said; begins again after the last. A line may be a call.

    `exchanges` holds what it was asked, for tests to look at.
    """

    name: str = "scripted"

    def __init__(self, lines: Sequence[str | FunctionCall] = ("Hello, this is a script.",)) -> None:
        self._lines = tuple(lines)
        self.exchanges: list[ResponderRequest] = []

    async def respond(self, request: ResponderRequest, /) -> AsyncGenerator[str | FunctionCall, None]:
        """The words of the line, each with the space before it; or the call, whether or not it is offered."""
        line = self._lines[len(self.exchanges) % len(self._lines)] if self._lines else ""
        self.exchanges.append(request)
        if isinstance(line, FunctionCall):
            yield line
            return
        for piece in _words(line):
            yield piece


class ScriptedTranslator:
    """Translates into the next line of its script, whatever was said; begins again after the last.

    `requests` holds what it was asked, for tests to look at.
    """

    name: str = "scripted"

    def __init__(self, lines: Sequence[str] = ("hola",)) -> None:
        self._lines = tuple(lines)
        self.requests: list[TranslatorRequest] = []

    async def translate(self, request: TranslatorRequest, /) -> AsyncGenerator[str, None]:
        """The words of the line, each with the space before it."""
        line = self._lines[len(self.requests) % len(self._lines)] if self._lines else ""
        self.requests.append(request)
        for piece in _words(line):
            yield piece


class ScriptedSynthesizer:
    """Speaks in one tone per voice, for as long as the text is: 60 ms a character, in pieces of 100 ms."""

    name: str = "scripted"
    ms_per_character: int = 60
    piece_ms: int = 100

    def __init__(self, *, sample_rate_hz: int = 24_000, voices: Sequence[str] = ("tone", "high", "low")) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.voices: tuple[str, ...] = tuple(voices)

    async def synthesize(self, text: str, /, *, voice: str, speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """The tone of the voice; the text decides how long, `speed` shortens it."""
        if not any(map(str.isalnum, text)):
            return
        number = self.voices.index(voice) if voice in self.voices else 0
        # Tones at multiples of 10 Hz, in pieces of 100 ms: each piece ends where the next begins.
        piece = _tone(200 + 110 * number, self.sample_rate_hz, self.piece_ms)
        left_ms = max(1, round(len(text) * self.ms_per_character / speed))
        while left_ms > 0:
            yield piece[: 2 * (min(left_ms, self.piece_ms) * self.sample_rate_hz // 1000)]
            left_ms -= self.piece_ms


def _words(line: str) -> list[str]:
    return [word if place == 0 else f" {word}" for place, word in enumerate(line.split(" "))] if line else []


@cache
def _tone(hz: int, rate_hz: int, ms: int) -> bytes:
    """PCM16 at -12 dBFS RMS: loud enough to count as speech."""
    step = 2 * math.pi * hz / rate_hz
    samples = array("h", (round(11_600 * math.sin(step * n)) for n in range(rate_hz * ms // 1000)))
    return from_samples(samples)
