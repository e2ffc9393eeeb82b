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


def to_samples(pcm16: bytes, *, every: int = 1) -> array[int]:
    """The samples as numbers, -32768 to 32767: all, or one in `every` from the first on.

    Raises:
        AudioError: an odd number of bytes.
    """
    samples = array("h", _thinned(whole_samples(pcm16), every) if every > 1 else whole_samples(pcm16))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _thinned(pcm16: bytes, every: int) -> bytes:
    # Copies only what is asked for: of a long utterance all would be fresh memory, which costs more than the numbers.
    low, high = pcm16[:: 2 * every], pcm16[1 :: 2 * every]
    both = bytearray(len(low) + len(high))
    both[::2], both[1::2] = low, high
    return bytes(both)


def from_samples(samples: array[int]) -> bytes:
    """PCM16 of an `array("h")`."""
    if sys.byteorder == "big":
        samples = samples[:]
        samples.byteswap()
    return samples.tobytes()
