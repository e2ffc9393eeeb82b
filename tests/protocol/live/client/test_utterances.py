"""Which pieces of a transcript become one utterance, by the times that the server gives them."""

from __future__ import annotations

from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, UtteranceEnded
from duologue.protocol.live.client.utterances import MAX_CHARACTERS, Grouped, OpenUtterances, SpokenPiece

Spoken = tuple[Speaker, str, int, int]


def ends(notices: list[Grouped]) -> list[tuple[Speaker, str, str, bool]]:
    ended = [notice for notice in notices if isinstance(notice, UtteranceEnded)]
    return [(one.utterance.speaker, one.utterance.text, one.reason, one.utterance.backchannel) for one in ended]


def grouped(*pieces: Spoken, until_ms: int = 0) -> list[tuple[Speaker, str, str, bool]]:
    utterances = OpenUtterances()
    notices = [notice for piece in pieces for notice in utterances.add([SpokenPiece(*piece)])]
    notices += utterances.advance(until_ms)
    notices += utterances.close(until_ms, "session_closed")
    return ends(notices)


def test_pieces_are_put_together_as_they_are() -> None:
    assert grouped(("user", "Where", 0, 200), ("user", " is it", 200, 600), ("user", "?", 600, 700)) == [
        ("user", "Where is it?", "session_closed", False)
    ]


def test_the_user_may_pause_for_long_and_only_the_answer_ends_the_utterance() -> None:
    assert grouped(("user", "One", 0, 200), ("user", " two", 9000, 9200), ("assistant", "Three", 9800, 9900)) == [
        ("user", "One two", "speaker_change", False),
        ("assistant", "Three", "session_closed", False),
    ]


def test_the_assistant_s_utterance_ends_by_two_seconds_of_silence() -> None:
    assert grouped(("assistant", "One", 0, 200), ("assistant", " two", 2199, 2400)) == [
        ("assistant", "One two", "session_closed", False)
    ]
    assert grouped(("assistant", "One", 0, 200), ("assistant", "Two", 2201, 2400), until_ms=4400) == [
        ("assistant", "One", "inactivity", False),
        ("assistant", "Two", "inactivity", False),
    ]


def test_the_user_takes_the_turn_at_once() -> None:
    assert grouped(("assistant", "It is", 0, 800), ("user", "No", 700, 1000), ("assistant", " three", 800, 1200)) == [
        ("assistant", "It is", "speaker_change", False),
        ("user", "No", "session_closed", False),
        ("assistant", "three", "session_closed", False),
    ]


def test_an_answer_that_comes_early_takes_the_turn_when_the_user_has_stopped() -> None:
    early: list[Spoken] = [("user", "Where?", 0, 400), ("assistant", "Here", 500, 800)]
    assert grouped(*early, ("user", " Or", 800, 900), ("assistant", " it is", 1000, 1200), until_ms=1399) == [
        ("user", "Where? Or", "session_closed", False),
        ("assistant", "Here it is", "session_closed", False),
    ]
    assert grouped(*early, until_ms=900)[0] == ("user", "Where?", "speaker_change", False)


def test_an_acknowledgement_does_not_take_the_turn() -> None:
    assert grouped(
        ("user", "I was", 5000, 5400),
        ("assistant", "Mm", 5500, 5700),
        ("assistant", "-hmm.", 5700, 5800),
        ("user", " there", 6000, 6400),
        ("assistant", "Good.", 6500, 6700),
        until_ms=6900,
    ) == [
        ("assistant", "Mm-hmm.", "speaker_change", True),
        ("user", "I was there", "speaker_change", False),
        ("assistant", "Good.", "session_closed", False),
    ]


def test_an_acknowledgement_that_nothing_follows_ends_by_silence() -> None:
    said: list[Spoken] = [("user", "I was", 5000, 5400), ("assistant", "Okay", 5500, 5700)]
    assert grouped(*said, until_ms=7699)[-1] == ("assistant", "Okay", "session_closed", False)
    assert grouped(*said, until_ms=7700)[0] == ("assistant", "Okay", "inactivity", True)


def test_what_begins_like_an_acknowledgement_may_be_an_answer() -> None:
    assert grouped(
        ("user", "May I?", 5000, 5400), ("assistant", "Yes", 5500, 5700), ("assistant", " you may", 5700, 6000)
    ) == [
        ("user", "May I?", "session_closed", False),
        ("assistant", "Yes you may", "session_closed", False),
    ]


def test_a_long_yes_is_an_answer() -> None:
    assert grouped(("user", "May I?", 5000, 5400), ("assistant", "Yes", 5500, 6500), until_ms=7000) == [
        ("user", "May I?", "speaker_change", False),
        ("assistant", "Yes", "session_closed", False),
    ]


def test_a_yes_just_after_the_assistant_s_own_words_is_an_answer() -> None:
    assert grouped(
        ("assistant", "Shall I?", 0, 400),
        ("user", "Do", 600, 800),
        ("assistant", "okay", 600, 800),
        until_ms=3000,
    ) == [
        ("assistant", "Shall I?", "speaker_change", False),
        ("user", "Do", "speaker_change", False),
        ("assistant", "okay", "session_closed", False),
    ]


def test_of_words_at_the_same_time_those_of_whose_turn_it_is_come_first() -> None:
    utterances = OpenUtterances()
    both = [SpokenPiece("assistant", "Yes", 0, 200), SpokenPiece("user", "Well", 0, 200)]
    notices = utterances.add(both) + utterances.close(200, "timestamp_reset")
    assert [notice.speaker for notice in notices if isinstance(notice, TranscriptDelta)] == ["user", "assistant"]
    assert [end[0] for end in ends(notices)] == ["user", "assistant"]


def test_spaces_alone_are_no_utterance() -> None:
    assert grouped(("user", " ", 0, 200), ("assistant", "Hello", 900, 1000)) == [
        ("assistant", "Hello", "session_closed", False)
    ]


def test_talk_without_end_is_cut_into_utterances_of_bounded_length() -> None:
    word = "x" * (MAX_CHARACTERS // 2)
    speakers: list[Speaker] = ["user", "assistant"]
    for speaker in speakers:
        said: list[Spoken] = [(speaker, word, n, n + 1) for n in range(5)]
        assert [reason for _, _, reason, _ in grouped(*said)] == ["length", "length", "session_closed"]


def test_what_the_assistant_says_for_long_in_the_user_s_turn_takes_it() -> None:
    word = "x" * (MAX_CHARACTERS // 2)
    said: list[Spoken] = [("assistant", word, n, n + 1) for n in range(3)]
    assert grouped(("user", "Well", 0, 5000), *said) == [
        ("user", "Well", "speaker_change", False),
        ("assistant", word * 2, "length", False),
        ("assistant", word, "session_closed", False),
    ]
