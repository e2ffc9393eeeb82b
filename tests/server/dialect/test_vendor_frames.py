"""Frames of a vendor have what its clients read, and nothing that the vendor leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.server.dialect.adapter import DialectAdapter
from duologue.server.dialect.vendor_frames import complete_frame
from duologue.testing import CountedIds
from tests.protocol._wire import server_event
from tests.server.dialect.test_adapter import Spoken

MESSAGE = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def test_xai_greets_as_it_was_recorded() -> None:
    greeting, created, ping = Spoken("xai").reported()
    assert set(greeting["session"]) == {
        "id", "object", "instructions", "voice", "modalities", "turn_detection", "tools", "model",
    }  # fmt: skip
    assert greeting["session"]["turn_detection"] == {"type": None}
    assert (created["type"], ping["type"]) == ("conversation.created", "ping")
    assert isinstance(ping["timestamp"], int)


@pytest.mark.parametrize("name", ["response.output_item.added", "response.output_item.done"])
def test_xai_leaves_content_out_of_output_items_and_of_nothing_else(name: str) -> None:
    frame: dict[str, Any] = {"type": name, "item": dict(MESSAGE)}
    complete_frame("xai", frame)
    assert "content" not in frame["item"]
    assert frame["item"]["object"] == "realtime.item"
    added: dict[str, Any] = {"type": "conversation.item.added", "item": {**MESSAGE}}
    del added["item"]["content"]
    complete_frame("xai", added)
    assert added["item"]["content"] == []


def test_xai_keeps_the_metadata_by_which_clients_know_their_responses() -> None:
    for metadata in (None, {"client_event_id": "x"}):
        frame: dict[str, Any] = {"type": "response.created", "response": {"id": "r", "metadata": metadata}}
        complete_frame("xai", frame)
        assert frame["response"].get("metadata") == metadata
        assert ("metadata" in frame["response"]) is (metadata is not None)


@pytest.mark.parametrize("dialect", ["xai", "azure-voice-live", "qwen", "glm", "yandex"])
def test_items_say_that_they_are_items(dialect: str) -> None:
    spoken = Spoken(dialect)
    spoken.reported()
    content = [{"type": "input_text", "text": "hi"}]
    [frame, *_] = spoken.say(
        type="conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )
    assert frame["item"]["object"] == "realtime.item"


def test_a_relay_in_front_of_the_vendor_leaves_its_frames_as_they_are() -> None:
    adapter = DialectAdapter("xai", new_id=CountedIds(), origin="xai")
    event = server_event("response.output_item.added", response_id="r", output_index=0, item=MESSAGE)
    [text] = adapter.write(event)
    assert "previous_item_id" not in text
    assert "realtime.item" not in text


def test_other_dialects_are_left_alone() -> None:
    frame: dict[str, Any] = {"type": "conversation.item.added", "item": dict(MESSAGE)}
    before = {**frame, "item": {**MESSAGE}}
    complete_frame("openai", frame)
    assert frame == before
