"""InputPipeline during a turn: partial transcripts, pauses and end-of-turn estimates."""

from __future__ import annotations

import pytest

from duologue.events import InputAudioBufferAppendEvent, RealtimeEvent
from duologue.protocol import DiscardAhead, Transcribe, TranscribeAhead, TranscribePartial
from duologue.testing import Pair
from tests.protocol._wire import by_hand, transcribed, turn_detection, types, update
from tests.protocol.server.input.test_pipeline import CLEAR, COMMIT, TURN, fields, semantic

# --- while a turn is under way


def kinds(pair: Pair) -> list[type]:
    """Commands that are left, by class."""
    return [type(command) for command in pair.commands]


def test_a_turn_is_followed_while_it_is_spoken_if_the_client_wants_transcripts(pair: Pair) -> None:
    pair.speak(300)
    assert kinds(pair) == []
    pair.pause(500)
    pair.send(transcribed())
    pair.speak(300)
    assert pair.take(TranscribePartial).item_id == "item_2"


def test_partial_transcripts_are_sent_as_far_as_they_agree_under_the_id_of_speech_started(pair: Pair) -> None:
    pair.send(transcribed())
    started = fields(pair.speak(300), "input_audio_buffer.speech_started")
    assert pair.transcribes_partially("He was not") == []
    (delta,) = pair.transcribes_partially("He was not an old", item_id=started["item_id"])
    assert delta.to_json()["item_id"] == started["item_id"]
    assert delta.to_json()["delta"] == "He was not"
    pair.pause(500)
    events = pair.transcribes("He was not an ill man.")
    # The engine reports word by word; words that were sent are not sent again.
    assert fields(events, "conversation.item.input_audio_transcription.delta")["delta"] == " an"
    completed = fields(events, "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "He was not an ill man."


def test_a_transcript_that_contradicts_its_deltas_is_completed_all_the_same(pair: Pair) -> None:
    pair.send(transcribed())
    pair.speak(300)
    pair.transcribes_partially("She was not")
    pair.transcribes_partially("She was not ill", item_id="item_1")
    pair.pause(500)
    events = pair.transcribes("He was not ill.")
    assert [event.type for event in events if event.type != "response.done"][:1] == [
        "conversation.item.input_audio_transcription.completed"
    ]
    assert events[0].to_json()["transcript"] == "He was not ill."


def test_a_partial_transcript_of_a_turn_that_is_over_is_stale(pair: Pair) -> None:
    pair.send(transcribed())
    pair.speak(300)
    pair.transcribes_partially("He was")
    pair.pause(500)
    assert pair.transcribes_partially("He was ill", item_id="item_1") == []
    assert pair.transcribes_partially("He was ill", item_id="item_7") == []


@pytest.mark.parametrize("commits", [True, False])
def test_nothing_is_kept_of_partial_transcripts_once_no_transcript_will_follow(pair: Pair, commits: bool) -> None:
    pair.send(transcribed(), turn_detection(create_response=False))
    pair.speak(300)
    pair.transcribes_partially("He was not")
    pair.send(update(audio={"input": {"transcription": None}}))
    assert types(pair.send(COMMIT) if commits else pair.pause(500))[-1] == "conversation.item.done"
    assert pair.server._input._transcripts == {}


def test_a_pause_is_transcribed_ahead_and_speech_discards_that(pair: Pair) -> None:
    pair.speak(300)
    pair.pause(200)
    assert pair.take(TranscribeAhead) == TranscribeAhead("item_1", detect_end_of_turn=False)
    pair.speak(100)
    assert pair.take(DiscardAhead) == DiscardAhead("item_1")
    pair.pause(500)
    assert kinds(pair) == [TranscribeAhead, Transcribe]


def test_nothing_is_transcribed_ahead_where_no_transcript_is_needed(pair: Pair) -> None:
    pair.send(turn_detection(create_response=False))
    pair.speak(300)
    pair.pause(400)
    assert kinds(pair) == []


def test_what_is_being_said_can_be_read_from_any_place_until_the_turn_is_over(pair: Pair) -> None:
    pair.send(transcribed())
    pair.pause(1000)
    pair.speak(400)
    spoken = pair.server.speech_so_far("item_1")
    assert spoken is not None
    assert len(spoken.audio) == 700 * 48
    rest = pair.server.speech_so_far("item_1", 600 * 48)
    assert rest is not None
    assert len(rest.audio) == 100 * 48
    assert pair.server.speech_so_far("item_2") is None
    pair.pause(500)
    assert pair.server.speech_so_far("item_1") is None
    assert pair.take(Transcribe).audio.startswith(spoken.audio)


def test_a_pause_is_silent(pair: Pair) -> None:
    seen = [pair.server.silent]
    for sound, ms in ((pair.speak, 300), (pair.pause, 20), (pair.speak, 20)):
        sound(ms)
        seen.append(pair.server.silent)
    assert seen == [True, False, True, False]


@pytest.mark.parametrize("drop", [CLEAR, by_hand()], ids=["cleared", "detection off"])
def test_a_turn_that_is_dropped_is_discarded_for_good(pair: Pair, drop: RealtimeEvent) -> None:
    pair.send(transcribed())
    pair.speak(300)
    pair.send(drop)
    assert pair.take(DiscardAhead) == DiscardAhead("item_1", gone=True)
    assert pair.server.speech_so_far("item_1") is None


def test_a_commit_in_the_middle_of_speech_keeps_what_is_known_of_it_and_is_followed_by_no_speech_stopped(
    pair: Pair,
) -> None:
    pair.send(transcribed())
    pair.pause(1000)
    pair.speak(400)
    pair.transcribes_partially("Well")
    events = pair.send(COMMIT)
    assert types(events) == TURN[2:]
    assert fields(events, "input_audio_buffer.committed")["item_id"] == "item_1"
    assert kinds(pair) == [Transcribe]
    assert types(pair.pause(1000)) == []
    assert types(pair.speak(300)) == TURN[:1]


def test_a_change_of_format_in_the_middle_of_speech_makes_void_what_was_read(pair: Pair) -> None:
    pair.send(transcribed())
    pair.speak(400)
    pair.pause(200)
    pair.send(update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    assert pair.take(DiscardAhead) == DiscardAhead("item_1", gone=True)
    pair.speak(300)
    events = pair.pause(500)
    assert types(events)[: len(TURN) - 1] == TURN[1:]
    assert fields(events, "input_audio_buffer.speech_stopped")["audio_end_ms"] == 1400
    command = pair.take(Transcribe)
    assert command.encoding.type == "audio/pcmu"
    assert len(command.audio) == 800 * 8


# --- end of turn by words


def test_a_turn_with_complete_words_ends_after_a_short_silence(pair: Pair) -> None:
    pair.send(semantic())
    pair.speak(400)
    pair.pause(200)
    assert pair.take(TranscribeAhead).detect_end_of_turn
    assert pair.estimates_end_of_turn(1.0, item_id="item_1") == []
    assert types(pair.pause(160)) == [*TURN[1:], "response.created"]


def test_a_switch_to_silence_in_the_middle_of_speech_needs_no_estimate(pair: Pair) -> None:
    pair.send(semantic())
    pair.speak(400)
    pair.pause(200)
    pair.estimates_end_of_turn(0.0)
    pair.send(turn_detection(silence_duration_ms=300))
    assert types(pair.pause(100)) == [*TURN[1:], "response.created"]
    assert pair.estimates_end_of_turn(1.0, item_id="item_1") == []


def test_a_switch_to_words_in_the_middle_of_speech_goes_on_with_the_turn(pair: Pair) -> None:
    pair.speak(400)
    pair.send(semantic())
    assert pair.pause(600) == []
    assert types(pair.estimates_end_of_turn(1.0)) == [*TURN[1:], "response.created"]


def test_a_switch_to_words_in_a_pause_has_the_pause_estimated_again(pair: Pair) -> None:
    pair.speak(400)
    pair.pause(400)
    assert not pair.take(TranscribeAhead).detect_end_of_turn
    pair.send(semantic())
    assert pair.take(DiscardAhead) == DiscardAhead("item_1")
    pair.pause(200)
    assert types(pair.estimates_end_of_turn(1.0)) == [*TURN[1:], "response.created"]


def test_an_update_of_something_else_keeps_an_estimate(pair: Pair) -> None:
    pair.send(semantic())
    pair.speak(400)
    pair.pause(200)
    pair.estimates_end_of_turn(1.0)
    pair.send(update(instructions="Be brief."))
    assert types(pair.pause(160)) == [*TURN[1:], "response.created"]


def test_speech_interrupts_the_answer_to_a_turn_that_was_estimated_complete(pair: Pair) -> None:
    pair.send(semantic())
    pair.speak(400)
    pair.pause(400)
    pair.estimates_end_of_turn(1.0)
    pair.transcribes("Hello.")
    pair.responds("Well")
    events = pair.speak(200)
    assert types(events)[0] == TURN[0]
    assert types(events)[-1] == "response.done"


def test_noise_reduction_goes_along_with_the_audio(pair: Pair) -> None:
    pair.send(update(audio={"input": {"noise_reduction": {"type": "near_field"}}}))
    pair.send(InputAudioBufferAppendEvent.from_audio(bytes(480)))
    assert pair._to_detect[-1].noise_reduction == "near_field"
    pair.speak(300)
    pair.pause(500)
    assert pair.take(Transcribe).noise_reduction == "near_field"
    pair.send(update(audio={"input": {"noise_reduction": None}}))
    pair.send(InputAudioBufferAppendEvent.from_audio(bytes(480)))
    assert pair._to_detect[-1].noise_reduction is None
