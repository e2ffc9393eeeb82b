"""The words decide how complete a turn is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.end_of_turn.phrasing import completeness

COMPLETE = (
    "What time is it?",
    "I would like to order a pizza.",
    "Yes.",
    "No, thanks.",
    "Okay",
    "What are you looking for?",
    "Who are you?",
    "I think so.",
    "Yes, I do.",
    "If it rains, we stay at home.",
    "To leave a message, press one.",
    "My phone number is 555 123 4567.",
    "Stop!",
    "Turn it on.",
    "Because I said so, and that is final.",
)
INCOMPLETE = (
    "I would like to order a pizza and",
    "I would like to order a pizza and.",
    "Because",
    "I was thinking about the.",
    "Um",
    "Well, um,",
    "We need apples, pears,",
    "My number is 555.",
    "The code is one two",
    "Can you tell me the",
    "What is",
    "If it rains tomorrow.",
    "Had he married a more amiable woman.",
    "Unless to be rather.",
    "I want to\N{HORIZONTAL ELLIPSIS}",
    "We\N{RIGHT SINGLE QUOTATION MARK}re",
)


@pytest.mark.parametrize("text", COMPLETE)
def test_what_is_whole_is_called_complete(text: str) -> None:
    assert completeness(text) >= 0.8


@pytest.mark.parametrize("text", INCOMPLETE)
def test_what_breaks_off_is_called_incomplete(text: str) -> None:
    assert completeness(text) <= 0.25


def test_nothing_but_marks_says_nothing() -> None:
    assert completeness("") == completeness("...?") == 0.5


def test_a_word_or_two_leave_it_to_the_voice() -> None:
    assert completeness("The conference.") == 0.5


def test_only_the_last_sentence_counts() -> None:
    assert completeness("If it rains, we stay. That is what we said.") >= 0.8
    assert completeness("That is what we said. If it rains.") <= 0.25


@given(st.text(max_size=60))
def test_any_text_has_a_probability_strictly_between_0_and_1(text: str) -> None:
    assert 0 < completeness(text) < 1
