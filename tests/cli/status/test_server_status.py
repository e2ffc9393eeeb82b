"""What is made of two looks at a server."""

from __future__ import annotations

import pytest

from duologue.cli.status.server_status import Look
from duologue.server.telemetry.metrics import Metrics
from duologue.transports.webrtc.peer import PeerFigures
from tests.cli.status._looks import WORKERS, look, status_between


async def test_counts_rates_and_what_is_open() -> None:
    metrics = Metrics()
    first = metrics.opened("s1", kind="realtime")
    before = look(metrics, at_s=10.0)
    for _ in range(4):
        metrics.opened("s", kind="live")
    first.received(1000, 500)
    first.closed(1000)
    metrics.turned_away("full")
    found = status_between(before, look(metrics, at_s=12.0))
    assert (found.sessions.open, found.sessions.opened) == (4, {"live": 4, "realtime": 1})
    assert (found.sessions.closed, found.sessions.turned_away) == ({"1000": 1}, {"full": 1})
    assert found.over_s == 2.0
    assert {name: rate for name, rate in found.rates.items() if rate} == {
        "sessions": 2.0,
        "turned_away": 0.5,
        "received_bytes": 500.0,
        "audio_in_seconds": 0.25,
    }


async def test_a_server_that_has_started_anew_has_no_negative_rates() -> None:
    old = Metrics()
    for _ in range(9):
        old.opened("s", kind="realtime")
    new = Metrics()
    new.opened("s", kind="realtime")
    assert status_between(look(old), look(new, at_s=1.0)).rates["sessions"] == 1.0


async def test_engines_and_how_long_they_take() -> None:
    times = iter((0.0, 0.25, 0.0, 3.0))
    metrics = Metrics(clock=lambda: next(times))
    session = metrics.opened("s", kind="realtime")
    with session.engine_call("respond"):
        pass
    before = look(metrics)
    with pytest.raises(ZeroDivisionError), session.engine_call("respond"):
        raise ZeroDivisionError
    engine = status_between(before, look(metrics, at_s=1.0)).engines["respond"]
    assert (engine.running, engine.failures, engine.calls.count, engine.recent.count) == (0, 1, 2, 1)
    assert engine.recent.p50_ms == 3500.0  # the middle of the bucket from 2 s to 5 s


async def test_calls_over_webrtc() -> None:
    metrics = Metrics()
    metrics.call_ended(None)
    metrics.call_ended(PeerFigures(round_trip_ms=60.0, lost_packets=25, received_packets=975, concealed_samples=48_000))
    calls = status_between(look(metrics), look(metrics, at_s=1.0)).calls
    assert (calls.connected, calls.never_connected, calls.lost_packets, calls.concealed_s) == (1, 1, 0.025, 1.0)
    assert calls.round_trip.count == 1


async def test_callers_with_most_open_sessions_come_first() -> None:
    metrics = Metrics()
    for owner, n_sessions in (("key 1", 1), ("acme", 3)):
        figures = metrics.owners.of(owner)
        assert figures is not None
        for _ in range(n_sessions):
            figures.opened("s", kind="realtime")
    owners = status_between(look(metrics), look(metrics)).owners
    assert [(owner, each.open) for owner, each in owners.items()] == [("acme", 3), ("key 1", 1)]


async def test_since_when_it_counts_and_what_workers_there_are() -> None:
    metrics = Metrics()
    alone = status_between(look(metrics), look(metrics, unix_s=0.0))
    assert (alone.counting_s, alone.workers_ready, alone.worker_restarts) == (0.0, None, None)
    created = "duologue_x_created 1000\n"
    several = status_between(look(metrics), look(metrics, more=WORKERS + created, unix_s=4600.0))
    assert (several.counting_s, several.workers_ready, several.worker_restarts) == (3600.0, 2, 1)


def test_a_page_with_one_metric_alone_is_a_status() -> None:
    one = Look(at_s=0.0, unix_s=0.0, samples={"duologue_sessions_open": {(): 3.0}}, state="draining")
    found = status_between(one, one)
    assert (found.sessions.open, found.is_ready, found.counting_s, found.latency) == (3, False, None, {})
    assert set(found.rates.values()) == {0.0}
