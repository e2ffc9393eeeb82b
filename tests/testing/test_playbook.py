from __future__ import annotations

import pytest

from duologue.events import InputAudioBufferClearEvent, RealtimeEvent
from duologue.testing import Pair, Step, play

CLEAR = InputAudioBufferClearEvent()


def test_a_conversation_that_goes_as_it_must_returns_what_was_received() -> None:
    pair = Pair()
    events = play(
        pair,
        [
            pair.connect,
            (
                "session.created",
                {"session.id": "sess_1", "session.audio.input.format": {"rate": 24_000, "type": "audio/pcm"}},
            ),
            CLEAR,
            "input_audio_buffer.cleared",
        ],
    )
    assert [event.type for event in events] == ["session.created", "input_audio_buffer.cleared"]


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([CLEAR], ["+     input_audio_buffer.cleared"]),
        (
            [CLEAR, "input_audio_buffer.committed"],
            ["-     input_audio_buffer.committed", "+     input_audio_buffer.cleared"],
        ),
        ([CLEAR, "input_audio_buffer.cleared", "session.updated"], ["-     session.updated"]),
        (["session.updated"], ["-     session.updated"]),
        (
            [CLEAR, ("input_audio_buffer.cleared", {"event_id": "other"})],
            [
                "-     input_audio_buffer.cleared  event_id='other'",
                "+     input_audio_buffer.cleared  event_id='event_1'",
            ],
        ),
        (
            [CLEAR, ("input_audio_buffer.cleared", {"no.such": 1})],
            ["+     input_audio_buffer.cleared  no.such='absent'"],
        ),
        ([CLEAR, CLEAR, "input_audio_buffer.cleared"], ["+     input_audio_buffer.cleared"]),
    ],
    ids=["not expected", "another", "unfinished", "nothing came", "another value", "no value", "before the next step"],
)
def test_a_failure_shows_the_received_and_the_expected_events(steps: list[Step], shown: list[str]) -> None:
    with pytest.raises(AssertionError, match="the events differ") as caught:
        play(Pair(), steps)
    lines = [line.rstrip() for line in str(caught.value).splitlines()]
    assert [line for line in shown if line not in lines] == []


def test_a_list_in_an_event_is_looked_into_by_index() -> None:
    pair = Pair()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    create = RealtimeEvent.from_json({"type": "conversation.item.create", "item": item})
    play(pair, [create, ("conversation.item.added", {"item.content.0.text": "hi"}), "conversation.item.done"])
