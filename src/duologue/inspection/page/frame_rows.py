"""The frames of a call as columns, and which frame belongs to which."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from duologue.inspection.page.partners import Partners
from duologue.inspection.reading import ReadEvent
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    ExchangeLine,
    FaultNote,
    Frame,
    LegLine,
    Note,
    NoteLine,
    RecordingLine,
    UnknownLine,
    UnknownNote,
)

__all__ = ["FrameDirection", "FrameRow", "FrameTable"]

FrameDirection: TypeAlias = Literal["s", "r", "n", "c", "o"]
"""Sent or received, as the header's side sees it; a note; a connection that closed, or opened."""

_MAX_TYPES: Final = 1000
"""A server may make up any number of names."""

_OTHER: Final = "(another type)"
_MAX_NAME: Final = 120
_MAX_ID: Final = 80
_MAX_MS: Final = (1 << 32) - 1

_AGREED: Final = frozenset({1000, 1001})
"""Close codes of a normal end: RFC 6455, section 7.4.1."""

_FAILED: Final = 400
"""Statuses of HTTP from here on say that a request was refused."""


class FrameRow(Struct, frozen=True, kw_only=True):
    """One line of a recording."""

    number: int
    at_ms: int
    dir: FrameDirection
    type: str
    bytes: int
    odd: bool
    """Whether it cannot be read, is of an unknown type or shape, an error, a fault or a close that is no agreement."""
    id: str
    """Its `event_id`, if it is not one of many pieces."""
    fold: int
    """The number of the first piece of its run; its own if it is none."""


class FrameTable:
    """Takes the lines of a recording, in order; numbers them from 0."""

    def __init__(self) -> None:
        self._at_ms = array("I")
        self._dirs = bytearray()
        self._names: dict[str, int] = {}
        self._types = array("I")
        self._sizes = array("I")
        self._odd = bytearray()
        self._ids: list[str] = []
        self._folds = array("I")
        self._partners = Partners()
        self._runs: dict[tuple[str, ...], int] = {}
        self._legs: dict[str, int] = {}
        self._wire = {"sent": 0, "sent_bytes": 0, "received": 0, "received_bytes": 0}

    def __len__(self) -> int:
        return len(self._dirs)

    def push(self, line: RecordingLine, read: ReadEvent | None, content: dict[str, Any] | None) -> FrameRow:
        """The row of the next line. `read` is what a frame says, and `content` its JSON object, if it is one."""
        number = len(self)
        direction, name, size = _described(line, read)
        fold = self._folded(number, direction, name, content)
        row = FrameRow(
            number=number,
            at_ms=max(0, min(_MAX_MS, round(_at_s(line) * 1000))),
            dir=direction,
            type=name[:_MAX_NAME],
            bytes=min(size, _MAX_MS),
            odd=_is_odd(line, read),
            id=_id_of(content) if fold == number else "",
            fold=fold,
        )
        if content is not None:
            self._partners.push(number, read.by if read is not None else "server", name, content)
        self._keep(row)
        return row

    def partner(self, number: int) -> int:
        """The frame that belongs to a frame; -1 for none."""
        return self._partners.of(number)

    def wire(self) -> dict[str, int]:
        """Messages and their bytes, each way, as the header's side sees them."""
        return dict(self._wire)

    @property
    def type_count(self) -> int:
        """How many types there are: the length of the column `types`."""
        return len(self._names)

    def columns(self, first: int = 0, *, types_from: int = 0) -> dict[str, Any]:
        """The rows from this one on, as JSON-ready columns, and the names of the types from `types_from` on."""
        return {
            "at_ms": self._at_ms[first:].tolist(),
            "dir": self._dirs[first:].decode(),
            "types": list(islice(self._names, types_from, None)),
            "type": self._types[first:].tolist(),
            "bytes": self._sizes[first:].tolist(),
            "partner": [self._partners.of(number) for number in range(first, len(self))],
            "odd": list(self._odd[first:]),
            "id": self._ids[first:],
            "fold": self._folds[first:].tolist(),
        }

    def _keep(self, row: FrameRow) -> None:
        name = row.type if row.type in self._names or len(self._names) < _MAX_TYPES else _OTHER
        if row.dir in "sr":
            way = "sent" if row.dir == "s" else "received"
            self._wire[way] += 1
            self._wire[f"{way}_bytes"] += row.bytes
        self._at_ms.append(row.at_ms)
        self._dirs += row.dir.encode()
        self._types.append(self._names.setdefault(name, len(self._names)))
        self._sizes.append(row.bytes)
        self._odd.append(row.odd)
        self._ids.append(row.id)
        self._folds.append(row.fold)

    def _folded(self, number: int, direction: str, name: str, content: dict[str, Any] | None) -> int:
        if direction == "n" and name.startswith("leg audio"):
            return self._legs.setdefault(name, number)
        if direction == "n" and name.startswith("leg "):
            self._legs.clear()
        if direction in "no":
            return number  # a note of the player says nothing about the order of messages
        if not (name.endswith((".delta", "audio_buffer.append", "audio.append"))):
            self._runs.clear()
            return number
        about = content or {}
        key = (direction, name, *(str(about.get(each, "")) for each in ("response_id", "item_id", "content_index")))
        return self._runs.setdefault(key, number)


def _at_s(line: RecordingLine) -> float:
    at_s = line.fields.get("at_s") if isinstance(line, UnknownLine) else line.at_s
    return at_s if isinstance(at_s, int | float) else 0.0


def _id_of(content: dict[str, Any] | None) -> str:
    event_id = content.get("event_id") if content is not None else None
    return event_id[:_MAX_ID] if isinstance(event_id, str) else ""


def _described(line: RecordingLine, read: ReadEvent | None) -> tuple[FrameDirection, str, int]:
    match line:
        case Frame(message=message):
            size = len(message) if isinstance(message, bytes) else len(message.encode("utf-8", "surrogatepass"))
            return ("s" if line.direction == "sent" else "r"), read.name if read is not None else "", size
        case ClosedLine(code=code):
            return "c", f"closed {code}", 0
        case ConnectedLine():
            return "o", "connected", 0
        case ExchangeLine(method=method, path=path, status=status):
            return "n", f"{method} {path.partition('?')[0]} {status}", 0
        case LegLine(kind=kind, direction=way, audio=audio):
            return "n", f"leg {kind} {way}", len(audio or b"")
        case NoteLine(note=note):
            return "n", f"note {_kind_of(note)}", 0
        case UnknownLine():
            return "n", "no frame" if "no frame" in line.fields else "(unknown line)", 0


def _kind_of(note: Note | UnknownNote) -> str:
    return str(note.fields.get("kind") if isinstance(note, UnknownNote) else note.__struct_config__.tag)


def _is_odd(line: RecordingLine, read: ReadEvent | None) -> bool:
    match line:
        case Frame():
            return read is None or read.event is None or read.is_unknown or read.name == "error"
        case ClosedLine(code=code):
            return code not in _AGREED
        case ExchangeLine(status=status):
            return status >= _FAILED
        case NoteLine(note=note):
            return isinstance(note, FaultNote)
        case _:
            return False
