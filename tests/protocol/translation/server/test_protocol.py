"""A translation session's order of events, its errors and its end, without I/O."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol import Close, SessionDefaults, ToleratedFault
from duologue.protocol.translation.server.commands import Translate
from tests.protocol.translation._session import Talk, fault, names

APPEND = "session.input_audio_buffer.append"
TRANSCRIBED: dict[str, Any] = {"transcription": {"model": "gpt-realtime-whisper"}}


def test_it_greets_with_the_session_as_it_is() -> None:
    [created] = Talk(model="gpt-realtime-translate").connect()
    assert created["type"] == "session.created"
    assert created["event_id"] == "event_1"
    assert created["session"] == {
        "id": "sess_1",
        "type": "translation",
        "model": "gpt-realtime-translate",
        "expires_at": 1_700_003_600,
        "audio": {"input": {"transcription": None, "noise_reduction": None}, "output": {"language": "en"}},
    }


def test_an_utterance_becomes_text_and_speech_in_200_ms_pieces() -> None:
    talk = Talk()
    talk.connect()
    talk.update(output={"language": "es"}, input=TRANSCRIBED)
    talk.pause(400)
    talk.speak(1000)
    assert talk.commands == []
    talk.pause(600)
    events = talk.translates("good morning", "buenos días", audio_ms=500)
    assert names(events) == [
        "session.input_transcript.delta",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "session.output_audio.delta",
        "session.output_audio.delta",
        "session.output_audio.delta",
    ]
    assert "".join(each["delta"] for each in events[:2]) == "good morning "
    assert [each["elapsed_ms"] for each in events] == [0, 400, 2000, 2000, 2200, 2400]
    assert {(each["format"], each["sample_rate"], each["channels"]) for each in events[3:]} == {("pcm16", 24_000, 1)}
    assert [len(each["delta"]) * 3 // 4 for each in events[3:]] == [9600, 9600, 4800]


def test_the_engines_get_the_speech_with_what_is_before_it_and_the_settings_of_that_moment() -> None:
    talk = Talk()
    talk.update(output={"language": "de"}, input={**TRANSCRIBED, "noise_reduction": {"type": "near_field"}})
    talk.pause(1000)
    talk.speak(1000)
    talk.pause(500)
    command = talk.take()
    assert len(command.audio) == 48 * (300 + 1000 + 200)
    assert (command.language, command.noise_reduction, command.source_language) == ("de", "near_field", None)


def test_the_source_is_not_told_where_no_transcription_is_asked_for() -> None:
    talk = Talk()
    talk.speak(400)
    talk.pause(600)
    assert names(talk.translates("hello", "hola")) == ["session.output_transcript.delta"]


def test_utterances_are_translated_one_after_another_and_joined_with_a_space() -> None:
    talk = Talk()
    talk.update(input=TRANSCRIBED)
    for _ in range(2):
        talk.speak(400)
        talk.pause(600)
    assert len([each for each in talk.commands if isinstance(each, Translate)]) == 1
    first = talk.translates("one", "uno", audio_ms=2000)
    second = talk.translates("two", " dos", audio_ms=200)
    assert [each["delta"] for each in (*first, *second) if "transcript" in each["type"]] == [
        "one ",
        "uno",
        " two ",
        " dos",
    ]
    spoken = [each["elapsed_ms"] for each in (*first, *second) if each["type"] == "session.output_audio.delta"]
    assert spoken == sorted(set(spoken)), "speech goes on where the speech before it ends"


# --- settings


def test_an_update_changes_what_it_names_and_null_switches_off() -> None:
    talk = Talk()
    [updated] = talk.update(output={"language": "fr"}, input=TRANSCRIBED)
    assert updated["type"] == "session.updated"
    [updated] = talk.update(input={"noise_reduction": {"type": "far_field"}})
    assert updated["session"]["audio"] == {
        "input": {**TRANSCRIBED, "noise_reduction": {"type": "far_field"}},
        "output": {"language": "fr"},
    }
    [updated] = talk.update(input={"noise_reduction": None, "transcription": None})
    assert updated["session"]["audio"]["input"] == {"transcription": None, "noise_reduction": None}


def test_the_published_example_s_source_language_is_a_hint_for_the_transcriber() -> None:
    talk = Talk()
    [updated] = talk.update(input={"transcription": {"model": "w", "language": "de"}})
    assert updated["session"]["audio"]["input"]["transcription"] == {"model": "w", "language": "de"}
    talk.speak(400)
    talk.pause(600)
    assert talk.take().source_language == "de"


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"model": "gpt-realtime"}, "invalid_value", "session.model"),
        ({"type": "translation"}, "invalid_value", "session.type"),
        ({"instructions": "be brief"}, "unknown_parameter", "session.instructions"),
        ({"audio": {"output": {"voice": "alloy"}}}, "unknown_parameter", "session.audio.output.voice"),
        ({"audio": {"output": {"language": "no language"}}}, "invalid_value", "session.audio.output.language"),
        ({"audio": {"output": {"language": 1}}}, "invalid_value", "session.audio.output.language"),
        ({"audio": {"output": {"language": "xx"}}}, "invalid_value", "session.audio.output.language"),
        (
            {"audio": {"input": {"noise_reduction": {"type": "loud"}}}},
            "invalid_value",
            "session.audio.input.noise_reduction.type",
        ),
        (
            {"audio": {"input": {"transcription": {}}}},
            "missing_required_parameter",
            "session.audio.input.transcription.model",
        ),
        (
            {"audio": {"input": {"transcription": {"model": ""}}}},
            "invalid_value",
            "session.audio.input.transcription.model",
        ),
        (
            {"audio": {"input": {"transcription": {"model": "w", "language": 3}}}},
            "invalid_value",
            "session.audio.input.transcription.language",
        ),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(session: dict[str, Any], code: str, param: str) -> None:
    talk = Talk(is_served=lambda language: language != "xx")
    before = talk.server.session
    error = fault(talk.send("session.update", event_id="mine", session=session))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["event_id"] == "mine"
    assert talk.server.session == before


def test_a_lenient_session_takes_what_does_no_harm_and_reports_it_once() -> None:
    talk = Talk(SessionDefaults(lenient=True))
    asked = {"model": "m", "audio": {"output": {"language": "es"}}}
    [updated] = talk.send("session.update", session=asked)
    talk.send("session.update", session=asked)
    assert updated["session"]["audio"]["output"] == {"language": "es"}
    assert talk.commands == [ToleratedFault("session.update", "session.model", "string")]


# --- errors


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"\x00", "invalid_event", None),
        ("{", "invalid_json", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type":"response.create"}', "invalid_value", "type"),
        ('{"type":"input_audio_buffer.append","audio":"AAAA"}', "invalid_value", "type"),
        ('{"type":"session.created"}', "invalid_value", "type"),
        ('{"type":"error","error":{"type":"a","message":"b"}}', "invalid_value", "type"),
        ('{"type":"session.update"}', "missing_required_parameter", "session"),
        (f'{{"type":"{APPEND}"}}', "missing_required_parameter", "audio"),
        (f'{{"type":"{APPEND}","audio":"A"}}', "invalid_value", "audio"),
        (f'{{"type":"{APPEND}","audio":"AAAA"}}', "invalid_value", "audio"),
        (f'{{"type":"{APPEND}","audio":"","rate":8000}}', "unknown_parameter", "rate"),
        ('{"type":"session.close","event_id":"' + "e" * 513 + '"}', "string_above_max_length", "event_id"),
        ('{"type":"session.update","x":' + "[" * 200 + "]" * 200 + "}", "invalid_json", None),
        ('{"type":"session.update","session":{"x":"' + "y" * 70_000 + '"}}', "string_above_max_length", None),
    ],
)
def test_an_invalid_message_is_answered_by_an_error_of_the_realtime_shape(
    message: str | bytes, code: str, param: str | None
) -> None:
    talk = Talk()
    error = fault(talk.send_raw(message))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert names(talk.update(output={"language": "es"})) == ["session.updated"]


def test_audio_that_does_not_fit_into_the_memory_of_the_session_is_refused() -> None:
    talk = Talk(SessionDefaults(max_session_bytes=48 * 500))
    talk.pause(400)
    assert fault(talk.append(200, probability=0.0))["param"] == "audio"


def test_speech_that_is_translated_costs_no_memory_any_more() -> None:
    talk = Talk(SessionDefaults(max_session_bytes=48 * 5000))
    for _ in range(20):
        assert talk.speak(600) == talk.pause(600) == []
        talk.translates("", "hola")


def test_silence_costs_no_memory() -> None:
    talk = Talk(SessionDefaults(max_session_bytes=48 * 2000))
    for _ in range(100):
        assert talk.pause(1000) == []


def test_a_failed_engine_ends_its_utterance_and_not_the_session() -> None:
    talk = Talk()
    talk.speak(400)
    talk.pause(600)
    talk.server.utterance_failed(talk.take().utterance_id, "the synthesizer broke")
    error = fault(talk.collect())
    assert (error["type"], error["code"], error["message"]) == (
        "server_error",
        "engine_failed",
        "the synthesizer broke",
    )
    talk.speak(400)
    talk.pause(600)
    assert names(talk.translates("", "hola")) == ["session.output_transcript.delta"]


def test_a_failed_detector_ends_the_session() -> None:
    talk = Talk()
    talk.server.detection_failed("the detector broke")
    assert fault(talk.collect())["code"] == "engine_failed"
    assert talk.commands == [Close(1011, "the detector broke")]
    assert talk.pause(200) == []


# --- the end


def test_a_close_brings_the_rest_then_session_closed_then_the_close_of_the_socket() -> None:
    talk = Talk()
    talk.speak(400)
    assert talk.send("session.close") == []
    assert talk.send("session.close") == [], "one session.closed answers both"
    events = talk.translates("hello", "hola", audio_ms=100)
    assert names(events) == ["session.output_transcript.delta", "session.output_audio.delta", "session.closed"]
    assert set(events[-1]) == {"type", "event_id"}
    assert talk.commands == [Close(1000, "the client ended the session")]


def test_a_close_of_a_session_that_heard_nothing_is_answered_at_once() -> None:
    assert names(Talk().send("session.close")) == ["session.closed"]


@pytest.mark.parametrize("message", [{"type": APPEND, "audio": "AAAAAA=="}, {"type": "session.update", "session": {}}])
def test_a_session_that_closes_takes_no_more_input(message: dict[str, Any]) -> None:
    talk = Talk()
    talk.speak(400)
    talk.send("session.close")
    error = fault(talk.send_raw(json.dumps(message)))
    assert (error["code"], error["param"]) == ("invalid_value", "type")


def test_nothing_is_sent_after_session_closed() -> None:
    talk = Talk()
    talk.send("session.close")
    for message in ("{", b"", '{"type":"session.close"}', json.dumps({"type": "session.update", "session": {}})):
        assert talk.send_raw(message) == []
    talk.server.tick(1e9)
    assert talk.collect() == []


def test_a_rest_that_cannot_be_translated_in_time_is_no_normal_end() -> None:
    talk = Talk()
    talk.speak(400)
    talk.send("session.close")
    due_at = talk.server.next_tick_at
    assert due_at == 60
    talk.server.tick(due_at - 1)
    assert talk.collect() == []
    talk.server.tick(due_at)
    assert fault(talk.collect())["code"] == "engine_failed"
    assert talk.commands[-1] == Close(1011, "the rest was not translated in time")


def test_a_session_ends_at_its_maximum_duration() -> None:
    talk = Talk(SessionDefaults(duration_s=60))
    assert talk.server.next_tick_at == 60
    talk.server.tick(60)
    assert fault(talk.collect())["code"] == "session_expired"
    assert isinstance(talk.commands[-1], Close)


def test_a_client_that_is_too_far_ahead_is_read_no_more_until_the_engines_follow() -> None:
    talk = Talk()
    for _ in range(5):
        assert not talk.server.is_behind
        talk.speak(400)
        talk.pause(600)
    assert talk.server.is_behind
    talk.translates("", "hola")
    assert not talk.server.is_behind


# --- any order


FRAMES = st.sampled_from(
    [
        "{",
        b"\x00",
        "[]",
        '{"type":"session.update","session":{}}',
        '{"type":"session.update","session":{"audio":{"output":{"language":"es"}}}}',
        '{"type":"session.update","session":{"audio":null}}',
        '{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"w","language":null}}}}}',
        '{"type":"session.close"}',
        '{"type":"session.closed","event_id":"e"}',
        f'{{"type":"{APPEND}","audio":"AAA="}}',
        f'{{"type":"{APPEND}","audio":""}}',
        '{"type":"error","error":{"type":"x","message":"y"}}',
    ]
)
STEPS = st.lists(
    st.one_of(
        FRAMES,
        st.tuples(st.just("append"), st.sampled_from([20, 200, 1000, 8000]), st.sampled_from([0.0, 0.2, 1.0])),
        st.tuples(st.sampled_from(["engine", "fail", "tick", "broken"]), st.integers(0, 4000), st.just(0.0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_no_order_of_messages_raises_and_session_closed_is_the_last_word(steps: list[Any]) -> None:
    talk = Talk()
    events = talk.connect()
    for step in steps:
        match step:
            case ("append", int() as ms, float() as probability):
                events += talk.append(ms, probability=probability)
            case ("engine" | "fail" as how, _, _) if any(isinstance(each, Translate) for each in talk.commands):
                if how == "engine":
                    events += talk.translates("a b", "c", audio_ms=300)
                else:
                    talk.server.utterance_failed(talk.take().utterance_id, "broken")
                    events += talk.collect()
            case ("tick", int() as seconds, _):
                talk.now += seconds
                talk.server.tick(talk.now)
                events += talk.collect()
            case str() | bytes():
                events += talk.send_raw(step)
            case _:
                pass  # no engine has anything to do
    assert names(events)[0] == "session.created"
    assert "session.closed" not in names(events)[:-1]
    assert len({event["event_id"] for event in events}) == len(events)
    for stream in ("session.output_audio.delta", "session.output_transcript.delta", "session.input_transcript.delta"):
        elapsed = [event["elapsed_ms"] for event in events if event["type"] == stream]
        assert elapsed == sorted(elapsed)
        assert all(ms % 200 == 0 for ms in elapsed)
    assert len([each for each in talk.commands if isinstance(each, Close)]) <= 1
