"""Converts a clip to the session's format, finds the end of its speech, and cuts it into chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.levels import level_dbfs
from duologue.audio.speech_extent import SpeechExtent
from duologue.audio.wav import Sound

__all__ = ["CHUNK_MS", "AudioChunk", "Clip"]

CHUNK_MS: Final = 100
"""Audio in one append: a common choice of clients, ten messages a second."""

_SILENT_DBFS: Final = -50.0
"""A clip with nothing louder than this holds no speech: quiet speech is at -30, a quiet room at -60."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk:
    """The audio of one append."""

    audio: bytes
    """In the session's format."""
    level_dbfs: float
    ends_speech: bool
    """Whether it holds the end of the clip's speech."""
    trails: bool
    """Whether it is silence after the clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Mono PCM16 at the session's rate."""

    pcm16: bytes
    encoding: Encoding
    loudest_dbfs: float
    """Level of the loudest 20 ms."""
    speech_begin_ms: int
    """Begin of the first 20 ms that are speech by their level, compared with the loudest."""
    speech_end_ms: int
    """End of the last 20 ms that are."""

    @staticmethod
    def of(sound: Sound, encoding: Encoding) -> Clip:
        """The clip, converted and measured. Raises as resampling does; takes CPU time, about 1 % of the clip's."""
        pcm16 = sound.at(encoding.rate_hz).pcm16
        extent = SpeechExtent.of(pcm16, encoding.rate_hz)
        return Clip(
            pcm16=pcm16,
            encoding=encoding,
            loudest_dbfs=extent.loudest_dbfs,
            speech_begin_ms=extent.begin_ms,
            speech_end_ms=extent.end_ms,
        )

    @property
    def is_silent(self) -> bool:
        """Whether nothing in it is loud enough for speech."""
        return self.loudest_dbfs < _SILENT_DBFS

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds, rounded up."""
        return -(-len(self.pcm16) * 1000 // (2 * self.encoding.rate_hz))

    def chunks(self, *, silence_ms: int) -> Iterator[AudioChunk]:
        """The clip, then this much silence; each chunk lasts `CHUNK_MS`."""
        size_bytes = 2 * self.encoding.rate_hz * CHUNK_MS // 1000
        last = max(0, min(self.speech_end_ms, self.duration_ms) - 1) // CHUNK_MS
        for number, at in enumerate(range(0, len(self.pcm16), size_bytes)):
            # The last chunk is padded with silence to its full length.
            piece = self.pcm16[at : at + size_bytes].ljust(size_bytes, b"\0")
            yield self._chunk(piece, ends_speech=number == last, trails=False)
        for _ in range(-(-silence_ms // CHUNK_MS)):
            yield self._chunk(bytes(size_bytes), ends_speech=False, trails=True)

    def _chunk(self, pcm16: bytes, *, ends_speech: bool, trails: bool) -> AudioChunk:
        return AudioChunk(
            audio=self.encoding.from_pcm16(pcm16), level_dbfs=level_dbfs(pcm16), ends_speech=ends_speech, trails=trails
        )
