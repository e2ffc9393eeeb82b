"""Streams of events: lines however they are cut, within bounds, and what endpoints say about failures."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
import pytest

from duologue.engines.remote.event_lines import FaultBody, chunk_lines, fault_in


async def cut(text: bytes, piece_bytes: int) -> AsyncGenerator[bytes]:
    for place in range(0, len(text), piece_bytes):
        yield text[place : place + piece_bytes]


async def lines_of(
    text: bytes, piece_bytes: int = 1, *, max_bytes: int = 1_000_000, max_line_bytes: int | None = None
) -> list[str]:
    lines = chunk_lines(cut(text, piece_bytes), max_bytes=max_bytes, max_line_bytes=max_line_bytes)
    return [line async for line in lines]


@pytest.mark.parametrize("piece_bytes", [1, 3, 1_000])
async def test_lines_are_the_same_however_they_are_cut(piece_bytes: int) -> None:
    text = b": alive\n\nevent: x\ndata: one\r\n\r\ndata:two\n\nid: 3\ndata: a\xe2\x80\xa8b\n\ndata: last"
    assert await lines_of(text, piece_bytes) == ["one", "two", "a\u2028b", "last"]


async def test_a_line_that_comes_byte_by_byte_is_looked_through_once() -> None:
    lines = await lines_of(b"data: " + b"x" * 200_000 + b"\ndata: [DONE]\n")
    assert [len(line) for line in lines] == [200_000, 6]


async def test_neither_a_line_nor_an_answer_is_collected_for_ever() -> None:
    with pytest.raises(ValueError, match="a line of more than 100 bytes"):
        await lines_of(b"data: " + b"x" * 200, 10, max_line_bytes=100)
    with pytest.raises(ValueError, match="an answer of more than 1000 bytes"):
        await lines_of(b": alive\n" * 1_000, 10, max_bytes=1_000)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"error":"no"}', "no"),
        ('{"error":{"message":"no","code":5}}', "no"),
        ('{"error":{"code":5}}', "no reason given"),
        ('{"error":"E5","message":"no"}', "E5"),
        ('{"object":"error","message":"no"}', "no"),
        ('{"object":"error"}', "no reason given"),
        ('{"detail":"no"}', "no"),
        ('{"detail":{"error":"kind","message":"no"}}', "no"),
        ('{"detail":[{"loc":["body","input"],"msg":"no","input":"my words"}]}', "no"),
        ('{"text":"hello"}', None),
        ("{}", None),
    ],
)
def test_what_endpoints_say_of_a_failure_is_found_in_every_spelling(body: str, sentence: str | None) -> None:
    assert msgspec.json.decode(body, type=FaultBody).fault == sentence
    assert fault_in(body.encode()) == (sentence or body)


def test_what_is_no_json_is_said_as_it_came() -> None:
    assert fault_in(b"<html>\xff") == "<html>\N{REPLACEMENT CHARACTER}"
    assert fault_in(b"") == "no reason given"
