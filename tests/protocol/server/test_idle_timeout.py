"""A user who says nothing is prompted: from when the time counts, and what stops it."""

from __future__ import annotations

from math import inf

import pytest

from duologue.protocol import Respond, SessionDefaults, Transcribe
from duologue.protocol.server.clock import Clock
from duologue.protocol.server.idle_timeout import IdleTimer
from duologue.testing import Pair, play
from tests.protocol._wire import client_event, create, respond, transcribed, turn_detection, types, update, user_text

SECOND = bytes(48_000)
TIMED_OUT = [
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
]


@pytest.fixture
def quiet() -> Pair:
    """A session in which the model has just said a second, at second 0; it waits five for the user."""
    pair = Pair()
    pair.connect()
    pair.send(turn_detection(idle_timeout_ms=5000), create(user_text("hi")), respond())
    pair.responds("Hello there.")
    pair.synthesizes(SECOND)
    pair.finishes()
    pair.take(Respond)
    return pair


def test_the_user_is_prompted_after_the_speech_has_had_time_to_play(quiet: Pair) -> None:
    quiet.pause(6000)
    assert quiet.server.next_tick_at == 6.0
    assert quiet.advance(5.9) == []
    play(
        quiet,
        [
            lambda: quiet.advance(0.2),
            (
                "input_audio_buffer.timeout_triggered",
                {"item_id": "item_3", "audio_start_ms": 1000, "audio_end_ms": 6000},
            ),
            ("input_audio_buffer.committed", {"item_id": "item_3", "previous_item_id": "item_2"}),
            ("conversation.item.added", {"item.id": "item_3", "item.content.0.type": "input_audio"}),
            "conversation.item.done",
            "response.created",
        ],
    )
    command = quiet.take(Respond)
    assert command.silent_ms == 5000
    assert quiet.commands == []


def test_the_prompt_is_followed_by_another_when_it_is_not_answered_either(quiet: Pair) -> None:
    assert types(quiet.advance(6)) == TIMED_OUT
    assert quiet.server.next_tick_at == 3600
    quiet.responds("Are you there?")
    quiet.finishes()
    assert quiet.server.next_tick_at == 11.0
    assert types(quiet.advance(5)) == TIMED_OUT


def test_speech_stops_the_clock(quiet: Pair) -> None:
    quiet.speak(300)
    for _ in range(100):
        assert quiet.advance(0.3) == []
        quiet.speak(300)
    quiet.pause(500)
    quiet.transcribes("yes")
    assert quiet.take(Respond).silent_ms is None


def test_a_response_stops_the_clock_and_starts_it_anew(quiet: Pair) -> None:
    quiet.advance(3)
    quiet.send(respond())
    assert quiet.advance(50) == []
    quiet.finishes()
    assert quiet.server.next_tick_at == quiet.now + 5


def test_a_response_out_of_band_is_not_the_model_s_turn(quiet: Pair) -> None:
    quiet.send(respond(conversation="none"))
    quiet.synthesizes(SECOND * 60)
    quiet.finishes()
    assert quiet.server.next_tick_at == 6.0


def test_pieces_play_one_after_the_other_and_not_before_they_come() -> None:
    clock = Clock(0.0)
    idle = IdleTimer(clock)
    idle.spoken(1000)
    idle.spoken(1000)
    clock.advance_to(10.0)
    idle.spoken(500)
    idle.start()
    assert idle.due_at(5000) == 15.5


def test_there_is_no_prompt_without_a_timeout_nor_before_the_first_response() -> None:
    clock = Clock(0.0)
    idle = IdleTimer(clock)
    assert idle.due_at(5000) == inf
    idle.start()
    assert idle.due_at(None) == inf


def test_a_truncation_means_that_playback_has_stopped(quiet: Pair) -> None:
    quiet.advance(0.5)
    quiet.send(client_event("conversation.item.truncate", item_id="item_2", content_index=0, audio_end_ms=400))
    assert quiet.server.next_tick_at == 5.5


def test_a_cancelled_response_is_not_played_to_its_end(quiet: Pair) -> None:
    quiet.send(respond())
    quiet.synthesizes(SECOND * 30)
    quiet.advance(2)
    quiet.send(client_event("response.cancel"))
    assert quiet.server.next_tick_at == 7.0


def test_a_new_timeout_counts_from_its_setting(quiet: Pair) -> None:
    quiet.advance(4)
    quiet.send(turn_detection(idle_timeout_ms=10_000))
    assert quiet.server.next_tick_at == 14.0
    quiet.send(update(instructions="unrelated"))
    assert quiet.server.next_tick_at == 14.0
    quiet.send(turn_detection(idle_timeout_ms=None))
    assert quiet.server.next_tick_at == 3600


def test_after_a_function_call_it_is_not_the_user_s_turn(quiet: Pair) -> None:
    quiet.send(respond())
    quiet.calls("f")
    quiet.finishes()
    assert quiet.server.next_tick_at == 3600


def test_after_a_failure_the_user_is_not_prompted(quiet: Pair) -> None:
    quiet.send(respond())
    quiet.fails("broken")
    assert quiet.server.next_tick_at == 3600


def test_a_response_that_ends_while_the_user_talks_over_it_starts_nothing() -> None:
    pair = Pair()
    pair.connect()
    pair.send(turn_detection(idle_timeout_ms=5000, interrupt_response=False, create_response=False), respond())
    pair.responds("a long story")
    pair.speak(300)
    pair.finishes()
    assert pair.server.next_tick_at == 0.3 + 0.5, "the end of a turn that goes on in silence"


def test_the_silence_is_transcribed_like_any_turn_where_transcripts_are_wanted(quiet: Pair) -> None:
    quiet.send(transcribed())
    assert types(quiet.advance(6)) == TIMED_OUT
    command = quiet.take(Transcribe)
    assert command.audio == b""
    assert (
        types(quiet.transcribes("", item_id=command.item_id))[-1]
        == "conversation.item.input_audio_transcription.completed"
    )


def test_audio_from_before_the_timeout_is_still_the_lead_in_of_the_next_turn(quiet: Pair) -> None:
    quiet.pause(2000)
    quiet.advance(6)
    quiet.responds("Hello?")
    quiet.finishes()
    [started] = quiet.speak(300)
    assert started.to_json()["audio_start_ms"] == 1700


def test_the_session_s_end_comes_before_any_prompt() -> None:
    pair = Pair(SessionDefaults(duration_s=3))
    pair.connect()
    pair.send(turn_detection(idle_timeout_ms=5000), respond())
    pair.finishes()
    assert types(pair.advance(3)) == ["error"]
    assert pair.server.next_tick_at == inf
    assert pair.advance(10) == []


def test_time_does_not_go_backwards() -> None:
    clock = Clock(5.0)
    clock.advance_to(4.0)
    assert clock.now == 5.0


def test_where_the_server_plays_itself_the_time_counts_from_when_it_has_played(quiet: Pair) -> None:
    quiet.server.playback(True, now=0.5)
    assert quiet.advance(100) == []
    quiet.server.playback(False, now=100)
    assert quiet.server.next_tick_at == 105
    assert types(quiet.advance(5)) == TIMED_OUT


def test_a_playback_that_ends_early_counts_from_its_end(quiet: Pair) -> None:
    quiet.server.playback(True, now=0)
    quiet.server.playback(False, now=0.3)
    assert quiet.server.next_tick_at == 5.3
