"""How loud audio is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from duologue.audio.samples import to_samples

__all__ = ["FLOOR_DBFS", "level_dbfs", "samples_dbfs"]

FLOOR_DBFS = -96.0
"""Silence. The smallest step of 16-bit audio lies 96 dB below full scale; nothing quieter can be written."""

_FULL_SCALE = 32768


def level_dbfs(pcm16: bytes) -> float:
    """RMS level of PCM16 in dB below full scale: 0 for a full-scale square wave, `FLOOR_DBFS` for silence or nothing.

    Raises:
        AudioError: an odd number of bytes.
    """
    return samples_dbfs(to_samples(pcm16))


def samples_dbfs(samples: Sequence[int]) -> float:
    """RMS level of 16-bit samples, as `level_dbfs` has it."""
    # hypot sums the squares in C: half the time of the shortest loop.
    length = math.hypot(*samples)
    if length == 0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 20 * math.log10(length / math.sqrt(len(samples)) / _FULL_SCALE))
