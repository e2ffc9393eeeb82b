"""A core that is attached to a session whose audio runs over another connection."""

from __future__ import annotations

import base64

import pytest

from duologue.audio.formats import PCM
from duologue.errors import LocalProtocolError
from duologue.events.live import LiveSessionConfig
from duologue.notices import (
    CommandEnded,
    InputAudioCopy,
    LiveAudioPiece,
    LiveUnreadable,
    SessionEnded,
    SessionStarted,
    TimeStalled,
)
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.states import LiveState
from tests.protocol.live.client._session import SESSION, Session


def attached(*, running: bool = True) -> Session:
    """A core that waits for the session, or has it."""
    session = Session(start=False)
    session.core = LiveCore(new_id=lambda kind: f"{kind}_1", sideband=True)
    session.core.attach(now=0.0)
    if running:
        session.server("session.started", session={**SESSION, "audio": {"format": {"type": "audio/pcmu"}}})
    return session


def test_it_begins_with_the_session_that_the_server_sends_again_and_sends_nothing_for_it() -> None:
    session = attached()
    assert session.core.state is LiveState.RUNNING
    assert session.sent == []
    assert isinstance(session.notices[0], SessionStarted)
    with pytest.raises(LocalProtocolError, match="a sideband is attached to a session that runs"):
        session.core.start(LiveSessionConfig(model="m"), now=0.0)


def test_an_error_in_place_of_the_session_refuses_it_and_silence_gives_it_up() -> None:
    refused = attached(running=False)
    refused.server("error", error={"code": "not_found", "message": "No such session."})
    assert refused.core.state is LiveState.REFUSED
    silent = attached(running=False)
    silent.passes(30.0)
    (ended,) = silent.of(SessionEnded)
    assert "did not send session.started" in ended.reason


def test_it_gets_both_directions_as_24_khz_pcm_whatever_the_session_s_format_is() -> None:
    session, audio = attached(), base64.b64encode(bytes(4800)).decode()
    (copy,) = session.server("session.input_audio.append", audio=audio)
    (piece,) = session.server("session.output_audio.delta", delta=audio, start_ms=5000, end_ms=5100)
    assert isinstance(copy, InputAudioCopy)
    assert (copy.audio, copy.encoding) == (bytes(4800), PCM)
    assert repr(copy) == "InputAudioCopy(audio=<4800 bytes of audio/pcm>)"
    assert isinstance(piece, LiveAudioPiece)
    assert (piece.start_ms, piece.gap_ms, piece.encoding) == (5000, 5000, PCM)
    (unreadable,) = session.server("session.input_audio.append", audio="not base64!")
    assert isinstance(unreadable, LiveUnreadable)


def test_it_sends_no_audio_and_no_standstill_is_its_fault() -> None:
    session = attached()
    with pytest.raises(LocalProtocolError, match="the primary connection carries the audio"):
        session.core.append_audio(bytes(960), now=0.0)
    session.passes(60.0)
    assert session.of(TimeStalled) == []


def test_answers_to_the_commands_of_other_connections_are_not_its_own() -> None:
    session = attached()
    command_id = session.core.append("commentary", "x", now=0.0)
    place = {"start_ms": 0, "end_ms": 1}
    session.server("session.commentary.appended", client_event_id="event_of_the_primary", **place)
    assert session.core.awaits_answer(command_id)
    session.server("session.commentary.appended", client_event_id=command_id, **place)
    (ended,) = session.of(CommandEnded)
    assert ended.command_id == command_id
    assert not session.core.awaits_answer(command_id)


def test_it_can_end_the_session() -> None:
    session = attached()
    session.core.close(now=0.0)
    assert session.sent_types == ["session.close"]
    session.server("session.closed", reason="close_requested")
    assert session.of(SessionEnded)[0].finalised
