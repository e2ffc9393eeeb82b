"""Logs of the DevTools protocol, and traces."""

from __future__ import annotations

from io import BytesIO

import pytest

from duologue.errors import RecordingError
from duologue.recording.formats.devtools import is_protocol_log, is_trace, read_trace


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (b'{"method":"Network.webSocketFrameSent","params":{}}', True),
        (b'{"id": 1, "method": "Page.enable"}', True),
        (b'{"message":"{\\"method\\":\\"Network.loadingFinished\\"}"}', True),
        (b'{"method":"GET","url":"/"}', False),
        (b'{"type":"response.create"}', False),
    ],
)
def test_messages_of_the_protocol_are_known_by_their_domains(head: bytes, is_one: bool) -> None:
    assert is_protocol_log(head) is is_one


def test_a_trace_is_known_by_its_first_line() -> None:
    assert is_trace(b'{"version":8,"type":"context-options","origin":"library"}\n')
    assert is_trace(b'\n{"type":"resource-snapshot","snapshot":{}}\n')
    assert not is_trace(b'{"type":"response.create"}\n{"type":"before"}\n')


def test_messages_among_the_steps_of_a_test_are_found() -> None:
    trace = b"""
{"version":8,"type":"context-options"}
{"type":"before","callId":"call@2","method":"goto","params":{"url":"https://x"}}
{"type":"event","time":1.5,"class":"WebSocket","method":"frameSent","params":{"opcode":1,"data":"{\\"type\\":\\"a\\"}"}}
{"type":"console","text":"{no frame}"}
{"type":"after","callId":"call@2"}
"""
    (found,) = read_trace(BytesIO(trace), "x.trace")
    assert (found.text, found.direction, found.problem) == ('{"type":"a"}', "sent", "")


def test_a_trace_without_messages_says_what_to_do() -> None:
    with pytest.raises(RecordingError, match="without WebSocket messages: save a HAR file instead"):
        list(read_trace(BytesIO(b'{"type":"context-options"}\n{"type":"object","class":"WebSocket"}\n'), "x.trace"))
