"""What is read without the WebSocket library is what the library writes, and nothing else is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from duologue.server.run.text_frames import MAX_BYTES, frame_of, text_at

TEXTS = st.sampled_from([0, 1, 125, 126, 127, 4000, 15_000]).map(bytes) | st.binary(max_size=300)


def sent(text: bytes, *, opcode: Opcode = Opcode.TEXT, fin: bool = True, mask: bool = True) -> bytes:
    return Frame(opcode, text, fin).serialize(mask=mask)


@given(TEXTS)
def test_a_whole_frame_of_text_is_read(text: bytes) -> None:
    frame = sent(text)
    for before, behind in ((b"", b""), (sent(b"other"), b""), (b"", sent(b"other")), (b"xyz", b"\x81")):
        found = text_at(before + frame + behind, len(before))
        assert found == (text, len(before) + len(frame)) or not text


@given(TEXTS)
def test_a_frame_is_written_as_the_library_writes_it(text: bytes) -> None:
    assert frame_of(text) == sent(text, mask=False)


def test_long_texts_are_written_too() -> None:
    for size in (0xFFFF, 0x10000, 0x10001):
        assert frame_of(bytes(size)) == sent(bytes(size), mask=False)


@pytest.mark.parametrize("opcode", [Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_other_frames_are_not_taken(opcode: Opcode) -> None:
    assert text_at(sent(b"abc", opcode=opcode)) is None


def test_what_is_not_one_whole_masked_frame_is_not_taken() -> None:
    whole = sent(b"some text")
    for data in (whole[:-1], whole[1:], sent(b"a", fin=False), sent(b"some text", mask=False)):
        assert text_at(data) is None
    assert text_at(sent(bytes(MAX_BYTES))) is None


@given(st.binary(max_size=12))
def test_any_bytes_may_come(data: bytes) -> None:
    for at in range(len(data) + 1):
        found = text_at(data, at)
        assert found is None or at + 6 <= found[1] - len(found[0]) <= len(data)
