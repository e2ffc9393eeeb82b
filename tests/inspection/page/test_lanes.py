"""The rows of the lanes."""

from __future__ import annotations

from duologue.inspection import HeardPart, PlayedSpan
from duologue.inspection.page.lanes import Bracket, LaneChange, Lanes, LaneText, SpeechBar, as_heard


def test_a_row_that_changes_is_told_once_in_order() -> None:
    lanes = Lanes([])
    bar, words = SpeechBar(1.23456), LaneText(item_id="i", begin_s=1.0)
    lanes.add("user_speech", bar)
    lanes.add("user_text", words)
    lanes.touch(bar)
    assert lanes.take() == [LaneChange("user_speech", 0), LaneChange("user_text", 0)]
    assert lanes.take() == []
    assert lanes.row("user_speech", 0) == [1.235, None]
    assert lanes.row("user_text", 0) == {"item_id": "i", "begin_s": 1.0, "final_s": None, "text": "", "ticks": []}


def test_words_grow_by_pieces_until_they_are_final_and_are_bounded() -> None:
    words = LaneText(item_id="i", response_id="r", begin_s=1.0)
    words.piece("Hel", 1.1)
    words.piece("lo", 1.2)
    words.final("Hello!", 1.3)
    assert (words.text, words.ticks, words.final_s) == ("Hello!", [1.1, 1.2], 1.3)
    for _ in range(2000):
        words.piece("x" * 10, 2.0)
    assert (len(words.text), len(words.ticks)) == (4000, 1000)


def test_a_part_is_drawn_as_it_was_heard_with_its_gaps_and_its_rest() -> None:
    part = HeardPart(
        item_id="i", content_index=0, response_id="r", first_arrived_s=1.0, first_heard_s=1.0, arrived_ms=2500,
        heard_ms=1500, cut_by="truncate",
        spans=[PlayedSpan(begin_s=1, end_s=2, media_ms=0), PlayedSpan(begin_s=3, end_s=4.5, media_ms=1000)],
    )  # fmt: skip
    lanes = Lanes([part])
    lanes.touch_heard(0)
    assert lanes.take() == [LaneChange("model_audio", 0)]
    drawn = lanes.row("model_audio", 0)
    assert drawn == as_heard(part) == lanes.to_json()["model_audio"][0]
    assert drawn["heard"] == [[1, 2, 0], [3, 3.5, 1000]]
    assert drawn["unheard"] == [[3.5, 4.5, 1500]]
    assert drawn["gaps"] == [[2, 3]]


def test_a_bracket_says_how_long_it_is_in_whole_milliseconds() -> None:
    lanes = Lanes([])
    row = Bracket(turn=1, kind="created", from_s=1.0, to_s=1.4567, from_frame=3, to_frame=4)
    lanes.add("brackets", row)
    assert lanes.to_json()["brackets"] == [
        {"turn": 1, "kind": "created", "from_s": 1.0, "to_s": 1.457, "from_frame": 3, "to_frame": 4, "ms": 457}
    ]
