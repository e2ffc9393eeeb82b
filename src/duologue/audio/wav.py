"""WAV files: any PCM, float or G.711 WAV in, as mono PCM16; mono PCM16 out, valid at every moment.

The reader walks the RIFF chunks itself: the standard library's refuses float and, before Python 3.12, everything
that is written with the extensible header, which is what many recorders write.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BufferedWriter
from typing import TYPE_CHECKING

from duologue.audio.extras import needs
from duologue.audio.files import create_file
from duologue.audio.g711 import alaw_to_pcm16, ulaw_to_pcm16
from duologue.audio.resampling import resample
from duologue.audio.samples import whole_samples
from duologue.errors import AudioError

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Sound", "WavWriter", "parse_wav", "read_wav"]

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_FORMAT = struct.Struct("<HHIIHH")
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_OPENING_BYTES = 12  # RIFF, a size, WAVE
_UNKNOWN_SIZE = 0xFFFF_FFFF  # what a program that writes to a pipe puts where it cannot go back
_MAX_DATA_BYTES = 0xFFFF_FFFF - _HEADER.size  # sizes are 32 bits wide


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip: mono PCM16 and its rate."""

    pcm16: bytes
    rate_hz: int

    @property
    def duration_ms(self) -> int:
        """Whole milliseconds, rounded down."""
        return len(self.pcm16) // 2 * 1000 // self.rate_hz

    def at(self, rate_hz: int) -> Sound:
        """The same clip at another rate. Raises as `resample` does."""
        return Sound(resample(self.pcm16, self.rate_hz, rate_hz), rate_hz)


def read_wav(path: str | os.PathLike[str]) -> Sound:
    """The clip in a WAV file, at its own rate; several channels are averaged into one.

    Raises:
        AudioError: the file cannot be opened, is not a WAV, is cut off, empty, or compressed otherwise than by G.711.
        MissingExtra: it is not 16-bit mono, and the `audio` extra, which converts it, is not installed.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_OPENING_BYTES)
            if _is_wav(data):  # of what is none, no more is read: it may be a device, and have no end
                data += file.read()
    except OSError as fault:
        raise AudioError(f"cannot read {os.fspath(path)}: {fault.strerror or fault}") from fault
    return parse_wav(data, name=os.fspath(path))


def parse_wav(data: bytes, *, name: str = "this audio") -> Sound:
    """As `read_wav`, from the bytes of a file; `name` is what errors call it."""
    chunks = _chunks(data, name)
    if "fmt " not in chunks or len(chunks["fmt "]) < _FORMAT.size:
        raise AudioError(f"{name} is a WAV without a format")
    if "data" not in chunks:
        raise AudioError(f"{name} is a WAV without audio data")
    code, channels, rate_hz, _, frame_bytes, bits = _FORMAT.unpack_from(chunks["fmt "])
    if code == _EXTENSIBLE and len(chunks["fmt "]) >= 26:
        code = int.from_bytes(chunks["fmt "][24:26], "little")
    width_bytes = (bits + 7) // 8
    kind = (code, width_bytes)
    if kind not in {*_SAMPLES, *_COMPANDED} or channels == 0 or rate_hz == 0 or frame_bytes != width_bytes * channels:
        found = f"code {code}, {bits} bits, {channels} channels, {rate_hz} Hz"
        raise AudioError(f"{name} is a WAV of a kind that is not read ({found})")
    frames = bytes(chunks["data"][: len(chunks["data"]) // frame_bytes * frame_bytes])
    if kind in _COMPANDED:
        kind, frames = (_PCM, 2), _COMPANDED[kind](frames)
    if not frames:
        raise AudioError(f"{name} is an empty WAV: it holds no samples")
    if kind == (_PCM, 2) and channels == 1:
        return Sound(frames, rate_hz)
    return Sound(_to_mono_pcm16(frames, _SAMPLES[kind], channels), rate_hz)


def _is_wav(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _chunks(data: bytes, name: str) -> dict[str, memoryview]:
    """The first chunk of each id, by id."""
    if not _is_wav(data):
        raise AudioError(f"{name} is not a WAV file")
    found: dict[str, memoryview] = {}
    view, start = memoryview(data), 12
    while start + 8 <= len(data):
        kind, size = str(view[start : start + 4], "latin-1"), int.from_bytes(view[start + 4 : start + 8], "little")
        body = view[start + 8 : start + 8 + size]
        if len(body) < size and size != _UNKNOWN_SIZE:
            raise AudioError(f"{name} is cut off: its {kind!r} part promises {size} bytes and {len(body)} are there")
        found.setdefault(kind, body)
        start += 8 + size + size % 2
    return found


_SAMPLES = {
    (_PCM, 1): ("u1", 128, 128),
    (_PCM, 2): ("<i2", 0, 1 << 15),
    (_PCM, 3): ("i3", 0, 1 << 31),
    (_PCM, 4): ("<i4", 0, 1 << 31),
    (_FLOAT, 4): ("<f4", 0, 1),
    (_FLOAT, 8): ("<f8", 0, 1),
}
"""By format code and bytes per sample: the numpy type, its zero, and its full scale."""

_COMPANDED = {(_ALAW, 1): alaw_to_pcm16, (_ULAW, 1): ulaw_to_pcm16}
"""By format code and bytes per sample: what makes PCM16 of it."""


def _to_mono_pcm16(frames: bytes, kind: tuple[str, int, int], channels: int) -> bytes:
    with needs("audio"):
        import numpy as np
    dtype, zero, full_scale = kind
    raw: NDArray[np.generic]
    if dtype == "i3":  # numpy has no 24-bit type: put each sample into the upper bytes of 32 bits
        wide = np.zeros((len(frames) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(frames, np.uint8).reshape(-1, 3)
        raw = wide.view("<i4")
    else:
        raw = np.frombuffer(frames, dtype)
    mono: NDArray[np.float64] = (raw.astype(np.float64).reshape(-1, channels).mean(axis=1) - zero) / full_scale
    mono[~np.isfinite(mono)] = 0.0
    return (mono * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()


class WavWriter:
    """Writes mono PCM16 into a WAV file as it comes. A context manager.

    The sizes in the header are brought up to date once a second of audio, at `flush` and at `close`: a program that
    ends in an exception leaves a valid file, and one that is killed leaves one that lacks a second at most.
    """

    def __init__(self, path: str | os.PathLike[str], *, rate_hz: int, replace: bool = True) -> None:
        """The file is its owner's alone to read; one that is there makes room for it, unless `replace` is False.

        Raises `AudioError` when the rate is not positive or the file cannot be made: symbolic links are not followed.
        """
        if rate_hz <= 0:
            raise AudioError(f"a sample rate is positive, not {rate_hz} Hz")
        self.rate_hz = rate_hz
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
        return self._data_bytes // 2 * 1000 // self.rate_hz

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
        if self._unflushed_bytes >= 2 * self.rate_hz:
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
        size, rate_hz = self._data_bytes, self.rate_hz
        riff = (b"RIFF", size + _HEADER.size - 8, b"WAVE")
        fmt = (b"fmt ", 16, _PCM, 1, rate_hz, 2 * rate_hz, 2, 16)
        return _HEADER.pack(*riff, *fmt, b"data", size)
