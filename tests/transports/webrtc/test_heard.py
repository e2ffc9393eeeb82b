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
        frames.append(sound.take())
    assert {len(frame) for frame in frames} == {0, FRAME_BYTES}
    heard = b"".join(frames)
    assert 97 <= len(heard) // FRAME_BYTES <= 100  # the resampler holds some milliseconds back
    assert loudest_hz(heard[10 * FRAME_BYTES :]) == pytest.approx(440, abs=3)


def test_pieces_that_have_come_together_are_taken_together() -> None:
    sound = HeardFrames()
    for _ in range(11):
        sound.push(bytes(480), rate_hz=RATE_HZ, channels=1)
    assert len(sound.take()) == 5 * FRAME_BYTES
    assert sound.take() == b""


def test_a_change_of_rate_loses_nothing() -> None:
    sound = HeardFrames()
    for rate_hz in (48_000, 16_000, 24_000):
        sound.push(_sine(rate_hz, 1, 0.5), rate_hz=rate_hz, channels=1)
    assert len(sound.take()) == pytest.approx(1.5 * RATE_HZ * 2, rel=0.05)


def test_without_sound_there_is_no_frame() -> None:
    assert HeardFrames().take() == b""
