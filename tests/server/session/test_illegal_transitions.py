"""A fault of the library is counted each time and logged once."""

from __future__ import annotations

import logging

import pytest

from duologue.protocol import IllegalTransition
from duologue.server.session.illegal_transitions import IllegalTransitions
from duologue.server.telemetry.observer import NullSessionObserver


class Counter(NullSessionObserver):
    __slots__ = ("tables",)

    def __init__(self) -> None:
        self.tables: list[str] = []

    def illegal_transition(self, table: str) -> None:
        self.tables.append(table)


def test_each_kind_is_logged_once_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    observer = Counter()
    illegal = IllegalTransitions("sess_1", observer)
    one, other = (IllegalTransition("turn", state, "speech") for state in ("silent", "paused"))
    with caplog.at_level(logging.ERROR):
        for each in (one, one, other):
            illegal.report(each)
    assert observer.tables == ["turn"] * 3
    assert [record.getMessage().partition(" happened")[0] for record in caplog.records] == [
        f"illegal transition session=sess_1 table=turn state={state}" for state in ("silent", "paused")
    ]
