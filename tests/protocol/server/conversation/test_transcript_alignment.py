"""The words that a stretch of audio says: clause by clause, whole words, never more than the audio speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.protocol.server.conversation.transcript_alignment import SpokenText


def ms(milliseconds: int) -> int:
    return PCM.bytes_for_ms(milliseconds)


def spoken(*clauses: tuple[str, int], complete: bool = True, gap: str = " ") -> SpokenText:
    """Text of these clauses, each with its audio in milliseconds."""
    text = SpokenText(PCM)
    text.add_text(gap.join(clause for clause, _ in clauses))
    for clause, length_ms in clauses:
        text.begin_clause(clause)
        text.add_audio(ms(length_ms))
    if complete:
        text.ended = True
    return text


STORY = (("Once upon a time,", 1000), ("there was a king.", 3000))


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (200, ""),
        (236, "Once"),
        (500, "Once"),
        (700, "Once upon a"),
        (999, "Once upon a"),
        (1000, "Once upon a time,"),
        (1400, "Once upon a time,"),
        (1900, "Once upon a time, there"),
        (3999, "Once upon a time, there was a"),
        (4000, "Once upon a time, there was a king."),
        (9999, "Once upon a time, there was a king."),
    ],
)
def test_words_are_spread_evenly_over_their_clause_and_count_when_they_are_over(heard_ms: int, words: str) -> None:
    assert spoken(*STORY).words_until(ms(heard_ms)) == words


def test_the_same_clause_twice_is_found_in_both_places() -> None:
    text = spoken(("No.", 500), ("No.", 500))
    assert [text.words_until(ms(at)) for at in (499, 500, 999, 1000)] == ["", "No.", "No.", "No. No."]


def test_a_clause_under_way_may_still_get_longer() -> None:
    story = spoken(*STORY, ("He had three daughters and a very old dog.", 200), complete=False)
    first = "Once upon a time, there was a king."
    assert story.words_until(ms(4200)) == f"{first} He"
    story.ended = True
    assert story.words_until(ms(4200)) == f"{first} He had three daughters and a very old dog."


def test_audio_without_a_clause_is_spread_over_all_the_text() -> None:
    text = SpokenText(PCM)
    text.add_text("one two three four")
    text.add_audio(ms(1000))
    text.ended = True
    assert text.words_until(ms(500)) == "one two"
    assert text.words_until(ms(1000)) == "one two three four"


def test_a_clause_that_was_begun_and_has_no_sound_was_not_heard() -> None:
    text = spoken(("Well,", 500), ("never mind.", 0))
    assert text.words_until(text.audio_bytes) == "Well,"


def test_text_that_cannot_be_spoken_is_passed_with_what_follows_it() -> None:
    text = spoken(("Well", 500), ("…!", 0), ("then.", 500))
    assert text.words_until(text.audio_bytes) == "Well …! then."


def test_a_clause_that_is_not_in_the_text_hides_nothing() -> None:
    text = spoken(("Hello there", 1000))
    text.begin_clause("something else")
    text.add_audio(ms(500))
    assert text.words_until(ms(1000)) == "Hello there"
    assert text.words_until(ms(1500)) == "Hello there"


def test_scripts_without_spaces_are_cut_between_signs() -> None:
    assert spoken(("今日は良い天気です", 900)).words_until(ms(300)) == "今日は"


def test_g711_counts_its_own_bytes() -> None:
    text = SpokenText(PCMU)
    text.add_text("one two")
    text.begin_clause("one two")
    text.add_audio(8000)
    text.ended = True
    assert (text.words_until(4000), text.words_until(8000)) == ("one", "one two")


clauses = st.lists(st.tuples(st.text("ab .,", min_size=1, max_size=8), st.integers(0, 300)), max_size=5)


@given(clauses, st.booleans(), st.integers(0, 2000), st.integers(0, 2000))
def test_more_audio_never_says_less_and_what_is_heard_begins_the_text(
    said: list[tuple[str, int]], complete: bool, one_ms: int, more_ms: int
) -> None:
    text = spoken(*said, complete=complete)
    less, more = text.words_until(ms(one_ms)), text.words_until(ms(one_ms + more_ms))
    assert text.text.startswith(more)
    assert more.startswith(less)


def test_audio_without_a_clause_speaks_the_text_before_the_first_one_that_is_named() -> None:
    text = SpokenText(PCM)
    text.add_text("Well, hello there.")
    text.add_audio(ms(1000))
    text.begin_clause("hello there.")
    text.add_audio(ms(1000))
    text.ended = True
    assert [text.words_until(ms(at)) for at in (500, 1000, 2000)] == ["", "Well,", "Well, hello there."]
