"""A queue that is played in real time."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.audio.play_queue import MarkReached, PlayedAudio, PlayQueue


def _played(queue: PlayQueue, now: float) -> list[tuple[int, float, int]]:
    return [
        (each.piece, round(each.at_s, 6), len(each.audio))
        for each in queue.advance(now)
        if isinstance(each, PlayedAudio)
    ]


def test_pieces_follow_each_other_without_a_gap_and_a_late_one_begins_when_it_comes() -> None:
    queue = PlayQueue(PCMU)
    assert queue.push(bytes(160), now=1.0) == 0
    assert queue.push(bytes(80), now=1.0) == 1
    assert _played(queue, 1.025) == [(0, 1.0, 160), (1, 1.02, 40)]
    assert queue.waiting_bytes == 40
    assert round(queue.plays_until, 6) == 1.03
    assert _played(queue, 2.0) == [(1, 1.025, 40)]
    queue.push(bytes(8), now=3.0)
    assert _played(queue, 4.0) == [(2, 3.0, 8)]


def test_a_mark_is_reached_when_everything_before_it_was_played() -> None:
    queue = PlayQueue(PCMU)
    assert queue.next_mark_at == inf
    queue.push(bytes(160), now=0.0)
    queue.mark("a", now=0.0)
    queue.push(bytes(160), now=0.0)
    queue.mark("b", now=0.0)
    assert queue.next_mark_at == 0.02
    assert not any(isinstance(each, MarkReached) for each in queue.advance(0.0199))
    marks = [each for each in queue.advance(0.1) if isinstance(each, MarkReached)]
    assert marks == [MarkReached("a", 0.02), MarkReached("b", 0.04)]


def test_a_mark_in_an_empty_queue_is_reached_at_once() -> None:
    queue = PlayQueue(PCMU)
    queue.mark("a", now=5.0)
    assert queue.next_mark_at == -inf
    assert queue.advance(5.0) == [MarkReached("a", 5.0)]
    assert queue.next_mark_at == inf


def test_a_clear_drops_what_was_not_played_and_names_its_marks() -> None:
    queue = PlayQueue(PCM)
    queue.push(bytes(4800), now=0.0)
    queue.mark("a", now=0.0)
    assert queue.clear(now=0.05) == ["a"]
    assert _played(queue, 9.0) == [(0, 0.0, 2400)]
    assert queue.next_mark_at == inf
    queue.push(bytes(480), now=9.0)
    assert _played(queue, 9.01) == [(1, 9.0, 480)]


@given(
    st.lists(st.tuples(st.sampled_from(["push", "mark", "look"]), st.integers(0, 400), st.floats(0, 0.05)), max_size=30)
)
def test_however_it_is_asked_everything_is_played_once_and_in_order(steps: list[tuple[str, int, float]]) -> None:
    queue, now, pushed, played, marks = PlayQueue(PCMU), 0.0, b"", b"", 0
    last_s = 0.0
    for kind, size, later in steps:
        now += later
        match kind:
            case "push":
                pushed += (piece := bytes([len(pushed) % 251]) * size)
                queue.push(piece, now=now)
            case "mark":
                queue.mark("m", now=now)
                marks += 1
            case _:
                pass
        for each in queue.advance(now):
            assert last_s <= each.at_s + 1e-9
            last_s = each.at_s
            assert each.at_s <= now + 1e-9
            if isinstance(each, PlayedAudio):
                played += each.audio
            else:
                marks -= 1
    for each in queue.advance(now + 60):
        if isinstance(each, PlayedAudio):
            played += each.audio
        else:
            marks -= 1
    assert played == pushed
    assert marks == 0
