"""Events as values: frozen, comparable, hashable, readable."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from duologue import RealtimeEvent, decode, encode, events
from duologue.codec import EVENT_CLASSES
from duologue.codec.families import TRANSLATION_CLASSES
from duologue.events import UNSET


def test_an_event_or_another_object_has_one_wire_name_as_type_and_as_tag() -> None:
    named = {cls: cls.type for cls in vars(events).values() if isinstance(getattr(cls, "type", None), str)}
    assert named == {cls: cls.__struct_config__.tag for cls in named}
    assert named.keys() >= {*EVENT_CLASSES.values(), *TRANSLATION_CLASSES.values(), events.ToolChoiceFunction}


def test_an_event_cannot_be_changed() -> None:
    event = events.InputAudioBufferCommitEvent()
    with pytest.raises(AttributeError):
        event.event_id = "e"  # type: ignore[misc]


def test_equality_is_by_content() -> None:
    one = events.ConversationItemDeleteEvent(item_id="a")
    assert one == events.ConversationItemDeleteEvent(item_id="a")
    assert one != events.ConversationItemDeleteEvent(item_id="b")
    other: object = events.ConversationItemRetrieveEvent(item_id="a")
    assert one != other


def test_events_that_hold_lists_and_plain_json_hash() -> None:
    event = RealtimeEvent.from_json(
        {
            "type": "session.update",
            "session": {"type": "realtime", "tools": [{"type": "function", "parameters": {"a": [{}]}}], "new": {}},
        }
    )
    assert len({event, decode(encode(event))}) == 1
    assert hash(RealtimeEvent.from_json({"type": "new", "x": [{}]})) is not None


def test_a_repr_is_one_line_without_what_is_absent() -> None:
    event = events.ConversationItemCreateEvent(
        item=events.MessageItem(role="user", content=[events.InputTextPart(text="one\ntwo")])
    )
    assert repr(event) == (
        "ConversationItemCreateEvent(item=MessageItem(role='user', content=[InputTextPart(text='one\\ntwo')]))"
    )


def test_a_repr_shortens_audio_to_its_size_and_duration_and_long_text_to_its_beginning() -> None:
    assert repr(events.InputAudioBufferAppendEvent.from_audio(bytes(4800))) == (
        "InputAudioBufferAppendEvent(audio=<4800 bytes of audio, 100 ms as 24 kHz PCM16>)"
    )
    part = events.OutputAudioPart(audio=base64.b64encode(bytes(4799)).decode(), transcript="a" * 500)
    assert repr(part) == (
        "OutputAudioPart(audio=<4799 bytes of audio, 100 ms as 24 kHz PCM16>, "
        f"transcript='{'a' * 80}'… (500 characters))"
    )


def test_keys_stay_out_of_reprs() -> None:
    tool = events.McpServerTool(server_label="files", authorization="sk-secret", headers={"x-key": "sk-secret"})
    assert "sk-secret" not in repr(tool)
    secret = events.BetaClientSecret(value="ek-secret", expires_at=1)
    assert repr(secret) == "BetaClientSecret(value='***', expires_at=1)"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/mcp", "'https://host/mcp'"),
        ("https://host/mcp?key=sk-secret#sk-secret", "'https://host/mcp?…'"),
        ("https://host/mcp#sk-secret", "'https://host/mcp?…'"),
        ("https://me:sk-secret@host:8/mcp?x", "'https://…@host:8/mcp?…'"),
        ("https://me:sk-secret/?#@host/mcp", "'https://…@host/mcp'"),
        (f"https://host/{'a' * 200}?key=sk-secret", f"'https://host/{'a' * 75}?…'"),
    ],
)
def test_a_repr_shows_a_url_without_user_and_query(url: str, shown: str) -> None:
    tool = events.McpServerTool(server_label="files", server_url=url)
    assert repr(tool) == f"McpServerTool(server_label='files', server_url={shown})"
    assert repr(events.InputImagePart(image_url=url)) == f"InputImagePart(image_url={shown})"
    assert shown in repr(RealtimeEvent.from_json({"type": "new.event", "where": {"url": url}}))


@pytest.mark.parametrize(
    "secret", [{"client_secret": {"value": "ek-secret"}}, {"tools": [{"type": "new", "headers": {"x": "ek-secret"}}]}]
)
def test_keys_stay_out_of_reprs_of_what_nobody_knows(secret: dict[str, Any]) -> None:
    unknown = RealtimeEvent.from_json({"type": "new.event", "session": secret})
    flat = RealtimeEvent.from_json({"type": "session.created", "event_id": "e", "session": secret})
    more = RealtimeEvent.from_json({"type": "response.cancel", "extra": secret})
    for event in (unknown, flat, more):
        assert "ek-secret" not in repr(event)
        assert "'***'" in repr(event)


def test_a_repr_of_an_unknown_event_shortens_its_long_texts_and_ends_in_its_depths() -> None:
    deep: Any = "end"
    for _ in range(900):
        deep = [deep]
    event = RealtimeEvent.from_json({"type": "new.event", "audio": "A" * 10_000_000, "deep": deep})
    assert f"'audio': '{'A' * 80}'… (10000000 characters)" in repr(event)
    assert "[[…]]" in repr(event)
    assert len(repr(event)) < 400


@pytest.mark.parametrize("identifier", [[1], {"a": 1}, 7, None])
def test_an_item_that_nobody_knows_hashes_whatever_its_id_is(identifier: object) -> None:
    fields = {"type": "conversation.item.added", "event_id": "e", "item": {"type": "new", "id": identifier}}
    event = RealtimeEvent.from_json(fields)
    assert isinstance(event, events.ConversationItemAddedEvent)
    assert isinstance(event.item, events.UnknownItem)
    assert event.item.id is UNSET
    assert {event.item: 1}[event.item] == 1
    assert event.to_json() == fields


def test_audio_goes_in_as_bytes_and_comes_out_as_bytes() -> None:
    append = events.InputAudioBufferAppendEvent.from_audio(b"\x01\x02\x03")
    assert append.decode_audio() == b"\x01\x02\x03"
    delta = events.ResponseAudioDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta=append.audio
    )
    assert delta.decode_audio() == b"\x01\x02\x03"


@pytest.mark.parametrize("audio", ["%%%%", "AAA", "AA AA", "é"])
def test_audio_that_is_not_base64_is_found_when_it_is_read(audio: str) -> None:
    event = events.InputAudioBufferAppendEvent(audio=audio)
    with pytest.raises(ValueError, match="not base64"):
        event.decode_audio()


def test_extra_is_read_only_and_compares_by_content() -> None:
    extra = events.Extra({"a": [1]})
    assert extra == events.Extra({"a": [1]}) == {"a": [1]}
    assert hash(extra) == hash(events.Extra({"a": [2]}))
    with pytest.raises(TypeError, match="item assignment"):
        extra["b"] = 1  # type: ignore[index]


@pytest.mark.parametrize(("value", "expected"), [(UNSET, False), (None, False), (0, True), ("", True)])
def test_is_set_tells_a_value_from_null_and_absent(value: object, expected: bool) -> None:
    assert events.is_set(value) is expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:sk-secret@host:8/mcp?x=a@b", "https://host:8/mcp?x=a@b"),
        ("https://host/a@b", "https://host/a@b"),
        ("https://me@host", "https://host"),
        ("file:///me@here", "file:///me@here"),
        (7, 7),
    ],
)
def test_a_tool_is_told_to_a_client_without_its_keys(url: object, shown: object) -> None:
    tool = {"type": "mcp", "server_url": url, "authorization": "sk-secret", "headers": {"x": "sk-secret"}}
    assert events.McpServerTool.shown(tool) == {"type": "mcp", "server_url": shown}
    assert events.McpServerTool.shown({"type": "mcp"}) == {"type": "mcp"}


@pytest.mark.parametrize(("n_characters", "shown"), [(80, f"{'a' * 80!r}"), (81, f"{'a' * 80!r}… (81 characters)")])
def test_a_repr_shows_text_of_80_characters_whole(n_characters: int, shown: str) -> None:
    assert f"text={shown})" in repr(events.InputTextPart(text="a" * n_characters))
