"""PCM16: signed 16-bit little-endian samples in bytes, and the same as numbers."""

from __future__ import annotations

import sys
from array import array

from duologue.errors import AudioError

__all__ = ["from_samples", "to_samples", "whole_samples"]


def whole_samples(pcm16: bytes) -> bytes:
    """The same bytes, if they are whole samples.

    Raises:
        AudioError: an odd number of bytes.
    """
    if len(pcm16) % 2:
        raise AudioError(f"PCM16 has two bytes per sample; {len(pcm16)} bytes end in half a sample")
    return pcm16


def to_samples(pcm16: bytes) -> array[int]:
    """The samples as numbers, -32768 to 32767.

    Raises:
        AudioError: an odd number of bytes.
    """
    samples = array("h", whole_samples(pcm16))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def from_samples(samples: array[int]) -> bytes:
    """PCM16 of an `array("h")`."""
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
