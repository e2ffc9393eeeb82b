from __future__ import annotations

import pytest

from duologue.transports.http_answers import HttpAnswer
from duologue.transports.library.handshake_trace import HandshakeTrace


def trace_of(*pieces: bytes) -> HandshakeTrace:
    """The trace of a connection on which these bytes came."""
    trace = HandshakeTrace()
    trace.begin()
    for piece in pieces:
        trace.take(piece)
    return trace


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (
            b"HTTP/1.0 404 File not found\r\nServer: Simple\r\nX-Two: a:b\r\n\r\nbody",
            HttpAnswer(status=404, headers={"server": "Simple", "x-two": "a:b"}, body=b"body"),
        ),
        (b"HTTP/1.1 401\r\n\r\n", HttpAnswer(status=401, headers={}, body=b"")),
        (
            b"HTTP/2 503 Busy\nRetry-After: 3\n\nx\r\n",
            HttpAnswer(status=503, headers={"retry-after": "3"}, body=b"x\r\n"),
        ),
        (b"HTTP/1.1 401 Unauthorized\r\nServ", HttpAnswer(status=401, headers={"serv": ""}, body=b"")),
        (b"HTTP/1.1 401 Unau", None),
        (b"220 mail.example ESMTP\r\n", None),
        (b"", None),
    ],
)
def test_an_answer_is_read_however_old_or_incomplete_it_is(received: bytes, answer: HttpAnswer | None) -> None:
    assert trace_of(received).answer == answer
    assert trace_of(*(received[at : at + 1] for at in range(len(received)))).answer == answer


def test_it_keeps_no_more_than_the_beginning() -> None:
    assert len(trace_of(b"x" * 10_000, b"x" * 10_000, b"x" * 10_000).received) == 16 * 1024


def test_the_next_connection_begins_anew() -> None:
    trace = trace_of(b"HTTP/1.1 302 Found\r\n\r\n")
    trace.begin()
    assert trace.is_connected
    assert trace.received == b""
    assert trace.answer is None
