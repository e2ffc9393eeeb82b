"""Server-sent events and JSON-RPC messages, however they are cut."""

from __future__ import annotations

import pytest

from duologue.server.mcp.errors import McpFault
from duologue.server.mcp.limits import MAX_DEPTH, MAX_EVENTS, MAX_MESSAGE_BYTES
from duologue.server.mcp.messages import EventReader, check_depth, messages_in

STREAM = (
    b'id: 1\r\nevent: message\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: a comment\n\nevent: other\ndata: 2\n\ndata: 3\r\r'
)


@pytest.mark.parametrize("n_bytes", [1, 2, 7, len(STREAM)])
def test_events_are_the_same_in_pieces_of_any_length(n_bytes: int) -> None:
    reader = EventReader()
    pieces = [STREAM[at : at + n_bytes] for at in range(0, len(STREAM), n_bytes)]
    assert [data for piece in pieces for data in reader.feed(piece)] == [b'{"a":\n1}', b"3"]


@pytest.mark.parametrize("stream", [b"data: 1\n\n" * (MAX_EVENTS + 1), b"x" * (MAX_MESSAGE_BYTES + 1)])
def test_more_than_may_be_read_is_a_fault(stream: bytes) -> None:
    with pytest.raises(McpFault):
        list(EventReader().feed(stream))


def test_a_batch_is_its_messages() -> None:
    assert [message.id for message in messages_in(b'[{"id":1,"result":{}},{"id":2,"result":{}}]')] == [1, 2]
    assert [message.method for message in messages_in(b'{"method":"ping","id":1}')] == ["ping"]


def test_json_that_nests_too_deep_is_rejected() -> None:
    value: list[object] = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    check_depth(value)
    with pytest.raises(ValueError, match="deeper"):
        check_depth([value])
