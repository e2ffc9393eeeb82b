"""A client that stops sending has its turn ended: time without audio counts as silence."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import InputAudioBufferAppendEvent
from duologue.protocol import Transcribe
from duologue.testing import Pair
from tests.protocol._wire import turn_detection, types, update

ENDED = ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added"]


def talking(**settings: Any) -> Pair:
    """A session in the middle of the user's turn, after 300 ms of speech that came at once."""
    pair = Pair()
    pair.connect()
    if settings:
        pair.send(turn_detection(**settings))
    assert "input_audio_buffer.speech_started" in types(pair.speak(300))
    return pair


def one(events: list[Any], name: str) -> Any:
    [found] = [event for event in events if event.type == name]
    return found


def test_a_client_that_is_muted_in_the_middle_of_a_pause_gets_its_answer() -> None:
    pair = talking()
    pair.pause(200)
    assert types(pair.advance(0.9)) == []
    events = pair.advance(0.2)
    assert types(events)[:3] == ENDED
    assert "response.created" in types(events)
    assert one(events, "input_audio_buffer.speech_stopped").audio_end_ms == 500
    assert pair.take(Transcribe).item_id == one(events, "input_audio_buffer.committed").item_id


def test_a_phone_on_hold_in_the_middle_of_a_word_has_its_turn_ended() -> None:
    pair = talking()
    assert types(pair.advance(0.75)) == []
    assert types(pair.advance(0.1))[:3] == ENDED


@pytest.mark.parametrize(("eagerness", "longest_s"), [("high", 2), ("auto", 4), ("medium", 4), ("low", 8)])
def test_semantic_detection_waits_as_long_as_its_eagerness_allows(eagerness: str, longest_s: int) -> None:
    pair = talking()
    pair.send(update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": eagerness}}}))
    assert types(pair.advance(0.3 + longest_s - 0.1)) == []
    assert types(pair.advance(0.2))[:3] == ENDED


def test_the_silence_that_the_client_set_is_waited_for() -> None:
    pair = talking(silence_duration_ms=3000)
    assert types(pair.advance(3.2)) == []
    assert types(pair.advance(0.2))[:3] == ENDED


def test_a_gap_as_networks_have_it_ends_no_turn_however_short_a_silence_does() -> None:
    pair = talking(silence_duration_ms=100)
    assert types(pair.advance(0.3 + 0.4)) == []
    assert types(pair.advance(0.2))[:3] == ENDED


@pytest.mark.parametrize("burst_ms", [20, 100, 1000, 2000, 4000])
def test_a_client_that_sends_in_bursts_has_no_turn_cut(burst_ms: int) -> None:
    pair = talking()
    for _ in range(5):
        assert types(pair.speak(burst_ms)) == []
        # The next burst is a little late each time.
        assert types(pair.advance(burst_ms / 1000 + 0.05)) == []
    assert types(pair.advance(1))[:3] == ENDED


def test_a_recording_that_came_at_once_ends_when_it_would_have_been_heard_but_not_minutes_later() -> None:
    pair = talking()
    pair.speak(3000)
    assert types(pair.advance(3.7)) == []
    assert types(pair.advance(0.2))[:3] == ENDED
    pair = talking()
    pair.speak(60_000)
    assert types(pair.advance(5.4)) == []
    assert types(pair.advance(0.2))[:3] == ENDED


def test_a_client_that_sends_again_begins_a_turn_where_the_last_one_ended() -> None:
    pair = talking()
    ended = one(pair.advance(10), "input_audio_buffer.speech_stopped")
    assert ended.audio_end_ms == 300
    events = pair.speak(300)
    begun = one(events, "input_audio_buffer.speech_started")
    assert begun.audio_start_ms == 300, "time without audio is no audio"
    assert begun.item_id != ended.item_id
    stopped = one(pair.pause(600), "input_audio_buffer.speech_stopped")
    assert (stopped.item_id, stopped.audio_end_ms) == (begun.item_id, 300 + 300 + 500)


def test_a_silence_in_the_audio_ends_the_turn_once() -> None:
    pair = talking()
    assert types(pair.pause(600))[:3] == ENDED
    assert types(pair.advance(60)) == []


@pytest.mark.parametrize("detection", [None, {"type": "server_vad", "create_response": False}])
def test_without_turns_or_answers_of_the_server_s_own_there_are_none(detection: Any) -> None:
    pair = Pair()
    pair.connect()
    pair.send(update(audio={"input": {"turn_detection": detection}}))
    pair.speak(300)
    events = types(pair.advance(10))
    assert "response.created" not in events
    assert ("input_audio_buffer.speech_stopped" in events) is (detection is not None)


def test_what_nobody_has_listened_to_yet_is_no_silence() -> None:
    pair = talking()
    pair.server.receive(InputAudioBufferAppendEvent.from_audio(bytes(48_000)), now=pair.now)
    assert types(pair.advance(10)) == [], "a second of audio waits for the detector"


def test_a_server_that_did_not_read_blames_no_client() -> None:
    pair = talking()
    pair.now += 5
    pair.server.excuse_silence(pair.now)
    assert types(pair.advance(0.4)) == []
    assert types(pair.advance(0.2))[:3] == ENDED


def test_a_session_that_only_transcribes_has_its_turn_ended_too() -> None:
    pair = Pair(kind="transcription")
    pair.connect()
    pair.speak(300)
    assert types(pair.advance(1))[:3] == ENDED
    assert pair.take(Transcribe).item_id
