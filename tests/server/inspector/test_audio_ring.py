from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.server.inspector.audio_ring import NOWHERE, AudioRing


def opened(size: int) -> AudioRing:
    ring = AudioRing(size)
    ring.open()
    return ring


def test_a_closed_ring_keeps_nothing_and_takes_no_memory() -> None:
    ring = AudioRing(1 << 60)
    assert ring.keep("a" * 100) == NOWHERE
    assert not ring.has(NOWHERE)
    assert ring.get(NOWHERE, 100) is None


def test_what_was_kept_before_it_was_closed_is_gone_when_it_is_opened_again() -> None:
    ring = opened(1000)
    place = ring.keep("a" * 100)
    assert ring.get(place, 100) == "a" * 100
    ring.close()
    assert ring.get(place, 100) is None
    ring.open()
    assert ring.is_open
    assert not ring.has(place)
    assert ring.get(ring.keep("b" * 100), 100) == "b" * 100


def test_a_text_that_would_push_out_all_others_is_not_kept() -> None:
    ring = opened(800)
    ring.keep("a" * 50)
    places = [ring.keep("b" * 100) for _ in range(7)]
    assert NOWHERE not in places
    assert ring.keep("c" * 101) == NOWHERE


@given(st.lists(st.integers(1, 125), max_size=100))
def test_a_text_is_as_it_was_until_newer_ones_have_its_place(lengths: list[int]) -> None:
    ring, kept = opened(1000), []
    for number, length in enumerate(lengths):
        text = chr(33 + number % 90) * length
        kept.append((ring.keep(text), text))
    recent = 0
    for place, text in reversed(kept):
        found = ring.get(place, len(text))
        assert found in (text, None)
        recent += len(text)
        if recent <= 1000 - 125:  # the end of the memory may be left empty
            assert found == text
