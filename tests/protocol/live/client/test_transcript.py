"""Pieces of transcript become utterances."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, UtteranceEnded
from duologue.protocol.live.client.transcript import TranscriptGrouper

Piece = tuple[Speaker, str, int, int]


def grouped(*pieces: Piece, until_ms: int | None = None) -> list[tuple[Speaker, str, str, bool]]:
    grouper = TranscriptGrouper()
    notices = [notice for piece in pieces for notice in grouper.add(*piece)]
    if until_ms is not None:
        notices += grouper.advance(until_ms)
    notices += grouper.end()
    ends = [notice for notice in notices if isinstance(notice, UtteranceEnded)]
    return [(end.utterance.speaker, end.utterance.text, end.reason, end.utterance.backchannel) for end in ends]


def test_pieces_are_put_together_as_they_are() -> None:
    assert grouped(("user", "Where", 0, 200), ("user", " is it", 200, 600), ("user", "?", 600, 700)) == [
        ("user", "Where is it?", "session_closed", False)
    ]


def test_a_pause_of_the_user_begins_another_utterance() -> None:
    assert grouped(("user", "One", 0, 200), ("user", "Two", 701, 900)) == [
        ("user", "One", "inactivity", False),
        ("user", "Two", "session_closed", False),
    ]
    assert len(grouped(("user", "One", 0, 200), ("user", "Two", 700, 900))) == 1


def test_the_assistant_pauses_for_longer() -> None:
    assert len(grouped(("assistant", "One", 0, 200), ("assistant", "Two", 2200, 2400))) == 1
    assert len(grouped(("assistant", "One", 0, 200), ("assistant", "Two", 2201, 2400))) == 2


def test_the_other_speaker_ends_an_utterance() -> None:
    assert grouped(("user", "Where?", 0, 400), ("assistant", "Here.", 500, 900)) == [
        ("user", "Where?", "speaker_change", False),
        ("assistant", "Here.", "session_closed", False),
    ]


def test_a_short_word_inside_the_other_s_speech_takes_no_turn() -> None:
    talk: list[Piece] = [("assistant", f" word{n}", 400 * n, 400 * n + 400) for n in range(12)]
    talk.insert(3, ("user", "mhm", 900, 1200))
    assert grouped(*talk) == [
        ("user", "mhm", "inactivity", True),
        ("assistant", " ".join(f"word{n}" for n in range(12)), "session_closed", False),
    ]


def test_longer_words_inside_it_do() -> None:
    assert grouped(
        ("assistant", "It is", 0, 800),
        ("user", "No,", 700, 1000),
        ("user", " wait a moment", 1000, 1900),
        ("user", " please", 1900, 2100),
    ) == [
        ("assistant", "It is", "speaker_change", False),
        ("user", "No, wait a moment please", "session_closed", False),
    ]


def test_time_that_goes_back_begins_another_utterance() -> None:
    assert grouped(("user", "One", 5000, 5200), ("user", "Two", 0, 100)) == [
        ("user", "One", "timestamp_reset", False),
        ("user", "Two", "session_closed", False),
    ]


def test_silence_alone_ends_utterances_too() -> None:
    assert grouped(("user", "One", 0, 200), until_ms=701) == [("user", "One", "inactivity", False)]
    assert grouped(("user", "One", 0, 200), until_ms=700) == [("user", "One", "session_closed", False)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant"]),
            st.text("ab ", min_size=1, max_size=3),
            st.integers(0, 4000),
            st.integers(0, 1500),
        ),
        max_size=40,
    )
)
def test_every_piece_is_in_one_utterance_of_its_speaker_in_order(steps: list[tuple[Speaker, str, int, int]]) -> None:
    grouper, now, notices = TranscriptGrouper(), 0, list[TranscriptDelta | UtteranceEnded]()
    for speaker, text, gap_ms, length_ms in steps:
        now += gap_ms
        notices += grouper.add(speaker, text, now, now + length_ms)
    notices += grouper.end()
    pieces: dict[int, list[str]] = {}
    ended: set[int] = set()
    for notice in notices:
        if isinstance(notice, TranscriptDelta):
            assert notice.utterance_id not in ended
            pieces.setdefault(notice.utterance_id, []).append(notice.delta)
        else:
            ended.add(notice.utterance.utterance_id)
            assert notice.utterance.text == "".join(pieces[notice.utterance.utterance_id]).strip()
            assert notice.utterance.start_ms <= notice.utterance.end_ms
    spoken = {key for key, parts in pieces.items() if "".join(parts).strip()}
    assert spoken == ended
    assert [n.delta for n in notices if isinstance(n, TranscriptDelta)] == [text for _, text, _, _ in steps]
