"""G.711: telephone companding, PCM16 to one byte per sample and back, by table and in the standard library alone.

The tables follow ITU-T G.711 and its reference rounding: 14-bit mu-law, 13-bit A-law. They are built at first use.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

from duologue.audio.samples import to_samples

__all__ = ["alaw_to_pcm16", "pcm16_to_alaw", "pcm16_to_ulaw", "ulaw_to_pcm16"]

_ULAW_BIAS = 33  # moves every segment's edge onto a power of two
_ULAW_CLIP = 8158  # the largest 14-bit magnitude that stays in the eighth segment once biased


def ulaw_to_pcm16(data: bytes) -> bytes:
    """mu-law bytes as PCM16."""
    return _expand(data, *_ulaw_bytes())


def alaw_to_pcm16(data: bytes) -> bytes:
    """A-law bytes as PCM16."""
    return _expand(data, *_alaw_bytes())


def pcm16_to_ulaw(pcm16: bytes) -> bytes:
    """PCM16 as mu-law bytes.

    Raises:
        AudioError: an odd number of bytes.
    """
    return _compress(pcm16, _ulaw_codes())


def pcm16_to_alaw(pcm16: bytes) -> bytes:
    """PCM16 as A-law bytes.

    Raises:
        AudioError: an odd number of bytes.
    """
    return _compress(pcm16, _alaw_codes())


def _expand(data: bytes, low: bytes, high: bytes) -> bytes:
    out = bytearray(2 * len(data))
    out[0::2] = data.translate(low)
    out[1::2] = data.translate(high)
    return bytes(out)


def _compress(pcm16: bytes, codes: bytes) -> bytes:
    return bytes(map(codes.__getitem__, to_samples(pcm16)))  # negative samples count from the table's end


def _split(samples: list[int]) -> tuple[bytes, bytes]:
    """Low and high bytes of 256 samples, as two tables for `bytes.translate`."""
    packed = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    return packed[0::2], packed[1::2]


@cache
def _ulaw_bytes() -> tuple[bytes, bytes]:
    def sample(code: int) -> int:
        code ^= 0xFF
        magnitude = ((((code & 0x0F) << 1) + _ULAW_BIAS) << (code >> 4 & 7)) - _ULAW_BIAS
        return -4 * magnitude if code & 0x80 else 4 * magnitude

    return _split([sample(code) for code in range(256)])


@cache
def _alaw_bytes() -> tuple[bytes, bytes]:
    def sample(code: int) -> int:
        code ^= 0x55
        segment = code >> 4 & 7
        magnitude = ((code & 0x0F) << 1) + (1 if segment == 0 else 33)
        magnitude <<= max(segment - 1, 0)
        return 8 * magnitude if code & 0x80 else -8 * magnitude

    return _split([sample(code) for code in range(256)])


@cache
def _ulaw_codes() -> bytes:
    """Codes of all samples: those of 0 to 32767, then those of -32768 to -1."""

    def code(sample: int) -> int:
        magnitude = min(abs(sample), _ULAW_CLIP) + _ULAW_BIAS
        segment = magnitude.bit_length() - 6
        compressed = segment << 4 | magnitude >> (segment + 1) & 0x0F
        return compressed ^ (0x7F if sample < 0 else 0xFF)

    return b"".join(bytes((code(sample),)) * 4 for sample in chain(range(8192), range(-8192, 0)))


@cache
def _alaw_codes() -> bytes:
    """Codes of all samples: those of 0 to 32767, then those of -32768 to -1."""

    def code(sample: int) -> int:
        magnitude = sample if sample >= 0 else -sample - 1
        segment = max(magnitude.bit_length() - 5, 0)
        compressed = segment << 4 | magnitude >> max(segment, 1) & 0x0F
        return compressed ^ (0xD5 if sample >= 0 else 0x55)

    return b"".join(bytes((code(sample),)) * 8 for sample in chain(range(4096), range(-4096, 0)))
