"""Words and speech that were told are not lost, whichever event told them and whatever followed."""

from __future__ import annotations

import base64

import pytest

from duologue.protocol.client.notices import AudioDelta, AudioDone, Interrupted, TextDelta, UserTranscript
from tests.protocol._telling import (
    WORDS,
    Frame,
    Telling,
    conversation_item,
    created,
    done,
    message,
    of_type,
    output_item,
    part,
    text_block,
)

TELL_THEM: dict[str, list[Frame]] = {
    "deltas": [part("output_text.delta", delta=WORDS[:8]), part("output_text.delta", delta=WORDS[8:])],
    "spoken deltas": [part("output_audio_transcript.delta", delta=WORDS)],
    "text.done": [part("output_text.done", text=WORDS)],
    "transcript.done": [part("output_audio_transcript.done", transcript=WORDS)],
    "content_part.done": [part("content_part.done", part={"type": "text", "text": WORDS})],
    "output_item.done": [output_item("done", message())],
    "output_item.added": [output_item("added", message())],
    "item.done": [output_item("added", message("")), conversation_item("done", message())],
    "item.created": [output_item("added", message("")), conversation_item("created", message())],
    "response.done": [done(output=[message()])],
    "no ids": [part("output_text.delta", item_id="", delta=WORDS)],
}

EMPTIER: dict[str, list[Frame]] = {
    "null": [done(output=None)],
    "absent": [{"type": "response.done", "response": {"id": "r", "status": "completed"}}],
    "empty": [done(output=[])],
    "no words": [output_item("done", message("")), conversation_item("done", message("")), done(output=[message("")])],
    "fewer words": [part("output_text.done", text="It is"), done(output=[message("It is")])],
    "another id": [done(output=[message(id="other")])],
    "no conversation": [done(output=None, conversation_id=None)],
}


@pytest.mark.parametrize(
    ("how", "end"),
    # A server that gives an id to some events of an item alone is beyond this.
    [(how, end) for how in TELL_THEM for end in EMPTIER if (how, end) != ("no ids", "fewer words")],
)
def test_the_response_has_the_words_that_were_told(how: str, end: str) -> None:
    told = Telling()
    told.tell(created(told.ask()), *TELL_THEM[how], *EMPTIER[end])
    assert told.words() == WORDS
    if how != "no ids":
        assert told.history == WORDS


@pytest.mark.parametrize("announced", [True, False], ids=["with added", "without added"])
def test_words_behind_a_done_are_told_and_kept(announced: bool) -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), *(text_block() if announced else text_block()[3:]))
    told.tell(part("output_text.delta", delta=" Really."), done(request, output=[message()]))
    assert told.words() == f"{WORDS} Really."
    told.tell(part("output_text.delta", delta=" Yes."))
    assert told.history == f"{WORDS} Really. Yes."
    assert "".join(notice.delta for notice in told.all(TextDelta)) == f"{WORDS} Really. Yes."


def test_an_item_behind_the_end_of_its_response_is_part_of_the_conversation() -> None:
    told = Telling()
    told.tell(created(told.ask()), done(output=[]), output_item("done", message()))
    assert told.history == WORDS


def test_two_messages_keep_their_order_when_the_end_lacks_them() -> None:
    told = Telling()
    second = message("And one more.", id="m2")
    told.tell(created(told.ask()), output_item("added", second, 1), *text_block(), output_item("done", second, 1))
    told.tell(done(output=[]))
    assert told.words() == f"{WORDS} And one more."


def test_words_that_the_user_did_not_hear_stay_cut() -> None:
    told = Telling()
    told.tell(
        created(told.ask()), output_item("added", message("")), part("output_audio_transcript.delta", delta=WORDS)
    )
    told.tell(conversation_item("done", message("", content=[{"type": "output_audio", "transcript": WORDS}])))
    told.tell({"type": "conversation.item.truncated", "item_id": "m", "content_index": 0, "audio_end_ms": 100})
    told.tell(part("output_audio_transcript.delta", delta=" And more."), done(output=[]))
    assert told.history == ""


# --- the user's words


def transcribed(transcript: str, **fields: object) -> Frame:
    name = "conversation.item.input_audio_transcription.completed"
    return {"type": name, "item_id": "u", "content_index": 0, "transcript": transcript, "usage": None, **fields}


def test_the_same_transcript_again_is_told_once_and_a_corrected_one_again() -> None:
    told = Telling()
    told.tell(*[transcribed("Hello.")] * 4)
    told.tell(transcribed("Hello, Ada."), transcribed(""), transcribed("Hello, Ada."))
    told.tell(transcribed("Hello.", item_id="u2"), transcribed("Hello.", item_id="u2"))
    assert [(notice.item_id, notice.transcript) for notice in told.all(UserTranscript)] == [
        ("u", "Hello."),
        ("u", "Hello, Ada."),
        ("u2", "Hello."),
    ]


def test_a_transcript_that_only_the_item_of_the_speech_has_is_told() -> None:
    told = Telling()
    spoken = message(id="u", role="user", content=[{"type": "input_audio", "transcript": "Hello."}])
    told.tell({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": None})
    told.tell(conversation_item("added", spoken), conversation_item("done", spoken), transcribed("Hello."))
    told.tell(conversation_item("done", {**spoken, "id": "of an earlier session"}))
    assert [(notice.item_id, notice.transcript) for notice in told.all(UserTranscript)] == [("u", "Hello.")]


# --- speech


def speech(item_id: str = "m", output_index: int = 0) -> Frame:
    delta = base64.b64encode(bytes(4_800)).decode()
    return part("output_audio.delta", item_id, output_index, delta=delta)


def test_speech_behind_the_end_of_its_part_and_of_its_response_is_told() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), speech(), part("output_audio.done"), speech(), done(request), speech())
    assert [len(notice.audio) for notice in told.all(AudioDelta)] == [4_800] * 3
    assert told.is_playing


def test_speech_that_was_played_whole_goes_on_when_more_comes_and_can_be_cut() -> None:
    told = Telling()
    told.tell(created(told.ask()), speech(), part("output_audio.done"))
    told.core.report_played("m", n_bytes=4_800)
    before = told.is_playing
    told.tell(speech())
    assert (before, told.is_playing) == (False, True)
    told.tell({"type": "input_audio_buffer.speech_started", "item_id": "u", "audio_start_ms": 0})
    assert [cut for notice in told.all(Interrupted) for cut in notice.interruption.cut] == [("m", 0)]


def test_speech_that_was_cut_is_not_told_any_more() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), speech())
    told.tell({"type": "input_audio_buffer.speech_started", "item_id": "u", "audio_start_ms": 0})
    told.tell(speech(), part("output_audio.done"), speech(), done(request, status="cancelled"), speech())
    told.tell(speech("another of it", 1))
    assert len(told.all(AudioDelta)) == 1


def test_speech_whose_end_is_lost_ends_with_its_response() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request), speech(), done(request))
    assert [(notice.item_id, notice.content_index) for notice in told.all(AudioDone)] == [("m", 0)]


def test_late_speech_is_in_the_format_of_its_own_response() -> None:
    told = Telling()
    request = told.ask()
    told.tell(created(request, audio={"output": {"format": {"type": "audio/pcmu"}}}), speech(), done(request), speech())
    assert [notice.encoding.type for notice in told.all(AudioDelta)] == ["audio/pcmu"] * 2


def test_a_turn_of_which_nothing_but_the_text_events_came_has_its_words() -> None:
    told = Telling()
    lost = ("response.output_item.added", "response.content_part.added", "conversation.item.added")
    told.tell(created(told.ask()), *of_type(text_block(), *lost), done(output=[]))
    assert (told.words(), told.history) == (WORDS, WORDS)
