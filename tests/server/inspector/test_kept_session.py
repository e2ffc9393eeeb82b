from __future__ import annotations

from duologue.server import Inspector
from tests.server.inspector._looking import append, begun, created, end


async def test_a_row_says_whose_session_it_is_and_how_it_goes() -> None:
    session = begun(Inspector())
    session.passed(1.24, "received", append())
    assert session.row() == {
        "id": "sess_1",
        "started_at": "2026-03-01T12:00:00.000+00:00",
        "family": "realtime",
        "model": "m",
        "dialect": "openai",
        "subject": None,
        "medium": None,
        "duration_s": 1.2,
        "lines": 2,
        "is_open": True,
        "closed": None,
    }
    end(session)
    row = session.row()
    assert (row["is_open"], row["duration_s"], row["closed"]) == (
        False,
        9.0,
        {"code": 1000, "reason": "bye", "by": "client"},
    )


async def test_a_session_that_is_given_up_keeps_nothing_that_still_comes() -> None:
    session = begun(Inspector())
    session.give_up()
    session.passed(1.0, "sent", created())
    assert session.lines.size_bytes == 0
    assert not session.is_kept
