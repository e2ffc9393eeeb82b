"""Frames as a page holds them."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from duologue.inspection.page import Redaction
from duologue.inspection.page.frame_texts import FrameChunks, packed, shown_line
from duologue.recording import Frame, MarkNote, NoteLine


def frame(message: str | bytes) -> Frame:
    return Frame(at_s=1, direction="sent", message=message)


def test_chunks_are_whole_frames_by_number_and_by_size() -> None:
    written: dict[str, bytes] = {}
    chunks = FrameChunks(written.__setitem__)
    for number in range(2001):
        chunks.push(b'{"n":%d}' % number)
    chunks.push(b'"' + b"x" * (1 << 20) + b'"')
    chunks.push(b'"last"')
    chunks.flush()
    chunks.flush()
    assert [(each["id"], each["first"], each["count"]) for each in chunks.table] == [
        ("frames-0", 0, 2000), ("frames-1", 2000, 2), ("frames-2", 2002, 1),
    ]  # fmt: skip
    lines = gzip.decompress(base64.b64decode(written["frames-0"])).splitlines()
    assert len(lines) == 2000
    assert json.loads(lines[7]) == {"n": 7}


def test_packed_content_comes_back_and_is_the_same_each_time() -> None:
    assert gzip.decompress(base64.b64decode(packed(b"call"))) == b"call"
    assert packed(b"call") == packed(b"call")


def test_a_line_is_shown_without_secrets() -> None:
    text = '{"type":"x","session":{"client_secret":{"value":"ek_abcdefgh12345678"}}}'
    assert "ek_abc" not in shown_line(frame(text), json.loads(text), Redaction(), None).decode()
    note = NoteLine(at_s=1, note=MarkNote(text="Bearer abcdefgh12345678"))
    assert "abcdefgh" not in shown_line(note, None, Redaction(), None).decode()


@pytest.mark.parametrize("message", ["no json", "[1]", b"\xff\x00", '{"a":'])
def test_what_is_no_event_is_shown_as_text(message: str | bytes) -> None:
    assert list(json.loads(shown_line(frame(message), None, Redaction(), None))) == ["text"]
