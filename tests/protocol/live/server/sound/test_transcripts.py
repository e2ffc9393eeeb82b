"""Transcripts on the grid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.live.server.sound.transcripts import GRID_MS, SpokenTranscript, UserTranscript


def test_words_are_spread_over_the_span_of_an_utterance() -> None:
    deltas = UserTranscript().spread("Where is my parcel?", 1_230, 2_100)
    assert [(delta.delta, delta.start_ms) for delta in deltas] == [
        ("Where", 1_200),
        (" is my", 1_400),
        (" parcel?", 1_600),
    ]


def test_a_script_without_spaces_is_spread_by_characters() -> None:
    deltas = UserTranscript().spread("你好吗今天", 0, 1_000)
    assert [delta.delta for delta in deltas] == ["你", "好", "吗", "今", "天"]


def test_words_of_the_voice_are_due_before_their_sound_and_not_before_now() -> None:
    spoken = SpokenTranscript()
    spoken.add("Hello there my friend, how are you?", 1_000, 1_000)
    (first,) = spoken.due(1_000)
    assert (first.delta, first.start_ms) == ("Hello there my", 1_000)
    assert spoken.due(1_100) == []
    assert [delta.delta for delta in spoken.due(5_000)] == [" friend,", " how", " are", " you?"]


def test_words_that_are_cut_are_not_sent_and_leave_their_cells_free() -> None:
    spoken = SpokenTranscript()
    spoken.add("Hello there my friend, how are you?", 1_000, 1_000)
    spoken.due(1_000)
    spoken.cut(1_300)
    assert spoken.due(9_000) == []
    spoken.add("Yes.", 1_400, 1_400)
    assert [(delta.delta, delta.start_ms) for delta in spoken.due(1_400)] == [("Yes.", 1_400)]


@given(st.lists(st.tuples(st.text(), st.integers(0, 3_000), st.integers(0, 3_000)), max_size=6))
def test_any_utterances_concatenate_and_never_run_backwards(utterances: list[tuple[str, int, int]]) -> None:
    transcript, position_ms, end_ms = UserTranscript(), 0, 0
    for text, pause_ms, length_ms in utterances:
        start_ms = position_ms + pause_ms
        position_ms = start_ms + length_ms
        deltas = transcript.spread(text, start_ms, position_ms)
        assert "".join(delta.delta for delta in deltas).strip() == text.strip()
        for delta in deltas:
            assert delta.start_ms >= end_ms
            assert delta.end_ms == delta.start_ms + GRID_MS
            end_ms = delta.end_ms
