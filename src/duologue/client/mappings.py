"""Mappings in the place of structs: a program may write `{"instructions": "Be brief."}` wherever a struct is taken.

    to_event · to_session · to_response · to_item · to_tool

A struct comes back as it is. A mapping is read as the wire's JSON would be: keys that the class lacks are kept in
`extra` and sent. What does not fit raises at once, and the message begins with the path of the fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, TypeAlias

from duologue.codec import CANONICAL, EVENT_CLASSES
from duologue.codec.problems import read_problem
from duologue.codec.writing import to_plain
from duologue.dialects import PROFILES
from duologue.errors import LocalProtocolError
from duologue.events import (
    UNSET,
    AnySessionConfig,
    ConversationItem,
    ConversationItemCreateEvent,
    Extra,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseCreateParams,
    SessionUpdateEvent,
    Tool,
    UnknownRealtimeEvent,
    UnknownVariant,
    WireObject,
    is_set,
)

__all__ = [
    "EventInput",
    "ItemInput",
    "ResponseInput",
    "SessionInput",
    "plain_copy",
    "sentence_of",
    "to_event",
    "to_item",
    "to_response",
    "to_session",
    "to_tool",
]

EventInput: TypeAlias = RealtimeEvent | Mapping[str, Any]
"""An event, or a mapping with its `type`."""
SessionInput: TypeAlias = AnySessionConfig | Mapping[str, Any]
"""A session's configuration, or a mapping of it."""
ResponseInput: TypeAlias = ResponseCreateEvent | ResponseCreateParams | Mapping[str, Any]
"""A `response.create`, its settings, or a mapping of either."""
ItemInput: TypeAlias = ConversationItem | Mapping[str, Any]
"""An item of the conversation, or a mapping of it."""

_FLAT: Final = PROFILES["openai-beta"]
"""Its sessions are flat and do not say their kind. Settings that are not flat pass through it as they are."""

_WORDS: Final = {"object": "a mapping", "array": "a list", "null": "None"}
"""Types of JSON, as Python names them."""

_EVENT_KEYS: Final = frozenset({"type", "event_id", "response"})
"""Keys of a `response.create`; a mapping with another key holds the settings of a response."""


def to_event(event: EventInput) -> RealtimeEvent:
    """The event that a mapping describes. One of an unknown type is sent as it is.

    A session without a `type` is of type "realtime", and may have the flat form of the beta protocol.

    Raises:
        LocalProtocolError: it has no `type`, or a field that its type does not allow.
        TypeError: it is neither an event nor a mapping.
    """
    if isinstance(event, RealtimeEvent):
        return event
    frame = _mapping(event, "an event")
    name = frame.get("type")
    if not isinstance(name, str):
        raise LocalProtocolError('type: an event needs one, such as "response.create"')
    return _read(frame, known=CANONICAL.get(name, name) in EVENT_CLASSES)


def to_session(session: SessionInput, *, kind: str = "realtime") -> AnySessionConfig:
    """The configuration that a mapping describes; `kind` is its `type` where it has none.

    Raises:
        LocalProtocolError: a setting has a value that it does not allow.
        TypeError: it is neither a configuration nor a mapping.
    """
    if isinstance(session, WireObject):
        return session
    frame = _mapping(session, "a session")
    if "type" not in frame and kind != "realtime":
        frame = {"type": kind, **frame}
    event = _read({"type": "session.update", "session": frame})
    assert isinstance(event, SessionUpdateEvent)
    return event.session


def to_response(response: ResponseInput | None) -> ResponseCreateEvent | None:
    """The `response.create` that settings, or a mapping of them or of the whole event, describe. None stays None.

    Raises:
        LocalProtocolError: it is another event, or a setting has a value that it does not allow.
        TypeError: it is neither a struct of these nor a mapping.
    """
    if response is None or isinstance(response, ResponseCreateEvent):
        return response
    if isinstance(response, ResponseCreateParams):
        return ResponseCreateEvent(response=response)
    frame = _mapping(response, "a response")
    is_event = bool(frame) and frame.keys() <= _EVENT_KEYS
    event = _read({"type": "response.create", **frame} if is_event else {"type": "response.create", "response": frame})
    if not isinstance(event, ResponseCreateEvent):
        raise LocalProtocolError(f'type: "response.create" asks for a response, not "{event.type}"')
    return event


def to_item(item: ItemInput) -> ConversationItem:
    """The item that a mapping describes.

    Raises:
        LocalProtocolError: it has no `type`, or a field that its type does not allow.
        TypeError: it is neither an item nor a mapping.
    """
    if isinstance(item, WireObject):
        return item
    event = _read({"type": "conversation.item.create", "item": _mapping(item, "an item")})
    assert isinstance(event, ConversationItemCreateEvent)
    return event.item


def to_tool(tool: Tool | Mapping[str, Any]) -> Tool:
    """The tool that a mapping describes, as a session's `tools` list it.

    Raises:
        LocalProtocolError: a field has a value that it does not allow.
        TypeError: it is neither a tool nor a mapping.
    """
    if isinstance(tool, WireObject):
        return tool
    session = to_session({"tools": [_mapping(tool, "a tool")]})
    assert isinstance(session, RealtimeSessionConfig)
    assert is_set(session.tools)
    return session.tools[0]


def _read(frame: dict[str, Any], *, known: bool = True) -> RealtimeEvent:
    plain: dict[str, Any] = plain_copy(frame)
    session = plain.get("session")
    if plain["type"] == "session.update" and isinstance(session, dict) and "type" not in session:
        plain = _FLAT.read(plain)
    event = RealtimeEvent.from_json(plain)
    if known and isinstance(event, UnknownRealtimeEvent):
        raise LocalProtocolError(sentence_of(event.problem, plain))
    return event


def sentence_of(problem: str, frame: Any) -> str:
    """What the decoder found wrong, in the words of Python."""
    found = read_problem(problem)
    path = _with_key(found.path, frame) or "the event"
    if found.missing:
        return f"{path}: it is missing"
    expected, got = (
        " or ".join(_WORDS.get(word, word) for word in kinds.split(" | ")) for kinds in (found.expected, found.got)
    )
    return f"{path}: it must be {expected}, not {got}"


def _with_key(path: str, frame: Any) -> str:
    """The path with the key that the decoder leaves out: that of a dict whose values must all be strings."""
    place, dots, rest = path.partition("[...]")
    if not dots:
        return path
    for step in place.split("."):
        frame = frame.get(step) if isinstance(frame, dict) else None
    fields = frame if isinstance(frame, dict) else {}
    return f"{place}.{next((key for key, value in fields.items() if not isinstance(value, str)), '…')}{rest}"


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is a struct of duologue.events or a mapping, not {type(value).__name__}")
    return dict(value)


def plain_copy(value: Any) -> Any:
    """A copy as JSON-ready data; structs may stand anywhere inside a mapping.

    Raises:
        LocalProtocolError: a value is of no type of JSON; the message begins with its path.
    """
    return _plain(value, "")


def _plain(value: Any, path: str) -> Any:
    match value:
        case WireObject() | UnknownVariant() | Extra():
            return to_plain(value)
        case Mapping():
            return _plain_mapping(value, path)
        case list() | tuple():
            return [_plain(element, f"{path}[{index}]") for index, element in enumerate(value)]
        case float() if not isfinite(value):
            raise LocalProtocolError(f"{path}: {value} is not a number of JSON")
        case None | str() | bool() | int() | float():
            return value
        case _:
            raise LocalProtocolError(f"{path}: {type(value).__name__} is not a type of JSON")


def _plain_mapping(fields: Mapping[Any, Any], path: str) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in fields.items():
        if not isinstance(name, str):
            raise LocalProtocolError(f"{path or 'the event'}: a key is a string, not {type(name).__name__}")
        if value is not UNSET:
            plain[name] = _plain(value, f"{path}.{name}" if path else name)
    return plain
