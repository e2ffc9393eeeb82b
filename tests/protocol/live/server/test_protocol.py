"""A Live session on the server: its start, its end, its time, and what it answers to what is wrong."""

from __future__ import annotations

import itertools
import json
from math import inf
from typing import Any

import pytest

from duologue.codec import encode_live
from duologue.events.live import LiveInputAudioAppendEvent, LiveSessionConfig
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.notices import (
    CommandEnded,
    DelegationStarted,
    LiveAudioPiece,
    SessionEnded,
    UtteranceEnded,
)
from duologue.protocol.live.server import DELEGATE, LiveReply
from duologue.protocol.server.commands import Close
from duologue.protocol.states import LiveServerState
from tests.protocol.live.server._session import MS_BYTES, Session, encoded, quiet, sound


def errors(session: Session) -> list[dict[str, Any]]:
    return [frame["error"] for frame in session.events("error")]


# --- start


def test_the_server_says_nothing_before_the_start() -> None:
    session = Session(start=False)
    session.passes(29)
    assert session.sent == []


def test_the_start_is_answered_by_the_whole_session() -> None:
    session = Session(start=False)
    (answer,) = session.start({"model": "gpt-live-1", "instructions": "Be brief."}, event_id="c1")
    assert answer["type"] == "session.started"
    assert answer["client_event_id"] == "c1"
    assert answer["session"] == {
        "id": session.protocol.session_id,
        "model": "gpt-live-1",
        "status": "active",
        "expires_at": 1_790_007_200,
        "instructions": "Be brief.",
        "audio": {"format": {"type": "audio/pcm", "rate": 24_000}, "output": {"voice": "marin"}},
        "input": [],
        "delegation": {"type": "client"},
        "store": False,
    }


def test_a_refused_start_ends_the_connection_two_seconds_later() -> None:
    session = Session(start=False)
    session.start({"model": "gpt-live-1", "speed": 2}, event_id="c1")
    (error,) = errors(session)
    assert (error["code"], error["param"], error["client_event_id"]) == ("unknown_parameter", "session.speed", "c1")
    session.start(event_id="c2")
    assert errors(session)[1]["client_event_id"] == "c2"
    session.passes(1.9)
    assert session.protocol.state is LiveServerState.REFUSED
    session.passes(0.2)
    assert session.closed == Close(1008, "the session was refused")
    assert session.protocol.next_tick_at == inf


def test_a_start_without_a_session_is_refused_like_any_other() -> None:
    session = Session(start=False)
    session.client("session.start", event_id="c1")
    (error,) = errors(session)
    assert (error["code"], error["param"]) == ("missing_required_parameter", "session")
    assert session.protocol.state is LiveServerState.REFUSED


def test_a_client_that_does_not_start_is_told_and_closed() -> None:
    session = Session(start=False)
    session.passes(40)
    (error,) = errors(session)
    assert "session.start" in error["message"]
    assert "client_event_id" not in error
    assert session.closed is not None


def test_commands_before_the_start_are_refused_and_the_start_is_still_taken() -> None:
    session = Session(start=False)
    session.client("session.input_audio.append", audio=encoded(quiet(20)), event_id="c0")
    (error,) = errors(session)
    assert error["client_event_id"] == "c0"
    session.start()
    assert session.protocol.is_running


def test_a_second_start_is_refused_and_the_session_goes_on() -> None:
    session = Session()
    session.start(event_id="c2")
    (error,) = errors(session)
    assert (error["code"], error["client_event_id"]) == ("invalid_value", "c2")
    assert session.protocol.is_running


# --- messages that are wrong


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        (b"{}", "invalid_event", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": 3}', "missing_required_parameter", "type"),
        ('{"type": "session.no_such"}', "invalid_value", "type"),
        ('{"type": "session.started", "session": {"id": "x"}}', "invalid_value", "type"),
        ('{"type": "session.input_audio.append"}', "missing_required_parameter", "audio"),
        ('{"type": "session.input_audio.append", "audio": 3}', "invalid_value", "audio"),
        ('{"type": "session.input_audio.append", "audio": "!"}', "invalid_audio", "audio"),
        ('{"type": "session.input_audio.append", "audio": "AAAA"}', "invalid_audio", "audio"),
        ('{"type": "session.input_audio.append", "audio": "", "rate": 8}', "unknown_parameter", "rate"),
        ('{"type": "session.input_audio.mute", "why": {}}', "unknown_parameter", "why"),
        ('{"type": "session.commentary.append", "content": "x"}', "missing_required_parameter", "delegation_id"),
        ('{"type": "decision.create"}', "missing_required_parameter", "event_id"),
        ('{"type": "decision.create", "event_id": "d"}', "invalid_value", "type"),
        ('{"type": "transport.dtmf.send", "event": "5"}', "invalid_value", "type"),
        ('{"type": "response.create"}', "invalid_value", "type"),
        ('{"type": "response.item.create", "item": {}}', "invalid_value", "type"),
        (f'{{"type": "session.close", "event_id": "{"e" * 513}"}}', "invalid_value", "event_id"),
        ('{"a":' * 200 + "1" + "}" * 200, "invalid_json", None),
        (json.dumps({"type": "session.close", "a": [0] * 20_000}), "array_above_max_length", None),
        (json.dumps({"type": "session.close", "a": "x" * 5_000_000}), "string_above_max_length", None),
    ],
)
def test_a_message_that_is_wrong_is_answered_in_published_words(
    message: str | bytes, code: str, param: str | None
) -> None:
    session = Session()
    session.raw(message)
    (error,) = errors(session)
    assert (error["code"], error.get("param"), error["type"]) == (code, param, "invalid_request_error")
    assert session.protocol.is_running


def test_an_error_names_its_command_in_both_places() -> None:
    session = Session()
    session.client("session.update", session={"model": "other"}, event_id="c7")
    (event,) = session.events("error")
    assert event["client_event_id"] == event["error"]["client_event_id"] == "c7"
    assert (event["error"]["code"], event["error"]["param"]) == ("immutable_field_update", "session.model")


# --- time


def test_output_is_sent_in_pieces_of_100_ms_as_the_time_passes() -> None:
    session = Session()
    session.speaks(quiet(950))
    pieces = session.events("session.output_audio.delta")
    assert [len(piece["delta"]) for piece in pieces] == [6_400] * 9
    assert session.output == quiet(900)
    assert not any("start_ms" in piece or "event_id" in piece for piece in pieces)


def test_time_stands_still_without_input() -> None:
    session = Session()
    session.speaks(quiet(300))
    session.passes(10)
    assert session.protocol.position_ms == 300
    assert len(session.output) == 300 * MS_BYTES


def test_input_that_is_ahead_waits_for_the_clock() -> None:
    session = Session()
    session.client("session.input_audio.append", audio=encoded(quiet(5_000)))
    assert session.output == b""
    session.passes(1.0)
    assert session.protocol.position_ms == 1_000
    session.passes(10.0)
    assert len(session.output) == 5_000 * MS_BYTES


def test_input_too_far_ahead_is_refused_and_nothing_of_it_is_kept() -> None:
    session = Session(max_ahead_ms=1_000)
    session.client("session.input_audio.append", audio=encoded(quiet(900)))
    session.client("session.input_audio.append", audio=encoded(quiet(200)), event_id="c2")
    (error,) = errors(session)
    assert (error["code"], error["client_event_id"]) == ("rate_limit_exceeded", "c2")
    assert session.protocol.input_ms == 900


def test_a_session_without_input_expires() -> None:
    session = Session()
    session.speaks(quiet(100))
    session.client("session.thinking.append", delegation_id=None, content="Fact.", event_id="c3")
    session.passes(40)
    error, closed = session.frames()[-2:]
    assert (error["error"]["code"], error["client_event_id"]) == ("context_injection_incomplete", "c3")
    assert (closed["type"], closed["reason"], closed["usage"]) == ("session.closed", "expired", {"seconds": 0.1})
    assert closed["session"]["status"] == "active"


def test_a_session_expires_when_it_said() -> None:
    session = Session(duration_s=60)
    for _ in range(70):
        session.passes(1)
        session.client("session.input_audio.append", audio=encoded(quiet(1_000)))
    (closed,) = session.events("session.closed")
    assert closed["reason"] == "expired"
    assert closed["session"]["expires_at"] == 1_790_000_060
    assert session.closed is not None
    assert session.closed.code == 1000


def test_usage_is_reported_every_15_seconds_and_is_the_time_so_far() -> None:
    session = Session()
    session.speaks(quiet(46_000), piece_ms=100)
    reports = session.events("session.usage.updated")
    assert [report["usage"]["seconds"] for report in reports] == [15, 30, 45]
    assert all(0 <= report["context_window"]["usage_ratio"] <= 1 for report in reports)


def test_an_hour_leaves_memory_flat() -> None:
    session = Session(max_context_tokens=500)
    held: list[int] = []

    def talk(command: LiveReply) -> None:
        session.answer(command, "That is a long story, and it goes on for a while.", ms=2_000)

    session.on_reply = talk
    speech, silence = (LiveInputAudioAppendEvent.from_audio(audio) for audio in (sound(100), quiet(100)))
    for _ in range(60):
        for piece in ([speech] * 15 + [silence] * 45) * 10:
            session.passes(0.1)
            session.protocol.receive(piece, now=session.now)
            session.collect()
        session.sent.clear()
        session.commands.clear()
        held.append(sum(session.protocol.held.values()))
    assert session.protocol.position_ms == 3_600_000
    assert max(held[10:]) <= max(held[:10]) * 1.05
    assert max(held) < 1_000_000


# --- the end


def test_a_close_is_answered_and_the_connection_closed() -> None:
    session = Session()
    session.speaks(quiet(500))
    session.client("session.close", event_id="c9")
    (closed,) = session.events("session.closed")
    assert (closed["reason"], closed["client_event_id"], closed["usage"]) == (
        "close_requested",
        "c9",
        {"seconds": 0.5},
    )
    assert session.closed is not None
    assert session.closed.code == 1000


def test_what_is_being_said_is_finished_before_the_close_though_no_input_comes() -> None:
    session = Session()
    session.says("Hello?")
    session.reply("Hello to you.", ms=2_000)
    before = len(session.output)
    session.client("session.close")
    assert session.closed is None
    session.passes(5)
    assert len(session.output) - before >= 2_000 * MS_BYTES
    assert session.transcript["assistant"] == "Hello to you."
    assert session.closed is not None


def test_all_words_of_quick_speech_are_sent_before_the_close() -> None:
    session = Session()
    session.says("Hello?")
    session.client("session.commentary.append", delegation_id=None, content="x")
    session.reply("Many words in hardly any time at all, as it were.", ms=50)
    session.client("session.close")
    session.passes(1)
    command = session.of(LiveReply)[-1]
    session.answer(command, "And quite a few words more than that.", ms=50)
    session.passes(5)
    said = "Many words in hardly any time at all, as it were. And quite a few words more than that."
    assert session.transcript["assistant"] == said
    assert session.frames()[-1]["type"] == "session.closed"


def test_a_drain_ends_after_ten_seconds() -> None:
    session = Session()
    session.says("Hello?")
    session.reply("A long story.", ms=30_000)
    session.client("session.close")
    session.passes(9.9)
    assert session.closed is None
    session.passes(0.2)
    assert session.events("session.closed")


def test_nothing_new_is_begun_while_a_session_closes() -> None:
    session = Session()
    session.says("Hello?")
    session.reply("A long story.", ms=3_000)
    session.client("session.close", event_id="c1")
    session.client("session.close", event_id="c2")
    session.client("session.update", session={}, event_id="c3")
    assert [error["client_event_id"] for error in errors(session)] == ["c2", "c3"]
    session.passes(10)
    assert session.events("session.closed")[0]["client_event_id"] == "c1"


def test_what_is_said_while_a_session_closes_is_not_answered() -> None:
    tool = {"type": "function", "name": "track"}
    delegation = {"type": "responses", "responses": {"model": "text-1", "tools": [tool]}}
    session = Session(config={"model": "gpt-live-1", "delegation": delegation})
    session.says("Where is it?")
    session.says("Hello?")
    session.client("response.create")
    session.client("session.close")
    session.says("And now?")
    session.reply("It comes.")
    session.passes(1)
    assert len(session.of(LiveReply)) == 3  # two that were stopped, and the one that was asked for
    assert session.transcript["user"] == "Where is it? Hello? And now?"


def test_a_drain_is_no_lack_of_input() -> None:
    session = Session()
    session.says("Hello?")
    session.reply("A story.", ms=8_000)
    session.passes(25)
    session.client("session.close")
    session.passes(11)
    assert session.events("session.closed")[0]["reason"] == "close_requested"
    assert session.output.count(b"\x22") == len(sound(8_000))


def test_words_that_were_heard_are_sent_before_the_close() -> None:
    session = Session()
    session.says("Hello?")
    reply_id = session.of(LiveReply)[0].reply_id
    session.protocol.reply_text(reply_id, "It comes on Tuesday morning.", now=session.now)
    session.protocol.reply_clause(reply_id, "It comes on Tuesday morning.", now=session.now)
    session.speaks(quiet(100))
    session.protocol.reply_audio(reply_id, sound(50), now=session.now)
    session.protocol.reply_finished(reply_id, now=session.now)
    session.client("session.close")
    session.passes(1)
    assert session.transcript["assistant"] == "It comes on Tuesday morning."
    assert session.closed is not None


def test_nothing_is_said_after_the_end() -> None:
    session = Session()
    session.client("session.close")
    count = len(session.sent)
    session.client("session.close")
    session.raw("{")
    session.protocol.detected([1.0] * 50, 20, now=session.now)
    session.protocol.transcript("utt_1", "Hello", now=session.now)
    session.passes(100)
    assert len(session.sent) == count
    assert not session.protocol.attach("side", now=session.now)


def test_a_lost_connection_is_not_finalised_and_sidebands_are_told() -> None:
    session = Session(config={"model": "gpt-live-1", "store": True})
    session.protocol.attach("side", now=session.now)
    session.protocol.lost(now=session.now)
    session.collect()
    assert session.events("session.closed") == []
    (told,) = session.events("session.closed", to="side")
    assert told["reason"] == "connection_lost"
    assert session.protocol.stored() is None
    assert session.closed is not None


def test_a_server_that_stops_finishes_the_session() -> None:
    session = Session()
    session.protocol.stop(now=session.now)
    session.collect()
    assert "client_event_id" not in session.events("session.closed")[0]
    waiting = Session(start=False)
    waiting.protocol.stop(now=waiting.now)
    waiting.collect()
    assert waiting.closed is not None
    assert waiting.closed.code == 1001


def test_a_detector_that_fails_ends_the_session_with_an_error() -> None:
    session = Session()
    session.protocol.detection_failed("the detector broke", now=session.now)
    session.collect()
    (error,) = errors(session)
    assert (error["type"], error["message"]) == ("server_error", "the detector broke")
    assert session.closed is not None
    assert session.closed.code == 1011


# --- forks


def test_a_stored_session_is_gone_on_with_by_a_fork() -> None:
    session = Session(config={"model": "gpt-live-1", "instructions": "Be brief.", "store": True})
    session.says("My name is Ada.")
    session.reply("Hello Ada.", ms=500)
    session.client("session.instructions.append", delegation_id=None, content="Speak French.")
    session.speaks(quiet(2_000))
    session.client("session.close")
    stored = session.protocol.stored()
    assert stored is not None
    fork = Session(start=False, stored=stored)
    (started,) = fork.start({"audio": {"format": {"type": "audio/pcm"}}})
    assert started["session"]["id"] == fork.protocol.session_id
    assert started["session"]["instructions"] == "Be brief."
    fork.says("What is my name?")
    (reply,) = fork.of(LiveReply)
    assert [message.text for message in reply.messages] == ["My name is Ada.", "Hello Ada.", "What is my name?"]
    assert "Speak French." in reply.instructions


def test_a_session_that_is_not_stored_leaves_nothing() -> None:
    session = Session()
    session.client("session.close")
    assert session.protocol.stored() is None


# --- with our own client


def test_our_client_holds_a_conversation_with_the_server() -> None:
    session = Session(start=False)
    numbers = itertools.count(1)
    client = LiveCore(new_id=lambda kind: f"{kind}_c{next(numbers)}")
    notices: list[Any] = []

    def exchange() -> None:
        for event in client.take_events():
            session.raw(encode_live(event).decode())
        for outgoing in session.sent:
            client.receive(outgoing.event, now=session.now)
        session.sent.clear()
        notices.extend(client.take_notices())

    def pump(audio: bytes) -> None:
        for at in range(0, len(audio), 20 * MS_BYTES):
            session.passes(0.02)
            client.append_audio(audio[at : at + 20 * MS_BYTES], now=session.now)
            exchange()

    client.start(LiveSessionConfig(model="gpt-live-1"), now=session.now)
    exchange()
    session.words.append("Where is my parcel?")
    pump(sound(800) + quiet(800))
    session.reply("One moment.", ms=600, calls=((DELEGATE.name, "{}"),))
    pump(quiet(1_000))
    (delegation,) = [notice.delegation for notice in notices if isinstance(notice, DelegationStarted)]
    client.append("commentary", "It comes on Tuesday.", delegation_id=delegation.id, now=session.now)
    pump(quiet(1_200))
    assert session.of(LiveReply)[-1].text == "It comes on Tuesday."
    session.reply("It comes on Tuesday.", ms=1_000)
    pump(quiet(3_000))
    client.close(now=session.now)
    exchange()
    said = [notice.utterance.text for notice in notices if isinstance(notice, UtteranceEnded)]
    assert [word.strip() for word in said] == ["Where is my parcel?", "One moment. It comes on Tuesday."]
    audio = b"".join(notice.audio for notice in notices if isinstance(notice, LiveAudioPiece))
    assert len(audio) == session.protocol.position_ms // 100 * 100 * MS_BYTES
    ended = [notice for notice in notices if isinstance(notice, CommandEnded)]
    assert ended
    assert not any(notice.refused for notice in ended)
    (end,) = [notice for notice in notices if isinstance(notice, SessionEnded)]
    assert end.finalised
