from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import Encoding
from duologue.client.sound import playout
from duologue.client.sound.playout import ItemPart, PlayoutQueue

AT_1K = Encoding("audio/pcm", 1000, 2)  # 2 bytes a millisecond
ONE, TWO = ItemPart("item_1", 0), ItemPart("item_2", 0)


def test_what_is_heard_is_what_has_left_the_loudspeaker_and_not_what_the_device_has_taken() -> None:
    speaker = PlayoutQueue(AT_1K)
    speaker.add(ONE, bytes(200))
    assert speaker.take(100, 10.0) == bytes(100)
    assert speaker.take_played(10.0) == []
    assert speaker.take_played(10.020) == [(ONE, 40)]
    assert speaker.take_played(10.030) == [(ONE, 20)]
    assert speaker.take_played(99.0) == [(ONE, 40)]
    assert speaker.take_played(99.0) == []


def test_a_block_may_hold_the_end_of_one_part_and_the_begin_of_the_next() -> None:
    speaker = PlayoutQueue(AT_1K)
    speaker.add(ONE, b"a" * 60)
    speaker.add(TWO, b"b" * 60)
    assert speaker.take(100, 5.0) == b"a" * 60 + b"b" * 40
    assert speaker.take_played(5.040) == [(ONE, 60), (TWO, 20)]
    assert speaker.take(100, 5.050) == b"b" * 20


def test_after_a_stop_nothing_more_is_given_and_what_was_in_the_device_still_counts() -> None:
    speaker = PlayoutQueue(AT_1K)
    speaker.add(ONE, bytes(200))
    speaker.take(40, 1.0)
    speaker.drop(in_device=False)
    assert speaker.take(40, 1.02) == b""
    assert speaker.take_played(2.0) == [(ONE, 40)]
    speaker.add(TWO, b"new")
    assert speaker.take(40, 2.0) == b"new"


def test_there_is_room_for_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playout, "MAX_QUEUED_BYTES", 100)
    speaker = PlayoutQueue(AT_1K)
    assert speaker.add(ONE, bytes(100))
    assert not speaker.add(ONE, bytes(2))
    speaker.take(50, 0.0)
    assert speaker.add(ONE, bytes(50))


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b[: len(b) // 2 * 2]), max_size=20),
    st.lists(st.integers(1, 30).map(lambda n: 2 * n), max_size=60),
    st.lists(st.floats(0, 0.1), max_size=60),
)
def test_every_byte_that_was_played_is_heard_once(pieces: list[bytes], blocks: list[int], looks_s: list[float]) -> None:
    speaker = PlayoutQueue(AT_1K)
    for piece in pieces:
        speaker.add(ONE, piece)
    played, heard, now = b"", 0, 0.0
    for n_bytes, look_s in zip(blocks, looks_s, strict=False):
        played += speaker.take(n_bytes, now)
        now += n_bytes / 2000
        heard += sum(n for _, n in speaker.take_played(now - look_s))
        assert heard <= len(played)
    heard += sum(n for _, n in speaker.take_played(now + 1))
    assert heard == len(played)
    assert b"".join(pieces).startswith(played)
