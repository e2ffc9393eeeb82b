"""How a voice ends: whether its pitch and strength fall, as they do where a sentence is over."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.audio.extras import needs
from duologue.engines.onnx import Array

with needs("speech"):
    import numpy as np

__all__ = ["Cadence", "cadence"]

_STEP_S: Final = 0.010
_WINDOW_S: Final = 0.040
"""Two periods of the lowest voice must fit in."""

_LOWEST_HZ, _HIGHEST_HZ = 65, 420
_VOICED: Final = 0.45
"""Share of a frame's energy that comes back one period later, in a voiced sound."""

_RECENT_S: Final = 4.0
"""How far back a voice is compared with itself: about a sentence."""

_END_S: Final = 0.30
"""The end of a phrase: its last stressed vowel and what follows."""

_QUIET_DB: Final = 30
"""Below the loudest frame; what is quieter is the pause, not the phrase."""


class Cadence(Struct, frozen=True):
    """The end of a stretch of speech, beside the speech before it."""

    pitch_semitones: float
    """How far the end lies above the voice's median pitch; negative where it is lower."""
    slope_semitones: float
    """How much the pitch rises over the end; negative where it falls."""
    level_db: float
    """How much louder the end is than the median of what was said; negative where it fades."""
    voiced_s: float
    """Length of the last voiced sound: a drawn-out vowel is long."""


def cadence(pcm16: bytes, rate_hz: int) -> Cadence | None:
    """How this speech ends; None where there is too little voice to tell. A few milliseconds of work: blocks."""
    samples = np.frombuffer(pcm16, "<i2").astype(np.float32) / 32768
    samples = samples[-round((_RECENT_S + 1) * rate_hz) :]
    step, window = round(_STEP_S * rate_hz), round(_WINDOW_S * rate_hz)
    if len(samples) < 20 * window:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::step]
    levels = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-10)
    loud = np.flatnonzero(levels > levels.max() - _QUIET_DB)
    frames, levels = frames[: loud[-1] + 1], levels[: loud[-1] + 1]
    pitch = _pitch(frames, rate_hz)
    voiced = np.flatnonzero(pitch > 0)
    n_end = round(_END_S / _STEP_S)
    if len(voiced) < n_end:
        return None
    semitones = 12 * np.log2(pitch[voiced] / np.median(pitch[voiced]))
    end = semitones[-n_end // 2 :]
    times = voiced[-n_end // 2 :]
    slope = float(np.polyfit(times, end, 1)[0] * len(end)) if len(end) > 2 else 0.0
    breaks = np.flatnonzero(np.diff(voiced) > 2)
    run = len(voiced) - (int(breaks[-1]) + 1 if len(breaks) else 0)
    return Cadence(
        pitch_semitones=float(np.median(end)),
        slope_semitones=slope,
        level_db=float(levels[voiced[-n_end // 2 :]].mean() - np.median(levels[voiced])),
        voiced_s=run * _STEP_S,
    )


def _pitch(frames: Array, rate_hz: int) -> Array:
    """Pitch of each frame in hertz by autocorrelation; 0 where it has none."""
    window = frames.shape[1]
    n_bins = 2 * window
    centred = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred * np.hanning(window), n_bins)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)), n_bins)[:, :window]
    # The window makes later lags smaller: undone by the autocorrelation of the window itself.
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(np.hanning(window), n_bins))), n_bins)[:window]
    normal = correlation / np.maximum(correlation[:, :1], 1e-9) / np.maximum(own / own[0], 0.05)
    first, last = rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ
    lags = first + normal[:, first:last].argmax(axis=1)
    strength = normal[np.arange(len(lags)), lags]
    level = np.square(centred).mean(axis=1)
    clear = (strength > _VOICED) & (level > level.max() * 1e-3)
    return np.where(clear, rate_hz / lags, 0.0)
