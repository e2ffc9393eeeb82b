"""Audio as programs hold it, as mono PCM16 in bytes: bytes, arrays of the standard library and of numpy, tensors.

Bytes are PCM16 unless they are said to be something else. Integers are 16 or 32 bits wide, floats reach from -1 to 1.
A second axis holds the channels, one column each: the layout of sounddevice and soundfile.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from duologue.audio.extras import needs
from duologue.audio.samples import whole_samples
from duologue.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ArrayLike", "AudioBuffer", "is_bytes", "mono_pcm16"]


class ArrayLike(Protocol):
    """What numpy can read: its own arrays, tensors of PyTorch and the like."""

    def __array__(self) -> Any:
        """The samples as a numpy array."""
        ...


# A string: before Python 3.12 `array` takes no parameter at run time.
AudioBuffer: TypeAlias = "bytes | bytearray | memoryview | array[int] | array[float] | ArrayLike"
"""Audio in memory."""

_NATIVE_INT16: Final = frozenset({"h", "@h", "=h", "<h" if sys.byteorder == "little" else ">h"})

_FULL_SCALES: Final = {"i2": 1 << 15, "i4": 1 << 31, "f2": 1, "f4": 1, "f8": 1}
"""By kind and width of numpy's type: what is as loud as can be."""

_MAX_CHANNELS: Final = 32
"""More columns than that are samples, in an array whose axes are swapped."""

_MAX_FLOAT: Final = 8.0
"""Loud mixes go a little beyond 1, and are clipped; samples beyond 8 are on another scale."""


def is_bytes(audio: AudioBuffer) -> bool:
    """Whether it is bytes, and not samples that are numbers. An array of 8-bit numbers is no bytes: it may be sound."""
    if isinstance(audio, memoryview):
        return audio.format in ("B", "b", "c")
    return isinstance(audio, bytes | bytearray)


def mono_pcm16(audio: AudioBuffer, *, channels: int | None = None) -> bytes:
    """The same audio as mono PCM16 at its own rate; several channels are averaged.

    `channels` is how many are interleaved; by default one, or as many as an array has columns.

    Raises:
        AudioError: samples of another type, half a sample, fewer samples than channels, swapped axes.
        MissingExtra: it is not 16-bit mono, and the `audio` extra, which converts it, is not installed.
    """
    if channels is not None and channels < 1:
        raise AudioError(f"audio has one channel or more, not {channels}")
    if isinstance(audio, bytes) and channels in (None, 1):
        return whole_samples(audio)
    view = _view(audio)
    columns = view.shape[1] if view.ndim == 2 and view.shape is not None else None
    if view.ndim not in (1, 2) or (channels is not None and columns not in (None, channels)):
        raise AudioError(f"audio of the shape {view.shape} does not have {channels or 1} channels in columns")
    if columns is not None and columns > _MAX_CHANNELS:
        raise AudioError(f"audio of the shape {view.shape} has a row for each channel; pass it as audio.T")
    n_channels = channels if channels is not None else columns or 1
    if is_bytes(audio) or view.format in _NATIVE_INT16:
        pcm16 = whole_samples(view.tobytes())
        if sys.byteorder == "big" and not is_bytes(audio):
            swapped = array("h", pcm16)
            swapped.byteswap()
            pcm16 = swapped.tobytes()
        return pcm16 if n_channels == 1 else _mixed(pcm16, n_channels)
    return _converted(view, n_channels)


def _view(audio: Any) -> memoryview:
    """Any buffer; what has none is made one by numpy."""
    try:
        return memoryview(audio)
    except TypeError:
        pass
    if not hasattr(audio, "__array__"):
        raise AudioError(f"audio is bytes, an array or a Sound, not {type(audio).__name__}")
    with needs("audio"):
        import numpy as np
    samples: Any = np.asarray(audio)
    return memoryview(samples)


def _mixed(pcm16: bytes, channels: int) -> bytes:
    with needs("audio"):
        import numpy as np
    samples = np.frombuffer(pcm16, "<i2")
    if len(samples) % channels:
        raise AudioError(f"{len(samples)} samples are no whole number of frames of {channels} channels")
    return _rounded(samples.reshape(-1, channels).mean(axis=1))


def _converted(view: memoryview, channels: int) -> bytes:
    with needs("audio"):
        import numpy as np
    samples = np.asarray(view)
    full_scale = _FULL_SCALES.get(f"{samples.dtype.kind}{samples.dtype.itemsize}")
    if full_scale is None:
        raise AudioError(f"samples are integers of 16 or 32 bits or floats from -1 to 1, not {samples.dtype}")
    if samples.size % channels:
        raise AudioError(f"{samples.size} samples are no whole number of frames of {channels} channels")
    mono: NDArray[np.float64] = samples.astype(np.float64).reshape(-1, channels).mean(axis=1)
    mono[~np.isfinite(mono)] = 0.0
    if full_scale == 1 and mono.size and float(np.abs(mono).max()) > _MAX_FLOAT:
        raise AudioError("samples that are floats reach from -1 to 1; these are on another scale")
    return _rounded(mono * (32768 / full_scale))


def _rounded(mono: NDArray[np.float64]) -> bytes:
    return mono.round().clip(-32768, 32767).astype("<i2").tobytes()
