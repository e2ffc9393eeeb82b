"""What users of realtime voice suffer from, and do not here either, where there is no event loop.

Only what the threads, their queues and their locks could get wrong; what one core decides for both clients is tried
with the asyncio one. Lost connections, interruptions and functions have files of their own.
"""

from __future__ import annotations

from typing import Any

import pytest

from duologue import blocking
from duologue.audio.formats import PCM, PCMU
from duologue.errors import LocalProtocolError, RequestRejected
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    InputAudioBufferClearEvent,
    RealtimeSession,
    RealtimeSessionConfig,
    SessionUpdatedEvent,
    is_set,
)
from duologue.protocol.memory import SessionRestored
from duologue.protocol.notices import ConnectionLost, ErrorReported, SessionChanged, UserTranscript
from duologue.protocol.tables import SEQUENCE, SequenceInput, SequenceState
from duologue.testing import Expect, ScriptedServer, Send, Stall
from tests._tables import without
from tests.client._frames import (
    added,
    answer,
    call,
    calling,
    created,
    done,
    ended,
    greeting,
    message,
    refused,
    taken,
    updated,
)
from tests.client._threads import aside, no_thread_left, talking
from tests.client._waiting import FAST

BUSY = "conversation_already_has_active_response"


def test_pain_01_a_create_that_loses_the_race_is_sent_again_when_the_other_response_is_done() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(created("resp_vad")({}), refused("response.create", BUSY), ended("resp_vad")({})),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Here I am.")),
        ]
    )
    with talking(server) as conversation:
        assert conversation.respond(timeout_s=5).response.id == "resp_2"


def test_pain_07_a_socket_that_is_open_and_dead_is_found_and_replaced() -> None:
    server = ScriptedServer([Send(greeting()), Stall()], [Send(greeting("sess_2"))])
    with aside(server.listening) as url, no_thread_left():
        connecting = blocking.converse(url, reconnect=FAST, ping_interval_s=0.2, ping_timeout_s=0.2)
        with connecting as conversation, conversation.stream(ConnectionLost, SessionRestored) as notices:
            lost = notices.receive(timeout_s=5)
            assert isinstance(lost, ConnectionLost)
            assert "silent" in lost.reason
            assert isinstance(notices.receive(timeout_s=5), SessionRestored)


def test_pain_09_a_refused_request_fails_at_once_and_the_conversation_goes_on() -> None:
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("response.create"),
            Send(refused("response.create", "invalid_value", "No such tool.")),
            Expect("response.create"),
            Send(*answer("resp_2", "item_2", "Still here.")),
        ]
    )
    with talking(server) as conversation, conversation.stream(ErrorReported) as errors:
        with pytest.raises(RequestRejected, match="No such tool") as caught:
            conversation.respond(timeout_s=5)
        told = errors.receive(timeout_s=5)
        assert told.event == caught.value.error
        assert told.command is not None
        assert told.command.type == "response.create"
        assert conversation.respond(timeout_s=5).response.id == "resp_2"


def test_pain_12_audio_of_another_rate_or_codec_is_refused_and_not_heard_as_noise() -> None:
    server = ScriptedServer([Send(greeting()), Expect("input_audio_buffer.append")])
    with talking(server) as conversation:
        with pytest.raises(LocalProtocolError, match="8000 Hz and the session takes audio/pcm at 24000 Hz"):
            conversation.speak(bytes(160), encoding=PCMU)
        assert conversation.speak(bytes(480), encoding=PCM, timeout_s=5)
    assert len(server.heard[0]) == 1


def test_pain_14_a_transcript_that_comes_after_the_answer_stands_before_it() -> None:
    spoken = message("item_u", "user", "?", kind="input_audio")
    spoken["content"][0]["transcript"] = None
    transcript = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_u",
        "content_index": 0,
        "transcript": "How many?",
        "usage": {"type": "duration", "seconds": 1},
    }
    told = [frame({}) if callable(frame) else frame for frame in answer("r", "item_a", "Seven.", after="item_u")]
    server = ScriptedServer(
        [Send(greeting(), added(spoken), done(spoken), *told), Expect("input_audio_buffer.clear"), Send(transcript)]
    )
    with talking(server) as conversation, conversation.stream(UserTranscript) as transcripts:
        conversation.send(InputAudioBufferClearEvent(), timeout_s=5)
        assert transcripts.receive(timeout_s=5).transcript == "How many?"
        assert [item.text for item in conversation.items] == ["How many?", "Seven."]


def test_pain_15_null_switches_off_on_the_wire_and_back() -> None:
    off: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}
    server = ScriptedServer([Send(greeting()), Expect("session.update"), Send(updated(**off))])
    config = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))
    with talking(server) as conversation, conversation.stream(SessionChanged) as changes:
        conversation.configure(config, timeout_s=5)
        session = changes.receive(timeout_s=5).session
        while not is_set(getattr(session, "audio", None)):
            session = changes.receive(timeout_s=5).session
    assert server.heard[0][0]["session"] == {"type": "realtime", **off}
    assert isinstance(session, RealtimeSession)
    assert is_set(session.audio)
    assert is_set(session.audio.input)
    assert session.audio.input.turn_detection is None


@pytest.mark.parametrize(("ms", "fits"), [(0, False), (99, False), (100, True)])
def test_pain_16_a_commit_of_less_than_a_tenth_of_a_second_is_refused_before_it_is_sent(ms: int, fits: bool) -> None:
    server = ScriptedServer([Send(greeting()), *([Expect("input_audio_buffer.commit")] if fits else [])])
    with talking(server) as conversation:
        if ms:
            conversation.speak(bytes(PCM.bytes_for_ms(ms)), timeout_s=5)
        if fits:
            conversation.commit(timeout_s=5)
        else:
            with pytest.raises(LocalProtocolError, match="append more first"):
                conversation.commit(timeout_s=5)
    assert server.types() == (["input_audio_buffer.commit"] if fits else [])


def test_pain_18_a_call_that_is_told_three_times_runs_once_and_arguments_that_do_not_fit_not_at_all() -> None:
    noted: list[str] = []

    def note(text: str) -> str:
        noted.append(text)
        return "noted"

    good, bad = call("call_1", "note", '{"text":"milk"}'), call("call_2", "note", "{}")
    called = calling("resp_1", good, bad)
    again = {"type": "response.output_item.done", "response_id": "resp_1", "output_index": 0, "item": good}
    server = ScriptedServer(
        [
            Send(greeting()),
            Expect("session.update"),
            Expect("conversation.item.create"),
            Send(*taken("item_1")),
            Expect("response.create"),
            Send(*called[:3], again, {**again, "event_id": "other"}, *called[3:]),
            Expect("conversation.item.create"),
            Expect("conversation.item.create"),
            Expect("response.create"),
            Send(*answer("resp_2", "item_9", "Done.")),
        ]
    )
    with talking(server, tools=[note]) as conversation:
        assert conversation.ask("Note milk.", timeout_s=5) == "Done."
    items = [event["item"] for event in server.heard[0] if event["type"] == "conversation.item.create"]
    outputs = [item["output"] for item in items if item["type"] == "function_call_output"]
    assert noted == ["milk"]
    assert outputs[0] == "noted"
    assert "missing required field `text`" in outputs[1]


def test_pain_19_usage_counts_each_response_once_cancelled_ones_too() -> None:
    usage = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10}
    end = ended("resp_1", status="cancelled", usage=usage)
    server = ScriptedServer(
        [Send(greeting()), Expect("response.create"), Send(created("resp_1"), end, end), Send(updated())]
    )
    with talking(server) as conversation, conversation.stream(SessionUpdatedEvent) as last:
        conversation.respond(timeout_s=5)
        last.receive(timeout_s=5)
        assert conversation.usage.total_tokens == 30
        assert dict(conversation.usage.responses) == {"cancelled": 1}


@pytest.mark.usefixtures("illegal_transitions_are_reported")
def test_an_illegal_transition_is_logged_and_the_conversation_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = without(SEQUENCE, SequenceState.IDLE, SequenceInput.CREATE_SENT)
    monkeypatch.setattr("duologue.protocol.sequencer.SEQUENCE", lacking)
    server = ScriptedServer([Send(greeting()), Expect("response.create"), Send(*answer("resp_1", "item_1", "Yes."))])
    with talking(server) as conversation:
        assert conversation.respond(timeout_s=5).response.id == "resp_1"
    assert "illegal transition of the sequence: 'create sent' while 'idle'" in caplog.text
