"""How a voice ends: pitch and strength fall where a sentence is over, and stay up where it goes on."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.audio.extras import needs
from duologue.engines.speech.onnx import Array

with needs("speech"):
    import numpy as np

__all__ = ["Cadence", "cadence"]

_STEP_S: Final = 0.010
_WINDOW_S: Final = 0.040
"""Two periods of the lowest voice must fit in."""

_LOWEST_HZ, _HIGHEST_HZ = 65, 420
_VOICED: Final = 0.6
"""Share of a frame's energy that comes back one period later, in a voiced sound."""

_RECENT_S: Final = 5.0
"""How far back a voice is compared with itself: about a sentence."""

_END_S: Final = 0.15
"""The last voiced sound of a phrase: where its melody has arrived."""

_MIN_VOICED_S: Final = 0.3
"""Less voice is too little to measure its usual pitch."""

_QUIET_DB: Final = 30
"""Below the loudest frame; what is quieter is the pause, not the phrase."""

# A trained speaker's prompts end 6 semitones below the voice's median and 11 dB below its level, and lie 2 semitones
# and 3 dB below at any other place. A reader of novels ends many a sentence high. So the voice decides only
# where the words leave it open.
_PITCH_MIDDLE, _PITCH_WIDTH, _PITCH_WEIGHT = -3.0, 3.0, 0.6
_LEVEL_MIDDLE, _LEVEL_WIDTH, _LEVEL_WEIGHT = -7.0, 5.0, 0.4


class Cadence(Struct, frozen=True):
    """How the end of a stretch of speech compares with the speech before it."""

    pitch_semitones: float
    """How far the end lies above the voice's median pitch; negative where it is lower."""
    level_db: float
    """How much louder the end is than the median of what was said; negative where it fades."""

    def finality(self) -> float:
        """How much the odds for an end grow by this, as a logarithm: negative where the voice stays up."""
        pitch = _bounded((_PITCH_MIDDLE - self.pitch_semitones) / _PITCH_WIDTH)
        level = _bounded((_LEVEL_MIDDLE - self.level_db) / _LEVEL_WIDTH)
        return _PITCH_WEIGHT * pitch + _LEVEL_WEIGHT * level


def cadence(pcm16: bytes, rate_hz: int) -> Cadence | None:
    """How this speech ends; None where there is too little voice to measure. Blocks for a few milliseconds."""
    samples = np.frombuffer(pcm16, "<i2").astype(np.float32) / 32768
    samples = samples[-round(_RECENT_S * rate_hz) :]
    step, window = round(_STEP_S * rate_hz), round(_WINDOW_S * rate_hz)
    if len(samples) < window:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::step]
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    pitch = np.where(levels > levels.max() - _QUIET_DB, _pitch(frames, rate_hz), 0.0)
    voiced = np.flatnonzero(pitch)
    if len(voiced) * _STEP_S < _MIN_VOICED_S:
        return None
    end = voiced[-round(_END_S / _STEP_S) :]
    return Cadence(
        pitch_semitones=12 * float(np.log2(np.median(pitch[end]) / np.median(pitch[voiced]))),
        level_db=float(levels[end].mean() - np.median(levels[voiced])),
    )


def _bounded(value: float) -> float:
    """An octave too high or too low is an error of the measurement, and counts as no more than a clear case."""
    return min(max(value, -1.0), 1.0)


def _pitch(frames: Array, rate_hz: int) -> Array:
    """Pitch of each frame in hertz by autocorrelation; 0 where it has none."""
    window = frames.shape[1]
    shape = np.hanning(window)
    energy = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * shape)
    own = _autocorrelation(shape[None])[0]
    # The shape of the window makes later lags smaller: undone by what it does to itself.
    same = energy / np.maximum(energy[:, :1], 1e-9) / np.maximum(own / own[0], 0.05)
    first, last = rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ
    # At the shortest lags everything resembles itself: only where it does so again is a period.
    here = same[:, first:last]
    again = (here > same[:, first - 1 : last - 1]) & (here >= same[:, first + 1 : last + 1])
    peaks = np.where(again, here, 0.0)
    lags = first + peaks.argmax(axis=1)
    return np.where(peaks.max(axis=1) > _VOICED, rate_hz / lags, 0.0)


def _autocorrelation(frames: Array) -> Array:
    n = frames.shape[1]
    return np.fft.irfft(np.square(np.abs(np.fft.rfft(frames, 2 * n))), 2 * n)[:, :n]
