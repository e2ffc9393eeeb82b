from __future__ import annotations

import base64
import json
from math import inf

import pytest

from duologue.protocol.media.live_line import LiveMediaLine

LOUD = b"\x00\x40" * 2400
QUIET = bytes(4800)


def new_line() -> LiveMediaLine:
    return LiveMediaLine(new_id=lambda kind: f"{kind}_1")


def delta(audio: bytes) -> str:
    told = {"type": "session.output_audio.delta", "event_id": "event_1", "delta": base64.b64encode(audio).decode()}
    return json.dumps(told)


def test_sound_of_the_session_is_played_at_its_speed_and_not_passed_on() -> None:
    line = new_line()
    line.from_session(delta(LOUD), now=10.0)
    assert line.take_messages() == []
    assert (line.next_due_at, line.waiting_ms, line.playing) == (10.0, 100, False)
    assert line.take_frames(10.0) == [LOUD[:960]]
    assert line.take_frames(10.05) == [LOUD[:960]] * 2
    assert line.take_frames(10.1) == [LOUD[:960]] * 2
    assert line.next_due_at == inf


def test_silence_is_played_for_a_while_behind_speech_and_then_none() -> None:
    line = new_line()
    line.from_session(delta(QUIET), now=0.0)
    assert line.next_due_at == inf, "nothing has been said yet"
    for audio in (LOUD, *[QUIET] * 140):
        line.from_session(delta(audio), now=0.0)
    assert line.waiting_ms == 10_100
    line.from_session(delta(LOUD), now=0.0)
    assert line.waiting_ms == 10_200


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"session.started","event_id":"event_1","session":{"id":"live_1"}}',
        '{"type":"session.output_audio.delta"}',
        '{"type":"session.output_audio.delta","event_id":"event_1","delta":"?"}',
        '{"type":"news","of":"session.output_audio.delta"}',
        "no JSON, session.output_audio.delta",
    ],
)
def test_everything_else_is_for_the_client_as_it_is(text: str) -> None:
    line = new_line()
    line.from_session(text, now=0.0)
    assert line.take_messages() == [text]
    assert line.take_messages() == []


def test_what_is_heard_is_appended() -> None:
    line = new_line()
    line.heard(LOUD[:960], now=0.0)
    [command] = line.take_commands()
    told = json.loads(command)
    assert (told["type"], base64.b64decode(told["audio"])) == ("session.input_audio.append", LOUD[:960])


def test_commands_pass_and_sound_in_messages_is_refused() -> None:
    line = new_line()
    said = '{"type":"session.commentary.append","content":"session.input_audio.append"}'
    line.from_client(said, now=0.0)
    line.from_client('{"type":"session.input_audio.append","audio":""}', now=0.0)
    assert line.take_commands() == [said]
    [refused] = map(json.loads, line.take_messages())
    assert (refused["type"], refused["error"]["code"]) == ("error", "invalid_value")


def test_a_message_that_is_too_long_is_an_error() -> None:
    line = new_line()
    assert line.fitting("{}", 100) == "{}"
    told = json.loads(line.fitting("ä" * 60, 100))
    assert told["error"]["code"] == "event_too_large"
    assert "120 bytes" in told["error"]["message"]
    assert line.session_text() is None


def started(**rules: object) -> str:
    session = {"id": "live_1", "client": {"data_channel": rules}}
    return json.dumps({"type": "session.started", "event_id": "event_1", "session": session})


def test_the_client_is_told_what_it_may_send_and_may_send_nothing_else() -> None:
    line = new_line()
    line.from_session(started(allowed_client_events=["session.input_audio.mute"]), now=0.0)
    _, info = map(json.loads, line.take_messages())
    assert (info["type"], info["code"]) == ("info", "data_channel_permissions")
    allowed = '{"type":"session.input_audio.mute"}'
    for text in (allowed, '{"type":"session.close"}', '{"type":"unknown"}', "no JSON"):
        line.from_client(text, now=0.0)
    assert line.take_commands() == [allowed]
    assert [json.loads(text)["error"]["code"] for text in line.take_messages()] == ["event_not_allowed"] * 3


def test_the_client_sees_what_it_may_see_and_what_it_needs() -> None:
    line = new_line()
    rules = [{"type": "session.output_transcript.delta"}, {"type": "response.event", "response_event": "a"}]
    line.from_session(started(allowed_server_events=rules), now=0.0)
    line.take_messages()
    hidden = [
        '{"type":"session.input_transcript.delta","event_id":"e","delta":"x"}',
        '{"type":"response.event","event_id":"e","event":{"type":"b"}}',
        '{"type":"unknown"}',
    ]
    seen = [
        '{"type":"session.output_transcript.delta","event_id":"e","delta":"x"}',
        '{"type":"response.event","event_id":"e","event":{"type":"a"}}',
        '{"type":"session.closed","event_id":"e"}',
        '{"type":"error","event_id":"e","error":{"message":"m"}}',
    ]
    for text in (*hidden, *seen):
        line.from_session(text, now=0.0)
    assert line.take_messages() == seen


def test_without_rules_everything_passes_both_ways() -> None:
    line = new_line()
    for session in (started(allowed_client_events="all", allowed_server_events="all"), '{"type":"session.closed"}'):
        line.from_session(session, now=0.0)
    line.from_client('{"type":"unknown"}', now=0.0)
    assert (len(line.take_messages()), len(line.take_commands())) == (2, 1)


def test_rules_that_are_none_allow_nothing() -> None:
    line = new_line()
    line.from_session(started(allowed_client_events="some"), now=0.0)
    line.from_client('{"type":"session.close"}', now=0.0)
    assert line.take_commands() == []
