"""Where a part of the model's speech is played."""

from __future__ import annotations

from duologue.inspection import HeardPart, PlayedSpan
from duologue.inspection.spans import extended, heard_until, noted_spans


def part(*spans: tuple[float, float, float], heard_ms: int = 0, is_noted: bool = False) -> HeardPart:
    made = [PlayedSpan(begin_s=begin_s, end_s=end_s, media_ms=media_ms) for begin_s, end_s, media_ms in spans]
    return HeardPart(item_id="i", content_index=0, response_id="r", first_arrived_s=made[0].begin_s,
                     first_heard_s=made[0].begin_s, heard_ms=heard_ms, is_noted=is_noted, spans=made)  # fmt: skip


def told(spans: list[PlayedSpan]) -> list[tuple[float, float, float]]:
    return [(round(each.begin_s, 6), round(each.end_s, 6), each.media_ms) for each in spans]


def test_pieces_that_come_in_time_are_one_span_and_a_late_one_begins_another() -> None:
    spans: list[PlayedSpan] = []
    extended(spans, 1.0, 0, 500)
    extended(spans, 1.2, 500, 500)
    assert told(spans) == [(1.0, 2.0, 0)]
    extended(spans, 2.5, 1000, 100)
    assert told(spans) == [(1.0, 2.0, 0), (2.5, 2.6, 1000)]


def test_the_first_note_moves_all_to_when_it_was_heard() -> None:
    row = part((1.0, 2.0, 0))
    noted_spans(row, 20, 1.15)
    assert told(row.spans) == [(1.13, 2.13, 0)]
    noted_spans(row, 500, 1.2)  # a sink that plays faster: never before it arrived
    assert row.spans[0].begin_s == 1.0


def test_a_later_note_that_is_late_opens_a_gap_behind_what_was_noted_before() -> None:
    row = part((1.0, 3.0, 0), heard_ms=1000, is_noted=True)
    noted_spans(row, 1500, 2.52)
    assert told(row.spans) == [(1.0, 3.0, 0)], "20 ms say nothing"
    noted_spans(row, 1500, 3.0)
    assert told(row.spans) == [(1.0, 2.0, 0), (2.5, 3.5, 1000)]


def test_what_was_heard_ends_inside_of_a_span() -> None:
    spans = part((1.0, 2.0, 0), (3.0, 4.0, 1000)).spans
    for heard_ms, heard, rest in (
        (2000, [(1.0, 2.0, 0), (3.0, 4.0, 1000)], []),
        (1500, [(1.0, 2.0, 0), (3.0, 3.5, 1000)], [(3.5, 4.0, 1500)]),
        (1000, [(1.0, 2.0, 0)], [(3.0, 4.0, 1000)]),
        (0, [], [(1.0, 2.0, 0), (3.0, 4.0, 1000)]),
    ):
        assert [told(each) for each in heard_until(spans, heard_ms)] == [heard, rest]


def test_a_note_for_a_part_of_which_nothing_came_changes_nothing() -> None:
    row = part((1.0, 2.0, 0))
    row.spans = []
    noted_spans(row, 500, 2.0)
    assert row.spans == []
