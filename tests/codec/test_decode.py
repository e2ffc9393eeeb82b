"""What decoding promises for one frame at a time."""

from __future__ import annotations

import json
from typing import Any

import pytest

import duologue
from duologue import DecodeError, RealtimeEvent, UnknownRealtimeEvent, decode, encode, events
from duologue.codec import CANONICAL, EVENT_CLASSES, LossyTranslationWarning

DELTA = {
    "type": "response.output_text.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Hi",
}


def frame(base: dict[str, Any] = DELTA, **changes: Any) -> str:
    return json.dumps({**base, **changes})


def item_frame(**item: Any) -> str:
    return json.dumps({"type": "conversation.item.added", "event_id": "e", "previous_item_id": None, "item": item})


def test_the_realtime_family_has_48_server_events_and_12_client_events() -> None:
    kinds = [issubclass(cls, events.ServerEvent) for cls in EVENT_CLASSES.values()]
    assert (kinds.count(True), kinds.count(False), len(CANONICAL)) == (48, 12, 6)


def test_a_known_event_becomes_its_class() -> None:
    event = decode(frame())
    assert event == events.ResponseTextDeltaEvent(
        event_id="event_1", response_id="resp_1", item_id="item_1", output_index=0, content_index=0, delta="Hi"
    )


@pytest.mark.parametrize("alias", sorted(CANONICAL))
def test_an_alias_is_read_as_the_canonical_event_and_written_with_the_canonical_name(alias: str) -> None:
    canonical = CANONICAL[alias]
    fields = {**DELTA, "text": "Hi", "transcript": "Hi"}
    if alias.endswith("delta"):
        del fields["text"], fields["transcript"]
    else:
        del fields["delta"]
        unused = {"response.text.done": "transcript", "response.audio_transcript.done": "text"}
        for name in [unused[alias]] if alias in unused else ["text", "transcript"]:
            del fields[name]
    event = decode(json.dumps({**fields, "type": alias}))
    assert event == decode(json.dumps({**fields, "type": canonical}))
    assert type(event) is EVENT_CLASSES[canonical]
    assert event.type == event.to_json()["type"] == json.loads(encode(event))["type"] == canonical


def test_conversation_item_created_is_an_event_of_its_own() -> None:
    event = RealtimeEvent.from_json(
        {
            "type": "conversation.item.created",
            "event_id": "e",
            "item": {"type": "message", "role": "user", "content": []},
        }
    )
    assert type(event) is events.ConversationItemCreatedEvent


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"type": "response.brand_new", "n": 1}, "unknown event type 'response.brand_new' - at `$.type`"),
        ({"n": 1}, "no `type` - at `$.type`"),
        ({"type": 7}, "`type` is not a string but a number - at `$.type`"),
        ({"type": None}, "`type` is not a string but null - at `$.type`"),
        ({"type": "$unknown", "json": {}, "problem": "x"}, "unknown event type '$unknown' - at `$.type`"),
    ],
)
def test_an_event_that_nobody_knows_is_kept_and_says_why(fields: dict[str, Any], problem: str) -> None:
    event = decode(json.dumps({**fields, "event_id": "event_9"}))
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.problem == problem
    assert event.json == event.to_json() == json.loads(encode(event)) == {**fields, "event_id": "event_9"}
    assert event.event_id == "event_9"
    assert event.type == (fields.get("type") if isinstance(fields.get("type"), str) else None)


@pytest.mark.parametrize("field", ["event_id", "response_id", "item_id", "output_index", "content_index", "delta"])
def test_a_known_event_that_lacks_a_field_is_not_typed(field: str) -> None:
    fields = {name: value for name, value in DELTA.items() if name != field}
    event = decode(json.dumps(fields))
    assert event == UnknownRealtimeEvent(json=fields, problem=f"Object missing required field `{field}` - at `$`")


def test_a_field_of_the_wrong_type_is_told_with_its_path() -> None:
    event = decode(item_frame(type="message", role="user", content=[{"type": "input_text", "text": 5}]))
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.problem == "Expected `str`, got `int` - at `$.item.content[0].text`"


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "3", '"text"', "null", "true", '{"a":1', "{'a':1}", '{"a":NaN}', "\ud800"]
)
def test_only_what_is_no_json_object_raises_and_never_shows_the_payload(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(text)
    assert "not a JSON object" in str(caught.value)
    assert f"{caught.value.size_bytes} bytes" in str(caught.value)


def test_a_decode_error_keeps_secrets() -> None:
    with pytest.raises(DecodeError) as caught:
        decode('{"type":"input_audio_buffer.append","audio":"c2VjcmV0","api_key":"sk-secret"')
    assert "secret" not in repr(caught.value)
    assert "c2Vj" not in repr(caught.value)


def test_unknown_fields_come_back_at_every_depth() -> None:
    fields = json.loads(
        item_frame(
            type="message", role="user", content=[{"type": "input_text", "text": "a", "new": [1]}], mood={"x": 1}
        )
    )
    fields["client_timestamp"] = 12
    event = decode(json.dumps(fields))
    assert isinstance(event, events.ConversationItemAddedEvent)
    assert event.extra["client_timestamp"] == 12
    assert event.to_json() == json.loads(encode(event)) == fields


def test_a_frame_cannot_smuggle_anything_into_extra() -> None:
    fields = {**DELTA, "$extra": {"delta": "other"}}
    event = decode(json.dumps(fields))
    assert isinstance(event, events.ResponseTextDeltaEvent)
    assert (event.delta, dict(event.extra)) == ("Hi", {"$extra": {"delta": "other"}})
    assert event.to_json() == json.loads(encode(event)) == fields


@pytest.mark.parametrize("kind", ["hologram", "$unknown", "item_reference"])
def test_an_unknown_kind_of_item_stays_inside_its_typed_event(kind: str) -> None:
    item = {"type": kind, "id": "item_7", "json": {"a": 1}, "depth": [1, {"b": None}]}
    event = decode(item_frame(**item))
    assert isinstance(event, events.ConversationItemAddedEvent)
    assert isinstance(event.item, events.UnknownItem)
    assert (event.item.type, event.item.id) == (kind, "item_7")
    assert event.to_json()["item"] == json.loads(encode(event))["item"] == item


def test_unknown_variants_of_every_union_are_kept() -> None:
    session = {
        "type": "realtime",
        "id": "s",
        "object": "realtime.session",
        "tools": [{"type": "web_search", "k": 1}, {"type": "function", "name": "f"}],
        "tool_choice": {"type": "any_of", "names": []},
        "truncation": {"type": "summary", "keep": 3},
        "audio": {
            "input": {"format": {"type": "audio/opus"}, "turn_detection": {"type": "azure_vad", "x": 1}},
            "output": {"format": {"rate": 8000}, "voice": {"id": "voice_1"}},
        },
    }
    event = decode(json.dumps({"type": "session.updated", "event_id": "e", "session": session}))
    assert isinstance(event, events.SessionUpdatedEvent)
    assert event.to_json()["session"] == session
    match event.session:
        case events.RealtimeSession(
            tools=[events.UnknownTool(), events.FunctionTool()],
            tool_choice=events.UnknownToolChoice(),
            truncation=events.UnknownTruncation(),
            audio=events.AudioConfig(
                input=events.AudioInputConfig(
                    format=events.UnknownAudioFormat(), turn_detection=events.UnknownTurnDetection()
                ),
                output=events.AudioOutputConfig(format=events.UnknownAudioFormat(), voice=events.CustomVoice()),
            ),
        ):
            pass
        case other:
            pytest.fail(f"not typed as it should be: {other}")


def test_an_unknown_enum_value_is_the_string() -> None:
    event = decode(item_frame(type="message", role="moderator", status="paused", content=[]))
    assert isinstance(event, events.ConversationItemAddedEvent)
    assert isinstance(event.item, events.MessageItem)
    assert (event.item.role, event.item.status) == ("moderator", "paused")


def test_absent_null_and_value_stay_apart() -> None:
    def update(**audio_input: Any) -> dict[str, Any]:
        return {"type": "session.update", "session": {"type": "realtime", "audio": {"input": audio_input}}}

    absent, null, value = update(), update(turn_detection=None), update(turn_detection={"type": "server_vad"})
    read = [RealtimeEvent.from_json(fields) for fields in (absent, null, value)]
    assert [event.to_json() for event in read] == [absent, null, value]
    assert len(set(map(repr, read))) == 3
    assert read[0] != read[1] != read[2] != read[0]


def test_a_flat_session_of_the_beta_era_stays_as_it_came() -> None:
    session = {"id": "sess_1", "object": "realtime.session", "modalities": ["text"], "voice": "alloy"}
    event = RealtimeEvent.from_json({"type": "session.created", "event_id": "e", "session": session})
    assert isinstance(event, events.SessionCreatedEvent)
    assert isinstance(event.session, events.UnknownSession)
    assert event.to_json()["session"] == session


def test_fields_that_real_traffic_carries_beyond_the_schema_are_fields() -> None:
    event = decode(frame(obfuscation="x7"))
    assert isinstance(event, events.ResponseTextDeltaEvent)
    assert (event.obfuscation, len(event.extra)) == ("x7", 0)


def test_from_json_takes_mappings_text_and_bytes_alike() -> None:
    text = frame()
    assert RealtimeEvent.from_json(DELTA) == RealtimeEvent.from_json(text) == RealtimeEvent.from_json(text.encode())


@pytest.mark.parametrize("data", [[], [("type", "x")], None, 7])
@pytest.mark.parametrize("family", [RealtimeEvent, events.TranslationEvent])
def test_what_is_neither_a_mapping_nor_text_is_no_event(family: Any, data: Any) -> None:
    with pytest.raises(TypeError, match=f"from a mapping or from JSON text, not from {type(data).__name__}"):
        family.from_json(data)


@pytest.mark.parametrize("family", [RealtimeEvent, events.TranslationEvent])
def test_keys_of_a_mapping_become_those_of_json(family: Any) -> None:
    assert family.from_json({"type": "new", "map": {1: "one"}}).to_json() == {"type": "new", "map": {"1": "one"}}


def test_an_event_does_not_change_when_the_mapping_it_came_from_does() -> None:
    fields: dict[str, Any] = {"type": "new", "list": [1]}
    event = RealtimeEvent.from_json(fields)
    fields["list"].append(2)
    assert event.to_json() == {"type": "new", "list": [1]}


@pytest.mark.parametrize("text", [" " + frame() + "\n", "\ufeff" + frame(), ("\ufeff" + frame()).encode()])
def test_white_space_and_a_byte_order_mark_do_not_matter(text: str | bytes) -> None:
    assert decode(text) == decode(frame())
    assert decode('\ufeff{"n": 1.5}').to_json() == {"n": 1.5}


def test_bytes_that_are_not_utf8_are_no_json() -> None:
    with pytest.raises(DecodeError):
        decode(b'{"type":"\xff"}')
    with pytest.raises(DecodeError):
        decode(frame().encode("utf-16"))


def test_of_duplicate_keys_the_last_one_counts() -> None:
    event = decode(
        '{"type":"input_audio_buffer.clear","type":"input_audio_buffer.commit","event_id":"a","event_id":"b"}'
    )
    assert event == events.InputAudioBufferCommitEvent(event_id="b")


def test_a_lone_surrogate_survives() -> None:
    text = '{"type":"new.event","text":"\\ud83d"}'
    assert json.loads(encode(decode(text))) == json.loads(text)
    text = frame().replace('"Hi"', '"\\ud83d"')
    event = decode(text)
    assert isinstance(event, events.ResponseTextDeltaEvent)
    assert json.loads(encode(event)) == json.loads(text)


def test_integers_of_any_size_stay_exact() -> None:
    event = decode(f'{{"type":"new.event","n":{10**30}}}')
    assert event.to_json()["n"] == 10**30
    assert json.loads(encode(event))["n"] == 10**30


def test_a_lone_surrogate_in_the_place_of_an_object_is_a_problem_like_any_other() -> None:
    event = decode('{"response":"\\udd00e","type":"response.created","event_id":"e"}')
    assert isinstance(event, UnknownRealtimeEvent)
    assert json.loads(encode(event))["response"] == "\udd00e"


@pytest.mark.parametrize(
    ("number", "value"), [("1e400", 10**400), ("-1.5e309", -15 * 10**308), ("1" * 4300, int("1" * 4300))]
)
def test_numbers_beyond_a_double_become_the_integers_that_they_are(number: str, value: int) -> None:
    event = decode(f'{{"type":"new.event","n":{number}}}')
    assert event.to_json()["n"] == json.loads(encode(event))["n"] == value


@pytest.mark.parametrize("number", ["1e4300", "-1e999999999999", "1" * 4301])
def test_numbers_of_thousands_of_digits_are_refused(number: str) -> None:
    with pytest.raises(DecodeError, match="more than 4300 digits"):
        decode(f'{{"type":"new.event","n":{number}}}')


def test_nesting_beyond_reason_is_refused_with_an_error_of_ours() -> None:
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode('{"type":"new.event","x":' + "[" * 100_000 + "]" * 100_000 + "}")


def test_a_number_stays_the_number_it_was() -> None:
    fields = {"type": "rate_limits.updated", "event_id": "e", "rate_limits": [{"name": "tokens", "reset_seconds": 3}]}
    assert encode(RealtimeEvent.from_json(fields)).endswith(b'"reset_seconds":3}]}')


def test_an_unknown_dialect_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no dialect 'klingon'; known: openai"):
        decode(frame(), dialect="klingon")
    with pytest.raises(ValueError, match="no dialect 'klingon'"):
        encode(decode(frame()), dialect="klingon")


def test_the_package_offers_its_public_names() -> None:
    assert all(hasattr(duologue, name) for name in duologue.__all__)


def test_an_event_that_a_dialect_lacks_is_written_in_the_published_form_with_a_warning() -> None:
    item = {"type": "message", "role": "user", "content": []}
    event = decode(json.dumps({"type": "conversation.item.added", "event_id": "e", "item": item}))
    with pytest.warns(LossyTranslationWarning, match="no counterpart for type"):
        assert json.loads(encode(event, dialect="openai-beta")) == event.to_json()
