from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.recording import ClosedLine, Frame
from duologue.server.inspector.audio_ring import AudioRing
from duologue.server.inspector.kept_lines import KeptLines
from tests.server.inspector._looking import LOUD, append

CLOSED = ClosedLine(at_s=2.0, code=1000, by="client")


def keeping(*, max_bytes: int = 1 << 30, ring_bytes: int = 1 << 20, is_open: bool = True) -> KeptLines:
    ring = AudioRing(ring_bytes)
    if is_open:
        ring.open()
    return KeptLines(ring, max_bytes=max_bytes)


def messages(lines: KeptLines) -> list[Any]:
    found = [lines.line(number) for number in range(lines.first, lines.end)]
    return [line.message for line in found if isinstance(line, Frame)]


DELTA = {"type": "response.output_audio.delta", "event_id": "event_1", "item_id": "item_1", "delta": LOUD}

SHAPES = [
    append(),
    append(event_id="client_1"),
    json.dumps({"audio": LOUD, "type": "input_audio_buffer.append"}),
    json.dumps({"type": "input_audio_buffer.append", "audio": LOUD}),
    json.dumps(DELTA),
    append(base64.b64encode(bytes(160)).decode()),
    append(base64.b64encode(bytes(161)).decode()),
    json.dumps({"type": "response.text.delta", "delta": "word " * 100}),
    json.dumps({"type": "response.text.delta", "delta": "語" * 100}, ensure_ascii=False),
    json.dumps({"type": "response.output_audio_transcript.delta", "delta": "x" * 300}),
    json.dumps({"type": "response.output_text.delta", "delta": "x" * 300}),
    json.dumps({"type": "session.update", "session": {"instructions": "Be kind. " * 200}}),
    '{"type":"x"',
    "",
    '"' * 3000,
    "a" * 3000,
]


@pytest.mark.parametrize("message", SHAPES)
def test_a_message_is_as_it_was_while_the_ring_has_it(message: str) -> None:
    lines = keeping()
    for direction in ("sent", "received", "sent"):
        lines.message(1.0000004, direction, message)
    assert messages(lines) == [message] * 3
    assert [lines.line(number).direction for number in range(3)] == ["sent", "received", "sent"]  # type: ignore[union-attr]


@pytest.mark.parametrize("message", SHAPES)
def test_without_the_ring_it_is_as_long_as_it_was_and_its_audio_is_silence(message: str) -> None:
    lines = keeping(is_open=False)
    for _ in range(2):
        lines.message(1.0, "sent", message)
    for found in messages(lines):
        assert len(found) == len(message)
        if found != message:
            before, after = json.loads(message), json.loads(found)
            field = "audio" if "audio" in before else "delta"
            assert after.pop(field).strip("/=") == ""
            heard = base64.b64decode(before.pop(field))
            assert len(base64.b64decode(json.loads(found)[field])) == len(heard)
            assert after == before
    assert any(json.loads(each) for each in messages(lines)) if message.startswith('{"audio') else True


def test_words_are_never_taken_for_audio() -> None:
    lines = keeping(is_open=False)
    for message in SHAPES[7:]:
        lines.message(1.0, "sent", message)
    assert messages(lines) == SHAPES[7:]


def test_whether_a_line_has_its_audio_is_known() -> None:
    lines = keeping(ring_bytes=8 * 7000)
    for _ in range(20):
        lines.message(1.0, "received", append())
    lines.message(1.0, "sent", "short")
    assert [lines.has_audio(number) for number in (0, 19, 20, 21)] == [False, True, True, False]


def test_binary_messages_and_other_lines_are_kept() -> None:
    lines = keeping()
    lines.message(1.0, "received", bytes(1000))
    lines.add(CLOSED)
    assert lines.line(0) == Frame(at_s=1.0, direction="received", message=bytes(1000))
    assert lines.line(1) == CLOSED
    assert lines.last_s == 2.0
    assert lines.line(2) is None
    assert lines.line(-1) is None


@given(st.lists(st.integers(0, 400), min_size=1, max_size=300))
def test_beyond_the_bound_the_first_lines_are_given_up_and_the_others_keep_their_numbers(lengths: list[int]) -> None:
    lines = keeping(max_bytes=20_000)
    for number, length in enumerate(lengths):
        lines.message(float(number), "sent", "é" * length)
        assert lines.size_bytes <= 20_000
        assert lines.end == number + 1
    for number in range(lines.first, lines.end):
        line = lines.line(number)
        assert isinstance(line, Frame)
        assert (line.at_s, len(line.message)) == (number, lengths[number])
    assert lines.line(lines.first - 1) is None


def test_a_smaller_bound_can_be_set_and_none_at_all() -> None:
    lines = keeping()
    for _ in range(100):
        lines.message(1.0, "sent", "a" * 150)
    lines.max_bytes = 10_000
    lines.shrink()
    assert 0 < lines.size_bytes <= 10_000
    lines.max_bytes = 0
    lines.shrink()
    assert (lines.size_bytes, lines.first, lines.end, lines.last_s) == (0, 100, 100, 0.0)
