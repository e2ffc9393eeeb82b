"""PCM16 from one sample rate to another, whole or as a stream. Needs the `audio` extra, except between equal rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from duologue.audio.extras import needs
from duologue.audio.samples import whole_samples
from duologue.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from soxr import ResampleStream as SoxrStream

__all__ = ["Quality", "ResampleStream", "resample"]

Quality = Literal["QQ", "LQ", "MQ", "HQ", "VHQ"]
"""soxr's names, from cubic interpolation (no delay, aliases) to 28-bit precision (30 ms and more of delay)."""


class ResampleStream:
    """Resamples one stream piece by piece.

    `n` samples in give `n * to_hz / from_hz` samples out, rounded half up, once `flush` has returned; how the stream
    was cut into pieces changes neither their number nor their values. Not for use from two threads at once.
    """

    # LQ holds back 12 to 18 ms and keeps aliases out of what 16 bits can hold. HQ would hold back 37 ms, which
    # every reply would wait for; QQ holds back nothing and folds sibilants into the speech band.
    def __init__(self, from_hz: int, to_hz: int, *, quality: Quality = "LQ") -> None:
        """Raises `AudioError` for a rate that is not positive, `MissingExtra` without the `audio` extra."""
        for rate_hz in (from_hz, to_hz):
            if rate_hz <= 0:
                raise AudioError(f"a sample rate is positive, not {rate_hz} Hz")
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._quality: Quality = quality
        self._begin()

    def _begin(self) -> None:
        self._soxr = None if self._from_hz == self._to_hz else self._open()
        self._samples_in = 0
        self._samples_out = 0
        self._early = b""  # some qualities run a sample ahead of the count that is promised

    def _open(self) -> SoxrStream:
        with needs("audio"):
            import soxr
        return soxr.ResampleStream(self._from_hz, self._to_hz, 1, dtype="float32", quality=self._quality)

    def push(self, pcm16: bytes) -> bytes:
        """Take the next piece; return what is ready, which may be nothing.

        Raises:
            AudioError: an odd number of bytes.
        """
        if self._soxr is None or not pcm16:
            return whole_samples(pcm16)
        ready = self._early + _convert(self._soxr, whole_samples(pcm16), last=False)
        self._samples_in += len(pcm16) // 2
        due_bytes = 2 * (self._due() - self._samples_out)
        self._early = ready[due_bytes:]
        self._samples_out += len(ready[:due_bytes]) // 2
        return ready[:due_bytes]

    def flush(self) -> bytes:
        """The rest of the stream. The next `push` begins a new one."""
        if self._soxr is None:
            return b""
        due_bytes = 2 * (self._due() - self._samples_out)
        rest = self._early + _convert(self._soxr, b"", last=True)
        self._begin()
        return rest[:due_bytes].ljust(due_bytes, b"\0")

    def _due(self) -> int:
        return (2 * self._samples_in * self._to_hz + self._from_hz) // (2 * self._from_hz)


def _convert(stream: SoxrStream, pcm16: bytes, *, last: bool) -> bytes:
    """Through float and back: soxr adds dither to 16-bit output, and the same speech must give the same samples."""
    import numpy as np

    resampled: NDArray[np.float32] = stream.resample_chunk(np.frombuffer(pcm16, "<i2").astype(np.float32), last=last)
    np.rint(resampled, out=resampled)
    np.minimum(resampled, 32767, out=resampled)  # two of these take less than `clip`, which is not compiled
    np.maximum(resampled, -32768, out=resampled)
    return resampled.astype("<i2").tobytes()


def resample(pcm16: bytes, from_hz: int, to_hz: int, *, quality: Quality = "HQ") -> bytes:
    """A whole clip at another rate; its delay is taken out, so the best usual quality costs nothing but computing.

    `n` samples in give `n * to_hz / from_hz` samples out, rounded half up.

    Raises:
        AudioError: an odd number of bytes, or a rate that is not positive.
        MissingExtra: the rates differ and the `audio` extra is not installed.
    """
    stream = ResampleStream(from_hz, to_hz, quality=quality)
    return stream.push(pcm16) + stream.flush()
