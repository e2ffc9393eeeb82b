"""The speech of `/audio/speech`, from bytes to PCM16 at one rate: raw samples, or WAV files that come in pieces."""

from __future__ import annotations

from typing import Final

from duologue.audio.file_kinds import kind_of
from duologue.audio.resampling import ResampleStream
from duologue.audio.wav_format import WavFormat, parse_format

__all__ = ["SpeechStream", "checked_rate"]

_OPENING_BYTES: Final = 12
_CHUNK_BYTES: Final = 8
_WAVES: Final = (b"RIFF", b"RF64")
_MARK_BYTES: Final = 4
_NO_SPEECH: Final = (b"ID3", b"OggS", b"fLaC", b"<htm", b"<!DO", b'{"er', b'{"de', b'{"me', b'{"ob')
"""How other formats begin that servers send instead, and errors. Shorter marks, such as MP3's, may be samples."""

_MAX_HEAD_BYTES: Final = 64 * 1024
"""Of what stands before the samples of a WAV file; programs that speak write 44 bytes."""

_UNREAL_BYTES: Final = 0x7FFF_0000
"""Lengths from here on, and none at all, are those of servers that begin to send before they know it."""

_LOWEST_HZ, _HIGHEST_HZ = 4_000, 192_000
"""Of speech: below a telephone's 8,000 some models have 4,410 to 7,350; nothing that speaks has more than a studio."""


class SpeechStream:
    """Reads one answer. Not for more than one."""

    def __init__(self, *, to_hz: int, raw_hz: int) -> None:
        """`raw_hz` is the rate of samples that come without a header. Raises ValueError for one that is none."""
        self._to_hz = to_hz
        self._raw_hz = checked_rate(raw_hz)
        self._unread = bytearray()
        self._format: WavFormat | None = None
        self._is_raw = False
        self._left_bytes: int | None = None
        """Of the samples of a WAV file; None: to the end."""
        self._is_over = False
        self._resampling: ResampleStream | None = None
        self._from_hz = 0

    def push(self, data: bytes) -> bytes:
        """PCM16 of the next bytes; what is not yet a sample is kept.

        Raises:
            ValueError: this is no speech.
            AudioError: the WAV has samples of a kind that is not read.
        """
        self._unread += data
        speech = bytearray()
        while True:
            if not self._is_known and not self._begin():
                return bytes(speech)
            speech += self._take()
            if not self._next_file():
                return bytes(speech)

    def flush(self) -> bytes:
        """The rest, at the end of the answer.

        Raises:
            ValueError: it ends in the middle of a sample, of a header, or of the samples that were announced.
        """
        if not self._is_known:
            if len(self._unread) >= _MARK_BYTES:  # less than that may be a sample
                raise ValueError("a WAV that ends in its header")
            self._begin_raw()
        rest = self._take()
        if self._left_bytes or (self._unread and self._left_bytes is None):
            raise ValueError("speech that was broken off")
        return rest + (self._resampling.flush() if self._resampling is not None else b"")

    @property
    def _is_known(self) -> bool:
        return self._is_raw or self._is_over or self._format is not None

    def _begin(self) -> bool:
        """Look at how the speech begins; returns whether that is known by now."""
        opening = bytes(self._unread[:_OPENING_BYTES])
        if len(opening) < _MARK_BYTES:
            return False
        if opening.startswith(_NO_SPEECH):
            raise ValueError(kind_of(opening).words)
        if opening.startswith(_WAVES):
            return self._begin_wav(opening)
        self._begin_raw()
        return True

    def _begin_raw(self) -> None:
        self._is_raw = True
        self._set_rate(self._raw_hz)

    def _begin_wav(self, opening: bytes) -> bool:
        if len(opening) < _OPENING_BYTES:
            return False
        if opening[8:] != b"WAVE":
            raise ValueError("a RIFF file that is no WAV")
        place, format_ = _OPENING_BYTES, None
        while place + _CHUNK_BYTES <= len(self._unread):
            kind = bytes(self._unread[place : place + 4])
            size = int.from_bytes(self._unread[place + 4 : place + _CHUNK_BYTES], "little")
            place += _CHUNK_BYTES
            if kind == b"data":
                if format_ is None:
                    raise ValueError("a WAV without a format")
                del self._unread[:place]
                self._format = format_
                self._left_bytes = size if 0 < size < _UNREAL_BYTES else None
                self._set_rate(format_.rate_hz)
                return True
            if kind == b"fmt " and place + size <= len(self._unread):
                format_ = parse_format(bytes(self._unread[place : place + size]), "little", name="the speech")
            place += size + size % 2
        if place > _MAX_HEAD_BYTES or len(self._unread) > _MAX_HEAD_BYTES:
            raise ValueError(f"a WAV with no samples in its first {_MAX_HEAD_BYTES} bytes")
        return False

    def _set_rate(self, rate_hz: int) -> None:
        if self._resampling is None or rate_hz != self._from_hz:
            self._from_hz = checked_rate(rate_hz)
            self._resampling = ResampleStream(rate_hz, self._to_hz)

    def _take(self) -> bytes:
        """The whole samples that are there, converted."""
        assert self._resampling is not None
        if self._is_over:
            self._unread.clear()
            return b""
        frame_bytes = self._format.frame_bytes if self._format is not None else 2
        ready = len(self._unread) if self._left_bytes is None else min(len(self._unread), self._left_bytes)
        ready -= ready % frame_bytes
        frames = bytes(self._unread[:ready])
        del self._unread[:ready]
        if self._left_bytes is not None:
            self._left_bytes -= ready
        return self._resampling.push(frames if self._format is None else self._format.to_mono_pcm16(frames))

    def _next_file(self) -> bool:
        """Whether another WAV follows one that is over: some servers send one for each sentence."""
        if self._format is None or self._left_bytes != 0 or len(self._unread) < _MARK_BYTES:
            return False
        if self._unread.startswith(_WAVES):
            self._format, self._left_bytes = None, None
            return True
        self._is_over = True  # what stands behind the samples says who made them
        self._unread.clear()
        return False


def checked_rate(rate_hz: int) -> int:
    """The rate, if speech can have it. Raises ValueError."""
    if not _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ:
        raise ValueError(f"{rate_hz} samples per second, which is not a rate of speech")
    return rate_hz
