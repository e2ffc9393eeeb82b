"""Hibari speaks in voices that differ, the same every time, early, and only from the weights that are here."""

import itertools

import pytest

from duologue.engines.base import Synthesizer
from duologue.engines.checks import check_synthesizer
from duologue.engines.speech import hibari as module

np = pytest.importorskip("numpy", reason="the speech extra is not installed")


async def spoken(synthesizer: Synthesizer, text: str, voice: str = "heart", speed: float = 1.0) -> list[bytes]:
    return [piece async for piece in synthesizer.synthesize(text, voice=voice, speed=speed)]


async def test_hibari_keeps_the_contract(synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("hibari tried to download a voice")

    monkeypatch.setattr("hibari.voices.download", refuse)
    await check_synthesizer(synthesizer, text="Yes. Emma and Fenrir are fine.")


async def test_the_same_text_gives_the_same_samples(synthesizer: Synthesizer) -> None:
    assert await spoken(synthesizer, "Again?") == await spoken(synthesizer, "Again?")


async def test_no_two_voices_sound_the_same(synthesizer: Synthesizer) -> None:
    sounds = {voice: b"".join(await spoken(synthesizer, "Good morning.", voice)) for voice in synthesizer.voices}
    assert {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"} <= set(sounds)
    for one, other in itertools.combinations(sounds, 2):
        assert sounds[one] != sounds[other]


async def test_audio_begins_before_a_long_sentence_is_all_computed(synthesizer: Synthesizer) -> None:
    text = "Once upon a time, when pigs could fly, there was a kingdom by the sea. It was small."
    first, *rest = await spoken(synthesizer, text)
    assert len(first) < 2 * 2.5 * 24_000
    assert len(rest) == 2


async def test_silence_around_speech_is_trimmed_and_speech_is_loud(synthesizer: Synthesizer) -> None:
    (piece,) = await spoken(synthesizer, "Sure!")
    samples = np.abs(np.frombuffer(piece, "<i2").astype(int))
    loud = np.flatnonzero(samples > 1_000)
    assert loud[0] < 0.1 * 24_000
    assert len(samples) - loud[-1] < 0.3 * 24_000
    assert samples.max() > 8_000


async def test_speed_changes_the_length_and_stops_where_words_would_break(synthesizer: Synthesizer) -> None:
    async def length(speed: float) -> int:
        return len(b"".join(await spoken(synthesizer, "The quick brown fox jumps.", speed=speed)))

    assert await length(0.5) > 1.4 * await length(1.0)
    assert await length(1.2) < await length(1.0)
    assert await length(0.25) == await length(0.5)
    assert await length(1.5) == await length(1.3)


def test_only_a_long_first_sentence_is_cut_and_only_after_a_clause() -> None:
    long, short = "This sentence has more than sixty letters and not a single mark in it", "Short, it is."
    assert module._phrases([long, short]) == [long, short]
    assert module._phrases([short, long]) == [short, long]
    assert module._phrases([f"When twenty are over, {long}.", short]) == ["When twenty are over,", f"{long}.", short]
    assert module._phrases([]) == []


def test_silence_is_trimmed_to_nothing() -> None:
    assert module._trimmed(np.zeros(1_000, np.float32)) == b""


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It is 123,456,789,012,345 or 42.", "It is 123,456,789,012,345 or 42."),
        ("Code 1234567890123456.", "Code 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6."),
        ("x" * 100, f"{'x' * 40} {'x' * 40} {'x' * 20}"),
        ("Pneumonoultramicroscopicsilicovolcano.", "Pneumonoultramicroscopicsilicovolcano."),
    ],
)
def test_what_the_model_fails_at_is_taken_apart(text: str, spoken: str) -> None:
    assert module._speakable(text) == spoken


@pytest.mark.parametrize("text", ["9" * 40, "a1" * 25, "," * 250])
async def test_a_text_that_nobody_says_is_spoken_or_passed_over(synthesizer: Synthesizer, text: str) -> None:
    assert isinstance(await spoken(synthesizer, text), list)
