"""Figures of each caller, as many as a scrape can hold."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from duologue.server.telemetry import owner_figures
from duologue.server.telemetry.owner_figures import OwnerFigures


def shown(figures: OwnerFigures) -> str:
    registry = CollectorRegistry()
    registry.register(figures)
    return generate_latest(registry).decode()


def test_sessions_audio_and_refusals_are_counted_for_their_caller() -> None:
    figures = OwnerFigures()
    alice = figures.of("alice")
    assert alice is not None
    session = alice.opened("sess_1", kind="realtime")
    for input_ms in (100, 250, 0, 50):
        session.received(10, input_ms)
    session.spoke(1.5)
    alice.turned_away("rate")
    text = shown(figures)
    assert 'duologue_owner_sessions_open{owner="alice"} 1.0' in text
    assert 'duologue_owner_audio_in_seconds_total{owner="alice"} 0.3' in text
    assert 'duologue_owner_audio_out_seconds_total{owner="alice"} 1.5' in text
    assert 'duologue_owner_turned_away_total{owner="alice"} 1.0' in text
    session.closed(1000)
    assert 'duologue_owner_sessions_open{owner="alice"} 0.0' in shown(figures)


def test_an_address_has_none_and_callers_beyond_a_thousand_share_theirs() -> None:
    figures = OwnerFigures()
    assert figures.of("address 127.0.0.1") is None
    for number in range(owner_figures._MAX_OWNERS + 5):
        observer = figures.of(f"tenant-{number}")
        assert observer is not None
        observer.opened("s", kind="realtime")
    assert 'duologue_owner_sessions_total{owner="(others)"} 5.0' in shown(figures)
