"""Frames as events, of whichever family the session is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from duologue.codec import decode, decode_translation
from duologue.codec.jsontext import parse_object
from duologue.codec.recognition import family_of
from duologue.dialects import DEFAULT_DIALECT, DEFAULT_LIVE_DIALECT, PROFILES
from duologue.errors import DecodeError
from duologue.events.base import UnknownFrame
from duologue.inspection.sequence import AnyFamilyEvent
from duologue.recording import Frame, Header

__all__ = ["FrameReader", "ReadEvent"]


class ReadEvent(Struct, frozen=True):
    """What a frame says."""

    event: AnyFamilyEvent | None
    """Of Realtime, Live or translation. None for a message that is no JSON object."""
    name: str
    """Its type as it is on the wire; "(no type)", and "(unreadable)" without an event."""
    by: Literal["client", "server"]

    @property
    def is_unknown(self) -> bool:
        """Whether it is of an unknown type, or breaks the shape of its type."""
        return isinstance(self.event, UnknownFrame)


class FrameReader:
    """Reads the frames of one recording."""

    def __init__(self, header: Header | None = None, *, dialect: str | None = None) -> None:
        """`dialect` is that of the frames; None: the header's, or else that of the hosted service."""
        self._dialect = dialect or (header.dialect if header is not None else None)
        self.family = header.family if header is not None else None
        """None: the first frame shows it."""
        self._decode: Callable[[str | bytes], AnyFamilyEvent] | None = None
        self._server_is = "received" if header is None or header.side == "client" else "sent"

    def read(self, frame: Frame) -> ReadEvent:
        """The event of a frame."""
        by: Literal["client", "server"] = "server" if frame.direction == self._server_is else "client"
        if self._decode is None:
            self.family = self.family or _family_shown(frame.message)
            self._decode = _decoder(self.family, self._dialect)
        try:
            event = self._decode(frame.message)
        except DecodeError:
            return ReadEvent(None, "(unreadable)", by)
        name = event.wire_type if isinstance(event, UnknownFrame) else getattr(event, "type", None)
        return ReadEvent(event, name or "(no type)", by)


def _decoder(family: str, told: str | None) -> Callable[[str | bytes], AnyFamilyEvent]:
    if family == "translation":
        return decode_translation
    if family == "live":
        # At its first use: the family's classes take time to define, and most calls do without.
        from duologue.codec import decode_live
        from duologue.dialects import LIVE_PROFILES

        live = told if told is not None and told in LIVE_PROFILES else DEFAULT_LIVE_DIALECT
        return lambda message: decode_live(message, dialect=live)
    dialect = told if told is not None and told in PROFILES else DEFAULT_DIALECT
    return lambda message: decode(message, dialect=dialect)


def _family_shown(message: str | bytes) -> str:
    try:
        return family_of([parse_object(message)])
    except DecodeError:
        return "realtime"
