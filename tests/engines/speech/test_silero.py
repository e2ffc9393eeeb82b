"""Silero hears speech and nothing else, in frames that do not depend on how the audio was cut."""

from collections.abc import Callable

import pytest

from duologue.engines.base import VoiceDetector
from duologue.engines.checks import check_detector
from duologue.engines.speech.silero import SileroModel
from duologue.engines.worker import Worker
from duologue.errors import AudioError, EngineError

np = pytest.importorskip("numpy", reason="the speech extra is not installed")


async def test_silero_keeps_the_contract(
    new_detector: Callable[[], VoiceDetector], recordings: dict[str, bytes]
) -> None:
    await check_detector(new_detector, speech=recordings["librivox_0880"])


async def test_noise_clicks_and_tones_are_not_speech(new_detector: Callable[[], VoiceDetector]) -> None:
    random, time = np.random.default_rng(0), np.arange(32_000)
    for sound in (
        random.standard_normal(32_000) * 3_000,
        np.where(time % 8_000 < 20, 20_000, 0),
        8_000 * np.sin(time / 5),
    ):
        probabilities = await new_detector().detect(sound.astype("<i2").tobytes())
        assert len(probabilities) == 62
        assert sum(p >= 0.5 for p in probabilities[3:]) == 0


async def test_a_quarter_of_a_second_needs_no_thread() -> None:
    worker = Worker(threads=1)
    model = SileroModel(worker)
    await worker.close()
    detector = model.detector()
    assert await detector.detect(bytes(1_022)) == ()
    assert len(await detector.detect(bytes(2 + 7 * 1_024))) == 8
    with pytest.raises(EngineError, match="is closed"):
        await detector.detect(bytes(9 * 1_024))


async def test_audio_that_failed_counts_as_not_heard(
    new_detector: Callable[[], VoiceDetector], recordings: dict[str, bytes]
) -> None:
    speech, detector = recordings["librivox_0930"], new_detector()
    expected = await new_detector().detect(speech)
    found = list(await detector.detect(speech[:30_000]))
    with pytest.raises(AudioError):
        await detector.detect(b"abc")
    found += await detector.detect(speech[30_000:])
    assert found == expected
