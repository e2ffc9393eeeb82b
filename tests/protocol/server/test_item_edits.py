"""What clients do to items: create, retrieve and delete."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events.base import encode_audio
from duologue.protocol import Respond, SessionDefaults, Transcribe
from duologue.testing import Pair, play
from tests.protocol._wire import (
    client_event,
    create,
    invalid,
    order,
    raw,
    respond,
    retrieve,
    transcribed,
    types,
    user_text,
)


def truncate(item_id: str, audio_end_ms: int, content_index: int = 0) -> Any:
    return client_event(
        "conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
    )


HALF_SECOND = bytes(range(250)) * 96


ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "be nice"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I said"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,"}]},
    {"type": "function_call", "name": "f", "call_id": "call_1", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "42"},
]


CALL = ITEMS[3]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
    ({"type": "message", "content": []}, "missing_required_parameter", "item.role"),
    ({"type": "message", "role": "robot", "content": []}, "invalid_value", "item.role"),
    ({"type": "message", "role": "user", "content": "hi"}, "invalid_value", "item.content"),
    ({"type": "message", "role": "user", "content": [{"type": "input_text"}]}, "missing_required_parameter", "text"),
    ({"type": "message", "role": "user", "content": [{"type": "smell"}]}, "invalid_value", "item.content[0].type"),
    (
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "?"}]},
        "invalid_value",
        "item.content[0].audio",
    ),
    (
        {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "x"}]},
        "invalid_value",
        "item.content[0].type",
    ),
    ({"type": "message", "role": "user", "content": [], "mood": "good"}, "unknown_parameter", "item.mood"),
    ({"type": "poem"}, "invalid_value", "item.type"),
    ({"role": "user", "content": []}, "missing_required_parameter", "item.type"),
]


@pytest.mark.parametrize("kind", ["output_audio", "audio"])
def test_assistant_audio_cannot_be_created(pair: Pair, kind: str) -> None:
    content = [{"type": kind, "audio": encode_audio(bytes(480)), "transcript": "hi"}]
    error = invalid(pair.send(create({"type": "message", "role": "assistant", "content": content})))
    assert (error["code"], error["param"]) == ("invalid_value", "item.content[0].type")


@pytest.mark.parametrize("kind", ["output_text", "text"])
def test_assistant_text_can_be_created(pair: Pair, kind: str) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": kind, "text": "hi"}]}
    assert types(pair.send(create(item))) == ["conversation.item.added", "conversation.item.done"]


def test_an_item_is_added_and_done_back_to_back_with_the_same_content(pair: Pair) -> None:
    whole = user_text("hi", id="item_1", status="completed")
    play(
        pair,
        [
            create(user_text("hi")),
            ("conversation.item.added", {"previous_item_id": None, "item": whole}),
            ("conversation.item.done", {"previous_item_id": None, "item": whole}),
        ],
    )
    assert pair.commands == []


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['type']}-{item.get('role', '')}")
def test_every_kind_of_item_that_a_client_makes_is_taken(pair: Pair, item: dict[str, Any]) -> None:
    pair.send(create({**CALL, "id": "call"}))
    added, done = pair.send(create(item))
    status = {} if item["type"] == "function_call_output" else {"status": "completed"}
    assert added.to_json()["item"] == {**item, "id": "item_1", **status} == done.to_json()["item"]
    assert types(pair.send(respond())) == ["response.created"]
    assert len(pair.take(Respond).context) == 2


def test_a_call_that_a_client_makes_without_a_call_id_is_given_one(pair: Pair) -> None:
    added, _ = pair.send(create({"type": "function_call", "name": "f", "arguments": "{}"}))
    assert added.to_json()["item"]["call_id"] == "call_1"


def test_an_id_that_the_client_chose_comes_back_and_counts(pair: Pair) -> None:
    pair.send(create(user_text("hi", id="mine")))
    assert order(pair) == ["mine"]
    error = invalid(pair.send(create(user_text("again", id="mine"), event_id="e1")))
    assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "item.id", "e1")
    assert retrieve(pair, "mine")["content"][0]["text"] == "hi"


@pytest.mark.parametrize(("item", "code", "param"), BAD, ids=[f"{n}-{bad[2]}" for n, bad in enumerate(BAD)])
def test_an_invalid_item_is_rejected(pair: Pair, item: dict[str, Any], code: str, param: str) -> None:
    error = invalid(raw(pair, {"type": "conversation.item.create", "event_id": "e1", "item": item}))
    assert (error["code"], error["event_id"]) == (code, "e1")
    assert error["param"].endswith(param)
    assert order(pair) == []


def test_speech_in_an_item_is_kept_but_not_shown_and_transcribed_if_asked_for(pair: Pair) -> None:
    part = {"type": "input_audio", "audio": encode_audio(HALF_SECOND)}
    pair.send(transcribed())
    added, done = pair.send(create({"type": "message", "role": "user", "content": [part]}))
    assert added.to_json()["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert done.to_json()["item"] == added.to_json()["item"]
    assert pair.take(Transcribe).audio == HALF_SECOND
    assert retrieve(pair, "item_1")["content"] == [{**part, "transcript": None}]


# --- delete


def test_speech_in_items_makes_the_oldest_go_that_does_not_fit() -> None:
    pair = Pair(SessionDefaults(max_audio_bytes=len(HALF_SECOND)))
    pair.connect()
    speech = {"type": "input_audio", "audio": encode_audio(HALF_SECOND)}
    for _ in range(2):
        pair.send(create({"type": "message", "role": "user", "content": [speech]}))
    assert [len(entry.audio) for entry in pair.server.conversation] == [0, len(HALF_SECOND)]


def test_a_deleted_item_is_gone_and_the_chain_closes_behind_it(pair: Pair) -> None:
    for name in ("a", "b"):
        pair.send(create(user_text(name, id=name)))
    play(
        pair,
        [client_event("conversation.item.delete", item_id="b"), ("conversation.item.deleted", {"item_id": "b"})],
    )
    added, _ = pair.send(create(user_text("c")))
    assert added.to_json()["previous_item_id"] == "a"
    assert invalid(pair.send(client_event("conversation.item.retrieve", item_id="b")))


def test_a_conversation_takes_so_many_items_from_its_client_and_no_more() -> None:
    pair = Pair(SessionDefaults(max_items=2))
    pair.connect()
    pair.send(create(user_text("a")), create(user_text("b")))
    error = invalid(pair.send(create(user_text("c"))))
    assert (error["code"], error["param"]) == ("invalid_value", "item")
    pair.send(respond())
    pair.finishes()
    assert len(pair.server.conversation) == 3


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item['type']}-{item.get('role', '')}")
def test_only_the_speech_of_the_model_can_be_truncated(pair: Pair, item: dict[str, Any]) -> None:
    pair.send(create({**CALL, "id": "call"}), create({**item, "id": "mine"}))
    error = invalid(pair.send(truncate("mine", 0)))
    assert error["code"] is None
    assert error["message"].startswith("Only model output audio messages can be truncated")
