"""WAV files: any PCM, float or G.711 WAV in, as mono PCM16; mono PCM16 out, valid at every moment.

The reader walks the RIFF chunks itself: the standard library's refuses float, big-endian and 64-bit files and those
whose sizes a pipe left open, and, before Python 3.12, everything that is written with the extensible header.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BufferedWriter, BytesIO
from typing import TYPE_CHECKING, Final

from duologue.audio.file_kinds import kind_of
from duologue.audio.files import create_file
from duologue.audio.resampling import resample
from duologue.audio.riff import OPENING_BYTES, RiffReader, Stream, is_wave
from duologue.audio.samples import whole_samples
from duologue.audio.wav_format import FMT_BYTES, WavFormat, parse_format
from duologue.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["Sound", "WavWriter", "parse_wav", "read_wav", "read_wav_stream", "wav_of"]

_PCM: Final = 0x0001
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MAX_DATA_BYTES = 0xFFFF_FFFF - _HEADER.size  # sizes are 32 bits wide

_MAX_PCM16_BYTES = 1 << 29
"""Of a clip that is read: 512 MiB are 93 minutes at 48 kHz, longer than a session of the hosted service may last."""


_MAKE_WAV: Final = "make a WAV of it: ffmpeg -i INPUT -ac 1 -ar 24000 OUTPUT.wav"
_FROM_RAW: Final = "if it is raw PCM16: ffmpeg -f s16le -ac 1 -ar 24000 -i INPUT OUTPUT.wav"


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip: mono PCM16 and its rate."""

    pcm16: bytes
    """Signed 16-bit little-endian samples, mono."""
    rate_hz: int
    """Samples a second."""

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds, rounded down."""
        return len(self.pcm16) // 2 * 1000 // self.rate_hz

    def at(self, rate_hz: int) -> Sound:
        """The same clip at another rate. Raises as `resample` does."""
        return Sound(resample(self.pcm16, self.rate_hz, rate_hz), rate_hz)


def read_wav(path: str | os.PathLike[str]) -> Sound:
    """The clip in a WAV file, at its own rate; several channels are averaged into one.

    Sizes in the header that are placeholders, as programs that write to a pipe leave them, mean the rest of the file.
    RF64, BW64 and RIFX are read as well.

    Raises:
        AudioError: the file cannot be opened, is not a WAV, is cut off, empty, longer than 512 MiB of mono PCM16, or
            compressed otherwise than by G.711.
        MissingExtra: it is not 16-bit mono, and the `audio` extra, which converts it, is not installed.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return read_wav_stream(file, name=name)
    except OSError as fault:
        raise AudioError(f"cannot read {name}: {fault.strerror or fault}") from fault
    except ValueError as fault:  # a name that no file can have
        raise AudioError(f"cannot read {name}: {fault}") from fault


def parse_wav(data: bytes, *, name: str = "this audio") -> Sound:
    """As `read_wav`, from the bytes of a file; `name` is what errors call it."""
    return read_wav_stream(BytesIO(data), name=name)


def read_wav_stream(stream: Stream, *, name: str = "this audio") -> Sound:
    """As `read_wav`, from a binary stream, such as `sys.stdin.buffer`. It is read once, and not closed.

    Raises AudioError of what is no WAV, of which only the beginning is read, and `OSError` as the stream does.
    """
    opening = _without_tag(stream, stream.read(OPENING_BYTES))
    if not is_wave(opening):
        raise AudioError(_what_it_is(opening, name))
    format_: WavFormat | None = None
    early = b""
    for chunk in (chunks := RiffReader(stream, opening, name=name)):
        if chunk.kind == "fmt " and format_ is None:
            format_ = parse_format(chunks.read(FMT_BYTES), chunks.byte_order, name=name)
            if early:
                return _sound([early], format_, name)
        elif chunk.kind == "data" and format_ is not None:
            return _sound(chunks.blocks(), format_, name)
        elif chunk.kind == "data" and not early:
            early = _bounded(chunks.blocks(), name)
    missing = "a format" if format_ is None else "audio data"
    raise AudioError(f"{name} is a WAV without {missing}")


def _without_tag(stream: Stream, opening: bytes) -> bytes:
    """What follows an [ID3v2 tag](https://id3.org/id3v2.4.0-structure), which some editors put before the RIFF."""
    sizes = opening[6:10]
    if opening[:3] != b"ID3" or opening[3:4] not in {b"\2", b"\3", b"\4"} or max(sizes, default=255) > 127:
        return opening
    left = sum(size << shift for size, shift in zip(sizes, (21, 14, 7, 0), strict=True)) + 10 - len(opening)
    while left > 0 and (skipped := stream.read(min(left, 1 << 20))):
        left -= len(skipped)
    following = opening[OPENING_BYTES + left :] if left < 0 else b""
    following += stream.read(OPENING_BYTES - len(following))
    return following if is_wave(following) else opening


def _what_it_is(opening: bytes, name: str) -> str:
    kind = kind_of(opening)
    if not opening:
        return f"{name} is not a WAV file: it is empty"
    remedy = kind.remedy or (_MAKE_WAV if kind.is_sound else _FROM_RAW if kind.words.startswith("binary") else "")
    return f"{name} is not a WAV file: it is {kind.words}" + (f"; {remedy}" if remedy else "")


def _sound(blocks: Iterable[bytes], format_: WavFormat, name: str) -> Sound:
    pcm16, rest = bytearray(), b""
    for block in blocks:
        frames = rest + block
        whole = len(frames) // format_.frame_bytes * format_.frame_bytes
        frames, rest = frames[:whole], frames[whole:]
        if len(pcm16) + 2 * len(frames) // format_.frame_bytes > _MAX_PCM16_BYTES:
            raise AudioError(_too_long(name))
        pcm16 += format_.to_mono_pcm16(frames)
    if not pcm16:
        raise AudioError(f"{name} is an empty WAV: it holds no samples")
    return Sound(bytes(pcm16), format_.rate_hz)


def _bounded(blocks: Iterable[bytes], name: str) -> bytes:
    data = bytearray()
    for block in blocks:
        if len(data) + len(block) > _MAX_PCM16_BYTES:
            raise AudioError(_too_long(name))
        data += block
    return bytes(data)


def _too_long(name: str) -> str:
    mib = _MAX_PCM16_BYTES >> 20
    return (
        f"{name} is too long: more than {mib} MiB of samples are not read; cut it: ffmpeg -i INPUT -t 3600 OUTPUT.wav"
    )


class WavWriter:
    """Writes PCM16 into a WAV file as it comes, mono unless told otherwise. A context manager.

    The sizes in the header are brought up to date once a second of audio, at `flush` and at `close`: a program that
    ends in an exception leaves a valid file, and one that is killed leaves one that lacks a second at most.
    """

    def __init__(self, path: str | os.PathLike[str], *, rate_hz: int, channels: int = 1, replace: bool = True) -> None:
        """The file is its owner's alone to read; one that is there makes room for it, unless `replace` is False.

        Samples of several channels alternate.

        Raises `AudioError` when the rate is not positive or the file cannot be made: symbolic links are not followed.
        """
        if rate_hz <= 0:
            raise AudioError(f"a sample rate is positive, not {rate_hz} Hz")
        self.rate_hz = rate_hz
        self._channels = channels
        self._name = os.fspath(path)
        self._data_bytes = 0
        self._unflushed_bytes = 0
        try:
            self._file = BufferedWriter(create_file(path, replace=replace))
        except OSError as fault:
            raise AudioError(f"cannot write {self._name}: {fault.strerror or fault}") from fault
        self._file.write(self._header())

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds written so far."""
        return self._data_bytes // (2 * self._channels) * 1000 // self.rate_hz

    def write(self, pcm16: bytes) -> None:
        """Append samples.

        Raises:
            AudioError: an odd number of bytes, or more than a WAV file can hold (4 GiB).
        """
        if self._data_bytes + len(pcm16) > _MAX_DATA_BYTES:
            raise AudioError(f"{self._name} is full: a WAV file ends at 4 GiB")
        self._file.write(whole_samples(pcm16))
        self._data_bytes += len(pcm16)
        self._unflushed_bytes += len(pcm16)
        if self._unflushed_bytes >= 2 * self._channels * self.rate_hz:
            self.flush()

    def flush(self) -> None:
        """Make the file on disk valid and complete up to here."""
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(0, os.SEEK_END)
        self._file.flush()
        self._unflushed_bytes = 0

    def close(self) -> None:
        """Flush and close. Closing twice is fine."""
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _header(self) -> bytes:
        return _header(self._data_bytes, self.rate_hz, self._channels)


def wav_of(pcm16: bytes, *, rate_hz: int) -> bytes:
    """A WAV file of mono PCM16, in memory. Raises AudioError for an odd number of bytes."""
    return _header(len(pcm16), rate_hz) + whole_samples(pcm16)


def _header(size: int, rate_hz: int, channels: int = 1) -> bytes:
    riff = (b"RIFF", size + _HEADER.size - 8, b"WAVE")
    fmt = (b"fmt ", 16, _PCM, channels, rate_hz, 2 * channels * rate_hz, 2 * channels, 16)
    return _HEADER.pack(*riff, *fmt, b"data", size)
