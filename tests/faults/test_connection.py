"""The faults of one connection, driven by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.faults import KINDS, ConnectionFaults, FaultPlan, parse_fault
from duologue.faults.connection import BROKEN, Deed, Delivery, Impairment, LineEnd
from duologue.recording import Side


def event(name: str, **fields: Any) -> str:
    return json.dumps({"type": name, **fields})


def faulty(*texts: str, has_bytes: bool = False) -> ConnectionFaults:
    return ConnectionFaults(FaultPlan(texts, seed=1), has_bytes=has_bytes)


def types(deeds: Iterable[Deed], to: Side = "client") -> list[str]:
    messages = [deed.message for deed in deeds if isinstance(deed, Delivery) and deed.to == to]
    return [json.loads(message)["type"] for message in messages]


def test_without_faults_messages_pass_as_they_are() -> None:
    faults = faulty()
    assert faults.opened(1.0) == []
    assert faults.passed("client", b"\x00", 1.0) == [Delivery("server", b"\x00", 1.0)]
    assert faults.passed("server", "no json", 2.0) == [Delivery("client", "no json", 2.0)]
    assert faults.next_at == math.inf


def test_a_fault_without_on_and_after_comes_at_once() -> None:
    assert faulty("close code=4001 reason=bye").opened(0.0) == [LineEnd(4001, 1000, "bye")]


def test_a_fault_at_an_event_comes_behind_it() -> None:
    faults = faulty("error on=response.create")
    assert faults.opened(0.0) == []
    deeds = faults.passed("client", event("response.create"), 0.0)
    assert (types(deeds, "server"), types(deeds, "client")) == (["response.create"], ["error"])


def test_after_a_time_the_shell_is_asked_to_tick() -> None:
    faults = faulty("cut after=3s")
    faults.opened(10.0)
    assert faults.next_at == 13.0
    assert faults.tick(12.9) == []
    assert faults.tick(13.0) == [LineEnd(BROKEN, BROKEN)]
    assert faults.is_over
    assert faults.next_at == math.inf
    assert faults.passed("server", event("response.done"), 14.0) == []


def test_after_so_many_messages_or_bytes_of_the_side_that_it_is_about() -> None:
    faults = faulty("unknown after=2msgs type=odd", "error after=1kB code=late")
    faults.opened(0.0)
    assert types(faults.passed("client", "x" * 2000, 0.0)[1:]) == []
    assert types(faults.passed("server", event("a"), 0.0)) == ["a"]
    assert types(faults.passed("server", event("b"), 0.0)) == ["b", "odd"]
    assert types(faults.passed("server", event("c", text="x" * 1000), 0.0)) == ["c", "error"]


def test_after_and_on_together_mean_the_first_such_event_from_then_on() -> None:
    faults = faulty("drop on=response.done after=5s")
    faults.opened(0.0)
    assert types(faults.passed("server", event("response.done"), 1.0)) == ["response.done"]
    assert types(faults.passed("server", event("response.done"), 6.0)) == []


def test_a_message_that_is_held_comes_behind_later_ones_or_in_time() -> None:
    faults = faulty("reorder on=a by=2 ms=500")
    faults.opened(0.0)
    assert faults.passed("server", event("a"), 0.0) == []
    assert faults.next_at == 0.5
    assert types(faults.passed("server", event("b"), 0.1)) == ["b"]
    assert types(faults.passed("client", event("z"), 0.1), "server") == ["z"]
    assert types(faults.passed("server", event("c"), 0.2)) == ["c", "a"]
    faults = faulty("reorder on=a by=2 ms=500")
    faults.opened(0.0)
    faults.passed("server", event("a"), 0.0)
    assert types(faults.tick(0.5)) == ["a"]


def test_a_burst_holds_back_audio_alone() -> None:
    faults = faulty("mic_burst s=2")
    faults.opened(0.0)
    audio = event("input_audio_buffer.append", audio="AAAA")
    assert faults.passed("client", audio, 0.5) == []
    assert types(faults.passed("client", event("response.cancel"), 1.0), "server") == ["response.cancel"]
    assert faults.next_at == 2.0
    assert types(faults.tick(2.0), "server") == ["input_audio_buffer.append"]
    assert types(faults.passed("client", audio, 2.1), "server") == ["input_audio_buffer.append"]


def test_a_burst_is_bounded() -> None:
    faults = faulty("mic_burst s=60")
    faults.opened(0.0)
    audio = event("input_audio_buffer.append", audio="A" * 1_000_000)
    passed = sum(len(faults.passed("client", audio, 0.1 * n)) for n in range(40))
    assert 16 <= passed <= 40


def test_a_gap_loses_audio_alone() -> None:
    faults = faulty("mic_gap s=2")
    faults.opened(0.0)
    assert faults.passed("client", event("session.input_audio.append", audio="AAAA"), 1.0) == []
    assert len(faults.passed("client", event("session.input_audio.mute"), 1.0)) == 1
    assert len(faults.passed("client", event("session.input_audio.append", audio="AAAA"), 2.0)) == 1


def test_a_standstill_comes_again_and_again_in_both_directions() -> None:
    faults = faulty("lag_clock ms=500 every=5")
    faults.opened(0.0)
    assert faults.passed("client", "a", 0.1) == [Delivery("server", "a", 0.5)]
    assert faults.passed("server", "b", 0.2) == [Delivery("client", "b", 0.5)]
    assert faults.passed("server", "c", 1.0) == [Delivery("client", "c", 1.0)]
    assert faults.next_at == 5.0
    faults.tick(5.0)
    assert faults.passed("server", "d", 5.1) == [Delivery("client", "d", 5.5)]


def test_a_stall_to_the_end_loses_messages_and_a_short_one_delays_them() -> None:
    faults = faulty("stall")
    faults.opened(0.0)
    assert faults.passed("server", "a", 1.0) == []
    assert len(faults.passed("client", "a", 1.0)) == 1
    faults = faulty("stall s=2")
    faults.opened(0.0)
    assert faults.passed("server", "a", 1.0) == [Delivery("client", "a", 2.0)]


def test_bytes_are_told_by_messages_where_there_are_no_bytes() -> None:
    faults = faulty("bandwidth kBps=1", "latency ms=100")
    faults.opened(0.0)
    assert faults.passed("server", "x" * 500, 0.0) == [Delivery("client", "x" * 500, 0.6)]
    faults = faulty("slow_reader kBps=1 s=3")
    faults.opened(0.0)
    assert faults.passed("client", "x" * 500, 0.0) == [Delivery("server", "x" * 500, 0.5)]
    assert faults.passed("client", "x", 4.0) == [Delivery("server", "x", 4.0)]
    faults = faulty("half_open s=3")
    faults.opened(0.0)
    assert faults.passed("client", "x", 1.0) == faults.passed("server", "x", 1.0) == []
    assert len(faults.passed("client", "x", 3.0)) == 1


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.layer == "bytes"])
def test_a_shell_with_bytes_is_told_of_their_faults(name: str) -> None:
    assert faulty(name, has_bytes=True).opened(0.0) == [Impairment(parse_fault(name))]


def test_what_only_bytes_can_show_is_refused_elsewhere() -> None:
    with pytest.raises(ValueError, match="corrupt, slice: only the bytes of a connection show it"):
        faulty("slice", "corrupt", "drop")


def test_the_family_of_the_session_has_errors_of_its_own() -> None:
    faults = faulty("error on=x", "expire on=y", "rate_limit on=z")
    faults.opened(0.0)
    faults.passed("client", event("session.start"), 0.0)
    [_, error] = faults.passed("server", event("x"), 0.0)
    assert isinstance(error, Delivery)
    assert "client_event_id" in json.loads(error.message)["error"]
    assert types(faults.passed("server", event("z"), 0.0)) == ["z", "error"]
    deeds = faults.passed("server", event("y"), 0.0)
    assert types(deeds) == ["y", "session.closed"]
    assert deeds[-1] == LineEnd(1000, 1000)


def test_a_realtime_session_expires_with_an_error_and_a_close() -> None:
    faults = faulty("rate_limit on=z", "expire on=y")
    faults.opened(0.0)
    assert types(faults.passed("server", event("z"), 0.0)) == ["z", "rate_limits.updated", "error"]
    deeds = faults.passed("server", event("y"), 0.0)
    assert types(deeds) == ["y", "error"]
    assert deeds[-1] == LineEnd(1001, 1000)


def test_the_handshake_is_asked_once() -> None:
    faults = faulty("refuse http=503", "handshake_delay s=2")
    assert [fault.name for fault in faults.opening(0.0)] == ["refuse", "handshake_delay"]
    assert faults.opening(0.0) == []


@given(
    st.lists(st.sampled_from([f"{name}{more}" for name in KINDS for more in ("", " p=0.5")]), max_size=6),
    st.lists(st.tuples(st.sampled_from(["client", "server"]), st.text(max_size=10), st.floats(0, 3)), max_size=20),
)
def test_any_faults_and_any_messages_give_deliveries_that_are_not_early(
    texts: list[str], passing: list[tuple[Side, str, float]]
) -> None:
    faults = ConnectionFaults(FaultPlan(texts, seed=3), has_bytes=True)
    now = 0.0
    faults.opening(now)
    deeds = faults.opened(now)
    for sender, name, pause_s in passing:
        now += pause_s
        if faults.next_at <= now:
            deeds += faults.tick(now)
            assert faults.next_at > now
        new = faults.passed(sender, event(name, audio="AAAA"), now)
        assert all(deed.due_at >= now for deed in new if isinstance(deed, Delivery))
        deeds += new
    assert sum(isinstance(deed, LineEnd) for deed in deeds) <= 1
