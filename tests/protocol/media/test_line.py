"""Conversations over a media line, without a clock: what the client is told, in which order, and what is played."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from duologue.protocol.media.playout import TAIL_FRAMES
from tests.protocol.media._driven_line import DrivenLine, error, tone

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared"))
TRUNCATE, APPEND = "(conversation.item.truncate)", "(input_audio_buffer.append)"


@pytest.fixture
def line() -> DrivenLine:
    return DrivenLine()


# --- a turn


def test_a_turn_is_started_at_its_first_frame_and_stopped_behind_its_last(line: DrivenLine) -> None:
    line.response()
    line.send(
        "response.content_part.added",
        response_id="r",
        item_id="i",
        output_index=0,
        content_index=0,
        part={"type": "audio"},
    )
    line.says(60)
    line.play(1)
    assert line.take() == ["response.created", "response.content_part.added", "frame", STARTED]
    line.said()
    line.done()
    line.play(12_000)
    assert line.take() == [
        "response.output_audio.done",
        "response.done",
        "frame",
        "frame",
        STOPPED,
        *["silence"] * TAIL_FRAMES,
    ]
    assert line.line.next_due_at == inf
    assert [message["response_id"] for message in line.messages if "buffer" in message["type"]] == ["r", "r"]
    assert line.commands == []


def test_what_is_played_before_the_response_is_done_stops_behind_it(line: DrivenLine) -> None:
    line.response()
    line.says(40)
    line.play(1000)
    line.said()
    assert line.told() == ["response.created", STARTED, "response.output_audio.done"]
    line.done()
    assert line.told() == ["response.done", STOPPED]


def test_a_pause_of_the_engines_belongs_to_the_response(line: DrivenLine) -> None:
    line.response()
    line.says(40)
    line.play(100)
    line.says(40)
    line.play(40)
    assert line.take() == ["response.created", "frame", STARTED, "frame", *["silence"] * 3, "frame", "frame"]


def test_speech_that_goes_on_within_the_silence_behind_it_is_played_at_once(line: DrivenLine) -> None:
    line.response()
    line.says(20)
    line.play(50)
    line.says(20)
    assert line.line.next_due_at <= line.now


def test_a_response_without_speech_has_no_playback(line: DrivenLine) -> None:
    line.response()
    line.send("response.output_text.delta", response_id="r", item_id="i", output_index=0, content_index=0, delta="hi")
    line.done()
    line.play(1000)
    assert line.take() == ["response.created", "response.output_text.delta", "response.done"]
    assert not line.frames


def test_empty_speech_has_no_playback(line: DrivenLine) -> None:
    line.answers(0)
    line.play(1000)
    assert line.told() == ["response.created", "response.output_audio.done", "response.done"]
    assert not line.line.playing


def test_speech_of_less_than_a_frame_is_filled_up_with_silence(line: DrivenLine) -> None:
    line.answers(30)
    line.play(30)
    assert line.frames == [tone(20), tone(10) + bytes(480)]


def test_frames_are_paced_at_the_speed_of_sound(line: DrivenLine) -> None:
    line.answers(1000)
    assert line.late(1) == 1
    assert [line.late(20) for _ in range(5)] == [1] * 5
    assert line.late(100) == 5  # lateness does not add up
    assert line.late(5000) == 1  # but behind a standstill no burst comes
    assert line.late(1) == 0
    assert [line.late(20) for _ in range(5)] == [1] * 5


# --- several responses


def test_responses_are_played_one_behind_the_other(line: DrivenLine) -> None:
    line.answers(40, "a")
    line.answers(40, "b")
    line.play(12_000)
    assert [name for name in line.take() if not name.startswith("response.")] == [
        "frame",
        STARTED,
        "frame",
        STOPPED,
        "frame",
        STARTED,
        "frame",
        STOPPED,
        *["silence"] * TAIL_FRAMES,
    ]
    assert [message["response_id"] for message in line.messages if "buffer" in message["type"]] == ["a", "a", "b", "b"]


def test_a_response_beside_the_conversation_waits_for_its_turn(line: DrivenLine) -> None:
    line.response("a")
    line.says(40, "a")
    line.response("b", conversation=None)
    line.says(40, "b")
    line.done("b")
    line.play(500)
    assert [name for name in line.told() if "buffer" in name] == [STARTED]
    line.done("a")
    line.play(500)
    assert line.told() == ["response.done", STOPPED, STARTED, STOPPED]


def test_a_response_whose_end_never_came_is_over_when_the_next_one_begins(line: DrivenLine) -> None:
    line.response("a")
    line.says(40, "a")
    line.play(500)
    line.told()
    line.response("b")
    assert line.told() == ["response.created", STOPPED]
    line.says(20, "b")
    line.done("b")
    line.play(500)
    assert line.told() == ["response.done", STARTED, STOPPED]


# --- the user interrupts


def test_barge_in_behind_the_response_s_end_clears_and_truncates(line: DrivenLine) -> None:
    line.answers(5000)
    line.play(1510)
    line.take()
    line.speech_started()
    assert line.take() == ["input_audio_buffer.speech_started", CLEARED, TRUNCATE]
    assert line.commands[-1] | {"event_id": ""} == {
        "type": "conversation.item.truncate",
        "event_id": "",
        "item_id": "r_item",
        "content_index": 0,
        "audio_end_ms": 1520,
    }
    line.play(12_000)
    assert line.take() == ["silence"] * TAIL_FRAMES
    line.speech_started()
    assert line.take() == ["input_audio_buffer.speech_started"]


def test_barge_in_while_the_response_is_made_truncates_when_it_is_done(line: DrivenLine) -> None:
    line.response()
    line.says(5000)
    line.play(100)
    line.take()
    line.speech_started()
    line.says(1000)
    line.said()
    line.done(status="cancelled")
    assert line.take() == [
        "input_audio_buffer.speech_started",
        CLEARED,
        "response.output_audio.done",
        "response.done",
        TRUNCATE,
    ]
    assert line.commands[-1]["audio_end_ms"] == 100
    line.says(1000)  # behind its end
    line.play(12_000)
    assert line.take() == ["silence"] * TAIL_FRAMES


def test_speech_that_nobody_heard_is_truncated_to_nothing_without_a_word_to_the_client(line: DrivenLine) -> None:
    line.response("a")
    line.says(100, "a", item="first")
    line.says(100, "a", item="second")
    line.done("a")
    line.response("b")
    line.says(100, "b", item="third")
    line.play(30)
    line.take()
    line.speech_started()
    line.says(100, "b", item="fourth")
    line.done("b")
    assert line.take() == [
        "input_audio_buffer.speech_started",
        CLEARED,
        TRUNCATE,
        TRUNCATE,
        "response.done",
        TRUNCATE,
        TRUNCATE,
    ]
    assert [(command["item_id"], command["audio_end_ms"]) for command in line.commands] == [
        ("first", 40),
        ("second", 0),
        ("third", 0),
        ("fourth", 0),
    ]


def test_what_was_heard_to_its_end_is_not_truncated(line: DrivenLine) -> None:
    line.response()
    line.says(40, item="first")
    line.says(100, item="second")
    line.done()
    line.play(90)
    line.speech_started()
    assert [(command["item_id"], command["audio_end_ms"]) for command in line.commands] == [("second", 60)]


def test_speech_beside_the_conversation_is_cleared_but_not_truncated(line: DrivenLine) -> None:
    line.response(conversation=None)
    line.says(500)
    line.done()
    line.play(100)
    line.take()
    line.speech_started()
    assert line.take() == ["input_audio_buffer.speech_started", CLEARED]


@pytest.mark.parametrize(
    ("turn_detection", "cuts"),
    [
        ({"type": "server_vad"}, True),
        ({"type": "semantic_vad", "interrupt_response": True}, True),
        ({"type": "server_vad", "interrupt_response": False}, False),
        ({"type": "semantic_vad", "interrupt_response": False}, False),
        ({"type": "of_tomorrow"}, True),
        (None, False),
    ],
)
def test_speech_interrupts_where_the_session_says_so(
    line: DrivenLine, turn_detection: dict[str, Any] | None, cuts: bool
) -> None:
    line.session(audio={"input": {"turn_detection": turn_detection}})
    line.answers(500)
    line.play(100)
    line.told()
    line.speech_started()
    assert (CLEARED in line.told()) is cuts


# --- the client wants silence


def test_an_interrupt_of_the_sdk_cancels_and_clears(line: DrivenLine) -> None:
    line.response()
    line.says(3000)
    line.play(720)
    line.take()
    line.asks("response.cancel")
    line.asks("output_audio_buffer.clear")
    line.done(status="cancelled")
    assert line.take() == ["(response.cancel)", CLEARED, "response.done", TRUNCATE]
    assert line.commands[-1]["audio_end_ms"] == 720


def test_a_clear_with_nothing_to_clear_is_answered_by_nothing(line: DrivenLine) -> None:
    line.asks("output_audio_buffer.clear", event_id="mine")
    line.answers(40)
    line.play(12_000)
    line.told()
    line.asks("output_audio_buffer.clear")
    line.play(1000)
    assert line.take() == []


def test_a_clear_without_a_cancel_silences_the_rest_of_the_response(line: DrivenLine) -> None:
    line.response()
    line.says(100)
    line.play(50)
    line.asks("output_audio_buffer.clear")
    line.says(1000)
    line.done()
    line.play(1000)
    assert [name for name in line.take() if name != "silence"] == [
        "response.created",
        "frame",
        STARTED,
        "frame",
        "frame",
        CLEARED,
        "response.done",
        TRUNCATE,
    ]
    line.answers(20, "next")
    line.play(100)
    assert [name for name in line.told() if "buffer" in name] == [STARTED, STOPPED]


def test_a_cancel_alone_lets_play_what_has_been_said(line: DrivenLine) -> None:
    line.response()
    line.says(100)
    line.asks("response.cancel")
    line.done(status="cancelled")
    line.play(1000)
    assert line.told() == ["response.created", "(response.cancel)", "response.done", STARTED, STOPPED]


def test_a_message_that_only_mentions_the_clear_is_for_the_session(line: DrivenLine) -> None:
    line.asks("conversation.item.delete", item_id="output_audio_buffer.clear")
    line.line.from_client("output_audio_buffer.clear is no JSON", now=line.now)
    assert len(line.line.take_commands()) == 1
    assert line.commands[0]["item_id"] == "output_audio_buffer.clear"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"type": "session.update","session":{}}', True),
        ('{"session":{},"type":"transcription_session.update"}', True),
        ('{"type":"conversation.item.delete","item_id":"session.update"}', False),
        ('{"type":"conversation.item.delete","item_id":"{\\"type\\":\\"session.update\\"}"}', False),
    ],
)
def test_sound_waits_for_a_change_of_the_session_and_not_for_words_about_one(
    line: DrivenLine, text: str, held: bool
) -> None:
    line.line.from_client(text, now=line.now)
    line.line.take_commands()
    line.hears(bytes(960))
    assert line.told() == ([] if held else [APPEND])


# --- errors


def _cut(line: DrivenLine) -> str:
    """Have the line truncate; returns the id of its command."""
    line.answers(500)
    line.play(100)
    line.speech_started()
    line.take()
    event_id = line.commands[-1]["event_id"]
    assert isinstance(event_id, str)
    return event_id


def test_errors_that_answer_the_line_s_own_truncation_do_not_reach_the_client(line: DrivenLine) -> None:
    event_id = _cut(line)
    line.send("error", error=error(event_id))
    line.send("error", error=error(None, "Unknown event type 'conversation.item.truncate'"))
    assert line.take() == []
    line.send("error", error=error("mine", "cannot truncate"))
    line.send("error", error=error(None))
    assert line.take() == ["error", "error"]


def test_without_an_own_truncation_every_error_reaches_the_client(line: DrivenLine) -> None:
    line.send("error", error=error(None, "cannot truncate"))
    assert line.take() == ["error"]


def test_speech_that_is_no_base64_is_answered_by_anerror(line: DrivenLine) -> None:
    line.send("response.output_audio.delta", **DrivenLine.part("r", None), delta="not base64!")
    assert line.take() == ["error"]
    assert line.messages[-1]["error"]["code"] == "invalid_audio"


def test_what_is_no_event_passes_as_it_is(line: DrivenLine) -> None:
    line.line.from_session("not JSON", now=0)
    line.line.from_session('{"type": "of.tomorrow", "x": 1}', now=0)
    assert line.line.take_messages() == ["not JSON", '{"type": "of.tomorrow", "x": 1}']


# --- sidebands


def test_a_sideband_begins_with_the_session_as_it_is(line: DrivenLine) -> None:
    line.session(audio={"output": {"voice": "second"}})
    text = line.line.session_text()
    assert text is not None
    assert '"type":"session.created"' in text
    assert '"voice":"second"' in text


def test_messages_are_made_to_fit(line: DrivenLine) -> None:
    assert line.line.fitting("x" * 100, 100) == "x" * 100
    assert "event_too_large" in line.line.fitting("x" * 101, 100)
