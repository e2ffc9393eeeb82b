"""From the wire's input audio to what the engines hear."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from duologue.audio.formats import Encoding
from duologue.audio.resampling import ResampleStream, resample
from duologue.engines.base import Transcriber, VoiceDetector
from duologue.protocol import Detect, Transcribe

__all__ = ["Ear", "transcribe"]


class Ear:
    """One stream of input audio in front of its voice detector, however the client cuts it."""

    def __init__(self, detector: VoiceDetector) -> None:
        self._detector = detector
        self._encoding: Encoding | None = None
        self._resampling: ResampleStream | None = None
        self._odd_bytes = b""

    @property
    def frame_ms(self) -> int:
        """Length of the frames that probabilities stand for."""
        return self._detector.frame_ms

    async def hear(self, command: Detect) -> Sequence[float]:
        """Speech probabilities of the frames that this audio completes."""
        encoding = command.encoding
        if encoding != self._encoding or self._resampling is None:
            self._encoding = encoding
            self._resampling = ResampleStream(encoding.rate_hz, self._detector.sample_rate_hz)
            self._odd_bytes = b""
        audio = self._odd_bytes + command.audio
        whole = len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
        self._odd_bytes = audio[whole:]
        return await self._detector.detect(self._resampling.push(encoding.to_pcm16(audio[:whole])))


def transcribe(transcriber: Transcriber, command: Transcribe) -> AsyncIterator[str]:
    """Pieces of the transcript of an item's audio."""
    encoding = command.encoding
    whole = len(command.audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
    pcm16 = resample(encoding.to_pcm16(command.audio[:whole]), encoding.rate_hz, transcriber.sample_rate_hz)
    return transcriber.transcribe(pcm16, language=command.language, prompt=command.prompt)
