"""The session's end, its interruptions and the user's turn, from its events."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.protocol.client.session_status import SessionStatus
from tests.protocol._wire import server_event


@pytest.mark.parametrize(
    ("session", "interrupts"),
    [
        ({}, True),
        ({"audio": {"input": {"turn_detection": None}}}, True),
        ({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}, True),
        ({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": False}}}}, False),
        ({"type": "transcription"}, True),
    ],
    ids=["absent", "by hand", "default", "switched off", "transcription"],
)
def test_speech_interrupts_unless_the_session_switches_that_off(session: dict[str, Any], interrupts: bool) -> None:
    status = SessionStatus()
    status.receive(server_event("session.created", session={"type": "realtime", "id": "s", "object": "o", **session}))
    assert status.interrupts is interrupts


def test_the_end_of_the_session_and_the_turn_of_the_user_are_lost_with_the_connection() -> None:
    status = SessionStatus()
    session = {"type": "realtime", "id": "s", "object": "o", "expires_at": 1_700_000_000}
    for _ in range(2):
        status.receive(server_event("session.updated", session=session))
        status.receive(server_event("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0))
        assert (status.expires_at, status.user_speaks) == (1_700_000_000, True)
        status.lost()
        assert (status.expires_at, status.user_speaks) == (None, False)


def test_the_end_of_a_session_that_is_updated_without_one_stays() -> None:
    status = SessionStatus()
    for fields in ({"expires_at": 1_700_000_000}, {}):
        session = {"type": "transcription", "id": "s", "object": "o", **fields}
        status.receive(server_event("session.updated", session=session))
    assert status.expires_at == 1_700_000_000


def test_a_server_that_plays_its_speech_itself_is_known_by_saying_so() -> None:
    status = SessionStatus()
    assert (status.is_call, status.playing, status.is_quiet) == (False, None, True)
    status.receive(server_event("output_audio_buffer.started", response_id="resp_1"))
    status.receive(server_event("output_audio_buffer.stopped", response_id="resp_0"))
    assert (status.is_call, status.playing, status.is_quiet) == (True, "resp_1", False)
    status.receive(server_event("output_audio_buffer.cleared", response_id="resp_1"))
    assert (status.is_call, status.playing, status.is_quiet) == (True, None, True)
    status.receive(server_event("output_audio_buffer.started", response_id="resp_2"))
    status.lost()
    assert (status.is_call, status.playing, status.is_quiet) == (False, None, True)
