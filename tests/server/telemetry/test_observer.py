from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from duologue.server.telemetry.observer import UNOBSERVED, Observers


class Diary:
    """Records every call, as an observer of the server and of its sessions."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def opened(self, session_id: str, *, kind: str) -> Diary:
        self.lines.append(("opened", session_id, kind))
        return self

    def turned_away(self, reason: str) -> None:
        self.lines.append(("turned away", reason))

    def received(self, n_bytes: int, input_ms: int) -> None:
        self.lines.append(("received", n_bytes, input_ms))

    def sent(self, event: Any, n_bytes: int) -> None:
        self.lines.append(("sent", event, n_bytes))

    def spoke(self, audio_s: float) -> None:
        self.lines.append(("spoke", audio_s))

    def illegal_transition(self, table: str) -> None:
        self.lines.append(("illegal transition", table))

    @contextmanager
    def work(self, kind: str, work_id: str) -> Generator[None, None, None]:
        self.lines.append(("begin", kind, work_id))
        yield
        self.lines.append(("end", kind, work_id))

    @contextmanager
    def engine_call(self, stage: str) -> Generator[None, None, None]:
        try:
            yield
        except ZeroDivisionError:
            self.lines.append(("failed", stage))
            raise

    def closed(self, code: int) -> None:
        self.lines.append(("closed", code))


def test_each_of_several_observers_gets_every_call() -> None:
    diaries = [Diary(), Diary()]
    observers = Observers(diaries)
    observers.turned_away("full")
    session = observers.opened("s", kind="realtime")
    session.received(1, 2)
    session.sent("event", 3)  # type: ignore[arg-type]
    session.spoke(0.5)
    session.illegal_transition("turn")
    with session.work("response", "r"), pytest.raises(ZeroDivisionError), session.engine_call("respond"):
        raise ZeroDivisionError
    session.closed(1000)
    for diary in diaries:
        assert diary.lines == [
            ("turned away", "full"),
            ("opened", "s", "realtime"),
            ("received", 1, 2),
            ("sent", "event", 3),
            ("spoke", 0.5),
            ("illegal transition", "turn"),
            ("begin", "response", "r"),
            ("failed", "respond"),
            ("end", "response", "r"),
            ("closed", 1000),
        ]


def test_unobserved_work_goes_on_and_its_faults_pass() -> None:
    with UNOBSERVED.work("session", "s"), pytest.raises(ZeroDivisionError), UNOBSERVED.engine_call("respond"):
        raise ZeroDivisionError
