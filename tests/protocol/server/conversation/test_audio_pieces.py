"""Audio that is kept in pieces is the audio that came."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.server.conversation.audio_pieces import AudioPieces

sizes = st.integers(0, 3) | st.sampled_from([160, 255, 256, 257, 960])


@given(st.binary(max_size=3), st.lists(sizes | st.none(), max_size=20), st.data())
def test_it_is_what_was_added(first: bytes, steps: list[int | None], data: st.DataObject) -> None:
    kept, expected = AudioPieces(first), first
    for n, size in enumerate(steps):
        if size is None:
            n_bytes = data.draw(st.integers(0, len(expected) + 2))
            kept.keep(n_bytes)
            expected = expected[:n_bytes]
        else:
            kept.add(bytes([n]) * size)
            expected += bytes([n]) * size
        assert len(kept) == len(expected)
        assert bool(kept) == bool(expected)
        if data.draw(st.booleans()):
            assert bytes(kept) == expected
    assert bytes(kept) == expected


def test_what_an_engine_changes_later_is_kept_as_it_was() -> None:
    kept, piece = AudioPieces(), bytearray(b"\1" * 960)
    kept.add(piece)  # type: ignore[arg-type]
    kept.add(memoryview(piece))  # type: ignore[arg-type]
    piece[:] = b"\2" * 960
    assert bytes(kept) == b"\1" * 1920


def test_audio_that_comes_byte_by_byte_takes_little_more_memory_than_itself() -> None:
    tracemalloc.start()
    try:
        kept = AudioPieces()
        for _ in range(100_000):
            kept.add(b"x")
        assert tracemalloc.get_traced_memory()[0] < 150_000
    finally:
        tracemalloc.stop()


def test_asking_twice_copies_once() -> None:
    kept = AudioPieces()
    kept.add(bytes(960))
    kept.add(bytes(960))
    assert bytes(kept) is bytes(kept)
    audio = bytes(5000)
    assert bytes(AudioPieces(audio)) is audio
