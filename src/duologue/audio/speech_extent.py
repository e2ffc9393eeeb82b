"""Where in a clip the speech is, by its loudness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from duologue.audio.levels import FLOOR_DBFS, level_dbfs

__all__ = ["SpeechExtent"]

_FRAME_MS: Final = 20

_SPEECH_RANGE_DB: Final = 35.0
"""Frames this much quieter than the loudest are pauses: weak consonants lie 30 dB below stressed vowels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechExtent:
    """From the first 20 ms that are speech, by their level compared with the loudest, to the last."""

    begin_ms: int
    end_ms: int
    loudest_dbfs: float
    """Level of the loudest 20 ms."""

    @staticmethod
    def of(pcm16: bytes, rate_hz: int) -> SpeechExtent:
        """Measure mono PCM16. Takes CPU time, about 1 % of the clip's. Raises AudioError for half a sample."""
        frame_bytes = 2 * rate_hz * _FRAME_MS // 1000
        levels_dbfs = [level_dbfs(pcm16[at : at + frame_bytes]) for at in range(0, len(pcm16), frame_bytes)]
        loudest_dbfs = max(levels_dbfs, default=FLOOR_DBFS)
        speech = [n for n, level in enumerate(levels_dbfs) if level >= loudest_dbfs - _SPEECH_RANGE_DB] or [0]
        return SpeechExtent(
            begin_ms=speech[0] * _FRAME_MS, end_ms=(speech[-1] + 1) * _FRAME_MS, loudest_dbfs=loudest_dbfs
        )
