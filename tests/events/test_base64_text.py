"""Base64 is read by a rule of our own: what the standard library reads differs by the version of Python."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from importlib.util import find_spec, module_from_spec

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duologue.events.base64_text import decode_base64, encode_base64, fast_reader

WELL_FORMED = re.compile(
    r"""(?: [A-Za-z0-9+/]{4} )*                                       # groups of three bytes
        (?: [A-Za-z0-9+/]{2}== | [A-Za-z0-9+/]{3}= )?                 # the last one or two
      | (?: [A-Za-z0-9+/]{4} )+ =*                                    # more padding than is needed, behind whole groups
    """,
    re.VERBOSE,
)


@given(st.binary(max_size=64))
def test_what_was_encoded_comes_back(data: bytes) -> None:
    assert encode_base64(data) == b64encode(data).decode()
    assert decode_base64(encode_base64(data)) == data
    assert decode_base64(encode_base64(memoryview(data))) == data  # type: ignore[arg-type]


@given(st.binary(min_size=1, max_size=33), st.integers(1, 9))
def test_padding_behind_whole_groups_does_no_harm(data: bytes, padding: int) -> None:
    whole = data * 3
    assert decode_base64(b64encode(whole).decode() + "=" * padding) == whole


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b""),
        ("AAAA", bytes(3)),
        ("AAA=", bytes(2)),
        ("AA==", bytes(1)),
        ("AAAA=", bytes(3)),
        ("AAAA==", bytes(3)),
        ("AAAA===", bytes(3)),
        ("AAAA====", bytes(3)),
        ("AB==", b"\0"),  # bits that stand for nothing
    ],
)
def test_text_that_is_base64(text: str, data: bytes) -> None:
    assert decode_base64(text) == data


@pytest.mark.parametrize(
    "text",
    [
        *("A", "AA", "AAA", "AAAAA"),
        *("=", "==", "===", "===="),
        *("A=", "A==", "A===", "AA=", "AA===", "AA====", "AAA==", "AAA==="),
        *("=AAA", "AA=A", "AA=A=", "AA==AA==", "AAA=AAAA", "AAAA=AAAA"),
        *("AAAA\n", "AA\n==", "AA==\n", " AAAA", "AA\0A"),
        *("-_-_", "AA-_", "é", "AAAé", "\ud83d", "AAA\ud83d", "٣٣٣٣"),
    ],
)
def test_text_that_is_not_base64(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^not base64 .{len(text)} characters.$") as caught:
        decode_base64(text)
    assert type(caught.value) is ValueError, "the fault of an encoding holds the text"


@given(st.text("AQ=+/-_!\né\ud83d", max_size=12))
@example("AAAA=")
@example("AAAA====")
@example("AA===")
@example("====")
def test_the_rule_holds_for_every_text(text: str) -> None:
    if WELL_FORMED.fullmatch(text):
        decode_base64(text)
    else:
        with pytest.raises(ValueError, match=f"not base64 .{len(text)} characters"):
            decode_base64(text)


@given(st.text("AQ=+/-_!\né\ud83d", max_size=12) | st.binary(max_size=99).map(lambda data: b64encode(data).decode()))
@example("AB==")
@example("AAAA=")
@example("AAAA====")
@example("")
def test_the_fast_reader_takes_what_msgspec_takes(text: str) -> None:
    if fast_reader is None:
        pytest.skip("pybase64 is not installed")
    try:
        expected = msgspec.convert(text, bytes)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            fast_reader(text)
    else:
        assert fast_reader(text) == expected


def test_without_pybase64_the_rule_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pybase64", None)
    spec = find_spec("duologue.events.base64_text")
    assert spec is not None
    assert spec.loader is not None
    without = module_from_spec(spec)
    spec.loader.exec_module(without)
    assert without.fast_reader is None
    for size in range(40):
        data = bytes(range(200, 200 + size))
        assert without.encode_base64(data) == encode_base64(data)
        assert without.decode_base64(encode_base64(data)) == data
        assert without.decode_base64(encode_base64(bytes(3 * size + 3)) + "=") == bytes(3 * size + 3)
    with pytest.raises(ValueError, match="not base64"):
        without.decode_base64("AAA")
