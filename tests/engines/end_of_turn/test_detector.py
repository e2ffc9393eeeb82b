"""The embedded end-of-turn detector reads the words and listens to the voice."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy", reason="the speech extra is not installed")

from duologue.engines.checks import check_end_of_turn
from duologue.engines.end_of_turn import detector as module
from duologue.engines.end_of_turn.detector import EmbeddedEndOfTurn
from duologue.engines.end_of_turn.phrasing import completeness
from duologue.engines.worker import Worker
from duologue.errors import MissingExtra


async def test_the_embedded_detector_keeps_the_contract(worker: Worker, recordings: dict[str, bytes]) -> None:
    await check_end_of_turn(
        EmbeddedEndOfTurn(worker),
        speech=recordings["librivox_0930"],
        complete="He might even have been made amiable himself.",
        incomplete="He might even have been made amiable and",
    )


async def test_without_a_voice_the_words_alone_count(worker: Worker) -> None:
    detector = EmbeddedEndOfTurn(worker)
    for text in ("What time is it?", "I was thinking about the"):
        assert await detector.completeness(bytes(32_000), text) == completeness(text)


async def test_without_the_speech_extra_the_words_alone_count(
    worker: Worker, recordings: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise MissingExtra(name, extra="speech")

    monkeypatch.setattr(module, "import_module", missing)
    detector = EmbeddedEndOfTurn(worker)
    assert await detector.completeness(recordings["librivox_0930"], "Yes.") == completeness("Yes.")


async def test_the_voice_tips_the_scales_and_outweighs_no_word(worker: Worker, recordings: dict[str, bytes]) -> None:
    detector = EmbeddedEndOfTurn(worker)
    for pcm16 in recordings.values():
        assert await detector.completeness(pcm16, "I was thinking about the") < 0.25
        assert await detector.completeness(pcm16, "What time is it?") > 0.75
