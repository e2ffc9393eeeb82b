"""Two calls of the same audio."""

from __future__ import annotations

import base64

import pytest

from duologue.inspection import CallEvent
from duologue.inspection.page import LaneFold, NotComparable
from duologue.inspection.page.comparison import check_comparable, differences_of, offset_s
from tests.inspection._calls import Call


def fold_of(pieces: list[bytes], begin_s: float = 0.1) -> LaneFold:
    call = Call()
    call.session(0.0, None)
    for number, piece in enumerate(pieces):
        call.client(begin_s + number / 10, "input_audio_buffer.append", audio=base64.b64encode(piece).decode())
    fold = LaneFold(digests=True)
    for line in call.lines:
        fold.push(line)
    return fold


LOUD = b"\x01\x40" * 2400
OTHER = b"\x02\x40" * 2400


def test_the_same_audio_in_other_pieces_and_with_more_silence_is_comparable() -> None:
    this = fold_of([LOUD, LOUD])
    check_comparable(this, fold_of([LOUD + LOUD[:2400], LOUD[2400:], bytes(4800)]))


def test_other_audio_is_refused_with_the_reason() -> None:
    with pytest.raises(NotComparable, match=r"audio of the two calls differs \(0\.2 s and 0\.1 s\)"):
        check_comparable(fold_of([LOUD, LOUD]), fold_of([LOUD]))
    with pytest.raises(NotComparable):
        check_comparable(fold_of([LOUD]), fold_of([OTHER]))


def test_calls_are_aligned_where_the_audio_begins() -> None:
    assert offset_s(fold_of([LOUD], 5.1), fold_of([LOUD], 2.1)) == pytest.approx(3.0)
    assert offset_s(fold_of([]), fold_of([LOUD])) == 0


def event(at_s: float, name: str, *ids: str) -> CallEvent:
    return CallEvent(at_s=at_s, by="server", type=name, ids=ids)


def test_ids_that_differ_are_no_difference_and_events_are() -> None:
    this = [event(1, "response.created", "resp_a"), event(2, "response.done", "resp_a")]
    other = [event(1, "response.created", "r1"), event(1.5, "error"), event(2, "response.done", "r1")]
    assert differences_of(this, this) == []
    assert differences_of(this, other) == [
        {"only": "other", "part": 0, "at_s": 1.5, "by": "server", "type": "error", "ids": []}
    ]
    assert [each["only"] for each in differences_of(other, this)] == ["this"]


def test_an_id_that_means_something_else_is_a_difference() -> None:
    this = [event(1, "a", "one"), event(2, "b", "one")]
    other = [event(1, "a", "one"), event(2, "b", "two")]
    assert [(each["only"], each["ids"]) for each in differences_of(this, other)] == [
        ("this", ["a 1"]),
        ("other", ["b 1"]),
    ]


def test_a_difference_in_one_turn_is_none_in_the_next() -> None:
    turn = [event(1, "input_audio_buffer.speech_started", "i"), event(2, "response.done", "r")]
    longer = [turn[0], event(1.5, "extra", "x"), turn[1]]
    assert len(differences_of(turn * 50, [*longer, *turn * 49])) == 1
    assert len(differences_of(turn * 3, turn)) == 4


def test_what_is_listed_is_bounded() -> None:
    this = [event(number, f"type {number}") for number in range(5000)]
    assert len(differences_of(this, [])) == 1000
