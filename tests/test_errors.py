"""What exceptions say, and what they carry."""

from __future__ import annotations

import pytest

from duologue.errors import (
    ConnectFailed,
    ConnectionClosed,
    DecodeError,
    DuologueError,
    EngineError,
    MissingExtra,
    RequestRejected,
)
from duologue.events import ErrorEvent, RealtimeError

NO_VOICE = ErrorEvent(event_id="e", error=RealtimeError(type="invalid_request_error", message="No such voice."))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (DecodeError("an array", size_bytes=2), "not a JSON object: an array (message of 2 bytes)"),
        (DecodeError("cut", size_bytes=9, position=3), "not a JSON object: cut at byte 3 (message of 9 bytes)"),
        (ConnectFailed("it is gone", retryable=True, status=503), "it is gone"),
        (ConnectionClosed(1006), "connection closed with code 1006"),
        (ConnectionClosed(1001, "away"), "connection closed with code 1001 (away)"),
        (ConnectionClosed(1001, "away", error=NO_VOICE), "connection closed with code 1001 (away): No such voice."),
        (RequestRejected("rejected"), "rejected"),
        (RequestRejected("No such voice.", error=NO_VOICE), "No such voice."),
        (RequestRejected("rejected", error=NO_VOICE), "rejected: No such voice."),
        (EngineError("it broke", engine="parrot"), "parrot: it broke"),
        (EngineError("it broke", engine="parrot", quote="a key"), "parrot: it broke: a key"),
        (MissingExtra("uvicorn", extra="server"), "uvicorn: not installed; run: pip install 'duologue[server]'"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_message_is_one_sentence(fault: DuologueError, sentence: str) -> None:
    assert str(fault) == sentence


def test_what_a_program_asks_for_is_an_attribute() -> None:
    decode = DecodeError("cut", size_bytes=9, position=3)
    assert (decode.reason, decode.size_bytes, decode.position) == ("cut", 9, 3)
    failed = ConnectFailed("it is gone", retryable=True, status=503)
    assert (failed.retryable, failed.status) == (True, 503)
    closed = ConnectionClosed(1001, "away", error=NO_VOICE)
    assert (closed.code, closed.reason, closed.error) == (1001, "away", NO_VOICE)
    rejected = RequestRejected("rejected", error=NO_VOICE)
    assert (rejected.reason, rejected.error) == ("rejected", NO_VOICE)
    engine = EngineError("it broke", engine="parrot", quote="a key")
    assert (engine.engine, engine.unquoted) == ("parrot", "parrot: it broke")
    assert MissingExtra("uvicorn", extra="server").extra == "server"


def test_a_message_is_cut_where_it_is_longer_than_a_log_line_may_be() -> None:
    assert str(DuologueError("x" * 2000)) == "x" * 2000
    assert len(str(DuologueError("x" * 3000))) < 2100
