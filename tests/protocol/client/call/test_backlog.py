from __future__ import annotations

from array import array

import pytest

from duologue.protocol.client.call.backlog import Backlog

PAUSE = array("h", [20, -20] * 240).tobytes()
SPEECH = array("h", [3000, -3000] * 240).tobytes()


def after(*, waiting_ms: int, came: float = 1.0, seconds: int = 2) -> Backlog:
    """Behind some seconds in which so much waited, and came in relation to what was played."""
    backlog = Backlog()
    for _ in range(50 * seconds):
        backlog.came(20 * came)
        backlog.played(waiting_ms)
    return backlog


def dropped(backlog: Backlog, frame: bytes = PAUSE) -> int:
    n = 0
    while backlog.drops(frame) and n < 1000:
        n += 1
    return n


@pytest.mark.parametrize(("waiting_ms", "n"), [(0, 0), (160, 0), (180, 6), (1060, 50)])
def test_what_always_waits_beyond_a_reserve_is_left_out_of_pauses(waiting_ms: int, n: int) -> None:
    assert dropped(after(waiting_ms=waiting_ms)) == n


def test_speech_is_never_left_out() -> None:
    assert dropped(after(waiting_ms=1000), SPEECH) == 0


@pytest.mark.parametrize("came", [0.0, 0.8, 1.2, 2.0])
def test_a_source_that_does_not_give_sound_as_it_is_heard_is_sent_as_it_is(came: float) -> None:
    assert dropped(after(waiting_ms=1000, came=came)) == 0


def test_a_moment_without_a_backlog_says_that_there_is_none() -> None:
    backlog = after(waiting_ms=1000, seconds=1)
    backlog.played(0)
    for _ in range(49):
        backlog.came(20)
        backlog.played(1000)
    assert dropped(backlog) == 0


def test_before_two_seconds_nothing_is_known() -> None:
    assert dropped(after(waiting_ms=1000, seconds=1)) == 0
