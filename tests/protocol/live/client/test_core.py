"""A Live session on the client: its start and end, its commands, its sound, and what it must never do."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.codec import decode_live
from duologue.errors import LocalProtocolError
from duologue.events.live import (
    LiveDecisionItemDeleteEvent,
    LiveErrorEvent,
    LiveInputAudioAppendEvent,
    LiveInputAudioMuteEvent,
    LiveInputAudioUnmuteEvent,
    LiveResponseItemCreateEvent,
    LiveSessionConfig,
    LiveSessionStartEvent,
    LiveSessionUpdate,
    LiveSessionUpdateEvent,
    UnknownLiveEvent,
)
from duologue.protocol.live.client.notices import (
    CommandEnded,
    DelegationStarted,
    FixtureEnded,
    LiveAudioPiece,
    LiveErrorReported,
    LiveUnreadable,
    LiveUsage,
    RunFunction,
    SessionEnded,
    SessionStarted,
    TimeStalled,
    UtteranceEnded,
)
from duologue.protocol.states import LIVE_ENDS, LiveState
from tests.protocol.live.client._session import SESSION, Session

CONFIG = LiveSessionConfig(model="gpt-live-1")
SECOND = bytes(48_000)


def error(**fields: Any) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", **fields}}


# --- start and end


def test_the_start_comes_first_and_is_answered_by_the_session() -> None:
    session = Session(start=False)
    command_id = session.core.start(CONFIG, now=0.0)
    assert session.sent_types == ["session.start"]
    ended, started = session.server("session.started", client_event_id=command_id, session=SESSION)
    assert isinstance(ended, CommandEnded)
    assert (ended.command_id, ended.refused) == (command_id, False)
    assert isinstance(started, SessionStarted)
    assert started.session == session.core.session
    assert session.core.state is LiveState.RUNNING


@pytest.mark.parametrize("reference", [{}, {"client_event_id": "event_77"}])
def test_every_error_in_place_of_the_start_refuses_it(reference: dict[str, str]) -> None:
    session = Session(start=False)
    session.core.start(CONFIG, now=0.0)
    session.server("error", **error(code="credit_balance_exhausted", message="No credit."), **reference)
    (end,) = session.of(SessionEnded)
    assert (end.finalised, end.reason) == (False, "the server refused the start: No credit.")
    assert isinstance(end.error, LiveErrorEvent)
    (command,) = session.of(CommandEnded)
    assert command.refused
    assert session.core.state is LiveState.REFUSED


def test_a_server_that_never_starts_is_given_up() -> None:
    session = Session(start=False, start_within_s=30.0)
    session.core.start(CONFIG, now=0.0)
    assert session.passes(29.9) == []
    assert session.of(SessionEnded) == []
    session.passes(0.2)
    (end,) = session.of(SessionEnded)
    assert end.reason == "the server did not send session.started in time"
    assert session.core.next_tick_at == float("inf")


def test_a_session_starts_once() -> None:
    session = Session()
    with pytest.raises(LocalProtocolError, match="it is running"):
        session.core.start(CONFIG, now=0.0)


def test_a_close_is_answered_by_the_end_and_its_cost() -> None:
    session = Session()
    session.core.close(now=0.0)
    session.core.close(now=0.0)
    assert session.sent_types == ["session.start", "session.close"]
    session.server("session.closed", reason="close_requested", session=SESSION, usage={"seconds": 21})
    (end,) = session.of(SessionEnded)
    assert (end.finalised, end.reason, end.usage and end.usage.seconds) == (True, "close_requested", 21)
    assert session.core.state is LiveState.FINALISED


def test_a_close_without_an_answer_is_not_finalised() -> None:
    session = Session(close_within_s=15.0)
    session.server("session.usage.updated", usage={"seconds": 15})
    session.core.close(now=0.0)
    session.passes(15.1)
    (end,) = session.of(SessionEnded)
    assert (end.finalised, end.usage and end.usage.seconds) == (False, 15)


def test_a_lost_connection_is_a_lost_session() -> None:
    session = Session()
    session.core.append("commentary", "It rains.", now=0.0)
    session.core.lost("the connection broke off", now=0.0)
    (end,) = session.of(SessionEnded)
    assert (end.finalised, end.reason) == (False, "the connection broke off")
    assert [command.reason for command in session.of(CommandEnded) if command.answer is None] == [
        "the session is over: the connection broke off"
    ]
    assert isinstance(session.notices[-1], SessionEnded)
    session.core.lost("again", now=0.0)
    session.core.tick(99.0)
    assert session.server("session.usage.updated", usage={"seconds": 1}) == []


@pytest.mark.parametrize("state", [LiveState.CONNECTED, LiveState.STARTING, LiveState.CLOSING, LiveState.FINALISED])
def test_nothing_is_sent_before_the_start_and_after_the_close(state: LiveState) -> None:
    session = Session(start=state not in (LiveState.CONNECTED, LiveState.STARTING))
    if state is LiveState.STARTING:
        session.core.start(CONFIG, now=0.0)
    if state in (LiveState.CLOSING, LiveState.FINALISED):
        session.core.close(now=0.0)
    if state is LiveState.FINALISED:
        session.server("session.closed", reason="close_requested")
    assert session.core.state is state
    sent = session.sent_types
    for verb in (
        lambda: session.core.append_audio(SECOND, now=0.0),
        lambda: session.core.append("thinking", "hm", now=0.0),
        lambda: session.core.play_fixture(SECOND, now=0.0),
        lambda: session.core.send(LiveInputAudioMuteEvent(), now=0.0),
    ):
        with pytest.raises(LocalProtocolError, match=f"the session is {state.value}"):
            verb()
    assert session.sent_types == sent


def test_a_sideband_is_told_of_a_session_that_runs() -> None:
    session = Session(start=False)
    session.server("session.started", session=SESSION)
    session.core.append("instructions", "Be brief.", now=0.0)
    assert session.sent_types == ["session.instructions.append"]


# --- commands


def test_answers_without_a_name_go_by_kind_and_order() -> None:
    session = Session()
    first = session.core.append("commentary", "one", now=0.0)
    other = session.core.append("thinking", "two", now=0.0)
    second = session.core.append("commentary", "three", now=0.0)
    session.server("session.commentary.appended", start_ms=0, end_ms=0)
    session.server("session.commentary.appended", start_ms=0, end_ms=0)
    session.server("session.thinking.appended", start_ms=0, end_ms=0)
    assert [command.command_id for command in session.of(CommandEnded)[1:]] == [first, second, other]


def test_an_answer_with_a_name_goes_to_the_command_of_that_name() -> None:
    session = Session()
    session.core.append("commentary", "one", now=0.0)
    second = session.core.append("commentary", "two", now=0.0)
    session.server("session.commentary.appended", client_event_id=second, start_ms=0, end_ms=0)
    assert session.of(CommandEnded)[-1].command_id == second


@pytest.mark.parametrize("inside", [True, False])
def test_a_refused_command_ends_with_its_error_and_the_session_goes_on(inside: bool) -> None:
    session = Session()
    session.core.send(LiveInputAudioMuteEvent(), now=0.0)
    command_id = session.core.append("commentary", "x" * 5000, now=0.0)
    name = {"client_event_id": command_id}
    session.server("error", **error(**(name if inside else {})), **({} if inside else name))
    ended = session.of(CommandEnded)[-1]
    assert (ended.command_id, ended.refused) == (command_id, True)
    assert session.of(LiveErrorReported)[-1].command_id == command_id
    assert session.core.state is LiveState.RUNNING


def test_an_error_that_names_an_unknown_command_refuses_none() -> None:
    session = Session()
    session.core.send(LiveInputAudioMuteEvent(), now=0.0)
    session.server("error", **error(client_event_id="event_77"))
    assert session.of(LiveErrorReported)[-1].command_id is None
    assert len(session.of(CommandEnded)) == 1  # the start


def test_a_command_that_is_never_answered_ends_all_the_same() -> None:
    session = Session(answer_within_s=30.0, stall_after_s=1000.0)
    session.core.append("commentary", "one", now=0.0)
    session.passes(30.0)
    assert session.of(CommandEnded)[-1].reason == "not answered within 30 s"


def test_muting_is_known_when_the_server_says_so() -> None:
    session, muted = Session(), list[bool]()
    for command in (LiveInputAudioMuteEvent(), LiveInputAudioUnmuteEvent()):
        session.core.send(command, now=0.0)
        muted.append(session.core.is_muted)
        session.server(f"{command.type}d")
        muted.append(session.core.is_muted)
    assert muted == [False, True, True, False]


def test_commands_keep_their_own_ids_and_other_ones_are_sent_by_their_verbs() -> None:
    session = Session()
    assert session.core.send(LiveDecisionItemDeleteEvent(event_id="mine", item_id="i"), now=0.0) == "mine"
    with pytest.raises(LocalProtocolError, match="append_audio"):
        session.core.send(LiveInputAudioAppendEvent(audio=""), now=0.0)
    with pytest.raises(LocalProtocolError, match="it is running"):
        session.core.send(LiveSessionStartEvent(session=CONFIG), now=0.0)
    session.core.send(LiveSessionUpdateEvent(session=LiveSessionUpdate()), now=0.0)
    assert session.sent_types[-1] == "session.update"


# --- sound and time


def test_audio_is_sent_in_the_format_of_the_session() -> None:
    session = Session(start=False)
    session.core.start(CONFIG, now=0.0)
    session.server("session.started", session={**SESSION, "audio": {"format": {"type": "audio/pcmu", "rate": 8000}}})
    session.core.append_audio(b"\xff" * 160, now=0.0)
    session.collect()
    assert base64.b64decode(session.sent[-1]["audio"]) == b"\xff" * 160
    (piece,) = session.server("session.output_audio.delta", delta=base64.b64encode(b"\xff" * 800).decode())
    assert isinstance(piece, LiveAudioPiece)
    assert (piece.encoding.type, piece.start_ms) == ("audio/pcmu", 0)


def test_half_a_sample_is_refused() -> None:
    session = Session()
    with pytest.raises(LocalProtocolError, match="not complete"):
        session.core.append_audio(b"abc", now=0.0)


def test_sound_is_placed_one_after_the_other_or_where_the_server_says() -> None:
    session = Session()
    delta = base64.b64encode(bytes(4800)).decode()
    for fields in ({}, {}, {"start_ms": 700, "end_ms": 800}, {}):
        session.server("session.output_audio.delta", delta=delta, **fields)
    assert [(piece.start_ms, piece.gap_ms) for piece in session.of(LiveAudioPiece)] == [
        (0, 0),
        (100, 0),
        (700, 500),
        (800, 0),
    ]


def test_sound_that_is_no_base64_is_reported_and_the_session_goes_on() -> None:
    session = Session()
    (unreadable,) = session.server("session.output_audio.delta", delta="!")
    assert isinstance(unreadable, LiveUnreadable)


def test_a_microphone_that_stops_is_worth_one_warning() -> None:
    session = Session(stall_after_s=5.0)
    session.core.append_audio(SECOND, now=0.0)
    session.passes(60.0)
    assert session.of(TimeStalled) == [TimeStalled(1000)]
    session.core.append_audio(SECOND, now=session.now)
    session.passes(60.0)
    assert session.of(TimeStalled) == [TimeStalled(1000), TimeStalled(2000)]


def test_silence_takes_the_place_of_a_microphone_that_stops() -> None:
    session = Session(fill_silence=True)
    session.core.append_audio(SECOND, now=0.0)
    session.passes(10.0)
    audio = b"".join(base64.b64decode(event["audio"]) for event in session.sent if "audio" in event)
    assert 9.5 <= len(audio) / 48_000 <= 10.0
    assert session.of(TimeStalled) == []


# --- clips


def test_a_clip_is_checked_played_and_keeps_appends_away() -> None:
    session = Session()
    for clip, problem in ((b"", "whole 16-bit samples"), (b"abc", "16-bit"), (SECOND * 31, "30 s at most, not 31 s")):
        with pytest.raises(LocalProtocolError, match=problem):
            session.core.play_fixture(clip, now=0.0)
    command_id = session.core.play_fixture(SECOND, now=0.0)
    with pytest.raises(LocalProtocolError, match="another one"):
        session.core.play_fixture(SECOND, now=0.0)
    with pytest.raises(LocalProtocolError, match="while a clip"):
        session.core.append("thinking", "hm", now=0.0)
    session.server("session.output_audio.fixture.playing", client_event_id=command_id)
    session.server("session.output_audio.fixture.played")
    assert session.of(FixtureEnded) == [FixtureEnded(command_id=command_id, played=True)]
    session.core.append("thinking", "hm", now=0.0)


@pytest.mark.parametrize("happens", ["refused", "cancelled", "never answered"])
def test_a_clip_that_fails_does_not_keep_appends_away_for_ever(happens: str) -> None:
    session = Session(stall_after_s=1000.0)
    command_id = session.core.play_fixture(SECOND, now=0.0)
    if happens == "refused":
        session.server("error", **error(client_event_id=command_id))
    if happens == "cancelled":
        session.server("session.output_audio.fixture.playing", client_event_id=command_id)
    session.passes(31.0)
    session.core.append("thinking", "hm", now=session.now)


# --- what else is reported


def test_a_delegation_to_the_client_is_answered_by_appends_that_name_it() -> None:
    session = Session()
    session.server("session.delegation.created", offset_ms=1600, delegation={"id": "item_1", "target": "client"})
    assert [notice.offset_ms for notice in session.of(DelegationStarted)] == [1600]
    session.core.append("commentary", "On Tuesday.", delegation_id="item_1", now=0.0)
    session.collect()
    assert session.sent[-1]["delegation_id"] == "item_1"


def test_an_append_does_not_answer_what_the_responses_model_does() -> None:
    session = Session()
    session.server("session.delegation.created", offset_ms=0, delegation={"id": "item_1", "target": "responses"})
    with pytest.raises(LocalProtocolError, match="omit the delegation_id"):
        session.core.append("commentary", "On Tuesday.", delegation_id="item_1", now=0.0)
    session.core.append("commentary", "On Tuesday.", now=0.0)


def test_usage_is_a_snapshot() -> None:
    session = Session()
    session.server("session.usage.updated", usage={"seconds": 15}, context_window={"usage_ratio": 0.5})
    session.server("session.usage.updated", usage={"seconds": 30})
    assert [notice.usage.seconds for notice in session.of(LiveUsage)] == [15, 30]
    assert session.core.usage is not None
    assert session.core.usage.seconds == 30


def test_utterances_end_with_the_session() -> None:
    session = Session()
    session.server("session.input_transcript.delta", delta="Where is", start_ms=0, end_ms=400)
    session.server("session.input_transcript.delta", delta=" my parcel?", start_ms=400, end_ms=900)
    session.core.lost("gone", now=0.0)
    (ended,) = session.of(UtteranceEnded)
    assert (ended.utterance.text, ended.reason) == ("Where is my parcel?", "session_closed")


def test_an_unknown_event_is_reported_and_nothing_else() -> None:
    session = Session()
    (notice,) = session.server("session.new_thing")
    assert isinstance(notice, LiveUnreadable)
    assert session.core.state is LiveState.RUNNING


def test_a_command_of_an_unknown_type_is_sent_as_it_is() -> None:
    session = Session()
    wave = UnknownLiveEvent(json={"type": "session.kugel.wave", "event_id": "mine"}, problem="unknown")
    assert session.core.send(wave, now=0.0) == "mine"
    assert session.core.n_unsent == 1
    assert session.sent_types[-1] == "session.kugel.wave"


def test_work_is_handed_over_behind_the_words_that_describe_it() -> None:
    session = Session()
    session.server("session.input_transcript.delta", delta="Where is it?", start_ms=0, end_ms=800)
    delegation = {"id": "item_1", "type": "delegation", "target": "client"}
    session.server("session.delegation.created", offset_ms=900, delegation=delegation)
    kinds = [type(notice).__name__ for notice in session.notices]
    assert kinds[-2:] == ["TranscriptDelta", "DelegationStarted"]
    assert session.core.transcript.utterances.request() == "Where is it?"


def test_an_output_that_the_application_sends_itself_is_not_asked_for_again() -> None:
    session = Session()
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    session.server("response.event", event={"type": "response.output_item.done", "item": call})
    output = {"type": "function_call_output", "call_id": "c", "output": "42"}
    session.core.send(LiveResponseItemCreateEvent(item=output), now=0.0)
    session.core.function_answered("c", "late", now=0.0)
    session.passes(10.0)
    assert session.sent_types[1:] == ["response.item.create"]


# --- whatever comes in whatever order

SERVER: list[dict[str, Any]] = [
    {"type": "session.started", "session": SESSION},
    {"type": "session.updated", "session": SESSION},
    {"type": "session.closed", "reason": "expired"},
    {"type": "session.commentary.appended", "start_ms": 0, "end_ms": 0},
    {"type": "session.input_audio.muted"},
    {"type": "session.output_audio.delta", "delta": "AAAA", "start_ms": 40},
    {"type": "session.output_audio.fixture.playing"},
    {"type": "session.output_audio.fixture.played"},
    {"type": "session.output_transcript.delta", "delta": "well", "start_ms": 5, "end_ms": 9},
    {"type": "session.delegation.created", "offset_ms": 0, "delegation": {"id": "d", "target": "responses"}},
    {"type": "response.event", "event": {"type": "response.created"}},
    {
        "type": "response.event",
        "event": {
            "type": "response.output_item.done",
            "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        },
    },
    {"type": "response.event", "event": {"type": "response.completed"}},
    {"type": "error", **error()},
    {"type": "error", "error": {}},
    {"type": "session.nonsense"},
    {"type": "session.start", "session": {}},
    {},
]

VERBS = ["start", "close", "audio", "append", "fixture", "mute", "answer", "lost", "time"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*VERBS, *range(len(SERVER))]), max_size=40))
def test_every_command_ends_and_nothing_is_sent_outside_of_the_session(steps: list[str | int]) -> None:
    session = Session(start=False)
    core, may_send = session.core, False
    for step in steps:
        before = len(session.sent)
        if isinstance(step, int):
            core.receive(decode_live(json.dumps(SERVER[step])), now=session.now)
        elif step == "time":
            session.passes(7.0)
        else:
            try:
                match step:
                    case "start":
                        core.start(CONFIG, now=session.now)
                    case "close":
                        core.close(now=session.now)
                    case "audio":
                        core.append_audio(bytes(960), now=session.now)
                    case "append":
                        core.append("commentary", "hm", now=session.now)
                    case "fixture":
                        core.play_fixture(bytes(960), now=session.now)
                    case "mute":
                        core.send(LiveInputAudioMuteEvent(), now=session.now)
                    case "answer":
                        core.function_answered("c", "42", now=session.now)
                    case _:
                        core.lost("gone", now=session.now)
            except LocalProtocolError:
                pass
        session.collect()
        may_send = may_send or core.state is LiveState.RUNNING
        for event in session.sent[before:]:
            assert may_send or event["type"] == "session.start"
            assert core.state is not LiveState.CONNECTED
    core.lost("gone", now=session.now)
    session.collect()
    assert core.state in LIVE_ENDS
    assert len(session.of(SessionEnded)) == 1
    assert isinstance(session.notices[-1], SessionEnded)
    ended = [command.command_id for command in session.of(CommandEnded)]
    answered = {"session.start", "session.commentary.append", "session.input_audio.mute"}
    answered |= {"session.output_audio.fixture.play"}
    assert sorted(ended) == sorted(event["event_id"] for event in session.sent if event["type"] in answered)
    assert len(session.of(RunFunction)) <= 1
    closes = session.sent_types.count("session.close")
    assert closes <= 1
    assert not closes or session.sent_types[-1] == "session.close"
