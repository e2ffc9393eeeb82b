from __future__ import annotations

from typing import Any

import pytest

from duologue import RealtimeEvent
from duologue.protocol.input_progress import InputProgress


def event(name: str, **fields: Any) -> RealtimeEvent:
    return RealtimeEvent.from_json({"type": name, "event_id": "e", **fields})


def created(**heard: Any) -> RealtimeEvent:
    session = {"type": "realtime", "id": "s", "object": "realtime.session", "audio": {"input": heard}}
    return event("session.created", session=session)


def committed(item_id: str) -> RealtimeEvent:
    return event("input_audio_buffer.committed", item_id=item_id)


def transcribed(item_id: str, how: str = "completed") -> RealtimeEvent:
    result: dict[str, Any] = {"error": {}} if how == "failed" else {"transcript": "t", "usage": None}
    return event(f"conversation.item.input_audio_transcription.{how}", item_id=item_id, content_index=0, **result)


TRANSCRIBES = {"transcription": {"model": "m"}}


@pytest.mark.parametrize("how", ["completed", "failed"])
def test_all_is_told_when_every_item_is_transcribed(how: str) -> None:
    progress = InputProgress()
    for each in (created(**TRANSCRIBES), committed("a"), committed("b"), transcribed("a", how)):
        progress.receive(each)
    assert not progress.is_told
    progress.receive(transcribed("b", how))
    assert progress.is_told


def test_without_transcription_a_commit_is_all_there_is_to_wait_for() -> None:
    progress = InputProgress()
    progress.receive(created(transcription=None))
    progress.committed_by_client("c")
    assert not progress.is_told
    progress.receive(committed("a"))
    assert progress.is_told


@pytest.mark.parametrize("answers", ["c", None])
def test_a_commit_that_is_rejected_is_not_waited_for(answers: str | None) -> None:
    progress = InputProgress()
    progress.committed_by_client("c")
    progress.receive(event("error", error={"type": "t", "message": "m", "event_id": "another"}))
    assert not progress.is_told
    progress.receive(event("error", error={"type": "t", "message": "m", "event_id": answers}))
    assert progress.is_told


def test_another_session_has_nothing_to_tell_of_the_last_one() -> None:
    progress = InputProgress()
    progress.receive(created(**TRANSCRIBES))
    progress.receive(committed("a"))
    progress.committed_by_client("c")
    progress.receive(created(**TRANSCRIBES))
    assert progress.is_told


def test_it_knows_whether_the_user_speaks_and_who_ends_the_turn() -> None:
    progress = InputProgress()
    known: list[tuple[bool, bool]] = []
    for each in (
        created(**TRANSCRIBES),
        created(turn_detection=None),
        event("input_audio_buffer.speech_started", item_id="a", audio_start_ms=0),
        committed("a"),
    ):
        progress.receive(each)
        known.append((progress.detects_turns, progress.user_speaks))
    assert known == [(True, False), (False, False), (False, True), (False, False)]
