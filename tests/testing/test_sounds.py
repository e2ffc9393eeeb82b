"""Sound for tests."""

from __future__ import annotations

import pytest

from duologue.audio.formats import PCM, PCMA, PCMU
from duologue.audio.levels import level_dbfs
from duologue.audio.wav import parse_wav
from duologue.errors import AudioError
from duologue.testing.sounds import CLIPS, clip, noise, silence, tone


@pytest.mark.parametrize("name", CLIPS)
def test_clips_are_speech_at_24_khz(name: str) -> None:
    speech = clip(name)
    assert 1000 < PCM.duration_ms(len(speech)) < 4000
    assert level_dbfs(speech) > -40


def test_a_clip_comes_in_any_format() -> None:
    length_ms = PCM.duration_ms(len(clip()))
    assert abs(PCMU.duration_ms(len(clip("question", "audio/pcmu"))) - length_ms) <= 1
    assert abs(PCMA.duration_ms(len(clip("question", "audio/pcma"))) - length_ms) <= 1
    sound = parse_wav(clip("question", "audio/wav", rate_hz=16_000))
    assert (sound.rate_hz, abs(sound.duration_ms - length_ms) <= 1) == (16_000, True)


def test_lengths_and_levels_are_those_that_were_asked_for() -> None:
    assert silence(100) == bytes(4800)
    assert set(silence(100, "audio/pcmu")) == {0xFF}
    for db in (-6, -20, -60):
        assert level_dbfs(tone(1000, db=db)) == pytest.approx(db, abs=0.1)
        assert level_dbfs(noise(db)) == pytest.approx(db, abs=0.1)
    assert len(tone(100, rate_hz=8000)) == len(noise(ms=100, rate_hz=8000)) == 1600
    assert max(abs(level_dbfs(tone(100, db=20))), 0) < 1  # cut at full scale


def test_noise_is_the_same_for_the_same_seed() -> None:
    assert noise(ms=10) == noise(ms=10) != noise(ms=10, seed=2)


def test_what_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(AudioError, match="there is no clip 'frog'; there are question, arithmetic, sentence"):
        clip("frog")
    with pytest.raises(AudioError, match="there is no format 'mp3'; there are audio/pcm, "):
        silence(10, "mp3")  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="cannot last -1 ms"):
        silence(-1)
    with pytest.raises(AudioError, match="positive, not 0 Hz"):
        tone(10, rate_hz=0)
