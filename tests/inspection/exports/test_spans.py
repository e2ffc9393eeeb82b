"""Rows of a call as spans with names."""

from __future__ import annotations

from duologue.inspection.exports.spans import LANES, named_spans
from duologue.inspection.view import CallView
from tests.inspection.exports._call import call


def test_each_row_with_a_time_is_a_span_in_its_lane() -> None:
    spans = [(span.lane, span.begin_s, span.end_s, span.name) for span in named_spans(call())]
    assert spans == [
        ("user", 0.5, 1.5, "what\ttime\nis it"),
        ("delays", 1.5, 2.0, "to first audio"),
        ("delays", 1.5, 2.25, "to first heard"),
        ("user", 5.0, 5.0, "turn 2"),
        ("responses", 1.75, 2.5, "response completed"),
        ("responses", 5.0, 6.0, "response unfinished"),
        ("model as heard", 2.25, 3.25, "It is noon."),
        ("functions", 1.75, 2.0, "clock()"),
        ("events", 3.0, 3.25, "interrupted, 1000 of 3000 ms heard"),
        ("events", 4.0, 4.0, "error rate_limit"),
        ("events", 4.5, 4.5, "mark: here"),
    ]
    assert {lane for lane, *_ in spans} == set(LANES)


def test_without_words_nothing_is_quoted() -> None:
    shown = repr(list(named_spans(call(), words=False)))
    assert [word for word in ("what", "noon", "slower", "here", "arguments") if word in shown] == []
    assert "turn 1" in shown


def test_an_empty_call_has_none() -> None:
    assert list(named_spans(CallView())) == []


def test_speech_begins_where_it_lies_in_the_audio_and_not_when_the_server_said_so() -> None:
    view = call()
    view.turns[0].begin_ms, view.turns[0].end_ms = 100, 1350
    assert next(named_spans(view)).begin_s == 0.25
