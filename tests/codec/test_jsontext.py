"""The answers to what JSON's grammar leaves open, where a single frame does not show them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from duologue import DecodeError, RealtimeEvent, UnknownRealtimeEvent, decode, encode
from duologue.codec import DIALECTS, decode_translation
from duologue.codec.jsontext import repeats_a_field


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ('{"a":1}x', 7),
        ('{"é":1}x', 8),
        ('\ufeff{"é":1}x', 11),
        ('{"type":"new","\U0001f600":}', 21),
        ('{"a":"\u00e9', 5),
        ("", 0),
    ],
)
def test_a_fault_is_told_by_its_byte_in_the_message(text: str, position: int) -> None:
    for message in (text, text.encode()):
        with pytest.raises(DecodeError, match="not a JSON object") as caught:
            decode(message)
        assert (caught.value.position, caught.value.size_bytes) == (position, len(text.encode()))
        assert str(caught.value).count(" at ") == 1


def test_bytes_that_are_not_utf8_are_told_by_the_first_of_them() -> None:
    with pytest.raises(DecodeError, match="not UTF-8") as caught:
        decode(b'{"type":"\xed\xa0\x80"}')
    assert caught.value.position == 9


NESTED = {
    "arrays": lambda levels: "[" * levels + "]" * levels,
    "objects": lambda levels: '{"a":' * levels + "1" + "}" * levels,
    "both": lambda levels: '[{"a":' * (levels // 2) + "1" + "}]" * (levels // 2),
}
HOLDERS = {
    "an unknown event": '{"type":"new.event","event_id":"e","x":%s}',
    "an unknown field": '{"type":"input_audio_buffer.commit","x":%s}',
    "a field of any content": '{"type":"session.update","session":{"type":"realtime",'
    '"tools":[{"type":"function","name":"f","parameters":%s}]}}',
}


TOO_DEEP = 200_000
"""Python 3.11 follows about a thousand levels, 3.12 some more, 3.13 ten thousand, and 3.14 what its stack holds."""


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_a_deep_frame_is_read_and_written_or_refused_and_nothing_else(nested: Any, holder: str, dialect: str) -> None:
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode(holder % nested(TOO_DEEP), dialect=dialect)
    for levels in (20, 200, 500):
        text = holder % nested(levels)
        event = decode(text, dialect=dialect)
        assert event.to_json() == json.loads(text)
        assert json.loads(encode(event, dialect=dialect)) == json.loads(text)
        assert decode(text, dialect=dialect) == event
        assert hash(event) == hash(decode(text, dialect=dialect))
        assert "\n" not in repr(event)


@pytest.mark.parametrize("about", [1000, 1500, 10_000])
def test_no_depth_lets_another_exception_out(about: int) -> None:
    for levels in range(about - 300, about + 50, 3):
        for dialect in ("openai", "openai-beta", "vllm"):
            text = HOLDERS["an unknown event"] % ("[" * levels + "]" * levels)
            with suppress(DecodeError):
                assert isinstance(decode(text, dialect=dialect), UnknownRealtimeEvent)


@pytest.mark.filterwarnings("ignore::duologue.codec.LossyTranslationWarning")
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_what_came_deeply_nested_goes_to_another_dialect_all_the_same(nested: Any, holder: str) -> None:
    event = decode(holder % nested(600), dialect="xai")
    assert decode(encode(event)).type == event.type


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "input_audio_buffer.append", "audio": "A" * 2**24},
        {"type": "new.event", "audio": "A" * 2**24},
        {"type": "input_audio_buffer.append", "event_id": 7, "audio": "A" * 2**24},
        {"type": "input_audio_buffer.append", "audio": "é" * 2**23},
    ],
)
def test_a_frame_of_16_mib_is_a_frame_like_any_other(fields: dict[str, Any]) -> None:
    text = json.dumps(fields, ensure_ascii=False)
    for message in (text, text.encode()):
        event = decode(message)
        assert event.to_json() == json.loads(encode(event)) == fields
        assert len(repr(event)) < 500


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_number_for_is_written_as_null(number: float) -> None:
    event = RealtimeEvent.from_json({"type": "new.event", "n": number})
    assert isinstance(event, UnknownRealtimeEvent)
    assert json.loads(encode(event)) == {"type": "new.event", "n": None}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_and_so_it_is_beside_a_lone_surrogate(number: float) -> None:
    event = RealtimeEvent.from_json({"type": "new.event", "n": [number], "half": "\ud83d"})
    assert json.loads(encode(event)) == {"type": "new.event", "n": [None], "half": "\ud83d"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a":NaN}', '{"a":Infinity}', "{}{}", b"\xff", b"\x00\x01"])
def test_the_translation_family_refuses_what_the_realtime_family_refuses(text: str | bytes) -> None:
    with pytest.raises(DecodeError, match="not a JSON object"):
        decode_translation(text)
    with pytest.raises(DecodeError, match="not a JSON object"):
        decode(text)


@pytest.mark.parametrize(
    ("text", "repeats"),
    [("{}", False), ('{"a":1,"b":{"a":1}}', False), ('[{"a":{"b":1,"b":1}}]', True), ('{"a":1,"\\u0061":2}', True)],
)
def test_an_object_may_have_two_fields_of_one_name(text: str, repeats: bool) -> None:
    assert repeats_a_field(text) is repeats
