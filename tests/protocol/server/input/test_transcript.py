from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.server.input.transcript import Transcript

TEXTS = st.lists(st.sampled_from(["He", "he", "was", "not", "not.", "ill", "a"]), max_size=6).map(" ".join)


def test_a_single_partial_transcript_gives_no_delta() -> None:
    assert Transcript().partial("He was not an") == ""


def test_what_two_partial_transcripts_agree_on_is_sent_except_the_last_word() -> None:
    transcript = Transcript()
    transcript.partial("He was.")
    assert transcript.partial("He was not.") == "He"
    assert transcript.partial("He was not an ill") == " was"
    assert transcript.partial("He was not an") == " not"
    assert transcript.partial("He was not an ill man") == " an"


def test_a_word_that_changes_stops_the_deltas_until_two_partial_transcripts_agree_again() -> None:
    transcript = Transcript()
    transcript.partial("He was an old")
    assert transcript.partial("He was an ill man") == "He was an"
    assert transcript.partial("He was an old man and") == ""
    assert transcript.partial("He was an old man and he") == " old man and"


def test_a_partial_transcript_that_contradicts_the_deltas_adds_nothing() -> None:
    transcript = Transcript()
    transcript.partial("He was not a")
    transcript.partial("He was not a man")
    assert transcript.partial("She was not a man") == ""
    assert transcript.partial("She was not a man at all") == ""
    assert transcript.finish("She was not a man at all.") == ""


def test_the_final_transcript_sends_the_rest() -> None:
    transcript = Transcript()
    transcript.partial("He was not an")
    transcript.partial("He was not an ill")
    assert transcript.finish("He was not an ill-disposed man.") == " ill-disposed man."


def test_pieces_of_the_final_transcript_follow_the_deltas_before() -> None:
    transcript = Transcript()
    transcript.partial("He was not")
    transcript.partial("He was not a")
    assert [transcript.add(piece) for piece in ("He", " was", " not", " ill.")] == ["", "", "", " ill."]
    assert transcript.finish("He was not ill.") == ""


@given(partials=st.lists(TEXTS, max_size=6), final=TEXTS)
def test_joined_deltas_are_the_transcript_or_the_start_of_a_partial_one(partials: list[str], final: str) -> None:
    transcript = Transcript()
    sent = "".join([transcript.partial(text) for text in partials])
    rest = transcript.finish(final)
    assert sent + rest == final or (rest == "" and any(text.startswith(sent) for text in partials))
