"""Turns, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.cli.turns.observations import Observation
from duologue.cli.turns.turn import First, Turn
from duologue.events import RealtimeEvent

PLACE = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}


def _event(type: str, **fields: Any) -> RealtimeEvent:
    return RealtimeEvent.from_json({"type": type, "event_id": "e", **fields})


STARTED = _event("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
STOPPED = _event("input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=500)
COMMITTED = _event("input_audio_buffer.committed", item_id="item_1")
CREATED = _event("response.created", response={"id": "resp_1", "status": "in_progress"})
AUDIO = _event("response.output_audio.delta", delta="AAAA", **PLACE)
DONE = _event("response.done", response={"id": "resp_1", "status": "completed"})
INTERRUPTED = _event(
    "response.done",
    response={
        "id": "resp_1",
        "status": "cancelled",
        "status_details": {"type": "cancelled", "reason": "turn_detected"},
    },
)
TRANSCRIBED = _event(
    "conversation.item.input_audio_transcription.completed",
    item_id="item_1",
    content_index=0,
    transcript="Hello.",
    usage={"type": "duration", "seconds": 1.0},
)


def _turn(*events: RealtimeEvent) -> Turn:
    turn = Turn(spoken=True)
    turn.ended_at_s = 1.0
    for number, event in enumerate(events, 2):
        turn.observe(Observation(float(number), "received", event))
    return turn


@pytest.mark.parametrize(
    ("events", "answered"),
    [
        ([], False),
        ([STARTED, STOPPED, COMMITTED], False),
        ([STARTED, STOPPED, COMMITTED, CREATED], False),
        ([STARTED, STOPPED, COMMITTED, CREATED, DONE], True),
        ([STARTED, STOPPED, COMMITTED, CREATED, INTERRUPTED], False),
        ([STARTED, STOPPED, COMMITTED, CREATED, STARTED, INTERRUPTED, STOPPED, COMMITTED, CREATED, DONE], True),
        ([STARTED, STOPPED, COMMITTED, CREATED, DONE, STARTED], False),
    ],
)
def test_a_turn_is_answered_when_no_response_runs_or_is_due(events: list[RealtimeEvent], answered: bool) -> None:
    assert _turn(*events).answered is answered


@pytest.mark.parametrize(
    ("first", "latency_ms"),
    [("transcript", 4000), ("audio", 6000), ("text", None)],
    ids=["transcript", "audio", "text"],
)
def test_latency_counts_from_the_end_of_the_turn(first: First, latency_ms: int | None) -> None:
    assert _turn(STARTED, STOPPED, COMMITTED, TRANSCRIBED, CREATED, AUDIO).latency_ms(first) == latency_ms


def test_speech_that_starts_again_starts_the_latencies_again() -> None:
    assert _turn(STARTED, STOPPED, COMMITTED, CREATED, AUDIO, STARTED).latency_ms("audio") is None


def test_a_transcript_is_awaited_from_the_commit_on() -> None:
    assert _turn(COMMITTED).awaits_transcript
    assert not _turn(COMMITTED, TRANSCRIBED).awaits_transcript
