from __future__ import annotations

from typing import Any

import pytest

from duologue.audio.formats import PCMU
from duologue.events import InputAudioPart, InputTextPart, MessageItem, OutputAudioPart
from duologue.events.base import encode_audio
from duologue.protocol import Respond, SessionDefaults, Transcribe
from duologue.protocol.server.account import MemoryAccount, held_bytes
from duologue.protocol.server.conversation.audio_pieces import AudioPieces
from duologue.protocol.server.conversation.items import ConversationItems, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.testing import Pair, play
from tests.protocol._wire import (
    client_event,
    create,
    invalid,
    order,
    respond,
    retrieve,
    transcribed,
    turn_detection,
    types,
    user_text,
)

HALF_SECOND = bytes(range(250)) * 96


def spoken_response(pair: Pair, *, finished: bool = True) -> str:
    """Half a second of the assistant's speech; returns the item's id."""
    pair.send(respond())
    pair.responds("Hello there")
    item_id = next(e.to_json()["item"]["id"] for e in pair.received if e.type == "response.output_item.added")
    pair.synthesizes(HALF_SECOND)
    if finished:
        pair.finishes()
    return str(item_id)


def truncate(item_id: str, audio_end_ms: int, content_index: int = 0) -> Any:
    return client_event(
        "conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
    )


@pytest.mark.parametrize(
    ("previous", "expected", "before"),
    [
        ({}, ["a", "b", "new"], "b"),
        ({"previous_item_id": None}, ["a", "b", "new"], "b"),
        ({"previous_item_id": "root"}, ["new", "a", "b"], None),
        ({"previous_item_id": "a"}, ["a", "new", "b"], "a"),
        ({"previous_item_id": "b"}, ["a", "b", "new"], "b"),
    ],
)
def test_an_item_goes_where_previous_item_id_says(
    pair: Pair, previous: dict[str, Any], expected: list[str], before: str | None
) -> None:
    pair.send(create(user_text("1", id="a")), create(user_text("2", id="b")))
    added, done = pair.send(create(user_text("3", id="new"), **previous))
    assert order(pair) == expected
    assert added.to_json()["previous_item_id"] == before == done.to_json()["previous_item_id"]


def test_root_puts_the_first_item_first(pair: Pair) -> None:
    added, _ = pair.send(create(user_text("1"), previous_item_id="root"))
    assert added.to_json()["previous_item_id"] is None


def test_an_item_behind_an_unknown_one_is_rejected(pair: Pair) -> None:
    error = invalid(pair.send(create(user_text("1"), previous_item_id="unknown", event_id="e1")))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "previous_item_id", "e1")
    assert order(pair) == []


# --- retrieve


def test_a_retrieved_item_has_its_audio_and_transcript(pair: Pair) -> None:
    item_id = spoken_response(pair)
    assert retrieve(pair, item_id)["content"] == [
        {"type": "output_audio", "audio": encode_audio(HALF_SECOND), "transcript": "Hello there"}
    ]


# --- truncate


def test_a_truncated_item_loses_its_later_audio_and_the_words_in_it(pair: Pair) -> None:
    item_id = spoken_response(pair)
    play(
        pair,
        [
            truncate(item_id, 120),
            ("conversation.item.truncated", {"item_id": item_id, "content_index": 0, "audio_end_ms": 120}),
        ],
    )
    assert retrieve(pair, item_id)["content"] == [
        {"type": "output_audio", "audio": encode_audio(HALF_SECOND[: 120 * 48]), "transcript": ""}
    ]


def test_what_is_said_after_a_truncation_in_progress_stays_out_of_the_conversation(pair: Pair) -> None:
    item_id = spoken_response(pair, finished=False)
    assert types(pair.send(truncate(item_id, 120))) == ["conversation.item.truncated"]
    pair.responds(" and then some")
    pair.synthesizes(HALF_SECOND)
    events = pair.finishes()
    assert events[1].to_json()["transcript"] == "Hello there and then some"
    content = retrieve(pair, item_id)["content"][0]
    assert (content["audio"], content["transcript"]) == (encode_audio(HALF_SECOND[: 120 * 48]), "")
    assert events[-1].to_json()["response"]["usage"]["output_token_details"]["audio_tokens"] == 20


def test_an_interrupted_item_can_be_truncated(pair: Pair) -> None:
    item_id = spoken_response(pair, finished=False)
    pair.speak(300)
    assert types(pair.send(truncate(item_id, 0))) == ["conversation.item.truncated"]


def test_truncating_behind_the_end_is_rejected(pair: Pair) -> None:
    item_id = spoken_response(pair)
    error = invalid(pair.send(truncate(item_id, 501)))
    assert (error["code"], error["message"]) == (
        "invalid_value",
        "Audio content of 500ms is already shorter than 501ms.",
    )
    assert types(pair.send(truncate(item_id, 500))) == ["conversation.item.truncated"]


def test_the_millisecond_that_speech_ends_in_may_be_named_whole(pair: Pair) -> None:
    item_id = spoken_response(pair, finished=False)
    ten_samples = bytes(20)
    pair.synthesizes(ten_samples)
    pair.finishes()
    assert "500ms is already shorter than 502ms" in invalid(pair.send(truncate(item_id, 502)))["message"]
    assert types(pair.send(truncate(item_id, 501))) == ["conversation.item.truncated"]
    assert retrieve(pair, item_id)["content"][0]["audio"] == encode_audio(HALF_SECOND + ten_samples)


def words_of(pair: Pair, item_id: str) -> str:
    """The transcript of an item, as `conversation.item.retrieved` shows it."""
    return str(retrieve(pair, item_id)["content"][0]["transcript"])


def read(pair: Pair) -> list[str]:
    """What the next response reads of the assistant's speech."""
    pair.send(respond(conversation="none", output_modalities=["text"]))
    context = pair.take(Respond).context
    pair.finishes()
    return [
        part.transcript or ""
        for item in context
        if isinstance(item, MessageItem)
        for part in item.content
        if isinstance(part, OutputAudioPart)
    ]


SECOND = bytes(48_000)


def story(pair: Pair) -> str:
    """Two clauses, the first of one second and the second of two; returns the item's id. The response goes on."""
    pair.send(respond())
    pair.take(Respond)
    [added, *_] = pair.responds("Once upon a time, ")
    pair.responds("there was a king.")
    pair.synthesizes(SECOND, clause="Once upon a time,")
    pair.synthesizes(SECOND, clause="there was a king.")
    pair.synthesizes(SECOND)
    return str(added.to_json()["item"]["id"])


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (700, "Once upon a"),
        (1000, "Once upon a time,"),
        (1999, "Once upon a time, there"),
        (3000, "Once upon a time, there was a king."),
    ],
)
def test_a_finished_item_keeps_the_words_that_were_heard_whole(pair: Pair, heard_ms: int, words: str) -> None:
    item_id = story(pair)
    pair.finishes()
    pair.send(truncate(item_id, heard_ms))
    assert words_of(pair, item_id) == words
    assert len(retrieve(pair, item_id)["content"][0].get("audio", "")) == len(encode_audio(bytes(48 * heard_ms)))
    assert read(pair) == [words]


def test_an_item_in_progress_keeps_what_was_heard_and_nothing_that_is_said_later(pair: Pair) -> None:
    item_id = story(pair)
    assert words_of(pair, item_id) == "Once upon a time, there was a king."
    pair.send(truncate(item_id, 1000))
    pair.responds(" And a queen.", response_id="resp_1")
    pair.synthesizes(SECOND, clause="And a queen.", response_id="resp_1")
    assert words_of(pair, item_id) == "Once upon a time,"
    events = pair.finishes(response_id="resp_1")
    transcripts = [event.to_json().get("transcript") for event in events if event.type.endswith("transcript.done")]
    assert transcripts == ["Once upon a time, there was a king. And a queen."]
    assert events[-1].to_json()["response"]["output"][0]["content"][0]["transcript"] == "Once upon a time,"
    assert read(pair) == ["Once upon a time,"]


def test_an_item_can_be_cut_shorter_a_second_time(pair: Pair) -> None:
    item_id = story(pair)
    pair.finishes()
    pair.send(truncate(item_id, 1999), truncate(item_id, 700))
    assert words_of(pair, item_id) == "Once upon a"
    assert "already shorter" in invalid(pair.send(truncate(item_id, 701)))["message"]


def test_of_interrupted_speech_only_what_was_voiced_is_read_later(pair: Pair) -> None:
    pair.send(respond())
    pair.take(Respond)
    pair.responds("Once upon a time, there was a king.")
    pair.synthesizes(SECOND, clause="Once upon a time,")
    events = pair.speak(300)
    assert types(events)[0] == "input_audio_buffer.speech_started"
    item = events[-1].to_json()["response"]["output"][0]
    assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "Once upon a time, there was a king.")
    assert read(pair) == ["Once upon a time,"]
    pair.send(truncate(item["id"], 700))
    assert read(pair) == ["Once upon a"]


def test_a_complete_answer_is_read_whole_even_if_no_audio_says_its_last_words(pair: Pair) -> None:
    story(pair)
    pair.responds(" The end.")
    pair.finishes()
    assert read(pair) == ["Once upon a time, there was a king. The end."]


@pytest.mark.parametrize(("ms", "index", "param"), [(-1, 0, "audio_end_ms"), (0, 1, "content_index")])
def test_truncating_at_an_invalid_position_is_rejected(pair: Pair, ms: int, index: int, param: str) -> None:
    item_id = spoken_response(pair)
    error = invalid(pair.send(truncate(item_id, ms, index)))
    assert (error["code"], error["param"]) == ("invalid_value", param)
    assert retrieve(pair, item_id)["content"][0]["audio"] == encode_audio(HALF_SECOND)


def test_deleting_the_item_that_a_response_is_making_does_not_cancel_it(pair: Pair) -> None:
    item_id = spoken_response(pair, finished=False)
    pair.send(client_event("conversation.item.delete", item_id=item_id))
    assert types(pair.responds(" more")) == ["response.output_audio_transcript.delta"]
    pair.send(create(user_text("in its place", id=item_id)))
    events = pair.finishes()
    assert "conversation.item.done" not in types(events)
    assert types(events)[-2:] == ["response.output_item.done", "response.done"]
    assert retrieve(pair, item_id)["role"] == "user"


# --- what is kept


def test_the_oldest_audio_goes_and_its_words_stay() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=100_000))
    pair.connect()
    for _ in range(5):
        spoken_response(pair)
    contents = [retrieve(pair, entry.item_id)["content"][0] for entry in pair.server.conversation]
    assert ["audio" in content for content in contents] == [False, True, True, True, True]
    assert {content["transcript"] for content in contents} == {"Hello there"}
    pair.send(truncate("item_1", 250))
    assert words_of(pair, "item_1") == "Hello"


def test_what_is_cut_off_an_item_makes_room_for_other_audio() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=100_000))
    pair.connect()
    for _ in range(4):
        spoken_response(pair)
        pair.send(truncate(str(pair.server.conversation.last_id), 120))
    for _ in range(3):
        spoken_response(pair)
    contents = [retrieve(pair, entry.item_id)["content"][0] for entry in pair.server.conversation]
    assert ["audio" in content for content in contents] == [True] * 7


def test_speech_whose_words_are_awaited_keeps_its_audio_and_the_newest_item_always_does() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=10_000))
    pair.connect()
    pair.send(transcribed(), turn_detection(create_response=False))
    for _ in range(3):
        pair.speak(300)
        pair.pause(500)
    audio = [bool(entry.audio) for entry in pair.server.conversation]
    assert audio == [True, True, True]
    pair.transcribes("one")
    pair.transcribes("two")
    pair.speak(300)
    pair.pause(500)
    assert [bool(entry.audio) for entry in pair.server.conversation] == [False, False, True, True]
    assert words_of(pair, "item_2") == "two"


def test_a_responder_reads_the_words_of_speech_whose_audio_is_gone() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=0))
    pair.connect()
    pair.send(transcribed(), turn_detection(create_response=False))
    for word in ("one", "two", "three"):
        pair.speak(300)
        pair.pause(500)
        pair.transcribes(word)
    assert [bool(entry.audio) for entry in pair.server.conversation] == [False, False, True]
    pair.send(respond())
    context = [item for item in pair.take(Respond).context if isinstance(item, MessageItem)]
    assert [getattr(item.content[0], "transcript", None) for item in context] == ["one", "two", "three"]


def test_speech_without_a_transcription_is_dropped_last() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=10_000))
    pair.connect()
    pair.send(turn_detection(create_response=False))
    for _ in range(2):
        pair.speak(300)
        pair.pause(500)
    assert [bool(entry.audio) for entry in pair.server.conversation] == [False, True]
    pair.send(respond())
    assert pair.take(Transcribe).item_id == "item_2"


@pytest.mark.parametrize(("n_bytes", "kept"), [(len(HALF_SECOND), True), (len(HALF_SECOND) - 1, False)])
def test_speech_of_the_length_that_is_kept_is_kept_whole(n_bytes: int, kept: bool) -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=n_bytes))
    pair.connect()
    assert ("audio" in retrieve(pair, spoken_response(pair))["content"][0]) is kept


def test_an_item_may_grow_by_what_is_left_of_its_own_limit_and_of_the_conversation_s() -> None:
    limits = {"max_audio_bytes": 0, "max_bytes": 2_000, "max_item_bytes": 1_500}
    items = ConversationItems("conv", **limits, account=MemoryAccount(1_000_000))

    def grows_by(n_bytes: int) -> tuple[bool, bool]:
        text = "x" * (n_bytes - held_bytes(""))
        return items.fits(text), items.fits(text + "x")

    assert grows_by(1_500) == (True, False)
    entry = Entry(item=MessageItem(id="a", role="user", content=[InputTextPart(text="x" * 400)]))
    items.insert(entry)
    assert grows_by(2_000 - entry.cost_bytes) == (True, False)


def test_the_oldest_audio_goes_before_anything_is_rejected() -> None:
    account = MemoryAccount(10_000)
    conversation = ConversationItems(
        "conv", max_audio_bytes=10**6, max_bytes=10**6, max_item_bytes=10**6, account=account
    )
    for name in ("a", "b", "c", "d"):
        item = MessageItem(id=name, role="user", content=[InputAudioPart(transcript=None)])
        transcript = None if name == "b" else "yes"
        conversation.insert(Entry(item=item, audio=AudioPieces(bytes(1_000)), encoding=PCMU, transcript=transcript))
    account.take("input", 10_000 - sum(account.held.values()))
    account.take("input", 500)
    assert [len(entry.audio) for entry in conversation] == [0, 1_000, 1_000, 1_000]
    assert account.fits("responses", 800)
    assert [len(entry.audio) for entry in conversation] == [0, 1_000, 0, 1_000], "the words of b are still to be found"
    with pytest.raises(InvalidRequest):
        account.take("input", 1_000)
    assert account.held["audio"] == 2_000
