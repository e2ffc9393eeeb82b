"""Audio from one encoding into another, whole or as a stream."""

from __future__ import annotations

from duologue.audio.formats import Encoding
from duologue.audio.resampling import ResampleStream, resample

__all__ = ["TranscodeStream", "transcode"]


class TranscodeStream:
    """Turns one stream into another encoding piece by piece, however it is cut: half a sample waits for the other half.

    `n` samples in give `n * rate out / rate in` samples out, rounded half up, once `flush` has returned. Not for use
    from two threads at once.
    """

    def __init__(self, source: Encoding, target: Encoding) -> None:
        """Raises `MissingExtra` where the rates differ and the `audio` extra is not installed."""
        self._source = source
        self._target = target
        self._same = source == target
        self._resampling = ResampleStream(source.rate_hz, target.rate_hz)
        self._half = b""

    def push(self, audio: bytes) -> bytes:
        """Take the next piece; return what is ready, which may be nothing."""
        audio = self._half + audio if self._half else audio
        whole = _whole_bytes(audio, self._source)
        self._half = audio[whole:]
        if self._same:
            return audio[:whole]
        return self._target.from_pcm16(self._resampling.push(self._source.to_pcm16(audio[:whole])))

    def flush(self) -> bytes:
        """The rest of the stream, without half a sample at its end. The next `push` begins a new one."""
        self._half = b""
        return self._target.from_pcm16(self._resampling.flush())


def transcode(audio: bytes, source: Encoding, target: Encoding) -> bytes:
    """A whole clip in another encoding, without half a sample at its end.

    Raises:
        MissingExtra: the rates differ and the `audio` extra is not installed.
    """
    pcm16 = source.to_pcm16(audio[: _whole_bytes(audio, source)])
    return target.from_pcm16(resample(pcm16, source.rate_hz, target.rate_hz))


def _whole_bytes(audio: bytes, encoding: Encoding) -> int:
    return len(audio) // encoding.bytes_per_sample * encoding.bytes_per_sample
