"""Objects around frames, as tools and applications write them: with the direction, the time and the frame as fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from duologue.codec.jsontext import parse_object, write_text
from duologue.errors import DecodeError
from duologue.events.base64_text import decode_base64
from duologue.recording.formats.directions import direction_of_prefix, direction_of_word
from duologue.recording.formats.found import FoundFrame, Json
from duologue.recording.formats.timestamps import seconds_of

__all__ = ["binary_problem", "contents"]

_FRAMES: Final = (
    "frame payload payloadData data event message msg body json text content raw raw_data rawData params response"
    " arguments args value log snapshot"
).split()
"""Fields that hold a frame, or an object that does. The first that is there counts."""

_LISTS: Final = (
    "events messages frames _webSocketMessages websocketMessages webSocketMessages items entries log".split()
)
"""Fields that hold a list of them."""

_DIRECTIONS: Final = (
    "direction dir type side from sender source origin role event method name kind op action channel flow"
).split()

_TIMES: Final = (
    "at_s time ts timestamp t at wallTime created_at createdAt date datetime @timestamp elapsed time_ms t_ms ts_ms"
).split()
"""Fields that hold the time. What is in milliseconds without saying so is known by its size, if it is a date."""

_KINDS: Final = frozenset(
    "message websocket websocketmessage websocket_message websocket-frame websocketframe ws ws-frame ws-message frame"
    " event text binary data log console resource-snapshot".split()
)
"""Values of `type` that belong to an envelope, not to an event. Words for a direction do so as well."""

_ALWAYS_FRAMES: Final = frozenset({"frame", "payload", "payloadData"})

"""Texts in these are frames, whatever they are."""
_TEXTS: Final = frozenset({"data", "message", "msg", "body", "text", "raw", "raw_data", "rawData", "content"})
"""Texts in these are frames where the direction or the opcode stands beside them."""

_MESSAGES: Final = "_webSocketMessages"
_HAS_NO_FRAME: Final = frozenset({"method", "startedDateTime"})
"""Fields of DevTools messages and of requests in a HAR. With a direction, or WebSocket messages, they are others."""

_MAY_HAVE_NO_FRAME: Final = frozenset("level levelname severity lvl".split())
"""Fields of log records, most of which are about other things."""

_BINARY_OPCODE: Final = 2
"""Of a WebSocket frame: RFC 6455, section 5.2."""

_MAX_DEPTH: Final = 6
"""Envelopes within envelopes: a log record, a DevTools message, its parameters, its frame."""


def contents(frame: FoundFrame) -> Iterator[FoundFrame]:
    """The frames in an object's text: itself, or those that it is wrapped around; nothing if it is about other things.

    What is known of its direction and time counts where the object does not say it. Of what is wrong there is a frame
    with a problem.
    """
    try:
        content = parse_object(frame.text)
    except DecodeError as fault:
        yield frame._replace(text=b"", problem=str(fault))
        return
    yield from _unwrapped(content, frame, _MAX_DEPTH)


def _unwrapped(content: Json, outer: FoundFrame, depth: int) -> Iterator[FoundFrame]:
    name = content.get("type")
    if name is not None and not _is_envelope_type(name):
        yield outer
        return
    direction = next((d for key in _DIRECTIONS if (d := direction_of_word(content.get(key)))), None)
    outer = outer._replace(direction=direction or outer.direction, at_s=_time(content, outer.at_s))
    if direction is None and not _HAS_NO_FRAME.isdisjoint(content) and _MESSAGES not in content:
        return
    listed = next((key for key in _LISTS if isinstance(content.get(key), list)), None)
    key = listed or next((key for key in _FRAMES if _may_hold(content, key, outer)), None)
    if key is not None and depth:
        yield from _inner(content[key], key, outer, depth - 1, is_binary=content.get("opcode") == _BINARY_OPCODE)
    elif _MAY_HAVE_NO_FRAME.isdisjoint(content):
        yield outer


def _may_hold(content: Json, key: str, outer: FoundFrame) -> bool:
    """Whether a field may hold a frame: a text without a brace does where the fields say so."""
    value = content.get(key)
    if not isinstance(value, str):
        return value is not None
    is_told = outer.direction is not None or "opcode" in content
    return "{" in value or key in _ALWAYS_FRAMES or (key in _TEXTS and is_told)


def _is_envelope_type(name: object) -> bool:
    return isinstance(name, str) and (name.lower() in _KINDS or direction_of_word(name) is not None)


def _time(content: Json, known: float | None) -> float | None:
    for key in _TIMES:
        if (at_s := seconds_of(content.get(key), milliseconds=key.endswith("_ms"))) is not None:
            return at_s
    return known


def _inner(value: Any, key: str, outer: FoundFrame, depth: int, *, is_binary: bool) -> Iterator[FoundFrame]:
    match value:
        case dict():
            yield from _unwrapped(value, outer._replace(text=write_text(value)), depth)
        case str() if is_binary:
            yield outer._replace(text=b"", problem=binary_problem(value))
        case str():
            yield from _inner_text(value, outer, depth)
        case list() if depth:
            for each in value:
                yield from _inner(each, key, outer, depth - 1, is_binary=False)
        case _:
            yield outer._replace(text=b"", problem=f"`{key}` is neither an object nor a text")


def _inner_text(value: str, outer: FoundFrame, depth: int) -> Iterator[FoundFrame]:
    """A frame as text, or a line of a log with one in it."""
    prefix, brace, rest = value.partition("{")
    if not brace:
        yield outer._replace(text=value)  # its reader says what it is not
        return
    if not prefix.strip():
        text = value
    else:
        text = brace + rest
        outer = outer._replace(direction=direction_of_prefix(prefix) or outer.direction)
    try:
        content = parse_object(text)
    except DecodeError:
        yield outer._replace(text=text)
        return
    yield from _unwrapped(content, outer._replace(text=text), depth)


def binary_problem(data: str) -> str:
    """What is wrong with a binary message, whose base64 this is."""
    try:
        size = len(decode_base64(data))
    except ValueError:
        size = len(data)
    return f"a binary message of {size} bytes, and frames are text"
