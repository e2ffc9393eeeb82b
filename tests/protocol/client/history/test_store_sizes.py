"""What a store counts of what it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.client.limits import PIECE_CHARACTERS
from tests.protocol.client.history.test_store import StoreDriver, item, spoken

TRANSCRIPTION = "conversation.item.input_audio_transcription"


@pytest.mark.parametrize("part", [{"type": "audio", "transcript": "x" * 9}, {"type": "text", "text": "x" * 9}])
def test_a_part_that_ends_counts_the_characters_of_its_words(part: dict[str, Any]) -> None:
    driver = StoreDriver()
    driver.added(item("a", "assistant"))
    before = driver.store._characters
    driver.stream("content_part.added", part={**part, "transcript": "", "text": ""})
    assert driver.store._characters == before + PIECE_CHARACTERS
    driver.stream("content_part.done", part=part)
    assert driver.store._characters == before + 2 * PIECE_CHARACTERS + 9


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("output_text.delta", "delta"),
        ("output_text.done", "text"),
        ("output_audio_transcript.delta", "delta"),
        ("output_audio_transcript.done", "transcript"),
        ("function_call_arguments.delta", "delta"),
        ("function_call_arguments.done", "arguments"),
    ],
)
def test_every_event_with_text_counts_its_characters(name: str, field: str) -> None:
    driver = StoreDriver()
    call = name.startswith("function_call")
    made = {"id": "a", "type": "function_call", "call_id": "c", "name": "n", "arguments": ""}
    driver.added(made if call else item("a", "assistant"))
    before = driver.store._characters
    driver.stream(name, **{field: "x" * 9}, **({"call_id": "c", "name": "n"} if call else {}))
    assert driver.store._characters == before + PIECE_CHARACTERS + 9


def test_an_item_that_is_retrieved_counts_as_it_is_now() -> None:
    driver = StoreDriver()
    driver.added(item("a", "assistant"))
    whole = item("a", "assistant", spoken("x" * 9))
    driver.receive("conversation.item.retrieved", item=whole)
    retrieved = driver.store._characters
    driver.done(whole)
    assert driver.store._characters == retrieved > 9


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("delta", {"delta": "x" * 9}),
        ("completed", {"transcript": "x" * 9, "usage": {"type": "duration", "seconds": 1}}),
    ],
)
def test_what_the_user_said_counts_too(name: str, fields: dict[str, Any]) -> None:
    driver = StoreDriver()
    driver.added(item("a", "user", {"type": "input_audio", "transcript": None}))
    before = driver.store._characters
    driver.receive(f"{TRANSCRIPTION}.{name}", item_id="a", content_index=0, **fields)
    assert driver.store._characters == before + PIECE_CHARACTERS + 9
