from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.server.session.clauses import Clauses


def spoken(*pieces: str) -> list[str]:
    """What is spoken of these pieces, clause by clause."""
    clauses = Clauses()
    return [clause for piece in pieces for clause in clauses.add(piece)] + list(clauses.rest())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   ", []),
        ("No end", ["No end"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("Well, yes.", ["Well, yes."]),
        ("This clause is quite a long one, and so it goes.", ["This clause is quite a long one,", "and so it goes."]),
        ("3.5 is a number.", ["3.5 is a number."]),
        ("A line\nanother", ["A line", "another"]),
    ],
)
def test_a_text_is_cut_where_a_speaker_breathes(text: str, expected: list[str]) -> None:
    assert spoken(text) == expected


def test_a_sentence_is_spoken_as_soon_as_the_next_one_begins() -> None:
    clauses = Clauses()
    assert list(clauses.add("Hello there")) == []
    assert list(clauses.add(". ")) == ["Hello there."]


def test_text_without_punctuation_is_cut_between_words_in_the_end() -> None:
    clauses = spoken(*(f"word {number} " for number in range(100)))
    assert max(map(len, clauses)) <= 260
    assert " ".join(clauses).split() == [word for number in range(100) for word in ("word", str(number))]
    assert len(spoken(*("x" * 100 for _ in range(10)))) > 1


@given(st.text(alphabet="ab ,.!\n\"'", max_size=80), st.integers(1, 7))
def test_no_word_is_lost_however_the_text_is_cut(text: str, size: int) -> None:
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join("".join(spoken(*pieces)).split()) == "".join(text.split())
