"""What a server does otherwise than it was asked to is logged once, whatever it lists."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.client.session_warnings import SessionWarnings
from duologue.events import AnySession, SessionUpdatedEvent


def session(warnings: Any) -> AnySession:
    fields = {"type": "realtime", "id": "s", "object": "realtime.session", "warnings": warnings}
    event = SessionUpdatedEvent.from_json({"type": "session.updated", "event_id": "e", "session": fields})
    assert isinstance(event, SessionUpdatedEvent)
    return event.session


def test_a_warning_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    log = SessionWarnings()
    for _ in range(3):
        log.log(session([{"param": "session.audio.output.voice", "message": "there is no voice 'x'"}]))
    assert [record.message for record in caplog.records] == [
        "the server does not do as asked: session.audio.output.voice: there is no voice 'x'"
    ]


@pytest.mark.parametrize("warnings", [None, 7, "x", {}, [], [7, {}, {"param": 1, "message": "m"}, {"param": "p"}]])
def test_what_is_no_list_of_warnings_is_passed_over(warnings: Any, caplog: pytest.LogCaptureFixture) -> None:
    SessionWarnings().log(session(warnings))
    assert caplog.records == []


def test_a_hostile_list_fills_no_log_and_forges_no_line(caplog: pytest.LogCaptureFixture) -> None:
    log = SessionWarnings()
    for start in range(0, 1_000, 100):
        listed = [{"param": f"p{number}\n", "message": "m\x1b" * 1_000} for number in range(start, start + 100)]
        log.log(session(listed))
    assert len(caplog.records) == 20
    assert all(record.message.isprintable() and len(record.message) < 2_500 for record in caplog.records)
