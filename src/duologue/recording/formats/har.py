"""HAR files: what browsers and proxies save of their network traffic, with WebSocket messages.

[HAR 1.2](http://www.softwareishard.com/blog/har-12-spec/) knows no WebSockets; Chrome began to write them as
`_webSocketMessages`, and others followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import msgspec

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError, RecordingError
from duologue.recording.formats.directions import direction_of_word, is_event_name
from duologue.recording.formats.envelopes import binary_problem
from duologue.recording.formats.found import FoundFrame
from duologue.recording.formats.timestamps import seconds_of

__all__ = ["is_har", "read_har"]

_MAX_BYTES = 1 << 28
"""A HAR is one object, read as a whole; half an hour of speech both ways has this size."""

_LOOKED_AT: Final = 50
"""Messages by which a connection is known to be a Realtime session; its first one tells, mostly."""

_BEGINNING: Final = re.compile(rb'\{\s*"log"\s*:\s*\{')

_TEXT, _BINARY = 1, 2  # opcodes of RFC 6455; others are pings, pongs and closes


class _Message(msgspec.Struct):
    type: str = ""
    time: float | str | None = None
    opcode: int | None = _TEXT
    data: str | None = ""


class _Request(msgspec.Struct):
    url: str = ""


class _Entry(msgspec.Struct):
    request: _Request | None = None
    messages: list[_Message] | None = msgspec.field(name="_webSocketMessages", default=None)


class _Log(msgspec.Struct):
    entries: list[_Entry] = []


class _Har(msgspec.Struct):
    log: _Log


def is_har(head: bytes) -> bool:
    """Whether a file with this beginning is a HAR."""
    return _BEGINNING.match(head.lstrip()) is not None


def read_har(stream: BinaryIO, name: str, notes: list[str]) -> Iterator[FoundFrame]:
    """The messages of its Realtime sessions, one session after another, numbered in their order.

    Which connections these are is added to `notes` where there are several.

    Raises:
        RecordingError: it is damaged or too large, or has no Realtime session.
    """
    sockets = [(_place(entry), entry.messages) for entry in _parsed(stream, name) if entry.messages]
    if not sockets:
        raise RecordingError(
            f"{name} is a HAR file without WebSocket messages: open the browser's DevTools before the session starts"
        )
    sessions = [(place, messages) for place, messages in sockets if _is_session(place, messages)]
    if not sessions:
        places = ", ".join(dict.fromkeys(place for place, _ in sockets))
        raise RecordingError(f"{name} is a HAR file without a Realtime session: its WebSockets go to {places}")
    if len(sockets) > 1:
        notes.append(_note(sessions, len(sockets)))
    number = 0
    for _, messages in sessions:
        for message in messages:
            if message.opcode in {_TEXT, _BINARY, None}:
                number += 1
                yield _frame(number, message)


def _parsed(stream: BinaryIO, name: str) -> list[_Entry]:
    data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise RecordingError(f"{name} is a HAR file of more than {_MAX_BYTES >> 20} MiB, the most that is read")
    try:
        try:
            return msgspec.json.decode(data, type=_Har).log.entries
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeError, RecursionError):  # the standard parser reads more, and says where
            return msgspec.convert(parse_object(data), _Har).log.entries
    except msgspec.ValidationError as fault:
        raise RecordingError(f"{name} is a HAR file of an unknown kind: {fault}") from fault
    except DecodeError as fault:
        raise RecordingError(f"{name} is a HAR file that is damaged or breaks off: {fault}") from fault


def _place(entry: _Entry) -> str:
    """Where a connection goes, without its query, which may hold a key."""
    try:
        url = urlsplit(entry.request.url if entry.request is not None else "")
        return f"{url.scheme}://{url.hostname}{url.path}" if url.hostname else "an unknown address"
    except ValueError:
        return "an unknown address"


def _is_session(place: str, messages: list[_Message]) -> bool:
    return "/realtime" in place or any(_is_event(message) for message in messages[:_LOOKED_AT])


def _is_event(message: _Message) -> bool:
    try:
        return is_event_name(parse_object(message.data or "").get("type"))
    except DecodeError:
        return False


def _note(sessions: list[tuple[str, list[_Message]]], sockets: int) -> str:
    read = ", ".join(f"{place} ({len(messages)} messages)" for place, messages in sessions)
    return f"{len(sessions)} of {sockets} WebSocket connections are Realtime sessions, and are read: {read}"


def _frame(number: int, message: _Message) -> FoundFrame:
    found = FoundFrame(
        number, message.data or "", direction=direction_of_word(message.type), at_s=seconds_of(message.time)
    )
    if message.opcode == _BINARY:
        return found._replace(text=b"", problem=binary_problem(message.data or ""))
    return found if found.text else found._replace(text=b"", problem="the file has no content of this message")
