"""Objects in text."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.recording.formats import objects
from duologue.recording.formats.objects import ObjectTooLong, Piece, is_punctuation, pieces


def found(text: bytes) -> list[Piece]:
    return list(pieces(BytesIO(text)))


def test_objects_are_found_with_their_line_and_what_stands_before_them() -> None:
    assert found(b'> {"a":1} {"b":2}\n\n[\n  {"c":\n   3},\nend') == [
        Piece(1, b"> ", b'{"a":1}'),
        Piece(1, b" ", b'{"b":2}'),
        Piece(3, b"[\n", b""),
        Piece(4, b"  ", b'{"c":\n   3}'),
        Piece(6, b"end", b""),
    ]


TEXTS = st.text(max_size=10)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    values=st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3), min_size=1, max_size=4),
    indent=st.sampled_from([None, 0, 1, 4]),
    as_array=st.booleans(),
)
def test_any_objects_are_found_exactly_as_they_were_written(
    values: list[dict[str, object]], indent: int | None, as_array: bool
) -> None:
    texts = [json.dumps(value, indent=indent) for value in values]
    whole = json.dumps(values, indent=indent) if as_array else "\n".join(texts)
    got = [json.loads(piece.text) for piece in found(whole.encode()) if piece.text]
    assert got == values


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (rb"""TEXT '{"a":"it\'s \\n"}' [9 bytes]""", rb"""{"a":"it's \n"}"""),
        (rb"""got b'{"a":1}'""", b'{"a":1}'),
        (rb"""log "{\"a\":\"\\n\"}" end""", rb'{"a":"\n"}'),
        (b"{'a': True, 'b': None, 'c': 'say \"x\"'}", rb'{"a":true,"b":null,"c":"say \"x\""}'),
        (b"{'a': object()}", b"{'a': object()}"),
        (b"{'a': ", b"{'a':"),
        (rb'''"{\"a\":\ud83d"''', rb'''"{\"a\":\ud83d"'''),
        (b"{'a': b'x'}", b'{"a":"eA=="}'),
    ],
)
def test_what_python_and_json_quote_is_unquoted(text: bytes, inside: bytes) -> None:
    assert found(text)[0].text == inside


def test_a_long_line_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [{"n": n, "text": "é{}\\" * n} for n in range(60)]
    for text in (json.dumps(values), "".join(map(json.dumps, values)), "no object " * 50 + json.dumps(values)):
        for size in (7, 64, 1000):
            monkeypatch.setattr(objects, "_READ_BYTES", size)
            got = [json.loads(piece.text) for piece in found(text.encode()) if piece.text]
            assert got == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'\n{"a":' + b'"x",\n' * 50, 2),
        (b'{"a":"' + b"x" * 10_000, 1),
        (b'{"a":1}\n' + b"x" * 10_000, 2),
    ],
)
def test_what_has_no_end_is_given_up_at_a_limit(text: bytes, line: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", 100)
    monkeypatch.setattr(objects, "_READ_BYTES", 50)
    with pytest.raises(ObjectTooLong, match=f"line {line}: no message has more than"):
        found(text)
    assert len(found(b'{"a":1} ' * 100)) == 100


def test_only_what_stands_between_elements_is_punctuation() -> None:
    assert is_punctuation(b" [,\t]\r\n\x1e")
    assert not is_punctuation(b" >")
