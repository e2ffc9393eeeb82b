from __future__ import annotations

import numpy as np
import pytest

from duologue.transports.webrtc.heard import HeardFrames
from duologue.transports.webrtc.peer import FRAME_BYTES, RATE_HZ
from tests.transports.webrtc._calls import loudest_hz


def _sine(rate_hz: int, channels: int, seconds: float) -> bytes:
    mono = (8000 * np.sin(2 * np.pi * 440 * np.arange(round(rate_hz * seconds)) / rate_hz)).astype("<i2")
    return np.repeat(mono, channels).tobytes()


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 1), (48_000, 2), (16_000, 1), (24_000, 1), (44_100, 2)])
def test_pieces_of_10_ms_become_frames_of_20_ms(rate_hz: int, channels: int) -> None:
    sound, frames = HeardFrames(), list[bytes]()
    pcm16 = _sine(rate_hz, channels, 2)
    piece = rate_hz // 100 * channels * 2
    for at in range(0, len(pcm16), piece):
        sound.push(pcm16[at : at + piece], rate_hz=rate_hz, channels=channels)
        while (frame := sound.take()) is not None:
            frames.append(frame)
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert 97 <= len(frames) <= 100  # the resampler holds some milliseconds back
    assert loudest_hz(b"".join(frames[10:])) == pytest.approx(440, abs=3)


def test_a_change_of_rate_loses_nothing() -> None:
    sound, n_bytes = HeardFrames(), 0
    for rate_hz in (48_000, 16_000, 24_000):
        sound.push(_sine(rate_hz, 1, 0.5), rate_hz=rate_hz, channels=1)
    while (frame := sound.take()) is not None:
        n_bytes += len(frame)
    assert n_bytes == pytest.approx(1.5 * RATE_HZ * 2, rel=0.05)


def test_without_sound_there_is_no_frame() -> None:
    assert HeardFrames().take() is None
