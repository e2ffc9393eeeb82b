"""A Live session with a server that repeats, cuts and confuses what it sends."""

from __future__ import annotations

import base64

import pytest

from duologue.errors import LocalProtocolError
from duologue.events.live import (
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveResponseCreateEvent,
    LiveResponseItemCreateEvent,
)
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import (
    CommandEnded,
    FixtureEnded,
    LiveAudioPiece,
    LiveErrorReported,
    LiveUnreadable,
    SessionStarted,
    SessionUpdated,
)
from tests.protocol.live.client._session import SESSION, Session


def sound(n_bytes: int) -> str:
    return base64.b64encode(bytes(n_bytes)).decode()


def calls(session: Session, call_id: str) -> None:
    item = {"type": "function_call", "call_id": call_id, "name": "track", "arguments": "{}"}
    session.server("response.event", event={"type": "response.output_item.done", "item": item})


def responds(session: Session, kind: str) -> None:
    session.server("response.event", event={"type": kind})


def outstanding_ticks(core: LiveCore, now: float) -> bool:
    """Whether a tick leaves another one that is due: a shell would call it without a pause."""
    core.tick(now)
    return core.next_tick_at <= now


def test_sound_that_ends_inside_a_sample_is_not_played() -> None:
    session = Session()
    (unreadable,) = session.server("session.output_audio.delta", delta=sound(5))
    (piece,) = session.server("session.output_audio.delta", delta=sound(4))
    assert isinstance(unreadable, LiveUnreadable)
    assert unreadable.problem == "its audio ends inside a sample"
    assert isinstance(piece, LiveAudioPiece)
    assert piece.start_ms == 0


def test_a_session_that_is_said_to_start_again_goes_on_with_its_time() -> None:
    session = Session()
    session.server("session.output_audio.delta", delta=sound(4800))
    (told,) = session.server("session.started", session={**SESSION, "expires_at": 5})
    (piece,) = session.server("session.output_audio.delta", delta=sound(4800))
    assert isinstance(told, SessionUpdated)
    assert piece.start_ms == 100
    assert len(session.of(SessionStarted)) == 1


def test_a_call_that_comes_after_the_outputs_of_the_others_is_waited_for_at_rest() -> None:
    session = Session()
    responds(session, "response.created")
    calls(session, "a")
    session.core.function_answered("a", "1", now=session.now)
    calls(session, "b")
    session.now = 6.0
    assert not outstanding_ticks(session.core, session.now)


def test_outputs_that_are_sent_leave_nothing_to_do_while_the_session_closes() -> None:
    session = Session()
    responds(session, "response.created")
    calls(session, "a")
    session.core.function_answered("a", "1", now=session.now)
    session.core.close(now=session.now)
    session.now = 6.0
    assert not outstanding_ticks(session.core, session.now)


def test_an_application_that_asks_for_the_response_itself_makes_no_second_one() -> None:
    session = Session()
    calls(session, "a")
    calls(session, "b")
    session.core.function_answered("a", "1", now=0.0)
    output = {"type": "function_call_output", "call_id": "b", "output": "2"}
    session.core.send(LiveResponseItemCreateEvent(item=output), now=0.0)
    session.core.send(LiveResponseCreateEvent(), now=0.0)
    responds(session, "response.completed")
    assert session.sent_types.count("response.create") == 1


@pytest.mark.parametrize("code", ["invalid_audio", "engine_failed"])
def test_an_error_about_the_audio_refuses_no_append(code: str) -> None:
    session = Session()
    append = session.core.append("thinking", "x", now=0.0)
    (told,) = session.server("error", error={"type": "invalid_request_error", "code": code, "message": "No."})
    assert isinstance(told, LiveErrorReported)
    assert told.command_id is None
    (ended,) = session.server("session.thinking.appended", start_ms=0, end_ms=9, client_event_id=append)
    assert isinstance(ended, CommandEnded)
    assert not ended.refused


def test_an_error_about_the_audio_refuses_a_clip() -> None:
    session = Session()
    clip = session.core.play_fixture(bytes(4800), now=0.0)
    ended, _ = session.server("error", error={"type": "x", "code": "invalid_audio", "message": "No."})
    assert isinstance(ended, CommandEnded)
    assert ended.command_id == clip


def test_a_clip_of_another_connection_is_not_said_to_have_failed() -> None:
    session = Session(stall_after_s=1000.0)
    session.server("session.output_audio.fixture.playing")
    assert session.passes(60.0) == []
    assert [ended.played for ended in [*session.server("session.output_audio.fixture.played")]] == [True]
    assert len(session.of(FixtureEnded)) == 1


def test_an_id_is_not_used_again_while_its_command_waits() -> None:
    session = Session()
    session.core.send(LiveInputAudioMuteEvent(event_id="mine"), now=0.0)
    with pytest.raises(LocalProtocolError, match="event_id"):
        session.core.send(LiveInputAudioUnmuteEvent(event_id="mine"), now=0.0)
    session.server("session.input_audio.muted", client_event_id="mine")
    session.core.send(LiveInputAudioUnmuteEvent(event_id="mine"), now=0.0)
