"""The lines of a recording: what each holds, and how it is read and written.

    {"duologue":"recording","version":2,"started_at":"2026-03-01T12:00:00.000+00:00","side":"client",…}
    {"at_s":0.004113,"direction":"received","text":"{\\"type\\":\\"session.created\\",…}"}
    {"at_s":0.060001,"direction":"received","binary":"AAEC"}
    {"at_s":4.2,"note":{"kind":"playback","item_id":"item_1","content_index":0,"heard_ms":1180}}
    {"at_s":9.1,"closed":{"code":1006,"reason":"","by":"network"}}
    {"at_s":9.8,"connected":{"url":"wss://api.example.com/v1/realtime?model=m","model":"m","dialect":"openai"},"connection":2}
    {"at_s":1.2,"leg":{"protocol":"twilio","direction":"sent","kind":"clear","text":"{\\"event\\":\\"clear\\",…}"}}
    {"at_s":0.0,"exchange":{"method":"POST","path":"/v1/realtime/client_secrets","request":{…},"status":200,"answer":{…}}}

The first line is the header. Each other line has the seconds since the start on a monotonic clock, and the number of
its connection unless that is the first. Readers ignore fields that they do not know, and keep lines that they do not
know as `UnknownLine`.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from duologue.events.base64_text import decode_base64

__all__ = [
    "KIND",
    "LATEST_S",
    "VERSION",
    "ClosedBy",
    "ClosedLine",
    "ConnectedLine",
    "Direction",
    "EngineNote",
    "ExchangeLine",
    "FaultNote",
    "Frame",
    "Header",
    "LegKind",
    "LegLine",
    "MarkNote",
    "Note",
    "NoteLine",
    "PlaybackNote",
    "RecordingLine",
    "SessionFamily",
    "Side",
    "Step",
    "ToolNote",
    "UnknownLine",
    "UnknownNote",
    "line_from",
    "line_to_json",
]

VERSION: Final = 2
"""Raised when older readers would misunderstand newer files; a new field is no reason."""

KIND: Final = "recording"

Side: TypeAlias = Literal["client", "server"]
"""Which end of the session recorded it."""
Direction: TypeAlias = Literal["sent", "received"]
"""As the side that recorded it sees it."""
ClosedBy: TypeAlias = Literal["client", "server", "network"]
"""Which side closed first; "network": the connection ended without a close."""
SessionFamily: TypeAlias = Literal["realtime", "live", "translation"]
"""The endpoint: each has events of its own."""
Step: TypeAlias = Literal["begin", "end"]
"""Whether work began or ended."""


class Header(Struct, frozen=True, kw_only=True):
    """The first line. What a recording of version 1 does not say is None."""

    version: int = VERSION
    started_at: str
    """Local time of the start, ISO 8601 with its offset."""
    side: Side
    url: str | None = None
    """Of the first connection, with no more of its query than names models and the like: never a key."""
    model: str | None = None
    dialect: str | None = None
    """None where it was not known before the first message."""
    family: str | None = None
    """A `SessionFamily`, or what a later version knows; None where only the frames show it."""
    subject: str | None = None
    """Whose session it is, as the server that recorded it knows its users."""
    medium: str | None = None
    """`webrtc`, where messages passed over a data channel and sound over a track; None: a WebSocket."""


class Frame(Struct, frozen=True, kw_only=True):
    """One WebSocket message: `str` was a text message, `bytes` a binary one."""

    at_s: float
    """In seconds since the start of the recording."""
    direction: Direction
    """As seen by the header's `side`."""
    message: str | bytes
    connection: int = 1
    """Counted from 1; connections overlap while a conversation goes over from one to the next."""


class ClosedLine(Struct, frozen=True, kw_only=True):
    """A connection is over. Its code is one of RFC 6455, section 7.4.1; 1006: there was no close."""

    at_s: float
    """In seconds since the start of the recording."""
    code: int
    """Of the WebSocket's close."""
    reason: str = ""
    """The peer's words."""
    by: ClosedBy
    """Who closed."""
    connection: int = 1
    """Which connection of the conversation, from 1."""


class ConnectedLine(Struct, frozen=True, kw_only=True):
    """Another connection of the same conversation is open. The header is about the first one."""

    at_s: float
    """In seconds since the start of the recording."""
    url: str | None = None
    model: str | None = None
    dialect: str | None = None
    connection: int = 1
    """Which connection of the conversation, from 1."""


class ExchangeLine(Struct, frozen=True, kw_only=True):
    """A request over HTTP and its answer: for a client secret, or for a WebSocket that was refused."""

    at_s: float
    """In seconds since the start of the recording."""
    method: str
    path: str
    """With what names models and the like of its query."""
    request: Any = None
    """The body: what the JSON is, else the text. None: there was none."""
    asks_for_socket: bool = False
    """Whether it is the handshake of a WebSocket, which the status refuses."""
    status: int
    answer: Any = None
    """The body of the answer, in the same way."""


LegKind: TypeAlias = Literal["started", "audio", "key", "mark", "clear", "flow", "ended", "other"]
"""What a frame of a telephone leg is. A mark that was sent asks for one that is received; `other`: all else."""


class LegLine(Struct, frozen=True, kw_only=True):
    """A frame on the leg of a telephone call, beside the session that the call is joined with."""

    at_s: float
    """In seconds since the start of the recording."""
    protocol: str
    """Of the carrier, such as "twilio"."""
    direction: Direction
    """As the application sees it: what is received comes from the carrier."""
    kind: LegKind
    name: str = ""
    """Of a mark; the key; why the call ended."""
    audio: bytes | None = None
    format: str = ""
    """Of audio: the wire's `format.type`, such as "audio/pcmu"."""
    rate_hz: int = 0
    text: str = ""
    """The frame, where it is text and holds no audio: without telephone numbers."""


class PlaybackNote(Struct, frozen=True, kw_only=True, tag_field="kind", tag="playback"):
    """So much of a part of the model's speech has left the loudspeaker by now, counted from its beginning."""

    item_id: str
    content_index: int = 0
    heard_ms: int
    """In milliseconds."""
    is_over: bool = False
    """Whether no more of it will be heard: it was played to its end, or cut there."""


class ToolNote(Struct, frozen=True, kw_only=True, tag_field="kind", tag="tool"):
    """A function that the model called has begun, or ended."""

    name: str
    call_id: str
    step: Step


class EngineNote(Struct, frozen=True, kw_only=True, tag_field="kind", tag="engine"):
    """An engine of the server has begun a piece of work, or ended it."""

    stage: str
    """Such as "transcribe", "respond" or "synthesize"."""
    step: Step
    id: str | None = None
    """Of the item or response that it works on."""


class FaultNote(Struct, frozen=True, kw_only=True, tag_field="kind", tag="fault"):
    """A fault that was made on purpose."""

    name: str
    detail: str = ""


class MarkNote(Struct, frozen=True, kw_only=True, tag_field="kind", tag="mark"):
    """What the application says about this moment."""

    text: str


class UnknownNote(Struct, frozen=True, kw_only=True):
    """A note of a kind that this version does not know."""

    fields: dict[str, Any]
    """The note, with its `kind`."""


Note: TypeAlias = PlaybackNote | ToolNote | EngineNote | FaultNote | MarkNote
"""What stands in a recording beside messages."""


class NoteLine(Struct, frozen=True, kw_only=True):
    """What no message says, and a reader of the recording wants to know."""

    at_s: float
    """In seconds since the start of the recording."""
    note: Note | UnknownNote
    connection: int = 1
    """Which connection of the conversation, from 1."""


class UnknownLine(Struct, frozen=True, kw_only=True):
    """A line that this version does not know."""

    fields: dict[str, Any]
    """All of it."""


RecordingLine: TypeAlias = Frame | ClosedLine | ConnectedLine | ExchangeLine | LegLine | NoteLine | UnknownLine
"""Every kind of line behind the header."""

_NOTE_KINDS: Final = frozenset({"playback", "tool", "engine", "fault", "mark"})


# --- how they are written ---------------------------------------------------------------------------------------------


LATEST_S: Final = 366 * 86_400.0
"""Times beyond it are damage: no session is that long, and what is laid out by time needs a bound."""

_Seconds = Annotated[float, msgspec.Meta(ge=-LATEST_S, le=LATEST_S)]


class _FrameForm(Struct, kw_only=True):
    at_s: _Seconds
    direction: Direction
    text: str | None = None
    binary: str | None = None
    connection: int = 1


class _Closing(Struct, kw_only=True):
    code: int
    reason: str = ""
    by: ClosedBy


class _ClosedForm(Struct, kw_only=True):
    at_s: _Seconds
    closed: _Closing
    connection: int = 1


class _Opening(Struct, kw_only=True):
    url: str | None = None
    model: str | None = None
    dialect: str | None = None


class _ConnectedForm(Struct, kw_only=True):
    at_s: _Seconds
    connected: _Opening
    connection: int = 1


class _Exchange(Struct, kw_only=True):
    method: str
    path: str
    request: Any = None
    asks_for_socket: bool = False
    status: int
    answer: Any = None


class _ExchangeForm(Struct, kw_only=True):
    at_s: _Seconds
    exchange: _Exchange


class _Leg(Struct, kw_only=True):
    protocol: str
    direction: Direction
    kind: LegKind
    name: str = ""
    audio: bytes | None = None  # base64 in JSON
    format: str = ""
    rate_hz: int = 0
    text: str = ""


class _LegForm(Struct, kw_only=True):
    at_s: _Seconds
    leg: _Leg


class _NoteForm(Struct, kw_only=True):
    at_s: _Seconds
    note: dict[str, Any]
    connection: int = 1


def line_from(fields: dict[str, Any]) -> RecordingLine:
    """The line that a JSON object is.

    Raises:
        ValueError: it has the form of a line, and its content is damaged; `msgspec.ValidationError` is one.
    """
    if "direction" in fields or "text" in fields or "binary" in fields:
        return _frame(msgspec.convert(fields, _FrameForm))
    if "closed" in fields:
        ended = msgspec.convert(fields, _ClosedForm)
        closed = ended.closed
        return ClosedLine(
            at_s=ended.at_s, code=closed.code, reason=closed.reason, by=closed.by, connection=ended.connection
        )
    if "connected" in fields:
        opened = msgspec.convert(fields, _ConnectedForm)
        to = opened.connected
        return ConnectedLine(
            at_s=opened.at_s, url=to.url, model=to.model, dialect=to.dialect, connection=opened.connection
        )
    if "exchange" in fields:
        asked = msgspec.convert(fields, _ExchangeForm)
        return ExchangeLine(at_s=asked.at_s, **msgspec.structs.asdict(asked.exchange))
    if "leg" in fields:
        passed = msgspec.convert(fields, _LegForm)
        return LegLine(at_s=passed.at_s, **msgspec.structs.asdict(passed.leg))
    if "note" in fields:
        noted = msgspec.convert(fields, _NoteForm)
        return NoteLine(at_s=noted.at_s, note=_note(noted.note), connection=noted.connection)
    at_s = fields.get("at_s", 0)
    if not isinstance(at_s, int | float) or abs(at_s) > LATEST_S or not fields.keys() - {"at_s", "connection"}:
        raise ValueError("no message, and nothing else")
    return UnknownLine(fields=fields)


def _frame(read: _FrameForm) -> Frame:
    message: str | bytes
    if read.text is not None:
        message = read.text
    elif read.binary is not None:
        try:
            message = decode_base64(read.binary)
        except ValueError as fault:
            raise ValueError("binary is not base64") from fault
    else:
        raise ValueError("neither text nor binary")
    return Frame(at_s=read.at_s, direction=read.direction, message=message, connection=read.connection)


def _note(fields: dict[str, Any]) -> Note | UnknownNote:
    if fields.get("kind") not in _NOTE_KINDS:
        return UnknownNote(fields=fields)
    note: Note = msgspec.convert(fields, Note)
    return note


def line_to_json(line: RecordingLine) -> dict[str, Any]:
    """The JSON object that a line is written as."""
    number = {} if (connection := getattr(line, "connection", 1)) == 1 else {"connection": connection}
    match line:
        case Frame(at_s=at_s, direction=direction, message=message):
            passed = {"text": message} if isinstance(message, str) else {"binary": base64.b64encode(message).decode()}
            return {"at_s": at_s, "direction": direction, **passed, **number}
        case ClosedLine(at_s=at_s, code=code, reason=reason, by=by):
            return {"at_s": at_s, "closed": {"code": code, "reason": reason, "by": by}, **number}
        case ConnectedLine(at_s=at_s, url=url, model=model, dialect=dialect):
            return {"at_s": at_s, "connected": {"url": url, "model": model, "dialect": dialect}, **number}
        case ExchangeLine(at_s=at_s):
            told = msgspec.structs.asdict(line)
            del told["at_s"]
            return {"at_s": at_s, "exchange": told}
        case LegLine(at_s=at_s):
            leg: dict[str, Any] = msgspec.to_builtins(line)
            del leg["at_s"]
            return {"at_s": at_s, "leg": {name: each for name, each in leg.items() if each not in ("", 0, None)}}
        case NoteLine(at_s=at_s, note=UnknownNote(fields=fields)):
            return {"at_s": at_s, "note": fields, **number}
        case NoteLine(at_s=at_s, note=note):
            content: dict[str, Any] = msgspec.to_builtins(note)
            return {"at_s": at_s, "note": content, **number}
        case UnknownLine(fields=fields):
            return fields
