from __future__ import annotations

from typing import Any

import pytest

from duologue.events import InputAudioBufferAppendEvent, InputAudioBufferCommitEvent, RealtimeEvent
from duologue.protocol import Detect, Respond, Transcribe
from duologue.testing import Pair, play
from tests.protocol._wire import (
    by_hand,
    client_event,
    create,
    invalid,
    respond,
    transcribed,
    turn_detection,
    types,
    update,
    user_text,
)

COMMIT = InputAudioBufferCommitEvent()
CLEAR = client_event("input_audio_buffer.clear")
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


def fields(events: list[RealtimeEvent], name: str) -> dict[str, Any]:
    """The JSON of the first event of this type."""
    return next(event.to_json() for event in events if event.type == name)


def test_an_append_is_never_acknowledged(pair: Pair) -> None:
    assert pair.send(InputAudioBufferAppendEvent.from_audio(bytes(4800))) == []
    assert pair.pause(1000) == []
    pair.send(by_hand())
    assert pair.speak(1000) == []


def test_a_turn_becomes_an_item_and_the_item_is_answered(pair: Pair) -> None:
    play(
        pair,
        [
            lambda: pair.pause(1000),
            lambda: pair.speak(600),
            ("input_audio_buffer.speech_started", {"item_id": "item_1", "audio_start_ms": 700}),
            lambda: pair.pause(500),
            ("input_audio_buffer.speech_stopped", {"item_id": "item_1", "audio_end_ms": 2100}),
            ("input_audio_buffer.committed", {"item_id": "item_1", "previous_item_id": None}),
            (
                "conversation.item.added",
                {
                    "previous_item_id": None,
                    "item.id": "item_1",
                    "item.role": "user",
                    "item.status": "completed",
                    "item.content": [{"type": "input_audio", "transcript": None}],
                },
            ),
            ("conversation.item.done", {"previous_item_id": None, "item.id": "item_1"}),
            ("response.created", {"response.status": "in_progress"}),
        ],
    )


def test_the_item_of_a_turn_follows_the_item_that_was_last_when_it_is_committed(pair: Pair) -> None:
    pair.speak(300)
    pair.send(create(user_text("typed while speaking"), previous_item_id=None))
    events = pair.pause(500)
    assert fields(events, "input_audio_buffer.committed")["previous_item_id"] == "item_2"
    assert fields(events, "conversation.item.added")["previous_item_id"] == "item_2"
    assert fields(events, "conversation.item.done")["previous_item_id"] == "item_2"


def test_a_turn_at_the_very_beginning_starts_at_zero(pair: Pair) -> None:
    assert fields(pair.speak(300), "input_audio_buffer.speech_started")["audio_start_ms"] == 0


@pytest.mark.parametrize(("prefix_ms", "silence_ms"), [(0, 200), (300, 500), (1000, 1500)])
def test_positions_include_the_padding_before_and_the_silence_behind(
    pair: Pair, prefix_ms: int, silence_ms: int
) -> None:
    pair.send(turn_detection(prefix_padding_ms=prefix_ms, silence_duration_ms=silence_ms))
    pair.pause(2000)
    events = pair.speak(1000) + pair.pause(silence_ms)
    assert fields(events, "input_audio_buffer.speech_started")["audio_start_ms"] == 2000 - prefix_ms
    assert fields(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] == 3000 + silence_ms
    audio = pair.take(Transcribe).audio
    assert len(audio) // 48 == prefix_ms + 1000 + silence_ms


def test_positions_count_all_audio_of_the_session_over_several_turns(pair: Pair) -> None:
    positions: list[tuple[int, int]] = []
    for _ in range(3):
        events = pair.pause(1000) + pair.speak(500) + pair.pause(500)
        positions.append(
            (
                fields(events, "input_audio_buffer.speech_started")["audio_start_ms"],
                fields(events, "input_audio_buffer.speech_stopped")["audio_end_ms"],
            )
        )
    assert positions == [(700, 2000), (2700, 4000), (4700, 6000)]


def test_a_sound_that_is_shorter_than_a_word_begins_no_turn(pair: Pair) -> None:
    assert pair.speak(80) + pair.pause(1000) == []


def test_a_pause_inside_a_turn_does_not_end_it(pair: Pair) -> None:
    events = pair.speak(300) + pair.pause(480) + pair.speak(300) + pair.pause(480)
    assert types(events) == ["input_audio_buffer.speech_started"]


def test_a_weak_frame_inside_a_turn_counts_as_speech(pair: Pair) -> None:
    pair.speak(200)
    pair.send(InputAudioBufferAppendEvent.from_audio(bytes(48_000)))
    assert pair.detects([0.4] * 50) == []


def test_the_threshold_decides_what_speech_is(pair: Pair) -> None:
    pair.send(turn_detection(threshold=0.9))
    assert pair.detects([0.85] * 20) == []
    assert types(pair.detects([0.95] * 20)) == ["input_audio_buffer.speech_started"]


def semantic(eagerness: str = "auto") -> RealtimeEvent:
    """A `session.update` of `semantic_vad`."""
    return update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": eagerness}}})


@pytest.mark.parametrize(("eagerness", "silence_ms"), [("high", 2000), ("medium", 4000), ("auto", 4000), ("low", 8000)])
def test_semantic_turns_have_the_same_events_and_wait_at_most_by_eagerness(
    pair: Pair, eagerness: str, silence_ms: int
) -> None:
    pair.send(semantic(eagerness))
    events = pair.speak(400) + pair.pause(silence_ms - 20)
    assert types(events) == TURN[:1]
    assert types(pair.pause(20)) == [*TURN[1:], "response.created"]


def test_without_create_response_the_client_decides(pair: Pair) -> None:
    pair.send(turn_detection(create_response=False))
    assert types(pair.speak(300) + pair.pause(500)) == TURN
    assert types(pair.send(respond())) == ["response.created"]


def test_a_turn_while_a_response_runs_uninterrupted_is_answered_when_that_has_ended(pair: Pair) -> None:
    pair.send(turn_detection(interrupt_response=False), create(user_text("hi")), respond())
    pair.responds("I was")
    assert types(pair.speak(300) + pair.pause(500)) == TURN
    ended = pair.finishes()
    assert types(ended)[-2:] == ["response.done", "response.created"]


def test_a_turn_that_interrupts_is_answered_once(pair: Pair) -> None:
    pair.send(turn_detection(interrupt_response=False), create(user_text("hi")), respond())
    pair.responds("I was")
    pair.speak(300)
    pair.pause(500)
    pair.send(turn_detection(interrupt_response=True))
    assert types(pair.speak(300)) == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert types(pair.pause(500)) == [*TURN[1:], "response.created"]


# --- by hand


def test_a_commit_makes_an_item_and_starts_no_response(pair: Pair) -> None:
    pair.send(by_hand(), create(user_text("first")))
    assert pair.speak(2000) == []
    play(
        pair,
        [
            COMMIT,
            ("input_audio_buffer.committed", {"item_id": "item_2", "previous_item_id": "item_1"}),
            (
                "conversation.item.added",
                {
                    "previous_item_id": "item_1",
                    "item.id": "item_2",
                    "item.content": [{"type": "input_audio", "transcript": None}],
                },
            ),
            ("conversation.item.done", {"item.id": "item_2"}),
        ],
    )
    pair.send(respond())
    assert len(pair.take(Transcribe).audio) == 2000 * 48


@pytest.mark.parametrize("held_ms", [0, 99])
def test_a_commit_of_less_than_100_ms_is_rejected_and_keeps_what_there_is(pair: Pair, held_ms: int) -> None:
    pair.send(by_hand(), InputAudioBufferAppendEvent.from_audio(bytes(48 * held_ms)))
    error = invalid(pair.send(COMMIT))
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {held_ms:.2f}ms of audio."
    )
    pair.send(InputAudioBufferAppendEvent.from_audio(bytes(48 * (100 - held_ms))))
    assert types(pair.send(COMMIT))[0] == "input_audio_buffer.committed"


def test_a_clear_drops_the_buffer(pair: Pair) -> None:
    pair.send(by_hand())
    pair.speak(1000)
    assert types(pair.send(CLEAR)) == ["input_audio_buffer.cleared"]
    assert invalid(pair.send(COMMIT))["code"] == "input_audio_buffer_commit_empty"


def test_a_commit_in_the_middle_of_speech_ends_the_turn_under_its_announced_id(pair: Pair) -> None:
    assert fields(pair.speak(600), "input_audio_buffer.speech_started")["item_id"] == "item_1"
    events = pair.send(COMMIT)
    assert types(events) == TURN[2:]
    assert fields(events, "input_audio_buffer.committed")["item_id"] == "item_1"
    assert pair.pause(1000) == []


def test_speech_that_goes_on_after_a_commit_is_a_new_turn_of_the_audio_behind_it(pair: Pair) -> None:
    pair.send(turn_detection(create_response=False))
    pair.speak(600)
    pair.send(COMMIT, respond())
    pair.take(Transcribe)
    events = pair.speak(400) + pair.pause(500)
    assert types(events)[0] == "input_audio_buffer.speech_started"
    assert fields(events, "input_audio_buffer.speech_started")["item_id"] != "item_1"
    assert fields(events, "input_audio_buffer.speech_started")["audio_start_ms"] == 600


def test_a_clear_in_the_middle_of_speech_ends_nothing_and_forgets_the_turn(pair: Pair) -> None:
    pair.speak(600)
    assert types(pair.send(CLEAR)) == ["input_audio_buffer.cleared"]
    assert pair.pause(1000) == []


def test_switching_turn_detection_off_in_the_middle_of_speech_leaves_the_audio_to_be_committed(pair: Pair) -> None:
    pair.speak(600)
    pair.send(by_hand())
    assert pair.pause(1000) == []
    assert types(pair.send(COMMIT)) == TURN[2:]


def test_the_detector_gets_no_audio_while_turn_detection_is_off_and_positions_go_on(pair: Pair) -> None:
    pair.send(by_hand())
    pair.speak(5000)
    pair.send(CLEAR, turn_detection())
    pair.pause(1000)
    assert fields(pair.speak(300), "input_audio_buffer.speech_started")["audio_start_ms"] == 5700


@pytest.mark.parametrize("format_type", ["audio/pcmu", "audio/pcma"])
def test_positions_go_on_in_milliseconds_when_the_format_changes(pair: Pair, format_type: str) -> None:
    pair.pause(2000)
    pair.send(update(audio={"input": {"format": {"type": format_type}}}))
    pair.pause(1000)
    events = pair.speak(400) + pair.pause(500)
    assert fields(events, "input_audio_buffer.speech_started")["audio_start_ms"] == 2700
    assert fields(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] == 3900
    command = pair.take(Transcribe)
    assert (command.encoding.type, len(command.audio)) == (format_type, 8 * 1200)


def test_a_turn_over_a_change_of_format_keeps_its_id_and_ends(pair: Pair) -> None:
    pair.speak(400)
    pair.send(update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    events = pair.speak(200) + pair.pause(500)
    assert types(events)[:4] == TURN[1:]
    assert fields(events, "input_audio_buffer.committed")["item_id"] == "item_1"


def test_samples_stay_in_step_when_audio_is_cut_in_the_middle_of_one(pair: Pair) -> None:
    pair.send(by_hand(), transcribed())
    stream = b"".join(n.to_bytes(2, "little") for n in range(10_000))
    transcribed_audio = b""
    for start in range(0, len(stream), 5001):
        pair.send(InputAudioBufferAppendEvent.from_audio(stream[start : start + 5001]), COMMIT)
        transcribed_audio += pair.take(Transcribe).audio
    assert transcribed_audio == stream


def test_audio_that_is_not_base64_is_rejected(pair: Pair) -> None:
    error = invalid(pair.send(client_event("input_audio_buffer.append", audio="no audio!", event_id="e7")))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "audio", "e7")


def test_a_buffer_without_commits_is_full_at_last(pair: Pair) -> None:
    pair.send(by_hand(), update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    five_minutes = InputAudioBufferAppendEvent.from_audio(bytes(8 * 300_000))
    assert [types(pair.send(five_minutes)) for _ in range(4)] == [[]] * 4
    assert invalid(pair.send(five_minutes))["param"] == "audio"
    assert types(pair.send(CLEAR)) == ["input_audio_buffer.cleared"]
    assert pair.send(five_minutes) == []


def test_silence_is_not_kept_while_turns_are_detected(pair: Pair) -> None:
    pair.pause(60_000)
    pair.send(COMMIT, transcribed(), respond())
    assert len(pair.take(Transcribe).audio) // 48 < 1000


def test_detection_is_asked_for_in_the_order_and_format_of_the_audio(pair: Pair) -> None:
    for piece in (b"\x01\x00", b"\x02\x00\x03\x00"):
        pair.server.receive_text(pair.client.send(InputAudioBufferAppendEvent.from_audio(piece)), now=pair.now)
    commands = [command for command in pair.server.take_commands() if isinstance(command, Detect)]
    assert [command.audio for command in commands] == [b"\x01\x00", b"\x02\x00\x03\x00"]
    assert {command.encoding.type for command in commands} == {"audio/pcm"}


# --- transcripts


def spoken_turn(pair: Pair) -> list[RealtimeEvent]:
    return pair.speak(300) + pair.pause(500)


def test_a_transcript_that_was_asked_for_streams_and_completes_with_its_cost(pair: Pair) -> None:
    pair.send(transcribed(), turn_detection(create_response=False))
    spoken_turn(pair)
    name = "conversation.item.input_audio_transcription"
    play(
        pair,
        [
            lambda: pair.transcribes("good morning"),
            (f"{name}.delta", {"item_id": "item_1", "content_index": 0, "delta": "good"}),
            (f"{name}.delta", {"item_id": "item_1", "content_index": 0, "delta": " morning"}),
            (
                f"{name}.completed",
                {
                    "item_id": "item_1",
                    "content_index": 0,
                    "transcript": "good morning",
                    "usage": {"type": "duration", "seconds": 1},
                },
            ),
        ],
    )
    retrieved = pair.send(client_event("conversation.item.retrieve", item_id="item_1"))
    assert retrieved[0].to_json()["item"]["content"][0]["transcript"] == "good morning"


def test_a_transcript_without_a_request_is_made_for_the_response_alone(pair: Pair) -> None:
    spoken_turn(pair)
    assert pair.transcribes("good morning") == []
    context = pair.take(Respond).context
    assert [part.transcript for item in context for part in item.content] == ["good morning"]  # type: ignore[union-attr]


def test_a_failed_transcript_is_reported_and_the_response_starts_all_the_same(pair: Pair) -> None:
    pair.send(transcribed())
    spoken_turn(pair)
    failed = pair.transcription_fails("the engine is out of order")
    assert types(failed) == ["conversation.item.input_audio_transcription.failed"]
    assert fields(failed, failed[0].type or "")["error"]["message"] == "the engine is out of order"
    assert pair.take(Respond).context


def test_language_and_prompt_reach_the_transcriber(pair: Pair) -> None:
    pair.send(update(audio={"input": {"transcription": {"model": "m", "language": "de", "prompt": "Rezepte"}}}))
    spoken_turn(pair)
    command = pair.take(Transcribe)
    assert (command.language, command.prompt) == ("de", "Rezepte")


def test_a_transcript_of_a_deleted_item_is_not_sent(pair: Pair) -> None:
    pair.send(transcribed(), turn_detection(create_response=False))
    spoken_turn(pair)
    pair.send(client_event("conversation.item.delete", item_id="item_1"))
    assert pair.transcribes("good morning") == []


def test_an_id_whose_transcript_is_on_its_way_cannot_be_given_to_another_item(pair: Pair) -> None:
    pair.send(transcribed(), turn_detection(create_response=False))
    spoken_turn(pair)
    pair.send(client_event("conversation.item.delete", item_id="item_1"))
    assert invalid(pair.send(create(user_text("new", id="item_1"))))["param"] == "item.id"
    pair.transcribes("good morning")
    assert types(pair.send(create(user_text("new", id="item_1")))) == TURN[3:]


def test_an_id_that_is_announced_for_the_turn_under_way_cannot_be_given_to_another_item(pair: Pair) -> None:
    pair.speak(300)
    assert invalid(pair.send(create(user_text("new", id="item_1"))))["param"] == "item.id"
    assert types(pair.pause(500))[:4] == TURN[1:]


def test_a_report_about_a_transcript_without_a_request_is_ignored(pair: Pair) -> None:
    pair.send(transcribed(), create(user_text("hi")))
    assert pair.transcribes("what?", item_id="item_1") == []
    assert pair.transcription_fails("broken", item_id="item_9") == []


def test_a_detector_that_fails_ends_the_session_with_its_reason(pair: Pair) -> None:
    pair.server.detection_failed("no ears")
    events = pair.send()
    assert types(events) == ["error"]
    assert fields(events, "error")["error"]["type"] == "server_error"
    assert [getattr(command, "code", None) for command in pair.commands] == [1011]
