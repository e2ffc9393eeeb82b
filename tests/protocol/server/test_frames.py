"""Which messages are decoded at all, found out without decoding them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.codec import decode
from duologue.events import InputAudioBufferAppendEvent, InputAudioBufferClearEvent, RealtimeEvent
from duologue.events.base import encode_audio
from duologue.protocol import SessionDefaults
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.frames import (
    MAX_DEPTH,
    SHORT_CHARS,
    FrameReader,
    _outside_strings,
    check_depth,
    check_frame,
    text_of,
)
from tests.protocol._invalid_requests import Provoked

MIB = 1024 * 1024
SPACED = json.JSONEncoder().encode
COMPACT = json.JSONEncoder(separators=(",", ":")).encode


def look(message: str) -> None:
    check_frame(message, max_bytes=4 * MIB, max_values=10_000)


def an_append(**more: Any) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": encode_audio(bytes(12 * MIB)), **more}


@pytest.mark.parametrize("write", [SPACED, COMPACT], ids=["spaced", "compact"])
def test_an_append_is_as_long_as_a_frame_may_be(write: Any) -> None:
    look(write(an_append()))
    look(write({"event_id": "e", **an_append()}))
    look(write({"audio": an_append()["audio"], "type": "input_audio_buffer.append"}))


def test_a_picture_of_three_megabytes_is_taken_and_one_of_four_is_not() -> None:
    def shown(n_bytes: int) -> str:
        url = f"data:image/jpeg;base64,{encode_audio(bytes(n_bytes))}"
        content = [{"type": "input_image", "image_url": url}]
        return COMPACT({"type": "conversation.item.create", "item": {"type": "message", "content": content}})

    look(shown(3_000_000))
    with pytest.raises(InvalidRequest, match="too long"):
        look(shown(4_000_000))


def test_characters_count_by_their_bytes() -> None:
    text = "\U0001f600" * (MIB + 1)
    with pytest.raises(InvalidRequest, match="but got 4194"):
        look(f'{{"type":"x","text":"{text}"}}')


@pytest.mark.parametrize(
    "hidden",
    [
        [1] * 20_000,
        [[]] * 20_000,
        [{}] * 20_000,
        {f"k{n}": n for n in range(20_000)},
        ["x"] * 20_000,
        ['"'] * 20_000,
        ["\\"] * 20_000,
        ['\\"', "[", "{", ","] * 5_000,
    ],
    ids=["numbers", "lists", "objects", "members", "texts", "quotes", "backslashes", "brackets in texts"],
)
@pytest.mark.parametrize("write", [SPACED, COMPACT], ids=["spaced", "compact"])
def test_too_many_values_are_rejected_wherever_the_type_and_the_audio_stand(hidden: Any, write: Any) -> None:
    for message in (
        {"type": "session.update", "session": hidden},
        {"session": hidden, "type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "input_audio_buffer.append", "audio": "AAAA" * 5_000, "session": hidden},
        {'"audio":"': '"audio":"', "session": hidden, "audio": ""},
    ):
        with pytest.raises(InvalidRequest, match="10000 JSON values"):
            look(write(message))


@pytest.mark.parametrize(
    "hidden",
    [",[{" * 20_000, '\\"[' * 1_000, "\\" * 10_001, '{"a":[1,2]}' * 9_000],
    ids=["brackets", "quotes", "backslashes", "json"],
)
def test_what_stands_in_a_text_is_no_value(hidden: str) -> None:
    look(COMPACT({"type": "x", "text": hidden, "more": [hidden] * 3}))
    look(COMPACT(hidden))


@pytest.mark.parametrize("padding", ["", "x" * 20_000], ids=["short", "long"])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_a_message_nests_as_deeply_as_a_schema_may_and_no_deeper(padding: str, opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        # The message itself is the first level.
        return f'{{"type":"x","p":"{padding}","a":{opening * (depth - 1)}0{closing * (depth - 1)}}}'

    for check in (check_depth, look):
        check(nested(MAX_DEPTH))
    with pytest.raises(InvalidRequest, match="nested more than 100 levels deep"):
        (look if padding else check_depth)(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (lambda more: '"' + "x" * (998 + more) + '"', "up to 1000 bytes where no audio is appended, but got 1001"),
        (lambda more: "[" + "0," * (9 + more) + "0]", "up to 10 JSON values"),
        (lambda more: '"' + "\\n" * (100 + more) + '"', "up to 100 escaped characters in its texts, but got 101"),
        (lambda more: '""' * 64 + '""' * (20 + more), "up to 10 JSON values"),
        (lambda more: " " * (1015 + more) + '"audio":"' + "x" * 2000 + '"', "up to 1000 bytes"),
    ],
    ids=["bytes", "values", "escapes", "texts", "audio behind the head"],
)
def test_a_frame_may_have_as_much_as_its_limits_say_and_not_one_more(written: Callable[[int], str], words: str) -> None:
    most = {"max_bytes": 1026 if "audio" in written(0) else 1000, "max_values": 10}
    check_frame(written(0), **most)
    with pytest.raises(InvalidRequest, match=words.replace("1000", str(most["max_bytes"]))):
        check_frame(written(1), **most)


def test_a_message_of_16_kib_is_decoded_whatever_is_in_it_and_a_longer_one_counted_before() -> None:
    def sent(length: int) -> list[dict[str, Any]]:
        event = '{"type":"input_audio_buffer.clear","more":[0,0,0]%s}'
        return Provoked(SessionDefaults(max_event_values=3)).send_text(event % (" " * (length + 2 - len(event))))

    [short], [long] = sent(16 * 1024), sent(16 * 1024 + 1)
    assert (short["error"]["code"], long["error"]["code"]) == ("unknown_parameter", "array_above_max_length")


def test_many_brackets_side_by_side_are_not_deep() -> None:
    check_depth('{"a":[' + "[[[]]]," * 500 + "[]]}")


JSON = st.recursive(
    st.none() | st.integers() | st.text(alphabet='ab"\\,[]{}:/\n\U0001f600', max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet='ab"\\,[', max_size=4), inner),
)


def _values(value: Any) -> int:
    if isinstance(value, list):
        return 1 + sum(map(_values, value))
    return 1 + sum(map(_values, value.values())) if isinstance(value, dict) else 1


@given(JSON, st.booleans(), st.booleans())
def test_no_value_is_overlooked_and_none_is_counted_that_is_none(value: Any, ascii_only: bool, many: bool) -> None:
    value = [value] * 30 if many else value
    outside = _outside_strings(json.dumps(value, ensure_ascii=ascii_only), 1_000_000)
    assert outside is not None
    counted = sum(map(outside.count, ",[{"))
    # An opening bracket and a comma for each value but the first of all; one more for each that is empty.
    assert counted + 1 >= _values(value)
    assert counted <= 2 * _values(value)


TEXTS = st.text(st.characters(codec="utf-8")) | st.text('"\\\n\x08\x0b\x7f🙂é/u{}', max_size=30)


@given(TEXTS, TEXTS, st.binary(), st.sampled_from([SPACED, COMPACT]), st.booleans())
def test_a_long_text_with_escapes_means_the_same(
    before: str, after: str, audio: bytes, write: Any, plain: bool
) -> None:
    event = {"event_id": before, "audio": encode_audio(audio), "x": {after: [after]}}
    text = json.dumps(event, ensure_ascii=False, indent=1) if plain else write(event)
    assert json.loads(text_of(text.encode(), max_bytes=len(text.encode()))) == event


@given(TEXTS)
def test_a_text_that_is_no_json_does_not_become_one(text: str) -> None:
    frame = f'{{"type":"é{text}"}}'.encode()
    read = text_of(frame, max_bytes=len(frame))

    def meaning(text: str) -> object:
        try:
            return json.loads(text)
        except ValueError:
            return None

    assert meaning(read) == meaning(frame.decode())


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.item.create", "text": "🙂" + "x" * 4 * MIB},
        {"type": "input_audio_buffer.append", "audio": "🙂" + "A" * 4 * MIB},
        {"type": "input_audio_buffer.append", "audio": "A" * MIB, "x": "🙂" + "x" * 4 * MIB},
        {"type": "input_audio_buffer.append", "audio": "A" * 4 * MIB, "x": "é" * 8193},
    ],
    ids=["too long", "no base64", "too long beside audio", "much to escape"],
)
def test_a_long_frame_that_is_rejected_is_not_decoded(event: dict[str, Any]) -> None:
    frame = json.dumps(event, ensure_ascii=False).encode()
    text = text_of(frame, max_bytes=4 * MIB)
    assert text == " " * len(frame)
    with pytest.raises(InvalidRequest, match="too long"):
        look(text)


def test_an_emoji_beside_long_audio_costs_no_memory() -> None:
    frame = json.dumps(an_append(event_id="🙂"), ensure_ascii=False).encode()
    text = text_of(frame, max_bytes=4 * MIB)
    assert text.isascii()
    assert json.loads(text) == json.loads(frame)


def test_a_short_message_that_nests_too_deeply_is_rejected_as_it_is() -> None:
    deep = '{"type":"input_audio_buffer.clear","more":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}"
    [error] = Provoked().send_text(deep)
    assert (error["error"]["code"], "100 levels" in error["error"]["message"]) == ("invalid_json", True)


# --- reading

READER = FrameReader(max_bytes=SHORT_CHARS + 1000, max_values=100)

DEEP = '{"type":"input_audio_buffer.clear","event_id":"e","x":' + 200 * "[" + 200 * "]" + "}"


def never(text: str) -> RealtimeEvent:
    raise AssertionError("nothing may be decoded")


@pytest.mark.parametrize(
    "message",
    [
        b"\0",
        '{"x":[' + "0," * SHORT_CHARS + "0]}",  # more values than may be decoded
        DEEP,
    ],
    ids=["binary", "values", "depth"],
)
def test_what_costs_too_much_is_not_decoded(message: str | bytes) -> None:
    with pytest.raises(InvalidRequest):
        READER.event_in(message, never)


def test_text_that_is_no_object_is_rejected() -> None:
    with pytest.raises(InvalidRequest):
        READER.event_in("[1]", decode)


def test_only_appends_may_be_long() -> None:
    audio = 4 * SHORT_CHARS * "A"
    append = f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}'
    event = READER.event_in(append, decode)
    assert isinstance(event, InputAudioBufferAppendEvent)
    READER.check(event, append)
    clear = append.replace("append", "clear")
    other = READER.event_in(clear, decode)
    assert isinstance(other, InputAudioBufferClearEvent)
    with pytest.raises(InvalidRequest):
        READER.check(other, clear)
    READER.check(other, '{"type":"input_audio_buffer.clear"}')


def test_a_deep_event_is_rejected_once_it_is_known_to_be_no_append() -> None:
    event = READER.event_in(DEEP, decode)  # by the strict decoder, which passes over what it does not know
    with pytest.raises(InvalidRequest):
        READER.check(event, DEEP)
