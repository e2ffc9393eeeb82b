"""What a carrier plays, and what was heard of it."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.formats import PCM, PCMU
from duologue.telephony import MarkedPlayout, Traits

_ECHOES = Traits(marks=True)
_PACED = Traits(marks=False, clears=False)
_FILLED = Traits(marks=False, clears=False, fills_pauses=True)
_SHORT = Traits(marks=True, most_queued_ms=1_000)


def _ms(ms: int) -> bytes:
    return b"\x11" * 8 * ms


def _sent(playout: MarkedPlayout[str], now: float) -> list[tuple[int, str | None]]:
    return [(len(piece.audio) // 8, piece.mark) for piece in playout.take(now)]


def _heard(playout: MarkedPlayout[str], now: float) -> dict[str, int]:
    return {part: n_bytes // 8 for part, n_bytes in playout.take_heard(now)}


def test_speech_is_sent_at_once_with_a_mark_each_200_ms_and_at_the_end() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(450))
    assert playout.next_due_at == -inf
    assert _sent(playout, 1.0) == [(200, "1.1"), (200, "1.2"), (40, None)]
    assert playout.next_due_at == inf
    playout.complete()
    assert _sent(playout, 1.1) == [(20, "1.3")]  # half a frame of silence fills it


def test_an_end_that_comes_late_is_marked_all_the_same() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(40))
    assert _sent(playout, 1.0) == [(40, None)]
    playout.complete()
    assert playout.next_due_at == -inf
    assert _sent(playout, 1.1) == [(0, "1.1")]
    assert playout.next_due_at == inf


def test_names_of_marks_are_short() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.generation = 99_999
    playout.add("a", _ms(200))
    ((_, mark),) = _sent(playout, 0.0)
    assert mark is not None
    assert len(mark) <= 20


def test_heard_is_the_last_mark_and_the_time_since_up_to_the_next() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(1_000))
    _sent(playout, 5.0)
    assert _heard(playout, 5.1) == {"a": 100}
    assert playout.acknowledge("1.1", now=5.25)
    assert _heard(playout, 5.3) == {"a": 150}
    assert _heard(playout, 9.0) == {"a": 150}  # the next mark has not come: no more than 400
    assert playout.acknowledge("1.5", now=9.1)
    assert _heard(playout, 9.1) == {"a": 600}
    assert playout.is_idle


def test_before_the_first_mark_the_clock_counts() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    assert _heard(playout, 1.0) == {}
    playout.add("a", _ms(100))
    _sent(playout, 5.0)
    assert _heard(playout, 5.06) == {"a": 60}


def test_parts_are_heard_in_order_and_filling_belongs_to_none() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(50))
    playout.complete()
    playout.add("b", _ms(60))
    playout.complete()
    assert _sent(playout, 0.0) == [(120, "1.1")]
    assert _heard(playout, 0.1) == {"a": 50, "b": 40}
    assert playout.acknowledge("1.1", now=0.12)
    assert _heard(playout, 0.12) == {"b": 20}


@pytest.mark.parametrize("echoes_after_clear", [True, False])
def test_marks_of_an_older_generation_never_count(echoes_after_clear: bool) -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(1_000))
    names = [mark for _, mark in _sent(playout, 0.0)]
    assert playout.acknowledge("1.1", now=0.2)
    playout.clear()
    playout.add("b", _ms(1_000))
    assert [mark for _, mark in _sent(playout, 0.3)] == ["2.1", "2.2", "2.3", "2.4", "2.5"]
    if echoes_after_clear:
        assert not any(playout.acknowledge(str(name), now=0.31) for name in names)
    assert _heard(playout, 0.4) == {"b": 100}


@pytest.mark.parametrize("name", ["", "1", "1.", ".1", "1.9", "1.0", "1.-1", "1.1.1", "2.1", "1.²", "1." + "9" * 5_000])
def test_what_is_no_mark_of_ours_means_nothing(name: str) -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(400))
    _sent(playout, 0.0)
    assert not playout.acknowledge(name, now=0.1)
    assert _heard(playout, 0.1) == {"a": 100}


def test_a_carrier_that_never_returns_a_mark_is_told_by_the_clock() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(2_000))
    _sent(playout, 0.0)
    assert _heard(playout, 0.44) == {"a": 200}
    assert _heard(playout, 0.5) == {"a": 300}
    assert _heard(playout, 1.5) == {"a": 1_000}
    playout.clear()
    playout.add("b", _ms(1_000))
    _sent(playout, 2.0)
    assert _heard(playout, 2.3) == {"b": 300}
    assert playout.acknowledge("2.1", now=2.3)  # it does, after all
    assert _heard(playout, 2.9) == {"b": 100}


def test_after_a_pause_the_clock_begins_anew() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(200))
    _sent(playout, 0.0)
    playout.acknowledge("1.1", now=0.2)
    assert _heard(playout, 0.2) == {"a": 200}
    playout.add("b", _ms(200))
    _sent(playout, 10.0)
    assert _heard(playout, 10.05) == {"b": 50}


def test_a_full_queue_is_waited_for_and_emptied_it_is_not_full() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.flow(on=False)
    playout.add("a", _ms(400))
    assert playout.next_due_at == inf
    assert _sent(playout, 0.0) == []
    playout.flow(on=True)
    assert len(_sent(playout, 0.1)) == 2
    playout.flow(on=False)
    playout.clear()
    playout.add("b", _ms(200))
    assert len(_sent(playout, 0.2)) == 1


def test_without_a_clear_audio_is_sent_20_ms_ahead() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _PACED)
    playout.add("a", _ms(1_000))
    assert _sent(playout, 3.0) == [(20, None), (20, None)]
    assert playout.next_due_at == pytest.approx(3.02)
    assert _sent(playout, 3.01) == []
    assert len(_sent(playout, 3.02)) == 1
    assert len(_sent(playout, 3.05)) == 1
    assert _heard(playout, 3.055) == {"a": 55}
    playout.clear()
    assert playout.next_due_at == inf
    assert _heard(playout, 4.0) == {}


def test_a_paced_stream_that_was_late_begins_again_where_it_is() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _PACED)
    playout.add("a", _ms(1_000))
    _sent(playout, 0.0)
    assert len(_sent(playout, 10.0)) == 2
    assert _heard(playout, 10.0) == {"a": 40}


def test_no_more_than_asked_for_is_taken() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    playout.add("a", _ms(2_000))
    assert len(playout.take(0.0, at_most=3)) == 3
    assert playout.next_due_at == -inf


def test_when_all_will_have_been_heard_is_known() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    assert playout.heard_by(1.0) == inf
    playout.add("a", _ms(400))
    _sent(playout, 1.0)
    assert playout.heard_by(1.1) == pytest.approx(1.4)
    playout.acknowledge("1.2", now=1.5)
    assert playout.heard_by(1.5) == inf


def test_no_more_is_sent_than_the_carrier_queues() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _SHORT)
    playout.add("a", _ms(3_000))
    assert sum(ms for ms, _ in _sent(playout, 5.0)) == 1_200  # what is beyond the limit is less than a piece
    assert playout.next_due_at == pytest.approx(5.2)
    playout.acknowledge("1.1", now=5.25)  # the carrier began later than was thought
    assert playout.next_due_at == pytest.approx(5.25)
    assert _sent(playout, 5.3) == [(200, "1.7")]
    playout.acknowledge("1.7", now=6.4)
    assert sum(ms for ms, _ in _sent(playout, 6.4)) == 1_200
    assert _heard(playout, 6.4) == {"a": 1_400}


def test_pauses_are_filled_with_silence_that_is_no_speech() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _FILLED)
    assert _sent(playout, 1.0) == [(20, None)]
    assert playout.take(1.01) == []
    assert playout.next_due_at == pytest.approx(1.02)
    (pause,) = playout.take(1.02)
    assert pause.audio == b"\xff" * 160
    playout.add("a", _ms(60))
    playout.complete()
    assert playout.next_due_at == pytest.approx(1.02)
    assert _sent(playout, 1.02) == [(20, None)]
    assert _heard(playout, 1.04) == {}  # the silence is still being played
    assert _sent(playout, 1.06) == [(20, None), (20, None)]
    assert _heard(playout, 1.09) == {"a": 50}
    assert playout.heard_by(1.10) == inf
    assert _heard(playout, 1.10) == {"a": 10}
    assert playout.is_idle
    assert _sent(playout, 1.11) == [(20, None)]
    assert playout.is_idle


def test_outstanding_marks_are_bounded() -> None:
    playout: MarkedPlayout[str] = MarkedPlayout(PCMU, _ECHOES)
    for _ in range(5_000):
        playout.add("a", _ms(200))
        playout.take(0.0)
    assert not playout.acknowledge("1.1", now=1.0)
    assert playout.acknowledge("1.5000", now=1.0)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "complete", "take", "ack", "old", "clear", "xoff", "xon", "wait"]),
            st.integers(0, 40),
        ),
        max_size=60,
    ),
    st.sampled_from([_ECHOES, _PACED, _FILLED, _SHORT]),
)
def test_heard_never_passes_sent_and_never_goes_back(steps: list[tuple[str, int]], traits: Traits) -> None:
    playout: MarkedPlayout[int] = MarkedPlayout(PCM, traits)
    now, sent, heard, added, marks, generation = 0.0, 0, 0, 0, list[str](), 1
    for kind, number in steps:
        match kind:
            case "add":
                playout.add(number, bytes(2 * number * 100))
                added += 2 * number * 100
            case "complete":
                playout.complete()
            case "take":
                for piece in playout.take(now):
                    sent += len(piece.audio)
                    marks += [piece.mark] if piece.mark else []
            case "ack" if marks:
                playout.acknowledge(marks.pop(0), now=now)
            case "old":
                playout.acknowledge(f"{generation - 1}.{number}", now=now)
            case "clear":
                playout.clear()
                generation, sent, heard, added, marks = generation + 1, 0, 0, 0, []
            case "xoff" | "xon":
                playout.flow(on=kind == "xon")
            case _:
                now += number / 20
        heard += sum(n_bytes for _, n_bytes in playout.take_heard(now))
        assert heard <= sent
        assert heard <= added
