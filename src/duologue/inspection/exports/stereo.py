"""Both sides of a call as one sound: the user left, the model right, as it was heard."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from duologue.audio.resampling import resample
from duologue.audio.samples import from_samples, to_samples
from duologue.inspection.page.sound_lanes import PlacedSound

__all__ = ["CannotExport", "stereo_wav"]

_BLOCK_S: Final = 10
"""Of the call, which is mixed in memory: a megabyte a side."""

_FRAME_BYTES: Final = 4
"""Two samples of 16 bits."""

_MAX_BYTES: Final = 2**32 - 64
"""A WAV file counts its bytes in 32 bits."""

_NO_SOUND_HZ: Final = 24_000

_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")


class CannotExport(ValueError):
    """The call does not fit into such a file, or nothing is left to put into it."""


def stereo_wav(user: Sequence[PlacedSound], model: Sequence[PlacedSound], *, duration_s: float) -> Iterator[bytes]:
    """The blocks of a WAV file with two channels of 16 bits, at the highest rate of any sound.

    Raises:
        CannotExport: it would have more than 4 GB.
        MissingExtra: the rates of the sides differ, and the extra `audio` is not installed.
    """
    rate_hz = max((placed.sound.rate_hz for placed in (*user, *model)), default=_NO_SOUND_HZ)
    n_frames = max(0, round(duration_s * rate_hz))
    if n_frames * _FRAME_BYTES > _MAX_BYTES:
        raise CannotExport(f"the call lasts {duration_s:.0f} s, and a WAV file ends at 4 GB")
    yield _header(rate_hz, n_frames * _FRAME_BYTES)
    for first in range(0, n_frames, _BLOCK_S * rate_hz):
        count = min(_BLOCK_S * rate_hz, n_frames - first)
        samples = array("h", bytes(_FRAME_BYTES * count))
        samples[0::2] = to_samples(_side(user, first, count, rate_hz))
        samples[1::2] = to_samples(_side(model, first, count, rate_hz))
        yield from_samples(samples)


def _side(sounds: Sequence[PlacedSound], first: int, count: int, rate_hz: int) -> bytes:
    """So many samples of one side; silence where there is no sound."""
    block = bytearray(2 * count)
    begin_s, end_s = first / rate_hz, (first + count) / rate_hz
    for placed in sounds:
        low_s, high_s = max(begin_s, placed.begin_s), min(end_s, placed.end_s)
        if low_s < high_s:
            into_s = placed.offset_s - placed.begin_s
            pcm16 = placed.sound.read(low_s + into_s, high_s + into_s)
            if placed.sound.rate_hz != rate_hz:
                pcm16 = resample(pcm16, placed.sound.rate_hz, rate_hz)
            at = 2 * max(0, round((low_s - begin_s) * rate_hz))
            fitting = pcm16[: max(0, len(block) - at)]
            block[at : at + len(fitting)] = fitting
    return bytes(block)


def _header(rate_hz: int, n_bytes: int) -> bytes:
    return _HEADER.pack(
        b"RIFF",
        n_bytes + _HEADER.size - 8,
        b"WAVE",
        b"fmt ",
        16,
        1,  # PCM
        2,
        rate_hz,
        rate_hz * _FRAME_BYTES,
        _FRAME_BYTES,
        16,
        b"data",
        n_bytes,
    )
