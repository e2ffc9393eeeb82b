"""Audio of any rate, encoding and channel count into one encoding: one stream after another, each without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, SupportsIndex, TypeAlias, cast

from duologue.audio.buffers import AudioBuffer, is_bytes, mono_pcm16
from duologue.audio.formats import PCM, Encoding
from duologue.audio.transcoding import TranscodeStream
from duologue.audio.wav import Sound
from duologue.errors import AudioError

__all__ = ["AudioInput", "InputStream", "check_description", "pieces", "source_encoding"]

AudioInput: TypeAlias = "AudioBuffer | Sound"
"""What `send_audio` takes."""


_HIGHEST_HZ: Final = 768_000
"""The highest rate of any sound hardware; a higher number is no rate, and a resampler might never end with it."""

_MAX_CHANNELS: Final = 64
"""As many as large audio interfaces have."""


def check_description(*, encoding: object = None, rate_hz: object = None, channels: object = None) -> None:
    """Check what a caller says of audio.

    Raises:
        TypeError: one of them is of another type.
        AudioError: a rate that nothing has, or as many channels.
    """
    if encoding is not None and not isinstance(encoding, Encoding):
        names = "PCM, PCMU or PCMA of duologue.audio.formats"
        raise TypeError(
            f"encoding= is {names}, not {type(encoding).__name__}; with another rate Encoding.of(type, rate)"
        )
    for name, value, highest in (("rate_hz", rate_hz, _HIGHEST_HZ), ("channels", channels, _MAX_CHANNELS)):
        if value is None:
            continue
        # Audio libraries tell rates as floats, and numpy has whole numbers of its own.
        is_whole = value.is_integer() if isinstance(value, float) else isinstance(value, SupportsIndex)
        if isinstance(value, bool) or not is_whole:
            raise TypeError(f"{name}= is a whole number, not {type(value).__name__}")
        if not 1 <= int(cast("int", value)) <= highest:
            raise AudioError(f"{name}= is positive and at most {highest}, not {value}")


def source_encoding(wanted: Encoding, *, encoding: Encoding | None, rate_hz: int | None, is_bytes: bool) -> Encoding:
    """How a source writes its samples, from what is said of it. Without a word it is as `wanted`.

    Raises:
        AudioError: a rate that the encoding does not come in, or samples that are not those of the encoding.
    """
    if encoding is None and rate_hz is None and is_bytes:
        return wanted
    if encoding is None:
        # Samples that are numbers, or have a rate, are linear; without a rate they have the session's.
        encoding = replace(PCM, rate_hz=wanted.rate_hz)
    if not is_bytes and encoding.type != PCM.type:
        raise AudioError(f"{encoding.type} is bytes, and this audio is numbers")
    return encoding if rate_hz is None else Encoding.of(encoding.type, rate_hz)


def pieces(audio: AudioInput, *, piece_ms: int) -> Iterator[tuple[AudioBuffer, int | None]]:
    """Audio in pieces to be sent one by one, with its rate if the audio says it. A clip is cut, a buffer is not."""
    if not isinstance(audio, Sound):
        yield audio, None
        return
    size = 2 * max(1, audio.rate_hz * piece_ms // 1000)
    for start in range(0, len(audio.pcm16), size):
        yield audio.pcm16[start : start + size], audio.rate_hz


class InputStream:
    """Converts one stream at a time. A piece of another kind, or for another target, begins the next stream.

    `push` returns what is ready, which is what the streams before still had, and what is ready of this one. A resampler
    holds back some 15 ms until `flush`. Not for use from two threads at once.
    """

    def __init__(self) -> None:
        self._kind: tuple[Encoding, Encoding, int | None] | None = None
        self._stream: TranscodeStream | None = None
        self._rest = b""
        """The begin of a frame of several channels."""

    @property
    def is_open(self) -> bool:
        """Whether a stream has begun that `flush` has not ended."""
        return self._stream is not None or bool(self._rest)

    def push(
        self,
        audio: AudioBuffer,
        wanted: Encoding,
        *,
        encoding: Encoding | None = None,
        rate_hz: int | None = None,
        channels: int | None = None,
    ) -> bytes:
        """Take the next piece; return what is ready in the wanted encoding.

        Raises:
            TypeError: as `check_description` does.
            AudioError: as `check_description`, `mono_pcm16` and `source_encoding` do.
            MissingExtra: the rates differ, or the samples do, and the `audio` extra is not installed.
        """
        check_description(encoding=encoding, rate_hz=rate_hz, channels=channels)
        rate_hz, channels = rate_hz and int(rate_hz), channels and int(channels)
        raw = is_bytes(audio)
        source = source_encoding(wanted, encoding=encoding, rate_hz=rate_hz, is_bytes=raw)
        is_mixed = raw and channels not in (None, 1)
        if is_mixed and source.type != PCM.type:
            raise AudioError(f"{source.type} has one channel, not {channels}")
        before = b""
        if self._kind != (source, wanted, channels):
            before = self.flush()
            self._stream = TranscodeStream(source, wanted) if source != wanted else None
            self._kind = (source, wanted, channels)
        if is_mixed:
            audio = self._whole_frames(bytes(cast("bytes", audio)), channels or 1)
        mono = bytes(cast("bytes", audio)) if raw and not is_mixed else mono_pcm16(audio, channels=channels)
        return before + (self._stream.push(mono) if self._stream is not None else mono)

    def flush(self) -> bytes:
        """The rest of the stream; the next piece begins another."""
        rest = self._stream.flush() if self._stream is not None else b""
        self.clear()
        return rest

    def clear(self) -> None:
        """Drop the rest of the stream."""
        self._kind = self._stream = None
        self._rest = b""

    def _whole_frames(self, audio: bytes, channels: int) -> bytes:
        joined, frame_bytes = self._rest + audio, 2 * channels
        whole = len(joined) // frame_bytes * frame_bytes
        self._rest = joined[whole:]
        return joined[:whole]
