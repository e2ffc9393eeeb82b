"""Long audio frames take a short cut; it must never change the answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import UnknownRealtimeEvent, decode, events
from duologue.codec import EVENT_CLASSES
from duologue.codec.forgiving import ForgivingReader
from duologue.codec.jsontext import parse_object
from duologue.codec.longaudio import MIN_CHARS
from duologue.codec.shape import shapes_by_tag

AUDIO = base64.b64encode(bytes(range(256)) * 10).decode()
DELTA: dict[str, Any] = {
    "type": "response.output_audio.delta",
    "event_id": "e",
    "response_id": "r",
    "item_id": "i",
    "output_index": 0,
    "content_index": 0,
    "delta": AUDIO,
}


def the_long_way(text: str) -> object:
    return ForgivingReader(shapes_by_tag(EVENT_CLASSES), "openai").read(parse_object(text))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " : "), (",\n", ":\t")])
def test_audio_is_read_however_the_json_is_laid_out(separators: tuple[str, str]) -> None:
    for fields in (DELTA, {"type": "input_audio_buffer.append", "audio": AUDIO}):
        text = json.dumps(fields, separators=separators)
        assert decode(text) == decode(text.encode()) == the_long_way(text)
        assert decode(text).to_json() == fields


TRICKS = {
    "field twice": json.dumps(DELTA)[:-1] + ', "delta": "AAAA"}',
    "field twice, second empty": json.dumps(DELTA)[:-1] + ', "delta": ""}',
    "field twice, second escaped": json.dumps(DELTA)[:-1] + ', "d\\u0065lta": "AAAA"}',
    "field in a string before": json.dumps({**DELTA, "item_id": ', "delta": "' + "A" * 20}),
    "field in an object before": json.dumps({"new": {"x": 1, "delta": AUDIO}, **DELTA}),
    "field only in an object": json.dumps(
        {**{k: v for k, v in DELTA.items() if k != "delta"}, "n": {"x": 1, "delta": AUDIO}}
    ),
    "field only in an object, empty key": json.dumps(
        {**{k: v for k, v in DELTA.items() if k != "delta"}, "": {"x": 1, "delta": AUDIO}}
    ),
    "field of another event": json.dumps({**DELTA, "type": "response.output_text.delta"}),
    "field of the wrong type": json.dumps({**DELTA, "delta": [AUDIO]}),
    "escapes in the audio": json.dumps(DELTA).replace("AAEC", "AA\\u0045C"),
    "another field first": json.dumps({"zeta": 1, **DELTA}),
    "audio first": json.dumps({"delta": AUDIO, **DELTA}),
    "audio in a text event": json.dumps({"type": "response.output_text.done", **DELTA, "audio": AUDIO}),
    "unknown event": json.dumps({**DELTA, "type": "response.audio.future", "delta": AUDIO}),
    "alias": json.dumps({**DELTA, "type": "response.audio.delta"}),
    "not ascii": json.dumps({**DELTA, "delta": AUDIO + "é"}, ensure_ascii=False),
}


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS)
def test_no_frame_fools_the_short_cut(text: str) -> None:
    assert len(text) >= MIN_CHARS
    assert decode(text) == decode(text.encode()) == the_long_way(text)


@given(st.permutations(list(DELTA)), st.sampled_from(["", "x", "delta", "audio", '"', "\\", '","delta":"', "\n"]))
def test_order_and_neighbours_do_not_matter(order: list[str], noise: str) -> None:
    text = json.dumps({**{name: DELTA[name] for name in order}, "item_id": noise, "new": noise}, separators=(",", ":"))
    assert decode(text) == the_long_way(text)


def test_a_long_frame_cut_short_is_an_error_like_any_other() -> None:
    for end in range(100, len(json.dumps(DELTA)), 97):
        with pytest.raises(ValueError, match="not a JSON object"):
            decode(json.dumps(DELTA)[:end])


def test_a_broken_long_event_is_not_typed() -> None:
    event = decode(json.dumps({**DELTA, "output_index": "0"}, separators=(",", ":")))
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.json["delta"] == AUDIO
    assert not isinstance(event, events.ServerEvent)


BARE = json.dumps({"type": "input_audio_buffer.append", "audio": AUDIO}, separators=(",", ":"))


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        BARE + "\n",
        BARE[:-1] + " }",
        BARE[:-1] + ',"event_id":"e"}',
        BARE[:-1] + ',"audio":"AAAA"}',
        BARE.replace("AAEC", "AA\\u0045C"),
        BARE[:-2] + '\\"}',
        BARE[:-2] + 'é"}',
        BARE.replace("append", "commit"),
    ],
    ids=["bare", "line end", "space", "id behind", "twice", "escape", "quote", "not ascii", "other event"],
)
def test_audio_and_nothing_else_is_read_as_the_parser_reads_it(text: str) -> None:
    try:
        long = the_long_way(text)
    except ValueError:
        with pytest.raises(ValueError, match="not a JSON object"):
            decode(text)
    else:
        assert decode(text) == decode(text.encode()) == long


def test_what_stands_behind_bare_audio_is_an_error_like_any_other() -> None:
    for end in (BARE[:-1], BARE[:-2], BARE[:-2] + '"]', BARE + "}", BARE[:-1] + '"}'):
        with pytest.raises(ValueError, match="not a JSON object"):
            decode(end)
