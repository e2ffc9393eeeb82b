"""Words that are told in pieces, whole, and again."""

from __future__ import annotations

import pytest

from duologue.protocol.client.history.words import ToldWords, told_before


def test_pieces_add_up_and_the_whole_replaces_them() -> None:
    words = ToldWords()
    words.piece("Hel")
    words.piece("lo")
    assert (words.text, words.is_whole) == ("Hello", False)
    words.whole("Hello.")
    assert (words.text, words.is_whole) == ("Hello.", True)


@pytest.mark.parametrize("emptier", ["", "Hel", "Hello "])
def test_an_emptier_whole_takes_nothing_away(emptier: str) -> None:
    words = ToldWords()
    words.whole("Hello there.")
    words.whole(emptier)
    assert words.text == "Hello there."


def test_a_corrected_whole_replaces_the_one_before_also_by_fewer_words_where_that_is_meant() -> None:
    words = ToldWords()
    words.whole("Hello there.")
    words.whole("Hallo.")
    assert words.text == "Hallo."
    words.whole("Hal", shortened=True)
    assert words.text == "Hal"


def test_a_late_piece_of_the_whole_is_not_told_twice_and_more_is_added() -> None:
    words = ToldWords()
    words.piece("One ")
    words.whole("One two three.")
    for late in ("two ", "three.", "three."):
        words.piece(late)
    assert words.text == "One two three."
    words.piece(" Four.")
    assert words.text == "One two three. Four."


def test_a_less_reliable_whole_only_adds_what_is_missing() -> None:
    words = ToldWords()
    words.whole("One")
    words.completed("Other words.")
    assert words.text == "One"
    words.completed("One two.")
    assert words.text == "One two."


def test_a_text_that_goes_on_with_spaces_alone_has_no_more_words() -> None:
    assert told_before("One", "One two")
    assert not told_before("One", "One \n")
    assert not told_before("Two", "One two")
