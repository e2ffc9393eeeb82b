"""Text to events and back.

Decoding tries one decoder for all known events first; it is written in C and allows no surprise. What it refuses
takes the forgiving path: unknown fields are set aside, unknown variants wrapped, historical spellings read as the
canonical event, and what still does not fit becomes `UnknownRealtimeEvent` with the reason. Only text that is not a
JSON object raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import msgspec

from duologue.codec.aliases import ALIASES, CANONICAL
from duologue.codec.forgiving import read_object
from duologue.codec.jsontext import parse_object, write_text
from duologue.codec.longaudio import LEAST_CHARS, read_long_audio
from duologue.codec.shape import shapes_by_tag
from duologue.codec.writing import NotPlain, refuse, to_plain
from duologue.events import AnyClientEvent, AnyServerEvent, RealtimeEvent, UnknownRealtimeEvent

__all__ = ["ALIASES", "CANONICAL", "DIALECTS", "EVENT_CLASSES", "decode", "encode"]

EVENT_CLASSES: Final[Mapping[str, type[RealtimeEvent]]] = {
    cls.__struct_config__.tag: cls for cls in (*get_args(AnyServerEvent), *get_args(AnyClientEvent))
}
"""Every known event by its canonical wire name."""

DIALECTS: Final = ("openai",)
"""Names that `dialect` accepts."""

_encoder: Final = msgspec.json.Encoder(enc_hook=refuse)


def _first_decode(data: str | bytes) -> RealtimeEvent:
    """Builds the decoder and takes its own place: importing the package stays cheap, and decoding pays no check."""
    global _decode_known
    decoder: msgspec.json.Decoder[RealtimeEvent] = msgspec.json.Decoder(AnyServerEvent | AnyClientEvent)
    _decode_known = decoder.decode
    return _decode_known(data)


_decode_known: Callable[[str | bytes], RealtimeEvent] = _first_decode


def decode(data: str | bytes, *, dialect: str = "openai") -> RealtimeEvent:
    """The event that a text message is.

    An unknown type, or a known one whose fields are missing or ill-typed, becomes `UnknownRealtimeEvent`.

    Raises:
        DecodeError: the message is not a JSON object.
        ValueError: there is no such dialect.
    """
    if dialect not in DIALECTS:
        raise _no_such_dialect(dialect)
    try:
        if len(data) >= LEAST_CHARS:
            text = data if isinstance(data, str) else data.decode("utf-8")
            event = read_long_audio(text, _decode_known)
            if event is not None:
                return event
        return _decode_known(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _read(parse_object(data))


def encode(event: RealtimeEvent, *, dialect: str = "openai") -> bytes:
    """The event as a text message, UTF-8, in the spelling of the dialect.

    Raises:
        ValueError: there is no such dialect.
    """
    if dialect not in DIALECTS:
        raise _no_such_dialect(dialect)
    if isinstance(event, UnknownRealtimeEvent):
        return write_text(event.json)
    try:
        return _encoder.encode(event)
    except (NotPlain, UnicodeError):
        return write_text(to_plain(event))


def _read(fields: dict[str, Any]) -> RealtimeEvent:
    return read_object(fields, shapes_by_tag(EVENT_CLASSES))


def _from_json(data: Mapping[str, Any] | str | bytes) -> RealtimeEvent:
    if isinstance(data, (str, bytes)):
        return decode(data)
    # A copy: the event must not change when the caller's dict does.
    return _read(msgspec.to_builtins(dict(data), str_keys=True))


def _no_such_dialect(dialect: str) -> ValueError:
    return ValueError(f"no dialect {dialect!r}; known: {', '.join(DIALECTS)}")


RealtimeEvent._read_json = staticmethod(_from_json)
RealtimeEvent._write_json = staticmethod(to_plain)
