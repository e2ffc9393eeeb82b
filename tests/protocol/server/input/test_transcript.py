from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.server.input.transcript import Transcript

TEXTS = st.lists(st.sampled_from(["He", "he", "was", "not", "not.", "ill", "a"]), max_size=6).map(" ".join)


def test_a_single_guess_tells_nothing() -> None:
    assert Transcript().guess("He was not an") == ""


def test_what_two_guesses_agree_on_is_told_but_for_the_word_being_spoken() -> None:
    transcript = Transcript()
    transcript.guess("He was.")
    assert transcript.guess("He was not.") == "He"
    assert transcript.guess("He was not an ill") == " was"
    assert transcript.guess("He was not an") == " not"
    assert transcript.guess("He was not an ill man") == " an"


def test_a_word_that_changes_stops_the_telling_until_two_guesses_agree_again() -> None:
    transcript = Transcript()
    transcript.guess("He was an old")
    assert transcript.guess("He was an ill man") == "He was an"
    assert transcript.guess("He was an old man and") == ""
    assert transcript.guess("He was an old man and he") == " old man and"


def test_a_guess_that_contradicts_what_was_told_adds_nothing() -> None:
    transcript = Transcript()
    transcript.guess("He was not a")
    transcript.guess("He was not a man")
    assert transcript.guess("She was not a man") == ""
    assert transcript.guess("She was not a man at all") == ""
    assert transcript.finish("She was not a man at all.") == ""


def test_the_end_tells_the_rest() -> None:
    transcript = Transcript()
    transcript.guess("He was not an")
    transcript.guess("He was not an ill")
    assert transcript.finish("He was not an ill-disposed man.") == " ill-disposed man."


def test_pieces_of_the_last_pass_follow_what_was_told_before() -> None:
    transcript = Transcript()
    transcript.guess("He was not")
    transcript.guess("He was not a")
    assert [transcript.add(piece) for piece in ("He", " was", " not", " ill.")] == ["", "", "", " ill."]
    assert transcript.finish("He was not ill.") == ""


@given(guesses=st.lists(TEXTS, max_size=6), final=TEXTS)
def test_joined_deltas_are_the_transcript_or_a_beginning_of_a_guess(guesses: list[str], final: str) -> None:
    transcript = Transcript()
    told = "".join([transcript.guess(text) for text in guesses])
    rest = transcript.finish(final)
    assert told + rest == final or (rest == "" and any(text.startswith(told) for text in guesses))
