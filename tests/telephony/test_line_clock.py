"""One second of call is one second of audio."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMA, PCMU, Encoding
from duologue.telephony import LineClock

_VOICE = bytes(range(160))
_QUIET = b"\xff" * 160


def _ticked(clock: LineClock, until: float) -> bytes:
    audio = b""
    while clock.next_tick_at <= until:
        audio += clock.tick(clock.next_tick_at)
    return audio


def test_nothing_is_due_before_the_call() -> None:
    clock = LineClock(PCMU)
    assert clock.next_tick_at == inf
    assert clock.tick(5.0) == b""


@pytest.mark.parametrize(("encoding", "zero"), [(PCMU, b"\xff"), (PCMA, b"\xd5"), (PCM, b"\0")])
def test_silence_begins_after_80_ms_with_20_ms_and_goes_on(encoding: Encoding, zero: bytes) -> None:
    clock = LineClock(encoding)
    clock.start(10.0)
    assert clock.tick(10.079) == b""
    frame = zero * encoding.bytes_for_ms(20)
    assert clock.tick(10.08) == frame
    assert clock.tick(10.09) == b""
    assert clock.tick(10.1) == frame
    assert len(_ticked(clock, 20.0)) == encoding.bytes_for_ms(9_900)


def test_a_late_tick_fills_all_that_is_owed() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    assert len(clock.tick(1.0)) == 8 * 940
    assert clock.next_tick_at == pytest.approx(1.02)


def test_a_jump_of_the_carriers_clock_is_filled_at_once() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    assert clock.audio(_VOICE, at_ms=100, now=0.02) == _VOICE
    assert clock.audio(_VOICE, at_ms=160, now=0.06) == b"\xff" * 320 + _VOICE
    assert clock.appended_ms == 80


def test_what_was_filled_by_the_clock_is_not_filled_again() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    clock.audio(_VOICE, at_ms=0, now=0.02)
    filled = _ticked(clock, 0.2)
    assert clock.audio(_VOICE, at_ms=200, now=0.22) == b"\xff" * (8 * 180 - len(filled)) + _VOICE
    assert clock.appended_ms == 220


def test_a_carriers_clock_is_trusted_for_a_second_beyond_ours() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    clock.audio(_VOICE, at_ms=0, now=0.02)
    assert len(clock.audio(_VOICE, at_ms=2**50, now=0.04)) <= 8 * 1_100
    assert clock.audio(_VOICE, at_ms=3, now=0.06) == _VOICE  # a clock that goes back has lost nothing


def test_late_words_are_kept_and_silence_behind_them_is_left_out() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    clock.audio(_VOICE, now=0.02)
    _ticked(clock, 0.5)
    late = [clock.audio(_VOICE, now=0.5) for _ in range(24)]
    assert b"".join(late) == _VOICE * 24
    assert clock.appended_ms >= 900
    quiet = sum(len(clock.audio(_QUIET, now=0.5 + number * 0.02)) for number in range(1, 51))
    assert quiet < 8_000
    assert clock.appended_ms == pytest.approx(1_500, abs=120)


def test_what_is_sent_faster_than_it_can_have_been_spoken_is_dropped() -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    flood = sum(len(clock.audio(_VOICE, at_ms=20 * number, now=0.1)) for number in range(10_000))
    assert flood == PCMU.bytes_for_ms(30_120)
    later = sum(len(clock.audio(_VOICE, at_ms=0, now=10.1)) for _ in range(10_000))
    assert later == PCMU.bytes_for_ms(10_000)


@given(
    st.lists(st.sampled_from(["frame", "lost", "silent"]), min_size=1, max_size=300),
    st.lists(st.integers(0, 30), min_size=300, max_size=300),
    st.booleans(),
)
def test_audio_is_as_long_as_the_call(frames: list[str], jitter_ms: list[int], has_clock: bool) -> None:
    clock = LineClock(PCMU)
    clock.start(0.0)
    n_bytes, now = 0, 0.0
    for number, (kind, late_ms) in enumerate(zip(frames, jitter_ms, strict=False)):
        now = max(now, 0.02 * (number + 1) + late_ms / 1000)
        n_bytes += len(_ticked(clock, now))
        if kind == "frame":
            n_bytes += len(clock.audio(_QUIET, at_ms=number * 20 if has_clock else None, now=now))
    assert n_bytes == 8 * clock.appended_ms
    end_ms = 20 * len(frames)
    lost_ms = 0 if has_clock else 20 * frames.count("lost") + 20 * frames.count("silent")
    # Silence is put in 80 ms after the last frame; before the first one, no carrier's clock tells what is missing.
    begin_ms = 60 if frames[0] != "frame" else 0
    assert end_ms - 80 - begin_ms - lost_ms <= clock.appended_ms <= end_ms + 130
