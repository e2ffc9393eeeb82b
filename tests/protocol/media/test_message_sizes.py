from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec import decode
from duologue.events import ConversationItemRetrievedEvent, ErrorEvent
from duologue.protocol.media.message_sizes import fitting
from duologue.testing import CountedIds


def _text(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()


def _retrieved(*, audio: str, words: str = "hello") -> str:
    parts = [{"type": "input_audio", "audio": audio, "transcript": words}, {"type": "input_text", "text": "x"}]
    item = {"id": "i", "type": "message", "role": "user", "content": parts}
    return _text({"type": "conversation.item.retrieved", "event_id": "e", "item": item})


def test_an_item_that_is_retrieved_comes_without_its_audio_where_it_would_not_fit() -> None:
    text = _retrieved(audio="A" * 400_000)
    assert fitting(text, 500_000, new_id=CountedIds()) == text
    shorter = fitting(text, 262_144, new_id=CountedIds())
    assert msgspec.json.decode(shorter) == msgspec.json.decode(_retrieved(audio="")) | {
        "item": {
            "id": "i",
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_audio", "audio": None, "transcript": "hello"},
                {"type": "input_text", "text": "x"},
            ],
        }
    }
    assert isinstance(decode(shorter), ConversationItemRetrievedEvent)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (_text({"type": "response.done", "response": {"output": ["x" * 2000]}}), "'response.done' of 2"),
        (_retrieved(audio="", words="x" * 2000), "'conversation.item.retrieved' of 2"),
        (_text({"type": "evil\n" + "x" * 2000}), r"'evil\nxxx"),
        ("no JSON" * 500, "'None' of 3500 bytes"),
        (_text({"type": "conversation.item.retrieved", "item": ["x" * 2000]}), "'conversation.item.retrieved'"),
        (_text({"type": "conversation.item.retrieved", "item": {"content": "x" * 2000}}), "'conversation.item."),
    ],
)
def test_in_place_of_what_does_not_fit_comes_an_error_that_names_it(text: str, named: str) -> None:
    event = decode(fitting(text, 1000, new_id=CountedIds()))
    assert isinstance(event, ErrorEvent)
    assert (event.event_id, event.error.type, event.error.code) == ("event_1", "server_error", "event_too_large")
    assert named in event.error.message
    assert "1000 bytes at most" in event.error.message


@given(st.text(max_size=40), st.integers(1, 100))
def test_the_limit_counts_bytes(text: str, max_bytes: int) -> None:
    kept = fitting(text, max_bytes, new_id=CountedIds()) == text
    assert kept is (len(text.encode("utf-8", "surrogatepass")) <= max_bytes)
