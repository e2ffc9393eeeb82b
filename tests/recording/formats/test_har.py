"""HAR files: what exporters write differently, and what is refused."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from duologue.errors import RecordingError
from duologue.recording.formats import har
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.har import is_har, read_har

TEXT = '{"type":"response.create"}'


def read(*entries: dict[str, Any], notes: list[str] | None = None) -> list[FoundFrame]:
    data = json.dumps({"log": {"entries": entries}}).encode()
    assert is_har(data)
    return list(read_har(BytesIO(data), "x.har", [] if notes is None else notes))


def socket(*messages: dict[str, Any], url: str = "wss://x/v1/realtime") -> dict[str, Any]:
    return {"request": {"url": url}, "_webSocketMessages": list(messages)}


def test_times_are_in_seconds_whatever_they_were_written_in() -> None:
    messages = ({"type": "send", "time": time, "data": TEXT} for time in (1761991200.5, 1761991200500, "x", None))
    assert [frame.at_s for frame in read(socket(*messages))] == [1761991200.5, 1761991200.5, None, None]


def test_pings_and_closes_are_no_messages_and_binary_ones_are_no_frames() -> None:
    found = read(
        socket(
            *({"type": "receive", "opcode": opcode, "data": ""} for opcode in (8, 9, 10, 0)),
            {"type": "receive", "opcode": 2, "data": "AAEC"},
            {"type": "receive", "opcode": 1, "data": None},
            {"type": "receive", "data": TEXT},
        )
    )
    assert [(frame.number, frame.problem) for frame in found] == [
        (1, "a binary message of 3 bytes, and frames are text"),
        (2, "the file has no content of this message"),
        (3, ""),
    ]


def test_a_connection_is_a_session_by_its_address_or_by_its_events() -> None:
    notes: list[str] = []
    other = {"type": "receive", "data": '{"type":"connected"}'}
    found = read(
        socket(other, url="wss://a/hmr"),
        socket(other, url="wss://b/v1/realtime"),
        socket({"type": "send", "data": TEXT}, url="wss://c/"),
        socket({"type": "send", "data": TEXT}, url="http://[broken"),
        notes=notes,
    )
    assert len(found) == 3
    assert notes == [
        "3 of 4 WebSocket connections are Realtime sessions, and are read: wss://b/v1/realtime (1 messages),"
        " wss://c/ (1 messages), an unknown address (1 messages)"
    ]


@pytest.mark.parametrize("data", [b'{"log":{"entries":[', b'{"log":{"entries":[]}', b'{"log":{"x":' + b"[" * 100_000])
def test_a_file_that_breaks_off_says_so(data: bytes) -> None:
    with pytest.raises(RecordingError, match=r"x\.har is a HAR file that is damaged or breaks off: not a JSON object"):
        list(read_har(BytesIO(data), "x.har", []))


def test_what_the_fast_parser_rejects_is_read_all_the_same() -> None:
    messages = b'[{"type":"send","data":"{\\"type\\":\\"response.create\\",\\"x\\":\\"\\ud83d\\"}"}]'
    data = b'{"log":{"entries":[{"_webSocketMessages":%s}]}}' % messages
    (found,) = read_har(BytesIO(data), "x.har", [])
    assert isinstance(found.text, str)
    assert "\ud83d" in found.text


def test_a_file_is_read_as_a_whole_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har, "_MAX_BYTES", 100)
    with pytest.raises(RecordingError, match=r"x\.har is a HAR file of more than 0 MiB, the most that is read"):
        read(socket({"type": "send", "data": TEXT * 10}))


@pytest.mark.parametrize("head", [b'{"log":{', b' {\n  "log" : {\n', b'\r\n{"log":{"version":"1.2"'])
def test_a_har_is_known_by_its_beginning(head: bytes) -> None:
    assert is_har(head)
    assert not is_har(b'{"type":"log","log":{}}')
