"""Fragments of text become lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.translation.client.lines import MAX_CHARACTERS, LineGrouper


def lines(*pieces: tuple[str, int | None]) -> list[tuple[str, int | None, int | None]]:
    grouper = LineGrouper("source")
    found = [line for text, at_ms in pieces for line in grouper.add(text, at_ms)]
    return [(line.text, line.start_ms, line.end_ms) for line in (*found, *grouper.flush())]


def test_a_line_ends_with_its_sentence() -> None:
    pieces = ("Good", 0), (" morning.", 200), (" How", 400), (" are you?", 600), (" Fine", 800)
    assert lines(*pieces) == [("Good morning.", 0, 200), ("How are you?", 400, 600), ("Fine", 800, 800)]


@pytest.mark.parametrize("text", ["It costs 3.50 euros", "Go to www.example.com now"])
def test_a_point_inside_of_a_word_ends_no_line(text: str) -> None:
    assert lines((text, None)) == [(text, None, None)]


def test_full_width_punctuation_needs_no_space() -> None:
    assert [text for text, _, _ in lines(("你好。再见。", 0))] == ["你好。", "再见。"]


def test_a_pause_ends_a_line_without_punctuation() -> None:
    assert lines(("yes", 0), (" well", 1000), (" so", 2600)) == [("yes well", 0, 1000), ("so", 2600, 2600)]


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    found = [text for text, _, _ in lines(("word " * 100, 0))]
    assert " ".join(found) == ("word " * 100).strip()
    assert all(len(text) <= MAX_CHARACTERS for text in found)


def test_a_word_without_an_end_is_cut() -> None:
    assert [len(text) for text, _, _ in lines(("x" * 500, 0))] == [200, 200, 100]


@given(st.lists(st.tuples(st.text(alphabet="ab .?。", max_size=300), st.one_of(st.none(), st.integers(0, 10_000)))))
def test_no_letter_is_lost_or_moved(pieces: list[tuple[str, int | None]]) -> None:
    found = "".join(text for text, _, _ in lines(*pieces))
    assert "".join(found.split()) == "".join("".join(text for text, _ in pieces).split())
