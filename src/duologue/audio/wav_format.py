"""How the samples of a WAV file are stored, by its `fmt ` chunk; and what makes mono PCM16 of them."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from duologue.audio.extras import needs
from duologue.audio.g711 import alaw_to_pcm16, ulaw_to_pcm16
from duologue.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from duologue.audio.riff import ByteOrder

__all__ = ["FMT_BYTES", "WavFormat", "parse_format"]

FMT_BYTES: Final = 40
"""The longest `fmt ` chunk of a kind that is read, the extensible one."""

_FIELDS: Final = "HHIIHH"
_EXTENSIBLE: Final = 0xFFFE
_PCM, _FLOAT, _ALAW, _ULAW = 0x0001, 0x0003, 0x0006, 0x0007

_SAMPLES: Final = {
    (_PCM, 1): ("u1", 128, 128),
    (_PCM, 2): ("i2", 0, 1 << 15),
    (_PCM, 3): ("i3", 0, 1 << 31),
    (_PCM, 4): ("i4", 0, 1 << 31),
    (_FLOAT, 4): ("f4", 0, 1),
    (_FLOAT, 8): ("f8", 0, 1),
}
"""By format code and bytes per sample: the numpy type, its zero, and its full scale."""

_COMPANDED: Final = {(_ALAW, 1): alaw_to_pcm16, (_ULAW, 1): ulaw_to_pcm16}
"""By format code and bytes per sample: what makes PCM16 of it."""

_COMPRESSED: Final = {
    0x0002: "Microsoft ADPCM",
    0x0011: "IMA ADPCM",
    0x0022: "TrueSpeech",
    0x0031: "GSM 6.10",
    0x0040: "G.721",
    0x0045: "G.726",
    0x0050: "MPEG audio",
    0x0055: "MP3",
    0x0064: "G.726",
    0x0065: "G.722",
    0x00FF: "AAC",
    0x0160: "Windows Media",
    0x0161: "Windows Media",
    0x0162: "Windows Media",
    0x028F: "G.722",
    0x1600: "AAC",
    0x1610: "AAC",
    0x704F: "Opus",
    0x674F: "Vorbis",
    0xF1AC: "FLAC",
}
"""Format codes of WAV files that are not read, as [registered](https://www.rfc-editor.org/rfc/rfc2361)."""

_LOUDEST: Final = 1e6
"""Of float samples, whose full scale is 1: no recording is louder, and sums of such numbers stay finite."""

_CONVERT: Final = "convert it: ffmpeg -i INPUT -ac 1 -ar 24000 OUTPUT.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class WavFormat:
    """How samples are stored."""

    code: int
    width_bytes: int
    """Of one sample."""
    channels: int
    rate_hz: int
    byte_order: ByteOrder

    @property
    def frame_bytes(self) -> int:
        """One sample of each channel."""
        return self.width_bytes * self.channels

    def to_mono_pcm16(self, frames: bytes) -> bytes:
        """Whole frames as mono PCM16; several channels are averaged.

        Raises:
            MissingExtra: they are not 16-bit mono or G.711 mono, and the extra that converts them is not installed.
        """
        kind, byte_order = (self.code, self.width_bytes), self.byte_order
        if kind in _COMPANDED:
            kind, byte_order, frames = (_PCM, 2), "little", _COMPANDED[kind](frames)
        if kind == (_PCM, 2) and self.channels == 1:
            return frames if byte_order == "little" else _swapped(frames)
        return _averaged(frames, _SAMPLES[kind], self.channels, byte_order)


def parse_format(chunk: bytes, byte_order: ByteOrder, *, name: str) -> WavFormat:
    """The format that a `fmt ` chunk describes. Where its fields contradict each other, two outvote the third.

    Raises:
        AudioError: the chunk is too short, or the samples are compressed or of an unknown kind.
    """
    fields = struct.Struct(("<" if byte_order == "little" else ">") + _FIELDS)
    if len(chunk) < fields.size:
        raise AudioError(f"{name} is a WAV without a format")
    code, channels, rate_hz, byte_rate, frame_bytes, bits = fields.unpack_from(chunk)
    if code == _EXTENSIBLE and len(chunk) >= 28:
        code = int.from_bytes(chunk[24:28], byte_order)  # the first field of the subformat's GUID
    width = _width(code, bits, frame_bytes, byte_rate, channels, rate_hz)
    if (code, width) not in {*_SAMPLES, *_COMPANDED} or channels == 0 or rate_hz == 0:
        codec = f"{_COMPRESSED[code]}, " if code in _COMPRESSED else ""
        found = f"{codec}code {code}, {bits} bits, {channels} channels, {rate_hz} Hz"
        raise AudioError(f"{name} is a WAV of a kind that is not read ({found}); {_CONVERT}")
    return WavFormat(code=code, width_bytes=width, channels=channels, rate_hz=rate_hz, byte_order=byte_order)


def _width(code: int, bits: int, frame_bytes: int, byte_rate: int, channels: int, rate_hz: int) -> int:
    """Bytes of a sample: 24 bits may lie in four; and there are files whose block align is wrong, or zero."""
    if code in {_ALAW, _ULAW}:
        return 1
    by_bits = (bits + 7) // 8
    by_frame = frame_bytes // channels if channels and frame_bytes % channels == 0 else 0
    is_container = by_frame > by_bits and byte_rate == rate_hz * frame_bytes and (code, by_frame) in _SAMPLES
    return by_frame if is_container else by_bits


def _swapped(pcm16: bytes) -> bytes:
    samples = array("h", pcm16)
    samples.byteswap()
    return samples.tobytes()


def _averaged(frames: bytes, kind: tuple[str, int, int], channels: int, byte_order: ByteOrder) -> bytes:
    with needs("audio"):
        import numpy as np
    dtype, zero, full_scale = kind
    order = "<" if byte_order == "little" else ">"
    raw: NDArray[np.generic]
    if dtype == "i3":  # numpy has no 24-bit type: put each sample into the upper bytes of 32 bits
        wide = np.zeros((len(frames) // 3, 4), np.uint8)
        upper = slice(1, 4) if byte_order == "little" else slice(0, 3)
        wide[:, upper] = np.frombuffer(frames, np.uint8).reshape(-1, 3)
        raw = wide.view(f"{order}i4")
    else:
        raw = np.frombuffer(frames, dtype if dtype == "u1" else order + dtype)
    with np.errstate(invalid="ignore"):  # converting a signalling NaN warns
        samples = raw.astype(np.float64)
    samples[~np.isfinite(samples)] = 0.0
    if dtype.startswith("f"):
        samples = samples.clip(-_LOUDEST, _LOUDEST)
    mono: NDArray[np.float64] = (samples.reshape(-1, channels).mean(axis=1) - zero) / full_scale
    return (mono * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()
