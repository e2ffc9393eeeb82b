"""Transcripts on the grid."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.live.server.sound.transcripts import GRID_MS, InputTranscript, OutputTranscript


def test_words_are_spread_over_the_span_of_an_utterance() -> None:
    deltas = InputTranscript().spread("Where is my parcel?", 1_230, 2_100)
    assert [(delta.delta, delta.start_ms) for delta in deltas] == [
        ("Where", 1_200),
        (" is my", 1_400),
        (" parcel?", 1_600),
    ]


def test_a_script_without_spaces_is_spread_by_characters() -> None:
    deltas = InputTranscript().spread("你好吗今天", 0, 1_000)
    assert [delta.delta for delta in deltas] == ["你", "好", "吗", "今", "天"]


def test_words_of_the_voice_are_due_before_their_sound_and_not_before_now() -> None:
    spoken = OutputTranscript()
    spoken.add("Hello there my friend, how are you?", 1_000, 1_000)
    (first,) = spoken.due(1_000)
    assert (first.delta, first.start_ms) == ("Hello there my", 1_000)
    assert spoken.due(1_100) == []
    assert [delta.delta for delta in spoken.due(5_000)] == [" friend,", " how", " are", " you?"]


def test_words_that_are_cut_are_not_sent_and_leave_their_cells_free() -> None:
    spoken = OutputTranscript()
    spoken.add("Hello there my friend, how are you?", 1_000, 1_000)
    spoken.due(1_000)
    spoken.cut()
    assert spoken.due(9_000) == []
    spoken.add("Yes.", 1_400, 1_400)
    assert [(delta.delta, delta.start_ms) for delta in spoken.due(1_400)] == [("Yes.", 1_400)]


def test_words_are_spread_over_the_sound_of_their_clause_when_its_length_is_known() -> None:
    spoken = OutputTranscript()
    spoken.add("one two three four five", 1_000, 1_000)
    spoken.fit(4_600)
    cells = spoken.due(9_000)
    assert [(cell.delta, cell.start_ms) for cell in cells] == [
        ("one two", 1_000),
        (" three", 1_800),
        (" four", 3_000),
        (" five", 4_000),
    ]


def test_words_whose_sound_is_over_are_sent_together_at_the_end() -> None:
    spoken = OutputTranscript()
    spoken.add("one two three four five", 1_000, 1_000)
    assert spoken.due(1_000)
    (rest,) = spoken.rest()
    assert (rest.delta, rest.start_ms) == (" four five", 1_200)
    assert spoken.rest() == []


@given(st.lists(st.tuples(st.text(), st.integers(0, 3_000), st.integers(0, 3_000)), max_size=6))
def test_any_utterances_concatenate_and_never_run_backwards(utterances: list[tuple[str, int, int]]) -> None:
    transcript, position_ms, end_ms = InputTranscript(), 0, 0
    for text, pause_ms, length_ms in utterances:
        start_ms = position_ms + pause_ms
        position_ms = start_ms + length_ms
        deltas = transcript.spread(text, start_ms, position_ms)
        assert "".join(delta.delta for delta in deltas).strip() == text.strip()
        for delta in deltas:
            assert delta.start_ms >= end_ms
            assert delta.end_ms == delta.start_ms + GRID_MS
            end_ms = delta.end_ms


def test_words_without_sound_are_due_at_once_and_those_behind_them_in_time() -> None:
    spoken = OutputTranscript()
    spoken.add("\U0001f600 " * 1_000, 1_000, 1_000)
    spoken.fit(0)
    assert "".join(cell.delta for cell in spoken.due(1_000)) == "\U0001f600 " * 1_000
    spoken.add("Hello.", 1_400, 1_200)
    assert [cell.delta for cell in spoken.due(1_400)] == ["Hello."]


def test_words_that_wait_take_little_more_memory_than_their_text() -> None:
    spoken = OutputTranscript()
    text = "\u4f60" * 50_000
    tracemalloc.start()
    try:
        spoken.add(text, 1_000, 1_000)
        spoken.due(1_000)
        assert tracemalloc.get_traced_memory()[0] < 50_000
    finally:
        tracemalloc.stop()
