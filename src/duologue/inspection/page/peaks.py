"""How loud audio is, each 10 ms: what waveforms are drawn of."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any, Final

from duologue.audio.samples import to_samples

__all__ = ["STEP_MS", "PeakMeter", "laid_over"]

STEP_MS: Final = 10
"""A pixel of a minute on a wide screen is 30 ms; a syllable is 200."""

_STEPS_PER_S: Final = 1000 // STEP_MS


class PeakMeter:
    """Takes PCM16 of one stream, piece by piece. A peak is the largest magnitude of a step, 0 to 255 of full scale."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._rest = b""
        self._steps = 0
        self._samples = 0
        """In whole steps."""

    def push(self, pcm16: bytes) -> bytes:
        """A byte for each step that is complete."""
        data = self._rest + pcm16 if self._rest else pcm16
        if self._rate_hz % _STEPS_PER_S == 0:
            step = 2 * (self._rate_hz // _STEPS_PER_S)
            whole = len(data) // step * step
            self._rest = data[whole:]
            return _even(data[:whole], step // 2)
        return self._uneven(data)

    def flush(self) -> bytes:
        """The peak of what is less than a step; nothing if there is nothing."""
        rest, self._rest = self._rest[: len(self._rest) // 2 * 2], b""
        return _even(rest, len(rest) // 2) if rest else b""

    def _uneven(self, data: bytes) -> bytes:
        """At 11,025 Hz a step has 110 samples or 111."""
        peaks = bytearray()
        at = 0
        while True:
            due = (self._steps + 1) * self._rate_hz // _STEPS_PER_S - self._samples
            if len(data) - at < 2 * due or due < 1:
                break
            peaks += _even(data[at : at + 2 * due], due)
            at += 2 * due
            self._steps += 1
            self._samples += due
        self._rest = data[at:]
        return bytes(peaks)


def laid_over(peaks: bytearray, begin_s: float, more: bytes) -> None:
    """Lay a stretch of peaks over those of a call: where both have one, the larger stays. What lies outside is left."""
    first = round(begin_s * _STEPS_PER_S)
    if first < 0:
        more, first = more[-first:], 0
    more = more[: max(0, len(peaks) - first)]
    there = peaks[first : first + len(more)]
    peaks[first : first + len(more)] = bytes(map(max, there, more)) if any(there) else more


def _even(pcm16: bytes, step: int) -> bytes:
    """Peaks of whole steps of so many samples."""
    numpy = _numpy()
    if numpy is not None:
        samples = numpy.frombuffer(pcm16, "<i2").reshape(-1, step)
        largest = numpy.maximum(samples.max(1).astype("i4"), -samples.min(1).astype("i4"))
        scaled: bytes = (largest * 255 >> 15).astype("u1").tobytes()
        return scaled
    samples = to_samples(pcm16)
    return bytes(_peak(samples[at : at + step]) for at in range(0, len(samples), step))


def _peak(samples: array[int]) -> int:
    return max(max(samples), -min(samples)) * 255 >> 15


@cache
def _numpy() -> Any:
    """NumPy, where it is installed: it is ten times as fast."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy
