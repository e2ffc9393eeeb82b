from __future__ import annotations

from collections.abc import Callable

import pytest

from duologue.events import (
    ErrorEvent,
    InputAudioPart,
    MessageItem,
)
from duologue.events.base import encode_audio
from duologue.protocol import Respond, SessionDefaults, StopResponse, Transcribe
from duologue.testing import Pair, play
from tests.protocol._wire import (
    SPOKEN_END,
    by_hand,
    client_event,
    create,
    done,
    invalid,
    respond,
    transcribed,
    turn_detection,
    types,
    user_text,
)

CANCEL = client_event("response.cancel")


HALF_SECOND = bytes(24_000)


# --- one at a time


def test_a_second_response_is_rejected_and_the_first_goes_on(pair: Pair) -> None:
    pair.send(create(user_text("hi")), respond())
    error = invalid(pair.send(respond()))
    assert error["code"] == "conversation_already_has_active_response"
    assert error["message"].startswith("Conversation already has an active response in progress: resp_1.")
    pair.responds("Hello")
    assert done(pair.finishes())["status"] == "completed"
    assert types(pair.send(respond())) == ["response.created"]


def test_a_response_to_speech_waits_for_its_transcript(pair: Pair) -> None:
    pair.send(turn_detection(create_response=False))
    pair.speak(300)
    pair.pause(500)
    assert types(pair.send(respond())) == ["response.created"]
    assert [type(command) for command in pair.commands] == [Transcribe]
    assert pair.transcribes("what time is it") == []
    [item] = pair.take(Respond).context
    assert isinstance(item, MessageItem)
    assert item.content == [InputAudioPart(transcript="what time is it")]


def test_speech_that_comes_after_a_response_was_created_is_not_waited_for(pair: Pair) -> None:
    pair.send(by_hand())
    pair.speak(300)
    pair.send(client_event("input_audio_buffer.commit"), respond())
    first = pair.take(Transcribe)
    pair.speak(300)
    pair.send(client_event("input_audio_buffer.commit"))
    pair.transcribes("one", item_id=first.item_id)
    assert len(pair.take(Respond).context) == 1


def test_a_response_to_an_item_that_is_deleted_while_it_is_transcribed_starts_all_the_same(pair: Pair) -> None:
    pair.send(by_hand())
    pair.speak(300)
    pair.send(client_event("input_audio_buffer.commit"))
    pair.send(respond(conversation="none", input=[{"type": "item_reference", "id": "item_1"}]))
    pair.send(client_event("conversation.item.delete", item_id="item_1"))
    pair.transcribes("gone but not forgotten")
    assert len(pair.take(Respond).context) == 1


# --- ends


def test_a_cancel_before_the_first_word_ends_the_response_without_an_item(pair: Pair) -> None:
    pair.send(respond())
    events = pair.send(CANCEL)
    assert types(events) == ["response.done"]
    response = done(events)
    assert (response["status"], response["output"]) == ("cancelled", [])
    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


def test_a_cancel_while_the_transcript_is_awaited_ends_the_response_for_good(pair: Pair) -> None:
    pair.speak(300)
    pair.pause(500)
    assert done(pair.send(CANCEL))["status"] == "cancelled"
    assert pair.transcribes("too late") == []
    assert [command for command in pair.commands if isinstance(command, Respond)] == []


def test_a_cancel_in_the_middle_closes_what_is_open_as_incomplete(pair: Pair) -> None:
    pair.send(respond())
    pair.responds("Hello th")
    pair.synthesizes(HALF_SECOND)
    events = pair.send(CANCEL)
    assert types(events) == SPOKEN_END
    assert events[1].to_json()["transcript"] == "Hello th"
    assert events[3].to_json()["item"]["status"] == events[4].to_json()["item"]["status"] == "incomplete"
    assert done(events)["output"][0]["content"] == [{"type": "output_audio", "transcript": "Hello th"}]
    assert pair.take(StopResponse).response_id == "resp_1"


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_1"}, {"response_id": "resp_77"}])
def test_a_cancel_when_nothing_runs_is_rejected(pair: Pair, fields: dict[str, str]) -> None:
    pair.send(respond())
    pair.finishes()
    error = invalid(pair.send(client_event("response.cancel", **fields)))
    assert error["code"] == "response_cancel_not_active"
    assert error["message"].startswith("Cancellation failed")


def test_the_user_interrupts_with_speech_started_first(pair: Pair) -> None:
    pair.send(create(user_text("hi")), respond())
    pair.responds("Once upon a time")
    pair.synthesizes(HALF_SECOND)
    events = pair.speak(300)
    assert types(events) == ["input_audio_buffer.speech_started", *SPOKEN_END]
    response = done(events)
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"
    assert pair.take(StopResponse).response_id == "resp_1"


def test_without_interrupt_response_the_user_does_not_interrupt(pair: Pair) -> None:
    pair.send(turn_detection(interrupt_response=False, create_response=False), respond())
    pair.responds("Once upon")
    assert types(pair.speak(300)) == ["input_audio_buffer.speech_started"]
    assert types(pair.responds(" a time")) == ["response.output_audio_transcript.delta"]


@pytest.mark.parametrize("when", ["early", "late"])
def test_reports_about_a_response_that_no_engine_is_asked_for_are_ignored(pair: Pair, when: str) -> None:
    if when == "late":
        pair.send(respond())
        pair.responds("Hello")
        pair.send(CANCEL)
    else:
        pair.speak(300)
        pair.pause(500)  # the transcript is awaited
    assert pair.responds(" there", response_id="resp_1") == []
    assert pair.synthesizes(HALF_SECOND, response_id="resp_1") == []
    assert pair.finishes(response_id="resp_1") == []
    assert pair.fails("broken", response_id="resp_1") == []
    assert when == "late" or done(pair.send(CANCEL))["id"] == "resp_1"


def test_a_response_that_has_spent_its_tokens_is_incomplete(pair: Pair) -> None:
    pair.send(respond(output_modalities=["text"], max_output_tokens=2))
    pair.responds("four")
    events = pair.responds(" more and more")
    assert types(events)[:2] == ["response.output_text.delta", "response.output_text.done"]
    response = done(events)
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
    assert response["max_output_tokens"] == 2
    assert pair.take(StopResponse).response_id == "resp_1"


def test_speech_that_has_spent_its_tokens_is_spoken_to_its_end_and_is_incomplete(pair: Pair) -> None:
    pair.send(respond(max_output_tokens=2))
    assert pair.server.response_text("resp_1", "four", now=0)
    assert not pair.server.response_text("resp_1", " more", now=0)
    assert not pair.server.response_text("resp_1", " and too many", now=0)
    pair.responds(" and too many")
    assert types(pair.synthesizes(HALF_SECOND))[-1] == "response.output_audio.delta"
    assert pair.calls("f") == []
    events = pair.finishes()
    assert types(events) == SPOKEN_END
    response = done(events)
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["output"][0]["content"][0]["transcript"] == "four more"


def test_a_failed_engine_fails_its_response_and_the_session_goes_on(pair: Pair) -> None:
    pair.send(respond())
    pair.responds("Hel")
    events = pair.fails("the voice is gone")
    assert types(events) == SPOKEN_END
    response = done(events)
    assert response["status"] == "failed"
    assert response["status_details"]["error"]["message"] == "the voice is gone"
    pair.send(respond())
    pair.responds("Hello")
    assert done(pair.finishes())["status"] == "completed"


# --- out of band


def test_a_response_out_of_band_runs_at_the_same_time_as_the_active_one_and_out_of_the_conversation(pair: Pair) -> None:
    pair.send(create(user_text("hi")), respond())
    pair.responds("Hello")
    created = pair.send(
        respond(conversation="none", output_modalities=["text"], metadata={"topic": "class"}, instructions="Classify.")
    )
    assert types(created) == ["response.created"]
    response = created[0].to_json()["response"]
    assert (response["conversation_id"], response["metadata"]) == (None, {"topic": "class"})
    play(
        pair,
        [
            lambda: pair.responds("greeting", response_id="resp_2"),
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            lambda: pair.responds(" there", response_id="resp_1"),
            ("response.output_audio_transcript.delta", {"response_id": "resp_1"}),
            lambda: pair.finishes(response_id="resp_2"),
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            ("response.done", {"response.id": "resp_2", "response.metadata": {"topic": "class"}}),
        ],
    )
    assert invalid(pair.send(client_event("conversation.item.retrieve", item_id="item_3")))
    assert done(pair.finishes(response_id="resp_1"))["metadata"] is None


def test_several_responses_out_of_band_run_at_once(pair: Pair) -> None:
    events = pair.send(*[respond(conversation="none", metadata={"n": str(n)}) for n in range(3)])
    assert types(events) == ["response.created"] * 3
    for n in (2, 0, 1):
        assert done(pair.finishes(response_id=f"resp_{n + 1}"))["metadata"] == {"n": str(n)}


def test_responses_out_of_band_have_an_end_and_leave_room_for_the_conversation() -> None:
    pair = Pair(SessionDefaults(max_responses=2))
    pair.connect()
    pair.send(respond(conversation="none"), respond(conversation="none"))
    error = invalid(pair.send(respond(conversation="none")))
    assert (error["code"], error["message"].split(";")[0]) == (
        "rate_limit_exceeded",
        "The session has 2 responses in progress",
    )
    assert types(pair.send(respond())) == ["response.created"]
    pair.finishes(response_id="resp_1")
    pair.finishes(response_id="resp_2")
    assert types(pair.send(respond(conversation="none"))) == ["response.created"]


def test_the_user_does_not_interrupt_a_response_out_of_band(pair: Pair) -> None:
    pair.send(respond(conversation="none"))
    assert types(pair.speak(300)) == ["input_audio_buffer.speech_started"]


def test_a_response_out_of_band_is_cancelled_by_its_id_alone(pair: Pair) -> None:
    pair.send(respond(conversation="none"))
    assert invalid(pair.send(CANCEL))["code"] == "response_cancel_not_active"
    assert done(pair.send(client_event("response.cancel", response_id="resp_1")))["status"] == "cancelled"


def test_speech_in_the_input_of_a_response_is_transcribed_for_it(pair: Pair) -> None:
    pair.send(transcribed())
    part = {"type": "input_audio", "audio": encode_audio(HALF_SECOND)}
    spoken = {"type": "message", "role": "user", "content": [part]}
    pair.send(respond(conversation="none", input=[spoken]))
    command = pair.take(Transcribe)
    assert command.audio == HALF_SECOND
    assert pair.transcribes("good morning", item_id=command.item_id) == []
    [item] = pair.take(Respond).context
    assert isinstance(item, MessageItem)
    assert item.content == [InputAudioPart(transcript="good morning")]


# --- responses that no event of the client waits for


def user_speaks(pair: Pair) -> None:
    pair.speak(300)
    pair.pause(500)


def user_speaks_during_a_response(pair: Pair) -> None:
    pair.send(turn_detection(interrupt_response=False), create(user_text("hi")), respond())
    user_speaks(pair)
    if Respond in map(type, pair.commands):
        pair.responds("Hello")
        pair.finishes()


def user_is_silent(pair: Pair) -> None:
    pair.send(turn_detection(idle_timeout_ms=5000), create(user_text("hi")), respond())
    if Respond in map(type, pair.commands):
        pair.responds("Hello")
        pair.finishes()
    pair.advance(6)


@pytest.mark.parametrize("scene", [user_speaks, user_speaks_during_a_response, user_is_silent])
def test_a_response_that_no_event_asks_for_and_that_memory_has_no_room_for_is_an_error_event(
    scene: Callable[[Pair], None],
) -> None:
    """With every limit: some reject the audio before, some the response, and none breaks the session."""
    found = []
    for max_bytes in range(1_000, 150_000, 307):
        pair = Pair(SessionDefaults(max_session_bytes=max_bytes))
        pair.connect()
        scene(pair)
        found += [
            event.error
            for event in pair.received
            if isinstance(event, ErrorEvent) and event.error.event_id is None and event.error.param == "response"
        ]
    assert {(error.type, error.code) for error in found} == {("invalid_request_error", "invalid_value")}
