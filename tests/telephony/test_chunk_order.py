"""Pieces in the order of their numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.telephony import CallerAudio
from duologue.telephony.chunk_order import ChunkOrder


def _numbers(order: ChunkOrder, *chunks: int | None) -> list[int | None]:
    return [piece.chunk for chunk in chunks for piece in order.push(CallerAudio(audio=b"", chunk=chunk))]


def test_pieces_are_sorted() -> None:
    assert _numbers(ChunkOrder(), 1, 3, 2, 5, 4) == [1, 2, 3, 4, 5]


def test_a_missing_piece_is_given_up_and_dropped_when_it_comes() -> None:
    assert _numbers(ChunkOrder(), 1, 3, 4, 5, 6, 7, 2, 8) == [1, 3, 4, 5, 6, 7, 8]


def test_a_piece_without_a_number_does_not_wait() -> None:
    assert _numbers(ChunkOrder(), 1, None, 3, None) == [1, None, None]


@given(st.permutations(range(2, 12)))
def test_each_piece_comes_once_and_in_order(chunks: list[int]) -> None:
    found = _numbers(ChunkOrder(), 1, *chunks)
    assert found == sorted(set(found), key=lambda number: number or 0)


@given(st.lists(st.integers(0, 2**53), max_size=200))
def test_hostile_numbers_hold_nothing_back_for_ever(chunks: list[int]) -> None:
    order = ChunkOrder()
    _numbers(order, *chunks)
    assert len(order._held) <= 4
