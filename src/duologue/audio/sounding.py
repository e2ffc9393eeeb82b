"""Where in a piece of audio something is heard."""

from __future__ import annotations

from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.samples import to_samples

__all__ = ["sounding_ms"]

_QUIET_PEAK: Final = 64
"""Of 32,768: -54 dB. Servers that do not send exact zeros send noise of some units."""

_STEP_MS: Final = 10
"""How exactly the first and the last sound are told: less than a syllable takes to begin."""


def sounding_ms(audio: bytes, encoding: Encoding) -> tuple[int, int]:
    """From when to when something is heard, in milliseconds from its beginning, in steps of 10; (0, 0) for silence.

    Half a sample at the end is left out.
    """
    if not audio.strip(b"\0") and encoding.bytes_per_sample == 2:
        return 0, 0  # exact zeros, which are most pieces of a line that is never quiet
    whole = audio[: len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample]
    samples = to_samples(encoding.to_pcm16(whole))
    step = max(1, encoding.rate_hz * _STEP_MS // 1000)
    starts = range(0, len(samples), step)

    def is_loud(at: int) -> bool:
        block = samples[at : at + step]
        return max(block) > _QUIET_PEAK or min(block) < -_QUIET_PEAK

    first = next((at for at in starts if is_loud(at)), None)
    if first is None:
        return 0, 0
    last = next(at for at in reversed(starts) if is_loud(at))
    return first * 1000 // encoding.rate_hz, min(last + step, len(samples)) * 1000 // encoding.rate_hz
