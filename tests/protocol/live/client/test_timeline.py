"""The time of a Live session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.protocol.live.client.timeline import InputTimeline, OutputTimeline


@pytest.mark.parametrize(("encoding", "zero"), [(PCM, b"\0"), (PCMU, b"\xff"), (PCMA, b"\xd5")])
def test_what_is_late_is_silence_of_the_format(encoding: Encoding, zero: bytes) -> None:
    timeline = InputTimeline(encoding, stall_after_s=5.0, fills=True)
    assert timeline.fill(10.0) == b""  # the session does not run
    timeline.began(10.0)
    assert timeline.fill(10.2) == b""  # packets come so late
    assert timeline.fill(10.5) == zero * encoding.bytes_for_ms(500)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_filled_time_stays_close_behind_the_clock_and_never_ahead_of_it(steps: list[tuple[float, bool]]) -> None:
    timeline, now = InputTimeline(PCM, stall_after_s=5.0, fills=True), 0.0
    timeline.began(now)
    for passed_s, speaks in steps:
        now += passed_s
        if speaks and timeline.position_ms + 20 <= now * 1000:
            timeline.sent(960, now)
        while silent := timeline.fill(now):
            assert len(silent) <= PCM.bytes_per_s
            timeline.sent(len(silent), now)
        assert now * 1000 - 301 <= timeline.position_ms <= now * 1000 + 1


def test_silence_that_is_asked_for_in_a_standstill_begins_there() -> None:
    timeline = InputTimeline(PCM, stall_after_s=5.0, fills=False)
    timeline.began(0.0)
    timeline.sent(PCM.bytes_for_ms(1000), 1.0)
    timeline.set_filling(True, 21.0)
    assert timeline.fill(21.2) == b""
    assert timeline.fill(21.5) == bytes(PCM.bytes_for_ms(500))
    timeline.set_filling(False, 22.0)
    assert timeline.fill(30.0) == b""
    assert timeline.next_tick_at == 27.0


def test_a_standstill_is_found_once() -> None:
    timeline = InputTimeline(PCM, stall_after_s=5.0, fills=False)
    assert not timeline.stalled(100.0)
    timeline.began(0.0)
    assert timeline.next_tick_at == 5.0
    assert not timeline.stalled(4.9)
    assert timeline.stalled(5.0)
    assert not timeline.stalled(50.0)
    assert timeline.next_tick_at == float("inf")
    timeline.sent(960, 50.0)
    assert timeline.next_tick_at == 55.0


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_sound_without_times_has_no_gaps(sizes: list[int]) -> None:
    timeline, heard = OutputTimeline(PCM), 0
    for size in sizes:
        start_ms, gap_ms = timeline.placed(size * 2, None)
        assert (start_ms, gap_ms) == (PCM.duration_ms(heard), 0)
        heard += size * 2


def test_sound_with_times_is_where_they_say() -> None:
    timeline = OutputTimeline(PCM)
    assert timeline.placed(4800, 1000) == (1000, 1000)
    assert timeline.placed(4800, 1090) == (1100, 0)  # rounded
    assert timeline.placed(4800, 900) == (900, 0)  # the server's time went back
    assert timeline.placed(4800, 1500) == (1500, 500)
