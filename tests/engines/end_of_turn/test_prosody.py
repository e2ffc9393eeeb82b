"""The end of a voice is compared with the voice before it."""

from __future__ import annotations

import pytest

from duologue.engines.end_of_turn.prosody import Cadence, cadence

np = pytest.importorskip("numpy", reason="the speech extra is not installed")

RATE_HZ = 16_000


def voice(*sounds: tuple[float, float, float]) -> bytes:
    """A buzz like that of a throat: for each sound its pitch in hertz, level in dB below full scale and seconds."""
    parts = []
    for pitch_hz, level_db, seconds in sounds:
        time = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
        wave = sum(np.sin(2 * np.pi * pitch_hz * n * time) / n for n in range(1, 8))
        parts.append(wave / np.abs(wave).max() * 32767 * 10 ** (-level_db / 20))
    return bytes(np.concatenate(parts).astype("<i2").tobytes())


SILENCE = bytes(2 * RATE_HZ // 5)


def test_a_fall_of_pitch_and_level_is_measured_against_the_voice_itself() -> None:
    end = cadence(voice((120, 12, 1.5), (90, 20, 0.3)) + SILENCE, RATE_HZ)
    assert end is not None
    assert end.pitch_semitones == pytest.approx(12 * np.log2(90 / 120), abs=0.4)
    assert end.level_db == pytest.approx(-8, abs=0.7)
    assert end.finality() > 0.3


def test_a_voice_that_stays_up_is_less_final_than_one_that_falls() -> None:
    up = cadence(voice((120, 12, 1.5), (150, 12, 0.3)) + SILENCE, RATE_HZ)
    assert up is not None
    assert up.finality() == -1.0


@pytest.mark.parametrize("pitch_hz", [80, 120, 200, 300])
def test_a_steady_voice_has_no_melody(pitch_hz: float) -> None:
    end = cadence(voice((pitch_hz, 12, 1.0)) + SILENCE, RATE_HZ)
    assert end is not None
    assert end.pitch_semitones == pytest.approx(0, abs=0.1)
    assert end.level_db == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    "pcm16",
    [b"", bytes(2), bytes(2 * RATE_HZ), voice((120, 12, 0.1)), bytes(np.random.default_rng(0).bytes(2 * RATE_HZ))],
    ids=["nothing", "a sample", "silence", "too short", "noise"],
)
def test_without_a_voice_there_is_no_cadence(pcm16: bytes) -> None:
    assert cadence(pcm16, RATE_HZ) is None


def test_a_measurement_that_went_wrong_weighs_no_more_than_a_clear_case() -> None:
    assert Cadence(pitch_semitones=-40, level_db=-90).finality() == pytest.approx(1.0)
    assert Cadence(pitch_semitones=40, level_db=90).finality() == pytest.approx(-1.0)
